/*
 * frames.h: a far end that means no good: Ethernet frames of ARP, IPv4, ICMP, UDP, TCP, DHCP and things that are none of these, wrong in one
 * place or in many. It has heard what was sent, so that what it sends may belong to a connection.
 */
#ifndef TEST_FUZZ_FRAMES_H
#define TEST_FUZZ_FRAMES_H

#include "base/base.h"

#define FRAME_MAX 1514u
#define FRAME_OUR_IP 0x0a00020fu        /* 10.0.2.15 */
#define FRAME_FAR_IP 0x0a000264u        /* 10.0.2.100 */
#define FRAME_TCP_PORT 80u
#define FRAME_UDP_PORT 53u

/* It hears a frame. */
void frames_heard(const uint8_t *frame, size_t len);
/* What it sends next: as long as that, at most FRAME_MAX. */
size_t frames_next(uint8_t frame[FRAME_MAX]);
/* It has heard nothing. */
void frames_forget(void);

#endif
