/*
 * sysfs.h: /sys: the machine's devices and the library's settings, as files of one value each. Any module adds rows (gen.h) to the tree.
 */
#ifndef EXOS_FS_SYSFS_H
#define EXOS_FS_SYSFS_H

#include "fs/gen.h"

extern struct gen_tree sysfs;

void sysfs_init(void);
/* The tree once more. -ENOMEM. */
int sysfs_mount(struct mount **out) MUST_USE;

/* Rows that are not this file's: sysfs_cpu.c, sysfs_block.c, sysfs_tty.c. */
void sysfs_add_cpus(void);
void sysfs_add_blocks(void);
void sysfs_add_ttys(void);

/* What iostat and vmstat -d read in /proc, of the same devices. */
int sysfs_show_diskstats(struct text_buf *t);
int sysfs_show_partitions(struct text_buf *t);

#endif
