/*
 * syscall.c: a system call is a function call through the gate table.
 *
 * The compiler makes this a load and a jump: the library's handler returns straight to the C
 * library's wrapper. The gate table lies at a constant address, so there is nothing to look up and
 * nothing to initialise.
 */
#include <exos/gate.h>

#include "seam.h"

long
exos_syscall(long n, long a, long b, long c, long d, long e, long f)
{
    return EXOS_GATE->syscall(n, a, b, c, d, e, f);
}
