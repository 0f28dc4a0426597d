/*
 * tcp_sock.h: a TCP socket over one pcb of lwIP, for the tcp_*.c files. net_lock is held wherever nothing else is said.
 */
#ifndef EXOS_NET_TCP_SOCK_H
#define EXOS_NET_TCP_SOCK_H

#include "base/list.h"
#include "net/inet.h"
#include "net/net.h"
#include "net/sock.h"

#include "lwip/pbuf.h"
#include "lwip/tcp.h"

enum tcp_sock_state { TCP_FRESH, TCP_LISTENING, TCP_CONNECTING, TCP_CONNECTED, TCP_ENDED };

/*
 * Staged data: written by the sender, referenced by lwIP's segments until acknowledged. The first 16 bytes stay free of data because
 * nic.free_page() may use them while a transmit still reads the rest.
 */
#define TX_PAGE_DATA 4080u
struct tx_page {
    struct tx_page *next;
    uint32_t used;              /* bytes given to lwIP */
    uint32_t acked;
    char data[TX_PAGE_DATA];
};
_Static_assert(sizeof(struct tx_page) == PAGE_SIZE, "one page each");

#define TCP_KEPT 7u

struct tcp_sock {
    struct sock base;
    struct tcp_pcb *pcb;        /* NULL once it ended; for a listener a struct tcp_pcb_listen */
    enum tcp_sock_state state;
    bool orphan;                /* the file is gone, data is still to be acknowledged */
    bool nodelay;
    bool cork;                  /* TCP_CORK: only whole segments go out, or what has waited for a while */
    int32_t kept[TCP_KEPT];     /* options that are remembered, as their difference from what is usual (tcp_opt.c) */
    uint64_t progress_ns;       /* with TCP_USER_TIMEOUT: when data was sent or acknowledged last */
    bool contended;             /* somebody waits for rx_busy or tx_busy to clear */

    /* Receive: single pbufs linked by ->next; the reader owns the head side while rx_busy. */
    struct pbuf *rx_head, *rx_tail;
    uint32_t rx_offset;         /* into rx_head */
    uint32_t rx_queued;
    uint32_t rx_room;           /* bytes that still fit behind rx_tail's data: it is a buffer of our own for small segments */
    bool rx_busy, rx_fin, rx_shut;

    /* Send. */
    struct tx_page *tx_head, *tx_tail;
    uint32_t tx_queued;         /* bytes given to lwIP and not yet acknowledged */
    bool tx_busy, tx_shut;

    /* Listener and its children. */
    struct tcp_sock *listener;  /* while waiting to be accepted */
    struct list accept_link;
    struct list accept_queue;
    struct list group;          /* of listeners at one address (SO_REUSEPORT); one of them has the pcb that listens */
    uint32_t accept_count, backlog;
    uint32_t accepted;          /* how many connections it was given */
};

static inline struct tcp_sock *
tcp_of(struct sock *s)
{
    return (struct tcp_sock *)s;
}

static inline void
tcp_sock_wake(struct tcp_sock *s)
{
    if (!list_empty(&s->base.wq.waiters))
        wake_all(&s->base.wq);
}

/* A reader or writer is through: wakes those who found it busy. */
static inline void
tcp_sock_uncontend(struct tcp_sock *s)
{
    if (s->contended) {
        s->contended = false;
        tcp_sock_wake(s);
    }
}

/* tcp_sock.c */
struct tcp_sock *tcp_sock_new(int family, struct tcp_pcb *pcb);
/* Ties the socket to a pcb that is about to be, or just got, connected. */
void tcp_sock_attach(struct tcp_sock *s, struct tcp_pcb *pcb);
void tcp_sock_detach(struct tcp_sock *s);
void tcp_sock_free(struct tcp_sock *s);
unsigned tcp_sock_poll(struct sock *base);

/* tcp_conn.c; the lock is not held */
int tcp_sock_bind(struct sock *base, const struct sock_addr *a);
int tcp_sock_connect(struct sock *base, const struct sock_addr *a, bool nonblock);
int tcp_sock_listen(struct sock *base, int backlog);
int tcp_sock_accept(struct sock *base, bool nonblock, struct sock **child);
int tcp_sock_shutdown(struct sock *base, int how);
void tcp_sock_release(struct sock *base);

/* tcp_recv.c */
err_t tcp_sock_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err);
void tcp_rx_discard(struct tcp_sock *s);
ssize tcp_sock_recv(struct sock *base, struct uio *u, struct sock_msg *m);     /* the lock is not held */

/* tcp_send.c */
err_t tcp_sock_acked(void *arg, struct tcp_pcb *pcb, u16_t len);
void tcp_tx_discard(struct tcp_sock *s);
bool tcp_tx_writable(const struct tcp_sock *s);
ssize tcp_sock_send(struct sock *base, struct uio *u, struct sock_msg *m);     /* the lock is not held */

/* tcp_opt.c; the lock is not held */
int tcp_sock_set_option(struct sock *base, int level, int name, int value);
int tcp_sock_get_option(struct sock *base, int level, int name, int *value);
void tcp_sock_option_changed(struct sock *base);
/* Gives the pcb what the options said so far; net_lock is held. */
void tcp_sock_option_apply(struct tcp_sock *s);
size_t tcp_sock_info(struct sock *base, void *out);
/* TCP_USER_TIMEOUT: data was sent, or acknowledged. */
void tcp_sock_progress(struct tcp_sock *s);

#endif
