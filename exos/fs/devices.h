/* devices.h: the devices that need no hardware, and block devices as files. */
#ifndef EXOS_FS_DEVICES_H
#define EXOS_FS_DEVICES_H

#include "base/block.h"
#include "fs/file.h"

extern const struct file_ops block_device_ops;
void register_memory_devices(void);
struct blkdev *devfs_block(struct inode *i);

#endif
