/*
 * timers.c: timer_create, setitimer, clocks of processes and threads, sleeps on clocks, RLIMIT_CPU.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000l
#define VALUE 4711

static int points;
static volatile sig_atomic_t rung, rung_code, rung_value, rung_overrun;
static volatile uint64_t spun;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

static long
ms_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000 + t.tv_nsec / MS;
}

static void
sleep_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * MS };

    while (nanosleep(&t, &t) != 0)
        ;
}

/* Uses CPU time until `rung` is at least n, or for so long. */
static void
spin(int n, long most_ms)
{
    long end = ms_of(CLOCK_MONOTONIC) + most_ms;

    while (rung < n && ms_of(CLOCK_MONOTONIC) < end)
        for (int i = 0; i < 10000; i++)
            spun++;
}

static void
rings(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    rung++;
    rung_code = info->si_code;
    rung_value = info->si_value.sival_int;
    rung_overrun = info->si_overrun;
}

static void
catch(int sig)
{
    struct sigaction sa = { .sa_sigaction = rings, .sa_flags = SA_SIGINFO };

    sigaction(sig, &sa, NULL);
    rung = 0;
}

/* The kernel's calls: C libraries put threads around some. */
struct event {
    uint64_t value;
    int signo, notify, tid, rest[11];
};

static int
make(clockid_t clock, struct event e)
{
    int id = -1;

    return syscall(SYS_timer_create, clock, &e, &id) == 0 ? id : -1;
}

static long
set(int id, int flags, long first_ns, long every_ns)
{
    struct itimerspec t = { { every_ns / 1000000000, every_ns % 1000000000 }, { first_ns / 1000000000, first_ns % 1000000000 } };

    return syscall(SYS_timer_settime, id, flags, &t, NULL);
}

static void
test_posix(void)
{
    struct itimerspec left;
    struct timespec now;
    sigset_t s;
    int id;

    catch(SIGRTMIN + 2);
    id = make(CLOCK_MONOTONIC, (struct event){ .value = VALUE, .signo = SIGRTMIN + 2 });
    tap(id >= 0 && set(id, 0, 20 * MS, 0) == 0, "a timer is made and set");
    syscall(SYS_timer_gettime, id, &left);
    tap(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 20 * MS, "timer_gettime says what is left");
    sleep_ms(60);
    tap(rung == 1 && rung_code == SI_TIMER && rung_value == VALUE, "it rings once, with its code and its value");
    rung = 0;
    set(id, 0, 5 * MS, 10 * MS);
    for (int i = 0; i < 100 && rung < 3; i++)
        sleep_ms(10);
    tap(rung >= 3, "with an interval, again and again");
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &s, NULL);
    sleep_ms(20);
    rung = 0;
    sleep_ms(120);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    tap(rung >= 1 && rung <= 2 && syscall(SYS_timer_getoverrun, id) >= 0, "while its signal is blocked it is pending once");
    sigprocmask(SIG_BLOCK, &s, NULL);
    sleep_ms(150);
    {
        siginfo_t info;

        tap(sigwaitinfo(&s, &info) == SIGRTMIN + 2 && info.si_overrun >= 5 && syscall(SYS_timer_getoverrun, id) == info.si_overrun,
            "and tells how often it rang besides");
    }
    set(id, 0, 0, 0);
    while (sigtimedwait(&s, NULL, &(struct timespec){ 0, 0 }) > 0)
        ;
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    rung = 0;
    sleep_ms(30);
    tap(rung == 0, "a timer that is disarmed does not ring");
    clock_gettime(CLOCK_MONOTONIC, &now);
    set(id, TIMER_ABSTIME, now.tv_sec * 1000000000l + now.tv_nsec + 20 * MS, 0);
    sleep_ms(50);
    tap(rung == 1, "TIMER_ABSTIME is a time of the clock");
    set(id, TIMER_ABSTIME, 1, 0);
    sleep_ms(5);
    tap(rung == 2, "one that has passed rings at once");
    tap(syscall(SYS_timer_delete, id) == 0 && syscall(SYS_timer_delete, id) == -1 && errno == EINVAL && set(id, 0, MS, 0) == -1,
        "a timer that was deleted is none");
    tap(make(CLOCK_MONOTONIC, (struct event){ .signo = 70 }) == -1 && errno == EINVAL && make(99, (struct event){ .signo = SIGALRM }) == -1 &&
            errno == EINVAL, "signals and clocks that there are not");
}

static volatile pid_t ringer;

static void
where(int sig)
{
    (void)sig;
    ringer = (pid_t)syscall(SYS_gettid);
    rung++;
}

static void *
waits(void *arg)
{
    *(volatile pid_t *)arg = (pid_t)syscall(SYS_gettid);
    for (int i = 0; i < 100 && rung == 0; i++)
        sleep_ms(5);
    return NULL;
}

static void
test_targets(void)
{
    volatile pid_t tid = 0;
    pthread_t t;
    int id;

    signal(SIGUSR1, where);
    rung = 0;
    pthread_create(&t, NULL, waits, (void *)(uintptr_t)&tid);
    while (tid == 0)
        sleep_ms(1);
    id = make(CLOCK_REALTIME, (struct event){ .signo = SIGUSR1, .notify = SIGEV_THREAD_ID, .tid = tid });
    tap(id >= 0 && set(id, 0, 10 * MS, 0) == 0 && pthread_join(t, NULL) == 0 && ringer == tid, "SIGEV_THREAD_ID: the thread that was named gets it");
    syscall(SYS_timer_delete, id);
    id = make(CLOCK_MONOTONIC, (struct event){ .notify = SIGEV_NONE });
    rung = 0;
    set(id, 0, 5 * MS, 0);
    sleep_ms(20);
    {
        struct itimerspec left;

        tap(syscall(SYS_timer_gettime, id, &left) == 0 && left.it_value.tv_nsec == 0 && rung == 0, "SIGEV_NONE: nobody, but it runs");
    }
    syscall(SYS_timer_delete, id);
}

/* ---- CPU time ---- */

static void *
spins(void *arg)
{
    long until = ms_of(CLOCK_THREAD_CPUTIME_ID) + 60;

    while (ms_of(CLOCK_THREAD_CPUTIME_ID) < until)
        spun++;
    return arg;
}

static void
test_cpu(void)
{
    struct itimerval v = { { 0, 20000 }, { 0, 20000 } }, none = { { 0, 0 }, { 0, 0 } };
    long own, all, before;
    struct rusage thread, self;
    pthread_t t;
    int id;

    catch(SIGVTALRM);
    setitimer(ITIMER_VIRTUAL, &v, NULL);
    before = ms_of(CLOCK_PROCESS_CPUTIME_ID);
    spin(3, 5000);
    tap(rung >= 3 && ms_of(CLOCK_PROCESS_CPUTIME_ID) - before >= 55, "ITIMER_VIRTUAL rings as CPU time passes");
    rung = 0;
    sleep_ms(150);
    tap(rung == 0 && getitimer(ITIMER_VIRTUAL, &v) == 0 && v.it_interval.tv_usec == 20000 && v.it_value.tv_usec > 0, "and not in sleep");
    setitimer(ITIMER_VIRTUAL, &none, NULL);
    catch(SIGPROF);
    v = (struct itimerval){ { 0, 0 }, { 0, 30000 } };
    setitimer(ITIMER_PROF, &v, NULL);
    spin(1, 5000);
    tap(rung == 1, "ITIMER_PROF, too");
    catch(SIGUSR2);
    id = make(CLOCK_PROCESS_CPUTIME_ID, (struct event){ .signo = SIGUSR2 });
    rung = 0;
    set(id, 0, 30 * MS, 0);
    sleep_ms(80);
    tap(rung == 0, "a timer on CPU time waits for it");
    spin(1, 5000);
    tap(rung == 1, "and rings");
    syscall(SYS_timer_delete, id);
    all = ms_of(CLOCK_PROCESS_CPUTIME_ID);
    own = ms_of(CLOCK_THREAD_CPUTIME_ID);
    pthread_create(&t, NULL, spins, NULL);
    pthread_join(t, NULL);
    tap(ms_of(CLOCK_PROCESS_CPUTIME_ID) - all >= 58 && ms_of(CLOCK_THREAD_CPUTIME_ID) - own < 40, "each thread has a clock of its own");
    getrusage(RUSAGE_THREAD, &thread);
    getrusage(RUSAGE_SELF, &self);
    tap(self.ru_utime.tv_sec * 1000 + self.ru_utime.tv_usec / 1000 + self.ru_stime.tv_sec * 1000 + self.ru_stime.tv_usec / 1000 >
            thread.ru_utime.tv_sec * 1000 + thread.ru_utime.tv_usec / 1000 + thread.ru_stime.tv_sec * 1000 + thread.ru_stime.tv_usec / 1000,
        "and getrusage tells them apart");
}

static void
test_limit(void)
{
    struct rlimit one = { 1, 2 };
    int status;
    pid_t child = fork();

    if (child == 0) {
        catch(SIGXCPU);
        setrlimit(RLIMIT_CPU, &one);
        spin(1, 10000);
        if (rung != 1)
            _exit(1);
        rung = 0;
        spin(1000, 10000);
        _exit(2);
    }
    waitpid(child, &status, 0);
    tap(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "RLIMIT_CPU: SIGXCPU at the soft limit, the end at the hard one");
}

/* ---- sleeps ---- */

static void
test_sleeps(void)
{
    struct timespec t, rest = { 9, 9 };
    struct itimerval v = { { 0, 0 }, { 0, 20000 } };
    long begin;

    catch(SIGALRM);
    setitimer(ITIMER_REAL, &v, NULL);
    t = (struct timespec){ 1, 0 };
    tap(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rest) == EINTR && rest.tv_sec == 0 && rest.tv_nsec > 800 * MS && rest.tv_nsec < 1000 * MS,
        "a sleep that a signal ends says what is left");
    begin = ms_of(CLOCK_MONOTONIC);
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 30 * MS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    tap(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == 0 && ms_of(CLOCK_MONOTONIC) - begin >= 29, "until a time of day");
    t = (struct timespec){ 0, 1000000000 };
    tap(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL) == -1 && errno == EINVAL, "a thousand million nanoseconds are none");
    t = (struct timespec){ 0, 1 };
    tap(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == -1 && errno == EOPNOTSUPP, "nobody sleeps by his own thread's clock");
    tap(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &t, NULL) == -1 && errno == EOPNOTSUPP, "nor by one that only can be read");
    alarm(100);
    tap(alarm(0) == 100, "alarm says what was left");
}

int
main(void)
{
    test_posix();
    test_targets();
    test_cpu();
    test_limit();
    test_sleeps();
    printf("1..%d\n", points);
    return 0;
}
