/*
 * panic.c: the end of the session by a library bug: where, why, who and a backtrace, on the log and on the console; then the machine stops.
 */
#include "aegis/sys.h"
#include "base/log.h"
#include "proc/proc.h"
#include "start/layout.h"
#include "start/session.h"

#define BACKTRACE_MAX 24
#define PANIC_EXIT_CODE 3       /* QEMU ends with 7 */

static void
say(const char *format, ...)
{
    char line[300];
    va_list ap;
    int n;

    va_start(ap, format);
    n = MIN(fmt_vprint(line, sizeof(line) - 2, format, ap), (int)sizeof(line) - 3);
    va_end(ap);
    line[n++] = '\r';
    line[n++] = '\n';
    log_raw(line, (size_t)n);
    port_write(AEG_CONSOLE_MAIN, line, (size_t)n, NULL);
}

static bool
is_stack(uint64_t va)
{
    return va >= PROCESS_BASE && va < PROCESS_BASE + (1u << 22) && (va & 7) == 0;
}

static void
backtrace(const uint64_t *frame)
{
    for (int i = 0; i < BACKTRACE_MAX && is_stack((uint64_t)frame) && frame[1] >= IMAGE_SLOT_BASE; i++) {
        say("  #%d %lx", i, frame[1]);
        if (frame[0] <= (uint64_t)frame)
            return;
        frame = (const uint64_t *)frame[0];
    }
}

static void
who(void)
{
    const struct thread *t = session.up ? thread_self() : NULL;

    if (!session.up)
        say("  in the first env, before the session");
    else if (t == NULL || t->proc == NULL)
        say("  in the housekeeper");
    else
        say("  in process %u (%s)", t->proc->pid, t->proc->name);
}

noreturn void
library_panic(const char *file, int line, const char *format, ...)
{
    static bool twice;
    char why[200];
    va_list ap;

    va_start(ap, format);
    fmt_vprint(why, sizeof(why), format, ap);
    va_end(ap);
    say("exos: library bug at %s:%d: %s", strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file, line, why);
    if (!twice) {
        twice = true;
        who();
        backtrace(__builtin_frame_address(0));
    }
    say("exos: the session ends here; nothing more is written to its disks");
    (void)aeg_power(session.up ? CAP_POWER : 0, AEG_POWER_DEBUG_EXIT, PANIC_EXIT_CODE);
    for (;;)
        (void)aeg_yield(0, 0);
}
