/* mounting.h: mount(2) and umount2(2), for the superuser, whom the caller has made sure of. */
#ifndef EXOS_FS_MOUNTING_H
#define EXOS_FS_MOUNTING_H

#include "fs/inode.h"

/* Linux uapi/linux/mount.h */
#define MS_RDONLY     1u
#define MS_NOSUID     2u
#define MS_NODEV      4u
#define MS_NOEXEC     8u
#define MS_REMOUNT    32u
#define MS_BIND       0x1000u
#define MS_MOVE       0x2000u
#define MS_UNBINDABLE 0x20000u
#define MS_PRIVATE    0x40000u
#define MS_SLAVE      0x80000u
#define MS_SHARED     0x100000u
#define MNT_FORCE     1u
#define MNT_DETACH    2u
#define MNT_EXPIRE    4u
#define UMOUNT_NOFOLLOW 8u

struct mount_wish {
    const char *source, *type, *options;    /* source: "none" if the caller has none */
    uint32_t flags;
};

/* Each takes over the reference on `at`, which is what the path leads to. */
int vfs_mount(struct inode *at, const struct mount_wish *wish) MUST_USE;
int vfs_remount(struct inode *at, uint32_t flags) MUST_USE;
int vfs_umount(struct inode *at, uint32_t flags) MUST_USE;

#endif
