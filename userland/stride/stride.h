/* stride.h: the parts of stride: the policy, and the envs that it shares the CPU among. */
#ifndef STRIDE_H
#define STRIDE_H

#include <stdint.h>

#define CLIENTS_MAX 16

/* ---- policy.c: who runs next ---- */

struct share {
    uint32_t tickets;
    uint64_t pass;                  /* CPU time per ticket so far: whoever is least far on runs next */
    uint64_t used;                  /* CPU time so far, in ticks */
    uint64_t turns;
};

/* The index of the one to run. count is not 0. */
unsigned share_pick(const struct share *shares, unsigned count);
/* It has run for `ticks`. */
void share_charge(struct share *share, uint64_t ticks);
/* How far share i is from its part of all used time, in hundredths of a percent of that part. */
unsigned share_error(const struct share *shares, unsigned count, unsigned i);

/* ---- client.c: envs that compute ---- */

/* Makes client i, which gives up the CPU after `limit` ticks each time, 0: when the slice ends. Returns 0 or the kernel's error. */
unsigned client_make(unsigned i, uint64_t limit);
/* Yields to it. Back, when it has yielded to us, with the ticks that it had the CPU, or UINT64_MAX: it cannot run. */
uint64_t client_run(unsigned i);
uint64_t client_work(unsigned i);
/* Ends all that were made. */
void clients_end(void);

#endif
