/*
 * epoll.c: an interest list and a ready list. A watched file costs nothing until it is woken.
 *
 * Holds:    one epoll_item per (descriptor number, file), found by hash, chained to its file and watching the file's queue.
 * Locks:    epoll.lock (LOCK_RANK_POLL), taken by a watch under the watched object's lock and therefore never held around poll().
 *           file_watchers_lock around file->watchers chains and around adding and removing.
 *           While poll() of an item is asked, the item is pinned; whoever removes it waits for that.
 */
#include "base/mem.h"
#include "base/uaccess.h"
#include "ipc/ipc.h"

#define EPOLL_BUCKETS_MIN 16u
#define EPOLL_ITEMS_PER_BUCKET 4u
#define EPOLL_BUCKETS_MAX 1024u
#define EXCLUSIVE_WITH (READY_IN | READY_OUT | READY_ERR | READY_HUP | EPOLL_WAKEUP | EPOLL_ET | EPOLL_EXCLUSIVE)
#define EPOLL_QUICK_MAX (PAGE_SIZE / sizeof(struct epoll_event))    /* events in one turn, which must fit a page */

struct epoll {
    struct lock lock;
    struct waitq wq;
    struct list ready;              /* epoll_item.ready_link */
    uint32_t ready_count;
    uint32_t item_count;
    uint32_t bucket_count;
    struct epoll_item **bucket;     /* changed under file_watchers_lock only */
};

struct epoll_item {
    struct file_watcher watcher;    /* first; in file->watchers with those of other epolls */
    struct wait_watch watch;
    struct list ready_link;
    struct epoll_item *hash_next;
    struct epoll *ep;
    struct file *file;              /* no reference: file_gone() comes first */
    int fd;
    uint32_t events;                /* 0: a one-shot that fired */
    uint64_t data;
    bool queued;
    uint32_t pins;
};

/* The lock is held. */
static void
enqueue(struct epoll *ep, struct epoll_item *it)
{
    if (it->queued)
        return;
    it->queued = true;
    list_push_tail(&ep->ready, &it->ready_link);
    ep->ready_count++;
}

/* The lock is held. */
static void
dequeue(struct epoll *ep, struct epoll_item *it)
{
    if (!it->queued)
        return;
    it->queued = false;
    list_remove(&it->ready_link);
    ep->ready_count--;
}

/* Makes the item a candidate and wakes whoever waits for the epoll. */
static void
item_raise(struct epoll_item *it)
{
    struct epoll *ep = it->ep;

    lock_acquire(&ep->lock);
    if (it->events != 0)
        enqueue(ep, it);
    lock_release(&ep->lock);
    if (!list_empty(&ep->wq.waiters))
        wake_all(&ep->wq);
}

static void
item_fired(struct wait_watch *w)
{
    item_raise(container_of(w, struct epoll_item, watch));
}

static inline uint32_t
item_ready(struct epoll_item *it, uint32_t events)
{
    return file_ready(it->file) & (events | READY_ERR | READY_HUP);
}

/*
 * The lock is held, and dropped while the first candidate is asked. Gives what is ready of it, 0 when nothing is any more, and the
 * event through ev. With `keep` it stays queued when ready; else as level, edge or one-shot demands.
 */
static uint32_t
ask_first(struct epoll *ep, struct epoll_event *ev, bool keep)
{
    struct epoll_item *it = container_of(ep->ready.next, struct epoll_item, ready_link);
    uint32_t events = it->events, got;

    dequeue(ep, it);
    it->pins++;
    lock_release(&ep->lock);
    got = item_ready(it, events);
    lock_acquire(&ep->lock);
    it->pins--;
    if (got == 0)
        return 0;
    ev->events = got;
    ev->data = it->data;
    if (keep || (events & (EPOLL_ET | EPOLL_ONESHOT)) == 0)
        enqueue(ep, it);
    else if (events & EPOLL_ONESHOT)
        it->events = 0;
    return got;
}

/* Goes on with a turn that has `left` candidates to ask. */
static unsigned
collect_now(struct epoll *ep, struct epoll_event *ev, unsigned max, uint32_t *left)
{
    unsigned n = 0;

    for (; *left > 0 && n < max && ep->ready_count > 0; --*left)
        n += ask_first(ep, &ev[n], false) != 0;
    return n;
}

long
epoll_collect(struct file *epf, struct epoll_event *ev, unsigned max, uint64_t deadline_ns, uint32_t *left)
{
    struct epoll *ep = epf->priv;
    bool begins = *left == EPOLL_TURN_BEGINS;
    long n;
    int err = 0;

    lock_acquire(&ep->lock);
    for (;;) {
        if (begins)
            *left = ep->ready_count;
        n = collect_now(ep, ev, max, left);
        if (n != 0 || err != 0 || deadline_ns == 0)
            break;
        if (ep->ready_count == 0)
            err = wait_sleep(&ep->wq, &ep->lock, deadline_ns, WAIT_INTR);
    }
    lock_release(&ep->lock);
    return n > 0 || err == -ETIMEDOUT ? n : err;
}

/* Eight bytes and four: struct epoll_event is packed. False: it faulted. */
static inline bool
event_out(uva_t at, uint32_t events, uint64_t data)
{
    return uaccess_store64(at, events | data << 32) && uaccess_store32(at + sizeof(uint64_t), (uint32_t)(data >> 32));
}

/*
 * One turn over the candidates, with no lock: nothing here is pre-empted or sleeps. Paid for by the epoll row of the benchmark.
 */
long
epoll_quick(struct file *epf, uva_t out, unsigned max)
{
    struct epoll *ep = epf->priv;
    uint32_t left = MIN(ep->ready_count, max), n = 0;

    if (left > EPOLL_QUICK_MAX || !user_page_ok(out))
        return 0;
    for (; left > 0; left--) {
        struct epoll_item *it = container_of(ep->ready.next, struct epoll_item, ready_link);
        uint32_t events = it->events, got = it->file->ops->poll(it->file) & events;

        if (got != 0 && !event_out(out + n * sizeof(struct epoll_event), got, it->data))
            break;
        if (UNLIKELY(got == 0 || (events & (EPOLL_ET | EPOLL_ONESHOT)) != 0)) {
            dequeue(ep, it);
            if (got != 0 && (events & EPOLL_ONESHOT))
                it->events = 0;
        } else if (ep->ready_count > 1) {
            list_unlink(&it->ready_link);
            list_push_tail(&ep->ready, &it->ready_link);
        }
        n += got != 0;
    }
    return n;
}

static unsigned
epoll_poll(struct file *f)
{
    struct epoll *ep = f->priv;
    struct epoll_event ev;
    uint32_t got = 0;

    lock_acquire(&ep->lock);
    for (uint32_t left = ep->ready_count; left > 0 && got == 0 && ep->ready_count > 0; left--)
        got = ask_first(ep, &ev, true);
    lock_release(&ep->lock);
    return got != 0 ? READY_IN | READY_RDNORM : 0;
}

static struct waitq *
epoll_poll_queue(struct file *f)
{
    return &((struct epoll *)f->priv)->wq;
}

static struct epoll_item **
find_slot(struct epoll *ep, int fd, const struct file *f)
{
    struct epoll_item **p = &ep->bucket[(uint32_t)fd & (ep->bucket_count - 1)];

    while (*p != NULL && ((*p)->fd != fd || (*p)->file != f))
        p = &(*p)->hash_next;
    return p;
}

/* file_watchers_lock is held: nobody else changes the buckets. Keeps the old ones when there is no memory for more. */
static void
grow_buckets(struct epoll *ep)
{
    uint32_t count = ep->bucket_count * 4;
    struct epoll_item **old = ep->bucket, **grown;

    if (ep->item_count < ep->bucket_count * EPOLL_ITEMS_PER_BUCKET || count > EPOLL_BUCKETS_MAX)
        return;
    grown = heap_alloc(count * sizeof(*grown));
    if (grown == NULL)
        return;
    for (uint32_t i = 0; i < ep->bucket_count; i++) {
        for (struct epoll_item *it = old[i], *next; it != NULL; it = next) {
            next = it->hash_next;
            it->hash_next = grown[(uint32_t)it->fd & (count - 1)];
            grown[(uint32_t)it->fd & (count - 1)] = it;
        }
    }
    ep->bucket = grown;
    ep->bucket_count = count;
    heap_free(old);
}

/* file_watchers_lock is held. True when `target` is reached from ep within `depth` steps, or the chain is longer than that. */
static bool
reaches(const struct epoll *ep, const struct epoll *target, unsigned depth)
{
    if (ep == target || depth == 0)
        return true;
    for (uint32_t i = 0; i < ep->bucket_count; i++) {
        for (const struct epoll_item *it = ep->bucket[i]; it != NULL; it = it->hash_next) {
            if (file_is_epoll(it->file) && reaches(it->file->priv, target, depth - 1))
                return true;
        }
    }
    return false;
}

static void
item_link(struct epoll *ep, struct epoll_item *it, struct epoll_item **slot)
{
    struct waitq *wq = it->file->ops->poll_queue != NULL ? it->file->ops->poll_queue(it->file) : NULL;

    it->hash_next = NULL;
    *slot = it;
    ep->item_count++;
    it->watcher.next = it->file->watchers;
    it->file->watchers = &it->watcher;
    list_init(&it->watch.link);
    if (wq != NULL)
        wait_watch_add(wq, &it->watch);
}

static int
item_add(struct epoll *ep, struct epoll_item *it)
{
    struct epoll_item **slot;

    grow_buckets(ep);
    slot = find_slot(ep, it->fd, it->file);
    if (*slot != NULL)
        return -EEXIST;
    if (file_is_epoll(it->file) && reaches(it->file->priv, ep, EPOLL_NEST_MAX))
        return -ELOOP;
    item_link(ep, it, slot);
    return 0;
}

static void
file_unchain(struct epoll_item *it)
{
    struct file_watcher **p = &it->file->watchers;

    while (*p != &it->watcher)
        p = &(*p)->next;
    *p = it->watcher.next;
}

/* file_watchers_lock is held. Takes the item out of everything; the caller frees it. */
static void
item_unlink(struct epoll_item **slot)
{
    struct epoll_item *it = *slot;
    struct epoll *ep = it->ep;

    *slot = it->hash_next;
    ep->item_count--;
    file_unchain(it);
    if (!list_empty(&it->watch.link))
        wait_watch_remove(&it->watch);
    lock_acquire(&ep->lock);
    while (it->pins > 0) {          /* another CPU is inside its poll(), which is short */
        lock_release(&ep->lock);
        lock_acquire(&ep->lock);
    }
    it->events = 0;
    dequeue(ep, it);
    lock_release(&ep->lock);
}

/* The file has lost its last reference. */
static void
file_gone(struct file *f)
{
    struct epoll_item *it = (struct epoll_item *)f->watchers;

    lock_acquire(&file_watchers_lock);
    item_unlink(find_slot(it->ep, it->fd, f));
    lock_release(&file_watchers_lock);
    heap_free(it);
}

static int
control_add(struct epoll *ep, int fd, struct file *f, const struct epoll_event *ev)
{
    struct epoll_item *it;
    int err;

    if (f->ops->poll == NULL)
        return -EPERM;              /* a disk file is always ready: Linux refuses it too */
    it = heap_alloc(sizeof(*it));
    if (it == NULL)
        return -ENOMEM;
    *it = (struct epoll_item){ .watcher.gone = file_gone, .watch.fn = item_fired, .ep = ep, .file = f, .fd = fd, .data = ev->data };
    it->events = ev->events | READY_ERR | READY_HUP;
    list_init(&it->ready_link);
    lock_acquire(&file_watchers_lock);
    err = item_add(ep, it);
    lock_release(&file_watchers_lock);
    if (err != 0)
        heap_free(it);
    else if (item_ready(it, it->events) != 0)
        item_raise(it);
    return err;
}

static int
control_mod(struct epoll *ep, int fd, struct file *f, const struct epoll_event *ev)
{
    struct epoll_item *it;

    lock_acquire(&file_watchers_lock);
    it = *find_slot(ep, fd, f);
    if (it != NULL && (it->events & EPOLL_EXCLUSIVE)) {
        lock_release(&file_watchers_lock);
        return -EINVAL;
    }
    if (it != NULL) {
        lock_acquire(&ep->lock);
        it->events = ev->events | READY_ERR | READY_HUP;
        it->data = ev->data;
        it->pins++;
        lock_release(&ep->lock);
    }
    lock_release(&file_watchers_lock);
    if (it == NULL)
        return -ENOENT;
    if (item_ready(it, it->events) != 0)
        item_raise(it);
    lock_acquire(&ep->lock);
    it->pins--;
    lock_release(&ep->lock);
    return 0;
}

static int
control_del(struct epoll *ep, int fd, struct file *f)
{
    struct epoll_item **slot, *it;

    lock_acquire(&file_watchers_lock);
    slot = find_slot(ep, fd, f);
    it = *slot;
    if (it != NULL)
        item_unlink(slot);
    lock_release(&file_watchers_lock);
    if (it == NULL)
        return -ENOENT;
    heap_free(it);
    return 0;
}

int
epoll_control(struct file *epf, int op, int fd, struct file *f, const struct epoll_event *ev)
{
    if (!file_is_epoll(epf) || epf == f)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && (ev->events & EPOLL_EXCLUSIVE) &&
        (op == EPOLL_CTL_MOD || file_is_epoll(f) || (ev->events & ~EXCLUSIVE_WITH)))
        return -EINVAL;
    switch (op) {
    case EPOLL_CTL_ADD:
        return control_add(epf->priv, fd, f, ev);
    case EPOLL_CTL_MOD:
        return control_mod(epf->priv, fd, f, ev);
    case EPOLL_CTL_DEL:
        return control_del(epf->priv, fd, f);
    default:
        return -EINVAL;
    }
}

static void
epoll_release(struct file *f)
{
    struct epoll *ep = f->priv;

    for (uint32_t i = 0; i < ep->bucket_count; i++) {
        struct epoll_item *it;

        do {
            lock_acquire(&file_watchers_lock);
            it = ep->bucket[i];
            if (it != NULL)
                item_unlink(&ep->bucket[i]);
            lock_release(&file_watchers_lock);
            if (it != NULL)
                heap_free(it);
        } while (it != NULL);
    }
    heap_free(ep->bucket);
    heap_free(ep);
}

const struct file_ops epoll_ops = {
    .name = "[eventpoll]",
    .poll = epoll_poll,
    .poll_queue = epoll_poll_queue,
    .release = epoll_release,
};

struct file *
epoll_create(void)
{
    struct epoll *ep = heap_alloc(sizeof(*ep));
    struct file *f;

    if (ep == NULL)
        return NULL;
    ep->bucket = heap_alloc(EPOLL_BUCKETS_MIN * sizeof(struct epoll_item *));
    ep->bucket_count = EPOLL_BUCKETS_MIN;
    lock_init(&ep->lock, LOCK_RANK_POLL);
    waitq_init(&ep->wq);
    list_init(&ep->ready);
    f = ep->bucket != NULL ? file_create(&epoll_ops, IPC_O_RDWR, ep) : NULL;
    if (f == NULL) {
        if (ep->bucket != NULL)
            heap_free(ep->bucket);
        heap_free(ep);
    }
    return f;
}
