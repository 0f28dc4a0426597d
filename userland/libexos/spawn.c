/*
 * spawn.c: exos_spawn and exos_power as system calls.
 */
#define _GNU_SOURCE

#include <exos/spawn.h>
#include <unistd.h>

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

    return (pid_t)syscall(EXOS_SYS_SPAWN, &args);
}

int
exos_power(int op, int code)
{
    return (int)syscall(EXOS_SYS_POWER, op, code);
}
