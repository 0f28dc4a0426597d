/*
 * packets.c: what a packet costs the kernel from the driver to its owner's ring, among few filters and among many.
 *
 * The packets are answers to ARP requests for an address that the user network of QEMU answers for. When they come is the network's
 * affair; the kernel counts what each costs (aeg_nic_info.rx_tsc), so that only this is measured.
 */
#include <string.h>

#include "aegis/info.h"
#include "aegis/net.h"
#include "bench.h"
#include "self.h"

#define CAP_NIC 4                       /* exos/start/session.h */
#define ARP 0x0806
#define SERVER 0x0a000203u              /* the user network's name server: nobody else asks for it now */
#define US 0x0a00020fu
#define OTHERS 0x0a010000u              /* what the other filters want to hear of */
#define SHAPES_MAX 48                   /* more than an interface takes */
#define TRIES 100
#define PATIENCE 50000000ull            /* ticks */

static uint8_t ring_page[AEG_RING_FRAMES][AEG_FRAME_SIZE] __attribute__((aligned(AEG_FRAME_SIZE)));
static uint8_t out[AEG_FRAME_SIZE] __attribute__((aligned(AEG_FRAME_SIZE)));
static uint8_t in[AEG_FRAME_SIZE] __attribute__((aligned(AEG_FRAME_SIZE)));

static struct {
    const volatile struct aeg_nic_info *nic;
    struct aeg_ring *ring;
    aeg_id_t id;
    uint8_t mac[6];
    uint32_t bound;                     /* filters for others */
} p = { .ring = (struct aeg_ring *)ring_page[0] };

static aeg_frame_t
frame_of(const void *page)
{
    return (*(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uintptr_t)page, 1) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

static void
put(uint8_t *at, unsigned bytes, uint64_t v)
{
    while (bytes-- > 0) {
        at[bytes] = (uint8_t)v;
        v >>= 8;
    }
}

/* ---- filters ---- */

/* ARP packets to us from this address. */
static aeg_err_t
claim(uint32_t from, aeg_id_t *id)
{
    struct aeg_filter f = { .term_count = 3, .term = {
        AEG_ATOM(0, 6, AEG_MAC_MASK, aeg_mac_value(p.mac)), AEG_ATOM(12, 2, 0xffff, ARP), AEG_ATOM(28, 4, 0xffffffff, from) } };

    return aeg_filter_bind(p.id, CAP, CAP_NIC, &f, id);
}

static int
claim_for_others(uint32_t count)
{
    aeg_id_t id;

    for (; p.bound < count; p.bound++)
        if (claim(OTHERS + p.bound, &id) != AEG_OK)
            return 0;
    return 1;
}

/* ---- a ring of our own ---- */

static int
ring_open(void)
{
    struct aeg_ring_args args = { .env = self.env };
    struct aeg_filter egress = { .flags = AEG_FILTER_EGRESS, .term_count = 2, .term = {
        AEG_ATOM(6, 6, AEG_MAC_MASK, aeg_mac_value(p.mac)), AEG_ATOM(12, 2, 0xffff, ARP) } };
    aeg_id_t id;

    memset(ring_page, 0, sizeof(ring_page));
    for (unsigned i = 0; i < AEG_RING_FRAMES; i++)
        args.frames[i] = frame_of(ring_page[i]);
    if (aeg_ring_create(self.account, CAP, CAP, &args, &p.id) != AEG_OK)
        return 0;
    return aeg_filter_bind(p.id, CAP, CAP_NIC, &egress, &id) == AEG_OK && claim(SERVER, &id) == AEG_OK;
}

static void
request_write(void)
{
    memset(in, 0, sizeof(in));
    memset(out, 0, 60);
    memset(out, 0xff, 6);
    memcpy(out + 6, p.mac, 6);
    put(out + 12, 2, ARP);
    put(out + 14, 8, 0x0001080006040001);       /* Ethernet, IPv4, request */
    memcpy(out + 22, p.mac, 6);
    put(out + 28, 4, US);
    put(out + 38, 4, SERVER);
}

static int
ask(void)
{
    uint32_t i = p.ring->tx_posted;
    uint64_t taken;

    p.ring->rx[p.ring->rx_posted % AEG_RING_RX] = (struct aeg_rx){ .frame = frame_of(in), .capacity = 2048 };
    __atomic_store_n(&p.ring->rx_posted, p.ring->rx_posted + 1, __ATOMIC_RELEASE);
    ((struct aeg_tx *)ring_page[AEG_TX_FRAME(i)])[AEG_TX_PLACE(i)] =
        (struct aeg_tx){ .fragment_count = 1, .fragment = { AEG_FRAGMENT(frame_of(out), 0, 60) } };
    __atomic_store_n(&p.ring->tx_posted, i + 1, __ATOMIC_RELEASE);
    return aeg_ring_kick(p.id, CAP, &taken) == AEG_OK;
}

static int
answered(uint32_t want)
{
    uint64_t begin = stamp();

    while (__atomic_load_n(&p.ring->rx_done, __ATOMIC_ACQUIRE) != want)
        if (stamp() - begin > PATIENCE)
            return 0;
    return 1;
}

/* One answer; again if another packet came meanwhile. */
static uint64_t
sample_packet(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t ticks = p.nic->rx_tsc, frames = p.nic->rx_frames;

        if (!ask() || !answered(p.ring->rx_posted))
            return UINT64_MAX;
        if (p.nic->rx_frames == frames + 1)
            return p.nic->rx_tsc - ticks;
    }
    return UINT64_MAX;
}

/* Filters of as many shapes as the interface takes, then without them again: what a packet costs at worst. */
static uint64_t
among_all_shapes(void)
{
    aeg_id_t id[SHAPES_MAX];
    unsigned count = 0;
    uint64_t ticks;

    for (; count < SHAPES_MAX; count++) {
        uint32_t mask = 0xffffffffu << (count % 24) & ~(count / 24);
        struct aeg_filter f = { .term_count = 3, .term = {
            AEG_ATOM(0, 6, AEG_MAC_MASK, aeg_mac_value(p.mac)), AEG_ATOM(12, 2, 0xffff, ARP), AEG_ATOM(38, 4, mask, OTHERS & mask) } };

        if (aeg_filter_bind(p.id, CAP, CAP_NIC, &f, &id[count]) != AEG_OK)
            break;
    }
    ticks = measure_exact(sample_packet, NULL);
    while (count-- > 0)
        if (aeg_filter_unbind(id[count], CAP) != AEG_OK)
            return UINT64_MAX;
    return ticks;
}

static uint64_t
sample_bind(void *arg)
{
    uint64_t begin = stamp(), ticks;
    aeg_id_t id;
    aeg_err_t err = claim(OTHERS + 0xffff, &id);

    (void)arg;
    ticks = stamp() - begin;
    return err == AEG_OK && aeg_filter_unbind(id, CAP) == AEG_OK ? ticks : UINT64_MAX;
}

static uint64_t
among(uint32_t filters)
{
    return claim_for_others(filters - 1) ? measure_exact(sample_packet, NULL) : UINT64_MAX;
}

void
packet_rows(void)
{
    uint64_t few;

    if (AEG_INFO->nics.count == 0)
        return;
    p.nic = (const volatile struct aeg_nic_info *)(uintptr_t)AEG_INFO->nics.address;
    for (unsigned i = 0; i < 6; i++)
        p.mac[i] = p.nic->mac[i];
    request_write();
    if (!ring_open()) {
        row_add("packet to owner's ring", UINT64_MAX, 0);
        return;
    }
    few = among(10);
    row_add("packet to owner's ring, 10 filters", few, 0);
    row_add("packet to owner's ring, all shapes", among_all_shapes(), 0);
    row_measure("filter_bind among 10", 0, sample_bind, NULL);
    row_add("packet to owner's ring, 1 000 filters", among(1000), 2 * few);
    row_add("packet to owner's ring, 10 000 filters", among(10000), 2 * few);
    row_measure("filter_bind among 10 000", 0, sample_bind, NULL);
    while (aeg_ring_destroy(p.id, CAP) == AEG_ERR_AGAIN)
        continue;
}
