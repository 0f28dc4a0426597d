/*
 * calls.h: calls that make little sense, by two sessions that do not trust each other, on the machine of world.h.
 *
 * What is called with what is decided by calls_choice(), which the user of this file brings: numbers by chance (random_test.c), or a fuzzer's
 * (test/fuzz/kernel.c).
 */
#ifndef TEST_CALLS_H
#define TEST_CALLS_H

#include "world.h"

#define CALLS_CORE (AEG_SYS_slice_set - AEG_SYS_BASE + 1)
#define CALLS_GATE (AEG_SYS_pct_reply_wait - AEG_SYS_gate_open + 1)
#define CALLS_TABLE (AEG_SYS_pte_clear - AEG_SYS_BASE + 1)

struct calls {
    struct aeg_cap self[2], cpu;
};

uint64_t calls_choice(void);            /* 64 bits; of those that are used, the upper 32 */

/* In a world just made; one call by alice or bob; both are still there. */
void calls_begin(struct calls *c);
void calls_one(const struct calls *c);
void calls_end(void);

extern unsigned calls_succeeded[CALLS_TABLE], calls_errors[64];     /* so far, by call and by error */

#endif
