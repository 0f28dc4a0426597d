/*
 * misc_thread.c: what a C library asks for at start and around threads: thread pointer, giving the CPU away, barriers.
 */
#include "abi/linux.h"
#include "abi/linux_fs.h"
#include "aegis/info.h"
#include "base/mem.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/proc.h"
#include "thread/turn.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

/* FS is the program's; GS is the library's, and its own. */
LX(arch_prctl)
{
    uint64_t fs;

    switch (args->a[0]) {
    case ARCH_SET_FS:
        if (args->a[1] >= USER_TOP)
            return -EPERM;
        __asm__ volatile("wrfsbase %0" : : "r"(args->a[1]) : "memory");
        return 0;
    case ARCH_GET_FS:
        __asm__ volatile("rdfsbase %0" : "=r"(fs));
        return user_copy_out(args->a[1], &fs, sizeof(fs)) == 0 ? 0 : -EFAULT;
    case ARCH_SET_GS:
    case ARCH_GET_GS:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

LX(sched_yield)
{
    (void)args;
    sched_yield_now();
    return 0;
}

/* membarrier(2). What one CPU does it sees in order; others are interrupted. */
LX(membarrier)
{
    enum { QUERY = 0, GLOBAL = 1, PRIVATE_EXPEDITED = 8, REGISTER_PRIVATE_EXPEDITED = 16 };

    switch ((int)args->a[0]) {
    case QUERY:
        return GLOBAL | PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
    case GLOBAL:
    case PRIVATE_EXPEDITED:
    case REGISTER_PRIVATE_EXPEDITED:
        if (args->a[1] == 0)
            cpus_barrier();
        return args->a[1] == 0 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}
