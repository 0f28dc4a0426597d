/*
 * nvme.c: NVMe disks: requests in and out of one pair of queues.
 *
 * Holds:    per controller up to NVME_IO_ENTRIES - 1 commands in flight; command i has extra[i] for its list of pages.
 *           Data goes straight between the device and the frames of the request, whose shape is what a PRP list describes: the first may
 *           begin inside a page, the others are whole.
 * Locks:    one per controller, rank 60, never held when a request's done() is called.
 * Not here: bringing the controller up (nvme_init.c); further namespaces; more than one queue pair.
 */
#include "dev/nvme.h"
#include "core/lockrank.h"
#include "dev/blockq.h"

#define NVME_CLASS 0x010802         /* mass storage, NVM, NVMe */

#define IO_FLUSH 0
#define IO_WRITE 1
#define IO_READ 2
#define IO_ZEROES 8
#define IO_DATASET 9
#define DATASET_DEALLOCATE 4u
#define ZERO_BLOCKS_MAX 0x10000u    /* the length field is 16 bits, less one */

/* 3.3.3.2.1: status code type << 8 | status code. */
#define STATUS(field) ((field) & 0x7ff)
#define STATUS_BAD_OPCODE 0x001
#define STATUS_PROTECTED 0x020      /* the namespace is write-protected */
#define STATUS_READ_ONLY_RANGE 0x182

static struct nvme nvme[DISK_MAX];
static unsigned nvme_count;

void
nvme_post(struct nvme_queue *q, struct nvme_command *c, uint16_t id)
{
    c->opcode |= (uint32_t)id << 16;
    q->submission[q->tail] = *c;
    q->tail = (q->tail + 1) % q->entries;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);    /* the command before the bell */
    *q->submission_bell = q->tail;
}

bool
nvme_take(struct nvme_queue *q, uint16_t *id, uint16_t *status)
{
    volatile struct nvme_completion *c = &q->completion[q->head];
    uint16_t field = c->status;

    if ((field & 1) != q->phase)
        return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    *id = c->command;
    *status = field >> 1;
    q->head = (q->head + 1) % q->entries;
    q->phase ^= q->head == 0;
    *q->completion_bell = q->head;
    return true;
}

static void
command_data(struct nvme_command *c, const struct disk_request *r, union nvme_extra *x)
{
    c->prp1 = (r->frame[0] << FRAME_SHIFT) + r->start;
    for (uint32_t i = 1; i < r->frame_count; i++)
        x->prp[i - 1] = r->frame[i] << FRAME_SHIFT;
    if (r->frame_count == 2)
        c->prp2 = x->prp[0];
    else if (r->frame_count > 2)
        c->prp2 = direct_unmap(x);
}

static void
command_make(struct nvme_command *c, const struct disk_request *r, union nvme_extra *x)
{
    static const uint8_t opcode[] = { IO_READ, IO_WRITE, IO_FLUSH, IO_DATASET, [DISK_ZERO] = IO_ZEROES };

    *c = (struct nvme_command){ .opcode = opcode[r->op], .nsid = 1 };
    if (r->op == AEG_BLOCK_FLUSH)
        return;
    if (r->op == AEG_BLOCK_DISCARD) {
        x->range.attributes = 0;
        x->range.blocks = r->bytes / AEG_BLOCK_SIZE;
        x->range.first = r->block;
        c->prp1 = direct_unmap(x);
        c->cdw11 = DATASET_DEALLOCATE;      /* cdw10: one range, less one */
        return;
    }
    c->cdw10 = r->block;
    c->cdw11 = r->block >> 32;
    c->cdw12 = r->bytes / AEG_BLOCK_SIZE - 1;
    if (r->op != DISK_ZERO)
        command_data(c, r, x);
}

static enum disk_answer
nvme_submit(struct disk *d, struct disk_request *r)
{
    enum disk_answer answer = DISK_FULL;
    struct nvme *n = d->driver;
    struct nvme_command c;

    if (r->op == AEG_BLOCK_FLUSH && !n->write_cache) {
        r->status = AEG_OK;
        return DISK_DONE;
    }
    spin_lock(&n->lock);
    if (n->free_commands != 0) {
        uint32_t id = __builtin_ctzll(n->free_commands);

        command_make(&c, r, &n->extra[id]);
        n->free_commands &= n->free_commands - 1;
        n->request[id] = r;
        nvme_post(&n->io, &c, id);
        answer = DISK_TAKEN;
    }
    spin_unlock(&n->lock);
    return answer;
}

static aeg_err_t
status_error(uint16_t field)
{
    switch (STATUS(field)) {
    case 0:
        return AEG_OK;
    case STATUS_BAD_OPCODE:
        return AEG_ERR_UNSUPPORTED;
    case STATUS_PROTECTED:
    case STATUS_READ_ONLY_RANGE:
        return AEG_ERR_READ_ONLY;
    default:
        return AEG_ERR_DEVICE;
    }
}

/* Takes what the device has finished, at most a queue full, as a list. */
static struct disk_request *
nvme_collect(struct nvme *n)
{
    struct disk_request *list = NULL, **tail = &list;
    uint16_t id, status;

    spin_lock(&n->lock);
    for (unsigned i = 0; i < NVME_IO_ENTRIES && nvme_take(&n->io, &id, &status); i++) {
        struct disk_request *r = id < NVME_IO_ENTRIES ? n->request[id] : NULL;

        if (!r)
            continue;           /* a broken device: it has finished what we never gave it */
        n->request[id] = NULL;
        n->free_commands |= 1ull << id;
        r->status = status_error(status);
        r->next = NULL;
        *tail = r;
        tail = &r->next;
    }
    spin_unlock(&n->lock);
    return list;
}

static void
nvme_poll(struct disk *d)
{
    struct disk_request *r = nvme_collect(d->driver);

    while (r) {
        struct disk_request *next = r->next;    /* the owner may use r again at once */
        disk_done(r);
        r = next;
    }
}

static void
nvme_interrupt(void *arg)
{
    struct nvme *n = arg;

    if (!n->disk)
        return;
    nvme_poll(n->disk);
    blockq_progress();
}

static const struct disk_ops nvme_ops = { nvme_submit, nvme_poll };

void
nvme_probe(struct pci_device *pci)
{
    struct nvme *n = &nvme[nvme_count];
    char name[8];

    if (pci->class_code != NVME_CLASS || nvme_count == DISK_MAX)
        return;
    *n = (struct nvme){ .pci = pci, .lock = SPINLOCK(LOCK_DEVICE) };
    if (nvme_start(n, nvme_interrupt) < 0)
        return;
    n->free_commands = ~0ull >> 1;      /* a queue holds one command less than it has places */
    kformat(name, sizeof(name), "nvme%u", nvme_count);
    n->disk = disk_add(&nvme_ops, n, "nvme", name, n->blocks);
    if (!n->disk)
        return;
    nvme_count++;
    n->disk->read_only = n->read_only;
    n->disk->can_discard = n->can_deallocate;
    if (n->can_zero)
        n->disk->zero_blocks = MIN(ZERO_BLOCKS_MAX, n->transfer_max / AEG_BLOCK_SIZE);
    slot_scan(n->disk);
}
