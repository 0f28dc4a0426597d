/*
 * filter_check.c: the meaning of packet filters: which are well formed, which can never match the same packet, and what one reads from a
 * packet. Pure functions; the language is described in aegis/net.h.
 */
#include "dev/net.h"

#define ETHERTYPE_AT 12
#define ETHERTYPE_IPV4 0x0800u
#define IPV4_FRAGMENT_AT 20
#define IPV4_FRAGMENT_BITS 0x3fffu      /* more fragments, and the offset */
#define DESTINATION_AT 0
#define SOURCE_AT 6
#define SOURCE_BYTES 6
#define GROUP_BIT 1u
#define SHIFT_VALUE_MAX 7

static bool
width_valid(const struct aeg_filter_term *t)
{
    switch (t->width) {
    case 1:
        return true;
    case 2:
    case 4:
    case 6:
    case 8:
        return t->kind == AEG_FILTER_ATOM;
    default:
        return false;
    }
}

static bool
term_valid(const struct aeg_filter_term *t)
{
    uint64_t all;

    if (t->kind > AEG_FILTER_SHIFT_RIGHT || t->reserved != 0 || !width_valid(t))
        return false;
    all = ~0ull >> (64 - 8 * t->width);
    if ((uint32_t)t->offset + t->width > AEG_FILTER_REACH || t->mask == 0 || (t->mask & ~all))
        return false;
    return t->kind == AEG_FILTER_ATOM ? (t->value & ~t->mask) == 0 : t->value <= SHIFT_VALUE_MAX;
}

/* The mask and value that the filter demands of one unshifted byte; mask 0: nothing. */
static uint8_t
byte_demand(const struct aeg_filter *f, uint32_t at, uint8_t *value)
{
    for (uint32_t i = 0; i < f->term_count && f->term[i].kind == AEG_FILTER_ATOM; i++) {
        const struct aeg_filter_term *t = &f->term[i];
        uint32_t shift;

        if (at < t->offset || at >= (uint32_t)t->offset + t->width)
            continue;
        shift = 8 * (t->offset + t->width - 1 - at);
        *value = t->value >> shift;
        return t->mask >> shift;
    }
    *value = 0;
    return 0;
}

static aeg_err_t
flags_valid(const struct aeg_filter *f)
{
    uint8_t value;

    if (f->flags & ~(AEG_FILTER_GROUP | AEG_FILTER_EGRESS) || f->flags == (AEG_FILTER_GROUP | AEG_FILTER_EGRESS))
        return AEG_ERR_FILTER_SHAPE;
    if (f->flags & AEG_FILTER_GROUP)
        return byte_demand(f, DESTINATION_AT, &value) & value & GROUP_BIT ? AEG_OK : AEG_ERR_FILTER_SHAPE;
    for (uint32_t i = 0; (f->flags & AEG_FILTER_EGRESS) && i < SOURCE_BYTES; i++)
        if (byte_demand(f, SOURCE_AT + i, &value) != 0xff)
            return AEG_ERR_FILTER_SHAPE;
    return AEG_OK;
}

aeg_err_t
filter_valid(const struct aeg_filter *f)
{
    uint32_t shifts = 0, next = 0;

    if (f->term_count > AEG_FILTER_TERMS)
        return AEG_ERR_FILTER_SHAPE;
    for (uint32_t i = 0; i < f->term_count; i++) {
        const struct aeg_filter_term *t = &f->term[i];

        if (!term_valid(t))
            return AEG_ERR_FILTER_SHAPE;
        if (t->kind != AEG_FILTER_ATOM) {
            if (++shifts > AEG_FILTER_SHIFTS || i + 1 == f->term_count)
                return AEG_ERR_FILTER_SHAPE;
            next = 0;           /* offsets start again, from the new base */
        } else {
            if (t->offset < next)
                return AEG_ERR_FILTER_SHAPE;
            next = t->offset + t->width;
        }
    }
    return flags_valid(f);
}

/* Two atoms with the same base: is there a bit that one wants 0 and the other 1? */
static bool
atoms_conflict(const struct aeg_filter_term *a, const struct aeg_filter_term *b)
{
    uint32_t from = MAX(a->offset, b->offset);
    uint32_t to = MIN(a->offset + a->width, b->offset + b->width);

    for (uint32_t at = from; at < to; at++) {
        uint32_t sa = 8 * (a->offset + a->width - 1 - at), sb = 8 * (b->offset + b->width - 1 - at);

        if ((a->mask >> sa) & (b->mask >> sb) & (a->value >> sa ^ b->value >> sb) & 0xff)
            return true;
    }
    return false;
}

/* One past the last atom of the run that begins at i. */
static uint32_t
run_end(const struct aeg_filter *f, uint32_t i)
{
    while (i < f->term_count && f->term[i].kind == AEG_FILTER_ATOM)
        i++;
    return i;
}

bool
filter_disjoint(const struct aeg_filter *a, const struct aeg_filter *b)
{
    uint32_t i = 0, j = 0;

    for (uint32_t run = 0; run <= AEG_FILTER_SHIFTS; run++) {
        uint32_t iend = run_end(a, i), jend = run_end(b, j);

        for (uint32_t x = i; x < iend; x++)
            for (uint32_t y = j; y < jend; y++)
                if (atoms_conflict(&a->term[x], &b->term[y]))
                    return true;
        /* go on only behind the same shift: otherwise the bases may differ */
        if (iend == a->term_count || jend == b->term_count || memcmp(&a->term[iend], &b->term[jend], sizeof(a->term[0])) != 0)
            return false;
        i = iend + 1;
        j = jend + 1;
    }
    return false;
}

uint32_t
filter_bits(const struct aeg_filter *f)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < f->term_count; i++)
        for (uint64_t m = f->term[i].kind == AEG_FILTER_ATOM ? f->term[i].mask : 0; m; m &= m - 1)
            bits++;
    return bits;
}

static uint64_t
load_network(const uint8_t *p, uint32_t width)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i < width; i++)
        v = v << 8 | p[i];
    return v;
}

static bool
is_fragment(const uint8_t *packet, uint32_t bytes)
{
    return bytes >= IPV4_FRAGMENT_AT + 2 && load_network(packet + ETHERTYPE_AT, 2) == ETHERTYPE_IPV4 &&
           (load_network(packet + IPV4_FRAGMENT_AT, 2) & IPV4_FRAGMENT_BITS) != 0;
}

static uint32_t
shift_by(const struct aeg_filter_term *t, uint64_t v)
{
    return t->kind == AEG_FILTER_SHIFT_LEFT ? v << t->value : v >> t->value;
}

bool
filter_extract(const struct aeg_filter *shape, const uint8_t *packet, uint32_t bytes, uint64_t *value)
{
    uint32_t base = 0;

    for (uint32_t i = 0; i < shape->term_count; i++) {
        const struct aeg_filter_term *t = &shape->term[i];
        uint64_t v;

        if (base + t->offset + t->width > bytes)
            return false;
        v = load_network(packet + base + t->offset, t->width) & t->mask;
        value[i] = v;
        if (t->kind == AEG_FILTER_ATOM)
            continue;
        if (is_fragment(packet, bytes))
            return false;
        base += shift_by(t, v);
        value[i] = t->value;    /* of a shift, the filter's own: so that a key compares with the terms' values */
    }
    return true;
}

static bool
overlaps(uint32_t at, uint32_t bytes, uint32_t from, uint32_t width)
{
    return at < from + width && from < at + bytes;
}

bool
filter_looks_at(const struct aeg_filter *f, const uint8_t *packet, uint32_t at, uint32_t bytes)
{
    uint32_t base = 0;

    for (uint32_t i = 0; i < f->term_count; i++) {
        const struct aeg_filter_term *t = &f->term[i];

        if (overlaps(at, bytes, base + t->offset, t->width))
            return true;
        if (t->kind == AEG_FILTER_ATOM)
            continue;
        if (overlaps(at, bytes, ETHERTYPE_AT, 2) || overlaps(at, bytes, IPV4_FRAGMENT_AT, 2))
            return true;        /* is_fragment did */
        base += shift_by(t, packet[base + t->offset] & t->mask);
    }
    return false;
}
