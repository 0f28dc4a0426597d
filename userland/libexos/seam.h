/*
 * seam.h: the symbols that musl and libgcc take from us, and what they need of each
 * other.
 */
#ifndef EXOS_SEAM_H
#define EXOS_SEAM_H

/* The Linux call `n` as a function call: >= 0, or -errno. */
long
exos_syscall(long n, long a, long b, long c, long d, long e, long f);

/* musl's: sets errno from -errno. */
long
__syscall_ret(unsigned long r);

/* musl's: ends a thread that was cancelled, or gives -ECANCELED where cancellation is masked. */
long
__cancel(void);

int
__clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int
__set_thread_area(void *p);
void
__unmapself(void *base, unsigned long size);
long
__syscall_cp_asm(volatile int *cancel, long n, long a, long b, long c, long d, long e, long f);
void
__restore_rt(void);
/* libgcc's wish: where the tables of the object at pc are; 0, or -1: there is none. */
int
_dl_find_object(void *pc, void *object);

#endif
