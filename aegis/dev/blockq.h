/* blockq.h: block queues inside the kernel. See blockq.c. */
#ifndef AEGIS_DEV_BLOCKQ_H
#define AEGIS_DEV_BLOCKQ_H

#include "core/kernel.h"
#include "dev/dev.h"
#include "dev/slot.h"

struct blockq_binding {
    aeg_id_t slot;
    uint32_t rights;
};

/*
 * Checks a request (a private copy of it) against the bindings of its queue and fills `out` but for its owner's fields. On AEG_OK the
 * frames are bound with what the operation needs over `cap`; otherwise nothing is.
 */
aeg_err_t blockq_check(const struct aeg_block_request *r, const struct blockq_binding *binding, uint32_t binding_count,
                       const struct aeg_cap *cap, struct disk_request *out) AEG_MUST_USE;

/* Is a request of any queue that came through `slot` in flight in these blocks of the disk? */
bool blockq_busy(aeg_id_t slot, uint64_t first, uint64_t count);

void blockq_init(void);
/* Starts what is posted and could not be taken earlier; notifies those whose requests are done. After each batch of disk_done(). */
void blockq_progress(void);

#endif
