/*
 * cancel.c: system calls that are cancellation points.
 *
 * musl's own version is a raw `syscall` between two labels, and its signal handler redirects the
 * program counter when it lies between them. Here the program counter is never there: the library
 * makes "is a cancel pending" and "sleep" one step, and ends the sleep with -EINTR for the
 * cancellation signal even where SA_RESTART is set; musl then looks at the thread's cancel flag
 * itself. So the labels mark an empty range.
 */
#include "seam.h"

const char __cp_begin[1] __attribute__((visibility("hidden")));
const char __cp_cancel[1] __attribute__((visibility("hidden")));
extern const char __cp_end[1] __attribute__((visibility("hidden"), alias("__cp_begin")));

long
__syscall_cp_asm(volatile int *cancel, long n, long a, long b, long c, long d, long e, long f)
{
    if (*cancel)
        return __cancel();
    return exos_syscall(n, a, b, c, d, e, f);
}
