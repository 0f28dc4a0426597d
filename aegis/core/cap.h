/* cap.h: names, capabilities and dominance. See cap.c. */
#ifndef AEGIS_CORE_CAP_H
#define AEGIS_CORE_CAP_H

#include "core/kernel.h"

extern uint64_t cap_fresh_counter;      /* the next fresh name; never goes back */

/* The bits of a name that its first `length` components take. */
static inline struct aeg_name
name_mask(uint32_t length)
{
    return (struct aeg_name){
        .hi = length >= 4 ? ~0ull : ~(~0ull >> (16 * length)),
        .lo = length <= 4 ? 0 : length >= 8 ? ~0ull : ~(~0ull >> (16 * (length - 4))),
    };
}

/* Do the two names agree where the mask is set? */
static inline bool
name_agrees(struct aeg_name guard, struct aeg_name name, struct aeg_name mask)
{
    return (((guard.hi ^ name.hi) & mask.hi) | ((guard.lo ^ name.lo) & mask.lo)) == 0;
}

/* True when the first `length` components of the two names agree. */
static inline bool
name_has_prefix(struct aeg_name guard, struct aeg_name name, uint32_t length)
{
    return name_agrees(guard, name, name_mask(length));
}

static inline bool
cap_allows(const struct aeg_cap *cap, struct aeg_name guard, uint32_t rights)
{
    return (cap->rights & rights) == rights && name_has_prefix(guard, cap->name, cap->length);
}

#endif
