/*
 * kills.c: keeps a crowd of victims at work and ends them at random moments, by SIGKILL or by taking their env away; then counts what is
 * left of them. Arguments: how many to end in each round, seed (0: the clock's), one kind of victim (none: all).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <exos/spawn.h>

#include "../census/census.h"
#include "victim.h"

#define POINTS 6           /* the last is the host's */
#define CROWD 24
#define ROUNDS_MAX 8
#define DIED_OF_ENV 4           /* one in so many loses its env first */
#define ALONE 32                /* one in so many of those has only its env to lose: the housekeeper has to notice */
#define TOGETHER 8              /* end at a time */
#define HOGS 2                  /* kinds before those that are ended by force */
#define FORCED 2                /* of each kind that has to be ended by force */
#define CHILDREN 2
#define SETTLE_NS 600000000
#define SETTLING 16             /* frames and objects: tables that grew with the fullest moment so far */
#define ENDED_BY_FORCE 2        /* kinds at the end of the list */

static const char *const kinds[] = {
#define KIND(name) #name,
#include "kinds.def"
#undef KIND
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

extern char **environ;

static struct victim {
    pid_t pid;
    aeg_id_t env;
    const char *kind;
} crowd[CROWD];
static uint32_t seed;
static const char *only;        /* this kind */
static unsigned ended, wrong;

static uint32_t
below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void
must(int good, const char *what)
{
    if (good)
        return;
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
put(int fd, int at)
{
    must(fd >= 0, "a shared descriptor");
    if (fd != at) {
        must(dup2(fd, at) == at, "its place");
        close(fd);
    }
}

static void
shared_objects(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(PORT) };
    int two[2], yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

    must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0, "a port to use again");
    must(bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 8) == 0, "a listening socket");
    put(listener, LISTENER);
    put(epoll_create1(0), EPOLL);
    put(eventfd(0, EFD_SEMAPHORE), EVENT);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, two) == 0, "a pair of sockets");
    put(two[0], PAIR_A);
    put(two[1], PAIR_B);
    must(pipe(two) == 0, "a pipe");
    put(two[1], PIPE_IN);
    put(two[0], PIPE_OUT);
    mkdir("/root/kills", 0755);
    mkdir("/root/kills/d0", 0755);
    mkdir("/root/kills/d1", 0755);
}

static void
shared_gone(void)
{
    static const char *const where[] = { "/root/kills/d0", "/root/kills/d1", "/root/kills" };

    for (int fd = PIPE_OUT; fd < SHARED_END; fd++)
        close(fd);
    unlink("/root/kills/locked");
    unlink("/root/kills/mapped");
    unlink("/root/kills/mutex");
    must(system("rm -f /tmp/kills.*") == 0, "no file of a script");
    for (unsigned d = 0; d < sizeof(where) / sizeof(where[0]); d++) {
        for (unsigned f = 0; f < FILES; f++) {
            char name[64];

            snprintf(name, sizeof(name), "%s/f%u", where[d], f);
            unlink(name);
        }
        must(rmdir(where[d]) == 0, "an empty directory");
    }
}

static void
start(struct victim *v, const char *kind)
{
    struct exos_fdmap fds[SHARED_END] = { { 0, 0 }, { 1, 1 }, { 2, 2 } };
    char number[16];
    char *argv[] = { below(2) ? "/root/victim" : "/root/victim.linux", (char *)kind, number, NULL };
    int report[2], tries = 100;

    must(pipe(report) == 0, "a pipe for the report");
    for (int fd = HELLO; fd < SHARED_END; fd++)
        fds[fd] = (struct exos_fdmap){ fd == HELLO ? report[1] : fd, fd };
    snprintf(number, sizeof(number), "%u", below(1u << 30));
    v->kind = kind;
    do
        v->pid = exos_spawn(argv[0], argv, environ, fds, SHARED_END, 0);
    while (v->pid < 0 && errno == EAGAIN && tries-- > 0 && nanosleep(&(struct timespec){ 0, SETTLE_NS / 10 }, NULL) == 0);   /* a crowd of orphans */
    must(v->pid > 0, "a victim");
    close(report[1]);
    must(read(report[0], &v->env, sizeof(v->env)) == sizeof(v->env), "a victim's report");
    close(report[0]);
}

static void
wait_a_little(void)
{
    struct timespec t = { 0, below(1500000) };

    if (below(3) == 0)
        nanosleep(&t, NULL);
    else
        for (unsigned i = below(6); i > 0; i--)
            sched_yield();
}

/* Where several CPUs run the session, an env may be in the middle of the library: no member takes it away there. */
static void
strike(const struct victim *v, unsigned how)
{
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        how = 1;
    if (how == 0)
        wrong += aeg_env_destroy(v->env, CAP_SESSION) != AEG_OK;
    if (how != 0 || below(ALONE) != 0)
        wrong += kill(v->pid, SIGKILL) != 0;
}

static void
bury(struct victim *v)
{
    int status = 0;

    if (waitpid(v->pid, &status, 0) != v->pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        printf("# pid %d (%s) ended with status %x\n", v->pid, v->kind, (unsigned)status);
        wrong++;
    }
    ended++;
    v->pid = 0;
}

static const char *
any_kind(void)
{
    unsigned modest = KINDS - ENDED_BY_FORCE - HOGS;

    if (only != NULL)
        return only;
    return kinds[below(16) == 0 ? modest + below(HOGS) : below(modest)];
}

/* Any of the crowd, one after another from a random one on. */
static void
end_some(unsigned count)
{
    unsigned from = below(CROWD);

    for (unsigned i = 0; i < count; i++)
        strike(&crowd[(from + i) % CROWD], below(DIED_OF_ENV));
    for (unsigned i = 0; i < count; i++)
        bury(&crowd[(from + i) % CROWD]);
}

static void
round_of(unsigned kills)
{
    shared_objects();
    for (unsigned i = 0; i < CROWD; i++)
        start(&crowd[i], any_kind());
    for (unsigned i = 0; i < kills; i += TOGETHER) {
        wait_a_little();
        end_some(TOGETHER);
        for (unsigned k = 0; k < CROWD; k++)
            if (crowd[k].pid == 0)
                start(&crowd[k], any_kind());
    }
    end_some(CROWD);
    shared_gone();
}

static unsigned
by_force(void)
{
    unsigned good = 0;

    shared_objects();
    for (unsigned k = KINDS - ENDED_BY_FORCE; k < KINDS; k++) {
        for (unsigned i = 0; i < FORCED; i++) {
            unsigned before = wrong;

            start(&crowd[0], kinds[k]);
            strike(&crowd[0], 1);
            bury(&crowd[0]);
            good += wrong == before;
        }
    }
    shared_gone();
    return good;
}

struct state {
    struct census census;
    uint64_t frames;            /* in use, but for those in pages of small objects, kept for large ones, and page-table nodes for such pages */
    unsigned files, objects;
};

/* The session holds nothing for what comes next. */
static void
empty_hands(void)
{
    FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

    must(f != NULL && fputs("3", f) >= 0 && fclose(f) == 0, "/proc/sys/vm/drop_caches");
}

static void
objects_read(struct state *s)
{
    unsigned slabs, idle, nodes;
    FILE *f = fopen("/proc/exos/objects", "r");

    must(f != NULL && fscanf(f, "files %u\nheap %u\nslab_pages %u\nidle_pages %u\nnodes %u\n", &s->files, &s->objects, &slabs, &idle, &nodes) == 5,
         "/proc/exos/objects");
    fclose(f);
    s->frames = s->census.used[AEG_KIND_FRAME] - slabs - idle - nodes;
}

static struct state
settled(void)
{
    struct timespec pause = { 0, SETTLE_NS };
    struct state s;

    memset(&s, 0, sizeof(s));
    nanosleep(&pause, NULL);
    sync();
    empty_hands();
    s.census = census_take();
    objects_read(&s);
    if (getenv("SLABS"))
        system("cat /proc/slabinfo");
    printf("# %u ended: %llu frames, %llu envs, %u files, %u heap objects\n", ended, (unsigned long long)s.frames,
           (unsigned long long)s.census.envs, s.files, s.objects);
    return s;
}

int
main(int argc, char **argv)
{
    unsigned kills = argc > 1 ? (unsigned)atoi(argv[1]) : 100, good;
    struct state first, second, last;
    int64_t frames, objects;

    seed = argc > 2 && atoi(argv[2]) != 0 ? (uint32_t)atoi(argv[2]) : (uint32_t)time(NULL);
    only = argc > 3 ? argv[3] : NULL;
    printf("1..%d\n# seed %u\n", POINTS, seed);
    good = by_force();
    tap(good == FORCED * ENDED_BY_FORCE, "%u of %u that never look up were ended by force", good, FORCED * ENDED_BY_FORCE);
    round_of(kills);
    first = settled();
    round_of(kills);
    second = last = settled();
    for (unsigned i = 2; i < ROUNDS_MAX; i++) {
        round_of(kills);
        last = settled();
    }
    frames = (int64_t)(last.frames - second.frames);
    objects = (int64_t)last.objects - second.objects;
    tap(wrong == 0, "%u were ended, each in the way it should", ended);
    tap(first.census.envs == last.census.envs && memcmp(&first.census.used[1], &last.census.used[1], sizeof(uint64_t) * (AEG_KINDS - 1)) == 0,
        "their envs, spaces and whatever else was charged are gone");
    tap(first.files == last.files, "no open file is left");
    tap(frames <= SETTLING && objects <= SETTLING, "memory is as it was after the second round (%lld frames, %lld objects more in use)",
        (long long)frames, (long long)objects);
    return 0;
}
