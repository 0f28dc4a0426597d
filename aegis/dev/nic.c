/*
 * nic.c: the network interfaces, whatever drives them, and the way of a packet from driver to rings.
 *
 * Holds:    the NIC table, exposed at info->nics.
 * Locks:    none of its own: interfaces come at boot and stay.
 */
#include "arch/x86_64/arch.h"
#include "dev/net.h"

static struct nic nic[NIC_MAX];
static struct aeg_nic_info *nic_info;
static uint32_t nic_count;

void
nic_init(void)
{
    uint64_t bytes = NIC_MAX * sizeof(*nic_info);

    nic_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
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
    *n = (struct nic){ ops, driver, &nic_info[nic_count], nic_count };
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

void
nic_input(struct nic *n, const uint8_t *packet, uint32_t bytes, uint32_t flags)
{
    static struct filter_hit hit[RING_MAX];     /* one CPU takes interrupts at a time */
    uint64_t begin = arch_tsc();
    uint32_t count;

    n->info->rx_frames++;
    n->info->rx_bytes += bytes;
    count = bytes >= AEG_PACKET_MIN ? filter_match(n->index, packet, bytes, hit) : 0;
    if (count == 0)
        n->info->rx_dropped++;
    for (uint32_t i = 0; i < count; i++) {
        bool delivered = ring_deliver(&hit[i], packet, bytes, flags);

        filter_count(hit[i].filter, hit[i].ring, delivered);
        if (!delivered)
            n->info->rx_dropped++;
    }
    n->info->rx_tsc += arch_tsc() - begin;
}
