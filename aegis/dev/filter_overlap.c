/*
 * filter_overlap.c: could a packet be claimed by two owners?
 *
 * A new filter is not compared with each that there is. With those of its own shape, and of a shape that looks at nothing that the new
 * one leaves open, one probe of the hash table decides; what all filters of a share agree on decides for most others at once. What is
 * left is compared one by one, AEG_FILTER_COMPARES at most: where that is not enough, the answer is that they overlap.
 */
#include "dev/filter.h"

static bool
conflict(const struct filter_pair *pair, uint32_t count, const uint64_t *value)
{
    for (uint32_t i = 0; i < count; i++)
        if ((value[pair[i].atom] >> pair[i].shift ^ pair[i].want) & pair[i].mask)
            return true;
    return false;
}

/* Does the new filter conflict with every one of this share, since all of them have the same value there? */
static bool
share_conflict(const struct filter_pair *pair, uint32_t count, const struct filter_share *s)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t agreed = pair[i].mask & (s->agreed[pair[i].atom] >> pair[i].shift);

        if ((s->value[pair[i].atom] >> pair[i].shift ^ pair[i].want) & agreed)
            return true;
    }
    return false;
}

static bool
concerns(const struct filter_claim *c, const struct filter_share *s)
{
    return !((c->f.flags | s->flags) & AEG_FILTER_GROUP) && !filter_names_equal(s->owner, c->who.guard);
}

/* Of these very values: is there one of another owner, or the same filter again? A ring sends what several rings of its owner may send. */
static bool
key_taken(const struct filter_claim *c, const struct filter_key *key)
{
    for (uint32_t i = filter_next(key, NO_FILTER); i != NO_FILTER; i = filter_next(key, i)) {
        const struct filter_share *s = &filter_shares[filter_table[i].share];

        if (concerns(c, s))
            return true;
        if (key->shape == c->shape_at && s->flags == c->f.flags && filter_names_equal(s->owner, c->who.guard) &&
            (!(s->flags & AEG_FILTER_EGRESS) || filter_exposed[i].ring == c->ring))
            return true;
    }
    return false;
}

/* Compares one by one; false also when *left runs out. */
static bool
share_apart(const struct filter_pair *pair, uint32_t count, const struct filter_share *s, uint32_t *left)
{
    for (uint32_t i = s->first; i != NO_FILTER; i = filter_table[i].link[OF_SHARE].next)
        if ((*left)-- == 0 || !conflict(pair, count, filter_table[i].value))
            return false;
    return true;
}

static bool
shape_apart(const struct filter_claim *c, uint32_t shape, uint32_t *left)
{
    const struct filter_shape *other = &filter_shapes[c->who.nic][shape];
    struct filter_pair pair[FILTER_PAIRS];
    uint64_t value[AEG_FILTER_TERMS];
    uint32_t count;

    if (filter_project(&c->f, &other->f, value)) {
        struct filter_key key = filter_key(c->who.nic, shape, value, other->f.term_count);

        return !key_taken(c, &key);
    }
    count = filter_pairs(&c->f, &other->f, pair);
    for (uint32_t i = other->first_share; i != NO_FILTER; i = filter_shares[i].next) {
        const struct filter_share *s = &filter_shares[i];

        if (concerns(c, s) && !share_conflict(pair, count, s) && !share_apart(pair, count, s, left))
            return false;
    }
    return true;
}

aeg_err_t
filter_overlap(const struct filter_claim *c)
{
    uint32_t left = AEG_FILTER_COMPARES;

    for (uint32_t s = 0; s < SHAPE_MAX; s++) {
        const struct filter_shape *shape = &filter_shapes[c->who.nic][s];

        if (shape->first_share == NO_FILTER || ((shape->f.flags ^ c->f.flags) & AEG_FILTER_EGRESS))
            continue;
        if (!shape_apart(c, s, &left))
            return AEG_ERR_FILTER_OVERLAP;
    }
    return AEG_OK;
}
