/*
 * eventfd.c: a 64-bit counter as a file: write adds, read takes all of it, or one in semaphore mode.
 *
 * Locks: eventfd.lock (LOCK_RANK_PIPE).
 */
#include "base/mem.h"
#include "base/uaccess.h"
#include "ipc/ipc.h"

struct eventfd {
    struct lock lock;
    uint64_t count;                 /* never UINT64_MAX */
    bool semaphore;
    struct waitq wq;
};

/* The lock is held. 0 once the counter can be read (give 0) or `add` fits (give it), or -EAGAIN, -EINTR. */
static int
await_counter(struct eventfd *e, bool nonblock, bool reading, uint64_t add)
{
    while (reading ? e->count == 0 : add > UINT64_MAX - 1 - e->count) {
        int err;

        if (nonblock)
            return -EAGAIN;
        err = wait_sleep(&e->wq, &e->lock, DEADLINE_NEVER, WAIT_INTR);
        if (err != 0)
            return err;
    }
    return 0;
}

static inline void
wake(struct eventfd *e)
{
    if (!list_empty(&e->wq.waiters))
        wake_all(&e->wq);
}

static ssize
eventfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct eventfd *e = f->priv;
    uint64_t value = 0;
    int err;

    (void)pos;
    if (u->left < sizeof(value))
        return -EINVAL;
    lock_acquire(&e->lock);
    err = await_counter(e, FILE_NONBLOCK(f), true, 0);
    if (err == 0) {
        value = e->semaphore ? 1 : e->count;
        e->count -= value;
        wake(e);
    }
    lock_release(&e->lock);
    return err != 0 ? err : uio_out(u, &value, sizeof(value));
}

static ssize
eventfd_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct eventfd *e = f->priv;
    uint64_t value;
    ssize n;
    int err;

    (void)pos;
    if (u->left < sizeof(value))
        return -EINVAL;
    n = uio_in(u, &value, sizeof(value));
    if (n != (ssize)sizeof(value))
        return n < 0 ? n : -EFAULT;
    if (value == UINT64_MAX)
        return -EINVAL;
    lock_acquire(&e->lock);
    err = await_counter(e, FILE_NONBLOCK(f), false, value);
    if (err == 0) {
        e->count += value;
        wake(e);
    }
    lock_release(&e->lock);
    return err != 0 ? err : (ssize)sizeof(value);
}

/* Paid for by the eventfd rows of the benchmark. The counter is not 0. */
static inline ssize
take_quick(struct eventfd *e, struct file *f, uva_t to, size_t n)
{
    uint64_t value = e->semaphore ? 1 : e->count;

    if (UNLIKELY(n < sizeof(value) || !user_page_ok(to) || !uaccess_store64(to, value)))
        return file_read_user(f, to, n);
    e->count -= value;
    wake(e);
    return sizeof(value);
}

/* Sleeps until the counter can be read, if f may. */
static NOINLINE ssize
wait_quick(struct eventfd *e, struct file *f, uva_t to, size_t n)
{
    int err = 0;
    ssize r;

    if (FILE_NONBLOCK(f) || n < sizeof(e->count))
        return file_read_user(f, to, n);
    file_get(f);
    do {
        err = wait_here(&e->wq);
    } while (UNLIKELY(err == 0 && e->count == 0));
    r = err != 0 ? err : take_quick(e, f, to, n);
    file_put(f);
    return r;
}

static ssize
eventfd_read_quick(struct file *f, uva_t to, size_t n)
{
    struct eventfd *e = f->priv;

    return e->count != 0 ? take_quick(e, f, to, n) : wait_quick(e, f, to, n);
}

static ssize
eventfd_write_quick(struct file *f, uva_t from, size_t n)
{
    struct eventfd *e = f->priv;
    uint64_t value;

    if (n < sizeof(value) || !user_page_ok(from) || !uaccess_load64(&value, from) || value > UINT64_MAX - 1 - e->count)
        return file_write_user(f, from, n);
    e->count += value;
    wake(e);
    return sizeof(value);
}

static unsigned
eventfd_poll(struct file *f)
{
    const struct eventfd *e = f->priv;

    return (e->count > 0 ? READY_IN | READY_RDNORM : 0) | (e->count < UINT64_MAX - 1 ? READY_OUT | READY_WRNORM : 0);
}

static struct waitq *
eventfd_poll_queue(struct file *f)
{
    return &((struct eventfd *)f->priv)->wq;
}

static void
eventfd_release(struct file *f)
{
    heap_free(f->priv);
}

static const struct file_ops eventfd_ops = {
    .name = "[eventfd]",
    .read = eventfd_read,
    .write = eventfd_write,
    .read_quick = eventfd_read_quick,
    .write_quick = eventfd_write_quick,
    .poll = eventfd_poll,
    .poll_queue = eventfd_poll_queue,
    .release = eventfd_release,
};

struct file *
eventfd_create(uint64_t initial, bool semaphore, uint32_t flags)
{
    struct eventfd *e = heap_alloc(sizeof(*e));
    struct file *f;

    if (e == NULL)
        return NULL;
    lock_init(&e->lock, LOCK_RANK_PIPE);
    waitq_init(&e->wq);
    e->count = initial;
    e->semaphore = semaphore;
    f = file_create(&eventfd_ops, flags | IPC_O_RDWR, e);
    if (f == NULL)
        heap_free(e);
    return f;
}
