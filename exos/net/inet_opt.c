/* inet_opt.c: the options of levels SOL_IP and SOL_IPV6 (Linux include/uapi/linux/in.h, in6.h), for any kind of Internet socket. */
#include "net/inet.h"

enum {
    IP_TOS_ = 1, IP_TTL_ = 2, IP_PKTINFO_ = 8, IP_MTU_DISCOVER_ = 10, IP_RECVERR_ = 11, IP_RECVTTL_ = 12, IP_RECVTOS_ = 13, IP_MTU_ = 14,
    IP_FREEBIND_ = 15, IP_BIND_ADDRESS_NO_PORT_ = 24, IP_MULTICAST_TTL_ = 33, IP_MULTICAST_LOOP_ = 34,
};
enum {
    IPV6_UNICAST_HOPS_ = 16, IPV6_MULTICAST_HOPS_ = 18, IPV6_MULTICAST_LOOP_ = 19, IPV6_MTU_DISCOVER_ = 23, IPV6_RECVERR_ = 25, IPV6_V6ONLY_ = 26,
    IPV6_RECVPKTINFO_ = 49, IPV6_RECVHOPLIMIT_ = 51, IPV6_RECVTCLASS_ = 66, IPV6_TCLASS_ = 67,
};

/* What the option of that name says is wanted with each datagram; 0: it is another kind of option. */
static uint32_t
wanted_by(bool v6, int name)
{
    if (name == (v6 ? IPV6_RECVPKTINFO_ : IP_PKTINFO_))
        return SOCK_WANT_ADDRESS;
    if (name == (v6 ? IPV6_RECVHOPLIMIT_ : IP_RECVTTL_))
        return SOCK_WANT_TTL;
    return name == (v6 ? IPV6_RECVTCLASS_ : IP_RECVTOS_) ? SOCK_WANT_TOS : 0;
}

/* -1: as usual. `least`: what IPv6 can say and IPv4 cannot is 0. */
static int
set_hops(struct ip_pcb *pcb, int value, int least)
{
    if (value == -1)
        value = IP_DEFAULT_TTL;
    if (value < least || value > 255)
        return -EINVAL;
    pcb->ttl = (u8_t)value;
    return 0;
}

static int
set_class(struct ip_pcb *pcb, int value)
{
    if (value < -1 || value > 255)
        return -EINVAL;
    pcb->tos = (u8_t)MAX(value, 0);
    return 0;
}

int
inet_set_option(struct sock *s, struct ip_pcb *pcb, int name, int value)
{
    uint32_t want = wanted_by(false, name);

    if (want != 0) {
        sock_want(s, want, value != 0);
        return 0;
    }
    switch (name) {
    case IP_TOS_:
        pcb->tos = (u8_t)value;
        return 0;
    case IP_TTL_:
        return set_hops(pcb, value, 1);
    case IP_RECVERR_:
        s->recv_errors = value != 0;
        return 0;
    case IP_MTU_DISCOVER_:
    case IP_FREEBIND_:
    case IP_BIND_ADDRESS_NO_PORT_:
    case IP_MULTICAST_TTL_:
    case IP_MULTICAST_LOOP_:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int
inet_get_option(const struct sock *s, const struct ip_pcb *pcb, int name, int *value)
{
    uint32_t want = wanted_by(false, name);

    *value = (s->want & want) != 0;
    if (want != 0)
        return 0;
    switch (name) {
    case IP_TOS_:
        *value = pcb->tos;
        return 0;
    case IP_TTL_:
        *value = pcb->ttl;
        return 0;
    case IP_RECVERR_:
        *value = s->recv_errors;
        return 0;
    case IP_MULTICAST_TTL_:
    case IP_MULTICAST_LOOP_:
        *value = 1;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int
inet6_set_option(struct sock *s, struct ip_pcb *pcb, int name, int value)
{
    uint32_t want = wanted_by(true, name);

    if (s->family != AF_INET6_)
        return -ENOPROTOOPT;
    if (want != 0) {
        sock_want(s, want, value != 0);
        return 0;
    }
    switch (name) {
    case IPV6_V6ONLY_:
        s->only_v6 = value != 0;
        return 0;
    case IPV6_UNICAST_HOPS_:
        return set_hops(pcb, value, 0);
    case IPV6_TCLASS_:
        return set_class(pcb, value);
    case IPV6_RECVERR_:
        s->recv_errors = value != 0;
        return 0;
    case IPV6_MULTICAST_HOPS_:
    case IPV6_MULTICAST_LOOP_:
    case IPV6_MTU_DISCOVER_:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int
inet6_get_option(const struct sock *s, const struct ip_pcb *pcb, int name, int *value)
{
    uint32_t want = wanted_by(true, name);

    if (s->family != AF_INET6_)
        return -ENOPROTOOPT;
    *value = (s->want & want) != 0;
    if (want != 0)
        return 0;
    switch (name) {
    case IPV6_V6ONLY_:
        *value = s->only_v6;
        return 0;
    case IPV6_UNICAST_HOPS_:
        *value = pcb->ttl;
        return 0;
    case IPV6_TCLASS_:
        *value = pcb->tos;
        return 0;
    case IPV6_RECVERR_:
        *value = s->recv_errors;
        return 0;
    case IPV6_MULTICAST_HOPS_:
    case IPV6_MULTICAST_LOOP_:
        *value = 1;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

void
inet_apply_flags(struct ip_pcb *pcb, const struct sock *s)
{
    u8_t flags = (u8_t)((s->reuse_addr || (s->want & SOCK_SHARES_PORT) ? SOF_REUSEADDR : 0) | (s->keepalive ? SOF_KEEPALIVE : 0) |
                        (s->broadcast ? SOF_BROADCAST : 0));

    pcb->so_options = (u8_t)((pcb->so_options & ~(SOF_REUSEADDR | SOF_KEEPALIVE | SOF_BROADCAST)) | flags);
}
