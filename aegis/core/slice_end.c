/*
 * slice_end.c: interrupts of a running env, the end of its slice above all.
 *
 * Holds:    at slice end the running env gets an upcall, or finds it pending, and a bounded time to yield; then it is forced out, with all
 *           registers saved. Time past the end is counted against the env that ran: as much as a whole grace costs it a slice,
 *           AEG_OVERRUN_MAX in a row stop it. One that cannot take an upcall is stopped, too.
 * Locks:    none: a CPU does this alone in the kernel (turn.c).
 * Not here: who is next (slice.c), and how it is entered (slice_run.c).
 */
#include "core/slice.h"
#include "arch/x86_64/trap.h"
#include "core/trace.h"
#include "core/turn.h"
#include "core/upcall.h"
#include "dev/dev.h"

void
sched_timer(void)
{
    env_expire_waits(time_ns());
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

/* The running env did not give up the CPU in the grace. */
static void
charge_excess(const struct cpu *cpu)
{
    struct env *e = cpu->env;
    uint64_t excess = arch_tsc() - MAX(cpu->slice_end_tsc, cpu->time_since_tsc);

    e->info->excess_tsc += excess;
    e->excess_ticks += excess;
    if (e->excess_ticks < slice_grace_ticks)
        return;
    e->excess_ticks = 0;
    e->info->penalty++;
    e->info->overruns = e->resume_kind == RESUME_SAVED ? e->info->overruns + 1 : 1;
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
    slice_enter(cpu, e);
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
        if (slice_others_wait(cpu))
            overran(cpu, tf);
        home_starves(cpu, tf);
        slice_again(cpu, tf);
        return;
    }
    cpu->in_grace = true;
    if (!unanswered(u))
        cpu->env->unanswered = 0;
    cpu->graced = entry != 0;
    if (!cpu->graced && slice_others_wait(cpu))
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
    uint64_t end = cpu->slice_end_tsc + (cpu->in_grace ? slice_grace_ticks : 0);

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
    slice_rearm();
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
