/*
 * slot.c: slots: the extents of disks that may be bound to block queues.
 *
 * Holds:    the slot places, exposed at info->slots. Each GPT partition is a slot; a disk without a partition table is one slot; both are
 *           there from boot and stay, with guard {MACHINE, 4, disk + 1, partition number, or 1 for a whole disk}. A disk with a slot table
 *           has SLOT_RECORDS places more, one for each record of the table: what was carved out of other slots.
 *           A slot reaches its extent less those of its children.
 * Locks:    slot_lock, rank 27.
 * Not here: finding them at boot (slot_scan.c), the table as bytes (slot_table.c), changing it (slot_calls.c, slot_op.c).
 */
#include "dev/slot.h"
#include "core/lockrank.h"
#include "dev/blockq.h"

struct spinlock slot_lock = SPINLOCK(LOCK_SLOT);
static struct aeg_slot_info *slot;
static uint32_t slot_count;
static struct slot_disk *slot_disk[DISK_MAX];

void
slot_init(void)
{
    uint64_t bytes = SLOT_MAX * sizeof(*slot);

    slot = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    info->slots = (struct aeg_table){ info_expose(slot, bytes), 0, sizeof(*slot) };
    slot_count = 0;
    memset(slot_disk, 0, sizeof(slot_disk));
    slot_scan_init();
    slot_calls_init();
    slot_op_init();
}

struct aeg_slot_info *
slot_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < slot_count && id != 0 && slot[index].id == id ? &slot[index] : NULL;
}

struct slot_disk *
slot_disk_at(uint32_t disk_index)
{
    return slot_disk[disk_index];
}

struct slot_disk *
slot_disk_of(const struct aeg_slot_info *s)
{
    return slot_disk[s->disk];
}

uint32_t
slot_number(const struct slot_disk *d, const struct aeg_slot_info *s)
{
    return s->flags & AEG_SLOT_CARVED ? s - slot - d->base + 1 : 0;
}

struct aeg_slot_info *
slot_of_record(const struct slot_disk *d, uint32_t number)
{
    return &slot[d->base + number - 1];
}

bool
slot_get(aeg_id_t id, struct slot_view *view)
{
    const struct aeg_slot_info *s;

    spin_lock(&slot_lock);
    s = slot_find(id);
    if (s)
        *view = (struct slot_view){ s->guard, s->first, s->count, s->disk, s->flags };
    spin_unlock(&slot_lock);
    return s != NULL;
}

/* Is some child of the record in the way? */
static bool
children_in(const struct slot_disk *d, uint32_t number, uint64_t first, uint64_t count)
{
    uint32_t left = d->children[number];

    for (uint32_t i = 0; left > 0 && i < SLOT_RECORDS; i++) {
        const struct slot_record *r = &d->now->record[i];

        if (r->count == 0 || r->parent != number)
            continue;
        if (extents_overlap(first, count, r->first, r->count))
            return true;
        left -= number != 0;    /* other partitions' children count for [0], too: all are looked at */
    }
    return false;
}

aeg_err_t
slot_reach(aeg_id_t id, const struct slot_view *view, uint64_t first, uint64_t count)
{
    struct slot_disk *d = slot_disk[view->disk];
    const struct aeg_slot_info *s;
    aeg_err_t err = AEG_OK;

    if (!d)
        return AEG_OK;
    spin_lock(&slot_lock);
    s = slot_find(id);
    if (!s)
        err = AEG_ERR_SLOT;
    else if (d->op.fenced == id && extents_overlap(first, count, d->op.fence.first, d->op.fence.count))
        err = d->op.refusal;
    else if (children_in(d, slot_number(d, s), first, count))
        err = AEG_ERR_EXTENT;
    spin_unlock(&slot_lock);
    return err;
}

void
slot_progress(void)
{
    for (uint32_t i = 0; i < DISK_MAX; i++)
        if (slot_disk[i])
            slot_op_advance(slot_disk[i]);
}

/* ---- places ---- */

static struct aeg_slot_info *
slot_around(uint32_t disk, uint64_t block)
{
    for (uint32_t i = 0; i < slot_count; i++)
        if (slot[i].id != 0 && slot[i].disk == disk && !(slot[i].flags & AEG_SLOT_CARVED) && block - slot[i].first < slot[i].count)
            return &slot[i];
    return NULL;
}

/* Makes the place of a record say what the record says. */
static void
record_show(struct slot_disk *d, uint32_t number)
{
    const struct slot_record *r = slot_record(d->now, number);
    struct aeg_slot_info *s = slot_of_record(d, number), *parent;
    uint32_t index = s - slot;

    if (r->count == 0) {
        memset(s, 0, sizeof(*s));
        return;
    }
    parent = r->parent ? slot_of_record(d, r->parent) : slot_around(d->disk->index, r->first);
    s->guard = r->guard;
    s->disk = d->disk->index;
    s->first = r->first;
    s->count = r->count;
    s->flags = AEG_SLOT_CARVED | (d->disk->read_only ? AEG_SLOT_READ_ONLY : 0) | (r->flags & SLOT_RECORD_DIRTY ? AEG_SLOT_DIRTY : 0);
    s->parent = r->parent ? AEG_ID(parent - slot, slot_record(d->now, r->parent)->generation) : parent ? parent->id : 0;
    s->account = d->account[number];
    s->scrubbed = d->scrubbed[number];
    kformat(s->name, sizeof(s->name), "%ss%u", d->disk->info->name, number);
    s->id = AEG_ID(index, r->generation);
}

static void
record_settle(struct slot_disk *d, uint32_t number, aeg_id_t account)
{
    if (d->account[number] != 0)
        account_uncharge(d->account[number], AEG_KIND_SLOT, 1);
    d->account[number] = account;
}

static void
records_show(struct slot_disk *d)
{
    memset(d->children, 0, sizeof(d->children));
    for (uint32_t n = 1; n <= SLOT_RECORDS; n++) {
        const struct slot_record *r = slot_record(d->now, n);

        if (r->count != 0)
            d->children[r->parent]++;
        record_show(d, n);
    }
}

/* The slots of one disk that an account pays for are its parent's, what is being carved for it too. */
static void
records_hand_up(struct slot_disk *d, aeg_id_t account)
{
    for (uint32_t n = 1; n <= SLOT_RECORDS; n++) {
        if (d->account[n] != account)
            continue;
        d->account[n] = account_hand_up(account, AEG_KIND_SLOT, 1);
        record_show(d, n);
    }
    if (d->op.state != OP_IDLE && d->op.edit.made && d->op.account == account)
        d->op.account = account_hand_up(account, AEG_KIND_SLOT, 1);
}

void
slot_release_account(aeg_id_t account)
{
    spin_lock(&slot_lock);
    for (uint32_t i = 0; i < DISK_MAX; i++)
        if (slot_disk[i])
            records_hand_up(slot_disk[i], account);
    spin_unlock(&slot_lock);
}

void
slot_commit(struct slot_disk *d)
{
    struct slot_table *old = d->now;

    d->now = d->next;
    d->next = old;
    d->half ^= 1;
    if (d->op.edit.made)
        record_settle(d, d->op.edit.made, d->op.account);
    for (uint32_t n = 1; n <= SLOT_RECORDS; n++) {
        const struct slot_record *r = slot_record(d->now, n);

        if (r->count == 0)
            record_settle(d, n, 0);
        if (memcmp(r, slot_record(old, n), sizeof(*r)) != 0)
            d->scrubbed[n] = 0;
    }
    records_show(d);
}

/* ---- boot ---- */

/* "vda" + 1 is vda1, "nvme0" + 1 is nvme0p1. */
static void
partition_name(struct aeg_slot_info *s, const struct disk *d, uint32_t number)
{
    char last = d->info->name[strlen(d->info->name) - 1];

    kformat(s->name, sizeof(s->name), "%s%s%u", d->info->name, last >= '0' && last <= '9' ? "p" : "", number);
}

struct aeg_slot_info *
slot_add(const struct disk *d, uint32_t number, uint64_t first, uint64_t count)
{
    struct aeg_slot_info *s = &slot[slot_count];

    if (slot_count == SLOT_MAX) {
        klog("slot: no place for partition %u of %s\n", number, d->info->name);
        return NULL;
    }
    s->id = AEG_ID(slot_count, 1);
    s->guard.hi = AEG_GUARD_DISK_HI(d->index) | number;
    s->disk = d->index;
    s->flags = d->read_only ? AEG_SLOT_READ_ONLY : 0;
    s->first = first;
    s->count = count;
    partition_name(s, d, number);
    info->slots.count = ++slot_count;
    return s;
}

uint32_t
slot_partitions(uint32_t disk, struct slot_extent *list, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < slot_count && count < max; i++)
        if (slot[i].id != 0 && slot[i].disk == disk && !(slot[i].flags & (AEG_SLOT_CARVED | AEG_SLOT_TABLE)))
            list[count++] = (struct slot_extent){ slot[i].first, slot[i].count };
    return count;
}

void
slot_close(uint32_t disk)
{
    for (uint32_t i = 0; i < slot_count; i++)
        if (slot[i].id != 0 && slot[i].disk == disk)
            slot[i].flags |= AEG_SLOT_READ_ONLY;
}

/* The root account pays for what an earlier boot has carved. */
static void
records_charge(struct slot_disk *d)
{
    uint32_t used = 0;

    for (uint32_t n = 1; n <= SLOT_RECORDS; n++) {
        if (slot_record(d->now, n)->count == 0)
            continue;
        d->account[n] = info->root_account;
        used++;
    }
    account_pool(AEG_KIND_SLOT, SLOT_RECORDS, used);
}

bool
slot_open_table(struct slot_disk *d)
{
    if (SLOT_MAX - slot_count < SLOT_RECORDS)
        return false;
    d->base = slot_count;
    slot_count += SLOT_RECORDS;
    info->slots.count = slot_count;
    slot_disk[d->disk->index] = d;
    records_charge(d);
    records_show(d);
    return true;
}
