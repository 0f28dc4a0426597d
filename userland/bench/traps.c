/*
 * traps.c: faults that a program handles itself, and signals.
 *
 * Source of the protection rows: Appel and Li, Virtual memory primitives for user programs, ASPLOS 1991.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __exos__
#include <exos/pager.h>
#endif
#include "bench.h"

#define MANY_PAGES 100
#define STORE_BYTES 3               /* of the instruction that store() is */

static char *region;
static volatile uint64_t handled;

static inline void
store(char *at)
{
    __asm__ volatile("movb $1, (%0)" : : "a"(at) : "memory");
}

static bool
region_open(int protection)
{
    region = mmap(NULL, MANY_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        return false;
    madvise(region, MANY_PAGES * PAGE, MADV_NOHUGEPAGE);
    for (unsigned i = 0; i < MANY_PAGES; i++)
        region[i * PAGE] = 1;
    return mprotect(region, MANY_PAGES * PAGE, protection) == 0;
}

static bool
handle(int sig, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

    return sigaction(sig, &act, NULL) == 0;
}

/* ---- stepped over ---- */

static void
step_over(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    handled++;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += STORE_BYTES;
}

static bool
traps(void *arg, uint64_t n)
{
    uint64_t want = handled + n;

    (void)arg;
    while (n--)
        store(region);
    return handled == want;
}

enum verdict
row_trap(struct meter *m)
{
    if (!region_open(PROT_NONE) || !handle(SIGSEGV, step_over))
        return FAILED;
    return meter_run(m, traps, NULL);
}

/* ---- protected, faulted on, unprotected ---- */

static uint64_t unprotect_bytes;

static void
unprotect(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    handled++;
    if (mprotect((char *)((uintptr_t)info->si_addr & -(uintptr_t)PAGE), unprotect_bytes, PROT_READ | PROT_WRITE) != 0)
        _exit(FAILED);
}

static bool
protects(void *arg, uint64_t n)
{
    uint64_t pages = *(uint64_t *)arg, want = handled + n * pages;

    while (n--) {
        if (mprotect(region, pages * PAGE, PROT_READ) != 0)
            return false;
        for (uint64_t i = 0; i < pages; i++)
            store(region + i * PAGE);
    }
    return handled == want;
}

static enum verdict
protect_row(struct meter *m, uint64_t pages)
{
    if (!region_open(PROT_READ | PROT_WRITE) || !handle(SIGSEGV, unprotect))
        return FAILED;
    if (pages == 1 && munmap(region + PAGE, (MANY_PAGES - 1) * PAGE) != 0)
        return FAILED;
    unprotect_bytes = PAGE;
    return meter_run(m, protects, &pages);
}

enum verdict
row_protect_1(struct meter *m)
{
    return protect_row(m, 1);
}

enum verdict
row_protect_n(struct meter *m)
{
    return protect_row(m, MANY_PAGES);
}

/* ---- the same by the library's own interface, which only a linked program has ---- */

#ifdef __exos__
static int
pager_step_over(struct exos_fault *f, void *arg)
{
    (void)arg;
    handled++;
    f->rip += STORE_BYTES;
    return 1;
}

static bool
pages_allow(void *at, unsigned count, int protection)
{
    const struct exos_pages pages = { (uintptr_t)at, count, (uint32_t)protection };

    return exos_pages_protect(&pages, 1) == 1;
}

static int
pager_unprotect(struct exos_fault *f, void *arg)
{
    (void)arg;
    handled++;
    return pages_allow((void *)(f->address & -(uintptr_t)PAGE), 1, PROT_READ | PROT_WRITE);
}

static bool
pager_protects(void *arg, uint64_t n)
{
    unsigned pages = *(unsigned *)arg;
    uint64_t want = handled + n * pages;

    while (n--) {
        if (!pages_allow(region, pages, PROT_READ))
            return false;
        for (unsigned i = 0; i < pages; i++)
            store(region + i * PAGE);
    }
    return handled == want;
}

static bool
pager_open(exos_pager_fn *handler)
{
    return region_open(PROT_READ | PROT_WRITE) && exos_pager_start(region, MANY_PAGES * PAGE, handler, NULL) == 0;
}

enum verdict
row_trap_pager(struct meter *m)
{
    if (!pager_open(pager_step_over) || !pages_allow(region, MANY_PAGES, PROT_NONE))
        return FAILED;
    return meter_run(m, traps, NULL);
}

static enum verdict
pager_protect_row(struct meter *m, unsigned pages)
{
    return pager_open(pager_unprotect) ? meter_run(m, pager_protects, &pages) : FAILED;
}
#else
static enum verdict
pager_protect_row(struct meter *m, unsigned pages)
{
    (void)m;
    (void)pages;
    return ABSENT;
}

enum verdict
row_trap_pager(struct meter *m)
{
    (void)m;
    return ABSENT;
}
#endif

enum verdict
row_protect_1_pager(struct meter *m)
{
    return pager_protect_row(m, 1);
}

enum verdict
row_protect_n_pager(struct meter *m)
{
    return pager_protect_row(m, MANY_PAGES);
}

/* ---- signals ---- */

static void
count(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    handled++;
}

static bool
signals(void *arg, uint64_t n)
{
    pid_t self = *(pid_t *)arg;
    uint64_t want = handled + n;

    while (n--)
        syscall(SYS_tgkill, self, self, SIGUSR1);
    return handled == want;
}

enum verdict
row_signal(struct meter *m)
{
    pid_t self = getpid();

    return handle(SIGUSR1, count) ? meter_run(m, signals, &self) : FAILED;
}
