/* inet.h: between Linux socket addresses and lwIP's, and lwIP's errors as Linux's. */
#ifndef EXOS_NET_INET_H
#define EXOS_NET_INET_H

#include "net/sock.h"

#include "lwip/err.h"
#include "lwip/ip.h"
#include "lwip/ip_addr.h"

int errno_of(err_t err);
void inet_addr_set(struct sock_addr *a, const ip_addr_t *ip, uint16_t port);
/* 0, -EINVAL (too short) or -EAFNOSUPPORT. */
int inet_addr_get(const struct sock_addr *a, ip_addr_t *ip, uint16_t *port) MUST_USE;
/* Is this one of our addresses, or any, or broadcast? net_lock is held. */
bool inet_addr_is_ours(const ip_addr_t *ip);
/* Is there a way to this address? net_lock is held. */
bool inet_addr_is_reachable(const ip_addr_t *ip);

/* IP_TOS, IP_TTL and the common flags, for any kind of pcb. net_lock is held. */
int inet_set_option(struct ip_pcb *pcb, int name, int value);
int inet_get_option(const struct ip_pcb *pcb, int name, int *value);
void inet_apply_flags(struct ip_pcb *pcb, const struct sock *s);

#define SOL_IP_  0
#define SOL_TCP_ 6

#endif
