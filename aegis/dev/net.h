/*
 * net.h: the small interface between packet rings, filters and the drivers of network interfaces.
 */
#ifndef AEGIS_DEV_NET_H
#define AEGIS_DEV_NET_H

#include "aegis/net.h"
#include "core/kernel.h"
#include "dev/dev.h"
#include "dev/limits.h"

struct nic;
struct ring;

struct nic_piece {
    aeg_frame_t frame;
    uint32_t offset, bytes;
};

/* One packet in transmission: the driver's object, filled by the ring between tx_get and tx_send, its again after ring_tx_done(). */
struct nic_tx {
    struct nic_tx *next;            /* the driver's */
    uint8_t *header;                /* AEG_HEADER_MAX bytes of kernel memory */
    uint32_t header_bytes;
    bool csum;
    uint16_t csum_start, csum_offset;
    uint32_t piece_count;
    struct nic_piece piece[AEG_TX_FRAGMENTS];   /* what follows the header; the frames are bound */
    struct ring *ring;              /* the ring's, and its place there */
    uint32_t place;
};

struct nic_ops {
    /* An object for which tx_send cannot fail, or NULL: full. Callers hold the ring lock, so nobody else sends in between. */
    struct nic_tx *(*tx_get)(struct nic *n);
    void (*tx_put)(struct nic *n, struct nic_tx *tx);   /* unused after all */
    void (*tx_send)(struct nic *n, struct nic_tx *tx);
    void (*tx_kick)(struct nic *n);                     /* after a batch of tx_send */
    /* Hands what has come to nic_input(), until that says to stop. false: there was no more. */
    bool (*rx_poll)(struct nic *n);
    void (*rx_quiet)(struct nic *n);                    /* no more interrupts for received packets */
    /* Interrupts for those that come from now on. false: some have come already, and there will be no interrupt for them. */
    bool (*rx_listen)(struct nic *n);
};

struct nic {
    const struct nic_ops *ops;
    void *driver;
    struct aeg_nic_info *info;
    uint32_t index;
    bool quiet;                     /* its packets are polled */
    bool receiving;                 /* a CPU is in rx_poll */
    uint64_t slice_left;            /* TSC ticks that interrupts may still take of this slice */
    uint64_t poll_left;             /* and this call of rx_poll may take */
    uint32_t poll_count;            /* packets that it may hand up */
};

void nic_init(void);
struct nic *nic_add(const struct nic_ops *ops, void *driver, const char *driver_name, const uint8_t mac[6]);
struct nic *nic_at(uint64_t index);     /* NULL: no such interface */
/* For drivers, with no lock held: packets may have come in, or gone out. */
void nic_interrupt(struct nic *n);
/* For the library that has kicked a ring of this NIC: hands up packets that wait to be polled. */
void nic_poll(struct nic *n);
/*
 * For drivers, from rx_poll: a packet came in, or something that is none (0 bytes). flags: AEG_RX_CSUM_*. false: that is enough, the driver
 * keeps what else there is.
 */
bool nic_input(struct nic *n, const uint8_t *packet, uint32_t bytes, uint32_t flags);

/* ---- filters ---- */
struct filter_hit {
    struct aeg_name owner;
    aeg_id_t ring;
    uint32_t filter;        /* index */
    uint32_t bits;          /* of its masks: how specific it is */
    uint64_t sequence;      /* older is smaller */
};

/* After the drivers: for as many NICs as there are. */
void filter_init(void);
/* The rings that get the packet, one per owner. At most RING_MAX. */
uint32_t filter_match(uint32_t nic, const uint8_t *packet, uint32_t bytes, struct filter_hit *hit);
/* May this ring send a packet that begins so, in whose bytes from `stored` on the device is to store a checksum (NO_CHECKSUM: it is not)? */
#define NO_CHECKSUM UINT32_MAX
bool filter_egress(aeg_id_t ring, const uint8_t *header, uint32_t bytes, uint32_t stored);
/* The packet that `filter` claimed for `ring` was delivered, or lost. */
void filter_count(uint32_t filter, aeg_id_t ring, bool delivered);
/* Unbinds filters of the ring, FILTER_RELEASE_STEP at most. false: there are more. */
bool filter_release_ring(aeg_id_t ring) AEG_MUST_USE;

/* filter_check.c: what needs no table */
aeg_err_t filter_valid(const struct aeg_filter *f) AEG_MUST_USE;
uint32_t filter_bits(const struct aeg_filter *f);
/* Evaluates the terms of a filter on a packet: what a filter of its shape must have as values to match. false: too short, or a fragment. */
bool filter_extract(const struct aeg_filter *shape, const uint8_t *packet, uint32_t bytes, uint64_t *value);
/* Does a filter that matches the packet read any of its `bytes` bytes at `at`? */
bool filter_looks_at(const struct aeg_filter *f, const uint8_t *packet, uint32_t at, uint32_t bytes);

/* ---- rings ---- */
void ring_init(void);
struct ring_identity {
    struct aeg_name guard;
    aeg_id_t account;
    uint32_t nic;
};
/* Who a filter's ring is; it stays until ring_release(), which is called if and only if this returns true. */
bool ring_hold(aeg_id_t id, struct ring_identity *out);
void ring_release(void);
/* false: lost for want of a place. */
bool ring_deliver(const struct filter_hit *hit, const uint8_t *packet, uint32_t bytes, uint32_t flags);
/* For drivers, with no lock held: tx is sent, or lost. The object is the driver's again. */
void ring_tx_done(struct nic_tx *tx, aeg_err_t status);
/* After a batch of the two above: sends what had to wait, notifies. */
void ring_progress(void);

struct pci_device;
void virtio_net_probe(struct pci_device *d);

#endif
