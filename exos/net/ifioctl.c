/* ifioctl.c: what ifconfig and its like ask about interfaces (Linux include/uapi/linux/sockios.h, if.h). */
#include "net/facts.h"
#include "net/net.h"
#include "net/sock.h"

#include "lwip/ip_addr.h"
#include "lwip/netif.h"

enum {
    SIOCGIFNAME = 0x8910, SIOCGIFCONF = 0x8912, SIOCGIFFLAGS = 0x8913, SIOCGIFADDR = 0x8915, SIOCGIFDSTADDR = 0x8917,
    SIOCGIFBRDADDR = 0x8919, SIOCGIFNETMASK = 0x891b, SIOCGIFMETRIC = 0x891d, SIOCGIFMTU = 0x8921, SIOCGIFHWADDR = 0x8927,
    SIOCGIFINDEX = 0x8933, SIOCGIFTXQLEN = 0x8942, SIOCGIFMAP = 0x8970,
};

#define IF_MAX         2u       /* lo and eth0 */

struct lx_ifreq {
    char name[16];
    union {
        struct sockaddr_inet addr;
        struct { uint16_t family; uint8_t bytes[14]; } hw;
        int16_t flags;
        int32_t value;
        uint8_t raw[24];
    };
};
_Static_assert(sizeof(struct lx_ifreq) == 40, "Linux include/uapi/linux/if.h");

struct lx_ifconf {
    int32_t len;
    int32_t pad;
    uint64_t buffer;
};
_Static_assert(sizeof(struct lx_ifconf) == 16, "Linux include/uapi/linux/if.h");

static struct netif *
find_interface(const char name[16])
{
    struct netif *n;

    NETIF_FOREACH(n) {
        if (!net_hides(n) && strncmp(net_name(n), name, 16) == 0)
            return n;
    }
    return NULL;
}

static void
put_address(struct lx_ifreq *r, uint32_t address)
{
    r->addr = (struct sockaddr_inet){ .family = AF_INET_, .address = address };
}

static int
answer(const struct netif *n, unsigned cmd, struct lx_ifreq *r)
{
    uint32_t address = netif_ip4_addr(n)->addr, mask = netif_ip4_netmask(n)->addr;
    struct net_facts f;

    net_facts_of(n, &f);
    memset(r->raw, 0, sizeof(r->raw));
    switch (cmd) {
    case SIOCGIFFLAGS:
        r->flags = (int16_t)f.flags;
        return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
        put_address(r, address);
        return address != 0 ? 0 : -EADDRNOTAVAIL;
    case SIOCGIFBRDADDR:
        put_address(r, address | ~mask);
        return address != 0 ? 0 : -EADDRNOTAVAIL;
    case SIOCGIFNETMASK:
        put_address(r, mask);
        return address != 0 ? 0 : -EADDRNOTAVAIL;
    case SIOCGIFMTU:
        r->value = (int32_t)f.mtu;
        return 0;
    case SIOCGIFHWADDR:
        r->hw.family = (uint16_t)f.type;
        memcpy(r->hw.bytes, f.address, sizeof(f.address));
        return 0;
    case SIOCGIFINDEX:
        r->value = (int32_t)f.index;
        return 0;
    case SIOCGIFTXQLEN:
        r->value = (int32_t)f.queue_len;
        return 0;
    case SIOCGIFMETRIC:
    case SIOCGIFMAP:
        return 0;
    default:
        return -ENOTTY;
    }
}

/* Every interface that has an address. */
static unsigned
list_interfaces(struct lx_ifreq r[IF_MAX])
{
    struct netif *n;
    unsigned count = 0;

    net_lock_acquire();
    NETIF_FOREACH(n) {
        if (count == IF_MAX || net_hides(n) || ip4_addr_isany_val(*netif_ip4_addr(n)))
            continue;
        memset(&r[count], 0, sizeof(r[count]));
        memcpy(r[count].name, net_name(n), strlen(net_name(n)));
        put_address(&r[count++], netif_ip4_addr(n)->addr);
    }
    net_lock_release();
    return count;
}

static long
get_conf(uva_t arg)
{
    struct lx_ifreq r[IF_MAX];
    struct lx_ifconf conf;
    unsigned count;

    if (user_copy_in(&conf, arg, sizeof(conf)) != 0)
        return -EFAULT;
    if (conf.len < 0)
        return -EINVAL;
    count = list_interfaces(r);
    if (conf.buffer != 0) {
        count = MIN(count, (unsigned)conf.len / (unsigned)sizeof(r[0]));
        if (user_copy_out(conf.buffer, r, count * sizeof(r[0])) != 0)
            return -EFAULT;
    }
    conf.len = (int32_t)(count * sizeof(r[0]));
    return user_copy_out(arg, &conf, sizeof(conf));
}

long
sock_interface_ioctl(unsigned cmd, uint64_t arg)
{
    struct lx_ifreq r;
    struct netif *n;
    int err;

    if (cmd == SIOCGIFCONF)
        return get_conf(arg);
    if ((cmd & 0xff00) != 0x8900)
        return -ENOTTY;
    if (user_copy_in(&r, arg, sizeof(r)) != 0)
        return -EFAULT;
    net_lock_acquire();
    if (cmd == SIOCGIFNAME) {
        n = netif_get_by_index((u8_t)MIN((uint32_t)r.value, 255u));
        if (n != NULL && net_hides(n))
            n = NULL;
        if (n != NULL)
            memcpy(r.name, net_name(n), strlen(net_name(n)) + 1);
        err = n != NULL ? 0 : -ENODEV;
    } else {
        n = find_interface(r.name);
        err = n != NULL ? answer(n, cmd, &r) : -ENODEV;
    }
    net_lock_release();
    return err != 0 ? err : user_copy_out(arg, &r, sizeof(r));
}
