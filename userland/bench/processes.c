/*
 * processes.c: processes made, replaced, and waited for. The smallest ones are smallest.S.
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

#define HEAP_PAGES 550          /* what a static glibc program with some work behind it has touched */

/* smallest.S */
extern const uint8_t exiting[], exiting_end[], forking[], forking_end[], forking_count[];

static char program[] = "/dev/shm/bench.program";
static char *const arguments[] = { program, NULL };
static char *const no_environment[] = { NULL };

static bool
ended_well(pid_t pid)
{
    int status = -1;

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
forks(void *arg, uint64_t n)
{
    (void)arg;
    while (n--) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(0);
        if (!ended_well(pid))
            return false;
    }
    return true;
}

static bool
fork_execs(void *arg, uint64_t n)
{
    (void)arg;
    while (n--) {
        pid_t pid = fork();

        if (pid == 0) {
            execve(program, arguments, no_environment);
            _exit(1);
        }
        if (!ended_well(pid))
            return false;
    }
    return true;
}

static bool
vfork_execs(void *arg, uint64_t n)
{
    (void)arg;
    while (n--) {
        pid_t pid = vfork();

        if (pid == 0) {
            execve(program, arguments, no_environment);
            _exit(1);
        }
        if (!ended_well(pid))
            return false;
    }
    return true;
}

/* ---- programs of one page ---- */

/* Writes the program out; `count` into the word at `count_at`, if there is one. */
static bool
program_write(const uint8_t *begin, const uint8_t *end, const uint8_t *count_at, uint64_t count)
{
    int fd = open(program, O_CREAT | O_TRUNC | O_WRONLY, 0755);
    bool good = fd >= 0 && write(fd, begin, (size_t)(end - begin)) == end - begin;

    if (good && count_at)
        good = pwrite(fd, &count, sizeof(count), count_at - begin) == sizeof(count);
    if (fd >= 0)
        close(fd);
    return good;
}

static enum verdict
with_exiting(struct meter *m, op_fn *op)
{
    enum verdict v = program_write(exiting, exiting_end, NULL, 0) ? meter_run(m, op, NULL) : FAILED;

    unlink(program);
    return v;
}

/* Runs the forking program; false unless it says how long it took. */
static bool
run_forking(uint64_t *ticks)
{
    int ends[2];
    ssize_t got;
    pid_t pid;

    if (pipe(ends) != 0)
        return false;
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execve(program, arguments, no_environment);
        _exit(1);
    }
    close(ends[1]);
    got = read(ends[0], ticks, sizeof(*ticks));
    close(ends[0]);
    return ended_well(pid) && got == sizeof(*ticks);
}

/* The program counts for itself: everything around it is left out. */
static bool
forks_of_smallest(void *arg, uint64_t n)
{
    struct meter *m = arg;
    uint64_t ns = nanoseconds(), begin = stamp(), ticks;

    if (!program_write(forking, forking_end, forking_count, n) || !run_forking(&ticks))
        return false;
    begin = stamp() - begin;
    ns = nanoseconds() - ns;
    m->out_ticks += begin - ticks;
    m->out_ns += ns - (uint64_t)((double)ns * (double)ticks / (double)begin);
    return true;
}

enum verdict
row_fork(struct meter *m)
{
    enum verdict v = meter_run(m, forks_of_smallest, m);

    unlink(program);
    return v;
}
enum verdict
row_fork_heap(struct meter *m)
{
    char *heap = mmap(NULL, HEAP_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (heap == MAP_FAILED)
        return FAILED;
    madvise(heap, HEAP_PAGES * PAGE, MADV_NOHUGEPAGE);
    memset(heap, 1, HEAP_PAGES * PAGE);
    return meter_run(m, forks, NULL);
}

enum verdict
row_fork_exec(struct meter *m)
{
    return with_exiting(m, fork_execs);
}

enum verdict
row_vfork_exec(struct meter *m)
{
    return with_exiting(m, vfork_execs);
}
