/*
 * channel.c: a bounded byte stream between files of the session.
 *
 * Holds:    up to page_count pages, taken when first written to; all but one go back whenever the stream runs empty.
 * Locks:    channel.lock (LOCK_RANK_PIPE) around the counters; the copying side is owned through read_busy and write_busy.
 * Not here: signals, descriptors, and what a socket adds.
 */
#include "ipc/channel_quick.h"

#include "base/mem.h"
#include "ipc/ipc.h"

#define IOCTL_FIONREAD 0x541Bu

struct channel *
channel_create(struct waitq *read_wq, struct waitq *write_wq)
{
    struct channel *c = heap_alloc(sizeof(*c));

    if (c == NULL)
        return NULL;
    lock_init(&c->lock, LOCK_RANK_PIPE);
    c->read_wq = read_wq;
    c->write_wq = write_wq;
    list_init(&c->marks);
    c->page_count = CHANNEL_PAGES;
    c->page = c->own;
    return c;
}

/* The lock is held, and about to be released: may messages go the short way from here on? */
static inline void
settle(struct channel *c)
{
    c->quick_page = c->page[0];
    c->quick = c->unusual == 0 && c->page[0] != NULL && list_empty(&c->marks) ? PAGE_SIZE : 0;
}

static inline void
release(struct channel *c)
{
    settle(c);
    lock_release(&c->lock);
}

static inline void
wake(struct waitq *wq)
{
    if (wq != NULL && !list_empty(&wq->waiters))
        wake_all(wq);
}

ssize
channel_quick_woken(struct waitq *wq, size_t n)
{
    wake_all(wq);
    return (ssize)n;
}

ssize
channel_quick_wait(struct channel *c, struct file *f, uva_t to, size_t n)
{
    int err = 0;
    ssize r;

    if (c->quick == 0 || FILE_NONBLOCK(f) || n == 0)
        return file_read_user(f, to, n);
    file_get(f);
    while (err == 0 && c->quick != 0 && channel_used(c) == 0)
        err = wait_here(c->read_wq);
    r = err != 0 ? err : channel_quick_read(c, f, to, n);
    file_put(f);
    return r;
}

/* Gives the pages back, all but `keep`. The stream is empty and nobody copies. */
static void
pages_free(struct channel *c, unsigned keep)
{
    for (unsigned i = keep; i < c->page_count; i++) {
        if (c->page[i] != NULL)
            page_free(c->page[i]);
        c->page[i] = NULL;
    }
}

/* The lock is held. An empty stream starts over in its first page, which is still in the processor's cache. */
static void
restart_if_empty(struct channel *c)
{
    if (c->head != c->tail || c->write_busy || c->read_busy)
        return;
    if (c->head > PAGE_SIZE)
        pages_free(c, 1);
    c->head = c->tail = 0;
}

static inline unsigned
page_index(const struct channel *c, uint64_t at)
{
    return (unsigned)(at / PAGE_SIZE) & (c->page_count - 1);
}

static inline void *
place(const struct channel *c, uint64_t at)
{
    return (char *)c->page[page_index(c, at)] + (at & PAGE_MASK);
}

/* The bytes [at, at + n) lie in one page, which is there. */
static inline bool
in_one_page(const struct channel *c, uint64_t at, size_t n)
{
    return (at & PAGE_MASK) + n <= PAGE_SIZE && c->page[page_index(c, at)] != NULL;
}

/* Copies n bytes between the stream at `at` and u, page by page, unlocked. How many were moved, or the error when none was. */
static ssize
copy_pages(struct channel *c, uint64_t at, struct uio *u, size_t n, bool out)
{
    size_t done = 0;

    while (done < n) {
        unsigned i = page_index(c, at + done);
        size_t offset = (at + done) & PAGE_MASK;
        size_t want = MIN(n - done, PAGE_SIZE - offset);
        ssize moved;

        if (c->page[i] == NULL && (c->page[i] = page_alloc()) == NULL)
            return done > 0 ? (ssize)done : -ENOMEM;
        moved = out ? uio_out(u, (char *)c->page[i] + offset, want) : uio_in(u, (char *)c->page[i] + offset, want);
        if (moved < 0)
            return done > 0 ? (ssize)done : moved;
        done += (size_t)moved;
        if ((size_t)moved < want)
            break;
    }
    return (ssize)done;
}

/* The lock is held. Waits until there is something to read and nobody else reads. 1: go; 0: end of the stream; or -errno. */
static int
await_data(struct channel *c, const struct channel_how *how)
{
    while (c->read_busy || channel_used(c) == 0 || c->reader_gone) {
        int err;

        if (c->reader_gone || (!c->read_busy && c->writer_gone))
            return 0;
        if (how->nonblock)
            return -EAGAIN;
        c->read_contended |= c->read_busy;
        settle(c);
        err = wait_sleep(c->read_wq, &c->lock, how->deadline_ns, WAIT_INTR);
        if (err != 0)
            return err == -ETIMEDOUT ? -EAGAIN : err;
    }
    return 1;
}

static inline struct channel_mark *
mark_of(struct list *l)
{
    return (struct channel_mark *)l;
}

/* The lock is held. The bytes before the next mark that is not the first byte's. */
static size_t
until_mark(const struct channel *c)
{
    list_for(l, &c->marks)
        if (mark_of(l)->at > c->tail)
            return mark_of(l)->at - c->tail;
    return channel_used(c);
}

/* The lock is held. */
static inline bool
at_mark(const struct channel *c)
{
    return !list_empty(&c->marks) && mark_of(c->marks.next)->at == c->tail;
}

static void
take_mark(struct channel *c, struct channel_mark **out)
{
    *out = mark_of(c->marks.next);
    list_remove(&(*out)->link);
}

/* The reading side's owner is back with what it moved. */
static ssize
read_done(struct channel *c, ssize moved, const struct channel_how *how)
{
    lock_acquire(&c->lock);
    c->read_busy = false;
    if (c->read_contended) {
        c->read_contended = false;
        wake(c->read_wq);
    }
    if (moved <= 0 || how->peek)
        return moved;
    if (how->mark != NULL && at_mark(c))
        take_mark(c, how->mark);
    c->tail += (uint64_t)moved;
    restart_if_empty(c);
    wake(c->write_wq);
    return moved;
}

/* The lock is held, data is there, and the reading side is free. Takes what can be had now. */
static ssize
read_some(struct channel *c, struct uio *u, const struct channel_how *how)
{
    size_t n = MIN(until_mark(c), u->left);

    c->read_busy = true;
    release(c);
    return read_done(c, in_one_page(c, c->tail, n) ? uio_out(u, place(c, c->tail), n) : copy_pages(c, c->tail, u, n, true), how);
}

ssize
channel_drain(struct channel *c, size_t n, const struct channel_how *how, channel_put *put, void *arg)
{
    ssize r;

    lock_acquire(&c->lock);
    r = await_data(c, how);
    if (r > 0) {
        n = MIN(MIN(n, until_mark(c)), PAGE_SIZE - (c->tail & PAGE_MASK));
        c->read_busy = true;
        release(c);
        r = read_done(c, put(arg, place(c, c->tail), n), how);
    }
    release(c);
    return r;
}

ssize
channel_read(struct channel *c, struct uio *u, const struct channel_how *how)
{
    ssize done = 0, r;

    if (u->left == 0)
        return 0;
    lock_acquire(&c->lock);
    do {
        r = await_data(c, how);
        if (r > 0)
            r = read_some(c, u, how);
        if (r > 0)
            done += r;
    } while (r > 0 && u->left > 0 && how->wait_all && !how->peek && !at_mark(c));
    release(c);
    return done > 0 ? done : r;
}

/* The lock is held. Waits for `need` bytes of room and the writing side. 0, -EPIPE, -EAGAIN, -EINTR. */
static int
await_room(struct channel *c, size_t need, const struct channel_how *how)
{
    for (;;) {
        int err;

        if (c->reader_gone || c->writer_gone)
            return -EPIPE;
        if (!c->write_busy && channel_space(c) >= need)
            return 0;
        if (how->nonblock)
            return -EAGAIN;
        c->write_contended |= c->write_busy;
        settle(c);
        err = wait_sleep(c->write_wq, &c->lock, how->deadline_ns, WAIT_INTR);
        if (err != 0)
            return err == -ETIMEDOUT ? -EAGAIN : err;
    }
}

/* The lock is held, there is room, and the writing side is free. */
static ssize
write_some(struct channel *c, struct uio *u, struct channel_mark **mark)
{
    size_t n = MIN(channel_space(c), u->left);
    ssize moved;

    c->write_busy = true;
    release(c);
    moved = copy_pages(c, c->head, u, n, false);
    lock_acquire(&c->lock);
    c->write_busy = false;
    if (c->write_contended) {
        c->write_contended = false;
        wake(c->write_wq);
    }
    if (moved <= 0)
        return moved;
    if (mark != NULL && *mark != NULL && !c->reader_gone) {
        (*mark)->at = c->head;
        list_push_tail(&c->marks, &(*mark)->link);
        *mark = NULL;
    }
    c->head += (uint64_t)moved;
    wake(c->read_wq);
    return moved;
}

ssize
channel_write(struct channel *c, struct uio *u, const struct channel_how *how)
{
    size_t need = u->left <= PIPE_ATOMIC ? u->left : 1;
    ssize done = 0, r = 0;

    lock_acquire(&c->lock);
    while (u->left > 0) {
        r = await_room(c, need, how);
        if (r == 0)
            r = write_some(c, u, how->mark);
        if (r <= 0)
            break;
        done += r;
        need = 1;
    }
    release(c);
    return done > 0 ? done : r;
}

/* The lock is held: both sides learn that one of them ended. */
static void
wake_both(struct channel *c)
{
    wake(c->read_wq);
    wake(c->write_wq);
}

void
channel_end_reading(struct channel *c)
{
    lock_acquire(&c->lock);
    c->reader_gone = true;
    wake_both(c);
    release(c);
}

void
channel_end_writing(struct channel *c)
{
    lock_acquire(&c->lock);
    c->writer_gone = true;
    wake_both(c);
    release(c);
}

void
channel_set_ends(struct channel *c, bool reader, bool writer)
{
    lock_acquire(&c->lock);
    c->reader_gone = !reader;
    c->writer_gone = !writer;
    wake_both(c);
    release(c);
}

void
channel_want_cred(struct channel *c, bool want)
{
    lock_acquire(&c->lock);
    c->want_cred = want;
    release(c);
}

/* The lock is held. The pages that hold data, and the spare ones that fit, move to the new array. -EBUSY: the data does not fit, or moves. */
static int
move_pages(struct channel *c, void **page, uint32_t count)
{
    uint64_t first = c->tail / PAGE_SIZE, last = (c->head + PAGE_SIZE - 1) / PAGE_SIZE;

    if (c->read_busy || c->write_busy || last - first > count)
        return -EBUSY;
    for (uint64_t i = first; i < last; i++) {
        page[i & (count - 1)] = c->page[i & (c->page_count - 1)];
        c->page[i & (c->page_count - 1)] = NULL;
    }
    pages_free(c, 0);
    return 0;
}

long
channel_resize(struct channel *c, uint64_t size)
{
    uint32_t count = 1;
    void **page, **old;
    int err;

    while ((uint64_t)count * PAGE_SIZE < size && count <= CHANNEL_PAGES_MAX)
        count *= 2;
    if (count > CHANNEL_PAGES_MAX)
        return size > INT32_MAX ? -EINVAL : -EPERM;
    page = heap_alloc(count * sizeof(*page));
    if (page == NULL)
        return -ENOMEM;
    lock_acquire(&c->lock);
    old = c->page;
    err = move_pages(c, page, count);
    if (err == 0) {
        c->page = page;
        c->page_count = count;
        wake(c->write_wq);
    }
    release(c);
    if (err != 0 || old != c->own)
        heap_free(err != 0 ? page : old);
    return err != 0 ? err : (long)count * (long)PAGE_SIZE;
}

long
channel_pipe_size(struct channel *c, bool set, uint64_t size)
{
    return set ? channel_resize(c, size) : (long)channel_size(c);
}

long
channel_ioctl(struct channel *c, unsigned cmd, uint64_t arg)
{
    int32_t n = (int32_t)channel_used(c);

    return cmd == IOCTL_FIONREAD ? user_copy_out(arg, &n, sizeof(n)) : -ENOTTY;
}

/* Releases the lock; frees the channel when no file is left. */
static void
release_if_dead(struct channel *c)
{
    bool dead = c->read_wq == NULL && c->write_wq == NULL;

    wake_both(c);
    release(c);
    if (!dead)
        return;
    pages_free(c, 0);
    if (c->page != c->own)
        heap_free(c->page);
    heap_free(c);
}

struct channel_mark *
channel_orphan_mark(struct channel *c)
{
    struct channel_mark *m = NULL;

    lock_acquire(&c->lock);
    if (!list_empty(&c->marks))
        take_mark(c, &m);
    release(c);
    return m;
}

void
channel_drop_reader(struct channel *c)
{
    lock_acquire(&c->lock);
    c->reader_gone = true;
    c->read_wq = NULL;
    release_if_dead(c);
}

void
channel_drop_writer(struct channel *c)
{
    lock_acquire(&c->lock);
    c->writer_gone = true;
    c->write_wq = NULL;
    release_if_dead(c);
}
