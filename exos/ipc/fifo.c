/*
 * fifo.c: named pipes: one channel for all files of a node.
 *
 * Holds:    the open ones, found by their node, which their files keep in memory. What was written is lost with the last file.
 * Locks:    fifo_lock (LOCK_RANK_PIPE) around the list, the counts and openers that wait; never together with a channel's.
 */
#include "ipc/fifo.h"

#include "base/mem.h"
#include "ipc/channel_quick.h"
#include "ipc/ipc.h"

struct fifo {
    struct list link;
    const struct inode *node;
    struct channel *channel;
    struct waitq read_wq, write_wq, open_wq;
    uint32_t readers, writers;          /* files that can */
    uint32_t reader_opens, writer_opens;    /* how often that many grew: what a waiting opener waits for */
};

static struct lock fifo_lock = LOCK_INIT(LOCK_RANK_PIPE);
static struct list fifos = { &fifos, &fifos };

static bool
can_read(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_WRONLY;
}

static bool
can_write(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY;
}

/* ---- the files ---- */

static inline struct channel *
fifo_channel(struct file *f)
{
    return ((struct fifo *)f->priv)->channel;
}

static ssize
fifo_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct channel_how how = { .nonblock = FILE_NONBLOCK(f), .deadline_ns = DEADLINE_NEVER };

    (void)pos;
    return channel_read(fifo_channel(f), u, &how);
}

static ssize
fifo_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct channel_how how = { .nonblock = FILE_NONBLOCK(f), .deadline_ns = DEADLINE_NEVER };
    ssize r = channel_write(fifo_channel(f), u, &how);

    (void)pos;
    return r == -EPIPE ? ipc_broken_pipe() : r;
}

static ssize
fifo_read_quick(struct file *f, uva_t to, size_t n)
{
    return can_read(f) ? channel_quick_read(fifo_channel(f), f, to, n) : -EBADF;
}

static ssize
fifo_write_quick(struct file *f, uva_t from, size_t n)
{
    return can_write(f) ? channel_quick_write(fifo_channel(f), f, from, n) : -EBADF;
}

static long
fifo_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    return channel_ioctl(fifo_channel(f), cmd, arg);
}

static long
fifo_pipe_size(struct file *f, bool set, uint64_t size)
{
    return channel_pipe_size(fifo_channel(f), set, size);
}

/* A reader that came before any writer does not see the end of what has not begun. */
static unsigned
fifo_poll(struct file *f)
{
    const struct fifo *p = f->priv;
    const struct channel *c = p->channel;
    unsigned ready = 0;

    if (can_read(f))
        ready |= (channel_used(c) > 0 ? READY_IN | READY_RDNORM : 0) | (c->writer_gone && p->writer_opens > 0 ? READY_HUP : 0);
    if (can_write(f))
        ready |= (channel_space(c) >= PIPE_ATOMIC ? READY_OUT | READY_WRNORM : 0) | (c->reader_gone ? READY_ERR : 0);
    return ready;
}

static struct waitq *
fifo_poll_queue(struct file *f)
{
    struct fifo *p = f->priv;

    return can_read(f) ? &p->read_wq : &p->write_wq;
}

/* ---- opening and closing ---- */

static struct fifo *
fifo_new(const struct inode *node)
{
    struct fifo *p = heap_alloc(sizeof(*p));

    if (p == NULL)
        return NULL;
    waitq_init(&p->read_wq);
    waitq_init(&p->write_wq);
    waitq_init(&p->open_wq);
    p->node = node;
    p->channel = channel_create(&p->read_wq, &p->write_wq);
    if (p->channel != NULL)
        return p;
    heap_free(p);
    return NULL;
}

/* fifo_lock is held. */
static struct fifo *
find(const struct inode *node)
{
    list_for(l, &fifos)
        if (container_of(l, struct fifo, link)->node == node)
            return container_of(l, struct fifo, link);
    return NULL;
}

/* The pipe of the node with f counted in, or NULL (no memory). */
static struct fifo *
join(const struct inode *node, const struct file *f)
{
    struct fifo *fresh = fifo_new(node), *p;

    if (fresh == NULL)
        return NULL;
    lock_acquire(&fifo_lock);
    p = find(node);
    if (p == NULL) {
        p = fresh;
        fresh = NULL;
        list_push_tail(&fifos, &p->link);
    }
    p->readers += can_read(f);
    p->reader_opens += can_read(f);
    p->writers += can_write(f);
    p->writer_opens += can_write(f);
    wake_all(&p->open_wq);
    lock_release(&fifo_lock);
    if (fresh != NULL) {
        channel_drop_reader(fresh->channel);
        channel_drop_writer(fresh->channel);
        heap_free(fresh);
    }
    return p;
}

/* f is counted out; the last one takes the pipe away. */
static void
leave(struct fifo *p, const struct file *f)
{
    bool last, readers, writers;

    lock_acquire(&fifo_lock);
    p->readers -= can_read(f);
    p->writers -= can_write(f);
    readers = p->readers > 0;
    writers = p->writers > 0;
    last = !readers && !writers;
    if (last)
        list_remove(&p->link);
    lock_release(&fifo_lock);
    if (!last) {
        channel_set_ends(p->channel, readers, writers);
        return;
    }
    channel_drop_reader(p->channel);
    channel_drop_writer(p->channel);
    heap_free(p);
}

/* Until somebody is, or was since, at the other side. */
static int
await_other_side(struct fifo *p, const struct file *f)
{
    const uint32_t *there = can_read(f) ? &p->writers : &p->readers;
    const uint32_t *opens = can_read(f) ? &p->writer_opens : &p->reader_opens;
    uint32_t before;
    int err = 0;

    lock_acquire(&fifo_lock);
    before = *opens;
    while (err == 0 && *there == 0 && *opens == before)
        err = wait_sleep(&p->open_wq, &fifo_lock, DEADLINE_NEVER, WAIT_INTR);
    lock_release(&fifo_lock);
    return err;
}

static void
fifo_release(struct file *f)
{
    leave(f->priv, f);
}

static const struct file_ops fifo_ops = {
    .name = "fifo",
    .read = fifo_read,
    .write = fifo_write,
    .read_quick = fifo_read_quick,
    .write_quick = fifo_write_quick,
    .ioctl = fifo_ioctl,
    .pipe = fifo_channel,
    .pipe_size = fifo_pipe_size,
    .poll = fifo_poll,
    .poll_queue = fifo_poll_queue,
    .signals = true,
    .release = fifo_release,
};

/* A writer that does not wait needs a reader; a reader that does not wait needs nobody. */
int
fifo_open(struct inode *node, struct file *f)
{
    struct fifo *p = join(node, f);
    int err = 0;

    if (p == NULL)
        return -ENOMEM;
    channel_set_ends(p->channel, p->readers > 0, p->writers > 0);
    if (!can_read(f) && FILE_NONBLOCK(f) && p->readers == 0)
        err = -ENXIO;
    else if (!(can_read(f) && can_write(f)) && !FILE_NONBLOCK(f))
        err = await_other_side(p, f);
    if (err != 0) {
        leave(p, f);
        return err;
    }
    f->ops = &fifo_ops;
    f->priv = p;
    return 0;
}
