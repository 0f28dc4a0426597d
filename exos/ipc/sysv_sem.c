/*
 * sysv_sem.c: sets of System V semaphores: made, asked, set and removed.
 *
 * Bounds:   SEMMSL semaphores in a set, SEMOPM operations in a call.
 * Not here: operations (sysv_semop.c).
 */
#include "base/mem.h"
#include "fs/file.h"
#include "ipc/sysv_sem.h"
#include "proc/proc.h"

static void sem_end(struct sysv_object *o);

struct sysv_table sem_table = SYSV_TABLE(sem_end);

_Static_assert(sizeof(struct semset) + SEMMSL * sizeof(struct sem) <= 65536, "a set is one heap object");

static void
sem_end(struct sysv_object *o)
{
    heap_free(semset_of(o));
}

/* ---- semget ---- */

static long
sem_found(const struct sysv_object *o, int32_t count)
{
    return count > (int32_t)semset_of(o)->count ? -EINVAL : (long)o->id;
}

static struct semset *
set_new(int32_t key, uint32_t count, uint32_t flags)
{
    struct semset *s = heap_alloc(sizeof(*s) + count * sizeof(struct sem));

    if (s == NULL)
        return NULL;
    sysv_init(&s->o, key, flags);
    waitq_init(&s->changed);
    list_init(&s->pending);
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

/* ---- semctl ---- */

void
sem_look(const struct sysv_object *o, struct sem_info *out)
{
    *out = (struct sem_info){ *o, semset_of(o)->count, semset_of(o)->otime, semset_of(o)->ctime };
}

uint32_t
sem_total(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < sem_table.room; i++)
        if (sem_table.slot[i] != NULL)
            sum += semset_of(sem_table.slot[i])->count;
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
        s = semset_of(o);
        semset_drop_undos(s);
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
        semset_of(o)->ctime = sysv_now();
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
    if (r == 0 && num >= semset_of(o)->count)
        r = -EINVAL;
    if (r == 0) {
        const struct sem *sem = &semset_of(o)->sem[num];

        r = what == SEM_VALUE ? sem->value : what == SEM_PID ? (long)sem->pid : semset_waiting(semset_of(o), num, what == SEM_ZCNT);
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
        *count = semset_of(o)->count;
        for (uint32_t i = 0; i < MIN(room, *count); i++)
            values[i] = semset_of(o)->sem[i].value;
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
    s = o != NULL ? semset_of(o) : NULL;
    err = o == NULL ? -EINVAL : sysv_allows(o, SYSV_WRITE);
    if (err == 0 && (num >= s->count || count > s->count - num))
        err = -EINVAL;
    for (uint32_t i = 0; i < count && err == 0; i++) {
        s->sem[num + i].value = values[i];
        s->sem[num + i].pid = proc_current()->pid;
    }
    if (err == 0) {
        semset_forget_undo(s, num, num + count);
        s->ctime = sysv_now();
        semset_changed(s);
    }
    lock_release(&sem_table.lock);
    return err;
}
