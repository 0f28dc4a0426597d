/*
 * tcp_sock.c: the life of a TCP socket: made, tied to a pcb, told of the pcb's end, freed.
 *
 * Holds:    a socket lives as long as its file, and beyond that (an orphan) until everything it staged is acknowledged or the pcb ends.
 *           The pcb may end at any time by lwIP's own doing: its extension argument tells us always, its error callback why.
 * Locks:    net_lock.
 */
#include "net/tcp_sock.h"

#include "base/mem.h"

#include "lwip/priv/tcp_priv.h"

static const struct sock_ops tcp_sock_ops;

static int
ext_arg_id(void)
{
    static int id = -1;

    if (id < 0)
        id = tcp_ext_arg_alloc_id();
    return id;
}

/* The pcb is being freed. */
static void
pcb_ended(u8_t id, void *data)
{
    struct tcp_sock *s = data;

    (void)id;
    if (s == NULL)
        return;
    s->pcb = NULL;
    s->state = TCP_ENDED;
    tcp_tx_discard(s);
    if (s->orphan)
        tcp_sock_free(s);
    else
        tcp_sock_wake(s);
}

static const struct tcp_ext_arg_callbacks pcb_callbacks = { pcb_ended, NULL };

/* Why the pcb ended. May come after pcb_ended(). */
static void
pcb_failed(void *arg, err_t err)
{
    struct tcp_sock *s = arg;
    bool connecting = s->state == TCP_CONNECTING;

    s->state = TCP_ENDED;
    if (err == ERR_RST)
        s->base.error = connecting ? ECONNREFUSED : ECONNRESET;
    else if (err == ERR_ABRT)
        s->base.error = ETIMEDOUT;
    else if (err != ERR_CLSD)
        s->base.error = -errno_of(err);
    tcp_sock_wake(s);
}

void
tcp_sock_attach(struct tcp_sock *s, struct tcp_pcb *pcb)
{
    s->pcb = pcb;
    tcp_ext_arg_set_callbacks(pcb, (uint8_t)ext_arg_id(), &pcb_callbacks);
    tcp_ext_arg_set(pcb, (uint8_t)ext_arg_id(), s);
    tcp_arg(pcb, s);
    tcp_err(pcb, pcb_failed);
    tcp_recv(pcb, tcp_sock_received);
    tcp_sent(pcb, tcp_sock_acked);
}

void
tcp_sock_detach(struct tcp_sock *s)
{
    struct tcp_pcb *pcb = s->pcb;

    if (pcb == NULL)
        return;
    s->pcb = NULL;
    tcp_ext_arg_set(pcb, (uint8_t)ext_arg_id(), NULL);
    tcp_arg(pcb, NULL);
    if (pcb->state == LISTEN)
        return;
    tcp_err(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
}

struct tcp_sock *
tcp_sock_new(int family, struct tcp_pcb *pcb)
{
    struct tcp_sock *s = heap_alloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    sock_init(&s->base, &tcp_sock_ops, family, SOCK_STREAM_, IP_PROTO_TCP);
    s->base.sndbuf = TCP_SND_BUF;
    s->base.rcvbuf = TCP_WND;
    s->pcb = pcb;
    list_init(&s->accept_link);
    list_init(&s->accept_queue);
    list_init(&s->group);
    return s;
}

int
tcp_sock_create(int family, struct sock **out)
{
    struct tcp_sock *s = NULL;
    struct tcp_pcb *pcb;

    net_lock_acquire();
    pcb = tcp_new();
    if (pcb != NULL && (s = tcp_sock_new(family, pcb)) == NULL)
        tcp_abort(pcb);
    net_lock_release();
    if (s == NULL)
        return -ENOBUFS;
    *out = &s->base;
    return 0;
}

void
tcp_sock_free(struct tcp_sock *s)
{
    EXO_ASSERT(s->pcb == NULL);
    tcp_rx_discard(s);
    tcp_tx_discard(s);
    heap_free(s);
}

static unsigned
poll_connection(const struct tcp_sock *s)
{
    unsigned ready = 0;
    bool read_ends = s->rx_fin || s->rx_shut || s->state == TCP_ENDED;
    bool write_ends = s->tx_shut || s->state == TCP_ENDED;

    if (s->rx_queued > 0 || read_ends)
        ready |= READY_IN | READY_RDNORM;
    if (read_ends)
        ready |= READY_RDHUP;
    if (write_ends || tcp_tx_writable(s))
        ready |= READY_OUT | READY_WRNORM;
    if (read_ends && write_ends)
        ready |= READY_HUP;
    return ready;
}

unsigned
tcp_sock_poll(struct sock *base)
{
    const struct tcp_sock *s = tcp_of(base);
    unsigned ready = base->error != 0 ? READY_ERR | READY_IN : 0;

    switch (s->state) {
    case TCP_FRESH:
        return ready | READY_OUT | READY_WRNORM | READY_HUP;
    case TCP_LISTENING:
        return ready | (s->accept_count > 0 ? READY_IN | READY_RDNORM : 0);
    case TCP_CONNECTING:
        return ready;
    default:
        return ready | poll_connection(s);
    }
}

static int
tcp_sock_name(struct sock *base, struct sock_addr *out, bool peer)
{
    struct tcp_sock *s = tcp_of(base);
    int err = 0;

    net_lock_acquire();
    if (s->pcb == NULL || (peer && s->state != TCP_CONNECTED))
        err = peer ? -ENOTCONN : 0;
    if (s->pcb == NULL)
        inet_addr_set(out, base->family, IP4_ADDR_ANY, 0);
    else if (peer && err == 0)
        inet_addr_set(out, base->family, &s->pcb->remote_ip, s->pcb->remote_port);
    else if (err == 0)
        inet_name_set(out, base, s->state == TCP_CONNECTED, &s->pcb->local_ip, s->pcb->local_port);
    net_lock_release();
    return err;
}

static uint32_t
tcp_sock_readable(struct sock *base)
{
    return tcp_of(base)->rx_queued;
}

static uint32_t
tcp_sock_unsent(struct sock *base)
{
    return tcp_of(base)->tx_queued;
}

static const struct sock_ops tcp_sock_ops = {
    .bind = tcp_sock_bind,
    .connect = tcp_sock_connect,
    .listen = tcp_sock_listen,
    .accept = tcp_sock_accept,
    .send = tcp_sock_send,
    .recv = tcp_sock_recv,
    .shutdown = tcp_sock_shutdown,
    .name = tcp_sock_name,
    .set_option = tcp_sock_set_option,
    .get_option = tcp_sock_get_option,
    .info = tcp_sock_info,
    .poll = tcp_sock_poll,
    .readable_bytes = tcp_sock_readable,
    .unsent_bytes = tcp_sock_unsent,
    .option_changed = tcp_sock_option_changed,
    .release = tcp_sock_release,
};
