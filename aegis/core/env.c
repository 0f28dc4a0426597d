/*
 * env.c: envs: making, ending, waiting and notifying.
 *
 * Holds:    the table of envs. An env is free, ready, waiting (in its gate or not) or stopped; a waiting one has no bit of its mask set,
 *           for both sides test and change under env_lock.
 * Locks:    env_lock; who changes a state holds the lock of turn.c, too, or is alone.
 * Not here: who runs (slice.c), gates (pct.c), what a process is (a library's business).
 */
#include "core/env.h"
#include "core/account.h"
#include "core/frame.h"
#include "core/lockrank.h"
#include "core/trace.h"
#include "core/turn.h"

struct env envs[ENV_MAX];
static uint32_t envs_end;       /* places from here on are free; written by makers and enders, of whom there is one at a time */
static struct aeg_env_info *env_info;
static struct spinlock env_lock = SPINLOCK(LOCK_ENV);
static uint64_t earliest_deadline_ns = UINT64_MAX;

void
env_init(void)
{
    uint64_t bytes = ENV_MAX * sizeof(*env_info);

    env_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
    info->envs = (struct aeg_table){ info_expose(env_info, bytes), ENV_MAX, sizeof(*env_info) };
    for (uint32_t i = 0; i < ENV_MAX; i++)
        envs[i].info = &env_info[i];
}

struct env *
env_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < ENV_MAX && id != 0 && envs[index].id == id ? &envs[index] : NULL;
}

static inline __attribute__((always_inline)) aeg_err_t
check(aeg_id_t id, uint32_t cap, uint32_t rights, struct env **out)
{
    struct env *e = env_find(id);
    aeg_err_t err;

    if (!e)
        return AEG_ERR_ENV;
    err = space_cap_check(this_cpu()->space, cap, e->guard, rights);
    if (err == AEG_OK)
        *out = e;
    return err;
}

aeg_err_t
env_check(aeg_id_t id, uint32_t cap, uint32_t rights, struct env **out)
{
    return check(id, cap, rights, out);
}

void
env_set_state(struct env *e, enum aeg_env_state state)
{
    e->state = state;
    e->info->state = state;
    if (cpus_many && state == AEG_ENV_READY)
        turn_wakes_idle();
}

struct env *
env_make(struct space *s, const struct aeg_env_args *args, struct aeg_name guard, uint32_t account)
{
    for (uint32_t i = 0; i < ENV_MAX; i++) {
        struct env *e = &envs[i];

        if (e->id != 0 || e->next_generation == UINT32_MAX)     /* an id is never given out twice */
            continue;
        struct aeg_env_info *ei = e->info;
        uint32_t generation = e->next_generation + 1;
        memset(e, 0, sizeof(*e));
        memset(ei, 0, sizeof(*ei));
        *e = (struct env){
            .guard = guard, .gate_guard = guard, .account = account, .next_generation = generation, .space = s, .info = ei,
            .uenv_frame = args->uenv_frame, .save_frame = args->save_frame, .uenv_va = args->uenv_va,
            .uenv = frame_map(args->uenv_frame), .save = frame_map(args->save_frame),
            .resume = { .rip = args->rip, .rsp = args->rsp, .rflags = 0x202, .rdi = args->arg[0], .rsi = args->arg[1],
                        .fs_base = args->fs_base, .gs_base = args->uenv_va },
        };
        frame_at(e->uenv_frame)->flags |= AEG_FRAME_PINNED;
        frame_at(e->save_frame)->flags |= AEG_FRAME_PINNED;
        frame_become_save(e->save_frame);
        e->id = AEG_ID(i, generation);
        if (i >= envs_end)
            __atomic_store_n(&envs_end, i + 1, __ATOMIC_SEQ_CST);
        e->uenv->env_id = e->id;
        s->info->envs++;
        ei->id = e->id;
        ei->space = s->id;
        ei->guard = guard;
        ei->account = account;
        ei->controller = args->controller;
        env_set_state(e, AEG_ENV_READY);
        trace(AEG_TRACE_ENV_MADE, e->id, s->id);
        return e;
    }
    return NULL;
}

static bool
user_address(uint64_t va)
{
    return va < AEG_USER_TOP;
}

/* Pins both frames: the UENV may be mapped, the save frame is bound nowhere else, so that nobody writes registers for the kernel. */
static aeg_err_t
env_bind_frames(const struct aeg_env_args *a, const struct aeg_cap *cap)
{
    uint32_t rights = AEG_RIGHT_READ | AEG_RIGHT_WRITE;
    aeg_err_t err;

    if (a->uenv_frame == a->save_frame)
        return AEG_ERR_FRAME_BUSY;
    err = frame_bind(a->uenv_frame, cap, rights);
    if (err != AEG_OK)
        return err;
    err = frame_at(a->uenv_frame)->flags & AEG_FRAME_PINNED ? AEG_ERR_FRAME_BUSY : frame_bind(a->save_frame, cap, rights);
    if (err == AEG_OK && frame_at(a->save_frame)->refs != 1) {
        frame_unbind(a->save_frame);
        err = AEG_ERR_FRAME_BUSY;
    }
    if (err != AEG_OK)
        frame_unbind(a->uenv_frame);
    return err;
}

static void
env_unbind_frames(aeg_frame_t uenv, aeg_frame_t save)
{
    frame_leave_save(save);
    frame_at(uenv)->flags &= ~AEG_FRAME_PINNED;
    frame_at(save)->flags &= ~AEG_FRAME_PINNED;
    frame_unbind(uenv);
    frame_unbind(save);
}

/* Who is told when the new env stops: whoever its maker says and may write, or the maker. */
static aeg_err_t
controller_find(struct aeg_env_args *a, const struct aeg_cap *cap)
{
    const struct env *controller;

    if (a->controller == 0)
        a->controller = this_cpu()->env->id;
    controller = env_find(a->controller);
    if (!controller)
        return AEG_ERR_ENV;
    return controller == this_cpu()->env || cap_allows(cap, controller->guard, AEG_RIGHT_WRITE) ? AEG_OK : AEG_ERR_CAP_DENIED;
}

static aeg_err_t
env_create_check(const struct sys_args *args, struct aeg_env_args *a, struct space **s, struct aeg_cap *cap, struct aeg_cap *guard)
{
    aeg_err_t err = cap_copy(args->a[1], cap);

    if (err == AEG_OK)
        err = cap_copy(args->a[2], guard);
    if (err == AEG_OK)
        err = space_control(args->a[3], args->a[1], s);
    if (err != AEG_OK)
        return err;
    if (!copy_in(a, (struct uaddr){ args->a[4] }, sizeof(*a)))
        return AEG_ERR_BAD_ADDRESS;
    if (!user_address(a->rip) || !user_address(a->rsp) || !user_address(a->uenv_va) || !user_address(a->fs_base))
        return AEG_ERR_UENV;
    return controller_find(a, cap);
}

aeg_err_t
sys_env_create(struct sys_args *args)
{
    struct aeg_account_info *account = account_find(args->a[0]);
    struct aeg_env_args a;
    struct aeg_cap cap, guard;
    struct space *s;
    struct env *e;
    aeg_err_t err;

    if (!account)
        return AEG_ERR_ACCOUNT;
    err = env_create_check(args, &a, &s, &cap, &guard);
    if (err != AEG_OK)
        return err;
    if (!cap_allows(&cap, account->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    err = env_bind_frames(&a, &cap);
    if (err != AEG_OK)
        return err;
    err = account_take(account, AEG_KIND_ENV, 1);
    e = err == AEG_OK ? env_make(s, &a, guard.name, AEG_ID_INDEX(account->id)) : NULL;
    if (!e) {
        if (err == AEG_OK)
            account_give(account, AEG_KIND_ENV, 1);
        env_unbind_frames(a.uenv_frame, a.save_frame);
        return err == AEG_OK ? AEG_ERR_NOMEM : err;
    }
    args->value = e->id;
    return AEG_OK;
}

static void
env_end(struct env *e)
{
    trace(AEG_TRACE_ENV_GONE, e->id, e->space->id);
    env_off_cpu(e);
    pct_leave(e);
    slice_forget(e);
    env_unbind_frames(e->uenv_frame, e->save_frame);
    account_give(account_at(e->account), AEG_KIND_ENV, 1);
    e->space->info->envs--;
    e->id = 0;
    e->info->id = 0;
    while (envs_end > 0 && envs[envs_end - 1].id == 0)
        __atomic_store_n(&envs_end, envs_end - 1, __ATOMIC_SEQ_CST);
    env_set_state(e, AEG_ENV_FREE);
}

aeg_err_t
sys_env_destroy(struct sys_args *args)
{
    struct env *e;
    aeg_err_t err = env_check(args->a[0], args->a[1], AEG_RIGHT_CONTROL, &e);

    if (err != AEG_OK)
        return err;
    if (e == this_cpu()->env)
        return AEG_ERR_NOT_READY;
    env_end(e);
    return AEG_OK;
}

void
env_destroy_all(struct space *s)
{
    for (uint32_t i = 0; i < envs_end && s->info->envs != 0; i++)
        if (envs[i].id != 0 && envs[i].space == s)
            env_end(&envs[i]);
}

void
env_destroy_paid(uint32_t account)
{
    for (uint32_t i = 0; i < ENV_MAX; i++)
        if (envs[i].id != 0 && envs[i].account == account)
            env_end(&envs[i]);
}

/* ---- notification ---- */

static void
env_notify_locked(struct env *e, uint64_t bits)
{
    __atomic_or_fetch(&e->uenv->notify, bits, __ATOMIC_SEQ_CST);
    if (env_asleep(e) && (bits & e->wait_mask))
        env_set_state(e, AEG_ENV_READY);
    else if (e->uenv->notify_entry)
        __atomic_or_fetch(&e->uenv->pending, AEG_PENDING_NOTIFY, __ATOMIC_SEQ_CST);
    if (e->on_cpu != 0)
        turn_wakes(&cpus[e->on_cpu - 1]);
}

void
env_notify(aeg_id_t id, uint64_t bits)
{
    bool entered = sched_enter();
    struct env *e;

    spin_lock(&env_lock);
    e = env_find(id);
    if (e) {
        trace(AEG_TRACE_NOTIFY, id, bits);
        env_notify_locked(e, bits);
    }
    spin_unlock(&env_lock);
    if (entered)
        sched_leave();
}

void
env_tell(aeg_id_t id, uint64_t bits, uint32_t pending)
{
    bool entered = sched_enter();
    struct env *e;

    spin_lock(&env_lock);
    e = env_find(id);
    if (e) {
        if (e->uenv->revoke_entry)
            __atomic_or_fetch(&e->uenv->pending, pending, __ATOMIC_SEQ_CST);
        env_notify_locked(e, bits);
    }
    spin_unlock(&env_lock);
    if (entered)
        sched_leave();
}

aeg_err_t
sys_notify(struct sys_args *args)
{
    struct env *e;
    aeg_err_t err = env_check(args->a[0], args->a[1], AEG_RIGHT_WRITE, &e);

    if (err == AEG_OK)
        env_notify(e->id, args->a[2]);
    return err;
}

void
env_deadline(uint64_t deadline_ns)
{
    earliest_deadline_ns = MIN(earliest_deadline_ns, deadline_ns);
}

uint64_t
env_next_deadline(void)
{
    return earliest_deadline_ns;
}

uint64_t
env_expire_waits(uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;

    if (now_ns < earliest_deadline_ns)
        return earliest_deadline_ns;
    spin_lock(&env_lock);
    for (uint32_t i = 0, end = __atomic_load_n(&envs_end, __ATOMIC_SEQ_CST); i < end; i++) {
        struct env *e = &envs[i];
        if (e->id == 0 || !env_asleep(e))
            continue;
        if (e->wait_deadline_ns > now_ns)
            next = MIN(next, e->wait_deadline_ns);
        else if (e->pct_callee)
            pct_fail(e, AEG_ERR_TIMEOUT);
        else
            env_set_state(e, AEG_ENV_READY);
    }
    earliest_deadline_ns = next;
    spin_unlock(&env_lock);
    return next;
}

/* ---- giving up the CPU ---- */

/* Field by field: a directed yield is short (benchmark row `yield`). Registers that are no message come back as zero. */
static inline void
env_save_call(struct env *e, const struct call_frame *f, const struct callee_saved *c)
{
    struct resume *r = &e->resume;

    r->rbx = c->rbx;
    r->rbp = c->rbp;
    r->r12 = c->r12;
    r->r13 = c->r13;
    r->r14 = c->r14;
    r->r15 = c->r15;
    r->rsp = f->rsp;
    r->rip = f->rip;
    r->rflags = f->rflags;
    r->rax = r->rdx = r->rdi = r->rsi = 0;
    r->fs_base = fs_base_read();
    e->resume_kind = RESUME_CALL;
}

/* Whom a yield names: NULL for anyone. It must be ready, and not be running on another CPU. */
static inline aeg_err_t
yield_target(uint64_t id, uint32_t cap, struct env **to)
{
    aeg_err_t err;

    *to = NULL;
    if (id == 0)
        return AEG_OK;
    err = check(id, cap, AEG_RIGHT_WRITE, to);
    if (err == AEG_OK && !env_can_run(*to) && ((*to)->state != AEG_ENV_READY || env_elsewhere(*to)))
        err = AEG_ERR_NOT_READY;
    return err;
}

/* A yield to oneself is for the home's next slices: nothing but a sign of life until the grace of this one. */
static bool
own_slice_ends(struct env *e)
{
    e->resume_kind = RESUME_CALL;
    return slice_in_grace();
}

aeg_err_t
env_yield(struct call_frame *f, const struct callee_saved *c)
{
    struct env *e = this_cpu()->env, *to;
    aeg_err_t err = yield_target(f->args.a[0], f->args.a[1], &to);

    if (err != AEG_OK || (to == e && !own_slice_ends(e)))
        return err;
    env_save_call(e, f, c);
    if (to)
        sched_switch_to(to);
    sched_run();
}

aeg_err_t
env_wait(struct call_frame *f, const struct callee_saved *c)
{
    struct env *e = this_cpu()->env, *to;
    uint64_t mask = f->args.a[0], deadline_ns = f->args.a[1];
    aeg_err_t err = yield_target(f->args.a[2], f->args.a[3], &to);

    if (err != AEG_OK)
        return err;
    spin_lock(&env_lock);
    f->args.value = __atomic_load_n(&e->uenv->notify, __ATOMIC_SEQ_CST) & mask;
    if (f->args.value != 0 || deadline_ns <= time_ns() || to == e) {
        spin_unlock(&env_lock);
        return f->args.value != 0 ? AEG_OK : AEG_ERR_TIMEOUT;
    }
    env_save_call(e, f, c);
    e->result = RESULT_WAIT;
    e->wait_mask = mask;
    e->wait_deadline_ns = deadline_ns;
    env_deadline(deadline_ns);
    env_set_state(e, AEG_ENV_WAITING);
    spin_unlock(&env_lock);
    trace(AEG_TRACE_WAIT, mask, deadline_ns);
    if (to)
        sched_switch_to(to);
    sched_run();
}
