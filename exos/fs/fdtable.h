/* fdtable.h: what the descriptor calls need beyond file.h. */
#ifndef EXOS_FS_FDTABLE_H
#define EXOS_FS_FDTABLE_H

#include "fs/file.h"

int fd_replace(int fd, struct file *f, bool cloexec) MUST_USE;
int fd_cloexec(int fd, int change);
struct file *fd_get_of(struct fs_context *fs, int fd);
void fd_set_limit(uint32_t limit);
void fd_close_on_exec(void);

#endif
