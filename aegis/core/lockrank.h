/*
 * lockrank.h: the order in which the kernel's locks are taken (abi/locks.def). Whoever holds one may take only locks of a larger rank.
 */
#ifndef AEGIS_CORE_LOCKRANK_H
#define AEGIS_CORE_LOCKRANK_H

#include <stdint.h>

enum lock_rank {
#define AEG_LOCK(rank, name, what) LOCK_##name = rank,
#include "aegis/locks.def"
#undef AEG_LOCK
};

/* Somebody had to wait so many turns of a loop for a lock of this rank; 0: he had not. */
void lock_waited(uint32_t rank, uint64_t turns);
void locks_init(void);          /* the counters, in the exposed window */

#endif
