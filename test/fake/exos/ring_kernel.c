/* ring_kernel.c: see ring_kernel.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/mirror_nic.h"
#include "fake/exos/ring_kernel.h"

struct ring_kernel ring_kernel = { .sent = mirror_send };

static aeg_err_t
create(const struct aeg_ring_args *args)
{
    ring_kernel.ring = (struct aeg_ring *)(args->frames[0] << 12);
    for (unsigned i = 0; i < 4; i++)
        ring_kernel.tx[i] = (struct aeg_tx *)(args->frames[i + 1] << 12);
    return AEG_OK;
}

static void
transmit(const struct aeg_tx *d)
{
    uint8_t frame[AEG_PACKET_MAX];
    size_t len = 0;

    assert_in_range(d->fragment_count, 1, AEG_TX_FRAGMENTS);
    for (unsigned i = 0; i < d->fragment_count; i++) {
        uint64_t f = d->fragment[i];

        assert_true(AEG_FRAGMENT_OFFSET(f) + AEG_FRAGMENT_LEN(f) <= 4096);
        assert_true(len + AEG_FRAGMENT_LEN(f) <= sizeof(frame));
        memcpy(frame + len, (char *)(AEG_FRAGMENT_FRAME(f) << 12) + AEG_FRAGMENT_OFFSET(f), AEG_FRAGMENT_LEN(f));
        len += AEG_FRAGMENT_LEN(f);
    }
    if (d->flags & AEG_TX_CSUM) {
        ring_kernel.csums++;
        mirror_complete_csum(frame, len, d->csum_start, d->csum_offset);
    }
    ring_kernel.sent(frame, len);
}

static void
transmit_posted(void)
{
    struct aeg_ring *r = ring_kernel.ring;

    for (; r->tx_taken != r->tx_posted; r->tx_taken++)
        transmit(&ring_kernel.tx[AEG_TX_FRAME(r->tx_taken) - 1][AEG_TX_PLACE(r->tx_taken)]);
    if (r->tx_taken - r->tx_done > ring_kernel.tx_lag)
        r->tx_done = r->tx_taken - ring_kernel.tx_lag;
}

void
ring_kernel_transmit(void)
{
    transmit_posted();
    if (ring_kernel.ring->tx_done != ring_kernel.ring->tx_taken)
        ring_kernel.ring->tx_done++;
}

aeg_err_t
aeg_call(enum aeg_sys nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t *value)
{
    (void)a, (void)b, (void)c, (void)e, (void)f;
    if (value != NULL)
        *value = 1;
    switch (nr) {
    case AEG_SYS_ring_create:
        return create((const struct aeg_ring_args *)d);
    case AEG_SYS_filter_bind:
        return ++ring_kernel.filters == ring_kernel.refuse_filter ? AEG_OK + 1 : AEG_OK;
    case AEG_SYS_ring_destroy:
        return AEG_OK;
    case AEG_SYS_ring_kick:
        transmit_posted();
        return AEG_OK;
    default:
        fail();
        return AEG_OK;
    }
}

bool
ring_kernel_may_deliver(void)
{
    return ring_kernel.ring->rx_done != ring_kernel.ring->rx_posted;
}

void
ring_kernel_deliver(const uint8_t *frame, size_t len, uint16_t flags)
{
    struct aeg_ring *r = ring_kernel.ring;
    struct aeg_rx *d = &r->rx[r->rx_done % AEG_RING_RX];

    assert_true(ring_kernel_may_deliver() && d->offset + d->capacity <= 4096);
    memcpy((char *)(d->frame << 12) + d->offset, frame, MIN(len, d->capacity));
    d->len = (uint16_t)len;
    d->flags = flags;
    r->rx_done++;
}
