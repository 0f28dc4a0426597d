/*
 * nic.c: the network interfaces, whatever drives them, and the way of a packet from driver to rings.
 *
 * Holds:    the NIC table, exposed at info->nics; of each whether it interrupts or is polled.
 * Locks:    none of its own: interfaces come at boot and stay; one CPU at a time takes packets from a NIC.
 */
#include "arch/x86_64/arch.h"
#include "dev/net.h"
#include "core/trace.h"

static struct nic nic[NIC_MAX];
static struct aeg_nic_info *nic_info;
static uint32_t nic_count;
static uint64_t poll_ticks, slice_ticks;            /* limits.h, in TSC ticks */
static struct filter_hit hits[NIC_MAX][RING_MAX];   /* of the packet that is being handed up */

void
nic_init(void)
{
    uint64_t bytes = NIC_MAX * sizeof(*nic_info);

    nic_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    poll_ticks = ns_to_tsc(NET_RX_POLL_NS) - ns_to_tsc(0);
    slice_ticks = ns_to_tsc(NET_RX_SLICE_NS) - ns_to_tsc(0);
    info->nics = (struct aeg_table){ info_expose(nic_info, bytes), 0, sizeof(*nic_info) };
}

struct nic *
nic_add(const struct nic_ops *ops, void *driver, const char *driver_name, const uint8_t mac[6])
{
    struct nic *n = &nic[nic_count];

    if (nic_count == NIC_MAX) {
        klog("nic: no place for another %s\n", driver_name);
        return NULL;
    }
    *n = (struct nic){ .ops = ops, .driver = driver, .info = &nic_info[nic_count], .index = nic_count, .slice_left = slice_ticks };
    kformat(n->info->driver, sizeof(n->info->driver), "%s", driver_name);
    memcpy(n->info->mac, mac, sizeof(n->info->mac));
    n->info->mtu = 1500;
    n->info->guard.hi = AEG_GUARD_NIC_HI(nic_count);
    info->nics.count = ++nic_count;
    klog("nic: %s %02x:%02x:%02x:%02x:%02x:%02x\n", driver_name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return n;
}

struct nic *
nic_at(uint64_t index)
{
    return index < nic_count ? &nic[index] : NULL;
}

/* ---- floods ---- */

/* rx_poll, for so many ticks. Are there more packets? There may be, while another CPU is in it. */
static bool
receive(struct nic *n, uint64_t ticks)
{
    bool more = true;

    if (ticks == 0 || __atomic_exchange_n(&n->receiving, true, __ATOMIC_ACQUIRE))
        return true;
    n->poll_left = ticks;
    n->poll_count = NET_RX_PER_POLL;
    more = n->ops->rx_poll(n);
    __atomic_store_n(&n->receiving, false, __ATOMIC_RELEASE);
    return more;
}

void
nic_interrupt(struct nic *n)
{
    uint64_t before = n->info->rx_tsc;

    if (!n->quiet && receive(n, MIN(poll_ticks, n->slice_left))) {
        n->quiet = true;
        n->ops->rx_quiet(n);
    }
    n->slice_left -= MIN(n->info->rx_tsc - before, n->slice_left);
    ring_progress();
}

void
nic_poll(struct nic *n)
{
    if (!n->quiet)
        return;
    if (!receive(n, poll_ticks) && n->slice_left > 0 && n->ops->rx_listen(n))
        n->quiet = false;
    ring_progress();
}

void
dev_slice_begin(void)
{
    for (uint32_t i = 0; i < nic_count; i++) {
        nic[i].slice_left = slice_ticks;
        nic_poll(&nic[i]);
    }
}

static bool
some_quiet(void)
{
    bool some = false;

    for (uint32_t i = 0; i < nic_count; i++)
        some |= nic[i].quiet;
    return some;
}

bool
dev_poll(void)
{
    bool some = some_quiet();

    if (some)
        dev_slice_begin();      /* nobody's slice is taken from */
    return some;
}

uint64_t
dev_poll_tsc(void)
{
    return some_quiet() ? ns_to_tsc(time_ns() + NET_POLL_NS) : UINT64_MAX;
}

/* ---- packets ---- */

bool
nic_input(struct nic *n, const uint8_t *packet, uint32_t bytes, uint32_t flags)
{
    struct filter_hit *hit = hits[n->index];
    uint64_t begin = arch_tsc(), ticks;
    uint32_t count;

    n->info->rx_frames++;
    n->info->rx_bytes += bytes;
    count = bytes >= AEG_PACKET_MIN ? filter_match(n->index, packet, bytes, hit) : 0;
    if (count == 0) {
        trace(AEG_TRACE_RX_DROP, n->index, bytes);
        n->info->rx_dropped++;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool delivered = ring_deliver(&hit[i], packet, bytes, flags);

        filter_count(hit[i].filter, hit[i].ring, delivered);
        if (!delivered) {
            trace(AEG_TRACE_RX_DROP, n->index, bytes);
            n->info->rx_dropped++;
        }
    }
    ticks = arch_tsc() - begin;
    n->info->rx_tsc += ticks;
    n->poll_left -= MIN(ticks, n->poll_left);
    return --n->poll_count > 0 && n->poll_left > 0;
}
