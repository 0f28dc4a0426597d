/*
 * spawn.h: starting a program and turning the machine off, for C programs.
 *
 * Both follow the C convention: -1 and errno on failure. They are ordinary system calls, so the
 * same source works linked with exos-cc and built by musl-gcc; libexos/fake/ has the same two for
 * running our programs on another system.
 */
#ifndef EXOS_SPAWN_H
#define EXOS_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include <exos/api.h>

/*
 * Starts `path` with argv and envp as a child. `fds` (fd_count entries) are its descriptors, and
 * nothing else; NULL gives it all descriptors that are not close-on-exec. `flags` are EXOS_SPAWN_*.
 * Gives the child's pid.
 */
pid_t
exos_spawn(const char *path, char *const argv[], char *const envp[], const struct exos_fdmap *fds,
    size_t fd_count, unsigned flags);

/* Ends every process, writes everything back and does EXOS_POWER_`op`. Returns only on failure:
 * EPERM for all but pid 1. */
int
exos_power(int op, int code);

#endif
