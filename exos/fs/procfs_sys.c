/*
 * procfs_sys.c: /proc/sys: the settings that programs look up. They say how things are; none can be changed.
 */
#include "abi/release.h"
#include "base/base.h"
#include "fs/file.h"
#include "fs/procfs.h"
#include "net/net.h"
#include "proc/proc.h"
#include "vm/region.h"

#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n "\n"

static const struct {
    const char *name, *text;
} settings[] = {
    { "sys/fs/file-max", "9223372036854775807\n" },
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

void
procfs_register_sys(void)
{
    for (unsigned n = 0; n < ARRAY_SIZE(settings); n++) {
        if (procfs_register_text(settings[n].name, settings[n].text) != 0)
            log_print("fs: /proc/%s not registered", settings[n].name);
    }
}
