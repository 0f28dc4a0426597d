/*
 * tcp_send.c: data on its way out.
 *
 * Holds:    the pages where the sender staged what lwIP now refers to. They go when their last byte is acknowledged (or the pcb ended)
 *           and no transmit still reads them.
 * Locks:    net_lock around the list and lwIP. The sender fills the tail page without it, owning the sending side by tx_busy.
 */
#include "net/tcp_sock.h"

#include "base/mem.h"

#define TX_QUEUE_RESERVE 8u     /* pbufs that one page of data may add to the queue */
#define TX_OUTPUT_PAGES  8u     /* how much is staged before lwIP is told to send */

static void
head_free(struct tcp_sock *s)
{
    struct tx_page *page = s->tx_head;

    s->tx_head = page->next;
    if (s->tx_head == NULL)
        s->tx_tail = NULL;
    net_page_free(page);
}

void
tcp_tx_discard(struct tcp_sock *s)
{
    if (s->tx_busy)
        return;                 /* the sender finds the pcb gone and calls again */
    while (s->tx_head != NULL)
        head_free(s);
    s->tx_queued = 0;
}

bool
tcp_tx_writable(const struct tcp_sock *s)
{
    uint32_t limit = MIN(s->base.sndbuf, (uint32_t)TCP_SND_BUF);

    return s->pcb != NULL && s->tx_queued <= limit - limit / 3 && tcp_sndqueuelen(s->pcb) < TCP_SND_QUEUELEN - TX_QUEUE_RESERVE;
}

/* How many bytes may be staged now. */
static uint32_t
tx_room(const struct tcp_sock *s)
{
    uint32_t limit = MIN(s->base.sndbuf, (uint32_t)tcp_sndbuf(s->pcb) + s->tx_queued);

    if (tcp_sndqueuelen(s->pcb) >= TCP_SND_QUEUELEN - TX_QUEUE_RESERVE)
        return 0;
    return s->tx_queued < limit ? limit - s->tx_queued : 0;
}

static void
pages_acked(struct tcp_sock *s, uint32_t len)
{
    while (len > 0) {
        struct tx_page *page = s->tx_head;
        uint32_t n = MIN(len, page->used - page->acked);

        page->acked += n;
        len -= n;
        if (page->acked < page->used)
            break;
        if (page == s->tx_tail && s->tx_busy)
            break;
        head_free(s);
    }
}

err_t
tcp_sock_acked(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct tcp_sock *s = arg;

    (void)pcb;
    EXO_ASSERT(len <= s->tx_queued);
    s->tx_queued -= len;
    tcp_sock_progress(s);
    pages_acked(s, len);
    if (s->orphan && s->tx_queued == 0) {
        tcp_sock_detach(s);
        tcp_sock_free(s);
    } else if (tcp_tx_writable(s)) {
        tcp_sock_wake(s);
    }
    return ERR_OK;
}

/* The lock is held. Waits until one may write. 0, or -errno: -EPIPE once the sending side is closed. */
static int
await_room(struct tcp_sock *s, bool nonblock, uint64_t deadline_ns)
{
    for (;;) {
        int err;

        if (s->base.error != 0)
            return sock_take_error(&s->base);
        if (s->state == TCP_FRESH || s->state == TCP_LISTENING)
            return -ENOTCONN;
        if (s->tx_shut || s->pcb == NULL)
            return -EPIPE;
        if (s->state == TCP_CONNECTED && !s->tx_busy && tx_room(s) > 0)
            return 0;
        if (nonblock)
            return -EAGAIN;
        s->contended |= s->tx_busy;
        (void)tcp_output(s->pcb);
        err = net_sleep(&s->base.wq, deadline_ns);
        if (err != 0)
            return err == -ETIMEDOUT ? -EAGAIN : err;
    }
}

/* The lock is held. The page to fill: the last one, or a new one behind it. */
static struct tx_page *
tail_with_space(struct tcp_sock *s)
{
    struct tx_page *page = s->tx_tail;

    if (page != NULL && page->used < TX_PAGE_DATA)
        return page;
    page = page_alloc();
    if (page == NULL)
        return NULL;
    page->next = NULL;
    page->used = page->acked = 0;
    if (s->tx_tail == NULL)
        s->tx_head = page;
    else
        s->tx_tail->next = page;
    s->tx_tail = page;
    return page;
}

/* The lock is held. Hands n bytes at the end of the page to lwIP, which may have lost the connection while they were copied. */
static ssize
commit(struct tcp_sock *s, struct tx_page *page, uint32_t n, bool more)
{
    err_t err;

    if (s->pcb == NULL || s->tx_shut) {
        if (s->pcb == NULL)
            tcp_tx_discard(s);
        return s->base.error != 0 ? sock_take_error(&s->base) : -EPIPE;
    }
    err = tcp_write(s->pcb, page->data + page->used, (u16_t)n, more ? TCP_WRITE_FLAG_MORE : 0);
    if (err != ERR_OK)
        return err == ERR_MEM ? -ENOBUFS : errno_of(err);
    page->used += n;
    if (s->tx_queued == 0)
        tcp_sock_progress(s);
    s->tx_queued += n;
    return (ssize)n;
}

/* The lock is held and there is room. Moves at most a page: copied without the lock, then given to lwIP. */
static ssize
write_some(struct tcp_sock *s, struct uio *u, bool held)
{
    struct tx_page *page = tail_with_space(s);
    ssize moved;
    uint32_t n;

    if (page == NULL)
        return -ENOBUFS;
    n = (uint32_t)MIN(MIN(u->left, tx_room(s)), TX_PAGE_DATA - page->used);
    s->tx_busy = true;
    net_lock_release();
    moved = uio_in(u, page->data + page->used, n);
    net_lock_acquire();
    s->tx_busy = false;
    return moved <= 0 ? moved : commit(s, page, (uint32_t)moved, held || u->left > 0);
}

/* Is there something to send? More is to come where it is held back: a whole segment then. */
static bool
due(const struct tcp_sock *s, bool held)
{
    return s->pcb != NULL && (!held || s->pcb->snd_lbb - s->pcb->snd_nxt >= s->pcb->mss);
}

ssize
tcp_sock_send(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct tcp_sock *s = tcp_of(base);
    uint64_t deadline_ns = sock_deadline(base->snd_timeout_ns);
    bool held = s->cork || (m->flags & MSG_MORE_) != 0;
    unsigned staged = 0;
    ssize done = 0, r = 0;

    if (m->flags & MSG_OOB_)
        return -EOPNOTSUPP;
    net_lock_acquire();
    while (u->left > 0) {
        r = await_room(s, (m->flags & MSG_DONTWAIT_) != 0, deadline_ns);
        if (r == 0)
            r = write_some(s, u, held);
        if (r <= 0)
            break;
        done += r;
        if (++staged % TX_OUTPUT_PAGES == 0 && s->pcb != NULL)
            (void)tcp_output(s->pcb);
    }
    if (done > 0 && due(s, held))
        (void)tcp_output(s->pcb);
    tcp_sock_uncontend(s);
    net_lock_release();
    return done > 0 ? done : r;
}
