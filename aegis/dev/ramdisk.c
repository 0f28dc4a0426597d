/*
 * ramdisk.c: the boot module "root.img" as disk ram0: its frames are its blocks, and writes change them until power-off.
 *
 * Holds:    one disk. Requests are copies and finish at once.
 * Locks:    none: two requests for the same block in flight are the library's race, as on any disk.
 */
#include "arch/x86_64/arch.h"
#include "dev/slot.h"

#define RAMDISK_MODULE "root.img"
#define RAMDISK_ZERO_BLOCKS 16      /* at once: each is cleared with interrupts off */

static enum disk_answer
ramdisk_submit(struct disk *d, struct disk_request *r)
{
    char *disk_bytes = (char *)d->driver + r->block * AEG_BLOCK_SIZE;
    uint32_t start = r->start, left = r->bytes;

    r->status = AEG_OK;
    if (r->op == DISK_ZERO)
        memset(disk_bytes, 0, r->bytes);
    for (uint32_t i = 0; i < r->frame_count; i++, start = 0) {
        char *memory = (char *)frame_map(r->frame[i]) + start;
        uint32_t n = MIN(left, FRAME_SIZE - start);

        if (r->op == AEG_BLOCK_READ)
            memcpy(memory, disk_bytes, n);
        else
            memcpy(disk_bytes, memory, n);
        disk_bytes += n;
        left -= n;
    }
    return DISK_DONE;
}

static void
ramdisk_poll(struct disk *d)
{
    (void)d;
}

static const struct disk_ops ramdisk_ops = { ramdisk_submit, ramdisk_poll };

/* The module's frames carry a guard and could be freed by root: a reference keeps them from becoming somebody else's. */
static bool
ramdisk_pin(const struct boot_module *m)
{
    static const struct aeg_cap all = { .rights = AEG_RIGHT_ALL };

    for (uint64_t at = 0; at < m->bytes; at += FRAME_SIZE)
        if (frame_bind((m->base + at) >> FRAME_SHIFT, &all, AEG_RIGHT_READ) != AEG_OK)
            return false;
    return true;
}

void
ramdisk_init(void)
{
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *m = &boot_info.module[i];
        struct disk *d;

        if (strcmp(m->name, RAMDISK_MODULE) != 0)
            continue;
        if (!ramdisk_pin(m))
            klog("ramdisk: frames of %s cannot be pinned\n", RAMDISK_MODULE);
        d = disk_add(&ramdisk_ops, direct_map(m->base), "ramdisk", "ram0", m->bytes / AEG_BLOCK_SIZE);
        if (!d)
            return;
        d->zero_blocks = RAMDISK_ZERO_BLOCKS;
        slot_scan(d);
        return;
    }
}
