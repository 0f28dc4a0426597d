/*
 * tcp_conn.c: opening and closing TCP connections, actively and passively.
 *
 * Locks: net_lock.
 */
#include "net/tcp_sock.h"

#include "base/mem.h"

#include "lwip/priv/tcp_priv.h"

#define BACKLOG_MAX 255

int
tcp_sock_bind(struct sock *base, const struct sock_addr *a)
{
    struct tcp_sock *s = tcp_of(base);
    ip_addr_t ip;
    uint16_t port;
    int err = inet_bind_addr_get(base, a, &ip, &port);

    if (err != 0)
        return err;
    net_lock_acquire();
    if (s->state != TCP_FRESH || s->pcb->local_port != 0)
        err = -EINVAL;
    else if (!inet_addr_is_ours(&ip))
        err = -EADDRNOTAVAIL;
    else
        err = errno_of(tcp_bind(s->pcb, &ip, port));
    net_lock_release();
    return err;
}

static err_t
connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_sock *s = arg;

    (void)pcb;
    (void)err;
    s->state = TCP_CONNECTED;
    tcp_sock_wake(s);
    return ERR_OK;
}

/* The lock is held. Sends the first SYN. A socket whose attempt failed gets a fresh pcb for the next one. */
static int
connect_start(struct tcp_sock *s, const ip_addr_t *ip, uint16_t port)
{
    err_t err;

    if (s->pcb == NULL && (s->pcb = tcp_new()) == NULL)
        return -ENOBUFS;
    if (!inet_addr_is_reachable(ip))
        return -ENETUNREACH;
    s->base.error = 0;
    s->rx_fin = s->tx_shut = false;
    tcp_sock_attach(s, s->pcb);
    tcp_sock_option_apply(s);
    s->state = TCP_CONNECTING;
    err = tcp_connect(s->pcb, ip, port, connected);
    if (err == ERR_OK)
        return 0;
    s->state = TCP_FRESH;
    return err == ERR_USE || err == ERR_BUF ? -EADDRNOTAVAIL : errno_of(err);
}

/* The lock is held. Waits for the attempt under way. */
static int
connect_wait(struct tcp_sock *s)
{
    uint64_t deadline_ns = sock_deadline(s->base.snd_timeout_ns);

    while (s->state == TCP_CONNECTING) {
        int err = net_sleep(&s->base.wq, deadline_ns);

        if (err != 0)
            return err == -ETIMEDOUT ? -EINPROGRESS : err;
    }
    if (s->state == TCP_CONNECTED)
        return 0;
    return s->base.error != 0 ? sock_take_error(&s->base) : -ECONNREFUSED;
}

static int
connect_locked(struct tcp_sock *s, const ip_addr_t *ip, uint16_t port, bool nonblock)
{
    int err;

    if (s->state == TCP_CONNECTING) {
        if (nonblock)
            return -EALREADY;
    } else {
        if (s->state == TCP_CONNECTED || s->state == TCP_LISTENING)
            return -EISCONN;
        if (s->base.error != 0)
            return sock_take_error(&s->base);
        err = connect_start(s, ip, port);
        if (err != 0)
            return err;
        if (nonblock)
            return -EINPROGRESS;
    }
    return connect_wait(s);
}

int
tcp_sock_connect(struct sock *base, const struct sock_addr *a, bool nonblock)
{
    ip_addr_t ip;
    uint16_t port;
    int err = inet_peer_get(base, a, &ip, &port);

    if (err != 0)
        return err;
    net_lock_acquire();
    err = connect_locked(tcp_of(base), &ip, port, nonblock);
    net_lock_release();
    return err;
}

/* Of the listeners at one address the one with the fewest that wait; of equals another than the last time. */
static struct tcp_sock *
least_busy(struct tcp_sock *s)
{
    struct tcp_sock *best = s;

    list_for(l, &s->group) {
        struct tcp_sock *other = container_of(l, struct tcp_sock, group);

        if (other->accept_count < best->accept_count || (other->accept_count == best->accept_count && other->accepted < best->accepted))
            best = other;
    }
    best->accepted++;
    return best;
}

/* A connection is complete: lwIP hands it over, and it waits for accept(2). */
static err_t
connection_arrived(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_sock *listener = arg, *s;

    if (err != ERR_OK || pcb == NULL || listener == NULL)
        return ERR_VAL;
    listener = least_busy(listener);
    s = tcp_sock_new(listener->base.family, pcb);
    if (s == NULL)
        return ERR_MEM;
    s->state = TCP_CONNECTED;
    s->listener = listener;
    s->nodelay = listener->nodelay;
    s->cork = listener->cork;
    memcpy(s->kept, listener->kept, sizeof(s->kept));
    s->base.rcvbuf = listener->base.rcvbuf;
    s->base.sndbuf = listener->base.sndbuf;
    s->base.keepalive = listener->base.keepalive;
    s->base.only_v6 = listener->base.only_v6;
    s->base.reuse_addr = listener->base.reuse_addr;
    s->base.linger_on = listener->base.linger_on;
    s->base.linger_s = listener->base.linger_s;
    tcp_sock_attach(s, pcb);
    tcp_sock_option_apply(s);
    tcp_backlog_delayed(pcb);
    list_push_tail(&listener->accept_queue, &s->accept_link);
    listener->accept_count++;
    tcp_sock_wake(listener);
    return ERR_OK;
}

/* SO_REUSEPORT: somebody listens there already who said the same. s keeps its pcb, which is only bound. */
static bool
join_group(struct tcp_sock *s)
{
    for (const struct tcp_pcb_listen *l = tcp_listen_pcbs.listen_pcbs; l != NULL; l = l->next) {
        struct tcp_sock *there = l->callback_arg;

        if (there == NULL || l->local_port != s->pcb->local_port || !ip_addr_cmp(&l->local_ip, &s->pcb->local_ip) ||
            !(there->base.want & s->base.want & SOCK_SHARES_PORT))
            continue;
        list_push_tail(&there->group, &s->group);
        s->state = TCP_LISTENING;
        return true;
    }
    return false;
}

/* Another of its group listens in the place of s. */
static void
leave_group(struct tcp_sock *s)
{
    struct tcp_sock *heir = container_of(s->group.next, struct tcp_sock, group);
    struct tcp_pcb *pcb = s->pcb;

    if (list_empty(&s->group))
        return;
    list_remove(&s->group);
    if (pcb->state != LISTEN)
        return;
    s->pcb = heir->pcb;
    heir->pcb = pcb;
    tcp_arg(pcb, heir);
}

static int
listen_locked(struct tcp_sock *s, uint8_t backlog)
{
    struct tcp_pcb *pcb;
    err_t err = ERR_OK;

    if (s->state == TCP_LISTENING) {
        if (s->pcb->state == LISTEN)
            tcp_backlog_set(s->pcb, backlog);
        return 0;
    }
    if (s->state != TCP_FRESH)
        return -EINVAL;
    if (s->pcb->local_port == 0)
        err = tcp_bind(s->pcb, IP4_ADDR_ANY, 0);
    pcb = err == ERR_OK ? tcp_listen_with_backlog_and_err(s->pcb, backlog, &err) : NULL;
    if (pcb == NULL)
        return err == ERR_USE && join_group(s) ? 0 : errno_of(err);
    s->pcb = pcb;
    s->state = TCP_LISTENING;
    tcp_arg(pcb, s);
    tcp_accept(pcb, connection_arrived);
    return 0;
}

int
tcp_sock_listen(struct sock *base, int backlog)
{
    int err;

    backlog = backlog < 1 ? 1 : MIN(backlog, BACKLOG_MAX);
    net_lock_acquire();
    err = listen_locked(tcp_of(base), (uint8_t)backlog);
    net_lock_release();
    return err;
}

static struct tcp_sock *
accept_take(struct tcp_sock *listener)
{
    struct tcp_sock *s = container_of(listener->accept_queue.next, struct tcp_sock, accept_link);

    list_remove(&s->accept_link);
    listener->accept_count--;
    s->listener = NULL;
    if (s->pcb != NULL)
        tcp_backlog_accepted(s->pcb);
    return s;
}

int
tcp_sock_accept(struct sock *base, bool nonblock, struct sock **child)
{
    struct tcp_sock *s = tcp_of(base);
    uint64_t deadline_ns = sock_deadline(base->rcv_timeout_ns);
    int err = 0;

    net_lock_acquire();
    while (err == 0 && (s->state != TCP_LISTENING || s->accept_count == 0)) {
        if (s->state != TCP_LISTENING)
            err = -EINVAL;
        else if (nonblock)
            err = -EAGAIN;
        else
            err = net_sleep(&base->wq, deadline_ns);
    }
    if (err == 0)
        *child = &accept_take(s)->base;
    net_lock_release();
    return err == -ETIMEDOUT ? -EAGAIN : err;
}

int
tcp_sock_shutdown(struct sock *base, int how)
{
    struct tcp_sock *s = tcp_of(base);
    int err = 0;

    net_lock_acquire();
    if (s->state != TCP_CONNECTED || s->pcb == NULL) {
        err = -ENOTCONN;
    } else {
        if (how != SHUT_WR_)
            s->rx_shut = true;
        if (how != SHUT_RD_ && !s->tx_shut) {
            s->tx_shut = true;
            err = errno_of(tcp_shutdown(s->pcb, 0, 1));
        }
        tcp_sock_wake(s);
    }
    net_lock_release();
    return err;
}

static void
abort_pcb(struct tcp_sock *s)
{
    struct tcp_pcb *pcb = s->pcb;

    tcp_sock_detach(s);
    if (pcb != NULL)
        tcp_abort(pcb);
}

static void
close_listener(struct tcp_sock *s)
{
    struct tcp_pcb *pcb;

    leave_group(s);
    pcb = s->pcb;
    while (s->accept_count > 0) {
        struct tcp_sock *child = accept_take(s);

        abort_pcb(child);
        tcp_sock_free(child);
    }
    tcp_arg(pcb, NULL);
    s->pcb = NULL;
    (void)tcp_close(pcb);
}

/* SO_LINGER: waits until all is acknowledged, for as long as the program said. */
static void
linger(struct tcp_sock *s)
{
    uint64_t deadline_ns = clock_monotonic_ns() + s->base.linger_s * NSEC_PER_SEC;

    while (s->pcb != NULL && s->tx_queued > 0) {
        if (net_sleep(&s->base.wq, deadline_ns) != 0)
            break;
    }
}

/*
 * Sends the FIN behind what is staged. lwIP answers with a reset instead when data is left unread. The socket frees itself later if
 * data is still to be acknowledged. True when it may be freed now.
 */
static bool
close_connection(struct tcp_sock *s)
{
    if (s->pcb != NULL && s->base.linger_on && s->base.linger_s == 0)
        abort_pcb(s);
    if (s->pcb != NULL)
        (void)tcp_close(s->pcb);
    if (s->base.linger_on && s->base.linger_s > 0)
        linger(s);
    if (s->pcb != NULL && s->tx_queued > 0) {
        tcp_err(s->pcb, NULL);
        s->orphan = true;
        return false;
    }
    tcp_sock_detach(s);
    return true;
}

void
tcp_sock_release(struct sock *base)
{
    struct tcp_sock *s = tcp_of(base);
    bool done = true;

    net_lock_acquire();
    switch (s->state) {
    case TCP_LISTENING:
        close_listener(s);
        break;
    case TCP_FRESH:
    case TCP_CONNECTING:
        abort_pcb(s);
        break;
    default:
        done = close_connection(s);
    }
    if (done)
        tcp_sock_free(s);
    net_lock_release();
}
