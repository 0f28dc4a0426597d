/*
 * fake/spawn.c: exos_spawn and exos_power on another system, so that our programs can be tried out
 * there.
 *
 * Not here: the sharing and the speed of the real one. exos_power ends the program: 100 + op.
 */
#define _GNU_SOURCE

#include <exos/spawn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FD_HIGH 100 /* no program under test uses descriptors from here on */

static int
child_fds(const struct exos_fdmap *fds, size_t fd_count, int report)
{
    int high[EXOS_SPAWN_FDMAP_MAX];

    for (size_t i = 0; i < fd_count; i++) {
        high[i] = fcntl(fds[i].from, F_DUPFD_CLOEXEC, FD_HIGH);
        if (high[i] < 0)
            return -1;
    }
    for (int fd = 0; fd < FD_HIGH; fd++)
        if (fd != report)
            close(fd);
    for (size_t i = 0; i < fd_count; i++)
        if (dup2(high[i], fds[i].to) < 0)
            return -1;
    return 0;
}

static _Noreturn void
child(const struct exos_spawn *s, int report)
{
    int high = fcntl(report, F_DUPFD_CLOEXEC, FD_HIGH);
    int err;

    if (s->flags & EXOS_SPAWN_NEWPGRP)
        setpgid(0, 0);
    if (s->flags & EXOS_SPAWN_FOREGROUND) {
        sigset_t ttou;

        sigemptyset(&ttou);
        sigaddset(&ttou, SIGTTOU);
        sigprocmask(SIG_BLOCK, &ttou, NULL);
        tcsetpgrp(STDIN_FILENO, getpgrp());
        sigprocmask(SIG_UNBLOCK, &ttou, NULL);
    }
    if (s->fds == NULL || child_fds(s->fds, s->fd_count, high) == 0)
        execve(s->path, s->argv, s->envp);
    err = errno;
    if (write(high, &err, sizeof(err)) != (ssize_t)sizeof(err))
        _exit(126);
    _exit(127);
}

pid_t
exos_spawn(const char *path, char *const argv[], char *const envp[], const struct exos_fdmap *fds,
    size_t fd_count, unsigned flags)
{
    const struct exos_spawn args = {
        .size = sizeof(args),
        .path = path,
        .argv = argv,
        .envp = envp,
        .fds = fds,
        .fd_count = fd_count,
        .flags = flags,
    };
    int report[2];
    int err = 0;
    pid_t pid;

    if (fd_count > EXOS_SPAWN_FDMAP_MAX)
        return errno = EINVAL, -1;
    if (pipe2(report, O_CLOEXEC) < 0)
        return -1;
    pid = fork();
    if (pid == 0)
        child(&args, report[1]);
    close(report[1]);
    if (pid > 0 && read(report[0], &err, sizeof(err)) == (ssize_t)sizeof(err)) {
        waitpid(pid, NULL, 0);
        errno = err;
        pid = -1;
    }
    close(report[0]);
    return pid;
}

int
exos_power(int op, int code)
{
    fprintf(stderr, "exos_power(%d, %d)\n", op, code);
    exit(100 + op);
}
