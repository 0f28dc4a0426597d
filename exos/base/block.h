/*
 * block.h: the session's block devices: slots bound to a block queue of Aegis. Everything in units of 4 KiB pages of memory and
 * 512-byte sectors of disk.
 */
#ifndef EXOS_BLOCK_H
#define EXOS_BLOCK_H

#include "base/base.h"
#include "base/wait.h"

#define BLK_SECTOR 512
#define BLK_IO_PAGES_MAX 32     /* scatter list of one request */
#define BLK_IO_KIB_MAX   128    /* ... and what it moves at most */
#define BLK_REQUESTS_MAX 32     /* on their way at a time */

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD };

struct blkdev {
    char name[16];              /* "vda", "vda1", "ram0" */
    uint64_t sector_count;
    bool read_only;
    uint32_t index;             /* binding in the block queue */
    uint32_t number;            /* of the device: major << 8 | minor */
    uint32_t disk;              /* Aegis's index of the disk that it is on */
    uint32_t part;              /* which part of it; 0: the whole disk */
    uint64_t first;             /* where on the disk it begins, in sectors */
    uint64_t requests[BLK_DISCARD + 1], sectors[BLK_DISCARD + 1];      /* so far, by enum blk_op */
};

/* Device numbers: as Linux has them of virtual disks, and of parts beyond the fifteenth. */
#define BLK_MAJOR       254u
#define BLK_MAJOR_MORE  259u
#define BLK_DISK_MINORS 16u

/*
 * One request. The caller owns it and the pages until `done`. pages[] are session pages (page_alloc) of 4 KiB each; `bytes` may end
 * in the middle of the last one (multiple of 512).
 */
struct blk_io {
    struct blkdev *dev;
    enum blk_op op;
    uint64_t sector;
    uint32_t bytes;
    uint32_t page_count;
    void *pages[BLK_IO_PAGES_MAX];
    volatile bool done;
    int status;                 /* 0 or -EIO, once done */
    void (*complete)(struct blk_io *io);    /* may be NULL; called in any env of the session, must not sleep */
    void *arg;
    struct waitq wq;
};

struct blkdev *blkdev_find(const char *name);
struct blkdev *blkdev_at(unsigned index);      /* NULL past the last */

/* Queues the request. Sleeps only when the queue is full. After `done`, status says how it went. */
void blk_submit(struct blk_io *io);
/* Sleeps (not interruptibly) until done; returns status. */
int blk_wait(struct blk_io *io) MUST_USE;
int blk_flush(struct blkdev *dev) MUST_USE;

#endif
