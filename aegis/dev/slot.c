/*
 * slot.c: slots: the extents of disks that may be bound to block queues.
 *
 * Holds:    the slot table, exposed at info->slots. Each GPT partition is a slot; a disk without a table is one slot.
 *           Guard of a slot: {MACHINE, 4, disk + 1, partition number, or 1 for a whole disk}.
 * Locks:    none: slots come at boot and stay.
 * Not here: carving further slots out of one, which needs the table on disk.
 */
#include "dev/disk.h"
#include "dev/gpt.h"

static struct aeg_slot_info *slot;
static uint32_t slot_count;

void
slot_init(void)
{
    uint64_t bytes = SLOT_MAX * sizeof(*slot);

    slot = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    info->slots = (struct aeg_table){ info_expose(slot, bytes), 0, sizeof(*slot) };
}

const struct aeg_slot_info *
slot_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < slot_count && slot[index].id == id ? &slot[index] : NULL;
}

static struct aeg_slot_info *
slot_add(const struct disk *d, uint32_t number, uint64_t first, uint64_t count)
{
    struct aeg_slot_info *s = &slot[slot_count];

    if (slot_count == SLOT_MAX) {
        klog("slot: no place for %s%u\n", d->info->name, number);
        return NULL;
    }
    s->id = AEG_ID(slot_count, 1);
    s->guard.hi = AEG_GUARD_DISK_HI(d->index) | number;
    s->disk = d->index;
    s->flags = d->read_only ? AEG_SLOT_READ_ONLY : 0;
    s->first = first;
    s->count = count;
    info->slots.count = ++slot_count;
    return s;
}

#define SCAN_BLOCKS (FRAME_SIZE / AEG_BLOCK_SIZE)   /* read at once: the table is 34 blocks in a row */

struct scan {
    struct disk *disk;
    aeg_frame_t frame;
    uint64_t first, count;      /* blocks that the frame holds */
};

static bool
scan_read(void *arg, uint64_t block, void *buf)
{
    struct scan *scan = arg;

    if (block >= scan->disk->blocks)
        return false;
    if (block - scan->first >= scan->count) {
        scan->first = block;
        scan->count = MIN(SCAN_BLOCKS, scan->disk->blocks - block);
        if (disk_read_now(scan->disk, block, scan->frame, scan->count * AEG_BLOCK_SIZE) != AEG_OK) {
            scan->count = 0;
            return false;
        }
    }
    memcpy(buf, (char *)frame_map(scan->frame) + (block - scan->first) * AEG_BLOCK_SIZE, AEG_BLOCK_SIZE);
    return true;
}

void
slot_scan(struct disk *d)
{
    static struct gpt_partition partition[GPT_ENTRY_MAX];
    static aeg_frame_t frame;
    struct gpt_reader reader = { scan_read, NULL, d->blocks };
    struct aeg_slot_info *s;
    int count;

    if (!frame)
        frame = frame_boot_alloc(1);
    reader.arg = &(struct scan){ .disk = d, .frame = frame };
    count = gpt_read(&reader, partition, GPT_ENTRY_MAX);
    if (count < 0) {
        s = slot_add(d, 1, 0, d->blocks);
        if (s) {
            s->flags |= AEG_SLOT_WHOLE;
            kformat(s->name, sizeof(s->name), "%s", d->info->name);
        }
    }
    for (int i = 0; i < count; i++) {
        const struct gpt_partition *p = &partition[i];

        s = slot_add(d, p->number, p->first, p->count);
        if (!s)
            return;
        memcpy(s->type_guid, p->type, sizeof(p->type));
        kformat(s->name, sizeof(s->name), "%s%u", d->info->name, p->number);
        klog("slot: %s at %lu, %lu blocks\n", s->name, s->first, s->count);
    }
}
