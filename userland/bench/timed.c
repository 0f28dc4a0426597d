/*
 * timed.c: `bench --time COMMAND...`: one command, its time, and marks for whoever counts instructions from outside.
 *
 * A mark is a no-operation with a number in it; scripts/vm/count.c prints its counters where one is executed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define MARK(n) __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n.long 0xbeef" #n : : : "memory")   /* nopl n(%rax) */

int
timed_command(char **argv)
{
    uint64_t ns, ticks;
    int status = -1;
    pid_t pid;

    MARK(0001);
    ns = nanoseconds();
    ticks = stamp();
    pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        fprintf(stderr, "bench: cannot run %s: %s\n", argv[0], strerror(errno));
        return 1;
    }
    ticks = stamp() - ticks;
    ns = nanoseconds() - ns;
    MARK(0002);
    printf("timed\t%d\t%llu\t%llu\n", status, (unsigned long long)ticks, (unsigned long long)ns);
    return status == 0 ? 0 : 1;
}
