/*
 * together.c: programs of one session on several CPUs at the same time. The argument: how many CPUs there are.
 *
 * What is measured is that things happen at once: a word that goes round between those who compute, without a call, goes round as often as
 * they like within a time in which one CPU would have come to a few ends of slices.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLAYERS 2               /* more than real processors have to wait for each other's slices */
#define ROUNDS 400
#define ALONE_NS 5000000ull     /* what it costs at least on one CPU that the word goes from one to the other: the end of a slice */
#define LIMIT_NS (PLAYERS * ROUNDS * ALONE_NS * 3 / 4)
#define CPUS_MAX 16
#define CHILDREN 40
#define PIPE_ROUNDS 300
#define FRESH_PAGES 2000
#define SIGNALS 200

static struct shared {
    atomic_uint turn;
    atomic_uint cpus_seen;      /* as bits */
    atomic_uint started;
} *shared;
static unsigned point, failed;

static void
ok(int good, const char *name)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++point, name);
    failed += !good;
}

static unsigned long long
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

static void
see_cpu(void)
{
    int cpu = sched_getcpu();

    if (cpu >= 0 && cpu < CPUS_MAX)
        atomic_fetch_or(&shared->cpus_seen, 1u << cpu);
}

static void
play(unsigned me)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        while (atomic_load(&shared->turn) % PLAYERS != me)
            ;
        see_cpu();
        atomic_fetch_add(&shared->turn, 1);
    }
}

static void *
player(void *arg)
{
    play((unsigned)(unsigned long)arg);
    return NULL;
}

static unsigned
bits(unsigned word)
{
    return (unsigned)__builtin_popcount(word);
}

static void
processes_play(unsigned cpus)
{
    unsigned long long since = now_ns();

    *shared = (struct shared){ 0 };
    for (unsigned i = 0; i < PLAYERS; i++)
        if (fork() == 0) {
            play(i);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    ok(atomic_load(&shared->turn) == PLAYERS * ROUNDS && (cpus == 1 || bits(atomic_load(&shared->cpus_seen)) > 1),
       "processes run on several CPUs");
    printf("# %u rounds of two processes: %llu ms, on one CPU at least %llu\n", ROUNDS, (now_ns() - since) / 1000000,
           PLAYERS * ROUNDS * ALONE_NS / 1000000);
    ok(cpus == 1 || now_ns() - since < LIMIT_NS, "at the same time");
}

static void
threads_play(unsigned cpus)
{
    unsigned long long since = now_ns();
    pthread_t threads[PLAYERS];

    *shared = (struct shared){ 0 };
    for (unsigned long i = 0; i < PLAYERS; i++)
        pthread_create(&threads[i], NULL, player, (void *)i);
    for (unsigned i = 0; i < PLAYERS; i++)
        pthread_join(threads[i], NULL);
    ok(atomic_load(&shared->turn) == PLAYERS * ROUNDS && (cpus == 1 || bits(atomic_load(&shared->cpus_seen)) > 1),
       "so do threads of one process");
    printf("# %u rounds of two threads: %llu ms\n", ROUNDS, (now_ns() - since) / 1000000);
    ok(cpus == 1 || now_ns() - since < LIMIT_NS, "at the same time");
}

/* Each computes; together they must be seen on every CPU. */
static void
all_cpus(unsigned cpus)
{
    unsigned long long until = now_ns() + 20000000000ull;

    *shared = (struct shared){ 0 };
    for (unsigned i = 0; i < cpus; i++)
        if (fork() == 0) {
            while (bits(atomic_load(&shared->cpus_seen)) < cpus && now_ns() < until)
                see_cpu();
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    ok(bits(atomic_load(&shared->cpus_seen)) == cpus, "as many as there are CPUs run on all of them");
}

/* ---- much of everything ---- */

static int
child_work(unsigned n)
{
    unsigned long sum = 0;
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (unsigned i = 0; i < 1 << 20; i += 4096)
        memory[i] = (char)n;
    for (unsigned i = 0; i < 1 << 20; i += 4096)
        sum += (unsigned char)memory[i];
    return sum == 256ul * n;
}

static void
fork_storm(void)
{
    unsigned good = 0;
    int status;

    for (unsigned i = 0; i < CHILDREN; i++)
        if (fork() == 0)
            _exit(child_work(i) ? 0 : 1);
    while (wait(&status) > 0)
        good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ok(good == CHILDREN, "forty children at once have the memory that is theirs");
}

static void
pipes(void)
{
    int to[2], from[2];
    unsigned good = 0, got;

    if (pipe(to) != 0 || pipe(from) != 0)
        exit(1);
    if (fork() == 0) {
        for (unsigned i = 0; i < PIPE_ROUNDS && read(to[0], &got, sizeof(got)) == sizeof(got); i++, got++)
            if (write(from[1], &(unsigned){ got + 1 }, sizeof(got)) != sizeof(got))
                _exit(1);
        _exit(0);
    }
    for (unsigned i = 0; i < PIPE_ROUNDS; i++)
        good += write(to[1], &i, sizeof(i)) == sizeof(i) && read(from[0], &got, sizeof(got)) == sizeof(got) && got == i + 1;
    wait(NULL);
    ok(good == PIPE_ROUNDS, "what goes through pipes comes back");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long counted;

static void *
counter(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        counted++;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void
counting(void)
{
    pthread_t threads[8];

    for (unsigned i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, counter, NULL);
    for (unsigned i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ok(counted == 8 * 20000, "eight threads count under one lock");
}

/* A signal finds a process that computes, and makes no call, on another CPU. */
static void
signals(void)
{
    unsigned long long since;
    int status;
    pid_t pid;

    *shared = (struct shared){ 0 };
    pid = fork();
    if (pid == 0) {
        atomic_store(&shared->started, 1);
        for (;;)
            ;
    }
    while (!atomic_load(&shared->started))
        ;
    since = now_ns();
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    printf("# a signal took %llu us\n", (now_ns() - since) / 1000);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "a signal ends who computes");
}

static void
count_signal(int sig)
{
    (void)sig;
    atomic_fetch_add(&shared->turn, 1);
}

/* Each is taken before the next one is sent. On one CPU each needs the end of a slice. */
static void
many_signals(unsigned cpus)
{
    unsigned long long since;
    pid_t pid;

    *shared = (struct shared){ 0 };
    pid = fork();
    if (pid == 0) {
        signal(SIGUSR1, count_signal);
        atomic_store(&shared->started, 1);
        for (;;)
            ;
    }
    while (!atomic_load(&shared->started))
        ;
    since = now_ns();
    for (unsigned i = 0; i < SIGNALS; i++) {
        kill(pid, SIGUSR1);
        while (atomic_load(&shared->turn) == i)
            ;
    }
    printf("# %u signals: %llu ms\n", SIGNALS, (now_ns() - since) / 1000000);
    ok(cpus == 1 || now_ns() - since < SIGNALS * ALONE_NS * 3 / 4, "signals reach at once who computes elsewhere");
    kill(pid, SIGKILL);
    wait(NULL);
}

/* ---- pages that come while two threads are at them ---- */

static struct fresh {
    unsigned char *pages;
    atomic_uint next;           /* page that both may touch */
    atomic_uint done;
    unsigned wrong;
} fresh;

static void
touch_together(unsigned page, unsigned me, unsigned delay)
{
    volatile unsigned long *word = (volatile unsigned long *)(fresh.pages + page * 4096ul);

    while (atomic_load(&fresh.next) <= page)
        __builtin_ia32_pause();
    for (volatile unsigned i = 0; i < delay; i++)
        continue;
    if (me == 0)
        word[0] = page + 1;
    else
        word[500] = page + 1;
    if (word[400] != 0)
        fresh.wrong++;
    atomic_fetch_add(&fresh.done, 1);
}

static void *
touch_late(void *unused)
{
    (void)unused;
    see_cpu();
    for (unsigned i = 0; i < FRESH_PAGES; i++)
        touch_together(i, 1, i * 53 % 12000);
    return NULL;
}

static void
fresh_pages(void)
{
    pthread_t other;
    unsigned lost = 0;

    fresh.pages = mmap(NULL, FRESH_PAGES * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(fresh.pages, 0xff, FRESH_PAGES * 4096ul);
    munmap(fresh.pages, FRESH_PAGES * 4096ul);          /* frames that hold something come back */
    fresh.pages = mmap(NULL, FRESH_PAGES * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_create(&other, NULL, touch_late, NULL);
    for (unsigned i = 0; i < FRESH_PAGES; i++) {
        atomic_store(&fresh.next, i + 1);
        touch_together(i, 0, 0);
        while (atomic_load(&fresh.done) != 2 * (i + 1))
            sched_yield();
    }
    pthread_join(other, NULL);
    for (unsigned i = 0; i < FRESH_PAGES; i++) {
        const unsigned long *word = (const unsigned long *)(fresh.pages + i * 4096ul);

        lost += word[0] != i + 1 || word[500] != i + 1;
    }
    munmap(fresh.pages, FRESH_PAGES * 4096ul);
    ok(lost == 0 && fresh.wrong == 0, "a page that comes is zeros for all threads, and keeps what each stores");
}

int
main(int argc, char **argv)
{
    unsigned cpus = argc > 1 ? (unsigned)atoi(argv[1]) : 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..12\n");
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ok((unsigned)sysconf(_SC_NPROCESSORS_ONLN) == cpus, "programs are told how many CPUs there are");
    processes_play(cpus);
    threads_play(cpus);
    all_cpus(cpus);
    fork_storm();
    pipes();
    counting();
    fresh_pages();
    signals();
    many_signals(cpus);
    return failed != 0;
}
