/*
 * channel.h: a stream of bytes in one direction, bounded, through session pages: a pipe is one, a UNIX stream socket two.
 *
 * Locks: channel.lock, never held while user memory is touched: whoever copies owns the reading or the writing side meanwhile (the
 *        busy flags). Two files point to it; each gives up its side, the second frees it.
 */
#ifndef EXOS_IPC_CHANNEL_H
#define EXOS_IPC_CHANNEL_H

#include "base/lock.h"
#include "base/uio.h"
#include "base/wait.h"

#define CHANNEL_PAGES     16u       /* at first */
#define CHANNEL_PAGES_MAX 256u      /* /proc/sys/fs/pipe-max-size */
#define CHANNEL_SIZE      (CHANNEL_PAGES * PAGE_SIZE)

/* What its user ties to one byte of the stream: a read stops before it, or takes it and begins with that byte. */
struct channel_mark {
    struct list link;
    uint64_t at;
};

struct channel {
    struct lock lock;
    uint64_t head;                  /* bytes written since it was last empty; head - tail <= its size */
    uint64_t tail;                  /* bytes read */
    uint64_t quick;                 /* up to where the short way (channel_quick.h) may go: PAGE_SIZE, or 0 while anything is in its way */
    char *quick_page;               /* the first page, while it may */
    union {
        uint64_t unusual;           /* any of these is in its way */
        struct {
            bool reader_gone, writer_gone;
            bool read_busy, write_busy;     /* somebody copies, with the lock released */
            bool read_contended, write_contended;
            bool want_cred;         /* the reader's wish, for who writes: a mark with every write */
        };
    };
    struct waitq *read_wq;          /* the files' own queues; NULL once their side is gone */
    struct waitq *write_wq;
    struct list marks;              /* of bytes not yet read, in their order */
    uint32_t page_count;            /* a power of two */
    void **page;                    /* [page_count]: `own`, or from the heap */
    void *own[CHANNEL_PAGES];
};

struct channel_how {
    bool nonblock;
    bool peek;
    bool wait_all;
    struct channel_mark **mark;     /* written: tied to the first byte, then NULL; read: what came with the first byte. May be NULL */
    uint64_t deadline_ns;           /* DEADLINE_NEVER, or SO_RCVTIMEO and SO_SNDTIMEO */
};

struct channel *channel_create(struct waitq *read_wq, struct waitq *write_wq) MUST_USE;
/* read(2): > 0, 0 at the end, -EAGAIN, -EINTR, -EFAULT. */
ssize channel_read(struct channel *c, struct uio *u, const struct channel_how *how) MUST_USE;
/*
 * The same to whatever `put` brings up to n bytes to, which gives how many it took, or -errno. It may sleep: until it is back nobody else
 * reads, and what it did not take stays. With how->peek all of it does.
 */
typedef ssize channel_put(void *arg, void *bytes, size_t n);
ssize channel_drain(struct channel *c, size_t n, const struct channel_how *how, channel_put *put, void *arg) MUST_USE;
/* write(2): > 0, -EPIPE (no signal sent), -EAGAIN, -EINTR, -EFAULT, -ENOMEM. */
ssize channel_write(struct channel *c, struct uio *u, const struct channel_how *how) MUST_USE;
/* The side of the reader or the writer ends: the other one sees the end of the stream, or EPIPE. */
void channel_end_reading(struct channel *c);
void channel_end_writing(struct channel *c);
/* Whether anybody can read or write it now, for a pipe whose sides come and go. */
void channel_set_ends(struct channel *c, bool reader, bool writer);
void channel_want_cred(struct channel *c, bool want);
/* How many bytes it holds: a power of two pages, at least `size`. -EPERM beyond CHANNEL_PAGES_MAX, -EBUSY, -EINVAL, -ENOMEM. */
long channel_resize(struct channel *c, uint64_t size) MUST_USE;
/* What fcntl(2) asks about the size. */
long channel_pipe_size(struct channel *c, bool set, uint64_t size) MUST_USE;
/* The ioctls of a pipe: FIONREAD. */
long channel_ioctl(struct channel *c, unsigned cmd, uint64_t arg) MUST_USE;
/* A mark that nobody will read, reading having ended; NULL: none is left. */
struct channel_mark *channel_orphan_mark(struct channel *c) MUST_USE;
/* A file gives up its side for good, the reader with no mark left; the last one to do so frees the channel. */
void channel_drop_reader(struct channel *c);
void channel_drop_writer(struct channel *c);

static inline uint64_t
channel_used(const struct channel *c)
{
    return c->head - c->tail;
}

static inline uint64_t
channel_size(const struct channel *c)
{
    return (uint64_t)c->page_count * PAGE_SIZE;
}

static inline uint64_t
channel_space(const struct channel *c)
{
    return channel_size(c) - channel_used(c);
}

#endif
