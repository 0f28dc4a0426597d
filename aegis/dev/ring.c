/*
 * ring.c: packet rings: how a library takes packets in and sends them out.
 *
 * Holds:    up to RING_MAX rings; of each, its own indices and a copy of the receive places that are posted (their frames are bound).
 *           rx_done <= rx_taken <= rx_done + AEG_RING_RX, and the same for tx: what the library posts beyond is a lie that kick refuses.
 *           A destroyed ring with packets in transmission is DYING: no id, no shared memory, until the last of them is done.
 * Locks:    ring_lock, rank 30, for all rings.
 * Not here: what is in a packet; which filter claims it (filter.c); what a header may say (ring_tx.c).
 */
#include "dev/ring.h"
#include "core/lockrank.h"
#include "core/space.h"
#include "core/trace.h"
#include "core/turn.h"
#include "dev/shared.h"

static struct ring *rings;
static struct spinlock ring_lock = SPINLOCK(LOCK_RING);
static uint32_t progress_start;     /* whose turn it is to start first */
static uint32_t rings_end;          /* from here on all places are free */

void
ring_init(void)
{
    uint64_t bytes = RING_MAX * sizeof(struct aeg_ring_info);
    struct aeg_ring_info *exposed = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));

    info->rings = (struct aeg_table){ info_expose(exposed, bytes), RING_MAX, sizeof(*exposed) };
    rings = frame_map(frame_boot_alloc((RING_MAX * sizeof(struct ring) + FRAME_SIZE - 1) / FRAME_SIZE));
    for (uint32_t i = 0; i < RING_MAX; i++)
        rings[i].info = &exposed[i];
}

static struct ring *
ring_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < RING_MAX && rings[index].state == RING_LIVE && rings[index].id == id ? &rings[index] : NULL;
}

/* The ring behind an id over which capability `cap` of the caller has `rights`. With the lock held. */
static aeg_err_t
ring_get(aeg_id_t id, uint32_t cap, uint32_t rights, struct ring **out)
{
    struct ring *r = ring_find(id);

    if (!r)
        return AEG_ERR_QUEUE;
    *out = r;
    return cap_check(cap, r->cap.name, rights);
}

bool
ring_hold(aeg_id_t id, struct ring_identity *out)
{
    struct ring *r;

    spin_lock(&ring_lock);
    r = ring_find(id);
    if (!r) {
        spin_unlock(&ring_lock);
        return false;
    }
    *out = (struct ring_identity){ r->cap.name, r->account, r->nic->index };
    return true;
}

void
ring_release(void)
{
    spin_unlock(&ring_lock);
}

/* May the library have posted up to here? Neither behind what was taken, nor more than the ring holds. */
static bool
posted_valid(uint32_t posted, uint32_t taken, uint32_t done, uint32_t places)
{
    return posted - taken <= places && posted - done <= places;
}

/* ---- receive ---- */

/* The oldest posted place is filled, or was refused. */
static void
rx_complete(struct ring *r, uint16_t len, uint16_t flags, uint32_t filter, aeg_err_t error)
{
    struct aeg_rx *d = &r->shared->rx[r->rx_done % AEG_RING_RX];

    d->len = len;
    d->flags = flags;
    d->filter = filter;
    d->error = error;
    shared_write(&r->shared->rx_done, ++r->rx_done);
    r->notify = true;
}

/* Completes refused places that have become the oldest. */
static void
rx_settle(struct ring *r)
{
    while (r->rx_done != r->rx_taken && r->rx[r->rx_done % AEG_RING_RX].error != AEG_OK)
        rx_complete(r, 0, 0, 0, r->rx[r->rx_done % AEG_RING_RX].error);
}

static aeg_err_t
rx_check(const struct aeg_rx *d, const struct aeg_cap *cap)
{
    if (d->capacity == 0 || (uint32_t)d->offset + d->capacity > FRAME_SIZE)
        return AEG_ERR_REQUEST;
    return frame_bind(d->frame, cap, AEG_RIGHT_WRITE);
}

/* Takes what is posted: at most one round of the ring. */
static uint32_t
rx_take(struct ring *r, uint32_t posted)
{
    uint32_t count = 0;

    for (; r->rx_taken != posted; r->rx_taken++, count++) {
        struct rx_place *place = &r->rx[r->rx_taken % AEG_RING_RX];
        struct aeg_rx d;

        shared_copy(&d, &r->shared->rx[r->rx_taken % AEG_RING_RX], sizeof(d));
        *place = (struct rx_place){ d.frame, d.offset, d.capacity, rx_check(&d, &r->cap) };
    }
    shared_write(&r->shared->rx_taken, r->rx_taken);
    rx_settle(r);
    return count;
}

static bool
rx_fill(struct ring *r, const struct filter_hit *hit, const uint8_t *packet, uint32_t bytes, uint32_t flags)
{
    const struct rx_place *place = &r->rx[r->rx_done % AEG_RING_RX];
    uint32_t n = MIN(bytes, place->capacity);

    if (r->rx_done == r->rx_taken) {
        r->shared->rx_dropped = ++r->info->rx_dropped;
        return false;
    }
    memcpy((char *)frame_map(place->frame) + place->offset, packet, n);
    r->info->rx_packets++;
    r->info->rx_bytes += n;
    trace(AEG_TRACE_RX, r->id, n);
    frame_unbind(place->frame);
    rx_complete(r, n, flags | (n < bytes ? AEG_RX_TRUNCATED : 0), hit->filter, AEG_OK);
    rx_settle(r);
    return true;
}

bool
ring_deliver(const struct filter_hit *hit, const uint8_t *packet, uint32_t bytes, uint32_t flags)
{
    struct ring *r;
    bool delivered;

    spin_lock(&ring_lock);
    r = ring_find(hit->ring);
    delivered = r && rx_fill(r, hit, packet, bytes, flags);
    spin_unlock(&ring_lock);
    return delivered;
}

/* ---- transmit ---- */

/* Place p has been dealt with; tx_done passes what is finished, in order. */
static void
tx_finish(struct ring *r, uint32_t p, aeg_err_t error)
{
    struct aeg_tx *frame = frame_map(r->frames[AEG_TX_FRAME(p)]);

    frame[AEG_TX_PLACE(p)].error = error;
    if (error != AEG_OK) {
        trace(AEG_TRACE_TX_REFUSED, r->id, error);
        r->shared->tx_refused = ++r->info->tx_refused;
        r->nic->info->tx_refused++;
    }
    r->tx_finished[p % AEG_RING_TX] = true;
    while (r->tx_done != r->tx_taken && r->tx_finished[r->tx_done % AEG_RING_TX]) {
        r->tx_finished[r->tx_done % AEG_RING_TX] = false;
        shared_write(&r->shared->tx_done, ++r->tx_done);
        r->notify = true;
    }
}

/* Takes what is posted, until the device is full: at most one round of the ring. */
static uint32_t
tx_take(struct ring *r, uint32_t posted)
{
    uint32_t count = 0;

    r->tx_stalled = false;
    while (r->tx_taken != posted) {
        const struct aeg_tx *frame = frame_map(r->frames[AEG_TX_FRAME(r->tx_taken)]);
        struct nic_tx *tx = r->nic->ops->tx_get(r->nic);
        struct aeg_tx d;
        aeg_err_t err;

        if (!tx) {
            r->tx_stalled = true;
            break;
        }
        shared_copy(&d, &frame[AEG_TX_PLACE(r->tx_taken)], sizeof(d));
        tx->ring = r;
        tx->place = r->tx_taken;
        err = ring_tx_build(r, &d, tx);
        shared_write(&r->shared->tx_taken, ++r->tx_taken);
        count++;
        if (err == AEG_OK) {
            r->info->tx_packets++;
            trace(AEG_TRACE_TX, r->id, tx->place);
            r->info->in_flight = ++r->tx_in_flight;
            r->nic->ops->tx_send(r->nic, tx);
        } else {
            r->nic->ops->tx_put(r->nic, tx);
            tx_finish(r, r->tx_taken - 1, err);
        }
    }
    if (count)
        r->nic->ops->tx_kick(r->nic);
    return count;
}

/* The place is free, and paid for no longer. */
static void
ring_vacate(struct ring *r)
{
    account_uncharge(r->account, AEG_KIND_QUEUE, 1);
    r->state = RING_FREE;
    while (rings_end > 0 && rings[rings_end - 1].state == RING_FREE)
        rings_end--;
}

void
ring_tx_done(struct nic_tx *tx, aeg_err_t status)
{
    struct ring *r = tx->ring;

    spin_lock(&ring_lock);
    for (uint32_t i = 0; i < tx->piece_count; i++)
        frame_unbind(tx->piece[i].frame);
    r->info->in_flight = --r->tx_in_flight;
    if (r->state == RING_LIVE)
        tx_finish(r, tx->place, status);
    else if (r->tx_in_flight == 0)
        ring_vacate(r);
    spin_unlock(&ring_lock);
}

/* ---- life ---- */

static void
ring_notify(struct ring *r)
{
    if (!r->notify)
        return;
    r->notify = false;
    env_notify(r->env, r->bits);
}

void
ring_progress(void)
{
    spin_lock(&ring_lock);
    for (uint32_t i = 0; i < rings_end; i++) {
        struct ring *r = &rings[(progress_start + i) % rings_end];
        uint32_t posted;

        if (r->state != RING_LIVE)
            continue;
        posted = shared_read(&r->shared->tx_posted);
        if (r->tx_stalled && posted_valid(posted, r->tx_taken, r->tx_done, AEG_RING_TX))
            tx_take(r, posted);
        ring_notify(r);
    }
    progress_start++;
    spin_unlock(&ring_lock);
}

/* false: it has filters left, and lives on until it is called again. */
static bool
ring_end(struct ring *r)
{
    if (!filter_release_ring(r->id))
        return false;
    for (; r->rx_done != r->rx_taken; r->rx_done++)
        if (r->rx[r->rx_done % AEG_RING_RX].error == AEG_OK)
            frame_unbind(r->rx[r->rx_done % AEG_RING_RX].frame);
    frames_unbind(r->frames, AEG_RING_FRAMES);
    r->shared = NULL;
    r->id = 0;
    r->info->id = 0;
    r->state = RING_DYING;
    if (r->tx_in_flight == 0)
        ring_vacate(r);
    return true;
}

bool
ring_release_space(aeg_id_t space)
{
    bool done = true;

    spin_lock(&ring_lock);
    for (uint32_t i = 0; i < RING_MAX && done; i++)
        if (rings[i].state == RING_LIVE && rings[i].space == space)
            done = ring_end(&rings[i]);
    spin_unlock(&ring_lock);
    return done;
}

bool
ring_release_account(aeg_id_t account)
{
    bool done = true;

    spin_lock(&ring_lock);
    for (uint32_t i = 0; i < RING_MAX && done; i++) {
        if (rings[i].state == RING_FREE || rings[i].account != account)
            continue;
        if (rings[i].state == RING_LIVE)
            done = ring_end(&rings[i]);
        if (rings[i].state == RING_DYING)
            rings[i].account = account_hand_up(account, AEG_KIND_QUEUE, 1);
    }
    spin_unlock(&ring_lock);
    return done;
}

/* Does it live in a dying frame, or is one posted? */
static bool
ring_dies(const struct ring *r)
{
    bool dies = frames_die(r->frames, AEG_RING_FRAMES);

    for (uint32_t p = r->rx_done; p != r->rx_taken && !dies; p++)
        dies = r->rx[p % AEG_RING_RX].error == AEG_OK && frame_dies(r->rx[p % AEG_RING_RX].frame);
    return dies;
}

bool
ring_release_dying(void)
{
    bool done = true;

    spin_lock(&ring_lock);
    for (uint32_t i = 0; i < RING_MAX && done; i++)
        if (rings[i].state == RING_LIVE && ring_dies(&rings[i]))
            done = ring_end(&rings[i]);
    spin_unlock(&ring_lock);
    return done;
}

void
ring_revoke(const struct aeg_cap *cap, aeg_id_t space)
{
    spin_lock(&ring_lock);
    for (uint32_t i = 0; i < RING_MAX; i++)
        rings[i].cap.rights = rights_left(&rings[i].cap, rings[i].space, cap, space);
    spin_unlock(&ring_lock);
}

static struct ring *
ring_free_place(void)
{
    for (uint32_t i = 0; i < RING_MAX; i++)
        if (rings[i].state == RING_FREE && rings[i].generation != UINT32_MAX)     /* an id is never given out twice */
            return &rings[i];
    return NULL;
}

/* Nothing below may fail. */
static aeg_id_t
ring_create_commit(struct ring *r, aeg_id_t account, const struct aeg_cap *cap, const struct aeg_ring_args *a)
{
    uint32_t generation = r->generation + 1;
    struct aeg_ring_info *exposed = r->info;

    memset(r, 0, sizeof(*r));
    r->info = exposed;
    r->state = RING_LIVE;
    rings_end = MAX(rings_end, (uint32_t)(r - rings) + 1);
    r->generation = generation;
    r->id = AEG_ID(r - rings, generation);
    r->space = space_current_id();
    r->account = account;
    r->env = a->env;
    r->bits = a->bits;
    r->cap = *cap;
    r->nic = nic_at(a->nic);
    memcpy(r->frames, a->frames, sizeof(r->frames));
    r->shared = frame_map(r->frames[0]);
    memset(r->shared, 0, sizeof(*r->shared));
    *exposed = (struct aeg_ring_info){ .id = r->id, .guard = cap->name, .space = r->space, .account = account, .env = a->env, .nic = a->nic };
    return r->id;
}

/* account, cap, env_cap, args: see net.h. */
aeg_err_t
sys_ring_create(struct sys_args *args)
{
    struct aeg_ring_args a;
    struct aeg_cap cap;
    struct ring *r;
    aeg_err_t err;

    if (!copy_in(&a, (struct uaddr){ args->a[3] }, sizeof(a)))
        return AEG_ERR_BAD_ADDRESS;
    if (!nic_at(a.nic))
        return AEG_ERR_NIC;
    err = cap_copy(args->a[1], &cap);
    if (err == AEG_OK)
        err = notify_check(a.env, args->a[2]);
    if (err != AEG_OK)
        return err;
    spin_lock(&ring_lock);
    r = ring_free_place();
    err = r ? account_charge(args->a[0], args->a[1], AEG_KIND_QUEUE, 1) : AEG_ERR_NOMEM;
    if (err == AEG_OK) {
        err = frames_bind(a.frames, AEG_RING_FRAMES, &cap, AEG_RIGHT_READ | AEG_RIGHT_WRITE);
        if (err != AEG_OK)
            account_uncharge(args->a[0], AEG_KIND_QUEUE, 1);
    }
    if (err == AEG_OK)
        args->value = ring_create_commit(r, args->a[0], &cap, &a);
    spin_unlock(&ring_lock);
    return err;
}

/* ring, cap: see net.h. Neither index may claim more than the ring holds; nothing is taken when one does. */
aeg_err_t
sys_ring_kick(struct sys_args *args)
{
    struct nic *nic = NULL;
    struct ring *r;
    aeg_err_t err;

    spin_lock(&ring_lock);
    err = ring_get(args->a[0], args->a[1], AEG_RIGHT_WRITE, &r);
    if (err == AEG_OK) {
        nic = r->nic;
        uint32_t rx = shared_read(&r->shared->rx_posted), tx = shared_read(&r->shared->tx_posted);

        if (!posted_valid(rx, r->rx_taken, r->rx_done, AEG_RING_RX) || !posted_valid(tx, r->tx_taken, r->tx_done, AEG_RING_TX)) {
            err = AEG_ERR_ARGUMENT;
        } else {
            args->value = rx_take(r, rx) + tx_take(r, tx);
            ring_notify(r);
        }
    }
    spin_unlock(&ring_lock);
    if (err == AEG_OK && nic->quiet) {
        if (cpus_many)
            turn_upgrade(this_cpu());   /* packets go to whom they belong, as in an interrupt */
        nic_poll(nic);
    }
    return err;
}

/* ring, cap: see net.h. */
aeg_err_t
sys_ring_destroy(struct sys_args *args)
{
    struct ring *r;
    aeg_err_t err;

    spin_lock(&ring_lock);
    err = ring_get(args->a[0], args->a[1], AEG_RIGHT_CONTROL, &r);
    if (err == AEG_OK && !ring_end(r))
        err = AEG_ERR_AGAIN;
    spin_unlock(&ring_lock);
    return err;
}
