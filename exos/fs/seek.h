/* seek.h: holes in files. */
#ifndef EXOS_FS_SEEK_H
#define EXOS_FS_SEEK_H

#include "fs/inode.h"

/* The first byte of a hole, or of data, at or after off; -ENXIO: off is not in the file, or no data follows; -EIO, -EINTR. */
int64_t inode_seek(struct inode *i, int64_t off, bool hole) MUST_USE;

#endif
