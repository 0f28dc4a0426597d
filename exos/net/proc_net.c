/* proc_net.c: /proc/net, as net-tools and busybox read it (Linux formats), and pnp: the name servers as a resolv.conf. */
#include "fs/procfs.h"
#include "net/facts.h"
#include "net/net.h"

#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/udp.h"

#define SHOWN_MAX 1024u             /* connections in one listing */
#define RTF_UP 1u
#define RTF_GATEWAY 2u

static int
show_dev(struct text_buf *t)
{
    struct net_facts f;

    text_print(t, "Inter-|   Receive                                                |  Transmit\n"
                  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
    for (unsigned n = 1; n <= NET_INTERFACES_MAX; n++) {
        const struct nic_stats *s = &f.stats;

        if (net_facts(n, &f))
            text_print(t, "%6s: %7lu %7lu %4lu %4lu    0     0          0         0 %8lu %7lu %4lu %4lu    0     0       0          0\n", f.name,
                       s->rx_bytes, s->rx_packets, s->rx_errors, s->rx_dropped, s->tx_bytes, s->tx_packets, s->tx_errors, s->tx_dropped);
    }
    return 0;
}

/* One line as it is copied out of a pcb: text_print() may take memory, so it is not called with net_lock held. */
struct row {
    uint32_t local, remote, tx, rx;
    uint16_t local_port, remote_port;
    uint8_t state;
};

/* Linux's numbers for lwIP's TCP states (include/net/tcp_states.h). */
static const uint8_t linux_state[] = { [CLOSED] = 7, [LISTEN] = 10, [SYN_SENT] = 2, [SYN_RCVD] = 3, [ESTABLISHED] = 1, [FIN_WAIT_1] = 4,
                                       [FIN_WAIT_2] = 5, [CLOSE_WAIT] = 8, [CLOSING] = 11, [LAST_ACK] = 9, [TIME_WAIT] = 6 };

/* The n-th connection over all lists. net_lock is held. */
static bool
tcp_row(unsigned n, struct row *r)
{
    for (const struct tcp_pcb_listen *l = tcp_listen_pcbs.listen_pcbs; l != NULL; l = l->next) {
        if (n-- == 0) {
            *r = (struct row){ .local = ip_2_ip4(&l->local_ip)->addr, .local_port = l->local_port, .state = linux_state[LISTEN] };
            return true;
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        for (const struct tcp_pcb *p = i == 0 ? tcp_active_pcbs : tcp_tw_pcbs; p != NULL; p = p->next) {
            if (n-- == 0) {
                *r = (struct row){ ip_2_ip4(&p->local_ip)->addr, ip_2_ip4(&p->remote_ip)->addr, TCP_SND_BUF - p->snd_buf,
                                   TCP_WND - p->rcv_wnd, p->local_port, p->remote_port, linux_state[p->state] };
                return true;
            }
        }
    }
    return false;
}

static bool
udp_row(unsigned n, struct row *r)
{
    for (const struct udp_pcb *p = udp_pcbs; p != NULL; p = p->next) {
        if (n-- == 0) {
            *r = (struct row){ ip_2_ip4(&p->local_ip)->addr, ip_2_ip4(&p->remote_ip)->addr, 0, 0, p->local_port, p->remote_port, 7 };
            return true;
        }
    }
    return false;
}

static int
show_rows(struct text_buf *t, bool (*get)(unsigned n, struct row *r))
{
    text_print(t, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n");
    for (unsigned n = 0; n < SHOWN_MAX; n++) {
        struct row r;
        bool there;

        net_lock_acquire();
        there = get(n, &r);
        net_lock_release();
        if (!there)
            break;
        text_print(t, "%4u: %08X:%04X %08X:%04X %02X %08X:%08X 00:00000000 00000000     0        0 0\n", n, r.local, r.local_port,
                   r.remote, r.remote_port, r.state, r.tx, r.rx);
    }
    return 0;
}

static int
show_tcp(struct text_buf *t)
{
    return show_rows(t, tcp_row);
}

static int
show_udp(struct text_buf *t)
{
    return show_rows(t, udp_row);
}

static int
show_route(struct text_buf *t)
{
    const struct netif *n = net_ethernet();
    uint32_t mask, gateway;

    text_print(t, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
    if (n == NULL || ip4_addr_isany_val(*netif_ip4_addr(n)))
        return 0;
    mask = netif_ip4_netmask(n)->addr;
    gateway = netif_ip4_gw(n)->addr;
    if (gateway != 0)
        text_print(t, "eth0\t00000000\t%08X\t%04X\t0\t0\t0\t00000000\t0\t0\t0\n", gateway, RTF_UP | RTF_GATEWAY);
    text_print(t, "eth0\t%08X\t00000000\t%04X\t0\t0\t0\t%08X\t0\t0\t0\n", netif_ip4_addr(n)->addr & mask, RTF_UP, mask);
    return 0;
}

static int
show_arp(struct text_buf *t)
{
    text_print(t, "IP address       HW type     Flags       HW address            Mask     Device\n");
    for (size_t i = 0; i < ARP_TABLE_SIZE; i++) {
        struct eth_addr *mac, m = { { 0 } };
        struct netif *n;
        ip4_addr_t *ip;
        char text[16] = "";
        int there;

        net_lock_acquire();
        there = etharp_get_entry(i, &ip, &n, &mac);
        if (there) {
            m = *mac;
            ip4addr_ntoa_r(ip, text, sizeof(text));
        }
        net_lock_release();
        if (there)
            text_print(t, "%-16s 0x1         0x2         %02x:%02x:%02x:%02x:%02x:%02x     *        eth0\n", text, m.addr[0], m.addr[1],
                       m.addr[2], m.addr[3], m.addr[4], m.addr[5]);
    }
    return 0;
}

static int
show_pnp(struct text_buf *t)
{
    for (u8_t i = 0; i < DNS_MAX_SERVERS; i++) {
        char text[16];
        u32_t address;

        net_lock_acquire();
        address = ip_2_ip4(dns_getserver(i))->addr;
        net_lock_release();
        if (address != 0)
            text_print(t, "nameserver %s\n", ip4addr_ntoa_r(&(ip4_addr_t){ address }, text, sizeof(text)));
    }
    return 0;
}

void
net_proc_init(void)
{
    static const struct gen_row rows[] = {
        { "net/dev", .show = show_dev },
        { "net/tcp", .show = show_tcp },
        { "net/udp", .show = show_udp },
        { "net/route", .show = show_route },
        { "net/arp", .show = show_arp },
        { "net/pnp", .show = show_pnp },
    };

    gen_add(&procfs, rows, ARRAY_SIZE(rows));
    net_sysfs_init();
}
