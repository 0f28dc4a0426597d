/*
 * pipe.c: pipes: two files over one channel.
 *
 * Holds:    a wait queue for each of the two files, which the channel refers to.
 * Not here: named pipes (fifo.c).
 */
#include "base/mem.h"
#include "ipc/channel_quick.h"
#include "ipc/ipc.h"
#include "proc/proc.h"

static inline struct channel *
pipe_channel(struct file *f)
{
    return f->priv;
}

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
    struct channel_how how = { .nonblock = FILE_NONBLOCK(f), .deadline_ns = DEADLINE_NEVER };

    (void)pos;
    return channel_read(pipe_channel(f), u, &how);
}

static ssize
pipe_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct channel_how how = { .nonblock = FILE_NONBLOCK(f), .deadline_ns = DEADLINE_NEVER };
    ssize r = channel_write(pipe_channel(f), u, &how);

    (void)pos;
    return r == -EPIPE ? ipc_broken_pipe() : r;
}

static ssize
pipe_read_quick(struct file *f, uva_t to, size_t n)
{
    return channel_quick_read(pipe_channel(f), f, to, n);
}

static ssize
pipe_write_quick(struct file *f, uva_t from, size_t n)
{
    return channel_quick_write(pipe_channel(f), f, from, n);
}

static long
pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    return channel_ioctl(pipe_channel(f), cmd, arg);
}

static long
pipe_file_size(struct file *f, bool set, uint64_t size)
{
    return channel_pipe_size(pipe_channel(f), set, size);
}

static unsigned
pipe_poll_read(struct file *f)
{
    const struct channel *c = pipe_channel(f);

    return (channel_used(c) > 0 ? READY_IN | READY_RDNORM : 0) | (c->writer_gone ? READY_HUP : 0);
}

static unsigned
pipe_poll_write(struct file *f)
{
    const struct channel *c = pipe_channel(f);

    return (channel_space(c) >= PIPE_ATOMIC ? READY_OUT | READY_WRNORM : 0) | (c->reader_gone ? READY_ERR : 0);
}

static struct waitq *
pipe_queue_read(struct file *f)
{
    return pipe_channel(f)->read_wq;
}

static struct waitq *
pipe_queue_write(struct file *f)
{
    return pipe_channel(f)->write_wq;
}

static void
pipe_release_reader(struct file *f)
{
    struct waitq *wq = pipe_channel(f)->read_wq;

    channel_drop_reader(pipe_channel(f));
    heap_free(wq);
}

static void
pipe_release_writer(struct file *f)
{
    struct waitq *wq = pipe_channel(f)->write_wq;

    channel_drop_writer(pipe_channel(f));
    heap_free(wq);
}

static const struct file_ops pipe_reader_ops = {
    .name = "pipe",
    .read = pipe_read,
    .read_quick = pipe_read_quick,
    .ioctl = pipe_ioctl,
    .pipe = pipe_channel,
    .pipe_size = pipe_file_size,
    .poll = pipe_poll_read,
    .poll_queue = pipe_queue_read,
    .signals = true,
    .release = pipe_release_reader,
};

static const struct file_ops pipe_writer_ops = {
    .name = "pipe",
    .write = pipe_write,
    .write_quick = pipe_write_quick,
    .ioctl = pipe_ioctl,
    .pipe = pipe_channel,
    .pipe_size = pipe_file_size,
    .poll = pipe_poll_write,
    .poll_queue = pipe_queue_write,
    .signals = true,
    .release = pipe_release_writer,
};

/* A channel with a wait queue at each end. NULL: no memory. */
static struct channel *
pipe_new(void)
{
    struct waitq *read_wq = heap_alloc(sizeof(*read_wq)), *write_wq = heap_alloc(sizeof(*write_wq));
    struct channel *c = read_wq != NULL && write_wq != NULL ? channel_create(read_wq, write_wq) : NULL;

    if (c == NULL) {
        heap_free(read_wq);
        heap_free(write_wq);
        return NULL;
    }
    waitq_init(read_wq);
    waitq_init(write_wq);
    return c;
}

/* A file that could not be made leaves its side of the channel behind. */
static void
end_without_file(struct file *made, struct channel *c, struct waitq *wq, void (*drop)(struct channel *c))
{
    if (made != NULL) {
        file_put(made);
        return;
    }
    drop(c);
    heap_free(wq);
}

int
pipe_create(struct file *ends[2], uint32_t flags)
{
    struct channel *c = pipe_new();

    if (c == NULL)
        return -ENOMEM;
    ends[0] = file_create(&pipe_reader_ops, flags, c);
    ends[1] = file_create(&pipe_writer_ops, flags | IPC_O_WRONLY, c);
    if (ends[0] != NULL && ends[1] != NULL)
        return 0;
    end_without_file(ends[1], c, c->write_wq, channel_drop_writer);
    end_without_file(ends[0], c, c->read_wq, channel_drop_reader);
    return -ENOMEM;
}
