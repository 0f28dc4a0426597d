/*
 * filter.c: who gets a packet, and who may send one.
 *
 * Holds:    the filters, exposed at info->filters, and per NIC the shapes they have. A shape is a filter without the values of its atoms;
 *           all filters of one shape are found by one probe of a hash table keyed by (NIC, shape, values). So a packet costs one probe per
 *           shape, however many filters there are.
 *           No two filters in the table that both are not GROUP, of one NIC and direction and of different owners, can match one packet.
 * Locks:    filter_lock, rank 35.
 * Not here: what is in the packet. That is the library's business.
 */
#include "core/lockrank.h"
#include "dev/net.h"

#define NO_FILTER 0xffffffffu
#define CHECKSUM_BYTES 2

struct filter {
    aeg_id_t id;                    /* 0: the place is free */
    uint32_t generation;
    uint32_t nic, shape;
    uint32_t bits;
    uint32_t next;                  /* in its bucket; of a free place: the next free one */
    uint64_t sequence;
    aeg_id_t ring, account;
    struct aeg_name owner;
    struct aeg_filter f;
};

/* The terms that filters have in common; the values of atoms are 0. refs 0: the place is free. */
struct shape {
    uint32_t refs;
    struct aeg_filter f;
};

static struct filter *table;
static struct aeg_filter_info *exposed;
static uint32_t bucket[FILTER_BUCKETS];
static struct shape shapes[NIC_MAX][SHAPE_MAX];
static uint32_t free_filter;
static uint32_t used_top;           /* places at and above were never used */
static uint64_t sequence;
static struct {
    aeg_id_t ring;
    uint32_t count;
    uint32_t filter[EGRESS_MAX];
} egress[RING_MAX];                 /* by index of the ring */
static struct spinlock filter_lock = SPINLOCK(LOCK_FILTER);

void
filter_init(void)
{
    uint64_t bytes = FILTER_MAX * sizeof(*exposed);

    exposed = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    info->filters = (struct aeg_table){ info_expose(exposed, bytes), FILTER_MAX, sizeof(*exposed) };
    table = frame_map(frame_boot_alloc((FILTER_MAX * sizeof(*table) + FRAME_SIZE - 1) / FRAME_SIZE));
    for (uint32_t i = 0; i < FILTER_MAX; i++)
        table[i].next = i + 1 < FILTER_MAX ? i + 1 : NO_FILTER;
    for (uint32_t i = 0; i < FILTER_BUCKETS; i++)
        bucket[i] = NO_FILTER;
    free_filter = 0;
}

static bool
names_equal(struct aeg_name a, struct aeg_name b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

/* Multiply and fold (the constant is 2^64 divided by the golden ratio). */
static uint32_t
key_bucket(uint32_t nic, uint32_t shape, const uint64_t *value, uint32_t count)
{
    uint64_t h = nic * SHAPE_MAX + shape + 1;

    for (uint32_t i = 0; i < count; i++) {
        h = (h ^ value[i]) * 0x9e3779b97f4a7c15ull;
        h ^= h >> 32;
    }
    return h & (FILTER_BUCKETS - 1);
}

static uint32_t
filter_bucket(const struct filter *f)
{
    uint64_t value[AEG_FILTER_TERMS];

    for (uint32_t i = 0; i < f->f.term_count; i++)
        value[i] = f->f.term[i].value;
    return key_bucket(f->nic, f->shape, value, f->f.term_count);
}

static bool
key_equal(const struct aeg_filter *f, const uint64_t *value)
{
    for (uint32_t i = 0; i < f->term_count; i++)
        if (f->term[i].value != value[i])
            return false;
    return true;
}

/* One more filter that matches: it replaces a less specific one of its owner, or is the first. */
static uint32_t
hit_add(struct filter_hit *hit, uint32_t count, const struct filter *f)
{
    struct filter_hit new = { f->owner, f->ring, f - table, f->bits, f->sequence };

    for (uint32_t i = 0; i < count; i++) {
        if (!names_equal(hit[i].owner, f->owner))
            continue;
        if (new.bits > hit[i].bits || (new.bits == hit[i].bits && new.sequence < hit[i].sequence))
            hit[i] = new;
        return count;
    }
    if (count < RING_MAX)       /* owners have rings, and there are no more of those */
        hit[count++] = new;
    return count;
}

uint32_t
filter_match(uint32_t nic, const uint8_t *packet, uint32_t bytes, struct filter_hit *hit)
{
    uint64_t value[AEG_FILTER_TERMS];
    uint32_t count = 0;

    spin_lock(&filter_lock);
    for (uint32_t s = 0; s < SHAPE_MAX; s++) {
        const struct shape *shape = &shapes[nic][s];

        if (shape->refs == 0 || (shape->f.flags & AEG_FILTER_EGRESS) || !filter_extract(&shape->f, packet, bytes, value))
            continue;
        for (uint32_t i = bucket[key_bucket(nic, s, value, shape->f.term_count)]; i != NO_FILTER; i = table[i].next)
            if (table[i].nic == nic && table[i].shape == s && key_equal(&table[i].f, value))
                count = hit_add(hit, count, &table[i]);
    }
    spin_unlock(&filter_lock);
    return count;
}

/* What a filter has checked may not change afterwards, so the device's checksum does not go there. */
bool
filter_egress(aeg_id_t ring, const uint8_t *header, uint32_t bytes, uint32_t stored)
{
    uint32_t index = AEG_ID_INDEX(ring);
    uint64_t value[AEG_FILTER_TERMS];
    bool allowed = false;

    spin_lock(&filter_lock);
    for (uint32_t i = 0; egress[index].ring == ring && i < egress[index].count && !allowed; i++) {
        struct filter *f = &table[egress[index].filter[i]];

        allowed = filter_extract(&f->f, header, bytes, value) && key_equal(&f->f, value) &&
                  (stored == NO_CHECKSUM || !filter_looks_at(&f->f, header, stored, CHECKSUM_BYTES));
        if (allowed)
            exposed[egress[index].filter[i]].matched++;
    }
    spin_unlock(&filter_lock);
    return allowed;
}

void
filter_count(uint32_t filter, aeg_id_t ring, bool delivered)
{
    if (table[filter].ring != ring)
        return;                 /* it went away meanwhile */
    exposed[filter].matched++;
    if (!delivered)
        exposed[filter].dropped++;
}

/* ---- binding ---- */

/* The filter's shape, without values; flags only say the direction. */
static void
shape_of(const struct aeg_filter *f, struct aeg_filter *shape)
{
    memset(shape, 0, sizeof(*shape));
    shape->flags = f->flags & AEG_FILTER_EGRESS;
    shape->term_count = f->term_count;
    memcpy(shape->term, f->term, f->term_count * sizeof(f->term[0]));
    for (uint32_t i = 0; i < f->term_count; i++)
        if (f->term[i].kind == AEG_FILTER_ATOM)
            shape->term[i].value = 0;
}

/* The place of this shape on the NIC, or a free one for it; SHAPE_MAX when there is neither. */
static uint32_t
shape_place(uint32_t nic, const struct aeg_filter *shape)
{
    uint32_t place = SHAPE_MAX;

    for (uint32_t s = 0; s < SHAPE_MAX; s++) {
        if (shapes[nic][s].refs == 0)
            place = MIN(place, s);
        else if (memcmp(&shapes[nic][s].f, shape, sizeof(*shape)) == 0)
            return s;
    }
    return place;
}

/* May `f` of this owner stand beside every filter there is? Two equal ones of one owner would leave open which of them counts. */
static aeg_err_t
overlap_check(const struct aeg_filter *f, uint32_t nic, struct aeg_name owner)
{
    for (uint32_t i = 0; i < used_top; i++) {
        const struct filter *other = &table[i];

        if (other->id == 0 || other->nic != nic || ((other->f.flags ^ f->flags) & AEG_FILTER_EGRESS))
            continue;
        if (names_equal(other->owner, owner)) {
            if (memcmp(&other->f, f, sizeof(*f)) == 0)
                return AEG_ERR_FILTER_OVERLAP;
        } else if (!((other->f.flags | f->flags) & AEG_FILTER_GROUP) && !filter_disjoint(&other->f, f)) {
            return AEG_ERR_FILTER_OVERLAP;
        }
    }
    return AEG_OK;
}

static bool
egress_room(aeg_id_t ring)
{
    const uint32_t index = AEG_ID_INDEX(ring);

    return egress[index].ring != ring || egress[index].count < EGRESS_MAX;
}

static void
egress_add(aeg_id_t ring, uint32_t filter)
{
    uint32_t index = AEG_ID_INDEX(ring);

    if (egress[index].ring != ring) {
        egress[index].ring = ring;
        egress[index].count = 0;
    }
    egress[index].filter[egress[index].count++] = filter;
}

static void
egress_remove(aeg_id_t ring, uint32_t filter)
{
    uint32_t index = AEG_ID_INDEX(ring);

    for (uint32_t i = 0; egress[index].ring == ring && i < egress[index].count; i++)
        if (egress[index].filter[i] == filter)
            egress[index].filter[i] = egress[index].filter[--egress[index].count];
}

/* Nothing below may fail. */
static aeg_id_t
filter_commit(const struct aeg_filter *f, aeg_id_t ring, const struct ring_identity *who, uint32_t shape_at, const struct aeg_filter *shape)
{
    uint32_t index = free_filter;
    struct filter *new = &table[index];
    uint32_t *head;

    free_filter = new->next;
    used_top = MAX(used_top, index + 1);
    new->id = AEG_ID(index, ++new->generation);
    new->nic = who->nic;
    new->shape = shape_at;
    new->bits = filter_bits(f);
    new->sequence = sequence++;
    new->ring = ring;
    new->account = who->account;
    new->owner = who->guard;
    new->f = *f;
    if (shapes[who->nic][shape_at].refs++ == 0)
        shapes[who->nic][shape_at].f = *shape;
    if (f->flags & AEG_FILTER_EGRESS) {
        egress_add(ring, index);
    } else {
        head = &bucket[filter_bucket(new)];
        new->next = *head;
        *head = index;
    }
    exposed[index] = (struct aeg_filter_info){
        .id = new->id, .ring = ring, .guard = who->guard, .nic = new->nic, .flags = f->flags, .terms = f->term_count, .shape = shape_at,
    };
    return new->id;
}

/* With the lock held. */
static void
filter_remove(struct filter *f)
{
    uint32_t index = f - table;

    if (f->f.flags & AEG_FILTER_EGRESS) {
        egress_remove(f->ring, index);
    } else {
        uint32_t *at = &bucket[filter_bucket(f)];
        while (*at != index)
            at = &table[*at].next;
        *at = f->next;
    }
    shapes[f->nic][f->shape].refs--;
    account_uncharge(f->account, AEG_KIND_FILTER, 1);
    f->id = 0;
    f->ring = 0;
    if (f->generation != UINT32_MAX) {      /* else its ids are used up: one is never given out twice */
        f->next = free_filter;
        free_filter = index;
    }
    memset(&exposed[index], 0, sizeof(exposed[index]));
}

void
filter_release_ring(aeg_id_t ring)
{
    spin_lock(&filter_lock);
    for (uint32_t i = 0; i < used_top; i++)
        if (table[i].id != 0 && table[i].ring == ring)
            filter_remove(&table[i]);
    spin_unlock(&filter_lock);
}

/* A copy of the caller's filter, unused terms cleared. */
static aeg_err_t
filter_read(struct uaddr from, struct aeg_filter *f)
{
    aeg_err_t err;

    if (!copy_in(f, from, sizeof(*f)))
        return AEG_ERR_BAD_ADDRESS;
    err = filter_valid(f);
    if (err == AEG_OK)
        memset(&f->term[f->term_count], 0, (AEG_FILTER_TERMS - f->term_count) * sizeof(f->term[0]));
    return err;
}

/* What the capabilities say. */
static aeg_err_t
bind_allowed(const struct sys_args *args, const struct aeg_filter *f, const struct ring_identity *who)
{
    aeg_err_t err = cap_check(args->a[1], who->guard, AEG_RIGHT_CONTROL);

    if (err != AEG_OK)
        return err;
    return cap_check(args->a[2], nic_at(who->nic)->info->guard, f->flags & AEG_FILTER_EGRESS ? AEG_RIGHT_WRITE : AEG_RIGHT_READ);
}

/* With both locks held. place: where the shape goes. */
static aeg_err_t
bind_room(const struct aeg_filter *f, aeg_id_t ring, const struct ring_identity *who, const struct aeg_filter *shape, uint32_t *place)
{
    aeg_err_t err = overlap_check(f, who->nic, who->guard);

    if (err != AEG_OK)
        return err;
    *place = shape_place(who->nic, shape);
    if (*place == SHAPE_MAX || free_filter == NO_FILTER)
        return AEG_ERR_NOMEM;
    return (f->flags & AEG_FILTER_EGRESS) && !egress_room(ring) ? AEG_ERR_VECTOR : AEG_OK;
}

/* ring, cap, nic_cap, filter: see net.h. */
aeg_err_t
sys_filter_bind(struct sys_args *args)
{
    struct aeg_filter f, shape;
    struct ring_identity who;
    uint32_t place;
    aeg_err_t err = filter_read((struct uaddr){ args->a[3] }, &f);

    if (err != AEG_OK)
        return err;
    if (!ring_hold(args->a[0], &who))
        return AEG_ERR_QUEUE;
    shape_of(&f, &shape);
    spin_lock(&filter_lock);
    err = bind_allowed(args, &f, &who);
    if (err == AEG_OK)
        err = bind_room(&f, args->a[0], &who, &shape, &place);
    if (err == AEG_OK)
        err = account_charge(who.account, args->a[1], AEG_KIND_FILTER, 1);
    if (err == AEG_OK)
        args->value = filter_commit(&f, args->a[0], &who, place, &shape);
    spin_unlock(&filter_lock);
    ring_release();
    return err;
}

/* filter, cap: see net.h. */
aeg_err_t
sys_filter_unbind(struct sys_args *args)
{
    uint32_t index = AEG_ID_INDEX(args->a[0]);
    aeg_err_t err = AEG_ERR_FILTER;

    spin_lock(&filter_lock);
    if (index < FILTER_MAX && table[index].id == args->a[0] && args->a[0] != 0) {
        err = cap_check(args->a[1], table[index].owner, AEG_RIGHT_CONTROL);
        if (err == AEG_OK)
            filter_remove(&table[index]);
    }
    spin_unlock(&filter_lock);
    return err;
}
