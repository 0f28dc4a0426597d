/*
 * file.h: open files and descriptor tables.
 *
 * A `struct file` is an open file description (POSIX), a session object shared by whoever inherited it. A descriptor table belongs to
 * a process's fs context. Everything that a descriptor can name (disk file, directory, device, pipe, socket, epoll, eventfd) is a
 * `struct file` with its own ops.
 */
#ifndef EXOS_FS_FILE_H
#define EXOS_FS_FILE_H

#include "base/base.h"
#include "base/lock.h"
#include "base/uio.h"
#include "base/wait.h"

struct inode;
struct file;

struct file_ops {
    const char *name;
    /* Data. pos is the file's own position or a pread position, advanced by the op. NULL: -EINVAL. Seekless objects ignore pos. */
    ssize (*read)(struct file *f, struct uio *u, uint64_t *pos);
    ssize (*write)(struct file *f, struct uio *u, uint64_t *pos);
    long (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);          /* NULL: -ENOTTY */
    /* Readiness now: POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP as Linux numbers them. NULL: always POLLIN | POLLOUT. */
    unsigned (*poll)(struct file *f);
    struct waitq *(*poll_queue)(struct file *f);                        /* woken whenever poll() may have changed; NULL: never */
    /*
     * Memory mapping: the cached page `index` of the file (session page, pinned until file_unpin_page); -EIO, -ENXIO past the end.
     * NULL: not mappable (-ENODEV).
     */
    int (*pin_page)(struct file *f, uint64_t index, void **page);
    void (*unpin_page)(struct file *f, uint64_t index, void *page);
    void (*release)(struct file *f);                                    /* last reference gone */
};

struct file {
    const struct file_ops *ops;
    uint32_t refs;              /* descriptors and calls in flight */
    uint32_t flags;             /* O_ACCMODE | O_APPEND | O_NONBLOCK | ... */
    uint64_t pos;
    struct inode *inode;        /* NULL for objects without a name */
    void *priv;
    struct epoll_item *watchers; /* epolls that watch this file; the last file_put calls epoll_file_gone() first if not NULL */
    struct lock lock;           /* pos, flags */
};

#define FD_MAX 1024             /* descriptors of one process (RLIMIT_NOFILE) */

struct fdtable;

/* What a process knows of the file system. Owned by fs/, pointed to by struct proc. */
struct fs_context {
    struct fdtable *fds;
    struct inode *cwd;
    struct inode *root;
    uint32_t umask;
    uint32_t uid, gid;
};

/* New file with one reference, or NULL (no memory). */
struct file *file_create(const struct file_ops *ops, uint32_t flags, void *priv) MUST_USE;
void file_get(struct file *f);
void file_put(struct file *f);

/* Lowest free descriptor >= min for f (takes over the caller's reference), or -EMFILE (reference kept by the caller). */
int fd_install(struct file *f, int min, bool cloexec) MUST_USE;
/* The file behind fd with a reference taken, or NULL (-EBADF). */
struct file *fd_get(int fd) MUST_USE;
int fd_close(int fd);

/* For proc/: the context of a new process, from the parent's (NULL: empty table, root directory). */
struct exos_fdmap;
struct fs_context *fs_context_spawn(const struct fs_context *parent, const struct exos_fdmap *map, size_t count, bool all) MUST_USE;
void fs_context_destroy(struct fs_context *fs);

/* For exec and spawn, by path from the current process: opened for reading and checked executable; the file, or -errno in *err. */
struct file *fs_open_executable(const char *path, int *err) MUST_USE;
/* Reads exactly n bytes at offset into library memory; 0, -EIO, -ENOEXEC when short. */
int file_read_exact(struct file *f, void *dst, size_t n, uint64_t offset) MUST_USE;

/* Bring-up and shutdown, called by the housekeeper. fs_mount_root mounts the named block device as /. */
void fs_init(void);
int fs_mount_root(const char *dev_name) MUST_USE;
int fs_sync_all(void);
int fs_unmount_all(void);
/* Bounded due work: write-back of pages older than the write-back age. Returns the next deadline (monotonic ns). */
uint64_t fs_housekeep(void);

#endif
