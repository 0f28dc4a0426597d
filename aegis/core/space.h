/* space.h: an address space: a PML4 frame and a capability table. See space.c. */
#ifndef AEGIS_CORE_SPACE_H
#define AEGIS_CORE_SPACE_H

#include "core/cap.h"

#define SPACE_MAX 512

struct space {
    aeg_id_t id;                /* 0: the place is free */
    struct aeg_name guard;
    uint32_t account;
    uint32_t env_count;         /* envs that live in it: it cannot go before them */
    aeg_frame_t pml4;
    bool dying;                 /* destroy has begun: nothing new may be bound */
    uint32_t next_generation;
    struct aeg_cap cap[AEG_CAP_MAX];    /* rights 0: empty place */
    struct aeg_name mask[AEG_CAP_MAX];  /* name_mask of each, worked out when it came in */
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
/* For bring-up: a space around a cleared node frame, with no caller. */
struct space *space_make(aeg_frame_t pml4, struct aeg_name guard, uint32_t account);

#endif
