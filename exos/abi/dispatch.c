/*
 * dispatch.c: the one table of Linux calls, made from linux.def, and the way through it.
 *
 * A call that is not in the table answers -ENOSYS, is counted, and is named in the log once.
 */
#include "abi/dispatch.h"

#include "abi/strace.h"
#include "exos/api.h"
#include "proc/proc.h"
#include "start/entry.h"
#include "thread/turn.h"

#define LX_ROW(number, name, state, missing) lx_handler lx_##name;
#include "abi/linux.def"
#undef LX_ROW

#define SIGRETURN 15
#define STRANGE_NAMED_MAX 16        /* numbers beyond the table that the log names */

lx_handler lx_rt_sigreturn_many, lx_exos_spawn, lx_exos_power, lx_exos_pager, lx_exos_pages, lx_exos_pager_refused;

#define LX_ROW(number, name, state, missing) [number] = { lx_##name, #name, missing, LX_##state },
static const struct lx_row rows[LX_NUMBERS] = {
#include "abi/linux.def"
};
#undef LX_ROW

/* Names of calls that have no row, for the log (Linux arch/x86/entry/syscalls/syscall_64.tbl). */
static const char *const names[LX_NUMBERS] = {
#define LX_NAME(number, name) [number] = #name,
#include "abi/names.def"
#undef LX_NAME
};

static const struct lx_row own_rows[] = {
    [EXOS_SYS_SPAWN - EXOS_SYS_BASE] = { lx_exos_spawn, "exos_spawn", "", LX_DONE },
    [EXOS_SYS_POWER - EXOS_SYS_BASE] = { lx_exos_power, "exos_power", "", LX_DONE },
    [EXOS_SYS_PAGER - EXOS_SYS_BASE] = { lx_exos_pager, "exos_pager", "", LX_DONE },
    [EXOS_SYS_PAGES - EXOS_SYS_BASE] = { lx_exos_pages, "exos_pages", "", LX_DONE },
    [EXOS_SYS_PAGER_REFUSED - EXOS_SYS_BASE] = { lx_exos_pager_refused, "exos_pager_refused", "", LX_DONE },
};

struct lx_calls lx_calls;
static bool named[LX_NUMBERS];
static uint32_t strange;            /* calls of numbers that Linux does not know either */
static bool tracing;

const struct lx_row *
lx_row(unsigned n)
{
    return n < LX_NUMBERS ? &rows[n] : NULL;
}

uint64_t
lx_count(unsigned n)
{
    return n < LX_NUMBERS ? lx_calls.count[n] : 0;
}

static lx_handler *
handler_of(uint64_t n)
{
    return cpus_many && n == SIGRETURN ? lx_rt_sigreturn_many : rows[n].handler;
}

void
lx_trace(bool on)
{
    tracing = on;
    for (unsigned n = 0; n < LX_NUMBERS; n++)
        lx_calls.handler[n] = on || rows[n].handler == NULL ? linux_rare : handler_of(n);
    if (cpus_many && !on)
        lx_beside_init();
}

const char *
lx_name(uint64_t n)
{
    if (n < LX_NUMBERS)
        return rows[n].name != NULL ? rows[n].name : names[n] != NULL ? names[n] : "?";
    return n - EXOS_SYS_BASE < ARRAY_SIZE(own_rows) ? own_rows[n - EXOS_SYS_BASE].name : "?";
}

static long
absent(uint64_t n)
{
    if (n < LX_NUMBERS) {
        if (named[n])
            return -ENOSYS;
        named[n] = true;
    } else if (++strange > STRANGE_NAMED_MAX) {
        return -ENOSYS;
    }
    log_print("linux call %lu (%s) is absent", n, lx_name(n));
    return -ENOSYS;
}

static long
traced(uint64_t n, lx_handler *handler, const struct lx_args *a)
{
    struct lx_args before = *a;
    long ret;

    if (strace_ahead(n))
        strace_line(n, &before, false, 0);
    ret = handler(a);
    strace_line(n, &before, true, ret);
    return ret;
}

long
linux_dispatch(uint64_t n, const struct lx_args *args)
{
    lx_handler *handler = NULL;

    if (n < LX_NUMBERS)
        handler = handler_of(n);
    else if (n - EXOS_SYS_BASE < ARRAY_SIZE(own_rows))
        handler = own_rows[n - EXOS_SYS_BASE].handler;
    if (handler == NULL)
        return absent(n);
    return tracing ? traced(n, handler, args) : handler(args);
}

long
linux_rare(const struct lx_args *args)
{
    return linux_dispatch(program_regs()->orig_rax, args);
}
