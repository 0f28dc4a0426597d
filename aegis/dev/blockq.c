/*
 * blockq.c: block queues: rings in a library's frames through which it moves blocks of its slots.
 *
 * Holds:    up to BLOCKQ_MAX queues; of each, its own indices (the ones in shared memory are copies for the library to read) and the
 *           requests in flight. in_flight + completions not yet reaped <= AEG_QUEUE_COMPLETIONS when a request is taken, so that a
 *           completion always has a place.
 *           A destroyed queue with requests in flight is DYING: no id, no ring, only their frames, until the last one is done.
 * Locks:    queue_lock, rank 25, for all queues. Drivers call back without a lock.
 * Not here: order, merging, caching. That is the library's business.
 */
#include "dev/blockq.h"
#include "core/lockrank.h"
#include "core/space.h"
#include "dev/shared.h"

/* What one call, or one interrupt, moves to and from disks that are memory. */
#define AT_ONCE_BYTES (256u << 10)

enum blockq_state { QUEUE_FREE, QUEUE_LIVE, QUEUE_DYING };

struct blockq;

struct blockq_request {
    struct disk_request disk;
    struct blockq *queue;
    aeg_id_t slot;                  /* through which it came */
    uint64_t cookie;
};

struct blockq {
    enum blockq_state state;
    uint32_t generation;            /* of the id given out last */
    aeg_id_t id;
    aeg_id_t space, account;
    aeg_id_t env;                   /* who is notified, with which bits */
    uint64_t bits;
    struct aeg_cap cap;             /* what request frames are checked against; its name is the queue's guard */
    struct aeg_queue_info *info;    /* for ever the same */
    aeg_frame_t frames[AEG_QUEUE_FRAMES];
    struct aeg_blockq *shared;      /* frames[0] */
    uint32_t taken, completed;      /* what the kernel believes */
    uint32_t in_flight;
    bool stalled;                   /* something posted was not taken for want of room */
    bool notify;                    /* completed something since env was last notified */
    uint32_t binding_count;
    struct blockq_binding binding[AEG_QUEUE_BINDINGS];
    uint32_t free_requests;         /* bit i: request[i] is free */
    struct blockq_request request[AEG_QUEUE_IN_FLIGHT];
};
static_assert(AEG_QUEUE_IN_FLIGHT == 32, "free_requests is 32 bits wide");

static struct blockq *queues;
static struct spinlock queue_lock = SPINLOCK(LOCK_QUEUE);
static uint32_t progress_start;     /* whose turn it is to start first */
static uint32_t queues_end;         /* from here on all places are free */

void
blockq_init(void)
{
    uint64_t bytes = BLOCKQ_MAX * sizeof(struct aeg_queue_info);
    struct aeg_queue_info *exposed = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));

    info->queues = (struct aeg_table){ info_expose(exposed, bytes), BLOCKQ_MAX, sizeof(*exposed) };
    queues = frame_map(frame_boot_alloc((BLOCKQ_MAX * sizeof(struct blockq) + FRAME_SIZE - 1) / FRAME_SIZE));
    for (uint32_t i = 0; i < BLOCKQ_MAX; i++)
        queues[i].info = &exposed[i];
}

static struct blockq *
blockq_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < BLOCKQ_MAX && queues[index].state == QUEUE_LIVE && queues[index].id == id ? &queues[index] : NULL;
}

/* The queue behind an id over which capability `cap` of the caller has `rights`. Called with the lock held. */
static aeg_err_t
blockq_get(aeg_id_t id, uint32_t cap, uint32_t rights, struct blockq **out)
{
    struct blockq *q = blockq_find(id);

    if (!q)
        return AEG_ERR_QUEUE;
    *out = q;
    return cap_check(cap, q->cap.name, rights);
}

/* A completion for the library. There is a place: see the invariant above. */
static void
blockq_complete(struct blockq *q, uint64_t cookie, aeg_err_t status, uint32_t bytes)
{
    struct aeg_block_completion *c = &q->shared->completion[q->completed % AEG_QUEUE_COMPLETIONS];

    *c = (struct aeg_block_completion){ cookie, status, status == AEG_OK ? bytes : 0 };
    shared_write(&q->shared->completed, ++q->completed);
    q->info->completed++;
    q->info->errors += status != AEG_OK;
    q->notify = true;
}

/* Room for one more: a request object and, when it is done, a completion place. */
static bool
blockq_room(const struct blockq *q)
{
    uint32_t unread = q->completed - shared_read(&q->shared->reaped);

    return q->free_requests != 0 && unread <= AEG_QUEUE_COMPLETIONS && q->in_flight + unread < AEG_QUEUE_COMPLETIONS;
}

/* The place is free, and paid for no longer. */
static void
blockq_vacate(struct blockq *q)
{
    account_uncharge(q->account, AEG_KIND_QUEUE, 1);
    q->state = QUEUE_FREE;
    while (queues_end > 0 && queues[queues_end - 1].state == QUEUE_FREE)
        queues_end--;
}

static void
request_release(struct blockq *q, struct blockq_request *r)
{
    frames_unbind(r->disk.frame, r->disk.frame_count);
    q->free_requests |= 1u << (r - q->request);
    q->info->in_flight = --q->in_flight;
    if (q->state == QUEUE_DYING && q->in_flight == 0)
        blockq_vacate(q);
}

/* From the driver, with no lock held. */
static void
request_done(struct disk_request *d, aeg_err_t status)
{
    struct blockq_request *r = container_of(d, struct blockq_request, disk);
    struct blockq *q = r->queue;

    spin_lock(&queue_lock);
    if (q->state == QUEUE_LIVE)
        blockq_complete(q, r->cookie, status, d->bytes);
    request_release(q, r);
    spin_unlock(&queue_lock);
}

/* Starts one request from a private copy. *at_once: bytes still to be moved by disks that do it themselves. false: the disk is full. */
static bool
request_start(struct blockq *q, const struct aeg_block_request *copy, uint32_t *at_once)
{
    struct blockq_request *r = &q->request[__builtin_ctz(q->free_requests)];
    aeg_err_t err = blockq_check(copy, q->binding, q->binding_count, &q->cap, &r->disk);

    if (err != AEG_OK) {
        blockq_complete(q, copy->cookie, err, 0);
        return true;
    }
    r->queue = q;
    r->slot = q->binding[copy->binding].slot;
    r->cookie = copy->cookie;
    r->disk.done = request_done;
    q->free_requests &= q->free_requests - 1;
    q->info->in_flight = ++q->in_flight;
    switch (disk_submit(&r->disk)) {
    case DISK_TAKEN:
        return true;
    case DISK_DONE:
        *at_once -= MIN(*at_once, r->disk.bytes);
        blockq_complete(q, r->cookie, r->disk.status, r->disk.bytes);
        request_release(q, r);
        return true;
    case DISK_FULL:
        break;
    }
    request_release(q, r);
    return false;
}

/* Takes what is posted: at most one round of the ring, and no more once *at_once is used up. Returns how many were taken. */
static uint32_t
blockq_pump(struct blockq *q, uint32_t *at_once)
{
    uint32_t posted = shared_read(&q->shared->posted);
    uint32_t count = 0;

    q->stalled = false;
    if (posted - q->taken > AEG_QUEUE_REQUESTS)
        return 0;               /* a lie; submit says so */
    while (q->taken != posted) {
        const struct aeg_block_request *ring = frame_map(q->frames[AEG_REQUEST_FRAME(q->taken)]);
        struct aeg_block_request copy;

        if (*at_once == 0 || !blockq_room(q)) {
            q->stalled = true;
            break;
        }
        shared_copy(&copy, &ring[AEG_REQUEST_PLACE(q->taken)], offsetof(struct aeg_block_request, reserved));
        if (!request_start(q, &copy, at_once)) {
            q->stalled = true;
            break;
        }
        shared_write(&q->shared->taken, ++q->taken);
        q->info->taken++;
        count++;
    }
    return count;
}

static void
blockq_notify(struct blockq *q)
{
    if (!q->notify)
        return;
    q->notify = false;
    env_notify(q->env, q->bits);
}

void
blockq_progress(void)
{
    uint32_t at_once = AT_ONCE_BYTES;

    spin_lock(&queue_lock);
    for (uint32_t i = 0; i < queues_end; i++) {
        struct blockq *q = &queues[(progress_start + i) % queues_end];

        if (q->state != QUEUE_LIVE)
            continue;
        if (q->stalled)
            blockq_pump(q, &at_once);
        blockq_notify(q);
    }
    progress_start++;
    spin_unlock(&queue_lock);
    slot_progress();
}

bool
blockq_busy(aeg_id_t slot, uint64_t first, uint64_t count)
{
    bool busy = false;

    spin_lock(&queue_lock);
    for (uint32_t i = 0; i < BLOCKQ_MAX && !busy; i++) {
        const struct blockq *q = &queues[i];

        if (q->state == QUEUE_FREE || q->in_flight == 0)
            continue;
        for (uint32_t n = 0; n < AEG_QUEUE_IN_FLIGHT && !busy; n++) {
            const struct blockq_request *r = &q->request[n];

            busy = !(q->free_requests & 1u << n) && r->slot == slot &&
                   extents_overlap(r->disk.block, r->disk.bytes / AEG_BLOCK_SIZE, first, count);
        }
    }
    spin_unlock(&queue_lock);
    return busy;
}

static void
blockq_end(struct blockq *q)
{
    frames_unbind(q->frames, AEG_QUEUE_FRAMES);
    q->shared = NULL;
    q->id = 0;
    q->info->id = 0;
    q->state = QUEUE_DYING;
    if (q->in_flight == 0)
        blockq_vacate(q);
}

void
blockq_release_space(aeg_id_t space)
{
    spin_lock(&queue_lock);
    for (uint32_t i = 0; i < BLOCKQ_MAX; i++)
        if (queues[i].state == QUEUE_LIVE && queues[i].space == space)
            blockq_end(&queues[i]);
    spin_unlock(&queue_lock);
}

void
blockq_release_account(aeg_id_t account)
{
    spin_lock(&queue_lock);
    for (uint32_t i = 0; i < BLOCKQ_MAX; i++) {
        if (queues[i].state == QUEUE_FREE || queues[i].account != account)
            continue;
        if (queues[i].state == QUEUE_LIVE)
            blockq_end(&queues[i]);
        if (queues[i].state == QUEUE_DYING)
            queues[i].account = account_hand_up(account, AEG_KIND_QUEUE, 1);
    }
    spin_unlock(&queue_lock);
}

void
blockq_release_dying(void)
{
    spin_lock(&queue_lock);
    for (uint32_t i = 0; i < BLOCKQ_MAX; i++)
        if (queues[i].state == QUEUE_LIVE && frames_die(queues[i].frames, AEG_QUEUE_FRAMES))
            blockq_end(&queues[i]);
    spin_unlock(&queue_lock);
}

void
blockq_revoke(const struct aeg_cap *cap, aeg_id_t space)
{
    spin_lock(&queue_lock);
    for (uint32_t i = 0; i < BLOCKQ_MAX; i++)
        queues[i].cap.rights = rights_left(&queues[i].cap, queues[i].space, cap, space);
    spin_unlock(&queue_lock);
}

static struct blockq *
blockq_free_place(void)
{
    for (uint32_t i = 0; i < BLOCKQ_MAX; i++)
        if (queues[i].state == QUEUE_FREE && queues[i].generation != UINT32_MAX)     /* an id is never given out twice */
            return &queues[i];
    return NULL;
}

/* Nothing below may fail. */
static aeg_id_t
blockq_create_commit(struct blockq *q, aeg_id_t account, const struct aeg_cap *cap, const struct aeg_blockq_args *a)
{
    uint32_t generation = q->generation + 1;
    struct aeg_queue_info *exposed = q->info;

    memset(q, 0, sizeof(*q));
    q->info = exposed;
    q->state = QUEUE_LIVE;
    queues_end = MAX(queues_end, (uint32_t)(q - queues) + 1);
    q->generation = generation;
    q->id = AEG_ID(q - queues, generation);
    q->space = space_current_id();
    q->account = account;
    q->env = a->env;
    q->bits = a->bits;
    q->cap = *cap;
    q->free_requests = ~0u;
    memcpy(q->frames, a->frames, sizeof(q->frames));
    q->shared = frame_map(q->frames[0]);
    memset(q->shared, 0, sizeof(*q->shared));
    *exposed = (struct aeg_queue_info){ .id = q->id, .guard = cap->name, .space = q->space, .account = account, .env = a->env };
    return q->id;
}

/* account, cap, env_cap, args: see block.h. */
aeg_err_t
sys_blockq_create(struct sys_args *args)
{
    struct aeg_blockq_args a;
    struct aeg_cap cap;
    struct blockq *q;
    aeg_err_t err;

    if (!copy_in(&a, (struct uaddr){ args->a[3] }, sizeof(a)))
        return AEG_ERR_BAD_ADDRESS;
    err = cap_copy(args->a[1], &cap);
    if (err == AEG_OK)
        err = notify_check(a.env, args->a[2]);
    if (err != AEG_OK)
        return err;
    spin_lock(&queue_lock);
    q = blockq_free_place();
    err = q ? account_charge(args->a[0], args->a[1], AEG_KIND_QUEUE, 1) : AEG_ERR_NOMEM;
    if (err == AEG_OK) {
        err = frames_bind(a.frames, AEG_QUEUE_FRAMES, &cap, AEG_RIGHT_READ | AEG_RIGHT_WRITE);
        if (err != AEG_OK)
            account_uncharge(args->a[0], AEG_KIND_QUEUE, 1);
    }
    if (err == AEG_OK)
        args->value = blockq_create_commit(q, args->a[0], &cap, &a);
    spin_unlock(&queue_lock);
    return err;
}

static aeg_err_t
blockq_bind_check(aeg_id_t id, uint32_t slot_cap, uint64_t rights)
{
    struct slot_view slot;

    if (!slot_get(id, &slot))
        return AEG_ERR_SLOT;
    if (rights == 0 || (rights & ~(uint64_t)(AEG_RIGHT_READ | AEG_RIGHT_WRITE)))
        return AEG_ERR_RIGHTS;
    if (slot.flags & AEG_SLOT_DIRTY)
        return AEG_ERR_SLOT_DIRTY;
    if ((rights & AEG_RIGHT_WRITE) && (slot.flags & AEG_SLOT_READ_ONLY))
        return AEG_ERR_READ_ONLY;
    return cap_check(slot_cap, slot.guard, rights);
}

/* Where the next binding goes: behind the others, or in the place of one whose slot is gone. NULL: there is no room. */
static struct blockq_binding *
binding_place(struct blockq *q)
{
    struct slot_view slot;

    if (q->binding_count < AEG_QUEUE_BINDINGS) {
        q->info->bindings = q->binding_count + 1;
        return &q->binding[q->binding_count++];
    }
    for (uint32_t i = 0; i < AEG_QUEUE_BINDINGS; i++)
        if (!slot_get(q->binding[i].slot, &slot))
            return &q->binding[i];
    return NULL;
}

/* queue, cap, slot, slot_cap, rights: see block.h. */
aeg_err_t
sys_blockq_bind(struct sys_args *args)
{
    struct blockq_binding *place;
    struct blockq *q;
    aeg_err_t err;

    spin_lock(&queue_lock);
    err = blockq_get(args->a[0], args->a[1], AEG_RIGHT_CONTROL, &q);
    if (err == AEG_OK)
        err = blockq_bind_check(args->a[2], args->a[3], args->a[4]);
    if (err == AEG_OK) {
        place = binding_place(q);
        if (place) {
            *place = (struct blockq_binding){ args->a[2], args->a[4] };
            args->value = place - q->binding;
        } else {
            err = AEG_ERR_VECTOR;
        }
    }
    spin_unlock(&queue_lock);
    return err;
}

/* queue, cap: see block.h. */
aeg_err_t
sys_blockq_submit(struct sys_args *args)
{
    uint32_t at_once = AT_ONCE_BYTES;
    struct blockq *q;
    aeg_err_t err;

    spin_lock(&queue_lock);
    err = blockq_get(args->a[0], args->a[1], AEG_RIGHT_WRITE, &q);
    if (err == AEG_OK && shared_read(&q->shared->posted) - q->taken > AEG_QUEUE_REQUESTS)
        err = AEG_ERR_ARGUMENT;
    if (err == AEG_OK) {
        args->value = blockq_pump(q, &at_once);
        blockq_notify(q);
        if (at_once == 0 && q->stalled)
            err = AEG_ERR_AGAIN;
    }
    spin_unlock(&queue_lock);
    return err;
}

/* queue, cap: see block.h. */
aeg_err_t
sys_blockq_destroy(struct sys_args *args)
{
    struct blockq *q;
    aeg_err_t err;

    spin_lock(&queue_lock);
    err = blockq_get(args->a[0], args->a[1], AEG_RIGHT_CONTROL, &q);
    if (err == AEG_OK)
        blockq_end(q);
    spin_unlock(&queue_lock);
    return err;
}
