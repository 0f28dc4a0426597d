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
#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n "\n"

static const struct {
    const char *name, *text;
} settings[] = {
    { "sys/fs/file-max", FILES_MAX "\n" },
    { "sys/fs/mqueue/msg_default", TEXT_OF(MQ_MESSAGES_USUAL) },
    { "sys/fs/mqueue/msg_max", TEXT_OF(MQ_MESSAGES_USUAL) },
    { "sys/fs/mqueue/msgsize_default", TEXT_OF(MQ_BYTES_USUAL) },
    { "sys/fs/mqueue/msgsize_max", TEXT_OF(MQ_BYTES_USUAL) },
    { "sys/fs/mqueue/queues_max", TEXT_OF(MQ_QUEUES_USUAL) },
    { "sys/fs/nr_open", TEXT_OF(FD_MAX) },
    { "sys/fs/pipe-max-size", "65536\n" },
    { "sys/fs/overflowgid", "65534\n" },
    { "sys/fs/overflowuid", "65534\n" },
    { "sys/fs/suid_dumpable", "0\n" },
    { "sys/kernel/cap_last_cap", "40\n" },
    { "sys/kernel/core_pattern", "|/bin/false\n" },
    { "sys/kernel/ngroups_max", "65536\n" },
    { "sys/kernel/osrelease", EXOS_RELEASE "\n" },
    { "sys/kernel/ostype", "Linux\n" },
    { "sys/kernel/overflowgid", "65534\n" },
    { "sys/kernel/overflowuid", "65534\n" },
    { "sys/kernel/panic", "0\n" },
    { "sys/kernel/pid_max", TEXT_OF(PID_MAX) },
    { "sys/kernel/random/entropy_avail", "256\n" },
    { "sys/kernel/random/poolsize", "256\n" },
    { "sys/kernel/randomize_va_space", "0\n" },
    { "sys/kernel/tainted", "0\n" },
    { "sys/kernel/threads-max", TEXT_OF(PROC_MAX) },
    { "sys/kernel/version", "#1 Aegis ExOS\n" },
    { "sys/net/core/rmem_default", TEXT_OF(SOCK_BUFFER_USUAL) },
    { "sys/net/core/rmem_max", TEXT_OF(SOCK_BUFFER_ASKED_MAX) },
    { "sys/net/core/somaxconn", "4096\n" },
    { "sys/net/core/wmem_default", TEXT_OF(SOCK_BUFFER_USUAL) },
    { "sys/net/core/wmem_max", TEXT_OF(SOCK_BUFFER_ASKED_MAX) },
    { "sys/net/ipv4/ip_forward", "0\n" },
    { "sys/net/ipv4/ip_local_port_range", "49152\t65535\n" },
    { "sys/vm/max_map_count", TEXT_OF(REGION_MAX) },
    { "sys/vm/nr_hugepages", "0\n" },
    { "sys/vm/overcommit_memory", "0\n" },
    { "sys/vm/swappiness", "0\n" },
};

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

void
procfs_register_sys(void)
{
    for (unsigned n = 0; n < ARRAY_SIZE(settings); n++) {
        if (procfs_register_text(settings[n].name, settings[n].text) != 0)
            log_print("fs: /proc/%s not registered", settings[n].name);
    }
    random_fill(boot_id, sizeof(boot_id));
    if (procfs_register("sys/kernel/random/uuid", show_uuid) != 0 || procfs_register("sys/kernel/random/boot_id", show_boot_id) != 0)
        log_print("fs: /proc/sys/kernel/random not registered");
    if (procfs_register_setting("sys/vm/drop_caches", show_drop_caches, drop_caches) != 0)
        log_print("fs: /proc/sys/vm/drop_caches not registered");
    inotify_register_settings();
}
