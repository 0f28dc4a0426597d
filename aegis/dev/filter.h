/*
 * filter.h: the filter table, as the files of filters share it.
 *
 * Filters that differ only in the values of their atoms have one *shape*; all filters of a shape are found by one probe of a hash table.
 * A *share* is what one owner and one account have in a shape. Everything here is called with filter_lock held.
 */
#ifndef AEGIS_DEV_FILTER_H
#define AEGIS_DEV_FILTER_H

#include "dev/net.h"

#define NO_FILTER 0xffffffffu

struct filter_link {
    uint32_t next, prev;
};
enum filter_list { OF_SHARE, OF_RING, FILTER_LISTS };

/* What only the kernel knows of a filter; id, ring and owner are in the exposed table, at the same index. */
struct filter {
    uint64_t value[AEG_FILTER_TERMS];   /* of its terms */
    uint64_t sequence;                  /* older is smaller */
    uint32_t generation;                /* of the id given out last */
    uint32_t hash;                      /* of its key */
    uint32_t next;                      /* in its bucket; of a free place: the next free one */
    uint32_t share;
    struct filter_link link[FILTER_LISTS];
};

/* first_share NO_FILTER: the place is free. */
struct filter_shape {
    uint32_t first_share;
    uint32_t bits;                      /* of its masks: how specific it is */
    struct aeg_filter f;                /* the values of atoms are 0; of the flags only EGRESS */
};

/* All its filters have these values in the bits that `agreed` has. Its account pays AEG_FILTER_SHAPE_COST as long as it has a filter. */
struct filter_share {
    struct aeg_name owner;
    aeg_id_t account;
    uint32_t flags;                     /* of its filters */
    uint32_t nic, shape;
    uint32_t next;                      /* of the shape, or the next free one */
    uint32_t first;                     /* filter */
    uint64_t value[AEG_FILTER_TERMS], agreed[AEG_FILTER_TERMS];
};

extern struct filter *filter_table;
extern struct aeg_filter_info *filter_exposed;
extern struct filter_share *filter_shares;
extern struct filter_shape filter_shapes[NIC_MAX][SHAPE_MAX];
extern uint32_t filter_shapes_end[NIC_MAX];     /* from here on all places are free */

/* What is looked for in the hash table: filters of this shape with these values. */
struct filter_key {
    uint32_t nic, shape;
    const uint64_t *value;
    uint32_t count;                     /* of values: the shape's terms */
    uint32_t hash;
};

/* Where one filter's bits stand against another shape's: values v of the shape conflict iff (v[atom] >> shift ^ want) & mask. */
struct filter_pair {
    uint32_t atom, shift;
    uint64_t mask, want;
};
#define FILTER_PAIRS (2 * AEG_FILTER_TERMS)

/* A filter about to be bound. */
struct filter_claim {
    struct aeg_filter f;
    uint64_t value[AEG_FILTER_TERMS];
    aeg_id_t ring;
    struct ring_identity who;
    uint32_t shape_at, share;           /* where they are; SHAPE_MAX, NO_FILTER: nowhere yet */
};

/* ---- filter_table.c ---- */
struct filter_key filter_key(uint32_t nic, uint32_t shape, const uint64_t *value, uint32_t count);
/* The filters with this key, one after the other: from NO_FILTER to NO_FILTER. */
uint32_t filter_next(const struct filter_key *k, uint32_t after);
bool filter_names_equal(struct aeg_name a, struct aeg_name b);
/* Finds out where shape and share of a claim are. */
void filter_place(struct filter_claim *c);
/* Is there room for the claim's filter, share and shape? */
bool filter_room(const struct filter_claim *c);
/* What its account pays for it. */
uint32_t filter_price(const struct filter_claim *c);
/* Nothing in it may fail: after filter_place, filter_room and the charge. The filter's index. */
uint32_t filter_insert(const struct filter_claim *c);
/* And gives back what it cost. */
void filter_remove(uint32_t index);
/* One of a filter's lists, whose first is at `first`. */
void filter_link(enum filter_list list, uint32_t *first, uint32_t index);
void filter_unlink(enum filter_list list, uint32_t *first, uint32_t index);

/* ---- filter_overlap.c ---- */
/* AEG_ERR_FILTER_OVERLAP: a packet could match this claim and what is bound for another owner, or it is bound already. */
aeg_err_t filter_overlap(const struct filter_claim *c) AEG_MUST_USE;

/* ---- filter_check.c ---- */
/* The bits of f and of filters of `shape` that stand at the same place. How many pairs: at most FILTER_PAIRS. */
uint32_t filter_pairs(const struct aeg_filter *f, const struct aeg_filter *shape, struct filter_pair *pair);
/* Do two filters differ in the values of their atoms, and in whether they are GROUP, at most? */
bool filter_same_shape(const struct aeg_filter *a, const struct aeg_filter *b);
/* Does f demand every bit that filters of `shape` look at? Then value[] is what such a filter must have to match what f matches. */
bool filter_project(const struct aeg_filter *f, const struct aeg_filter *shape, uint64_t *value);

#endif
