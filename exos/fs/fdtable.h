/* fdtable.h: what the descriptor calls need beyond file.h. */
#ifndef EXOS_FS_FDTABLE_H
#define EXOS_FS_FDTABLE_H

#include "fs/file.h"
#include "fs/inode.h"

#define FD_WORDS (FD_MAX / 64)

struct fdtable {
    struct lock lock;
    uint32_t limit;                     /* RLIMIT_NOFILE */
    struct file *files[FD_MAX];
    uint32_t low;                       /* every descriptor of the words before it is used */
    uint64_t used[FD_WORDS], cloexec[FD_WORDS];     /* cloexec: clear for those that are not used */
};

/*
 * The file behind a descriptor of the process, or NULL, with no reference: good until something sleeps. Only in a process' calls.
 * No lock: what runs in the library is not pre-empted.
 */
static inline struct file *
fd_peek(uint64_t fd)
{
    const struct fdtable *t = fs_caller()->fds;

    return (uint32_t)fd < FD_MAX ? t->files[(uint32_t)fd] : NULL;
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
