/*
 * pipe.c: pipes: two files over one channel.
 *
 * Holds:    a pipe_end per file: its wait queue and the channel they share.
 * Not here: named pipes (fifo.c), and resizing (F_SETPIPE_SZ).
 */
#include "base/mem.h"
#include "ipc/channel.h"
#include "ipc/ipc.h"
#include "proc/proc.h"

struct pipe_end {
    struct channel *channel;
    struct waitq wq;
};

ssize
ipc_broken_pipe(void)
{
    struct proc *p = proc_current();

    if (p != NULL)
        (void)proc_signal(p, LINUX_SIGPIPE);
    return -EPIPE;
}

static ssize
pipe_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct pipe_end *end = f->priv;
    struct channel_how how = { .nonblock = FILE_NONBLOCK(f), .deadline_ns = DEADLINE_NEVER };

    (void)pos;
    return channel_read(end->channel, u, &how);
}

static ssize
pipe_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct pipe_end *end = f->priv;
    struct channel_how how = { .nonblock = FILE_NONBLOCK(f), .deadline_ns = DEADLINE_NEVER };
    ssize r = channel_write(end->channel, u, &how);

    (void)pos;
    return r == -EPIPE ? ipc_broken_pipe() : r;
}

static long
pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    return channel_ioctl(((struct pipe_end *)f->priv)->channel, cmd, arg);
}

static unsigned
pipe_poll_read(struct file *f)
{
    const struct channel *c = ((struct pipe_end *)f->priv)->channel;

    return (channel_used(c) > 0 ? READY_IN | READY_RDNORM : 0) | (c->writer_gone ? READY_HUP : 0);
}

static unsigned
pipe_poll_write(struct file *f)
{
    const struct channel *c = ((struct pipe_end *)f->priv)->channel;

    return (channel_space(c) >= PIPE_ATOMIC ? READY_OUT | READY_WRNORM : 0) | (c->reader_gone ? READY_ERR : 0);
}

static struct waitq *
pipe_poll_queue(struct file *f)
{
    return &((struct pipe_end *)f->priv)->wq;
}

static void
pipe_release_reader(struct file *f)
{
    struct pipe_end *end = f->priv;

    channel_drop_reader(end->channel);
    heap_free(end);
}

static void
pipe_release_writer(struct file *f)
{
    struct pipe_end *end = f->priv;

    channel_drop_writer(end->channel);
    heap_free(end);
}

static const struct file_ops pipe_reader_ops = {
    .name = "pipe",
    .read = pipe_read,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll_read,
    .poll_queue = pipe_poll_queue,
    .release = pipe_release_reader,
};

static const struct file_ops pipe_writer_ops = {
    .name = "pipe",
    .write = pipe_write,
    .ioctl = pipe_ioctl,
    .poll = pipe_poll_write,
    .poll_queue = pipe_poll_queue,
    .release = pipe_release_writer,
};

/* The two ends and their channel, or false with nothing left behind. */
static bool
ends_create(struct pipe_end *end[2])
{
    end[0] = heap_alloc(sizeof(*end[0]));
    end[1] = heap_alloc(sizeof(*end[1]));
    if (end[0] != NULL && end[1] != NULL) {
        waitq_init(&end[0]->wq);
        waitq_init(&end[1]->wq);
        end[0]->channel = end[1]->channel = channel_create(&end[0]->wq, &end[1]->wq);
        if (end[0]->channel != NULL)
            return true;
    }
    if (end[0] != NULL)
        heap_free(end[0]);
    if (end[1] != NULL)
        heap_free(end[1]);
    return false;
}

int
pipe_create(struct file *ends[2], uint32_t flags)
{
    struct pipe_end *end[2];
    struct file *r, *w;

    if (!ends_create(end))
        return -ENOMEM;
    r = file_create(&pipe_reader_ops, flags, end[0]);
    w = file_create(&pipe_writer_ops, flags | IPC_O_WRONLY, end[1]);
    if (r != NULL && w != NULL) {
        ends[0] = r;
        ends[1] = w;
        return 0;
    }
    if (r != NULL) {
        file_put(r);
    } else {
        channel_drop_reader(end[0]->channel);
        heap_free(end[0]);
    }
    if (w != NULL) {
        file_put(w);
    } else {
        channel_drop_writer(end[1]->channel);
        heap_free(end[1]);
    }
    return -ENOMEM;
}
