/*
 * sysfs.c: the tree of /sys, and what in it is of no device.
 *
 * Not here: processors and memory (sysfs_cpu.c), disks (sysfs_block.c), terminals (sysfs_tty.c), interfaces (net/sys_net.c).
 */
#include "fs/sysfs.h"

struct gen_tree sysfs = {
    .ops = { .name = "sysfs", .statfs = gen_statfs }, .magic = 0x62656572, .file_size = PAGE_SIZE, .dir_mode = S_IFDIR | 0755,
};

#define EMPTY(name) { name, .mode = S_IFDIR | 0755 }

static const struct gen_row rows[] = {
    EMPTY("bus"),
    EMPTY("firmware"),
    EMPTY("fs/cgroup"),
    EMPTY("fs/ext4"),
    { "kernel/address_bits", .text = "64\n" },
    { "kernel/cpu_byteorder", .text = "little\n" },
    EMPTY("kernel/debug"),
    EMPTY("kernel/mm/hugepages"),
    { "kernel/mm/transparent_hugepage/defrag", .text = "always defer defer+madvise [madvise] never\n" },
    { "kernel/mm/transparent_hugepage/enabled", .text = "always [madvise] never\n" },
    { "kernel/mm/transparent_hugepage/hpage_pmd_size", .text = "2097152\n" },
    { "kernel/mm/transparent_hugepage/shmem_enabled", .text = "always within_size advise [never] deny force\n" },
    { "kernel/mm/transparent_hugepage/use_zero_page", .text = "0\n" },
    EMPTY("kernel/security"),
    EMPTY("kernel/tracing"),
    EMPTY("module"),
    EMPTY("power"),
};

void
sysfs_init(void)
{
    gen_add(&sysfs, rows, ARRAY_SIZE(rows));
    sysfs_add_cpus();
    sysfs_add_blocks();
    sysfs_add_ttys();
}

int
sysfs_mount(struct mount **out)
{
    return gen_mount(&sysfs, out);
}
