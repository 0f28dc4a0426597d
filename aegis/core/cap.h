/* cap.h: names, capabilities and dominance. See cap.c. */
#ifndef AEGIS_CORE_CAP_H
#define AEGIS_CORE_CAP_H

#include "core/kernel.h"

/* True when the first `length` components of the two names agree. */
static inline bool
name_has_prefix(struct aeg_name guard, struct aeg_name name, uint32_t length)
{
    uint64_t hi_mask = length >= 4 ? ~0ull : ~(~0ull >> (16 * length));
    uint64_t lo_mask = length <= 4 ? 0 : length >= 8 ? ~0ull : ~(~0ull >> (16 * (length - 4)));

    return (((guard.hi ^ name.hi) & hi_mask) | ((guard.lo ^ name.lo) & lo_mask)) == 0;
}

/* A capability's name with its masks worked out, for loops over many guards. */
struct cap_mask {
    struct aeg_name name, mask;
};

static inline struct cap_mask
cap_mask(const struct aeg_cap *cap)
{
    uint32_t length = cap->length;

    return (struct cap_mask){
        .name = cap->name,
        .mask.hi = length >= 4 ? ~0ull : ~(~0ull >> (16 * length)),
        .mask.lo = length <= 4 ? 0 : length >= 8 ? ~0ull : ~(~0ull >> (16 * (length - 4))),
    };
}

static inline bool
cap_mask_allows(const struct cap_mask *m, struct aeg_name guard)
{
    return (((guard.hi ^ m->name.hi) & m->mask.hi) | ((guard.lo ^ m->name.lo) & m->mask.lo)) == 0;
}

static inline bool
cap_allows(const struct aeg_cap *cap, struct aeg_name guard, uint32_t rights)
{
    return (cap->rights & rights) == rights && name_has_prefix(guard, cap->name, cap->length);
}

#endif
