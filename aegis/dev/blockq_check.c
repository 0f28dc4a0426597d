/*
 * blockq_check.c: what a block request must be like. Everything is checked on a copy that the library cannot reach.
 */
#include "dev/blockq.h"
#include "dev/shared.h"

/* The fields alone: shape, and how many frames the bytes need. */
static aeg_err_t
request_shape(const struct aeg_block_request *r)
{
    uint64_t frames;

    if (r->op >= AEG_BLOCK_OPS || r->reserved0 != 0 || r->frame_count > AEG_REQUEST_FRAMES)
        return AEG_ERR_REQUEST;
    if (r->op == AEG_BLOCK_FLUSH)
        return r->offset == 0 && r->bytes == 0 && r->start == 0 && r->frame_count == 0 ? AEG_OK : AEG_ERR_REQUEST;
    if (r->bytes == 0 || r->bytes % AEG_BLOCK_SIZE != 0)
        return AEG_ERR_REQUEST;
    if (r->op == AEG_BLOCK_DISCARD)
        return r->frame_count == 0 && r->start == 0 ? AEG_OK : AEG_ERR_REQUEST;
    if (r->start >= FRAME_SIZE || r->start % AEG_BLOCK_SIZE != 0)
        return AEG_ERR_REQUEST;
    frames = ((uint64_t)r->start + r->bytes + FRAME_SIZE - 1) / FRAME_SIZE;
    return frames == r->frame_count ? AEG_OK : AEG_ERR_REQUEST;
}

/* What the binding lets the operation do to the slot. */
static aeg_err_t
request_allowed(const struct aeg_block_request *r, uint32_t rights, const struct slot_view *slot, const struct disk *d)
{
    bool writes = r->op == AEG_BLOCK_WRITE || r->op == AEG_BLOCK_DISCARD;
    uint64_t blocks = r->bytes / AEG_BLOCK_SIZE;

    if (writes && !(rights & AEG_RIGHT_WRITE))
        return AEG_ERR_BINDING;
    if (r->op == AEG_BLOCK_READ && !(rights & AEG_RIGHT_READ))
        return AEG_ERR_BINDING;
    if (writes && (slot->flags & AEG_SLOT_READ_ONLY))
        return AEG_ERR_READ_ONLY;
    if (r->op == AEG_BLOCK_DISCARD && !d->can_discard)
        return AEG_ERR_UNSUPPORTED;
    if (r->offset > slot->count || blocks > slot->count - r->offset)
        return AEG_ERR_EXTENT;
    return AEG_OK;
}

aeg_err_t
blockq_check(const struct aeg_block_request *r, const struct blockq_binding *binding, uint32_t binding_count,
             const struct aeg_cap *cap, struct disk_request *out)
{
    struct slot_view slot;
    aeg_err_t err = request_shape(r);

    if (err != AEG_OK)
        return err;
    if (r->binding >= binding_count)
        return AEG_ERR_BINDING;
    if (!slot_get(binding[r->binding].slot, &slot))
        return AEG_ERR_SLOT;
    err = request_allowed(r, binding[r->binding].rights, &slot, disk_at(slot.disk));
    if (err == AEG_OK && r->op != AEG_BLOCK_FLUSH)
        err = slot_reach(binding[r->binding].slot, &slot, slot.first + r->offset, r->bytes / AEG_BLOCK_SIZE);
    if (err != AEG_OK)
        return err;
    /* the device writes into memory when the library reads */
    err = frames_bind(r->frames, r->frame_count, cap, r->op == AEG_BLOCK_READ ? AEG_RIGHT_WRITE : AEG_RIGHT_READ);
    if (err != AEG_OK)
        return err;
    out->disk = disk_at(slot.disk);
    out->block = slot.first + r->offset;
    out->bytes = r->bytes;
    out->start = r->start;
    out->op = r->op;
    out->frame_count = r->frame_count;
    memcpy(out->frame, r->frames, r->frame_count * sizeof(r->frames[0]));
    return AEG_OK;
}
