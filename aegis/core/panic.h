/* panic.h: the end, told so that a reader or a debugger can see why. See panic.c. */
#ifndef AEGIS_CORE_PANIC_H
#define AEGIS_CORE_PANIC_H

#include "core/kernel.h"

#define PANIC_FRAMES 24         /* return addresses kept */
#define PANIC_REASON 160
#define EPITAPH_PA 0x5000       /* a page of low memory, which nobody else uses */
#define EPITAPH_MAGIC "AEGISRIP"
#define EPITAPH_TEXT 3072

struct panic_registers {
    uint64_t gpr[16];           /* rax rbx rcx rdx rsi rdi rbp rsp r8-r15 */
    uint64_t rip, rflags, cs, error;
};

/* The text is what the serial ports were told; the rest is the same for a program to read. */
struct epitaph {
    char magic[8];              /* EPITAPH_MAGIC once there is one */
    uint32_t text_bytes;
    uint32_t frames;
    char text[EPITAPH_TEXT];
    char reason[PANIC_REASON];
    const char *file;           /* NULL: it was a trap */
    uint64_t line;
    struct panic_registers registers;   /* of the trap */
    uint64_t cr2, cr3;
    aeg_id_t env;               /* that was running; 0: idle */
    uint64_t backtrace[PANIC_FRAMES];
};
static_assert(sizeof(struct epitaph) <= FRAME_SIZE, "one page");
static_assert(offsetof(struct epitaph, text) == 16, "docs/debugging.md");

/* At boot: there is none yet, whatever lies in that page. */
void epitaph_clear(void);
/* Does not come back if another CPU dies: this one does nothing more. */
void panic_elsewhere(void);
/* A panic about somebody else's registers: those of a trap. */
noreturn void panic_with(const struct panic_registers *r, const char *format, ...) PRINTF(2, 3);

#endif
