/* ring.h: a packet ring as ring.c and ring_tx.c see it. */
#ifndef AEGIS_DEV_RING_H
#define AEGIS_DEV_RING_H

#include "dev/net.h"

enum ring_state { RING_FREE, RING_LIVE, RING_DYING };

/* A posted receive place, copied and checked. error OK: the frame is bound. */
struct rx_place {
    aeg_frame_t frame;
    uint16_t offset, capacity;
    aeg_err_t error;
};

struct ring {
    enum ring_state state;
    uint32_t generation;            /* of the id given out last */
    aeg_id_t id;
    aeg_id_t space, account;
    aeg_id_t env;                   /* who is notified, with which bits */
    uint64_t bits;
    struct aeg_cap cap;             /* what posted frames are checked against; its name is the ring's guard */
    struct nic *nic;
    struct aeg_ring_info *info;     /* for ever the same */
    aeg_frame_t frames[AEG_RING_FRAMES];
    struct aeg_ring *shared;        /* frames[0] */
    uint32_t rx_taken, rx_done;     /* what the kernel believes */
    uint32_t tx_taken, tx_done;
    uint32_t tx_in_flight;
    bool tx_stalled;                /* something posted was not taken because the device was full */
    bool notify;                    /* something is done since env was last notified */
    struct rx_place rx[AEG_RING_RX];
    bool tx_finished[AEG_RING_TX];  /* taken, done, but an earlier one is not */
};

/*
 * Builds a packet from a private copy of its descriptor: checks it, copies the header, asks the egress filters. On AEG_OK the frames of
 * tx->piece are bound; otherwise nothing is.
 */
aeg_err_t ring_tx_build(const struct ring *r, const struct aeg_tx *d, struct nic_tx *tx) AEG_MUST_USE;

#endif
