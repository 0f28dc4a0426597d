/*
 * virtio_blk.c: virtio block devices (VIRTIO 1.1, 5.2).
 *
 * Holds:    per device one virtqueue and up to BLK_INFLIGHT_MAX requests in it, each with its header and status byte in kernel memory.
 *           Data goes straight between the device and the frames of the request.
 * Locks:    one per device, rank 60, never held when a request's done() is called.
 */
#include "core/lockrank.h"
#include "dev/blockq.h"
#include "dev/slot.h"
#include "dev/virtio.h"

#define F_RO 5
#define F_FLUSH 9
#define F_DISCARD 13

#define TYPE_IN 0
#define TYPE_OUT 1
#define TYPE_FLUSH 4
#define TYPE_DISCARD 11

#define STATUS_OK 0
#define STATUS_UNSUPPORTED 2
#define STATUS_NONE 0xff            /* what we put there: the device must change it */

#define CONFIG_CAPACITY 0
#define CONFIG_MAX_DISCARD 36       /* max_discard_sectors (5.2.4) */

struct blk_header {
    uint32_t type, reserved;
    uint64_t sector;
};

struct blk_discard {
    uint64_t sector;
    uint32_t count, flags;
};

/* What the device reads and writes besides the data; one of them never crosses a frame. */
struct blk_wire {
    struct blk_header header;
    struct blk_discard discard;
    uint8_t status;
    uint8_t reserved[31];
};
static_assert(sizeof(struct blk_wire) == 64, "64 of them in a frame");
static_assert(BLK_INFLIGHT_MAX * sizeof(struct blk_wire) <= FRAME_SIZE, "one frame");

struct virtio_blk {
    struct virtio_dev dev;
    struct virtq queue;
    struct spinlock lock;
    struct disk *disk;
    struct blk_wire *wire;                      /* BLK_INFLIGHT_MAX of them */
    uint64_t free_wires;                        /* bit i: wire[i] is free */
    uint32_t max_discard;                       /* sectors */
    struct {
        struct disk_request *request;
        uint32_t wire;
    } by_head[VIRTQ_SIZE];                      /* what the chain at this head is for */
};
static_assert(BLK_INFLIGHT_MAX == 64, "free_wires is 64 bits wide");

static struct virtio_blk blk[DISK_MAX];
static unsigned blk_count;

/* The data as pieces, neighbouring frames in one. Returns how many. */
static unsigned
data_pieces(const struct disk_request *r, struct virtq_piece *piece)
{
    uint32_t start = r->start, left = r->bytes;
    unsigned count = 0;

    for (uint32_t i = 0; i < r->frame_count; i++, start = 0) {
        paddr_t address = (r->frame[i] << FRAME_SHIFT) + start;
        uint32_t n = MIN(left, FRAME_SIZE - start);

        if (count && piece[count - 1].address + piece[count - 1].bytes == address)
            piece[count - 1].bytes += n;
        else
            piece[count++] = (struct virtq_piece){ address, n, r->op == AEG_BLOCK_READ };
        left -= n;
    }
    return count;
}

static unsigned
request_pieces(const struct disk_request *r, struct blk_wire *w, struct virtq_piece *piece)
{
    static const uint32_t type[AEG_BLOCK_OPS] = { TYPE_IN, TYPE_OUT, TYPE_FLUSH, TYPE_DISCARD };
    paddr_t wire = direct_unmap(w);
    unsigned count = 1;

    w->header = (struct blk_header){ type[r->op], 0, r->op == AEG_BLOCK_READ || r->op == AEG_BLOCK_WRITE ? r->block : 0 };
    w->status = STATUS_NONE;
    piece[0] = (struct virtq_piece){ wire, sizeof(w->header), false };
    if (r->op == AEG_BLOCK_DISCARD) {
        w->discard = (struct blk_discard){ r->block, r->bytes / AEG_BLOCK_SIZE, 0 };
        piece[count++] = (struct virtq_piece){ wire + offsetof(struct blk_wire, discard), sizeof(w->discard), false };
    } else {
        count += data_pieces(r, piece + 1);
    }
    piece[count++] = (struct virtq_piece){ wire + offsetof(struct blk_wire, status), 1, true };
    return count;
}

/* What needs no device: a flush where there is no write cache, a discard that is too large (it is a hint). */
static bool
request_trivial(const struct virtio_blk *b, const struct disk_request *r)
{
    if (r->op == AEG_BLOCK_FLUSH)
        return !(b->dev.features & VIRTIO_BIT(F_FLUSH));
    return r->op == AEG_BLOCK_DISCARD && r->bytes / AEG_BLOCK_SIZE > b->max_discard;
}

static enum disk_answer
blk_submit(struct disk *d, struct disk_request *r)
{
    struct virtq_piece piece[AEG_REQUEST_FRAMES + 2];
    struct virtio_blk *b = d->driver;
    enum disk_answer answer = DISK_FULL;
    int head = -1;

    if (request_trivial(b, r)) {
        r->status = AEG_OK;
        return DISK_DONE;
    }
    spin_lock(&b->lock);
    if (b->free_wires != 0) {
        uint32_t wire = __builtin_ctzll(b->free_wires);

        head = virtq_add(&b->queue, piece, request_pieces(r, &b->wire[wire], piece));
        if (head >= 0) {
            b->by_head[head].request = r;
            b->by_head[head].wire = wire;
            b->free_wires &= ~(1ull << wire);
            virtq_kick(&b->queue);
            answer = DISK_TAKEN;
        }
    }
    spin_unlock(&b->lock);
    return answer;
}

static aeg_err_t
wire_status(const struct blk_wire *w)
{
    switch (*(const volatile uint8_t *)&w->status) {
    case STATUS_OK:
        return AEG_OK;
    case STATUS_UNSUPPORTED:
        return AEG_ERR_UNSUPPORTED;
    default:
        return AEG_ERR_DEVICE;
    }
}

/* Takes what the device has finished, at most a queue full, as a list. */
static struct disk_request *
blk_collect(struct virtio_blk *b)
{
    struct disk_request *list = NULL, **tail = &list;
    uint32_t bytes;

    spin_lock(&b->lock);
    for (unsigned i = 0; i < b->queue.size; i++) {
        int head = virtq_take(&b->queue, &bytes);
        if (head < 0)
            break;
        struct disk_request *r = b->by_head[head].request;
        r->status = wire_status(&b->wire[b->by_head[head].wire]);
        r->next = NULL;
        b->free_wires |= 1ull << b->by_head[head].wire;
        *tail = r;
        tail = &r->next;
    }
    spin_unlock(&b->lock);
    return list;
}

static void
blk_poll(struct disk *d)
{
    struct disk_request *r = blk_collect(d->driver);

    while (r) {
        struct disk_request *next = r->next;    /* the owner may use r again at once */
        disk_done(r);
        r = next;
    }
}

static void
blk_interrupt(void *arg)
{
    struct virtio_blk *b = arg;

    virtio_interrupted(&b->dev);
    if (!b->disk)
        return;
    blk_poll(b->disk);
    blockq_progress();
}

static const struct disk_ops blk_ops = { blk_submit, blk_poll };

static int
blk_start(struct virtio_blk *b, struct pci_device *pci)
{
    if (virtio_open(&b->dev, pci) < 0)
        return -1;
    if (virtio_negotiate(&b->dev, VIRTIO_BIT(F_RO) | VIRTIO_BIT(F_FLUSH) | VIRTIO_BIT(F_DISCARD)) < 0)
        return -1;
    if (virtio_queue(&b->dev, &b->queue, 0, blk_interrupt, b) < 0 || virtio_intx(&b->dev, blk_interrupt, b) < 0)
        return -1;
    if (b->queue.size < AEG_REQUEST_FRAMES + 2)
        return -1;
    b->wire = frame_map(frame_boot_alloc(1));
    b->free_wires = ~0ull;
    virtio_ready(&b->dev);
    return 0;
}

void
virtio_blk_probe(struct pci_device *pci)
{
    struct virtio_blk *b = &blk[blk_count];
    char name[8];

    if (pci->vendor != VIRTIO_VENDOR || (pci->device != VIRTIO_BLK_MODERN && pci->device != VIRTIO_BLK_TRANSITIONAL))
        return;
    if (blk_count == DISK_MAX)
        return;
    b->lock = (struct spinlock)SPINLOCK(LOCK_DEVICE);
    if (blk_start(b, pci) < 0) {
        virtio_fail(&b->dev);
        return;
    }
    kformat(name, sizeof(name), "vd%c", 'a' + blk_count);
    b->disk = disk_add(&blk_ops, b, "virtio-blk", name, virtio_config64(&b->dev, CONFIG_CAPACITY));
    if (!b->disk)
        return;
    blk_count++;
    b->disk->read_only = b->dev.features & VIRTIO_BIT(F_RO);
    b->disk->can_discard = b->dev.features & VIRTIO_BIT(F_DISCARD);
    if (b->disk->can_discard)
        b->max_discard = *(volatile uint32_t *)(b->dev.config + CONFIG_MAX_DISCARD);
    slot_scan(b->disk);
}
