/* filter_test.c: packet filters: what is well formed, what overlaps, who gets a packet. Against a naive reading of net.h: test/fuzz/filter.c. */
#include <stdlib.h>
#include <string.h>

#include "test/fake/aegis/dev/rings.h"

static aeg_err_t
bind(uint32_t ring, struct aeg_filter f)
{
    aeg_id_t id;

    return bind_as(ring, CAP_ROOT, &f, &id);
}

#define MAC_A 0x525400000001ull
#define MAC_B 0x525400000002ull
#define TO(mac) AEG_ATOM(0, 6, AEG_MAC_MASK, mac)
#define FROM(mac) AEG_ATOM(6, 6, AEG_MAC_MASK, mac)
#define TYPE(t) AEG_ATOM(12, 2, 0xffff, t)
#define IP_HEADER { AEG_FILTER_SHIFT_LEFT, 1, 14, 0, 0x0f, 2 }
#define FILTER(fl, n, ...) ((struct aeg_filter){ .flags = (fl), .term_count = (n), .term = { __VA_ARGS__ } })

/* ---- well-formedness ---- */

static void
malformed_filters_are_refused(void **state)
{
    static const struct aeg_filter bad[] = {
        { .term_count = 13 },
        { .term_count = UINT32_MAX },
        { .term_count = 1, .term = { { 3, 1, 0, 0, 1, 0 } } },                              /* unknown kind */
        { .term_count = 1, .term = { AEG_ATOM(0, 3, 1, 0) } },                              /* widths */
        { .term_count = 1, .term = { AEG_ATOM(0, 0, 1, 0) } },
        { .term_count = 1, .term = { AEG_ATOM(0, 9, 1, 0) } },
        { .term_count = 1, .term = { { AEG_FILTER_ATOM, 1, 0, 1, 1, 0 } } },                /* reserved */
        { .term_count = 1, .term = { AEG_ATOM(0, 2, 0, 0) } },                              /* no mask */
        { .term_count = 1, .term = { AEG_ATOM(0, 2, 0x10000, 0) } },                        /* mask wider than the atom */
        { .term_count = 1, .term = { AEG_ATOM(0, 2, 0xff00, 1) } },                         /* value outside the mask */
        { .term_count = 1, .term = { AEG_ATOM(127, 2, 1, 1) } },                            /* reach */
        { .term_count = 1, .term = { AEG_ATOM(65535, 8, 1, 1) } },
        { .term_count = 2, .term = { AEG_ATOM(2, 2, 1, 1), AEG_ATOM(0, 2, 1, 1) } },        /* order */
        { .term_count = 2, .term = { AEG_ATOM(0, 2, 1, 1), AEG_ATOM(1, 2, 1, 1) } },        /* overlap */
        { .term_count = 1, .term = { IP_HEADER } },                                         /* a shift last */
        { .term_count = 2, .term = { { AEG_FILTER_SHIFT_LEFT, 2, 14, 0, 0x0f, 2 }, AEG_ATOM(0, 1, 1, 1) } },
        { .term_count = 2, .term = { { AEG_FILTER_SHIFT_LEFT, 1, 14, 0, 0x0f, 8 }, AEG_ATOM(0, 1, 1, 1) } },
        { .term_count = 4, .term = { IP_HEADER, IP_HEADER, IP_HEADER, AEG_ATOM(0, 1, 1, 1) } },
        { .flags = 4 },
        { .flags = AEG_FILTER_GROUP | AEG_FILTER_EGRESS, .term_count = 1, .term = { TO(AEG_MAC_MASK) } },
        { .flags = AEG_FILTER_GROUP, .term_count = 1, .term = { TO(MAC_A) } },              /* not a group address */
        { .flags = AEG_FILTER_GROUP, .term_count = 1, .term = { TYPE(0x0806) } },
        { .flags = AEG_FILTER_GROUP, .term_count = 2, .term = { IP_HEADER, TO(AEG_MAC_MASK) } },
        { .flags = AEG_FILTER_EGRESS, .term_count = 1, .term = { TYPE(0x0806) } },          /* any source */
        { .flags = AEG_FILTER_EGRESS, .term_count = 1, .term = { AEG_ATOM(6, 6, 0xffffffffff7full, 0) } },
        { .flags = AEG_FILTER_EGRESS, .term_count = 1, .term = { AEG_ATOM(6, 4, 0xffffffff, 0) } },
        { .flags = AEG_FILTER_EGRESS },
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(bind(0, bad[i]), AEG_ERR_FILTER_SHAPE);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 0);
}

static void
binding_checks_who_asks(void **state)
{
    struct aeg_filter in = FILTER(0, 1, TO(MAC_A)), out = FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A));
    aeg_id_t id = 0;

    (void)state;
    assert_int_equal(fake_call(sys_filter_bind, RING(0), CAP_ALICE, CAP_ROOT, BAD_POINTER, 0, &id), AEG_ERR_BAD_ADDRESS);
    assert_int_equal(fake_call(sys_filter_bind, RING(9), CAP_ALICE, CAP_ROOT, (uint64_t)(uintptr_t)&in, 0, &id), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_filter_bind, AEG_ID(0, 2), CAP_ALICE, CAP_ROOT, (uint64_t)(uintptr_t)&in, 0, &id), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_filter_bind, RING(0), CAP_BOB, CAP_ROOT, (uint64_t)(uintptr_t)&in, 0, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_filter_bind, RING(0), CAP_ALICE_READ, CAP_ROOT, (uint64_t)(uintptr_t)&in, 0, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(bind_as(0, CAP_ALICE, &in, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(bind_as(0, CAP_EMPTY, &in, &id), AEG_ERR_CAP_INDEX);
    assert_int_equal(bind_as(0, CAP_NIC_WRITE, &in, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(bind_as(0, CAP_NIC_READ, &out, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(id, 0);
    assert_int_equal(bind_as(0, CAP_NIC_READ, &in, &id), AEG_OK);
    assert_int_equal(bind_as(0, CAP_NIC_WRITE, &out, &id), AEG_OK);
    assert_int_equal(fake_call(sys_filter_unbind, id, CAP_BOB, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_filter_unbind, id, CAP_EMPTY, 0, 0, 0, NULL), AEG_ERR_CAP_INDEX);
    assert_int_equal(fake_call(sys_filter_unbind, id + 1, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_FILTER);
    assert_int_equal(fake_call(sys_filter_unbind, 0, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_FILTER);
    assert_int_equal(fake_call(sys_filter_unbind, UINT64_MAX, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_FILTER);
    assert_int_equal(fake_call(sys_filter_unbind, id, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake_call(sys_filter_unbind, id, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_FILTER);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 1 + AEG_FILTER_SHAPE_COST);
    fake.limit[AEG_KIND_FILTER] = 2 * (1 + AEG_FILTER_SHAPE_COST) - 1;
    assert_int_equal(bind_as(0, CAP_ROOT, &out, &id), AEG_ERR_LIMIT);
}

static void
a_shape_costs_each_owner_that_uses_it(void **state)
{
    aeg_id_t id[3];
    struct aeg_filter a = FILTER(0, 1, TO(MAC_A)), b = FILTER(0, 1, TO(MAC_B)), other = FILTER(0, 1, TO(MAC_B + 1));

    (void)state;
    assert_int_equal(bind_as(0, CAP_ROOT, &a, &id[0]), AEG_OK);
    assert_int_equal(bind_as(1, CAP_ROOT, &b, &id[1]), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 2 + AEG_FILTER_SHAPE_COST);
    assert_int_equal(bind_as(2, CAP_ROOT, &other, &id[2]), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 3 + 2 * AEG_FILTER_SHAPE_COST);
    assert_int_equal(fake_call(sys_filter_unbind, id[0], CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 2 + 2 * AEG_FILTER_SHAPE_COST);
    assert_int_equal(fake_call(sys_filter_unbind, id[1], CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_FILTER], 1 + AEG_FILTER_SHAPE_COST);
}

/* ---- overlap ---- */

static void
two_owners_may_not_overlap(void **state)
{
    (void)state;
    assert_int_equal(bind(0, FILTER(0, 1, TO(MAC_A))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 1, TO(MAC_A))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 2, TO(MAC_A), TYPE(0x0800))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 0)), AEG_ERR_FILTER_OVERLAP);                     /* everything */
    assert_int_equal(bind(2, FILTER(0, 1, TYPE(0x0800))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 1, AEG_ATOM(5, 1, 2, 2))), AEG_OK);               /* one bit apart */
    assert_int_equal(bind(4, FILTER(0, 1, TO(MAC_A))), AEG_OK);                          /* another interface */
    assert_int_equal(bind(0, FILTER(0, 1, TO(MAC_A))), AEG_ERR_FILTER_OVERLAP);          /* twice the same */
    assert_int_equal(bind(1, FILTER(0, 2, TO(MAC_A), TYPE(0x0800))), AEG_OK);            /* one owner, more specific */
}

static void
behind_shifts_only_identical_chains_are_disjoint(void **state)
{
    struct aeg_filter_term tcp_header = { AEG_FILTER_SHIFT_RIGHT, 1, 26, 0, 0xf0, 2 };

    (void)state;
    assert_int_equal(bind(0, FILTER(0, 3, TYPE(0x0800), IP_HEADER, AEG_ATOM(16, 2, 0xffff, 80))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), IP_HEADER, AEG_ATOM(16, 2, 0xffff, 80))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), IP_HEADER, AEG_ATOM(16, 2, 0xffff, 81))), AEG_OK);
    /* the same bytes without the shift, or behind another one, may be others in the packet */
    assert_int_equal(bind(2, FILTER(0, 2, TYPE(0x0800), AEG_ATOM(16, 2, 0xffff, 82))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), { AEG_FILTER_SHIFT_LEFT, 1, 14, 0, 0x0f, 3 }, AEG_ATOM(16, 2, 0xffff, 82))),
                     AEG_ERR_FILTER_OVERLAP);
    /* a conflict before or between the shifts is enough */
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x86dd), { AEG_FILTER_SHIFT_LEFT, 1, 14, 0, 0x0f, 3 }, AEG_ATOM(16, 2, 0xffff, 80))),
                     AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 5, TYPE(0x0800), IP_HEADER, AEG_ATOM(16, 2, 0xffff, 82), tcp_header, AEG_ATOM(14, 1, 0xff, 7))),
                     AEG_OK);
}

/* Many filters of Alice's, that Bob's new ones are not compared with one by one: what decides is the same as for few. */
static void
overlap_is_decided_among_ten_thousand(void **state)
{
    const struct aeg_filter_term bobs_tcp = AEG_ATOM(23, 1, 0xff, 6);

    (void)state;
    for (uint32_t n = 0; n < 10000; n++)
        assert_int_equal(bind(n & 1, FILTER(0, 3, TYPE(0x0800), AEG_ATOM(26, 4, 0xffffffff, 0x0a000000 + n), AEG_ATOM(36, 2, 0xffff, n))), AEG_OK);
    /* the same shape */
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), AEG_ATOM(26, 4, 0xffffffff, 0x0a000007), AEG_ATOM(36, 2, 0xffff, 7))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), AEG_ATOM(26, 4, 0xffffffff, 0x0a000007), AEG_ATOM(36, 2, 0xffff, 8))), AEG_OK);
    /* one that looks at more */
    assert_int_equal(bind(2, FILTER(0, 4, TYPE(0x0800), bobs_tcp, AEG_ATOM(26, 4, 0xffffffff, 0x0a002000), AEG_ATOM(36, 2, 0xffff, 0x2000))),
                     AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 4, TYPE(0x0800), bobs_tcp, AEG_ATOM(26, 4, 0xffffffff, 0x0a002000), AEG_ATOM(36, 2, 0xffff, 0x2001))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), AEG_ATOM(26, 8, ~0ull, 0x0a00200011223344), AEG_ATOM(36, 2, 0xffff, 0x2001))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 3, TYPE(0x0800), AEG_ATOM(26, 8, ~0ull, 0x0a00200011223344), AEG_ATOM(36, 2, 0xffff, 0x2000))),
                     AEG_ERR_FILTER_OVERLAP);
    /* one that looks at less, but at what all of hers agree on */
    assert_int_equal(bind(2, FILTER(0, 1, TYPE(0x0806))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 2, TYPE(0x0800), AEG_ATOM(26, 1, 0xff, 0x0b))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 2, TYPE(0x0800), AEG_ATOM(26, 1, 0xff, 0x0a))), AEG_ERR_FILTER_OVERLAP);
}

/* One by one there is a bound: below it the answer is exact, beyond it the filter is refused. */
static void
what_takes_too_many_comparisons_is_refused(void **state)
{
    uint32_t n = 0;

    (void)state;
    for (; n < AEG_FILTER_COMPARES; n++)
        assert_int_equal(bind(0, FILTER(0, 2, AEG_ATOM(26, 4, 0xffffffff, n), AEG_ATOM(36, 2, 0xffff, n % 1000))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 1, AEG_ATOM(36, 2, 0xffff, 999))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(0, 1, AEG_ATOM(36, 2, 0xffff, 500 + (1 << 9)))), AEG_OK);
    assert_int_equal(bind(0, FILTER(0, 2, AEG_ATOM(26, 4, 0xffffffff, n), AEG_ATOM(36, 2, 0xffff, 0))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 1, AEG_ATOM(36, 2, 0xffff, 501 + (1 << 9)))), AEG_ERR_FILTER_OVERLAP);
}

/* Without a secret every key has one hash. */
static void
filters_that_meet_in_one_bucket_are_bounded(void **state)
{
    aeg_err_t err = AEG_OK;
    uint32_t n;

    (void)state;
    fake_boot_again();
    fake.no_secret = true;
    filter_init();
    for (n = 0; n <= FILTER_CHAIN_MAX && err == AEG_OK; n++)
        err = bind(0, FILTER(0, 1, AEG_ATOM(0, 4, 0xffffffff, n)));
    assert_int_equal(err, AEG_ERR_NOMEM);
    assert_int_equal(n, FILTER_CHAIN_MAX + 1);
    release_all();
    fake_boot_again();
    filter_init();
}

static void
the_table_is_sized_by_memory_and_interfaces(void **state)
{
    (void)state;
    fake_boot_again();
    assert_int_equal(info->filters.count, 2 * FILTERS_PER_NIC);
    info->frames.count = 8 << 8;            /* 8 MiB */
    filter_init();
    assert_in_range(info->filters.count, 256, 512);            /* a hundredth of it */
    info->nics.count = 0;
    filter_init();
    assert_int_equal(info->filters.count, 0);
    info->nics.count = NICS;
    info->frames.count = MEMORY_FRAMES;
    filter_init();
}

static void
group_filters_overlap_and_each_owner_gets_a_copy(void **state)
{
    uint8_t all[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct filter_hit hit[RING_MAX];

    (void)state;
    assert_int_equal(bind(0, FILTER(AEG_FILTER_GROUP, 1, TO(AEG_MAC_MASK))), AEG_OK);
    assert_int_equal(bind(1, FILTER(AEG_FILTER_GROUP, 1, AEG_ATOM(0, 1, 1, 1))), AEG_OK);
    assert_int_equal(bind(2, FILTER(AEG_FILTER_GROUP, 1, TO(AEG_MAC_MASK))), AEG_OK);
    assert_int_equal(filter_match(0, all, sizeof(all), hit), 2);
    assert_true((hit[0].ring == RING(0) && hit[1].ring == RING(2)) || (hit[0].ring == RING(2) && hit[1].ring == RING(0)));
    all[3] = 1;         /* some multicast: only the one that takes them all */
    assert_int_equal(filter_match(0, all, sizeof(all), hit), 1);
    assert_int_equal(hit[0].ring, RING(1));
}

/* ---- who gets a packet ---- */

static void
set_mac(uint8_t *p, uint64_t mac)
{
    for (int i = 5; i >= 0; i--, mac >>= 8)
        p[i] = mac;
}

static aeg_id_t
receiver(const uint8_t *packet, uint32_t bytes)
{
    struct filter_hit hit[RING_MAX];
    uint32_t n = filter_match(0, packet, bytes, hit);

    assert_true(n <= 1);
    return n ? hit[0].ring : 0;
}

static void
the_most_specific_wins_within_one_owner(void **state)
{
    uint8_t p[64] = { 0 };

    (void)state;
    set_mac(p, MAC_A);
    p[12] = 8;
    p[14] = 0x45;
    p[37] = 80;
    assert_int_equal(bind(0, FILTER(0, 1, TO(MAC_A))), AEG_OK);
    assert_int_equal(receiver(p, 64), RING(0));
    assert_int_equal(bind(1, FILTER(0, 4, TO(MAC_A), TYPE(0x0800), IP_HEADER, AEG_ATOM(16, 2, 0xffff, 80))), AEG_OK);
    assert_int_equal(receiver(p, 64), RING(1));
    assert_int_equal(receiver(p, 37), RING(0));         /* too short for the port */
    p[20] = 0x20;                                       /* a fragment */
    assert_int_equal(receiver(p, 64), RING(0));
    p[20] = 0x40;                                       /* "do not fragment" is none */
    assert_int_equal(receiver(p, 64), RING(1));
    p[14] = 0x46;                                       /* four bytes of options: the port lies elsewhere */
    assert_int_equal(receiver(p, 64), RING(0));
    p[41] = 80;
    assert_int_equal(receiver(p, 64), RING(1));
    p[5] ^= 1;
    assert_int_equal(receiver(p, 64), 0);
    assert_int_equal(receiver(p, 5), 0);
}

/* Of two who share an address by ports, neither gets the other's bytes because they look like a port. */
static void
fragments_go_to_the_owner_of_the_address(void **state)
{
    uint8_t p[64] = { 0 };

    (void)state;
    set_mac(p, MAC_A);
    p[12] = 8;
    p[14] = 0x45;
    p[37] = 80;
    assert_int_equal(bind(2, FILTER(0, 3, TO(MAC_A), TYPE(0x0800), AEG_ATOM(36, 2, 0xffff, 80))), AEG_OK);
    assert_int_equal(bind(0, FILTER(0, 3, TO(MAC_A), TYPE(0x0800), AEG_ATOM(36, 2, 0xffff, 81))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 3, TO(MAC_A), TYPE(0x0800), AEG_ATOM(26, 8, ~0ull, 0))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(receiver(p, 64), RING(2));
    p[21] = 1;
    assert_int_equal(receiver(p, 64), 0);
    p[20] = 0x20;
    assert_int_equal(receiver(p, 64), 0);
    p[13] = 6;                              /* not IPv4: these bytes say nothing */
    assert_int_equal(receiver(p, 64), 0);
    p[13] = 0;
    release(0);
    assert_int_equal(bind(3, FILTER(0, 3, TO(MAC_A), TYPE(0x0800), AEG_ATOM(26, 8, ~0ull, 0))), AEG_OK);
    assert_int_equal(receiver(p, 64), RING(3));
    p[20] = 0, p[21] = 0;
    assert_int_equal(receiver(p, 64), RING(3));     /* 64 bits beat 16 */
}

static void
egress_is_what_the_ring_itself_may_send(void **state)
{
    uint8_t p[64] = { 0 };

    (void)state;
    set_mac(p + 6, MAC_A);
    assert_false(filter_egress(RING(0), p, 64, NO_CHECKSUM));
    assert_int_equal(bind(0, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A))), AEG_OK);
    assert_int_equal(bind(2, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A))), AEG_ERR_FILTER_OVERLAP);
    assert_int_equal(bind(2, FILTER(AEG_FILTER_EGRESS, 2, FROM(MAC_B), TYPE(0x0806))), AEG_OK);
    assert_int_equal(bind(2, FILTER(0, 1, FROM(MAC_A))), AEG_OK);       /* receiving is another matter */
    assert_int_equal(bind(0, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A))), AEG_ERR_FILTER_OVERLAP);   /* twice */
    assert_true(filter_egress(RING(0), p, 64, NO_CHECKSUM));
    assert_false(filter_egress(RING(1), p, 64, NO_CHECKSUM));        /* of the same owner, but not bound there */
    assert_false(filter_egress(RING(2), p, 64, NO_CHECKSUM));
    assert_false(filter_egress(RING(0), p, 11, NO_CHECKSUM));
    set_mac(p + 6, MAC_B);
    assert_false(filter_egress(RING(0), p, 64, NO_CHECKSUM));
    assert_false(filter_egress(RING(2), p, 64, NO_CHECKSUM));
    p[12] = 8;
    p[13] = 6;
    assert_true(filter_egress(RING(2), p, 64, NO_CHECKSUM));
    set_mac(p + 6, MAC_A);
    assert_int_equal(bind(1, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A))), AEG_OK);   /* her other ring may, too */
    assert_true(filter_egress(RING(1), p, 64, NO_CHECKSUM));
    release(2);
    assert_false(filter_egress(RING(2), p, 64, NO_CHECKSUM));
}

static void
bounds_are_errors(void **state)
{
    aeg_err_t err = AEG_OK;
    uint32_t n;

    (void)state;
    for (n = 0; n <= SHAPE_MAX && err == AEG_OK; n++)   /* each of another shape */
        err = bind(0, FILTER(0, 1, AEG_ATOM(n, 1, 0xff, 1)));
    assert_int_equal(err, AEG_ERR_NOMEM);
    assert_int_equal(n, SHAPE_MAX + 1);
    assert_int_equal(bind(0, FILTER(0, 1, AEG_ATOM(n, 1, 0xff, 1))), AEG_ERR_NOMEM);
    release(0);
    err = AEG_OK;
    for (n = 0; n <= info->filters.count && err == AEG_OK; n++)     /* all of one */
        err = bind(0, FILTER(0, 1, AEG_ATOM(0, 4, 0xffffffff, n)));
    assert_int_equal(err, AEG_ERR_NOMEM);
    assert_int_equal(n, 2 * FILTERS_PER_NIC + 1);
    release(0);
    err = AEG_OK;
    for (n = 0; n <= EGRESS_MAX && err == AEG_OK; n++)
        err = bind(0, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A + n)));
    assert_int_equal(err, AEG_ERR_VECTOR);
    assert_int_equal(n, EGRESS_MAX + 1);
    assert_int_equal(bind(0, FILTER(AEG_FILTER_EGRESS, 1, FROM(MAC_A + n))), AEG_ERR_VECTOR);
}

static void
where_a_filter_looks_follows_its_shifts(void **state)
{
    const struct aeg_filter f = FILTER(0, 4, FROM(MAC_A), TYPE(0x0800), IP_HEADER, AEG_ATOM(14, 2, 0xffff, 80));
    uint8_t p[64] = { 0 };

    (void)state;
    p[14] = 0x46;                       /* 24 bytes of header: the port at 38 */
    assert_true(filter_looks_at(&f, p, 5, 2));
    assert_true(filter_looks_at(&f, p, 13, 2));
    assert_true(filter_looks_at(&f, p, 14, 2));
    assert_true(filter_looks_at(&f, p, 19, 2));     /* is it a fragment? */
    assert_true(filter_looks_at(&f, p, 37, 2));
    assert_true(filter_looks_at(&f, p, 39, 2));
    assert_false(filter_looks_at(&f, p, 4, 2));
    assert_false(filter_looks_at(&f, p, 16, 2));
    assert_false(filter_looks_at(&f, p, 36, 2));
    assert_false(filter_looks_at(&f, p, 40, 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(where_a_filter_looks_follows_its_shifts, make, unmake),
        cmocka_unit_test_setup_teardown(malformed_filters_are_refused, make, unmake),
        cmocka_unit_test_setup_teardown(binding_checks_who_asks, make, unmake),
        cmocka_unit_test_setup_teardown(two_owners_may_not_overlap, make, unmake),
        cmocka_unit_test_setup_teardown(behind_shifts_only_identical_chains_are_disjoint, make, unmake),
        cmocka_unit_test_setup_teardown(group_filters_overlap_and_each_owner_gets_a_copy, make, unmake),
        cmocka_unit_test_setup_teardown(the_most_specific_wins_within_one_owner, make, unmake),
        cmocka_unit_test_setup_teardown(egress_is_what_the_ring_itself_may_send, make, unmake),
        cmocka_unit_test_setup_teardown(bounds_are_errors, make, unmake),
        cmocka_unit_test_setup_teardown(a_shape_costs_each_owner_that_uses_it, make, unmake),
        cmocka_unit_test_setup_teardown(overlap_is_decided_among_ten_thousand, make, unmake),
        cmocka_unit_test_setup_teardown(what_takes_too_many_comparisons_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(filters_that_meet_in_one_bucket_are_bounded, make, unmake),
        cmocka_unit_test_setup_teardown(the_table_is_sized_by_memory_and_interfaces, make, unmake),
        cmocka_unit_test_setup_teardown(fragments_go_to_the_owner_of_the_address, make, unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
