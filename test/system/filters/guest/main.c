/*
 * main.c: two owners with addresses of their own on one network interface, and a third on another interface at the same wire.
 *
 * One program plays all three, each with a capability of its own name and an account of its own; what the kernel sees are three owners.
 */
#include "aegis/net.h"
#include "../../devices/guest/library.h"

#define NET_BIT 2u
#define PLACES 8            /* receive places of a port */
#define MAC_ALICE 0x525400a11ce0ull
#define MAC_BOB 0x525400000b0bull
#define MAC_WIRE 0x525400001111ull
#define IPV4 0x0800
#define UDP 17
#define LONG 1400           /* bytes: beyond what the kernel copies */

/* A ring and its memory. */
struct port {
    uint8_t ring_page[AEG_RING_FRAMES][PAGE] __attribute__((aligned(PAGE)));
    uint8_t in[PLACES][PAGE];
    uint8_t out[PAGE];
    aeg_id_t ring;
    const struct owner *owner;
};

struct owner {
    uint64_t cap;
    aeg_id_t account;
} alice, bob, wire_owner;

static struct port wire, a, a2, b;

#define TO(mac) AEG_ATOM(0, 6, AEG_MAC_MASK, mac)
#define FROM(mac) AEG_ATOM(6, 6, AEG_MAC_MASK, mac)
#define TYPE(t) AEG_ATOM(12, 2, 0xffff, t)
#define IP_HEADER { AEG_FILTER_SHIFT_LEFT, 1, 14, 0, 0x0f, 2 }
#define TO_PORT(n) AEG_ATOM(16, 2, 0xffff, n)       /* behind the shift */
#define FROM_PORT(n) AEG_ATOM(34, 2, 0xffff, n)
#define FILTER(fl, n, ...) ((struct aeg_filter){ .flags = (fl), .term_count = (n), .term = { __VA_ARGS__ } })

static struct aeg_ring *
shared(struct port *p)
{
    return (struct aeg_ring *)p->ring_page[0];
}

static void
put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void
put_mac(uint8_t *p, uint64_t mac)
{
    for (int i = 5; i >= 0; i--, mac >>= 8)
        p[i] = (uint8_t)mac;
}

/* ---- setting up ---- */

static bool
owner_make(struct owner *o, uint16_t name)
{
    struct aeg_limits limits = { .limit = { [AEG_KIND_FRAME] = 16, [AEG_KIND_QUEUE] = 2, [AEG_KIND_FILTER] = 9 * (1 + AEG_FILTER_SHAPE_COST) } };

    return aeg_cap_forge(ROOT, name, AEG_RIGHT_ALL, &o->cap) == AEG_OK &&
           aeg_account_create(AEG_INFO->root_account, ROOT, (uint32_t)o->cap, &limits, &o->account) == AEG_OK;
}

static bool
give(const struct owner *o, const void *page)
{
    uint64_t frame = frame_of(page), done;

    return aeg_frame_guard(ROOT, (uint32_t)o->cap, &frame, 1, &done) == AEG_OK;
}

static aeg_err_t
kick(struct port *p)
{
    uint64_t taken;

    return aeg_ring_kick(p->ring, (uint32_t)p->owner->cap, &taken);
}

static void
post_receive(struct port *p)
{
    for (unsigned i = 0; i < PLACES; i++) {
        uint32_t at = shared(p)->rx_posted + i;
        shared(p)->rx[at % AEG_RING_RX] = (struct aeg_rx){ .frame = frame_of(p->in[i]), .capacity = 2048 };
    }
    __atomic_store_n(&shared(p)->rx_posted, shared(p)->rx_posted + PLACES, __ATOMIC_RELEASE);
}

static bool
port_make(struct port *p, const struct owner *o, uint64_t nic)
{
    struct aeg_ring_args args = { .env = UENV->env_id, .bits = NET_BIT, .nic = nic };
    bool good = true;

    memset(p, 0, sizeof(*p));
    p->owner = o;
    for (unsigned i = 0; i < AEG_RING_FRAMES; i++) {
        good &= give(o, p->ring_page[i]);
        args.frames[i] = frame_of(p->ring_page[i]);
    }
    for (unsigned i = 0; i < PLACES; i++)
        good &= give(o, p->in[i]);
    good &= give(o, p->out) && aeg_ring_create(o->account, (uint32_t)o->cap, ROOT, &args, &p->ring) == AEG_OK;
    post_receive(p);
    return good && kick(p) == AEG_OK;
}

static aeg_id_t last_filter;

static aeg_err_t
bind(struct port *p, struct aeg_filter f)
{
    return aeg_filter_bind(p->ring, (uint32_t)p->owner->cap, ROOT, &f, &last_filter);
}

/* ---- packets ---- */

/* A UDP packet, its addresses and ports; what else is in it does not matter to filters. */
static void
write_packet(struct port *p, uint64_t to, uint64_t from, uint32_t from_port, uint32_t to_port)
{
    memset(p->out, 0x5a, 60);
    put_mac(p->out, to);
    put_mac(p->out + 6, from);
    put16(p->out + 12, IPV4);
    p->out[14] = 0x45;
    put16(p->out + 20, 0);
    p->out[23] = UDP;
    put16(p->out + 34, from_port);
    put16(p->out + 36, to_port);
}

static void
post_packet(struct port *p, uint32_t bytes)
{
    uint32_t i = shared(p)->tx_posted;
    struct aeg_tx *d = (struct aeg_tx *)p->ring_page[AEG_TX_FRAME(i)] + AEG_TX_PLACE(i);

    *d = (struct aeg_tx){ .fragment_count = 1, .error = 1000, .fragment = { AEG_FRAGMENT(frame_of(p->out), 0, bytes) } };
    __atomic_store_n(&shared(p)->tx_posted, i + 1, __ATOMIC_RELEASE);
}

/* How the last packet posted fared. */
static uint32_t
sent(struct port *p)
{
    uint32_t last = shared(p)->tx_posted - 1;

    if (kick(p) != AEG_OK || !await(&shared(p)->tx_done, last + 1, NET_BIT))
        return 1000;
    return ((struct aeg_tx *)p->ring_page[AEG_TX_FRAME(last)])[AEG_TX_PLACE(last)].error;
}

static uint32_t
send(struct port *p, uint64_t to, uint64_t from, uint32_t from_port, uint32_t to_port)
{
    write_packet(p, to, from, from_port, to_port);
    post_packet(p, 60);
    return sent(p);
}

static uint32_t got_before[4];
static struct port *const ports[4] = { &wire, &a, &a2, &b };

/* Packets from the wire arrive in the order sent, so one for Bob at the end says that all before it have been dealt with. */
static void
settle(void)
{
    uint32_t want = shared(&b)->rx_done + 1;

    (void)send(&wire, MAC_BOB, MAC_WIRE, 9, 9);
    (void)await(&shared(&b)->rx_done, want, NET_BIT);
    for (unsigned i = 0; i < 4; i++) {
        got_before[i] = shared(ports[i])->rx_done;
        shared(ports[i])->rx_posted = got_before[i];
        post_receive(ports[i]);
        (void)kick(ports[i]);
    }
}

/* Sends from the wire, then the packet that ends it. Who got how many? Digits: Alice's ring, her second, Bob's. */
static unsigned
who_gets(uint64_t to, uint32_t to_port)
{
    unsigned got = 0;

    for (unsigned i = 0; i < 4; i++)
        got_before[i] = shared(ports[i])->rx_done;
    if (send(&wire, to, MAC_WIRE, 1, to_port) != AEG_OK || send(&wire, MAC_BOB, MAC_WIRE, 9, 9) != AEG_OK)
        return 1000;
    if (!await(&shared(&b)->rx_done, got_before[3] + (to == MAC_BOB || to == AEG_MAC_MASK ? 2 : 1), NET_BIT))
        return 2000;
    for (unsigned i = 1; i < 4; i++)
        got = got * 10 + shared(ports[i])->rx_done - got_before[i];
    return got - 1;
}

/* The same, with places for what comes. */
static unsigned
receivers(uint64_t to, uint32_t to_port)
{
    settle();
    return who_gets(to, to_port);
}

static uint64_t
frames_free(void)
{
    return AEG_INFO->frames_free;
}

static const volatile struct aeg_filter_info *
filter_info(aeg_id_t id)
{
    return (const volatile struct aeg_filter_info *)(uintptr_t)(AEG_INFO->filters.address + AEG_ID_INDEX(id) * AEG_INFO->filters.stride);
}

/* ---- two owners ---- */

static void
claims(void)
{
    ok(bind(&a, FILTER(0, 1, TO(MAC_ALICE))) == AEG_OK && bind(&b, FILTER(0, 1, TO(MAC_BOB))) == AEG_OK &&
       bind(&wire, FILTER(0, 1, TO(MAC_WIRE))) == AEG_OK, "each binds an address of its own, none of them the interface's");
    ok(bind(&b, FILTER(0, 1, TO(MAC_ALICE))) == AEG_ERR_FILTER_OVERLAP && bind(&b, FILTER(0, 0)) == AEG_ERR_FILTER_OVERLAP &&
       bind(&b, FILTER(0, 2, TO(MAC_ALICE), TYPE(IPV4))) == AEG_ERR_FILTER_OVERLAP, "nobody binds what is another's, or part of it");
    ok(bind(&a, FILTER(AEG_FILTER_GROUP, 1, TO(AEG_MAC_MASK))) == AEG_OK && bind(&b, FILTER(AEG_FILTER_GROUP, 1, TO(AEG_MAC_MASK))) == AEG_OK,
       "both bind the broadcast address");
    ok(send(&a, MAC_WIRE, MAC_ALICE, 1, 1) == AEG_ERR_EGRESS, "without an egress filter nothing is sent");
    ok(bind(&a, FILTER(AEG_FILTER_EGRESS, 2, FROM(MAC_ALICE), FROM_PORT(53))) == AEG_OK &&
       bind(&b, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_BOB))) == AEG_OK && bind(&wire, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_WIRE))) == AEG_OK,
       "each may send from its own address, one of them from one port only");
    ok(bind(&b, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_ALICE))) == AEG_ERR_FILTER_OVERLAP, "and not from another's");
}

static void
receiving(void)
{
    aeg_id_t refined;

    ok(receivers(MAC_ALICE, 80) == 100, "what is for one, the other does not get");
    ok(receivers(MAC_BOB, 80) == 1, "and the other way round");
    ok(receivers(AEG_MAC_MASK, 67) == 101, "a broadcast goes to both");
    ok(receivers(0x525400123456ull, 80) == 0, "what is for nobody goes nowhere");
    ok(bind(&a2, FILTER(0, 4, TO(MAC_ALICE), TYPE(IPV4), IP_HEADER, TO_PORT(80))) == AEG_OK, "an owner refines its own filter");
    refined = last_filter;
    ok(receivers(MAC_ALICE, 80) == 10, "the more specific filter wins");
    ok(receivers(MAC_ALICE, 81) == 100, "the rest goes where it went");
    ok(filter_info(refined)->matched == 1 && filter_info(refined)->dropped == 0, "the window counts what each filter matched");
    ok(aeg_filter_unbind(refined, (uint32_t)bob.cap) == AEG_ERR_CAP_DENIED && aeg_filter_unbind(refined, (uint32_t)alice.cap) == AEG_OK &&
       receivers(MAC_ALICE, 80) == 100, "without it all is as before");
}

static void
sending(void)
{
    settle();
    ok(send(&a, MAC_WIRE, MAC_ALICE, 53, 1) == AEG_OK && await(&shared(&wire)->rx_done, got_before[0] + 1, NET_BIT),
       "what an owner sends from its address and port arrives");
    ok(send(&a, MAC_WIRE, MAC_ALICE, 54, 1) == AEG_ERR_EGRESS, "from another port it is not sent");
    ok(send(&a, MAC_WIRE, MAC_BOB, 53, 1) == AEG_ERR_EGRESS, "nor from another's address");
    ok(send(&b, MAC_WIRE, MAC_ALICE, 53, 1) == AEG_ERR_EGRESS, "whoever tries");
}

/* ---- lies ---- */

static aeg_frame_t
frame_of_alice(void)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    (void)!aeg_frame_alloc(alice.account, (uint32_t)alice.cap, (uint32_t)alice.cap, 1, &frame, &done);
    return frame & ~AEG_FRAME_ZERO;
}

static void
free_of_alice(aeg_frame_t frame)
{
    uint64_t done;

    (void)!aeg_frame_free((uint32_t)alice.cap, &frame, 1, &done);
}

/* The oldest place is one of a frame that is then freed; what comes goes to a frame of nobody, and that is gone afterwards. */
static void
freed_while_posted(void)
{
    uint64_t before;
    aeg_frame_t frame;

    settle();
    before = frames_free();
    frame = frame_of_alice();
    shared(&a2)->rx[shared(&a2)->rx_posted++ % AEG_RING_RX] = (struct aeg_rx){ .frame = frame, .capacity = 2048 };
    ok(frame != 0 && kick(&a2) == AEG_OK, "a place in a frame is posted");
    free_of_alice(frame);
    ok(frames_free() == before - 1, "freed, the frame stays as long as the kernel may write to it");
    (void)bind(&a2, FILTER(0, 2, TO(MAC_ALICE), TYPE(IPV4)));
    for (unsigned i = 0; i < PLACES; i++)       /* the places before it */
        (void)send(&wire, MAC_ALICE, MAC_WIRE, 1, 1);
    ok(receivers(MAC_ALICE, 1) % 100 / 10 == 1 && frames_free() == before, "with the packet that fills it it is gone");
    (void)!aeg_filter_unbind(last_filter, (uint32_t)alice.cap);
}

static void
freed_while_sent(void)
{
    uint64_t before = frames_free();
    aeg_frame_t frame = frame_of_alice();
    uint32_t i = shared(&a)->tx_posted;
    struct aeg_tx *d = (struct aeg_tx *)a.ring_page[AEG_TX_FRAME(i)] + AEG_TX_PLACE(i);

    write_packet(&a, MAC_WIRE, MAC_ALICE, 53, 1);
    *d = (struct aeg_tx){ .fragment_count = 2, .fragment = { AEG_FRAGMENT(frame_of(a.out), 0, 200), AEG_FRAGMENT(frame, 0, LONG - 200) } };
    shared(&a)->tx_posted = i + 1;
    (void)kick(&a);
    free_of_alice(frame);
    ok(await(&shared(&a)->tx_done, i + 1, NET_BIT) && d->error == AEG_OK && frames_free() == before, "a frame freed in flight goes when it is sent");
}

/* What the library writes to its ring after a kick, or claims without one, is its own affair. */
static void
scribbled(void)
{
    unsigned refused = 0;

    settle();
    for (unsigned i = 0; i < AEG_RING_RX; i++)
        shared(&a)->rx[i] = (struct aeg_rx){ .frame = ~0ull, .offset = 0xffff, .capacity = 0xffff };
    shared(&a)->rx_taken = shared(&a)->tx_taken = shared(&a)->tx_done = 0xdeadbeef;
    ok(who_gets(MAC_ALICE, 80) == 100 && a.in[0][37] == 80, "descriptors changed after the kick change nothing");
    for (uint32_t lie = 1; lie != 0; lie <<= 1) {
        uint32_t posted = shared(&a)->rx_posted;
        shared(&a)->rx_posted = posted + AEG_RING_RX + lie;
        refused += kick(&a) == AEG_ERR_ARGUMENT;
        shared(&a)->rx_posted = posted;
    }
    ok(refused == 32, "indices that lie are refused");
    for (unsigned i = 0; i < AEG_RING_RX - PLACES; i++)
        shared(&a2)->rx[shared(&a2)->rx_posted++ % AEG_RING_RX] = (struct aeg_rx){ .frame = i * 0x123456789abull, .offset = 7, .capacity = (uint16_t)(i * 99) };
    ok(kick(&a2) == AEG_OK && receivers(MAC_BOB, 80) == 1, "garbage that is posted hurts nobody else");
}

/* Puts `pte` where this page is mapped; what was there. */
static uint64_t
remap(const void *page, uint64_t pte)
{
    const volatile struct aeg_env_info *env = (const volatile struct aeg_env_info *)(uintptr_t)AEG_INFO->envs.address;
    struct aeg_pte_op op = { (uintptr_t)page, pte };
    uint64_t done;

    (void)!aeg_pte_set(env[AEG_ID_INDEX(UENV->env_id)].space, AEG_CAPS(ROOT, ROOT), &op, 1, &done);
    return op.pte;
}

static void
unmapped(void)
{
    uint64_t frames[2] = { frame_of(a.ring_page[0]), frame_of(a.in[0]) }, done, pte;
    uint32_t before;
    aeg_err_t err;

    settle();
    before = shared(&a)->rx_done;
    pte = remap(a.ring_page[0], 0);
    err = kick(&a);
    (void)send(&wire, MAC_ALICE, MAC_WIRE, 1, 1);
    (void)send(&wire, MAC_BOB, MAC_WIRE, 9, 9);
    (void)await(&shared(&b)->rx_done, got_before[3] + 1, NET_BIT);
    (void)remap(a.ring_page[0], pte & ~(AEG_PTE_A | AEG_PTE_D));
    ok(err == AEG_OK && shared(&a)->rx_done == before + 1, "a ring that its library has unmapped goes on");
    ok(aeg_frame_free((uint32_t)bob.cap, frames, 2, &done) == AEG_ERR_CAP_DENIED && done == 0, "and nobody else frees it");
}

static void
flooded(void)
{
    const volatile struct aeg_nic_info *nic = (const volatile struct aeg_nic_info *)(uintptr_t)AEG_INFO->nics.address;
    uint64_t frames = nic->rx_frames;
    unsigned bad = 0;

    write_packet(&wire, MAC_ALICE, MAC_WIRE, 1, 1);
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 0; k < 100; k++)
            post_packet(&wire, 60);
        bad += sent(&wire) != AEG_OK;
    }
    ok(bad == 0 && receivers(MAC_BOB, 80) == 1, "after a flood for one, the other gets what is for it");
    ok(nic->rx_frames - frames == 2003 && shared(&a)->rx_dropped >= 2000 - 2 * PLACES, "and the flood is counted");
}

static void
ended(void)
{
    uint32_t left = 0;
    uint64_t before;

    for (unsigned i = 0; i < 4; i++)
        while (aeg_ring_destroy(ports[i]->ring, (uint32_t)ports[i]->owner->cap) == AEG_ERR_AGAIN)
            continue;
    for (uint32_t i = 0; i < AEG_INFO->filters.count; i++)
        left += filter_info(AEG_ID(i, 0))->id != 0;
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < PLACES; k++)
            left += refs_of(ports[i]->in[k]) != refs_of(ports[i]->out);
    ok(left == 0, "with the rings go their filters, and nothing stays bound");
    before = frames_free();
    ok(aeg_account_end(alice.account, (uint32_t)alice.cap) == AEG_OK && aeg_account_end(bob.account, (uint32_t)bob.cap) == AEG_OK &&
       aeg_account_end(wire_owner.account, (uint32_t)wire_owner.cap) == AEG_OK && frames_free() == before, "the accounts end with nothing left in them");
}

void
guest_main(void)
{
    ok(AEG_INFO->nics.count == 2, "there are two interfaces");
    ok(owner_make(&alice, 5) && owner_make(&bob, 6) && owner_make(&wire_owner, 7), "three owners, none above another");
    ok(port_make(&wire, &wire_owner, 1) && port_make(&a, &alice, 0) && port_make(&a2, &alice, 0) && port_make(&b, &bob, 0), "and their rings");
    claims();
    receiving();
    sending();
    freed_while_posted();
    freed_while_sent();
    scribbled();
    unmapped();
    flooded();
    ended();
    finish_all();
}
