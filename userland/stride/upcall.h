/* upcall.h: what a client runs. See upcall.S, which knows the offsets. */
#ifndef STRIDE_UPCALL_H
#define STRIDE_UPCALL_H

#include <stddef.h>
#include <stdint.h>

struct job {
    uint64_t work;                  /* rounds of the loop */
    uint64_t limit;                 /* ticks after which it gives up the CPU; 0: it goes on until the slice ends */
    uint64_t scheduler;             /* the env that is told by a yield */
};
_Static_assert(offsetof(struct job, limit) == 8 && offsetof(struct job, scheduler) == 16, "upcall.S");

/* Where a client begins, with its job in rdi; its UENV's library part begins with the address of the job, too. */
void client_start(void);
/* The upcall at the end of its slice. */
void client_slice_end(void);

#endif
