/*
 * vfork.c: the call that returns twice on one stack.
 *
 * The child runs on the parent's stack and returns from here first, so the parent's return address
 * cannot stay there. It waits in rdx: the library resumes the parent of a vfork with every register
 * but rax, rcx and r11 as it was at the call, and takes the address behind the call from its own
 * copy; the same that an unmodified program relies on.
 */
#define _GNU_SOURCE

#include <sys/syscall.h>
#include <unistd.h>

#include "seam.h"

__attribute__((naked)) pid_t
vfork(void)
{
    __asm__("pop %%rdx\n\t"
            "push $0\n\t" /* the sixth argument of the call */
            "mov %0, %%edi\n\t"
            "call exos_syscall\n\t"
            "add $8, %%rsp\n\t"
            "push %%rdx\n\t"
            "mov %%rax, %%rdi\n\t"
            "jmp __syscall_ret"
            :
            : "i"(SYS_vfork));
}
