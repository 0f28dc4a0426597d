/*
 * slot_scan.c: the slots that a disk has at boot: from its partition table, then from its slot table.
 *
 * A slot table that was never written is empty. One of which neither copy is valid hides whose extents lie where: all slots of that disk
 * are then read-only, and it is for root, from outside, to mend or clear the table partition.
 */
#include "dev/gpt.h"
#include "dev/slot.h"

#define SCAN_BLOCKS (FRAME_SIZE / AEG_BLOCK_SIZE)   /* read at once: the table is 34 blocks in a row */

static struct slot_disk disks[DISK_MAX];
static struct gpt_partition partition[GPT_ENTRY_MAX];
static aeg_frame_t scan_frame;

void
slot_scan_init(void)
{
    scan_frame = frame_boot_alloc(1);
}

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

static aeg_err_t
table_read(struct disk *disk, uint64_t block, aeg_frame_t frame)
{
    aeg_err_t err = AEG_OK;

    for (uint32_t i = 0; i < SLOT_TABLE_FRAMES && err == AEG_OK; i++)
        err = disk_read_now(disk, block + i * SCAN_BLOCKS, frame + i, FRAME_SIZE);
    return err;
}

/* Takes the copy that holds into d->now, with nothing behind its last record. false: there is none. */
static bool
table_take(struct slot_disk *d, struct slot_table *copy[2])
{
    static struct slot_extent list[GPT_ENTRY_MAX];
    uint32_t count = slot_partitions(d->disk->index, list, GPT_ENTRY_MAX);
    int half;

    half = slot_table_choose((const struct slot_table *const *)copy, d->home, list, count);
    if (half < 0 && !(slot_table_virgin(copy[0]) && slot_table_virgin(copy[1])))
        return false;
    d->half = half < 0 ? 1 : half;      /* a new table goes to half 0 */
    d->now = copy[d->half];
    d->next = copy[!d->half];
    if (half < 0)
        memset(d->now, 0, sizeof(*d->now));
    memset(&d->now->record[d->now->count], 0, (SLOT_RECORDS - d->now->count) * sizeof(struct slot_record));
    d->sequence = d->now->sequence;
    return true;
}

static void
table_mount(struct disk *disk, const struct aeg_slot_info *s)
{
    struct slot_disk *d = &disks[disk->index];
    aeg_frame_t frame = frame_boot_alloc(2 * SLOT_TABLE_FRAMES);
    struct slot_table *copy[2] = { frame_map(frame), frame_map(frame + SLOT_TABLE_FRAMES) };

    memset(d, 0, sizeof(*d));
    d->disk = disk;
    d->home = s->first;
    if (s->count < 2 * SLOT_TABLE_BLOCKS || table_read(disk, d->home, frame) != AEG_OK ||
        table_read(disk, d->home + SLOT_TABLE_BLOCKS, frame + SLOT_TABLE_FRAMES) != AEG_OK || !table_take(d, copy) || !slot_open_table(d)) {
        klog("slot: the slot table of %s cannot be used: the disk is read-only\n", disk->info->name);
        slot_close(disk->index);
        return;
    }
    klog("slot: table of %s, change %lu\n", disk->info->name, d->sequence);
}

static void
whole_disk(struct disk *d)
{
    struct aeg_slot_info *s = slot_add(d, 1, 0, d->blocks);

    if (!s)
        return;
    s->flags |= AEG_SLOT_WHOLE;
    kformat(s->name, sizeof(s->name), "%s", d->info->name);
}

void
slot_scan(struct disk *d)
{
    static const uint8_t table_guid[16] = AEG_SLOT_TABLE_GUID;
    struct gpt_reader reader = { scan_read, NULL, d->blocks };
    struct aeg_slot_info *table = NULL;
    int count;

    reader.arg = &(struct scan){ .disk = d, .frame = scan_frame };
    count = gpt_read(&reader, partition, GPT_ENTRY_MAX);
    if (count < 0)
        whole_disk(d);
    for (int i = 0; i < count; i++) {
        const struct gpt_partition *p = &partition[i];
        struct aeg_slot_info *s = slot_add(d, p->number, p->first, p->count);

        if (!s)
            break;
        memcpy(s->type_guid, p->type, sizeof(p->type));
        klog("slot: %s at %lu, %lu blocks\n", s->name, s->first, s->count);
        if (!table && memcmp(p->type, table_guid, sizeof(table_guid)) == 0) {
            table = s;
            s->flags |= AEG_SLOT_TABLE | AEG_SLOT_READ_ONLY;
        }
    }
    if (table)
        table_mount(d, table);
}
