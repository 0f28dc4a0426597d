/*
 * sigreturn.c: where a signal handler returns to. The signal frame starts at rsp; the library takes
 * it from there.
 */
#include <stddef.h>

#include <exos/gate.h>

#include "seam.h"

__attribute__((naked)) void
__restore_rt(void)
{
    __asm__("movabs %0, %%rax\n\t"
            "jmp *(%%rax)"
            :
            : "i"(EXOS_IMAGE_BASE + offsetof(struct exos_gate, sigreturn)));
}
