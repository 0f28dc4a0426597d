/*
 * linux_fs.h: the file structures and constants of the Linux x86-64 system-call ABI (include/uapi in the Linux tree), and what the
 * file calls share.
 */
#ifndef EXOS_ABI_LINUX_FS_H
#define EXOS_ABI_LINUX_FS_H

#include "abi/linux.h"
#include "fs/fdtable.h"

struct lx_timespec { int64_t tv_sec, tv_nsec; };
struct lx_timeval { int64_t tv_sec, tv_usec; };

struct lx_stat {
    uint64_t st_dev, st_ino, st_nlink;
    uint32_t st_mode, st_uid, st_gid, pad0;
    uint64_t st_rdev;
    int64_t st_size, st_blksize, st_blocks;
    struct lx_timespec st_atim, st_mtim, st_ctim;
    int64_t unused[3];
};
_Static_assert(sizeof(struct lx_stat) == 144, "struct stat");

struct lx_statx_time { int64_t tv_sec; uint32_t tv_nsec; int32_t pad; };
struct lx_statx {
    uint32_t stx_mask, stx_blksize;
    uint64_t stx_attributes;
    uint32_t stx_nlink, stx_uid, stx_gid;
    uint16_t stx_mode, pad1;
    uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
    struct lx_statx_time stx_atime, stx_btime, stx_ctime, stx_mtime;
    uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
    uint64_t stx_mnt_id;
    uint64_t spare[13];
};
_Static_assert(sizeof(struct lx_statx) == 256, "struct statx");

struct lx_statfs {
    int64_t f_type, f_bsize;
    uint64_t f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_fsid;
    int64_t f_namelen, f_frsize, f_flags, f_spare[4];
};
_Static_assert(sizeof(struct lx_statfs) == 120, "struct statfs");

struct lx_dirent64 { uint64_t d_ino; int64_t d_off; uint16_t d_reclen; uint8_t d_type; char d_name[]; };
struct lx_dirent { uint64_t d_ino, d_off; uint16_t d_reclen; char d_name[]; };
_Static_assert(offsetof(struct lx_dirent64, d_name) == 19, "struct linux_dirent64");
_Static_assert(offsetof(struct lx_dirent, d_name) == 18, "struct linux_dirent");

struct lx_flock { int16_t l_type, l_whence; int64_t l_start, l_len; int32_t l_pid; };
_Static_assert(sizeof(struct lx_flock) == 32, "struct flock");

#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100u
#define AT_REMOVEDIR        0x200u
#define AT_EACCESS          0x200u
#define AT_SYMLINK_FOLLOW   0x400u
#define AT_NO_AUTOMOUNT     0x800u
#define AT_EMPTY_PATH       0x1000u

/* A path argument with the directory it starts from. The path lies on the handler's stack. */
struct at_path {
    struct file *file;          /* behind dirfd, referenced; NULL: not needed */
    struct inode *start;        /* NULL: the working directory, or the path is absolute */
    char path[PATH_LEN_MAX];
};
/* Copies the path in and resolves dirfd. empty_ok (AT_EMPTY_PATH): an empty path means dirfd itself. at_end on success only. */
long at_begin(struct at_path *at, uint64_t dirfd, uva_t path, bool empty_ok) MUST_USE;
void at_end(struct at_path *at);
/* The inode that the arguments name, referenced. flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. */
/* The open file that a path below /dev or /proc leads to by a link of /proc/PID/fd, when it has no path of its own; NULL: none does. Referenced. */
struct file *at_linked(uint64_t dirfd, uva_t path) MUST_USE;
long at_find(uint64_t dirfd, uva_t path, unsigned flags, struct inode **out) MUST_USE;
/* The same, by a walk that is not as usual. */
long at_find_how(uint64_t dirfd, uva_t path, unsigned flags, const struct walk_how *how, struct inode **out) MUST_USE;
static inline MUST_USE long
at_inode(uint64_t dirfd, uva_t path, unsigned flags, struct inode **out)
{
    struct inode *i = (int)dirfd == AT_FDCWD ? path_recall_user(path) : NULL, *found;
    long err = 0;

    if (i == NULL) {
        err = at_find(dirfd, path, flags, &found);
        if (err == 0)
            i = found;
    }
    *out = i;
    return err;
}

/* The file behind a descriptor for the duration of a call. */
static inline struct file *
lx_file(uint64_t fd)
{
    return fd_get_here(fd);
}

#endif
