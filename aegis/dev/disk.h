/*
 * disk.h: the small interface between those who want blocks moved (block queues, the partition reader) and the drivers that move them.
 */
#ifndef AEGIS_DEV_DISK_H
#define AEGIS_DEV_DISK_H

#include "aegis/block.h"
#include "core/kernel.h"
#include "dev/limits.h"

struct disk;

/*
 * One checked request. The owner keeps it in place, and its frames bound, until it is done. block: on the disk, not in the slot. The data
 * lies in frame[0] from `start` on, then in whole frames.
 */
struct disk_request {
    struct disk *disk;
    void (*done)(struct disk_request *r, aeg_err_t status);     /* from the interrupt, with no lock held */
    struct disk_request *next;                                  /* the driver's, from submit to done */
    aeg_err_t status;                                           /* the driver's, likewise */
    uint64_t block;
    uint32_t bytes;
    uint32_t start;
    uint8_t op;                                                 /* enum aeg_block_op */
    uint8_t frame_count;
    aeg_frame_t frame[AEG_REQUEST_FRAMES];
};

enum disk_answer {
    DISK_TAKEN,         /* done() will be called, once */
    DISK_FULL,          /* not now: try again after some request of this disk is done */
    DISK_DONE,          /* finished already, status in r->status; done() is not called */
};

struct disk_ops {
    enum disk_answer (*submit)(struct disk *d, struct disk_request *r);
    void (*poll)(struct disk *d);       /* looks for finished requests without an interrupt */
};

struct disk {
    const struct disk_ops *ops;
    void *driver;
    struct aeg_disk_info *info;
    uint32_t index;
    bool read_only;
    bool can_discard;
    uint64_t blocks;
    uint32_t zero_blocks;       /* the most that one DISK_ZERO clears; 0: the driver has none */
};

/* An operation that only the kernel asks for: zeroes an extent, no frames. Beyond enum aeg_block_op. */
#define DISK_ZERO AEG_BLOCK_OPS

/* A new disk called name ("vda"), or NULL when the table is full. Its slots are found by slot_scan() (slot.h). */
struct disk *disk_add(const struct disk_ops *ops, void *driver, const char *driver_name, const char *name, uint64_t blocks);
struct disk *disk_at(uint32_t index);
/* Boot only: reads `bytes` at `block` into a kernel frame and waits. */
aeg_err_t disk_read_now(struct disk *d, uint64_t block, aeg_frame_t frame, uint32_t bytes) AEG_MUST_USE;
/* Hands a request to the driver and counts it. */
enum disk_answer disk_submit(struct disk_request *r);
/* For drivers: the request is over. No lock may be held. */
void disk_done(struct disk_request *r);

void disk_init(void);
struct pci_device;
void virtio_blk_probe(struct pci_device *d);
void nvme_probe(struct pci_device *d);
void ramdisk_init(void);

#endif
