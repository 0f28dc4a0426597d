/*
 * ring_tx.c: from a transmit descriptor to a packet that may leave the machine.
 *
 * The header is copied to kernel memory before it is looked at and sent from there, so what was checked is what goes out. The payload is
 * never looked at: it may change until the device has read it.
 */
#include "dev/ring.h"
#include "dev/shared.h"

/* total: bytes of the packet. */
static aeg_err_t
tx_shape(const struct ring *r, const struct aeg_tx *d, uint32_t *total)
{
    uint32_t sum = 0, header;

    if (d->fragment_count == 0 || d->fragment_count > AEG_TX_FRAGMENTS || d->reserved != 0 || (d->flags & ~AEG_TX_CSUM))
        return AEG_ERR_REQUEST;
    for (uint32_t i = 0; i < d->fragment_count; i++) {
        uint64_t f = d->fragment[i];

        if (AEG_FRAGMENT_OFFSET(f) + AEG_FRAGMENT_LEN(f) > FRAME_SIZE)
            return AEG_ERR_REQUEST;
        sum += AEG_FRAGMENT_LEN(f);
    }
    if (sum < AEG_PACKET_MIN || sum > (uint32_t)r->nic->info->mtu + AEG_PACKET_MIN)
        return AEG_ERR_REQUEST;
    *total = sum;
    if (!(d->flags & AEG_TX_CSUM))
        return AEG_OK;
    if (!(r->nic->info->features & AEG_NIC_CSUM_TX))
        return AEG_ERR_UNSUPPORTED;
    header = MIN(sum, AEG_HEADER_MAX);
    return (uint32_t)d->csum_start + d->csum_offset + 2 <= header ? AEG_OK : AEG_ERR_REQUEST;
}

static aeg_err_t
tx_bind(const struct aeg_tx *d, const struct aeg_cap *cap)
{
    for (uint32_t i = 0; i < d->fragment_count; i++) {
        aeg_err_t err = frame_bind(AEG_FRAGMENT_FRAME(d->fragment[i]), cap, AEG_RIGHT_READ);

        if (err == AEG_OK)
            continue;
        while (i-- > 0)
            frame_unbind(AEG_FRAGMENT_FRAME(d->fragment[i]));
        return err;
    }
    return AEG_OK;
}

/* Copies the first header bytes; frames used up by them are let go, the rest become the pieces of tx. */
static void
tx_gather(const struct aeg_tx *d, struct nic_tx *tx, uint32_t total)
{
    uint32_t want = MIN(total, AEG_HEADER_MAX);

    tx->header_bytes = 0;
    tx->piece_count = 0;
    for (uint32_t i = 0; i < d->fragment_count; i++) {
        struct nic_piece p = { AEG_FRAGMENT_FRAME(d->fragment[i]), AEG_FRAGMENT_OFFSET(d->fragment[i]), AEG_FRAGMENT_LEN(d->fragment[i]) };
        uint32_t n = MIN(p.bytes, want - tx->header_bytes);

        shared_copy(tx->header + tx->header_bytes, (const char *)frame_map(p.frame) + p.offset, n);
        tx->header_bytes += n;
        p.offset += n;
        p.bytes -= n;
        if (p.bytes)
            tx->piece[tx->piece_count++] = p;
        else
            frame_unbind(p.frame);
    }
}

aeg_err_t
ring_tx_build(const struct ring *r, const struct aeg_tx *d, struct nic_tx *tx)
{
    uint32_t total;
    aeg_err_t err = tx_shape(r, d, &total);

    if (err == AEG_OK)
        err = tx_bind(d, &r->cap);
    if (err != AEG_OK)
        return err;
    tx_gather(d, tx, total);
    tx->csum = d->flags & AEG_TX_CSUM;
    tx->csum_start = d->csum_start;
    tx->csum_offset = d->csum_offset;
    if (filter_egress(r->id, tx->header, tx->header_bytes, tx->csum ? (uint32_t)tx->csum_start + tx->csum_offset : NO_CHECKSUM))
        return AEG_OK;
    for (uint32_t i = 0; i < tx->piece_count; i++)
        frame_unbind(tx->piece[i].frame);
    return AEG_ERR_EGRESS;
}
