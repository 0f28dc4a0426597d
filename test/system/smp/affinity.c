/*
 * affinity.c: threads run on the CPUs that they are given. The argument: how many CPUs there are.
 *
 * What is asserted is where a thread is from the moment on at which sched_setaffinity(2) came back, whoever called it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOKS 20000             /* a few slices' worth */
#define HOPPERS 6
#define HOPS 150
#define MOVES 40

static unsigned cpus, point, failed;

static struct shared {
    atomic_uint seen;           /* CPUs, as bits */
    atomic_uint rounds;
    atomic_uint over;
} *shared;

static void
ok(int good, const char *name)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++point, name);
    failed += !good;
}

static int
stay_on(pid_t who, unsigned mask)
{
    unsigned long words[1] = { mask };

    return (int)syscall(SYS_sched_setaffinity, who, sizeof(words), words);
}

static unsigned
mask_of(pid_t who)
{
    unsigned long words[16] = { 0 };

    return syscall(SYS_sched_getaffinity, who, sizeof(words), words) > 0 ? (unsigned)words[0] : 0;
}

static unsigned
all(void)
{
    return (1u << cpus) - 1;
}

/* Computes and looks where. How often it was not where the mask says. */
static unsigned
elsewhere(unsigned mask)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < LOOKS; i++)
        wrong += (mask >> sched_getcpu() & 1) == 0;
    sched_yield();
    usleep(100);
    return wrong + ((mask >> sched_getcpu() & 1) == 0);
}

static void
itself(void)
{
    unsigned wrong = mask_of(0) != all();

    for (unsigned i = 0; i < 2 * cpus; i++) {
        unsigned mask = 1u << i % cpus;

        wrong += stay_on(0, mask) != 0 || mask_of(0) != mask || elsewhere(mask) != 0;
    }
    ok(wrong == 0, "a thread goes where it says, at once, and stays");
    wrong = stay_on(0, ~0u) != 0 || mask_of(0) != all();
    wrong += stay_on(0, 0) == 0 || errno != EINVAL;
    wrong += stay_on(0, ~all()) == 0 || errno != EINVAL;
    wrong += stay_on(99999, 1) == 0 || errno != ESRCH;
    ok(wrong == 0 && mask_of(0) == all(), "CPUs that there are not do not count, none at all is refused");
}

static void *
stays_on(void *mask)
{
    return (void *)(unsigned long)(mask_of(0) != *(unsigned *)mask || elsewhere(*(unsigned *)mask) != 0);
}

static void
inherited(void)
{
    unsigned mask = 1u << (cpus - 1), wrong = stay_on(0, mask) != 0;
    pthread_t thread;
    void *bad;
    int status;

    pthread_create(&thread, NULL, stays_on, &mask);
    pthread_join(thread, &bad);
    wrong += bad != NULL;
    if (fork() == 0)
        _exit(stays_on(&mask) != NULL);
    wait(&status);
    ok(wrong == 0 && status == 0, "threads and children have the CPUs of who began them");
    if (vfork() == 0)
        execl("/proc/self/exe", "affinity", "child", NULL);
    wait(&status);
    ok(WIFEXITED(status) && (unsigned)WEXITSTATUS(status) == mask, "and so have programs");
    stay_on(0, all());
}

/* ---- whom another one moves ---- */

static void
compute_and_tell(void)
{
    while (!atomic_load(&shared->over)) {
        atomic_fetch_or(&shared->seen, 1u << sched_getcpu());
        atomic_fetch_add(&shared->rounds, 1);
    }
}

static void *
computes(void *tid)
{
    atomic_store((atomic_int *)tid, (int)syscall(SYS_gettid));
    compute_and_tell();
    return NULL;
}

/* Who computes is moved; it is seen nowhere else from then on. */
static unsigned
moved(pid_t who)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < MOVES; i++) {
        unsigned mask = 1u << i % cpus, rounds;

        wrong += stay_on(who, mask) != 0 || mask_of(who) != mask;
        rounds = atomic_load(&shared->rounds);
        while (atomic_load(&shared->rounds) - rounds < 2)
            sched_yield();      /* what it had looked up before */
        atomic_store(&shared->seen, 0);
        rounds = atomic_load(&shared->rounds);
        while (atomic_load(&shared->rounds) - rounds < 1000)
            sched_yield();
        wrong += atomic_load(&shared->seen) != mask;
    }
    return wrong;
}

static void
others(void)
{
    atomic_int tid = 0;
    pthread_t thread;
    unsigned wrong;
    pid_t child;

    *shared = (struct shared){ 0 };
    pthread_create(&thread, NULL, computes, &tid);
    while (atomic_load(&tid) == 0)
        sched_yield();
    wrong = moved(atomic_load(&tid));
    atomic_store(&shared->over, 1);
    pthread_join(thread, NULL);
    ok(wrong == 0 && mask_of(0) == all(), "a thread that computes is moved, the others of its process are not");
    *shared = (struct shared){ 0 };
    child = fork();
    if (child == 0) {
        compute_and_tell();
        _exit(0);
    }
    wrong = moved(child);
    atomic_store(&shared->over, 1);
    wait(NULL);
    ok(wrong == 0, "so is a process");
}

/* ---- many ---- */

static int
hop(unsigned seed)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < HOPS; i++) {
        unsigned mask;

        seed = seed * 1103515245u + 12345;
        mask = seed >> 16 & all();
        if (mask == 0)
            continue;
        wrong += stay_on(0, mask) != 0 || (mask >> sched_getcpu() & 1) == 0;
        if (i % 3 == 0)
            usleep(50);
        else if (i % 3 == 1)
            sched_yield();
        wrong += (mask >> sched_getcpu() & 1) == 0;
    }
    return wrong != 0;
}

static void *
hops(void *seed)
{
    return (void *)(unsigned long)hop((unsigned)(unsigned long)seed);
}

static void
many(void)
{
    unsigned wrong = 0;
    pthread_t threads[HOPPERS];
    void *bad;
    int status;

    for (unsigned i = 0; i < HOPPERS; i++)
        if (fork() == 0)
            _exit(hop(i));
    for (unsigned long i = 0; i < HOPPERS; i++)
        pthread_create(&threads[i], NULL, hops, (void *)(100 + i));
    for (unsigned i = 0; i < HOPPERS; i++) {
        pthread_join(threads[i], &bad);
        wrong += bad != NULL;
    }
    while (wait(&status) > 0)
        wrong += status != 0;
    ok(wrong == 0, "threads and processes that go to and fro are where they said");
}

/* Those of one CPU leave the others to others, and one that is stopped or asleep is no matter. */
static void
ends(void)
{
    pid_t child[HOPPERS];
    unsigned good = 0;
    int status;

    for (unsigned i = 0; i < HOPPERS; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            stay_on(0, 1);
            for (;;)
                if (i % 2 == 0)
                    pause();
        }
    }
    usleep(20000);
    for (unsigned i = 0; i < HOPPERS; i++) {
        stay_on(child[i], 1u << i % cpus);
        kill(child[i], i % 3 == 0 ? SIGKILL : SIGTERM);
    }
    while (wait(&status) > 0)
        good += WIFSIGNALED(status);
    ok(good == HOPPERS, "who is moved can be ended");
}

int
main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == 'c')
        return (int)mask_of(0);
    cpus = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..8\n");
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    itself();
    inherited();
    others();
    many();
    ends();
    return failed != 0;
}
