/*
 * kernel.h: the kernel under a host test of the devices: frames, one calling space with its capabilities, one account, one env. Every
 * frame, account and notification is counted, so that a test can see what a call left behind.
 */
#ifndef FAKE_DEV_KERNEL_H
#define FAKE_DEV_KERNEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/kernel.h"
#include "dev/limits.h"
#include "test/fake/aegis/asserted.h"

#define FAKE_FRAMES 16384
#define FAKE_BOOT_FRAMES 2048           /* frames below are the tests', those above frame_boot_alloc's */

enum { CAP_ROOT, CAP_ALICE, CAP_BOB, CAP_ALICE_READ, CAP_NIC_READ, CAP_NIC_WRITE, CAP_DISK_RO, CAP_DISK_RW,
       CAP_ALICE_BELOW, CAP_FRESH, CAP_COUNT, CAP_EMPTY };

#define NAME_ALICE ((struct aeg_name){ AEG_NAME2(7, 1), 0 })
#define NAME_BOB ((struct aeg_name){ AEG_NAME2(7, 2), 0 })
#define ENV_ALICE AEG_ID(3, 1)
#define ACCOUNT AEG_ID(0, 1)
#define ACCOUNT_PARENT AEG_ID(4, 1)     /* who pays after the end of ACCOUNT */
#define BAD_POINTER 16

struct fake_frame {
    struct aeg_name guard;
    uint32_t refs;
    uint8_t type;                       /* enum aeg_frame_type */
    bool dies;
};

extern struct fake {
    struct fake_frame frame[FAKE_FRAMES];
    uint64_t used[AEG_KINDS], limit[AEG_KINDS];     /* of both accounts */
    uint64_t handed_up[AEG_KINDS];
    enum aeg_trace_kind traced;         /* the last event, and its two words */
    uint64_t traced_a, traced_b;
    unsigned notified;                  /* calls of env_notify for ENV_ALICE */
    uint64_t bits;
    aeg_id_t space;                     /* the calling one */
    uint64_t now_ns;
    uint64_t tsc, tsc_step;             /* ns; what each reading of it adds */
    uint64_t secrets;                   /* given out; each is another one, ... */
    bool no_secret;                     /* ... or all are 0 */
} fake;

/*
 * Everything back to the start but the tables made at boot: frames 1-999 are Alice's, 1000-1999 Bob's, all plain; frame 2000 is a node,
 * 2001 free, 2002 an env's save frame.
 */
void fake_reset(void);
/* The machine starts anew: all that frame_boot_alloc gave is gone, and every _init has to run again. */
void fake_boot_again(void);
uint32_t fake_refs(void);               /* of all frames */
aeg_err_t fake_call(sys_handler *handler, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t *value);

#endif
