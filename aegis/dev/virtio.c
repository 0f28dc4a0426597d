/*
 * virtio.c: the PCI transport and split virtqueues (VIRTIO 1.1, 2.6 and 4.1).
 *
 * Holds:    nothing of its own: devices and queues are the drivers'.
 * Locks:    the driver's; every function works on one device.
 * Trust:    the device is trusted with memory (it does DMA); yet what it writes in used rings is checked, so that a broken one ends in a
 *           lost request and not in a wild pointer.
 */
#include "dev/virtio.h"

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_FAILED 128u
#define NO_VECTOR 0xffffu
#define ISR_CONFIG 2u
#define RESET_SPINS 1000000

/* 4.1.4: kinds of vendor capability */
#define CAP_COMMON 1
#define CAP_NOTIFY 2
#define CAP_ISR 3
#define CAP_DEVICE 4

/* The registers that one vendor capability points at, mapped, and how many bytes. */
static volatile uint8_t *
region_map(struct virtio_dev *v, unsigned cap, uint32_t *bytes)
{
    paddr_t base = pci_bar(v->pci, pci_read8(v->pci, cap + 4));

    *bytes = pci_read32(v->pci, cap + 12);
    if (!base || *bytes == 0)
        return NULL;
    return device_map(base + pci_read32(v->pci, cap + 8), *bytes);
}

static void
region_found(struct virtio_dev *v, unsigned cap)
{
    uint32_t bytes;

    switch (pci_read8(v->pci, cap + 3)) {
    case CAP_COMMON:
        if (!v->common)
            v->common = (volatile struct virtio_common *)region_map(v, cap, &bytes);
        break;
    case CAP_NOTIFY:
        if (!v->notify_base)
            v->notify_base = region_map(v, cap, &bytes);
        v->notify_multiplier = pci_read32(v->pci, cap + 16);
        break;
    case CAP_ISR:
        if (!v->isr)
            v->isr = region_map(v, cap, &bytes);
        break;
    case CAP_DEVICE:
        if (!v->config)
            v->config = region_map(v, cap, &v->config_bytes);
        break;
    }
}

int
virtio_open(struct virtio_dev *v, struct pci_device *pci)
{
    unsigned cap = 0;

    memset(v, 0, sizeof(*v));
    v->pci = pci;
    pci_enable(pci);
    for (unsigned i = 0; i < PCI_CAP_MAX && (cap = pci_capability(pci, PCI_CAP_VENDOR, cap)) != 0; i++)
        region_found(v, cap);
    if (!v->common || !v->notify_base || !v->isr || !v->config)
        return -1;
    v->common->device_status = 0;
    for (unsigned i = 0; v->common->device_status != 0; i++)
        if (i == RESET_SPINS)
            return -1;
    v->common->device_status = STATUS_ACKNOWLEDGE;
    v->common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    v->msix = pci_msix_enable(pci) == 0;
    return 0;
}

int
virtio_negotiate(struct virtio_dev *v, uint64_t want)
{
    uint64_t offered;

    v->common->device_feature_select = 0;
    offered = v->common->device_feature;
    v->common->device_feature_select = 1;
    offered |= (uint64_t)v->common->device_feature << 32;
    if (!(offered & VIRTIO_BIT(VIRTIO_F_VERSION_1)))
        return -1;
    v->features = offered & (want | VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_ACCESS_PLATFORM));
    v->common->driver_feature_select = 0;
    v->common->driver_feature = (uint32_t)v->features;
    v->common->driver_feature_select = 1;
    v->common->driver_feature = v->features >> 32;
    v->common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    if (!(v->common->device_status & STATUS_FEATURES_OK))
        return -1;
    v->common->msix_config = NO_VECTOR;
    return 0;
}

void
virtio_ready(struct virtio_dev *v)
{
    v->common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
}

void
virtio_fail(struct virtio_dev *v)
{
    if (v->common)
        v->common->device_status = STATUS_FAILED;
    klog("virtio: %02x:%02x.%x cannot be used\n", v->pci->bus, v->pci->slot, v->pci->function);
}

/* Descriptors in the first frame, the available ring in the second, the used ring behind it (2.6: alignments 16, 2, 4). */
static void
virtq_memory(struct virtq *q)
{
    static_assert(VIRTQ_SIZE * sizeof(struct virtq_desc) <= FRAME_SIZE, "one frame of descriptors");
    static_assert(1024 + sizeof(struct virtq_used) + VIRTQ_SIZE * sizeof(struct virtq_used_item) + 2 <= FRAME_SIZE, "one frame of rings");
    static_assert(sizeof(struct virtq_avail) + VIRTQ_SIZE * 2 + 2 <= 1024, "available ring");
    char *base = frame_map(frame_boot_alloc(2));

    q->desc = (struct virtq_desc *)base;
    q->avail = (struct virtq_avail *)(base + FRAME_SIZE);
    q->used = (struct virtq_used *)(base + FRAME_SIZE + 1024);
    for (uint16_t i = 0; i < q->size; i++)
        q->desc[i].next = i + 1;
    q->free_count = q->size;
}

int
virtio_queue(struct virtio_dev *v, struct virtq *q, uint16_t index, irq_handler *handler, void *arg)
{
    volatile struct virtio_common *c = v->common;

    memset(q, 0, sizeof(*q));
    c->queue_select = index;
    q->index = index;
    q->size = MIN(c->queue_size, VIRTQ_SIZE);
    if (q->size == 0 || (q->size & (q->size - 1)))
        return -1;
    c->queue_size = q->size;
    c->queue_msix_vector = NO_VECTOR;
    if (v->msix && handler) {
        if (pci_msix_set(v->pci, index, handler, arg) < 0)
            return -1;
        c->queue_msix_vector = index;
        if (c->queue_msix_vector != index)
            return -1;
    }
    virtq_memory(q);
    c->queue_desc_low = direct_unmap(q->desc);
    c->queue_desc_high = direct_unmap(q->desc) >> 32;
    c->queue_driver_low = direct_unmap(q->avail);
    c->queue_driver_high = direct_unmap(q->avail) >> 32;
    c->queue_device_low = direct_unmap(q->used);
    c->queue_device_high = direct_unmap(q->used) >> 32;
    q->doorbell = (volatile uint16_t *)(v->notify_base + (uint64_t)c->queue_notify_off * v->notify_multiplier);
    c->queue_enable = 1;
    return 0;
}

int
virtio_intx(struct virtio_dev *v, irq_handler *handler, void *arg)
{
    return v->msix ? 0 : pci_intx_set(v->pci, handler, arg);
}

bool
virtio_interrupted(struct virtio_dev *v)
{
    return !v->msix && (*v->isr & ISR_CONFIG);      /* reading takes the line down (4.1.4.5) */
}

void
virtio_config_vector(struct virtio_dev *v, unsigned entry, irq_handler *handler, void *arg)
{
    if (v->msix && pci_msix_set(v->pci, entry, handler, arg) == 0)
        v->common->msix_config = entry;
}

uint64_t
virtio_config64(const struct virtio_dev *v, unsigned offset)
{
    const volatile uint32_t *low = (const volatile uint32_t *)(v->config + offset);

    return low[0] | (uint64_t)low[1] << 32;
}

int
virtq_add(struct virtq *q, const struct virtq_piece *piece, unsigned count)
{
    uint16_t head = q->free_head, at = head;

    if (count == 0 || count > q->free_count)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        struct virtq_desc *d = &q->desc[at];

        d->address = piece[i].address;
        d->bytes = piece[i].bytes;
        d->flags = (i + 1 < count ? VIRTQ_DESC_NEXT : 0) | (piece[i].device_writes ? VIRTQ_DESC_WRITE : 0);
        at = d->next;
    }
    q->free_head = at;
    q->free_count -= count;
    q->chain[head] = count;
    q->avail->ring[q->avail->index & (q->size - 1)] = head;
    __atomic_store_n(&q->avail->index, q->avail->index + 1, __ATOMIC_RELEASE);
    return head;
}

void
virtq_kick(struct virtq *q)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);    /* the index before the flag: 2.6.13.4.1 */
    if (!(*(volatile uint16_t *)&q->used->flags & VIRTQ_USED_NO_NOTIFY))
        *q->doorbell = q->index;
}

void
virtq_quiet(struct virtq *q)
{
    __atomic_store_n(&q->avail->flags, VIRTQ_AVAIL_NO_INTERRUPT, __ATOMIC_RELAXED);
}

bool
virtq_listen(struct virtq *q)
{
    __atomic_store_n(&q->avail->flags, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);    /* the flag before the index: 2.6.7.1 */
    return q->used_seen == __atomic_load_n(&q->used->index, __ATOMIC_ACQUIRE);
}

/* Gives a chain back to the free list; its own length is remembered here, the device's memory is not asked. */
static void
chain_free(struct virtq *q, uint16_t head)
{
    uint16_t last = head, count = q->chain[head];

    for (uint16_t i = 1; i < count; i++)
        last = q->desc[last].next;
    q->desc[last].next = q->free_head;
    q->free_head = head;
    q->free_count += count;
    q->chain[head] = 0;
}

int
virtq_take(struct virtq *q, uint32_t *bytes)
{
    struct virtq_used_item item;

    while (q->used_seen != __atomic_load_n(&q->used->index, __ATOMIC_ACQUIRE)) {
        item = q->used->ring[q->used_seen++ & (q->size - 1)];
        if (item.id >= q->size || q->chain[item.id] == 0)
            continue;           /* a broken device: it has finished what we never gave it */
        chain_free(q, item.id);
        *bytes = item.bytes;
        return item.id;
    }
    return -1;
}
