/*
 * filter_table.c: the filters that are bound, found by what they look for.
 *
 * Holds:    one pool of filters for all NICs, sized at boot; a hash table keyed by (NIC, shape, values) under a secret of this boot, so that
 *           nobody can choose filters that meet in one bucket; per NIC the shapes, per shape the shares.
 * Locks:    filter_lock (filter.c).
 */
#include "dev/filter.h"

/* What the first filter of a share costs. There are as many shares as can be paid for. */
#define SHARE_PRICE (1 + AEG_FILTER_SHAPE_COST)

struct filter *filter_table;
struct aeg_filter_info *filter_exposed;
struct filter_share *filter_shares;
struct filter_shape filter_shapes[NIC_MAX][SHAPE_MAX];
uint32_t filter_shapes_end[NIC_MAX];

static uint32_t *bucket;
static uint32_t bucket_mask;
static uint64_t secret[AEG_FILTER_TERMS + 1];
static uint32_t free_filter = NO_FILTER, free_share = NO_FILTER;
static uint32_t filter_count_max;
static uint64_t sequence;

/* ---- memory ---- */

static void *
boot_table(uint64_t bytes)
{
    return frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
}

/* For this many NICs, in the memory that there is. */
static uint32_t
capacity(uint32_t nics)
{
    uint64_t each = sizeof(*filter_table) + sizeof(*filter_exposed) + 2 * sizeof(*bucket) + sizeof(*filter_shares) / SHARE_PRICE;

    return MIN((uint64_t)nics * FILTERS_PER_NIC, (uint64_t)info->frames.count * FRAME_SIZE / FILTER_MEMORY_PART / each);
}

static void
pools_fill(uint32_t shares)
{
    for (uint32_t i = filter_count_max; i-- > 0; free_filter = i)
        filter_table[i].next = free_filter;
    for (uint32_t i = shares; i-- > 0; free_share = i)
        filter_shares[i].next = free_share;
    for (uint32_t n = 0; n < NIC_MAX; n++) {
        filter_shapes_end[n] = 0;
        for (uint32_t s = 0; s < SHAPE_MAX; s++)
            filter_shapes[n][s].first_share = NO_FILTER;
    }
    memset(bucket, 0xff, (bucket_mask + 1) * sizeof(*bucket));
}

void
filter_init(void)
{
    uint32_t count = capacity(info->nics.count), shares = count / SHARE_PRICE;
    uint64_t bytes = count * sizeof(*filter_exposed);

    info->filters = (struct aeg_table){ 0, count, sizeof(*filter_exposed) };
    if (count == 0)
        return;
    filter_exposed = boot_table(bytes);
    info->filters.address = info_expose(filter_exposed, bytes);
    filter_count_max = count;
    filter_table = boot_table(count * sizeof(*filter_table));
    filter_shares = boot_table(shares * sizeof(*filter_shares));
    for (bucket_mask = 1; bucket_mask < count; bucket_mask *= 2)
        continue;
    bucket = boot_table(bucket_mask * sizeof(*bucket));
    bucket_mask--;
    for (uint32_t i = 0; i < ARRAY_SIZE(secret); i++)
        secret[i] = random_secret();
    pools_fill(shares);
    account_pool(AEG_KIND_FILTER, count, 0);
}

/* ---- finding ---- */

bool
filter_names_equal(struct aeg_name a, struct aeg_name b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Each value is multiplied under a secret of its own, the two halves of the product folded together. */
struct filter_key
filter_key(uint32_t nic, uint32_t shape, const uint64_t *value, uint32_t count)
{
    uint64_t h = secret[AEG_FILTER_TERMS] + nic * SHAPE_MAX + shape;

    for (uint32_t i = 0; i < count; i++)
        h = fold(h ^ value[i], secret[i]);
    return (struct filter_key){ nic, shape, value, count, (uint32_t)h };
}

static inline uint32_t *
bucket_of(uint32_t hash)
{
    return &bucket[hash & bucket_mask];
}

static bool
has_key(const struct filter *f, const struct filter_key *k)
{
    const struct filter_share *share = &filter_shares[f->share];

    if (f->hash != k->hash || share->nic != k->nic || share->shape != k->shape)
        return false;
    for (uint32_t i = 0; i < k->count; i++)
        if (f->value[i] != k->value[i])
            return false;
    return true;
}

uint32_t
filter_next(const struct filter_key *k, uint32_t after)
{
    uint32_t at = after == NO_FILTER ? *bucket_of(k->hash) : filter_table[after].next;

    while (at != NO_FILTER && !has_key(&filter_table[at], k))   /* at most FILTER_CHAIN_MAX */
        at = filter_table[at].next;
    return at;
}

static uint32_t
chain_length(uint32_t hash)
{
    uint32_t n = 0;

    for (uint32_t i = *bucket_of(hash); i != NO_FILTER; i = filter_table[i].next)
        n++;
    return n;
}

static uint32_t
share_find(const struct filter_claim *c)
{
    uint32_t i = filter_shapes[c->who.nic][c->shape_at].first_share;

    for (; i != NO_FILTER; i = filter_shares[i].next) {
        const struct filter_share *s = &filter_shares[i];

        if (s->account == c->who.account && s->flags == c->f.flags && filter_names_equal(s->owner, c->who.guard))
            break;
    }
    return i;
}

void
filter_place(struct filter_claim *c)
{
    const struct filter_shape *shape = filter_shapes[c->who.nic];
    uint32_t free = SHAPE_MAX;

    c->share = NO_FILTER;
    for (c->shape_at = 0; c->shape_at < SHAPE_MAX; c->shape_at++) {
        if (shape[c->shape_at].first_share == NO_FILTER) {
            free = MIN(free, c->shape_at);
        } else if (filter_same_shape(&shape[c->shape_at].f, &c->f)) {
            c->share = share_find(c);
            return;
        }
    }
    c->shape_at = free;
}

bool
filter_room(const struct filter_claim *c)
{
    if (c->shape_at == SHAPE_MAX || free_filter == NO_FILTER || (c->share == NO_FILTER && free_share == NO_FILTER))
        return false;
    return chain_length(filter_key(c->who.nic, c->shape_at, c->value, c->f.term_count).hash) < FILTER_CHAIN_MAX;
}

/* ---- coming and going ---- */

void
filter_link(enum filter_list list, uint32_t *first, uint32_t index)
{
    filter_table[index].link[list] = (struct filter_link){ *first, NO_FILTER };
    if (*first != NO_FILTER)
        filter_table[*first].link[list].prev = index;
    *first = index;
}

void
filter_unlink(enum filter_list list, uint32_t *first, uint32_t index)
{
    struct filter_link l = filter_table[index].link[list];

    if (l.next != NO_FILTER)
        filter_table[l.next].link[list].prev = l.prev;
    if (l.prev != NO_FILTER)
        filter_table[l.prev].link[list].next = l.next;
    else
        *first = l.next;
}

uint32_t
filter_price(const struct filter_claim *c)
{
    return c->share == NO_FILTER ? SHARE_PRICE : 1;
}

static void
shape_make(struct filter_shape *shape, const struct aeg_filter *f)
{
    shape->bits = filter_bits(f);
    shape->f.flags = f->flags & AEG_FILTER_EGRESS;
    shape->f.term_count = f->term_count;
    for (uint32_t i = 0; i < f->term_count; i++) {
        shape->f.term[i] = f->term[i];
        if (f->term[i].kind == AEG_FILTER_ATOM)
            shape->f.term[i].value = 0;
    }
}

/* What all of the share agree on, the claim among them: all of it, when it is the first. */
static void
share_agree(struct filter_share *s, const struct filter_claim *c)
{
    for (uint32_t i = 0; i < c->f.term_count; i++) {
        if (s->first == NO_FILTER) {
            s->value[i] = c->value[i];
            s->agreed[i] = ~0ull;
        }
        s->agreed[i] &= ~(s->value[i] ^ c->value[i]);
    }
}

/* The claim's share, made when there is none. */
static uint32_t
share_join(const struct filter_claim *c)
{
    struct filter_shape *shape = &filter_shapes[c->who.nic][c->shape_at];
    uint32_t at = c->share;
    struct filter_share *s;

    if (at == NO_FILTER) {
        at = free_share;
        s = &filter_shares[at];
        free_share = s->next;
        if (shape->first_share == NO_FILTER) {
            shape_make(shape, &c->f);
            filter_shapes_end[c->who.nic] = MAX(filter_shapes_end[c->who.nic], c->shape_at + 1);
        }
        s->owner = c->who.guard;
        s->account = c->who.account;
        s->flags = c->f.flags;
        s->nic = c->who.nic;
        s->shape = c->shape_at;
        s->next = shape->first_share;
        s->first = NO_FILTER;
        shape->first_share = at;
    }
    share_agree(&filter_shares[at], c);
    return at;
}

/* Its last filter has gone. */
static void
share_end(uint32_t at)
{
    struct filter_share *s = &filter_shares[at];
    uint32_t *from = &filter_shapes[s->nic][s->shape].first_share;

    while (*from != at)
        from = &filter_shares[*from].next;
    *from = s->next;
    while (filter_shapes_end[s->nic] > 0 && filter_shapes[s->nic][filter_shapes_end[s->nic] - 1].first_share == NO_FILTER)
        filter_shapes_end[s->nic]--;
    account_uncharge(s->account, AEG_KIND_FILTER, AEG_FILTER_SHAPE_COST);
    s->next = free_share;
    free_share = at;
}

uint32_t
filter_insert(const struct filter_claim *c)
{
    uint32_t hash = filter_key(c->who.nic, c->shape_at, c->value, c->f.term_count).hash;
    uint32_t index = free_filter;
    struct filter *f = &filter_table[index];

    free_filter = f->next;
    for (uint32_t i = 0; i < c->f.term_count; i++)
        f->value[i] = c->value[i];
    f->sequence = sequence++;
    f->hash = hash;
    f->next = *bucket_of(hash);
    *bucket_of(hash) = index;
    f->share = share_join(c);
    filter_link(OF_SHARE, &filter_shares[f->share].first, index);
    filter_exposed[index] = (struct aeg_filter_info){
        .id = AEG_ID(index, ++f->generation), .ring = c->ring, .guard = c->who.guard, .nic = c->who.nic, .flags = c->f.flags,
        .terms = c->f.term_count, .shape = c->shape_at,
    };
    return index;
}

void
filter_remove(uint32_t index)
{
    struct filter *f = &filter_table[index];
    struct filter_share *share = &filter_shares[f->share];
    uint32_t *at = bucket_of(f->hash);

    while (*at != index)
        at = &filter_table[*at].next;
    *at = f->next;
    filter_unlink(OF_SHARE, &share->first, index);
    account_uncharge(share->account, AEG_KIND_FILTER, 1);
    if (share->first == NO_FILTER)
        share_end(f->share);
    memset(&filter_exposed[index], 0, sizeof(filter_exposed[index]));
    if (f->generation != UINT32_MAX) {      /* else its ids are used up: one is never given out twice */
        f->next = free_filter;
        free_filter = index;
    }
}
