/*
 * sysv_msg.c: System V message queues.
 *
 * Holds:    messages in the order in which they were sent; who waits for room, or for a message, tries again when the queue has changed.
 * Bounds:   MSGMAX bytes in a message, the queue's own limit in all.
 */
#include "base/mem.h"
#include "fs/file.h"
#include "ipc/sysv.h"
#include "proc/proc.h"

struct queue {
    struct sysv_object o;
    struct list messages;
    struct waitq room, arrival;
    uint64_t bytes, count, limit;
    int64_t stime, rtime, ctime;
    uint32_t sender, receiver;
};

static void msg_end(struct sysv_object *o);

struct sysv_table msg_table = SYSV_TABLE(msg_end);

static struct queue *
queue_of(const struct sysv_object *o)
{
    return container_of((struct sysv_object *)o, struct queue, o);
}

static void
msg_end(struct sysv_object *o)
{
    struct queue *q = queue_of(o);

    list_for_safe(l, next, &q->messages)
        heap_free(container_of(l, struct sysv_message, link));
    heap_free(q);
}

static struct queue *
queue_new(int32_t key, uint32_t flags)
{
    struct queue *q = heap_alloc(sizeof(*q));

    if (q == NULL)
        return NULL;
    sysv_init(&q->o, key, flags);
    list_init(&q->messages);
    waitq_init(&q->room);
    waitq_init(&q->arrival);
    q->limit = MSGMNB;
    q->ctime = sysv_now();
    return q;
}

long
msg_get(int32_t key, uint32_t flags)
{
    struct queue *q = queue_new(key, flags);
    struct sysv_object *o = NULL;
    long id;

    lock_acquire(&msg_table.lock);
    id = q != NULL ? sysv_reserve(&msg_table) : -ENOMEM;
    if (id == 0)
        id = sysv_get(&msg_table, key, flags, &o);
    if (id == 0)
        id = o != NULL ? (long)o->id : sysv_insert(&msg_table, &q->o);
    if (q != NULL && q->o.refs == 0)
        heap_free(q);
    lock_release(&msg_table.lock);
    return id;
}

/* The queue with a reference, if the caller may do that to it. The lock is held. */
static int
queue_hold(int32_t id, uint32_t what, struct queue **out)
{
    struct sysv_object *o = sysv_find(&msg_table, id);
    int err = o == NULL ? -EINVAL : sysv_allows(o, what);

    if (err == 0) {
        o->refs++;
        *out = queue_of(o);
    }
    return err;
}

static int
sleep_at(struct queue *q, struct waitq *wq)
{
    int err = wait_sleep(wq, &msg_table.lock, DEADLINE_NEVER, WAIT_INTR);

    return q->o.removed ? -EIDRM : err;
}

/* ---- msgsnd ---- */

static int
await_room(struct queue *q, uint64_t len, uint32_t flags)
{
    int err = 0;

    while (err == 0 && (q->bytes + len > q->limit || q->count + 1 > q->limit))
        err = flags & IPC_NOWAIT ? -EAGAIN : sleep_at(q, &q->room);
    return err;
}

int
msg_send(int32_t id, struct sysv_message *m, uint32_t flags)
{
    struct queue *q;
    int err;

    lock_acquire(&msg_table.lock);
    err = queue_hold(id, SYSV_WRITE, &q);
    if (err == 0) {
        err = await_room(q, m->len, flags);
        if (err == 0) {
            list_push_tail(&q->messages, &m->link);
            q->bytes += m->len;
            q->count++;
            q->stime = sysv_now();
            q->sender = proc_current()->pid;
            wake_all(&q->arrival);
        }
        sysv_put(&msg_table, &q->o);
    }
    lock_release(&msg_table.lock);
    return err;
}

/* ---- msgrcv ---- */

/* The message that is asked for, still in the queue; NULL: there is none. */
static struct sysv_message *
choose(const struct queue *q, int64_t type, uint32_t flags)
{
    struct sysv_message *best = NULL;
    int64_t most = type < 0 ? -type : 0, nth = 0;

    list_for(l, &q->messages) {
        struct sysv_message *m = container_of(l, struct sysv_message, link);

        if (flags & MSG_COPY ? nth++ == type : type == 0 || (type > 0 && (m->type == type) != ((flags & MSG_EXCEPT) != 0)))
            return m;
        if (!(flags & MSG_COPY) && type < 0 && m->type <= most) {
            best = m;
            most = m->type - 1;
        }
    }
    return best;
}

static struct sysv_message *
await_message(struct queue *q, int64_t type, uint32_t flags, int *err)
{
    struct sysv_message *m;

    while ((m = choose(q, type, flags)) == NULL) {
        *err = flags & IPC_NOWAIT ? -ENOMSG : sleep_at(q, &q->arrival);
        if (*err != 0)
            return NULL;
    }
    return m;
}

static void
take_out(struct queue *q, struct sysv_message *m)
{
    list_remove(&m->link);
    q->bytes -= m->len;
    q->count--;
    q->rtime = sysv_now();
    q->receiver = proc_current()->pid;
    wake_all(&q->room);
}

static struct sysv_message *
copy_of(const struct sysv_message *m, int *err)
{
    struct sysv_message *copy = heap_alloc(sizeof(*copy) + m->len);

    if (copy != NULL)
        memcpy(copy, m, sizeof(*copy) + m->len);
    else
        *err = -ENOMEM;
    return copy;
}

struct sysv_message *
msg_receive(int32_t id, uint64_t size, int64_t type, uint32_t flags, int *err)
{
    struct sysv_message *m = NULL;
    struct queue *q;

    lock_acquire(&msg_table.lock);
    *err = queue_hold(id, SYSV_READ, &q);
    if (*err == 0) {
        m = await_message(q, type, flags, err);
        if (m != NULL && m->len > size && !(flags & MSG_NOERROR)) {
            *err = -E2BIG;
            m = NULL;
        } else if (m != NULL && (flags & MSG_COPY)) {
            m = copy_of(m, err);
        } else if (m != NULL) {
            take_out(q, m);
        }
        sysv_put(&msg_table, &q->o);
    }
    lock_release(&msg_table.lock);
    return m;
}

/* ---- msgctl ---- */

void
msg_look(const struct sysv_object *o, struct msg_info *out)
{
    const struct queue *q = queue_of(o);

    *out = (struct msg_info){ *o, q->bytes, q->count, q->limit, q->stime, q->rtime, q->ctime, q->sender, q->receiver };
}

int
msg_remove(int32_t id)
{
    struct sysv_object *o;
    int err;

    lock_acquire(&msg_table.lock);
    o = sysv_find(&msg_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0) {
        wake_all(&queue_of(o)->room);
        wake_all(&queue_of(o)->arrival);
        sysv_remove(&msg_table, o);
    }
    lock_release(&msg_table.lock);
    return err;
}

int
msg_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode, uint64_t limit)
{
    struct sysv_object *o;
    int err;

    lock_acquire(&msg_table.lock);
    o = sysv_find(&msg_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0 && limit > MSGMNB && proc_current()->fs->uid != 0)
        err = -EPERM;
    if (err == 0) {
        o->uid = uid;
        o->gid = gid;
        o->mode = mode & 0777;
        queue_of(o)->limit = limit;
        queue_of(o)->ctime = sysv_now();
        wake_all(&queue_of(o)->room);
    }
    lock_release(&msg_table.lock);
    return err;
}
