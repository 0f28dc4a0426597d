/*
 * sigreturn.c: where a signal handler returns to. The signal frame starts at rsp; the library takes
 * it from there.
 *
 * Debuggers and unwinders go on from here to what the signal interrupted, by the description of this
 * place as a signal's frame (DWARF 5, 6.4): each register lies in the frame, where struct
 * ucontext has it. They look for it at the byte before the address that the handler returns to.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <ucontext.h>

#include <exos/gate.h>

#include "seam.h"

#define DW_CFA_def_cfa_expression 15
#define DW_CFA_expression 16
#define DW_OP_deref 6
#define DW_OP_breg7 0x77        /* rsp and an offset: two bytes of seven bits */

/* number: DWARF's of the register (System V ABI, AMD64, 3.6.2). */
#define SAVED(number, reg) \
    ".cfi_escape %c[expression], " #number ", 3, %c[breg7], (%c[" #reg "] & 127) + 128, %c[" #reg "] >> 7\n\t"
#define SAVED_AT(reg) [reg] "i"(offsetof(ucontext_t, uc_mcontext.gregs[REG_##reg]))

__attribute__((naked, used)) static void
restore(void)
{
    __asm__(".cfi_signal_frame\n\t"
            ".cfi_escape %c[def_cfa], 4, %c[breg7], (%c[RSP] & 127) + 128, %c[RSP] >> 7, %c[deref]\n\t"
            SAVED(0, RAX) SAVED(1, RDX) SAVED(2, RCX) SAVED(3, RBX) SAVED(4, RSI) SAVED(5, RDI)
            SAVED(6, RBP) SAVED(7, RSP) SAVED(8, R8) SAVED(9, R9) SAVED(10, R10) SAVED(11, R11)
            SAVED(12, R12) SAVED(13, R13) SAVED(14, R14) SAVED(15, R15) SAVED(16, RIP)
            "nop\n"
            ".globl __restore_rt\n"
            "__restore_rt:\n\t"
            "movabs %[gate], %%rax\n\t"
            "jmp *(%%rax)"
            :
            : [gate] "i"(EXOS_IMAGE_BASE + offsetof(struct exos_gate, sigreturn)),
              [def_cfa] "i"(DW_CFA_def_cfa_expression), [expression] "i"(DW_CFA_expression),
              [breg7] "i"(DW_OP_breg7), [deref] "i"(DW_OP_deref),
              SAVED_AT(RAX), SAVED_AT(RDX), SAVED_AT(RCX), SAVED_AT(RBX), SAVED_AT(RSI),
              SAVED_AT(RDI), SAVED_AT(RBP), SAVED_AT(RSP), SAVED_AT(R8), SAVED_AT(R9),
              SAVED_AT(R10), SAVED_AT(R11), SAVED_AT(R12), SAVED_AT(R13), SAVED_AT(R14),
              SAVED_AT(R15), SAVED_AT(RIP));
}
