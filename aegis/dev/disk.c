/*
 * disk.c: the disks of the machine, whatever drives them.
 *
 * Holds:    the table of disks and their counters, exposed at info->disks.
 * Locks:    none: disks come at boot and stay; counters are advisory.
 * Not here: who may touch which block (slot.c, blockq.c).
 */
#include "dev/disk.h"
#include "arch/x86_64/arch.h"
#include "core/trace.h"

static struct disk disk[DISK_MAX];
static struct aeg_disk_info *disk_info;
static uint32_t disk_count;

void
disk_init(void)
{
    uint64_t bytes = DISK_MAX * sizeof(*disk_info);

    disk_count = 0;
    disk_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) / FRAME_SIZE));
    info->disks = (struct aeg_table){ info_expose(disk_info, bytes), 0, sizeof(*disk_info) };
}

struct disk *
disk_add(const struct disk_ops *ops, void *driver, const char *driver_name, const char *name, uint64_t blocks)
{
    struct disk *d = &disk[disk_count];

    if (disk_count == DISK_MAX) {
        klog("disk: no place for %s\n", name);
        return NULL;
    }
    *d = (struct disk){ ops, driver, &disk_info[disk_count], disk_count, false, false, blocks, 0 };
    kformat(d->info->driver, sizeof(d->info->driver), "%s", driver_name);
    kformat(d->info->name, sizeof(d->info->name), "%s", name);
    d->info->blocks = blocks;
    info->disks.count = ++disk_count;
    klog("disk: %s (%s), %lu blocks\n", name, driver_name, blocks);
    return d;
}

struct disk *
disk_at(uint32_t index)
{
    AEG_ASSERT(index < disk_count);
    return &disk[index];
}

static void
disk_count_result(struct disk *d, const struct disk_request *r)
{
    trace(AEG_TRACE_COMPLETE, (uint64_t)r->status << 32 | d->index << 8 | r->op, r->block);
    if (r->status != AEG_OK) {
        d->info->errors++;
    } else if (r->op == AEG_BLOCK_READ) {
        d->info->reads++;
        d->info->read_bytes += r->bytes;
    } else if (r->op == AEG_BLOCK_WRITE || r->op == DISK_ZERO) {
        d->info->writes++;
        d->info->written_bytes += r->bytes;
    } else if (r->op == AEG_BLOCK_FLUSH) {
        d->info->flushes++;
    } else {
        d->info->discards++;
    }
}

enum disk_answer
disk_submit(struct disk_request *r)
{
    enum disk_answer answer = r->disk->ops->submit(r->disk, r);

    if (answer != DISK_FULL)
        trace(AEG_TRACE_SUBMIT, (uint64_t)r->disk->index << 8 | r->op, r->block);
    if (answer == DISK_DONE)
        disk_count_result(r->disk, r);
    return answer;
}

void
disk_done(struct disk_request *r)
{
    disk_count_result(r->disk, r);
    r->done(r, r->status);
}

static volatile bool read_finished;

static void
read_now_done(struct disk_request *r, aeg_err_t status)
{
    (void)r;
    (void)status;
    read_finished = true;
}

aeg_err_t
disk_read_now(struct disk *d, uint64_t block, aeg_frame_t frame, uint32_t bytes)
{
    static struct disk_request r;       /* not on the stack: after a timeout the device may still write its status */
    uint64_t deadline = time_ns() + DEVICE_POLL_NS;

    r = (struct disk_request){ .disk = d, .done = read_now_done, .block = block, .bytes = bytes, .op = AEG_BLOCK_READ,
                               .frame_count = 1, .frame = { frame } };
    read_finished = false;
    switch (disk_submit(&r)) {
    case DISK_DONE:
        return r.status;
    case DISK_FULL:
        return AEG_ERR_DEVICE;
    case DISK_TAKEN:
        break;
    }
    while (!read_finished && time_ns() < deadline) {
        __builtin_ia32_pause();
        d->ops->poll(d);
    }
    return read_finished ? r.status : AEG_ERR_DEVICE;
}
