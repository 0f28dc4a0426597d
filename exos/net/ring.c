/*
 * ring.c: the NIC of a session: an Aegis packet ring (aegis/net.h) in session memory.
 *
 * Holds:    receive buffers of half a page each, posted, spare, or lent to the stack as zero-copy pbufs; the pbuf behind every transmit
 *           place; pages that wait for the transmits before them.
 * Locks:    net_lock.
 * Source:   aegis/include/aegis/net.h.
 */
#include "net/net.h"
#include "net/nic.h"

#include "base/mem.h"

#include "aegis/net.h"

#include "lwip/pbuf.h"

#define RX_BUFFER_SIZE 2048u
#define RX_COPY_MAX 256u            /* a shorter frame is copied, so that it does not hold a buffer */
#define RX_BUFFERS_MAX 512u         /* posted, spare and lent: 1 MiB */
#define PBUF_COALESCED_MAX 1536u

struct rx_buffer {
    struct pbuf_custom pbuf;        /* first: what the stack frees is this */
    struct ring *ring;
    char *data;
    uint64_t frame;
    struct rx_buffer *next;         /* spare ones */
};

struct held_page {
    struct held_page *next;
    uint32_t tx_mark;               /* may go when tx_done has come here */
};

struct ring {
    struct nic nic;
    aeg_id_t id;
    uint32_t cap;
    struct aeg_ring *shared;
    struct aeg_tx *tx_page[AEG_RING_FRAMES - 1];
    uint32_t rx_seen, tx_seen;      /* rx_done and tx_done as of the last poll */
    struct rx_buffer *posted[AEG_RING_RX];
    struct rx_buffer *spare;
    uint32_t buffer_count;
    struct pbuf *sending[AEG_RING_TX];
    struct held_page *held_first, *held_last;
};

static inline uint32_t
load_index(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void
store_index(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static void
buffer_returned(struct pbuf *p)
{
    struct rx_buffer *b = (struct rx_buffer *)p;

    b->next = b->ring->spare;
    b->ring->spare = b;
}

/* Two more buffers, out of one page. */
static void
buffers_add(struct ring *r)
{
    struct rx_buffer *pair;
    char *page;

    if (r->buffer_count + 2 > RX_BUFFERS_MAX)
        return;
    page = page_alloc();
    pair = page != NULL ? heap_alloc(2 * sizeof(*pair)) : NULL;
    if (pair == NULL) {
        if (page != NULL)
            page_free(page);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        pair[i].ring = r;
        pair[i].data = page + i * RX_BUFFER_SIZE;
        pair[i].frame = page_frame(page);
        pair[i].pbuf.custom_free_function = buffer_returned;
        buffer_returned(&pair[i].pbuf.pbuf);
    }
    r->buffer_count += 2;
}

static struct rx_buffer *
spare_take(struct ring *r)
{
    struct rx_buffer *b;

    if (r->spare == NULL)
        buffers_add(r);
    b = r->spare;
    if (b != NULL)
        r->spare = b->next;
    return b;
}

/* Makes b the next place that the kernel fills. */
static void
post(struct ring *r, struct rx_buffer *b)
{
    uint32_t i = r->shared->rx_posted;
    struct aeg_rx *d = &r->shared->rx[i % AEG_RING_RX];

    *d = (struct aeg_rx){ .frame = b->frame, .offset = (uint16_t)((uintptr_t)b->data & PAGE_MASK), .capacity = RX_BUFFER_SIZE };
    r->posted[i % AEG_RING_RX] = b;
    store_index(&r->shared->rx_posted, i + 1);
    r->nic.kick_wanted = true;
}

static struct pbuf *
copied(const struct rx_buffer *b, uint16_t len)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, len, PBUF_RAM);

    if (p != NULL)
        memcpy(p->payload, b->data, len);
    return p;
}

/*
 * The frame in b as a pbuf, and a buffer to post in its place: long frames are lent to the stack when there is a spare buffer, short
 * ones copied. NULL: no memory, dropped.
 */
static struct pbuf *
frame_take(struct ring *r, struct rx_buffer *b, uint16_t len, struct rx_buffer **repost)
{
    struct rx_buffer *other = len > RX_COPY_MAX ? spare_take(r) : NULL;

    *repost = other != NULL ? other : b;
    if (other == NULL)
        return copied(b, len);
    return pbuf_alloced_custom(PBUF_RAW, len, PBUF_REF, &b->pbuf, b->data, RX_BUFFER_SIZE);
}

static void
receive_one(struct ring *r)
{
    uint32_t i = r->rx_seen++ % AEG_RING_RX;
    struct aeg_rx d = r->shared->rx[i];
    struct rx_buffer *b = r->posted[i], *repost = b;
    struct pbuf *p = NULL;
    bool good = d.error == AEG_OK && d.len >= AEG_PACKET_MIN && d.len <= RX_BUFFER_SIZE && (d.flags & AEG_RX_TRUNCATED) == 0;

    if (good)
        p = frame_take(r, b, d.len, &repost);
    else
        r->nic.stats.rx_errors++;
    if (good && p == NULL)
        r->nic.stats.rx_dropped++;
    post(r, repost);
    if (p != NULL)
        net_input(&r->nic, p, d.flags & (AEG_RX_CSUM_GOOD | AEG_RX_CSUM_PARTIAL) ? NIC_RX_CSUM_GOOD : 0);
}

static void
transmits_done(struct ring *r)
{
    uint32_t done = load_index(&r->shared->tx_done);

    for (; r->tx_seen != done; r->tx_seen++) {
        uint32_t i = r->tx_seen % AEG_RING_TX;

        if (r->tx_page[AEG_TX_FRAME(i) - 1][AEG_TX_PLACE(i)].error != AEG_OK)
            r->nic.stats.tx_errors++;
        pbuf_free(r->sending[i]);
        r->sending[i] = NULL;
    }
    while (r->held_first != NULL && (int32_t)(done - r->held_first->tx_mark) >= 0) {
        struct held_page *page = r->held_first;

        r->held_first = page->next;
        page_free(page);
    }
}

static unsigned
ring_poll(struct nic *nic, unsigned budget)
{
    struct ring *r = container_of(nic, struct ring, nic);
    uint32_t done = load_index(&r->shared->rx_done);
    unsigned n = 0;

    transmits_done(r);
    for (; n < budget && r->rx_seen != done; n++)
        receive_one(r);
    return n;
}

static bool
ring_pending(const struct nic *nic)
{
    const struct ring *r = container_of(nic, const struct ring, nic);

    return load_index(&r->shared->rx_done) != r->rx_seen || load_index(&r->shared->tx_done) != r->tx_seen;
}

/* The fragments of a chain, or 0 when it has too many. Every pbuf lies within one page or is split where pages meet. */
static unsigned
gather(const struct pbuf *p, uint64_t fragment[AEG_TX_FRAGMENTS])
{
    unsigned n = 0;

    for (const struct pbuf *q = p; q != NULL; q = q->next) {
        uintptr_t at = (uintptr_t)q->payload;
        size_t left = q->len;

        while (left > 0) {
            size_t len = MIN(left, PAGE_SIZE - (at & PAGE_MASK));

            if (n == AEG_TX_FRAGMENTS)
                return 0;
            fragment[n++] = AEG_FRAGMENT(page_frame((void *)PAGE_DOWN(at)), at & PAGE_MASK, len);
            at += len;
            left -= len;
        }
    }
    return n;
}

/* A chain of crumbs as one piece. A reference of its own is in the result. */
static struct pbuf *
coalesced(struct pbuf *p)
{
    return p->tot_len <= PBUF_COALESCED_MAX ? pbuf_clone(PBUF_RAW, PBUF_RAM, p) : NULL;
}

static bool
ring_transmit(struct nic *nic, struct pbuf *p, unsigned csum_start, unsigned csum_offset)
{
    struct ring *r = container_of(nic, struct ring, nic);
    uint32_t i = r->shared->tx_posted;
    struct aeg_tx *d = &r->tx_page[AEG_TX_FRAME(i) - 1][AEG_TX_PLACE(i)];
    unsigned count;

    if (i - r->tx_seen == AEG_RING_TX)
        transmits_done(r);
    if (i - r->tx_seen == AEG_RING_TX || p->tot_len > AEG_PACKET_MAX)
        return false;
    count = gather(p, d->fragment);
    if (count > 0)
        pbuf_ref(p);
    else if ((p = coalesced(p)) == NULL || (count = gather(p, d->fragment)) == 0)
        return false;
    d->flags = csum_start != 0 ? AEG_TX_CSUM : 0;
    d->fragment_count = (uint16_t)count;
    d->csum_start = (uint16_t)csum_start;
    d->csum_offset = (uint16_t)csum_offset;
    d->reserved = 0;
    r->sending[i % AEG_RING_TX] = p;
    store_index(&r->shared->tx_posted, i + 1);
    return true;
}

static void
ring_kick(struct nic *nic)
{
    struct ring *r = container_of(nic, struct ring, nic);
    uint64_t taken;

    if (aeg_ring_kick(r->id, r->cap, &taken) != AEG_OK)
        nic->stats.tx_errors++;
}

static void
ring_free_page(struct nic *nic, void *page)
{
    struct ring *r = container_of(nic, struct ring, nic);
    struct held_page *held = page;

    if (load_index(&r->shared->tx_done) == r->shared->tx_posted) {
        page_free(page);
        return;
    }
    *held = (struct held_page){ .tx_mark = r->shared->tx_posted };
    if (r->held_first == NULL)
        r->held_first = held;
    else
        r->held_last->next = held;
    r->held_last = held;
}

static const struct nic_ops ring_ops = {
    .poll = ring_poll,
    .pending = ring_pending,
    .transmit = ring_transmit,
    .kick = ring_kick,
    .free_page = ring_free_page,
};

/* Binds one filter of a single atom on a 48-bit address. */
static aeg_err_t
bind_address(struct ring *r, uint32_t nic_cap, uint32_t flags, uint16_t offset, const uint8_t mac[6])
{
    struct aeg_filter filter = { .flags = flags, .term_count = 1, .term = { AEG_ATOM(offset, 6, AEG_MAC_MASK, aeg_mac_value(mac)) } };
    aeg_id_t id;

    return aeg_filter_bind(r->id, r->cap, nic_cap, &filter, &id);
}

static aeg_err_t
bind_filters(struct ring *r, const struct ring_env *env)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    aeg_err_t err = bind_address(r, env->nic_cap, 0, 0, env->mac);

    if (err == AEG_OK)
        err = bind_address(r, env->nic_cap, AEG_FILTER_GROUP, 0, broadcast);
    if (err == AEG_OK)
        err = bind_address(r, env->nic_cap, AEG_FILTER_EGRESS, 6, env->mac);
    return err;
}

/* The five frames; false when one is missing. */
static bool
frames_alloc(struct ring *r, struct aeg_ring_args *args)
{
    r->shared = page_alloc();
    if (r->shared == NULL)
        return false;
    memset(r->shared, 0, PAGE_SIZE);
    args->frames[0] = page_frame(r->shared);
    for (unsigned i = 0; i < AEG_RING_FRAMES - 1; i++) {
        r->tx_page[i] = page_alloc();
        if (r->tx_page[i] == NULL)
            return false;
        memset(r->tx_page[i], 0, PAGE_SIZE);
        args->frames[i + 1] = page_frame(r->tx_page[i]);
    }
    return true;
}

/* A ring that did not come to life. */
static void
abandon(struct ring *r, bool created)
{
    if (created && aeg_ring_destroy(r->id, r->cap) != AEG_OK)
        return;                 /* the kernel still has the frames */
    if (r->shared != NULL)
        page_free(r->shared);
    for (unsigned i = 0; i < AEG_RING_FRAMES - 1; i++) {
        if (r->tx_page[i] != NULL)
            page_free(r->tx_page[i]);
    }
    heap_free(r);
}

static void
post_all(struct ring *r)
{
    struct rx_buffer *b;

    for (unsigned i = 0; i < AEG_RING_RX && (b = spare_take(r)) != NULL; i++)
        post(r, b);
}

struct nic *
ring_open(const struct ring_env *env)
{
    struct aeg_ring_args args = { .env = env->env, .bits = env->bits, .nic = env->nic_index };
    struct ring *r = heap_alloc(sizeof(*r));
    bool created;
    aeg_err_t err;

    if (r == NULL || !frames_alloc(r, &args)) {
        log_print("net: no memory for a packet ring");
        if (r != NULL)
            abandon(r, false);
        return NULL;
    }
    r->nic = (struct nic){ .ops = &ring_ops, .mtu = env->mtu };
    r->nic.features = env->features & AEG_NIC_CSUM_TX ? NIC_CSUM_TX : 0;
    memcpy(r->nic.mac, env->mac, sizeof(r->nic.mac));
    r->cap = env->cap;
    err = aeg_ring_create(env->account, env->cap, env->env_cap, &args, &r->id);
    created = err == AEG_OK;
    if (created)
        err = bind_filters(r, env);
    if (err != AEG_OK) {
        log_print("net: the packet ring was refused: error %u", (unsigned)err);
        abandon(r, created);
        return NULL;
    }
    post_all(r);
    ring_kick(&r->nic);
    return &r->nic;
}
