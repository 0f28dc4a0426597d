/*
 * unix.c: UNIX stream sockets: two channels between two files, and listeners found by name.
 *
 * Holds:    the table of bound names. A name lasts as long as its socket is open.
 * Locks:    unix_lock (LOCK_RANK_PIPE) around names, states and accept queues; never together with a channel's.
 * Not here: datagrams, passing descriptors, names in the file system.
 */
#include "base/list.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "net/sock.h"

#define UNIX_BACKLOG_MAX 4096

enum unix_state { UNIX_FRESH, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_sock {
    struct sock base;
    enum unix_state state;
    struct channel *in, *out;
    struct sock_addr name, peer;
    struct list name_link;          /* in `names` when bound */
    struct list accept_link;
    struct list accept_queue;
    int accept_count, backlog;
};

static struct lock unix_lock = LOCK_INIT(LOCK_RANK_PIPE);
static struct list names = { &names, &names };

static const struct sock_ops unix_ops;

static inline struct unix_sock *
unix_of(struct sock *s)
{
    return (struct unix_sock *)s;
}

static struct unix_sock *
unix_new(int type)
{
    struct unix_sock *s = heap_alloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    sock_init(&s->base, &unix_ops, AF_UNIX_, type, 0);
    s->name.len = s->peer.len = sizeof(uint16_t);
    s->name.family = s->peer.family = AF_UNIX_;
    list_init(&s->name_link);
    list_init(&s->accept_link);
    list_init(&s->accept_queue);
    return s;
}

int
unix_sock_create(int type, struct sock **out)
{
    struct unix_sock *s;

    if (type != SOCK_STREAM_)
        return -ESOCKTNOSUPPORT;
    s = unix_new(type);
    if (s == NULL)
        return -ENOMEM;
    *out = &s->base;
    return 0;
}

/* Connects two fresh sockets. Nobody else knows b; a is the caller's. */
static bool
join(struct unix_sock *a, struct unix_sock *b)
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
    a->state = b->state = UNIX_CONNECTED;
    return true;
}

int
unix_sock_pair(int type, struct sock *out[2])
{
    struct unix_sock *a, *b;

    if (type != SOCK_STREAM_)
        return -ESOCKTNOSUPPORT;
    a = unix_new(type);
    b = unix_new(type);
    if (a != NULL && b != NULL && join(a, b)) {
        out[0] = &a->base;
        out[1] = &b->base;
        return 0;
    }
    if (a != NULL)
        heap_free(a);
    if (b != NULL)
        heap_free(b);
    return -ENOMEM;
}

/* unix_lock is held. A path ends at its NUL, an abstract name (first byte 0) at its length. */
static struct unix_sock *
find_name(const struct sock_addr *a)
{
    list_for(l, &names) {
        struct unix_sock *s = container_of(l, struct unix_sock, name_link);

        if (s->name.len == a->len && memcmp(s->name.raw, a->raw, a->len) == 0)
            return s;
    }
    return NULL;
}

/* A comparable form: a path without what follows its NUL. */
static int
normalise(const struct sock_addr *in, struct sock_addr *out)
{
    uint32_t head = sizeof(uint16_t);

    if (in->len <= head || in->len > sizeof(in->un))
        return -EINVAL;
    if (in->family != AF_UNIX_)
        return -EAFNOSUPPORT;
    memset(out, 0, sizeof(*out));
    memcpy(out->raw, in->raw, in->len);
    out->len = in->un.path[0] == '\0' ? in->len : head + (uint32_t)strnlen(in->un.path, in->len - head);
    return 0;
}

static int
unix_bind(struct sock *base, const struct sock_addr *a)
{
    struct unix_sock *s = unix_of(base);
    struct sock_addr name;
    int err = normalise(a, &name);

    if (err != 0)
        return err;
    lock_acquire(&unix_lock);
    if (!list_empty(&s->name_link)) {
        err = -EINVAL;
    } else if (find_name(&name) != NULL) {
        err = -EADDRINUSE;
    } else {
        s->name = name;
        list_push_tail(&names, &s->name_link);
    }
    lock_release(&unix_lock);
    return err;
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
    s->backlog = backlog < 0 ? UNIX_BACKLOG_MAX : MIN(backlog + 1, UNIX_BACKLOG_MAX);
    lock_release(&unix_lock);
    return err;
}

/* unix_lock is held. */
static int
connect_locked(struct unix_sock *s, struct unix_sock *server, const struct sock_addr *name)
{
    struct unix_sock *listener = find_name(name);

    if (s->state != UNIX_FRESH)
        return s->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
    if (listener == NULL || listener->state != UNIX_LISTENING)
        return listener == NULL && name->un.path[0] != '\0' ? -ENOENT : -ECONNREFUSED;
    if (listener->accept_count >= listener->backlog)
        return -EAGAIN;
    if (!join(s, server))
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
    struct sock_addr name;
    int err = normalise(a, &name);

    (void)nonblock;
    if (err != 0)
        return err;
    server = unix_new(SOCK_STREAM_);
    if (server == NULL)
        return -ENOMEM;
    lock_acquire(&unix_lock);
    err = connect_locked(unix_of(base), server, &name);
    lock_release(&unix_lock);
    if (err != 0)
        heap_free(server);
    return err;
}

/* unix_lock is held. */
static struct unix_sock *
accept_take(struct unix_sock *s)
{
    struct unix_sock *child = container_of(s->accept_queue.next, struct unix_sock, accept_link);

    list_remove(&child->accept_link);
    s->accept_count--;
    return child;
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
    if (err == 0)
        *child = &accept_take(s)->base;
    lock_release(&unix_lock);
    return err == -ETIMEDOUT ? -EAGAIN : err;
}

static struct channel_how
how_of(const struct sock_msg *m, uint64_t timeout_ns)
{
    return (struct channel_how){ .nonblock = (m->flags & MSG_DONTWAIT_) != 0, .peek = (m->flags & MSG_PEEK_) != 0,
                                 .wait_all = (m->flags & MSG_WAITALL_) != 0, .deadline_ns = sock_deadline(timeout_ns) };
}

static ssize
unix_send(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct unix_sock *s = unix_of(base);
    struct channel_how how = how_of(m, base->snd_timeout_ns);

    if (s->state != UNIX_CONNECTED)
        return -ENOTCONN;
    if (m->has_name)
        return -EISCONN;
    return channel_write(s->out, u, &how);
}

static ssize
unix_recv(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct unix_sock *s = unix_of(base);
    struct channel_how how = how_of(m, base->rcv_timeout_ns);

    if (s->state != UNIX_CONNECTED)
        return -EINVAL;
    return channel_read(s->in, u, &how);
}

static int
unix_shutdown(struct sock *base, int how)
{
    struct unix_sock *s = unix_of(base);

    if (s->state != UNIX_CONNECTED)
        return -ENOTCONN;
    if (how != SHUT_WR_)
        channel_end_reading(s->in);
    if (how != SHUT_RD_)
        channel_end_writing(s->out);
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

static unsigned
unix_poll(struct sock *base)
{
    const struct unix_sock *s = unix_of(base);
    unsigned ready = 0;

    if (s->state == UNIX_LISTENING)
        return s->accept_count > 0 ? READY_IN | READY_RDNORM : 0;
    if (s->state == UNIX_FRESH)
        return READY_OUT | READY_WRNORM | READY_HUP;
    if (channel_used(s->in) > 0 || s->in->writer_gone || s->in->reader_gone)
        ready |= READY_IN | READY_RDNORM;
    if (s->in->writer_gone || s->in->reader_gone)
        ready |= READY_RDHUP;
    if (channel_space(s->out) >= PIPE_ATOMIC || s->out->reader_gone || s->out->writer_gone)
        ready |= READY_OUT | READY_WRNORM;
    if ((ready & READY_RDHUP) != 0 && (s->out->reader_gone || s->out->writer_gone))
        ready |= READY_HUP;
    return ready;
}

static uint32_t
unix_readable(struct sock *base)
{
    const struct unix_sock *s = unix_of(base);

    return s->state == UNIX_CONNECTED ? (uint32_t)channel_used(s->in) : 0;
}

static void
unix_release(struct sock *base)
{
    struct unix_sock *s = unix_of(base), *child;

    lock_acquire(&unix_lock);
    if (!list_empty(&s->name_link))
        list_remove(&s->name_link);
    lock_release(&unix_lock);
    while (s->accept_count > 0) {
        lock_acquire(&unix_lock);
        child = accept_take(s);
        lock_release(&unix_lock);
        unix_release(&child->base);
    }
    if (s->in != NULL)
        channel_drop_reader(s->in);
    if (s->out != NULL)
        channel_drop_writer(s->out);
    heap_free(s);
}

static const struct sock_ops unix_ops = {
    .bind = unix_bind,
    .connect = unix_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .send = unix_send,
    .recv = unix_recv,
    .shutdown = unix_shutdown,
    .name = unix_name,
    .poll = unix_poll,
    .readable_bytes = unix_readable,
    .release = unix_release,
};
