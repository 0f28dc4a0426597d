/*
 * nic.h: the seam between the IP stack and whatever moves its frames: Aegis packet rings (ring.c), or a test's link.
 *
 * Everything here is called with net_lock held.
 */
#ifndef EXOS_NET_NIC_H
#define EXOS_NET_NIC_H

#include "base/base.h"

struct nic;
struct pbuf;

#define NIC_CSUM_TX 1u          /* completes a transport checksum at csum_start + csum_offset */

#define NIC_RX_CSUM_GOOD 1u     /* the transport checksum of this frame needs no look */

#define NIC_RX_BATCH 64u        /* frames taken in one poll, so that a flood leaves time for everything else */

struct nic_ops {
    /* Takes finished transmits back and passes up to `budget` received frames to net_input(). How many those were. */
    unsigned (*poll)(struct nic *nic, unsigned budget);
    /* Is there anything for poll() to do? Cheap, and needs no lock. */
    bool (*pending)(const struct nic *nic);
    /*
     * Queues the frame in p (a chain, Ethernet header first), keeping a reference on p as long as it needs the bytes. csum_start != 0:
     * see NIC_CSUM_TX; both offsets count from the start of the frame. False: no room, nothing kept.
     */
    bool (*transmit)(struct nic *nic, struct pbuf *p, unsigned csum_start, unsigned csum_offset);
    /* Tells the device about everything queued since the last kick. */
    void (*kick)(struct nic *nic);
    /* Frees the page once no queued transmit can still read it. NULL: transmit() copies. */
    void (*free_page)(struct nic *nic, void *page);
};

struct nic_stats {
    uint64_t rx_packets, rx_bytes, rx_dropped, rx_errors;
    uint64_t tx_packets, tx_bytes, tx_dropped, tx_errors;
};

struct nic {
    const struct nic_ops *ops;
    uint8_t mac[6];
    uint16_t mtu;
    uint32_t features;          /* NIC_CSUM_* */
    bool kick_wanted;
    struct nic_stats stats;
};

/* From poll(): a received frame. Takes over the reference on p. */
void net_input(struct nic *nic, struct pbuf *p, uint32_t rx_flags);

/*
 * The Aegis packet ring that is the session's NIC. Everything that capabilities are needed for is given by whoever brings the session
 * up; ring_open() makes the ring (five frames and its receive buffers out of session memory) and binds its filters: our own address,
 * broadcast, and what may be sent. The nic, or NULL with the reason in the log.
 */
struct ring_env {
    uint64_t account;           /* aeg_id_t */
    uint32_t cap;               /* WRITE over the account, the frames and the ring */
    uint32_t env_cap;
    uint32_t nic_cap;           /* READ and WRITE over the NIC */
    uint64_t env;               /* who is notified ... */
    uint64_t bits;              /* ... and how */
    uint64_t nic_index;
    uint8_t mac[6];
    uint16_t mtu;
    uint32_t features;          /* AEG_NIC_CSUM_* */
};
struct nic *ring_open(const struct ring_env *env) MUST_USE;

#endif
