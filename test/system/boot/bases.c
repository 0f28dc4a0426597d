/*
 * bases.c: the instructions of FSGSBASE do the same whether the CPU has them or the kernel stands in.
 */
#include <stdint.h>
#include <stdio.h>

#define OTHER_BASE 0x123456789000ul

int
main(void)
{
    register uint64_t other __asm__("r12") = OTHER_BASE;
    uint64_t wide, narrow = ~0ul, gs, gs_after;

    /* Between the two writes no C code runs: the thread's own data is not where it was. */
    __asm__ volatile("rdfsbase %%r13\n\t"
                     "wrfsbase %%r12\n\t"
                     "rdfsbase %%rcx\n\t"
                     "rdfsbase %%edx\n\t"
                     "wrfsbase %%r13"
                     : "=c"(wide), "+d"(narrow)
                     : "r"(other)
                     : "r13", "memory");
    __asm__ volatile("rdgsbase %%rsi\n\t"
                     "wrgsbase %%rsi\n\t"
                     "rdgsbase %%r15"
                     : "=S"(gs)
                     :
                     : "r15", "memory");
    __asm__ volatile("rdgsbase %0" : "=r"(gs_after));
    printf("%lx %lx %s\n", wide, narrow, gs == gs_after ? "same" : "other");
    fflush(stdout);
    __asm__ volatile("wrfsbase %0" : : "r"(1ul << 47) : "memory");  /* not canonical */
    return 0;
}
