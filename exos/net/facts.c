/* facts.c: what programs hear of an interface, in one place. */
#include "net/facts.h"
#include "net/net.h"

#include "lwip/netif.h"

#define QUEUE_LEN 1000u                 /* what Linux says of such interfaces */

void
net_facts_of(const struct netif *n, struct net_facts *out)
{
    bool eth = n == net_ethernet();

    *out = (struct net_facts){ .name = net_name(n), .index = netif_get_index(n), .mtu = n->mtu, .queue_len = QUEUE_LEN };
    out->type = eth ? ARPHRD_ETHER : ARPHRD_LOOPBACK;
    out->flags = LINK_UP | LINK_RUNNING | LINK_LOWER_UP | (eth ? LINK_BROADCAST | LINK_MULTICAST : LINK_LOOPBACK);
    out->state = eth ? OPER_UP : OPER_UNKNOWN;
    out->stats = eth ? net_nic()->stats : *net_loopback_stats();
    if (eth) {
        memcpy(out->address, n->hwaddr, sizeof(out->address));
        memset(out->broadcast, 0xff, sizeof(out->broadcast));
    }
}

const char *
net_name_at(unsigned index)
{
    return net_name(netif_get_by_index((u8_t)index));
}

bool
net_facts(unsigned index, struct net_facts *out)
{
    const struct netif *n;

    net_lock_acquire();
    n = index <= NET_INTERFACES_MAX ? netif_get_by_index((u8_t)index) : NULL;
    if (n != NULL && net_hides(n))
        n = NULL;
    if (n != NULL)
        net_facts_of(n, out);
    net_lock_release();
    return n != NULL;
}
