/*
 * block.h: disk slots and block queues, as a library sees them.
 *
 * A block queue is five frames of the library's: frame 0 is struct aeg_blockq (indices and completions), frames 1-4 are the request ring,
 * AEG_QUEUE_REQUESTS requests of 512 bytes. The library fills requests[posted % AEG_QUEUE_REQUESTS], raises `posted`, and calls
 * aeg_blockq_submit(); the kernel copies each request, checks the copy, raises `taken` (the place may be used again) and later writes a
 * completion with the request's cookie and raises `completed`; the library raises `reaped` when it has read one. All four indices run
 * free and wrap at 2^32. Requests complete in any order; a flush covers the writes that completed before it was submitted.
 *
 * The kernel never believes what it reads here twice, and keeps its own copy of its own indices: a lie hurts only the liar.
 */
#ifndef AEGIS_BLOCK_H
#define AEGIS_BLOCK_H

#include "aegis/sys.h"
#include "aegis/types.h"

/* GPT type of the partition that holds a disk's slot table: ae615107-5107-4b10-9d2e-41656769730a. 64 blocks or more. */
#define AEG_SLOT_TABLE_GUID { 0x07, 0x51, 0x61, 0xae, 0x07, 0x51, 0x10, 0x4b, 0x9d, 0x2e, 0x41, 0x65, 0x67, 0x69, 0x73, 0x0a }

#define AEG_BLOCK_SIZE 512          /* bytes: the unit of slot extents and request offsets */
#define AEG_QUEUE_FRAMES 5
#define AEG_QUEUE_REQUESTS 32       /* places in the request ring */
#define AEG_QUEUE_COMPLETIONS 64    /* places in the completion ring */
#define AEG_QUEUE_IN_FLIGHT 32      /* requests the kernel works on at once; further ones wait in the ring */
#define AEG_QUEUE_BINDINGS 16       /* slots bound to one queue */
#define AEG_REQUEST_FRAMES 32       /* scatter list of one request */

enum aeg_block_op { AEG_BLOCK_READ, AEG_BLOCK_WRITE, AEG_BLOCK_FLUSH, AEG_BLOCK_DISCARD, AEG_BLOCK_OPS };

/*
 * The data is the bytes from `start` in frames[0], on through whole frames, and ends where `bytes` are used up: frame_count must be
 * exactly as many as that takes. bytes: a multiple of AEG_BLOCK_SIZE, not 0; start: below 4096 and a multiple of 512. FLUSH: offset,
 * bytes and frame_count are 0. DISCARD: an extent and no frames; `bytes` may be anything up to 2^32 - 512.
 * READ stores into the frames and so needs WRITE over them; WRITE needs READ.
 */
struct aeg_block_request {
    uint64_t cookie;                /* comes back in the completion */
    uint64_t offset;                /* first block, from the start of the slot */
    uint32_t bytes;
    uint16_t binding;               /* what aeg_blockq_bind returned */
    uint8_t op;                     /* enum aeg_block_op */
    uint8_t frame_count;
    uint32_t start;
    uint32_t reserved0;             /* 0 */
    uint64_t frames[AEG_REQUEST_FRAMES];
    uint64_t reserved[28];          /* not read */
};
static_assert(sizeof(struct aeg_block_request) == 512, "ABI");
static_assert(offsetof(struct aeg_block_request, frames) == 32, "ABI");

struct aeg_block_completion {
    uint64_t cookie;
    uint32_t status;                /* aeg_err_t */
    uint32_t bytes;                 /* moved; 0 on error */
};
static_assert(sizeof(struct aeg_block_completion) == 16, "ABI");

struct aeg_blockq {
    uint32_t posted;                /* the library's */
    uint32_t reaped;
    uint32_t reserved0[14];
    uint32_t taken;                 /* the kernel's */
    uint32_t completed;
    uint32_t reserved1[14];
    struct aeg_block_completion completion[AEG_QUEUE_COMPLETIONS];
};
static_assert(offsetof(struct aeg_blockq, taken) == 64, "ABI");
static_assert(offsetof(struct aeg_blockq, completion) == 128, "ABI");
static_assert(sizeof(struct aeg_blockq) <= AEG_FRAME_SIZE, "ABI");

/* Frames 1-4 seen as one array need not be contiguous: this is the place of request i in its frame. */
#define AEG_REQUESTS_PER_FRAME 8
#define AEG_REQUEST_FRAME(i) (1 + ((i) % AEG_QUEUE_REQUESTS) / AEG_REQUESTS_PER_FRAME)
#define AEG_REQUEST_PLACE(i) ((i) % AEG_REQUESTS_PER_FRAME)

struct aeg_blockq_args {
    aeg_frame_t frames[AEG_QUEUE_FRAMES];
    aeg_id_t env;                   /* who is notified at each completion */
    uint64_t bits;
};

/*
 * A queue paid for by `account`. `cap` needs WRITE over the account, READ and WRITE over the five frames; its name becomes the queue's
 * guard, and a copy of it is what the frames of every request are checked against. env_cap needs WRITE over the env.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_blockq_create(aeg_id_t account, uint32_t cap, uint32_t env_cap, const struct aeg_blockq_args *args, aeg_id_t *id)
{
    return aeg_call(AEG_SYS_blockq_create, account, cap, env_cap, (uint64_t)(uintptr_t)args, 0, 0, id);
}

/* Binds a slot with rights READ, WRITE or both, which slot_cap must have over the slot. cap: CONTROL over the queue. */
static inline aeg_err_t AEG_MUST_USE
aeg_blockq_bind(aeg_id_t queue, uint32_t cap, aeg_id_t slot, uint32_t slot_cap, uint32_t rights, uint64_t *binding)
{
    return aeg_call(AEG_SYS_blockq_bind, queue, cap, slot, slot_cap, rights, 0, binding);
}

/* Takes what is posted, as far as AEG_QUEUE_IN_FLIGHT, the completion ring and the device allow. cap: WRITE over the queue. */
static inline aeg_err_t AEG_MUST_USE
aeg_blockq_submit(aeg_id_t queue, uint32_t cap, uint64_t *taken)
{
    return aeg_call(AEG_SYS_blockq_submit, queue, cap, 0, 0, 0, 0, taken);
}

/* Requests in flight go on to their end and complete nowhere; their frames stay bound until then. cap: CONTROL over the queue. */
static inline aeg_err_t AEG_MUST_USE
aeg_blockq_destroy(aeg_id_t queue, uint32_t cap)
{
    return aeg_call(AEG_SYS_blockq_destroy, queue, cap, 0, 0, 0, 0, NULL);
}

/*
 * The slot calls change the slot table of a disk, and are over when the change is on the disk: they hold for good, also after a power cut
 * in their midst (then wholly or not at all). Until that is so they return AEG_ERR_AGAIN; the calling env gets `bits` when there is news,
 * and then makes the same call again, from any env of the space, which gives the result. The same means the same arguments: keep the id
 * in a variable, for info->slots may show another by then, and let the result go to a second one. A space has one such call under way;
 * another one meanwhile is AEG_ERR_NOT_READY, and a result that is not fetched before the space's next slot call is lost (info->slots
 * shows what is).
 *
 * Common errors: SLOT, CAP_INDEX, CAP_DENIED; UNSUPPORTED: the disk has no slot table; SLOT_FIXED: the slot is a partition, and the call
 * is for carved ones; READ_ONLY; SLOT_DIRTY; DEVICE and the like: the table could not be written, and nothing has changed.
 */

/*
 * Carves [first, first + count) of slot `parent` (blocks from its start) as a slot of its own, which the parent then no longer reaches.
 * It holds what the parent held. caps: AEG_CAPS3(cap, guard_cap, account_cap): CONTROL over the parent, the guard (named components
 * only, else CAP_NAME), WRITE over the account that pays one AEG_KIND_SLOT. An extent that is dirty may be carved exactly, under a
 * guard below the old one. EXTENT: it leaves the parent or meets another slot. NOMEM: the table has SLOT_RECORDS (255) slots.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_slot_carve(aeg_id_t account, uint64_t caps, aeg_id_t parent, uint64_t first, uint64_t count, uint64_t bits, aeg_id_t *slot)
{
    return aeg_call(AEG_SYS_slot_carve, account, caps, parent, first, count, bits, slot);
}
#define AEG_CAPS3(cap, guard_cap, account_cap) (AEG_CAPS(cap, guard_cap) | (uint64_t)(account_cap) << 32)

/*
 * The slot keeps its first `at` blocks; the rest is a new slot with the same guard and parent. Slots carved out of it go with the blocks
 * they lie in; EXTENT: one lies in both, or a part would be empty. caps: AEG_CAPS(CONTROL over the slot, WRITE over the account).
 */
static inline aeg_err_t AEG_MUST_USE
aeg_slot_split(aeg_id_t account, uint64_t caps, aeg_id_t slot, uint64_t at, uint64_t bits, aeg_id_t *rest)
{
    return aeg_call(AEG_SYS_slot_split, account, caps, slot, at, bits, 0, rest);
}

/* `slot` takes in `next`, which lies right behind it; both have the same parent, guard and state (dirty or not), else SLOT_APART. */
static inline aeg_err_t AEG_MUST_USE
aeg_slot_merge(aeg_id_t slot, aeg_id_t next, uint32_t cap, uint64_t bits)
{
    return aeg_call(AEG_SYS_slot_merge, slot, next, cap, bits, 0, 0, NULL);
}

/*
 * The slot goes back to its parent; its id and bindings are dead. Unless the parent's guard is the slot's own or below it, the extent
 * stays apart as a dirty slot (info->slots: AEG_SLOT_DIRTY), paid for as before, until it is scrubbed. SLOT_BUSY: slots are carved out
 * of it.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_slot_free(aeg_id_t slot, uint32_t cap, uint64_t bits)
{
    return aeg_call(AEG_SYS_slot_free, slot, cap, bits, 0, 0, 0, NULL);
}

/* Another guard, for the slot with all that it holds; *renewed is its id from now on, the old one and all bindings are dead.
 * caps: AEG_CAPS(CONTROL over the slot, the guard). */
static inline aeg_err_t AEG_MUST_USE
aeg_slot_guard(aeg_id_t slot, uint64_t caps, uint64_t bits, aeg_id_t *renewed)
{
    return aeg_call(AEG_SYS_slot_guard, slot, caps, bits, 0, 0, 0, renewed);
}

/*
 * Zeroes the next piece of a dirty slot (at most 1 MiB, more where the device does it by itself): AEG_ERR_AGAIN, until all of it is zero,
 * flushed, and the parent's again. cap: CONTROL over the dirty slot or its parent. NOT_READY: it is not dirty.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_slot_scrub(aeg_id_t slot, uint32_t cap, uint64_t bits)
{
    return aeg_call(AEG_SYS_slot_scrub, slot, cap, bits, 0, 0, 0, NULL);
}

#endif
