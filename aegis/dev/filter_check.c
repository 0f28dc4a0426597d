/*
 * filter_check.c: the meaning of packet filters: which are well formed, which bits two of them share, and what one reads from a
 * packet. Pure functions; the language is described in aegis/net.h.
 */
#include "dev/filter.h"

#define ETHERTYPE_AT 12
#define ETHERTYPE_IPV4 0x0800u
#define IPV4_FRAGMENT_AT 20
#define IPV4_FRAGMENT_BITS 0x3fffu      /* more fragments, and the offset */
#define IPV4_HEADER_END 34              /* of the shortest; what lies behind may be anything in a fragment */
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

/* One past the last atom of the run that begins at i. */
static uint32_t
run_end(const struct aeg_filter *f, uint32_t i)
{
    while (i < f->term_count && f->term[i].kind == AEG_FILTER_ATOM)
        i++;
    return i;
}

/* Two atoms with the same base, a of a filter and b of a shape: the bits at the same place, if any. */
static bool
atoms_pair(const struct aeg_filter_term *a, const struct aeg_filter_term *b, struct filter_pair *pair)
{
    uint32_t a_end = a->offset + a->width, b_end = b->offset + b->width, end = MIN(a_end, b_end);

    if (MAX(a->offset, b->offset) >= end)
        return false;
    pair->shift = 8 * (b_end - end);
    pair->mask = (a->mask >> 8 * (a_end - end)) & (b->mask >> pair->shift);
    pair->want = a->value >> 8 * (a_end - end);
    return pair->mask != 0;
}

/* Do two terms look at the same bits? Shifts by the same, too. */
static bool
same_place(const struct aeg_filter_term *a, const struct aeg_filter_term *b)
{
    return a->kind == b->kind && a->width == b->width && a->offset == b->offset && a->mask == b->mask &&
           (a->kind == AEG_FILTER_ATOM || a->value == b->value);
}

bool
filter_same_shape(const struct aeg_filter *a, const struct aeg_filter *b)
{
    if (a->term_count != b->term_count || ((a->flags ^ b->flags) & AEG_FILTER_EGRESS))
        return false;
    for (uint32_t i = 0; i < a->term_count; i++)
        if (!same_place(&a->term[i], &b->term[i]))
            return false;
    return true;
}

/* The same shift in both, where a run of atoms ended: what stands behind it has one base. */
static bool
same_shift(const struct aeg_filter *a, uint32_t i, const struct aeg_filter *b, uint32_t j)
{
    return i < a->term_count && j < b->term_count && same_place(&a->term[i], &b->term[j]);
}

/* In a run the atoms of each do not overlap, so there are fewer pairs than atoms. */
uint32_t
filter_pairs(const struct aeg_filter *f, const struct aeg_filter *shape, struct filter_pair *pair)
{
    uint32_t i = 0, j = 0, count = 0;

    for (;;) {
        uint32_t iend = run_end(f, i), jend = run_end(shape, j);

        for (uint32_t x = i; x < iend; x++)
            for (uint32_t y = j; y < jend; y++)
                if (atoms_pair(&f->term[x], &shape->term[y], &pair[count]))
                    pair[count++].atom = y;
        if (!same_shift(f, iend, shape, jend))
            return count;
        i = iend + 1;
        j = jend + 1;
    }
}

static bool
atom_project(const struct aeg_filter *f, uint32_t run, const struct aeg_filter_term *atom, uint64_t *value)
{
    uint64_t mask = 0;

    *value = 0;
    for (uint32_t i = run; i < f->term_count && f->term[i].kind == AEG_FILTER_ATOM; i++) {
        struct filter_pair pair;

        if (!atoms_pair(&f->term[i], atom, &pair))
            continue;
        mask |= pair.mask << pair.shift;
        *value |= (pair.want & pair.mask) << pair.shift;
    }
    return mask == atom->mask;
}

bool
filter_project(const struct aeg_filter *f, const struct aeg_filter *shape, uint64_t *value)
{
    uint32_t run = 0;

    for (uint32_t i = 0; i < shape->term_count; i++) {
        const struct aeg_filter_term *t = &shape->term[i];

        if (t->kind == AEG_FILTER_ATOM) {
            if (!atom_project(f, run, t, &value[i]))
                return false;
            continue;
        }
        run = run_end(f, run);
        if (!same_shift(f, run++, shape, i))
            return false;
        value[i] = t->value;
    }
    return true;
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

/* Once for each term of each shape, for every packet: the copies are single instructions. */
static inline uint64_t
load_network(const uint8_t *p, uint32_t width)
{
    uint16_t high;
    uint32_t low;
    uint64_t all;

    switch (width) {
    case 1:
        return *p;
    case 2:
        __builtin_memcpy(&high, p, 2);
        return __builtin_bswap16(high);
    case 4:
        __builtin_memcpy(&low, p, 4);
        return __builtin_bswap32(low);
    case 6:
        __builtin_memcpy(&high, p, 2);
        __builtin_memcpy(&low, p + 2, 4);
        return (uint64_t)__builtin_bswap16(high) << 32 | __builtin_bswap32(low);
    default:
        __builtin_memcpy(&all, p, 8);
        return __builtin_bswap64(all);
    }
}

static bool
is_fragment(const uint8_t *packet, uint32_t bytes)
{
    return bytes >= IPV4_FRAGMENT_AT + 2 && load_network(packet + ETHERTYPE_AT, 2) == ETHERTYPE_IPV4 &&
           (load_network(packet + IPV4_FRAGMENT_AT, 2) & IPV4_FRAGMENT_BITS) != 0;
}

/* What is behind the addresses is in one fragment of a packet only, and in the others something else stands there. */
static bool
no_fragments(const struct aeg_filter_term *t)
{
    return t->kind != AEG_FILTER_ATOM || t->offset + t->width > IPV4_HEADER_END;
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

        if (base + t->offset + t->width > bytes || (no_fragments(t) && is_fragment(packet, bytes)))
            return false;
        v = load_network(packet + base + t->offset, t->width) & t->mask;
        value[i] = v;
        if (t->kind == AEG_FILTER_ATOM)
            continue;
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
        if (no_fragments(t) && (overlaps(at, bytes, ETHERTYPE_AT, 2) || overlaps(at, bytes, IPV4_FRAGMENT_AT, 2)))
            return true;
        if (t->kind == AEG_FILTER_ATOM)
            continue;
        base += shift_by(t, packet[base + t->offset] & t->mask);
    }
    return false;
}
