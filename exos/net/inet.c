/* inet.c: addresses and errors that all Internet sockets share. Not here: options (inet_opt.c). */
#include "net/inet.h"

#include "net/net.h"

#include "lwip/netif.h"
#include "lwip/ip4.h"

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

void
inet6_address_set(uint8_t address[16], uint32_t ip)
{
    memset(address, 0, 16);
    if (ip == INET6_LOOPBACK) {
        address[15] = 1;
    } else if (ip != 0) {
        memcpy(address, mapped_prefix, sizeof(mapped_prefix));
        memcpy(address + sizeof(mapped_prefix), &ip, sizeof(ip));
    }
}

static void
set_v6(struct sockaddr_inet6 *a, uint32_t ip, uint16_t port)
{
    *a = (struct sockaddr_inet6){ .family = AF_INET6_, .port = lwip_htons(port) };
    inet6_address_set(a->address, ip);
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

int
inet6_address_get(const struct sock *s, const uint8_t address[16], uint32_t *ip)
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
        err = inet6_address_get(s, a->in6.address, &address);
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

uint32_t
inet_interface_of(uint32_t address)
{
    const struct netif *eth = net_ethernet();

    return eth != NULL && netif_ip4_addr(eth)->addr == address ? netif_get_index(eth) : netif_get_index(netif_get_by_index(1));
}
