/* ipc_wait.h: time limits and temporary signal masks, as poll, select and epoll take them from Linux programs. */
#ifndef EXOS_ABI_IPC_WAIT_H
#define EXOS_ABI_IPC_WAIT_H

#include "base/base.h"
#include "base/uio.h"

/* Linux struct timespec; struct timeval has microseconds in the second field. */
struct lx_time {
    int64_t sec;
    int64_t sub;
};
_Static_assert(sizeof(struct lx_time) == 16, "Linux include/uapi/linux/time_types.h");

/* A poll timeout in milliseconds, negative for ever, as a deadline. 0: only look. */
uint64_t deadline_from_ms(int64_t ms);
/* The same from user memory; at == 0: for ever. `unit_ns` of the second field: 1 or 1000. 0, -EFAULT, -EINVAL. */
int deadline_from_user(uva_t at, uint32_t unit_ns, uint64_t *deadline_ns) MUST_USE;
/* Writes back what is left of the time, as select does. A failure to write is not the caller's business. */
void deadline_to_user(uva_t at, uint32_t unit_ns, uint64_t deadline_ns);

/* Replaces the caller's signal mask by the one at `mask` (0: leaves it). 0, -EFAULT, -EINVAL. */
int mask_swap(uva_t mask, uint64_t size) MUST_USE;
/* The old mask comes back: at once, or, when a signal has ended the call, after its handler has begun. Gives `result`. */
long mask_restore(uva_t mask, long result) MUST_USE;

#endif
