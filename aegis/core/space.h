/* space.h: an address space: a PML4 frame and a capability table. See space.c. */
#ifndef AEGIS_CORE_SPACE_H
#define AEGIS_CORE_SPACE_H

#include "core/cap.h"

#define SPACE_MAX 512

/*
 * What the last pte_set of a space found it may do: authorised at bind time, so that the next one only compares. Good while epoch is
 * space_epoch. See pte.c.
 */
struct pte_binding {
    aeg_id_t space_id;          /* as the caller named it */
    uint64_t caps;
    uint64_t epoch;
    struct space *target;
    const struct aeg_cap *cap;  /* over node and frames */
    struct aeg_name mask;       /* of its name */
    uint64_t base;              /* first va of the level-1 node in hand; NO_NODE: none. The capability has WRITE over it */
    uint64_t *table;
    struct aeg_frame_info *node;
    uint64_t stop_bits;         /* bits of (entry ^ P) that need a second look */
    uint64_t minus_flags;       /* 2^64 less the bits but the address of a present entry that was allowed */
    uint64_t mark;              /* of a guard that the capability dominates with the rights of that entry; NO_MARK: none (frame.h) */
};

/* Counts every change that can take away what a binding found: a capability or node that goes, a node that changes hands. */
extern uint64_t space_epoch;

struct space {
    aeg_id_t id;                /* 0: the place is free */
    struct aeg_name guard;
    uint32_t account;
    aeg_frame_t pml4;
    bool dying;                 /* destroy has begun: nothing new may be bound */
    uint32_t next_generation;
    struct pte_binding binding; /* of the calls that its envs make */
    uint64_t tlb_generation;    /* counts changes of entries that it alone has (tlb.c) */
    struct aeg_cap cap[AEG_CAP_MAX];    /* rights 0: empty place */
    struct aeg_name mask[AEG_CAP_MAX];  /* name_mask of each, worked out when it came in */
    struct aeg_space_info *info;    /* for ever the same; its `envs` live in it: it cannot go before them */
    uint64_t sweep_rest;        /* dying: a 1 GiB entry, cleared, some of whose frames are still bound; 0: none (pt_sweep) */
};

/* The space of the running env. */
struct space *space_current(void);
aeg_id_t space_current_id(void);
struct space *space_find(aeg_id_t id);
struct space *space_at(uint32_t index);

/* The space behind `id` when capability `cap` of the caller has CONTROL over it and it is not dying. */
aeg_err_t space_control(aeg_id_t id, uint32_t cap, struct space **out) AEG_MUST_USE;

/* Checks capability `index` of a space against a guard: two XORs and a mask. */
static inline aeg_err_t AEG_MUST_USE
space_cap_check(const struct space *s, uint32_t index, struct aeg_name guard, uint32_t rights)
{
    const struct aeg_cap *cap;

    if (index >= AEG_CAP_MAX || s->cap[index].rights == 0)
        return AEG_ERR_CAP_INDEX;
    cap = &s->cap[index];
    return (cap->rights & rights) == rights && name_agrees(guard, cap->name, s->mask[index]) ? AEG_OK : AEG_ERR_CAP_DENIED;
}

aeg_err_t space_add_cap(struct space *s, const struct aeg_cap *cap, uint64_t *index) AEG_MUST_USE;
void space_init(void);
/* A space that the account at an index pays for, other than the running one, or NULL. */
struct space *space_paid(uint32_t account);
/* A step of taking a space apart in which nobody runs: its envs, queues and rings first. True: it is gone. */
bool space_destroy_step(struct space *s);
/* For bring-up: a space around a cleared node frame, with no caller. */
struct space *space_make(aeg_frame_t pml4, struct aeg_name guard, uint32_t account);

#endif
