/*
 * rings.h: under a host test of filters: rings and interfaces that exist in name only. Rings 0 and 1 are Alice's, 2 and 3 Bob's, all on
 * NIC 0; ring 4 is Alice's on NIC 1.
 */
#ifndef FAKE_DEV_RINGS_H
#define FAKE_DEV_RINGS_H

#include "test/fake/aegis/dev/kernel.h"
#include "dev/net.h"

#define RING(i) AEG_ID(i, 1)
#define RINGS 5
#define RING_IS_BOBS(i) ((i) == 2 || (i) == 3)
#define NICS 2
#define MEMORY_FRAMES (1 << 18)         /* 1 GiB: all filters that two NICs may have */

/* Who may do what with each. */
extern const uint32_t ring_cap[RINGS];

/* Before and after each test, which leaves the table as it found it: empty. */
int make(void **state);
int unmake(void **state);

/* All filters of a ring go, or of all. */
void release(uint32_t ring);
void release_all(void);
aeg_err_t bind_as(uint32_t ring, uint32_t nic_cap, const struct aeg_filter *f, aeg_id_t *id);

#endif
