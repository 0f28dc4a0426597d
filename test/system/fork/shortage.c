/*
 * shortage.c: forks where there is not enough memory for two: who asks for too much ends, and nobody else. Wants a machine of 96 MiB.
 *
 * As everywhere else what counts is what is left afterwards: frames, envs and spaces.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../census/census.h"

#define POINTS 6
#define PAGE 4096
#define BIG (50u << 20)
#define PART (1u << 20)
#define MANY 400
#define ROUNDS 6

static char *big;

static int
touch(unsigned char value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += PAGE)
        big[i] = (char)value;
    return 0;
}

static int
holds(unsigned char value)
{
    for (size_t i = 0; i < BIG; i += PAGE)
        if ((unsigned char)big[i] != value)
            return 0;
    return 1;
}

static int
status_of(pid_t pid)
{
    int status = -1;

    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static int
child_touches(size_t bytes)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(touch('c', bytes));
    return status_of(pid);
}

/* Children that each make a part of the memory their own, until one cannot; all are killed. How many there were. */
static int
crowd(void)
{
    static pid_t child[MANY];
    int made = 0, status, good = 1, ready[2];
    char word;

    if (pipe(ready) != 0)
        return -1;
    while (made < MANY && (child[made] = fork()) >= 0) {
        if (child[made] == 0) {
            (void)touch('m', PART);
            if (write(ready[1], "r", 1) == 1)
                pause();
            _exit(1);
        }
        made++;
        if (waitpid(child[made - 1], &status, WNOHANG) == child[made - 1])
            break;
        if (made % 8 == 0)
            good &= read(ready[0], &word, 1) == 1;
    }
    for (int i = 0; i < made; i++)
        kill(child[i], SIGKILL);
    for (int i = 0; i < made; i++)
        if (waitpid(child[i], &status, 0) != child[i] && errno != ECHILD)
            good = 0;
    close(ready[0]);
    close(ready[1]);
    return good ? made : -1;
}

static struct census
settled(void)
{
    struct timespec pause = { 0, 200000000 };

    nanosleep(&pause, NULL);
    return census_take();
}

/* A round that leaves everything as it was: the session keeps some frames and spaces in hand, more or fewer by a few. */
static struct census
round_without_growth(void)
{
    struct census first = settled(), before = first;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct census after;

        (void)child_touches(BIG);
        (void)child_touches(PART);
        after = settled();
        if (memcmp(&before, &after, sizeof(after)) == 0)
            return after;
        before = after;
    }
    return first;
}

int
main(void)
{
    struct census before;
    int status, made;

    printf("1..%d\n", POINTS);
    big = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (big == MAP_FAILED)
        return 1;
    (void)touch('p', BIG);
    status = child_touches(PART);
    tap(status == 0, "a process that fills half of memory forks, and its child writes a little");
    status = child_touches(BIG);
    tap(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a child that writes all of it ends by SIGKILL");
    tap(holds('p'), "its parent has lost nothing");
    made = crowd();
    tap(made > 4, "%d children wrote until memory was full, and ended", made);
    tap(holds('p'), "and the parent still has everything");
    before = round_without_growth();
    tap_census("nothing of theirs is left", &before);
    return 0;
}
