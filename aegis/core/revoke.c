/*
 * revoke.c: frames are asked back: visible revocation.
 *
 * Holds:    for each account the env that answers for it and the frame in which it finds what was taken (the repossession vector); and the
 *           one request that is out. Pressure is an allocation that leaves fewer than revoke_low frames, or gets none. Then the account
 *           that is furthest over its guarantee is asked for some, by a deadline, and gets no more beyond its guarantee until it has
 *           given them. What it gives is its choice. When the deadline has passed and somebody still presses, frames are taken by force
 *           (repossess.c), a step with each allocation that presses: who wants them pays the time. When there is enough again before all
 *           is taken, each allocation is a step, his own too, so that the request ends. Nobody is asked on his own behalf, and no
 *           guaranteed frame is ever asked for.
 * Locks:    none: alone in the kernel (turn.c).
 * Not here: which frames to give. That is the library's business.
 */
#include "core/revoke.h"
#include "core/env.h"
#include "core/frame.h"

#define LOW_PART 64             /* of all frames */
#define LOW_MIN 128
#define LOW_MAX 4096
#define DEADLINE_NS 500000000ull

uint64_t revoke_low;
bool revoke_out;

static struct {
    aeg_id_t env;               /* who is told; 0, or somebody who is gone: nobody */
    aeg_frame_t frame;          /* 0: none */
    struct aeg_repossession *page;      /* kernel alias */
} answers[ACCOUNT_MAX];

static struct {
    aeg_id_t account;           /* who is asked; 0: nobody */
    uint64_t keep;              /* frames that it may go on using */
    bool by_force;              /* the deadline has passed */
} request;

void
revoke_init(void)
{
    revoke_low = MIN(MAX(info->frames_total / LOW_PART, LOW_MIN), LOW_MAX);
}

/* ---- who answers ---- */

static void
unbind(uint32_t account)
{
    if (answers[account].frame) {
        frame_at(answers[account].frame)->flags &= ~AEG_FRAME_PINNED;
        frame_unref(answers[account].frame);
    }
    memset(&answers[account], 0, sizeof(answers[account]));
}

aeg_frame_t
revoke_vector(uint32_t account)
{
    return answers[account].frame;
}

void
revoke_forget(uint32_t account)
{
    unbind(account);
}

/* The frame is pinned: it is neither taken nor made a node. */
static aeg_err_t
bind_frame(aeg_frame_t frame, uint32_t cap_index)
{
    struct aeg_cap cap;
    aeg_err_t err = cap_copy(cap_index, &cap);

    if (err == AEG_OK)
        err = frame_bind(frame, &cap, AEG_RIGHT_READ | AEG_RIGHT_WRITE);
    if (err != AEG_OK)
        return err;
    if (frame_at(frame)->flags & AEG_FRAME_PINNED) {
        frame_unbind(frame);
        return AEG_ERR_FRAME_BUSY;
    }
    return AEG_OK;
}

/* account, caps (account | env and frame << 16), env, frame: see sys.h. */
aeg_err_t
sys_revoke_bind(struct sys_args *args)
{
    struct aeg_account_info *account = account_find(args->a[0]);
    uint32_t own_cap = args->a[1] >> 16 & 0xffff, index = AEG_ID_INDEX(args->a[0]);
    struct env *e;
    aeg_err_t err;

    if (!account)
        return AEG_ERR_ACCOUNT;
    err = cap_check(args->a[1] & 0xffff, account->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_OK && args->a[2] != 0) {
        err = env_check(args->a[2], own_cap, AEG_RIGHT_WRITE, &e);
        if (err == AEG_OK)
            err = bind_frame(args->a[3], own_cap);
    }
    if (err != AEG_OK)
        return err;
    unbind(index);
    if (args->a[2] == 0)
        return AEG_OK;
    answers[index].env = args->a[2];
    answers[index].frame = args->a[3];
    answers[index].page = frame_map(args->a[3]);
    memset(answers[index].page, 0, sizeof(*answers[index].page));
    frame_at(args->a[3])->flags |= AEG_FRAME_PINNED;
    return AEG_OK;
}

/* ---- who is asked ---- */

static uint64_t
of_children(uint32_t account, bool guaranteed)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < ACCOUNT_MAX; i++) {
        const struct aeg_account_info *a = account_at(i);
        if (a->id != 0 && a->parent == account_at(account)->id)
            sum += guaranteed ? a->limits.guarantee[AEG_KIND_FRAME] : a->used[AEG_KIND_FRAME];
    }
    return sum;
}

uint64_t
revoke_own_use(uint32_t account)
{
    return account_at(account)->used[AEG_KIND_FRAME] - of_children(account, false) - frame_dying[account];
}

uint64_t
revoke_own_guarantee(uint32_t account)
{
    return account_at(account)->limits.guarantee[AEG_KIND_FRAME] - of_children(account, true);
}

/* For each account, how many frames it uses itself beyond what is left to it of its guarantee; not positive: it does not. */
static void
find_excesses(int64_t *excess)
{
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++)
        excess[i] = -(int64_t)frame_dying[i];
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++) {
        const struct aeg_account_info *a = account_at(i);
        int64_t over = a->used[AEG_KIND_FRAME] - a->limits.guarantee[AEG_KIND_FRAME];

        if (a->id == 0)
            continue;
        excess[i] += over;
        if (a->parent != 0)
            excess[AEG_ID_INDEX(a->parent)] -= over;
    }
}

static void
tell(uint32_t account, uint64_t bits, uint32_t pending)
{
    env_tell(answers[account].env, bits, pending);
}

/* Asks who is furthest over for so many, but for none that would bring him below the one who wants them. */
static void
ask(uint32_t by, uint64_t need)
{
    int64_t excess[ACCOUNT_MAX];
    uint32_t most = by;

    find_excesses(excess);
    for (uint32_t i = 0; i < ACCOUNT_MAX; i++)
        if (excess[i] > excess[most] && excess[i] > 0)
            most = i;
    if (most == by)
        return;
    struct aeg_account_info *a = account_at(most);
    a->asked = MIN(need, (uint64_t)(excess[most] - MAX(excess[by], 0)));
    a->asked_deadline_ns = time_ns() + DEADLINE_NS;
    request.account = a->id;
    request.keep = revoke_own_use(most) - a->asked;
    request.by_force = false;
    revoke_out = true;
    tell(most, AEG_NOTIFY_REVOKE, AEG_PENDING_REVOKE);
}

/* Nothing is asked of anybody any more. */
static void
request_over(void)
{
    struct aeg_account_info *a = account_find(request.account);

    revoke_out = request.by_force = false;
    request.account = 0;
    if (a)
        a->asked = a->asked_deadline_ns = 0;
}

/* What was asked has been given; or the deadline passed long ago and nobody has pressed since: who still wants something asks anew. */
static bool
request_stale(uint64_t now_ns)
{
    const struct aeg_account_info *a = account_find(request.account);

    if (!a)
        return true;
    if (request.by_force)
        return false;
    return revoke_own_use(AEG_ID_INDEX(a->id)) <= request.keep || now_ns >= a->asked_deadline_ns + DEADLINE_NS;
}

/* Until the deadline he gets no more, though he has given: not to take it again before the other has it. */
uint64_t
revoke_allowance(const struct aeg_account_info *account)
{
    uint64_t use, guarantee, now_ns;

    if (request.account != account->id)
        return UINT64_MAX;
    now_ns = time_ns();
    if (now_ns >= account->asked_deadline_ns && request_stale(now_ns)) {
        request_over();
        return UINT64_MAX;
    }
    use = revoke_own_use(AEG_ID_INDEX(account->id));
    guarantee = revoke_own_guarantee(AEG_ID_INDEX(account->id));
    return use < guarantee ? guarantee - use : 0;
}

/* Frames that its limit lets it have; one that ends has none. */
static uint64_t
below_limit(const struct aeg_account_info *a)
{
    uint64_t taken = a->used[AEG_KIND_FRAME] + a->promised[AEG_KIND_FRAME];

    return a->limits.limit[AEG_KIND_FRAME] > taken ? a->limits.limit[AEG_KIND_FRAME] - taken : 0;
}

bool
revoke_pressure(const struct aeg_account_info *by, uint64_t missing)
{
    const struct aeg_account_info *root = account_at(0), *a;
    uint64_t room = root->limits.limit[AEG_KIND_FRAME] - root->used[AEG_KIND_FRAME] - root->promised[AEG_KIND_FRAME], now_ns = time_ns();
    bool pressed;

    if (request.account != 0 && request_stale(now_ns))
        request_over();
    pressed = room < revoke_low;
    if (!pressed && !request.by_force)
        return false;
    missing = MIN(missing, below_limit(by));
    if (request.account == 0)
        ask(AEG_ID_INDEX(by->id), missing + 2 * revoke_low - room);
    a = account_find(request.account);
    if (!a || (a == by && pressed) || (!request.by_force && now_ns < a->asked_deadline_ns))
        return false;
    if (!request.by_force)
        repossess_begin(AEG_ID_INDEX(a->id), request.keep);
    request.by_force = true;
    if (repossess_step(pressed)) {
        tell(AEG_ID_INDEX(a->id), AEG_NOTIFY_REVOKE, AEG_PENDING_REPOSSESSED);
        request_over();
    }
    return missing > 0;
}

/* ---- what was lost ---- */

void
revoke_lost_frame(aeg_frame_t frame)
{
    uint32_t account = AEG_ID_INDEX(request.account);
    struct aeg_repossession *page = answers[account].page;

    account_at(account)->repossessed++;
    if (page)
        page->frame[page->taken++ % AEG_REPOSSESSED_MAX] = frame;
}

void
revoke_lost_space(void)
{
    struct aeg_repossession *page = answers[AEG_ID_INDEX(request.account)].page;

    if (page)
        page->spaces++;
}
