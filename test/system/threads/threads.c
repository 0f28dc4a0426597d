/*
 * threads.c: POSIX threads: beginning and end, locks, what each has for itself, signals, and the ends of whole processes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MANY 64
#define ROUNDS 2000
#define ADDITIONS 5000
#define LATE_MS 40

extern char **environ;
static int points;
static const char *self_path;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

static void
sleep_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&t, &t) != 0)
        ;
}

static long
ms_since(const struct timespec *before)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - before->tv_sec) * 1000 + (now.tv_nsec - before->tv_nsec) / 1000000;
}

static pid_t
tid_now(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* ---- beginning, end, what is each thread's own ---- */

static __thread int own_word = 7;
static pid_t seen_tid[MANY];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long sum;

static void *
adds(void *arg)
{
    long n = (long)arg;
    double half = (double)n + 0.5;

    seen_tid[n] = tid_now();
    own_word += (int)n;
    for (int i = 0; i < ADDITIONS; i++) {
        pthread_mutex_lock(&lock);
        sum++;
        pthread_mutex_unlock(&lock);
        if (i % 1000 == 0)
            sched_yield();
    }
    return (void *)(own_word == 7 + n && half - (double)n == 0.5 ? n : -1);
}

static int
tids_differ(void)
{
    for (int i = 0; i < MANY; i++)
        for (int k = 0; k < i; k++)
            if (seen_tid[i] == seen_tid[k] || seen_tid[i] == getpid())
                return 0;
    return 1;
}

static void
test_many(void)
{
    pthread_t t[MANY];
    int good = 1;

    for (long i = 0; i < MANY; i++)
        good &= pthread_create(&t[i], NULL, adds, (void *)i) == 0;
    tap(good, "64 threads begin");
    for (long i = 0; i < MANY; i++) {
        void *ret;

        good &= pthread_join(t[i], &ret) == 0 && ret == (void *)i;
    }
    tap(good, "each is joined, with its result, its own variables and its vector registers");
    tap(sum == (unsigned long)MANY * ADDITIONS, "what they add under a mutex is all there");
    tap(tids_differ() && own_word == 7 && tid_now() == getpid(), "each has an id of its own, the first the process'");
}

static void *
returns_arg(void *arg)
{
    return arg;
}

static void
test_again_and_again(void)
{
    int good = 1;

    for (long i = 0; i < 1000; i++) {
        pthread_t t;
        void *ret;

        good &= pthread_create(&t, NULL, returns_arg, (void *)i) == 0 && pthread_join(t, &ret) == 0 && ret == (void *)i;
    }
    tap(good, "a thousand threads one after the other");
}

/* ---- locks with owners ---- */

static pthread_mutex_t owned;
static volatile int inside, most_inside;

static void *
takes_owned(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&owned);
        if (++inside > most_inside)
            most_inside = inside;
        if (i % 10 == 0)
            sched_yield();
        inside--;
        sum++;
        pthread_mutex_unlock(&owned);
    }
    return arg;
}

/* Threads that stay until they are let go: how long the machine takes for anything does not matter then. */
static sem_t there, let_go;

static void *
stays(void *arg)
{
    sem_post(&there);
    while (sem_wait(&let_go) != 0)
        ;
    return arg;
}

static void *
dies_with_owned(void *arg)
{
    pthread_mutex_lock(&owned);
    return stays(arg);
}

static void
test_owned(void)
{
    pthread_mutexattr_t a;
    pthread_t t[4];
    struct timespec when;
    int err;

    pthread_mutexattr_init(&a);
    tap(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0 && pthread_mutex_init(&owned, &a) == 0, "a mutex with priority inheritance is made");
    sum = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, takes_owned, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    tap(sum == 800 && most_inside == 1, "four threads hold it one after the other");
    pthread_mutex_lock(&owned);
    pthread_create(&t[0], NULL, takes_owned, NULL);
    sleep_ms(LATE_MS);
    tap(pthread_mutex_trylock(&owned) != 0 && sum == 800, "it is held until its owner lets go");
    pthread_mutex_unlock(&owned);
    pthread_join(t[0], NULL);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&owned, &a);
    pthread_create(&t[0], NULL, dies_with_owned, NULL);
    sem_wait(&there);
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += 5000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    tap(pthread_mutex_timedlock(&owned, &when) == ETIMEDOUT, "who waits with a time gives up");
    sem_post(&let_go);
    err = pthread_mutex_lock(&owned);
    tap(err == EOWNERDEAD && pthread_mutex_consistent(&owned) == 0 && pthread_mutex_unlock(&owned) == 0, "its owner's end is told to the next");
    pthread_join(t[0], NULL);
}

/* ---- turns ---- */

static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *
plays(void *arg)
{
    int me = (int)(long)arg;

    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&turn_changed, &lock);
        turn = !me;
        pthread_cond_broadcast(&turn_changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void
test_turns(void)
{
    pthread_t t;

    pthread_create(&t, NULL, plays, (void *)1);
    plays((void *)0);
    pthread_join(t, NULL);
    tap(turn == 0, "two threads take turns by a condition variable");
}

static void
test_timeouts(void)
{
    struct timespec until, before;
    int err;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    clock_gettime(CLOCK_MONOTONIC, &before);
    pthread_mutex_lock(&lock);
    err = pthread_cond_timedwait(&turn_changed, &lock, &until);
    pthread_mutex_unlock(&lock);
    tap(err == ETIMEDOUT && ms_since(&before) >= 40, "a wait for a condition ends at its time");
}

/* ---- one sleeps, others go on ---- */

static int pipe_fd[2];
static volatile int spun;

static void *
reads(void *arg)
{
    char c = 0;

    (void)arg;
    return (void *)(long)(read(pipe_fd[0], &c, 1) == 1 ? c : -1);
}

static volatile int stop_spinning;

static void *
spins(void *arg)
{
    (void)arg;
    while (!stop_spinning)
        spun++;
    return NULL;
}

static void
test_independent(void)
{
    pthread_t reader, spinner;
    void *ret;

    if (pipe(pipe_fd) != 0)
        exit(1);
    pthread_create(&reader, NULL, reads, NULL);
    pthread_create(&spinner, NULL, spins, NULL);
    sleep_ms(60);
    tap(spun > 0, "a thread that computes leaves time to one that sleeps, and the other way round");
    tap(write(pipe_fd[1], "x", 1) == 1 && pthread_join(reader, &ret) == 0 && ret == (void *)'x', "a thread that reads a pipe sleeps alone");
    stop_spinning = 1;
    pthread_join(spinner, NULL);
}

/* ---- cancellation, robust locks ---- */

static volatile int cleaned;

static void
cleans(void *arg)
{
    (void)arg;
    cleaned = 1;
}

static void *
waits_for_ever(void *arg)
{
    (void)arg;
    pthread_cleanup_push(cleans, NULL);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static void
test_cancel(void)
{
    pthread_t t;
    void *ret = NULL;

    pthread_create(&t, NULL, waits_for_ever, NULL);
    sleep_ms(20);
    pthread_cancel(t);
    tap(pthread_join(t, &ret) == 0 && ret == PTHREAD_CANCELED && cleaned, "a thread that sleeps is cancelled, and cleans up");
}

static void *
dies_with_lock(void *arg)
{
    pthread_mutex_lock(arg);
    return NULL;
}

static void
test_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_t t;
    int err, status;
    pid_t pid;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(m, &attr);
    pthread_create(&t, NULL, dies_with_lock, m);
    pthread_join(t, NULL);
    err = pthread_mutex_lock(m);
    tap(err == EOWNERDEAD && pthread_mutex_consistent(m) == 0 && pthread_mutex_unlock(m) == 0, "who takes the robust lock of a dead thread is told");
    pid = fork();
    if (pid == 0) {
        pthread_mutex_lock(m);
        sleep_ms(50);
        _exit(0);
    }
    sleep_ms(20);
    err = pthread_mutex_lock(m);
    tap(err == EOWNERDEAD && waitpid(pid, &status, 0) == pid && status == 0, "also of a dead process, which it slept for");
    munmap(m, 4096);
}

static void
test_shared_semaphore(void)
{
    sem_t *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 1, good = sem_init(s, 1, 0) == 0 && sem_init(s + 1, 1, 0) == 0;
    pid_t pid = fork();

    if (pid == 0) {
        for (int i = 0; i < 100; i++)
            if (sem_wait(s) != 0 || sem_post(s + 1) != 0)
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < 100; i++)
        good &= sem_post(s) == 0 && sem_wait(s + 1) == 0;
    tap(good && waitpid(pid, &status, 0) == pid && status == 0, "two processes meet at semaphores in shared memory");
    munmap(s, 4096);
}

/* ---- signals ---- */

static volatile pid_t handled_in;
static pthread_t handled_by;

static void
notes_thread(int sig)
{
    (void)sig;
    handled_in = tid_now();
    handled_by = pthread_self();
}

static void *
sleeps_until_signal(void *arg)
{
    sigset_t none;

    *(volatile pid_t *)arg = tid_now();
    sigemptyset(&none);
    sigsuspend(&none);
    return NULL;
}

static void
test_signals(void)
{
    struct sigaction sa = { .sa_handler = notes_thread }, old;
    volatile pid_t tid = 0;
    sigset_t usr1, old_mask;
    pthread_t t;

    sigaction(SIGUSR1, &sa, &old);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &old_mask);
    pthread_create(&t, NULL, sleeps_until_signal, (void *)&tid);
    while (tid == 0)
        sched_yield();
    sleep_ms(10);
    pthread_kill(t, SIGUSR1);
    pthread_join(t, NULL);
    tap(handled_in == tid && pthread_equal(handled_by, t), "a signal for one thread is taken by that one");
    handled_in = tid = 0;
    pthread_create(&t, NULL, sleeps_until_signal, (void *)&tid);
    while (tid == 0)
        sched_yield();
    sleep_ms(10);
    kill(getpid(), SIGUSR1);
    pthread_join(t, NULL);
    tap(handled_in == tid, "a signal for the process is taken by a thread that does not block it");
    pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
    sigaction(SIGUSR1, &old, NULL);
    tap(syscall(SYS_tgkill, getpid(), 32000, 0) == -1 && errno == ESRCH, "there is no thread of an id that nobody has");
}

/* ---- the ends of processes ---- */

static int
status_of(pid_t pid)
{
    int status;

    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void
start_sleepers(int n)
{
    pthread_t t;

    for (int i = 0; i < n; i++)
        pthread_create(&t, NULL, waits_for_ever, NULL);
    sleep_ms(20);
}

static void *
exits_process(void *arg)
{
    (void)arg;
    _exit(5);
}

static void *
exits_late(void *arg)
{
    (void)arg;
    sleep_ms(LATE_MS);
    return NULL;
}

/* Its first thread ends before another. */
static void
ends_late(void)
{
    pthread_t t;

    pthread_create(&t, NULL, exits_late, NULL);
    pthread_exit(NULL);
}

static void *
execs(void *arg)
{
    char *argv[] = { (char *)self_path, arg, NULL };

    execve(self_path, argv, environ);
    return NULL;
}

static void *
crashes(void *arg)
{
    *(volatile int *)arg = 0;
    return NULL;
}

static void
one_thread(void *(*fn)(void *), void *arg)
{
    pthread_t t;

    pthread_create(&t, NULL, fn, arg);
    pthread_join(t, NULL);
}

static void
test_ends(void)
{
    char same_pid[32], *late[] = { (char *)self_path, "late", NULL };
    struct timespec before;
    pid_t pid;

    if ((pid = fork()) == 0) {
        start_sleepers(8);
        one_thread(exits_process, NULL);
    }
    tap(status_of(pid) == 5 << 8, "exit in one thread ends all that sleep");
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (posix_spawn(&pid, self_path, NULL, NULL, late, environ) != 0)
        exit(1);
    tap(status_of(pid) == 0 && ms_since(&before) >= LATE_MS, "a process lives until its last thread has ended");
    if ((pid = fork()) == 0) {
        start_sleepers(8);
        pause();
    }
    sleep_ms(60);
    kill(pid, SIGKILL);
    tap(status_of(pid) == SIGKILL, "SIGKILL ends a process with all its threads");
    if ((pid = fork()) == 0) {
        start_sleepers(4);
        close(2);
        one_thread(crashes, NULL);
    }
    tap((status_of(pid) & 0x7f) == SIGSEGV, "a fault of one thread ends the process");
    if ((pid = fork()) == 0) {
        snprintf(same_pid, sizeof(same_pid), "pid=%d", getpid());
        start_sleepers(4);
        one_thread(execs, same_pid);
    }
    tap(status_of(pid) == 42 << 8, "exec in a thread ends the others, and the program has the process' id");
}

static void *
forks(void *arg)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(tid_now() == getpid() ? 3 : 4);
    *(int *)arg = status_of(pid);
    return NULL;
}

static void *
spawns(void *arg)
{
    char *argv[] = { (char *)self_path, "exit", NULL };
    pid_t pid;

    if (posix_spawn(&pid, self_path, NULL, NULL, argv, environ) == 0)
        *(int *)arg = status_of(pid);
    return NULL;
}

static void
test_children(void)
{
    int status[4] = { 0 };
    pthread_t t[4];

    stop_spinning = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, i % 2 ? spawns : forks, &status[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    tap(status[0] == 3 << 8 && status[2] == 3 << 8, "a thread forks: the child has it alone, as its first");
    tap(status[1] == 9 << 8 && status[3] == 9 << 8, "threads start programs beside each other");
}

/* ---- what others see ---- */

static void
test_proc(void)
{
    char line[128], want[32];
    int listed = 0, counted = 0;
    pthread_t t;
    FILE *f;
    DIR *d;

    pthread_create(&t, NULL, stays, NULL);
    f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        counted |= strcmp(line, "Threads:\t2\n") == 0;
    if (f != NULL)
        fclose(f);
    d = opendir("/proc/self/task");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        listed += e->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    tap(counted, "/proc/self/status counts them");
    tap(listed == 2, "/proc/self/task lists them");
    snprintf(want, sizeof(want), "/proc/self/task/%d/stat", getpid());
    f = fopen(want, "r");
    tap(f != NULL && fgets(line, sizeof(line), f) != NULL && atoi(line) == getpid(), "each has its files there");
    if (f != NULL)
        fclose(f);
    sem_post(&let_go);
    pthread_join(t, NULL);
}

int
main(int argc, char **argv)
{
    self_path = argv[0];
    if (argc > 1 && strncmp(argv[1], "pid=", 4) == 0)
        return atoi(argv[1] + 4) == getpid() && tid_now() == getpid() ? 42 : 1;
    if (argc > 1 && strcmp(argv[1], "late") == 0)
        ends_late();
    if (argc > 1)
        return 9;
    sem_init(&there, 0, 0);
    sem_init(&let_go, 0, 0);
    test_many();
    test_again_and_again();
    test_owned();
    test_turns();
    test_timeouts();
    test_independent();
    test_cancel();
    test_robust();
    test_shared_semaphore();
    test_signals();
    test_ends();
    test_children();
    test_proc();
    printf("1..%d\n", points);
    return 0;
}
