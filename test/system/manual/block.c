/* block.c: a block of a slot, read past every file system. */
#include <aegis/block.h>

#include "example.h"

static uint8_t queue_page[AEG_QUEUE_FRAMES][AEG_FRAME_SIZE] __attribute__((aligned(4096)));
static uint8_t data[AEG_FRAME_SIZE] __attribute__((aligned(4096)));
static struct aeg_blockq *const q = (struct aeg_blockq *)queue_page[0];
static aeg_id_t queue;
static uint64_t binding;

/* example: slot */
/* The first slot of the first disk, as the window shows it. */
static const volatile struct aeg_slot_info *
first_slot(void)
{
    return AEG_INFO->slots.count ? aeg_info_entry(&AEG_INFO->slots, 0) : NULL;
}
/* end */

/* example: blockq_create */
/* A queue in five pages of ours, here zeroed and so present. No bits: we look at the ring ourselves. */
static void
make_queue(void)
{
    struct aeg_blockq_args args = { .env = self.env, .bits = 0 };

    memset(queue_page, 0, sizeof(queue_page));
    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++)
        args.frames[i] = frame_of(queue_page[i]);
    must(aeg_blockq_create(self.account, CAP_SELF, CAP_SELF, &args, &queue), "blockq_create");
}
/* end */

/* example: blockq_bind */
static void
bind_to_read(aeg_id_t slot)
{
    must(aeg_blockq_bind(queue, CAP_SELF, slot, CAP_DISK, AEG_RIGHT_READ, &binding), "blockq_bind");
}
/* end */

/* example: block-queue */
static void
post_read(uint64_t block, uint32_t bytes)
{
    uint32_t place = q->posted;
    struct aeg_block_request *r = (struct aeg_block_request *)queue_page[AEG_REQUEST_FRAME(place)] + AEG_REQUEST_PLACE(place);

    *r = (struct aeg_block_request){ .cookie = block, .offset = block, .bytes = bytes, .binding = (uint16_t)binding,
                                     .op = AEG_BLOCK_READ, .frame_count = 1, .frames = { frame_of(data) } };
    __atomic_store_n(&q->posted, place + 1, __ATOMIC_RELEASE);
}
/* end */

/* example: blockq_submit */
/* Starts what is posted and waits for it; the status of the last completion. */
static aeg_err_t
finish(void)
{
    aeg_err_t status = AEG_OK;
    uint64_t taken;

    must(aeg_blockq_submit(queue, CAP_SELF, &taken), "blockq_submit");
    while (__atomic_load_n(&q->completed, __ATOMIC_ACQUIRE) != q->posted)
        continue;                       /* a library of its own would aeg_wait() for the queue's bits */
    while (q->reaped != q->completed)
        status = (aeg_err_t)q->completion[q->reaped++ % AEG_QUEUE_COMPLETIONS].status;
    return status;
}
/* end */

/* example: blockq_destroy */
static void
end_queue(void)
{
    must(aeg_blockq_destroy(queue, CAP_SELF), "blockq_destroy");
}
/* end */

int
main(void)
{
    const volatile struct aeg_slot_info *slot = first_slot();

    find_self();
    expect(slot != NULL, "there is a slot");
    memset(data, 0, sizeof(data));
    make_queue();
    bind_to_read(slot->id);
    post_read(2, 1024);                 /* where an ext4 file system keeps its superblock */
    expect(finish() == AEG_OK && data[0x38] == 0x53 && data[0x39] == 0xef, "the superblock has ext4's magic number");
    post_read(slot->count, 512);
    expect(finish() == AEG_ERR_EXTENT, "behind the slot's end there is nothing");
    end_queue();
    return 0;
}
