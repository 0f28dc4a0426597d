/*
 * slot_edit.c: what the calls do to the slot table, on a copy that holds only once it is on the disk.
 *
 * Keeps:    records with the same parent are disjoint; a record lies in its parent; a dirty record has no children.
 * Not here: who may ask for it (slot_calls.c), and how it reaches the disk (slot_op.c).
 */
#include "dev/slot_table.h"

/* An empty record's number; 0: the table is full. */
static uint32_t
record_new(const struct slot_table *t)
{
    for (uint32_t n = 1; n <= SLOT_RECORDS; n++)
        if (t->record[n - 1].count == 0)
            return n;
    return 0;
}

/* Another id from now on: bindings made with the old one are dead. Never 0. */
static void
record_renew(struct slot_record *r)
{
    if (++r->generation == 0)
        r->generation = 1;
}

static void
record_empty(struct slot_record *r)
{
    uint32_t generation = r->generation;

    memset(r, 0, sizeof(*r));
    r->generation = generation;
}

static void
record_fill(struct slot_record *r, uint64_t first, uint64_t count, uint32_t parent, struct aeg_name guard, uint32_t flags)
{
    record_renew(r);
    r->first = first;
    r->count = count;
    r->parent = parent;
    r->guard = guard;
    r->flags = flags;
}

/* A dirty record of exactly this extent is taken over by a guard below its own; nothing else may lie there. */
aeg_err_t
slot_edit_carve(const struct slot_table *now, struct slot_table *t, struct slot_edit *e)
{
    memcpy(t, now, sizeof(*t));
    if (e->count == 0 || !extent_inside(e->first, e->count, e->outer.first, e->outer.count))
        return AEG_ERR_EXTENT;
    e->made = 0;
    for (uint32_t n = 1; n <= SLOT_RECORDS; n++) {
        const struct slot_record *r = slot_record(t, n);

        if (r->count == 0 || r->parent != e->number || !extents_overlap(e->first, e->count, r->first, r->count))
            continue;
        if (!(r->flags & SLOT_RECORD_DIRTY))
            return AEG_ERR_EXTENT;
        if (r->first != e->first || r->count != e->count || !slot_guard_below(e->guard, r->guard))
            return AEG_ERR_SLOT_DIRTY;
        e->made = n;
    }
    if (e->made == 0)
        e->made = record_new(t);
    if (e->made == 0)
        return AEG_ERR_NOMEM;
    record_fill(slot_record(t, e->made), e->first, e->count, e->number, e->guard, 0);
    return AEG_OK;
}

aeg_err_t
slot_edit_split(const struct slot_table *now, struct slot_table *t, struct slot_edit *e)
{
    struct slot_record *r = slot_record(t, e->number);
    uint64_t end;

    memcpy(t, now, sizeof(*t));
    end = r->first + r->count;
    if (e->first <= r->first || e->first >= end)
        return AEG_ERR_EXTENT;
    for (uint32_t i = 0; i < SLOT_RECORDS; i++) {
        const struct slot_record *c = &t->record[i];

        if (c->count != 0 && c->parent == e->number && c->first < e->first && c->first + c->count > e->first)
            return AEG_ERR_EXTENT;
    }
    e->made = record_new(t);
    if (e->made == 0)
        return AEG_ERR_NOMEM;
    record_fill(slot_record(t, e->made), e->first, end - e->first, r->parent, r->guard, r->flags);
    r->count = e->first - r->first;
    for (uint32_t i = 0; i < SLOT_RECORDS; i++)
        if (t->record[i].count != 0 && t->record[i].parent == e->number && t->record[i].first >= e->first)
            t->record[i].parent = e->made;
    return AEG_OK;
}

aeg_err_t
slot_edit_merge(const struct slot_table *now, struct slot_table *t, const struct slot_edit *e)
{
    struct slot_record *r = slot_record(t, e->number), *other = slot_record(t, e->other);

    memcpy(t, now, sizeof(*t));
    if (r == other || r->first + r->count != other->first || r->parent != other->parent || r->flags != other->flags ||
        r->guard.hi != other->guard.hi || r->guard.lo != other->guard.lo)
        return AEG_ERR_SLOT_APART;
    r->count += other->count;
    record_empty(other);
    for (uint32_t i = 0; i < SLOT_RECORDS; i++)
        if (t->record[i].count != 0 && t->record[i].parent == e->other)
            t->record[i].parent = e->number;
    return AEG_OK;
}

/* Dirty, unless whoever has the parent was allowed to read it anyway. */
aeg_err_t
slot_edit_free(const struct slot_table *now, struct slot_table *t, const struct slot_edit *e)
{
    struct slot_record *r = slot_record(t, e->number);

    memcpy(t, now, sizeof(*t));
    if (r->flags & SLOT_RECORD_DIRTY)
        return AEG_ERR_SLOT_DIRTY;
    for (uint32_t i = 0; i < SLOT_RECORDS; i++)
        if (t->record[i].count != 0 && t->record[i].parent == e->number)
            return AEG_ERR_SLOT_BUSY;
    if (slot_guard_below(e->guard, r->guard)) {
        record_empty(r);
    } else {
        record_renew(r);
        r->flags |= SLOT_RECORD_DIRTY;
    }
    return AEG_OK;
}

aeg_err_t
slot_edit_guard(const struct slot_table *now, struct slot_table *t, const struct slot_edit *e)
{
    struct slot_record *r = slot_record(t, e->number);

    memcpy(t, now, sizeof(*t));
    if (r->flags & SLOT_RECORD_DIRTY)
        return AEG_ERR_SLOT_DIRTY;
    record_renew(r);
    r->guard = e->guard;
    return AEG_OK;
}

void
slot_edit_clean(const struct slot_table *now, struct slot_table *t, const struct slot_edit *e)
{
    memcpy(t, now, sizeof(*t));
    record_empty(slot_record(t, e->number));
}
