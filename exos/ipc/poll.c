/*
 * poll.c: waiting for any of several files: what poll, ppoll, select and pselect6 have in common.
 *
 * Holds:    while somebody sleeps here, a session object with one watch per file. Looking alone allocates nothing.
 * Locks:    waiter.lock (LOCK_RANK_POLL), under the lock of whatever object becomes ready.
 */
#include "base/mem.h"
#include "ipc/ipc.h"

struct poll_entry {
    struct wait_watch watch;
    struct poll_waiter *waiter;
};

struct poll_waiter {
    struct lock lock;
    struct waitq wq;
    bool fired;
    unsigned count;
    struct poll_entry entry[];
};

unsigned
file_ready(struct file *f)
{
    return f->ops->poll != NULL ? f->ops->poll(f) : READY_IN | READY_OUT | READY_RDNORM | READY_WRNORM;
}

static long
look(struct poll_item *items, unsigned n)
{
    long ready = 0;

    for (unsigned i = 0; i < n; i++) {
        if (items[i].file == NULL)
            continue;
        items[i].got = file_ready(items[i].file) & (items[i].want | READY_ERR | READY_HUP);
        ready += items[i].got != 0;
    }
    return ready;
}

static void
poll_fired(struct wait_watch *w)
{
    struct poll_waiter *pw = container_of(w, struct poll_entry, watch)->waiter;

    lock_acquire(&pw->lock);
    pw->fired = true;
    wake_all(&pw->wq);
    lock_release(&pw->lock);
}

static struct poll_waiter *
waiter_create(struct poll_item *items, unsigned n)
{
    struct poll_waiter *pw = heap_alloc(sizeof(*pw) + n * sizeof(pw->entry[0]));

    if (pw == NULL)
        return NULL;
    lock_init(&pw->lock, LOCK_RANK_POLL);
    waitq_init(&pw->wq);
    for (unsigned i = 0; i < n; i++) {
        struct file *f = items[i].file;
        struct waitq *wq = f != NULL && f->ops->poll_queue != NULL ? f->ops->poll_queue(f) : NULL;

        if (wq == NULL)
            continue;
        pw->entry[pw->count].watch.fn = poll_fired;
        pw->entry[pw->count].waiter = pw;
        wait_watch_add(wq, &pw->entry[pw->count++].watch);
    }
    return pw;
}

static void
waiter_destroy(struct poll_waiter *pw)
{
    for (unsigned i = 0; i < pw->count; i++)
        wait_watch_remove(&pw->entry[i].watch);
    heap_free(pw);
}

static int
waiter_sleep(struct poll_waiter *pw, uint64_t deadline_ns)
{
    int err = 0;

    lock_acquire(&pw->lock);
    while (!pw->fired && err == 0)
        err = wait_sleep(&pw->wq, &pw->lock, deadline_ns, WAIT_INTR);
    pw->fired = false;
    lock_release(&pw->lock);
    return err;
}

long
poll_items(struct poll_item *items, unsigned n, uint64_t deadline_ns)
{
    struct poll_waiter *pw;
    long ready = look(items, n);
    int err = 0;

    if (ready != 0 || deadline_ns == 0)
        return ready;
    pw = waiter_create(items, n);
    if (pw == NULL)
        return -ENOMEM;
    while ((ready = look(items, n)) == 0 && err == 0)
        err = waiter_sleep(pw, deadline_ns);
    waiter_destroy(pw);
    return ready != 0 || err == -ETIMEDOUT ? ready : err;
}
