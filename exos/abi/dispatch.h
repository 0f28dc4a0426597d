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

/* Any call. entry.asm looks into lx_direct first. */
long linux_dispatch(uint64_t n, const struct lx_args *args);
extern lx_handler *const *lx_direct;    /* [LX_NUMBERS]; NULL: what linux_dispatch must see */
extern uint64_t lx_counts[LX_NUMBERS];
/* The row of a number; NULL past the last. For /proc and tests. */
const struct lx_row *lx_row(unsigned n);
uint64_t lx_count(unsigned n);
const char *lx_name(uint64_t n);
/* Registers /proc/exos/calls. */
void lx_files_init(void);
/* The word `strace` on the boot command line: every call is logged (strace.h). */
void lx_trace(bool on);

#endif
