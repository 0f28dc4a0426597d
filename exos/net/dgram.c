/*
 * dgram.c: UDP sockets, and raw and ping sockets for ICMP.
 *
 * Holds:    a queue of received datagrams, bounded by SO_RCVBUF in bytes of data and overhead.
 * Locks:    net_lock. Data is copied to and from pbufs that belong to the caller alone, without it.
 * Not here: datagrams between sockets of our own (dgram_local.c); ICMP errors reported to a UDP socket: lwIP does not pass them on.
 */
#include "base/mem.h"
#include "net/dgram.h"
#include "net/net.h"
#include "net/slab.h"

#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/prot/icmp.h"
#include "lwip/prot/ip4.h"

#define DGRAM_PIECE    1472u    /* a larger datagram is a chain of pbufs of this size */

uint32_t dgram_raw_sockets;

static struct slab_cache dgrams = SLAB_CACHE_INIT(sizeof(struct dgram), UINT32_MAX);

static const struct sock_ops dgram_ops;

bool
dgram_enqueue(struct dgram_sock *s, struct dgram *d)
{
    uint32_t charge = d->len + DGRAM_OVERHEAD;

    if (s->shut_rd || s->queued + charge > s->base.rcvbuf)
        return false;
    s->queued += charge;
    list_push_tail(&s->queue, &d->link);
    if (!list_empty(&s->base.wq.waiters))
        wake_all(&s->base.wq);
    return true;
}

struct dgram *
dgram_take(struct dgram_sock *s)
{
    struct dgram *d = container_of(s->queue.next, struct dgram, link);

    list_unlink(&d->link);
    s->queued -= d->len + DGRAM_OVERHEAD;
    return d;
}

void
dgram_free(struct dgram *d)
{
    if (d->p == NULL) {
        net_mem_free(d);
        return;
    }
    pbuf_free(d->p);
    slab_free(d);
}

/* The lock is held. Queues p, or returns false and leaves it alone. */
static bool
enqueue(struct dgram_sock *s, struct pbuf *p, const ip_addr_t *from, uint16_t port)
{
    struct dgram *d = slab_alloc(&dgrams);

    if (d == NULL)
        return false;
    d->p = p;
    d->len = p->tot_len;
    ip_addr_copy(d->from, *from);
    ip_addr_copy(d->to, *ip_current_dest_addr());
    d->time_ns = s->base.want & (SOCK_WANT_TIME | SOCK_WANT_TIME_NS) ? clock_realtime_ns() : 0;
    d->ttl = IPH_TTL(ip4_current_header());
    d->tos = IPH_TOS(ip4_current_header());
    d->port = port;
    if (dgram_enqueue(s, d))
        return true;
    slab_free(d);
    return false;
}

void
dgram_udp_arrived(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
    (void)pcb;
    if (!enqueue(arg, p, from, port))
        pbuf_free(p);
}

/* A copy for the socket; the stack goes on with the packet itself. p begins with the IP header. */
static u8_t
raw_arrived(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    struct dgram_sock *s = arg;
    u16_t header = (u16_t)IPH_HL_BYTES((struct ip_hdr *)p->payload);
    struct pbuf *copy;

    (void)pcb;
    if (s->connected && !ip_addr_cmp(from, &s->peer))
        return 0;
    copy = p->tot_len + 128u <= SLAB_OBJECT_MAX ? pbuf_clone(PBUF_RAW, PBUF_RAM, p) : NULL;
    if (copy == NULL)
        return 0;
    if (s->is_ping)
        pbuf_remove_header(copy, header);
    if (!enqueue(s, copy, from, 0))
        pbuf_free(copy);
    return 0;
}

static bool
pcb_create(struct dgram_sock *s)
{
    if (s->is_udp)
        s->pcb.udp = udp_new();
    else
        s->pcb.raw = raw_new((u8_t)s->base.protocol);
    if (s->pcb.ip == NULL)
        return false;
    dgram_raw_sockets += !s->is_udp;
    if (s->base.protocol == IP_PROTO_UDPLITE)
        udp_setflags(s->pcb.udp, UDP_FLAGS_UDPLITE);
    if (s->is_udp)
        udp_recv(s->pcb.udp, dgram_udp_arrived, s);
    else
        raw_recv(s->pcb.raw, raw_arrived, s);
    return true;
}

int
dgram_sock_create(int family, int type, int protocol, struct sock **out)
{
    struct dgram_sock *s;
    bool udp = type == SOCK_DGRAM_ && (protocol == 0 || protocol == IP_PROTO_UDP || protocol == IP_PROTO_UDPLITE), ok;

    if (!udp && family != AF_INET_)
        return -EPROTONOSUPPORT;
    if (!udp && (type == SOCK_DGRAM_ ? protocol != IP_PROTO_ICMP : protocol <= 0 || protocol > 255))
        return -EPROTONOSUPPORT;
    s = heap_alloc(sizeof(*s));
    if (s == NULL)
        return -ENOBUFS;
    sock_init(&s->base, &dgram_ops, family, type, udp && protocol == 0 ? IP_PROTO_UDP : protocol);
    s->is_udp = udp;
    sock_want(&s->base, SOCK_IS_LITE, s->base.protocol == IP_PROTO_UDPLITE);
    s->is_ping = !udp && type == SOCK_DGRAM_;
    list_init(&s->queue);
    net_lock_acquire();
    slab_cache_init(&dgrams);
    ok = pcb_create(s);
    net_lock_release();
    if (!ok) {
        heap_free(s);
        return -ENOBUFS;
    }
    *out = &s->base;
    return 0;
}

static int
dgram_bind(struct sock *base, const struct sock_addr *a)
{
    struct dgram_sock *s = dgram_of(base);
    ip_addr_t ip;
    uint16_t port;
    int err = inet_bind_addr_get(base, a, &ip, &port);

    if (err != 0)
        return err;
    net_lock_acquire();
    if (!inet_addr_is_ours(&ip))
        err = -EADDRNOTAVAIL;
    else if (s->is_udp && s->pcb.udp->local_port != 0)
        err = -EINVAL;
    else
        err = errno_of(s->is_udp ? udp_bind(s->pcb.udp, &ip, port) : raw_bind(s->pcb.raw, &ip));
    net_lock_release();
    return err;
}

static int
dgram_disconnect(struct dgram_sock *s)
{
    s->connected = false;
    if (s->is_udp)
        udp_disconnect(s->pcb.udp);
    return 0;
}

static int
dgram_connect(struct sock *base, const struct sock_addr *a, bool nonblock)
{
    struct dgram_sock *s = dgram_of(base);
    bool unspec = a->len >= sizeof(a->family) && a->family == AF_UNSPEC_;
    ip_addr_t ip;
    uint16_t port;
    int err = unspec ? 0 : inet_peer_get(base, a, &ip, &port);

    (void)nonblock;
    if (err != 0)
        return err;
    net_lock_acquire();
    if (unspec) {
        err = dgram_disconnect(s);
    } else if (!inet_addr_is_reachable(&ip)) {
        err = -ENETUNREACH;
    } else {
        err = s->is_udp ? errno_of(udp_connect(s->pcb.udp, &ip, port)) : 0;
        ip_addr_copy(s->peer, ip);
        s->peer_port = port;
        s->connected = err == 0;
    }
    net_lock_release();
    return err;
}

/* Memory for n bytes with room for headers in front; a chain when they are many. The lock is held. */
static struct pbuf *
pbuf_for(uint32_t n)
{
    struct pbuf *first = pbuf_alloc(PBUF_TRANSPORT, (u16_t)MIN(n, DGRAM_PIECE), PBUF_RAM);

    for (uint32_t done = DGRAM_PIECE; first != NULL && done < n; done += DGRAM_PIECE) {
        struct pbuf *next = pbuf_alloc(PBUF_RAW, (u16_t)MIN(n - done, DGRAM_PIECE), PBUF_RAM);

        if (next == NULL) {
            pbuf_free(first);
            return NULL;
        }
        pbuf_cat(first, next);
    }
    return first;
}

static void
pbuf_drop(struct pbuf *p)
{
    net_lock_acquire();
    pbuf_free(p);
    net_lock_release();
}

/* The data of u in a pbuf of its own. No lock is held. */
static int
gather(struct uio *u, struct pbuf **out)
{
    uint32_t n = (uint32_t)u->left;
    struct pbuf *p;

    net_lock_acquire();
    p = pbuf_for(n);
    net_lock_release();
    if (p == NULL)
        return -ENOBUFS;
    for (struct pbuf *q = p; q != NULL; q = q->next) {
        if (q->len > 0 && uio_in(u, q->payload, q->len) != (ssize)q->len) {
            pbuf_drop(p);
            return -EFAULT;
        }
    }
    *out = p;
    return 0;
}

/* A ping socket's identifier is its own business, and so is the checksum of what it sends. */
static void
ping_checksum(struct pbuf *p)
{
    struct icmp_echo_hdr *h = p->payload;

    if (p->len < sizeof(*h))
        return;
    h->chksum = 0;
    h->chksum = inet_chksum_pbuf(p);
}

static int
send_locked(struct dgram_sock *s, struct pbuf *p, const ip_addr_t *to, uint16_t port)
{
    if (!inet_addr_is_reachable(to))
        return -ENETUNREACH;
    if (s->is_udp) {
        err_t err = udp_sendto(s->pcb.udp, p, to, port);

        return err == ERR_VAL ? -EACCES : errno_of(err);
    }
    if (s->is_ping)
        ping_checksum(p);
    return errno_of(raw_sendto(s->pcb.raw, p, to));
}

/* What one datagram is to say otherwise than the others of its socket, for as long as it is on its way out. The lock is held. */
struct said {
    ip_addr_t local_ip;
    uint8_t ttl, tos;
};

static struct said
meta_apply(struct ip_pcb *pcb, const struct sock_meta *meta)
{
    struct said before = { pcb->local_ip, pcb->ttl, pcb->tos };
    ip_addr_t from;

    if (meta == NULL)
        return before;
    ip_addr_set_ip4_u32_val(from, meta->address);
    if (meta->has_address && meta->address != 0 && inet_addr_is_ours(&from))
        ip_addr_copy(pcb->local_ip, from);
    if (meta->has_ttl)
        pcb->ttl = meta->ttl;
    if (meta->has_tos)
        pcb->tos = meta->tos;
    return before;
}

static void
meta_undo(struct ip_pcb *pcb, const struct said *before)
{
    ip_addr_copy(pcb->local_ip, before->local_ip);
    pcb->ttl = before->ttl;
    pcb->tos = before->tos;
}

/* No lock is held. */
static ssize
send_local(struct dgram_sock *s, struct uio *u, const ip_addr_t *to, uint16_t port, const struct sock_meta *meta)
{
    struct said before;
    uint32_t n = (uint32_t)u->left;
    struct dgram *d;
    int err;

    net_lock_acquire();
    d = dgram_new(n);
    net_lock_release();
    if (d == NULL)
        return -ENOBUFS;
    err = n > 0 && uio_in(u, d->data, n) != (ssize)n ? -EFAULT : 0;
    net_lock_acquire();
    if (err == 0) {
        before = meta_apply(s->pcb.ip, meta);
        err = dgram_deliver(s, d, to, port);
        meta_undo(s->pcb.ip, &before);
    } else {
        dgram_free(d);
    }
    net_lock_release();
    return err != 0 ? err : (ssize)n;
}

static ssize
dgram_send(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct dgram_sock *s = dgram_of(base);
    size_t n = u->left;
    struct said before;
    struct pbuf *p;
    ip_addr_t to;
    uint16_t port;
    int err;

    if (m->has_name) {
        err = inet_peer_get(base, &m->name, &to, &port);
        if (err != 0)
            return err;
    } else if (!s->connected) {
        return -EDESTADDRREQ;
    } else {
        ip_addr_copy(to, s->peer);
        port = s->peer_port;
    }
    if (s->shut_wr)
        return -EPIPE;
    if (n > DGRAM_MAX)
        return -EMSGSIZE;
    if (base->error != 0)
        return sock_take_error(base);
    if (dgram_is_local(s, &to, port))
        return send_local(s, u, &to, port, m->meta);
    err = gather(u, &p);
    if (err != 0)
        return err;
    net_lock_acquire();
    before = meta_apply(s->pcb.ip, m->meta);
    err = send_locked(s, p, &to, port);
    meta_undo(s->pcb.ip, &before);
    pbuf_free(p);
    net_lock_release();
    return err != 0 ? err : (ssize)n;
}

/* The lock is held. 0 when a datagram is there; 1 when there will be none; or -errno. */
static int
await_dgram(struct dgram_sock *s, bool nonblock, uint64_t deadline_ns)
{
    while (list_empty(&s->queue)) {
        int err;

        if (s->base.error != 0)
            return sock_take_error(&s->base);
        if (s->shut_rd)
            return 1;
        if (nonblock)
            return -EAGAIN;
        err = net_sleep(&s->base.wq, deadline_ns);
        if (err != 0)
            return err == -ETIMEDOUT ? -EAGAIN : err;
    }
    return 0;
}

/* Copies the datagram out. How long it really is, or -EFAULT. No lock is held. */
static ssize
scatter(const struct dgram *d, struct uio *u)
{
    uint64_t n = MIN((uint64_t)d->len, u->left);

    if (d->p == NULL)
        return n > 0 && uio_out(u, d->data, n) != (ssize)n ? -EFAULT : (ssize)d->len;
    for (const struct pbuf *q = d->p; q != NULL && u->left > 0; q = q->next) {
        ssize want = (ssize)MIN((uint64_t)q->len, u->left);

        if (want > 0 && uio_out(u, q->payload, (size_t)want) != want)
            return -EFAULT;
    }
    return d->len;
}

/* The lock is not held. d is given back, at the front of the queue when it was only looked at. */
static void
put_away(struct dgram_sock *s, struct dgram *d, bool keep)
{
    net_lock_acquire();
    if (keep) {
        s->queued += d->len + DGRAM_OVERHEAD;
        list_push_head(&s->queue, &d->link);
        wake_all(&s->base.wq);
    } else {
        dgram_free(d);
    }
    net_lock_release();
}

static void
meta_tell(struct sock_meta *meta, const struct dgram *d)
{
    uint32_t to = ip_2_ip4(&d->to)->addr;

    *meta = (struct sock_meta){ true, true, true, d->ttl, d->tos, to, inet_interface_of(to), d->time_ns };
}

static ssize
dgram_recv(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct dgram_sock *s = dgram_of(base);
    uint64_t room = u->left;
    struct dgram *d = NULL;
    ssize n;
    int err;

    net_lock_acquire();
    err = await_dgram(s, (m->flags & MSG_DONTWAIT_) != 0, sock_deadline(base->rcv_timeout_ns));
    if (err == 0)
        d = dgram_take(s);
    net_lock_release();
    if (d == NULL)
        return err > 0 ? 0 : err;
    inet_addr_set(&m->name, base->family, &d->from, d->port);
    if (m->meta != NULL)
        meta_tell(m->meta, d);
    n = scatter(d, u);
    put_away(s, d, (m->flags & MSG_PEEK_) != 0);
    if (n > (ssize)room) {
        m->out_flags |= MSG_TRUNC_;
        return (m->flags & MSG_TRUNC_) != 0 ? n : (ssize)room;
    }
    return n;
}

static int
dgram_shutdown(struct sock *base, int how)
{
    struct dgram_sock *s = dgram_of(base);

    if (!s->connected)
        return -ENOTCONN;
    net_lock_acquire();
    s->shut_rd |= how != SHUT_WR_;
    s->shut_wr |= how != SHUT_RD_;
    wake_all(&base->wq);
    net_lock_release();
    return 0;
}

static int
dgram_name(struct sock *base, struct sock_addr *out, bool peer)
{
    struct dgram_sock *s = dgram_of(base);

    if (peer && !s->connected)
        return -ENOTCONN;
    if (peer)
        inet_addr_set(out, base->family, &s->peer, s->peer_port);
    else
        inet_name_set(out, base, s->connected, &s->pcb.ip->local_ip, s->is_udp ? s->pcb.udp->local_port : 0);
    return 0;
}

#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11

/* How many bytes of a datagram its checksum covers: all (0), or at least its header. */
static int
set_coverage(struct udp_pcb *pcb, int name, int value)
{
    u16_t bytes = (u16_t)(value == 0 ? 0 : MIN(MAX(value, UDP_HLEN), 0xffff));

    if (name == UDPLITE_SEND_CSCOV)
        pcb->chksum_len_tx = bytes;
    else if (name == UDPLITE_RECV_CSCOV)
        pcb->chksum_len_rx = bytes;
    else
        return -ENOPROTOOPT;
    return value < 0 ? -ENOPROTOOPT : 0;
}

static int
dgram_set_option(struct sock *base, int level, int name, int value)
{
    int err = -ENOPROTOOPT;

    net_lock_acquire();
    if (level == SOL_IPV6_)
        err = inet6_set_option(base, dgram_of(base)->pcb.ip, name, value);
    else if (level == SOL_IP_)
        err = inet_set_option(base, dgram_of(base)->pcb.ip, name, value);
    else if (level == IP_PROTO_UDPLITE && base->protocol == IP_PROTO_UDPLITE)
        err = set_coverage(dgram_of(base)->pcb.udp, name, value);
    net_lock_release();
    /* SOL_RAW's ICMP filter: everything passes, and ping looks at what it gets. */
    return level == 255 ? 0 : err;
}

static int
dgram_get_option(struct sock *base, int level, int name, int *value)
{
    const struct dgram_sock *s = dgram_of(base);

    if (level == SOL_IPV6_)
        return inet6_get_option(base, s->pcb.ip, name, value);
    if (level == SOL_IP_)
        return inet_get_option(base, s->pcb.ip, name, value);
    if (level != IP_PROTO_UDPLITE || base->protocol != IP_PROTO_UDPLITE || (name != UDPLITE_SEND_CSCOV && name != UDPLITE_RECV_CSCOV))
        return -ENOPROTOOPT;
    *value = name == UDPLITE_SEND_CSCOV ? s->pcb.udp->chksum_len_tx : s->pcb.udp->chksum_len_rx;
    return 0;
}

static void
dgram_option_changed(struct sock *base)
{
    net_lock_acquire();
    inet_apply_flags(dgram_of(base)->pcb.ip, base);
    net_lock_release();
}

static unsigned
dgram_poll(struct sock *base)
{
    const struct dgram_sock *s = dgram_of(base);
    unsigned ready = READY_OUT | READY_WRNORM | (base->error != 0 ? READY_ERR : 0);

    if (!list_empty(&s->queue) || s->shut_rd)
        ready |= READY_IN | READY_RDNORM;
    return ready | (s->shut_rd ? READY_RDHUP : 0) | (s->shut_rd && s->shut_wr ? READY_HUP : 0);
}

static uint32_t
dgram_readable(struct sock *base)
{
    struct dgram_sock *s = dgram_of(base);
    uint32_t n = 0;

    net_lock_acquire();
    if (!list_empty(&s->queue))
        n = container_of(s->queue.next, struct dgram, link)->len;
    net_lock_release();
    return n;
}

static void
dgram_release(struct sock *base)
{
    struct dgram_sock *s = dgram_of(base);

    net_lock_acquire();
    if (s->is_udp)
        udp_remove(s->pcb.udp);
    else
        raw_remove(s->pcb.raw);
    dgram_raw_sockets -= !s->is_udp;
    while (!list_empty(&s->queue))
        dgram_free(dgram_take(s));
    net_lock_release();
    heap_free(s);
}

static const struct sock_ops dgram_ops = {
    .bind = dgram_bind,
    .connect = dgram_connect,
    .send = dgram_send,
    .recv = dgram_recv,
    .read_quick = dgram_read_quick,
    .write_quick = dgram_write_quick,
    .send_quick = dgram_send_quick,
    .shutdown = dgram_shutdown,
    .name = dgram_name,
    .set_option = dgram_set_option,
    .get_option = dgram_get_option,
    .poll = dgram_poll,
    .readable_bytes = dgram_readable,
    .option_changed = dgram_option_changed,
    .release = dgram_release,
};
