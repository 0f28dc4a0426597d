/* locks.h: advisory locks on inodes. */
#ifndef EXOS_FS_LOCKS_H
#define EXOS_FS_LOCKS_H

#include "fs/inode.h"

#define LOCK_TYPE_READ  0       /* F_RDLCK */
#define LOCK_TYPE_WRITE 1       /* F_WRLCK */
#define LOCK_TYPE_NONE  2       /* F_UNLCK */

struct lock_request {
    int type;
    uint64_t start, end;        /* end inclusive */
    uint64_t owner;             /* the fs context of a process, or an open file */
    uint32_t pid;
    bool whole_file;            /* flock */
    bool of_process;            /* fcntl's own kind: told when it waits in a circle */
};
/* 0; -EAGAIN; with wait: -EINTR, -EDEADLK; -ENOLCK. */
int lock_set(struct inode *i, const struct lock_request *r, bool wait) MUST_USE;
/* r becomes the lock that is in its way, or its type LOCK_TYPE_NONE. */
void lock_test(struct inode *i, struct lock_request *r);

#endif
