/*
 * users.c: real, effective and saved ids, who may signal whom, and resource limits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000
#define OTHER 2000
#define MIB (1ul << 20)
#define DESCRIPTORS 8

static int points;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

/* Status of a child that returns fn's value. */
static int
child(int (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn());
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int
ids_are(uid_t real, uid_t effective, uid_t saved)
{
    uid_t r, e, s;

    return getresuid(&r, &e, &s) == 0 && r == real && e == effective && s == saved && getuid() == real && geteuid() == effective;
}

static int
for_good(void)
{
    if (setuid(USER) != 0 || !ids_are(USER, USER, USER))
        return 1;
    return setuid(0) == -1 && errno == EPERM && seteuid(0) == -1 && setresuid(-1, 0, -1) == -1 && setreuid(OTHER, -1) == -1 ? 0 : 2;
}

static int
for_a_while(void)
{
    if (seteuid(USER) != 0 || !ids_are(0, USER, 0))
        return 1;
    if (setuid(OTHER) != -1 || errno != EPERM)
        return 2;
    return seteuid(0) == 0 && ids_are(0, 0, 0) ? 0 : 3;
}

static int
exchanged(void)
{
    if (setreuid(USER, OTHER) != 0 || !ids_are(USER, OTHER, OTHER))
        return 1;
    return setreuid(OTHER, USER) == 0 && ids_are(OTHER, USER, USER) ? 0 : 2;
}

static int
groups_too(void)
{
    gid_t r, e, s;

    if (setresgid(USER, OTHER, 5) != 0 || getresgid(&r, &e, &s) != 0 || r != USER || e != OTHER || s != 5 || setuid(USER) != 0)
        return 1;
    return setgid(5) == 0 && getegid() == 5 && getgid() == USER && setgid(77) == -1 && errno == EPERM ? 0 : 2;
}

static pid_t root_child;

static int
signals_others(void)
{
    pid_t pid;

    if (setuid(USER) != 0)
        return 1;
    if (kill(root_child, SIGTERM) != -1 || errno != EPERM || kill(1, 0) != -1 || errno != EPERM)
        return 2;
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    return kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid ? 0 : 3;
}

static int
marked_file(void)
{
    char *argv[] = { "users", "ids", NULL };

    if (setuid(USER) != 0)
        return 1;
    execv("/tmp/marked", argv);
    return 2;
}

static void
users(void)
{
    int in = open("/bin/t", O_RDONLY), out = open("/tmp/marked", O_WRONLY | O_CREAT, 0700);
    static char piece[65536];
    ssize_t n;

    tap(child(for_good) == 0, "who gives up being root cannot come back");
    tap(child(for_a_while) == 0, "the saved id leaves a way back");
    tap(child(exchanged) == 0, "real and effective id are exchanged");
    tap(child(groups_too) == 0, "groups have three ids too");
    root_child = fork();
    if (root_child == 0)
        for (;;)
            pause();
    tap(child(signals_others) == 0, "a user signals his own processes alone");
    kill(root_child, SIGKILL);
    waitpid(root_child, NULL, 0);
    while ((n = read(in, piece, sizeof(piece))) > 0)
        if (write(out, piece, (size_t)n) != n)
            exit(1);
    close(in);
    close(out);
    chown("/tmp/marked", OTHER, 0);
    chmod("/tmp/marked", 04755);
    tap(child(marked_file) == 0, "a file marked for it runs as its owner");
}

/* ---- limits ---- */

static int
few_descriptors(void)
{
    struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
    int fd = 0, last = 0;

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    while ((fd = dup(0)) >= 0)
        last = fd;
    return last == DESCRIPTORS - 1 && errno == EMFILE && open("/etc/passwd", O_RDONLY) == -1 && errno == EMFILE ? 0 : 2;
}

static int
little_space(void)
{
    struct rlimit limit = { 16 * MIB, 16 * MIB };
    void *p;

    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 1;
    p = mmap(NULL, 32 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED || errno != ENOMEM)
        return 2;
    p = mmap(NULL, 4 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? 0 : 3;
}

static int
not_up(void)
{
    struct rlimit limit = { 10, 20 };

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || setuid(USER) != 0)
        return 1;
    limit.rlim_cur = limit.rlim_max = 21;
    if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EPERM)
        return 2;
    limit.rlim_cur = 21, limit.rlim_max = 20;
    return setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EINVAL ? 0 : 3;
}

static volatile sig_atomic_t told;

static void
note(int sig)
{
    told = sig;
}

static int
little_time(void)
{
    struct rlimit limit = { 1, 2 };

    signal(SIGXCPU, note);
    if (setrlimit(RLIMIT_CPU, &limit) != 0)
        return 1;
    while (!told)
        ;
    while (told == SIGXCPU)
        ;
    return 2;
}

static void
limits(void)
{
    int status;

    tap(child(few_descriptors) == 0, "RLIMIT_NOFILE: EMFILE at the limit");
    tap(child(little_space) == 0, "RLIMIT_AS: ENOMEM past the limit");
    tap(child(not_up) == 0, "only root raises a hard limit");
    status = child(little_time);
    tap(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "RLIMIT_CPU: a signal first, then the end");
}

int
main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return ids_are(USER, OTHER, OTHER) ? 0 : 3;
    printf("1..10\n");
    users();
    limits();
    return 0;
}
