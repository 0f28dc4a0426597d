/*
 * census.c: starts many processes, one after another and several at a time, and counts frames, envs and spaces before and after.
 *
 * As a child (one argument) it does what a program does: memory, a file, a pipe; then it leaves without tidying up.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <exos/spawn.h>

#include "census.h"

#define POINTS 4
#define ONE_BY_ONE 100
#define AT_A_TIME 8
#define ROUNDS 5
#define BYTES (1 << 20)

extern char **environ;

static int
child(const char *what)
{
    char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int pipe_ends[2], fd = open("/bin/census", O_RDONLY);

    if (p == MAP_FAILED || fd < 0 || pipe(pipe_ends) != 0)
        return 1;
    for (int i = 0; i < BYTES; i += 4096)
        p[i] = 1;
    if (read(fd, p, 4096) != 4096 || write(pipe_ends[1], p, 100) != 100)
        return 1;
    if (what[0] == 'f')
        __asm__ volatile("ud2");
    return 0;
}

static pid_t
start(const char *what)
{
    char *argv[] = { "/bin/census", (char *)what, NULL };

    return exos_spawn(argv[0], argv, environ, NULL, 0, 0);
}

static int
finish(pid_t pid)
{
    int status;

    return pid > 0 && waitpid(pid, &status, 0) == pid && !(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static unsigned
one_by_one(const char *what, unsigned count)
{
    unsigned good = 0;

    for (unsigned i = 0; i < count; i++)
        good += finish(start(what));
    return good;
}

static unsigned
together(void)
{
    pid_t pid[AT_A_TIME];
    unsigned good = 0;

    for (unsigned i = 0; i < AT_A_TIME; i++)
        pid[i] = start("leave");
    for (unsigned i = 0; i < AT_A_TIME; i++)
        good += finish(pid[i]);
    return good;
}

static struct census
settled(void)
{
    struct timespec pause = { 0, 200000000 };

    nanosleep(&pause, NULL);
    return census_take();
}

/*
 * The session keeps some frames in hand for the next process, more or fewer by a batch or two as processes overlap. A leak shows every
 * time; so one round out of a few that leaves everything as it was is proof.
 */
static struct census
round_without_growth(void)
{
    struct census first = settled(), before = first;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct census after;

        (void)one_by_one("leave", AT_A_TIME);
        (void)one_by_one("fault", 1);
        (void)together();
        after = settled();
        if (memcmp(&before, &after, sizeof(after)) == 0)
            return after;
        before = after;
    }
    return first;
}

int
main(int argc, char **argv)
{
    struct census before;
    unsigned good = 0;

    if (argc > 1)
        return child(argv[1]);
    printf("1..%d\n", POINTS);
    good = one_by_one("leave", ONE_BY_ONE);
    tap(good == ONE_BY_ONE, "%u of %u processes did their work", good, ONE_BY_ONE);
    good = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        good += together();
    tap(good == ROUNDS * AT_A_TIME, "%u of %u did it side by side", good, ROUNDS * AT_A_TIME);
    good = one_by_one("fault", 10);
    tap(good == 10, "%u of %u ended by their own fault", good, 10);
    before = round_without_growth();
    tap_census("nothing of theirs is left", &before);
    return 0;
}
