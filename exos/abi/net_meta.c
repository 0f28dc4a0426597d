/* net_meta.c: control messages about datagrams: where they went to, how far, how urgently, and when they came (ip(7), ipv6(7), socket(7)). */
#include "abi/ipc_wait.h"
#include "abi/net_scm.h"
#include "net/inet.h"

#define SOL_SOCKET_     1
#define SO_TIMESTAMP_   29
#define SO_TIMESTAMPNS_ 35
enum { IP_TOS_ = 1, IP_TTL_ = 2, IP_PKTINFO_ = 8 };
enum { IPV6_PKTINFO_ = 50, IPV6_HOPLIMIT_ = 52, IPV6_TCLASS_ = 67 };

/* Linux include/uapi/linux/in.h, ipv6.h */
struct lx_in_pktinfo {
    int32_t interface;
    uint32_t local, to;
};
struct lx_in6_pktinfo {
    uint8_t address[16];
    uint32_t interface;
};
_Static_assert(sizeof(struct lx_in_pktinfo) == 12 && sizeof(struct lx_in6_pktinfo) == 20, "Linux");

/* ---- to send ---- */

/* A number that is an int, or for IP_TOS a byte. False: it is neither, or out of its range. */
static bool
number(const void *data, uint64_t len, bool byte_too, int least, int *out)
{
    if (len == sizeof(int32_t))
        memcpy(out, data, sizeof(*out));
    else if (len == 1 && byte_too)
        *out = *(const uint8_t *)data;
    else
        return false;
    return *out >= least && *out <= 255;
}

static int
take_ttl(struct sock_meta *meta, const void *data, uint64_t len, int least)
{
    int value;

    if (!number(data, len, false, least, &value))
        return -EINVAL;
    meta->has_ttl = value >= 0;
    meta->ttl = (uint8_t)value;
    return 0;
}

static int
take_tos(struct sock_meta *meta, const void *data, uint64_t len, bool v6)
{
    int value;

    if (!number(data, len, !v6, v6 ? -1 : 0, &value))
        return -EINVAL;
    meta->has_tos = value >= 0;
    meta->tos = (uint8_t)value;
    return 0;
}

static int
take_address(struct sock_meta *meta, const void *data, uint64_t len)
{
    struct lx_in_pktinfo info;

    if (len != sizeof(info))
        return -EINVAL;
    memcpy(&info, data, sizeof(info));
    meta->has_address = true;
    meta->address = info.local;
    return 0;
}

static int
take_address6(struct sock_meta *meta, const struct sock *s, const void *data, uint64_t len)
{
    struct lx_in6_pktinfo info;

    if (len != sizeof(info))
        return -EINVAL;
    memcpy(&info, data, sizeof(info));
    meta->has_address = inet6_address_get(s, info.address, &meta->address) == 0;
    return meta->has_address ? 0 : -EINVAL;
}

int
meta_in(struct sock_meta *meta, const struct sock *s, int32_t level, int32_t type, const void *data, uint64_t len)
{
    if (level == SOL_IP_ && type == IP_TTL_)
        return take_ttl(meta, data, len, 1);
    if (level == SOL_IP_ && type == IP_TOS_)
        return take_tos(meta, data, len, false);
    if (level == SOL_IP_ && type == IP_PKTINFO_)
        return take_address(meta, data, len);
    if (level == SOL_IPV6_ && s->family == AF_INET6_) {
        if (type == IPV6_HOPLIMIT_)
            return take_ttl(meta, data, len, -1);
        if (type == IPV6_TCLASS_)
            return take_tos(meta, data, len, true);
        if (type == IPV6_PKTINFO_)
            return take_address6(meta, s, data, len);
    }
    return level == SOL_IP_ || level == SOL_IPV6_ ? -EINVAL : 0;
}

/* ---- received ---- */

static void
put_time(struct control *c, const struct sock *s, uint64_t ns)
{
    struct lx_time t = { (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC) };

    if (s->want & SOCK_WANT_TIME)
        t.sub /= 1000;
    (void)control_put(c, SOL_SOCKET_, s->want & SOCK_WANT_TIME ? SO_TIMESTAMP_ : SO_TIMESTAMPNS_, &t, sizeof(t));
}

static void
put_v4(struct control *c, const struct sock *s, const struct sock_meta *meta)
{
    const struct lx_in_pktinfo info = { (int32_t)meta->interface, meta->address, meta->address };
    int32_t ttl = meta->ttl;

    if (s->want & SOCK_WANT_ADDRESS)
        (void)control_put(c, SOL_IP_, IP_PKTINFO_, &info, sizeof(info));
    if (s->want & SOCK_WANT_TTL)
        (void)control_put(c, SOL_IP_, IP_TTL_, &ttl, sizeof(ttl));
    if (s->want & SOCK_WANT_TOS)
        (void)control_put(c, SOL_IP_, IP_TOS_, &meta->tos, sizeof(meta->tos));
}

static void
put_v6(struct control *c, const struct sock *s, const struct sock_meta *meta)
{
    struct lx_in6_pktinfo info = { .interface = meta->interface };
    int32_t ttl = meta->ttl, tos = meta->tos;

    inet6_address_set(info.address, meta->address);
    if (s->want & SOCK_WANT_ADDRESS)
        (void)control_put(c, SOL_IPV6_, IPV6_PKTINFO_, &info, sizeof(info));
    if (s->want & SOCK_WANT_TTL)
        (void)control_put(c, SOL_IPV6_, IPV6_HOPLIMIT_, &ttl, sizeof(ttl));
    if (s->want & SOCK_WANT_TOS)
        (void)control_put(c, SOL_IPV6_, IPV6_TCLASS_, &tos, sizeof(tos));
}

void
meta_out(struct control *c, const struct sock *s, const struct sock_meta *meta)
{
    if (s->want & (SOCK_WANT_TIME | SOCK_WANT_TIME_NS))
        put_time(c, s, meta->time_ns);
    if (s->family == AF_INET6_)
        put_v6(c, s, meta);
    else
        put_v4(c, s, meta);
}
