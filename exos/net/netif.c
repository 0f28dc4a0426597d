/*
 * netif.c: the lock around the stack, eth0 on a NIC, loopback, and the work that is due now and then.
 *
 * Holds:    net_lock; the one Ethernet interface; when the next timer of lwIP is due.
 * Not here: where the address comes from (config.c), frames in memory (ring.c).
 */
#include "net/net.h"
#include "net/nic.h"

#include "base/mem.h"
#include "net/config.h"
#include "net/inet.h"

#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/tcp.h"
#include "lwip/prot/udp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#define LOOPBACK_MTU      1500u
#define NET_SETTLE_ROUNDS 64u       /* a conversation with ourselves, before others get their turn */

static struct {
    struct lock lock;
    bool up;
    uint64_t deadline_ns;           /* next timer; 0: something ran since it was computed */
    struct nic *nic;
    struct netif eth;
    struct netif loop6;             /* where ::1 is */
    struct nic_stats loop;          /* of both loopbacks */
} net = { .lock = LOCK_INIT(LOCK_RANK_NET) };

struct netif *
net_ethernet(void)
{
    return net.nic != NULL ? &net.eth : NULL;
}

struct nic *
net_nic(void)
{
    return net.nic;
}

static bool
loop_pending(void)
{
    struct netif *n;

    NETIF_FOREACH(n) {
        if (n->loop_first != NULL)
            return true;
    }
    return false;
}

/* The lock is held. Delivers what we sent to ourselves and kicks the NIC. True when anything was delivered. */
static bool
settle(void)
{
    bool any = false;

    for (unsigned i = 0; i < NET_SETTLE_ROUNDS && loop_pending(); i++) {
        netif_poll_all();
        any = true;
    }
    if (net.nic != NULL && net.nic->kick_wanted) {
        net.nic->kick_wanted = false;
        net.nic->ops->kick(net.nic);
    }
    net.deadline_ns = 0;
    return any;
}

void
net_lock_acquire(void)
{
    lock_acquire(&net.lock);
}

void
net_lock_release(void)
{
    (void)settle();
    lock_release(&net.lock);
}

int
net_sleep(struct waitq *wq, uint64_t deadline_ns)
{
    return settle() ? 0 : wait_sleep(wq, &net.lock, deadline_ns, WAIT_INTR);
}

void
net_page_free(void *page)
{
    if (net.nic != NULL && net.nic->ops->free_page != NULL)
        net.nic->ops->free_page(net.nic, page);
    else
        page_free(page);
}

/*
 * Where the transport checksum of an outgoing frame goes, after storing the pseudo-header's sum there (the form that virtio and its
 * like expect). 0 when the NIC has nothing to add: not TCP or UDP, or a fragment.
 */
static unsigned
prepare_csum(struct pbuf *p, unsigned *csum_offset)
{
    struct eth_hdr *eth = p->payload;
    struct ip_hdr *ip = (struct ip_hdr *)(eth + 1);
    unsigned header, start;
    uint32_t sum;

    if (p->len < sizeof(*eth) + IP_HLEN || eth->type != PP_HTONS(ETHTYPE_IP))
        return 0;
    header = IPH_HL_BYTES(ip);
    start = SIZEOF_ETH_HDR + header;
    if ((IPH_OFFSET(ip) & PP_HTONS(IP_MF | IP_OFFMASK)) != 0)
        return 0;
    if (IPH_PROTO(ip) == IP_PROTO_TCP)
        *csum_offset = offsetof(struct tcp_hdr, chksum);
    else if (IPH_PROTO(ip) == IP_PROTO_UDP)
        *csum_offset = offsetof(struct udp_hdr, chksum);
    else
        return 0;
    if (p->len < start + *csum_offset + 2)
        return 0;
    sum = net_chksum(&ip->src, 8) + (uint32_t)PP_HTONS(IPH_PROTO(ip));
    sum += lwip_htons((u16_t)(lwip_ntohs(IPH_LEN(ip)) - header));
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    __builtin_memcpy((char *)p->payload + start + *csum_offset, &(u16_t){ (u16_t)sum }, 2);
    return start;
}

static err_t
eth_output(struct netif *n, struct pbuf *p)
{
    struct nic *nic = n->state;
    unsigned csum_offset = 0;
    unsigned csum_start = nic->features & NIC_CSUM_TX ? prepare_csum(p, &csum_offset) : 0;

    if (!nic->ops->transmit(nic, p, csum_start, csum_offset)) {
        nic->stats.tx_dropped++;
        return ERR_MEM;
    }
    nic->kick_wanted = true;
    nic->stats.tx_packets++;
    nic->stats.tx_bytes += p->tot_len;
    return ERR_OK;
}

void
net_input(struct nic *nic, struct pbuf *p, uint32_t rx_flags)
{
    u16_t checks = NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP;

    nic->stats.rx_packets++;
    nic->stats.rx_bytes += p->tot_len;
    if (rx_flags & NIC_RX_CSUM_GOOD)
        net.eth.chksum_flags &= (u16_t)~checks;
    else
        net.eth.chksum_flags |= checks;
    if (net.eth.input(p, &net.eth) != ERR_OK) {
        nic->stats.rx_errors++;
        pbuf_free(p);
    }
}

static err_t
eth_init(struct netif *n)
{
    struct nic *nic = n->state;
    u16_t sums = NETIF_CHECKSUM_ENABLE_ALL;

    if (nic->features & NIC_CSUM_TX)
        sums &= (u16_t)~(NETIF_CHECKSUM_GEN_UDP | NETIF_CHECKSUM_GEN_TCP);
    NETIF_SET_CHECKSUM_CTRL(n, sums);
    n->name[0] = 'e';
    n->name[1] = 't';
    n->hostname = NET_HOSTNAME;
    n->output = etharp_output;
    n->linkoutput = eth_output;
    n->mtu = nic->mtu;
    n->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(n->hwaddr, nic->mac, ETH_HWADDR_LEN);
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

const struct nic_stats *
net_loopback_stats(void)
{
    return &net.loop;
}

/* What is sent is received. */
static err_t
loopback_output(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
    err_t err = netif_loop_output(n, p);

    (void)to;
    if (err != ERR_OK) {
        net.loop.tx_dropped++;
        return err;
    }
    net.loop.tx_packets = ++net.loop.rx_packets;
    net.loop.tx_bytes = net.loop.rx_bytes += p->tot_len;
    return ERR_OK;
}

/* Memory does not lie: nothing that we send to ourselves is summed. A packet is copied on its way, so it must fit a slab object. */
static void
loopback_init(struct netif *n)
{
    NETIF_SET_CHECKSUM_CTRL(n, NETIF_CHECKSUM_DISABLE_ALL);
    n->mtu = LOOPBACK_MTU;
    n->output = loopback_output;
}

static err_t
loop6_init(struct netif *n)
{
    n->name[0] = 'l';
    n->name[1] = '6';
    n->flags = NETIF_FLAG_LINK_UP;
    loopback_init(n);
    return ERR_OK;
}

static void
loop6_add(void)
{
    const ip4_addr_t address = { INET6_LOOPBACK }, mask = { IPADDR_NONE }, gateway = { 0 };

    netif_add(&net.loop6, &address, &mask, &gateway, NULL, loop6_init, ip_input);
    netif_set_up(&net.loop6);
}

bool
net_hides(const struct netif *n)
{
    return n == &net.loop6;
}

const char *
net_name(const struct netif *n)
{
    return n == net_ethernet() ? "eth0" : "lo";
}

void
net_init(const char *cmdline, struct nic *nic)
{
    lock_acquire(&net.lock);
    lwip_init();
    loopback_init(netif_get_by_index(1));       /* lwIP has made it */
    net.nic = nic;
    if (nic != NULL) {
        netif_add_noaddr(&net.eth, nic, eth_init, ethernet_input);
        netif_set_default(&net.eth);
        netif_set_up(&net.eth);
        net_configure(cmdline, &net.eth);
    }
    loop6_add();
    net.up = true;
    net_lock_release();
}

bool
net_pending(void)
{
    return net.nic != NULL && net.nic->ops->pending(net.nic);
}

static uint64_t
next_deadline(void)
{
    uint32_t ms = sys_timeouts_sleeptime();
    uint64_t timer = ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? DEADLINE_NEVER : clock_monotonic_ns() + ms * NSEC_PER_MSEC;

    return MIN(timer, net_config_deadline());
}

uint64_t
net_housekeep(void)
{
    uint64_t deadline = net.deadline_ns;

    if (!net.up)
        return DEADLINE_NEVER;
    if (deadline != 0 && !net_pending() && clock_monotonic_ns() < deadline)
        return deadline;
    lock_acquire(&net.lock);
    if (net.nic != NULL)
        net.nic->ops->poll(net.nic, NIC_RX_BATCH);
    sys_check_timeouts();
    net_config_due();
    (void)settle();
    deadline = net.deadline_ns = next_deadline();
    lock_release(&net.lock);
    return deadline;
}
