/*
 * threads.c: the threads of a process beyond its first.
 *
 * Holds:    a seat for each: struct thread, a library stack in the process segment with nothing mapped below it, and a page for its vector
 *           registers. A seat is made once, is used again by the next thread, and goes with the space. All threads run on the process' one
 *           env; the scheduler changes from one library stack to another (thread/sched.c).
 * Bounds:   THREADS_MAX threads of a process.
 * Rules:    a thread ends by itself, on its way out of the library. Whoever wants others to end asks, and waits. The first thread is part of
 *           struct proc: when it exits before the others, it waits for them.
 */
#include "aegis/sys.h"
#include "base/clock.h"
#include "base/frames.h"
#include "base/mem.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/envs.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "start/keys.h"
#include "start/session.h"
#include "thread/futex.h"
#include "thread/turn.h"
#include "thread/vectors.h"
#include "vm/vm.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define THREADS_MAX 256
#define SEAT_STACK_PAGES 8
#define TABLE_BYTES (2ull << 20)
#define SEATS_PER_TABLE (TABLE_BYTES / SEAT_BYTES)
#define TABLES (THREADS_MAX / SEATS_PER_TABLE)
#define REGS_ROOM 256           /* below the top of a library stack: struct regs, and alignment */
#define CLONE_THREAD_NEEDS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_THREAD_KNOWN (CLONE_THREAD_NEEDS | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
                            CLONE_CHILD_SETTID | CLONE_DETACHED | CLONE_UNTRACED | CSIGNAL)

struct seat {
    struct thread thread;
    struct list idle;           /* in seats.idle while no thread has it */
    unsigned index;
    void *vectors;              /* session page */
    void *stack[SEAT_STACK_PAGES];      /* the highest first */
};

struct seats {
    struct seat *at[THREADS_MAX];
    unsigned count;
    struct list idle;
    uint64_t table[TABLES];     /* frames: page tables of the stacks */
    uint64_t ended_ticks;       /* CPU time of threads whose seats others have */
};

/* ---- seats ---- */

static uint64_t
seat_va(unsigned index)
{
    return SEATS_VA + index * SEAT_BYTES;
}

static struct seat *
seat_of(struct thread *t)
{
    return container_of(t, struct seat, thread);
}

static void
seat_free(struct seat *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < SEAT_STACK_PAGES; i++)
        if (s->stack[i] != NULL)
            page_free(s->stack[i]);
    if (s->vectors != NULL)
        page_free(s->vectors);
    heap_free(s);
}

static struct seat *
seat_alloc(unsigned index)
{
    struct seat *s = heap_alloc(sizeof(*s));
    bool whole = s != NULL && (s->vectors = page_alloc()) != NULL;

    for (unsigned i = 0; i < SEAT_STACK_PAGES && whole; i++)
        whole = (s->stack[i] = page_alloc()) != NULL;
    if (!whole) {
        seat_free(s);
        return NULL;
    }
    s->index = index;
    list_init(&s->idle);
    list_init(&s->thread.proc_link);
    memset(s->vectors, 0, PAGE_SIZE);
    return s;
}

/* The page table for that seat's stack. */
static aeg_err_t
table_attach(const struct proc *p, unsigned index)
{
    uint64_t *frame = &p->seats->table[index / SEATS_PER_TABLE];
    bool zero;

    if (*frame != 0)
        return AEG_OK;
    *frame = frame_take(&zero);
    return *frame == 0 ? AEG_ERR_NOMEM : aeg_pt_attach(p->space, CAPS, seat_va(index), 1 | AEG_ATTACH_WRITE, *frame);
}

static aeg_err_t
seat_map(const struct proc *p, const struct seat *s)
{
    struct aeg_pte_op ops[SEAT_STACK_PAGES];
    aeg_err_t err = table_attach(p, s->index);
    uint64_t done, top = seat_va(s->index + 1);

    if (err != AEG_OK)
        return err;
    for (unsigned i = 0; i < SEAT_STACK_PAGES; i++)
        ops[i] = (struct aeg_pte_op){ top - (i + 1) * PAGE_SIZE, page_frame(s->stack[i]) << PAGE_SHIFT | AEG_PTE_P | AEG_PTE_W | AEG_PTE_U |
                                                                     AEG_PTE_NX | keys_pte() };
    return aeg_pte_set(p->space, CAPS, ops, SEAT_STACK_PAGES, &done);
}

static struct seat *
seat_make(struct proc *p)
{
    struct seats *all = p->seats;
    struct seat *s = all->count < THREADS_MAX ? seat_alloc(all->count) : NULL;

    if (s == NULL)
        return NULL;
    if (seat_map(p, s) != AEG_OK) {
        seat_free(s);
        return NULL;
    }
    all->at[all->count++] = s;
    return s;
}

static struct seat *
seat_take(struct proc *p)
{
    struct seat *s;

    if (p->seats == NULL) {
        p->seats = heap_alloc(sizeof(*p->seats));
        if (p->seats == NULL)
            return NULL;
        list_init(&p->seats->idle);
        if (envs_make(p) != 0)
            return NULL;
    }
    if (list_empty(&p->seats->idle))
        return seat_make(p);
    s = container_of(p->seats->idle.next, struct seat, idle);
    list_remove(&s->idle);
    p->seats->ended_ticks += s->thread.run_ticks;
    return s;
}

static void
seat_give(struct proc *p, struct seat *s)
{
    list_push_head(&p->seats->idle, &s->idle);
}

void
threads_free(struct proc *p)
{
    if (p->seats == NULL)
        return;
    envs_free(p);
    for (unsigned i = 0; i < p->seats->count; i++) {
        p->cpu_ns += ticks_ns(p->seats->at[i]->thread.run_ticks);
        seat_free(p->seats->at[i]);
    }
    for (unsigned i = 0; i < TABLES; i++)
        if (p->seats->table[i] != 0)
            frame_give(p->seats->table[i], false);
    p->cpu_ns += ticks_ns(p->seats->ended_ticks);
    heap_free(p->seats);
    p->seats = NULL;
}

/* The child of a vfork is in its parent's space, whose other threads go on. */
bool
threads_share_space(void)
{
    const struct proc *p = proc_current();

    return p->thread_count > 1 || p->vfork != NULL;
}

bool
thread_stack_covers(const struct proc *p, uint64_t va)
{
    return p->seats != NULL && va > SEATS_VA && va <= seat_va(p->seats->count) && ((va - 1) & (SEAT_BYTES / 2)) != 0;
}

uint64_t
thread_stack_word(const struct proc *p, uint64_t va)
{
    uint64_t index = (va - SEATS_VA) / SEAT_BYTES, below_top;

    if (va < SEATS_VA || p->seats == NULL || index >= p->seats->count)
        return 0;
    below_top = seat_va((unsigned)index + 1) - va;
    if (below_top > SEAT_STACK_PAGES * PAGE_SIZE)
        return 0;
    return ((const uint64_t *)p->seats->at[index]->stack[(below_top - 1) / PAGE_SIZE])[(va & PAGE_MASK) / sizeof(uint64_t)];
}

uint64_t
proc_cpu_ns(const struct proc *p)
{
    uint64_t ns = thread_cpu_ns(&p->thread) + p->cpu_ns;

    if (p->seats == NULL)
        return ns;
    for (unsigned i = 0; i < p->seats->count; i++)
        ns += thread_cpu_ns(&p->seats->at[i]->thread);
    return ns + ticks_ns(p->seats->ended_ticks);
}

/* ---- the beginning of a thread ---- */

static noreturn void
thread_begin(void)
{
    struct thread *t = thread_self();

    t->go = false;
    fs_base_set(t->fs_base);
    vectors_restore(t->vectors);
    if (t->attention != 0)
        (void)signals_take(program_regs(), NULL);
    resume_program();
}

/* Its library stack as if it had been parked on the way to thread_begin(), with the program's registers at the top. */
static void
stack_prepare(struct seat *s, const struct regs *r, uint64_t sp)
{
    uint64_t *frame = (uint64_t *)((char *)s->stack[0] + PAGE_SIZE - REGS_ROOM - 16) - PARKED_REGISTERS;
    struct regs *regs = (struct regs *)((char *)s->stack[0] + PAGE_SIZE) - 1;

    *regs = *r;
    regs->rax = 0;
    if (sp != 0)
        regs->rsp = sp;
    *frame = 0;             /* rbp */
    frame[PARKED_REGISTERS] = (uint64_t)thread_begin;
    s->thread.parked = s->thread.stack_top - PAGE_SIZE + (uint64_t)((char *)frame - (char *)s->stack[0]);
}

static void
thread_prepare(struct seat *s, struct proc *p, const struct regs *r, const struct clone_request *rq)
{
    const struct thread *self = thread_self();
    struct thread *t = &s->thread;

    t->sig = (struct thread_signals){ .blocked = self->sig.blocked, .alt_stack_flags = SS_DISABLE };
    t->barred = self->barred;
    t->clear_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->child_tid : 0;
    thread_init(t, p, self->env, self->uenv, self->holder);
    t->stack_top = seat_va(s->index + 1);
    t->vectors = s->vectors;
    t->fs_base = rq->flags & CLONE_SETTLS ? rq->tls : fs_base_get();
    vectors_save(t->vectors);
    stack_prepare(s, r, rq->stack);
}

static int
clone_check(const struct proc *p, const struct clone_request *rq)
{
    if ((rq->flags & CLONE_THREAD_NEEDS) != CLONE_THREAD_NEEDS || (rq->flags & ~CLONE_THREAD_KNOWN))
        return -EINVAL;
    if ((rq->flags & CLONE_SETTLS) && rq->tls >= USER_TOP)
        return -EPERM;
    return p->vfork != NULL || p->thread_count >= THREADS_MAX ? -EAGAIN : proc_room_for_task(p);
}

static void
tell_tid(const struct clone_request *rq, uint64_t flag, uint64_t to, uint32_t tid)
{
    if ((rq->flags & flag) && !user_store32(to, tid))
        log_print("pid %u: the address for the id of a thread is bad", proc_current()->pid);
}

long
thread_clone(struct proc *p, const struct regs *r, const struct clone_request *rq)
{
    int err = clone_check(p, rq);
    struct seat *s;
    uint32_t tid;

    if (err != 0)
        return err;
    s = seat_take(p);
    if (s == NULL)
        return -EAGAIN;
    tid = tid_take(p);
    if (tid != 0) {
        tell_tid(rq, CLONE_PARENT_SETTID, rq->parent_tid, tid);
        tell_tid(rq, CLONE_CHILD_SETTID, rq->child_tid, tid);
    }
    if (tid == 0 || thread_self()->end_wanted) {        /* that may have slept */
        if (tid != 0)
            tid_give(tid);
        seat_give(p, s);
        return -EAGAIN;
    }
    thread_prepare(s, p, r, rq);
    s->thread.tid = tid;
    list_push_tail(&p->threads, &s->thread.proc_link);
    p->thread_count++;
    thread_ready(&s->thread);
    return tid;
}

/* ---- its end ---- */

/* It is none of the process' any more. */
static void
unlink_thread(struct thread *t)
{
    struct proc *p = t->proc;

    list_remove(&t->proc_link);
    p->thread_count--;
    sigqueue_drop(&t->sig.pending, UINT64_MAX, &p->sig_queued);
    if (t != &p->thread) {
        tid_give(t->tid);
        seat_give(p, seat_of(t));
    }
}

static noreturn void
leave(struct thread *t)
{
    struct proc *p = t->proc;

    unlink_thread(t);
    signals_mask_changed(p);    /* what was for it is for another */
    wake_all(&p->thread_exit);
    sched_leave();
}

noreturn void
thread_give_way(void)
{
    futex_farewell(thread_self());
    leave(thread_self());
}

noreturn void
thread_exit(int status)
{
    struct thread *t = thread_self();
    struct proc *p = t->proc;

    if (p->thread_count == 1)
        proc_exit(status);
    futex_farewell(t);
    t->leaving = t == &p->thread;
    while (t->leaving && p->thread_count > 1 && !t->end_wanted)
        if (wait_sleep(&p->thread_exit, NULL, DEADLINE_NEVER, 0) != 0)
            continue;
    if (t->leaving && !t->end_wanted)
        proc_exit(status);
    leave(t);
}

void
threads_end_others(struct proc *p)
{
    struct thread *self = thread_self();

    if (p->thread_count == 1)
        return;
    if (self->end_wanted)
        thread_give_way();
    p->ending = self;
    list_for_safe(pos, next, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        if (t == self)
            continue;
        t->end_wanted = true;
        thread_attend(t);
        thread_interrupt(t);
    }
    proc_continue(p, false);
    wake_all(&p->thread_exit);
    while (p->thread_count > 1)
        if (wait_sleep(&p->thread_exit, NULL, DEADLINE_NEVER, 0) != 0)
            continue;
    p->ending = NULL;
}

void
thread_drop(struct thread *t)
{
    thread_forget(t);
    if (list_empty(&t->proc_link))
        return;
    unlink_thread(t);
    wake_all(&t->proc->thread_exit);
}

noreturn void
thread_become_first(struct proc *p, struct exec *e)
{
    struct thread *self = thread_self(), *first = &p->thread;

    p->seats->ended_ticks += first->run_ticks;
    first->sig = self->sig;
    self->sig.pending = (struct sig_queue){ .set = 0 };
    first->barred = self->barred;
    first->clear_tid = 0;
    unlink_thread(self);
    thread_init(first, p, self->env, self->uenv, self->holder);
    first->tid = p->pid;
    list_push_tail(&p->threads, &first->proc_link);
    p->thread_count++;
    p->exec = e;
    sched_become(first);
    restart_process(p);
}
