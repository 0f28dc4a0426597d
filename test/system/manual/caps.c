/* caps.c: names, capabilities and accounts. */
#include <aegis/sys.h>

#include "example.h"

/* example: cap_list */
static struct aeg_cap
look_up(uint64_t index)
{
    struct aeg_cap list[AEG_CAP_MAX];

    must(aeg_cap_list(list, AEG_CAP_MAX), "cap_list");
    return list[index];
}
/* end */

/* example: cap_forge */
/* A principal nobody has ever been, and below it a name of our choice that may only be read. */
static void
forge(uint64_t *principal, uint64_t *reader)
{
    must(aeg_cap_forge(CAP_SELF, 0, AEG_RIGHT_ALL, principal), "a fresh name");
    must(aeg_cap_forge((uint32_t)*principal, 7, AEG_RIGHT_READ, reader), "a chosen name");
}
/* end */

/* example: cap_drop */
static void
forget(uint64_t index)
{
    must(aeg_cap_drop((uint32_t)index), "cap_drop");
    expect(aeg_cap_drop((uint32_t)index) == AEG_ERR_CAP_INDEX, "what was dropped is not there");
}
/* end */

/* example: guard_set */
/* From now on the account is whose the principal is, and of those whose names lie above it. */
static void
hand_account_over(aeg_id_t account, uint32_t principal)
{
    must(aeg_guard_set(AEG_KIND_ACCOUNT, account, AEG_CAPS(CAP_SELF, principal)), "guard_set");
}
/* end */

/* example: cap_revoke */
/* Takes a name back from all who hold it or something below it, in every table. Our own entry stays. */
static void
take_back(uint64_t principal)
{
    aeg_err_t err;

    do
        err = aeg_cap_revoke((uint32_t)principal);
    while (err == AEG_ERR_AGAIN);
    must(err, "cap_revoke");
}
/* end */

/* example: capability */
/* A capability dominates the names that begin with its own. */
static int
dominates(const struct aeg_cap *cap, const struct aeg_name *guard)
{
    for (uint32_t i = 0; i < cap->length; i++) {
        unsigned shift = 48 - 16 * (i % 4);
        uint64_t differ = i < 4 ? cap->name.hi ^ guard->hi : cap->name.lo ^ guard->lo;

        if (differ >> shift & 0xffff)
            return 0;
    }
    return 1;
}
/* end */

static void
names(void)
{
    uint64_t principal, reader;
    struct aeg_cap above, below;

    forge(&principal, &reader);
    above = look_up(principal);
    below = look_up(reader);
    expect(dominates(&above, &below.name) && !dominates(&below, &above.name), "a name dominates what lies below it");
    expect(below.rights == AEG_RIGHT_READ && below.length == above.length + 1, "and the one below has fewer rights");
    take_back(principal);
    expect(look_up(reader).rights == 0 && look_up(principal).rights == AEG_RIGHT_ALL, "a name taken back is gone from below");
    forget(principal);
}

/* example: account_create */
/* An account that may have four frames and nothing else. */
static aeg_id_t
small_account(void)
{
    struct aeg_limits limits = { .limit = { [AEG_KIND_FRAME] = 4 } };
    aeg_id_t account;

    must(aeg_account_create(self.account, CAP_SELF, CAP_SELF, &limits, &account), "account_create");
    return account;
}
/* end */

/* example: account */
static void
spend(aeg_id_t account)
{
    aeg_frame_t frames[5] = { 0 };
    uint64_t done;

    expect(aeg_frame_alloc(account, CAP_SELF, CAP_SELF, 5, frames, &done) == AEG_ERR_LIMIT && done == 4, "the fifth frame is refused");
    must(aeg_frame_free(CAP_SELF, frames, done, &done), "frame_free");
}
/* end */

/* example: account_end */
static void
close_account(aeg_id_t account)
{
    aeg_frame_t frame = 0;
    uint64_t done;
    aeg_err_t err;

    must(aeg_frame_alloc(account, CAP_SELF, CAP_SELF, 1, &frame, &done), "frame_alloc");
    do
        err = aeg_account_end(account, CAP_SELF);       /* the frame goes with it */
    while (err == AEG_ERR_AGAIN);
    must(err, "account_end");
    expect(aeg_account_end(account, CAP_SELF) == AEG_ERR_ACCOUNT, "and its id is nobody's from then on");
}
/* end */

int
main(void)
{
    aeg_id_t account;
    uint64_t heir;

    find_self();
    names();
    account = small_account();
    spend(account);
    must(aeg_cap_forge(CAP_SELF, 9, AEG_RIGHT_READ, &heir), "cap_forge");
    hand_account_over(account, (uint32_t)heir);
    must(aeg_cap_drop((uint32_t)heir), "cap_drop");
    close_account(account);             /* its new name lies below ours */
    return 0;
}
