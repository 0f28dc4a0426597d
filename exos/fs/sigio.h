/* sigio.h: who is told by a signal of what becomes of an open file: fcntl's F_SETOWN, F_SETSIG and F_NOTIFY, and O_ASYNC. */
#ifndef EXOS_FS_SIGIO_H
#define EXOS_FS_SIGIO_H

#include "fs/file.h"

/* Linux include/uapi/asm-generic/fcntl.h */
struct sigio_owner {
    int32_t type, id;
};
enum { OWNER_THREAD, OWNER_PROCESS, OWNER_GROUP };

/* id 0: nobody. -EINVAL: there is no such type; -ESRCH: nobody has the id; -ENOMEM. */
int sigio_set_owner(struct file *f, struct sigio_owner who) MUST_USE;
/* Nobody: a process with the id 0. */
struct sigio_owner sigio_owner_of(struct file *f);
/* The same with the process' id, or the group's below 0. */
int sigio_set_owner_id(struct file *f, int32_t id) MUST_USE;
int32_t sigio_owner_id(struct file *f);
/* 0: SIGIO, which says no more than that. -EINVAL, -ENOMEM. */
int sigio_set_signal(struct file *f, uint64_t sig) MUST_USE;
int sigio_signal_of(struct file *f);
/* Whenever it may have become ready. Of files without such signals it does nothing, and says false. */
bool sigio_possible(const struct file *f);
int sigio_async(struct file *f, int fd, bool on) MUST_USE;
/* Whenever something of `what` (DN_*) happens in the directory. 0: no more. -ENOTDIR, -ENOMEM. */
int sigio_notify(struct file *f, int fd, uint32_t what) MUST_USE;

#endif
