/*
 * cap.c: principal names and the capabilities that dominate them.
 *
 * Holds:    the rules of forging, granting and revoking; the tables themselves lie in the spaces.
 * Locks:    none: who changes a table is alone in the kernel (turn.c), so that everybody else may read it.
 * Not here: who may log in as whom. That is the library's business.
 */
#include "core/cap.h"
#include "core/account.h"
#include "core/space.h"
#include "core/trace.h"
#include "dev/dev.h"

/* Fresh components are given out once: 15 bits of counter in each of as many components as it takes. */
uint64_t cap_fresh_counter = 1;
#define FRESH_BITS 15
#define FRESH_COMPONENTS 3      /* 45 bits: a name a microsecond for a year */

bool
cap_dominates(const struct aeg_cap *cap, struct aeg_name guard, uint32_t rights)
{
    return cap_allows(cap, guard, rights);
}

aeg_err_t
cap_check(uint32_t index, struct aeg_name guard, uint32_t rights)
{
    return space_cap_check(space_current(), index, guard, rights);
}

aeg_err_t
cap_copy(uint32_t index, struct aeg_cap *cap)
{
    const struct space *s = space_current();

    if (index >= AEG_CAP_MAX || s->cap[index].rights == 0)
        return AEG_ERR_CAP_INDEX;
    *cap = s->cap[index];
    return AEG_OK;
}

static void
name_append(struct aeg_cap *cap, uint16_t component)
{
    uint64_t *word = cap->length < 4 ? &cap->name.hi : &cap->name.lo;

    *word |= (uint64_t)component << (48 - 16 * (cap->length & 3));
    cap->length++;
}

/* Fresh: names nothing yet, so the new capability may have all rights whatever its parent has. */
static aeg_err_t
forge_fresh(struct aeg_cap *cap)
{
    uint64_t counter = cap_fresh_counter;

    if (cap->length + FRESH_COMPONENTS > AEG_NAME_COMPONENTS)
        return AEG_ERR_CAP_NAME;
    if (counter >> (FRESH_BITS * FRESH_COMPONENTS))
        return AEG_ERR_NOMEM;
    cap_fresh_counter++;
    for (int i = FRESH_COMPONENTS - 1; i >= 0; i--)
        name_append(cap, AEG_COMPONENT_FRESH | (counter >> (FRESH_BITS * i) & 0x7fff));
    return AEG_OK;
}

aeg_err_t
sys_cap_forge(struct sys_args *args)
{
    uint64_t component = args->a[1], rights = args->a[2];
    struct aeg_cap cap;
    aeg_err_t err = cap_copy(args->a[0], &cap);

    if (err != AEG_OK)
        return err;
    if (!(cap.rights & AEG_RIGHT_FORGE))
        return AEG_ERR_CAP_DENIED;
    if (rights == 0 || (rights & ~(uint64_t)AEG_RIGHT_ALL))
        return AEG_ERR_RIGHTS;
    if (component == 0) {
        err = forge_fresh(&cap);
        if (err != AEG_OK)
            return err;
    } else {
        if (component >= AEG_COMPONENT_FRESH || cap.length == AEG_NAME_COMPONENTS)
            return AEG_ERR_CAP_NAME;
        if (rights & ~(uint64_t)cap.rights)
            return AEG_ERR_RIGHTS;
        name_append(&cap, component);
    }
    cap.rights = rights;
    return space_add_cap(space_current(), &cap, &args->value);
}

aeg_err_t
sys_cap_drop(struct sys_args *args)
{
    struct space *s = space_current();

    if (args->a[0] >= AEG_CAP_MAX || s->cap[args->a[0]].rights == 0)
        return AEG_ERR_CAP_INDEX;
    s->cap[args->a[0]] = (struct aeg_cap){ 0 };
    space_epoch++;
    return AEG_OK;
}

aeg_err_t
sys_cap_grant(struct sys_args *args)
{
    struct aeg_cap cap;
    struct space *to;
    aeg_err_t err = cap_copy(args->a[0], &cap);

    if (err == AEG_OK)
        err = space_control(args->a[1], args->a[2], &to);
    if (err != AEG_OK)
        return err;
    if (!(cap.rights & AEG_RIGHT_GRANT))
        return AEG_ERR_CAP_DENIED;
    if (args->a[3] == 0 || (args->a[3] & ~(uint64_t)cap.rights))
        return AEG_ERR_RIGHTS;
    cap.rights = args->a[3];
    return space_add_cap(to, &cap, &args->value);
}

/* Every table is looked at in one call: SPACE_MAX * AEG_CAP_MAX compares, the bound that makes it one step. */
aeg_err_t
sys_cap_revoke(struct sys_args *args)
{
    struct space *self = space_current();
    struct aeg_cap cap;
    aeg_err_t err = cap_copy(args->a[0], &cap);

    if (err != AEG_OK)
        return err;
    if (!(cap.rights & AEG_RIGHT_CONTROL))
        return AEG_ERR_CAP_DENIED;
    space_epoch++;
    for (uint32_t i = 0; i < SPACE_MAX; i++) {
        struct space *s = space_at(i);
        for (uint32_t c = 0; s->id != 0 && c < AEG_CAP_MAX; c++) {
            struct aeg_cap *other = &s->cap[c];
            if (other->rights == 0 || (s == self && c == args->a[0]))
                continue;
            if (other->length >= cap.length && name_has_prefix(other->name, cap.name, cap.length))
                *other = (struct aeg_cap){ 0 };
        }
    }
    blockq_revoke(&cap, self->id);
    ring_revoke(&cap, self->id);
    trace(AEG_TRACE_REVOKE, cap.name.hi, cap.length);
    return AEG_OK;
}

aeg_err_t
sys_cap_list(struct sys_args *args)
{
    uint64_t count = args->a[1];

    if (count > AEG_CAP_MAX)
        return AEG_ERR_VECTOR;
    if (!copy_out((struct uaddr){ args->a[0] }, space_current()->cap, count * sizeof(struct aeg_cap)))
        return AEG_ERR_BAD_ADDRESS;
    return AEG_OK;
}
