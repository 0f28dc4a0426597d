/*
 * slot_calls.c: the calls that carve, split, merge, free, re-guard and scrub slots.
 *
 * A call checks rights and arguments, makes the edited table, starts the change of the disk and returns AEG_ERR_AGAIN if that is not over
 * at once; made again with the same arguments, it finds its result.
 * Holds:    for each space the one such call that it has under way.
 * Locks:    slot_lock, rank 27.
 * Not here: the edits (slot_edit.c), the disk (slot_op.c).
 */
#include "core/space.h"
#include "dev/shared.h"
#include "dev/slot.h"

enum call_state { CALL_NONE, CALL_WAITING, CALL_RUNNING, CALL_DONE };

struct slot_call {
    enum call_state state;          /* WAITING: for another's change of the same disk */
    sys_handler *call;
    aeg_id_t space;
    aeg_id_t env;                   /* who is notified, with which bits */
    uint64_t bits;
    uint64_t a[6];
    aeg_err_t err;                  /* DONE */
    uint64_t value;
};

static struct slot_call *calls;     /* by index of the space */

void
slot_calls_init(void)
{
    calls = frame_map(frame_boot_alloc((SPACE_MAX * sizeof(*calls) + FRAME_SIZE - 1) / FRAME_SIZE));
}

static bool
call_same(const struct slot_call *c, sys_handler *call, const struct sys_args *args)
{
    return c->space == space_current_id() && c->call == call && memcmp(c->a, args->a, sizeof(c->a)) == 0;
}

/*
 * The calling space's call as it stands. AEG_OK: it is not under way and may begin; *over: it is over, with this result.
 * AEG_ERR_AGAIN: it runs. AEG_ERR_NOT_READY: another does.
 */
static aeg_err_t
call_enter(sys_handler *call, struct sys_args *args, uint64_t bits, struct slot_call **out, bool *over)
{
    struct slot_call *c = &calls[AEG_ID_INDEX(space_current_id())];
    bool same = call_same(c, call, args);

    *out = c;
    *over = same && c->state == CALL_DONE;
    if (*over) {
        c->state = CALL_NONE;
        args->value = c->value;
        return c->err;
    }
    if (c->state == CALL_RUNNING && !same)      /* of a space that is gone: its index is free as soon as it is over */
        return c->space == space_current_id() ? AEG_ERR_NOT_READY : AEG_ERR_AGAIN;
    c->env = caller_env();
    c->bits = bits;
    if (c->state == CALL_RUNNING)
        return AEG_ERR_AGAIN;
    c->state = CALL_NONE;
    c->call = call;
    c->space = space_current_id();
    memcpy(c->a, args->a, sizeof(c->a));
    return AEG_OK;
}

void
slot_call_over(uint32_t caller, aeg_err_t err, uint64_t value)
{
    struct slot_call *c = &calls[caller];

    c->state = err == AEG_ERR_AGAIN ? CALL_NONE : CALL_DONE;
    c->err = err;
    c->value = value;
    env_notify(c->env, c->bits);
    for (uint32_t i = 0; i < SPACE_MAX; i++) {      /* the disk is free: those who wait may try */
        if (calls[i].state != CALL_WAITING)
            continue;
        calls[i].state = CALL_NONE;
        env_notify(calls[i].env, calls[i].bits);
    }
}

/* What a call is about, as far as it is known to be right. */
struct subject {
    struct aeg_slot_info *slot;
    struct slot_disk *disk;
    uint32_t number;                /* 0: a partition */
};

static aeg_err_t
subject_get(aeg_id_t id, struct subject *s)
{
    s->slot = slot_find(id);
    if (!s->slot)
        return AEG_ERR_SLOT;
    s->disk = slot_disk_of(s->slot);
    s->number = s->disk ? slot_number(s->disk, s->slot) : 0;
    return AEG_OK;
}

/* A slot that calls other than carve may change. */
static aeg_err_t
subject_carved(aeg_id_t id, uint32_t cap, struct subject *s)
{
    aeg_err_t err = subject_get(id, s);

    if (err == AEG_OK)
        err = cap_check(cap, s->slot->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_OK && s->number == 0)
        err = AEG_ERR_SLOT_FIXED;
    if (err == AEG_OK && (s->slot->flags & AEG_SLOT_READ_ONLY))
        err = AEG_ERR_READ_ONLY;
    return err;
}

/* The guard that a capability names, if it may stand on a disk. */
static aeg_err_t
guard_get(uint32_t cap, struct aeg_name *guard)
{
    struct aeg_cap copy;
    aeg_err_t err = cap_copy(cap, &copy);

    if (err != AEG_OK)
        return err;
    if (!slot_guard_named(copy.name))
        return AEG_ERR_CAP_NAME;
    *guard = copy.name;
    return AEG_OK;
}

/* The edited table is in d->next: starts on its way to the disk. */
static aeg_err_t
change_begin(struct slot_call *c, struct slot_disk *d, const struct slot_edit *edit)
{
    d->op.edit = *edit;
    d->op.fenced = 0;
    d->op.caller = c - calls;
    c->state = CALL_RUNNING;
    slot_op_begin(d);
    return AEG_ERR_AGAIN;
}

/* The same; meanwhile requests through `s` to this extent of the disk are refused, and those in flight waited for. */
static aeg_err_t
change_begin_fenced(struct slot_call *c, const struct subject *s, const struct slot_edit *edit, struct slot_extent fence, aeg_err_t refusal)
{
    aeg_err_t err = change_begin(c, s->disk, edit);

    s->disk->op.fenced = s->slot->id;
    s->disk->op.fence = fence;
    s->disk->op.refusal = refusal;
    return err;
}

static struct slot_extent
extent_of(const struct subject *s)
{
    return (struct slot_extent){ s->slot->first, s->slot->count };
}

/* False, and the call is told when to try again: a change of this disk is under way. */
static bool
disk_idle(struct slot_call *c, const struct slot_disk *d)
{
    if (d->op.state == OP_IDLE)
        return true;
    c->state = CALL_WAITING;
    return false;
}

static aeg_err_t
carve_begin(struct slot_call *c, const uint64_t *a)
{
    struct subject s;
    struct slot_edit edit = { .kind = SLOT_CARVE, .count = a[4] };
    aeg_err_t err = subject_get(a[2], &s);

    if (err == AEG_OK)
        err = cap_check(a[1] & 0xffff, s.slot->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_OK)
        err = guard_get(a[1] >> 16 & 0xffff, &edit.guard);
    if (err != AEG_OK)
        return err;
    if (s.slot->flags & AEG_SLOT_TABLE)
        return AEG_ERR_SLOT_FIXED;
    if (!s.disk)
        return AEG_ERR_UNSUPPORTED;
    if (s.slot->flags & AEG_SLOT_DIRTY)
        return AEG_ERR_SLOT_DIRTY;
    if (s.slot->flags & AEG_SLOT_READ_ONLY)
        return AEG_ERR_READ_ONLY;
    if (a[4] == 0 || !extent_inside(a[3], a[4], 0, s.slot->count))
        return AEG_ERR_EXTENT;
    if (!disk_idle(c, s.disk))
        return AEG_ERR_AGAIN;
    edit.number = s.number;
    edit.first = s.slot->first + a[3];
    edit.outer = extent_of(&s);
    err = slot_edit_carve(s.disk->now, s.disk->next, &edit);
    if (err == AEG_OK)
        err = account_charge(a[0], a[1] >> 32, AEG_KIND_SLOT, 1);
    if (err != AEG_OK)
        return err;
    s.disk->op.account = a[0];
    return change_begin_fenced(c, &s, &edit, (struct slot_extent){ edit.first, edit.count }, AEG_ERR_EXTENT);
}

static aeg_err_t
split_begin(struct slot_call *c, const uint64_t *a)
{
    struct subject s;
    struct slot_edit edit = { .kind = SLOT_SPLIT };
    aeg_err_t err = subject_carved(a[2], a[1] & 0xffff, &s);

    if (err != AEG_OK)
        return err;
    if (a[3] == 0 || a[3] >= s.slot->count)
        return AEG_ERR_EXTENT;
    if (!disk_idle(c, s.disk))
        return AEG_ERR_AGAIN;
    edit.number = s.number;
    edit.first = s.slot->first + a[3];
    err = slot_edit_split(s.disk->now, s.disk->next, &edit);
    if (err == AEG_OK)
        err = account_charge(a[0], a[1] >> 16, AEG_KIND_SLOT, 1);
    if (err != AEG_OK)
        return err;
    s.disk->op.account = a[0];
    return change_begin_fenced(c, &s, &edit, (struct slot_extent){ edit.first, s.slot->count - a[3] }, AEG_ERR_EXTENT);
}

static aeg_err_t
merge_begin(struct slot_call *c, const uint64_t *a)
{
    struct subject s, other;
    struct slot_edit edit = { .kind = SLOT_MERGE };
    aeg_err_t err = subject_carved(a[0], a[2], &s);

    if (err == AEG_OK)
        err = subject_carved(a[1], a[2], &other);
    if (err != AEG_OK)
        return err;
    if (s.disk != other.disk)
        return AEG_ERR_SLOT_APART;
    if (!disk_idle(c, s.disk))
        return AEG_ERR_AGAIN;
    edit.number = s.number;
    edit.other = other.number;
    err = slot_edit_merge(s.disk->now, s.disk->next, &edit);
    return err == AEG_OK ? change_begin_fenced(c, &other, &edit, extent_of(&other), AEG_ERR_SLOT) : err;
}

static aeg_err_t
free_begin(struct slot_call *c, const uint64_t *a)
{
    struct subject s;
    const struct aeg_slot_info *parent;
    struct slot_edit edit = { .kind = SLOT_FREE };
    aeg_err_t err = subject_carved(a[0], a[1], &s);

    if (err != AEG_OK)
        return err;
    if (!disk_idle(c, s.disk))
        return AEG_ERR_AGAIN;
    parent = slot_find(s.slot->parent);
    AEG_ASSERT(parent);
    edit.number = s.number;
    edit.guard = parent->guard;
    err = slot_edit_free(s.disk->now, s.disk->next, &edit);
    return err == AEG_OK ? change_begin_fenced(c, &s, &edit, extent_of(&s), AEG_ERR_SLOT) : err;
}

static aeg_err_t
guard_begin(struct slot_call *c, const uint64_t *a)
{
    struct subject s;
    struct slot_edit edit = { .kind = SLOT_GUARD };
    aeg_err_t err = subject_carved(a[0], a[1] & 0xffff, &s);

    if (err == AEG_OK)
        err = guard_get(a[1] >> 16, &edit.guard);
    if (err != AEG_OK)
        return err;
    if (!disk_idle(c, s.disk))
        return AEG_ERR_AGAIN;
    edit.number = s.number;
    err = slot_edit_guard(s.disk->now, s.disk->next, &edit);
    return err == AEG_OK ? change_begin_fenced(c, &s, &edit, extent_of(&s), AEG_ERR_SLOT) : err;
}

static aeg_err_t
scrub_begin(struct slot_call *c, const uint64_t *a)
{
    struct subject s;
    const struct aeg_slot_info *parent;
    struct slot_edit edit = { .kind = SLOT_CLEAN };
    aeg_err_t err = subject_get(a[0], &s);

    if (err != AEG_OK)
        return err;
    err = cap_check(a[1], s.slot->guard, AEG_RIGHT_CONTROL);
    parent = s.number ? slot_find(s.slot->parent) : NULL;
    if (err == AEG_ERR_CAP_DENIED && parent)
        err = cap_check(a[1], parent->guard, AEG_RIGHT_CONTROL);
    if (err != AEG_OK)
        return err;
    if (s.number == 0)
        return AEG_ERR_SLOT_FIXED;
    if (s.slot->flags & AEG_SLOT_READ_ONLY)
        return AEG_ERR_READ_ONLY;
    if (!(s.slot->flags & AEG_SLOT_DIRTY))
        return AEG_ERR_NOT_READY;
    if (!disk_idle(c, s.disk))
        return AEG_ERR_AGAIN;
    edit.number = s.number;
    slot_edit_clean(s.disk->now, s.disk->next, &edit);
    return change_begin(c, s.disk, &edit);
}

/* Takes the lock. true: the call is to begin; else *err is its answer. */
static bool
slot_call(sys_handler *call, struct sys_args *args, uint64_t bits, struct slot_call **c, aeg_err_t *err)
{
    bool over;

    spin_lock(&slot_lock);
    *err = call_enter(call, args, bits, c, &over);
    return *err == AEG_OK && !over;
}

/* Lets the lock go, and gives the answer: of a change that was over at once (a RAM disk's), its result. */
static aeg_err_t
slot_answer(sys_handler *call, struct sys_args *args, struct slot_call *c, aeg_err_t err)
{
    spin_unlock(&slot_lock);
    if (err != AEG_ERR_AGAIN)
        return err;
    slot_progress();
    spin_lock(&slot_lock);
    if (c->state == CALL_DONE && call_same(c, call, args)) {
        c->state = CALL_NONE;
        args->value = c->value;
        err = c->err;
    }
    spin_unlock(&slot_lock);
    return err;
}

/* account, caps, parent, first, count, bits: see block.h. */
aeg_err_t
sys_slot_carve(struct sys_args *args)
{
    struct slot_call *c;
    aeg_err_t err;

    if (slot_call(sys_slot_carve, args, args->a[5], &c, &err))
        err = carve_begin(c, args->a);
    return slot_answer(sys_slot_carve, args, c, err);
}

/* account, caps, slot, at, bits: see block.h. */
aeg_err_t
sys_slot_split(struct sys_args *args)
{
    struct slot_call *c;
    aeg_err_t err;

    args->a[5] = 0;
    if (slot_call(sys_slot_split, args, args->a[4], &c, &err))
        err = split_begin(c, args->a);
    return slot_answer(sys_slot_split, args, c, err);
}

/* slot, next, cap, bits: see block.h. */
aeg_err_t
sys_slot_merge(struct sys_args *args)
{
    struct slot_call *c;
    aeg_err_t err;

    args->a[4] = args->a[5] = 0;
    if (slot_call(sys_slot_merge, args, args->a[3], &c, &err))
        err = merge_begin(c, args->a);
    return slot_answer(sys_slot_merge, args, c, err);
}

/* slot, cap, bits: see block.h. */
aeg_err_t
sys_slot_free(struct sys_args *args)
{
    struct slot_call *c;
    aeg_err_t err;

    args->a[3] = args->a[4] = args->a[5] = 0;
    if (slot_call(sys_slot_free, args, args->a[2], &c, &err))
        err = free_begin(c, args->a);
    return slot_answer(sys_slot_free, args, c, err);
}

/* slot, caps, bits: see block.h. */
aeg_err_t
sys_slot_guard(struct sys_args *args)
{
    struct slot_call *c;
    aeg_err_t err;

    args->a[3] = args->a[4] = args->a[5] = 0;
    if (slot_call(sys_slot_guard, args, args->a[2], &c, &err))
        err = guard_begin(c, args->a);
    return slot_answer(sys_slot_guard, args, c, err);
}

/* slot, cap, bits: see block.h. */
aeg_err_t
sys_slot_scrub(struct sys_args *args)
{
    struct slot_call *c;
    aeg_err_t err;

    args->a[3] = args->a[4] = args->a[5] = 0;
    if (slot_call(sys_slot_scrub, args, args->a[2], &c, &err))
        err = scrub_begin(c, args->a);
    return slot_answer(sys_slot_scrub, args, c, err);
}
