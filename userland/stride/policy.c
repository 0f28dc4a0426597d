/*
 * policy.c: stride scheduling (Waldspurger and Weihl, 1995), with time that was used in place of whole quanta: whoever gives up the CPU early
 * pays for what it had.
 */
#include "stride.h"

#define FRACTION 8                  /* bits of a pass behind the point */

unsigned
share_pick(const struct share *shares, unsigned count)
{
    unsigned best = 0;

    for (unsigned i = 1; i < count; i++)
        if (shares[i].pass < shares[best].pass)
            best = i;
    return best;
}

void
share_charge(struct share *share, uint64_t ticks)
{
    share->pass += (ticks << FRACTION) / share->tickets;
    share->used += ticks;
    share->turns++;
}

unsigned
share_error(const struct share *shares, unsigned count, unsigned i)
{
    uint64_t used = 0, tickets = 0, want;

    for (unsigned k = 0; k < count; k++) {
        used += shares[k].used;
        tickets += shares[k].tickets;
    }
    want = used / tickets * shares[i].tickets;
    if (want == 0)
        return UINT32_MAX;
    return (unsigned)((shares[i].used > want ? shares[i].used - want : want - shares[i].used) * 10000 / want);
}
