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

void
inet_addr_set(struct sock_addr *a, const ip_addr_t *ip, uint16_t port)
{
    memset(&a->in, 0, sizeof(a->in));
    a->len = sizeof(a->in);
    a->in.family = AF_INET_;
    a->in.port = lwip_htons(port);
    a->in.address = ip4_addr_get_u32(ip_2_ip4(ip));
}

int
inet_addr_get(const struct sock_addr *a, ip_addr_t *ip, uint16_t *port)
{
    if (a->len < sizeof(a->in))
        return -EINVAL;
    if (a->in.family != AF_INET_)
        return -EAFNOSUPPORT;
    ip_addr_set_ip4_u32(ip, a->in.address);
    *port = lwip_ntohs(a->in.port);
    return 0;
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
