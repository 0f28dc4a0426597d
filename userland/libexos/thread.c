/*
 * thread.c: where a thread begins, where it keeps its pointer, and how it ends without a stack.
 *
 * Needs:    CR4.FSGSBASE (Aegis turns it on); the base of FS belongs to the program.
 * Not here: which thread runs. That is the library's business.
 */
#include <sys/syscall.h>

#include "seam.h"

#define EXIT_STACK_BYTES 4096
#define UNUSED           __attribute__((unused))

int
__set_thread_area(void *p)
{
    __asm__ volatile("wrfsbase %0" : : "r"(p) : "memory");
    return 0;
}

/*
 * In: rdi fn, rsi stack, edx flags, rcx arg, r8 ptid, r9 tls, [rsp + 8] ctid. The parent gets the
 * thread's id or -errno.
 *
 * The library starts the child at the same return address, with rsp exactly the stack given and rax
 * 0: fn and arg lie there. A NULL fn is fork-like use, which musl never makes through here.
 */
__attribute__((naked)) int
__clone(UNUSED int (*fn)(void *), UNUSED void *stack, UNUSED int flags, UNUSED void *arg, ...)
{
    __asm__("and $-16, %%rsi\n\t"
            "sub $16, %%rsi\n\t"
            "mov %%rdi, (%%rsi)\n\t"
            "mov %%rcx, 8(%%rsi)\n\t"
            "mov 8(%%rsp), %%r10\n\t" /* ctid */
            "push $0\n\t"             /* the sixth argument of the call */
            "mov %%r8, %%rcx\n\t"     /* ptid */
            "mov %%r10, %%r8\n\t"     /* ctid; tls is in r9 already */
            "xchg %%rdx, %%rsi\n\t"   /* flags first, stack second */
            "mov %0, %%edi\n\t"
            "call exos_syscall\n\t"
            "test %%eax, %%eax\n\t"
            "jz 1f\n\t"
            "add $8, %%rsp\n\t"
            "ret\n"
            "1:\txor %%ebp, %%ebp\n\t"
            "mov (%%rsp), %%rax\n\t"
            "mov 8(%%rsp), %%rdi\n\t"
            "call *%%rax\n\t"
            "mov %%eax, %%esi\n\t"
            "mov %1, %%edi\n\t"
            "push $0\n\t"
            "call exos_syscall\n\t"
            "hlt"
            :
            : "i"(SYS_clone), "i"(SYS_exit));
}

/* One for all: the exiting thread holds musl's thread list lock, which the library opens when the
 * thread is gone. */
static _Alignas(16) char exit_stack[EXIT_STACK_BYTES];
static void *exit_base;
static unsigned long exit_size;

static _Noreturn __attribute__((used)) void
unmap_and_exit(void)
{
    exos_syscall(SYS_munmap, (long)exit_base, (long)exit_size, 0, 0, 0, 0);
    for (;;)
        exos_syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/* Gives back the stack that the calling thread stands on, and ends the thread. */
void
__unmapself(void *base, unsigned long size)
{
    exit_base = base;
    exit_size = size;
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "call unmap_and_exit"
                     :
                     : "r"(exit_stack + EXIT_STACK_BYTES)
                     : "memory");
    __builtin_unreachable();
}
