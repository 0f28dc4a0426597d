/*
 * pct.c: protected control transfer: entering another env's gate with the message in the registers (benchmark rows `pct_call`).
 *
 * Holds:    the link between caller and callee, which holds only while both name each other: the caller waits, the callee has the call in
 *           hand. A reply, the caller's deadline, and the end or stop of either breaks it, once.
 * Locks:    none: alone in the kernel (turn.c).
 * Not here: who runs next when a call goes wrong (slice.c), what a message means (a library's business).
 */
#include "core/env.h"
#include "arch/x86_64/arch.h"

#define CHAIN_MAX 16            /* calls within calls that donate a slice from end to end */

/* ---- the link ---- */

/* Whose call e has in hand; NULL: nobody's, or the caller no longer waits for it. */
static inline struct env *
caller_of(const struct env *e)
{
    struct env *caller = e->pct_caller ? env_find(e->pct_caller) : NULL;

    return caller && caller->pct_callee == e->id ? caller : NULL;
}

void
pct_fail(struct env *caller, aeg_err_t err)
{
    struct resume *r = &caller->resume;

    r->rbx = r->rbp = r->r12 = r->r13 = r->r14 = r->r15 = 0;
    r->rdx = r->rdi = r->rsi = 0;
    r->rax = err;
    caller->pct_callee = 0;
    env_set_state(caller, AEG_ENV_READY);
}

void
pct_leave(struct env *e)
{
    struct env *caller = caller_of(e);

    e->pct_caller = 0;
    if (caller)
        pct_fail(caller, AEG_ERR_DEAD);
}

struct env *
pct_last(struct env *e)
{
    for (unsigned i = 0; i < CHAIN_MAX && e->pct_callee; i++) {
        struct env *callee = env_find(e->pct_callee);
        if (!callee || callee->pct_caller != e->id)
            break;
        e = callee;
    }
    return e;
}

/* ---- ways out ---- */

static inline void
save_way_back(struct env *e, const struct call_frame *f)
{
    e->resume.rsp = f->rsp;
    e->resume.rip = f->rip;
    e->resume.rflags = f->rflags;
    e->resume.fs_base = fs_base_read();
    e->resume_kind = RESUME_CALL;
    e->result = RESULT_NONE;
}

/* The same when the call will return by itself, not by a message: what a message may change comes back as zero. */
static void
save_without_message(struct env *e, const struct call_frame *f)
{
    save_way_back(e, f);
    e->resume.rbx = e->resume.rbp = e->resume.r12 = e->resume.r13 = e->resume.r14 = e->resume.r15 = 0;
    e->resume.rax = e->resume.rdx = e->resume.rdi = e->resume.rsi = 0;
}

/* The env behind `id`, if it waits in its gate and the capability lets its holder enter; and where its gate is. */
static inline aeg_err_t
gate_find(uint64_t id, uint32_t cap, struct env **to, uint64_t *entry)
{
    struct space *s = this_cpu()->space;
    struct env *e = env_find(id);
    aeg_err_t err;

    if (!e)
        return AEG_ERR_ENV;
    err = space_cap_check(s, cap, e->gate_guard, AEG_RIGHT_WRITE);
    if (err == AEG_ERR_CAP_DENIED)
        err = space_cap_check(s, cap, e->guard, AEG_RIGHT_WRITE);
    if (err != AEG_OK)
        return err;
    if (e->state != AEG_ENV_GATE)
        return AEG_ERR_NOT_READY;
    *entry = *(volatile uint64_t *)&e->uenv->gate_entry;
    *to = e;
    return *entry - 1 < AEG_USER_TOP - 1 ? AEG_OK : AEG_ERR_UENV;
}

static inline noreturn void
gate_enter(struct env *to, uint64_t entry, uint64_t kind, aeg_id_t from, const struct callee_saved *c, const struct call_frame *f)
{
    to->result = RESULT_NONE;
    to->resume.rip = entry;
    to->resume.rflags = 0x202;
    to->resume.rdi = from;
    to->resume.rsi = kind;
    env_set_state(to, AEG_ENV_READY);
    sched_hand_over(to, c, f);
}

/* The caller waits already; a deadline that is not never costs a look at the clock and the timer. */
static __attribute__((noinline)) void
call_until(uint64_t deadline_ns)
{
    env_deadline(deadline_ns);
    slice_rearm();
}

aeg_err_t
env_pct_call(struct call_frame *f, const struct callee_saved *c)
{
    struct env *e = this_cpu()->env, *to;
    uint64_t deadline_ns = f->args.a[2], entry;
    aeg_err_t err = gate_find(f->args.a[0], f->args.a[1], &to, &entry);

    if (err != AEG_OK)
        return err;
    if (deadline_ns != AEG_WAIT_FOREVER && deadline_ns <= time_ns())
        return AEG_ERR_TIMEOUT;
    save_way_back(e, f);
    e->pct_callee = to->id;
    to->pct_caller = e->id;
    e->wait_mask = 0;           /* notifications do not end a call */
    e->wait_deadline_ns = deadline_ns;
    env_set_state(e, AEG_ENV_WAITING);
    if (deadline_ns != AEG_WAIT_FOREVER)
        call_until(deadline_ns);
    gate_enter(to, entry, AEG_GATE_CALL, e->id, c, f);
}

aeg_err_t
env_pct_send(struct call_frame *f, const struct callee_saved *c)
{
    struct env *e = this_cpu()->env, *to;
    uint64_t entry;
    aeg_err_t err = gate_find(f->args.a[0], f->args.a[1], &to, &entry);

    if (err != AEG_OK)
        return err;
    save_without_message(e, f);
    gate_enter(to, entry, AEG_GATE_SEND, e->id, c, f);
}

static inline noreturn void
reply_enter(struct env *caller, const struct callee_saved *c, const struct call_frame *f)
{
    caller->pct_callee = 0;
    caller->resume.rdi = caller->resume.rsi = 0;
    env_set_state(caller, AEG_ENV_READY);
    sched_hand_over(caller, c, f);
}

aeg_err_t
env_pct_reply(struct call_frame *f, const struct callee_saved *c)
{
    struct env *e = this_cpu()->env, *caller = caller_of(e);
    aeg_id_t had = e->pct_caller;

    e->pct_caller = 0;
    if (!caller)
        return had ? AEG_ERR_DEAD : AEG_ERR_NOT_READY;
    save_without_message(e, f);
    reply_enter(caller, c, f);
}

/* A notification that is already there, or a deadline that has passed: it does not go into its gate. */
static inline bool
gate_would_return(const struct env *e, uint64_t mask, uint64_t deadline_ns)
{
    return (__atomic_load_n(&e->uenv->notify, __ATOMIC_SEQ_CST) & mask) != 0 ||
           (deadline_ns != AEG_WAIT_FOREVER && deadline_ns <= time_ns());
}

aeg_err_t
env_pct_reply_wait(struct call_frame *f, const struct callee_saved *c)
{
    struct env *e = this_cpu()->env, *caller = caller_of(e);
    uint64_t mask = f->args.a[0], deadline_ns = f->args.a[1];
    bool returns = gate_would_return(e, mask, deadline_ns);

    e->pct_caller = 0;
    if (returns && !caller) {
        f->args.value = e->uenv->notify & mask;
        return f->args.value != 0 ? AEG_OK : AEG_ERR_TIMEOUT;
    }
    save_way_back(e, f);
    e->result = RESULT_GATE;    /* until somebody enters */
    e->wait_mask = mask;
    e->wait_deadline_ns = deadline_ns;
    if (!returns) {
        env_set_state(e, AEG_ENV_GATE);
        if (deadline_ns != AEG_WAIT_FOREVER)
            call_until(deadline_ns);
    }
    if (caller)
        reply_enter(caller, c, f);
    sched_run();
}

aeg_err_t
sys_gate_open(struct sys_args *args)
{
    struct aeg_cap cap;
    aeg_err_t err = cap_copy(args->a[0], &cap);

    if (err == AEG_OK)
        this_cpu()->env->gate_guard = cap.name;
    return err;
}
