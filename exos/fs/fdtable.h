/* fdtable.h: what the descriptor calls need beyond file.h. */
#ifndef EXOS_FS_FDTABLE_H
#define EXOS_FS_FDTABLE_H

#include "fs/file.h"
#include "fs/inode.h"

#define FD_BLOCK FD_USUAL
#define FD_BLOCKS (FD_MAX / FD_BLOCK)
#define FD_WORDS (FD_BLOCK / 64)

struct fd_block {
    struct file *files[FD_BLOCK];
    uint64_t used[FD_WORDS], cloexec[FD_WORDS];     /* cloexec: clear for those that are not used */
};

struct fdtable {
    struct lock lock;
    uint32_t refs;                      /* processes that have it: more than one by CLONE_FILES */
    uint32_t limit;                     /* RLIMIT_NOFILE */
    uint32_t low;                       /* every descriptor of the first block's words before it is used */
    struct fd_block first;
    struct fd_block *more[FD_BLOCKS - 1];           /* NULL: not needed yet */
};

struct exos_fdmap;
struct fdtable *fdtable_new(void) MUST_USE;
/* One process has it no more; the last gives back all files, and the record locks on them: those are the table's (fcntl(2), clone(2)).
 * NULL: nothing. */
void fdtable_put(struct fdtable *t);
/* All descriptors of `from`, or with `exec` those that an exec leaves. False: no memory. */
bool fdtable_inherit(struct fdtable *t, struct fdtable *from, bool exec) MUST_USE;
bool fdtable_inherit_mapped(struct fdtable *t, struct fs_context *parent, const struct exos_fdmap *map, size_t count) MUST_USE;

static inline struct file *
fd_far(const struct fdtable *t, uint32_t fd)
{
    const struct fd_block *b = fd < FD_MAX ? t->more[fd / FD_BLOCK - 1] : NULL;

    return b != NULL ? b->files[fd % FD_BLOCK] : NULL;
}

/*
 * The file behind a descriptor of the process, or NULL, with no reference: good until something sleeps. Only in a process' calls.
 * No lock: what runs in the library is not pre-empted.
 */
static inline struct file *
fd_peek(uint64_t fd)
{
    const struct fdtable *t = fs_caller()->fds;

    return __builtin_expect((uint32_t)fd < FD_BLOCK, 1) ? t->first.files[(uint32_t)fd] : fd_far(t, (uint32_t)fd);
}

/* fd_get() where it must be quick. */
static inline struct file *
fd_get_here(uint64_t fd)
{
    struct file *f = fd_peek(fd);

    if (f != NULL)
        file_get(f);
    return f;
}

int fd_replace(int fd, struct file *f, bool cloexec) MUST_USE;
int fd_cloexec(int fd, int change);
struct file *fd_get_of(struct fs_context *fs, int fd);
void fd_set_limit(uint32_t limit);
void fd_close_on_exec(void);

#endif
