/*
 * netlink.c: netlink sockets: requests are answered while they are sent, and the answers wait to be read.
 *
 * Holds:    a queue of whole datagrams for each socket, bounded by SO_RCVBUF. Every socket that is bound has an id of its own.
 * Locks:    nl_lock (LOCK_RANK_PIPE), never together with net_lock.
 * Not here: what is answered (netlink_route.c). Other families than NETLINK_ROUTE; groups are joined, and nothing is ever sent to them.
 */
#include "net/netlink.h"

#include "base/mem.h"
#include "proc/proc.h"

#define NETLINK_ROUTE 0
#define SOL_NETLINK 270
#define NETLINK_ADD_MEMBERSHIP 1
#define NETLINK_STRICT_CHK 12
#define REQUEST_MAX 8192u       /* bytes sent at once */
#define GRAM_OVERHEAD 64u
#define ALIGN4(n) (((n) + 3) & ~3ul)

/* Linux struct sockaddr_nl. */
struct sockaddr_netlink {
    uint16_t family, pad;
    uint32_t pid, groups;
};
_Static_assert(sizeof(struct sockaddr_netlink) == 12, "Linux include/uapi/linux/netlink.h");

struct nl_gram {
    struct list link;
    uint32_t len;
    char data[];
};

struct nl_sock {
    struct sock base;
    struct list link;           /* in `bound` */
    uint32_t id, groups;        /* id 0: not bound */
    struct list queue;
    uint32_t queued;
};

static struct lock nl_lock = LOCK_INIT(LOCK_RANK_PIPE);
static struct list bound = { &bound, &bound };
static uint32_t last_id = UINT32_MAX / 2;
static const struct sock_ops netlink_ops;

static struct nl_sock *
nl_of(struct sock *s)
{
    return (struct nl_sock *)s;
}

/* ---- names ---- */

/* nl_lock is held. */
static bool
taken(uint32_t id)
{
    list_for(l, &bound)
        if (container_of(l, struct nl_sock, link)->id == id)
            return true;
    return false;
}

/* nl_lock is held. As Linux gives them: the process' own id if that is free. */
static uint32_t
free_id(void)
{
    uint32_t id = proc_current()->pid;

    while (taken(id))
        id = ++last_id;
    return id;
}

static int
bind_id(struct nl_sock *s, uint32_t id)
{
    int err = 0;

    lock_acquire(&nl_lock);
    if (s->id != 0) {
        err = id != 0 && id != s->id ? -EINVAL : 0;
    } else if (id != 0 && taken(id)) {
        err = -EADDRINUSE;
    } else {
        s->id = id != 0 ? id : free_id();
        list_push_tail(&bound, &s->link);
    }
    lock_release(&nl_lock);
    return err;
}

static int
address_in(const struct sock_addr *a, struct sockaddr_netlink *out)
{
    if (a->len < sizeof(*out))
        return -EINVAL;
    memcpy(out, a->raw, sizeof(*out));
    return out->family == AF_NETLINK_ ? 0 : -EINVAL;
}

static void
address_out(struct sock_addr *a, uint32_t pid, uint32_t groups)
{
    const struct sockaddr_netlink nl = { AF_NETLINK_, 0, pid, groups };

    a->len = sizeof(nl);
    memcpy(a->raw, &nl, sizeof(nl));
}

static int
netlink_bind(struct sock *base, const struct sock_addr *a)
{
    struct sockaddr_netlink nl;
    int err = address_in(a, &nl);

    if (err == 0)
        err = bind_id(nl_of(base), nl.pid);
    if (err == 0)
        nl_of(base)->groups = nl.groups;
    return err;
}

/* The kernel is the only one there is to talk to. */
static int
peer_check(const struct sock_addr *a)
{
    struct sockaddr_netlink nl;
    int err = address_in(a, &nl);

    if (err != 0 || (nl.pid == 0 && nl.groups == 0))
        return err;
    return proc_current()->fs->uid != 0 ? -EPERM : -ECONNREFUSED;
}

static int
netlink_connect(struct sock *base, const struct sock_addr *a, bool nonblock)
{
    int err = peer_check(a);

    (void)nonblock;
    return err != 0 ? err : bind_id(nl_of(base), 0);
}

static int
netlink_name(struct sock *base, struct sock_addr *out, bool peer)
{
    const struct nl_sock *s = nl_of(base);

    address_out(out, peer ? 0 : s->id, peer ? 0 : s->groups);
    return 0;
}

/* ---- answers ---- */

static void
enqueue(struct nl_sock *s, const void *data, size_t n)
{
    struct nl_gram *g = heap_alloc(sizeof(*g) + n);
    bool fits = false;

    if (g == NULL)
        return;
    g->len = (uint32_t)n;
    memcpy(g->data, data, n);
    lock_acquire(&nl_lock);
    fits = s->queued + g->len + GRAM_OVERHEAD <= s->base.rcvbuf;
    if (fits) {
        s->queued += g->len + GRAM_OVERHEAD;
        list_push_tail(&s->queue, &g->link);
        wake_all(&s->base.wq);
    } else {
        s->base.error = ENOBUFS;
    }
    lock_release(&nl_lock);
    if (!fits)
        heap_free(g);
}

void *
nl_begin(struct nl_reply *r, uint16_t type, size_t n)
{
    struct nl_header *h = (struct nl_header *)(r->data + r->len);
    size_t len = sizeof(*h) + n;
    bool multi = type != NLMSG_ERROR && nl_is_dump(r->request);

    if (r->full || r->len + ALIGN4(len) > NL_REPLY_MAX) {
        r->full = true;
        return NULL;
    }
    memset(h, 0, ALIGN4(len));
    *h = (struct nl_header){ (uint32_t)len, type, multi ? NLM_F_MULTI : 0, r->request->seq, r->id };
    r->len += (uint32_t)ALIGN4(len);
    r->last = h;
    return h + 1;
}

void
nl_put(struct nl_reply *r, uint16_t type, const void *data, size_t n)
{
    const struct nl_attribute head = { (uint16_t)(sizeof(head) + n), type };
    char *at = r->data + r->len;

    if (r->full || r->len + ALIGN4(head.len) > NL_REPLY_MAX) {
        r->full = true;
        return;
    }
    memset(at, 0, ALIGN4(head.len));
    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), data, n);
    r->len += (uint32_t)ALIGN4(head.len);
    r->last->len = (uint32_t)(r->data + r->len - (char *)r->last);
}

/* How a request ended: an error, or that it was done (0). */
static void
put_ack(struct nl_reply *r, int err)
{
    struct nl_ack *body = nl_begin(r, NLMSG_ERROR, sizeof(*body));

    if (body != NULL)
        *body = (struct nl_ack){ err, *r->request };
}

static void
answer(struct nl_sock *s, struct nl_reply *r, const struct nl_header *h)
{
    int err = 0;

    *r = (struct nl_reply){ .request = h, .id = s->id };
    if (h->type >= NLMSG_MIN_TYPE)
        err = nl_route(r, h);
    if (err != 0)
        r->len = 0;
    if (err != 0 || ((h->flags & NLM_F_ACK) && !nl_is_dump(h)))
        put_ack(r, err);
    else if (nl_is_dump(h))
        (void)nl_begin(r, NLMSG_DONE, sizeof(int32_t));
    if (r->len > 0)
        enqueue(s, r->data, r->len);
}

/* Each request of n bytes that were sent; what is broken ends them, as Linux has it. */
static void
answer_all(struct nl_sock *s, struct nl_reply *r, const char *data, size_t n)
{
    while (n >= sizeof(struct nl_header)) {
        const struct nl_header *h = (const void *)data;
        size_t step;

        if (h->len < sizeof(*h) || h->len > n)
            return;
        if (h->flags & NLM_F_REQUEST)
            answer(s, r, h);
        step = MIN(ALIGN4(h->len), n);
        data += step;
        n -= step;
    }
}

/* ---- the calls ---- */

static ssize
netlink_send(struct sock *base, struct uio *u, struct sock_msg *m)
{
    size_t n = u->left;
    struct nl_reply *r;
    char *data;
    int err = m->has_name ? peer_check(&m->name) : 0;

    if (err == 0)
        err = n > REQUEST_MAX ? -EMSGSIZE : bind_id(nl_of(base), 0);
    if (err != 0)
        return err;
    r = heap_alloc(sizeof(*r));
    data = heap_alloc(REQUEST_MAX);
    if (r == NULL || data == NULL)
        err = -ENOBUFS;
    else if (n > 0 && uio_in(u, data, n) != (ssize)n)
        err = -EFAULT;
    else
        answer_all(nl_of(base), r, data, n);
    heap_free(r);
    heap_free(data);
    return err != 0 ? err : (ssize)n;
}

/* nl_lock is held. The oldest datagram, which is the caller's then; NULL: *err. */
static struct nl_gram *
await_gram(struct nl_sock *s, bool nonblock, uint64_t deadline_ns, int *err)
{
    struct nl_gram *g;

    *err = 0;
    while (list_empty(&s->queue) && *err == 0) {
        if (s->base.error != 0)
            *err = sock_take_error(&s->base);
        else
            *err = nonblock ? -EAGAIN : wait_sleep(&s->base.wq, &nl_lock, deadline_ns, WAIT_INTR);
    }
    if (*err != 0) {
        *err = *err == -ETIMEDOUT ? -EAGAIN : *err;
        return NULL;
    }
    g = container_of(s->queue.next, struct nl_gram, link);
    list_remove(&g->link);
    return g;
}

/* It is read, or only looked at. */
static void
put_away(struct nl_sock *s, struct nl_gram *g, bool keep)
{
    lock_acquire(&nl_lock);
    if (keep) {
        list_push_head(&s->queue, &g->link);
        wake_all(&s->base.wq);
    } else {
        s->queued -= g->len + GRAM_OVERHEAD;
    }
    lock_release(&nl_lock);
    if (!keep)
        heap_free(g);
}

static ssize
netlink_recv(struct sock *base, struct uio *u, struct sock_msg *m)
{
    struct nl_sock *s = nl_of(base);
    struct nl_gram *g;
    ssize n = 0, len;
    int err;

    lock_acquire(&nl_lock);
    g = await_gram(s, (m->flags & MSG_DONTWAIT_) != 0, sock_deadline(base->rcv_timeout_ns), &err);
    lock_release(&nl_lock);
    if (g == NULL)
        return err;
    address_out(&m->name, 0, 0);
    len = (ssize)g->len;
    if (u->left > 0)
        n = uio_out(u, g->data, MIN((size_t)g->len, u->left));
    put_away(s, g, (m->flags & MSG_PEEK_) != 0);
    if (n < 0 || n == len)
        return n;
    m->out_flags |= MSG_TRUNC_;
    return m->flags & MSG_TRUNC_ ? len : n;
}

static int
netlink_set_option(struct sock *base, int level, int name, int value)
{
    if (level != SOL_NETLINK || name < NETLINK_ADD_MEMBERSHIP || name > NETLINK_STRICT_CHK)
        return -ENOPROTOOPT;
    if (name == NETLINK_ADD_MEMBERSHIP && value >= 1 && value <= 32)
        nl_of(base)->groups |= 1u << (value - 1);
    return 0;
}

static unsigned
netlink_poll(struct sock *base)
{
    return READY_OUT | READY_WRNORM | (list_empty(&nl_of(base)->queue) ? 0 : READY_IN | READY_RDNORM) | (base->error != 0 ? READY_ERR : 0);
}

static uint32_t
netlink_readable(struct sock *base)
{
    const struct nl_sock *s = nl_of(base);

    return list_empty(&s->queue) ? 0 : container_of(s->queue.next, struct nl_gram, link)->len;
}

static void
netlink_release(struct sock *base)
{
    struct nl_sock *s = nl_of(base);

    lock_acquire(&nl_lock);
    list_remove(&s->link);
    lock_release(&nl_lock);
    list_for_safe(l, next, &s->queue)
        heap_free(container_of(l, struct nl_gram, link));
    heap_free(s);
}

static const struct sock_ops netlink_ops = {
    .bind = netlink_bind,
    .connect = netlink_connect,
    .send = netlink_send,
    .recv = netlink_recv,
    .name = netlink_name,
    .set_option = netlink_set_option,
    .poll = netlink_poll,
    .readable_bytes = netlink_readable,
    .release = netlink_release,
};

int
netlink_sock_create(int type, int protocol, struct sock **out)
{
    struct nl_sock *s;

    if (type != SOCK_RAW_ && type != SOCK_DGRAM_)
        return -ESOCKTNOSUPPORT;
    if (protocol != NETLINK_ROUTE)
        return -EPROTONOSUPPORT;
    s = heap_alloc(sizeof(*s));
    if (s == NULL)
        return -ENOBUFS;
    sock_init(&s->base, &netlink_ops, AF_NETLINK_, type, protocol);
    list_init(&s->link);
    list_init(&s->queue);
    *out = &s->base;
    return 0;
}

bool
file_is_netlink(const struct file *f)
{
    return f->ops == &sock_file_ops && ((const struct sock *)f->priv)->ops == &netlink_ops;
}

void
netlink_deliver(struct file *f, const void *data, size_t n)
{
    enqueue(nl_of(f->priv), data, n);
}
