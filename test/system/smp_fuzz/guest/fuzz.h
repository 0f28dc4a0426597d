/* fuzz.h: an env that makes calls up. See call.c. */
#ifndef TEST_SMP_FUZZ_H
#define TEST_SMP_FUZZ_H

#include "../../smp/guest/actor.h"

#define CALLS_MAX 64

void fuzz(struct actor *a);
extern char fuzz_gate[];
/* How often each call did what it was asked, by all. */
extern volatile uint64_t fuzz_good[CALLS_MAX];
uint64_t fuzz_now_ns(void);

#endif
