/*
 * guard.c: giving spaces, envs and accounts another guard.
 *
 * Not here: frames (frame.c), slots, whose guards lie on the disk (dev/slot_op.c), gates (pct.c). Queues and rings keep the name they were
 * made with: it is also what their requests are checked by.
 */
#include "core/account.h"
#include "core/cap.h"
#include "core/env.h"
#include "core/space.h"

static aeg_err_t
guard_space(aeg_id_t id, uint32_t cap, struct aeg_name name)
{
    struct space *s;
    aeg_err_t err = space_control(id, cap, &s);

    if (err != AEG_OK)
        return err;
    s->guard = s->info->guard = name;
    space_epoch++;              /* who was approved to change its tables is to be asked again (pte.c) */
    return AEG_OK;
}

static aeg_err_t
guard_env(aeg_id_t id, uint32_t cap, struct aeg_name name)
{
    struct env *e;
    aeg_err_t err = env_check(id, cap, AEG_RIGHT_CONTROL, &e);

    if (err != AEG_OK)
        return err;
    if (e->gate_guard.hi == e->guard.hi && e->gate_guard.lo == e->guard.lo)
        e->gate_guard = name;   /* a gate that was given no name of its own goes along */
    e->guard = e->info->guard = name;
    return AEG_OK;
}

static aeg_err_t
guard_account(aeg_id_t id, uint32_t cap, struct aeg_name name)
{
    struct aeg_account_info *a = account_find(id);
    aeg_err_t err;

    if (!a)
        return AEG_ERR_ACCOUNT;
    err = cap_check(cap, a->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_OK)
        a->guard = name;
    return err;
}

aeg_err_t
sys_guard_set(struct sys_args *args)
{
    uint32_t cap = args->a[2] & 0xffff, guard_cap = args->a[2] >> 16 & 0xffff;
    struct aeg_cap guard;
    aeg_err_t err = cap_copy(guard_cap, &guard);

    if (err != AEG_OK)
        return err;
    switch (args->a[0]) {
    case AEG_KIND_SPACE:
        return guard_space(args->a[1], cap, guard.name);
    case AEG_KIND_ENV:
        return guard_env(args->a[1], cap, guard.name);
    case AEG_KIND_ACCOUNT:
        return guard_account(args->a[1], cap, guard.name);
    default:
        return AEG_ERR_ARGUMENT;
    }
}
