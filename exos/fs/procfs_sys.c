/*
 * procfs_sys.c: /proc/sys: the settings that programs look up. They say how things are; the one that can be written makes something happen.
 */
#include "abi/release.h"
#include "base/base.h"
#include "base/revoke.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/inotify.h"
#include "fs/procfs.h"
#include "ipc/mqueue.h"
#include "net/net.h"
#include "proc/proc.h"
#include "vm/region.h"

#define UUID_BYTES 16

/* A random number in the form of RFC 9562, version 4. */
static void
print_uuid(struct text_buf *t, const uint8_t *bytes)
{
    for (unsigned n = 0; n < UUID_BYTES; n++) {
        uint8_t b = n == 6 ? (bytes[n] & 0x0f) | 0x40 : n == 8 ? (bytes[n] & 0x3f) | 0x80 : bytes[n];

        text_print(t, "%s%02x", n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", b);
    }
    text_print(t, "\n");
}

static int
show_uuid(struct text_buf *t)
{
    uint8_t bytes[UUID_BYTES];

    random_fill(bytes, sizeof(bytes));
    print_uuid(t, bytes);
    return 0;
}

static uint8_t boot_id[UUID_BYTES];

static int
show_boot_id(struct text_buf *t)
{
    print_uuid(t, boot_id);
    return 0;
}

/* 1: clean pages of files; 2: idle inodes and names; 3: both. Whatever else the session holds for nothing goes with either (proc(5)). */
static int
drop_caches(char *text, size_t len)
{
    unsigned what = len > 0 ? (unsigned)(text[0] - '0') : 0;

    if (what < 1 || what > 3 || (len > 1 && text[1] != '\n'))
        return -EINVAL;
    if (what & 2)
        icache_reclaim(NULL, UINT64_MAX);
    if (what & 1)
        while (cache_reclaim(UINT64_MAX) > 0)
            continue;
    spare_return();
    return 0;
}

static int
show_drop_caches(struct text_buf *t)
{
    text_print(t, "0\n");
    return 0;
}

static const struct gen_row settings[] = {
    { "sys/fs/file-max", .text = FILES_MAX "\n" },
    { "sys/fs/mqueue/msg_default", .text = TEXT_OF(MQ_MESSAGES_USUAL) },
    { "sys/fs/mqueue/msg_max", .text = TEXT_OF(MQ_MESSAGES_USUAL) },
    { "sys/fs/mqueue/msgsize_default", .text = TEXT_OF(MQ_BYTES_USUAL) },
    { "sys/fs/mqueue/msgsize_max", .text = TEXT_OF(MQ_BYTES_USUAL) },
    { "sys/fs/mqueue/queues_max", .text = TEXT_OF(MQ_QUEUES_USUAL) },
    { "sys/fs/nr_open", .text = TEXT_OF(FD_MAX) },
    { "sys/fs/pipe-max-size", .text = "65536\n" },
    { "sys/fs/overflowgid", .text = "65534\n" },
    { "sys/fs/overflowuid", .text = "65534\n" },
    { "sys/fs/suid_dumpable", .text = "0\n" },
    { "sys/kernel/cap_last_cap", .text = "40\n" },
    { "sys/kernel/core_pattern", .text = "|/bin/false\n" },
    { "sys/kernel/ngroups_max", .text = "65536\n" },
    { "sys/kernel/osrelease", .text = EXOS_RELEASE "\n" },
    { "sys/kernel/ostype", .text = "Linux\n" },
    { "sys/kernel/overflowgid", .text = "65534\n" },
    { "sys/kernel/overflowuid", .text = "65534\n" },
    { "sys/kernel/panic", .text = "0\n" },
    { "sys/kernel/pid_max", .text = TEXT_OF(PID_MAX) },
    { "sys/kernel/random/entropy_avail", .text = "256\n" },
    { "sys/kernel/random/poolsize", .text = "256\n" },
    { "sys/kernel/randomize_va_space", .text = "0\n" },
    { "sys/kernel/tainted", .text = "0\n" },
    { "sys/kernel/threads-max", .text = TEXT_OF(PROC_MAX) },
    { "sys/kernel/version", .text = "#1 Aegis ExOS\n" },
    { "sys/net/core/rmem_default", .text = TEXT_OF(SOCK_BUFFER_USUAL) },
    { "sys/net/core/rmem_max", .text = TEXT_OF(SOCK_BUFFER_ASKED_MAX) },
    { "sys/net/core/somaxconn", .text = "4096\n" },
    { "sys/net/core/wmem_default", .text = TEXT_OF(SOCK_BUFFER_USUAL) },
    { "sys/net/core/wmem_max", .text = TEXT_OF(SOCK_BUFFER_ASKED_MAX) },
    { "sys/net/ipv4/ip_forward", .text = "0\n" },
    { "sys/net/ipv4/ip_local_port_range", .text = "49152\t65535\n" },
    { "sys/kernel/random/uuid", .show = show_uuid },
    { "sys/kernel/random/boot_id", .show = show_boot_id },
    { "sys/vm/drop_caches", .show = show_drop_caches, .store = drop_caches },
    { "sys/vm/max_map_count", .text = TEXT_OF(REGION_MAX) },
    { "sys/vm/nr_hugepages", .text = "0\n" },
    { "sys/vm/overcommit_memory", .text = "0\n" },
    { "sys/vm/swappiness", .text = "0\n" },
};

void
procfs_register_sys(void)
{
    random_fill(boot_id, sizeof(boot_id));
    gen_add(&procfs, settings, ARRAY_SIZE(settings));
    inotify_register_settings();
}
