/* inet.c: addresses, errors and options that all Internet sockets share. */
#include "net/inet.h"

#include "lwip/netif.h"
#include "lwip/ip4.h"

#define IP_TOS_        1
#define IP_TTL_        2
#define IP_MTU_DISCOVER_ 10
#define IP_RECVERR_    11
#define IP_MULTICAST_TTL_ 33
#define IP_MULTICAST_LOOP_ 34

int
errno_of(err_t err)
{
    static const uint8_t table[] = {
        [-ERR_OK] = 0, [-ERR_MEM] = ENOBUFS, [-ERR_BUF] = ENOBUFS, [-ERR_TIMEOUT] = ETIMEDOUT, [-ERR_RTE] = ENETUNREACH,
        [-ERR_INPROGRESS] = EINPROGRESS, [-ERR_VAL] = EINVAL, [-ERR_WOULDBLOCK] = EAGAIN, [-ERR_USE] = EADDRINUSE,
        [-ERR_ALREADY] = EALREADY, [-ERR_ISCONN] = EISCONN, [-ERR_CONN] = ENOTCONN, [-ERR_IF] = ENETDOWN,
        [-ERR_ABRT] = ECONNABORTED, [-ERR_RST] = ECONNRESET, [-ERR_CLSD] = ENOTCONN, [-ERR_ARG] = EINVAL,
    };

    return err > 0 || -err >= (int)ARRAY_SIZE(table) ? -EIO : -table[-err];
}

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void
set_v6(struct sockaddr_inet6 *a, uint32_t ip, uint16_t port)
{
    memset(a, 0, sizeof(*a));
    a->family = AF_INET6_;
    a->port = lwip_htons(port);
    if (ip == INET6_LOOPBACK) {
        a->address[15] = 1;
    } else if (ip != 0) {
        memcpy(a->address, mapped_prefix, sizeof(mapped_prefix));
        memcpy(a->address + sizeof(mapped_prefix), &ip, sizeof(ip));
    }
}

void
inet_addr_set(struct sock_addr *a, int family, const ip_addr_t *ip, uint16_t port)
{
    uint32_t address = ip4_addr_get_u32(ip_2_ip4(ip));

    if (family == AF_INET6_) {
        a->len = sizeof(a->in6);
        set_v6(&a->in6, address, port);
        return;
    }
    a->len = sizeof(a->in);
    a->in = (struct sockaddr_inet){ .family = AF_INET_, .port = lwip_htons(port), .address = address };
}

void
inet_name_set(struct sock_addr *a, const struct sock *s, bool connected, const ip_addr_t *ip, uint16_t port)
{
    inet_addr_set(a, s->family, s->any_v6 && !connected ? IP4_ADDR_ANY : ip, port);
}

/* The address of IPv6 as what it is inside. */
static int
v6_get(const struct sock *s, const uint8_t address[16], uint32_t *ip)
{
    static const uint8_t any[16], loopback[16] = { [15] = 1 };

    if (memcmp(address, any, sizeof(any)) == 0) {
        *ip = 0;
    } else if (memcmp(address, loopback, sizeof(loopback)) == 0) {
        *ip = INET6_LOOPBACK;
    } else if (memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0 && !s->only_v6) {
        memcpy(ip, address + sizeof(mapped_prefix), sizeof(*ip));
    } else {
        return -ENETUNREACH;
    }
    return 0;
}

int
inet_addr_get(const struct sock *s, const struct sock_addr *a, ip_addr_t *ip, uint16_t *port)
{
    uint32_t address = 0;
    int err = 0;

    if (a->len < (s->family == AF_INET6_ ? sizeof(a->in6) : sizeof(a->in)))
        return -EINVAL;
    if (a->family != s->family)
        return -EAFNOSUPPORT;
    if (s->family == AF_INET6_)
        err = v6_get(s, a->in6.address, &address);
    else
        address = a->in.address;
    ip_addr_set_ip4_u32(ip, address);
    *port = lwip_ntohs(a->in.port);
    return err;
}

int
inet_peer_get(const struct sock *s, const struct sock_addr *a, ip_addr_t *ip, uint16_t *port)
{
    int err = inet_addr_get(s, a, ip, port);

    if (err == 0 && ip_addr_isany_val(*ip))
        ip_addr_set_ip4_u32(ip, s->family == AF_INET6_ ? INET6_LOOPBACK : PP_HTONL(IPADDR_LOOPBACK));
    return err;
}

int
inet_bind_addr_get(struct sock *s, const struct sock_addr *a, ip_addr_t *ip, uint16_t *port)
{
    int err = inet_addr_get(s, a, ip, port);

    s->any_v6 = err == 0 && s->only_v6 && ip_addr_isany_val(*ip);
    if (s->any_v6)
        ip_addr_set_ip4_u32(ip, INET6_LOOPBACK);
    return err == -ENETUNREACH ? -EADDRNOTAVAIL : err;
}

#define IPV6_UNICAST_HOPS_ 16
#define IPV6_V6ONLY_       26
#define IPV6_RECVPKTINFO_  49
#define IPV6_RECVHOPLIMIT_ 51
#define IPV6_TCLASS_       67

int
inet6_set_option(struct sock *s, int name, int value)
{
    if (s->family != AF_INET6_)
        return -ENOPROTOOPT;
    if (name == IPV6_V6ONLY_)
        s->only_v6 = value != 0;
    return name >= IPV6_UNICAST_HOPS_ && name <= IPV6_TCLASS_ ? 0 : -ENOPROTOOPT;
}

int
inet6_get_option(const struct sock *s, int name, int *value)
{
    if (s->family != AF_INET6_)
        return -ENOPROTOOPT;
    switch (name) {
    case IPV6_V6ONLY_:
        *value = s->only_v6;
        return 0;
    case IPV6_UNICAST_HOPS_:
        *value = IP_DEFAULT_TTL;
        return 0;
    case IPV6_RECVPKTINFO_:
    case IPV6_RECVHOPLIMIT_:
    case IPV6_TCLASS_:
        *value = 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

bool
inet_addr_is_ours(const ip_addr_t *ip)
{
    const ip4_addr_t *a = ip_2_ip4(ip);
    struct netif *n;

    if (ip4_addr_isany(a) || ip4_addr_isloopback(a))
        return true;
    NETIF_FOREACH(n) {
        if (ip4_addr_cmp(a, netif_ip4_addr(n)) || ip4_addr_isbroadcast(a, n))
            return true;
    }
    return false;
}

bool
inet_addr_is_reachable(const ip_addr_t *ip)
{
    return ip4_route(ip_2_ip4(ip)) != NULL;
}

int
inet_set_option(struct ip_pcb *pcb, int name, int value)
{
    switch (name) {
    case IP_TOS_:
        pcb->tos = (u8_t)value;
        return 0;
    case IP_TTL_:
        if (value == -1)
            value = IP_DEFAULT_TTL;
        if (value < 1 || value > 255)
            return -EINVAL;
        pcb->ttl = (u8_t)value;
        return 0;
    case IP_MTU_DISCOVER_:
    case IP_RECVERR_:
    case IP_MULTICAST_TTL_:
    case IP_MULTICAST_LOOP_:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int
inet_get_option(const struct ip_pcb *pcb, int name, int *value)
{
    if (name != IP_TOS_ && name != IP_TTL_)
        return -ENOPROTOOPT;
    *value = name == IP_TOS_ ? pcb->tos : pcb->ttl;
    return 0;
}

void
inet_apply_flags(struct ip_pcb *pcb, const struct sock *s)
{
    u8_t flags = (u8_t)((s->reuse_addr ? SOF_REUSEADDR : 0) | (s->keepalive ? SOF_KEEPALIVE : 0) | (s->broadcast ? SOF_BROADCAST : 0));

    pcb->so_options = (u8_t)((pcb->so_options & ~(SOF_REUSEADDR | SOF_KEEPALIVE | SOF_BROADCAST)) | flags);
}
