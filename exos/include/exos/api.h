/*
 * api.h: the ExOS calls that Linux has no name for.
 *
 * They enter through the same dispatch as Linux calls (linked: the gate table; unmodified: the bounce), under numbers that no Linux
 * kernel uses. Results follow the Linux convention: >= 0, or -errno.
 */
#ifndef EXOS_API_H
#define EXOS_API_H

#include <stdint.h>

#define EXOS_SYS_BASE   0x45580000u     /* 'EX' */
#define EXOS_SYS_SPAWN  (EXOS_SYS_BASE + 0)
#define EXOS_SYS_POWER  (EXOS_SYS_BASE + 1)
#define EXOS_SYS_LIMIT  (EXOS_SYS_BASE + 2)

/* One descriptor handed to the child: the parent's `from` becomes the child's `to`. */
struct exos_fdmap {
    int32_t from;
    int32_t to;
};

#define EXOS_SPAWN_NEWPGRP   1u     /* the child leads a process group of its own */
#define EXOS_SPAWN_FOREGROUND 2u    /* its group becomes the foreground group of its terminal at once (no race with ^C); a child
                                       of pid 1 gets a session of its own, which has the console */
#define EXOS_SPAWN_FDMAP_MAX 64

/*
 * EXOS_SYS_SPAWN(const struct exos_spawn *): starts `path` (an ELF executable) as a child process in a space of its own.
 * Descriptors: those in fds, and nothing else. fds == NULL: all that are not close-on-exec, same numbers.
 * Signal dispositions that are ignored stay ignored, all others are default. Returns the child's pid, or -ENOENT, -EACCES,
 * -ENOEXEC, -E2BIG, -ENOMEM, -EFAULT, -EBADF, -EINVAL.
 */
struct exos_spawn {
    uint64_t size;                  /* sizeof(struct exos_spawn): the version */
    const char *path;
    char *const *argv;
    char *const *envp;
    const struct exos_fdmap *fds;
    uint64_t fd_count;
    uint64_t flags;
};

#define EXOS_POWER_OFF        0
#define EXOS_POWER_RESET      1
#define EXOS_POWER_DEBUG_EXIT 2     /* `code` goes to the isa-debug-exit port (QEMU then exits with 2 * code + 1) */

/* EXOS_SYS_POWER(op, code): ends every process, writes everything back, and turns the machine off. Only pid 1 may: -EPERM. */

#endif
