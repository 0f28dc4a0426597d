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
#define EXOS_SYS_PAGER  (EXOS_SYS_BASE + 2)
#define EXOS_SYS_PAGES  (EXOS_SYS_BASE + 3)
#define EXOS_SYS_PAGER_REFUSED (EXOS_SYS_BASE + 4)     /* what a handler that returns 0 comes to; for the library alone */
#define EXOS_SYS_LIMIT  (EXOS_SYS_BASE + 5)

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

/*
 * A fault in a pager's range: the program's registers, which the handler may change. Vector registers are kept beside it. rsp may be
 * lowered by up to EXOS_FAULT_PUSH_MAX bytes.
 */
struct exos_fault {
    uint64_t address;               /* that was touched */
    uint64_t error;                 /* EXOS_FAULT_* */
    uint64_t rip, rsp, rflags;
    uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};
_Static_assert(sizeof(struct exos_fault) == 160, "vm/pager.asm");

#define EXOS_FAULT_PRESENT 1u       /* the page is there, but the access is not allowed */
#define EXOS_FAULT_WRITE   2u
#define EXOS_FAULT_EXEC    16u
#define EXOS_FAULT_PUSH_MAX 128

/* 0: the fault is not this handler's; it becomes SIGSEGV. Else the program goes on with the registers in *f (int: all of eax counts). */
typedef int exos_pager_fn(struct exos_fault *f, void *arg);

#define EXOS_PAGERS_MAX 64          /* of a process */

/*
 * EXOS_SYS_PAGER(start, bytes, handler, arg): from now on `handler` answers faults in the range, which must be whole pages of private
 * anonymous mappings that no pager has. handler NULL: the pager of the page at `start` answers no more, and all its pages have the
 * protection of their mapping again. 0, or -EINVAL, -ENOMEM, -EEXIST, -ENOSPC.
 */

/* Pages of one pager's and what is allowed of them: PROT_NONE, PROT_READ or PROT_READ | PROT_WRITE. */
struct exos_pages {
    uint64_t address;
    uint32_t count;
    uint32_t prot;
};

/*
 * EXOS_SYS_PAGES(const struct exos_pages *, n): changes the protection of each. Those that are to be accessible and are not there are made, of
 * zeros. How many elements have been dealt with; -EINVAL, -EACCES, -ENOMEM, -EFAULT if it is none.
 */

#endif
