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

#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n "\n"

static const struct {
    const char *name, *text;
} settings[] = {
    { "sys/fs/file-max", "9223372036854775807\n" },
    { "sys/fs/mqueue/msg_default", TEXT_OF(MQ_MESSAGES_USUAL) },
    { "sys/fs/mqueue/msg_max", TEXT_OF(MQ_MESSAGES_USUAL) },
    { "sys/fs/mqueue/msgsize_default", TEXT_OF(MQ_BYTES_USUAL) },
    { "sys/fs/mqueue/msgsize_max", TEXT_OF(MQ_BYTES_USUAL) },
    { "sys/fs/mqueue/queues_max", TEXT_OF(MQ_QUEUES_USUAL) },
    { "sys/fs/nr_open", TEXT_OF(FD_MAX) },
    { "sys/fs/pipe-max-size", "65536\n" },
    { "sys/kernel/cap_last_cap", "40\n" },
    { "sys/kernel/core_pattern", "|/bin/false\n" },
    { "sys/kernel/ngroups_max", "65536\n" },
    { "sys/kernel/osrelease", EXOS_RELEASE "\n" },
    { "sys/kernel/ostype", "Linux\n" },
    { "sys/kernel/pid_max", TEXT_OF(PID_MAX) },
    { "sys/kernel/randomize_va_space", "0\n" },
    { "sys/kernel/threads-max", TEXT_OF(PROC_MAX) },
    { "sys/kernel/version", "#1 Aegis ExOS\n" },
    { "sys/net/core/somaxconn", "4096\n" },
    { "sys/net/ipv4/ip_local_port_range", "49152\t65535\n" },
    { "sys/vm/max_map_count", TEXT_OF(REGION_MAX) },
    { "sys/vm/overcommit_memory", "0\n" },
    { "sys/vm/swappiness", "0\n" },
};

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
    if (procfs_register_setting("sys/vm/drop_caches", show_drop_caches, drop_caches) != 0)
        log_print("fs: /proc/sys/vm/drop_caches not registered");
    inotify_register_settings();
}
