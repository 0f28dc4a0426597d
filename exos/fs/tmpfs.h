/* tmpfs.h: file systems that live in memory only. */
#ifndef EXOS_FS_TMPFS_H
#define EXOS_FS_TMPFS_H

#include "fs/inode.h"

extern const struct fs_ops tmpfs_ops;
/* An empty file system whose root directory has the mode; name is what /proc/mounts calls it. */
int tmpfs_new(const struct fs_ops *ops, uint32_t mode, struct mount **out) MUST_USE;

#endif
