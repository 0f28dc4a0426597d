/*
 * fdtable.c: which file a descriptor means; what a new process inherits.
 *
 * Holds:    used has a bit for every descriptor with a file or about to get one; cloexec one for those that exec and spawn drop.
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

static struct fdtable *
table_new(void)
{
    struct fdtable *t = heap_alloc(sizeof(*t));

    if (t != NULL) {
        lock_init(&t->lock, LOCK_RANK_FDTABLE);
        t->limit = FD_MAX;
    }
    return t;
}

/* A descriptor >= min with no file, or -EMFILE. */
static NOINLINE int
next_free(const struct fdtable *t, unsigned min)
{
    for (unsigned w = min / 64; w < FD_WORDS; w++) {
        uint64_t free = ~t->used[w];

        if (w == min / 64)
            free &= UINT64_MAX << (min % 64);
        if (free != 0)
            return (int)(w * 64 + (unsigned)__builtin_ctzll(free));
    }
    return -EMFILE;
}

static inline int
lowest_free(struct fdtable *t)
{
    uint64_t free = ~t->used[t->low];
    int fd;

    if (free != 0)
        return (int)(t->low * 64 + (unsigned)__builtin_ctzll(free));
    fd = next_free(t, t->low * 64);
    t->low = fd >= 0 ? (unsigned)fd / 64 : t->low;
    return fd;
}

static inline void
set(struct fdtable *t, unsigned fd, struct file *f, bool cloexec)
{
    uint64_t bit = 1ull << (fd % 64);

    t->files[fd] = f;
    t->used[fd / 64] |= bit;
    if (cloexec)
        t->cloexec[fd / 64] |= bit;
}

int
fd_install(struct file *f, int min, bool cloexec)
{
    struct fdtable *t = fs_caller()->fds;
    int fd;

    if ((unsigned)min >= FD_MAX)
        return -EINVAL;
    lock_acquire(&t->lock);
    fd = min == 0 ? lowest_free(t) : next_free(t, (unsigned)min);
    if ((unsigned)fd < t->limit)
        set(t, (unsigned)fd, f, cloexec);
    else
        fd = -EMFILE;
    lock_release(&t->lock);
    return fd;
}

struct file *
fd_get(int fd)
{
    const struct fdtable *t = current_table();
    struct file *f = (unsigned)fd < FD_MAX && t != NULL ? t->files[fd] : NULL;

    if (f != NULL)
        file_get(f);
    return f;
}

/* Takes the file out of the table; its reference goes to the caller. */
static inline struct file *
take_out(struct fdtable *t, unsigned fd)
{
    uint64_t bit = 1ull << (fd % 64);
    struct file *f;

    lock_acquire(&t->lock);
    f = t->files[fd];
    t->files[fd] = NULL;
    t->used[fd / 64] &= ~bit;
    t->cloexec[fd / 64] &= ~bit;
    t->low = MIN(t->low, fd / 64);
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

int
fd_close(int fd)
{
    struct fdtable *t = fs_caller()->fds;
    struct file *f;

    if ((unsigned)fd >= FD_MAX || (f = take_out(t, (unsigned)fd)) == NULL)
        return -EBADF;
    drop(f, lock_owner_current());
    return 0;
}

/* fd now means f (whose reference is taken over); what it meant before is closed. */
int
fd_replace(int fd, struct file *f, bool cloexec)
{
    struct fdtable *t = current_table();
    struct file *old;

    if ((unsigned)fd >= FD_MAX || t == NULL || (unsigned)fd >= t->limit)
        return -EBADF;
    lock_acquire(&t->lock);
    old = t->files[fd];
    t->cloexec[fd / 64] &= ~(1ull << (fd % 64));
    set(t, (unsigned)fd, f, cloexec);
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
    uint64_t bit = 1ull << (fd & 63);
    int old = -EBADF;

    if ((unsigned)fd >= FD_MAX || t == NULL)
        return -EBADF;
    lock_acquire(&t->lock);
    if (t->files[fd] != NULL) {
        old = (t->cloexec[fd / 64] & bit) != 0;
        if (change == 1)
            t->cloexec[fd / 64] |= bit;
        else if (change == 0)
            t->cloexec[fd / 64] &= ~bit;
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

    if ((unsigned)fd >= FD_MAX || t == NULL)
        return NULL;
    lock_acquire(&t->lock);
    f = t->files[fd];
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

    for (unsigned fd = 0; t != NULL && fd < FD_MAX; fd++) {
        if (t->cloexec[fd / 64] == 0)
            fd |= 63;
        else if (t->cloexec[fd / 64] >> (fd % 64) & 1)
            fd_close((int)fd);
    }
}

/* The files of the descriptors in `which` (a word of bits), under the same numbers. */
static void
inherit_word(struct fdtable *t, const struct fdtable *from, unsigned word, uint64_t which)
{
    for (; which != 0; which &= which - 1) {
        unsigned fd = word * 64 + (unsigned)__builtin_ctzll(which);

        if (from->files[fd] == NULL)
            continue;
        file_get(from->files[fd]);
        set(t, fd, from->files[fd], (from->cloexec[word] >> (fd % 64) & 1) != 0);
    }
}

/* All descriptors, or with `exec` those that an exec leaves. */
static void
inherit_all(struct fdtable *t, struct fdtable *from, bool exec)
{
    lock_acquire(&from->lock);
    for (unsigned w = 0; w < FD_WORDS; w++)
        inherit_word(t, from, w, from->used[w] & ~(exec ? from->cloexec[w] : 0));
    t->limit = from->limit;
    lock_release(&from->lock);
}

static bool
inherit_mapped(struct fdtable *t, struct fs_context *parent, const struct exos_fdmap *map, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        struct file *f = fd_get_of(parent, map[n].from);

        if (f == NULL || (unsigned)map[n].to >= FD_MAX) {
            if (f != NULL)
                file_put(f);
            return false;
        }
        if (t->files[map[n].to] != NULL)
            file_put(t->files[map[n].to]);
        set(t, (unsigned)map[n].to, f, false);
    }
    return true;
}

void
fs_context_changed(struct fs_context *fs)
{
    static uint64_t last_view;

    fs->view = __atomic_add_fetch(&last_view, 1, __ATOMIC_RELAXED);
}

static void
inode_runs(struct inode *i)
{
    __atomic_add_fetch(&i->running, 1, __ATOMIC_RELAXED);
    i->attention |= ATTEND_RUNS;
}

void
fs_context_run(struct fs_context *fs, struct inode *i)
{
    struct inode *old = fs->program;

    if (i != NULL) {
        inode_get(i);
        inode_runs(i);
    }
    fs->program = i;
    if (old != NULL) {
        if (__atomic_sub_fetch(&old->running, 1, __ATOMIC_RELAXED) == 0)
            old->attention &= (uint8_t)~ATTEND_RUNS;
        inode_put(old);
    }
}

/* Directories, umask, ids and program of the parent, which may be NULL; an empty table. NULL: no memory. */
static struct fs_context *
context_new(const struct fs_context *parent)
{
    struct fs_context *fs = heap_alloc(sizeof(*fs));
    struct fdtable *t = table_new();

    if (fs == NULL || t == NULL) {
        heap_free(fs);
        heap_free(t);
        return NULL;
    }
    *fs = (struct fs_context){ .fds = t, .cwd = fs_root, .root = fs_root, .umask = 022 };
    if (parent != NULL) {
        *fs = *parent;
        fs->fds = t;
    } else {
        fs->file_size_max = UINT64_MAX;
        fs_context_changed(fs);
    }
    inode_get(fs->cwd);
    inode_get(fs->root);
    groups_get(fs->groups);
    if (fs->program != NULL) {
        inode_get(fs->program);
        inode_runs(fs->program);
    }
    return fs;
}

struct fs_context *
fs_context_fork(const struct fs_context *parent)
{
    struct fs_context *fs = context_new(parent);

    if (fs != NULL)
        inherit_all(fs->fds, parent->fds, false);
    return fs;
}

struct fs_context *
fs_context_spawn(const struct fs_context *parent, const struct exos_fdmap *map, size_t count, bool all)
{
    struct fs_context *fs = context_new(parent);
    struct fdtable *t = fs != NULL ? fs->fds : NULL;

    if (fs == NULL)
        return NULL;
    if (parent != NULL && all && parent->fds != NULL)
        inherit_all(t, parent->fds, true);
    if (parent != NULL && !all && !inherit_mapped(t, (struct fs_context *)parent, map, count)) {
        fs_context_destroy(fs);
        return NULL;
    }
    return fs;
}

void
fs_context_destroy(struct fs_context *fs)
{
    if (fs == NULL)
        return;
    for (unsigned w = 0; w < FD_WORDS; w++) {
        while (fs->fds->used[w] != 0)
            drop(take_out(fs->fds, w * 64 + (unsigned)__builtin_ctzll(fs->fds->used[w])), (uintptr_t)fs);
    }
    inode_put(fs->cwd);
    inode_put(fs->root);
    fs_context_run(fs, NULL);
    groups_put(fs->groups);
    heap_free(fs->fds);
    heap_free(fs);
}
