/* memfd.h: files without a name. */
#ifndef EXOS_FS_MEMFD_H
#define EXOS_FS_MEMFD_H

#include "fs/inode.h"

/* An empty regular file in memory, open for reading and writing, gone with its last user. */
int memfd_open(uint32_t mode, uint32_t seals, struct file **out) MUST_USE;

#endif
