/* inotify.h: queues of what happened to watched files, as files (inotify(7)). */
#ifndef EXOS_FS_INOTIFY_H
#define EXOS_FS_INOTIFY_H

#include "fs/file.h"

/* An empty queue. -EMFILE: the user has as many as allowed; -ENOMEM. flags: O_NONBLOCK. */
int inotify_open(uint32_t flags, struct file **out) MUST_USE;
bool file_is_inotify(const struct file *f);
/* The number of the watch on i, new or changed. -EEXIST with IN_MASK_CREATE, -ENOSPC: the user has as many as allowed; -ENOMEM. */
long inotify_add(struct file *f, struct inode *i, uint32_t mask) MUST_USE;
int inotify_remove(struct file *f, int32_t wd) MUST_USE;
/* /proc/sys/fs/inotify. */
void inotify_register_settings(void);

#endif
