/*
 * msgq.c: a queue of messages between sockets of the session.
 *
 * Holds:    messages in the order in which they were sent, at most `limit` bytes of them and one more.
 * Not here: who may send to whom (unix_*.c).
 */
#include "ipc/msgq.h"

#include "base/mem.h"

struct msgq *
msgq_create(struct waitq *read_wq, uint32_t limit)
{
    struct msgq *q = heap_alloc(sizeof(*q));

    if (q == NULL)
        return NULL;
    lock_init(&q->lock, LOCK_RANK_PIPE);
    q->refs = 1;
    q->limit = limit;
    q->read_wq = read_wq;
    waitq_init(&q->room);
    list_init(&q->messages);
    list_init(&q->pollers);
    return q;
}

void
msgq_get(struct msgq *q)
{
    __atomic_add_fetch(&q->refs, 1, __ATOMIC_RELAXED);
}

void
msgq_put(struct msgq *q)
{
    if (__atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL) == 0)
        heap_free(q);
}

uint32_t
msgq_next_length(struct msgq *q)
{
    uint32_t len = 0;

    lock_acquire(&q->lock);
    if (!list_empty(&q->messages))
        len = container_of(q->messages.next, struct message, link)->len;
    lock_release(&q->lock);
    return len;
}

/* ---- messages ---- */

struct message *
message_new(struct uio *u, int *err)
{
    uint32_t len = (uint32_t)MIN(u->left, MESSAGE_MAX + 1ull);
    struct message *m;
    ssize moved;

    *err = len > MESSAGE_MAX ? -EMSGSIZE : -ENOMEM;
    m = len > MESSAGE_MAX ? NULL : heap_alloc(sizeof(*m) + len);
    if (m == NULL)
        return NULL;
    m->len = len;
    moved = len == 0 ? 0 : uio_in(u, m->data, len);
    if (moved == (ssize)len)
        return m;
    heap_free(m);
    *err = -EFAULT;
    return NULL;
}

void
message_free(struct message *m)
{
    scm_free(m->scm);
    heap_free(m);
}

/* ---- sending ---- */

/* The lock is held. */
static void
wake_reader(struct msgq *q)
{
    if (q->read_wq != NULL)
        wake_all(q->read_wq);
}

/* The lock is held: there is room, or the reader is gone. */
static void
wake_writers(struct msgq *q)
{
    wake_all(&q->room);
    list_for(l, &q->pollers)
        wake_all(container_of(l, struct msgq_poller, link)->wq);
}

/* The lock is held. */
static int
await_room(struct msgq *q, const struct msgq_how *how)
{
    for (;;) {
        int err;

        if (q->reader_gone)
            return q->read_wq == NULL ? -ECONNREFUSED : -EPIPE;
        if (q->writer_gone)
            return -EPIPE;
        if (msgq_has_room(q))
            return 0;
        if (how->nonblock)
            return -EAGAIN;
        err = wait_sleep(&q->room, &q->lock, how->deadline_ns, WAIT_INTR);
        if (err != 0)
            return err == -ETIMEDOUT ? -EAGAIN : err;
    }
}

int
msgq_send(struct msgq *q, struct message *m, const struct msgq_how *how)
{
    int err;

    lock_acquire(&q->lock);
    err = await_room(q, how);
    if (err == 0) {
        list_push_tail(&q->messages, &m->link);
        q->bytes += m->len + (uint32_t)sizeof(*m);
        wake_reader(q);
    }
    lock_release(&q->lock);
    return err;
}

/* ---- receiving ---- */

/* The lock is held. The oldest message, out of the queue; NULL: *err says why there is none, 0 at the end. */
static struct message *
await_message(struct msgq *q, const struct msgq_how *how, int *err)
{
    struct message *m;

    while (list_empty(&q->messages)) {
        *err = q->writer_gone || q->reader_gone ? 0 : how->nonblock ? -EAGAIN : 1;
        if (*err != 1)
            return NULL;
        *err = wait_sleep(q->read_wq, &q->lock, how->deadline_ns, WAIT_INTR);
        if (*err != 0) {
            *err = *err == -ETIMEDOUT ? -EAGAIN : *err;
            return NULL;
        }
    }
    m = container_of(q->messages.next, struct message, link);
    list_remove(&m->link);
    return m;
}

/* The lock is held. Back to the front: it was only looked at, or could not be copied. */
static void
put_back(struct msgq *q, struct message *m)
{
    list_push_head(&q->messages, &m->link);
    wake_reader(q);
}

static void
taken(struct msgq *q, const struct message *m)
{
    q->bytes -= m->len + (uint32_t)sizeof(*m);
    wake_writers(q);
}

ssize
msgq_recv(struct msgq *q, struct uio *u, struct sock_msg *out, const struct msgq_how *how, uint32_t *len)
{
    struct message *m;
    ssize n = 0;
    bool keep;
    int err;

    lock_acquire(&q->lock);
    m = await_message(q, how, &err);
    lock_release(&q->lock);
    if (m == NULL)
        return err;
    if (m->len > 0 && u->left > 0)
        n = uio_out(u, m->data, MIN(m->len, u->left));
    keep = n < 0 || how->peek;
    *len = m->len;
    if (n >= 0)
        out->name = m->from;
    lock_acquire(&q->lock);
    if (keep && !q->reader_gone)
        put_back(q, m);
    else
        taken(q, m);
    keep = keep && !q->reader_gone;
    lock_release(&q->lock);
    if (keep)
        return n;
    out->scm = m->scm;
    m->scm = NULL;
    message_free(m);
    return n;
}

/* ---- ends ---- */

/* The oldest of the messages that nobody will read. */
static struct message *
orphan(struct msgq *q)
{
    struct message *m = NULL;

    lock_acquire(&q->lock);
    if (!list_empty(&q->messages)) {
        m = container_of(q->messages.next, struct message, link);
        list_remove(&m->link);
        taken(q, m);
    }
    lock_release(&q->lock);
    return m;
}

void
msgq_end_reading(struct msgq *q)
{
    struct message *m;

    lock_acquire(&q->lock);
    q->reader_gone = true;
    wake_reader(q);
    wake_writers(q);
    lock_release(&q->lock);
    while ((m = orphan(q)) != NULL)
        message_free(m);
}

void
msgq_drop_reader(struct msgq *q)
{
    msgq_end_reading(q);
    lock_acquire(&q->lock);
    q->read_wq = NULL;
    lock_release(&q->lock);
    msgq_put(q);
}

void
msgq_end_writing(struct msgq *q)
{
    lock_acquire(&q->lock);
    q->writer_gone = true;
    wake_reader(q);
    wake_writers(q);
    lock_release(&q->lock);
}

void
msgq_watch(struct msgq *q, struct msgq_poller *p)
{
    lock_acquire(&q->lock);
    list_push_tail(&q->pollers, &p->link);
    lock_release(&q->lock);
}

void
msgq_unwatch(struct msgq *q, struct msgq_poller *p)
{
    lock_acquire(&q->lock);
    list_remove(&p->link);
    lock_release(&q->lock);
}
