/*
 * main.c: the root of a test on several CPUs: it stands where exos.img stands, gives the other CPUs away, and speaks TAP.
 */
#include "../../devices/guest/library.h"
#include "actor.h"

#define MS 1000000ull
#define ALIAS (REGION + 300 * PAGE)     /* where root sees what others write at VICTIM */
#define VICTIM (REGION + 400 * PAGE)
#define WAKE 2u
#define SMALLER(a, b) ((a) < (b) ? (a) : (b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

static uint32_t cpus;
static aeg_id_t self, own_space;

static void
sleep_ms(uint64_t ms)
{
    uint64_t bits;

    (void)!aeg_wait(0, now_ns() + ms * MS, 0, 0, &bits);
}

static void
pause_us(uint64_t us)
{
    for (uint64_t end = now_ns() + us * 1000; now_ns() < end;)
        __builtin_ia32_pause();
}

/* *p reaches `want` in five seconds. */
static bool
reaches(const volatile uint64_t *p, uint64_t want)
{
    for (uint64_t end = now_ns() + 5 * SECOND; *p < want;) {
        if (now_ns() > end)
            return false;
        sleep_ms(1);
    }
    return true;
}

static uint64_t
frames_free(void)
{
    return AEG_INFO->frames_free;
}

static const volatile struct aeg_cpu_info *
cpu_info(uint32_t cpu)
{
    return aeg_info_entry(&AEG_INFO->cpus, cpu);
}

/* CPU for actor i of the tests that want none with root, where there is a choice. */
static uint32_t
other_cpu(uint32_t i)
{
    return cpus == 1 ? 0 : 1 + i % (cpus - 1);
}

/* ---- all CPUs run ---- */

static void
count_up(struct actor *a)
{
    for (;;)
        a->done++;
}

static void
every_cpu_runs(void)
{
    bool made = true, ran = true, named = true;
    aeg_id_t account = account_new();

    for (uint32_t i = 0; i < cpus; i++)
        made = made && cpu_info(i)->online == 1 && actor_make(&actors[i], i, account, own_space, count_up) &&
               actor_on(&actors[i], i, 5);
    ok(made, "every CPU of the machine has a slice vector, which takes an env");
    for (uint32_t i = 0; i < cpus; i++)
        ran = ran && reaches(&actors[i].done, 1000);
    for (uint32_t i = 1; i < cpus; i++)
        named = named && cpu_info(i)->env == actors[i].env;
    ok(ran && named, "and runs it, beside the others");
    made = true;
    for (uint32_t i = 0; i < cpus; i++) {
        uint64_t had, now;

        made = made && actor_end(&actors[i]);
        had = actors[i].done;
        pause_us(50);
        now = actors[i].done;
        made = made && had == now;
    }
    ok(made && account_over(account), "an env that is destroyed while it runs on another CPU runs no longer");
}

/* ---- shoot-down ---- */

static void
write_without_end(struct actor *a)
{
    volatile uint64_t *p = (volatile uint64_t *)VICTIM;

    for (;;) {
        if (poke(p, a->done + 1))
            a->done++;
        else
            a->refused++;
    }
}

/* Somebody writes it: what stands there changes. With one CPU they must be let run. */
static bool
changes(const volatile uint64_t *p)
{
    uint64_t had = *p;

    for (uint64_t end = now_ns() + 5 * SECOND; *p == had;) {
        if (now_ns() > end)
            return false;
        if (cpus == 1)
            sleep_ms(6);
    }
    return true;
}

static bool
stands_still(const volatile uint64_t *p)
{
    uint64_t had = *p;

    pause_us(30);
    return *p == had;
}

/* One of the ways in which the right to write VICTIM goes, and comes back. */
static bool
taken_away(unsigned way, aeg_id_t space, aeg_id_t beside, aeg_frame_t frame, aeg_frame_t node)
{
    struct aeg_pte_range r = { .src_va = VICTIM, .dst_va = VICTIM - PAGE, .pages = 1, .clear_src = AEG_PTE_W };
    volatile uint64_t *alias = (volatile uint64_t *)ALIAS;
    uint64_t entry = frame << AEG_FRAME_SHIFT | BITS_RW, done;
    bool good;

    if (!changes(alias))
        return false;
    switch (way % 5) {
    case 0: return entry_set(space, VICTIM, 0) == AEG_OK && stands_still(alias) && entry_set(space, VICTIM, entry) == AEG_OK;
    case 1: return entry_set(space, VICTIM, entry & ~AEG_PTE_W) == AEG_OK && stands_still(alias) && entry_set(space, VICTIM, entry) == AEG_OK;
    case 2:
        good = aeg_pte_copy(space, ROOT, space, ROOT, &r, 1, &done) == AEG_OK && stands_still(alias);
        return good && entry_set(space, VICTIM - PAGE, 0) == AEG_OK && entry_set(space, VICTIM, entry) == AEG_OK;
    case 3:                     /* the entry is the other space's, too: who changes it there changes it here */
        return entry_set(beside, VICTIM, 0) == AEG_OK && stands_still(alias) && entry_set(beside, VICTIM, entry) == AEG_OK;
    default:
        good = aeg_pt_detach(space, AEG_CAPS(ROOT, ROOT), REGION, 1, &done) == AEG_OK && stands_still(alias);
        return good && aeg_pt_attach(space, AEG_CAPS(ROOT, ROOT), REGION, 1 | AEG_ATTACH_WRITE, node) == AEG_OK;
    }
}

/* Envs of one space write a page from all other CPUs; root, in another space, takes it away and sees that nobody writes any more. */
static void
shoot_down(void)
{
    aeg_id_t account = account_new(), space = space_new(account), beside = space_new(account);
    aeg_frame_t frame = frame_new(account), node = 0, ignored;
    unsigned good = 0, rounds = cpus == 1 ? 20 : 300, writers = cpus > 2 ? cpus - 1 : 1;
    bool made;

    made = aeg_pt_detach(beside, AEG_CAPS(ROOT, ROOT), REGION, 1, &ignored) == AEG_OK &&
           aeg_pt_detach(space, AEG_CAPS(ROOT, ROOT), REGION, 1, &node) == AEG_OK &&
           aeg_pt_attach(space, AEG_CAPS(ROOT, ROOT), REGION, 1 | AEG_ATTACH_WRITE, node) == AEG_OK &&
           aeg_pt_attach(beside, AEG_CAPS(ROOT, ROOT), REGION, 1 | AEG_ATTACH_WRITE, node) == AEG_OK;
    made = made && entry_set(own_space, ALIAS, frame << AEG_FRAME_SHIFT | BITS_RW) == AEG_OK &&
           entry_set(space, VICTIM, frame << AEG_FRAME_SHIFT | BITS_RW) == AEG_OK;
    for (unsigned i = 0; i < writers; i++)
        made = made && actor_make(&actors[i], i, account, space, write_without_end) && actor_on(&actors[i], other_cpu(i), 9);
    while (made && good < rounds && taken_away(good, space, beside, frame, node))
        good++;
    ok(good == rounds, "who loses an entry, in whatever way, writes there no more when the call is over, on any CPU");
    if (good != rounds)
        note("rounds that were good:", good);
    ok(entry_set(own_space, ALIAS, 0) == AEG_OK && account_over(account), "and their account ends while they write");
}

/* ---- waking ---- */

static void
echo(struct actor *a)
{
    uint64_t bits;

    for (;;) {
        (void)!aeg_wait(WAKE, AEG_WAIT_FOREVER, 0, 0, &bits);
        __atomic_and_fetch(&a->uenv.notify, ~(uint64_t)WAKE, __ATOMIC_SEQ_CST);
        a->done++;
        (void)!aeg_notify(a->other->env, ROOT, WAKE);
    }
}

/* Two envs on two CPUs that sleep but for each other's notifications: none is lost. */
static void
waking(void)
{
    uint64_t want = cpus == 1 ? 200 : 3000, begin;
    struct actor *a = &actors[0], *b = &actors[1];
    aeg_id_t account = account_new();
    bool made = actor_make(a, 0, account, own_space, echo) && actor_make(b, 1, account, own_space, echo);

    a->other = b;
    b->other = a;
    made = made && actor_on(a, other_cpu(0), 3) && actor_on(b, other_cpu(1), 4) && aeg_notify(a->env, ROOT, WAKE) == AEG_OK;
    begin = now_ns();
    ok(made && reaches(&a->done, want) && reaches(&b->done, want), "a notification wakes an env on another CPU that sleeps, each time");
    note("us for each round trip:", (now_ns() - begin) / 1000 / want);
    (void)account_over(account);
}

/* ---- gates ---- */

/* The server adds up what it is told, and answers with the sum of two words; who calls is told the truth, or that it is busy. */
__asm__(".text\nserve_main:\n"                          /* rdi: the actor; its `done` at gs:0x808 */
        "    mov $0xAE600000 + 40, %eax\n    xor %edi, %edi\n    mov $-1, %rsi\n    syscall\n    ud2\n"
        "serve_gate:\n"
        "    add %rbx, %gs:0x808\n    add %r12, %rbx\n"
        "    mov $0xAE600000 + 40, %eax\n    xor %edi, %edi\n    mov $-1, %rsi\n    syscall\n    ud2\n");
void serve_main(struct actor *a);
extern char serve_gate[];

static void
call_without_end(struct actor *a)
{
    for (uint64_t round = 1;; round++) {
        struct aeg_message m = { .rbx = round % 1000, .r8 = 5, .r12 = a->number };
        aeg_err_t err = aeg_pct_call(a->other->env, ROOT, AEG_WAIT_FOREVER, &m);

        if (err == AEG_ERR_NOT_READY) {
            a->refused++;
            (void)aeg_yield(0, 0);
        } else if (err == AEG_OK && m.rbx == round % 1000 + a->number && m.r8 == 5) {
            a->done += round % 1000;
        } else {
            a->errors++;
        }
    }
}

static void
gates(void)
{
    struct actor *server = &actors[0];
    uint64_t sum = 0, errors = 0, served, callers = cpus > 1 ? cpus : 2;
    aeg_id_t account = account_new();
    bool made = actor_make(server, 0, account, own_space, serve_main);

    server->uenv.gate_entry = (uintptr_t)serve_gate;
    made = made && actor_on(server, other_cpu(0), 1);
    sleep_ms(20);
    made = made && actor_on(NULL, other_cpu(0), 1);
    for (uint64_t i = 1; i <= callers; i++) {
        actors[i].other = server;
        made = made && actor_make(&actors[i], (unsigned)i, account, own_space, call_without_end) &&
               actor_on(&actors[i], (uint32_t)i % cpus, 12);
    }
    sleep_ms(1000);
    for (uint64_t i = 1; i <= callers; i++)
        made = made && actor_end(&actors[i]);
    served = ((volatile uint64_t *)&server->uenv)[0x808 / 8];
    for (uint64_t i = 1; i <= callers; i++)
        sum += actors[i].done, errors += actors[i].errors;
    /* Each caller may have been taken away between the server's adding and its own. */
    ok(made && errors == 0 && sum > 1000 && served >= sum && served <= sum + callers * 1000, "envs on all CPUs call one gate, one at a time");
    (void)account_over(account);
}

/* ---- revocation ---- */

static volatile uint64_t revoked;      /* odd: from when it was until the next round */

static void
use_cap(struct actor *a)
{
    for (;;) {
        uint64_t was = revoked;
        aeg_frame_t frame = 0;
        uint64_t done = 0;
        aeg_err_t err = aeg_frame_alloc(a->account, ROOT, (uint32_t)a->cap, 1, &frame, &done);

        if (err == AEG_OK && was % 2 && was == revoked)
            a->errors++;
        if (err == AEG_OK)
            (void)frame_end(frame & ~AEG_FRAME_ZERO);
        else if (err == AEG_ERR_CAP_INDEX)
            a->refused++;
        a->done++;
    }
}

static void
revocation(void)
{
    aeg_id_t account = account_new(), spaces[4];
    unsigned users = SMALLER(cpus, 4);
    bool made = true, good = true;
    uint64_t mine;

    for (unsigned i = 0; i < users; i++) {
        spaces[i] = space_new(account);
        made = made && spaces[i] && actor_make(&actors[i], i, account, spaces[i], use_cap) && actor_on(&actors[i], other_cpu(i), 20 + i);
    }
    for (unsigned round = 0; round < 20 && made && good; round++) {
        revoked += revoked % 2;
        made = aeg_cap_forge(ROOT, NAME, AEG_RIGHT_ALL, &mine) == AEG_OK;
        for (unsigned i = 0; i < users; i++)
            made = made && aeg_cap_grant((uint32_t)mine, spaces[i], ROOT, AEG_RIGHT_ALL, (uint64_t *)(uintptr_t)&actors[i].cap) == AEG_OK;
        for (unsigned i = 0; i < users; i++)
            good = good && reaches(&actors[i].done, actors[i].done + 20);
        good = good && aeg_cap_revoke((uint32_t)mine) == AEG_OK;
        revoked++;
        for (unsigned i = 0; i < users; i++)
            good = good && reaches(&actors[i].refused, actors[i].refused + 5) && actors[i].errors == 0;
        made = made && aeg_cap_drop((uint32_t)mine) == AEG_OK;
    }
    ok(made && good, "a capability that is revoked while envs on all CPUs use it is of no use to any of them afterwards");
    ok(account_over(account), "and their account ends");
}

/* ---- everything at once ---- */

struct couple {
    aeg_id_t account;
    unsigned first;             /* of its two actors */
};

/* Two actors in a space of their own account, on different CPUs. */
static bool
couple_start(struct couple *c, uint64_t *seed)
{
    uint32_t cpu = (uint32_t)(random_next(seed) % cpus), position = (uint32_t)(1 + c->first % 60);
    aeg_id_t space;

    c->account = account_new();
    space = c->account ? space_new(c->account) : 0;
    return space && actor_make(&actors[c->first], c->first, c->account, space, stress) &&
           actor_make(&actors[c->first + 1], c->first + 1, c->account, space, stress) && actor_on(&actors[c->first], cpu, position) &&
           actor_on(&actors[c->first + 1], (cpu + 1) % cpus, position + 1);
}

static void
all_at_once(void)
{
    struct couple couples[ACTORS / 2];
    uint64_t seed = 4711, count = SMALLER(2 * cpus, ACTORS / 2), kills = 0, work = 0, errors = 0, line = 0;
    bool good = true;

    for (unsigned i = 0; i < count; i++) {
        couples[i].first = 2 * i;
        good = good && couple_start(&couples[i], &seed);
    }
    for (uint64_t end = now_ns() + 3 * SECOND; good && now_ns() < end; kills++) {
        struct couple *c = &couples[random_next(&seed) % count];
        const struct actor *a = &actors[c->first];

        sleep_ms(random_next(&seed) % 40);
        work += a[0].done + a[1].done;
        errors += a[0].errors + a[1].errors;
        line = LARGER(line, LARGER(a[0].line, a[1].line));
        good = account_over(c->account) && couple_start(c, &seed);
    }
    for (unsigned i = 0; i < count; i++) {
        errors += actors[2 * i].errors + actors[2 * i + 1].errors;
        line = LARGER(line, LARGER(actors[2 * i].line, actors[2 * i + 1].line));
        good = good && account_over(couples[i].account);
    }
    ok(good && errors == 0 && work > 0, "memory is what its owner wrote, whoever maps, copies, frees, talks and is killed on other CPUs");
    note("rounds of work:", work);
    note("accounts that were ended while they ran:", kills);
    if (errors)
        note("errors, the last in line:", line);
}

static void
locks_tell(void)
{
    for (uint32_t i = 0; i < AEG_INFO->locks.count; i++) {
        const volatile struct aeg_lock_info *l = aeg_info_entry(&AEG_INFO->locks, i);

        if (l->waits)
            note((const char *)(uintptr_t)l->name, l->waits);
    }
}

void
guest_main(void)
{
    uint64_t had;

    cpus = AEG_INFO->cpu_count;
    self = UENV->env_id;
    own_space = ((const volatile struct aeg_env_info *)aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(self)))->space;
    for (uint32_t level = 3; level >= 1; level--)
        (void)!aeg_pt_attach(own_space, AEG_CAPS(ROOT, ROOT), REGION, level | AEG_ATTACH_WRITE, frame_new(AEG_INFO->root_account));
    had = frames_free();
    note("CPUs:", cpus);
    every_cpu_runs();
    shoot_down();
    waking();
    gates();
    revocation();
    all_at_once();
    ok(frames_free() == had, "no frame is lost");
    locks_tell();
    finish_all();
}
