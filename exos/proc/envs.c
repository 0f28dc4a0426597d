/*
 * envs.c: the envs of a process that has several threads, where several CPUs run the session.
 *
 * Holds:    as many envs as the session has CPUs: the first is the process' own, the others lie in struct envs. What a thread that has given
 *           the CPU away goes on with is on its library stack, so it goes on in whichever env is free; one that was left in its program goes on in
 *           its own. `holder` is who had an env last, NULL when that one went on elsewhere.
 * Rules:    all of it belongs to whoever has the turn. An env that is free rests in thread_park_many().
 */
#include "proc/envs.h"

#include "aegis/sys.h"
#include "base/frames.h"
#include "base/mem.h"
#include "proc/internal.h"
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

/* Who had it last may be another thread by now, which has another. */
static bool
is_free(const struct place *at)
{
    const struct thread *h = *at->holder;

    if (at->env == 0)
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

/* All envs are held. One of those who hold them and wants the CPU has it instead. */
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
        to->go = false;
        to->queued = true;
        list_push_head(&run_queue, &to->run_link);
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
    if (p->envs == NULL || *to->holder == to)
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
