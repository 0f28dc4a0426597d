/* procfs_show.c: what the files of /proc say that fs/ knows about. */
#include "abi/release.h"
#include "aegis/info.h"
#include "base/clock.h"
#include "base/frames.h"
#include "base/mem.h"
#include "fs/fdtable.h"
#include "fs/inode.h"
#include "fs/mounting.h"
#include "fs/procfs.h"
#include "fs/sysfs.h"
#include "proc/proc.h"
#include "start/session.h"
#include "thread/turn.h"
#include "tty/tty.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define SECOND 1000000000ul
#define TICK_NS (SECOND / 100)          /* USER_HZ */
#define OOM_ADJ_MAX 1000

static int
show_cmdline(struct text_buf *t)
{
    text_print(t, "%s\n", cmdline_text());
    return 0;
}

static int
show_uptime(struct text_buf *t)
{
    uint64_t now = clock_monotonic_ns();

    text_print(t, "%lu.%02lu 0.00\n", now / SECOND, now % SECOND / (SECOND / 100));
    return 0;
}

static int
show_meminfo(struct text_buf *t)
{
    struct cache_stats c;
    uint64_t free = mem_free_pages(), total = mem_total_pages();
    struct { const char *name; uint64_t pages; } rows[] = {
        { "MemTotal:", total }, { "MemFree:", free }, { "MemAvailable:", 0 }, { "Buffers:", 0 },
        { "Cached:", 0 }, { "SwapCached:", 0 }, { "SwapTotal:", 0 }, { "SwapFree:", 0 }, { "Dirty:", 0 }, { "Writeback:", 0 },
    };

    cache_stats(&c);
    rows[2].pages = free + c.pages - MIN(c.pages, c.dirty);
    rows[4].pages = c.pages;
    rows[8].pages = c.dirty;
    rows[9].pages = c.writing;
    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
        char number[24];
        int len = fmt_print(number, sizeof(number), "%lu", rows[n].pages * KIB_PER_PAGE);

        text_print(t, "%s", rows[n].name);
        for (int pad = 24 - len - (int)strlen(rows[n].name); pad > 0; pad--)
            text_add(t, " ", 1);
        text_print(t, "%s kB\n", number);
    }
    return 0;
}

static int
show_vmstat(struct text_buf *t)
{
    struct cache_stats c;

    cache_stats(&c);
    text_print(t, "nr_free_pages %lu\nnr_file_pages %lu\nnr_dirty %lu\nnr_writeback %lu\npswpin 0\npswpout 0\n", mem_free_pages(), (uint64_t)c.pages,
               (uint64_t)c.dirty, (uint64_t)c.writing);
    return 0;
}

/* There is no place to swap to. */
static int
show_swaps(struct text_buf *t)
{
    text_print(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    return 0;
}

/* Open files, none kept for others, and how many there may be. */
static int
show_file_nr(struct text_buf *t)
{
    text_print(t, "%u\t0\t" FILES_MAX "\n", file_count());
    return 0;
}

static int
show_inode_nr(struct text_buf *t)
{
    text_print(t, "%lu\t0\n", icache_count());
    return 0;
}

/* What members of the session hold of it, for those who look for leaks. */
static int
show_objects(struct text_buf *t)
{
    struct heap_stats h;

    heap_stats(&h);
    text_print(t, "files %u\nheap %lu\nslab_pages %lu\nidle_pages %lu\nnodes %lu\n", file_count(), h.objects - file_spare_count(), h.slabs, h.idle, session_nodes());
    return 0;
}

static int
show_slabinfo(struct text_buf *t)
{
    struct heap_class_stats c;

    text_print(t, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
                  " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    for (unsigned n = 0; heap_class_stats(n, &c); n++)
        text_print(t, "size-%lu %lu %lu %lu %lu 1 : tunables 0 0 0 : slabdata %lu %lu 0\n", c.size, c.used, c.places, c.size,
                   c.slabs > 0 ? c.places / c.slabs : 0, c.slabs, c.slabs);
    return 0;
}

static bool
runs(const struct proc *p)
{
    return p->state == PROC_RUNNABLE && !p->thread.sleeping;
}

static int
show_loadavg(struct text_buf *t)
{
    unsigned running = 0, total = 0, last = 0;

    for (unsigned n = 0; n < proc_places(); n++) {
        struct proc *p = proc_at(n);

        if (p == NULL)
            continue;
        total++;
        running += runs(p);
        last = MAX(last, p->pid);
    }
    text_print(t, "0.00 0.00 0.00 %u/%u %u\n", running, total, last);
    return 0;
}

static int
show_version(struct text_buf *t)
{
    text_print(t, "Linux version " EXOS_RELEASE " ExOS on Aegis\n");
    return 0;
}

static int
show_filesystems(struct text_buf *t)
{
    text_print(t, "\text4\n\text2\nnodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\tproc\nnodev\tsysfs\n");
    return 0;
}

static const char *
options_of(const struct mount *m, char *buf, size_t size)
{
    fmt_print(buf, size, "%s%s%s%s,relatime", m->read_only ? "ro" : "rw", m->flags & MS_NOSUID ? ",nosuid" : "", m->flags & MS_NODEV ? ",nodev" : "",
              m->flags & MS_NOEXEC ? ",noexec" : "");
    return buf;
}

/* Where it is mounted, as mount tables write it: what would part the fields is octal. False: nowhere that is known. */
static bool
place_of(const struct mount *m, char *buf, size_t size)
{
    char path[256];
    ssize n = inode_path(m->root, path, sizeof(path));
    size_t len = 0;

    for (ssize k = 0; k < n && len + 5 < size; k++) {
        if (path[k] == ' ' || path[k] == '\t' || path[k] == '\n' || path[k] == '\\')
            len += (size_t)fmt_print(buf + len, size - len, "\\%03o", (unsigned)path[k]);
        else
            buf[len++] = path[k];
    }
    buf[len] = '\0';
    return n > 0;
}

static const char *
source_of(const struct mount *m, char *buf, size_t size)
{
    if (m->source[0] != '\0')
        return m->source;
    fmt_print(buf, size, "%s%s", m->dev != NULL ? "/dev/" : "", m->dev != NULL ? m->dev->name : m->ops->name);
    return buf;
}

static int
show_mounts(struct text_buf *t)
{
    char place[512], source[64], options[64];
    struct mount *m;

    for (unsigned n = 0; (m = mount_at(n)) != NULL; n++) {
        if (place_of(m, place, sizeof(place)))
            text_print(t, "%s %s %s %s 0 0\n", source_of(m, source, sizeof(source)), place, m->ops->name, options_of(m, options, sizeof(options)));
    }
    return 0;
}

static int
show_mountinfo(struct text_buf *t, void *process)
{
    char place[512], source[64], options[64];
    struct mount *m;

    (void)process;
    for (unsigned n = 0; (m = mount_at(n)) != NULL; n++) {
        uint64_t up = m->covered != NULL ? m->covered->mnt->id : 0;

        if (place_of(m, place, sizeof(place)))
            text_print(t, "%lu %lu %lu:%lu / %s %s - %s %s %s\n", m->id, up, m->dev_id >> 8, m->dev_id & 0xff, place,
                       options_of(m, options, sizeof(options)), m->ops->name, source_of(m, source, sizeof(source)), m->read_only ? "ro" : "rw");
    }
    return 0;
}

static int
show_mounts_of(struct text_buf *t, void *process)
{
    (void)process;
    return show_mounts(t);
}

/* Time that a CPU has had nobody to run: while that is so, the exposed count lacks the time since boot (aegis/core/slice.c). */
static uint64_t
cpu_idle_ns(unsigned cpu)
{
    const volatile struct aeg_cpu_info *c = aeg_info_entry(&AEG_INFO->cpus, cpu);
    uint64_t idle = c->idle_tsc, now = tsc_read();

    return ticks_ns(idle <= now ? idle : idle + now);
}

static int
show_stat(struct text_buf *t)
{
    uint64_t now = clock_monotonic_ns(), idle[SESSION_CPUS_MAX], all_idle = 0;
    unsigned running = 0, cpus = cpu_count();

    for (unsigned n = 0; n < proc_places(); n++)
        running += proc_at(n) != NULL && runs(proc_at(n));
    for (unsigned n = 0; n < cpus; n++)
        all_idle += idle[n] = MIN(cpu_idle_ns(n), now);
    text_print(t, "cpu  %lu 0 0 %lu 0 0 0 0 0 0\n", (cpus * now - all_idle) / TICK_NS, all_idle / TICK_NS);
    for (unsigned n = 0; n < cpus; n++)
        text_print(t, "cpu%u %lu 0 0 %lu 0 0 0 0 0 0\n", n, (now - idle[n]) / TICK_NS, idle[n] / TICK_NS);
    text_print(t, "intr 0\nctxt 0\nbtime %lu\nprocesses 0\nprocs_running %u\nprocs_blocked 0\n",
               (clock_realtime_ns() - now) / SECOND, running);
    return 0;
}

/* ---- one process ---- */

/* The thread that a file is about. */
static const struct thread *
thread_of(const struct text_buf *t, const struct proc *p)
{
    const struct thread *th = thread_find(procfs_id(t->key));

    return th != NULL ? th : &p->thread;
}

static const char *
name_of(const struct thread *t)
{
    return t->name[0] != '\0' ? t->name : t->proc->name;
}

static char
state_letter(const struct proc *p, const struct thread *t)
{
    if (p->state == PROC_ZOMBIE)
        return 'Z';
    return p->stopped ? 'T' : t->sleeping || p->state == PROC_SLEEPING ? 'S' : 'R';
}

static int
show_pid_stat(struct text_buf *t, void *process)
{
    struct proc *p = process;
    const struct thread *th = thread_of(t, p);
    struct mem_usage m = { 0 };

    proc_mem_usage(p, &m);
    text_print(t, "%u (%s) %c %u %u %u %lu %d 0 0 0 0 0 %lu 0 0 0 %d %d %u 0 %lu %lu %lu 18446744073709551615 ", th->tid, name_of(th), state_letter(p, th),
               p->ppid, p->pgid, p->sid, p->ctty != NULL ? p->ctty->device : 0, p->ctty != NULL ? (int)p->ctty->pgid : -1, proc_cpu_ns(p) / TICK_NS, 20 + p->nice, p->nice, p->thread_count, p->start_ns / TICK_NS, m.virt_pages * PAGE_SIZE, m.resident_pages);
    text_print(t, "0 0 0 0 0 %lu %lu %lu 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", p->sig_pending.set, th->sig.blocked, p->sig_ignored);
    return 0;
}

static int
show_pid_status(struct text_buf *t, void *process)
{
    struct proc *p = process;
    const char *names[] = { ['R'] = "running", ['S'] = "sleeping", ['T'] = "stopped", ['Z'] = "zombie" };
    static const struct fs_context ended;
    const struct fs_context *fs = p->fs != NULL ? p->fs : &ended;
    char state = state_letter(p, thread_of(t, p));
    const struct thread *th = thread_of(t, p);
    struct mem_usage m = { 0 };
    struct caps caps;

    proc_mem_usage(p, &m);
    text_print(t, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%u\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", name_of(th), fs->umask, state,
               names[(unsigned char)state], p->pid, th->tid, p->ppid);
    text_print(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", fs->ruid, fs->uid, fs->suid, fs->uid, fs->rgid, fs->gid, fs->sgid, fs->gid);
    text_print(t, "FDSize:\t%u\nVmSize:\t%lu kB\nVmRSS:\t%lu kB\nThreads:\t%u\n", FD_MAX, m.virt_pages * KIB_PER_PAGE, m.resident_pages * KIB_PER_PAGE, p->thread_count);
    text_print(t, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\n", th->sig.pending.set, p->sig_pending.set, th->sig.blocked, p->sig_ignored);
    caps_of(p, &caps);
    text_print(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\nNoNewPrivs:\t%u\nSeccomp:\t0\n",
               caps.inheritable, caps.permitted, caps.effective, caps.bounding, 0ul, p->traits.no_new_privs);
    return 0;
}

static int
show_pid_statm(struct text_buf *t, void *process)
{
    struct proc *p = process;
    struct mem_usage m = { 0 };

    proc_mem_usage(p, &m);
    text_print(t, "%lu %lu %lu 0 0 %lu 0\n", m.virt_pages, m.resident_pages, m.shared_pages, m.resident_pages);
    return 0;
}

static int
show_pid_cmdline(struct text_buf *t, void *process)
{
    const struct proc *p = process;

    text_add(t, p->cmdline, MIN(p->cmdline_len, (uint32_t)PROC_CMDLINE_MAX));
    return 0;
}

/* One group holds all. */
static int
show_pid_cgroup(struct text_buf *t, void *process)
{
    (void)process;
    text_print(t, "0::/\n");
    return 0;
}

/* Nobody is ended for want of memory. */
static int
show_pid_oom_score(struct text_buf *t, void *process)
{
    (void)process;
    text_print(t, "0\n");
    return 0;
}

static int
show_pid_oom_adj(struct text_buf *t, void *process)
{
    const struct proc *p = process;

    text_print(t, "%d\n", p->traits.oom_score_adj);
    return 0;
}

/* Remembered, and changes nothing; less is the superuser's. */
static int
store_pid_oom_adj(void *process, char *text, size_t len)
{
    struct proc *p = process;
    bool less = len > 0 && text[0] == '-';
    int value = 0;

    for (size_t n = less; n < len && text[n] != '\n'; n++) {
        if (text[n] < '0' || text[n] > '9' || value > OOM_ADJ_MAX)
            return -EINVAL;
        value = 10 * value + text[n] - '0';
    }
    if (value > OOM_ADJ_MAX)
        return -EINVAL;
    value = less ? -value : value;
    if (value < p->traits.oom_score_adj && proc_current()->fs->uid != 0)
        return -EACCES;
    p->traits.oom_score_adj = (int16_t)value;
    return 0;
}

static int
show_pid_personality(struct text_buf *t, void *process)
{
    const struct proc *p = process;

    text_print(t, "%08x\n", p->traits.personality);
    return 0;
}

static int
show_pid_comm(struct text_buf *t, void *process)
{
    const struct proc *p = process;

    text_print(t, "%s\n", name_of(thread_of(t, p)));
    return 0;
}

static void
put_limit(struct text_buf *t, uint64_t value)
{
    if (value == UINT64_MAX)
        text_print(t, "unlimited            ");
    else
        text_print(t, "%-20lu ", value);
}

/* In the order of their numbers (Linux include/uapi/asm-generic/resource.h). */
static int
show_pid_limits(struct text_buf *t, void *process)
{
    struct proc *p = process;
    static const char *const rows[RLIMITS][2] = {
        { "Max cpu time", "seconds" }, { "Max file size", "bytes" }, { "Max data size", "bytes" }, { "Max stack size", "bytes" },
        { "Max core file size", "bytes" }, { "Max resident set", "bytes" }, { "Max processes", "processes" },
        { "Max open files", "files" }, { "Max locked memory", "bytes" }, { "Max address space", "bytes" }, { "Max file locks", "locks" },
        { "Max pending signals", "signals" }, { "Max msgqueue size", "bytes" }, { "Max nice priority", "" },
        { "Max realtime priority", "" }, { "Max realtime timeout", "us" },
    };

    text_print(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned n = 0; n < RLIMITS; n++) {
        text_print(t, "%-25s ", rows[n][0]);
        put_limit(t, p->rlimit[n].cur);
        put_limit(t, p->rlimit[n].max);
        text_print(t, "%-10s\n", rows[n][1]);
    }
    return 0;
}

static const struct gen_row rows[] = {
    { "cmdline", .show = show_cmdline },
    { "uptime", .show = show_uptime },
    { "meminfo", .show = show_meminfo },
    { "loadavg", .show = show_loadavg },
    { "version", .show = show_version },
    { "filesystems", .show = show_filesystems },
    { "mounts", .show = show_mounts },
    { "stat", .show = show_stat },
    { "diskstats", .show = sysfs_show_diskstats },
    { "partitions", .show = sysfs_show_partitions },
    { "modules", .text = "" },
    { "vmstat", .show = show_vmstat },
    { "exos/objects", .show = show_objects },
    { "slabinfo", .show = show_slabinfo },
    { "swaps", .show = show_swaps },
    { "sys/fs/file-nr", .show = show_file_nr },
    { "sys/fs/inode-nr", .show = show_inode_nr },
    PROCFS_OF_PROCESS("stat", .show_of = show_pid_stat),
    PROCFS_OF_PROCESS("status", .show_of = show_pid_status),
    PROCFS_OF_PROCESS("statm", .show_of = show_pid_statm),
    PROCFS_OF_PROCESS("cmdline", .show_of = show_pid_cmdline),
    PROCFS_OF_PROCESS("comm", .show_of = show_pid_comm),
    PROCFS_OF_PROCESS("mounts", .show_of = show_mounts_of),
    PROCFS_OF_PROCESS("mountinfo", .show_of = show_mountinfo),
    PROCFS_OF_PROCESS("limits", .show_of = show_pid_limits),
    PROCFS_OF_PROCESS("maps", .show_of = procfs_show_maps),
    PROCFS_OF_PROCESS("environ", .show_of = procfs_show_environ),
    PROCFS_OF_PROCESS("cgroup", .show_of = show_pid_cgroup),
    PROCFS_OF_PROCESS("oom_score", .show_of = show_pid_oom_score),
    PROCFS_OF_PROCESS("oom_score_adj", .show_of = show_pid_oom_adj, .store_of = store_pid_oom_adj),
    PROCFS_OF_PROCESS("personality", .show_of = show_pid_personality),
};

void
procfs_register_own(void)
{
    gen_add(&procfs, rows, ARRAY_SIZE(rows));
}
