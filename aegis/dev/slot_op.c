/*
 * slot_op.c: how a change of a slot table reaches the disk.
 *
 * One change at a time on a disk, in steps that never wait: requests through a slot that loses an extent are refused and those in flight
 * drained (and, for a scrub, a bounded piece of it zeroed); what the disk has cached is flushed; the new table is written over the older
 * copy and flushed. Only then does it hold, here and after a power cut; until then the other copy does. After an error the old table
 * holds; should the new one have reached the disk all the same, the next change goes over it with a higher sequence.
 * Locks:    slot_lock, rank 27, also while submitting (device locks are above it). Completions come without a lock.
 */
#include "dev/blockq.h"

#define ZERO_BLOCKS (AEG_REQUEST_FRAMES * FRAME_SIZE / AEG_BLOCK_SIZE)  /* of one request, where the driver cannot zero by itself */

static void
op_done(struct disk_request *r, aeg_err_t status)
{
    struct slot_disk *d = slot_disk_at(r->disk->index);
    struct slot_op *op = &d->op;

    spin_lock(&slot_lock);
    if (status != AEG_OK)
        op->err = status;
    op->used[r - op->request] = false;
    op->in_flight--;
    spin_unlock(&slot_lock);
}

static aeg_frame_t zero_frame;      /* what is written where the driver cannot zero */

void
slot_op_init(void)
{
    zero_frame = frame_boot_alloc(1);
}

static void
zero_fill(struct slot_disk *d, struct disk_request *r)
{
    struct slot_op *op = &d->op;
    uint64_t blocks = MIN(op->zero_end - op->zero_at, d->disk->zero_blocks ? d->disk->zero_blocks : ZERO_BLOCKS);

    r->block = op->zero_at;
    r->bytes = blocks * AEG_BLOCK_SIZE;
    r->op = DISK_ZERO;
    if (!d->disk->zero_blocks) {
        r->op = AEG_BLOCK_WRITE;
        r->frame_count = (r->bytes + FRAME_SIZE - 1) / FRAME_SIZE;
        for (uint32_t i = 0; i < r->frame_count; i++)
            r->frame[i] = zero_frame;
    }
}

static void
table_fill(struct slot_disk *d, struct disk_request *r)
{
    aeg_frame_t frame = direct_unmap(d->next) >> FRAME_SHIFT;

    r->op = AEG_BLOCK_WRITE;
    r->block = d->home + (d->half ^ 1) * SLOT_TABLE_BLOCKS;
    r->bytes = d->op.table_bytes;
    r->frame_count = (r->bytes + FRAME_SIZE - 1) / FRAME_SIZE;
    for (uint32_t i = 0; i < r->frame_count; i++)
        r->frame[i] = frame + i;
}

/* Submits one request of this state. false: the disk is full. */
static bool
op_submit(struct slot_disk *d)
{
    struct slot_op *op = &d->op;
    struct disk_request *r = op->request;

    while (op->used[r - op->request])   /* there are as many as a state has requests */
        r++;
    *r = (struct disk_request){ .disk = d->disk, .done = op_done, .op = AEG_BLOCK_FLUSH };
    if (op->state == OP_ZERO)
        zero_fill(d, r);
    else if (op->state == OP_WRITE)
        table_fill(d, r);
    switch (disk_submit(r)) {
    case DISK_FULL:
        return false;
    case DISK_TAKEN:
        op->used[r - op->request] = true;
        op->in_flight++;
        break;
    case DISK_DONE:
        if (r->status != AEG_OK)
            op->err = r->status;
        break;
    }
    op->zero_at += op->state == OP_ZERO ? r->bytes / AEG_BLOCK_SIZE : 0;
    op->todo--;
    return true;
}

/* Submits what this state has left. true: all of it is done. */
static bool
op_submit_all(struct slot_disk *d)
{
    while (d->op.todo > 0 && d->op.err == AEG_OK)
        if (!op_submit(d))
            return false;
    return d->op.in_flight == 0;
}

/* The change is over; with AEG_ERR_AGAIN one step of it. */
static void
op_end(struct slot_disk *d, aeg_err_t err)
{
    struct slot_op *op = &d->op;
    uint64_t value = 0;

    if (err == AEG_OK)
        slot_commit(d);
    else if (op->edit.made)
        account_uncharge(op->account, AEG_KIND_SLOT, 1);
    if (err == AEG_OK && op->edit.made)
        value = slot_of_record(d, op->edit.made)->id;
    else if (err == AEG_OK && op->edit.kind == SLOT_GUARD)
        value = slot_of_record(d, op->edit.number)->id;
    op->state = OP_IDLE;
    op->fenced = 0;
    slot_call_over(op->caller, err, value);
}

static void
op_enter(struct slot_disk *d, enum slot_op_state state, uint32_t requests)
{
    d->op.state = state;
    d->op.todo = requests;
}

/* All of a piece is zero. The last piece frees the record. */
static void
zeroed(struct slot_disk *d)
{
    struct slot_op *op = &d->op;
    const struct slot_record *r = slot_record(d->now, op->edit.number);
    struct aeg_slot_info *s = slot_of_record(d, op->edit.number);

    s->scrubbed = d->scrubbed[op->edit.number] = op->zero_end - r->first;
    if (s->scrubbed < r->count)
        op_end(d, AEG_ERR_AGAIN);
    else
        op_enter(d, OP_FLUSH_DATA, 1);
}

static void
op_next(struct slot_disk *d)
{
    struct slot_op *op = &d->op;

    if (op->err != AEG_OK) {
        op_end(d, op->err);
        return;
    }
    switch (op->state) {
    case OP_DRAIN:
        op_enter(d, OP_FLUSH_DATA, 1);
        break;
    case OP_ZERO:
        zeroed(d);
        break;
    case OP_FLUSH_DATA:
        op->table_bytes = slot_table_seal(d->next, d->home, ++d->sequence);
        op_enter(d, OP_WRITE, 1);
        break;
    case OP_WRITE:
        op_enter(d, OP_FLUSH_TABLE, 1);
        break;
    case OP_FLUSH_TABLE:
        op_end(d, AEG_OK);
        break;
    case OP_IDLE:
        break;
    }
}

static void
zero_begin(struct slot_disk *d)
{
    struct slot_op *op = &d->op;
    const struct slot_record *r = slot_record(d->now, op->edit.number);
    uint64_t done = d->scrubbed[op->edit.number], most = d->disk->zero_blocks ? d->disk->zero_blocks : ZERO_BLOCKS;
    uint64_t blocks = MIN(r->count - done, most * SCRUB_REQUESTS);

    op->zero_at = r->first + done;
    op->zero_end = op->zero_at + blocks;
    op_enter(d, OP_ZERO, (blocks + most - 1) / most);
}

void
slot_op_begin(struct slot_disk *d)
{
    d->op.err = AEG_OK;
    d->op.serial++;
    if (d->op.edit.kind == SLOT_CLEAN)
        zero_begin(d);
    else
        op_enter(d, OP_DRAIN, 0);
}

/* Is the change in DRAIN, and nothing in flight in its fence any more? Queue locks come before slot_lock, so this looks without it. */
static bool
op_drained(struct slot_disk *d, uint32_t *serial)
{
    struct slot_extent fence;
    aeg_id_t fenced;
    bool draining;

    spin_lock(&slot_lock);
    draining = d->op.state == OP_DRAIN;
    fenced = d->op.fenced;
    fence = d->op.fence;
    *serial = d->op.serial;
    spin_unlock(&slot_lock);
    return draining && !blockq_busy(fenced, fence.first, fence.count);
}

/* Each turn ends a state, and no state comes twice: at most OP_FLUSH_TABLE + 1 turns. */
void
slot_op_advance(struct slot_disk *d)
{
    uint32_t serial;
    bool drained = op_drained(d, &serial);

    spin_lock(&slot_lock);
    while (d->op.state != OP_IDLE) {
        if (d->op.state == OP_DRAIN && !(drained && d->op.serial == serial))
            break;
        if (!op_submit_all(d))
            break;
        op_next(d);
    }
    spin_unlock(&slot_lock);
}
