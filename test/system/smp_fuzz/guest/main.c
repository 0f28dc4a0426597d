/*
 * main.c: the judge of made-up calls: it stands where exos.img stands, starts sessions whose envs make calls up on all CPUs at once
 * (call.c), ends each at some moment and starts another in its place; and beside them it has two envs that own their memory and look whether
 * it holds what they wrote (smp/guest/stress.c). In the end nothing may be left.
 *
 * FUZZ_SEED and FUZZ_CALLS are given when it is compiled.
 */
#include "../../devices/guest/library.h"
#include "fuzz.h"

#define MS 1000000ull
#define SESSIONS 5
#define MEMBERS 3               /* envs of a session, in two spaces */
#define OWNERS (SESSIONS * MEMBERS)     /* the first of the two actors beside them */
#define FRAMES 900              /* that a session may have */
#define PATIENCE_NS (20 * SECOND)       /* without a single call */

static uint32_t cpus;
static uint64_t seed = FUZZ_SEED;

struct session {
    aeg_id_t account, space[2];
    uint32_t cap;               /* its principal, as root holds it */
};

struct census {
    uint64_t frames, accounts, spaces, envs;
};

uint64_t
fuzz_now_ns(void)
{
    return now_ns();
}

static void
sleep_us(uint64_t us)
{
    uint64_t bits;

    (void)!aeg_wait(0, now_ns() + us * 1000, 0, 0, &bits);
}

/* Entries of a table whose first field, an id, is not 0. */
static uint64_t
used(const volatile struct aeg_table *table)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < table->count; i++)
        n += *(const volatile aeg_id_t *)aeg_info_entry(table, i) != 0;
    return n;
}

static struct census
census(void)
{
    return (struct census){ AEG_INFO->frames_free, used(&AEG_INFO->accounts), used(&AEG_INFO->spaces), used(&AEG_INFO->envs) };
}

/* ---- sessions ---- */

static aeg_frame_t
frame_for(const struct session *s)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    if (aeg_frame_alloc(s->account, ROOT, s->cap, 1, &frame, &done) != AEG_OK)
        return 0;
    return frame & ~AEG_FRAME_ZERO;
}

static aeg_frame_t
image_node(void)
{
    return (*(const volatile uint64_t *)(uintptr_t)aeg_window_entry(0, 4) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

/* The image is there, and not the session's to change. */
static bool
space_make(const struct session *s, aeg_id_t *space)
{
    uint64_t caps = AEG_CAPS(ROOT, ROOT), index = 99;
    bool good = aeg_space_create(s->account, ROOT, s->cap, frame_for(s), space) == AEG_OK &&
                aeg_cap_grant(s->cap, *space, ROOT, AEG_RIGHT_ALL, &index) == AEG_OK && index == 0 &&
                aeg_pt_attach(*space, caps, 0, 3 | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, image_node()) == AEG_OK;

    for (uint32_t level = 3; good && level >= 1; level--)
        good = aeg_pt_attach(*space, caps, REGION, level | AEG_ATTACH_WRITE, frame_for(s)) == AEG_OK;
    return good;
}

static bool
member_make(struct session *s, unsigned number, unsigned i)
{
    struct actor *a = &actors[number];
    uint64_t *library = (uint64_t *)(void *)((uint8_t *)&a->uenv + 0x800);

    if (!actor_make(a, number, s->account, s->space[i == MEMBERS - 1], fuzz))
        return false;
    if (aeg_guard_set(AEG_KIND_ENV, a->env, AEG_CAPS(ROOT, s->cap)) != AEG_OK)
        return false;
    a->seed = random_next(&seed);
    a->other = &actors[number - i + (i + 1) % MEMBERS];
    library[2] = (uintptr_t)a;
    library[3] = (uintptr_t)a->stack + sizeof(a->stack);
    a->uenv.gate_entry = (uintptr_t)fuzz_gate;
    return true;
}

static bool
session_start(struct session *s, unsigned number)
{
    const volatile struct aeg_account_info *root = aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(AEG_INFO->root_account));
    struct aeg_limits limits = { { 0 }, { FRAMES, 12, 24, 4, 8, 2, 6 } };
    uint64_t cap = 0;
    bool good;

    for (unsigned k = 0; k < AEG_KINDS; k++)
        if (limits.limit[k] > root->limits.limit[k])
            limits.limit[k] = root->limits.limit[k];

    *s = (struct session){ 0 };
    good = aeg_cap_forge(ROOT, (uint16_t)(0x100 + number), AEG_RIGHT_ALL, &cap) == AEG_OK;
    s->cap = (uint32_t)cap;
    good = good && aeg_account_create(AEG_INFO->root_account, ROOT, s->cap, &limits, &s->account) == AEG_OK;
    good = good && space_make(s, &s->space[0]) && space_make(s, &s->space[1]);
    for (unsigned i = 0; i < MEMBERS; i++)
        good = good && member_make(s, number * MEMBERS + i, i);
    for (unsigned i = 0; i < MEMBERS; i++)      /* the first may end the others before they have begun */
        (void)!actor_on(&actors[number * MEMBERS + i], (number + i) % cpus, 1 + (number * MEMBERS + i) * 2);
    return good;
}

static uint64_t calls, wrong, wrong_call, accesses;

static void
count(unsigned number)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct actor *a = &actors[number * MEMBERS + i];

        calls += a->done;
        wrong += a->errors;
        accesses += a->refused;
        if (a->errors)
            wrong_call = a->line - AEG_SYS_BASE;
    }
}

/* It may have ended its account itself, or revoked its own name, root's capability with it. */
static bool
session_end(struct session *s, unsigned number)
{
    aeg_err_t err;

    do
        err = aeg_account_end(s->account, ROOT);
    while (err == AEG_ERR_AGAIN);
    count(number);
    if (s->cap != ROOT)
        (void)!aeg_cap_drop(s->cap);
    return err == AEG_OK || err == AEG_ERR_ACCOUNT;
}

static void
wake(unsigned number)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        (void)!aeg_notify(actors[number * MEMBERS + i].env, ROOT, UINT64_MAX);
}

static uint64_t
calls_now(unsigned number)
{
    return actors[number * MEMBERS].done + actors[number * MEMBERS + 1].done + actors[number * MEMBERS + 2].done;
}

/* A session lives until it no longer calls, or for a while. Those that sleep are woken. */
static void
session_watch(unsigned number, uint64_t most_us)
{
    uint64_t had, rounds = 0;

    do {
        had = calls_now(number);
        wake(number);
        sleep_us(1500);
        rounds++;
    } while (rounds * 1500 < most_us && (rounds < 6 || calls_now(number) != had));
}

/* ---- those beside them ---- */

static bool
owners_start(aeg_id_t *account)
{
    aeg_id_t space;

    *account = account_new();
    space = space_new(*account);
    return space && actor_make(&actors[OWNERS], OWNERS, *account, space, stress) &&
           actor_make(&actors[OWNERS + 1], OWNERS + 1, *account, space, stress) && actor_on(&actors[OWNERS], 0, 60) &&
           actor_on(&actors[OWNERS + 1], cpus - 1, 62);
}

/* How often each call succeeded, by its number; and how many kinds did. */
static uint64_t
successes_tell(void)
{
    uint64_t kinds = 0;

    say("# successes, by number of call:");
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        if (fuzz_good[i] == 0)
            continue;
        kinds++;
        say(" ");
        say_number(i);
        say(":");
        say_number(fuzz_good[i]);
    }
    say("\n");
    return kinds;
}

static bool
storm(struct session *sessions)
{
    uint64_t last = 0, since = now_ns(), told = 0;
    bool good = true;

    while (good && calls < FUZZ_CALLS) {
        unsigned i = (unsigned)(random_next(&seed) % SESSIONS);

        session_watch(i, 4000 + random_next(&seed) % 60000);
        good = session_end(&sessions[i], i) && session_start(&sessions[i], i);
        if (calls != last)
            last = calls, since = now_ns();
        if (now_ns() - since > PATIENCE_NS)
            return false;
        if (calls / 500000 != told) {
            told = calls / 500000;
            note("calls:", calls);
        }
    }
    return good;
}

void
guest_main(void)
{
    struct session sessions[SESSIONS] = { 0 };
    struct census before, after;
    aeg_id_t owners;
    bool good;

    cpus = AEG_INFO->cpu_count;
    before = census();
    note("seed:", FUZZ_SEED);
    good = owners_start(&owners);
    for (unsigned i = 0; i < SESSIONS; i++)
        good = good && session_start(&sessions[i], i);
    good = good && storm(sessions);
    for (unsigned i = 0; i < SESSIONS; i++)
        good = session_end(&sessions[i], i) && good;
    note("calls:", calls);
    note("kinds of call that succeeded:", successes_tell());
    note("accesses that succeeded:", accesses);
    ok(good && calls >= FUZZ_CALLS, "sessions make calls up on all CPUs, and each can be ended at any moment");
    ok(wrong == 0, "every answer is one of the documented errors");
    if (wrong)
        note("wrong answers, the last of call:", wrong_call);
    ok(actors[OWNERS].errors + actors[OWNERS + 1].errors == 0 && actors[OWNERS].done > 0 && actors[OWNERS + 1].done > 0,
       "who shares the machine with them keeps its memory and gets its slices");
    note("rounds of theirs:", actors[OWNERS].done + actors[OWNERS + 1].done);
    ok(account_over(owners), "and ends when it is asked to");
    after = census();
    ok(after.accounts == before.accounts && after.spaces == before.spaces && after.envs == before.envs, "no account, space or env is left");
    ok(after.frames == before.frames, "no frame is lost");
    if (after.frames != before.frames)
        note("frames free, now:", after.frames), note("before:", before.frames);
    finish_all();
}
