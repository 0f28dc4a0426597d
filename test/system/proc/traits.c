/*
 * traits.c: what a process says of itself and asks of others: every line is the same on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void
say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
    fflush(stdout);
}

static void
in_child(void (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        fn();
        exit(0);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        printf("status %x\n", status);
}

static void
become_user(void)
{
    if (setgid(100) != 0 || setuid(1000) != 0)
        exit(9);
}

/* ---- prctl ---- */

static void
options(void)
{
    int value = -1;

    say("dumpable", prctl(PR_GET_DUMPABLE));
    say("dumpable 2", prctl(PR_SET_DUMPABLE, 2));
    say("not dumpable", prctl(PR_SET_DUMPABLE, 0));
    say("dumpable", prctl(PR_GET_DUMPABLE));
    say("death signal", prctl(PR_SET_PDEATHSIG, 65));
    say("slack", prctl(PR_GET_TIMERSLACK));
    say("slack", prctl(PR_SET_TIMERSLACK, 70000));
    say("slack", prctl(PR_GET_TIMERSLACK));
    say("slack", prctl(PR_SET_TIMERSLACK, 0));
    say("slack", prctl(PR_GET_TIMERSLACK));
    say("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
    prctl(PR_GET_CHILD_SUBREAPER, &value);
    printf("%d\n", value);
    say("privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    say("privileges 0", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    say("privileges 1, more", prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    say("privileges 1", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    say("privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    prctl(PR_GET_TSC, &value);
    printf("tsc %d\n", value);
    say("timing", prctl(PR_GET_TIMING));
    say("timing 1", prctl(PR_SET_TIMING, 1));
    say("securebits", prctl(PR_GET_SECUREBITS));
    say("unknown", prctl(9999, 0, 0, 0, 0));
}

static void
capabilities(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    say("capget", syscall(SYS_capget, &h, d));
    printf("%x %x %x, %x %x %x\n", d[0].effective, d[0].permitted, d[0].inheritable, d[1].effective, d[1].permitted, d[1].inheritable);
    say("bounding 0", prctl(PR_CAPBSET_READ, 0));
    say("bounding 40", prctl(PR_CAPBSET_READ, 40));
    say("bounding 63", prctl(PR_CAPBSET_READ, 63));
    say("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 3, 0, 0));
    say("ambient 99", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 99, 0, 0));
    say("ambient clear", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    d[0].effective = 1 << CAP_NET_RAW;
    say("less", syscall(SYS_capset, &h, d));
    say("capget", syscall(SYS_capget, &h, d));
    printf("%x %x\n", d[0].effective, d[0].permitted);
    d[0].permitted = d[0].effective;
    d[1].permitted = d[1].effective = 0;
    say("less", syscall(SYS_capset, &h, d));
    say("capget", syscall(SYS_capget, &h, d));
    printf("%x %x\n", d[0].effective, d[0].permitted);
    d[0].permitted = ~0u;
    say("more", syscall(SYS_capset, &h, d));
    h.pid = 1;
    say("another's", syscall(SYS_capset, &h, d));
    h.version = 7;
    say("version 7", syscall(SYS_capget, &h, d));
    printf("%x\n", h.version);
    say("probe", syscall(SYS_capget, &(struct __user_cap_header_struct){ 7, 0 }, NULL));
}

static void
user_capabilities(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    say("keep", prctl(PR_SET_KEEPCAPS, 1));
    become_user();
    say("capget", syscall(SYS_capget, &h, d));
    printf("%x %x, %x %x\n", d[0].effective, d[0].permitted, d[1].effective, d[1].permitted);
    say("dropped", prctl(PR_CAPBSET_DROP, 3));
}

static void
user_without(void)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct d[2];

    become_user();
    say("capget", syscall(SYS_capget, &h, d));
    printf("%x %x, %x %x\n", d[0].effective, d[0].permitted, d[1].effective, d[1].permitted);
}

/* ---- scheduling ---- */

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/* musl does not make these calls. */
static long
set_policy(pid_t pid, int policy, int priority)
{
    return syscall(SYS_sched_setscheduler, pid, policy, &(struct sched_param){ .sched_priority = priority });
}

static void
policies(void)
{
    struct attributes a = { 0 };
    struct sched_param p;
    struct timespec t;

    say("policy", syscall(SYS_sched_getscheduler, 0));
    say("fifo 5", set_policy(0, SCHED_FIFO, 5));
    say("policy", syscall(SYS_sched_getscheduler, 0));
    syscall(SYS_sched_getparam, 0, &p);
    printf("priority %d\n", p.sched_priority);
    say("interval", syscall(SYS_sched_rr_get_interval, 0, &t));
    printf("%ld\n", t.tv_nsec);
    say("getattr", syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
    printf("%u %u %u %d\n", a.size, a.policy, a.priority, a.nice);
    say("fifo 0", set_policy(0, SCHED_FIFO, 0));
    say("fifo 100", set_policy(0, SCHED_FIFO, 100));
    say("other 1", set_policy(0, SCHED_OTHER, 1));
    say("policy 4", set_policy(0, 4, 0));
    say("nobody", set_policy(999999, SCHED_OTHER, 0));
    say("setparam 9", syscall(SYS_sched_setparam, 0, &(struct sched_param){ .sched_priority = 9 }));
    say("reset on fork", set_policy(0, SCHED_RR | 0x40000000, 3));
    say("policy", syscall(SYS_sched_getscheduler, 0));
    a = (struct attributes){ .size = sizeof(a), .policy = SCHED_BATCH, .nice = 7 };
    say("batch", syscall(SYS_sched_setattr, 0, &a, 0));
    say("policy", syscall(SYS_sched_getscheduler, 0));
    say("nice", getpriority(PRIO_PROCESS, 0));
    a.size = 8;
    say("small", syscall(SYS_sched_setattr, 0, &a, 0));
    say("small", syscall(SYS_sched_getattr, 0, &a, 8, 0));
    say("idle", set_policy(0, SCHED_IDLE, 0));
    say("max", syscall(SYS_sched_get_priority_max, SCHED_RR));
    say("max", syscall(SYS_sched_get_priority_max, SCHED_BATCH));
}

static void
user_policies(void)
{
    become_user();
    say("fifo", set_policy(0, SCHED_FIFO, 1));
    say("another's", set_policy(1, SCHED_OTHER, 0));
    say("batch", set_policy(0, SCHED_BATCH, 0));
    say("nicer", setpriority(PRIO_PROCESS, 0, 5));
    say("less nice", setpriority(PRIO_PROCESS, 0, 1));
    say("another's", setpriority(PRIO_PROCESS, 1, 10));
    say("nobody", setpriority(PRIO_PROCESS, 999999, 10));
    say("real time io", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
}

static void
niceness(void)
{
    pid_t pid;
    int status;

    setpgid(0, 0);
    say("nice", setpriority(PRIO_PROCESS, 0, -3));
    say("nice", getpriority(PRIO_PROCESS, 0));
    pid = fork();
    if (pid == 0) {
        say("child's", getpriority(PRIO_PROCESS, 0));
        say("group", setpriority(PRIO_PGRP, 0, 4));
        exit(0);
    }
    waitpid(pid, &status, 0);
    say("group's", getpriority(PRIO_PGRP, 0));
    say("far too nice", setpriority(PRIO_PROCESS, 0, 99));
    say("nice", getpriority(PRIO_PROCESS, getpid()));
    say("which", getpriority(7, 0));
    say("io", syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
    say("io", syscall(SYS_ioprio_get, 1, 0));
    say("io 8", syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 8));
    say("io class", syscall(SYS_ioprio_set, 1, 0, 5 << 13));
    say("io whom", syscall(SYS_ioprio_get, 9, 0));
}

/* ---- other processes ---- */

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
    caught = sig;
}

static void
pidfds(void)
{
    int ends[2], fd, own, status, dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
    siginfo_t info;
    char byte = 0;
    pid_t pid;

    signal(SIGUSR1, on_signal);
    if (pipe(ends) != 0)
        exit(1);
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 1 ? byte : 99);
    }
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    own = (int)syscall(SYS_pidfd_getfd, fd, ends[0], 0);
    say("getfd", own < 0 ? -1 : fcntl(own, F_GETFD));
    say("the same file", syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, own, ends[0]));
    say("another", syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, ends[0], ends[1]) > 0);
    say("the same memory", syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0));
    say("another's memory", syscall(SYS_kcmp, getpid(), pid, KCMP_VM, 0, 0) > 0);
    say("kcmp of no file", syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, 77, 0));
    say("kcmp of nobody", syscall(SYS_kcmp, getpid(), 999999, KCMP_VM, 0, 0));
    say("kcmp of what", syscall(SYS_kcmp, getpid(), pid, 99, 0, 0));
    say("getfd of no file", syscall(SYS_pidfd_getfd, fd, 77, 0));
    say("getfd of no pidfd", syscall(SYS_pidfd_getfd, 0, 0, 0));
    say("getfd, flags", syscall(SYS_pidfd_getfd, fd, 0, 1));
    say("signal by directory", syscall(SYS_pidfd_send_signal, dir, SIGUSR1, NULL, 0));
    printf("caught %d\n", caught);
    say("signal to no pidfd", syscall(SYS_pidfd_send_signal, 0, SIGUSR1, NULL, 0));
    say("not yet", syscall(SYS_waitid, P_PIDFD, fd, &info, WEXITED | WNOHANG, NULL));
    byte = 42;
    say("written", write(ends[1], &byte, 1));
    say("poll", poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5000));
    say("waitid", syscall(SYS_waitid, P_PIDFD, fd, &info, WEXITED, NULL));
    printf("%d %d\n", info.si_status, info.si_pid == pid);
    say("waitid again", syscall(SYS_waitid, P_PIDFD, fd, &info, WEXITED, NULL));
    say("signal to the dead", syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
    say("getfd of the dead", syscall(SYS_pidfd_getfd, fd, 0, 0));
    say("wait", waitpid(-1, &status, 0));
}

static void
user_looks(void)
{
    become_user();
    say("kcmp of root's", syscall(SYS_kcmp, 1, getpid(), KCMP_VM, 0, 0));
    say("getfd of root's", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
}

/* What is queued counts for all of a user's processes; and threads and processes count together. */
static void
users_limits(void)
{
    struct rlimit pending = { 5, 5 }, tasks = { 3, 3 };
    pid_t a, b;

    become_user();
    signal(SIGRTMIN, SIG_IGN);
    sigprocmask(SIG_BLOCK, &(sigset_t){ { 1ul << (SIGRTMIN - 1) } }, NULL);
    setrlimit(RLIMIT_SIGPENDING, &pending);
    a = fork();
    if (a == 0)
        pause();
    b = fork();
    if (b == 0)
        pause();
    for (int i = 0; i < 4; i++)
        say("queued to one", sigqueue(a, SIGRTMIN, (union sigval){ 0 }));
    say("queued to the other", sigqueue(b, SIGRTMIN, (union sigval){ 0 }));
    say("queued to the other", sigqueue(b, SIGRTMIN, (union sigval){ 0 }));
    kill(a, SIGKILL);
    waitpid(a, NULL, 0);
    say("when one has ended", sigqueue(b, SIGRTMIN, (union sigval){ 0 }));
    setrlimit(RLIMIT_NPROC, &tasks);
    a = fork();
    if (a == 0)
        pause();
    say("a third", a > 0 ? 0 : -1);
    say("a fourth", fork());
    kill(a, SIGKILL);
    kill(b, SIGKILL);
    while (wait(NULL) > 0)
        continue;
}

int
main(void)
{
    in_child(options);
    in_child(capabilities);
    in_child(user_capabilities);
    in_child(user_without);
    in_child(policies);
    in_child(user_policies);
    in_child(niceness);
    in_child(pidfds);
    in_child(user_looks);
    in_child(users_limits);
    say("persona", personality(0xffffffff));
    say("persona", personality(ADDR_NO_RANDOMIZE));
    say("persona", personality(0xffffffff));
    return 0;
}
