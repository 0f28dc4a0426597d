/*
 * own.h: long ownership: an object that one thread has to itself across sleep and I/O (a directory being changed, a block map, an
 * allocator). It is a state field with a wait queue, not a lock: nothing spins on it.
 *
 * Order, outermost first: rename of a file system, directory inodes (parent before child, else by address), file inode, block map of
 * an inode, allocator of a file system.
 */
#ifndef EXOS_FS_OWN_H
#define EXOS_FS_OWN_H

#include "base/lock.h"
#include "base/wait.h"

struct own {
    struct lock lock;
    bool busy;
    struct waitq wq;
};

void own_init(struct own *o, enum lock_rank rank);
/* Sleeps, uninterruptibly, until the object is free; owners hold it for a bounded number of I/Os. */
void own_take(struct own *o);
void own_drop(struct own *o);

#endif
