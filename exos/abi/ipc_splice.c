/*
 * ipc_splice.c: Linux calls splice and tee: bytes between a pipe and another file, or another pipe.
 *
 * Bytes are copied. What leaves a pipe goes from the pipe's own pages; what could not be put anywhere stays there.
 */
#include "abi/linux_fs.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "ipc/ipc.h"

#define SPLICE_NONBLOCK 2u
#define SPLICE_KNOWN    0xfu        /* MOVE, NONBLOCK, MORE, GIFT: but for the second, hints */

static struct channel *
channel_of(struct file *f)
{
    return f->ops->pipe != NULL ? f->ops->pipe(f) : NULL;
}

static struct channel_how
how_of(const struct file *pipe, unsigned flags)
{
    return (struct channel_how){ .nonblock = FILE_NONBLOCK(pipe) || (flags & SPLICE_NONBLOCK) != 0, .deadline_ns = DEADLINE_NEVER };
}

/* What one call is about. */
struct splice {
    struct file *in, *out;
    uint64_t *in_pos, *out_pos;
    unsigned flags;
};

static ssize
put(void *arg, void *bytes, size_t n)
{
    const struct splice *s = arg;
    struct channel_how how = how_of(s->out, s->flags);
    struct channel *c = channel_of(s->out);
    struct uio u;
    ssize r;

    uio_init_kernel(&u, bytes, n);
    if (c == NULL)
        return s->out->ops->write != NULL ? s->out->ops->write(s->out, &u, s->out_pos) : -EINVAL;
    r = channel_write(c, &u, &how);
    return r == -EPIPE ? ipc_broken_pipe() : r;
}

static ssize
from_pipe(struct splice *s, size_t n)
{
    struct channel_how how = how_of(s->in, s->flags);

    return channel_drain(channel_of(s->in), n, &how, put, s);
}

/* No more than the pipe has room for. What a file could not give away is read again. */
static ssize
into_pipe(struct splice *s, size_t n)
{
    struct channel *c = channel_of(s->out);
    uint64_t room = channel_space(c), pos = *s->in_pos;
    void *page;
    struct uio u;
    ssize r;

    if (room == 0 && !c->reader_gone && how_of(s->out, s->flags).nonblock)
        return -EAGAIN;
    page = page_alloc();
    if (page == NULL)
        return -ENOMEM;
    uio_init_kernel(&u, page, MIN(n, MIN(MAX(room, 1), PAGE_SIZE)));
    r = s->in->ops->read != NULL ? s->in->ops->read(s->in, &u, &pos) : -EINVAL;
    if (r > 0)
        r = put(s, page, (size_t)r);
    if (r > 0)
        *s->in_pos += (uint64_t)r;
    page_free(page);
    return r;
}

/* The first piece may sleep; after it, what is there is enough. */
static long
splice_all(struct splice *s, uint64_t n)
{
    bool from = channel_of(s->in) != NULL;
    uint64_t done = 0;
    ssize r = 0;

    n = MIN(n, RW_COUNT_MAX);
    while (done < n) {
        r = from ? from_pipe(s, n - done) : into_pipe(s, n - done);
        if (r <= 0)
            break;
        done += (uint64_t)r;
        s->flags |= SPLICE_NONBLOCK;
        if (!from && s->in->inode == NULL)
            break;              /* a socket: it has given what it had */
    }
    return done > 0 ? (long)done : r;
}

/* ---- splice ---- */

/* A position that the caller keeps: of a file that has one. */
static int
position_in(uva_t at, const struct file *f, uint64_t *pos)
{
    if (at == 0)
        return 0;
    if (f->ops->pipe != NULL || f->inode == NULL)
        return -ESPIPE;
    if (user_copy_in(pos, at, sizeof(*pos)) != 0)
        return -EFAULT;
    return (int64_t)*pos < 0 ? -EINVAL : 0;
}

static int
check(const struct file *in, const struct file *out, unsigned flags)
{
    if (in == NULL || out == NULL || !file_may_read(in) || !file_may_write(out))
        return -EBADF;
    if (flags & ~SPLICE_KNOWN)
        return -EINVAL;
    return 0;
}

static long
splice_files(const struct lx_args *args, struct file *in, struct file *out)
{
    uint64_t in_pos, out_pos;
    struct splice s = { .in = in, .out = out, .in_pos = args->a[1] != 0 ? &in_pos : &in->pos,
                        .out_pos = args->a[3] != 0 ? &out_pos : &out->pos, .flags = (unsigned)args->a[5] };
    long n = check(in, out, s.flags);

    if (n == 0)
        n = position_in(args->a[1], in, &in_pos);
    if (n == 0)
        n = position_in(args->a[3], out, &out_pos);
    if (n == 0 && channel_of(in) == NULL && channel_of(out) == NULL)
        n = -EINVAL;
    if (n == 0 && (channel_of(in) == channel_of(out) || (out->flags & O_APPEND)))
        n = -EINVAL;
    if (n == 0)
        n = splice_all(&s, args->a[4]);
    if (n > 0 && args->a[1] != 0 && user_copy_out(args->a[1], &in_pos, sizeof(in_pos)) != 0)
        n = -EFAULT;
    if (n > 0 && args->a[3] != 0 && user_copy_out(args->a[3], &out_pos, sizeof(out_pos)) != 0)
        n = -EFAULT;
    return n;
}

/* fn for two descriptors, whose files it has references to. */
static long
with_files(const struct lx_args *args, uint64_t in_fd, uint64_t out_fd, long (*fn)(const struct lx_args *, struct file *, struct file *))
{
    struct file *in = lx_file(in_fd), *out = lx_file(out_fd);
    long r = in == NULL || out == NULL ? -EBADF : fn(args, in, out);

    if (in != NULL)
        file_put(in);
    if (out != NULL)
        file_put(out);
    return r;
}

LX(splice)
{
    return args->a[4] == 0 ? 0 : with_files(args, args->a[0], args->a[2], splice_files);
}

/* ---- tee ---- */

static long
tee_files(const struct lx_args *args, struct file *in, struct file *out)
{
    struct splice s = { .in = in, .out = out, .flags = (unsigned)args->a[3] };
    struct channel_how how = how_of(in, s.flags);
    long n = check(in, out, s.flags);

    if (n == 0 && (channel_of(in) == NULL || channel_of(out) == NULL || channel_of(in) == channel_of(out)))
        n = -EINVAL;
    if (n != 0)
        return n;
    how.peek = true;
    return channel_drain(channel_of(in), args->a[2], &how, put, &s);
}

LX(tee)
{
    return args->a[2] == 0 ? 0 : with_files(args, args->a[0], args->a[1], tee_files);
}
