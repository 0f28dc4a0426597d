/* limits.h: the bound of everything that the device layer keeps. What happens at each is an error code, tested. */
#ifndef AEGIS_DEV_LIMITS_H
#define AEGIS_DEV_LIMITS_H

#define PCI_DEVICE_MAX 64       /* functions remembered; further ones are logged and left alone */
#define PCI_CAP_MAX 48          /* capabilities of one function: the list fits in 192 bytes */
#define DISK_MAX 8
#define SLOT_RECORDS 255        /* carved slots of one disk: what one copy of its table holds */
#define SLOT_MAX (DISK_MAX * SLOT_RECORDS + 264)   /* and this many partitions */
#define SCRUB_REQUESTS 8        /* requests of one step of zeroing */
#define NIC_MAX 4
#define BLOCKQ_MAX 32
#define RING_MAX 64
#define FILTERS_PER_NIC 10240   /* as many as that for each NIC ... */
#define FILTER_MEMORY_PART 100  /* ... but in no more than this part of memory */
#define FILTER_CHAIN_MAX (RING_MAX + 16)    /* filters in one bucket: one of each owner, and those that meet by chance */
#define FILTER_RELEASE_STEP 256 /* filters that one step of ending a ring unbinds */
#define SHAPE_MAX 32            /* shapes of filters on one NIC: the probes that one packet costs */
#define EGRESS_MAX 8            /* egress filters of one ring: the compares that one sent packet costs */
#define GPT_ENTRY_MAX 128       /* partition entries looked at */

#define VIRTQ_SIZE 256          /* descriptors of a virtqueue, less when the device says so; a power of two */
#define BLK_INFLIGHT_MAX 64     /* requests in one virtio disk */
#define NET_RX_BUFFERS 64       /* receive buffers of one virtio NIC, 2 KiB each */
#define NET_RX_BUFFER_SIZE 2048
#define NET_RX_PER_POLL 256     /* packets handed up by one interrupt, or one poll ... */
#define NET_RX_POLL_NS 500000ull        /* ... and the time after which it takes no more; the rest waits for the next poll */
#define NET_RX_SLICE_NS 1250000ull      /* what interrupts may take of one slice; then polls alone bring packets until it ends */
#define NET_POLL_NS 100000ull   /* how long packets wait when nobody runs */
#define NET_TX_MAX 128          /* packets in transmission on one virtio NIC */
#define NET_TX_DESC_MAX 14      /* descriptors of one packet: the header and the fragments */

#define DEVICE_POLL_NS 5000000000ull    /* how long boot waits for a device to answer */

#endif
