/*
 * unix_conn.c: UNIX sockets with connections: streams (two channels) and sequenced packets (two message queues), and listeners.
 *
 * Locks:    unix_lock around states and accept queues.
 */
#include "base/mem.h"
#include "ipc/channel_quick.h"
#include "ipc/unix.h"

#define UNIX_BACKLOG_MAX 4096

/* ---- connecting ---- */

static bool
join_streams(struct unix_sock *a, struct unix_sock *b)
{
    struct channel *ab = channel_create(&b->base.wq, &a->base.wq), *ba = channel_create(&a->base.wq, &b->base.wq);

    if (ab == NULL || ba == NULL) {
        if (ab != NULL)
            heap_free(ab);
        if (ba != NULL)
            heap_free(ba);
        return false;
    }
    a->out = b->in = ab;
    a->in = b->out = ba;
    ab->want_cred = b->base.passcred;
    ba->want_cred = a->base.passcred;
    return true;
}

static bool
join_packets(struct unix_sock *a, struct unix_sock *b)
{
    struct msgq *to_a = msgq_create(&a->base.wq, a->base.rcvbuf), *to_b = msgq_create(&b->base.wq, b->base.rcvbuf);

    if (to_a == NULL || to_b == NULL) {
        if (to_a != NULL)
            msgq_put(to_a);
        if (to_b != NULL)
            msgq_put(to_b);
        return false;
    }
    a->inbox = b->outbox = to_a;
    b->inbox = a->outbox = to_b;
    to_a->want_cred = a->base.passcred;
    to_b->want_cred = b->base.passcred;
    to_a->refs = to_b->refs = 2;
    list_push_tail(&to_a->pollers, &b->poller.link);
    list_push_tail(&to_b->pollers, &a->poller.link);
    return true;
}

bool
unix_join(struct unix_sock *a, struct unix_sock *b)
{
    if (!(unix_is_stream(a) ? join_streams(a, b) : join_packets(a, b)))
        return false;
    a->peer_cred = b->cred;
    b->peer_cred = a->cred;
    a->state = b->state = UNIX_CONNECTED;
    return true;
}

static int
unix_listen(struct sock *base, int backlog)
{
    struct unix_sock *s = unix_of(base);
    int err = 0;

    lock_acquire(&unix_lock);
    if (s->state == UNIX_CONNECTED || list_empty(&s->name_link))
        err = -EINVAL;
    else
        s->state = UNIX_LISTENING;
    s->cred = cred_current();
    s->backlog = backlog < 0 ? UNIX_BACKLOG_MAX : MIN(backlog + 1, UNIX_BACKLOG_MAX);
    lock_release(&unix_lock);
    return err;
}

/* unix_lock is held. */
static int
connect_locked(struct unix_sock *s, struct unix_sock *server, const struct unix_key *key)
{
    struct unix_sock *listener = unix_bound(key);

    if (s->state != UNIX_FRESH)
        return s->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
    if (listener == NULL)
        return -ECONNREFUSED;
    if (listener->base.type != s->base.type)
        return -EPROTOTYPE;
    if (listener->state != UNIX_LISTENING)
        return -ECONNREFUSED;
    if (listener->accept_count >= listener->backlog)
        return -EAGAIN;
    server->base.passcred = listener->base.passcred;
    server->cred = listener->cred;
    s->cred = cred_current();
    if (!unix_join(s, server))
        return -ENOMEM;
    server->name = listener->name;
    server->peer = s->name;
    s->peer = listener->name;
    list_push_tail(&listener->accept_queue, &server->accept_link);
    listener->accept_count++;
    wake_all(&listener->base.wq);
    return 0;
}

static int
unix_connect(struct sock *base, const struct sock_addr *a, bool nonblock)
{
    struct unix_sock *server;
    struct unix_key key;
    int err = unix_key_find(a, &key);

    (void)nonblock;
    if (err != 0)
        return err;
    server = unix_new(base->type);
    err = -ENOMEM;
    if (server != NULL) {
        lock_acquire(&unix_lock);
        err = connect_locked(unix_of(base), server, &key);
        lock_release(&unix_lock);
    }
    if (err != 0 && server != NULL)
        unix_release(&server->base);
    unix_key_drop(&key);
    return err;
}

static int
unix_accept(struct sock *base, bool nonblock, struct sock **child)
{
    struct unix_sock *s = unix_of(base);
    uint64_t deadline_ns = sock_deadline(base->rcv_timeout_ns);
    int err = 0;

    lock_acquire(&unix_lock);
    while (err == 0 && (s->state != UNIX_LISTENING || s->accept_count == 0)) {
        if (s->state != UNIX_LISTENING)
            err = -EINVAL;
        else if (nonblock)
            err = -EAGAIN;
        else
            err = wait_sleep(&base->wq, &unix_lock, deadline_ns, WAIT_INTR);
    }
    if (err == 0) {
        struct list *l = s->accept_queue.next;

        list_remove(l);
        s->accept_count--;
        *child = &container_of(l, struct unix_sock, accept_link)->base;
    }
    lock_release(&unix_lock);
    return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* ---- data ---- */

struct scm *
unix_scm_to_send(struct sock_msg *m, bool want_cred, int *err)
{
    struct scm *scm = m->scm;

    *err = 0;
    if (scm == NULL && want_cred && (scm = scm_new(0)) == NULL)
        *err = -ENOMEM;
    m->scm = NULL;
    return scm;
}

static ssize
stream_send(struct unix_sock *s, struct uio *u, struct sock_msg *m)
{
    int err;
    struct scm *scm = unix_scm_to_send(m, s->out->want_cred, &err);
    struct channel_mark *mark = scm != NULL ? &scm->mark : NULL;
    struct channel_how how = { .nonblock = (m->flags & MSG_DONTWAIT_) != 0, .mark = &mark,
                               .deadline_ns = sock_deadline(s->base.snd_timeout_ns) };
    ssize r = err != 0 ? err : u->left == 0 && (s->out->reader_gone || s->out->writer_gone) ? -EPIPE : channel_write(s->out, u, &how);

    if (mark != NULL)
        scm_free(scm);
    return r;
}

static ssize
stream_recv(struct unix_sock *s, struct uio *u, struct sock_msg *m)
{
    struct channel_mark *mark = NULL;
    struct channel_how how = { .nonblock = (m->flags & MSG_DONTWAIT_) != 0, .peek = (m->flags & MSG_PEEK_) != 0,
                               .wait_all = (m->flags & MSG_WAITALL_) != 0, .mark = &mark,
                               .deadline_ns = sock_deadline(s->base.rcv_timeout_ns) };
    ssize r = channel_read(s->in, u, &how);

    m->scm = mark != NULL ? scm_of(mark) : NULL;
    return r;
}

static ssize
unix_send(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct unix_sock *s = unix_of(base);
    ssize r;

    if (s->state != UNIX_CONNECTED)
        return -ENOTCONN;
    if (m->has_name)
        return -EISCONN;
    if (unix_is_stream(s))
        return stream_send(s, u, m);
    r = unix_send_message(s, s->outbox, u, m);
    return r == -ECONNREFUSED ? -EPIPE : r;
}

static ssize
unix_recv(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct unix_sock *s = unix_of(base);

    if (s->state != UNIX_CONNECTED)
        return unix_is_stream(s) ? -EINVAL : -ENOTCONN;
    return unix_is_stream(s) ? stream_recv(s, u, m) : unix_recv_message(s, u, m);
}

/* Streams, when nothing but bytes is asked for. */
static ssize
unix_read_quick(struct sock *base, struct file *f, uva_t to, size_t n)
{
    struct unix_sock *s = unix_of(base);

    return s->in != NULL && base->rcv_timeout_ns == 0 ? channel_quick_read(s->in, f, to, n) : file_read_user(f, to, n);
}

static ssize
unix_write_quick(struct sock *base, struct file *f, uva_t from, size_t n)
{
    struct unix_sock *s = unix_of(base);

    return s->out != NULL ? channel_quick_write(s->out, f, from, n) : file_write_user(f, from, n);
}

static int
unix_shutdown(struct sock *base, int how)
{
    struct unix_sock *s = unix_of(base);

    if (s->state != UNIX_CONNECTED)
        return -ENOTCONN;
    if (how != SHUT_WR_ && unix_is_stream(s))
        channel_end_reading(s->in);
    else if (how != SHUT_WR_)
        msgq_end_reading(s->inbox);
    if (how != SHUT_RD_ && unix_is_stream(s))
        channel_end_writing(s->out);
    else if (how != SHUT_RD_)
        msgq_end_writing(s->outbox);
    return 0;
}

static int
unix_name(struct sock *base, struct sock_addr *out, bool peer)
{
    struct unix_sock *s = unix_of(base);

    if (peer && s->state != UNIX_CONNECTED)
        return -ENOTCONN;
    *out = peer ? s->peer : s->name;
    return 0;
}

/* ---- readiness and options ---- */

struct ends {
    bool something, in_ended, room, out_ended;
};

static struct ends
ends_of(const struct unix_sock *s)
{
    if (unix_is_stream(s))
        return (struct ends){ channel_used(s->in) > 0, s->in->writer_gone || s->in->reader_gone, channel_space(s->out) >= PIPE_ATOMIC,
                              s->out->reader_gone || s->out->writer_gone };
    return (struct ends){ !list_empty(&s->inbox->messages), s->inbox->writer_gone || s->inbox->reader_gone, msgq_has_room(s->outbox),
                          s->outbox->reader_gone || s->outbox->writer_gone };
}

static unsigned
unix_poll(struct sock *base)
{
    const struct unix_sock *s = unix_of(base);
    unsigned ready = 0;
    struct ends e;

    if (s->state == UNIX_LISTENING)
        return s->accept_count > 0 ? READY_IN | READY_RDNORM : 0;
    if (s->state == UNIX_FRESH)
        return READY_OUT | READY_WRNORM | READY_HUP;
    e = ends_of(s);
    if (e.something || e.in_ended)
        ready |= READY_IN | READY_RDNORM;
    if (e.in_ended)
        ready |= READY_RDHUP;
    if (e.room || e.out_ended)
        ready |= READY_OUT | READY_WRNORM;
    if (e.in_ended && e.out_ended)
        ready |= READY_HUP;
    return ready;
}

static uint32_t
unix_readable(struct sock *base)
{
    const struct unix_sock *s = unix_of(base);

    if (s->state != UNIX_CONNECTED)
        return 0;
    return unix_is_stream(s) ? (uint32_t)channel_used(s->in) : msgq_next_length(s->inbox);
}

static uint32_t
unix_unsent(struct sock *base)
{
    const struct unix_sock *s = unix_of(base);

    if (s->state != UNIX_CONNECTED)
        return 0;
    return unix_is_stream(s) ? (uint32_t)channel_used(s->out) : s->outbox->bytes;
}

static void
unix_option_changed(struct sock *base)
{
    struct unix_sock *s = unix_of(base);

    if (s->in != NULL)
        channel_want_cred(s->in, base->passcred);
    if (s->inbox != NULL)
        s->inbox->want_cred = base->passcred;
}

static int
unix_peer_cred(struct sock *base, struct cred *out)
{
    struct unix_sock *s = unix_of(base);

    *out = s->state == UNIX_CONNECTED ? s->peer_cred : (struct cred){ 0, UINT32_MAX, UINT32_MAX };
    return 0;
}

const struct sock_ops unix_connected_ops = {
    .bind = unix_bind,
    .connect = unix_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .send = unix_send,
    .recv = unix_recv,
    .read_quick = unix_read_quick,
    .write_quick = unix_write_quick,
    .shutdown = unix_shutdown,
    .name = unix_name,
    .poll = unix_poll,
    .readable_bytes = unix_readable,
    .unsent_bytes = unix_unsent,
    .option_changed = unix_option_changed,
    .peer_cred = unix_peer_cred,
    .release = unix_release,
};
