/*
 * config.c: the address of eth0: DHCP, with a static fallback that a late DHCP answer still replaces, or what `ip=` says.
 */
#include "net/config.h"

#include "net/net.h"

#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"

#define IP_ARGUMENT_MAX 64

/* What QEMU's user network gives out. */
#define FALLBACK "10.0.2.15/24:10.0.2.2:10.0.2.3"

static struct {
    struct netif *eth;
    uint64_t fallback_ns;           /* when to stop hoping for DHCP; DEADLINE_NEVER: settled */
} config = { NULL, DEADLINE_NEVER };

/* The value of `ip=` on the command line, or "". */
static void
find_argument(const char *cmdline, char out[IP_ARGUMENT_MAX])
{
    size_t n = 0;

    for (const char *p = cmdline; p != NULL && *p != '\0'; p = strchr(p, ' ')) {
        while (*p == ' ')
            p++;
        if (strncmp(p, "ip=", 3) != 0)
            continue;
        for (p += 3; *p != '\0' && *p != ' ' && n < IP_ARGUMENT_MAX - 1; p++)
            out[n++] = *p;
        break;
    }
    out[n] = '\0';
}

/* A dotted address at *p, which moves behind it. False when there is none. */
static bool
parse_address(const char **p, ip4_addr_t *out)
{
    char text[16];
    size_t n = 0;

    while (n < sizeof(text) - 1 && ((**p >= '0' && **p <= '9') || **p == '.'))
        text[n++] = *(*p)++;
    text[n] = '\0';
    return ip4addr_aton(text, out) != 0;
}

static bool
parse_mask(const char **p, ip4_addr_t *out)
{
    unsigned bits = 24;

    if (**p == '/') {
        bits = 0;
        for ((*p)++; **p >= '0' && **p <= '9' && bits <= 32; (*p)++)
            bits = bits * 10 + (unsigned)(**p - '0');
    }
    ip4_addr_set_u32(out, bits == 0 ? 0 : lwip_htonl(0xffffffffu << (32 - MIN(bits, 32u))));
    return bits <= 32;
}

/* ADDRESS[/BITS][:GATEWAY[:DNS]] */
static bool
set_static(const char *text)
{
    ip4_addr_t address, mask, gateway = { 0 }, dns = { 0 };
    const char *p = text;
    ip_addr_t server;

    if (!parse_address(&p, &address) || !parse_mask(&p, &mask))
        return false;
    if (*p == ':' && (p++, !parse_address(&p, &gateway)))
        return false;
    if (*p == ':' && (p++, !parse_address(&p, &dns)))
        return false;
    if (*p != '\0')
        return false;
    netif_set_addr(config.eth, &address, &mask, &gateway);
    if (dns.addr != 0) {
        ip_addr_copy_from_ip4(server, dns);
        dns_setserver(0, &server);
    }
    return true;
}

/* Tells the log, whenever eth0 gets an address, and the deadline that it is not needed. */
static void
status_changed(struct netif *n)
{
    char address[16], gateway[16];

    if (ip4_addr_isany_val(*netif_ip4_addr(n)))
        return;
    if (dhcp_supplied_address(n))
        config.fallback_ns = DEADLINE_NEVER;
    log_print("net: eth0 is %s, gateway %s", ip4addr_ntoa_r(netif_ip4_addr(n), address, sizeof(address)),
              ip4addr_ntoa_r(netif_ip4_gw(n), gateway, sizeof(gateway)));
}

static void
start_dhcp(void)
{
    if (dhcp_start(config.eth) == ERR_OK)
        config.fallback_ns = clock_monotonic_ns() + NET_DHCP_PATIENCE_NS;
    else
        config.fallback_ns = clock_monotonic_ns();
}

void
net_configure(const char *cmdline, struct netif *eth)
{
    char text[IP_ARGUMENT_MAX];

    config.eth = eth;
    config.fallback_ns = DEADLINE_NEVER;
    netif_set_status_callback(eth, status_changed);
    find_argument(cmdline, text);
    if (strcmp(text, "none") == 0)
        return;
    if (text[0] == '\0' || strcmp(text, "dhcp") == 0) {
        start_dhcp();
        return;
    }
    if (!set_static(text)) {
        log_print("net: ip=%s is not ADDRESS[/BITS][:GATEWAY[:DNS]], dhcp or none; using dhcp", text);
        start_dhcp();
    }
}

uint64_t
net_config_deadline(void)
{
    return config.fallback_ns;
}

void
net_config_due(void)
{
    if (config.fallback_ns == DEADLINE_NEVER || clock_monotonic_ns() < config.fallback_ns)
        return;
    config.fallback_ns = DEADLINE_NEVER;
    log_print("net: no answer from a DHCP server; taking " FALLBACK);
    (void)set_static(FALLBACK);
}
