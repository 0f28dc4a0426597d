/* facts.h: what programs hear of an interface, whichever way they ask: ioctl(2), netlink(7), /proc, /sys. */
#ifndef EXOS_NET_FACTS_H
#define EXOS_NET_FACTS_H

#include "net/nic.h"

struct netif;

/* Linux include/uapi/linux/if.h, if_arp.h */
#define LINK_UP        0x1u
#define LINK_BROADCAST 0x2u
#define LINK_LOOPBACK  0x8u
#define LINK_RUNNING   0x40u
#define LINK_MULTICAST 0x1000u
#define LINK_LOWER_UP  0x10000u
#define ARPHRD_ETHER     1u
#define ARPHRD_LOOPBACK  772u
#define OPER_UNKNOWN 0u
#define OPER_UP      6u

struct net_facts {
    const char *name;
    uint32_t index, type, flags, mtu, queue_len, state;
    uint8_t address[6], broadcast[6];
    struct nic_stats stats;
};

/* With net_lock held. */
void net_facts_of(const struct netif *n, struct net_facts *out);
/* Of the interface with that index; without the lock. False: there is none that programs see. */
bool net_facts(unsigned index, struct net_facts *out) MUST_USE;
/* Of the interface that has that index. Interfaces stay, so no lock is needed. */
const char *net_name_at(unsigned index);

#endif
