/*
 * sys_net.c: /sys/class/net: interfaces, what they are and what they have moved.
 *
 * Holds:    a key is an interface's index.
 */
#include "fs/sysfs.h"
#include "net/facts.h"
#include "net/net.h"

#define ETHERNET "devices/aegis/net/"
#define LOOPBACK "devices/virtual/net/"
#define SEEN (LINK_UP | LINK_BROADCAST | LINK_LOOPBACK | LINK_MULTICAST)       /* of the flags; Linux shows no others here */

static bool
next_of(bool ethernet, bool any, uint64_t *at, uint64_t *key)
{
    struct net_facts f;

    while (*at < NET_INTERFACES_MAX) {
        *key = ++*at;
        if (net_facts((unsigned)*key, &f) && (any || ethernet == (f.type == ARPHRD_ETHER)))
            return true;
    }
    return false;
}

static bool next_interface(uint64_t of, uint64_t *at, uint64_t *key) { return of == 0 && next_of(false, true, at, key); }
static bool next_ethernet(uint64_t of, uint64_t *at, uint64_t *key) { return of == 0 && next_of(true, false, at, key); }
static bool next_loopback(uint64_t of, uint64_t *at, uint64_t *key) { return of == 0 && next_of(false, false, at, key); }

/* icache_lock may be held: no other is taken, and which names there are never changes. */
static void
interface_name(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "%s", net_name_at((unsigned)key));
}

static const struct gen_set interfaces = { .next = next_interface, .name = interface_name };
static const struct gen_set ethernets = { .next = next_ethernet, .name = interface_name };
static const struct gen_set loopbacks = { .next = next_loopback, .name = interface_name };

static struct net_facts
facts(uint64_t key)
{
    struct net_facts f = { .name = "" };

    (void)!net_facts((unsigned)key, &f);
    return f;
}

static ssize
link_device(uint64_t key, char *buf, size_t size)
{
    struct net_facts f = facts(key);

    return fmt_print(buf, size, "../../%s%s", f.type == ARPHRD_ETHER ? ETHERNET : LOOPBACK, f.name);
}

static ssize
link_class(uint64_t key, char *buf, size_t size)
{
    (void)key;
    return fmt_print(buf, size, "../../../../class/net");
}

static int
put_address(struct text_buf *t, const uint8_t a[6])
{
    text_print(t, "%02x:%02x:%02x:%02x:%02x:%02x\n", a[0], a[1], a[2], a[3], a[4], a[5]);
    return 0;
}

static int
put_number(struct text_buf *t, uint64_t value)
{
    text_print(t, "%lu\n", value);
    return 0;
}

static int show_address(struct text_buf *t) { return put_address(t, facts(t->key).address); }
static int show_broadcast(struct text_buf *t) { return put_address(t, facts(t->key).broadcast); }
static int show_mtu(struct text_buf *t) { return put_number(t, facts(t->key).mtu); }
static int show_index(struct text_buf *t) { return put_number(t, t->key); }
static int show_type(struct text_buf *t) { return put_number(t, facts(t->key).type); }
static int show_queue_len(struct text_buf *t) { return put_number(t, facts(t->key).queue_len); }

static int
show_flags(struct text_buf *t)
{
    text_print(t, "0x%x\n", facts(t->key).flags & SEEN);
    return 0;
}

static int
show_state(struct text_buf *t)
{
    text_print(t, "%s\n", facts(t->key).state == OPER_UP ? "up" : "unknown");
    return 0;
}

static int
show_uevent(struct text_buf *t)
{
    text_print(t, "INTERFACE=%s\nIFINDEX=%lu\n", facts(t->key).name, t->key);
    return 0;
}

#define STATISTIC(field) static int show_##field(struct text_buf *t) { return put_number(t, facts(t->key).stats.field); }
STATISTIC(rx_packets)
STATISTIC(rx_bytes)
STATISTIC(rx_errors)
STATISTIC(rx_dropped)
STATISTIC(tx_packets)
STATISTIC(tx_bytes)
STATISTIC(tx_errors)
STATISTIC(tx_dropped)
#undef STATISTIC

#define OF_EACH(name, ...) { ETHERNET "#/" name, { &ethernets }, __VA_ARGS__ }, { LOOPBACK "#/" name, { &loopbacks }, __VA_ARGS__ }
#define COUNT(field) OF_EACH("statistics/" #field, .show = show_##field)
#define NEVER(field) OF_EACH("statistics/" #field, .text = "0\n")

static const struct gen_row rows[] = {
    { "class/net/#", { &interfaces }, .link = link_device },
    OF_EACH("address", .show = show_address),
    OF_EACH("addr_assign_type", .text = "0\n"),
    OF_EACH("addr_len", .text = "6\n"),
    OF_EACH("broadcast", .show = show_broadcast),
    OF_EACH("carrier", .text = "1\n"),
    OF_EACH("dev_id", .text = "0x0\n"),
    OF_EACH("dev_port", .text = "0\n"),
    OF_EACH("dormant", .text = "0\n"),
    { ETHERNET "#/duplex", { &ethernets }, .text = "unknown\n" },
    OF_EACH("flags", .show = show_flags),
    OF_EACH("ifalias", .text = "\n"),
    OF_EACH("ifindex", .show = show_index),
    OF_EACH("iflink", .show = show_index),
    OF_EACH("link_mode", .text = "0\n"),
    OF_EACH("mtu", .show = show_mtu),
    OF_EACH("operstate", .show = show_state),
    { ETHERNET "#/speed", { &ethernets }, .text = "-1\n" },
    OF_EACH("subsystem", .link = link_class),
    OF_EACH("tx_queue_len", .show = show_queue_len),
    OF_EACH("type", .show = show_type),
    OF_EACH("uevent", .show = show_uevent),
    COUNT(rx_packets),
    COUNT(rx_bytes),
    COUNT(rx_errors),
    COUNT(rx_dropped),
    COUNT(tx_packets),
    COUNT(tx_bytes),
    COUNT(tx_errors),
    COUNT(tx_dropped),
    NEVER(collisions),
    NEVER(multicast),
    NEVER(rx_missed_errors),
    NEVER(tx_carrier_errors),
};

void
net_sysfs_init(void)
{
    gen_add(&sysfs, rows, ARRAY_SIZE(rows));
}
