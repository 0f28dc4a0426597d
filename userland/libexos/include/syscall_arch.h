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

/* The result, or a negated error number, as from Linux. One function; the names differ so that arguments a call has not are not set. */
long
exos_syscall0(long number) __asm__("exos_syscall");
long
exos_syscall1(long number, long a) __asm__("exos_syscall");
long
exos_syscall2(long number, long a, long b) __asm__("exos_syscall");
long
exos_syscall3(long number, long a, long b, long c) __asm__("exos_syscall");
long
exos_syscall4(long number, long a, long b, long c, long d) __asm__("exos_syscall");
long
exos_syscall5(long number, long a, long b, long c, long d, long e) __asm__("exos_syscall");
long
exos_syscall6(long number, long a, long b, long c, long d, long e, long f) __asm__("exos_syscall");

static __inline long
__syscall0(long n)
{
    return exos_syscall0(n);
}

static __inline long
__syscall1(long n, long a)
{
    return exos_syscall1(n, a);
}

static __inline long
__syscall2(long n, long a, long b)
{
    return exos_syscall2(n, a, b);
}

static __inline long
__syscall3(long n, long a, long b, long c)
{
    return exos_syscall3(n, a, b, c);
}

static __inline long
__syscall4(long n, long a, long b, long c, long d)
{
    return exos_syscall4(n, a, b, c, d);
}

static __inline long
__syscall5(long n, long a, long b, long c, long d, long e)
{
    return exos_syscall5(n, a, b, c, d, e);
}

static __inline long
__syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    return exos_syscall6(n, a, b, c, d, e, f);
}
