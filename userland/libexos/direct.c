/*
 * direct.c: the calls that have an entry of the gate table to themselves and stay on the caller's stack: getpid() and
 * clock_gettime().
 *
 * They stand for musl's. As with the vDSO that musl's clock_gettime() would use, an address that is not the program's to write
 * is a fault, not EFAULT.
 */
#include <exos/gate.h>
#include <time.h>
#include <unistd.h>

#include "seam.h"

int
__clock_gettime(clockid_t clock, struct timespec *to);

pid_t
getpid(void)
{
    return EXOS_GATE->getpid();
}

int
__clock_gettime(clockid_t clock, struct timespec *to)
{
    long r = EXOS_GATE->clock_gettime(clock, to);

    return r == 0 ? 0 : (int)__syscall_ret((unsigned long)r);
}

extern int
clock_gettime(clockid_t clock, struct timespec *to) __attribute__((weak, alias("__clock_gettime")));
