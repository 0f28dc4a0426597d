/*
 * inode.h: inodes, names and mounts: what the file systems offer and what the path code makes of it.
 *
 * Locks:    icache_lock (rank LOCK_RANK_INODE) guards the inode hash, the name cache and every inode's reference count against 0.
 *           Contents of a directory: its `own`. Block map of a file: its `map_own`. Both are long ownership (own.h).
 */
#ifndef EXOS_FS_INODE_H
#define EXOS_FS_INODE_H

#include "base/base.h"
#include "fs/cache.h"
#include "fs/file.h"
#include "fs/own.h"
#include "fs/rights.h"
#include "proc/proc.h"

#define S_IFMT   0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK  0120000u
#define S_IFREG  0100000u
#define S_IFBLK  0060000u
#define S_IFDIR  0040000u
#define S_IFCHR  0020000u
#define S_IFIFO  0010000u
#define S_ISUID  04000u
#define S_ISGID  02000u
#define S_IXGRP  00010u
#define S_ISVTX  01000u
#define S_PERM   07777u

#define NAME_LEN_MAX 255
#define PATH_LEN_MAX 4096       /* with the NUL */
#define SYMLINK_DEPTH_MAX 40
#define FILE_SIZE_MAX ((1ull << 43) - 1)

struct inode;
struct mount;

/* A directory entry on its way to getdents. False: no room, stop before it. */
struct dir_sink {
    bool (*entry)(struct dir_sink *d, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next_pos);
};

struct fs_stat {
    uint64_t type, block_size, blocks, free_blocks, avail_blocks, files, free_files, fsid;
};

/* What a file system does. The directory's `own` is held for all that take one; names are checked by the caller. NULL: -EPERM. */
struct inode_ops {
    /* The named inode with a reference; -ENOENT. */
    int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out);
    /* A new inode of any type, named; target: of a symbolic link. */
    int (*create)(struct inode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev, const char *target,
                  struct inode **out);
    int (*link)(struct inode *dir, const char *name, size_t len, struct inode *target);
    int (*unlink)(struct inode *dir, const char *name, size_t len, struct inode *victim);   /* directories too, when empty */
    /* Moves a name; victim is what bears the new name now, or NULL. exchange: they trade places. Both directories owned. */
    int (*rename)(struct inode *from, const char *name, size_t len, struct inode *what, struct inode *to, const char *new_name,
                  size_t new_len, struct inode *victim, bool exchange);
    int (*readdir)(struct inode *dir, uint64_t *pos, struct dir_sink *sink);
    /* The link's text, not terminated; its length. */
    ssize (*readlink)(struct inode *i, char *buf, size_t size);
    /* Makes sure that blocks lie under bytes off..off+len of a file (its own is held). May do less: *done bytes, at least 1; all of
     * them new (*fresh) or none. */
    int (*allocate)(struct inode *i, uint64_t off, uint64_t len, uint64_t *done, bool *fresh);
    /* Frees the blocks from byte `from` (rounded up to a block) to `to`. */
    int (*free_range)(struct inode *i, uint64_t from, uint64_t to);
    /*
     * What lies between hold and let_go reaches the disk together or not at all: a block that was allocated and the page that says
     * what it holds. May be NULL.
     */
    void (*hold)(struct inode *i);
    void (*let_go)(struct inode *i);
    /* After -ENOSPC, not in a hold: true if what was freed lately can be had now. May be NULL. */
    bool (*make_room)(struct inode *i);
    /* Takes out a name whose inode cannot be read. NULL: never. */
    int (*drop_name)(struct inode *dir, const char *name, size_t len);
    int (*write_inode)(struct inode *i);                    /* in-memory attributes to their place in the cache */
    void (*evict)(struct inode *i);                         /* last reference gone: nlink 0 frees it on disk; then frees memory */
    void (*last_close)(struct inode *i);                    /* nobody has it open for writing: drop reservations. May be NULL */
    int (*open)(struct inode *i, struct file *f);           /* sets f->ops, f->priv; NULL: by type */
    /* Extended attributes, all at once (xattr.h); the inode is owned. write keeps nothing of the list. NULL, both: it can have none. */
    int (*xattr_read)(struct inode *i, struct list *set);
    int (*xattr_write)(struct inode *i, struct list *set);
    /* Its name and its directory, borrowed, where names are not cached; NULL: it has none. icache_lock may be held. */
    struct inode *(*called)(const struct inode *i, char *name);
    void (*refresh)(struct inode *i);                       /* before a stat of an inode whose attributes are computed. May be NULL */
};

struct record_lock;
struct notify_watch;

/* What makes opening or closing take a longer way than most. */
#define ATTEND_LOCKS   1u       /* locks is not empty */
#define ATTEND_RUNS    2u       /* running is not 0 */
#define ATTEND_WATCHED 4u       /* it, or a directory that names it, may be watched (notify.h) */
#define ATTEND_LOST    8u       /* it has lost its last name, in a watched directory */

struct inode {
    const struct inode_ops *ops;
    struct mount *mnt;
    uint64_t ino;
    uint32_t mode, uid, gid, nlink;
    uint64_t rdev;
    uint64_t size_dir;          /* size of anything but a regular file; a regular file's is data.size */
    uint64_t blocks512;
    uint64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
    uint32_t refs;
    uint32_t quiet;             /* of those, references that are no use of it: watches', and the file system's until a commit */
    uint32_t writers;           /* open for writing */
    uint32_t running;           /* processes whose program it is */
    bool dirty;                 /* attributes newer than the cache's copy */
    bool dead;                  /* being evicted: not to be found */
    bool linkable;              /* names of it may be cached */
    uint8_t seals;              /* F_SEAL_* (seals.h) */
    bool mapped;                /* some space may have pages of it in a private mapping */
    bool nameless;              /* made without a name (O_TMPFILE): may be given its first */
    bool remembered;            /* a path may be known to lead to it (memo.c) */
    uint8_t attention;          /* ATTEND_* */
    struct mount *covered_by;   /* a file system is mounted on this directory */
    struct inode *hash_next;
    struct list lru;            /* in icache's idle list when refs is 0 */
    struct list dirty_link;     /* in mnt->dirty */
    struct list mnt_link;       /* in mnt->inodes */
    struct list names;          /* struct dentry.inode_link: cached names of it */
    struct list children;       /* struct dentry.parent_link: cached names in it */
    struct own own;
    struct own map_own;
    struct cache_space data;
    struct record_lock *locks;
    struct waitq lock_wq;
    struct notify_watch *watches;
};

struct fs_ops {
    const char *name;
    int (*sync)(struct mount *m, bool wait);
    int (*fsync)(struct inode *i, bool data_only);          /* one file and its names. NULL: nothing to do */
    int (*unmount)(struct mount *m);
    void (*statfs)(struct mount *m, struct fs_stat *out);
    int (*remount)(struct mount *m, bool read_only);        /* the other way; nobody writes. NULL: nothing to do */
    bool holds_named;                                       /* an inode with a name is referenced by the file system */
};

struct mount {
    const struct fs_ops *ops;
    struct blkdev *dev;
    struct cache_space *dev_space;
    bool read_only;
    bool needed;                /* the session cannot do without it */
    bool detached;              /* in no path; ends when it is not busy */
    uint32_t flags;             /* MS_NOSUID, MS_NODEV, MS_NOEXEC (mounting.h) */
    uint64_t id;                /* no other mount ever has it */
    uint64_t dev_id;            /* st_dev: a disk's number, or the id */
    struct inode *root;
    struct inode *covered;      /* directory that it is mounted on; NULL: / */
    char source[64];            /* as it was mounted from, for /proc/mounts; empty: as dev or ops say */
    struct list link;
    struct list inodes, dirty;
    struct own rename_own;
    void *priv;
};

/* ---- inode cache ---- */
extern struct lock icache_lock;
void icache_init(void);
void inode_init(struct inode *i, struct mount *m, uint64_t ino, const struct inode_ops *ops);
/* The inode in memory with a reference, or NULL. Waits for one that is being evicted. */
struct inode *inode_find(struct mount *m, uint64_t ino);
/* Makes i findable. If another got there first: that one, referenced; i is the caller's to free. */
struct inode *inode_insert(struct inode *i);
void inode_put_last(struct inode *i);            /* of one without a name: perhaps its end */

static inline void
inode_get(struct inode *i)
{
    __atomic_add_fetch(&i->refs, 1, __ATOMIC_RELAXED);
}

static inline void
inode_release(struct inode *i)
{
    if (i->nlink > 0 && i->linkable)
        __atomic_sub_fetch(&i->refs, 1, __ATOMIC_ACQ_REL);
    else
        inode_put_last(i);
}

/* References that do not keep an inode without a name in use: its watches are told of its end as if they were not there. */
static inline void
inode_get_quiet(struct inode *i)
{
    __atomic_add_fetch(&i->quiet, 1, __ATOMIC_RELAXED);
    inode_get(i);
}

static inline void
inode_put_quiet(struct inode *i)
{
    __atomic_sub_fetch(&i->quiet, 1, __ATOMIC_RELAXED);
    inode_release(i);
}

/* The same as inode_release(); i may be NULL. */
static inline void
inode_put(struct inode *i)
{
    if (i != NULL)
        inode_release(i);
}
void inode_changed(struct inode *i);            /* attributes: written with the next sync */
/* Evicts idle inodes (all of a mount: m; else the oldest `want`). Returns how many. */
uint64_t icache_reclaim(struct mount *m, uint64_t want);
void inode_times(struct inode *i, bool mtime, bool ctime);
static inline bool inode_is(const struct inode *i, unsigned type) { return (i->mode & S_IFMT) == type; }
static inline uint64_t inode_size(const struct inode *i) { return inode_is(i, S_IFREG) ? i->data.size : i->size_dir; }
/* In units of 512 bytes. Data that has no disk to go to takes its pages. */
static inline uint64_t
inode_blocks(const struct inode *i)
{
    if (UNLIKELY(i->data.ops != NULL))  /* it is likely; but this way round the other takes no jump */
        return i->blocks512;
    return i->blocks512 + i->data.page_count * (PAGE_SIZE / 512);
}
uint64_t icache_count(void);

/* ---- name cache (names.c) ---- */
extern uint64_t names_epoch;            /* memo.c; raised under icache_lock by whatever may lead a path elsewhere */
void names_changed(const struct inode *i);      /* the same for those who do not hold it: mode, owner or mount of a directory */
void names_init(void);
/* icache_lock held. 1: *out is the inode (no reference taken); 0: known not to exist; -1: not known. */
int name_lookup(struct inode *dir, const char *name, size_t len, uint32_t hash, struct inode **out);
void name_enter(struct inode *dir, const char *name, size_t len, struct inode *i);     /* i NULL: does not exist */
void name_enter_hashed(struct inode *dir, const char *name, size_t len, uint32_t hash, struct inode *i);
void name_forget(struct inode *dir, const char *name, size_t len);
void names_drop(struct inode *i);                                       /* icache_lock held: all that name i or lie in it */
/* icache_lock held: what the cache knows in dir gets ATTEND_WATCHED; the directory and the name that i is called by, or NULL. */
void names_attend(struct inode *dir);
struct inode *inode_name(const struct inode *i, const char **name, size_t *len);
uint32_t name_hash(const char *name, size_t len);
/* The length of the name that a '/' or the end of the string ends, and its hash. */
size_t name_scan(const char *name, uint32_t *hash);
/* The absolute path of i as far as the cache knows it: length, or -ENOENT. */
ssize inode_path(struct inode *i, char *buf, size_t size);

/* ---- paths ---- */
#define WALK_FOLLOW   1u        /* follow a symbolic link at the end */
#define WALK_PARENT   2u        /* stop at the directory that holds the last component */
#define WALK_CREATE   4u        /* WALK_PARENT for a name that may bear a trailing slash only if a directory is made */

struct walk {
    struct inode *dir;          /* WALK_PARENT: referenced */
    struct inode *inode;        /* referenced; NULL: the last component does not exist (WALK_PARENT only) */
    const char *last;           /* WALK_PARENT: the last component, in the buffer of path */
    size_t last_len;
    uint32_t last_hash;
    bool slash;                 /* it was followed by a slash */
    bool special;               /* it was empty, "." or ".." */
    char *buf;                  /* of symbolic links; freed by walk_end */
};

/* What a walk may not do, as openat2(2) numbers it. */
#define RESOLVE_NO_XDEV       1u
#define RESOLVE_NO_MAGICLINKS 2u
#define RESOLVE_NO_SYMLINKS   4u
#define RESOLVE_BENEATH       8u
#define RESOLVE_IN_ROOT       16u
#define RESOLVE_CACHED        32u

/* How a path is walked that is not walked as usual. */
struct walk_how {
    unsigned resolve;
    struct inode *root;                 /* with BENEATH and IN_ROOT: the directory that is not left */
    const struct fs_context *as;        /* by whose rights; NULL: the caller's */
};

/* Resolves path from `start` (referenced by the caller; NULL: the working directory). Check walk_end() on success only. */
int walk_path(struct inode *start, const char *path, unsigned flags, struct walk *w) MUST_USE;
int walk_path_so(struct inode *start, const char *path, unsigned flags, const struct walk_how *how, struct walk *w) MUST_USE;
/* how: NULL as usual. */
static inline MUST_USE int
walk_path_how(struct inode *start, const char *path, unsigned flags, const struct walk_how *how, struct walk *w)
{
    return how == NULL ? walk_path(start, path, flags, w) : walk_path_so(start, path, flags, how, w);
}
/* 0; -ELOOP or -EXDEV: what is asked of the walk forbids it. */
int walk_may_follow(unsigned resolve, const struct inode *link) MUST_USE;
void walk_end(struct walk *w);
/* The plain case: path to inode, referenced. */
int path_lookup(struct inode *start, const char *path, bool follow, struct inode **out) MUST_USE;
/*
 * Where a path in the program's memory led not long ago, if it still leads there, referenced; NULL: not known. The path is absolute or from
 * the working directory, and ends in no symbolic link.
 */
struct inode *path_recall_user(uva_t path);
/* path_lookup() for a path that is not known. */
int path_find(struct inode *start, const char *path, bool follow, const struct walk_how *how, struct inode **out) MUST_USE;
/* One name in a directory, through the name cache, mounts crossed; referenced. */
int dir_lookup(struct inode *dir, const char *name, size_t len, struct inode **out) MUST_USE;
struct inode *dir_parent(struct inode *dir);    /* "..", referenced, mounts crossed; NULL: unreadable */

#define MAY_EXEC  1u
#define MAY_WRITE 2u
#define MAY_READ  4u
int inode_may_check(const struct inode *i, unsigned want) MUST_USE;
struct fs_context *fs_housekeeper(void);

/* The calling process's, or the housekeeper's. */
static inline struct fs_context *
fs_current(void)
{
    const struct proc *p = proc_current();

    return p != NULL && p->fs != NULL ? p->fs : fs_housekeeper();
}

/* The same in a process' call, where there is one. */
static inline struct fs_context *
fs_caller(void)
{
#ifdef EXOS_HOST_TEST
    return fs_current();
#else
    return thread_self()->proc->fs;
#endif
}

/* May the caller do that with the file? 0, -EACCES, -EROFS. Root may read everything. */
static inline MUST_USE int
inode_may(const struct inode *i, unsigned want)
{
    return want == MAY_READ && fs_current()->uid == 0 ? 0 : inode_may_check(i, want);
}

/* ---- operations on names: from a start directory (NULL: working directory) and a path ---- */
/* What an open asks for. */
struct wish {
    uint32_t flags, mode;
    const struct walk_how *how;         /* NULL: as usual */
};
int vfs_open_wish(struct inode *start, const char *path, const struct wish *wish, struct file **out) MUST_USE;
static inline MUST_USE int
vfs_open(struct inode *start, const char *path, uint32_t flags, uint32_t mode, struct file **out)
{
    return vfs_open_wish(start, path, &(struct wish){ flags, mode, NULL }, out);
}
/* What a path led to; takes over the reference, whatever comes of it. */
int vfs_open_existing(struct inode *i, uint32_t flags, struct file **out) MUST_USE;
int vfs_open_inode(struct inode *i, uint32_t flags, struct file **out) MUST_USE;
int vfs_make(struct inode *start, const char *path, uint32_t mode, uint64_t rdev, const char *target) MUST_USE;
int vfs_unlink(struct inode *start, const char *path, bool directory) MUST_USE;
int vfs_make_nameless(struct inode *dir, uint32_t mode, struct inode **out) MUST_USE;
int vfs_link(struct inode *target, struct inode *to, const char *new_path) MUST_USE;
int vfs_rename(struct inode *from, const char *path, struct inode *to, const char *new_path, unsigned flags) MUST_USE;
int vfs_truncate(struct inode *i, uint64_t size) MUST_USE;
#define FALLOC_KEEP_SIZE  1u
#define FALLOC_PUNCH_HOLE 2u
#define FALLOC_COLLAPSE_RANGE 8u
#define FALLOC_ZERO_RANGE 16u
#define FALLOC_INSERT_RANGE 32u
#define FALLOC_UNSHARE_RANGE 64u
int vfs_fallocate(struct inode *i, unsigned mode, uint64_t off, uint64_t len) MUST_USE;
/* Also what was written before and failed meanwhile, unless that was said of this open file already. */
int vfs_fsync(struct file *f, bool data_only) MUST_USE;
int vfs_chmod(struct inode *i, uint32_t mode) MUST_USE;
int vfs_chown(struct inode *i, uint32_t uid, uint32_t gid) MUST_USE;
#define TIME_OMIT UINT64_MAX
int vfs_utimes(struct inode *i, uint64_t atime_ns, uint64_t mtime_ns, bool now) MUST_USE;
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE  2u

/* ---- regular files and directories as open files ---- */
extern const struct file_ops regular_file_ops, dir_file_ops;
ssize dir_path(struct inode *dir, char *buf, size_t size);
int file_readdir(struct file *f, struct dir_sink *sink) MUST_USE;

/* Opens the device that is registered under the node's number (devfs.c). -ENXIO. */
int devfs_open_rdev(struct inode *i, struct file *f) MUST_USE;

/* ---- mounts ---- */
struct mount *mount_new(const struct fs_ops *ops);
int mount_attach(struct mount *m, const char *path) MUST_USE;
/* One after the other, those that are in paths; NULL past the last. */
struct mount *mount_at(unsigned index);
/* Puts m into the tree, on the directory, whose reference it takes over; takes it out. */
void mount_cover(struct mount *m, struct inode *dir);
void mount_uncover(struct mount *m);
/* Writes back what there is and lets go of everything. */
int mount_end(struct mount *m);
bool mount_busy(struct mount *m);
/* One at a time mounts and unmounts, once programs run. */
extern struct own mounts_own;
/* Ends what was detached and is not busy any more. mounts_own is held. */
void mounts_reap(void);
extern struct inode *fs_root;
extern struct inode *fs_memory;         /* the directory of files that live in memory, whatever is mounted over it; NULL: none */
int ext4_mount(struct blkdev *dev, bool read_only, struct mount **out) MUST_USE;
int tmpfs_mount(uint32_t mode, struct mount **out) MUST_USE;
/* The cached blocks of a device, made at first use. */
struct cache_space *blkdev_space(struct blkdev *dev);
bool blkdev_mounted(const struct blkdev *dev);

/* ---- record locks (locks.c): everything that this owner holds on i ---- */
void lock_drop_owner(struct inode *i, uint64_t owner);
uint64_t lock_owner_current(void);

#endif
