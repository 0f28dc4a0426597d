/*
 * ring_kernel.h: the kernel under exos/net/ring.c: one packet ring, whose frames are pages of the session, and a device that sends at once
 * or later.
 *
 * Include it after the system's headers.
 */
#ifndef FAKE_EXOS_RING_KERNEL_H
#define FAKE_EXOS_RING_KERNEL_H

#include "base/base.h"

#include "aegis/net.h"

extern struct ring_kernel {
    struct aeg_ring *ring;
    struct aeg_tx *tx[4];
    unsigned filters, refuse_filter;
    unsigned tx_lag;                /* transmits that stay in flight while others follow */
    uint64_t csums;                 /* that the device had to complete */
    void (*sent)(uint8_t *frame, size_t len);
} ring_kernel;

/* Is a place posted? */
bool ring_kernel_may_deliver(void);
/* A frame from the wire into the next posted place, with AEG_RX_* flags. */
void ring_kernel_deliver(const uint8_t *frame, size_t len, uint16_t flags);
/* Sends what is posted; one of the late ones is done. */
void ring_kernel_transmit(void);

#endif
