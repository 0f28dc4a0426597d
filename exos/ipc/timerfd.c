/*
 * timerfd.c: a timer as a file: read takes how often it has expired (timerfd_create(2)).
 *
 * Locks: timerfd.lock (LOCK_RANK_PIPE).
 */
#include "base/mem.h"
#include "ipc/ipc.h"
#include "thread/thread.h"

struct timerfd {
    struct lock lock;
    struct timer timer;
    uint64_t expired;               /* since the last read */
    uint64_t interval_ns;           /* 0: once */
    bool realtime;                  /* absolute times are on CLOCK_REALTIME's scale */
    struct waitq wq;
};

/* As many expirations as lie between the deadline and now; the next deadline is on the same grid. */
static void
rings(struct timer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    uint64_t now = clock_monotonic_ns(), passed = 1;

    lock_acquire(&t->lock);
    if (t->interval_ns != 0 && now > timer->deadline_ns)
        passed += (now - timer->deadline_ns) / t->interval_ns;
    t->expired += passed;
    if (t->interval_ns != 0)
        timer_start(timer, timer->deadline_ns + passed * t->interval_ns, rings);
    wake_all(&t->wq);
    lock_release(&t->lock);
}

static ssize
timerfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct timerfd *t = f->priv;
    uint64_t value;
    int err = 0;

    (void)pos;
    if (u->left < sizeof(value))
        return -EINVAL;
    lock_acquire(&t->lock);
    while (t->expired == 0 && err == 0)
        err = FILE_NONBLOCK(f) ? -EAGAIN : wait_sleep(&t->wq, &t->lock, DEADLINE_NEVER, WAIT_INTR);
    value = t->expired;
    if (err == 0)
        t->expired = 0;
    lock_release(&t->lock);
    return err != 0 ? err : uio_out(u, &value, sizeof(value));
}

static unsigned
timerfd_poll(struct file *f)
{
    return ((const struct timerfd *)f->priv)->expired > 0 ? READY_IN | READY_RDNORM : 0;
}

static struct waitq *
timerfd_poll_queue(struct file *f)
{
    return &((struct timerfd *)f->priv)->wq;
}

static void
timerfd_release(struct file *f)
{
    struct timerfd *t = f->priv;

    timer_stop(&t->timer);
    heap_free(t);
}

static const struct file_ops timerfd_ops = {
    .name = "[timerfd]",
    .read = timerfd_read,
    .poll = timerfd_poll,
    .poll_queue = timerfd_poll_queue,
    .release = timerfd_release,
};

struct file *
timerfd_create(bool realtime, uint32_t flags)
{
    struct timerfd *t = heap_alloc(sizeof(*t));
    struct file *f;

    if (t == NULL)
        return NULL;
    lock_init(&t->lock, LOCK_RANK_PIPE);
    waitq_init(&t->wq);
    t->realtime = realtime;
    f = file_create(&timerfd_ops, flags | IPC_O_RDWR, t);
    if (f == NULL)
        heap_free(t);
    return f;
}

bool
file_is_timerfd(const struct file *f)
{
    return f->ops == &timerfd_ops;
}

void
timerfd_get(struct file *f, uint64_t *left_ns, uint64_t *interval_ns)
{
    const struct timerfd *t = f->priv;
    uint64_t now = clock_monotonic_ns();

    *interval_ns = t->interval_ns;
    *left_ns = !t->timer.armed ? 0 : t->timer.deadline_ns > now ? t->timer.deadline_ns - now : 1;
}

void
timerfd_set(struct file *f, bool absolute, uint64_t first_ns, uint64_t interval_ns)
{
    struct timerfd *t = f->priv;
    uint64_t now = clock_monotonic_ns(), behind = absolute && t->realtime ? clock_realtime_ns() - now : 0;
    uint64_t base = absolute ? 0 : now;

    lock_acquire(&t->lock);
    timer_stop(&t->timer);
    t->expired = 0;
    t->interval_ns = interval_ns;
    if (first_ns != 0)
        timer_start(&t->timer, first_ns > UINT64_MAX - 1 - base ? UINT64_MAX - 1 : base + first_ns - MIN(behind, first_ns), rings);
    lock_release(&t->lock);
}
