/*
 * process.c: rows of processes: made, replaced, and waited for. The program that is exec'd is the smallest there can be: it exits.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define PAGE 4096
#define HEAP_PAGES 250          /* what a static glibc program with some work behind it has touched, with its own pages */
#define ENTRY_OFFSET 120

/* An ELF file of one segment: header, program header, `exit_group(0)`. */
static const uint8_t smallest[] = {
    0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 62, 0, 1, 0, 0, 0, ENTRY_OFFSET, 0, 0x40, 0, 0, 0, 0, 0,
    64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
    129, 0, 0, 0, 0, 0, 0, 0, 129, 0, 0, 0, 0, 0, 0, 0,
    0, 0x10, 0, 0, 0, 0, 0, 0,
    0x31, 0xff, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05,
};

static char program[] = "/tmp/aegis-bench.XXXXXX";
static char *const arguments[] = { program, NULL };
static char *const no_environment[] = { NULL };

static uint64_t
ended(pid_t pid, uint64_t begin)
{
    int status = -1;

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? stamp() - begin : UINT64_MAX;
}

static uint64_t
sample_fork(void *arg)
{
    uint64_t begin = stamp();
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        _exit(0);
    return ended(pid, begin);
}

static uint64_t
sample_fork_exec(void *arg)
{
    uint64_t begin = stamp();
    pid_t pid = fork();

    (void)arg;
    if (pid == 0) {
        execve(program, arguments, no_environment);
        _exit(1);
    }
    return ended(pid, begin);
}

static uint64_t
sample_vfork_exec(void *arg)
{
    uint64_t begin = stamp();
    pid_t pid = vfork();

    (void)arg;
    if (pid == 0) {
        execve(program, arguments, no_environment);
        _exit(1);
    }
    return ended(pid, begin);
}

static int
program_write(void)
{
    int fd = mkstemp(program), good = fd >= 0 && write(fd, smallest, sizeof(smallest)) == (ssize_t)sizeof(smallest) && fchmod(fd, 0755) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

void
process_rows(void)
{
    char *heap;

    row_measure("fork + exit + wait", 30000, sample_fork, NULL);
    if (program_write()) {
        row_measure("fork + exec + wait, smallest program", 60000, sample_fork_exec, NULL);
        row_measure("vfork + exec + wait, smallest program", 35000, sample_vfork_exec, NULL);
    }
    unlink(program);
    heap = mmap(NULL, HEAP_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (heap == MAP_FAILED)
        return;
    memset(heap, 1, HEAP_PAGES * PAGE);
    row_measure("fork + exit + wait, 250 pages touched", 70000, sample_fork, NULL);
    munmap(heap, HEAP_PAGES * PAGE);
}
