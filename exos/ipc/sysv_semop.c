/*
 * sysv_semop.c: operations on System V semaphores.
 *
 * Holds:    the operations of one call are done all or none. Who has to wait leaves a record of them, and whoever changes the set does what
 *           can then be done, in the order of coming: a value that is there for a moment only is seen. What a process is to undo when it ends
 *           lies in session memory, so whoever finishes a process that was ended by force undoes it.
 * Locks:    sem_table's.
 */
#include "base/mem.h"
#include "ipc/sysv_sem.h"
#include "proc/proc.h"

struct sem_undo {
    struct list set_link, proc_link;
    struct semset *set;         /* of which it is in the list of undos */
    int16_t adjust[];
};

/* ---- undo ---- */

/* The process' record of the set, made if need be: NULL: no memory. The lock is held, and released meanwhile. */
static struct sem_undo *
undo_of(struct proc *p, struct semset *s)
{
    struct sem_undo *u;

    list_for(l, &s->undos) {
        u = container_of(l, struct sem_undo, set_link);
        list_for(m, &p->sem_undos)
            if (m == &u->proc_link)
                return u;
    }
    lock_release(&sem_table.lock);
    u = heap_alloc(sizeof(*u) + s->count * sizeof(u->adjust[0]));
    lock_acquire(&sem_table.lock);
    if (u == NULL)
        return NULL;
    u->set = s;
    list_push_tail(&s->undos, &u->set_link);
    list_push_tail(&p->sem_undos, &u->proc_link);
    return u;
}

static void
undo_free(struct sem_undo *u)
{
    list_remove(&u->set_link);
    list_remove(&u->proc_link);
    heap_free(u);
}

void
semset_forget_undo(struct semset *s, uint32_t first, uint32_t last)
{
    list_for(l, &s->undos)
        for (uint32_t i = first; i < last; i++)
            container_of(l, struct sem_undo, set_link)->adjust[i] = 0;
}

void
semset_drop_undos(struct semset *s)
{
    list_for_safe(l, next, &s->undos)
        undo_free(container_of(l, struct sem_undo, set_link));
}

/* ---- semop ---- */

/* What a call wants, and what it has to be told. */
struct operation {
    const struct sem_op *ops;
    uint32_t count;
    uint32_t pid;
    struct sem_undo *undo;      /* NULL: nothing is to be undone */
    uint32_t blocked;           /* the operation that has to wait */
};

/* One that waits, in session memory. The waiter frees it. */
struct pending {
    struct list link;           /* of the set's; in none once it is over */
    struct operation w;
    int result;                 /* 1: it still waits */
    struct sem_op ops[];
};

static void
take_back(struct semset *s, const struct operation *w, uint32_t done)
{
    while (done-- > 0) {
        const struct sem_op *op = &w->ops[done];

        s->sem[op->num].value = (uint16_t)(s->sem[op->num].value - op->op);
        if (op->flags & SEM_UNDO)
            w->undo->adjust[op->num] = (int16_t)(w->undo->adjust[op->num] + op->op);
    }
}

/* 0: done. 1: it has to wait at w->blocked. -ERANGE. */
static int
one_operation(struct semset *s, const struct operation *w, const struct sem_op *op)
{
    struct sem *sem = &s->sem[op->num];
    int value = sem->value + op->op, adjust;

    if (op->op == 0)
        return sem->value != 0;
    if (value < 0)
        return 1;
    if (value > SEMVMX)
        return -ERANGE;
    if (op->flags & SEM_UNDO) {
        adjust = w->undo->adjust[op->num] - op->op;
        if (adjust < -SEMVMX - 1 || adjust > SEMVMX)
            return -ERANGE;
        w->undo->adjust[op->num] = (int16_t)adjust;
    }
    sem->value = (uint16_t)value;
    return 0;
}

/* All operations or none. */
static int
try_all(struct semset *s, struct operation *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        int r = one_operation(s, w, &w->ops[i]);

        if (r == 0)
            continue;
        take_back(s, w, i);
        w->blocked = i;
        return r == 1 && (w->ops[i].flags & (int16_t)IPC_NOWAIT) ? -EAGAIN : r;
    }
    return 0;
}

static void
completed(struct semset *s, const struct operation *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        s->sem[w->ops[i].num].pid = w->pid;
    s->otime = sysv_now();
}

/* Does what the first of those that wait and can go on wants. False: there is none. */
static bool
let_one_go(struct semset *s)
{
    list_for(l, &s->pending) {
        struct pending *p = container_of(l, struct pending, link);

        p->result = try_all(s, &p->w);
        if (p->result == 1)
            continue;
        if (p->result == 0)
            completed(s, &p->w);
        list_remove(&p->link);
        return true;
    }
    return false;
}

void
semset_changed(struct semset *s)
{
    bool any = false;

    while (let_one_go(s))
        any = true;
    if (any)
        wake_all(&s->changed);
}

void
sem_exit(struct proc *p)
{
    lock_acquire(&sem_table.lock);
    list_for_safe(l, next, &p->sem_undos) {
        struct sem_undo *u = container_of(l, struct sem_undo, proc_link);
        struct semset *s = u->set;

        for (uint32_t i = 0; i < s->count; i++) {
            int value = s->sem[i].value + u->adjust[i];

            if (u->adjust[i] == 0)
                continue;
            s->sem[i].value = (uint16_t)MIN(MAX(value, 0), SEMVMX);
            s->sem[i].pid = p->pid;
        }
        s->otime = sysv_now();
        semset_changed(s);
        undo_free(u);
    }
    lock_release(&sem_table.lock);
}

long
semset_waiting(const struct semset *s, uint32_t num, bool zero)
{
    long n = 0;

    list_for(l, &s->pending) {
        const struct pending *p = container_of(l, struct pending, link);

        n += p->ops[p->w.blocked].num == num && (p->ops[p->w.blocked].op == 0) == zero;
    }
    return n;
}

/* A record of what cannot be done now. The lock is held, and released meanwhile. NULL: no memory. */
static struct pending *
pending_new(const struct operation *w)
{
    struct pending *p;

    lock_release(&sem_table.lock);
    p = heap_alloc(sizeof(*p) + w->count * sizeof(p->ops[0]));
    lock_acquire(&sem_table.lock);
    if (p == NULL)
        return NULL;
    p->w = *w;
    p->w.ops = p->ops;
    memcpy(p->ops, w->ops, w->count * sizeof(p->ops[0]));
    return p;
}

static int
await(struct semset *s, struct pending *p, uint64_t deadline_ns)
{
    int err = 0;

    p->result = 1;
    list_push_tail(&s->pending, &p->link);
    while (err == 0 && p->result == 1 && !s->o.removed)
        err = wait_sleep(&s->changed, &sem_table.lock, deadline_ns, WAIT_INTR);
    if (p->result != 1)
        return p->result;
    list_remove(&p->link);
    return s->o.removed ? -EIDRM : err == -ETIMEDOUT ? -EAGAIN : err;
}

/* Does it now, or waits until whoever changes the set has done it. The lock is held. */
static int
operate_now_or_later(struct semset *s, const struct operation *w, uint64_t deadline_ns)
{
    struct pending *p = pending_new(w);
    int err = p == NULL ? -ENOMEM : s->o.removed ? -EIDRM : try_all(s, &p->w);

    if (err == 0) {
        completed(s, &p->w);
        semset_changed(s);
    }
    if (err == 1)
        err = await(s, p, deadline_ns);
    heap_free(p);
    return err;
}

static int
check(const struct semset *s, const struct sem_op *ops, uint32_t count, bool *undo)
{
    bool alters = false;

    *undo = false;
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i].num >= s->count)
            return -EFBIG;
        alters |= ops[i].op != 0;
        *undo |= (ops[i].flags & SEM_UNDO) && ops[i].op != 0;
    }
    return sysv_allows(&s->o, alters ? SYSV_WRITE : SYSV_READ);
}

/* The lock is held. */
static int
operate(struct semset *s, struct operation *w, uint64_t deadline_ns)
{
    bool undo;
    int err = check(s, w->ops, w->count, &undo);

    if (err != 0)
        return err;
    if (undo && (w->undo = undo_of(proc_current(), s)) == NULL)
        return -ENOMEM;
    if (s->o.removed)
        return -EIDRM;
    err = try_all(s, w);
    if (err == 0) {
        completed(s, w);
        semset_changed(s);
    }
    return err == 1 ? operate_now_or_later(s, w, deadline_ns) : err;
}

long
sem_operate(int32_t id, const struct sem_op *ops, uint32_t count, uint64_t deadline_ns)
{
    struct operation w = { .ops = ops, .count = count, .pid = proc_current()->pid };
    struct sysv_object *o;
    int err;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    if (o == NULL) {
        lock_release(&sem_table.lock);
        return -EINVAL;
    }
    o->refs++;
    err = operate(semset_of(o), &w, deadline_ns);
    sysv_put(&sem_table, o);
    lock_release(&sem_table.lock);
    return err;
}
