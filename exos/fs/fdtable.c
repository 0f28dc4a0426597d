/*
 * fdtable.c: which file a descriptor means; which descriptors a new process inherits.
 *
 * Holds:    used has a bit for every descriptor with a file or about to get one; cloexec one for those that exec and spawn drop. Blocks
 *           beyond the first come when they are needed, and stay.
 * Locks:    the table's lock, rank LOCK_RANK_FDTABLE. A file's reference count is atomic.
 */
#include "base/mem.h"
#include "exos/api.h"
#include "fs/file.h"
#include "fs/fdtable.h"
#include "fs/inode.h"

static struct fdtable *
current_table(void)
{
    return fs_current()->fds;
}

struct fdtable *
fdtable_new(void)
{
    struct fdtable *t = heap_alloc(sizeof(*t));

    if (t != NULL) {
        lock_init(&t->lock, LOCK_RANK_FDTABLE);
        t->limit = FD_USUAL;
        t->refs = 1;
    }
    return t;
}

/* The block of fd < FD_MAX; NULL: there is none yet. */
static inline struct fd_block *
block_of(const struct fdtable *t, unsigned fd)
{
    return fd < FD_BLOCK ? (struct fd_block *)&t->first : t->more[fd / FD_BLOCK - 1];
}

static inline struct file *
file_at(const struct fdtable *t, unsigned fd)
{
    const struct fd_block *b = fd < FD_MAX ? block_of(t, fd) : NULL;

    return b != NULL ? b->files[fd % FD_BLOCK] : NULL;
}

/* The lock is not held. */
static int
block_add(struct fdtable *t, unsigned fd)
{
    struct fd_block *b = heap_alloc(sizeof(*b)), **to = &t->more[fd / FD_BLOCK - 1];

    if (b == NULL)
        return -ENOMEM;
    lock_acquire(&t->lock);
    if (*to == NULL) {
        *to = b;
        b = NULL;
    }
    lock_release(&t->lock);
    heap_free(b);
    return 0;
}

/* A descriptor >= min with no file, or -EMFILE. */
static NOINLINE int
next_free(const struct fdtable *t, unsigned min)
{
    while (min < FD_MAX) {
        const struct fd_block *b = block_of(t, min);
        uint64_t free;

        if (b == NULL)
            return (int)min;
        free = ~b->used[min % FD_BLOCK / 64] & UINT64_MAX << (min % 64);
        if (free != 0)
            return (int)(min / 64 * 64 + (unsigned)__builtin_ctzll(free));
        min = min / 64 * 64 + 64;
    }
    return -EMFILE;
}

static inline void
set(struct fd_block *b, unsigned at, struct file *f, bool cloexec)
{
    uint64_t bit = 1ull << (at % 64);

    b->files[at] = f;
    b->used[at / 64] |= bit;
    if (cloexec)
        b->cloexec[at / 64] |= bit;
}

/* Any descriptor from min on. */
static NOINLINE int
install_any(struct fdtable *t, struct file *f, unsigned min, bool cloexec)
{
    int fd, err = 0;

    do {
        struct fd_block *b = NULL;

        lock_acquire(&t->lock);
        fd = next_free(t, min);
        if (fd < 0 || (unsigned)fd >= t->limit)
            err = -EMFILE;
        else if ((b = block_of(t, (unsigned)fd)) != NULL)
            set(b, (unsigned)fd % FD_BLOCK, f, cloexec);
        if (b == &t->first && min == 0)
            t->low = (unsigned)fd / 64;
        lock_release(&t->lock);
        if (b != NULL)
            return fd;
        if (err == 0)
            err = block_add(t, (unsigned)fd);
    } while (err == 0);
    return err;
}

int
fd_install(struct file *f, int min, bool cloexec)
{
    struct fdtable *t = fs_caller()->fds;
    unsigned fd;
    uint64_t free;

    if ((unsigned)min >= FD_MAX)
        return -EINVAL;
    lock_acquire(&t->lock);
    free = ~t->first.used[t->low];
    fd = t->low * 64 + (free != 0 ? (unsigned)__builtin_ctzll(free) : 0);
    if (min != 0 || free == 0 || fd >= t->limit) {
        lock_release(&t->lock);
        return install_any(t, f, (unsigned)min, cloexec);
    }
    set(&t->first, fd, f, cloexec);
    lock_release(&t->lock);
    return (int)fd;
}

struct file *
fd_get(int fd)
{
    const struct fdtable *t = current_table();
    struct file *f = t != NULL ? file_at(t, (unsigned)fd) : NULL;

    if (f != NULL)
        file_get(f);
    return f;
}

/* Takes the file out of the block; its reference goes to the caller. */
static inline struct file *
take_out(struct fdtable *t, struct fd_block *b, unsigned at)
{
    uint64_t bit = 1ull << (at % 64);
    struct file *f;

    lock_acquire(&t->lock);
    f = b->files[at];
    b->files[at] = NULL;
    b->used[at / 64] &= ~bit;
    b->cloexec[at / 64] &= ~bit;
    if (b == &t->first)
        t->low = MIN(t->low, at / 64);
    lock_release(&t->lock);
    return f;
}

/* POSIX: closing any descriptor of a file drops all record locks that the process holds on it. */
static inline void
drop(struct file *f, uint64_t owner)
{
    if (f->inode == NULL) {
        if (f->ops->closed != NULL)
            f->ops->closed(f, owner);
    } else if (f->inode->locks != NULL) {
        lock_drop_owner(f->inode, owner);
    }
    file_put(f);
}

static NOINLINE int
close_far(struct fdtable *t, unsigned fd)
{
    struct file *f = file_at(t, fd);

    if (f == NULL)
        return -EBADF;
    drop(take_out(t, block_of(t, fd), fd % FD_BLOCK), lock_owner_current());
    return 0;
}

int
fd_close(int fd)
{
    struct fdtable *t = fs_caller()->fds;
    struct file *f;

    if ((unsigned)fd >= FD_BLOCK)
        return close_far(t, (unsigned)fd);
    f = take_out(t, &t->first, (unsigned)fd);
    if (f == NULL)
        return -EBADF;
    drop(f, lock_owner_current());
    return 0;
}

/* fd now means f (whose reference is taken over); what it meant before is closed. */
int
fd_replace(int fd, struct file *f, bool cloexec)
{
    struct fdtable *t = current_table();
    unsigned at = (unsigned)fd % FD_BLOCK;
    struct fd_block *b;
    struct file *old;

    if ((unsigned)fd >= FD_MAX || t == NULL || (unsigned)fd >= t->limit)
        return -EBADF;
    if (block_of(t, (unsigned)fd) == NULL && block_add(t, (unsigned)fd) != 0)
        return -ENOMEM;
    b = block_of(t, (unsigned)fd);
    lock_acquire(&t->lock);
    old = b->files[at];
    b->cloexec[at / 64] &= ~(1ull << (at % 64));
    set(b, at, f, cloexec);
    lock_release(&t->lock);
    if (old != NULL)
        drop(old, lock_owner_current());
    return fd;
}

/* The close-on-exec flag, or -EBADF; set: 0 or 1 to change it, -1 to leave it. */
int
fd_cloexec(int fd, int change)
{
    struct fdtable *t = current_table();
    unsigned at = (unsigned)fd % FD_BLOCK;
    uint64_t bit = 1ull << (fd & 63);
    struct fd_block *b;
    int old = -EBADF;

    if (t == NULL || file_at(t, (unsigned)fd) == NULL)
        return -EBADF;
    b = block_of(t, (unsigned)fd);
    lock_acquire(&t->lock);
    if (b->files[at] != NULL) {
        old = (b->cloexec[at / 64] & bit) != 0;
        if (change == 1)
            b->cloexec[at / 64] |= bit;
        else if (change == 0)
            b->cloexec[at / 64] &= ~bit;
    }
    lock_release(&t->lock);
    return old;
}

/* For /proc: the file behind another process's descriptor, referenced; NULL. */
struct file *
fd_get_of(struct fs_context *fs, int fd)
{
    struct fdtable *t = fs->fds;
    struct file *f;

    if (t == NULL)
        return NULL;
    lock_acquire(&t->lock);
    f = file_at(t, (unsigned)fd);
    if (f != NULL)
        file_get(f);
    lock_release(&t->lock);
    return f;
}

void
fd_set_limit(uint32_t limit)
{
    struct fdtable *t = current_table();

    if (t != NULL)
        t->limit = MIN(limit, (uint32_t)FD_MAX);
}

void
fd_close_on_exec(void)
{
    struct fdtable *t = current_table();

    for (unsigned fd = 0; t != NULL && fd < FD_MAX; fd += 64) {
        const struct fd_block *b = block_of(t, fd);

        if (b == NULL)
            continue;
        for (uint64_t which = b->cloexec[fd % FD_BLOCK / 64]; which != 0; which &= which - 1)
            fd_close((int)(fd + (unsigned)__builtin_ctzll(which)));
    }
}

/* The files of a block, or with `exec` those that an exec leaves, under the same numbers. */
static void
inherit_block(struct fd_block *b, const struct fd_block *from, bool exec)
{
    for (unsigned w = 0; w < FD_WORDS; w++) {
        for (uint64_t which = from->used[w] & ~(exec ? from->cloexec[w] : 0); which != 0; which &= which - 1) {
            unsigned at = w * 64 + (unsigned)__builtin_ctzll(which);

            if (from->files[at] == NULL)
                continue;
            file_get(from->files[at]);
            set(b, at, from->files[at], (from->cloexec[w] >> (at % 64) & 1) != 0);
        }
    }
}

bool
fdtable_inherit(struct fdtable *t, struct fdtable *from, bool exec)
{
    bool whole = true;

    for (unsigned n = 0; n < FD_BLOCKS - 1; n++)
        if (from->more[n] != NULL && block_add(t, (n + 1) * FD_BLOCK) != 0)
            return false;
    lock_acquire(&from->lock);
    inherit_block(&t->first, &from->first, exec);
    for (unsigned n = 0; n < FD_BLOCKS - 1; n++) {
        if (from->more[n] != NULL && t->more[n] != NULL)
            inherit_block(t->more[n], from->more[n], exec);
        else if (from->more[n] != NULL)
            whole = false;      /* of another thread, this moment */
    }
    t->limit = from->limit;
    lock_release(&from->lock);
    return whole;
}

bool
fdtable_inherit_mapped(struct fdtable *t, struct fs_context *parent, const struct exos_fdmap *map, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        struct file *f = fd_get_of(parent, map[n].from);

        if (f == NULL || (unsigned)map[n].to >= FD_BLOCK) {
            if (f != NULL)
                file_put(f);
            return false;
        }
        if (t->first.files[map[n].to] != NULL)
            file_put(t->first.files[map[n].to]);
        set(&t->first, (unsigned)map[n].to, f, false);
    }
    return true;
}

static void
block_drop(struct fdtable *t, struct fd_block *b, uint64_t owner)
{
    for (unsigned w = 0; w < FD_WORDS; w++)
        while (b->used[w] != 0)
            drop(take_out(t, b, w * 64 + (unsigned)__builtin_ctzll(b->used[w])), owner);
}

void
fdtable_put(struct fdtable *t)
{
    if (t == NULL || --t->refs != 0)
        return;
    for (unsigned fd = 0; fd < FD_MAX; fd += FD_BLOCK) {
        struct fd_block *b = block_of(t, fd);

        if (b != NULL)
            block_drop(t, b, (uintptr_t)t);
        if (b != &t->first)
            heap_free(b);
    }
    heap_free(t);
}
