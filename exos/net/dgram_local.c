/*
 * dgram_local.c: UDP datagrams between sockets of the session: straight into the receiver's queue, with no packet and no way through lwIP.
 *
 * Holds:    nothing. The receiver is found as udp_input() of lwIP finds it.
 * Locks:    net_lock, but for the short ways, which nothing pre-empts and in which nothing sleeps.
 */
#include "base/mem.h"
#include "base/uaccess.h"
#include "net/dgram.h"
#include "net/net.h"
#include "net/slab.h"

#include "lwip/netif.h"

_Static_assert(offsetof(struct udp_pcb, ttl) == offsetof(struct udp_pcb, tos) + 1 &&
                   offsetof(struct dgram, ttl) == offsetof(struct dgram, tos) + 1, "one copy for both");

#define PORT_BOOTPC 68          /* lwIP's DHCP client */
#define LOOPBACK_NET 127        /* the first byte of its addresses */

/* Goes into a word: the first eight bytes of struct sockaddr_in. */
union inet_head {
    uint64_t word;
    struct {
        uint16_t family, port;
        uint32_t address;
    };
};

static inline bool
is_own(const ip_addr_t *ip)
{
    const ip4_addr_t *a = ip_2_ip4(ip);

    return ip4_addr1(a) == LOOPBACK_NET || (net_ethernet() != NULL && a->addr != 0 && a->addr == netif_ip4_addr(net_ethernet())->addr);
}

bool
dgram_is_local(const struct dgram_sock *s, const ip_addr_t *to, uint16_t port)
{
    return s->is_udp && port != 0 && port != PORT_BOOTPC && dgram_raw_sockets == 0 && is_own(to);
}

struct dgram *
dgram_new(uint32_t n)
{
    struct dgram *d = net_mem_alloc(sizeof(*d) + n);

    if (d != NULL) {
        d->p = NULL;
        d->len = n;
    }
    return d;
}

/* Whose socket gets what comes from there; NULL: nobody's. A connected one before others, a bound address before any. */
static struct udp_pcb *
receiver(const ip_addr_t *to, uint16_t port, const ip_addr_t *from, const struct udp_pcb *sender)
{
    uint16_t from_port = sender->local_port;
    struct udp_pcb *best = NULL;

    for (struct udp_pcb *p = udp_pcbs; p != NULL; p = p->next) {
        if (p->local_port != port || !(ip_addr_isany_val(p->local_ip) || ip_addr_cmp(&p->local_ip, to)))
            continue;
        if (p->flags & UDP_FLAGS_CONNECTED) {
            if (p->remote_port == from_port && ip_addr_cmp(&p->remote_ip, from))
                return p;
        } else if (best == NULL || !ip_addr_isany_val(p->local_ip)) {
            best = p;
        }
    }
    return best;
}

/* SO_REUSEPORT: of the sockets that share the address of `one` the sender's port says which is meant. */
static struct dgram_sock *
one_of_sharing(const struct udp_pcb *one, uint16_t from_port)
{
    struct dgram_sock *chosen = one->recv_arg;
    unsigned seen = 0;

    for (const struct udp_pcb *p = udp_pcbs; p != NULL; p = p->next) {
        struct dgram_sock *s = p->recv_arg;

        if (p->local_port == one->local_port && ip_addr_cmp(&p->local_ip, &one->local_ip) && p->recv == dgram_udp_arrived &&
            !(p->flags & UDP_FLAGS_CONNECTED) && (s->base.want & SOCK_SHARES_PORT) && from_port % ++seen == 0)
            chosen = s;
    }
    return chosen;
}

/* Who gets d where either side is not just any socket; NULL: nobody. */
static COLD struct dgram_sock *
particular(const struct dgram_sock *s, const struct udp_pcb *pcb, struct dgram *d)
{
    struct dgram_sock *r = pcb->recv_arg;

    if ((r->base.want ^ s->base.want) & SOCK_IS_LITE)
        return NULL;
    if ((r->base.want & SOCK_SHARES_PORT) && !(pcb->flags & UDP_FLAGS_CONNECTED))
        r = one_of_sharing(pcb, s->pcb.udp->local_port);
    if (r->base.want & (SOCK_WANT_TIME | SOCK_WANT_TIME_NS))
        d->time_ns = clock_realtime_ns();
    return r;
}

/* Where a datagram to `to` comes from. */
static inline const ip_addr_t *
source_of(const struct udp_pcb *pcb, const ip_addr_t *to)
{
    static const ip_addr_t loopback = IPADDR4_INIT_BYTES(127, 0, 0, 1);

    if (!ip_addr_isany_val(pcb->local_ip))
        return &pcb->local_ip;
    return ip4_addr1(ip_2_ip4(to)) == LOOPBACK_NET && ip_2_ip4(to)->addr != INET6_LOOPBACK ? &loopback : to;
}

/* s has a port. Whoever is connected hears that nobody is there, as by ICMP. */
static void
hand_over(struct dgram_sock *s, struct dgram *d, const ip_addr_t *to, uint16_t port)
{
    const ip_addr_t *from = source_of(s->pcb.udp, to);
    struct udp_pcb *pcb = receiver(to, port, from, s->pcb.udp);

    ip_addr_copy(d->from, *from);
    ip_addr_copy(d->to, *to);
    __builtin_memcpy(&d->tos, &s->pcb.udp->tos, 2);     /* and the time to live */
    d->port = s->pcb.udp->local_port;
    if (pcb != NULL && pcb->recv == dgram_udp_arrived) {
        struct dgram_sock *r = pcb->recv_arg;

        if (UNLIKELY((r->base.want | s->base.want) != 0) && (r = particular(s, pcb, d)) == NULL)
            pcb = NULL;
        else if (dgram_enqueue(r, d))
            return;
    }
    dgram_free(d);
    if (pcb != NULL || !s->connected)
        return;
    s->base.error = ECONNREFUSED;
    wake_all(&s->base.wq);
}

int
dgram_deliver(struct dgram_sock *s, struct dgram *d, const ip_addr_t *to, uint16_t port)
{
    int err = s->pcb.udp->local_port != 0 ? 0 : errno_of(udp_bind(s->pcb.udp, &s->pcb.udp->local_ip, 0));

    if (err == 0)
        hand_over(s, d, to, port);
    else
        dgram_free(d);
    return err;
}

/* ---- the short ways; paid for by the UDP rows of the benchmark ---- */

/* Bytes sent, or -EAGAIN: not this way. */
static inline ssize
send_now(struct dgram_sock *s, uva_t from, size_t n, const ip_addr_t *to, uint16_t port)
{
    struct dgram *d;

    if (n > DGRAM_MAX || s->shut_wr || s->base.error != 0 || !dgram_is_local(s, to, port) || s->pcb.udp->local_port == 0 || !user_ok(from, n))
        return -EAGAIN;
    d = dgram_new((uint32_t)n);
    if (d == NULL)
        return -EAGAIN;
    if (!uaccess_moved(d->data, (const void *)from, n)) {
        dgram_free(d);
        return -EAGAIN;
    }
    hand_over(s, d, to, port);
    return (ssize)n;
}

ssize
dgram_write_quick(struct sock *base, struct file *f, uva_t from, size_t n)
{
    struct dgram_sock *s = dgram_of(base);
    ssize r = s->connected ? send_now(s, from, n, &s->peer, s->peer_port) : -EAGAIN;

    return r != -EAGAIN ? r : file_write_user(f, from, n);
}

ssize
dgram_send_quick(struct sock *base, uva_t from, size_t n, uva_t address, uint64_t address_len)
{
    union inet_head head;
    ip_addr_t to;

    if (address_len < sizeof(struct sockaddr_inet) || address_len > SOCKADDR_MAX || base->family != AF_INET_ || !user_page_ok(address) ||
        !uaccess_load64(&head.word, address) || head.family != AF_INET_)
        return -EAGAIN;
    ip_addr_set_ip4_u32_val(to, head.address);
    return send_now(dgram_of(base), from, n, &to, lwip_ntohs(head.port));
}

/* Sleeps until there is a datagram or another reason not to, if f may. 0, or -errno; not for what the long way must decide. */
static int
wait_now(struct dgram_sock *s)
{
    int err = 0;

    while (err == 0 && list_empty(&s->queue) && s->base.error == 0 && !s->shut_rd)
        err = wait_here(&s->base.wq);
    return err;
}

static NOINLINE ssize
read_after_wait(struct dgram_sock *s, struct file *f, uva_t to, size_t n)
{
    ssize r;

    if (FILE_NONBLOCK(f) || s->base.rcv_timeout_ns != 0 || n == 0)
        return file_read_user(f, to, n);
    file_get(f);
    r = wait_now(s);
    if (r == 0)
        r = list_empty(&s->queue) ? file_read_user(f, to, n) : dgram_read_quick(&s->base, f, to, n);
    file_put(f);
    return r;
}

ssize
dgram_read_quick(struct sock *base, struct file *f, uva_t to, size_t n)
{
    struct dgram_sock *s = dgram_of(base);
    struct dgram *d;
    size_t take;

    if (list_empty(&s->queue))
        return read_after_wait(s, f, to, n);
    d = container_of(s->queue.next, struct dgram, link);
    take = MIN(n, d->len);
    if (d->p != NULL || take == 0 || !user_ok(to, take) || !uaccess_moved((void *)to, d->data, take))
        return file_read_user(f, to, n);
    dgram_free(dgram_take(s));
    return (ssize)take;
}
