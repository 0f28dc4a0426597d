/*
 * misc_sys.c: what the system is and what a process may use: uname(2), sysinfo(2), limits, accounting, random bytes.
 */
#include "abi/dispatch.h"
#include "abi/linux.h"
#include "abi/release.h"
#include "base/mem.h"
#include "base/uio.h"
#include "fs/procfs.h"
#include "proc/internal.h"

#define UTS_FIELD 65
#define GETRANDOM_PIECE 256
#define TICKS_NS 10000000ull
#define RUSAGE_WORDS 18

static struct {
    char node[UTS_FIELD], domain[UTS_FIELD];
} uts = { "exos", "(none)" };

LX(uname)
{
    char out[6][UTS_FIELD];

    memset(out, 0, sizeof(out));
    fmt_print(out[0], UTS_FIELD, "Linux");
    fmt_print(out[1], UTS_FIELD, "%s", uts.node);
    fmt_print(out[2], UTS_FIELD, EXOS_RELEASE);
    fmt_print(out[3], UTS_FIELD, "#1 Aegis ExOS");
    fmt_print(out[4], UTS_FIELD, "x86_64");
    fmt_print(out[5], UTS_FIELD, "%s", uts.domain);
    return user_copy_out(args->a[0], out, sizeof(out)) == 0 ? 0 : -EFAULT;
}

static long
set_name(char *field, const struct lx_args *args)
{
    char name[UTS_FIELD];

    if (proc_current()->fs->uid != 0)
        return -EPERM;
    if (args->a[1] >= UTS_FIELD)
        return -EINVAL;
    memset(name, 0, sizeof(name));
    if (user_copy_in(name, args->a[0], args->a[1]) != 0)
        return -EFAULT;
    memcpy(field, name, sizeof(name));
    return 0;
}

LX(sethostname)
{
    return set_name(uts.node, args);
}

LX(setdomainname)
{
    return set_name(uts.domain, args);
}

static int
show_hostname(struct text_buf *t)
{
    text_print(t, "%s\n", uts.node);
    return 0;
}

static int
show_domainname(struct text_buf *t)
{
    text_print(t, "%s\n", uts.domain);
    return 0;
}

static int
store_name(char *field, const char *text, size_t len)
{
    if (proc_current()->fs->uid != 0)
        return -EPERM;
    if (len > 0 && text[len - 1] == '\n')
        len--;
    memset(field, 0, UTS_FIELD);
    memcpy(field, text, MIN(len, (size_t)UTS_FIELD - 1));
    return 0;
}

static int
store_hostname(char *text, size_t len)
{
    return store_name(uts.node, text, len);
}

static int
store_domainname(char *text, size_t len)
{
    return store_name(uts.domain, text, len);
}

void
lx_names_init(void)
{
    static const struct gen_row rows[] = {
        { "sys/kernel/hostname", .show = show_hostname, .store = store_hostname },
        { "sys/kernel/domainname", .show = show_domainname, .store = store_domainname },
    };

    gen_add(&procfs, rows, ARRAY_SIZE(rows));
}

struct sysinfo_k {
    int64_t uptime;
    uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs, pad;
    uint32_t pad2;
    uint64_t totalhigh, freehigh;
    uint32_t unit, pad3;
};
_Static_assert(sizeof(struct sysinfo_k) == 112, "Linux ABI");

LX(sysinfo)
{
    struct sysinfo_k s = {
        .uptime = (int64_t)(clock_monotonic_ns() / NSEC_PER_SEC),
        .totalram = mem_total_pages() * PAGE_SIZE,
        .freeram = mem_free_pages() * PAGE_SIZE,
        .procs = (uint16_t)proc_count(),
        .unit = 1,
    };

    return user_copy_out(args->a[0], &s, sizeof(s)) == 0 ? 0 : -EFAULT;
}

#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD 1

static uint64_t
own_cpu_ns(void)
{
    return proc_cpu_ns(proc_current());
}

LX(times)
{
    uint64_t t[4] = { own_cpu_ns() / TICKS_NS, 0, proc_current()->children_cpu_ns / TICKS_NS, 0 };

    if (args->a[0] != 0 && user_copy_out(args->a[0], t, sizeof(t)) != 0)
        return -EFAULT;
    return (long)(clock_monotonic_ns() / TICKS_NS);
}

LX(getrusage)
{
    const struct proc *p = proc_current();
    int who = (int)args->a[0];
    uint64_t ns = who == RUSAGE_CHILDREN ? p->children_cpu_ns : who == RUSAGE_THREAD ? thread_cpu_ns(thread_self()) : own_cpu_ns();
    struct mem_usage m;
    int64_t ru[RUSAGE_WORDS] = { (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000) };

    if (who < RUSAGE_CHILDREN || who > RUSAGE_THREAD)
        return -EINVAL;
    proc_mem_usage(p, &m);
    ru[4] = (int64_t)(m.resident_pages * PAGE_SIZE / 1024);
    ru[8] = (int64_t)p->fault_count;
    return user_copy_out(args->a[1], ru, sizeof(ru)) == 0 ? 0 : -EFAULT;
}

LX(getrandom)
{
    uint8_t piece[GETRANDOM_PIECE];
    uint64_t n = MIN(args->a[1], (uint64_t)INT32_MAX), done = 0;

    if (args->a[2] & ~7ull)
        return -EINVAL;
    while (done < n) {
        size_t part = MIN(n - done, sizeof(piece));

        random_fill(piece, part);
        if (user_copy_out(args->a[0] + done, piece, part) != 0)
            return done > 0 ? (long)done : -EFAULT;
        done += part;
        sched_point();
    }
    return (long)done;
}
