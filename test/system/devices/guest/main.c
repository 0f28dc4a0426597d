/*
 * main.c: the smallest library that drives disks and a network interface: it stands where exos.img stands, holds root, and speaks TAP.
 */
#include "aegis/block.h"
#include "aegis/net.h"
#include "library.h"

#define BLOCK_BIT 1u
#define NET_BIT 2u
#define GATEWAY 0x0a000202u /* of user networking */
#define OURS 0x0a00020fu

static uint8_t queue_page[AEG_QUEUE_FRAMES][PAGE] __attribute__((aligned(PAGE)));
static uint8_t ring_page[AEG_RING_FRAMES][PAGE] __attribute__((aligned(PAGE)));
static uint8_t data[AEG_REQUEST_FRAMES][PAGE] __attribute__((aligned(PAGE)));
static uint8_t receive[8][PAGE] __attribute__((aligned(PAGE)));
static uint8_t packet[2][PAGE] __attribute__((aligned(PAGE)));
static aeg_id_t queue, ring;
static uint8_t mac[6];

static struct aeg_blockq *const q = (struct aeg_blockq *)queue_page[0];
static struct aeg_ring *const r = (struct aeg_ring *)ring_page[0];

/* ---- disk ---- */

static void
post(uint8_t op, uint64_t offset, uint32_t bytes, unsigned page, uint64_t cookie)
{
    struct aeg_block_request *at = (struct aeg_block_request *)queue_page[AEG_REQUEST_FRAME(q->posted)] + AEG_REQUEST_PLACE(q->posted);

    *at = (struct aeg_block_request){ .cookie = cookie, .offset = offset, .bytes = bytes, .op = op };
    at->frame_count = (uint8_t)((bytes + PAGE - 1) / PAGE);
    for (unsigned i = 0; i < at->frame_count; i++)
        at->frames[i] = frame_of(data[page + i]);
    __atomic_store_n(&q->posted, q->posted + 1, __ATOMIC_RELEASE);
}

/* Submits what is posted, waits for all of it; the status of the last one, or 1000 when it never came. */
static uint32_t
finish(void)
{
    uint64_t taken;
    uint32_t status = 1000;

    if (aeg_blockq_submit(queue, ROOT, &taken) != AEG_OK || !await(&q->completed, q->posted, BLOCK_BIT))
        return 1000;
    while (q->reaped != q->completed)
        status = q->completion[q->reaped++ % AEG_QUEUE_COMPLETIONS].status;
    return status;
}

static void
fill(uint8_t seed)
{
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i / PAGE][i % PAGE] = (uint8_t)(i * 7 + i / 512 + seed);
}

static bool
filled(uint8_t seed)
{
    for (unsigned i = 0; i < sizeof(data); i++)
        if (data[i / PAGE][i % PAGE] != (uint8_t)(i * 7 + i / 512 + seed))
            return false;
    return true;
}

static void
queue_make(void)
{
    struct aeg_blockq_args args = { .env = UENV->env_id, .bits = BLOCK_BIT };
    const volatile struct aeg_slot_info *slot = (const volatile struct aeg_slot_info *)(uintptr_t)AEG_INFO->slots.address;
    uint64_t binding = 99;

    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++) {
        queue_page[i][0] = 1;
        args.frames[i] = frame_of(queue_page[i]);
    }
    ok(AEG_INFO->slots.count >= 1, "the disk has a slot");
    ok(aeg_blockq_create(AEG_INFO->root_account, ROOT, ROOT, &args, &queue) == AEG_OK, "a queue is made");
    ok(aeg_blockq_bind(queue, ROOT, slot[0].id, ROOT, AEG_RIGHT_READ | AEG_RIGHT_WRITE, &binding) == AEG_OK && binding == 0,
       "the slot is bound");
}

static void
disk_test(void)
{
    uint32_t refs;

    queue_make();
    refs = refs_of(data[0]);
    fill(3);
    post(AEG_BLOCK_WRITE, 8, sizeof(data), 0, 1);
    ok(finish() == AEG_OK, "128 KiB are written");
    post(AEG_BLOCK_FLUSH, 0, 0, 0, 2);
    ok(finish() == AEG_OK, "and flushed");
    memset(data, 0, sizeof(data));
    post(AEG_BLOCK_READ, 8, sizeof(data), 0, 3);
    ok(finish() == AEG_OK && filled(3), "and read again");
    memset(data, 0, sizeof(data));
    for (unsigned i = 0; i < AEG_QUEUE_REQUESTS; i++)
        post(AEG_BLOCK_READ, 8 + i * 8ull, PAGE, i, i);
    ok(finish() == AEG_OK && filled(3), "a ring full of requests is in flight at once");
    post(AEG_BLOCK_READ, ~0ull - 8, PAGE, 0, 4);
    ok(finish() == AEG_ERR_EXTENT, "an extent outside the slot is refused");
    ok(refs_of(data[0]) == refs, "no frame stays bound");
    post(AEG_BLOCK_READ, 8, PAGE, 0, 5);
    ok(aeg_blockq_destroy(queue, ROOT) == AEG_OK, "the queue is destroyed");
    ok(refs_of(queue_page[0]) == refs && refs_of(data[0]) == refs, "and its frames are let go");
}

/* ---- network ---- */

static void
put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint16_t
checksum(const uint8_t *p, unsigned n)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void
ethernet(uint8_t *p, const uint8_t *to, uint32_t type)
{
    memcpy(p, to, 6);
    memcpy(p + 6, mac, 6);
    put16(p + 12, type);
}

/* Sends packet[0] and packet[1] with the lengths given; the place's error. */
static uint32_t
send(uint32_t first, uint32_t second, uint16_t flags, uint16_t csum_start, uint16_t csum_offset)
{
    uint32_t i = r->tx_posted;
    struct aeg_tx *d = (struct aeg_tx *)ring_page[AEG_TX_FRAME(i)] + AEG_TX_PLACE(i);
    uint64_t taken;

    *d = (struct aeg_tx){ .flags = flags, .csum_start = csum_start, .csum_offset = csum_offset, .error = 1000 };
    d->fragment_count = second ? 2 : 1;
    d->fragment[0] = AEG_FRAGMENT(frame_of(packet[0]), 0, first);
    d->fragment[1] = AEG_FRAGMENT(frame_of(packet[1]), 0, second);
    __atomic_store_n(&r->tx_posted, i + 1, __ATOMIC_RELEASE);
    if (aeg_ring_kick(ring, ROOT, &taken) != AEG_OK || !await(&r->tx_done, i + 1, NET_BIT))
        return 1000;
    return d->error;
}

static uint32_t
arp(void)
{
    static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint8_t *p = packet[0];

    memset(p, 0, 64);
    ethernet(p, all, 0x0806);
    put16(p + 14, 1);
    put16(p + 16, 0x0800);
    put16(p + 18, 0x0604);
    put16(p + 20, 1);
    memcpy(p + 22, mac, 6);
    put32(p + 28, OURS);
    put32(p + 38, GATEWAY);
    return send(60, 0, 0, 0, 0);
}

/* An echo request of 34 + 8 + 1400 bytes, header in one frame, most of the payload in another. */
static uint32_t
echo(const uint8_t *to)
{
    uint8_t *p = packet[0], whole[8 + 1400];
    unsigned head = 200, n = sizeof(whole);

    ethernet(p, to, 0x0800);
    memset(p + 14, 0, 20);
    p[14] = 0x45;
    put16(p + 16, 20 + n);
    p[22] = 64;
    p[23] = 1;
    put32(p + 26, OURS);
    put32(p + 30, GATEWAY);
    put16(p + 24, checksum(p + 14, 20));
    memset(whole, 0, 8);
    whole[0] = 8;
    put16(whole + 4, 0x1234);
    for (unsigned i = 8; i < n; i++)
        whole[i] = (uint8_t)(i * 3);
    put16(whole + 2, checksum(whole, n));
    memcpy(p + 34, whole, head);
    memcpy(packet[1], whole + head, n - head);
    return send(34 + head, n - head, 0, 0, 0);
}

static void
post_receive(void)
{
    uint64_t taken;

    for (unsigned i = 0; i < 8; i++)
        r->rx[i] = (struct aeg_rx){ .frame = frame_of(receive[i]), .offset = 16, .capacity = 2048 };
    __atomic_store_n(&r->rx_posted, 8, __ATOMIC_RELEASE);
    (void)!aeg_ring_kick(ring, ROOT, &taken);
}

static bool
bind(uint32_t flags, uint16_t offset, uint64_t value)
{
    struct aeg_filter f = { .flags = flags, .term_count = 1, .term = { AEG_ATOM(offset, 6, AEG_MAC_MASK, value) } };
    uint64_t id;

    return aeg_filter_bind(ring, ROOT, ROOT, &f, &id) == AEG_OK;
}

static void
ring_make(void)
{
    const volatile struct aeg_nic_info *nic = (const volatile struct aeg_nic_info *)(uintptr_t)AEG_INFO->nics.address;
    struct aeg_ring_args args = { .env = UENV->env_id, .bits = NET_BIT };

    for (unsigned i = 0; i < 6; i++)
        mac[i] = nic->mac[i];
    for (unsigned i = 0; i < AEG_RING_FRAMES; i++) {
        ring_page[i][0] = 1;
        args.frames[i] = frame_of(ring_page[i]);
    }
    memset(receive, 0, sizeof(receive));
    ok(AEG_INFO->nics.count >= 1 && nic->link_up, "there is a network interface, and its link is up");
    ok(aeg_ring_create(AEG_INFO->root_account, ROOT, ROOT, &args, &ring) == AEG_OK, "a ring is made");
    post_receive();
    ok(arp() == AEG_ERR_EGRESS, "without an egress filter nothing is sent");
    ok(bind(0, 0, aeg_mac_value(mac)) && bind(AEG_FILTER_GROUP, 0, AEG_MAC_MASK) && bind(AEG_FILTER_EGRESS, 6, aeg_mac_value(mac)),
       "filters are bound");
}

/* The echo's answer came to this place and is whole. */
static bool
echoed(const uint8_t *p, unsigned len)
{
    if (len != 34 + 8 + 1400 || p[34] != 0)
        return false;
    for (unsigned i = 8; i < 1408; i++)
        if (p[34 + i] != (uint8_t)(i * 3))
            return false;
    return true;
}

static void
net_test(void)
{
    uint32_t refs = refs_of(packet[1]);
    uint8_t gateway[6];
    const uint8_t *p;

    ring_make();
    ok(arp() == AEG_OK, "an ARP request is sent");
    ok(await(&r->rx_done, 1, NET_BIT), "something comes back");
    p = receive[0] + 16;
    ok(r->rx[0].len >= 42 && p[12] == 8 && p[13] == 6 && p[21] == 2, "it is the reply");
    memcpy(gateway, p + 6, 6);
    mac[5] ^= 1;
    ok(arp() == AEG_ERR_EGRESS, "a foreign source address is refused");
    mac[5] ^= 1;
    ok(echo(gateway) == AEG_OK, "a large packet is sent from two frames");
    ok(await(&r->rx_done, 2, NET_BIT) && echoed(receive[1] + 16, r->rx[1].len), "and echoed whole");
    ok(refs_of(packet[1]) == refs, "no frame stays bound for sending");
    ok(aeg_ring_destroy(ring, ROOT) == AEG_OK, "the ring is destroyed");
    ok(refs_of(receive[7]) == refs && refs_of(ring_page[0]) == refs, "and its frames are let go");
}

void
guest_main(void)
{
    memset(data, 0, sizeof(data));
    memset(packet, 0, sizeof(packet));
    disk_test();
    net_test();
    finish_all();
}
