/*
 * trap.c: exceptions in kernel mode, and the four that may come anywhere.
 *
 * Holds:    a fault at an instruction of the exception table goes on at its fix-up; every other one is the end, with an epitaph. So is
 *           an NMI: the hardware is broken, or whoever stands at the machine wants to know what it does.
 * Not here: exceptions in user mode: they are the library's (entry.asm).
 */
#include "arch/x86_64/machine.h"
#include "core/log.h"
#include "core/panic.h"

#define RFLAGS_TF 0x100u

struct extable_entry {
    uint64_t at, fixup;
};
extern const struct extable_entry extable_begin[], extable_end[];

static const char *const vector_names[VECTOR_EXCEPTIONS] = {
    "divide error", "debug", "NMI", "breakpoint", "overflow", "bound", "invalid opcode", "no coprocessor", "double fault", "?",
    "invalid TSS", "segment not present", "stack fault", "general protection", "page fault", "?", "x87 error", "alignment",
    "machine check", "SIMD error", "virtualization", "control protection",
};

void
panic_trap(const struct trap_frame *f, const char *why)
{
    struct panic_registers r = {
        .gpr = { f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->rsp,
                 f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15 },
        .rip = f->rip, .rflags = f->rflags, .cs = f->cs, .error = f->error,
    };

    panic_with(&r, "%s in %s", why, f->cs & 3 ? "a program" : "the kernel");
}

static const char *
vector_name(uint64_t vector)
{
    return vector < VECTOR_EXCEPTIONS && vector_names[vector] != NULL ? vector_names[vector] : "unknown exception";
}

void
exception_kernel(struct trap_frame *f)
{
    for (const struct extable_entry *e = extable_begin; e < extable_end; e++) {
        if (e->at == f->rip) {
            f->rip = e->fixup;
            return;
        }
    }
    panic_trap(f, vector_name(f->vector));
}

void
exception_special(struct trap_frame *f)
{
    switch (f->vector) {
    case VECTOR_DB:
        f->rflags &= ~(uint64_t)RFLAGS_TF;      /* a single step that began in user mode */
        return;
    case VECTOR_NMI:
        panic_elsewhere();
        panic_trap(f, vector_name(f->vector));
    default:
        panic_trap(f, vector_name(f->vector));
    }
}
