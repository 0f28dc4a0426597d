/*
 * dev.c: bringing the devices up, and what queues and rings have in common.
 */
#include "dev/dev.h"
#include "core/env.h"
#include "dev/blockq.h"
#include "dev/disk.h"
#include "dev/net.h"
#include "dev/pci.h"
#include "dev/shared.h"

static void
probe(struct pci_device *d)
{
    virtio_blk_probe(d);
    virtio_net_probe(d);
}

void
dev_init(void)
{
    disk_init();        /* the tables, empty */
    slot_init();
    blockq_init();
    nic_init();
    filter_init();
    ring_init();
    pci_scan(probe);    /* drivers take what they know */
    ramdisk_init();     /* after the real disks: ram0 comes last */
}

aeg_err_t
frames_bind(const aeg_frame_t *frame, uint32_t count, const struct aeg_cap *cap, uint32_t rights)
{
    for (uint32_t i = 0; i < count; i++) {
        aeg_err_t err = frame_bind(frame[i], cap, rights);

        if (err != AEG_OK) {
            frames_unbind(frame, i);
            return err;
        }
    }
    return AEG_OK;
}

void
frames_unbind(const aeg_frame_t *frame, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        frame_unbind(frame[i]);
}

aeg_err_t
notify_check(aeg_id_t env, uint32_t cap)
{
    struct env *e;

    return env_check(env, cap, AEG_RIGHT_WRITE, &e);
}
