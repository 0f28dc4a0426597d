/*
 * slice.c: the CPU as a vector of time slices.
 *
 * Holds:    each CPU has AEG_SLICE_POSITIONS positions, run round robin; a position names its home env. A directed yield hands the
 *           CPU to another env on the home's behalf; the kernel remembers it as the home's runner. At slice end the running env gets an
 *           upcall, or finds it pending, and a bounded time to yield; then it is forced out, with all registers saved. Time past the
 *           end is counted against the env that ran: as much as a whole grace costs it a slice, AEG_OVERRUN_MAX in a row stop it.
 *           An env runs on one CPU at a time, and so does a home with its runners.
 * Locks:    none: whoever takes a CPU from one env to another is alone in the kernel (turn.c).
 * Not here: which process deserves the CPU. That is the library's business.
 */
#include "core/env.h"
#include "arch/x86_64/trap.h"
#include "core/frame.h"
#include "core/mail.h"
#include "core/tlb.h"
#include "core/trace.h"
#include "core/turn.h"
#include "core/upcall.h"
#include "dev/dev.h"

#define SLICE_NS 5000000ull     /* 5 ms */
#define GRACE_NS 1000000ull     /* what a library gets after slice end to save what it wants */

static struct env *home_of[CPU_MAX][AEG_SLICE_POSITIONS];
static struct aeg_slice_info *slice_info;
static uint64_t slice_ticks, grace_ticks;
static uint8_t idle_uenv[FRAME_SIZE] __attribute__((aligned(FRAME_SIZE)));

void
slice_init(void)
{
    uint64_t bytes = sizeof(*slice_info) * CPU_MAX * AEG_SLICE_POSITIONS;

    slice_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
    info->slices = (struct aeg_table){ info_expose(slice_info, bytes), info->cpu_count * AEG_SLICE_POSITIONS, sizeof(*slice_info) };
    info->slice_ns = SLICE_NS;
    info->grace_ns = GRACE_NS;
    slice_ticks = ns_to_tsc(SLICE_NS) - ns_to_tsc(0);
    grace_ticks = ns_to_tsc(GRACE_NS) - ns_to_tsc(0);
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        cpus[i].uenv = (struct aeg_uenv *)idle_uenv;
        cpus[i].time_of = &cpus[i].nobody_tsc;
    }
}

static void
position_set(uint32_t cpu, uint32_t position, struct env *e)
{
    cpus[cpu].homes += (uint32_t)(e != NULL) - (uint32_t)(home_of[cpu][position] != NULL);
    home_of[cpu][position] = e;
    slice_info[cpu * AEG_SLICE_POSITIONS + position].env = e ? e->id : 0;
}

void
slice_give_all(struct env *e)
{
    for (uint32_t p = 0; p < AEG_SLICE_POSITIONS; p++)
        position_set(0, p, e);
}

aeg_err_t
sys_slice_set(struct sys_args *args)
{
    uint64_t cpu = args->a[0], position = args->a[1];
    uint32_t cpu_cap = args->a[3] & 0xffff, env_cap = args->a[3] >> 16;
    struct env *e = NULL;
    aeg_err_t err;

    if (cpu >= info->cpu_count || position >= AEG_SLICE_POSITIONS)
        return AEG_ERR_CPU;
    err = cap_check(cpu_cap, (struct aeg_name){ AEG_GUARD_CPU_HI(cpu), 0 }, AEG_RIGHT_WRITE);
    if (err == AEG_OK && args->a[2] != 0)
        err = env_check(args->a[2], env_cap, AEG_RIGHT_WRITE, &e);
    if (err != AEG_OK)
        return err;
    position_set(cpu, position, e);
    if (e && cpus[cpu].idle)
        turn_wakes(&cpus[cpu]);
    return AEG_OK;
}

void
slice_forget(struct env *e)
{
    for (uint32_t c = 0; c < info->cpu_count; c++) {
        for (uint32_t p = 0; p < AEG_SLICE_POSITIONS; p++)
            if (home_of[c][p] == e)
                position_set(c, p, NULL);
        if (cpus[c].home == e)
            cpus[c].home = NULL;
    }
}

bool
slice_in_grace(void)
{
    return this_cpu()->in_grace;
}

/* ---- several CPUs ---- */

bool
env_elsewhere(const struct env *e)
{
    return e->on_cpu != 0 && e->on_cpu != this_cpu()->index + 1;
}

/* This CPU runs e (NULL: nobody), and nobody else. */
static void
occupy(struct cpu *cpu, struct env *e)
{
    if (cpu->occupant)
        cpu->occupant->on_cpu = 0;
    if (e)
        e->on_cpu = (uint8_t)(cpu->index + 1);
    cpu->occupant = e;
}

/* e is about to be entered, and all that others may see of it and of this CPU is as it has to be. */
static __attribute__((noinline)) void
leave_kernel(struct cpu *cpu, struct env *e)
{
    occupy(cpu, e);
    turn_end(cpu);
}

void
env_off_cpu(struct env *e)
{
    if (e->on_cpu == 0)
        return;
    AEG_ASSERT(env_elsewhere(e));
    mail_leave(e);
    cpus[e->on_cpu - 1].occupant = NULL;
    e->on_cpu = 0;
}

/* ---- whose time it is ---- */

/* The time until now was for whoever ran; from now on it is for run_tsc. */
static inline __attribute__((always_inline)) void
time_goes_to(struct cpu *cpu, uint64_t *run_tsc)
{
    uint64_t now = arch_tsc_unordered();

    *cpu->time_of += now - cpu->time_since_tsc;
    cpu->time_of = run_tsc;
    cpu->time_since_tsc = now;
}

void
slice_leave(struct cpu *cpu)
{
    time_goes_to(cpu, &cpu->nobody_tsc);
    cpu->env = NULL;
    cpu->uenv = (struct aeg_uenv *)idle_uenv;
    cpu->info->env = 0;
    tlb_load_none(cpu);
}

/* The running env did not give up the CPU in the grace. */
static void
charge_excess(const struct cpu *cpu)
{
    struct env *e = cpu->env;
    uint64_t excess = arch_tsc() - MAX(cpu->slice_end_tsc, cpu->time_since_tsc);

    e->info->excess_tsc += excess;
    e->excess_ticks += excess;
    if (e->excess_ticks < grace_ticks)
        return;
    e->excess_ticks = 0;
    e->info->penalty++;
    e->info->overruns = e->resume_kind == RESUME_SAVED ? e->info->overruns + 1 : 1;
}

/* Who has the slice that would be e's on behalf of `home`: an env with a penalty loses it to the home, or to the next position (NULL). */
static struct env *
penalty_pay(struct env *home, struct env *e)
{
    if (e->info->penalty == 0)
        return e;
    e->info->penalty--;
    if (e == home || home->state != AEG_ENV_READY || env_elsewhere(home) || home->info->penalty != 0)
        return NULL;
    home->runner = 0;
    return home;
}

/* ---- running an env ---- */

static void
slice_begin(struct cpu *cpu)
{
    dev_slice_begin();
    cpu->slice_end_tsc = arch_tsc() + slice_ticks;
    cpu->in_grace = false;
}

/*
 * The next interrupt this CPU needs: the end of its slice or grace, or the first deadline of a waiting env. Nobody is woken here, for the
 * caller may have found just now that there is nobody to run: a deadline that has passed since is an interrupt at once.
 */
static void
timer_program(struct cpu *cpu)
{
    uint64_t deadline_ns = env_next_deadline();
    uint64_t at = cpu->env ? cpu->slice_end_tsc + (cpu->in_grace ? grace_ticks : 0) : dev_poll_tsc();

    if (deadline_ns != UINT64_MAX)
        at = MIN(at, ns_to_tsc(deadline_ns));
    timer_arm(at);
}

/* Of what the last space's program left in the CPU, what no entry path sets is cleared. pct_fast.asm comes here, too. */
void
cpu_load_space(struct cpu *cpu, struct space *s)
{
    tlb_load(cpu, s);
    user_selectors_clear();
}

/* `e` has the CPU from now on. */
static inline __attribute__((always_inline)) void
env_become(struct cpu *cpu, struct env *e)
{
    struct aeg_uenv *uenv;
    struct aeg_cpu_info *exposed;

    time_goes_to(cpu, &e->info->run_tsc);
    if (cpu->space != e->space)
        cpu_load_space(cpu, e->space);
    uenv = e->uenv;
    exposed = cpu->info;
    cpu->env = e;
    cpu->uenv = uenv;
    exposed->env = e->id;
    exposed->switches++;
    uenv->slice_end_tsc = cpu->slice_end_tsc;
}

/* What its wait gives back, now that it goes on. What a message in its gate would have changed comes back as zero. */
static void
wait_result(struct env *e)
{
    struct resume *r = &e->resume;

    if (e->result == RESULT_GATE)
        r->rbx = r->rbp = r->r12 = r->r13 = r->r14 = r->r15 = r->rdi = r->rsi = 0;
    r->rdx = e->uenv->notify & e->wait_mask;
    r->rax = r->rdx ? AEG_OK : AEG_ERR_TIMEOUT;
    e->result = RESULT_NONE;
}

/* The rarer ways to go on. True: all its registers come from the save frame. */
static __attribute__((noinline)) bool
env_enter_rarely(struct env *e)
{
    if (e->resume_kind == RESUME_SAVED)
        return true;
    wait_result(e);
    return false;
}

static inline __attribute__((always_inline)) noreturn void
env_enter(struct cpu *cpu, struct env *e)
{
    bool saved = false;

    env_become(cpu, e);
    if (__builtin_expect(!env_goes_on(e), false))
        saved = env_enter_rarely(e);
    if (__builtin_expect(cpus_many, false))
        leave_kernel(cpu, e);
    if (saved) {
        vector_state_load((uint8_t *)e->save + SAVE_XSAVE_OFFSET);
        env_enter_saved(e->save);
    }
    vector_state_reset();
    env_enter_call(&e->resume);
}

/*
 * Whom the home's slice goes to: its runner, or the home itself; in their place whoever has their call in hand. Nobody, when that one is
 * running on another CPU: a home's slices are had one at a time.
 */
static struct env *
home_pick(struct env *home)
{
    struct env *runner;

    if (!home)
        return NULL;
    runner = env_find(home->runner);
    runner = runner ? pct_last(runner) : NULL;
    if (runner && runner->state == AEG_ENV_READY)
        return env_elsewhere(runner) ? NULL : runner;
    home->runner = 0;
    home = pct_last(home);
    return home->state == AEG_ENV_READY && !env_elsewhere(home) ? home : NULL;
}

/* The next position with somebody to run, from the one after the current; NULL: nobody. Penalties are paid to others, not to nobody. */
static struct env *
vector_advance(struct cpu *cpu)
{
    for (uint32_t i = 1; i <= 2 * AEG_SLICE_POSITIONS; i++) {
        uint32_t p = (cpu->position + i) % AEG_SLICE_POSITIONS;
        struct env *home = home_of[cpu->index][p], *e = home_pick(home);

        if (e && i <= AEG_SLICE_POSITIONS)
            e = penalty_pay(home, e);
        if (e) {
            cpu->position = p;
            cpu->home = home;
            return e;
        }
    }
    return NULL;
}

/* e is about to be entered with a new slice: it hears of it first, if it wants to. */
static void
start_tell(struct env *e)
{
    uint64_t entry = *(volatile uint64_t *)&e->uenv->start_entry;
    bool saved = e->resume_kind == RESUME_SAVED;
    struct resume *r = &e->resume;
    struct save_area *a = e->save;
    struct way_back way = { r->rip, r->rsp, r->rflags, r->rip, r->rflags };

    if (entry == 0)
        return;
    if (saved)
        way = (struct way_back){ a->rip, a->rsp, a->rflags, a->rcx, a->r11 };
    if (!upcall_make(e, &way, AEG_VECTOR_SLICE_START, entry))
        __atomic_or_fetch(&e->uenv->pending, AEG_PENDING_SLICE_START, __ATOMIC_SEQ_CST);
    else if (saved)
        a->rip = way.rip, a->rsp = way.rsp, a->rflags = way.rflags;
    else
        r->rip = way.rip, r->rsp = way.rsp, r->rflags = way.rflags;
}

/* Begins the next slice: of whom the vector says, or of `otherwise`; NULL: there is nobody, and no slice. */
static struct env *
slice_next(struct cpu *cpu, struct env *otherwise)
{
    struct env *e = vector_advance(cpu);

    if (!e)
        e = otherwise;
    if (!e)
        return NULL;
    slice_begin(cpu);
    cpu->env = e;
    e->info->cpu = cpu->index;
    timer_program(cpu);
    start_tell(e);
    return e;
}

noreturn static void
sched_idle(struct cpu *cpu)
{
    uint64_t *idle_tsc = &cpu->info->idle_tsc;

    trace(AEG_TRACE_IDLE, cpu->info->env, 0);
    time_goes_to(cpu, &cpu->nobody_tsc);
    occupy(cpu, NULL);
    cpu->env = NULL;
    cpu->uenv = (struct aeg_uenv *)idle_uenv;
    cpu->info->env = 0;
    if (cpu->space)
        tlb_load_none(cpu);
    timer_program(cpu);
    *idle_tsc -= arch_tsc();    /* interrupt_from_idle adds the end */
    cpu->idle = true;
    arch_idle_until_interrupt();
}

/* e gives up the CPU: if it has the home's slices, itself or as whose call it has in hand, they are the home's again. */
static void
runner_leaves(struct env *home, const struct env *e)
{
    struct env *runner = env_find(home->runner);

    if (!runner || runner == e || pct_last(runner) == e)
        home->runner = 0;
}

/* The env that ran was saved; from now on it is anybody's to run, and this CPU is alone and runs nobody. What was ready may not be now. */
static void
give_up(struct cpu *cpu)
{
    occupy(cpu, NULL);
    slice_leave(cpu);
    turn_alone(cpu);
}

/*
 * The caller was saved. Its home goes on with the slice while it lasts; else, or when the home itself gave up, the vector decides. Slices
 * begin, and CPUs go to sleep, alone.
 */
noreturn void
sched_run(void)
{
    struct cpu *cpu = this_cpu();
    struct env *e = NULL;

    if (cpus_many && !cpu->sched)
        turn_alone(cpu);
    env_expire_waits(time_ns());
    if (cpu->home && cpu->env && cpu->env != cpu->home) {
        runner_leaves(cpu->home, cpu->env);
        if (!cpu->in_grace)
            e = home_pick(cpu->home);
        if (e && cpu->env->state == AEG_ENV_WAITING)
            timer_program(cpu);     /* its deadline may be the next event */
    }
    if (!e && cpu->sched)
        give_up(cpu);
    if (!e) {
        e = slice_next(cpu, NULL);
        if (!e && dev_poll())
            e = slice_next(cpu, NULL);
        if (!e)
            sched_idle(cpu);
    }
    trace(AEG_TRACE_SWITCH, e->id, cpu->info->env);
    env_enter(cpu, e);
}

/* A slice begins, of whom the vector says, or of `otherwise`, if that can still run then. */
static noreturn void
begin_slice_alone(struct cpu *cpu, const struct env *otherwise)
{
    aeg_id_t id = otherwise->id;
    struct env *e;

    give_up(cpu);
    e = env_find(id);
    if (!e || !env_can_run(e))
        sched_run();
    env_enter(cpu, slice_next(cpu, e));
}

noreturn void
sched_switch_to(struct env *to)
{
    struct cpu *cpu = this_cpu();

    if (cpu->home)
        cpu->home->runner = to == cpu->home ? 0 : to->id;
    if (cpu->in_grace) {
        if (cpus_many)
            begin_slice_alone(cpu, to);
        to = slice_next(cpu, to);
    } else if (cpu->env->state == AEG_ENV_WAITING && to->state == AEG_ENV_READY) {
        timer_program(cpu);
    }
    env_enter(cpu, to);
}

noreturn void
sched_hand_over(struct env *to, const struct callee_saved *saved, const struct call_frame *frame)
{
    struct cpu *cpu = this_cpu();

    env_become(cpu, to);
    if (cpus_many)
        leave_kernel(cpu, to);
    env_enter_message(&to->resume, saved, frame);
}

void
slice_rearm(void)
{
    timer_program(this_cpu());
}

/* ---- the timer ---- */

void
sched_timer(void)
{
    env_expire_waits(time_ns());
}

/* Is anybody on this CPU's vector kept waiting: another home, or whom the running one means, its callee having outstayed the call? */
static bool
others_wait(const struct cpu *cpu)
{
    struct env *meant = home_pick(cpu->home);

    if (meant && meant != cpu->env)
        return true;
    for (uint32_t p = 0; p < AEG_SLICE_POSITIONS; p++) {
        struct env *home = home_of[cpu->index][p];
        if (home && home != cpu->home && home_pick(home))
            return true;
    }
    return false;
}

/* Turns the interrupt's return into a call of the library's handler. False: it cannot take one now. */
static bool
upcall_async(struct cpu *cpu, struct trap_frame *tf, uint64_t vector, uint64_t entry)
{
    struct way_back way = { tf->rip, tf->rsp, tf->rflags, tf->rcx, tf->r11 };

    if (!upcall_make(cpu->env, &way, vector, entry))
        return false;
    tf->rip = way.rip;
    tf->rsp = way.rsp;
    tf->rflags = way.rflags;
    return true;
}

/* The running env cannot go on: no room for another upcall, or an entry point or stack that is not a user address. */
noreturn void
env_stop(uint64_t vector, uint64_t rip, uint64_t cr2)
{
    struct cpu *cpu = this_cpu();
    struct env *e = cpu->env;

    if (cpus_many) {
        turn_alone(cpu);
        e = cpu->env;
        if (!e)
            sched_run();        /* it was destroyed meanwhile */
    }
    cpu->info->stopped++;
    trace(AEG_TRACE_STOP, e->id, vector);
    e->info->stop_reason = vector;
    e->info->stop_rip = rip;
    e->info->stop_cr2 = cr2;
    env_set_state(e, AEG_ENV_STOPPED);
    pct_leave(e);
    klog("env %lx stopped: vector %lu at rip %lx, cr2 %lx", (unsigned long)e->id, (unsigned long)vector, (unsigned long)rip,
         (unsigned long)cr2);
    env_notify(e->info->controller, AEG_NOTIFY_STOPPED);
    sched_run();
}

static noreturn void
force_out(struct cpu *cpu, const struct trap_frame *tf)
{
    struct env *e = cpu->env;

    *e->save = (struct save_area){
        .rax = tf->rax, .rbx = tf->rbx, .rcx = tf->rcx, .rdx = tf->rdx, .rsi = tf->rsi, .rdi = tf->rdi, .rbp = tf->rbp,
        .r8 = tf->r8, .r9 = tf->r9, .r10 = tf->r10, .r11 = tf->r11, .r12 = tf->r12, .r13 = tf->r13, .r14 = tf->r14,
        .r15 = tf->r15, .rip = tf->rip, .rsp = tf->rsp, .rflags = tf->rflags,
        .fs_base = fs_base_read(), .gs_base = gs_base_user_read(),
    };
    vector_state_save((uint8_t *)e->save + SAVE_XSAVE_OFFSET);
    e->resume_kind = RESUME_SAVED;
    cpu->info->forced++;
    trace(AEG_TRACE_FORCED, e->id, tf->rip);
    e = slice_next(cpu, e);
    trace(AEG_TRACE_SWITCH, e->id, cpu->info->env);
    env_enter(cpu, e);
}

/* The grace is over, and others want the CPU. */
static noreturn void
overran(struct cpu *cpu, const struct trap_frame *tf)
{
    if (cpu->graced) {
        charge_excess(cpu);
        if (cpu->env->info->overruns >= AEG_OVERRUN_MAX)
            env_stop(AEG_VECTOR_SLICE_END, tf->rip, tf->rsp);
    }
    force_out(cpu, tf);
}

/* Nobody else wants the CPU: the next slice is the same home's. */
static void
slice_again(struct cpu *cpu, struct trap_frame *tf)
{
    struct aeg_uenv *u = cpu->uenv;
    uint64_t entry = *(volatile uint64_t *)&u->start_entry;

    time_goes_to(cpu, cpu->time_of);
    slice_begin(cpu);
    u->slice_end_tsc = cpu->slice_end_tsc;
    if (entry != 0 && !upcall_async(cpu, tf, AEG_VECTOR_SLICE_START, entry))
        __atomic_or_fetch(&u->pending, AEG_PENDING_SLICE_START, __ATOMIC_SEQ_CST);
}

/* The library has neither yielded nor said that it knows: the bit is as the kernel left it, or the upcall is still being handled. */
static bool
unanswered(struct aeg_uenv *u)
{
    return (__atomic_load_n(&u->pending, __ATOMIC_SEQ_CST) & AEG_PENDING_SLICE_END) || *(volatile uint32_t *)&u->depth != 0;
}

/* A runner that never answers would keep the CPU from its home, and from all who live on the home's slices, for ever. */
static void
home_starves(struct cpu *cpu, const struct trap_frame *tf)
{
    struct env *e = cpu->env;

    if (e != cpu->home && cpu->graced && unanswered(cpu->uenv) && ++e->unanswered >= AEG_UNANSWERED_MAX)
        env_stop(AEG_VECTOR_SLICE_END, tf->rip, tf->rsp);
}

static void
slice_ended(struct cpu *cpu, struct trap_frame *tf)
{
    struct aeg_uenv *u = cpu->uenv;
    uint64_t entry = *(volatile uint64_t *)&u->slice_entry;

    if (cpu->in_grace) {
        if (others_wait(cpu))
            overran(cpu, tf);
        home_starves(cpu, tf);
        slice_again(cpu, tf);
        return;
    }
    cpu->in_grace = true;
    if (!unanswered(u))
        cpu->env->unanswered = 0;
    cpu->graced = entry != 0;
    if (!cpu->graced && others_wait(cpu))
        force_out(cpu, tf);
    if (!upcall_async(cpu, tf, AEG_VECTOR_SLICE_END, entry)) {
        __atomic_or_fetch(&u->pending, AEG_PENDING_SLICE_END, __ATOMIC_SEQ_CST);
        trace(AEG_TRACE_PENDING, cpu->env->id, AEG_VECTOR_SLICE_END);
    }
}

/* The most urgent of what is pending and has an entry becomes an upcall, if the env can take one now. */
static void
pending_upcall(struct cpu *cpu, struct trap_frame *tf)
{
    struct aeg_uenv *u = cpu->uenv;
    const struct {
        uint32_t pending, vector;
        volatile uint64_t *entry;
    } kinds[] = {
        { AEG_PENDING_REPOSSESSED, AEG_VECTOR_REPOSSESSED, &u->revoke_entry },
        { AEG_PENDING_REVOKE, AEG_VECTOR_REVOKE, &u->revoke_entry },
        { AEG_PENDING_NOTIFY, AEG_VECTOR_NOTIFY, &u->notify_entry },
    };
    uint32_t pending = *(volatile uint32_t *)&u->pending;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!(pending & kinds[i].pending) || !upcall_async(cpu, tf, kinds[i].vector, *kinds[i].entry))
            continue;
        __atomic_and_fetch(&u->pending, ~kinds[i].pending, __ATOMIC_SEQ_CST);
        return;
    }
}

/*
 * The last thing before an interrupt returns to an env. May turn the return into an upcall, or into another env. Some processors let rip
 * leave the canonical addresses and fault at the next fetch; an interrupt in between must not make that the fault of our iretq.
 */
void
interrupt_exit(struct trap_frame *tf)
{
    struct cpu *cpu = this_cpu();
    uint64_t end = cpu->slice_end_tsc + (cpu->in_grace ? grace_ticks : 0);

    cpu->info->interrupts++;
    if (tf->rip >= AEG_USER_TOP)
        tf->rip = AEG_USER_TOP;
    if (!cpu->env) {            /* destroyed by another CPU */
        turn_alone(cpu);
        sched_run();
    }
    if (cpus_many && cpu->turn == TURN_NONE)
        return;                 /* there was mail, and no more */
    if (arch_tsc() >= end)
        slice_ended(cpu, tf);
    else
        pending_upcall(cpu, tf);
    timer_program(cpu);
    turn_end(cpu);
}

/* An interrupt found this CPU idle. */
noreturn void
interrupt_from_idle(void)
{
    struct cpu *cpu = this_cpu();

    if (cpus_many)
        turn_alone(cpu);        /* mail came without */
    cpu->idle = false;
    cpu->info->idle_tsc += arch_tsc();
    cpu->info->interrupts++;
    sched_run();
}
