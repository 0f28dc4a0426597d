/*
 * virtio.h: what virtio drivers share: finding the registers of a PCI function, negotiating, virtqueues.
 * Virtual I/O Device (VIRTIO) 1.1, OASIS: sections 2 (queues), 3 (initialisation) and 4.1 (PCI). Modern interface only.
 */
#ifndef AEGIS_DEV_VIRTIO_H
#define AEGIS_DEV_VIRTIO_H

#include "dev/limits.h"
#include "dev/pci.h"

#define VIRTIO_VENDOR 0x1af4
#define VIRTIO_NET_TRANSITIONAL 0x1000
#define VIRTIO_BLK_TRANSITIONAL 0x1001
#define VIRTIO_NET_MODERN 0x1041
#define VIRTIO_BLK_MODERN 0x1042

#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_BIT(n) (1ull << (n))

/* 4.1.4.3 */
struct virtio_common {
    uint32_t device_feature_select, device_feature;
    uint32_t driver_feature_select, driver_feature;
    uint16_t msix_config, num_queues;
    uint8_t device_status, config_generation;
    uint16_t queue_select, queue_size, queue_msix_vector, queue_enable, queue_notify_off;
    uint32_t queue_desc_low, queue_desc_high;
    uint32_t queue_driver_low, queue_driver_high;
    uint32_t queue_device_low, queue_device_high;
};
static_assert(sizeof(struct virtio_common) == 56, "4.1.4.3");

struct virtio_dev {
    struct pci_device *pci;
    volatile struct virtio_common *common;
    volatile uint8_t *notify_base;
    uint32_t notify_multiplier;
    volatile uint8_t *isr;
    volatile uint8_t *config;       /* device-specific */
    uint32_t config_bytes;
    uint64_t features;              /* negotiated */
    bool msix;
};

/* 2.6: the split virtqueue. */
struct virtq_desc {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags, next;
};
#define VIRTQ_DESC_NEXT 1u
#define VIRTQ_DESC_WRITE 2u         /* the device writes */

struct virtq_avail {
    uint16_t flags, index;
    uint16_t ring[];
};
#define VIRTQ_AVAIL_NO_INTERRUPT 1u

struct virtq_used_item {
    uint32_t id, bytes;
};

struct virtq_used {
    uint16_t flags, index;
    struct virtq_used_item ring[];
};
#define VIRTQ_USED_NO_NOTIFY 1u

struct virtq {
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    volatile uint16_t *doorbell;
    uint16_t index;                 /* of the queue in its device */
    uint16_t size;                  /* a power of two */
    uint16_t free_head, free_count; /* descriptors not in use, chained by next */
    uint16_t used_seen;
    uint16_t chain[VIRTQ_SIZE];     /* descriptors in the chain that starts here; 0: no chain of ours starts here */
};

/* One piece of memory of a chain. */
struct virtq_piece {
    paddr_t address;
    uint32_t bytes;
    bool device_writes;
};

/* Resets the device and maps its registers. -1: not a modern device. */
int virtio_open(struct virtio_dev *v, struct pci_device *pci);
/* Negotiates: VERSION_1 and whatever of `want` the device offers. -1: it does not agree. */
int virtio_negotiate(struct virtio_dev *v, uint64_t want);
/*
 * Makes queue `index`. handler(arg) is called for it by MSI-X vector `index` when there is MSI-X; NULL: it is polled. -1: no such queue,
 * no vector.
 */
int virtio_queue(struct virtio_dev *v, struct virtq *q, uint16_t index, irq_handler *handler, void *arg);
/* INTx when there is no MSI-X: handler(arg) for the whole device; it must call virtio_interrupted(). */
int virtio_intx(struct virtio_dev *v, irq_handler *handler, void *arg);
void virtio_ready(struct virtio_dev *v);
void virtio_fail(struct virtio_dev *v);
/* Acknowledges INTx; true when the device says that its configuration changed. With MSI-X there is nothing to acknowledge. */
bool virtio_interrupted(struct virtio_dev *v);
/* Has handler(arg) called by MSI-X vector `entry` when the configuration changes; without MSI-X virtio_interrupted() tells. */
void virtio_config_vector(struct virtio_dev *v, unsigned entry, irq_handler *handler, void *arg);
uint64_t virtio_config64(const struct virtio_dev *v, unsigned offset);

/* Puts a chain of `count` pieces in the queue. Its head (0 to size - 1), or -1 when there are too few free descriptors. */
int virtq_add(struct virtq *q, const struct virtq_piece *piece, unsigned count);
void virtq_kick(struct virtq *q);
/* The device need not interrupt for this queue: a hint, it still may. */
void virtq_quiet(struct virtq *q);
/* It must, for what it finishes from now on. false: it has finished something already. */
bool virtq_listen(struct virtq *q);
/* The head of a chain that the device has finished, whose descriptors are free again; -1: none. */
int virtq_take(struct virtq *q, uint32_t *bytes);

#endif
