/* dev.c: bringing the devices up. */
#include "dev/dev.h"
#include "dev/blockq.h"
#include "dev/disk.h"
#include "dev/net.h"
#include "dev/pci.h"
#include "dev/slot.h"

static void
probe(struct pci_device *d)
{
    virtio_blk_probe(d);
    nvme_probe(d);
    virtio_net_probe(d);
}

void
dev_init(void)
{
    disk_init();        /* the tables, empty */
    slot_init();
    blockq_init();
    nic_init();
    ring_init();
    pci_scan(probe);    /* drivers take what they know */
    filter_init();      /* for as many interfaces as there are */
    ramdisk_init();     /* after the real disks: ram0 comes last */
}
