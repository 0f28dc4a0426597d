/* dgram.h: a datagram socket, for the dgram*.c files. net_lock is held wherever nothing else is said. */
#ifndef EXOS_NET_DGRAM_H
#define EXOS_NET_DGRAM_H

#include "base/list.h"
#include "net/inet.h"
#include "net/sock.h"

#include "lwip/pbuf.h"
#include "lwip/raw.h"
#include "lwip/udp.h"

#define DGRAM_MAX      65507u   /* bytes of data in a UDP datagram */
#define DGRAM_OVERHEAD 256u     /* charged for each queued datagram beside its data */

/* One received: in a pbuf that came up the stack, or, from a socket of our own, in its own bytes. */
struct dgram {
    struct list link;
    struct pbuf *p;             /* NULL: data[len] */
    ip_addr_t from, to;
    uint16_t port;
    uint8_t tos, ttl;           /* as they lie in struct ip_pcb */
    uint32_t len;
    uint64_t time_ns;           /* when it came, for those that want to know */
    char data[];
};

struct dgram_sock {
    struct sock base;
    union {
        struct ip_pcb *ip;
        struct udp_pcb *udp;
        struct raw_pcb *raw;
    } pcb;
    bool is_udp;
    bool is_ping;               /* SOCK_DGRAM over ICMP: the program sees no IP header */
    bool connected, shut_rd, shut_wr;
    ip_addr_t peer;
    uint16_t peer_port;
    struct list queue;          /* struct dgram.link */
    uint32_t queued;            /* bytes charged */
};

extern uint32_t dgram_raw_sockets;      /* how many there are, which see all packets */

static inline struct dgram_sock *
dgram_of(struct sock *s)
{
    return (struct dgram_sock *)s;
}

/* lwIP's callback for a UDP socket: whose pcb it is can be told by that. */
void dgram_udp_arrived(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port);
/* Queues d, or returns false and leaves it alone: the queue is full, or nobody reads. */
bool dgram_enqueue(struct dgram_sock *s, struct dgram *d);
/* The first datagram, which is the caller's then. */
struct dgram *dgram_take(struct dgram_sock *s);
void dgram_free(struct dgram *d);

/* ---- between sockets of our own (dgram_local.c) ---- */

/* Does this address lead to a socket of our own, and is there no need for the stack to see what goes there? */
bool dgram_is_local(const struct dgram_sock *s, const ip_addr_t *to, uint16_t port);
/* With room for n bytes. NULL: no memory. */
struct dgram *dgram_new(uint32_t n) MUST_USE;
/* Sends d, which is then not the caller's any more, from s. 0 or -errno. */
int dgram_deliver(struct dgram_sock *s, struct dgram *d, const ip_addr_t *to, uint16_t port) MUST_USE;
/* read(2), write(2) and sendto(2) in the short way; the lock is not held. */
ssize dgram_read_quick(struct sock *base, struct file *f, uva_t to, size_t n);
ssize dgram_write_quick(struct sock *base, struct file *f, uva_t from, size_t n);
ssize dgram_send_quick(struct sock *base, uva_t from, size_t n, uva_t address, uint64_t address_len);

#endif
