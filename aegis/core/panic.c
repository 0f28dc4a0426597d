/*
 * panic.c: the hardware's fault or ours: says where, why, with which registers and by which calls, on both serial ports, and stops.
 *
 * Holds:    the epitaph, kept at a fixed place in memory for QEMU's monitor and a debugger (docs/debugging.md).
 * Locks:    takes none, since any may be held; the other CPUs are stopped first.
 * Not here: a caller's mistakes. They are error codes.
 */
#include "core/panic.h"

#include "arch/x86_64/arch.h"
#include "core/env.h"
#include "core/log.h"

#define DEBUG_EXIT_PANIC 0x7f
#define KERNEL_HALF (1ull << 63)

static struct epitaph *const epitaph = (struct epitaph *)(DIRECT_BASE + EPITAPH_PA);
static struct cpu *volatile dying;      /* who panics */

void
epitaph_clear(void)
{
    memset(epitaph, 0, sizeof(*epitaph));
}

/* A part of a line: to the serial ports and into the epitaph. */
static PRINTF(1, 2) void
tell(const char *format, ...)
{
    char part[LOG_LINE];
    va_list ap;
    size_t n;

    va_start(ap, format);
    n = MIN((size_t)kvformat(part, sizeof(part), format, ap), sizeof(part) - 1);
    va_end(ap);
    n = MIN(n, EPITAPH_TEXT - 1 - epitaph->text_bytes);
    memcpy(epitaph->text + epitaph->text_bytes, part, n);
    epitaph->text_bytes += n;
    log_raw("%s", part);
}

/* Frames are linked by rbp; it ends at 0, at the entry code, or where the chain no longer rises. */
static void
walk(uint64_t rbp)
{
    while (epitaph->frames < PANIC_FRAMES && rbp >= KERNEL_BASE && rbp % 8 == 0) {
        const uint64_t *frame = (const uint64_t *)rbp;

        if (frame[1] < KERNEL_BASE)
            return;
        epitaph->backtrace[epitaph->frames++] = frame[1];
        if (frame[0] <= rbp)
            return;
        rbp = frame[0];
    }
}

static const char *
short_path(const char *file)
{
    const char *s = file;

    for (const char *p = file; *p; p++)
        if (strncmp(p, "/aegis/", 7) == 0)
            s = p + 1;
    return s;
}

static void
print_registers(const struct panic_registers *r)
{
    static const char names[16][4] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                       "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

    for (unsigned i = 0; i < 16; i += 4)
        tell("  %3s %016lx  %3s %016lx  %3s %016lx  %3s %016lx\n", names[i], r->gpr[i], names[i + 1], r->gpr[i + 1],
             names[i + 2], r->gpr[i + 2], names[i + 3], r->gpr[i + 3]);
    tell("  rip %016lx  rfl %08lx  cs %02lx  error %lx  cr2 %016lx  cr3 %lx\n", r->rip, r->rflags, r->cs, r->error, epitaph->cr2,
         epitaph->cr3);
}

static void
print_cause(void)
{
    tell("\n*** aegis: panic: %s\n", epitaph->reason);
    if (epitaph->file != NULL)
        tell("  at %s:%lu\n", epitaph->file, epitaph->line);
    if (epitaph->registers.rip != 0)
        print_registers(&epitaph->registers);
}

static void
print_calls(void)
{
    tell("  called from");
    for (uint32_t i = 0; i < epitaph->frames; i++)
        tell("%s%016lx", i % 4 == 0 ? "\n    " : " ", epitaph->backtrace[i]);
    epitaph->env = this_cpu()->env ? this_cpu()->env->id : 0;
    tell("\n  cpu %u, env %lx\n*** end\n", this_cpu()->index, (unsigned long)epitaph->env);
    console_flush();
}

static noreturn void
stop(void)
{
    if (boot_option("debug-exit", NULL))
        arch_power(AEG_POWER_DEBUG_EXIT, DEBUG_EXIT_PANIC);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void
panic_elsewhere(void)
{
    while (dying && dying != this_cpu())
        __asm__ volatile("cli; hlt");
}

/* Fills the epitaph and stops; a panic inside a panic only stops. */
static noreturn void
die(const char *file, int line, const struct panic_registers *r, uint64_t rbp, const char *format, va_list ap)
{
    struct cpu *nobody = NULL;

    __asm__ volatile("cli");
    panic_elsewhere();
    if (dying || !__atomic_compare_exchange_n(&dying, &nobody, this_cpu(), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        panic_elsewhere();
        stop();
    }
    cpus_stop();
    epitaph_clear();
    memcpy(epitaph->magic, EPITAPH_MAGIC, sizeof(epitaph->magic));
    kvformat(epitaph->reason, sizeof(epitaph->reason), format, ap);
    epitaph->file = file != NULL ? short_path(file) : NULL;
    epitaph->line = line;
    if (r != NULL)
        epitaph->registers = *r;
    __asm__ volatile("mov %%cr2, %0" : "=r"(epitaph->cr2));
    __asm__ volatile("mov %%cr3, %0" : "=r"(epitaph->cr3));
    print_cause();              /* first, since the stack may be what is broken */
    walk(rbp);
    print_calls();
    stop();
}

void
panic_at(const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    die(file, line, NULL, (uint64_t)__builtin_frame_address(0), format, ap);
}

void
panic_with(const struct panic_registers *r, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    die(NULL, 0, r, r->gpr[6], format, ap);
}
