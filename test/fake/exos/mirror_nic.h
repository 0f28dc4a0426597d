/*
 * mirror_nic.h: a link whose far end is a mirror: what is sent to another address comes back with source and destination exchanged, so
 * that one stack can talk TCP with itself over a real Ethernet interface, through a link that loses, doubles, reorders or truncates.
 */
#ifndef FAKE_EXOS_MIRROR_NIC_H
#define FAKE_EXOS_MIRROR_NIC_H

#include "net/nic.h"

struct mirror {
    unsigned lose, twice, reorder, truncate;    /* of 1000 frames */
    bool silent;                    /* the far end answers nothing at all */
    bool dhcp_server;               /* the far end gives out 10.0.2.15, gateway 10.0.2.2, DNS 10.0.2.3 */
    uint64_t delay_ns;
    uint64_t sent;
};
extern struct mirror mirror;

struct nic *mirror_nic_create(uint32_t features);
/* The link itself, for a device model: a frame onto it, and the next one off it (its length, 0: none is due). */
void mirror_send(uint8_t *frame, size_t len);
size_t mirror_next(uint8_t frame[1514]);
bool mirror_due(void);
/* Completes a transport checksum as a device would. */
void mirror_complete_csum(uint8_t *frame, size_t len, unsigned start, unsigned offset);
/* A frame out of nowhere. */
void mirror_inject(const void *frame, size_t len);
void mirror_drop_all(void);

#endif
