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

/* ---- by the library's own interface, which has no pagers yet ---- */

enum verdict
row_trap_pager(struct meter *m)
{
    (void)m;
    return ABSENT;
}

enum verdict
row_protect_1_pager(struct meter *m)
{
    (void)m;
    return ABSENT;
}

enum verdict
row_protect_n_pager(struct meter *m)
{
    (void)m;
    return ABSENT;
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
