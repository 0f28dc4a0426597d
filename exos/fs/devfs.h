/*
 * devfs.h: /dev: devices by name.
 *
 * Any module registers its devices, before or after /dev is mounted. The ops work on a struct file whose inode is the node; what an
 * open needs to set up happens at the first call (f->priv is NULL).
 */
#ifndef EXOS_FS_DEVFS_H
#define EXOS_FS_DEVFS_H

#include "fs/file.h"

struct mount;

/* Linux device numbers. */
#define DEV_NUMBER(major, minor) (((uint64_t)(major) << 8) | (minor))

/* mode: S_IFCHR or S_IFBLK with permission bits. 0, -EEXIST, -ENOSPC (table full). */
int devfs_register(const char *name, unsigned mode, unsigned rdev, const struct file_ops *ops);
void devfs_init(void);
struct mount *devfs_mount(void);
/* The devices that there are now, as a tree of its own. -ENOMEM. */
int devfs_copy(struct mount **out) MUST_USE;

#endif
