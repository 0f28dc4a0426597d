/* ring_test.c: packet rings: what is posted, delivered, sent and refused, and what is left behind. */
#include <string.h>

#include "test/fake/aegis/dev/kernel.h"
#include "dev/ring.h"

/* ---- an interface with four places for packets in transmission ---- */

#define FAKE_TX 4
static uint8_t header[FAKE_TX][AEG_HEADER_MAX];
static struct nic_tx object[FAKE_TX];
static struct nic_tx *idle[FAKE_TX], *sent[64];
static unsigned idle_count, sent_count, kicks;
static struct nic *nic;

static struct nic_tx *
fake_get(struct nic *n)
{
    (void)n;
    return idle_count ? idle[--idle_count] : NULL;
}

static void
fake_put(struct nic *n, struct nic_tx *tx)
{
    (void)n;
    idle[idle_count++] = tx;
}

static void
fake_send(struct nic *n, struct nic_tx *tx)
{
    (void)n;
    sent[sent_count++] = tx;
}

static void
fake_kick(struct nic *n)
{
    (void)n;
    kicks++;
}

/* Packets that have come and nobody has taken, and whether the interface interrupts for more. */
static unsigned waiting;
static bool silent;
static unsigned coming_late;            /* that come while the interface is told to interrupt again */

static bool
fake_poll(struct nic *n)
{
    static const uint8_t p[64] = { 0x52, 0x54, 0, 0, 0, 1 };
    bool more = true;

    for (; waiting > 0 && more; waiting--)
        more = nic_input(n, p, sizeof(p), 0);
    return !more;
}

static void
fake_quiet(struct nic *n)
{
    (void)n;
    silent = true;
}

static bool
fake_listen(struct nic *n)
{
    (void)n;
    silent = false;
    waiting += coming_late;
    coming_late = 0;
    return waiting == 0;
}

static const struct nic_ops ops = { fake_get, fake_put, fake_send, fake_kick, fake_poll, fake_quiet, fake_listen };

/* That many packets come. Does the interface interrupt for them? */
static bool
arrive(unsigned packets)
{
    waiting += packets;
    if (silent)
        return false;
    nic_interrupt(nic);
    return true;
}

/* The device is done with number i of what it was given. */
static void
finish_with(unsigned i, aeg_err_t status)
{
    ring_tx_done(sent[i], status);
    fake_put(nic, sent[i]);
}

static void
finish(unsigned i)
{
    finish_with(i, AEG_OK);
}

/* ---- Alice's ring in frames 10-14, with her address bound both ways ---- */

#define MAC_ALICE 0x525400000001ull
static aeg_id_t ring;
static struct aeg_ring *r;
static uint32_t refs_before;

static void
bind(uint32_t flags, uint16_t offset)
{
    struct aeg_filter f = { .flags = flags, .term_count = 1, .term = { AEG_ATOM(offset, 6, AEG_MAC_MASK, MAC_ALICE) } };

    assert_int_equal(fake_call(sys_filter_bind, ring, CAP_ALICE, CAP_ROOT, (uint64_t)(uintptr_t)&f, 0, NULL), AEG_OK);
}

static int
make(void **state)
{
    static const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, 1 };
    struct aeg_ring_args args = { { 10, 11, 12, 13, 14 }, ENV_ALICE, 8, 0 };

    (void)state;
    if (!nic) {
        nic_init();
        nic = nic_add(&ops, NULL, "fake", mac);
        info->frames.count = FAKE_FRAMES;
        filter_init();
        nic->info->features = AEG_NIC_CSUM_TX;
    } else {
        assert_true(ring_release_space(fake.space));
    }
    fake_reset();
    waiting = coming_late = 0;
    dev_poll();                         /* a silent interface listens again */
    ring_init();
    sent_count = idle_count = kicks = 0;
    for (unsigned i = 0; i < FAKE_TX; i++) {
        object[i] = (struct nic_tx){ .header = header[i] };
        fake_put(nic, &object[i]);
    }
    assert_int_equal(fake_call(sys_ring_create, ACCOUNT, CAP_ALICE, CAP_ALICE, (uint64_t)(uintptr_t)&args, 0, &ring), AEG_OK);
    r = frame_map(10);
    bind(0, 0);
    bind(AEG_FILTER_EGRESS, 6);
    refs_before = fake_refs();
    return 0;
}

static uint64_t
kick(void)
{
    uint64_t taken = 999;

    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, &taken), AEG_OK);
    return taken;
}

static void
post_rx(uint64_t frame, uint16_t offset, uint16_t capacity)
{
    r->rx[r->rx_posted % AEG_RING_RX] = (struct aeg_rx){ .frame = frame, .offset = offset, .capacity = capacity };
    r->rx_posted++;
}

static struct aeg_tx *
post_tx(unsigned count, const uint64_t *fragment)
{
    struct aeg_tx *frame = frame_map(10 + AEG_TX_FRAME(r->tx_posted));
    struct aeg_tx *d = &frame[AEG_TX_PLACE(r->tx_posted)];

    *d = (struct aeg_tx){ .fragment_count = count, .error = 999 };
    memcpy(d->fragment, fragment, MIN(count, AEG_TX_FRAGMENTS) * sizeof(*fragment));
    r->tx_posted++;
    return d;
}

/* A packet from Alice at the start of a frame. */
static void
fill(unsigned frame, uint64_t source)
{
    uint8_t *p = frame_map(frame);

    for (unsigned i = 0; i < FRAME_SIZE; i++)
        p[i] = i;
    for (int i = 11; i >= 6; i--, source >>= 8)
        p[i] = source;
}

static void
receive(unsigned bytes)
{
    uint8_t p[2048] = { 0x52, 0x54, 0, 0, 0, 1 };

    for (unsigned i = 6; i < sizeof(p); i++)
        p[i] = i;
    nic_input(nic, p, bytes, AEG_RX_CSUM_GOOD);
    ring_progress();
}

/* ---- receive ---- */

static void
packets_fill_the_places_in_order(void **state)
{
    (void)state;
    post_rx(20, 100, 1600);
    post_rx(21, 0, 100);
    assert_int_equal(kick(), 2);
    assert_int_equal(fake_refs(), refs_before + 2);
    receive(64);
    assert_int_equal(r->rx_done, 1);
    assert_int_equal(r->rx[0].len, 64);
    assert_int_equal(r->rx[0].flags, AEG_RX_CSUM_GOOD);
    assert_int_equal(((uint8_t *)frame_map(20))[100 + 63], 63);
    assert_int_equal(((uint8_t *)frame_map(20))[100 + 64], 0);
    assert_int_equal(fake.notified, 1);
    receive(1000);                      /* longer than the place */
    assert_int_equal(r->rx[1].len, 100);
    assert_int_equal(r->rx[1].flags, AEG_RX_CSUM_GOOD | AEG_RX_TRUNCATED);
    assert_int_equal(((uint8_t *)frame_map(21))[100], 0);
    assert_int_equal(fake_refs(), refs_before);
    receive(64);                        /* no place */
    assert_int_equal(r->rx_done, 2);
    assert_int_equal(r->rx_dropped, 1);
    assert_int_equal(fake.notified, 2);
}

static void
what_no_filter_claims_is_not_delivered(void **state)
{
    static const uint8_t other[64] = { 1, 2, 3 };

    (void)state;
    post_rx(20, 0, 2048);
    kick();
    nic_input(nic, other, 64, 0);
    receive(13);                        /* shorter than an Ethernet header */
    assert_int_equal(r->rx_done, 0);
    assert_int_equal(r->rx_dropped, 0);
}

static void
refused_places_complete_in_turn_with_their_error(void **state)
{
    static const struct {
        uint64_t frame;
        uint16_t offset, capacity;
        aeg_err_t error;
    } bad[] = {
        { 1000, 0, 100, AEG_ERR_CAP_DENIED }, { FAKE_FRAMES, 0, 100, AEG_ERR_FRAME }, { UINT64_MAX, 0, 100, AEG_ERR_FRAME },
        { 2000, 0, 100, AEG_ERR_FRAME_NODE }, { 2001, 0, 100, AEG_ERR_FRAME_FREE }, { 20, 0, 0, AEG_ERR_REQUEST },
        { 20, 1, 4096, AEG_ERR_REQUEST }, { 20, 65535, 65535, AEG_ERR_REQUEST },
    };

    (void)state;
    post_rx(20, 0, 4096);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        post_rx(bad[i].frame, bad[i].offset, bad[i].capacity);
    post_rx(21, 0, 4096);
    kick();
    assert_int_equal(r->rx_done, 0);    /* the first is good, and nothing came */
    assert_int_equal(fake_refs(), refs_before + 2);
    receive(64);
    assert_int_equal(r->rx_done, 1 + ARRAY_SIZE(bad));
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(r->rx[i + 1].error, bad[i].error);
        assert_int_equal(r->rx[i + 1].len, 0);
    }
    receive(65);
    assert_int_equal(r->rx[1 + ARRAY_SIZE(bad)].len, 65);
    post_rx(1000, 0, 100);              /* alone: at once */
    kick();
    assert_int_equal(r->rx_done, r->rx_posted);
    assert_int_equal(fake_refs(), refs_before);
}

/* ---- transmit ---- */

static void
the_header_is_copied_and_the_rest_goes_by_reference(void **state)
{
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 100), AEG_FRAGMENT(21, 1000, 128), AEG_FRAGMENT(22, 0, 500) };
    struct aeg_tx *d;

    (void)state;
    fill(20, MAC_ALICE);
    d = post_tx(3, fragment);
    assert_int_equal(kick(), 1);
    assert_int_equal(sent_count, 1);
    assert_int_equal(kicks, 1);
    assert_int_equal(sent[0]->header_bytes, 128);
    assert_memory_equal(sent[0]->header, frame_map(20), 100);
    assert_int_equal(sent[0]->piece_count, 2);
    assert_int_equal(sent[0]->piece[0].frame, 21);
    assert_int_equal(sent[0]->piece[0].offset, 1028);
    assert_int_equal(sent[0]->piece[0].bytes, 100);
    assert_int_equal(sent[0]->piece[1].bytes, 500);
    assert_int_equal(fake.frame[20].refs, 0);       /* wholly copied */
    assert_int_equal(fake.frame[21].refs, 1);
    assert_int_equal(r->tx_done, 0);
    finish(0);
    ring_progress();
    assert_int_equal(r->tx_done, 1);
    assert_int_equal(d->error, AEG_OK);
    assert_int_equal(fake_refs(), refs_before);
    assert_int_equal(fake.notified, 1);
}

static void
a_small_packet_is_copied_whole(void **state)
{
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 128) };

    (void)state;
    fill(20, MAC_ALICE);
    post_tx(1, fragment);
    kick();
    assert_int_equal(sent[0]->piece_count, 0);
    assert_int_equal(fake_refs(), refs_before);
    finish(0);
    assert_int_equal(r->tx_done, 1);
}

/* The result of one packet, of which the device says this. */
static aeg_err_t
send_with(struct aeg_tx d, aeg_err_t status)
{
    uint64_t none[AEG_TX_FRAGMENTS] = { 0 };
    struct aeg_tx *at = post_tx(1, none);
    unsigned before = sent_count;

    *at = d;
    at->error = 999;
    kick();
    while (before < sent_count)
        finish_with(before++, status);
    assert_int_equal(r->tx_done, r->tx_posted);
    assert_int_equal(fake_refs(), refs_before);
    assert_int_equal(idle_count, FAKE_TX);
    return at->error;
}

static aeg_err_t
send(struct aeg_tx d)
{
    return send_with(d, AEG_OK);
}

#define GOOD { .fragment_count = 1, .fragment = { AEG_FRAGMENT(20, 0, 64) } }
#define EXPECT(change, err)                     \
    do {                                        \
        struct aeg_tx d = GOOD;                 \
        change;                                 \
        assert_int_equal(send(d), err);         \
    } while (0)

static void
each_mistake_has_its_error(void **state)
{
    (void)state;
    fill(20, MAC_ALICE);
    fill(21, MAC_ALICE + 1);
    EXPECT((void)d, AEG_OK);
    EXPECT(d.fragment_count = 0, AEG_ERR_REQUEST);
    EXPECT(d.fragment_count = 14, AEG_ERR_REQUEST);
    EXPECT(d.fragment_count = UINT16_MAX, AEG_ERR_REQUEST);
    EXPECT(d.reserved = 1, AEG_ERR_REQUEST);
    EXPECT(d.flags = 2, AEG_ERR_REQUEST);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(20, 0, 13), AEG_ERR_REQUEST);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(20, 0, 1515), AEG_ERR_REQUEST);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(20, 0, 4096), AEG_ERR_REQUEST);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(20, 4000, 97), AEG_ERR_REQUEST);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(1000, 0, 64), AEG_ERR_CAP_DENIED);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(2000, 0, 64), AEG_ERR_FRAME_NODE);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(2001, 0, 64), AEG_ERR_FRAME_FREE);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(2002, 0, 64), AEG_ERR_FRAME_BUSY);
    EXPECT(d.fragment[0] = UINT64_MAX, AEG_ERR_REQUEST);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(1ull << 39, 0, 64), AEG_ERR_FRAME);
    EXPECT((d.fragment_count = 2, d.fragment[1] = AEG_FRAGMENT(1000, 0, 64)), AEG_ERR_CAP_DENIED);
    EXPECT(d.fragment[0] = AEG_FRAGMENT(21, 0, 64), AEG_ERR_EGRESS);
    EXPECT((d.fragment_count = 2, d.fragment[0] = AEG_FRAGMENT(21, 0, 64), d.fragment[1] = AEG_FRAGMENT(20, 0, 600)), AEG_ERR_EGRESS);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 34, d.csum_offset = 16), AEG_OK);
    for (uint16_t at = 5; at < 12; at++)        /* a checksum over the source address */
        EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = at, d.csum_offset = 0), AEG_ERR_EGRESS);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 0, d.csum_offset = 11), AEG_ERR_EGRESS);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 4, d.csum_offset = 0), AEG_OK);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 12, d.csum_offset = 0), AEG_OK);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 34, d.csum_offset = 29), AEG_ERR_REQUEST);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 65535, d.csum_offset = 65535), AEG_ERR_REQUEST);
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 120, d.csum_offset = 8, d.fragment[0] = AEG_FRAGMENT(20, 0, 1514)), AEG_ERR_REQUEST);
    nic->info->features = 0;
    EXPECT((d.flags = AEG_TX_CSUM, d.csum_start = 34, d.csum_offset = 16), AEG_ERR_UNSUPPORTED);
    nic->info->features = AEG_NIC_CSUM_TX;
    EXPECT(d.fragment[0] = AEG_FRAGMENT(20, 0, 1514), AEG_OK);
    assert_int_equal(send_with((struct aeg_tx)GOOD, AEG_ERR_DEVICE), AEG_ERR_DEVICE);
    assert_true(r->tx_refused > 15);
}

static void
a_revoked_capability_binds_nothing_more(void **state)
{
    const struct aeg_cap above = { { AEG_NAME2(7, 0), 0 }, 1, AEG_RIGHT_ALL }, same = { NAME_ALICE, 2, AEG_RIGHT_ALL };
    const struct aeg_cap other = { NAME_BOB, 2, AEG_RIGHT_ALL };

    (void)state;
    fill(20, MAC_ALICE);
    ring_revoke(&other, fake.space + 1);
    ring_revoke(&same, fake.space);             /* her own doing: she keeps it */
    EXPECT((void)d, AEG_OK);
    ring_revoke(&above, fake.space + 1);
    EXPECT((void)d, AEG_ERR_CAP_DENIED);
    post_rx(30, 0, 100);
    kick();
    assert_int_equal(r->rx[0].error, AEG_ERR_CAP_DENIED);
}

static void
what_was_checked_is_what_is_sent(void **state)
{
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 64) };

    (void)state;
    fill(20, MAC_ALICE);
    post_tx(1, fragment);
    kick();
    fill(20, MAC_ALICE + 1);            /* too late */
    assert_int_equal(sent[0]->header[11], 1);
    finish(0);
}

static void
places_complete_in_order(void **state)
{
    const uint64_t good[] = { AEG_FRAGMENT(20, 0, 200) }, bad[] = { AEG_FRAGMENT(1000, 0, 200) };

    (void)state;
    fill(20, MAC_ALICE);
    post_tx(1, good);
    post_tx(1, bad);
    post_tx(1, good);
    kick();
    assert_int_equal(r->tx_done, 0);    /* the bad one waits for the first */
    finish(1);
    assert_int_equal(r->tx_done, 0);
    finish(0);
    assert_int_equal(r->tx_done, 3);
}

static void
a_full_device_leaves_the_rest_and_goes_on_by_itself(void **state)
{
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 200) };

    (void)state;
    fill(20, MAC_ALICE);
    for (unsigned i = 0; i < 6; i++)
        post_tx(1, fragment);
    assert_int_equal(kick(), FAKE_TX);
    assert_int_equal(r->tx_taken, FAKE_TX);
    finish(0);
    ring_progress();
    assert_int_equal(r->tx_taken, FAKE_TX + 1);
    finish(1);
    r->tx_posted = 2;                   /* behind what was taken: not believed */
    ring_progress();
    assert_int_equal(r->tx_taken, FAKE_TX + 1);
    r->tx_posted = 6;
    ring_progress();
    assert_int_equal(r->tx_taken, 6);
    for (unsigned i = 2; i < 6; i++)
        finish(i);
    assert_int_equal(r->tx_done, 6);
    assert_int_equal(fake_refs(), refs_before);
}

/* ---- lies, life ---- */

static void
indices_that_lie_are_refused(void **state)
{
    static const uint32_t lies[] = { 129, 1000, 0x80000000u, UINT32_MAX };
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 64) };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
        r->rx_posted = lies[i];
        assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_ARGUMENT);
        r->rx_posted = 0;
        r->tx_posted = lies[i];
        assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_ARGUMENT);
        r->tx_posted = 0;
    }
    assert_int_equal(sent_count, 0);
    fill(20, MAC_ALICE);
    r->tx_done = r->tx_taken = r->rx_done = r->rx_taken = 0xdead;   /* only copies */
    post_tx(1, fragment);
    post_rx(21, 0, 2048);
    assert_int_equal(kick(), 2);
    assert_int_equal(r->tx_taken, 1);
    r->rx_posted = 0;                   /* back behind what was taken */
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_ARGUMENT);
    finish(0);
}

static void
indices_wrap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        post_rx(20 + i % 50, 0, 2048);
        kick();
        receive(60 + i % 1000);
        assert_int_equal(r->rx_done, i + 1);
        assert_int_equal(r->rx[i % AEG_RING_RX].len, 60 + i % 1000);
    }
    assert_int_equal(fake_refs(), refs_before);
}

static aeg_err_t
create(uint64_t account, uint32_t cap, uint32_t env_cap, struct aeg_ring_args args)
{
    aeg_id_t id;

    return fake_call(sys_ring_create, account, cap, env_cap, (uint64_t)(uintptr_t)&args, 0, &id);
}

static void
a_refused_ring_leaves_nothing(void **state)
{
    struct aeg_ring_args args = { { 50, 51, 52, 53, 54 }, ENV_ALICE, 1, 0 }, bad = args;
    aeg_err_t err;

    (void)state;
    assert_int_equal(fake_call(sys_ring_create, ACCOUNT, CAP_ALICE, CAP_ALICE, BAD_POINTER, 0, NULL), AEG_ERR_BAD_ADDRESS);
    bad.nic = 1;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_NIC);
    bad.nic = 1ull << 32;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_NIC);
    bad = args;
    bad.env++;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_ENV);
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE_READ, args), AEG_ERR_CAP_DENIED);
    assert_int_equal(create(ACCOUNT + 1, CAP_ALICE, CAP_ALICE, args), AEG_ERR_ACCOUNT);
    assert_int_equal(create(ACCOUNT, CAP_EMPTY, CAP_ALICE, args), AEG_ERR_CAP_INDEX);
    bad = args;
    bad.frames[2] = 1000;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_CAP_DENIED);
    bad.frames[2] = 2000;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_FRAME_NODE);
    bad.frames[2] = 2001;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_FRAME_FREE);
    bad.frames[2] = 2002;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_FRAME_BUSY);
    bad.frames[2] = FAKE_FRAMES;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad), AEG_ERR_FRAME);
    fake.limit[AEG_KIND_QUEUE] = 1;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, args), AEG_ERR_LIMIT);
    fake.limit[AEG_KIND_QUEUE] = 100000;
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 1);
    assert_int_equal(fake_refs(), refs_before);
    while ((err = create(ACCOUNT, CAP_ALICE, CAP_ALICE, args)) == AEG_OK)
        assert_true(fake.used[AEG_KIND_QUEUE] <= RING_MAX);
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, args), AEG_ERR_NOMEM);
}

static void
others_may_not_kick_or_destroy(void **state)
{
    (void)state;
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_BOB, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE_READ, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_ring_kick, ring + 1, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_ring_kick, 0, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_BOB, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_EMPTY, 0, 0, 0, NULL), AEG_ERR_CAP_INDEX);
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
}

static void
a_dying_ring_holds_only_what_the_device_reads(void **state)
{
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 200) };

    (void)state;
    fill(20, MAC_ALICE);
    post_tx(1, fragment);
    post_rx(21, 0, 2048);
    post_rx(1000, 0, 2048);
    kick();
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake_refs(), 1);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 1);     /* its place is taken */
    assert_int_equal(fake.used[AEG_KIND_FILTER], 0);
    memset(r, 0, sizeof(*r));
    receive(64);
    finish(0);
    ring_progress();
    assert_int_equal(fake_refs(), 0);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
    assert_int_equal(r->tx_done, 0);    /* nothing is written to frames that are no longer ours */
    assert_int_equal(r->rx_done, 0);
}

static void
the_window_shows_rings_and_filters(void **state)
{
    const struct aeg_ring_info *i = (const struct aeg_ring_info *)(uintptr_t)info->rings.address + AEG_ID_INDEX(ring);
    const struct aeg_filter_info *f = (const struct aeg_filter_info *)(uintptr_t)info->filters.address;
    const uint64_t good[] = { AEG_FRAGMENT(20, 0, 200) }, bad[] = { AEG_FRAGMENT(20, 0, 4000) };

    (void)state;
    assert_true(i->id == ring && i->guard.hi == AEG_NAME2(7, 1) && i->account == ACCOUNT && i->env == ENV_ALICE && i->space == fake.space);
    assert_true(f[0].id != 0 && f[0].ring == ring && f[0].terms == 1);
    assert_int_equal(f[0].flags | f[1].flags, AEG_FILTER_EGRESS);
    assert_int_not_equal(f[0].shape, f[1].shape);
    post_rx(20, 0, 2048);
    kick();
    receive(64);
    receive(64);
    fill(20, MAC_ALICE);
    post_tx(1, good);
    post_tx(1, bad);
    kick();
    assert_true(fake.traced == AEG_TRACE_TX_REFUSED && fake.traced_a == ring && fake.traced_b == AEG_ERR_REQUEST);
    assert_int_equal(i->rx_packets, 1);
    assert_int_equal(i->rx_bytes, 64);
    assert_int_equal(i->rx_dropped, 1);
    assert_int_equal(i->tx_packets, 1);
    assert_int_equal(i->tx_refused, 1);
    assert_int_equal(i->in_flight, 1);
    finish(0);
    assert_int_equal(i->in_flight, 0);
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_true(i->id == 0 && f[0].id == 0 && f[1].id == 0);
}

static void
rings_end_with_the_account_that_pays(void **state)
{
    const uint64_t fragment[] = { AEG_FRAGMENT(20, 0, 200) };

    (void)state;
    fill(20, MAC_ALICE);
    post_tx(1, fragment);
    kick();
    assert_true(ring_release_account(ACCOUNT_PARENT));
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_true(ring_release_account(ACCOUNT));
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 0);
    assert_int_equal(fake.handed_up[AEG_KIND_QUEUE], 1);
    finish(0);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake.handed_up[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake_refs(), 0);
}

/* ---- floods: a packet takes 10 us, so that 50 are one poll and 125 a slice's share ---- */

#define PACKET_NS 10000
#define POLL (NET_RX_POLL_NS / PACKET_NS)
#define SHARE (NET_RX_SLICE_NS / PACKET_NS)

static int
make_slow(void **state)
{
    make(state);
    fake.tsc_step = PACKET_NS;
    dev_slice_begin();
    return 0;
}

static void
a_burst_is_taken_in_pieces(void **state)
{
    (void)state;
    assert_true(arrive(POLL - 1));
    assert_false(silent);
    assert_true(arrive(200));
    assert_int_equal(waiting, 200 - POLL);
    assert_true(silent);
    kick();                             /* the library polls, as long as an interrupt would */
    assert_int_equal(waiting, 200 - 2 * POLL);
    assert_true(silent);
    dev_slice_begin();
    assert_int_equal(waiting, 200 - 3 * POLL);
    kick();
    kick();
    assert_int_equal(waiting, 0);
    assert_false(silent);
    assert_int_equal(r->rx_dropped, POLL - 1 + 200);
}

static void
even_fast_packets_are_counted(void **state)
{
    (void)state;
    fake.tsc_step = 0;
    assert_true(arrive(3 * NET_RX_PER_POLL));
    assert_int_equal(waiting, 2 * NET_RX_PER_POLL);
    assert_true(silent);
}

static void
interrupts_of_one_slice_are_bounded(void **state)
{
    unsigned taken = 0;

    (void)state;
    while (arrive(1) && waiting == 0)
        taken++;
    assert_int_equal(taken, SHARE);
    for (unsigned i = 0; i < 3; i++) {  /* kicks bring packets, but no interrupts */
        kick();
        assert_int_equal(waiting, 0);
        assert_false(arrive(10));
    }
    dev_slice_begin();
    assert_int_equal(waiting, 0);
    assert_false(silent);
    assert_true(arrive(1));
    assert_int_equal(waiting, 0);
}

/* Copies for many owners take long, and fewer such packets fit. */
static void
what_takes_longer_counts_for_more(void **state)
{
    (void)state;
    fake.tsc_step = 10 * PACKET_NS;
    assert_true(arrive(POLL));
    assert_int_equal(waiting, POLL - POLL / 10);
}

static void
what_comes_between_polling_and_listening_is_polled(void **state)
{
    (void)state;
    arrive(POLL);
    assert_true(silent);
    coming_late = 5;
    kick();
    assert_int_equal(waiting, 5);
    assert_int_not_equal(dev_poll_tsc(), UINT64_MAX);
    assert_true(dev_poll());
    assert_int_equal(waiting, 0);
    assert_int_equal(dev_poll_tsc(), UINT64_MAX);
    assert_false(dev_poll());
}

static void
an_idle_cpu_keeps_polling_a_flood(void **state)
{
    unsigned polls = 0;

    (void)state;
    arrive(5000);
    for (; silent; polls++) {
        assert_true(polls < 5000 / POLL + 1);
        assert_int_not_equal(dev_poll_tsc(), UINT64_MAX);
        assert_true(dev_poll());
    }
    assert_int_equal(waiting, 0);
}

static void
rings_with_dying_frames_end(void **state)
{
    (void)state;
    post_rx(21, 0, 2048);
    post_rx(22, 0, 2048);
    kick();
    fake.frame[23].dies = true;             /* not in it */
    assert_true(ring_release_dying());
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    fake.frame[22].dies = true;             /* posted */
    assert_true(ring_release_dying());
    assert_int_equal(fake_call(sys_ring_kick, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake_refs(), 0);
}

/* A ring with many filters ends in steps. */
static void
a_ring_with_many_filters_ends_in_steps(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 3 * FILTER_RELEASE_STEP; n++) {
        struct aeg_filter f = { .term_count = 1, .term = { AEG_ATOM(0, 6, AEG_MAC_MASK, MAC_ALICE + 1 + n) } };
        assert_int_equal(fake_call(sys_filter_bind, ring, CAP_ALICE, CAP_ROOT, (uint64_t)(uintptr_t)&f, 0, NULL), AEG_OK);
    }
    for (unsigned step = 0; step < 3; step++)
        assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_AGAIN);
    assert_int_equal(fake_call(sys_ring_destroy, ring, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 0);
    assert_int_equal(fake_refs(), 0);
}

static void
so_it_does_with_its_space_or_account(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 2 * FILTER_RELEASE_STEP; n++) {
        struct aeg_filter f = { .term_count = 1, .term = { AEG_ATOM(0, 6, AEG_MAC_MASK, MAC_ALICE + 1 + n) } };
        assert_int_equal(fake_call(sys_filter_bind, ring, CAP_ALICE, CAP_ROOT, (uint64_t)(uintptr_t)&f, 0, NULL), AEG_OK);
    }
    assert_false(ring_release_space(fake.space));
    assert_int_equal(kick(), 0);                    /* it is still there */
    assert_false(ring_release_account(ACCOUNT));
    assert_true(ring_release_account(ACCOUNT));
    assert_int_equal(fake.used[AEG_KIND_FILTER], 0);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake_refs(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(packets_fill_the_places_in_order, make),
        cmocka_unit_test_setup(what_no_filter_claims_is_not_delivered, make),
        cmocka_unit_test_setup(refused_places_complete_in_turn_with_their_error, make),
        cmocka_unit_test_setup(the_header_is_copied_and_the_rest_goes_by_reference, make),
        cmocka_unit_test_setup(a_small_packet_is_copied_whole, make),
        cmocka_unit_test_setup(each_mistake_has_its_error, make),
        cmocka_unit_test_setup(a_revoked_capability_binds_nothing_more, make),
        cmocka_unit_test_setup(what_was_checked_is_what_is_sent, make),
        cmocka_unit_test_setup(places_complete_in_order, make),
        cmocka_unit_test_setup(a_full_device_leaves_the_rest_and_goes_on_by_itself, make),
        cmocka_unit_test_setup(indices_that_lie_are_refused, make),
        cmocka_unit_test_setup(indices_wrap, make),
        cmocka_unit_test_setup(a_refused_ring_leaves_nothing, make),
        cmocka_unit_test_setup(others_may_not_kick_or_destroy, make),
        cmocka_unit_test_setup(rings_with_dying_frames_end, make),
        cmocka_unit_test_setup(rings_end_with_the_account_that_pays, make),
        cmocka_unit_test_setup(a_burst_is_taken_in_pieces, make_slow),
        cmocka_unit_test_setup(interrupts_of_one_slice_are_bounded, make_slow),
        cmocka_unit_test_setup(what_comes_between_polling_and_listening_is_polled, make_slow),
        cmocka_unit_test_setup(even_fast_packets_are_counted, make_slow),
        cmocka_unit_test_setup(what_takes_longer_counts_for_more, make_slow),
        cmocka_unit_test_setup(an_idle_cpu_keeps_polling_a_flood, make_slow),
        cmocka_unit_test_setup(a_ring_with_many_filters_ends_in_steps, make),
        cmocka_unit_test_setup(so_it_does_with_its_space_or_account, make),
        cmocka_unit_test_setup(a_dying_ring_holds_only_what_the_device_reads, make),
        cmocka_unit_test_setup(the_window_shows_rings_and_filters, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
