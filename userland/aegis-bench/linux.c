/*
 * linux.c: Linux calls, each as this linked program makes it and as an unmodified program would, by the `syscall` instruction.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PAGE 4096
#define TOUCHED 128                 /* pages that the fault row has at hand, all of one region */

static char buffer[PAGE];
static char path[64];
static int file = -1, pipe_ends[2] = { -1, -1 };
static char *fresh;                 /* untouched pages */
static unsigned fresh_left;

static long
trap(long n, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return n;
}

/* One row in both forms: `linked` and `trapped` are expressions that are negative when they failed. */
#define BOTH(name, linked, trapped)                                                                                                          \
    static uint64_t name##_linked(void *arg)                                                                                               \
    {                                                                                                                                        \
        uint64_t begin = stamp();                                                                                                            \
        long got = (linked);                                                                                                                 \
        uint64_t ticks = stamp() - begin;                                                                                                    \
        (void)arg;                                                                                                                           \
        return got < 0 ? UINT64_MAX : ticks;                                                                                                 \
    }                                                                                                                                        \
    static uint64_t name##_trapped(void *arg)                                                                                              \
    {                                                                                                                                        \
        uint64_t begin = stamp();                                                                                                            \
        long got = (trapped);                                                                                                                \
        uint64_t ticks = stamp() - begin;                                                                                                    \
        (void)arg;                                                                                                                           \
        return got < 0 ? UINT64_MAX : ticks;                                                                                                 \
    }

static long
linked_map_unmap(void)
{
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? -1 : munmap(p, PAGE);
}

static long
trapped_map_unmap(void)
{
    long p = trap(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p < 0 && p > -PAGE ? p : trap(SYS_munmap, p, PAGE, 0, 0, 0, 0);
}

static struct timespec now;
static int (*vdso_clock_gettime)(clockid_t, struct timespec *);

static long
unmodified_clock(void)
{
    return vdso_clock_gettime ? vdso_clock_gettime(CLOCK_MONOTONIC, &now) : -1;
}

static struct stat st;

BOTH(getpid, getpid(), trap(SYS_getpid, 0, 0, 0, 0, 0, 0))
BOTH(clock, clock_gettime(CLOCK_MONOTONIC, &now), unmodified_clock())
BOTH(map, linked_map_unmap(), trapped_map_unmap())
BOTH(pread1, pread(file, buffer, 1, 0), trap(SYS_pread64, file, (long)buffer, 1, 0, 0, 0))
BOTH(pread4k, pread(file, buffer, PAGE, 0), trap(SYS_pread64, file, (long)buffer, PAGE, 0, 0, 0))
BOTH(pwrite4k, pwrite(file, buffer, PAGE, 0), trap(SYS_pwrite64, file, (long)buffer, PAGE, 0, 0, 0))
BOTH(open, close(open(path, O_RDONLY)), trap(SYS_close, trap(SYS_open, (long)path, O_RDONLY, 0, 0, 0, 0), 0, 0, 0, 0, 0))
BOTH(stat, stat(path, &st), trap(SYS_stat, (long)path, (long)&st, 0, 0, 0, 0))
BOTH(pipe, write(pipe_ends[1], buffer, 1) + read(pipe_ends[0], buffer, 1) - 2,
     trap(SYS_write, pipe_ends[1], (long)buffer, 1, 0, 0, 0) + trap(SYS_read, pipe_ends[0], (long)buffer, 1, 0, 0, 0) - 2)

static uint64_t
sample_touch(void *arg)
{
    uint64_t begin, ticks;

    (void)arg;
    if (fresh_left == 0) {
        if (fresh)
            munmap(fresh, TOUCHED * PAGE);
        fresh = mmap(NULL, TOUCHED * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED)
            return UINT64_MAX;
        fresh_left = TOUCHED;
    }
    begin = stamp();
    *(volatile char *)(fresh + --fresh_left * PAGE) = 1;
    ticks = stamp() - begin;
    return ticks;
}

static void
rows_open(void)
{
    static const char temporary[] = "/tmp/aegis-bench.XXXXXX", fallback[] = "/aegis-bench.XXXXXX";

    for (unsigned i = 0; i < sizeof(temporary); i++)
        path[i] = temporary[i];
    file = mkstemp(path);
    if (file < 0) {
        for (unsigned i = 0; i < sizeof(fallback); i++)
            path[i] = fallback[i];
        file = mkstemp(path);
    }
    (void)!pwrite(file, buffer, PAGE, 0);
    (void)!pipe(pipe_ends);
}

static void
rows_close(void)
{
    close(file);
    unlink(path);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    if (fresh && fresh != MAP_FAILED)
        munmap(fresh, TOUCHED * PAGE);
}

void
linux_rows(void)
{
    static const struct {
        const char *linked_name, *trapped_name;
        sample_fn *linked, *trapped;
        uint64_t linked_budget, trapped_budget;
    } row[] = {
        { "getpid", "getpid, unmodified", getpid_linked, getpid_trapped, 12, 50 },
        { "clock_gettime", "clock_gettime, unmodified", clock_linked, clock_trapped, 40, 40 },
        { "mmap + munmap", "mmap + munmap, unmodified", map_linked, map_trapped, 800, 850 },
        { "pread 1 byte, cached", "pread 1 byte, unmodified", pread1_linked, pread1_trapped, 180, 220 },
        { "pread 4 KiB, cached", "pread 4 KiB, unmodified", pread4k_linked, pread4k_trapped, 700, 740 },
        { "pwrite 4 KiB, cached", "pwrite 4 KiB, unmodified", pwrite4k_linked, pwrite4k_trapped, 800, 840 },
        { "open + close", "open + close, unmodified", open_linked, open_trapped, 600, 680 },
        { "stat", "stat, unmodified", stat_linked, stat_trapped, 360, 400 },
        { "pipe write + read", "pipe write + read, unmodified", pipe_linked, pipe_trapped, 250, 330 },
    };

    rows_open();
    *(void **)&vdso_clock_gettime = vdso_function("__vdso_clock_gettime");
    row_measure("anonymous page fault, first touch", 900, sample_touch, NULL);
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        row_measure(row[i].linked_name, row[i].linked_budget, row[i].linked, NULL);
        row_measure(row[i].trapped_name, row[i].trapped_budget, row[i].trapped, NULL);
    }
    rows_close();
}
