/* fifo.h: named pipes (fifo(7)). */
#ifndef EXOS_IPC_FIFO_H
#define EXOS_IPC_FIFO_H

#include "fs/file.h"

/*
 * Opens the named pipe behind a node for f, whose flags say how: waits for the other side unless O_NONBLOCK or O_RDWR. Sets f->ops and
 * f->priv. -ENXIO (to write, without waiting and without a reader), -EINTR, -ENOMEM.
 */
int fifo_open(struct inode *node, struct file *f) MUST_USE;

#endif
