/*
 * dispatch.h: the one way to a Linux call, and what is known of each.
 */
#ifndef EXOS_ABI_DISPATCH_H
#define EXOS_ABI_DISPATCH_H

#include "abi/linux.h"

#define LX_NUMBERS 512          /* Linux numbers that have a counter */

enum lx_state { LX_ABSENT, LX_PARTIAL, LX_DONE };

struct lx_row {
    lx_handler *handler;
    const char *name;
    const char *missing;        /* PARTIAL: a sentence */
    enum lx_state state;
};

/* A call, whichever it is; it is not counted. */
long linux_dispatch(uint64_t n, const struct lx_args *args);
/* What call.asm goes by: whom it calls, and how often each number was called. */
extern struct lx_calls {
    lx_handler *handler[LX_NUMBERS];
    uint64_t count[LX_NUMBERS];
    lx_handler *beside[LX_NUMBERS];     /* several CPUs: it is called beside whoever is in the library (beside.c). Not while calls are traced */
} lx_calls;
_Static_assert(offsetof(struct lx_calls, beside) == 2 * offsetof(struct lx_calls, count), "entry.inc");
/* The handler of all that is more than a call of another: of numbers without a row, and of all while calls are traced. */
lx_handler linux_rare;
/* The row of a number; NULL past the last. For /proc and tests. */
const struct lx_row *lx_row(unsigned n);
uint64_t lx_count(unsigned n);
const char *lx_name(uint64_t n);
void lx_beside_init(void);
/* Registers /proc/exos/calls. */
void lx_files_init(void);
void lx_names_init(void);                       /* the host's names, in /proc/sys/kernel (misc_sys.c) */
/* Calls can be made from now on; `on`: the word `strace` is on the boot command line, and every one is logged (strace.h). */
void lx_trace(bool on);

#endif
