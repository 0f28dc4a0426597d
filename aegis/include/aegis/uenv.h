/*
 * uenv.h: the page that an env shares with the kernel.
 *
 * The creator of an env supplies the frame and maps it where it likes; user GS base points at it. The kernel reads each field once, through
 * its own alias, and checks every entry point and stack at every use, so a lie hurts only the liar.
 */
#ifndef AEGIS_UENV_H
#define AEGIS_UENV_H

#include "aegis/types.h"

/* What a fault or an asynchronous upcall found in the registers that the way into the handler destroys. Everything else is untouched. */
struct aeg_uframe {
    uint64_t vector;            /* 0-31: the exception; AEG_VECTOR_* */
    uint64_t error;             /* hardware error code, or 0 */
    uint64_t cr2;
    uint64_t rip, rsp, rflags, rcx, r11;
    uint64_t handler_rsp;       /* set by the library: the stack on which a handler at this depth starts (16-byte aligned) */
    uint64_t reserved[7];
};

#define AEG_VECTOR_SLICE_END 0x100
#define AEG_VECTOR_NOTIFY    0x101
#define AEG_VECTOR_REVOKE    0x102
#define AEG_VECTOR_REPOSSESSED 0x103
#define AEG_VECTOR_SLICE_START 0x104

#define AEG_UENV_DEPTH 8

/* `pending`: asynchronous upcalls that came while depth or crit was non-zero. The library looks when both are back to zero. */
#define AEG_PENDING_SLICE_END 1u
#define AEG_PENDING_NOTIFY    2u
#define AEG_PENDING_REVOKE    4u
#define AEG_PENDING_SLICE_START 8u
#define AEG_PENDING_REPOSSESSED 16u

/* Notification bit that an env gets when one whose controller it is was stopped (struct aeg_env_info says why). */
#define AEG_NOTIFY_STOPPED (1ull << 63)

/* The same for who answers for an account (revoke_bind): frames are asked back, or have been taken. */
#define AEG_NOTIFY_REVOKE (1ull << 62)

/* The repossession vector: a frame that the library gives (revoke_bind), in which the kernel says what it took by force. */
#define AEG_REPOSSESSED_MAX 504
struct aeg_repossession {
    uint64_t taken;             /* frames so far; number i is at frame[i % AEG_REPOSSESSED_MAX] */
    uint64_t spaces;            /* spaces destroyed so far */
    uint64_t reserved[6];
    uint64_t frame[AEG_REPOSSESSED_MAX];
};
static_assert(sizeof(struct aeg_repossession) == 4096, "ABI");

struct aeg_uenv {
    uint32_t depth;             /* frames in use: the kernel adds one at each upcall, the library takes one away */
    uint32_t crit;              /* non-zero: no asynchronous upcall. The foreign-syscall bounce adds one; the library takes it away */
    uint32_t pending;
    uint32_t reserved0;
    uint64_t fault_entry;       /* 0: a fault stops the env */
    uint64_t slice_entry;       /* 0: slice end saves all registers and pre-empts */
    uint64_t foreign_entry;     /* where a `syscall` with a number that is not Aegis's goes */
    uint64_t gate_entry;        /* where a message comes in when the env waits in its gate; 0: nobody can enter it */
    uint64_t revoke_entry;      /* AEG_VECTOR_REVOKE and AEG_VECTOR_REPOSSESSED; 0: notification bits only */
    uint64_t notify_entry;      /* 0: notifications only set bits */
    uint64_t foreign_rip;       /* where the foreign system call returns to (it was in rcx, which sysret consumes) */
    uint64_t restart_begin;     /* an asynchronous upcall with rip in [begin, end) ... */
    uint64_t restart_end;
    uint64_t restart_rip;       /* ... records this rip instead */
    uint64_t notify;            /* sticky notification bits: the kernel sets them, the library clears them (atomically) */
    uint64_t env_id;            /* written by the kernel at creation */
    uint64_t slice_end_tsc;     /* when the running slice ends; information only */
    uint64_t start_entry;       /* where an env goes first when a slice begins with it; 0: it just goes on */
    uint64_t reserved1[16];
    struct aeg_uframe frame[AEG_UENV_DEPTH];
    uint8_t reserved2[0x800 - 0x500];
    uint8_t library[0x800];     /* never touched by the kernel */
};

static_assert(offsetof(struct aeg_uenv, fault_entry) == 0x10, "ABI");
static_assert(offsetof(struct aeg_uenv, foreign_entry) == 0x20, "ABI");
static_assert(offsetof(struct aeg_uenv, foreign_rip) == 0x40, "ABI");
static_assert(offsetof(struct aeg_uenv, restart_begin) == 0x48, "ABI");
static_assert(offsetof(struct aeg_uenv, notify) == 0x60, "ABI");
static_assert(offsetof(struct aeg_uenv, start_entry) == 0x78, "ABI");
static_assert(offsetof(struct aeg_uenv, frame) == 0x100, "ABI");
static_assert(sizeof(struct aeg_uframe) == 0x80, "ABI");
static_assert(offsetof(struct aeg_uenv, library) == 0x800, "ABI");
static_assert(sizeof(struct aeg_uenv) == 4096, "ABI");

#endif
