/* dev.h: what the rest of the kernel asks of the device layer. */
#ifndef AEGIS_DEV_DEV_H
#define AEGIS_DEV_DEV_H

#include <stdbool.h>

#include "aegis/types.h"

/* Finds the devices and makes the tables of disks, slots, NICs and filters. After arch_devices(). */
void dev_init(void);

/*
 * A flood of packets must not take the CPU from those who have paid for it. An interrupt takes a bounded time, and all interrupts of a slice
 * together do; a NIC that has more falls silent, and its packets are polled: when a slice begins, when a library kicks a
 * ring of that NIC, when nobody runs.
 */
void dev_slice_begin(void);
/* Nobody is ready to run: hands up packets that wait. false: there were none. */
bool dev_poll(void);
/* When an idle CPU must poll again; UINT64_MAX: it need not. */
uint64_t dev_poll_tsc(void);

/* The space goes away: so do the block queues (packet rings, their filters) that it made. Bounded by the pool. */
void blockq_release_space(aeg_id_t space);
/* false: there are filters left, to be called again. */
bool ring_release_space(aeg_id_t space) AEG_MUST_USE;

/* The account ends: so do its block queues (packet rings); its slots, and what a device still works on, are its parent's. */
void blockq_release_account(aeg_id_t account);
bool ring_release_account(aeg_id_t account) AEG_MUST_USE;   /* false: as above */
void slot_release_account(aeg_id_t account);

/* Frames die (frame_dies): the queues and rings that live in them, or have posted them, end. */
void blockq_release_dying(void);
bool ring_release_dying(void) AEG_MUST_USE;     /* false: as above */

/*
 * `cap` has been revoked by `space`, which keeps it: the queues and rings that carry it, or one below it, may bind no further frames. The
 * revoker's own that carry the same name keep what `cap` has.
 */
void blockq_revoke(const struct aeg_cap *cap, aeg_id_t space);
void ring_revoke(const struct aeg_cap *cap, aeg_id_t space);

#endif
