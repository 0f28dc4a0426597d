/* mirror_nic.c: see mirror_nic.h. */
#include <stdlib.h>
#include <string.h>

#include "fake/exos/mirror_nic.h"

#include "fake/exos/coop.h"

#include "lwip/inet_chksum.h"
#include "lwip/pbuf.h"

#define FRAME_MAX 1514u
#define QUEUE_MAX 4096u

struct frame {
    struct frame *next;
    uint64_t due_ns;
    size_t len;
    uint8_t bytes[FRAME_MAX];
};

struct mirror mirror;

static struct frame *first, **last = &first;
static unsigned queued;
static struct nic the_nic;
static uint64_t seed = 1;

static bool
chance(unsigned of_1000)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (seed >> 33) % 1000 < of_1000;
}

static void
enqueue(const void *bytes, size_t len, uint64_t delay_ns)
{
    struct frame *f = malloc(sizeof(*f));

    EXO_ASSERT(len <= FRAME_MAX && queued < QUEUE_MAX);
    *f = (struct frame){ .due_ns = coop_clock_ns + delay_ns, .len = len };
    memcpy(f->bytes, bytes, len);
    queued++;
    if (first != NULL && chance(mirror.reorder)) {
        f->next = first;
        first = f;
        return;
    }
    *last = f;
    last = &f->next;
}

void
mirror_inject(const void *frame, size_t len)
{
    enqueue(frame, len, 0);
}

static struct frame *
dequeue(void)
{
    struct frame *f = first;

    if (f == NULL || f->due_ns > coop_clock_ns)
        return NULL;
    first = f->next;
    if (first == NULL)
        last = &first;
    queued--;
    return f;
}

void
mirror_drop_all(void)
{
    struct frame *f;

    while ((f = first) != NULL) {
        first = f->next;
        free(f);
    }
    last = &first;
    queued = 0;
}

static void
swap(uint8_t *a, uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t t = a[i];

        a[i] = b[i];
        b[i] = t;
    }
}

/* The answer to "who has 10.0.2.x". */
static void
answer_arp(uint8_t *f)
{
    static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x99 };

    f[21] = 2;
    swap(f + 28, f + 38, 4);
    memcpy(f + 32, f + 22, 6);
    memcpy(f + 22, mac, 6);
    memcpy(f, f + 6, 6);
    memcpy(f + 6, mac, 6);
}

/* Turns DISCOVER into OFFER and REQUEST into ACK (RFC 2131), options rebuilt. How long the answer is. */
static size_t
answer_dhcp(uint8_t *f)
{
    static const uint8_t options[] = { 54, 4, 10, 0, 2, 2, 51, 4, 0, 1, 0x51, 0x80, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2,
                                       6, 4, 10, 0, 2, 3, 255 };
    uint8_t *ip = f + 14, *udp = f + 34, *bootp = f + 42, *o = bootp + 240;
    uint8_t type = o[2] == 1 ? 2 : 5;
    size_t len = 240 + 3 + sizeof(options);
    uint16_t sum;

    bootp[0] = 2;
    memcpy(bootp + 16, (uint8_t[]){ 10, 0, 2, 15 }, 4);
    memcpy(o, (uint8_t[]){ 53, 1, type }, 3);
    memcpy(o + 3, options, sizeof(options));
    memcpy(f, f + 6, 6);
    memcpy(f + 6, (uint8_t[]){ 2, 0, 0, 0, 0, 0x99 }, 6);
    memcpy(udp, (uint8_t[]){ 0, 67, 0, 68, (uint8_t)((len + 8) >> 8), (uint8_t)(len + 8), 0, 0 }, 8);
    ip[2] = (uint8_t)((len + 28) >> 8);
    ip[3] = (uint8_t)(len + 28);
    memcpy(ip + 12, (uint8_t[]){ 10, 0, 2, 2, 255, 255, 255, 255 }, 8);
    ip[10] = ip[11] = 0;
    sum = inet_chksum(ip, 20);
    memcpy(ip + 10, &sum, 2);
    return len + 42;
}

/* What the far end sends back, in place. Its length, or 0: nothing. */
static size_t
reflect(uint8_t *f, size_t len)
{
    if (f[12] == 8 && f[13] == 6) {
        if (f[21] != 1 || memcmp(f + 28, f + 38, 4) == 0)
            return 0;
        answer_arp(f);
        return len;
    }
    if (f[30] == 255)
        return mirror.dhcp_server && f[23] == 17 && f[37] == 67 ? answer_dhcp(f) : 0;
    swap(f, f + 6, 6);
    swap(f + 26, f + 30, 4);
    return len;
}

void
mirror_complete_csum(uint8_t *f, size_t len, unsigned start, unsigned offset)
{
    uint16_t sum = inet_chksum(f + start, (u16_t)(len - start));

    memcpy(f + start + offset, &sum, 2);
}

void
mirror_send(uint8_t *f, size_t len)
{
    mirror.sent++;
    if (mirror.silent || chance(mirror.lose) || (len = reflect(f, len)) == 0)
        return;
    if (chance(mirror.truncate))
        len = 1 + (size_t)(random_u64() % len);
    enqueue(f, len, mirror.delay_ns);
    if (chance(mirror.twice))
        enqueue(f, len, mirror.delay_ns);
}

bool
mirror_due(void)
{
    return first != NULL && first->due_ns <= coop_clock_ns;
}

size_t
mirror_next(uint8_t out[FRAME_MAX])
{
    struct frame *f = dequeue();
    size_t len = f != NULL ? f->len : 0;

    if (f != NULL)
        memcpy(out, f->bytes, len);
    free(f);
    return len;
}

static bool
transmit(struct nic *nic, struct pbuf *p, unsigned csum_start, unsigned csum_offset)
{
    uint8_t f[FRAME_MAX];
    size_t len = p->tot_len;

    (void)nic;
    if (len > sizeof(f) || queued >= QUEUE_MAX - 2)
        return false;
    pbuf_copy_partial(p, f, (u16_t)len, 0);
    if (csum_start != 0)
        mirror_complete_csum(f, len, csum_start, csum_offset);
    mirror_send(f, len);
    return true;
}

static unsigned
poll_frames(struct nic *nic, unsigned budget)
{
    uint8_t frame[FRAME_MAX];
    unsigned n = 0;

    for (size_t len; n < budget && (len = mirror_next(frame)) > 0; n++) {
        struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

        if (p != NULL) {
            memcpy(p->payload, frame, len);
            net_input(nic, p, 0);
        }
    }
    return n;
}

static bool
pending(const struct nic *nic)
{
    (void)nic;
    return mirror_due();
}

static void
kick(struct nic *nic)
{
    (void)nic;
}

static const struct nic_ops ops = { .poll = poll_frames, .pending = pending, .transmit = transmit, .kick = kick };

struct nic *
mirror_nic_create(uint32_t features)
{
    static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

    the_nic = (struct nic){ .ops = &ops, .mtu = 1500, .features = features };
    memcpy(the_nic.mac, mac, 6);
    return &the_nic;
}
