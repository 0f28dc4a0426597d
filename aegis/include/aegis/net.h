/*
 * net.h: packet rings and packet filters, as a library sees them.
 *
 * A packet ring is five frames of the library's: frame 0 is struct aeg_ring (indices and receive descriptors), frames 1-4 the transmit
 * descriptors. The library raises `rx_posted` and `tx_posted`, then calls aeg_ring_kick(). The kernel copies each descriptor once and
 * checks the copy. Indices run free, wrap at 2^32, and are reduced modulo the ring size to find the place.
 *
 * Receive: post rx[rx_posted % AEG_RING_RX] = { frame, offset, capacity }. A packet that one of the ring's filters claims is copied to
 * the oldest posted place, its len, flags and filter are stored, and rx_done rises. Places complete in order. A place whose frame was refused
 * completes with `error` and len 0. With no place posted the packet is dropped and counted.
 * Transmit: the packet is the bytes of the fragments in order. The kernel copies the first AEG_HEADER_MAX bytes (the whole packet, if it is
 * not longer), checks that copy against the ring's egress filters and sends it from there; the rest goes out by DMA from the library's
 * frames, which stay bound and must not be changed until tx_done has passed the place. Places complete in order; `error` says how each went.
 */
#ifndef AEGIS_NET_H
#define AEGIS_NET_H

#include "aegis/sys.h"
#include "aegis/types.h"

/* aeg_nic_info.features */
#define AEG_NIC_CSUM_TX 1u      /* AEG_TX_CSUM works */
#define AEG_NIC_CSUM_RX 2u      /* AEG_RX_CSUM_* are set on good packets */

#define AEG_RING_FRAMES 5
#define AEG_RING_RX 128         /* receive places */
#define AEG_RING_TX 128         /* transmit places */
#define AEG_TX_PER_FRAME 32
#define AEG_TX_FRAGMENTS 13
#define AEG_HEADER_MAX 128      /* bytes that the kernel copies and checks */
#define AEG_PACKET_MIN 14       /* bytes: an Ethernet header */
#define AEG_PACKET_MAX 1514     /* bytes, without the frame check sequence */

struct aeg_rx {
    uint64_t frame;
    uint16_t offset, capacity;  /* where in the frame; offset + capacity <= 4096, capacity not 0 */
    uint16_t len;               /* bytes delivered */
    uint16_t flags;             /* AEG_RX_* */
    uint32_t filter;            /* index of the filter that claimed it */
    uint32_t error;             /* aeg_err_t: OK, or why the place was refused */
};
static_assert(sizeof(struct aeg_rx) == 24, "ABI");

#define AEG_RX_CSUM_GOOD    1u  /* the device checked the transport checksum */
#define AEG_RX_CSUM_PARTIAL 2u  /* from a guest on the same host: the checksum was never computed, the data is good */
#define AEG_RX_TRUNCATED    4u  /* longer than capacity: the rest is lost */

/* A piece of a packet in one frame: 1 <= len <= 4096, offset + len <= 4096. */
#define AEG_FRAGMENT(frame, offset, len) ((uint64_t)(frame) << 24 | (uint64_t)(offset) << 12 | ((uint64_t)(len) & 0xfff))
#define AEG_FRAGMENT_FRAME(f) ((f) >> 24)
#define AEG_FRAGMENT_OFFSET(f) ((uint32_t)((f) >> 12 & 0xfff))
#define AEG_FRAGMENT_LEN(f) ((f) & 0xfff ? (uint32_t)((f) & 0xfff) : 4096u)

struct aeg_tx {
    uint16_t flags;             /* AEG_TX_* */
    uint16_t fragment_count;    /* 1 to AEG_TX_FRAGMENTS */
    uint16_t csum_start;        /* AEG_TX_CSUM: checksum from here to the end of the packet ... */
    uint16_t csum_offset;       /* ... stored at csum_start + csum_offset, where the pseudo-header's sum stands (both within the header) */
    uint32_t error;             /* aeg_err_t, stored by the kernel before tx_done passes */
    uint32_t reserved;          /* 0 */
    uint64_t cookie;            /* the library's; not read */
    uint64_t fragment[AEG_TX_FRAGMENTS];
};
static_assert(sizeof(struct aeg_tx) == 128, "ABI");

#define AEG_TX_CSUM 1u

struct aeg_ring {
    uint32_t rx_posted;         /* the library's */
    uint32_t tx_posted;
    uint32_t reserved0[14];
    uint32_t rx_done;           /* the kernel's */
    uint32_t tx_done;
    uint32_t rx_taken;          /* descriptors copied and checked */
    uint32_t tx_taken;
    uint64_t rx_dropped;        /* claimed by a filter, but no place was posted */
    uint64_t tx_refused;        /* completed with an error */
    uint32_t reserved1[8];
    uint8_t reserved2[1024 - 128];
    struct aeg_rx rx[AEG_RING_RX];
};
static_assert(offsetof(struct aeg_ring, rx_done) == 64, "ABI");
static_assert(offsetof(struct aeg_ring, rx) == 1024, "ABI");
static_assert(sizeof(struct aeg_ring) == AEG_FRAME_SIZE, "ABI");

/* Frames 1-4 seen as one array need not be contiguous: the frame of transmit place i, and its place there. */
#define AEG_TX_FRAME(i) (1 + ((i) % AEG_RING_TX) / AEG_TX_PER_FRAME)
#define AEG_TX_PLACE(i) ((i) % AEG_TX_PER_FRAME)

struct aeg_ring_args {
    aeg_frame_t frames[AEG_RING_FRAMES];
    aeg_id_t env;               /* who is notified when rx_done or tx_done rises */
    uint64_t bits;
    uint64_t nic;               /* index in the NIC table */
};

/*
 * A filter is a conjunction of terms over the packet, which starts with its Ethernet header. `base` is 0 at first.
 *   ATOM:        the width bytes at base + offset, read in network order, & mask, equal value. Width 1, 2, 4, 6 or 8.
 *   SHIFT_LEFT:  base += (byte at base + offset & mask) << value.  IPv4: { SHIFT_LEFT, 1, 14, 0x0f, 2 } (then base + 14 is the payload)
 *   SHIFT_RIGHT: base += (byte at base + offset & mask) >> value.
 * Between shifts atoms stand in rising order of offset and do not overlap; the last term is not a shift; offset + width <=
 * AEG_FILTER_REACH; mask is not 0 and within the width, value within mask. A packet too short for a term does not match. A filter with a
 * shift, or an atom that reaches beyond byte 34, matches no IPv4 fragment: fragments go to the owner of the address.
 *
 * The owner of a filter is its ring's guard. Filters of two owners must be disjoint: some bit at the same place (unshifted, or behind
 * identical shifts) is required to be 0 by one and 1 by the other; what cannot be decided within AEG_FILTER_COMPARES comparisons counts as
 * overlap. GROUP filters must require the group bit of the destination address
 * (byte 0, bit 0) and may overlap anything: each owner gets a copy. Among one owner's filters that match, the one with most mask bits
 * wins (of equals, the oldest), so each owner gets a packet at most once.
 * EGRESS filters say what the ring may send: they must fix all 48 bits of the source address (bytes 6-11), and those of two owners must be
 * disjoint. One that reads where AEG_TX_CSUM stores does not match.
 * Filters that differ only in the values of their atoms have one shape. An account pays AEG_FILTER_SHAPE_COST filters more for the first
 * of its filters of each shape, owner and flags.
 */
enum aeg_filter_kind { AEG_FILTER_ATOM, AEG_FILTER_SHIFT_LEFT, AEG_FILTER_SHIFT_RIGHT };

#define AEG_FILTER_TERMS 12
#define AEG_FILTER_SHIFTS 2
#define AEG_FILTER_REACH 128
#define AEG_FILTER_SHAPE_COST 15
#define AEG_FILTER_COMPARES 4096
#define AEG_FILTER_GROUP  1u
#define AEG_FILTER_EGRESS 2u

struct aeg_filter_term {
    uint8_t kind;               /* enum aeg_filter_kind */
    uint8_t width;              /* bytes; 1 for a shift */
    uint16_t offset;
    uint32_t reserved;          /* 0 */
    uint64_t mask;
    uint64_t value;
};
static_assert(sizeof(struct aeg_filter_term) == 24, "ABI");

struct aeg_filter {
    uint32_t flags;
    uint32_t term_count;
    struct aeg_filter_term term[AEG_FILTER_TERMS];
};

#define AEG_ATOM(offset, width, mask, value) { AEG_FILTER_ATOM, (width), (offset), 0, (mask), (value) }
#define AEG_MAC_MASK 0xffffffffffffull

/* The 48-bit value that an atom of width 6 compares with. */
static inline uint64_t
aeg_mac_value(const uint8_t mac[6])
{
    uint64_t v = 0;

    for (int i = 0; i < 6; i++)
        v = v << 8 | mac[i];
    return v;
}

/*
 * A ring paid for by `account`. `cap` needs WRITE over the account, READ and WRITE over the five frames; its name becomes the ring's guard
 * and a copy of it is what posted frames are checked against (receive: WRITE, transmit: READ). env_cap needs WRITE over the env.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_ring_create(aeg_id_t account, uint32_t cap, uint32_t env_cap, const struct aeg_ring_args *args, aeg_id_t *id)
{
    return aeg_call(AEG_SYS_ring_create, account, cap, env_cap, (uint64_t)(uintptr_t)args, 0, 0, id);
}

/* Takes posted receive places and transmit descriptors. cap: WRITE over the ring. taken: how many of both. */
static inline aeg_err_t AEG_MUST_USE
aeg_ring_kick(aeg_id_t ring, uint32_t cap, uint64_t *taken)
{
    return aeg_call(AEG_SYS_ring_kick, ring, cap, 0, 0, 0, 0, taken);
}

/*
 * The ring's filters go with it; frames that the device still reads stay bound until it is done. cap: CONTROL over the ring. AEG_ERR_AGAIN:
 * some filters have gone; to be called again.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_ring_destroy(aeg_id_t ring, uint32_t cap)
{
    return aeg_call(AEG_SYS_ring_destroy, ring, cap, 0, 0, 0, 0, NULL);
}

/*
 * Binds a filter to a ring. cap: CONTROL over the ring, WRITE over its account, which pays. nic_cap: over the NIC, READ (WRITE for an
 * egress filter).
 */
static inline aeg_err_t AEG_MUST_USE
aeg_filter_bind(aeg_id_t ring, uint32_t cap, uint32_t nic_cap, const struct aeg_filter *filter, aeg_id_t *id)
{
    return aeg_call(AEG_SYS_filter_bind, ring, cap, nic_cap, (uint64_t)(uintptr_t)filter, 0, 0, id);
}

/* cap: CONTROL over the filter's ring. */
static inline aeg_err_t AEG_MUST_USE
aeg_filter_unbind(aeg_id_t filter, uint32_t cap)
{
    return aeg_call(AEG_SYS_filter_unbind, filter, cap, 0, 0, 0, 0, NULL);
}

#endif
