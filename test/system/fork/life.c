/*
 * life.c: ends, waits, groups, stops, orphans, and what happens at the limits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BOMB_MAX 4000
#define NPROC 6

extern char **environ;
static int points;
static volatile sig_atomic_t caught;
static volatile int shared_word;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

static void
note(int sig)
{
    caught = sig;
}

static pid_t
child_that(void (*fn)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        fn();
        _exit(0);
    }
    return pid;
}

static void
waits_for_signal(void)
{
    for (;;)
        pause();
}

static void
exits_7(void)
{
    _exit(7);
}

static void
aborts(void)
{
    abort();
}

static int
status_of(pid_t pid)
{
    int status = -1;

    return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* ---- ends ---- */

static void
ends(void)
{
    int status = status_of(child_that(exits_7));
    pid_t pid;

    tap(WIFEXITED(status) && WEXITSTATUS(status) == 7, "an exit status is reported");
    status = status_of(child_that(aborts));
    tap(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "an end by a signal is reported");
    pid = child_that(waits_for_signal);
    kill(pid, SIGKILL);
    status = status_of(pid);
    tap(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "SIGKILL ends a sleeper");
    tap(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "a child is waited for once");
    tap(wait(&status) == -1 && errno == ECHILD, "without children wait says ECHILD");
}

static void
chooses(void)
{
    pid_t first = child_that(waits_for_signal), second = child_that(exits_7);
    siginfo_t info;
    struct rusage ru;
    int status;

    tap(waitpid(first, &status, WNOHANG) == 0, "WNOHANG does not wait");
    memset(&info, 0, sizeof(info));
    tap(waitid(P_PID, (id_t)second, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == second && info.si_code == CLD_EXITED &&
            info.si_status == 7 && info.si_signo == SIGCHLD, "waitid looks with WNOWAIT");
    tap(wait4(-1, &status, 0, &ru) == second && WEXITSTATUS(status) == 7, "and the child is still there to be waited for");
    setpgid(first, 0);
    tap(waitpid(0, &status, WNOHANG) == -1 && errno == ECHILD, "a group that no child is in has nothing to wait for");
    kill(-first, SIGTERM);
    tap(waitpid(-first, &status, 0) == first && WTERMSIG(status) == SIGTERM, "a group is killed and waited for");
    tap(waitpid(-1, &status, 0x100) == -1 && errno == EINVAL, "unknown options are refused");
}

static void
stops(void)
{
    pid_t pid = child_that(waits_for_signal);
    siginfo_t info;
    int status;

    setpgid(pid, pid);          /* so that its group is not orphaned, whoever runs this */
    kill(pid, SIGSTOP);
    tap(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "a stop is reported with WUNTRACED");
    tap(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0, "once");
    kill(pid, SIGCONT);
    tap(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status), "going on is reported with WCONTINUED");
    kill(pid, SIGTSTP);
    memset(&info, 0, sizeof(info));
    tap(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED && info.si_status == SIGTSTP, "waitid hears of stops");
    kill(pid, SIGKILL);
    tap(WTERMSIG(status_of(pid)) == SIGKILL, "SIGKILL ends what is stopped");
}

/* ---- families ---- */

/* The grandchild tells who its parent is once the child has gone. */
static void
orphan(void)
{
    int ends[2], father = -1;

    if (pipe(ends) != 0)
        return;
    if (fork() == 0) {
        pid_t old = getpid();

        if (fork() == 0) {
            while (getppid() == old)
                sched_yield();
            father = getppid();
            _exit(write(ends[1], &father, sizeof(father)) == sizeof(father) ? 0 : 1);
        }
        _exit(0);
    }
    wait(NULL);
    close(ends[1]);
    tap(read(ends[0], &father, sizeof(father)) == sizeof(father) && father == 1, "an orphan's parent is pid 1");
    close(ends[0]);
}

static void
groups(void)
{
    pid_t pid = child_that(waits_for_signal), session;

    tap(getpgid(pid) == getpgrp() && getsid(pid) == getsid(0), "a child is in its parent's group and session");
    tap(setpgid(pid, pid) == 0 && getpgid(pid) == pid, "the parent may give it a group of its own");
    tap(setpgid(0, 32000) == -1 && errno == EPERM, "a group that is not there cannot be joined");
    tap(setpgid(getppid(), 0) == -1 && errno == ESRCH, "only children can be moved");
    kill(pid, SIGKILL);
    (void)status_of(pid);
    session = fork();
    if (session == 0) {
        if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid())
            _exit(1);
        _exit(setsid() == -1 && errno == EPERM && setpgid(0, 0) == -1 && errno == EPERM ? 0 : 2);
    }
    tap(status_of(session) == 0, "setsid makes a session, once");
}

static void
child_signal(void)
{
    struct sigaction sa = { .sa_handler = note }, ignore = { .sa_handler = SIG_IGN }, plain = { .sa_handler = SIG_DFL };
    int status;
    pid_t pid;

    caught = 0;
    sigaction(SIGCHLD, &sa, NULL);
    pid = child_that(exits_7);
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        ;
    tap(caught == SIGCHLD && WEXITSTATUS(status) == 7, "SIGCHLD comes when a child ends");
    sigaction(SIGCHLD, &ignore, NULL);
    pid = child_that(exits_7);
    tap(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "who ignores SIGCHLD has no zombies");
    sigaction(SIGCHLD, &plain, NULL);
}

static void
pending_is_not_inherited(void)
{
    sigset_t set, old, got;
    pid_t pid;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGUSR1, note);
    raise(SIGUSR1);
    pid = fork();
    if (pid == 0) {
        sigpending(&got);
        if (sigismember(&got, SIGUSR1))
            _exit(1);
        sigprocmask(SIG_SETMASK, NULL, &got);
        _exit(sigismember(&got, SIGUSR1) ? 0 : 2);
    }
    tap(status_of(pid) == 0, "a child has the mask, but not what is pending");
    caught = 0;
    sigprocmask(SIG_SETMASK, &old, NULL);
    tap(caught == SIGUSR1, "which the parent gets");
}

/* ---- vfork ---- */

static void
vforks(void)
{
    volatile int before = 3;
    char *argv[] = { "true", NULL }, *other[] = { "false", NULL };
    int status;
    pid_t pid = vfork();

    if (pid == 0) {
        shared_word = getpid();
        before = 4;
        _exit(5);
    }
    tap(pid > 0 && shared_word == pid && before == 4 && getpid() != pid, "the child of vfork runs in its parent's memory");
    tap(WEXITSTATUS(status_of(pid)) == 5, "and is a process of its own");
    pid = vfork();
    if (pid == 0) {
        execv("/no/such/program", argv);
        shared_word = errno;
        execv("/bin/true", argv);
        _exit(1);
    }
    tap(shared_word == ENOENT && status_of(pid) == 0, "it may fail to exec and try again");
    pid = vfork();
    if (pid == 0) {
        kill(getpid(), SIGKILL);    /* raise() would use the id that the C library remembers: the parent's */
        _exit(1);
    }
    tap(WTERMSIG(status_of(pid)) == SIGKILL, "its death by a signal is not the parent's");
    tap(posix_spawn(&pid, "/bin/false", NULL, NULL, other, environ) == 0 && (status = status_of(pid), WEXITSTATUS(status) == 1),
        "posix_spawn starts a program");
    tap(posix_spawn(&pid, "/etc/passwd", NULL, NULL, argv, environ) == EACCES, "and says why it cannot");
}

static void
nested_vfork(void)
{
    int status, inner;
    pid_t pid = vfork();

    if (pid == 0) {
        pid_t deep = vfork();

        if (deep == 0)
            _exit(9);
        _exit(waitpid(deep, &inner, 0) == deep && WEXITSTATUS(inner) == 9 ? 0 : 1);
    }
    status = status_of(pid);
    tap(status == 0, "a child of vfork may vfork itself");
}

/* ---- limits ---- */

/* ---- one table of descriptors for two ---- */

static int common;              /* a descriptor that the child has made or closed */

static void
opens_and_closes(void)
{
    if (dup2(common, 100) != 100 || close(common) != 0)
        _exit(1);
}

static void
leaves_the_table(void)
{
    if (unshare(CLONE_FILES | CLONE_FS) != 0 || fcntl(100, F_GETFD) != 0 || close(100) != 0 || dup2(1, 101) != 101)
        _exit(1);
}

static void
execs(void)
{
    if (dup2(100, 102) != 102 || fcntl(102, F_SETFD, FD_CLOEXEC) != 0)
        _exit(1);
    execl("/bin/true", "true", (char *)NULL);
    _exit(1);
}

static void
locks(void)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    if (fcntl(100, F_SETLK, &l) != 0)
        _exit(1);
}

static int
sharing_child_that(void (*fn)(void))
{
    long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        fn();
        _exit(0);
    }
    return status_of((pid_t)pid);
}

static void
tries_the_lock(void)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    _exit(fcntl(100, F_SETLK, &l) == -1 && (errno == EAGAIN || errno == EACCES) ? 7 : 1);
}

static void
shared_tables(void)
{
    char name[] = "/tmp/shared.XXXXXX";

    common = mkstemp(name);
    unlink(name);
    tap(sharing_child_that(opens_and_closes) == 0 && fcntl(100, F_GETFD) == 0 && fcntl(common, F_GETFD) == -1,
        "with CLONE_FILES what a child opens and closes is the parent's");
    tap(sharing_child_that(leaves_the_table) == 0 && fcntl(100, F_GETFD) == 0 && fcntl(101, F_GETFD) == -1, "until it leaves by unshare");
    tap(sharing_child_that(execs) == 0 && fcntl(100, F_GETFD) == 0 && fcntl(102, F_GETFD) == FD_CLOEXEC, "or by an exec");
    tap(sharing_child_that(locks) == 0 && status_of(child_that(tries_the_lock)) == 7 << 8, "record locks are the table's, not the dead child's");
    tap(unshare(CLONE_NEWNS) == -1 && errno == EINVAL && unshare(0) == 0, "there are no namespaces");
    close(100);
    close(102);
}

static void
user_limit(void)
{
    struct rlimit limit = { NPROC, NPROC };
    pid_t pid = fork();

    if (pid == 0) {
        int made = 0;

        if (setuid(1000) != 0 || setrlimit(RLIMIT_NPROC, &limit) != 0)
            _exit(100);
        while (made < 3 * NPROC) {
            pid_t p = child_that(waits_for_signal);

            if (p < 0)
                break;
            made++;
        }
        if (errno != EAGAIN)
            made = 101;
        signal(SIGTERM, SIG_IGN);
        kill(-1, SIGKILL);
        _exit(made);
    }
    tap(WEXITSTATUS(status_of(pid)) == NPROC - 1, "RLIMIT_NPROC holds for a user who is not root");
}

static void
bomb(void)
{
    static pid_t child[BOMB_MAX];
    int made = 0, ended = 0, status;

    while (made < BOMB_MAX && (child[made] = child_that(waits_for_signal)) > 0)
        made++;
    tap(made > 400 && made < BOMB_MAX && (errno == EAGAIN || errno == ENOMEM), "a fork bomb ends at a limit");
    printf("# %d processes\n", made);
    for (int i = 0; i < made; i++)
        kill(child[i], SIGKILL);
    for (int i = 0; i < made; i++)
        ended += waitpid(child[i], &status, 0) == child[i] && WTERMSIG(status) == SIGKILL;
    tap(ended == made, "all of them can be killed");
    tap(status_of(child_that(exits_7)) == 7 << 8, "and life goes on");
}

int
main(void)
{
    printf("1..42\n");
    ends();
    chooses();
    stops();
    orphan();
    groups();
    child_signal();
    pending_is_not_inherited();
    vforks();
    nested_vfork();
    shared_tables();
    user_limit();
    bomb();
    return 0;
}
