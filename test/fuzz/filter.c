/*
 * filter.c: packet filters of two owners, well formed or not, bound and unbound, and packets that they may match, against a naive reading of
 * aegis/net.h: who gets a packet, who may send one, what it costs; no two owners ever claim the same packet.
 */
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "test/fake/aegis/dev/rings.h"

#define STEPS_MIN 200           /* of an input; more while it has more to say */
#define PACKETS 8               /* looked at after each step */
#define PACKET_MAX 200
#define MODELS 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the definition ---- */

static bool
naive_match(const struct aeg_filter *f, const uint8_t *p, uint32_t bytes)
{
    uint32_t base = 0;

    for (uint32_t i = 0; i < f->term_count; i++) {
        const struct aeg_filter_term *t = &f->term[i];
        uint64_t v = 0;

        if (base + t->offset + t->width > bytes)
            return false;
        for (uint32_t b = 0; b < t->width; b++)
            v = v << 8 | p[base + t->offset + b];
        if (t->kind == AEG_FILTER_ATOM && (v & t->mask) != t->value)
            return false;
        if ((t->kind != AEG_FILTER_ATOM || t->offset + t->width > 34) && bytes >= 22 && p[12] == 8 && p[13] == 0 && ((p[20] << 8 | p[21]) & 0x3fff))
            return false;
        if (t->kind == AEG_FILTER_SHIFT_LEFT)
            base += (v & t->mask) << t->value;
        if (t->kind == AEG_FILTER_SHIFT_RIGHT)
            base += (v & t->mask) >> t->value;
    }
    return true;
}

static bool
same_shape(const struct aeg_filter *a, const struct aeg_filter *b)
{
    bool same = a->term_count == b->term_count;

    for (uint32_t i = 0; same && i < a->term_count; i++) {
        const struct aeg_filter_term *x = &a->term[i], *y = &b->term[i];

        same = x->kind == y->kind && x->width == y->width && x->offset == y->offset && x->mask == y->mask &&
               (x->kind == AEG_FILTER_ATOM || x->value == y->value);
    }
    return same;
}

static bool
same_values(const struct aeg_filter *a, const struct aeg_filter *b)
{
    for (uint32_t i = 0; i < a->term_count; i++)
        if (a->term[i].value != b->term[i].value)
            return false;
    return true;
}

static struct model {
    aeg_id_t id;
    uint32_t ring, bits, order;
    struct aeg_filter f;
} model[MODELS];
static uint32_t model_count, model_order;

static uint32_t
naive_bits(const struct aeg_filter *f)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < f->term_count; i++)
        bits += f->term[i].kind == AEG_FILTER_ATOM ? (uint32_t)__builtin_popcountll(f->term[i].mask) : 0;
    return bits;
}

/* Among all that match for this owner, who wins? NULL: nobody. Also: no two owners by filters that are not GROUP. */
static const struct model *
naive_winner(const uint8_t *p, uint32_t bytes, bool bob)
{
    const struct model *best = NULL;

    for (uint32_t i = 0; i < model_count; i++) {
        const struct model *m = &model[i];

        if ((m->ring >= 2) != bob || (m->f.flags & AEG_FILTER_EGRESS) || !naive_match(&m->f, p, bytes))
            continue;
        if (!best || m->bits > best->bits || (m->bits == best->bits && m->order < best->order))
            best = m;
    }
    return best;
}

/* What all that is bound costs: one each, and for every set of one shape, owner and flags. */
static uint64_t
naive_price(void)
{
    uint64_t price = model_count;

    for (uint32_t i = 0, j; i < model_count; i++) {
        for (j = 0; j < i; j++)
            if ((model[i].ring >= 2) == (model[j].ring >= 2) && model[i].f.flags == model[j].f.flags && same_shape(&model[i].f, &model[j].f))
                break;
        price += j == i ? AEG_FILTER_SHAPE_COST : 0;
    }
    return price;
}

static bool
claimed(const uint8_t *p, uint32_t bytes, bool bob, uint32_t direction)
{
    for (uint32_t i = 0; i < model_count; i++)
        if ((model[i].ring >= 2) == bob && !(model[i].f.flags & AEG_FILTER_GROUP) && (model[i].f.flags & AEG_FILTER_EGRESS) == direction &&
            naive_match(&model[i].f, p, bytes))
            return true;
    return false;
}

static void
check_packet(const uint8_t *p, uint32_t bytes)
{
    struct filter_hit hit[RING_MAX];
    uint32_t count = filter_match(0, p, bytes, hit), expected = 0;

    assert_false(claimed(p, bytes, false, 0) && claimed(p, bytes, true, 0));
    for (int bob = 0; bob < 2; bob++) {
        const struct model *m = naive_winner(p, bytes, bob);
        bool found = false;

        for (uint32_t i = 0; m && i < count; i++)
            found |= hit[i].ring == RING(m->ring) && hit[i].filter == AEG_ID_INDEX(m->id);
        assert_int_equal(found, m != NULL);
        expected += m != NULL;
    }
    assert_int_equal(count, expected);
}

static void
check_sending(const uint8_t *p, uint32_t bytes)
{
    assert_false(claimed(p, bytes, false, AEG_FILTER_EGRESS) && claimed(p, bytes, true, AEG_FILTER_EGRESS));
    for (uint32_t ring = 0; ring < 4; ring++) {
        bool may = false;

        for (uint32_t i = 0; i < model_count; i++)
            may |= model[i].ring == ring && (model[i].f.flags & AEG_FILTER_EGRESS) && naive_match(&model[i].f, p, bytes);
        assert_int_equal(filter_egress(RING(ring), p, bytes, NO_CHECKSUM), may);
    }
}

/* A pair without shifts that was refused must have a packet that both take: the bytes that they ask for, put together. */
static void
check_refusal(const struct aeg_filter *f, uint32_t ring)
{
    for (uint32_t i = 0; i < model_count; i++) {
        const struct aeg_filter *pair[2] = { f, &model[i].f };
        uint8_t p[256] = { 0 };

        if ((model[i].ring >= 2) == (ring >= 2)) {
            if (same_shape(f, &model[i].f) && same_values(f, &model[i].f) && f->flags == model[i].f.flags)
                return;
            continue;
        }
        for (unsigned k = 0; k < 2; k++)
            for (uint32_t t = 0; t < pair[k]->term_count && pair[k]->term[t].kind == AEG_FILTER_ATOM; t++)
                for (uint32_t b = 0; b < pair[k]->term[t].width; b++)
                    p[pair[k]->term[t].offset + b] |= pair[k]->term[t].value >> 8 * (pair[k]->term[t].width - 1 - b);
        if (naive_match(f, p, 256) && naive_match(&model[i].f, p, 256))
            return;
        for (unsigned k = 0; k < 2; k++)
            for (uint32_t t = 0; t < pair[k]->term_count; t++)
                if (pair[k]->term[t].kind != AEG_FILTER_ATOM)
                    return;             /* the chains differ, or agree: refused to be safe */
    }
    fail_msg("a filter was refused without a packet that two owners would claim");
}

/* ---- filters ---- */

/* From a small world, so that many meet. */
static struct aeg_filter
small_filter(void)
{
    static const uint8_t widths[] = { 1, 1, 2, 2, 4, 6, 8 };
    struct aeg_filter f = { .term_count = 0 };
    uint32_t at = below(3);

    if (one_in(6)) {
        f.flags = AEG_FILTER_GROUP;
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(0, 1, 1, 1);
        at = 1;
    }
    for (uint32_t n = below(4); n > 0; n--) {
        uint8_t width = widths[below(ARRAY_SIZE(widths))];
        uint64_t mask = 0;

        for (uint32_t b = 0; b < width; b++)
            mask = mask << 8 | (one_in(2) ? 0x03 : 0);
        mask |= one_in(3);
        if (mask == 0)
            continue;
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM((uint16_t)at, width, mask, choice() & mask);
        at += width + below(3);
    }
    if (one_in(3)) {
        f.term[f.term_count++] = (struct aeg_filter_term){ .kind = one_in(2) ? AEG_FILTER_SHIFT_LEFT : AEG_FILTER_SHIFT_RIGHT, .width = 1,
                                                           .offset = (uint16_t)below(2), .mask = 3, .value = below(2) };
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM((uint16_t)below(4), 1, 3, below(4));
    }
    return f;
}

/* As a session asks for them: an address, a type, a port behind a header of its own length; the same for what it sends. */
static struct aeg_filter
usual_filter(void)
{
    struct aeg_filter f = { .flags = one_in(4) ? AEG_FILTER_EGRESS : 0 };
    uint16_t address = f.flags & AEG_FILTER_EGRESS ? 6 : 0;

    f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(address, 6, AEG_MAC_MASK, 0x020000000000 + below(4));
    if (one_in(2))
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(12, 2, 0xffff, 0x800 + 6 * below(2));
    if (one_in(3))
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(30, 4, 0xffffff00u | below(256), 0x0a000200);
    if (one_in(3)) {
        f.term[f.term_count++] = (struct aeg_filter_term){ .kind = AEG_FILTER_SHIFT_LEFT, .width = 1, .offset = 14, .mask = 15, .value = 2 };
        f.term[f.term_count++] = (struct aeg_filter_term)AEG_ATOM(16, 2, 0xffff, below(4));
    }
    return f;
}

static struct aeg_filter
any_filter(void)
{
    struct aeg_filter f = one_in(2) ? small_filter() : usual_filter();

    if (one_in(4))
        for (uint32_t n = below(3) + 1; n > 0; n--)
            ((uint8_t *)&f)[below(sizeof(f))] = (uint8_t)(one_in(2) ? choice() : below(9));
    return f;
}

/* ---- packets ---- */

/* Bytes from a small world; now and then those that some filter asks for. */
static uint32_t
any_packet(uint8_t p[PACKET_MAX])
{
    const struct model *m = model_count > 0 && one_in(2) ? &model[below(model_count)] : NULL;
    uint32_t base = 0;

    for (uint32_t i = 0; i < PACKET_MAX; i++)
        p[i] = (uint8_t)((i * 7 + choices.state) % 4);
    if (one_in(3)) {
        memcpy(p + 12, (uint8_t[]){ 8, 0, (uint8_t)(0x45 + below(3)) }, 3);
        memset(p + 20, 0, 2);
    }
    for (uint32_t i = 0; m && i < m->f.term_count; i++) {
        const struct aeg_filter_term *t = &m->f.term[i];

        for (uint32_t b = 0; t->kind == AEG_FILTER_ATOM && b < t->width && base + t->offset + b < PACKET_MAX; b++)
            p[base + t->offset + b] = (uint8_t)(t->value >> 8 * (t->width - 1 - b));
        if (t->kind != AEG_FILTER_ATOM && base + t->offset < PACKET_MAX)
            base += t->kind == AEG_FILTER_SHIFT_LEFT ? (p[base + t->offset] & t->mask) << t->value : (p[base + t->offset] & t->mask) >> t->value;
    }
    return one_in(4) ? 1 + below(PACKET_MAX) : PACKET_MAX;
}

/* ---- a story ---- */

static void
bind_one(void)
{
    struct model m = { .ring = below(4), .f = any_filter(), .order = model_order++ };
    aeg_err_t err = bind_as(m.ring, CAP_ROOT, &m.f, &m.id);

    assert_true(err == AEG_OK || err == AEG_ERR_FILTER_SHAPE || err == AEG_ERR_FILTER_OVERLAP || err == AEG_ERR_NOMEM || err == AEG_ERR_VECTOR);
    if (err == AEG_OK) {
        m.bits = naive_bits(&m.f);
        model[model_count++] = m;
    } else if (err == AEG_ERR_FILTER_OVERLAP) {
        check_refusal(&m.f, m.ring);
    }
}

static void
unbind_one(void)
{
    uint32_t i = below(model_count);

    assert_int_equal(fake_call(sys_filter_unbind, model[i].id, ring_cap[model[i].ring], 0, 0, 0, NULL), AEG_OK);
    model[i] = model[--model_count];
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    return make(NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t p[PACKET_MAX];

    make(NULL);
    choices_begin(data, size);
    model_count = 0;
    for (unsigned i = 0; i < STEPS_MIN || choices_left(); i++) {
        if (model_count < MODELS && !one_in(3))
            bind_one();
        else if (model_count > 0)
            unbind_one();
        assert_int_equal(fake.used[AEG_KIND_FILTER], naive_price());
        for (unsigned n = 0; n < PACKETS; n++) {
            uint32_t bytes = any_packet(p);

            check_packet(p, bytes);
            check_sending(p, bytes);
        }
    }
    return unmake(NULL);
}
