/* revoke.c: the examples about frames that are asked back. */
#include <aegis/uenv.h>

#include "example.h"

static struct aeg_repossession *vector;

/* example: revoke_bind */
/* We answer for the account; what it loses is noted in a page that we can read. */
static void
answer_for(aeg_id_t account)
{
    aeg_frame_t frame = take_frame();

    must(aeg_revoke_bind(account, AEG_CAPS(CAP_SELF, CAP_SELF), self.env, frame), "revoke_bind");
    add_nodes(self.space, EXAMPLE_VA);
    set_entry(self.space, EXAMPLE_VA, frame << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX);
    vector = (struct aeg_repossession *)EXAMPLE_VA;
}
/* end */

/* example: revocation */
/* Gives what is asked from a list of frames that can be spared; returns how many are left in the list. */
static uint64_t
give_what_is_asked(aeg_id_t account, uint64_t *spare, uint64_t count)
{
    const volatile struct aeg_account_info *a = aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(account));
    uint64_t give = a->asked < count ? a->asked : count, done;

    if (give > 0)
        must(aeg_frame_free(CAP_SELF, spare + count - give, give, &done), "frame_free");
    return count - give;
}

/* Frames that were taken since we looked last; entry i of the vector is overwritten when 504 more are gone. */
static uint64_t
losses(void)
{
    static uint64_t seen;
    uint64_t lost = vector->taken - seen;

    seen = vector->taken;
    return lost;
}
/* end */

int
main(void)
{
    struct aeg_limits limits = { .limit = { [AEG_KIND_FRAME] = 4 } };
    uint64_t spare[2];
    aeg_id_t account;
    aeg_err_t err;

    find_self();
    must(aeg_account_create(self.account, CAP_SELF, CAP_SELF, &limits, &account), "account_create");
    answer_for(account);
    spare[0] = take_frame();
    spare[1] = take_frame();
    expect(give_what_is_asked(account, spare, 2) == 2, "nobody presses, so nothing is asked");
    expect(losses() == 0, "and nothing is lost");
    for (unsigned i = 0; i < 2; i++)
        give_frame(spare[i]);
    must(aeg_revoke_bind(account, AEG_CAPS(CAP_SELF, CAP_SELF), 0, 0), "revoke_bind");
    give_frame((set_entry(self.space, EXAMPLE_VA, 0) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT);
    remove_nodes(self.space, EXAMPLE_VA);
    do
        err = aeg_account_end(account, CAP_SELF);
    while (err == AEG_ERR_AGAIN);
    must(err, "account_end");
    return 0;
}
