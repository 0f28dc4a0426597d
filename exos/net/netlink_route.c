/*
 * netlink_route.c: interfaces, addresses and routes, as rtnetlink(7) tells of them.
 *
 * Locks:    net_lock while the stack is looked at.
 * Not here: changes: the addresses are the session's, by DHCP or as it was started (config.c).
 */
#include "net/facts.h"
#include "net/inet.h"
#include "net/net.h"
#include "net/netlink.h"

#include "lwip/ip4.h"
#include "lwip/netif.h"
#include "proc/proc.h"

/* Linux include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, if.h */
enum { RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_NEWADDR = 20, RTM_GETADDR = 22, RTM_NEWROUTE = 24, RTM_GETROUTE = 26, RTM_GETNEIGH = 30,
       RTM_GETRULE = 34, RTM_LAST = 123 };
enum { IFLA_ADDRESS = 1, IFLA_BROADCAST = 2, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_QDISC = 6, IFLA_TXQLEN = 13, IFLA_OPERSTATE = 16,
       IFLA_LINKMODE = 17, IFLA_STATS64 = 23, IFLA_GROUP = 27 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_BROADCAST = 4, IFA_FLAGS = 8 };
enum { RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PREFSRC = 7, RTA_TABLE = 15 };
#define KINDS 4                 /* each kind of object has so many types: new, delete, get, set */
#define KIND_GET 2u
#define ADDRESS_PERMANENT 0x80
#define SCOPE_UNIVERSE 0
#define SCOPE_LINK     253
#define SCOPE_HOST     254
#define TABLE_MAIN     254
#define ROUTE_BY_KERNEL 2
#define ROUTE_BY_BOOT   3
#define ROUTE_UNICAST   1
#define ROUTE_LOCAL     2
#define ROUTE_CLONED    0x200u

struct link_message {
    uint8_t family, pad;
    uint16_t type;
    int32_t index;
    uint32_t flags, change;
};
struct address_message {
    uint8_t family, prefix, flags, scope;
    uint32_t index;
};
struct route_message {
    uint8_t family, dst_len, src_len, tos, table, protocol, scope, type;
    uint32_t flags;
};
_Static_assert(sizeof(struct link_message) == 16 && sizeof(struct address_message) == 8 && sizeof(struct route_message) == 12,
               "Linux include/uapi/linux/rtnetlink.h");

static bool
is_ethernet(const struct netif *n)
{
    return n == net_ethernet();
}

static void
put_u32(struct nl_reply *r, uint16_t type, uint32_t value)
{
    nl_put(r, type, &value, sizeof(value));
}

static void
put_u8(struct nl_reply *r, uint16_t type, uint8_t value)
{
    nl_put(r, type, &value, sizeof(value));
}

static void
put_text(struct nl_reply *r, uint16_t type, const char *text)
{
    nl_put(r, type, text, strlen(text) + 1);
}

/* ---- interfaces ---- */

/* Linux struct rtnl_link_stats64 begins so. */
static void
put_stats(struct nl_reply *r, const struct nic_stats *n)
{
    uint64_t s[24] = { n->rx_packets, n->tx_packets, n->rx_bytes, n->tx_bytes, n->rx_errors, n->tx_errors, n->rx_dropped, n->tx_dropped };

    nl_put(r, IFLA_STATS64, s, sizeof(s));
}

static void
put_link(struct nl_reply *r, const struct netif *n)
{
    struct link_message *m = nl_begin(r, RTM_NEWLINK, sizeof(*m));
    struct net_facts f;

    if (m == NULL)
        return;
    net_facts_of(n, &f);
    *m = (struct link_message){ 0, 0, (uint16_t)f.type, (int32_t)f.index, f.flags, 0 };
    put_text(r, IFLA_IFNAME, f.name);
    put_u32(r, IFLA_TXQLEN, f.queue_len);
    put_u8(r, IFLA_OPERSTATE, (uint8_t)f.state);
    put_u8(r, IFLA_LINKMODE, 0);
    put_u32(r, IFLA_MTU, f.mtu);
    put_u32(r, IFLA_GROUP, 0);
    put_text(r, IFLA_QDISC, f.type == ARPHRD_ETHER ? "pfifo_fast" : "noqueue");
    nl_put(r, IFLA_ADDRESS, f.address, sizeof(f.address));
    nl_put(r, IFLA_BROADCAST, f.broadcast, sizeof(f.broadcast));
    put_stats(r, &f.stats);
}

/* The attribute of that type in a request; NULL: there is none. *n: its bytes. */
static const void *
attribute(const struct nl_header *h, size_t fixed, uint16_t type, size_t *n)
{
    const char *at = (const char *)(h + 1) + fixed, *end = (const char *)h + h->len;

    while (end - at >= (long)sizeof(struct nl_attribute)) {
        const struct nl_attribute *a = (const void *)at;

        if (a->len < sizeof(*a) || a->len > end - at)
            break;
        if (a->type == type) {
            *n = a->len - sizeof(*a);
            return a + 1;
        }
        at += MIN((long)((a->len + 3u) & ~3u), end - at);
    }
    return NULL;
}

static bool
is_asked_for(const struct nl_header *h, const struct netif *n)
{
    const struct link_message *m = (const void *)(h + 1);
    size_t len = 0;
    const char *name = attribute(h, sizeof(*m), IFLA_IFNAME, &len);

    if (m->index != 0)
        return m->index == netif_get_index(n);
    return name != NULL && strnlen(name, len) == strlen(net_name(n)) && memcmp(name, net_name(n), strlen(net_name(n))) == 0;
}

static int
get_links(struct nl_reply *r, const struct nl_header *h)
{
    bool any = false;

    for (unsigned index = 1; index <= NET_INTERFACES_MAX; index++) {
        const struct netif *n = netif_get_by_index((u8_t)index);

        if (n == NULL || net_hides(n) || (!nl_is_dump(h) && !is_asked_for(h, n)))
            continue;
        put_link(r, n);
        any = true;
    }
    return any ? 0 : -ENODEV;
}

/* ---- addresses ---- */

static uint8_t
prefix_of(uint32_t mask)
{
    return mask == 0 ? 0 : (uint8_t)(32 - __builtin_ctz(lwip_ntohl(mask)));
}

static void
put_address(struct nl_reply *r, const struct netif *n)
{
    uint32_t address = netif_ip4_addr(n)->addr, mask = netif_ip4_netmask(n)->addr;
    struct address_message *m;

    if (address == 0 || (m = nl_begin(r, RTM_NEWADDR, sizeof(*m))) == NULL)
        return;
    *m = (struct address_message){ AF_INET_, prefix_of(mask), ADDRESS_PERMANENT, is_ethernet(n) ? SCOPE_UNIVERSE : SCOPE_HOST,
                                   netif_get_index(n) };
    put_u32(r, IFA_ADDRESS, address);
    put_u32(r, IFA_LOCAL, address);
    if (is_ethernet(n))
        put_u32(r, IFA_BROADCAST, address | ~mask);
    put_text(r, IFA_LABEL, net_name(n));
    put_u32(r, IFA_FLAGS, ADDRESS_PERMANENT);
}

/* ::1, of the interface that the program knows as lo. */
static void
put_loopback6(struct nl_reply *r)
{
    static const uint8_t address[16] = { [15] = 1 };
    struct address_message *m = nl_begin(r, RTM_NEWADDR, sizeof(*m));

    if (m == NULL)
        return;
    *m = (struct address_message){ AF_INET6_, 128, ADDRESS_PERMANENT, SCOPE_HOST, 1 };
    nl_put(r, IFA_ADDRESS, address, sizeof(address));
    put_u32(r, IFA_FLAGS, ADDRESS_PERMANENT);
}

static int
get_addresses(struct nl_reply *r, const struct nl_header *h)
{
    const struct address_message *m = (const void *)(h + 1);

    if (!nl_is_dump(h))
        return -EOPNOTSUPP;
    for (unsigned index = 1; m->family != AF_INET6_ && index <= NET_INTERFACES_MAX; index++) {
        const struct netif *n = netif_get_by_index((u8_t)index);

        if (n != NULL && !net_hides(n) && (m->index == 0 || m->index == index))
            put_address(r, n);
    }
    if ((m->family == 0 || m->family == AF_INET6_) && m->index <= 1)
        put_loopback6(r);
    return 0;
}

/* ---- routes ---- */

static struct route_message *
begin_route(struct nl_reply *r, const struct netif *n, struct route_message m)
{
    struct route_message *out = nl_begin(r, RTM_NEWROUTE, sizeof(*out));

    if (out == NULL)
        return NULL;
    *out = m;
    put_u32(r, RTA_TABLE, TABLE_MAIN);
    put_u32(r, RTA_OIF, netif_get_index(n));
    return out;
}

static void
list_routes(struct nl_reply *r)
{
    const struct netif *n = net_ethernet();
    uint32_t address, mask, gateway;

    if (n == NULL || netif_ip4_addr(n)->addr == 0)
        return;
    address = netif_ip4_addr(n)->addr;
    mask = netif_ip4_netmask(n)->addr;
    gateway = netif_ip4_gw(n)->addr;
    if (gateway != 0 && begin_route(r, n, (struct route_message){ .family = AF_INET_, .table = TABLE_MAIN, .protocol = ROUTE_BY_BOOT,
                                                                  .type = ROUTE_UNICAST }) != NULL)
        put_u32(r, RTA_GATEWAY, gateway);
    if (begin_route(r, n, (struct route_message){ .family = AF_INET_, .dst_len = prefix_of(mask), .table = TABLE_MAIN,
                                                  .protocol = ROUTE_BY_KERNEL, .scope = SCOPE_LINK, .type = ROUTE_UNICAST }) == NULL)
        return;
    put_u32(r, RTA_DST, address & mask);
    put_u32(r, RTA_PREFSRC, address);
}

/* The way to one address. */
static int
one_route(struct nl_reply *r, const struct nl_header *h)
{
    size_t len = 0;
    const ip4_addr_t *to = attribute(h, sizeof(struct route_message), RTA_DST, &len);
    const struct netif *n;
    bool own;

    if (to == NULL || len < sizeof(*to))
        return -EINVAL;
    n = ip4_route(to);
    if (n == NULL)
        return -ENETUNREACH;
    own = ip4_addr_isloopback(to) || ip4_addr_cmp(to, netif_ip4_addr(n));
    if (begin_route(r, n, (struct route_message){ .family = AF_INET_, .dst_len = 32, .table = TABLE_MAIN, .flags = ROUTE_CLONED,
                                                  .type = own ? ROUTE_LOCAL : ROUTE_UNICAST }) == NULL)
        return 0;
    put_u32(r, RTA_DST, to->addr);
    put_u32(r, RTA_PREFSRC, own ? to->addr : netif_ip4_addr(n)->addr);
    if (!own && !ip4_addr_netcmp(to, netif_ip4_addr(n), netif_ip4_netmask(n)))
        put_u32(r, RTA_GATEWAY, netif_ip4_gw(n)->addr);
    return 0;
}

static int
get_routes(struct nl_reply *r, const struct nl_header *h)
{
    uint8_t family = ((const struct route_message *)(h + 1))->family;

    if (!nl_is_dump(h))
        return family == AF_INET_ ? one_route(r, h) : -ENETUNREACH;
    if (family == AF_INET_ || family == AF_UNSPEC_)
        list_routes(r);
    return 0;
}

/* ---- */

static int
get(struct nl_reply *r, const struct nl_header *h)
{
    switch (h->type) {
    case RTM_GETLINK:
        return get_links(r, h);
    case RTM_GETADDR:
        return get_addresses(r, h);
    case RTM_GETROUTE:
        return get_routes(r, h);
    case RTM_GETNEIGH:
    case RTM_GETRULE:
        return nl_is_dump(h) ? 0 : -EOPNOTSUPP;
    default:
        return -EOPNOTSUPP;
    }
}

int
nl_route(struct nl_reply *r, const struct nl_header *h)
{
    struct { struct nl_header h; struct link_message body; } padded = { .h = *h };
    bool is_get = h->type >= RTM_NEWLINK && (h->type - RTM_NEWLINK) % KINDS == KIND_GET;
    int err;

    if (h->type < RTM_NEWLINK || h->type > RTM_LAST)
        return -EOPNOTSUPP;
    if (!is_get)
        return proc_current()->fs->uid != 0 ? -EPERM : -EOPNOTSUPP;
    if (h->len == sizeof(*h))
        return -EINVAL;
    if (h->len < sizeof(padded)) {          /* the short form: a family alone */
        memcpy(&padded.body, h + 1, h->len - sizeof(*h));
        padded.h.len = sizeof(padded);
        h = &padded.h;
    }
    net_lock_acquire();
    err = get(r, h);
    net_lock_release();
    return err == 0 && r->full ? -EMSGSIZE : err;
}
