/*
 * tcp_recv.c: received data on its way to the reader.
 *
 * Holds:    the queue of pbufs. The window opens again only for what the reader has taken: that is the back pressure.
 * Locks:    net_lock around the queue. The reader copies without it: while rx_busy nobody else takes from the head, and lwIP only adds
 *           at the tail.
 */
#include "net/tcp_sock.h"

#define RX_SMALL 512u           /* such segments share a buffer when the reader is slow: a flood of crumbs must not eat the memory */
#define RX_SHARED_SIZE 1900u

static void
append(struct tcp_sock *s, struct pbuf *p)
{
    p->next = NULL;
    p->tot_len = p->len;
    if (s->rx_tail == NULL)
        s->rx_head = p;
    else
        s->rx_tail->next = p;
    s->rx_tail = p;
    s->rx_room = 0;
}

/* Puts a small segment's bytes behind others in a shared buffer. False: take it as it is. */
static bool
append_shared(struct tcp_sock *s, const struct pbuf *p)
{
    struct pbuf *shared;

    if (p->len > RX_SMALL || s->rx_tail == NULL)
        return false;
    if (s->rx_room < p->len) {
        shared = pbuf_alloc(PBUF_RAW, RX_SHARED_SIZE, PBUF_RAM);
        if (shared == NULL)
            return false;
        shared->len = 0;
        append(s, shared);
        s->rx_room = RX_SHARED_SIZE;
    }
    shared = s->rx_tail;
    memcpy((char *)shared->payload + shared->len, p->payload, p->len);
    shared->len = (u16_t)(shared->len + p->len);
    shared->tot_len = shared->len;
    s->rx_room -= p->len;
    return true;
}

static void
take_chain(struct tcp_sock *s, struct pbuf *p)
{
    while (p != NULL) {
        struct pbuf *next = p->next;

        s->rx_queued += p->len;
        p->next = NULL;
        p->tot_len = p->len;
        if (p->len == 0 || append_shared(s, p))
            pbuf_free(p);
        else
            append(s, p);
        p = next;
    }
}

err_t
tcp_sock_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct tcp_sock *s = arg;

    (void)err;
    if (p == NULL) {
        s->rx_fin = true;
    } else if (s->rx_shut) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
        return ERR_OK;
    } else {
        take_chain(s, p);
    }
    tcp_sock_wake(s);
    return ERR_OK;
}

static struct pbuf *
head_take(struct tcp_sock *s)
{
    struct pbuf *p = s->rx_head;

    s->rx_head = p->next;
    if (s->rx_head == NULL) {
        s->rx_tail = NULL;
        s->rx_room = 0;
    }
    s->rx_offset = 0;
    p->next = NULL;
    return p;
}

void
tcp_rx_discard(struct tcp_sock *s)
{
    while (s->rx_head != NULL)
        pbuf_free(head_take(s));
    s->rx_queued = 0;
}

/* The reader has n bytes: their buffers go, and the window opens. */
static void
consume(struct tcp_sock *s, uint32_t n)
{
    s->rx_queued -= n;
    for (uint32_t left = n; left > 0;) {
        uint32_t have = s->rx_head->len - s->rx_offset;
        uint32_t take = MIN(left, have);

        s->rx_offset += take;
        left -= take;
        if (s->rx_offset == s->rx_head->len)
            pbuf_free(head_take(s));
    }
    for (uint32_t left = n; left > 0 && s->pcb != NULL;) {
        u16_t step = (u16_t)MIN(left, 0xffffu);

        tcp_recved(s->pcb, step);
        left -= step;
    }
}

/* Copies up to n bytes of the queue to the reader, without the lock; rx_busy is set. */
static ssize
copy_queue(const struct pbuf *p, uint32_t offset, struct uio *u, uint32_t n)
{
    uint32_t done = 0;

    for (; done < n; p = p->next, offset = 0) {
        uint32_t want = MIN(n - done, p->len - offset);
        ssize moved = uio_out(u, (char *)p->payload + offset, want);

        if (moved < 0)
            return done > 0 ? (ssize)done : moved;
        done += (uint32_t)moved;
        if ((uint32_t)moved < want)
            break;
    }
    return (ssize)done;
}

/* The lock is held. 1: data is there; 0: there will be none; or -errno. */
static int
await_data(struct tcp_sock *s, bool nonblock, uint64_t deadline_ns)
{
    while (s->rx_busy || s->rx_queued == 0) {
        int err;

        if (!s->rx_busy) {
            if (s->base.error != 0)
                return sock_take_error(&s->base);
            if (s->rx_fin || s->rx_shut || s->state == TCP_ENDED)
                return 0;
            if (s->state != TCP_CONNECTED && s->state != TCP_CONNECTING)
                return -ENOTCONN;
        }
        if (nonblock)
            return -EAGAIN;
        s->contended |= s->rx_busy;
        err = net_sleep(&s->base.wq, deadline_ns);
        if (err != 0)
            return err == -ETIMEDOUT ? -EAGAIN : err;
    }
    return 1;
}

/* The lock is held, data is there. */
static ssize
read_some(struct tcp_sock *s, struct uio *u, bool peek)
{
    uint32_t n = (uint32_t)MIN(u->left, s->rx_queued);
    const struct pbuf *head = s->rx_head;
    uint32_t offset = s->rx_offset;
    ssize moved;

    s->rx_busy = true;
    net_lock_release();
    moved = copy_queue(head, offset, u, n);
    net_lock_acquire();
    s->rx_busy = false;
    if (moved > 0 && !peek)
        consume(s, (uint32_t)moved);
    return moved;
}

ssize
tcp_sock_recv(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct tcp_sock *s = tcp_of(base);
    uint64_t deadline_ns = sock_deadline(base->rcv_timeout_ns);
    bool peek = (m->flags & MSG_PEEK_) != 0, all = (m->flags & MSG_WAITALL_) != 0 && !peek;
    ssize done = 0, r;

    if (m->flags & MSG_OOB_)
        return -EINVAL;
    if (u->left == 0)
        return 0;
    net_lock_acquire();
    do {
        r = await_data(s, (m->flags & MSG_DONTWAIT_) != 0, deadline_ns);
        if (r > 0)
            r = read_some(s, u, peek);
        if (r > 0)
            done += r;
    } while (r > 0 && all && u->left > 0);
    tcp_sock_uncontend(s);
    net_lock_release();
    return done > 0 ? done : r;
}
