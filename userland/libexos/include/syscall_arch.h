/*
 * syscall_arch.h: musl's system calls as function calls.
 *
 * Holds:    what musl's own arch/x86_64/syscall_arch.h would define; found before it because
 *           this directory comes first on the compiler's list while musl is built.
 * Not here: exos_syscall() itself (libexos), which jumps through the gate table. There is no
 *           vDSO: clock_gettime() is such a call too, and a cheap one.
 */
#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

#define IPC_64 0

/* The result, or a negated error number, as from Linux. */
long
exos_syscall(long number, long a, long b, long c, long d, long e, long f);

static __inline long
__syscall0(long n)
{
    return exos_syscall(n, 0, 0, 0, 0, 0, 0);
}

static __inline long
__syscall1(long n, long a)
{
    return exos_syscall(n, a, 0, 0, 0, 0, 0);
}

static __inline long
__syscall2(long n, long a, long b)
{
    return exos_syscall(n, a, b, 0, 0, 0, 0);
}

static __inline long
__syscall3(long n, long a, long b, long c)
{
    return exos_syscall(n, a, b, c, 0, 0, 0);
}

static __inline long
__syscall4(long n, long a, long b, long c, long d)
{
    return exos_syscall(n, a, b, c, d, 0, 0);
}

static __inline long
__syscall5(long n, long a, long b, long c, long d, long e)
{
    return exos_syscall(n, a, b, c, d, e, 0);
}

static __inline long
__syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    return exos_syscall(n, a, b, c, d, e, f);
}
