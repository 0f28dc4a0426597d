/*
 * sysv_sem.c: System V semaphores.
 *
 * Holds:    the operations of one call are done all or none. Who has to wait sleeps on its set's queue and tries again when anything there
 *           has changed. What a process is to undo when it ends lies in session memory, so whoever finishes a process that was ended by
 *           force undoes it.
 * Bounds:   SEMMSL semaphores in a set, SEMOPM operations in a call.
 */
#include "base/mem.h"
#include "fs/file.h"
#include "ipc/sysv.h"
#include "proc/proc.h"

struct sem {
    uint16_t value;
    uint16_t rising, zero;      /* who waits for more, for none */
    uint32_t pid;               /* that operated on it last */
};

struct semset {
    struct sysv_object o;
    struct waitq changed;
    struct list undos;          /* struct sem_undo.set_link */
    int64_t otime, ctime;
    uint32_t count;
    struct sem sem[];
};

struct sem_undo {
    struct list set_link, proc_link;
    struct semset *set;         /* of which it is in the list of undos */
    int16_t adjust[];
};

static void sem_end(struct sysv_object *o);

struct sysv_table sem_table = SYSV_TABLE(sem_end);

_Static_assert(sizeof(struct semset) + SEMMSL * sizeof(struct sem) <= 65536, "a set is one heap object");

static struct semset *
set_of(const struct sysv_object *o)
{
    return container_of((struct sysv_object *)o, struct semset, o);
}

static void
sem_end(struct sysv_object *o)
{
    heap_free(set_of(o));
}

/* ---- semget ---- */

static long
sem_found(const struct sysv_object *o, int32_t count)
{
    return count > (int32_t)set_of(o)->count ? -EINVAL : (long)o->id;
}

static struct semset *
set_new(int32_t key, uint32_t count, uint32_t flags)
{
    struct semset *s = heap_alloc(sizeof(*s) + count * sizeof(struct sem));

    if (s == NULL)
        return NULL;
    sysv_init(&s->o, key, flags);
    waitq_init(&s->changed);
    list_init(&s->undos);
    s->count = count;
    s->ctime = sysv_now();
    return s;
}

long
sem_get(int32_t key, int32_t count, uint32_t flags)
{
    struct sysv_object *o;
    struct semset *s;
    long id;

    if (count < 0 || count > SEMMSL)
        return -EINVAL;
    lock_acquire(&sem_table.lock);
    id = sysv_get(&sem_table, key, flags, &o);
    if (id == 0 && o != NULL)
        id = sem_found(o, count);
    lock_release(&sem_table.lock);
    if (id != 0 || o != NULL)
        return id;
    s = count > 0 ? set_new(key, (uint32_t)count, flags) : NULL;
    if (s == NULL)
        return count > 0 ? -ENOMEM : -EINVAL;
    lock_acquire(&sem_table.lock);
    id = sysv_reserve(&sem_table);
    if (id == 0)
        id = sysv_get(&sem_table, key, flags, &o);      /* nobody made it meanwhile? */
    if (id == 0)
        id = o != NULL ? sem_found(o, count) : sysv_insert(&sem_table, &s->o);
    if (s->o.refs == 0)
        heap_free(s);
    lock_release(&sem_table.lock);
    return id;
}

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
        wake_all(&s->changed);
        undo_free(u);
    }
    lock_release(&sem_table.lock);
}

/* Whoever was to undo something with semaphores first..last - 1 is not any more: their values were set. */
static void
undo_forget(struct semset *s, uint32_t first, uint32_t last)
{
    list_for(l, &s->undos)
        for (uint32_t i = first; i < last; i++)
            container_of(l, struct sem_undo, set_link)->adjust[i] = 0;
}

/* ---- semop ---- */

/* What a call wants, and what it has to be told. */
struct operation {
    const struct sem_op *ops;
    uint32_t count;
    struct sem_undo *undo;      /* NULL: nothing is to be undone */
    uint32_t blocked;           /* the operation that has to wait */
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
        s->sem[w->ops[i].num].pid = proc_current()->pid;
    s->otime = sysv_now();
    wake_all(&s->changed);
}

static int
sleep_until_changed(struct semset *s, const struct operation *w, uint64_t deadline_ns)
{
    const struct sem_op *op = &w->ops[w->blocked];
    uint16_t *waiting = op->op == 0 ? &s->sem[op->num].zero : &s->sem[op->num].rising;
    int err;

    ++*waiting;
    err = wait_sleep(&s->changed, &sem_table.lock, deadline_ns, WAIT_INTR);
    --*waiting;
    return s->o.removed ? -EIDRM : err == -ETIMEDOUT ? -EAGAIN : err;
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
    while (!s->o.removed && (err = try_all(s, w)) == 1) {
        err = sleep_until_changed(s, w, deadline_ns);
        if (err != 0)
            return err;
    }
    if (s->o.removed)
        return -EIDRM;
    if (err == 0)
        completed(s, w);
    return err;
}

long
sem_operate(int32_t id, const struct sem_op *ops, uint32_t count, uint64_t deadline_ns)
{
    struct operation w = { .ops = ops, .count = count };
    struct sysv_object *o;
    int err;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    if (o == NULL) {
        lock_release(&sem_table.lock);
        return -EINVAL;
    }
    o->refs++;
    err = operate(set_of(o), &w, deadline_ns);
    sysv_put(&sem_table, o);
    lock_release(&sem_table.lock);
    return err;
}

/* ---- semctl ---- */

void
sem_look(const struct sysv_object *o, struct sem_info *out)
{
    *out = (struct sem_info){ *o, set_of(o)->count, set_of(o)->otime, set_of(o)->ctime };
}

uint32_t
sem_total(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < sem_table.room; i++)
        if (sem_table.slot[i] != NULL)
            sum += set_of(sem_table.slot[i])->count;
    return sum;
}

int
sem_remove(int32_t id)
{
    struct sysv_object *o;
    struct semset *s;
    int err;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0) {
        s = set_of(o);
        list_for_safe(l, next, &s->undos)
            undo_free(container_of(l, struct sem_undo, set_link));
        o->removed = true;
        wake_all(&s->changed);
        sysv_remove(&sem_table, o);
    }
    lock_release(&sem_table.lock);
    return err;
}

int
sem_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode)
{
    struct sysv_object *o;
    int err;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0) {
        o->uid = uid;
        o->gid = gid;
        o->mode = mode & 0777;
        set_of(o)->ctime = sysv_now();
    }
    lock_release(&sem_table.lock);
    return err;
}

long
sem_query(int32_t id, uint32_t num, enum sem_what what)
{
    struct sysv_object *o;
    long r;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    r = o == NULL ? -EINVAL : sysv_allows(o, SYSV_READ);
    if (r == 0 && num >= set_of(o)->count)
        r = -EINVAL;
    if (r == 0) {
        const struct sem *sem = &set_of(o)->sem[num];

        r = what == SEM_VALUE ? sem->value : what == SEM_PID ? (long)sem->pid : what == SEM_NCNT ? sem->rising : sem->zero;
    }
    lock_release(&sem_table.lock);
    return r;
}

int
sem_values(int32_t id, uint16_t *values, uint32_t *count)
{
    struct sysv_object *o;
    uint32_t room = *count;
    int err;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    err = o == NULL ? -EINVAL : room != 0 ? sysv_allows(o, SYSV_READ) : 0;
    if (err == 0) {
        *count = set_of(o)->count;
        for (uint32_t i = 0; i < MIN(room, *count); i++)
            values[i] = set_of(o)->sem[i].value;
    }
    lock_release(&sem_table.lock);
    return err;
}

int
sem_set_values(int32_t id, uint32_t num, const uint16_t *values, uint32_t count)
{
    struct sysv_object *o;
    struct semset *s;
    int err;

    lock_acquire(&sem_table.lock);
    o = sysv_find(&sem_table, id);
    s = o != NULL ? set_of(o) : NULL;
    err = o == NULL ? -EINVAL : sysv_allows(o, SYSV_WRITE);
    if (err == 0 && (num >= s->count || count > s->count - num))
        err = -EINVAL;
    for (uint32_t i = 0; i < count && err == 0; i++) {
        s->sem[num + i].value = values[i];
        s->sem[num + i].pid = proc_current()->pid;
    }
    if (err == 0) {
        undo_forget(s, num, num + count);
        s->ctime = sysv_now();
        wake_all(&s->changed);
    }
    lock_release(&sem_table.lock);
    return err;
}
