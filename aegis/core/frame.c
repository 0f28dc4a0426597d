/*
 * frame.c: who owns each physical frame.
 *
 * Holds:    a frame is free, a page-table node, or plain and bound `refs` times by page-table entries, envs, queues and rings.
 *           Freed while bound it is an orphan: no capability applies to it, it is still charged, and goes at the last reference.
 * Locks:    frame_lock, rank 40.
 * Not here: which page to evict. That is the library's business.
 */
#include "core/frame.h"
#include "arch/x86_64/arch.h"
#include "core/account.h"
#include "core/cap.h"
#include "core/lockrank.h"
#include "core/revoke.h"
#include "core/space.h"
#include "core/turn.h"

struct aeg_frame_info *frame_table;
uint64_t frame_count;
uint64_t frame_nodes;

uint32_t frame_dying[ACCOUNT_MAX];

static struct spinlock frame_lock = SPINLOCK(LOCK_FRAME);

/* The free list: indices in `live` (next) and `base` (previous); frame 0 is never free and ends it. */
static uint32_t free_head;

/* Frames that one frame_alloc may clear: 64 KiB is what a call may take. */
#define ALLOC_ZERO_MAX 16

/* Boot: the region the bump allocator eats, from its end downwards. */
static struct boot_region *bump;

/* The guards that have a mark; another that needs the place takes it. */
#define MARK_PLACES 64
static struct guard_place {
    struct aeg_name guard;
    uint64_t mark;
} marked[MARK_PLACES];
static uint64_t next_mark = MARK_FIRST;     /* counts for centuries */

uint64_t
guard_mark(struct aeg_name guard)
{
    uint64_t hash = (guard.hi ^ guard.lo) * 0x9e3779b97f4a7c15ull;      /* Knuth, The Art of Computer Programming, 6.4 */
    struct guard_place *place = &marked[hash >> 58];

    static_assert(MARK_PLACES == 1 << (64 - 58), "the hash's top bits");
    if (place->mark == 0 || place->guard.hi != guard.hi || place->guard.lo != guard.lo)
        *place = (struct guard_place){ guard, next_mark++ };
    return place->mark;
}

aeg_frame_t
frame_boot_alloc(uint64_t count)
{
    if (!bump || bump->bytes < count << FRAME_SHIFT)
        panic("boot memory: %lu frames wanted, none left", (unsigned long)count);
    bump->bytes -= count << FRAME_SHIFT;
    memset(direct_map(bump->base + bump->bytes), 0, count << FRAME_SHIFT);
    return (bump->base + bump->bytes) >> FRAME_SHIFT;
}

void
frame_init(void)
{
    uint64_t bytes;

    for (uint32_t i = 0; i < boot_info.usable_count; i++)
        if (!bump || boot_info.usable[i].bytes > bump->bytes)
            bump = &boot_info.usable[i];
    frame_count = boot_info.memory_top >> FRAME_SHIFT;
    bytes = frame_count * sizeof(*frame_table);
    frame_table = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));
}

static void
free_push(aeg_frame_t frame)
{
    struct aeg_frame_info *f = frame_at(frame);

    f->type = AEG_FRAME_FREE;
    f->live = free_head;
    f->base = 0;
    if (free_head)
        frame_at(free_head)->base = frame;
    free_head = frame;
    info->frames_free++;
}

static void
free_remove(aeg_frame_t frame)
{
    struct aeg_frame_info *f = frame_at(frame);

    if (f->base)
        frame_at(f->base)->live = f->live;
    else
        free_head = f->live;
    if (f->live)
        frame_at(f->live)->base = f->base;
    f->live = 0;
    f->base = 0;
    info->frames_free--;
}

void
frame_seal(void)
{
    struct aeg_account_info *root = account_find(info->root_account);

    for (uint32_t i = 0; i < boot_info.usable_count; i++) {
        struct boot_region *r = &boot_info.usable[i];
        for (uint64_t f = (r->base + r->bytes) >> FRAME_SHIFT; f-- > r->base >> FRAME_SHIFT;) {
            frame_at(f)->flags = AEG_FRAME_DIRTY;
            frame_at(f)->refs = AEG_ID_GENERATION(root->id);
            free_push(f);
        }
    }
    bump = NULL;
    info->frames_total = info->frames_free;
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        uint64_t first = boot_info.module[i].base >> FRAME_SHIFT;
        uint64_t count = (boot_info.module[i].bytes + FRAME_SIZE - 1) >> FRAME_SHIFT;
        for (uint64_t f = first; f < first + count && f < frame_count; f++)
            *frame_at(f) = (struct aeg_frame_info){
                .guard.hi = AEG_GUARD_MODULE_HI, .type = AEG_FRAME_PLAIN, .flags = AEG_FRAME_DIRTY,
            };
        info->frames_total += count;
    }
    account_pool(AEG_KIND_FRAME, info->frames_total, info->frames_total - info->frames_free);
}

/*
 * Gives a free frame to an account. Cleared when another account had it last (a place in the table may have changed hands: its generation
 * lies in the `refs` of a free frame); says whether it holds zeroes.
 */
static bool
frame_hand_out(aeg_frame_t frame, uint32_t account, struct aeg_name guard, uint32_t *cleared)
{
    struct aeg_frame_info *f = frame_at(frame);
    bool zero = !(f->flags & AEG_FRAME_DIRTY);

    free_remove(frame);
    if (!zero && (f->account != account || f->refs != AEG_ID_GENERATION(account_at(account)->id))) {
        memset(frame_map(frame), 0, FRAME_SIZE);
        (*cleared)++;
        zero = true;
    }
    f->type = AEG_FRAME_PLAIN;
    f->refs = 0;
    f->guard = guard;
    f->base = guard_mark(guard);
    f->account = account;
    f->flags = AEG_FRAME_DIRTY;
    return zero;
}

aeg_frame_t
frame_take_zeroed(uint32_t account, struct aeg_name guard)
{
    aeg_frame_t frame;
    uint32_t cleared = 0;

    spin_lock(&frame_lock);
    frame = free_head;
    if (frame && !frame_hand_out(frame, account, guard, &cleared))
        memset(frame_map(frame), 0, FRAME_SIZE);
    spin_unlock(&frame_lock);
    return frame;
}

/* frames[] of frame_alloc: the caller's wish, 0 for any. The account has been charged. */
static aeg_err_t
alloc_one(uint64_t *slot, uint32_t account, struct aeg_name guard, uint32_t *cleared)
{
    aeg_frame_t frame = *slot;
    aeg_err_t err = AEG_OK;

    if (frame >= frame_count)
        return AEG_ERR_FRAME;
    spin_lock(&frame_lock);
    if (frame == 0)
        frame = free_head;
    if (frame == 0)
        err = AEG_ERR_NOMEM;
    else if (frame_at(frame)->type != AEG_FRAME_FREE)
        err = AEG_ERR_FRAME_BUSY;
    else
        *slot = frame | (frame_hand_out(frame, account, guard, cleared) ? AEG_FRAME_ZERO : 0);
    spin_unlock(&frame_lock);
    return err;
}

/* The account pays for all of them at once if it can, else for as many as it can. *done: how many it got. */
static aeg_err_t
alloc_list(uint64_t *list, uint64_t count, struct aeg_account_info *account, struct aeg_name guard, uint32_t *cleared, uint64_t *done)
{
    uint64_t paid = account_take(account, AEG_KIND_FRAME, count) == AEG_OK ? count : 0;
    aeg_err_t err = AEG_OK;

    for (*done = 0; *done < count && err == AEG_OK;) {
        if (*done == paid) {
            err = account_take(account, AEG_KIND_FRAME, 1);
            paid += err == AEG_OK;
        }
        if (err == AEG_OK)
            err = *cleared < ALLOC_ZERO_MAX ? alloc_one(&list[*done], AEG_ID_INDEX(account->id), guard, cleared) : AEG_ERR_AGAIN;
        *done += err == AEG_OK;
    }
    if (paid > *done)
        account_give(account, AEG_KIND_FRAME, paid - *done);
    return err;
}

/* What there was is given out. Is it time to have some back? That is done alone. */
static aeg_err_t
alloc_pressure(aeg_id_t id, uint64_t missing, aeg_err_t err)
{
    bool short_of = err == AEG_ERR_LIMIT || err == AEG_ERR_NOMEM;
    const struct aeg_account_info *account;

    if (!short_of && !revoke_out && info->frames_free >= revoke_low + account_at(0)->promised[AEG_KIND_FRAME])
        return err;
    if (cpus_many)
        turn_upgrade(this_cpu());
    account = account_find(id);
    if (!account)
        return err;
    return revoke_pressure(account, short_of ? missing : 0) && short_of ? AEG_ERR_AGAIN : err;
}

#define ALLOC_CHUNK 32

aeg_err_t
sys_frame_alloc(struct sys_args *args)
{
    struct aeg_account_info *account;
    uint64_t count = args->a[3], list[ALLOC_CHUNK], allowed;
    struct aeg_cap guard;
    uint32_t cleared = 0;
    aeg_err_t err;

    if (cpus_many && revoke_out)
        turn_upgrade(this_cpu());       /* what is allowed depends on how far that has come */
    account = account_find(args->a[0]);
    if (!account)
        return AEG_ERR_ACCOUNT;
    if (count > AEG_VECTOR_MAX)
        return AEG_ERR_VECTOR;
    err = cap_check(args->a[1], account->guard, AEG_RIGHT_WRITE);
    if (err == AEG_OK)
        err = cap_copy(args->a[2], &guard);
    allowed = MIN(count, revoke_allowance(account));
    while (err == AEG_OK && args->value < allowed) {
        struct uaddr at = { args->a[4] + args->value * sizeof(uint64_t) };
        uint64_t n = MIN(allowed - args->value, ALLOC_CHUNK), done;

        if (!copy_in(list, at, n * sizeof(uint64_t)) || !copy_out(at, list, n * sizeof(uint64_t)))
            return AEG_ERR_BAD_ADDRESS;
        err = alloc_list(list, n, account, guard.name, &cleared, &done);
        args->value += done;
        /* It was writable a moment ago. A library that takes it away meanwhile, on another CPU, does not learn what it has been given. */
        if (!copy_out(at, list, n * sizeof(uint64_t)))
            return AEG_ERR_BAD_ADDRESS;
    }
    if (err == AEG_OK && allowed < count)
        err = AEG_ERR_LIMIT;
    return alloc_pressure(args->a[0], count - args->value, err);
}

/* Of a dying frame: it is gone, or another account's. */
static void
dies_no_more(struct aeg_frame_info *f)
{
    if (!(f->flags & AEG_FRAME_DYING))
        return;
    f->flags &= ~AEG_FRAME_DYING;
    frame_dying[f->account]--;
}

static void
frame_release(aeg_frame_t frame)
{
    struct aeg_frame_info *f = frame_at(frame);
    struct aeg_account_info *account = account_at(f->account);

    dies_no_more(f);
    f->guard = (struct aeg_name){ 0, 0 };
    f->refs = f->flags & AEG_FRAME_INHERITED ? 0 : AEG_ID_GENERATION(account->id);     /* 0: nobody's, so that it is cleared */
    free_push(frame);
    account_give(account, AEG_KIND_FRAME, 1);
}

void
frame_unref(aeg_frame_t frame)
{
    struct aeg_frame_info *f = frame_at(frame);

    spin_lock(&frame_lock);
    AEG_ASSERT(f->refs > 0);
    f->refs--;
    if (f->refs == 0 && f->type == AEG_FRAME_ORPHAN)
        frame_release(frame);
    spin_unlock(&frame_lock);
}

/* The frame of a call's argument: it is memory that `cap` may use so. */
static aeg_err_t
frame_check(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    const struct aeg_frame_info *f;

    if (frame >= frame_count || frame_at(frame)->type == AEG_FRAME_NONE)
        return AEG_ERR_FRAME;
    f = frame_at(frame);
    if (f->type == AEG_FRAME_FREE || f->type == AEG_FRAME_ORPHAN)
        return AEG_ERR_FRAME_FREE;
    return cap_allows(cap, f->guard, rights) ? AEG_OK : AEG_ERR_CAP_DENIED;
}

aeg_err_t
frame_bind(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    aeg_err_t err;

    spin_lock(&frame_lock);
    err = frame_check(frame, cap, rights);
    if (err == AEG_OK && frame_at(frame)->type == AEG_FRAME_NODE)
        err = AEG_ERR_FRAME_NODE;
    if (err == AEG_OK && frame_at(frame)->type == AEG_FRAME_SAVE)
        err = AEG_ERR_FRAME_BUSY;
    if (err == AEG_OK)
        frame_at(frame)->refs++;
    spin_unlock(&frame_lock);
    return err;
}

aeg_err_t
frame_mappable(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    if (frame >= frame_count)
        return AEG_ERR_FRAME;
    switch (frame_at(frame)->type) {
    case AEG_FRAME_PLAIN: return cap_allows(cap, frame_at(frame)->guard, rights) ? AEG_OK : AEG_ERR_CAP_DENIED;
    case AEG_FRAME_NONE: return AEG_ERR_FRAME;
    case AEG_FRAME_NODE: return AEG_ERR_FRAME_NODE;
    case AEG_FRAME_SAVE: return AEG_ERR_FRAME_BUSY;
    default: return AEG_ERR_FRAME_FREE;
    }
}

aeg_err_t
frame_map_ref(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    aeg_err_t err;

    spin_lock(&frame_lock);
    err = frame_mappable(frame, cap, rights);
    if (err == AEG_OK)
        frame_at(frame)->refs++;
    spin_unlock(&frame_lock);
    return err;
}

void
frame_unbind(aeg_frame_t frame)
{
    frame_unref(frame);
}

void
frame_become_save(aeg_frame_t frame)
{
    AEG_ASSERT(frame_at(frame)->type == AEG_FRAME_PLAIN && frame_at(frame)->refs == 1);
    memset(frame_map(frame), 0, FRAME_SIZE);    /* XSAVE leaves the rest of its header as it was, and XRSTOR faults unless it is zero */
    frame_at(frame)->type = AEG_FRAME_SAVE;
    frame_at(frame)->base = 0;
}

void
frame_leave_save(aeg_frame_t frame)
{
    if (frame_at(frame)->type == AEG_FRAME_SAVE)
        frame_at(frame)->type = AEG_FRAME_PLAIN;
}

void
frame_become_node(aeg_frame_t frame, unsigned level, uint64_t base)
{
    struct aeg_frame_info *f = frame_at(frame);

    memset(frame_map(frame), 0, FRAME_SIZE);
    frame_nodes++;
    f->type = AEG_FRAME_NODE;
    f->level = level;
    f->base = base;
    f->live = 0;
}

void
frame_leave_node(aeg_frame_t frame)
{
    struct aeg_frame_info *f = frame_at(frame);

    frame_nodes--;
    f->type = AEG_FRAME_PLAIN;
    f->level = 0;
    f->base = 0;
    f->live = 0;
}

/* A plain or save frame is its account's no longer, or not for longer than it is bound. */
static void
frame_let_go(aeg_frame_t frame)
{
    frame_at(frame)->base = 0;
    if (frame_at(frame)->refs > 0)
        frame_at(frame)->type = AEG_FRAME_ORPHAN;
    else
        frame_release(frame);
}

static aeg_err_t
free_one(aeg_frame_t frame, const struct aeg_cap *cap)
{
    aeg_err_t err;

    spin_lock(&frame_lock);
    err = frame_check(frame, cap, AEG_RIGHT_WRITE);
    if (err == AEG_OK && frame_at(frame)->type == AEG_FRAME_NODE)
        err = AEG_ERR_FRAME_NODE;
    if (err == AEG_OK)
        frame_let_go(frame);
    spin_unlock(&frame_lock);
    return err;
}

bool
frame_repossess(aeg_frame_t frame, uint32_t account, bool bound)
{
    struct aeg_frame_info *f = frame_at(frame);

    if (f->account != account || f->type != AEG_FRAME_PLAIN || (f->flags & AEG_FRAME_PINNED) || (f->refs != 0) != bound)
        return false;
    spin_lock(&frame_lock);
    f->flags |= AEG_FRAME_DYING;
    frame_dying[account]++;
    frame_let_go(frame);
    spin_unlock(&frame_lock);
    return true;
}

bool
frame_dies(aeg_frame_t frame)
{
    return frame_at(frame)->flags & AEG_FRAME_DYING;
}

/* Frames that one step of the end of an account looks at. */
#define RELEASE_STEP 2048

bool
frame_release_account(uint32_t account, aeg_frame_t *at)
{
    aeg_frame_t end = MIN(*at + RELEASE_STEP, frame_count);
    uint64_t outlasting = 0;

    spin_lock(&frame_lock);
    for (aeg_frame_t frame = *at; frame < end; frame++) {
        struct aeg_frame_info *f = frame_at(frame);

        if (f->account != account || f->type == AEG_FRAME_NONE || f->type == AEG_FRAME_FREE)
            continue;
        if (f->type == AEG_FRAME_PLAIN || f->type == AEG_FRAME_SAVE)
            frame_let_go(frame);
        if (f->type == AEG_FRAME_FREE)
            continue;
        dies_no_more(f);
        f->account = AEG_ID_INDEX(account_at(account)->parent);
        f->flags |= AEG_FRAME_INHERITED;
        outlasting++;
    }
    (void)account_hand_up(account_at(account)->id, AEG_KIND_FRAME, outlasting);
    spin_unlock(&frame_lock);
    *at = end;
    return end == frame_count;
}

static aeg_err_t
guard_one(aeg_frame_t frame, const struct aeg_cap *cap, struct aeg_name guard)
{
    aeg_err_t err;

    spin_lock(&frame_lock);
    err = frame_check(frame, cap, AEG_RIGHT_CONTROL);
    if (err == AEG_OK)
        frame_at(frame)->guard = guard;
    if (err == AEG_OK && frame_at(frame)->type == AEG_FRAME_NODE)
        space_epoch++;
    else if (err == AEG_OK)
        frame_at(frame)->base = 0;
    spin_unlock(&frame_lock);
    return err;
}

/* Walks a user vector of frame numbers; `guard` NULL frees, else re-guards. value: how many were done. */
static aeg_err_t
for_each_frame(struct sys_args *args, struct uaddr vector, uint64_t count, const struct aeg_cap *cap, const struct aeg_name *guard)
{
    uint64_t list[ALLOC_CHUNK];
    aeg_err_t err = AEG_OK;

    if (count > AEG_VECTOR_MAX)
        return AEG_ERR_VECTOR;
    while (err == AEG_OK && args->value < count) {
        uint64_t n = MIN(count - args->value, ALLOC_CHUNK);

        if (!copy_in(list, (struct uaddr){ vector.v + args->value * sizeof(uint64_t) }, n * sizeof(uint64_t)))
            return AEG_ERR_BAD_ADDRESS;
        for (uint64_t i = 0; i < n && err == AEG_OK; i++) {
            aeg_frame_t frame = list[i] & ~AEG_FRAME_ZERO;
            err = guard ? guard_one(frame, cap, *guard) : free_one(frame, cap);
            if (err == AEG_OK)
                args->value++;
        }
    }
    return err;
}

aeg_err_t
sys_frame_free(struct sys_args *args)
{
    struct aeg_cap cap;
    aeg_err_t err = cap_copy(args->a[0], &cap);

    return err != AEG_OK ? err : for_each_frame(args, (struct uaddr){ args->a[1] }, args->a[2], &cap, NULL);
}

aeg_err_t
sys_frame_guard(struct sys_args *args)
{
    struct aeg_cap cap, guard;
    aeg_err_t err = cap_copy(args->a[0], &cap);

    if (err == AEG_OK)
        err = cap_copy(args->a[1], &guard);
    return err != AEG_OK ? err : for_each_frame(args, (struct uaddr){ args->a[2] }, args->a[3], &cap, &guard.name);
}
