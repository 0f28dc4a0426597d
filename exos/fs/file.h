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
#include "fs/readahead.h"

/* Flags of open(2), as Linux x86-64 numbers them. */
#define O_RDONLY    0u
#define O_WRONLY    1u
#define O_RDWR      2u
#define O_ACCMODE   3u
#define O_CREAT     0100u
#define O_EXCL      0200u
#define O_NOCTTY    0400u
#define O_TRUNC     01000u
#define O_APPEND    02000u
#define O_NONBLOCK  04000u
#define O_DSYNC     010000u
#define O_ASYNC     020000u
#define O_DIRECT    040000u
#define O_LARGEFILE 0100000u
#define O_DIRECTORY 0200000u
#define O_NOFOLLOW  0400000u
#define O_NOATIME   01000000u
#define O_CLOEXEC   02000000u
#define O_SYNC      04010000u
#define O_PATH      010000000u
#define O_TMPFILE   020200000u

struct inode;
struct file;
struct channel;

struct file_ops {
    const char *name;
    int (*open)(struct file *f);                /* of a device: sets what the file is; may give it other ops. NULL: nothing to do */
    /* Data. pos is the file's own position or a pread position, advanced by the op. NULL: -EINVAL. Seekless objects ignore pos. */
    ssize (*read)(struct file *f, struct uio *u, uint64_t *pos);
    ssize (*write)(struct file *f, struct uio *u, uint64_t *pos);
    /*
     * read(2) and write(2) of a program in whole, for files whose data is memory: what can be done at once is, without a sleep and hence
     * without a reference; all else is left to file_read_user() and file_write_user(). NULL: those.
     */
    ssize (*read_quick)(struct file *f, uva_t to, size_t n);
    ssize (*write_quick)(struct file *f, uva_t from, size_t n);
    long (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);          /* NULL: -ENOTTY */
    struct channel *(*pipe)(struct file *f);                            /* what flows through a pipe, named or not. NULL: it is none */
    long (*pipe_size)(struct file *f, bool set, uint64_t size);         /* F_SETPIPE_SZ, F_GETPIPE_SZ. NULL: -EBADF */
    int (*fsync)(struct file *f);               /* of a file whose data is elsewhere than in its inode. NULL: as its inode's file system does */
    /* Readiness now: POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP as Linux numbers them. NULL: always POLLIN | POLLOUT. */
    unsigned (*poll)(struct file *f);
    struct waitq *(*poll_queue)(struct file *f);                        /* woken whenever poll() may have changed; NULL: never */
    /*
     * Memory mapping: the cached page `index` of the file (session page, pinned until file_unpin_page); -EIO, -ENXIO past the end.
     * NULL: not mappable (-ENODEV).
     */
    int (*pin_page)(struct file *f, uint64_t index, void **page);
    void (*unpin_page)(struct file *f, uint64_t index, void *page);
    void (*pin_again)(struct file *f, uint64_t index, void *page);      /* one more pin on a pinned page; never sleeps */
    /*
     * Shared mappings of what may shrink or is written back (NULL: memory that stays): the pinned page is about to be mapped at va of the
     * space, which then owns the pin and is counted in *count (-ENOMEM); is mapped there no more; is about to be mapped writable: may
     * sleep, gives -ENOSPC, -EROFS, -EIO, -ENXIO, and -EAGAIN when the page is no longer the file's.
     */
    int (*map)(struct file *f, uint64_t index, void *page, uint64_t space, uint64_t va, uint64_t *count);
    void (*unmap)(struct file *f, uint64_t index, void *page, uint64_t space, uint64_t va);
    int (*make_writable)(struct file *f, uint64_t index, void *page);
    /* Of files without an inode: a process' descriptor of it is closed; owner: its context, as record locks know it. NULL: nothing to do */
    void (*closed)(struct file *f, uint64_t owner);
    void (*release)(struct file *f);                                    /* last reference gone */
    bool signals;                               /* O_ASYNC has a meaning; with it, poll_queue */
};

/* Somebody who refers to a file without a reference, and is told when its last one goes: he is the first of the file's then, and leaves. */
struct file_watcher {
    void (*gone)(struct file *f);
    struct file_watcher *next;
};

struct file {
    const struct file_ops *ops;
    uint32_t refs;              /* descriptors and calls in flight */
    uint32_t flags;             /* O_ACCMODE | O_APPEND | O_NONBLOCK | ... */
    uint64_t pos;
    uint32_t errors_seen;       /* of those of the inode's pages: who has it open has been told of so many */
    struct inode *inode;        /* NULL for objects without a name */
    void *priv;
    struct file_watcher *watchers; /* epolls, and who sends signals; the last file_put first calls watchers->gone() until there are none */
    struct readahead readahead; /* regular files */
};

#define FD_MAX 4096             /* descriptors of one process: RLIMIT_NOFILE at most */
#define FD_USUAL 1024           /* unless it asks for more */

struct fdtable;

/* What a process knows of the file system. Owned by fs/, pointed to by struct proc. */
struct fs_context {
    struct fdtable *fds;
    struct inode *cwd;
    struct inode *root;
    uint32_t umask;
    uint32_t uid, gid;          /* effective: what access is decided by */
    uint32_t ruid, suid, rgid, sgid;    /* real and saved */
    struct groups *groups;      /* supplementary; NULL: none */
    struct inode *program;      /* what it runs, referenced, which is not to be written meanwhile; NULL: nothing with a name */
    uint64_t file_size_max;     /* RLIMIT_FSIZE */
    uint64_t view;              /* equal for two: paths lead both to the same places, as far as root and rights go */
};

extern struct lock file_watchers_lock;  /* LOCK_RANK_FDTABLE, around chains of watchers */

/* How many open file descriptions there are; how many are kept for the next open. */
uint32_t file_count(void);
uint32_t file_spare_count(void);
void file_spares_drop(void);
/* New file with one reference, or NULL (no memory). */
struct file *file_create(const struct file_ops *ops, uint32_t flags, void *priv) MUST_USE;
void file_end(struct file *f);          /* its last reference has gone */

static inline void
file_get(struct file *f)
{
    __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
}

static inline void
file_put(struct file *f)
{
    if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) == 0)
        file_end(f);
}

static inline bool
file_may_read(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}

static inline bool
file_may_write(const struct file *f)
{
    return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

#define RW_COUNT_MAX 0x7ffff000ul   /* bytes of one call: Linux MAX_RW_COUNT */

/* read(2) and write(2) at the file's position, with any file and any buffer. */
ssize file_read_user(struct file *f, uva_t to, size_t n) MUST_USE;
ssize file_write_user(struct file *f, uva_t from, size_t n) MUST_USE;

/* Lowest free descriptor >= min for f (takes over the caller's reference), or -EMFILE (reference kept by the caller). */
int fd_install(struct file *f, int min, bool cloexec) MUST_USE;
/* The file behind fd with a reference taken, or NULL (-EBADF). */
struct file *fd_get(int fd) MUST_USE;
int fd_close(int fd);

/* For proc/: the context of a new process, from the parent's (NULL: empty table, root directory). */
struct exos_fdmap;
struct fs_context *fs_context_spawn(const struct fs_context *parent, const struct exos_fdmap *map, size_t count, bool all) MUST_USE;
/* `share`: not a copy of its descriptors, but the same table (CLONE_FILES). */
struct fs_context *fs_context_fork(const struct fs_context *parent, bool share) MUST_USE;
/* The current process' table of descriptors is its own from now on. 0, -ENOMEM. */
int fd_table_unshare(void) MUST_USE;
void fs_context_destroy(struct fs_context *fs);
/* It runs the program in i (NULL: none) from now on, instead of the one before. */
void fs_context_run(struct fs_context *fs, struct inode *i);
/* Its root directory or what it may do has changed. */
void fs_context_changed(struct fs_context *fs);

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
