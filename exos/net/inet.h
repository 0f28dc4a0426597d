/* inet.h: between Linux socket addresses and lwIP's, and lwIP's errors as Linux's. */
#ifndef EXOS_NET_INET_H
#define EXOS_NET_INET_H

#include "net/sock.h"

#include "lwip/err.h"
#include "lwip/ip.h"
#include "lwip/ip_addr.h"

int errno_of(err_t err);
/* As a socket of that family is told of it. */
void inet_addr_set(struct sock_addr *a, int family, const ip_addr_t *ip, uint16_t port);
/* The local address of s. */
void inet_name_set(struct sock_addr *a, const struct sock *s, bool connected, const ip_addr_t *ip, uint16_t port);
/* 0, -EINVAL (too short), -EAFNOSUPPORT, or -ENETUNREACH: an address of IPv6 beyond ours. */
int inet_addr_get(const struct sock *s, const struct sock_addr *a, ip_addr_t *ip, uint16_t *port) MUST_USE;
/* The same of whom s is to talk to: no address is ours, by the loopback. */
int inet_peer_get(const struct sock *s, const struct sock_addr *a, ip_addr_t *ip, uint16_t *port) MUST_USE;
/*
 * Where s binds itself to. IPv6 is there for the loopback: INET6_LOOPBACK, an interface of its own, is what ::1 is inside, and a socket for
 * any address of IPv6 alone is bound to that.
 */
#define INET6_LOOPBACK PP_HTONL(LWIP_MAKEU32(127, 6, 0, 1))
int inet_bind_addr_get(struct sock *s, const struct sock_addr *a, ip_addr_t *ip, uint16_t *port) MUST_USE;
/* Is this one of our addresses, or any, or broadcast? net_lock is held. */
bool inet_addr_is_ours(const ip_addr_t *ip);
/* Is there a way to this address? net_lock is held. */
bool inet_addr_is_reachable(const ip_addr_t *ip);

/* IP_TOS, IP_TTL and the common flags, for any kind of pcb. net_lock is held. */
int inet_set_option(struct sock *s, struct ip_pcb *pcb, int name, int value);
int inet_get_option(const struct sock *s, const struct ip_pcb *pcb, int name, int *value);
void inet_apply_flags(struct ip_pcb *pcb, const struct sock *s);

#define SOL_IP_  0
#define SOL_TCP_ 6
#define SOL_IPV6_ 41

/* The options of level SOL_IPV6. */
int inet6_set_option(struct sock *s, struct ip_pcb *pcb, int name, int value);
int inet6_get_option(const struct sock *s, const struct ip_pcb *pcb, int name, int *value);

/* An address of IPv6 as what it is inside, and back. 0, -ENETUNREACH. */
int inet6_address_get(const struct sock *s, const uint8_t address[16], uint32_t *ip) MUST_USE;
void inet6_address_set(uint8_t address[16], uint32_t ip);

/* The interface that a packet to one of our addresses came in by, as programs number them. */
uint32_t inet_interface_of(uint32_t address);

#endif
