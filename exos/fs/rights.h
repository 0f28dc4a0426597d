/* rights.h: supplementary groups, and what a process may do with a file. */
#ifndef EXOS_FS_RIGHTS_H
#define EXOS_FS_RIGHTS_H

#include "base/base.h"

struct fs_context;
struct inode;

#define GROUPS_MAX 8192                 /* Linux: 65536; more is -ENOMEM here */

struct groups {
    uint32_t refs, count;
    uint32_t gid[];
};

/* With one reference; the caller fills it before anybody sees it. NULL: no memory. */
struct groups *groups_new(uint32_t count) MUST_USE;
void groups_get(struct groups *g);      /* these two: g may be NULL */
void groups_put(struct groups *g);

/* Is gid the effective group or one of the supplementary ones? */
bool in_group(const struct fs_context *fs, uint32_t gid);
/* By mode alone; and with the mount looked at, too. 0, -EACCES, -EROFS. */
int inode_may_as(const struct inode *i, unsigned want, const struct fs_context *fs) MUST_USE;
int inode_may_for(const struct inode *i, unsigned want, const struct fs_context *fs) MUST_USE;
/* Owner, group and set-group-id bit of a new inode, whose mode is set; dir: where, or NULL. */
void inode_born(struct inode *i, const struct inode *dir);

#endif
