/*
 * turn.c: several CPUs run the session's programs at the same time, and one of them at a time is in the library.
 *
 * Holds:    whose turn it is: a CPU's, not a thread's, so that a directed yield from one thread in the library to another takes the turn
 *           along. All ways in take it, all ways out give it up. To the rest of the library nothing has changed: what it calls the running
 *           thread and the home is, while it has the turn, that of its own CPU.
 *           Each CPU has a home, which has its slices and idles on it. A thread that has waited for the turn for a while gives the CPU to its
 *           home, which sleeps in the kernel, and gives it back with the turn: a virtual machine may have more CPUs than processors.
 * Rules:    whoever gives up the turn while there is news (struct turn_news) sees whether another CPU idles while a thread is ready, or runs a
 *           program whose thread is to look up. Without news, and with nobody asleep, that is a few instructions (entry.inc).
 *           An env goes to another CPU only by the run queue. `inside` (struct uenv_local) says what an env that was left by force had.
 * Not here: how CPUs come to run the session (cpus.c), on which of a process' envs a thread goes on (proc/envs.c).
 */
#include "thread/turn.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/clock.h"
#include "proc/envs.h"
#include "proc/proc.h"
#include "thread/vectors.h"

#define SPINS 300
#define POLL_NS 1000000ull      /* devices tell the first CPU's home; while that does not idle, another that does looks so often */
#define SLEEP_NS 2000000ull     /* a home that waits for the turn looks by itself, too */

bool cpus_many;

struct turn turn = { .watch_ns = DEADLINE_NEVER };

static struct cpu {
    struct sched_cpu sched;
    struct thread *home;
} cpus[SESSION_CPUS_MAX];

/* What is to be told to others once the turn is given up. */
struct news {
    aeg_id_t env[SESSION_CPUS_MAX + 1];
    uint64_t bits[SESSION_CPUS_MAX + 1];
    unsigned count;
};

static inline uint32_t
cpu_here(void)
{
    uint32_t cpu;

    __asm__ volatile("movl %%gs:0x858, %0" : "=r"(cpu) : : "memory");
    return cpu;
}

/* The same as a bit. */
static inline uint32_t
me(void)
{
    uint32_t bit;

    __asm__ volatile("movl %%gs:0x814, %0" : "=r"(bit) : : "memory");
    return bit;
}

static void
env_goes_to(const struct thread *t, uint32_t cpu)
{
    uenv_local(t->uenv)->cpu = cpu;
    uenv_local(t->uenv)->cpu_bit = 1u << cpu;
}

static inline void
inside_set(enum turn_state state)
{
    __asm__ volatile("movl %0, %%gs:0x85c" : : "ri"((uint32_t)state) : "memory");
}

static inline struct thread *
thread_here(void)
{
    struct thread *t;

    __asm__ volatile("mov %%gs:0x808, %0" : "=r"(t) : : "memory");
    return t;
}

unsigned
cpu_current(void)
{
    return cpus_many ? cpu_here() : 0;
}

void
turn_add_cpu(unsigned cpu, struct thread *home)
{
    cpus[cpu].home = home;
    cpus[cpu].sched = (struct sched_cpu){ .running = home, .home = home, .since_tsc = tsc_read() };
    env_goes_to(home, cpu);
    if (cpu != 0)
        return;
    turn.owner = turn.last = 1;
    uenv_local(home->uenv)->inside = TURN_HELD;
}

/* ---- taking the turn ---- */

static inline bool
take(void)
{
    uint32_t nobody = 0;

    return __atomic_load_n(&turn.owner, __ATOMIC_RELAXED) == 0 &&
           __atomic_compare_exchange_n(&turn.owner, &nobody, me(), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static bool
spin(void)
{
    for (unsigned i = 0; i < SPINS; i++) {
        if (take())
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

/* A home sleeps in the kernel until it has the turn. */
static void
home_waits(const struct thread *home)
{
    uint32_t bit = me();
    uint64_t bits;

    while (!spin()) {
        __atomic_or_fetch(&turn.sleepers, bit, __ATOMIC_SEQ_CST);
        if (take()) {
            __atomic_and_fetch(&turn.sleepers, ~bit, __ATOMIC_SEQ_CST);
            return;
        }
        (void)!aeg_wait(NOTIFY_TURN, clock_monotonic_ns() + SLEEP_NS, 0, 0, &bits);
        __atomic_and_fetch(&home->uenv->notify, ~NOTIFY_TURN, __ATOMIC_SEQ_CST);
    }
    __atomic_and_fetch(&turn.sleepers, ~bit, __ATOMIC_SEQ_CST);
}

static bool
has_turn(void)
{
    return __atomic_load_n(&turn.owner, __ATOMIC_SEQ_CST) == me();
}

/* Any other thread has its home wait in its place. It may go on on another CPU. */
static void
thread_waits(void)
{
    while (!has_turn())
        if (aeg_yield(cpus[cpu_here()].home->env, CAP_SELF) != AEG_OK && take())
            break;
}

/* `live`: the vector registers are the program's. */
static NOINLINE void
turn_wait(bool live)
{
    struct thread *self = thread_here();

    if (self == cpus[cpu_here()].home) {
        home_waits(self);
        return;
    }
    if (spin())
        return;
    if (live)
        vectors_save(self->vectors);
    thread_waits();
    if (live)
        vectors_restore(self->vectors);
}

/* The library's `sched` becomes that of the CPU whose turn it is. */
static COLD void
change_state(void)
{
    uint64_t now = tsc_read();

    sched.running->run_ticks += now - sched.since_tsc;
    sched.since_tsc = now;
    cpus[__builtin_ctz(turn.last)].sched = sched;
    sched = cpus[cpu_here()].sched;
    turn.last = me();
}

static inline void
enter(bool live)
{
    if (!has_turn()) {
        inside_set(TURN_WANTED);
        if (!take())
            turn_wait(live);
    }
    inside_set(TURN_HELD);
    if (turn.last != me())
        change_state();
}

void
turn_enter(void)
{
    enter(false);
}

void
turn_enter_program(void)
{
    enter(true);
}

/* ---- giving it up ---- */

static void
news_add(struct news *n, aeg_id_t env, uint64_t bits)
{
    n->env[n->count] = env;
    n->bits[n->count++] = bits;
}

static inline bool
nobody_polls(void)
{
    return (turn.idle & 1) == 0 && !turn.polls;
}

/* A CPU that idles is told when a thread is ready, when something will be due before anybody looks, and when it has to poll from now on. */
static void
wake_idle(struct news *n)
{
    uint32_t cpu, wanted;

    turn_news.work = 0;
    if (turn.idle == 0 || turn.woken != 0)
        return;
    wanted = sched_wanted(turn.idle);
    if (wanted == 0 && due_first_ns >= turn.watch_ns && !nobody_polls())
        return;
    cpu = turn.watcher != 0 && wanted == 0 ? turn.watcher - 1 : (uint32_t)__builtin_ctz(wanted != 0 ? wanted : turn.idle);
    if (!(turn.idle & 1u << cpu))
        return;
    turn.woken = cpu + 1;
    turn.idle &= ~(1u << cpu);
    news_add(n, cpus[cpu].home->env, NOTIFY_KICK);
}

/* Who is in its program while a signal waits for it is to look up. */
static COLD void
tell_running(struct news *n)
{
    turn_news.signals = 0;
    for (unsigned i = 0, count = cpu_count(); i < count; i++) {
        const struct thread *t = cpus[i].sched.running;

        if (i != cpu_here() && t != NULL && t->attention != 0 && t->uenv != NULL && uenv_local(t->uenv)->inside == TURN_OUTSIDE)
            news_add(n, t->env, NOTIFY_KICK);
    }
}

void
turn_wake_sleeper(void)
{
    uint32_t sleepers = __atomic_load_n(&turn.sleepers, __ATOMIC_SEQ_CST), bit = sleepers & -sleepers;

    if (bit == 0 || !(__atomic_fetch_and(&turn.sleepers, ~bit, __ATOMIC_SEQ_CST) & bit))
        return;
    (void)!aeg_notify(cpus[__builtin_ctz(bit)].home->env, CAP_SELF, NOTIFY_TURN);
}

static void
release(void)
{
    struct news n;

    n.count = 0;
    if (turn_news.work != 0)
        wake_idle(&n);
    if (turn_news.signals != 0)
        tell_running(&n);
    __atomic_and_fetch(&turn.owner, ~me(), __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&turn.sleepers, __ATOMIC_SEQ_CST) != 0)
        turn_wake_sleeper();
    for (unsigned i = 0; i < n.count; i++)
        (void)!aeg_notify(n.env[i], CAP_SELF, n.bits[i]);
}

/* What the thread is to look at it has not looked at on its way out: others tell it. */
void
turn_leave(void)
{
    if (thread_here()->attention != 0)
        turn_news.signals = 1;
    inside_set(TURN_OUTSIDE);
    release();
}

/* The turn is given up in favour of `to`, which will be in its program. */
static void
release_to(const struct thread *to)
{
    bool looks_up = to->attention != 0;
    uint64_t env = to->env;

    release();
    if (looks_up)
        (void)!aeg_notify(env, CAP_SELF, NOTIFY_KICK);
}

uint64_t
turn_send(void)
{
    struct thread *self = thread_here(), *to = sched.running;

    if (env_place(self, to))
        return 0;
    to = sched.running;
    env_goes_to(to, cpu_here());
    if (uenv_local(to->uenv)->inside == TURN_OUTSIDE) {
        inside_set(TURN_WANTED);
        release_to(to);
    }
    return to->env;
}

/* There may be a moment between somebody's giving up the turn and its being off its CPU. */
static bool
will_be_free(const struct thread *t)
{
    const volatile struct aeg_env_info *e = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(t->env));

    return e->id == t->env && e->state == AEG_ENV_READY;
}

uint64_t
turn_failed(uint64_t err)
{
    turn_enter();
    if (thread_here()->go)
        return AEG_OK;
    __builtin_ia32_pause();
    return err == AEG_ERR_NOT_READY && will_be_free(sched.running) ? (uint64_t)-1 : err;
}

void
turn_pause(bool keep)
{
    struct thread *self = thread_here();

    __atomic_store_n(&self->uenv->pending, 0, __ATOMIC_RELAXED);
    if (!keep) {
        inside_set(TURN_WANTED);
        release();
    }
    (void)aeg_yield(self->env, CAP_SELF);
    turn_enter();
}

void
turn_rest(void)
{
    struct thread *to = sched.running;

    env_place(NULL, to);
    to = sched.running;
    env_goes_to(to, cpu_here());
    if (uenv_local(to->uenv)->inside == TURN_OUTSIDE)
        release_to(to);
    if (aeg_yield(to->env, CAP_SELF) != AEG_OK)
        (void)aeg_yield(cpus[cpu_here()].home->env, CAP_SELF);
    turn_enter();
}

/* ---- idling ---- */

void
turn_idle(void)
{
    struct thread *self = thread_here();
    uint32_t cpu = cpu_here();
    uint64_t bits, until = DEADLINE_NEVER;

    if (turn.watcher == 0) {
        turn.watcher = cpu + 1;
        turn.polls = cpu != 0 && (turn.idle & 1) == 0;
        turn.watch_ns = until = turn.polls ? MIN(due_first_ns, clock_now_ns() + POLL_NS) : due_first_ns;
    }
    turn.idle |= 1u << cpu;
    turn_news.work = 1;
    inside_set(TURN_WANTED);
    release();
    (void)!aeg_wait(NOTIFY_ALL, until, 0, 0, &bits);
    turn_enter();
    turn.idle &= ~(1u << cpu);
    turn_news.work = 1;
    if (turn.woken == cpu + 1)
        turn.woken = 0;
    if (turn.watcher == cpu + 1) {
        turn.watcher = 0;
        turn.watch_ns = DEADLINE_NEVER;
        turn.polls = false;
    }
    __atomic_and_fetch(&self->uenv->notify, ~(cpu != 0 ? NOTIFY_ALL : NOTIFY_KICK), __ATOMIC_SEQ_CST);
}

bool
turn_strays(const struct thread *t)
{
    for (unsigned i = 0; t->barred != 0 && i < cpu_count(); i++)
        if (i != cpu_here() && cpus[i].sched.running == t && (t->barred >> i & 1) && !turn_inside(t))
            return true;
    return false;
}

void
turn_forget(const struct thread *t)
{
    for (unsigned i = 0; i < cpu_count(); i++)
        if (cpus[i].sched.running == t)
            cpus[i].sched.running = cpus[i].home;
    if (sched.running == t && t != sched.home)
        sched.running = sched.home;
}
