/* panic.h: the end, told so that a reader or a debugger can see why. See panic.c. */
#ifndef AEGIS_CORE_PANIC_H
#define AEGIS_CORE_PANIC_H

#include "core/kernel.h"

#define PANIC_FRAMES 24         /* return addresses kept */
#define PANIC_REASON 160

struct panic_registers {
    uint64_t gpr[16];           /* rax rbx rcx rdx rsi rdi rbp rsp r8-r15 */
    uint64_t rip, rflags, cs, error;
};

/* `print epitaph` in a debugger tells the same as the serial ports. */
struct epitaph {
    bool written;
    char reason[PANIC_REASON];
    const char *file;
    int line;
    struct panic_registers registers;
    uint64_t cr2, cr3;
    uint64_t backtrace[PANIC_FRAMES];
    uint32_t frames;
};
extern struct epitaph epitaph;

/* A panic about somebody else's registers: those of a trap. */
noreturn void panic_with(const struct panic_registers *r, const char *format, ...) PRINTF(2, 3);

#endif
