/* pte.h: leaf page-table entries. See pte.c, pte_fast.c, pte_large.c and pte_copy.c. */
#ifndef AEGIS_CORE_PTE_H
#define AEGIS_CORE_PTE_H

#include "core/frame.h"
#include "core/pt.h"

#define FRAMES_PER_2M 512
#define PTE_LARGE_MAX 4         /* 2 MiB entries that one call sets: the rest is for the next */
#define NODE_BYTES (1ull << 21)     /* what a level-1 node covers */
#define NO_NODE 1ull                /* a base that no page-aligned va has an index from */

/* Starts a binding: no node in hand. `cap` is alive, and its space has been checked. */
void pte_bind(struct pte_binding *b, struct space *target, const struct aeg_cap *cap);
/* Takes the level-1 node for va in hand: it exists and the capability has WRITE over it. */
aeg_err_t pte_bind_node(struct pte_binding *b, uint64_t va) AEG_MUST_USE;

/* Binds the two objects that pte_set names by its first arguments. */
aeg_err_t pte_bind_call(struct pte_binding *b, struct space *self, aeg_id_t id, uint64_t caps) AEG_MUST_USE;
/*
 * Says why pte_fast.c would not take the entry at `at` (in the user half), or brings the binding closer to it: PTE_PREPARE_MAX times are
 * enough. *done: it was set here.
 */
#define PTE_PREPARE_MAX 2
aeg_err_t pte_prepare(struct pte_binding *b, uint64_t at, bool *done) AEG_MUST_USE;

/* What is wrong with an entry of a vector in itself: address, size, bits. */
aeg_err_t pte_op_check(const struct aeg_pte_op *op) AEG_MUST_USE;

/* ---- pte_many.c ---- */

/* pte_set where several CPUs run envs, beside others. */
aeg_err_t pte_set_many(struct sys_args *args) AEG_MUST_USE;
/* pte_fast.c: the rest of the vector, alone. */
aeg_err_t pte_set_alone(struct sys_args *args) AEG_MUST_USE;

/* ---- pte_large.c ---- */

/* Is there an entry of this size? */
bool pte_size_valid(unsigned level);
/* A large entry that `op` describes; what stood there goes to the entry of the vector at `at`. */
aeg_err_t pte_set_large(struct pte_binding *b, const struct aeg_pte_op *op, struct uaddr at) AEG_MUST_USE;
/* Hangs `node`, empty and of `level`, where a large entry for va stands: it is full of entries that say the same. */
void pte_split(struct space *s, uint64_t va, uint64_t *entry, aeg_frame_t node, unsigned level, uint64_t bits);
/*
 * Drops the references of a leaf that no CPU can use any more as far as the budget of frames goes; true: all of them. Otherwise the entry's
 * address has moved on to what is left: of 1 GiB, for the smaller ones go whole or not at all. It is in no table then.
 */
bool pte_sweep(uint64_t *entry, unsigned level, uint32_t *budget);

/* Frames of a leaf. */
static inline uint64_t
pte_frames(unsigned level)
{
    return 1ull << 9 * (level - 1);
}

static inline uint32_t
rights_asked(uint64_t pte)
{
    return pte & AEG_PTE_W ? AEG_RIGHT_READ | AEG_RIGHT_WRITE : AEG_RIGHT_READ;
}

/* What an entry of this level held is no longer bound. Its translation has been flushed everywhere. */
void pte_unref(uint64_t entry, unsigned level);

/* The index of va in the node in hand; PT_ENTRIES or more when va is another node's, or not aligned. */
static inline uint64_t
pte_index(const struct pte_binding *b, uint64_t va)
{
    uint64_t offset = va - b->base;

    return offset >> FRAME_SHIFT | offset << (64 - FRAME_SHIFT);
}

/* The frame of an entry whose bits are those of the last present one that was allowed; frame_count or more when they are not. */
static inline uint64_t
pte_frame_like(const struct pte_binding *b, uint64_t pte)
{
    uint64_t rest = pte + b->minus_flags;

    return rest >> FRAME_SHIFT | rest << (64 - FRAME_SHIFT);
}

static inline aeg_frame_t
pte_frame(uint64_t pte)
{
    return pte << 12 >> 24;
}

#endif
