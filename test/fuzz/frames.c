/* frames.c: see frames.h. RFC 826, 791, 792, 768, 9293, 2131. */
#include <string.h>

#include "frames.h"

#include "choice.h"

#define ETH_BYTES 14u
#define IP_BYTES 20u
#define TCP_BYTES 20u
#define UDP_BYTES 8u
#define FLOWS 8u
#define DHCP_COOKIE 0x63825363u

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

/* A connection as heard last: what we would expect next of the far end, and what it may acknowledge. */
struct flow {
    uint16_t our_port, far_port;
    uint32_t expected, sent;
};
static struct flow flows[FLOWS];
static unsigned flow_count;
static uint8_t last_heard[FRAME_MAX];   /* of IPv4 */
static size_t last_bytes;
static uint32_t dhcp_xid;
static uint32_t asked;                  /* whose hardware address was asked for; 0: nobody's */

struct packet {
    uint8_t *bytes;
    size_t len;
};

/* ---- bytes in network order ---- */

static uint32_t
get(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void
set(uint8_t *p, unsigned n, uint32_t v)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static void
add(struct packet *p, unsigned n, uint32_t v)
{
    set(p->bytes + p->len, n, v);
    p->len += n;
}

static void
add_bytes(struct packet *p, const void *bytes, size_t n)
{
    memcpy(p->bytes + p->len, bytes, n);
    p->len += n;
}

/* As many as there is room for. */
static void
add_any(struct packet *p, size_t n)
{
    for (n = MIN(n, FRAME_MAX - p->len); n > 0; n--)
        p->bytes[p->len++] = (uint8_t)n;
}

/* RFC 1071. */
static uint16_t
sum(const uint8_t *p, size_t n, uint32_t begin)
{
    for (size_t i = 0; i < n; i++)
        begin += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
    while (begin >> 16)
        begin = (begin & 0xffff) + (begin >> 16);
    return (uint16_t)~begin;
}

static uint32_t
any_near(uint32_t usual)
{
    switch (below(16)) {
    case 0: return (uint32_t)(choice() >> 32);
    case 1: return usual + below(4096) - 2048;
    case 2: return usual + below(8) - 4;
    case 3: return usual + 0x80000000u;
    case 4: return usual + below(1u << 19);
    default: return usual;
    }
}

/* ---- hearing ---- */

void
frames_forget(void)
{
    flow_count = 0;
    last_bytes = 0;
    dhcp_xid = asked = 0;
}

static void
heard_tcp(const uint8_t *tcp, size_t len, size_t segment)
{
    uint16_t our = (uint16_t)get(tcp, 2), far = (uint16_t)get(tcp + 2, 2);
    struct flow *f = flows;

    if (len < TCP_BYTES)
        return;
    while (f < flows + flow_count && (f->our_port != our || f->far_port != far))
        f++;
    if (f == flows + FLOWS)
        f = &flows[our % FLOWS];
    else if (f == flows + flow_count)
        flow_count++;
    *f = (struct flow){ our, far, get(tcp + 8, 4), get(tcp + 4, 4) + (uint32_t)(segment - 4u * (tcp[12] >> 4)) };
    f->sent += tcp[13] & (TCP_SYN | TCP_FIN) ? 1 : 0;
}

void
frames_heard(const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + ETH_BYTES, *body = ip + IP_BYTES;

    if (get(frame + 12, 2) == 0x806 && get(frame + 20, 2) == 1)
        asked = get(frame + 38, 4);
    if (len < ETH_BYTES + IP_BYTES + UDP_BYTES || get(frame + 12, 2) != 0x800)
        return;
    memcpy(last_heard, frame, len);
    last_bytes = len;
    if (ip[9] == 6)
        heard_tcp(body, len - ETH_BYTES - IP_BYTES, get(ip + 2, 2) - IP_BYTES);
    if (ip[9] == 17 && get(body + 2, 2) == 67 && len >= ETH_BYTES + IP_BYTES + UDP_BYTES + 8)
        dhcp_xid = get(body + UDP_BYTES + 4, 4);
}

/* ---- sending ---- */

static void
add_eth(struct packet *p, uint16_t type)
{
    static const uint8_t us[6] = { 2, 0, 0, 0, 0, 1 }, everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, some[6] = { 1, 0, 0x5e, 0, 0, 1 };

    add_bytes(p, one_in(12) ? everybody : one_in(12) ? some : us, 6);
    add(p, 4, 0x02000000);
    add(p, 2, one_in(20) ? below(65536) : 0x99);
    add(p, 2, one_in(40) ? below(65536) : type);
}

static uint32_t
any_ip(uint32_t usual)
{
    static const uint32_t others[] = {
        0, 0xffffffff, 0x7f000001, 0x7f060001, 0xe0000001, 0x0a0002ff, 0x0a000200, FRAME_OUR_IP, FRAME_FAR_IP, 0x0a000202, 0x08080808,
    };

    return one_in(12) ? others[below(ARRAY_SIZE(others))] : usual;
}

static void
add_arp(struct packet *p)
{
    add_eth(p, 0x806);
    add(p, 2, one_in(20) ? below(65536) : 1);
    add(p, 2, one_in(20) ? below(65536) : 0x800);
    add(p, 1, one_in(20) ? below(256) : 6);
    add(p, 1, one_in(20) ? below(256) : 4);
    add(p, 2, one_in(20) ? below(65536) : asked != 0 ? 2 : 1 + below(2));
    add(p, 4, 0x02000000);
    add(p, 2, 0x99);
    add(p, 4, any_ip(asked != 0 ? asked : 0x0a000200 + below(256)));
    asked = 0;
    add(p, 4, 0x02000000);
    add(p, 2, 1);
    add(p, 4, any_ip(FRAME_OUR_IP));
}

/* Header of a datagram whose body follows; ip_end() fills in what is known then. */
static size_t
add_ip(struct packet *p, uint8_t protocol)
{
    size_t at = p->len + ETH_BYTES;
    uint32_t options = one_in(10) ? below(11) : 0;

    add_eth(p, 0x800);
    add(p, 1, one_in(40) ? below(256) : 0x45 + options);
    add(p, 1, 0);
    add(p, 2, 0);
    add(p, 2, below(4));
    add(p, 2, one_in(6) ? (one_in(2) ? 0x2000 : 0) | (one_in(2) ? below(8) : below(0x2000)) : 0x4000);
    add(p, 1, one_in(20) ? below(3) : 64);
    add(p, 1, one_in(40) ? below(256) : protocol);
    add(p, 2, 0);
    add(p, 4, any_ip(FRAME_FAR_IP));
    add(p, 4, any_ip(FRAME_OUR_IP));
    for (uint32_t i = 0; i < 4 * options; i++)
        add(p, 1, below(one_in(2) ? 256 : 3));
    return at;
}

static void
ip_end(struct packet *p, size_t at)
{
    uint8_t *ip = p->bytes + at;
    size_t header = MIN(4u * (ip[0] & 15u), p->len - at);

    set(ip + 2, 2, one_in(16) ? below(2000) : (uint32_t)(p->len - at));
    if (!one_in(40))
        set(ip + 10, 2, sum(ip, header, 0));
}

/* The checksum of what follows an IPv4 header at `ip`, over a pseudo-header. */
static void
sum_body(struct packet *p, size_t ip, size_t body, size_t at, uint8_t protocol)
{
    const uint8_t *h = p->bytes + ip;
    uint32_t begin = protocol == 1 ? 0 : get(h + 12, 2) + get(h + 14, 2) + get(h + 16, 2) + get(h + 18, 2) + protocol + (uint32_t)(p->len - body);

    set(p->bytes + body + at, 2, 0);
    if (!one_in(30))
        set(p->bytes + body + at, 2, sum(p->bytes + body, p->len - body, begin));
}

static void
add_icmp(struct packet *p)
{
    static const uint8_t types[] = { 8, 0, 3, 3, 3, 4, 5, 11, 12, 13, 17 };
    size_t ip = add_ip(p, 1), body = p->len;

    add(p, 1, one_in(20) ? below(256) : types[below(ARRAY_SIZE(types))]);
    add(p, 1, below(one_in(10) ? 256 : 6));
    add(p, 2, 0);
    add(p, 4, one_in(2) ? 0 : below(1500));
    if (last_bytes > ETH_BYTES && one_in(2))            /* about what was heard, or a part of it */
        add_bytes(p, last_heard + ETH_BYTES, MIN(one_in(4) ? below(40) : 28u, last_bytes - ETH_BYTES));
    else
        add_any(p, below(one_in(4) ? 1400 : 64));
    sum_body(p, ip, body, 2, 1);
    ip_end(p, ip);
}

static void
add_dhcp(struct packet *p)
{
    add(p, 4, 0x02010600);
    add(p, 4, one_in(8) ? below(65536) : dhcp_xid);
    add(p, 4, 0);
    add(p, 4, 0);
    add(p, 4, any_ip(FRAME_OUR_IP));
    add(p, 4, any_ip(0x0a000202));
    add(p, 4, 0);
    add(p, 4, 0x02000000);
    add(p, 2, 1);
    memset(p->bytes + p->len, 0, 202);
    p->len += 202;
    add(p, 4, one_in(20) ? 0 : DHCP_COOKIE);
    add(p, 3, 0x350100 | (one_in(8) ? below(9) : 2 + 3 * below(2)));
    for (uint32_t n = below(12); n > 0; n--) {
        static const uint8_t kinds[] = { 0, 1, 3, 6, 12, 42, 51, 52, 53, 54, 58, 59, 66, 255 };
        uint32_t len = one_in(6) ? below(256) : 4 * below(4);

        add(p, 1, one_in(10) ? below(256) : kinds[below(ARRAY_SIZE(kinds))]);
        add(p, 1, len);
        add_any(p, one_in(10) ? below(8) : len);
        if (p->len > FRAME_MAX - 300)
            break;
    }
    add(p, 1, 255);
}

static void
add_udp(struct packet *p)
{
    bool dhcp = one_in(4);
    size_t ip = add_ip(p, one_in(20) ? 136 : 17), body = p->len;

    add(p, 2, dhcp ? 67 : one_in(4) ? below(65536) : FRAME_UDP_PORT);
    add(p, 2, dhcp ? 68 : one_in(4) ? below(65536) : FRAME_UDP_PORT);
    add(p, 4, 0);
    if (dhcp)
        add_dhcp(p);
    else
        add_any(p, one_in(4) ? below(1460) : below(64));
    set(p->bytes + body + 4, 2, one_in(12) ? below(2000) : (uint32_t)(p->len - body));
    sum_body(p, ip, body, 6, p->bytes[ip + 9]);
    ip_end(p, ip);
}

/* RFC 9293, 3.2; 7323; 2018. Padded to words. */
static void
add_tcp_options(struct packet *p, uint32_t expected)
{
    size_t begin = p->len;

    for (uint32_t n = below(4); n > 0 && p->len - begin < 28; n--) {
        switch (below(9)) {
        case 0: add(p, 1, 1); break;
        case 1: add(p, 4, 0x02040000 | (one_in(2) ? 1460 : below(65536))); break;
        case 2: add(p, 3, 0x030300 | below(one_in(4) ? 256 : 16)); break;
        case 3: add(p, 2, 0x0402); break;
        case 4: add(p, 2, 0x080a), add(p, 4, below(1000)), add(p, 4, below(1000)); break;
        case 5: add(p, 2, 0x050a), add(p, 4, any_near(expected)), add(p, 4, any_near(expected)); break;
        case 6: add(p, 2, below(65536)); break;
        case 7: add(p, 1, 0); break;
        default: add(p, 2, 0x0200 | below(6)), add(p, 2, below(65536)); break;
        }
    }
    while ((p->len - begin) % 4 != 0)
        add(p, 1, below(2));
}

static uint8_t
any_flags(bool known)
{
    static const uint8_t usual[] = {
        TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, TCP_ACK | TCP_SYN, TCP_RST, TCP_RST | TCP_ACK, TCP_SYN, TCP_ACK | TCP_URG,
    };

    if (one_in(16))
        return (uint8_t)below(256);
    return known ? usual[below(ARRAY_SIZE(usual))] : TCP_SYN;
}

static void
add_tcp(struct packet *p)
{
    bool known = flow_count > 0 && !one_in(5);
    struct flow f = known ? flows[below(flow_count)] : (struct flow){ FRAME_TCP_PORT, (uint16_t)(1024 + below(4)), below(65536), 0 };
    size_t ip = add_ip(p, 6), body = p->len;
    uint8_t flags = any_flags(known);

    add(p, 2, f.far_port);
    add(p, 2, f.our_port);
    add(p, 4, any_near(f.expected));
    add(p, 4, any_near(f.sent));
    add(p, 2, 0);
    add(p, 2, one_in(4) ? below(65536) : one_in(4) ? 0 : 0xffff);
    add(p, 2, 0);
    add(p, 2, one_in(8) ? below(65536) : 0);
    if (one_in(3))
        add_tcp_options(p, f.expected);
    p->bytes[body + 12] = (uint8_t)(one_in(30) ? below(256) : (p->len - body) / 4 << 4);
    p->bytes[body + 13] = flags;
    if (one_in(2))
        add_any(p, one_in(2) ? below(1460) : below(32));
    sum_body(p, ip, body, 16, 6);
    ip_end(p, ip);
}

/* What nobody here speaks: IPv6 with headers behind headers, tags, lengths in place of types. */
static void
add_other(struct packet *p)
{
    static const uint16_t types[] = { 0x86dd, 0x86dd, 0x8100, 0x88a8, 0x8863, 0x8864, 0x0005, 0x05dc };

    add_eth(p, types[below(ARRAY_SIZE(types))]);
    add(p, 4, 0x60000000);
    add(p, 2, below(1500));
    add(p, 1, one_in(2) ? 58 : below(256));
    add(p, 1, below(256));
    for (uint32_t n = 32 + below(200); n > 0; n--)
        add(p, 1, below(4) * 0x55);
}

size_t
frames_next(uint8_t frame[FRAME_MAX])
{
    struct packet p = { frame, 0 };

    switch (asked != 0 && !one_in(8) ? 0 : below(10)) {
    case 0: add_arp(&p); break;
    case 1: add_icmp(&p); break;
    case 2:
    case 3: add_udp(&p); break;
    case 4: add_other(&p); break;
    default: add_tcp(&p);
    }
    if (one_in(12))
        for (uint32_t n = below(4) + 1; n > 0; n--)
            frame[below((uint32_t)p.len)] = (uint8_t)choice();
    if (one_in(12))
        p.len = 1 + below((uint32_t)p.len);
    else if (one_in(12))
        add_any(&p, below(64));
    return p.len;
}
