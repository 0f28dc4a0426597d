/*
 * beside.c: the calls that need no turn where several CPUs run the session (thread/turn.h).
 *
 * Holds:    handlers that read what is the caller's own, or a word that others change in one store, and touch no memory of the program: a fault
 *           there would be served by the library.
 * Not here: getpid and reading the clock, which do not come this far (start/call.asm).
 */
#include "abi/dispatch.h"
#include "thread/turn.h"

#define BESIDE(name) lx_handler lx_##name;
#define BESIDE_CALLS BESIDE(gettid) BESIDE(getppid) BESIDE(getuid) BESIDE(geteuid) BESIDE(getgid) BESIDE(getegid) BESIDE(getpgrp)
BESIDE_CALLS
#undef BESIDE

void
lx_beside_init(void)
{
    static lx_handler *const handlers[] = {
#define BESIDE(name) lx_##name,
        BESIDE_CALLS
#undef BESIDE
    };

    for (unsigned n = 0; n < LX_NUMBERS; n++)
        for (unsigned i = 0; i < ARRAY_SIZE(handlers); i++)
            if (lx_row(n)->handler == handlers[i])
                lx_calls.beside[n] = handlers[i];
}
