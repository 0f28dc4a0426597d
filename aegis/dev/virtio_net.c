/*
 * virtio_net.c: virtio network interfaces (VIRTIO 1.1, 5.1), one pair of queues.
 *
 * Holds:    per device NET_RX_BUFFERS receive buffers in kernel memory, always all in the receive queue but the one being read; and
 *           NET_TX_MAX transmit objects, each with its virtio header and packet header in kernel memory.
 *           Received packets are copied from here into the rings: the device cannot know whose they are before it has stored them.
 * Locks:    one per device, rank 60, never held when packets are handed up.
 */
#include "core/lockrank.h"
#include "dev/net.h"
#include "dev/virtio.h"

#define F_CSUM 0
#define F_GUEST_CSUM 1
#define F_MTU 3
#define F_MAC 5
#define F_STATUS 16
#define F_CTRL_VQ 17
#define F_CTRL_RX 18

#define CONFIG_MAC 0
#define CONFIG_STATUS 6
#define CONFIG_MTU 10
#define STATUS_LINK_UP 1u

#define RX_QUEUE 0
#define TX_QUEUE 1
#define CONTROL_QUEUE 2             /* with one pair of queues */
#define CONFIG_VECTOR 2             /* the queues have those of their numbers */

/* 5.1.6.5.1: receive everything, whomever it is for: filters decide, and sessions have addresses of their own. */
#define CONTROL_RX 0
#define CONTROL_RX_PROMISCUOUS 0
#define CONTROL_OK 0
#define CONTROL_POLLS 1000000       /* for the device's answer at boot */

#define HDR_NEEDS_CSUM 1u
#define HDR_DATA_VALID 2u

/* 5.1.6 */
struct net_header {
    uint8_t flags, gso_type;
    uint16_t header_bytes, gso_bytes, csum_start, csum_offset, buffers;
};
static_assert(sizeof(struct net_header) == 12, "5.1.6");

/* What the device reads from kernel memory: never crosses a frame. */
struct net_wire {
    struct net_header header;
    uint8_t packet[AEG_HEADER_MAX];     /* right behind the header: one piece */
    uint8_t reserved[256 - 12 - AEG_HEADER_MAX];
};
static_assert(sizeof(struct net_wire) == 256, "16 of them in a frame");

struct virtio_net {
    struct virtio_dev dev;
    struct virtq rx, tx, control;
    struct spinlock lock;
    struct nic *nic;
    uint8_t *rx_buffer;                 /* NET_RX_BUFFERS * NET_RX_BUFFER_SIZE bytes */
    uint16_t rx_by_head[VIRTQ_SIZE];    /* buffer that the chain at this head is */
    struct net_wire *wire;              /* NET_TX_MAX of them */
    struct nic_tx tx_object[NET_TX_MAX];
    struct nic_tx *tx_free;
    struct nic_tx *tx_by_head[VIRTQ_SIZE];
};

static struct virtio_net net[NIC_MAX];
static unsigned net_count;

/* ---- transmit ---- */

static struct nic_tx *
net_tx_get(struct nic *nic)
{
    struct virtio_net *n = nic->driver;
    struct nic_tx *tx = NULL;

    spin_lock(&n->lock);
    if (n->tx_free && n->tx.free_count >= NET_TX_DESC_MAX) {
        tx = n->tx_free;
        n->tx_free = tx->next;
    }
    spin_unlock(&n->lock);
    return tx;
}

static void
net_tx_put(struct nic *nic, struct nic_tx *tx)
{
    struct virtio_net *n = nic->driver;

    spin_lock(&n->lock);
    tx->next = n->tx_free;
    n->tx_free = tx;
    spin_unlock(&n->lock);
}

static void
net_tx_send(struct nic *nic, struct nic_tx *tx)
{
    struct virtio_net *n = nic->driver;
    struct net_wire *w = &n->wire[tx - n->tx_object];
    struct virtq_piece piece[NET_TX_DESC_MAX];
    uint32_t bytes = tx->header_bytes;
    int head;

    static_assert(NET_TX_DESC_MAX == 1 + AEG_TX_FRAGMENTS, "a header and every fragment");
    w->header = (struct net_header){ 0 };
    if (tx->csum) {
        w->header.flags = HDR_NEEDS_CSUM;
        w->header.csum_start = tx->csum_start;
        w->header.csum_offset = tx->csum_offset;
    }
    piece[0] = (struct virtq_piece){ direct_unmap(w), sizeof(w->header) + tx->header_bytes, false };
    for (uint32_t i = 0; i < tx->piece_count; i++) {
        piece[i + 1] = (struct virtq_piece){ (tx->piece[i].frame << FRAME_SHIFT) + tx->piece[i].offset, tx->piece[i].bytes, false };
        bytes += tx->piece[i].bytes;
    }
    spin_lock(&n->lock);
    head = virtq_add(&n->tx, piece, tx->piece_count + 1);
    AEG_ASSERT(head >= 0);      /* tx_get made sure */
    n->tx_by_head[head] = tx;
    nic->info->tx_frames++;
    nic->info->tx_bytes += bytes;
    spin_unlock(&n->lock);
}

static void
net_tx_kick(struct nic *nic)
{
    struct virtio_net *n = nic->driver;

    virtq_kick(&n->tx);
}

/* What the device has sent, at most a queue full, as a list. */
static struct nic_tx *
tx_collect(struct virtio_net *n)
{
    struct nic_tx *list = NULL, **tail = &list;
    uint32_t bytes;

    spin_lock(&n->lock);
    for (unsigned i = 0; i < n->tx.size; i++) {
        int head = virtq_take(&n->tx, &bytes);
        if (head < 0)
            break;
        *tail = n->tx_by_head[head];
        tail = &n->tx_by_head[head]->next;
    }
    *tail = NULL;
    spin_unlock(&n->lock);
    return list;
}

static void
tx_reap(struct virtio_net *n)
{
    struct nic_tx *tx = tx_collect(n);

    while (tx) {
        struct nic_tx *next = tx->next;
        ring_tx_done(tx, AEG_OK);
        net_tx_put(n->nic, tx);
        tx = next;
    }
}

/* ---- receive ---- */

static void
rx_post(struct virtio_net *n, uint16_t buffer)
{
    struct virtq_piece piece = { direct_unmap(n->rx_buffer) + (paddr_t)buffer * NET_RX_BUFFER_SIZE, NET_RX_BUFFER_SIZE, true };
    int head = virtq_add(&n->rx, &piece, 1);

    AEG_ASSERT(head >= 0);      /* there are fewer buffers than descriptors */
    n->rx_by_head[head] = buffer;
}

static uint32_t
rx_flags(const struct net_header *h)
{
    if (h->flags & HDR_NEEDS_CSUM)
        return AEG_RX_CSUM_PARTIAL;
    return h->flags & HDR_DATA_VALID ? AEG_RX_CSUM_GOOD : 0;
}

/* The next buffer that the device has filled; -1: none. */
static int
rx_next(struct virtio_net *n, uint32_t *bytes)
{
    int head;

    spin_lock(&n->lock);
    head = virtq_take(&n->rx, bytes);
    spin_unlock(&n->lock);
    return head < 0 ? -1 : n->rx_by_head[head];
}

/* Hands up what is in this buffer; whether to go on. */
static bool
rx_hand_up(struct virtio_net *n, int buffer, uint32_t bytes)
{
    const uint8_t *at = n->rx_buffer + (size_t)buffer * NET_RX_BUFFER_SIZE;
    bool good = bytes > sizeof(struct net_header) && bytes <= NET_RX_BUFFER_SIZE;

    return nic_input(n->nic, at + sizeof(struct net_header), good ? bytes - sizeof(struct net_header) : 0,
                     rx_flags((const struct net_header *)at));
}

static bool
net_rx_poll(struct nic *nic)
{
    struct virtio_net *n = nic->driver;
    bool any = false, more = true;

    while (more) {              /* NET_RX_PER_POLL times at most: nic_input counts */
        uint32_t bytes;
        int buffer = rx_next(n, &bytes);

        if (buffer < 0)
            break;
        any = true;
        more = rx_hand_up(n, buffer, bytes);
        spin_lock(&n->lock);
        rx_post(n, buffer);
        spin_unlock(&n->lock);
    }
    if (any)
        virtq_kick(&n->rx);
    return !more;
}

static void
net_rx_quiet(struct nic *nic)
{
    struct virtio_net *n = nic->driver;

    virtq_quiet(&n->rx);
}

static bool
net_rx_listen(struct nic *nic)
{
    struct virtio_net *n = nic->driver;

    return virtq_listen(&n->rx);
}

static const struct nic_ops net_ops = { net_tx_get, net_tx_put, net_tx_send, net_tx_kick, net_rx_poll, net_rx_quiet, net_rx_listen };

/* ---- interrupts ---- */

static void
link_read(void *arg)
{
    struct virtio_net *n = arg;
    bool known = n->dev.features & VIRTIO_BIT(F_STATUS);

    if (n->nic)
        n->nic->info->link_up = known ? *(volatile uint16_t *)(n->dev.config + CONFIG_STATUS) & STATUS_LINK_UP : 1;
}

static void
net_interrupt(void *arg)
{
    struct virtio_net *n = arg;

    if (virtio_interrupted(&n->dev))
        link_read(n);
    if (!n->nic)
        return;
    tx_reap(n);
    nic_interrupt(n->nic);
}

/* ---- bring-up ---- */

static void
net_memory(struct virtio_net *n)
{
    static_assert(NET_RX_BUFFERS <= VIRTQ_SIZE && FRAME_SIZE % NET_RX_BUFFER_SIZE == 0, "buffers");
    n->rx_buffer = frame_map(frame_boot_alloc(NET_RX_BUFFERS * NET_RX_BUFFER_SIZE / FRAME_SIZE));
    n->wire = frame_map(frame_boot_alloc(NET_TX_MAX * sizeof(struct net_wire) / FRAME_SIZE));
    for (unsigned i = 0; i < NET_TX_MAX; i++) {
        n->tx_object[i].header = n->wire[i].packet;
        n->tx_object[i].next = n->tx_free;
        n->tx_free = &n->tx_object[i];
    }
}

static int
net_start(struct virtio_net *n, struct pci_device *pci)
{
    uint64_t want = VIRTIO_BIT(F_CSUM) | VIRTIO_BIT(F_GUEST_CSUM) | VIRTIO_BIT(F_MTU) | VIRTIO_BIT(F_MAC) | VIRTIO_BIT(F_STATUS) |
                    VIRTIO_BIT(F_CTRL_VQ) | VIRTIO_BIT(F_CTRL_RX);

    if (virtio_open(&n->dev, pci) < 0 || virtio_negotiate(&n->dev, want) < 0)
        return -1;
    if (!(n->dev.features & VIRTIO_BIT(F_MAC)))
        return -1;
    if (virtio_queue(&n->dev, &n->rx, RX_QUEUE, net_interrupt, n) < 0 || virtio_queue(&n->dev, &n->tx, TX_QUEUE, net_interrupt, n) < 0)
        return -1;
    if (n->rx.size < NET_RX_BUFFERS || n->tx.size < NET_TX_DESC_MAX || virtio_intx(&n->dev, net_interrupt, n) < 0)
        return -1;
    if ((n->dev.features & VIRTIO_BIT(F_CTRL_RX)) && virtio_queue(&n->dev, &n->control, CONTROL_QUEUE, NULL, NULL) < 0)
        return -1;
    virtio_config_vector(&n->dev, CONFIG_VECTOR, link_read, n);
    net_memory(n);
    return 0;
}

/* A device without the control queue has no other mode. */
static void
net_promiscuous(struct virtio_net *n)
{
    static const uint8_t command[] = { CONTROL_RX, CONTROL_RX_PROMISCUOUS, true, 0xff };
    uint8_t *at = n->rx_buffer;         /* none of them is in use yet */
    struct virtq_piece piece[] = { { direct_unmap(at), 2, false }, { direct_unmap(at + 2), 1, false }, { direct_unmap(at + 3), 1, true } };
    uint32_t bytes;

    if (!(n->dev.features & VIRTIO_BIT(F_CTRL_RX)))
        return;
    memcpy(at, command, sizeof(command));
    virtq_add(&n->control, piece, ARRAY_SIZE(piece));
    virtq_kick(&n->control);
    for (unsigned i = 0; i < CONTROL_POLLS && virtq_take(&n->control, &bytes) < 0; i++)
        __builtin_ia32_pause();
    if (*(volatile uint8_t *)&at[3] != CONTROL_OK)
        klog("virtio-net: receives for its own address only\n");
}

static void
net_describe(struct virtio_net *n)
{
    struct aeg_nic_info *i = n->nic->info;
    uint64_t features = n->dev.features;

    i->features = (features & VIRTIO_BIT(F_CSUM) ? AEG_NIC_CSUM_TX : 0) | (features & VIRTIO_BIT(F_GUEST_CSUM) ? AEG_NIC_CSUM_RX : 0);
    link_read(n);
    if (features & VIRTIO_BIT(F_MTU))
        i->mtu = MIN(i->mtu, *(volatile uint16_t *)(n->dev.config + CONFIG_MTU));
}

void
virtio_net_probe(struct pci_device *pci)
{
    struct virtio_net *n = &net[net_count];
    uint8_t mac[6];

    if (pci->vendor != VIRTIO_VENDOR || (pci->device != VIRTIO_NET_MODERN && pci->device != VIRTIO_NET_TRANSITIONAL))
        return;
    if (net_count == NIC_MAX)
        return;
    n->lock = (struct spinlock)SPINLOCK(LOCK_DEVICE);
    if (net_start(n, pci) < 0) {
        virtio_fail(&n->dev);
        return;
    }
    for (unsigned i = 0; i < sizeof(mac); i++)
        mac[i] = n->dev.config[CONFIG_MAC + i];
    n->nic = nic_add(&net_ops, n, "virtio-net", mac);
    if (!n->nic)
        return;
    net_count++;
    net_describe(n);
    virtio_ready(&n->dev);
    net_promiscuous(n);
    for (uint16_t i = 0; i < NET_RX_BUFFERS; i++)
        rx_post(n, i);
    virtq_kick(&n->rx);
}
