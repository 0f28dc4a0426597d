/*
 * envs.c: the envs of a process that has several threads, where several CPUs run the session.
 *
 * Holds:    as many envs as the session has CPUs: the first is the process' own, the others lie in struct envs. What a thread that has given
 *           the CPU away goes on with is on its library stack, so it goes on in whichever env is free; one that was left in its program goes on in
 *           its own. `holder` is who had an env last, NULL when that one went on elsewhere.
 * Rules:    all of it belongs to whoever has the turn. An env that is free rests in thread_park_many().
 */
#include "proc/envs.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/frames.h"
#include "base/mem.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "start/layout.h"
#include "thread/turn.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define PAGES (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX)

struct further_env {
    uint64_t env, save;         /* id, frame */
    void *uenv, *handler;       /* session pages */
    struct thread *holder;
};

struct envs {
    unsigned count;
    struct further_env at[SESSION_CPUS_MAX - 1];
};

/* Where a thread goes on. */
struct place {
    uint64_t env;
    struct aeg_uenv *uenv;
    struct thread **holder;
};

/* ---- making them ---- */

static void
further_free(struct further_env *f)
{
    if (f->uenv != NULL)
        page_free(f->uenv);
    if (f->handler != NULL)
        page_free(f->handler);
    if (f->save != 0)
        frame_give(f->save, false);
    *f = (struct further_env){ .env = 0 };
}

static aeg_err_t
further_create(const struct proc *p, struct further_env *f, unsigned index)
{
    uint64_t va = FURTHER_UENV_VA(index), done;
    struct aeg_pte_op ops[] = {
        { va, page_frame(f->uenv) << PAGE_SHIFT | PAGES },
        { FURTHER_HANDLER_TOP(index) - PAGE_SIZE, page_frame(f->handler) << PAGE_SHIFT | PAGES },
    };
    struct aeg_env_args args = {
        .uenv_frame = page_frame(f->uenv), .save_frame = f->save, .uenv_va = va, .rip = (uint64_t)thread_unpark_many,
        .rsp = FURTHER_HANDLER_TOP(index), .controller = session.housekeeper,
    };
    aeg_err_t err = aeg_pte_set(p->space, CAPS, ops, ARRAY_SIZE(ops), &done);

    if (err == AEG_OK)
        err = aeg_env_create(session.account, CAP_SELF, CAP_SELF, p->space, &args, &f->env);
    if (err == AEG_OK)
        uenv_prepare_further(f->uenv, f->env, NULL, p->pid, index);
    return err;
}

static bool
further_make(const struct proc *p, struct further_env *f, unsigned index)
{
    bool zero;

    f->uenv = page_alloc();
    f->handler = page_alloc();
    f->save = frame_take(&zero);
    if (f->uenv == NULL || f->handler == NULL || f->save == 0)
        return false;
    memset(f->uenv, 0, PAGE_SIZE);
    memset(f->handler, 0, PAGE_SIZE);
    return further_create(p, f, index) == AEG_OK;
}

int
envs_make(struct proc *p)
{
    struct envs *e;

    if (!cpus_many)
        return 0;
    if (p->envs != NULL)
        return p->envs->count == cpu_count() - 1 ? 0 : -EAGAIN;
    e = heap_alloc(sizeof(*e));
    if (e == NULL)
        return -EAGAIN;
    p->envs = e;
    for (e->count = 0; e->count < cpu_count() - 1; e->count++)
        if (!further_make(p, &e->at[e->count], e->count))
            return -EAGAIN;     /* what there is goes with the space */
    return 0;
}

void
envs_free(struct proc *p)
{
    if (p->envs == NULL)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(p->envs->at); i++)
        further_free(&p->envs->at[i]);
    heap_free(p->envs);
    p->envs = NULL;
}

/* ---- choosing one ---- */

static struct proc *
owner_of(struct proc *p)
{
    while (p->vfork != NULL)
        p = p->vfork->parent;
    return p;
}

static struct place
place_at(struct proc *p, unsigned i)
{
    if (i == 0)
        return (struct place){ p->env, p->segment_page[SEGMENT_UENV], &p->holder };
    return (struct place){ p->envs->at[i - 1].env, p->envs->at[i - 1].uenv, &p->envs->at[i - 1].holder };
}

/* Somebody may have taken it away, or Aegis stopped it. */
static bool
is_there(uint64_t env)
{
    const volatile struct aeg_env_info *e = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(env));

    return env != 0 && e->id == env && e->state == AEG_ENV_READY;
}

/* Who had it last may be another thread by now, which has another. */
static bool
is_free(const struct place *at)
{
    const struct thread *h = *at->holder;

    if (!is_there(at->env))
        return false;
    return h == NULL || h->holder != at->holder || (h->parked != 0 && uenv_local(at->uenv)->inside == TURN_HELD);
}

static void
move(struct thread *t, const struct place *at)
{
    struct uenv_local *l = uenv_local(at->uenv);

    if (*t->holder == t)
        *t->holder = NULL;
    *at->holder = t;
    t->env = at->env;
    t->uenv = at->uenv;
    t->holder = at->holder;
    l->self = t;
    l->pid = t->pid;
    l->stack_top = t->stack_top;
    for (struct vfork *v = t->proc->vfork; v != NULL; v = v->parent->vfork) {      /* who waits below goes on wherever this one was */
        v->thread->env = at->env;
        v->thread->uenv = at->uenv;
        v->thread->holder = at->holder;
    }
}

/* All envs are held. One of those who hold them and wants the CPU has it instead, even on a CPU that is barred to it,
   which it leaves when it comes into the library: then its env is free. */
static void
run_holder(struct proc *p, struct thread *to)
{
    for (unsigned i = 0; i <= p->envs->count; i++) {
        struct place at = place_at(p, i);
        struct thread *h = *at.holder;

        if (h == NULL || h->holder != at.holder || !h->queued)
            continue;
        list_remove(&h->run_link);
        h->queued = false;
        h->go = true;
        h->attention = 1;
        to->go = false;
        to->queued = true;
        list_push_head(&run_queue, &to->run_link);
        turn_news.work = 1;
        sched.running = h;
        return;
    }
    EXO_PANIC("pid %u has no env for a thread", p->pid);
}

bool
env_place(struct thread *self, struct thread *to)
{
    struct proc *p;

    if (to->proc == NULL || to->parked == 0 || to == self)
        return false;
    p = owner_of(to->proc);
    if (p->envs == NULL || (*to->holder == to && is_there(to->env)))
        return false;
    if (self != NULL && self->proc != NULL && owner_of(self->proc) == p) {
        struct place here = { self->env, self->uenv, self->holder };

        move(to, &here);
        return true;
    }
    for (unsigned i = 0; i <= p->envs->count; i++) {
        struct place at = place_at(p, i);

        if (!is_free(&at))
            continue;
        move(to, &at);
        return false;
    }
    run_holder(p, to);
    return false;
}

/* ---- when one is gone ---- */

/* Who had the CPU there in its program: nobody else can go on for it, and it held nothing. */
static struct thread *
lost_in(const struct place *at)
{
    struct thread *h = *at->holder;

    return h != NULL && h->holder == at->holder && h->parked == 0 ? h : NULL;
}

static struct thread *
any_parked(struct proc *p)
{
    list_for(pos, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        if (t->parked != 0)
            return t;
    }
    return NULL;
}

/* That a thread had been chosen to go on in an env that is gone counts no more. Who waits for the turn is on its way already. */
static void
ready_chosen(struct proc *p)
{
    list_for(pos, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        if (t->parked != 0 && !t->sleeping && t != thread_self() && !(*t->holder == t && uenv_local(t->uenv)->inside == TURN_WANTED))
            thread_ready(t);
    }
}

bool
envs_mend(struct proc *p)
{
    unsigned left = 0, lost = 0;

    if (p->envs == NULL)
        return false;
    for (unsigned i = 0; i <= p->envs->count; i++) {
        struct place at = place_at(p, i);

        if (is_there(at.env)) {
            left++;
            continue;
        }
        if (lost_in(&at) != NULL)
            thread_drop(lost_in(&at));
        lost += *at.holder != NULL;
        *at.holder = NULL;
    }
    if (lost != 0)
        log_print("pid %u (%s): an env of its is gone; it is killed", p->pid, p->name);
    if (p->thread_count == 0 || (left == 0 && (any_parked(p) == NULL || space_revive(any_parked(p)) != 0))) {
        proc_end_from_outside(p);
        return true;
    }
    proc_kill(p);
    ready_chosen(p);
    return true;
}

void
envs_enforce(struct proc *p)
{
    for (unsigned i = 0; p->envs != NULL && i <= p->envs->count; i++) {
        struct place at = place_at(p, i);

        if (lost_in(&at) != NULL && uenv_local(at.uenv)->inside == TURN_OUTSIDE)
            (void)!aeg_env_destroy(at.env, CAP_SELF);
    }
}
