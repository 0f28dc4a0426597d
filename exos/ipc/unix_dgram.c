/*
 * unix_dgram.c: UNIX datagram sockets: an inbox each; a connection is only whose inbox is meant.
 *
 * Locks:    unix_lock around outbox, peer and names.
 */
#include "base/mem.h"
#include "ipc/unix.h"

/* ---- messages, also of sequenced packets ---- */

static struct msgq_how
how_of(const struct sock_msg *m, uint64_t timeout_ns)
{
    return (struct msgq_how){ .nonblock = (m->flags & MSG_DONTWAIT_) != 0, .peek = (m->flags & MSG_PEEK_) != 0,
                              .deadline_ns = sock_deadline(timeout_ns) };
}

ssize
unix_send_message(struct unix_sock *s, struct msgq *to, struct uio *u, struct sock_msg *m)
{
    struct msgq_how how = how_of(m, s->base.snd_timeout_ns);
    struct message *message;
    uint32_t len;
    int err;

    message = message_new(u, &err);
    if (message == NULL)
        return err;
    len = message->len;
    message->scm = unix_scm_to_send(m, to->want_cred, &err);
    if (!list_empty(&s->name_link))
        message->from = s->name;
    if (err == 0)
        err = msgq_send(to, message, &how);
    if (err == 0)
        return len;
    message_free(message);
    return err;
}

ssize
unix_recv_message(struct unix_sock *s, struct uio *u, struct sock_msg *m)
{
    struct msgq_how how = how_of(m, s->base.rcv_timeout_ns);
    uint32_t len = 0;
    ssize n = msgq_recv(s->inbox, u, m, &how, &len);

    if (n < 0 || len <= (uint64_t)n)
        return n;
    m->out_flags |= MSG_TRUNC_;
    return (m->flags & MSG_TRUNC_) != 0 ? (ssize)len : n;
}

/* ---- who is meant ---- */

/* unix_lock is held. */
static bool
takes_from(const struct unix_sock *target, const struct unix_sock *s)
{
    return target->outbox == NULL || target->outbox == s->inbox;
}

/* The inbox behind a name, with a reference. */
static int
find_inbox(const struct unix_sock *s, const struct unix_key *key, struct msgq **out)
{
    const struct unix_sock *target;
    int err = 0;

    lock_acquire(&unix_lock);
    target = unix_bound(key);
    if (target == NULL)
        err = -ECONNREFUSED;
    else if (target->base.type != SOCK_DGRAM_)
        err = -EPROTOTYPE;
    else if (!takes_from(target, s))
        err = -EPERM;
    else
        *out = target->inbox;
    if (err == 0)
        msgq_get(*out);
    lock_release(&unix_lock);
    return err;
}

static int
inbox_by_name(const struct unix_sock *s, const struct sock_addr *a, struct unix_key *key, struct msgq **out)
{
    int err = unix_key_find(a, key);

    if (err != 0)
        return err;
    err = find_inbox(s, key, out);
    unix_key_drop(key);
    return err;
}

/* The inbox that s is connected to, with a reference. */
static int
inbox_of_peer(struct unix_sock *s, struct msgq **out)
{
    int err = 0;

    lock_acquire(&unix_lock);
    *out = s->outbox;
    if (*out == NULL)
        err = -ENOTCONN;
    else
        msgq_get(*out);
    lock_release(&unix_lock);
    return err;
}

/* s means `to` (a reference that it takes over; NULL: nobody) from now on. */
static void
set_peer(struct unix_sock *s, struct msgq *to, const struct sock_addr *peer)
{
    struct msgq *old;

    lock_acquire(&unix_lock);
    old = s->outbox;
    s->outbox = to;
    s->peer = *peer;
    s->state = to != NULL ? UNIX_CONNECTED : UNIX_FRESH;
    lock_release(&unix_lock);
    if (old != NULL) {
        msgq_unwatch(old, &s->poller);
        msgq_put(old);
    }
    if (to != NULL)
        msgq_watch(to, &s->poller);
    wake_all(&s->base.wq);
}

int
unix_dgram_join(struct unix_sock *a, struct unix_sock *b)
{
    msgq_get(a->inbox);
    msgq_get(b->inbox);
    set_peer(a, b->inbox, &b->name);
    set_peer(b, a->inbox, &a->name);
    a->peer_cred = b->cred;
    b->peer_cred = a->cred;
    return 0;
}

static const struct sock_addr nobody = { .len = sizeof(uint16_t), .family = AF_UNIX_ };

static int
dgram_connect(struct sock *base, const struct sock_addr *a, bool nonblock)
{
    struct unix_sock *s = unix_of(base);
    struct unix_key key;
    struct msgq *to;
    int err;

    (void)nonblock;
    if (a->family == AF_UNSPEC_) {
        set_peer(s, NULL, &nobody);
        return 0;
    }
    err = inbox_by_name(s, a, &key, &to);
    if (err == 0)
        set_peer(s, to, &key.name);
    return err;
}

/* ---- the calls ---- */

static ssize
dgram_send(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct unix_sock *s = unix_of(base);
    struct unix_key key;
    struct msgq *to;
    ssize r;

    if (s->write_ended)
        return -EPIPE;
    r = m->has_name ? inbox_by_name(s, &m->name, &key, &to) : inbox_of_peer(s, &to);
    if (r != 0)
        return r;
    r = unix_send_message(s, to, u, m);
    if (r == -ECONNREFUSED && to == s->outbox)  /* its peer has gone: that is told once */
        set_peer(s, NULL, &nobody);
    msgq_put(to);
    return r;
}

static ssize
dgram_recv(struct sock *base, struct uio *u, struct sock_msg *m)
{
    return unix_recv_message(unix_of(base), u, m);
}

static int
dgram_shutdown(struct sock *base, int how)
{
    struct unix_sock *s = unix_of(base);

    if (s->outbox == NULL)
        return -ENOTCONN;
    if (how != SHUT_WR_)
        msgq_end_reading(s->inbox);
    if (how != SHUT_RD_)
        s->write_ended = true;
    return 0;
}

static int
dgram_name(struct sock *base, struct sock_addr *out, bool peer)
{
    struct unix_sock *s = unix_of(base);

    if (peer && s->outbox == NULL)
        return -ENOTCONN;
    *out = peer ? s->peer : s->name;
    return 0;
}

static unsigned
dgram_poll(struct sock *base)
{
    const struct unix_sock *s = unix_of(base);
    unsigned ready = 0;

    if (!list_empty(&s->inbox->messages) || s->inbox->reader_gone)
        ready |= READY_IN | READY_RDNORM;
    if (s->outbox == NULL || s->outbox->reader_gone || msgq_has_room(s->outbox))
        ready |= READY_OUT | READY_WRNORM;
    return ready;
}

static uint32_t
dgram_readable(struct sock *base)
{
    return msgq_next_length(unix_of(base)->inbox);
}

static void
dgram_option_changed(struct sock *base)
{
    unix_of(base)->inbox->want_cred = base->passcred;
    unix_of(base)->inbox->limit = base->rcvbuf;
}

static int
dgram_peer_cred(struct sock *base, struct cred *out)
{
    *out = unix_of(base)->peer_cred;
    return 0;
}

const struct sock_ops unix_dgram_ops = {
    .bind = unix_bind,
    .connect = dgram_connect,
    .send = dgram_send,
    .recv = dgram_recv,
    .shutdown = dgram_shutdown,
    .name = dgram_name,
    .poll = dgram_poll,
    .readable_bytes = dgram_readable,
    .option_changed = dgram_option_changed,
    .peer_cred = dgram_peer_cred,
    .release = unix_release,
};
