/*
 * trap.h: what lies on the kernel stack when the CPU has left what it did: exceptions and interrupts share one shape.
 *
 * The hardware pushes ss ... rip (and sometimes an error code), the stub (stubs.asm) an error code of 0 where there is none and the
 * vector, exception_common and interrupt_common (entry.asm) the general registers, rax first and r15 last.
 */
#ifndef AEGIS_ARCH_TRAP_H
#define AEGIS_ARCH_TRAP_H

#include "arch/x86_64/arch.h"

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Vectors: 0-31 are the CPU's, 32-47 the legacy interrupts through the IOAPIC, then what irq_alloc gives out. */
#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR_UD 6
#define VECTOR_DF 8
#define VECTOR_PF 14
#define VECTOR_MC 18
#define VECTOR_EXCEPTIONS 32
#define VECTOR_ALLOC_FIRST 0x30
#define VECTOR_ALLOC_LAST 0xdf
#define VECTOR_TIMER 0xe0
#define VECTOR_CLASS_DOZING 0xe /* of VECTOR >> 4: none up to here interrupts a CPU that dozes */
#define VECTOR_MAIL 0xf1
#define VECTOR_WAKE 0xf2
#define VECTOR_SPURIOUS 0xff

/* Selectors: Linux's, since programs may look. */
#define SEL_KERNEL_CS 0x10
#define SEL_KERNEL_DS 0x18
#define SEL_USER_CS32 0x23
#define SEL_USER_DS 0x2b
#define SEL_USER_CS 0x33
#define SEL_TSS 0x40

/* An exception in kernel mode (entry.asm calls it): resumes at the fix-up of a user-memory access, else panics. */
void exception_kernel(struct trap_frame *f);

/* An interrupt, whatever was running (entry.asm calls it with user state saved): acknowledges it and calls the handlers. */
void interrupt_dispatch(unsigned vector);

/* The same while the CPU dozes in the kernel: it is only woken. */
void interrupt_dozing(unsigned vector);

/* NMI, #DF, #MC, and #DB in kernel mode: on their own stacks (stubs.asm calls it with GS already the kernel's). */
void exception_special(struct trap_frame *f);

#endif
