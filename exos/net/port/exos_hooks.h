/* exos_hooks.h: what lwIP's core asks of the port in the middle of its work. */
#ifndef EXOS_HOOKS_H
#define EXOS_HOOKS_H

#include "lwip/arch.h"
#include "lwip/err.h"
#include "lwip/ip_addr.h"

/* RFC 6528: initial sequence numbers that an outsider cannot guess and that still grow with time for one address pair. */
u32_t net_tcp_isn(const ip_addr_t *local_ip, u16_t local_port, const ip_addr_t *remote_ip, u16_t remote_port);
#define LWIP_HOOK_TCP_ISN net_tcp_isn

/* Every segment of a connection, before it is looked at. ERR_OK, or it is dropped. */
struct tcp_pcb;
struct tcp_hdr;
err_t net_tcp_segment(const struct tcp_pcb *pcb, const struct tcp_hdr *header);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, length, length1, options2, p) net_tcp_segment(pcb, header)

#endif
