/* fs_stat.c: what a file is: the stat family, access, readlink, statfs. */
#include "abi/linux_fs.h"
#include "base/uaccess.h"

static inline struct lx_timespec
to_timespec(uint64_t ns)
{
    return (struct lx_timespec){ (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC) };
}

static inline bool
store_here(uint64_t at, uint64_t word)
{
    *(word_t *)at = word;
    return true;
}

static inline ALWAYS_INLINE bool
store_time(uint64_t at, uint64_t ns, bool (*store)(uint64_t at, uint64_t word))
{
    struct lx_timespec t = to_timespec(ns);

    return store(at, (uint64_t)t.tv_sec) && store(at + 8, (uint64_t)t.tv_nsec);
}

/* A struct stat, word by word, to the library's memory or straight to the program's. False: it could not be stored. */
static inline ALWAYS_INLINE bool
put_stat(const struct inode *i, uint64_t at, bool (*store)(uint64_t at, uint64_t word))
{
#define AT(field) (at + offsetof(struct lx_stat, field))
    return store(AT(st_dev), i->mnt->dev_id) && store(AT(st_ino), i->ino) && store(AT(st_nlink), i->nlink) &&
           store(AT(st_mode), i->mode | (uint64_t)i->uid << 32) && store(AT(st_gid), i->gid) && store(AT(st_rdev), i->rdev) &&
           store(AT(st_size), inode_size(i)) && store(AT(st_blksize), PAGE_SIZE) && store(AT(st_blocks), inode_blocks(i)) &&
           store_time(AT(st_atim), i->atime_ns, store) && store_time(AT(st_mtim), i->mtime_ns, store) &&
           store_time(AT(st_ctim), i->ctime_ns, store) && store(AT(unused[0]), 0) && store(AT(unused[1]), 0) && store(AT(unused[2]), 0);
#undef AT
}

static void
fill_stat(struct inode *i, struct lx_stat *s)
{
    if (i->ops->refresh != NULL)
        i->ops->refresh(i);
    put_stat(i, (uintptr_t)s, store_here);
}

static NOINLINE long
stat_out_long(struct inode *i, uva_t out)
{
    struct lx_stat s;

    fill_stat(i, &s);
    return user_copy_out(out, &s, sizeof(s));
}

static inline long
stat_out(struct inode *i, uva_t out)
{
    return i->ops->refresh == NULL && user_ok(out, sizeof(struct lx_stat)) && put_stat(i, out, uaccess_store64) ? 0 : stat_out_long(i, out);
}

/* Of a file without a name: a pipe, a socket, an event counter (0). */
static uint32_t
nameless_type(const struct file *f)
{
    const char *name = f->ops->name != NULL ? f->ops->name : "";

    return strncmp(name, "pipe", 4) == 0 ? S_IFIFO : strncmp(name, "sock", 4) == 0 ? S_IFSOCK : 0;
}

static void
fill_nameless(const struct file *f, struct lx_stat *s)
{
    *s = (struct lx_stat){ 0 };
    s->st_dev = 0xf;
    s->st_ino = (uintptr_t)f >> 4 & 0xffffff;
    s->st_nlink = 1;
    s->st_mode = nameless_type(f) == S_IFSOCK ? S_IFSOCK | 0777 : 0600 | nameless_type(f);
    s->st_blksize = PAGE_SIZE;
}

/* Takes the reference. */
static long
stat_file(struct file *f, uva_t out)
{
    struct lx_stat s;
    long err;

    if (f->inode != NULL) {
        err = stat_out(f->inode, out);
    } else {
        fill_nameless(f, &s);
        err = user_copy_out(out, &s, sizeof(s));
    }
    file_put(f);
    return err;
}

/* What has no path may still be an open file's: /dev/fd/N of a pipe. */
static NOINLINE long
stat_linked(uint64_t dirfd, uva_t path, unsigned flags, uva_t out)
{
    struct file *f = flags & AT_SYMLINK_NOFOLLOW ? NULL : at_linked(dirfd, path);

    return f != NULL ? stat_file(f, out) : -ENOENT;
}

static inline long
stat_path(uint64_t dirfd, uva_t path, unsigned flags, uva_t out)
{
    struct inode *i;
    long err = at_inode(dirfd, path, flags, &i);

    if (err != 0)
        return err == -ENOENT ? stat_linked(dirfd, path, flags, out) : err;
    err = stat_out(i, out);
    inode_release(i);
    return err;
}

static long
stat_fd(uint64_t fd, uva_t out)
{
    struct file *f = lx_file(fd);

    return f != NULL ? stat_file(f, out) : -EBADF;
}

LX(stat)
{
    return stat_path((uint64_t)AT_FDCWD, args->a[0], 0, args->a[1]);
}

LX(lstat)
{
    return stat_path((uint64_t)AT_FDCWD, args->a[0], AT_SYMLINK_NOFOLLOW, args->a[1]);
}

LX(fstat)
{
    return stat_fd(args->a[0], args->a[1]);
}

/* Is it fstat in disguise: AT_EMPTY_PATH and an empty path? */
static bool
means_fd(uint64_t dirfd, uva_t path, unsigned flags)
{
    char c = 'x';

    return (flags & AT_EMPTY_PATH) && (int)dirfd != AT_FDCWD && (path == 0 || (user_copy_in(&c, path, 1) == 0 && c == '\0'));
}

LX(newfstatat)
{
    unsigned flags = (unsigned)args->a[3];

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    if (means_fd(args->a[0], args->a[1], flags))
        return stat_fd(args->a[0], args->a[2]);
    return stat_path(args->a[0], args->a[1], flags, args->a[2]);
}

#define STATX_BASIC 0x7ffu
#define STATX_BTIME 0x800u
#define STATX_MNT_ID 0x1000u
#define STATX_RESERVED 0x80000000u
#define STATX_SYNC_TYPE 0x6000u         /* both at once say nothing */

static struct lx_statx_time
to_statx_time(const struct lx_timespec t)
{
    return (struct lx_statx_time){ t.tv_sec, (uint32_t)t.tv_nsec, 0 };
}

static void
fill_statx(const struct lx_stat *s, uint64_t btime_ns, struct lx_statx *x)
{
    *x = (struct lx_statx){ .stx_mask = STATX_BASIC | (btime_ns != 0 ? STATX_BTIME : 0) | STATX_MNT_ID };
    x->stx_blksize = (uint32_t)s->st_blksize;
    x->stx_nlink = (uint32_t)s->st_nlink;
    x->stx_uid = s->st_uid;
    x->stx_gid = s->st_gid;
    x->stx_mode = (uint16_t)s->st_mode;
    x->stx_ino = s->st_ino;
    x->stx_size = (uint64_t)s->st_size;
    x->stx_blocks = (uint64_t)s->st_blocks;
    x->stx_atime = to_statx_time(s->st_atim);
    x->stx_mtime = to_statx_time(s->st_mtim);
    x->stx_ctime = to_statx_time(s->st_ctim);
    x->stx_btime = to_statx_time(to_timespec(btime_ns));
    x->stx_rdev_major = (uint32_t)(s->st_rdev >> 8 & 0xfff);
    x->stx_rdev_minor = (uint32_t)((s->st_rdev & 0xff) | (s->st_rdev >> 12 & 0xfff00));
    x->stx_dev_major = (uint32_t)(s->st_dev >> 8 & 0xfff);
    x->stx_dev_minor = (uint32_t)((s->st_dev & 0xff) | (s->st_dev >> 12 & 0xfff00));
    x->stx_mnt_id = s->st_dev;
}

LX(statx)
{
    unsigned flags = (unsigned)args->a[2];
    uint64_t btime = 0;
    struct file *f = NULL;
    struct inode *i;
    struct lx_stat s;
    struct lx_statx x;
    long err;

    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | STATX_SYNC_TYPE)) ||
        (flags & STATX_SYNC_TYPE) == STATX_SYNC_TYPE || (args->a[3] & STATX_RESERVED))
        return -EINVAL;
    if (means_fd(args->a[0], args->a[1], flags)) {
        f = lx_file(args->a[0]);
        if (f == NULL)
            return -EBADF;
    } else {
        err = at_inode(args->a[0], args->a[1], flags, &i);
        if (err == -ENOENT && !(flags & AT_SYMLINK_NOFOLLOW))
            f = at_linked(args->a[0], args->a[1]);
        if (err != 0 && f == NULL)
            return err;
    }
    if (f == NULL) {
        fill_stat(i, &s);
        btime = i->btime_ns;
        inode_put(i);
    } else {
        if (f->inode != NULL) {
            fill_stat(f->inode, &s);
            btime = f->inode->btime_ns;
        } else {
            fill_nameless(f, &s);
        }
        file_put(f);
    }
    fill_statx(&s, btime, &x);
    return user_copy_out(args->a[4], &x, sizeof(x));
}

/* What has no path may still be open: by /dev/fd/N, or by its descriptor and an empty path. It is the caller's own, readable and writable. */
static NOINLINE long
access_nameless(uint64_t dirfd, uva_t path, unsigned mode, unsigned flags)
{
    struct file *f = means_fd(dirfd, path, flags) ? lx_file(dirfd) : flags & AT_SYMLINK_NOFOLLOW ? NULL : at_linked(dirfd, path);

    if (f == NULL)
        return means_fd(dirfd, path, flags) ? -EBADF : -ENOENT;
    file_put(f);
    return mode & MAY_EXEC ? -EACCES : 0;
}

/* The real ids, unless AT_EACCESS is set, decide about the way and about the file. */
static long
access_at(uint64_t dirfd, uva_t path, unsigned mode, unsigned flags)
{
    struct fs_context who = *fs_current();
    struct walk_how how = { .as = &who };
    bool others = !(flags & AT_EACCESS) && (who.uid != who.ruid || who.gid != who.rgid);
    struct inode *i;
    long err;

    if (mode & ~7u)
        return -EINVAL;
    if (others) {
        who.uid = who.ruid;
        who.gid = who.rgid;
        err = at_find_how(dirfd, path, flags & ~AT_EACCESS, &how, &i);
    } else {
        err = at_inode(dirfd, path, flags & ~AT_EACCESS, &i);
    }
    if (err == -ENOENT || (err == -EBADF && (flags & AT_EMPTY_PATH)))
        return access_nameless(dirfd, path, mode, flags);
    if (err != 0)
        return err;
    err = mode != 0 ? inode_may_for(i, mode, &who) : 0;
    inode_put(i);
    return err;
}

LX(access)
{
    return access_at((uint64_t)AT_FDCWD, args->a[0], (unsigned)args->a[1], 0);
}

LX(faccessat)
{
    return access_at(args->a[0], args->a[1], (unsigned)args->a[2], 0);
}

LX(faccessat2)
{
    if (args->a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH))
        return -EINVAL;
    return access_at(args->a[0], args->a[1], (unsigned)args->a[2], (unsigned)args->a[3]);
}

static long
readlink_at(uint64_t dirfd, uva_t path, uva_t buf, int64_t size)
{
    char text[PATH_LEN_MAX];
    struct inode *i;
    long n;

    if (size <= 0)
        return -EINVAL;
    n = at_inode(dirfd, path, AT_SYMLINK_NOFOLLOW | ((int)dirfd == AT_FDCWD ? 0 : AT_EMPTY_PATH), &i);
    if (n != 0)
        return n;
    n = inode_is(i, S_IFLNK) ? i->ops->readlink(i, text, (size_t)MIN(size, (int64_t)sizeof(text))) : -EINVAL;
    inode_put(i);
    if (n > 0 && user_copy_out(buf, text, (size_t)n) != 0)
        n = -EFAULT;
    return n;
}

LX(readlink)
{
    return readlink_at((uint64_t)AT_FDCWD, args->a[0], args->a[1], (int)args->a[2]);
}

LX(readlinkat)
{
    return readlink_at(args->a[0], args->a[1], args->a[2], (int)args->a[3]);
}

static long
statfs_out(struct inode *i, uva_t out)
{
    struct fs_stat s = { .block_size = PAGE_SIZE };
    struct lx_statfs l = { 0 };

    if (i->mnt->ops->statfs != NULL)
        i->mnt->ops->statfs(i->mnt, &s);
    l.f_type = (int64_t)s.type;
    l.f_bsize = l.f_frsize = (int64_t)s.block_size;
    l.f_blocks = s.blocks;
    l.f_bfree = s.free_blocks;
    l.f_bavail = s.avail_blocks;
    l.f_files = s.files;
    l.f_ffree = s.free_files;
    l.f_fsid = s.fsid;
    l.f_namelen = NAME_LEN_MAX;
    l.f_flags = 0x1020 | (i->mnt->read_only ? 1 : 0);   /* ST_VALID, ST_RELATIME, ST_RDONLY */
    return user_copy_out(out, &l, sizeof(l));
}

#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define ANON_INODE_FS_MAGIC 0x09041934

static long
statfs_nameless(const struct file *f, uva_t out)
{
    uint32_t type = nameless_type(f);
    struct lx_statfs l = { .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = NAME_LEN_MAX, .f_flags = 0x20 };

    l.f_type = type == S_IFIFO ? PIPEFS_MAGIC : type == S_IFSOCK ? SOCKFS_MAGIC : ANON_INODE_FS_MAGIC;
    return user_copy_out(out, &l, sizeof(l));
}

LX(statfs)
{
    struct inode *i;
    long err = at_inode((uint64_t)AT_FDCWD, args->a[0], 0, &i);

    if (err != 0)
        return err;
    err = statfs_out(i, args->a[1]);
    inode_put(i);
    return err;
}

LX(fstatfs)
{
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    err = f->inode != NULL ? statfs_out(f->inode, args->a[1]) : statfs_nameless(f, args->a[1]);
    file_put(f);
    return err;
}
