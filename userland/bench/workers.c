/*
 * workers.c: the same work by several processes at once: what an operation costs when it is made on several CPUs.
 *
 * All wait for each other before they begin, with the mark for whoever counts instructions in between. Each has what is its own: memory,
 * pipe, place in the file. Prints as timed.c does; operations are those of all together.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define WORKERS_MAX 16
#define FAULT_PAGES 256
#define FILE_PAGES 16           /* of the file that all read */
#define COMPUTE_STEPS 1000

static struct shared {
    atomic_uint ready, go;
} *shared;

static bool
compute(uint64_t n)
{
    volatile uint64_t x = 1;

    for (uint64_t i = 0; i < n * COMPUTE_STEPS; i++)
        x = x * 3 + 1;
    return x != 0;
}

static bool
calls(uint64_t n)
{
    while (n-- > 0)
        if (syscall(SYS_getppid) <= 0)
            return false;
    return true;
}

static bool
masks(uint64_t n)
{
    while (n-- > 0)
        (void)umask(022);
    return true;
}

static bool
faults(uint64_t n)
{
    for (uint64_t left = n; left > 0; left -= left < FAULT_PAGES ? left : FAULT_PAGES) {
        char *memory = mmap(NULL, FAULT_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return false;
        for (uint64_t i = 0; i < FAULT_PAGES && i < left; i++)
            memory[i * PAGE] = 1;
        munmap(memory, FAULT_PAGES * PAGE);
    }
    return true;
}

static bool
pipes(uint64_t n)
{
    char byte = 1;
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    while (n-- > 0)
        if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
            return false;
    return true;
}

static bool
reads(uint64_t n)
{
    static char page[PAGE];
    int fd = open("/proc/self/exe", O_RDONLY);

    for (uint64_t i = 0; i < n; i++)
        if (pread(fd, page, PAGE, (off_t)(i % FILE_PAGES * PAGE)) <= 0)
            return false;
    return true;
}

static const struct {
    const char *name;
    bool (*work)(uint64_t n);
} kinds[] = { { "compute", compute }, { "getppid", calls }, { "umask", masks }, { "fault", faults }, { "pipe", pipes }, { "pread", reads } };

static int
worker(bool (*work)(uint64_t n), uint64_t n)
{
    atomic_fetch_add(&shared->ready, 1);
    while (!atomic_load(&shared->go))
        sched_yield();
    return work(n) ? 0 : 1;
}

static int
together(bool (*work)(uint64_t n), unsigned count, uint64_t n)
{
    uint64_t ns, ticks;
    int status, bad = 0;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    for (unsigned i = 0; i < count; i++)
        if (fork() == 0)
            _exit(worker(work, n));
    while (atomic_load(&shared->ready) < count)
        sched_yield();
    MARK(0001);
    ns = nanoseconds();
    ticks = stamp();
    atomic_store(&shared->go, 1);
    while (wait(&status) > 0)
        bad |= status;
    ticks = stamp() - ticks;
    ns = nanoseconds() - ns;
    MARK(0002);
    printf("timed\t%d\t%llu\t%llu\t%llu\n", bad != 0, (unsigned long long)(n * count), (unsigned long long)ticks, (unsigned long long)ns);
    return bad != 0;
}

int
workers(int argc, char **argv)
{
    unsigned count = argc == 3 ? (unsigned)atoi(argv[1]) : 0;

    for (unsigned i = 0; count >= 1 && count <= WORKERS_MAX && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(argv[0], kinds[i].name))
            return together(kinds[i].work, count, strtoull(argv[2], NULL, 10));
    fprintf(stderr, "bench: --workers compute|getppid|umask|fault|pipe|pread COUNT N\n");
    return 2;
}
