/*
 * nvme_init.c: an NVMe controller from reset to a pair of I/O queues. Boot only, polled, each wait with a deadline.
 *
 * What is used: namespace 1 with blocks of 512 bytes and no metadata; transfers of at least a full request.
 */
#include "dev/nvme.h"

#define CAP_STRIDE(cap) ((cap) >> 32 & 15)
#define CAP_ENTRIES(cap) (((cap) & 0xffff) + 1)
#define CAP_PAGE_MIN(cap) ((cap) >> 48 & 15)
#define CC_ENABLE 1u
#define CC_QUEUES (6u << 16 | 4u << 20)     /* entry sizes 2^6 and 2^4; 4 KiB pages, NVM commands: 0 */
#define CSTS_READY 1u
#define CSTS_FATAL 2u
#define BELLS 0x1000
#define REGISTER_BYTES 0x2000

#define ADMIN_CREATE_SUBMISSION 1
#define ADMIN_CREATE_COMPLETION 5
#define ADMIN_IDENTIFY 6
#define IDENTIFY_NAMESPACE 0
#define IDENTIFY_CONTROLLER 1
#define QUEUE_CONTIGUOUS 1u
#define QUEUE_INTERRUPTS 2u
#define IO_QUEUE 1

/* 5.17.2.1, figure 275: identify controller. */
#define ID_MDTS 77
#define ID_ONCS 520
#define ID_VWC 525
#define ONCS_DEALLOCATE 0x04
#define ONCS_ZEROES 0x08
/* NVM 4.1.5.1: identify namespace. */
#define ID_NSZE 0
#define ID_FLBAS 26
#define ID_NSATTR 99
#define ID_LBAF 128
#define LBA_SHIFT 9                 /* AEG_BLOCK_SIZE */

static int
ready_wait(const struct nvme *n, uint32_t want)
{
    uint64_t deadline = time_ns() + DEVICE_POLL_NS;

    while ((n->reg->csts & CSTS_READY) != want)
        if ((n->reg->csts & CSTS_FATAL) || time_ns() > deadline)
            return -1;
    return 0;
}

static void
queue_make(struct nvme *n, struct nvme_queue *q, unsigned id, uint16_t entries)
{
    static_assert(NVME_IO_ENTRIES * sizeof(struct nvme_command) <= FRAME_SIZE, "one frame");
    char *base = frame_map(frame_boot_alloc(2));
    volatile uint32_t *bells = (volatile uint32_t *)((volatile char *)n->reg + BELLS);
    uint32_t stride = 1u << CAP_STRIDE(n->reg->cap);    /* in words */

    *q = (struct nvme_queue){ .entries = entries, .phase = 1 };
    q->submission = (struct nvme_command *)base;
    q->completion = (struct nvme_completion *)(base + FRAME_SIZE);
    q->submission_bell = bells + 2 * id * stride;
    q->completion_bell = bells + (2 * id + 1) * stride;
}

static int
controller_enable(struct nvme *n)
{
    n->reg->cc = 0;
    if (ready_wait(n, 0) < 0)
        return -1;
    queue_make(n, &n->admin, 0, NVME_ADMIN_ENTRIES);
    n->reg->aqa = (NVME_ADMIN_ENTRIES - 1) << 16 | (NVME_ADMIN_ENTRIES - 1);
    n->reg->asq = direct_unmap(n->admin.submission);
    n->reg->acq = direct_unmap((const void *)n->admin.completion);
    n->reg->cc = CC_QUEUES | CC_ENABLE;
    return ready_wait(n, CSTS_READY);
}

/* One admin command, to its end. */
static int
admin(struct nvme *n, struct nvme_command c)
{
    uint64_t deadline = time_ns() + DEVICE_POLL_NS;
    uint16_t id, status;

    nvme_post(&n->admin, &c, 0);
    while (!nvme_take(&n->admin, &id, &status))
        if (time_ns() > deadline)
            return -1;
    return status == 0 ? 0 : -1;
}

static int
identify(struct nvme *n, uint32_t what, uint32_t nsid, void *page)
{
    return admin(n, (struct nvme_command){ .opcode = ADMIN_IDENTIFY, .nsid = nsid, .prp1 = direct_unmap(page), .cdw10 = what });
}

static int
controller_identify(struct nvme *n, const uint8_t *page)
{
    uint32_t mdts;

    if (identify(n, IDENTIFY_CONTROLLER, 0, (void *)page) < 0)
        return -1;
    mdts = page[ID_MDTS];
    n->transfer_max = mdts == 0 || mdts > 16 ? UINT32_MAX : 1u << (12 + CAP_PAGE_MIN(n->reg->cap) + mdts);
    n->can_deallocate = page[ID_ONCS] & ONCS_DEALLOCATE;
    n->can_zero = page[ID_ONCS] & ONCS_ZEROES;
    n->write_cache = page[ID_VWC] & 1;
    return n->transfer_max >= AEG_REQUEST_FRAMES * FRAME_SIZE ? 0 : -1;
}

static int
namespace_identify(struct nvme *n, const uint8_t *page)
{
    uint32_t format;

    if (identify(n, IDENTIFY_NAMESPACE, 1, (void *)page) < 0)
        return -1;
    memcpy(&n->blocks, page + ID_NSZE, sizeof(n->blocks));
    n->read_only = page[ID_NSATTR] & 1;
    memcpy(&format, page + ID_LBAF + 4 * (page[ID_FLBAS] & 15), sizeof(format));
    return n->blocks != 0 && (format & 0xffff) == 0 && (format >> 16 & 0xff) == LBA_SHIFT ? 0 : -1;
}

static int
io_queues(struct nvme *n, irq_handler *handler)
{
    uint32_t size = (NVME_IO_ENTRIES - 1) << 16 | IO_QUEUE;
    int wired = pci_msix_enable(n->pci) == 0 ? pci_msix_set(n->pci, 0, handler, n) : pci_intx_set(n->pci, handler, n);

    if (wired < 0)
        return -1;
    queue_make(n, &n->io, IO_QUEUE, NVME_IO_ENTRIES);
    if (admin(n, (struct nvme_command){ .opcode = ADMIN_CREATE_COMPLETION, .prp1 = direct_unmap((const void *)n->io.completion),
                                        .cdw10 = size, .cdw11 = QUEUE_CONTIGUOUS | QUEUE_INTERRUPTS }) < 0)
        return -1;
    return admin(n, (struct nvme_command){ .opcode = ADMIN_CREATE_SUBMISSION, .prp1 = direct_unmap(n->io.submission),
                                           .cdw10 = size, .cdw11 = IO_QUEUE << 16 | QUEUE_CONTIGUOUS });
}

static int
failed(const struct nvme *n, const char *what)
{
    klog("nvme: %02x:%02x.%x: %s\n", n->pci->bus, n->pci->slot, n->pci->function, what);
    if (n->reg)
        n->reg->cc = 0;
    return -1;
}

int
nvme_start(struct nvme *n, irq_handler *handler)
{
    paddr_t base = pci_bar(n->pci, 0);
    uint8_t *page;

    if (!base)
        return failed(n, "no registers");
    pci_enable(n->pci);
    n->reg = device_map(base, REGISTER_BYTES);
    if (CAP_PAGE_MIN(n->reg->cap) != 0 || CAP_ENTRIES(n->reg->cap) < NVME_IO_ENTRIES || CAP_STRIDE(n->reg->cap) > 8)
        return failed(n, "no 4 KiB pages, queues too short, or doorbells too far apart");
    if (controller_enable(n) < 0)
        return failed(n, "does not become ready");
    page = frame_map(frame_boot_alloc(1));
    if (controller_identify(n, page) < 0)
        return failed(n, "transfers are too small");
    if (namespace_identify(n, page) < 0)
        return failed(n, "namespace 1 is not one of plain 512-byte blocks");
    if (io_queues(n, handler) < 0)
        return failed(n, "no I/O queues");
    n->extra = frame_map(frame_boot_alloc(NVME_IO_ENTRIES * sizeof(union nvme_extra) / FRAME_SIZE));
    return 0;
}
