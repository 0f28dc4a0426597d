/*
 * filter.c: who gets a packet, and who may send one; the calls that bind and unbind filters.
 *
 * Holds:    the filters, exposed at info->filters; of each ring its filters, and those among them that say what it may send.
 *           A packet costs one probe of the hash table per shape of its NIC, however many filters there are.
 *           No two filters in the table that both are not GROUP, of one NIC and direction and of different owners, can match one packet.
 * Locks:    filter_lock, rank 35.
 * Not here: what is in the packet. That is the library's business.
 */
#include "core/lockrank.h"
#include "dev/filter.h"

#define CHECKSUM_BYTES 2

static struct {
    aeg_id_t ring;
    uint32_t first;                     /* filter */
    uint32_t egress_count;
    uint32_t egress[EGRESS_MAX];        /* filters */
} of_ring[RING_MAX];                    /* by index of the ring */
static struct spinlock filter_lock = SPINLOCK(LOCK_FILTER);

/* ---- packets ---- */

/* One more filter that matches: it replaces a less specific one of its owner, or is the first. */
static uint32_t
hit_add(struct filter_hit *hit, uint32_t count, uint32_t index, uint32_t bits)
{
    const struct aeg_filter_info *e = &filter_exposed[index];
    struct filter_hit new = { e->guard, e->ring, index, bits, filter_table[index].sequence };

    for (uint32_t i = 0; i < count; i++) {
        if (!filter_names_equal(hit[i].owner, new.owner))
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
    for (uint32_t s = 0; s < filter_shapes_end[nic]; s++) {
        const struct filter_shape *shape = &filter_shapes[nic][s];
        struct filter_key key;

        if (shape->first_share == NO_FILTER || (shape->f.flags & AEG_FILTER_EGRESS) || !filter_extract(&shape->f, packet, bytes, value))
            continue;
        key = filter_key(nic, s, value, shape->f.term_count);
        for (uint32_t i = filter_next(&key, NO_FILTER); i != NO_FILTER; i = filter_next(&key, i))
            count = hit_add(hit, count, i, shape->bits);
    }
    spin_unlock(&filter_lock);
    return count;
}

/* The filter as it was bound. */
static void
filter_whole(uint32_t index, struct aeg_filter *f)
{
    const struct filter_share *share = &filter_shares[filter_table[index].share];

    *f = filter_shapes[share->nic][share->shape].f;
    for (uint32_t i = 0; i < f->term_count; i++)
        f->term[i].value = filter_table[index].value[i];
}

static bool
values_equal(const struct aeg_filter *f, const uint64_t *value)
{
    for (uint32_t i = 0; i < f->term_count; i++)
        if (f->term[i].value != value[i])
            return false;
    return true;
}

/* What a filter has checked may not change afterwards, so the device's checksum does not go there. */
static bool
lets_out(uint32_t filter, const uint8_t *header, uint32_t bytes, uint32_t stored)
{
    uint64_t value[AEG_FILTER_TERMS];
    struct aeg_filter f;

    filter_whole(filter, &f);
    return filter_extract(&f, header, bytes, value) && values_equal(&f, value) &&
           (stored == NO_CHECKSUM || !filter_looks_at(&f, header, stored, CHECKSUM_BYTES));
}

bool
filter_egress(aeg_id_t ring, const uint8_t *header, uint32_t bytes, uint32_t stored)
{
    uint32_t index = AEG_ID_INDEX(ring);
    bool allowed = false;

    spin_lock(&filter_lock);
    for (uint32_t i = 0; of_ring[index].ring == ring && i < of_ring[index].egress_count && !allowed; i++) {
        allowed = lets_out(of_ring[index].egress[i], header, bytes, stored);
        if (allowed)
            filter_exposed[of_ring[index].egress[i]].matched++;
    }
    spin_unlock(&filter_lock);
    return allowed;
}

void
filter_count(uint32_t filter, aeg_id_t ring, bool delivered)
{
    if (filter_exposed[filter].ring != ring)
        return;                 /* it went away meanwhile */
    filter_exposed[filter].matched++;
    if (!delivered)
        filter_exposed[filter].dropped++;
}

/* ---- coming and going ---- */

static bool
egress_room(aeg_id_t ring)
{
    const uint32_t index = AEG_ID_INDEX(ring);

    return of_ring[index].ring != ring || of_ring[index].egress_count < EGRESS_MAX;
}

/* Nothing below may fail. */
static aeg_id_t
bind_commit(const struct filter_claim *c)
{
    uint32_t ring = AEG_ID_INDEX(c->ring), index = filter_insert(c);

    if (of_ring[ring].ring != c->ring) {
        of_ring[ring].ring = c->ring;
        of_ring[ring].first = NO_FILTER;
        of_ring[ring].egress_count = 0;
    }
    filter_link(OF_RING, &of_ring[ring].first, index);
    if (c->f.flags & AEG_FILTER_EGRESS)
        of_ring[ring].egress[of_ring[ring].egress_count++] = index;
    return filter_exposed[index].id;
}

static void
unbind(uint32_t index)
{
    uint32_t ring = AEG_ID_INDEX(filter_exposed[index].ring);
    uint32_t *egress = of_ring[ring].egress;

    filter_unlink(OF_RING, &of_ring[ring].first, index);
    for (uint32_t i = 0; i < of_ring[ring].egress_count; i++)
        if (egress[i] == index)
            egress[i] = egress[--of_ring[ring].egress_count];
    filter_remove(index);
}

bool
filter_release_ring(aeg_id_t ring)
{
    uint32_t index = AEG_ID_INDEX(ring);
    bool none = true;

    spin_lock(&filter_lock);
    if (of_ring[index].ring == ring) {
        for (uint32_t n = 0; n < FILTER_RELEASE_STEP && of_ring[index].first != NO_FILTER; n++)
            unbind(of_ring[index].first);
        none = of_ring[index].first == NO_FILTER;
    }
    spin_unlock(&filter_lock);
    return none;
}

/* ---- calls ---- */

/* A copy of the caller's filter. */
static aeg_err_t
claim_read(struct uaddr from, struct filter_claim *c)
{
    aeg_err_t err;

    if (!copy_in(&c->f, from, sizeof(c->f)))
        return AEG_ERR_BAD_ADDRESS;
    err = filter_valid(&c->f);
    for (uint32_t i = 0; err == AEG_OK && i < c->f.term_count; i++)
        c->value[i] = c->f.term[i].value;
    return err;
}

/* What the capabilities say. */
static aeg_err_t
bind_allowed(const struct sys_args *args, const struct filter_claim *c)
{
    aeg_err_t err = cap_check(args->a[1], c->who.guard, AEG_RIGHT_CONTROL);

    if (err != AEG_OK)
        return err;
    return cap_check(args->a[2], nic_at(c->who.nic)->info->guard, c->f.flags & AEG_FILTER_EGRESS ? AEG_RIGHT_WRITE : AEG_RIGHT_READ);
}

/* With both locks held. */
static aeg_err_t
bind_room(struct filter_claim *c)
{
    aeg_err_t err;

    filter_place(c);
    err = filter_overlap(c);
    if (err != AEG_OK)
        return err;
    if (!filter_room(c))
        return AEG_ERR_NOMEM;
    return (c->f.flags & AEG_FILTER_EGRESS) && !egress_room(c->ring) ? AEG_ERR_VECTOR : AEG_OK;
}

/* ring, cap, nic_cap, filter: see net.h. */
aeg_err_t
sys_filter_bind(struct sys_args *args)
{
    struct filter_claim c;
    aeg_err_t err = claim_read((struct uaddr){ args->a[3] }, &c);

    if (err != AEG_OK)
        return err;
    c.ring = args->a[0];
    if (!ring_hold(c.ring, &c.who))
        return AEG_ERR_QUEUE;
    spin_lock(&filter_lock);
    err = bind_allowed(args, &c);
    if (err == AEG_OK)
        err = bind_room(&c);
    if (err == AEG_OK)
        err = account_charge(c.who.account, args->a[1], AEG_KIND_FILTER, filter_price(&c));
    if (err == AEG_OK)
        args->value = bind_commit(&c);
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
    if (index < info->filters.count && filter_exposed[index].id == args->a[0] && args->a[0] != 0) {
        err = cap_check(args->a[1], filter_exposed[index].guard, AEG_RIGHT_CONTROL);
        if (err == AEG_OK)
            unbind(index);
    }
    spin_unlock(&filter_lock);
    return err;
}
