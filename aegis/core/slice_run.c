/*
 * slice_run.c: from one env to another.
 *
 * Holds:    whose time is running on each CPU, and the ways an env is entered. An env runs on one CPU at a time, and so does a home with its
 *           runners.
 * Locks:    none: whoever takes a CPU from one env to another is alone in the kernel (turn.c).
 * Not here: whose turn it is (slice.c), what an interrupt makes of it (slice_end.c), the short ways (arch/x86_64/yield_fast.asm, pct_fast.asm).
 */
#include "core/slice.h"
#include "core/mail.h"
#include "core/tlb.h"
#include "core/trace.h"
#include "core/turn.h"
#include "core/upcall.h"
#include "dev/dev.h"

uint8_t slice_idle_uenv[FRAME_SIZE] __attribute__((aligned(FRAME_SIZE)));

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

void
slice_leave(struct cpu *cpu)
{
    time_goes_to(cpu, &cpu->nobody_tsc);
    cpu->env = NULL;
    cpu->uenv = (struct aeg_uenv *)slice_idle_uenv;
    cpu->info->env = 0;
    tlb_load_none(cpu);
}

/* ---- running an env ---- */

/*
 * The next interrupt this CPU needs: the end of its slice or grace, or the first deadline of a waiting env. Nobody is woken here, for the
 * caller may have found just now that there is nobody to run: a deadline that has passed since is an interrupt at once.
 */
static void
timer_program(struct cpu *cpu)
{
    uint64_t deadline_ns = env_next_deadline();
    uint64_t at = cpu->env ? cpu->slice_end_tsc + (cpu->in_grace ? slice_grace_ticks : 0) : dev_poll_tsc();

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

noreturn void
slice_enter(struct cpu *cpu, struct env *e)
{
    env_enter(cpu, e);
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

struct env *
slice_next(struct cpu *cpu, struct env *otherwise)
{
    struct env *e = slice_advance(cpu);

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
    cpu->uenv = (struct aeg_uenv *)slice_idle_uenv;
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
            e = slice_home_pick(cpu->home);
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
