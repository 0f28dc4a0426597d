/*
 * account_end.c: the end of an account: what it pays for goes, in bounded steps.
 *
 * Holds:    nothing but how far a sweep has come. An account that ends has no guarantee and no limit, nor has any below it, so that nothing
 *           is added while they are swept, deepest first. Envs, spaces, queues, rings with their filters, and frames are taken apart; what
 *           outlasts the account is its parent's from then on: slots, for they are data, frames that others have bound, and what a device
 *           is still at work on.
 * Locks:    none of its own: alone in the kernel (turn.c).
 * Not here: who pays for what (account.c).
 */
#include "core/account.h"
#include "core/env.h"
#include "core/frame.h"
#include "core/revoke.h"
#include "dev/dev.h"

static aeg_frame_t swept[ACCOUNT_MAX];      /* frames that the sweep of an account has looked at */

static bool
account_within(const struct aeg_account_info *account, const struct aeg_account_info *top)
{
    while (account && account != top)
        account = account->parent ? account_find(account->parent) : NULL;
    return account != NULL;
}

/* No more is to be had below `top`; the deepest account there. */
static struct aeg_account_info *
close_all(struct aeg_account_info *top)
{
    struct aeg_account_info *deepest = top;

    for (uint32_t i = 0; i < ACCOUNT_MAX; i++) {
        struct aeg_account_info *a = account_at(i);

        if (a->id == 0 || !account_within(a, top))
            continue;
        account_close(a);
        if (account_within(a, deepest))
            deepest = a;
    }
    return deepest;
}

/* A step of taking apart what the account itself pays for. True: nothing is left. */
static bool
end_step(struct aeg_account_info *account)
{
    uint32_t index = AEG_ID_INDEX(account->id);

    if (account->used[AEG_KIND_ENV] != 0)
        env_destroy_paid(index);
    if (account->used[AEG_KIND_SPACE] != 0) {
        (void)space_destroy_step(space_paid(index));
        return false;
    }
    if (account->used[AEG_KIND_QUEUE] != 0) {
        blockq_release_account(account->id);
        if (!ring_release_account(account->id))
            return false;
    }
    if (account->used[AEG_KIND_SLOT] != 0)
        slot_release_account(account->id);
    if (!repossess_settle())
        return false;
    return account->used[AEG_KIND_FRAME] == 0 || frame_release_account(index, &swept[index]);
}

aeg_err_t
sys_account_end(struct sys_args *args)
{
    struct aeg_account_info *account = account_find(args->a[0]), *deepest;
    const struct env *self = this_cpu()->env;
    aeg_err_t err;

    if (!account || account->parent == 0)
        return AEG_ERR_ACCOUNT;
    err = cap_check(args->a[1], account->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_ERR_CAP_DENIED)
        err = cap_check(args->a[1], account_find(account->parent)->guard, AEG_RIGHT_CONTROL);
    if (err != AEG_OK)
        return err;
    if (account_within(account_at(self->account), account) || account_within(account_at(self->space->account), account))
        return AEG_ERR_NOT_READY;
    deepest = close_all(account);
    if (!end_step(deepest))
        return AEG_ERR_AGAIN;
    swept[AEG_ID_INDEX(deepest->id)] = 0;
    revoke_forget(AEG_ID_INDEX(deepest->id));
    account_remove(deepest);
    return deepest == account ? AEG_OK : AEG_ERR_AGAIN;
}
