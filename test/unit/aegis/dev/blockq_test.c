/* blockq_test.c: slots and block queues: every way a request can be wrong, and what is left behind. */
#include <string.h>

#include "test/fake/aegis/dev/kernel.h"
#include "test/fake/aegis/dev/gpt_image.h"
#include "dev/blockq.h"

/* ---- a disk in memory ---- */

static struct gpt_image image;
static enum disk_answer answer = DISK_DONE;
static aeg_err_t disk_result;
static struct disk_request *waiting[64];
static unsigned waiting_count, submits;
static struct disk *disk;

static void
disk_move(struct disk_request *r)
{
    uint8_t *at = image.byte + r->block * 512;
    uint32_t left = r->bytes, start = r->start;

    r->status = disk_result;
    for (unsigned i = 0; i < r->frame_count; i++, start = 0) {
        uint32_t n = MIN(left, FRAME_SIZE - start);
        uint8_t *memory = (uint8_t *)frame_map(r->frame[i]) + start;

        assert_true(at + n <= image.byte + IMAGE_BYTES);
        if (r->op == AEG_BLOCK_READ)
            memcpy(memory, at, n);
        else
            memcpy(at, memory, n);
        at += n;
        left -= n;
    }
}

static enum disk_answer
disk_take(struct disk *d, struct disk_request *r)
{
    (void)d;
    submits++;
    if (answer == DISK_DONE)
        disk_move(r);
    if (answer == DISK_TAKEN)
        waiting[waiting_count++] = r;
    return answer;
}

static void
disk_finish(void)
{
    unsigned count = waiting_count;

    waiting_count = 0;
    for (unsigned i = 0; i < count; i++) {
        disk_move(waiting[i]);
        disk_done(waiting[i]);
    }
    blockq_progress();
}

static void
disk_look(struct disk *d)
{
    (void)d;
}

static const struct disk_ops ops = { disk_take, disk_look };

/* ---- a queue of Alice's over frames 10-14, with vda1 bound for both as 0, for reading as 1 ---- */

static aeg_id_t queue;
static struct aeg_blockq *q;
static uint32_t refs_before;

static const struct aeg_slot_info *
slot_at(unsigned i)
{
    return &((const struct aeg_slot_info *)(uintptr_t)info->slots.address)[i];
}

static void
make_queue(void)
{
    struct aeg_blockq_args args = { { 10, 11, 12, 13, 14 }, ENV_ALICE, 4 };
    uint64_t binding;

    assert_int_equal(fake_call(sys_blockq_create, ACCOUNT, CAP_ALICE, CAP_ALICE, (uint64_t)(uintptr_t)&args, 0, &queue), AEG_OK);
    q = frame_map(10);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot_at(0)->id, CAP_DISK_RW, 3, &binding), AEG_OK);
    assert_int_equal(binding, 0);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot_at(0)->id, CAP_DISK_RO, 1, &binding), AEG_OK);
    assert_int_equal(binding, 1);
    refs_before = fake_refs();
    fake.notified = 0;
}

static int
make(void **state)
{
    static bool made;

    (void)state;
    fake_reset();
    if (!made) {    /* disks and slots are for ever: only the queues start again */
        disk_init();
        slot_init();
    }
    blockq_init();
    answer = DISK_DONE;
    disk_result = AEG_OK;
    waiting_count = submits = 0;
    image_make(&image);
    if (!made) {
        disk = disk_add(&ops, NULL, "fake", "vda", IMAGE_BLOCKS);
        slot_scan(disk);
    }
    disk->can_discard = false;
    made = true;
    make_queue();
    return 0;
}

static struct aeg_block_request *
post(struct aeg_block_request r)
{
    struct aeg_block_request *ring = frame_map(10 + AEG_REQUEST_FRAME(q->posted));
    struct aeg_block_request *at = &ring[AEG_REQUEST_PLACE(q->posted)];

    *at = r;
    q->posted++;
    return at;
}

static uint64_t
submit(void)
{
    uint64_t taken = 99;

    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, &taken), AEG_OK);
    return taken;
}

static struct aeg_block_completion
reap(void)
{
    assert_int_not_equal(q->completed, q->reaped);
    return q->completion[q->reaped++ % AEG_QUEUE_COMPLETIONS];
}

static struct aeg_block_request
good(uint8_t op)
{
    return (struct aeg_block_request){ .cookie = 77, .offset = 2, .bytes = 1024, .op = op, .frame_count = 1, .frames = { 20 } };
}

/* One request alone: its status, with nothing left behind. */
static aeg_err_t
status_of(struct aeg_block_request r)
{
    struct aeg_block_completion c;

    post(r);
    assert_int_equal(submit(), 1);
    c = reap();
    assert_int_equal(c.cookie, r.cookie);
    assert_int_equal(c.bytes, c.status == AEG_OK ? r.bytes : 0);
    assert_int_equal(fake_refs(), refs_before);
    return c.status;
}

/* ---- slots ---- */

static void
partitions_become_slots_with_names_and_guards(void **state)
{
    struct slot_view view;

    (void)state;
    assert_int_equal(info->disks.count, 1);
    assert_int_equal(info->slots.count, 2);
    assert_string_equal(slot_at(0)->name, "vda1");
    assert_string_equal(slot_at(1)->name, "vda3");
    assert_int_equal(slot_at(0)->first, 40);
    assert_int_equal(slot_at(0)->count, 60);
    assert_true(slot_at(0)->guard.hi == (AEG_GUARD_DISK_HI(0) | 1));
    assert_true(slot_at(1)->guard.hi == (AEG_GUARD_DISK_HI(0) | 3));
    assert_int_equal(slot_at(0)->flags, 0);
    assert_false(slot_get(0, &view));
    assert_false(slot_get(AEG_ID(0, 2), &view));
    assert_false(slot_get(AEG_ID(2, 1), &view));
    assert_false(slot_get(AEG_ID(UINT32_MAX, 1), &view));
}

/* ---- requests that go well ---- */

static void
data_goes_both_ways(void **state)
{
    struct aeg_block_request r = good(AEG_BLOCK_WRITE);

    (void)state;
    memset(frame_map(20), 0x11, FRAME_SIZE);
    memset(frame_map(21), 0x22, FRAME_SIZE);
    r.start = 3584;
    r.bytes = 1024;
    r.frame_count = 2;
    r.frames[1] = 21;
    assert_int_equal(status_of(r), AEG_OK);
    assert_int_equal(image.byte[42 * 512], 0x11);       /* slot block 2 is disk block 42 */
    assert_int_equal(image.byte[43 * 512 - 1], 0x11);
    assert_int_equal(image.byte[43 * 512], 0x22);
    assert_int_equal(image.byte[44 * 512], 0);
    r = good(AEG_BLOCK_READ);
    r.frames[0] = 30;
    r.binding = 1;
    assert_int_equal(status_of(r), AEG_OK);
    assert_int_equal(((uint8_t *)frame_map(30))[511], 0x11);
    assert_int_equal(((uint8_t *)frame_map(30))[512], 0x22);
    assert_true(fake.notified > 0 && fake.bits == 4);
}

static void
the_last_block_and_the_largest_list_fit(void **state)
{
    struct aeg_block_request r = good(AEG_BLOCK_READ);

    (void)state;
    r.offset = 58;
    assert_int_equal(status_of(r), AEG_OK);
    r.offset = 0;
    r.bytes = 60 * 512;
    r.frame_count = 8;
    for (unsigned i = 0; i < 8; i++)
        r.frames[i] = 20 + i;
    assert_int_equal(status_of(r), AEG_OK);
}

static void
flush_and_discard(void **state)
{
    struct aeg_block_request flush = { .cookie = 1, .op = AEG_BLOCK_FLUSH };
    struct aeg_block_request discard = { .cookie = 2, .op = AEG_BLOCK_DISCARD, .offset = 0, .bytes = 60 * 512 };

    (void)state;
    assert_int_equal(status_of(flush), AEG_OK);
    assert_int_equal(status_of(discard), AEG_ERR_UNSUPPORTED);
    disk->can_discard = true;
    assert_int_equal(status_of(discard), AEG_OK);
    discard.bytes += 512;
    assert_int_equal(status_of(discard), AEG_ERR_EXTENT);
    discard = (struct aeg_block_request){ .op = AEG_BLOCK_DISCARD, .bytes = 512, .frame_count = 1, .frames = { 20 } };
    assert_int_equal(status_of(discard), AEG_ERR_REQUEST);
    flush.bytes = 512;
    assert_int_equal(status_of(flush), AEG_ERR_REQUEST);
}

/* ---- requests that do not ---- */

#define EXPECT(change, error)                                   \
    do {                                                        \
        struct aeg_block_request r = good(AEG_BLOCK_READ);      \
        change;                                                 \
        assert_int_equal(status_of(r), error);                  \
        assert_int_equal(submits, 0);                           \
    } while (0)

static void
each_mistake_has_its_error(void **state)
{
    (void)state;
    submits = 0;
    EXPECT(r.op = AEG_BLOCK_OPS, AEG_ERR_REQUEST);
    EXPECT(r.op = 255, AEG_ERR_REQUEST);
    EXPECT(r.bytes = 0, AEG_ERR_REQUEST);
    EXPECT(r.bytes = 1000, AEG_ERR_REQUEST);
    EXPECT(r.bytes = UINT32_MAX & ~511u, AEG_ERR_REQUEST);
    EXPECT(r.start = 100, AEG_ERR_REQUEST);
    EXPECT(r.start = 4096, AEG_ERR_REQUEST);
    EXPECT(r.start = UINT32_MAX & ~511u, AEG_ERR_REQUEST);
    EXPECT(r.start = 3584, AEG_ERR_REQUEST);            /* needs a second frame */
    EXPECT(r.frame_count = 0, AEG_ERR_REQUEST);
    EXPECT(r.frame_count = 2, AEG_ERR_REQUEST);
    EXPECT(r.frame_count = 33, AEG_ERR_REQUEST);
    EXPECT(r.reserved0 = 1, AEG_ERR_REQUEST);
    EXPECT(r.binding = 2, AEG_ERR_BINDING);
    EXPECT(r.binding = UINT16_MAX, AEG_ERR_BINDING);
    EXPECT((r.op = AEG_BLOCK_WRITE, r.binding = 1), AEG_ERR_BINDING);
    EXPECT(r.offset = 59, AEG_ERR_EXTENT);
    EXPECT(r.offset = 60, AEG_ERR_EXTENT);
    EXPECT(r.offset = UINT64_MAX, AEG_ERR_EXTENT);
    EXPECT(r.offset = UINT64_MAX - 1, AEG_ERR_EXTENT);
    EXPECT(r.frames[0] = FAKE_FRAMES, AEG_ERR_FRAME);
    EXPECT(r.frames[0] = UINT64_MAX, AEG_ERR_FRAME);
    EXPECT(r.frames[0] = 2001, AEG_ERR_FRAME_FREE);
    EXPECT(r.frames[0] = 2000, AEG_ERR_FRAME_NODE);
    EXPECT(r.frames[0] = 2002, AEG_ERR_FRAME_BUSY);
    EXPECT(r.frames[0] = 1000, AEG_ERR_CAP_DENIED);     /* Bob's */
    EXPECT((r.bytes = 4096 * 2, r.frame_count = 2, r.frames[1] = 1000), AEG_ERR_CAP_DENIED);
}

static void
a_bad_request_does_not_stall_the_others(void **state)
{
    struct aeg_block_request bad = good(AEG_BLOCK_READ);

    (void)state;
    bad.binding = 9;
    bad.cookie = 1;
    post(good(AEG_BLOCK_READ));
    post(bad);
    post(good(AEG_BLOCK_WRITE));
    assert_int_equal(submit(), 3);
    assert_int_equal(reap().status, AEG_OK);
    assert_int_equal(reap().status, AEG_ERR_BINDING);
    assert_int_equal(reap().status, AEG_OK);
    assert_int_equal(q->taken, 3);
}

static void
a_device_error_is_reported(void **state)
{
    (void)state;
    disk_result = AEG_ERR_DEVICE;
    assert_int_equal(status_of(good(AEG_BLOCK_READ)), AEG_ERR_DEVICE);
}

/* ---- waiting, full, lies ---- */

static void
frames_stay_bound_while_in_flight(void **state)
{
    (void)state;
    answer = DISK_TAKEN;
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 1);
    assert_int_equal(fake.frame[20].refs, 1);
    assert_int_equal(q->completed, 0);
    disk_finish();
    assert_int_equal(reap().status, AEG_OK);
    assert_int_equal(fake.frame[20].refs, 0);
    assert_int_equal(fake.notified, 1);
}

static void
what_is_checked_is_what_is_done(void **state)
{
    struct aeg_block_request *shared;

    (void)state;
    answer = DISK_TAKEN;
    shared = post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 1);
    shared->frames[0] = 1000;           /* changed after submission: nobody looks */
    shared->offset = 1000000;
    shared->cookie = 5;
    disk_finish();
    assert_int_equal(reap().cookie, 77);
    assert_int_equal(fake_refs(), refs_before);
}

static void
a_full_disk_leaves_the_rest_in_the_ring(void **state)
{
    (void)state;
    answer = DISK_TAKEN;
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 1);
    answer = DISK_FULL;
    post(good(AEG_BLOCK_READ));
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 0);
    assert_int_equal(q->taken, 1);
    assert_int_equal(fake_refs(), refs_before + 1);
    answer = DISK_DONE;
    disk_finish();                      /* the kernel goes on by itself */
    assert_int_equal(q->taken, 3);
    assert_int_equal(q->completed, 3);
    assert_int_equal(fake_refs(), refs_before);
}

#define LARGE_FRAMES 4

static struct aeg_block_request
large(void)
{
    struct aeg_block_request r = good(AEG_BLOCK_READ);

    r.bytes = LARGE_FRAMES * FRAME_SIZE;
    r.frame_count = LARGE_FRAMES;
    for (unsigned i = 0; i < LARGE_FRAMES; i++)
        r.frames[i] = 20;
    return r;
}

static void
a_disk_that_is_memory_moves_256_kib_at_a_time(void **state)
{
    uint64_t taken;

    (void)state;
    for (unsigned i = 0; i < 32; i++)
        post(large());
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, &taken), AEG_ERR_AGAIN);
    assert_int_equal(taken, 16);
    assert_int_equal(q->completed, 16);
    disk_finish();                      /* an interrupt goes on with it */
    assert_int_equal(q->completed, 32);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(reap().status, AEG_OK);
    for (unsigned i = 0; i < 16; i++)
        post(large());
    assert_int_equal(submit(), 16);     /* all of it: there is no more to call for */
    answer = DISK_TAKEN;                /* by itself: nothing is moved meanwhile */
    for (unsigned i = 0; i < 24; i++)
        post(large());
    assert_int_equal(submit(), 24);
    disk_finish();
}

static void
completions_that_nobody_reaps_stop_the_queue(void **state)
{
    uint64_t total = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        if (q->posted - q->taken < AEG_QUEUE_REQUESTS)
            post(good(AEG_BLOCK_READ));
        total += submit();
    }
    assert_int_equal(total, AEG_QUEUE_COMPLETIONS);
    assert_int_equal(q->completed, AEG_QUEUE_COMPLETIONS);
    reap();
    assert_int_equal(submit(), 1);
    assert_int_equal(fake_refs(), refs_before);
}

static void
at_most_the_bound_is_in_flight(void **state)
{
    (void)state;
    answer = DISK_TAKEN;
    for (unsigned i = 0; i < AEG_QUEUE_REQUESTS; i++)
        post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), AEG_QUEUE_IN_FLIGHT);
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 0);
    assert_int_equal(waiting_count, AEG_QUEUE_IN_FLIGHT);
    disk_finish();
    assert_int_equal(q->taken, AEG_QUEUE_IN_FLIGHT + 1);
    disk_finish();
    assert_int_equal(q->completed, AEG_QUEUE_IN_FLIGHT + 1);
}

static void
an_index_that_lies_is_refused(void **state)
{
    static const uint32_t lies[] = { 33, 1000, 0x80000000u, UINT32_MAX };
    uint64_t value;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(lies); i++) {
        q->posted = lies[i];
        assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, &value), AEG_ERR_ARGUMENT);
        assert_int_equal(q->taken, 0);
    }
    q->posted = 0;
    q->reaped = 5;                      /* more than were completed */
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 0);
    q->reaped = 0;
    q->taken = 0xdead;                  /* the kernel's own indices are only copies there */
    q->completed = 0xdead;
    assert_int_equal(submit(), 1);
    assert_int_equal(q->taken, 1);
    assert_int_equal(q->completed, 1);
}

static void
indices_wrap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(status_of(good(i & 1 ? AEG_BLOCK_WRITE : AEG_BLOCK_READ)), AEG_OK);
    assert_int_equal(q->taken, 1000);
}

/* ---- making and ending ---- */

static aeg_err_t
create(uint64_t account, uint32_t cap, uint32_t env_cap, struct aeg_blockq_args args, uint64_t *id)
{
    return fake_call(sys_blockq_create, account, cap, env_cap, (uint64_t)(uintptr_t)&args, 0, id);
}

static void
a_refused_queue_leaves_nothing(void **state)
{
    struct aeg_blockq_args args = { { 50, 51, 52, 53, 54 }, ENV_ALICE, 1 }, bad = args;
    uint64_t used = fake.used[AEG_KIND_QUEUE], id = 0;

    (void)state;
    assert_int_equal(fake_call(sys_blockq_create, ACCOUNT, CAP_ALICE, CAP_ALICE, BAD_POINTER, 0, &id), AEG_ERR_BAD_ADDRESS);
    assert_int_equal(create(ACCOUNT, CAP_EMPTY, CAP_ALICE, args, &id), AEG_ERR_CAP_INDEX);
    assert_int_equal(create(AEG_ID(9, 9), CAP_ALICE, CAP_ALICE, args, &id), AEG_ERR_ACCOUNT);
    assert_int_equal(create(ACCOUNT, CAP_ALICE_READ, CAP_ALICE, args, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_BOB, args, &id), AEG_ERR_CAP_DENIED);
    bad.env = AEG_ID(3, 2);
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad, &id), AEG_ERR_ENV);
    bad = args;
    bad.frames[4] = 1000;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad, &id), AEG_ERR_CAP_DENIED);
    bad.frames[4] = 2000;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad, &id), AEG_ERR_FRAME_NODE);
    bad.frames[4] = 2001;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad, &id), AEG_ERR_FRAME_FREE);
    bad.frames[4] = 2002;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad, &id), AEG_ERR_FRAME_BUSY);
    bad.frames[4] = FAKE_FRAMES;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, bad, &id), AEG_ERR_FRAME);
    fake.limit[AEG_KIND_QUEUE] = used;
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, args, &id), AEG_ERR_LIMIT);
    fake.limit[AEG_KIND_QUEUE] = 1000;
    assert_int_equal(id, 0);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], used);
    assert_int_equal(fake_refs(), refs_before);
    while (create(ACCOUNT, CAP_ALICE, CAP_ALICE, args, &id) == AEG_OK)
        assert_true(fake.used[AEG_KIND_QUEUE] <= BLOCKQ_MAX);
    assert_int_equal(create(ACCOUNT, CAP_ALICE, CAP_ALICE, args, &id), AEG_ERR_NOMEM);
    blockq_release_space(fake.space);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake_refs(), 0);
}

static void
queues_end_with_the_account_that_pays(void **state)
{
    (void)state;
    answer = DISK_TAKEN;
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 1);
    blockq_release_account(ACCOUNT_PARENT);
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    blockq_release_account(ACCOUNT);
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake.handed_up[AEG_KIND_QUEUE], 1);    /* its place is taken until the disk is done */
    disk_finish();
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake.handed_up[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake_refs(), 0);
    make_queue();
    blockq_release_account(ACCOUNT);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
}

static void
queues_in_dying_frames_end(void **state)
{
    (void)state;
    answer = DISK_TAKEN;
    post(good(AEG_BLOCK_READ));
    assert_int_equal(submit(), 1);
    blockq_release_dying();
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    fake.frame[13].dies = true;
    blockq_release_dying();
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake_refs(), 1);       /* what the disk is at work on */
    disk_finish();
    assert_int_equal(fake_refs(), 0);
}

static void
a_read_only_slot_is_not_written(void **state)
{
    struct aeg_slot_info *slot = (struct aeg_slot_info *)(uintptr_t)info->slots.address;
    uint64_t v;

    (void)state;
    slot->flags |= AEG_SLOT_READ_ONLY;
    assert_int_equal(status_of(good(AEG_BLOCK_WRITE)), AEG_ERR_READ_ONLY);
    assert_int_equal(status_of(good(AEG_BLOCK_READ)), AEG_OK);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot->id, CAP_DISK_RW, 3, &v), AEG_ERR_READ_ONLY);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot->id, CAP_DISK_RW, 1, &v), AEG_OK);
    slot->flags &= ~AEG_SLOT_READ_ONLY;
}

static void
binding_checks_slot_rights_and_room(void **state)
{
    aeg_id_t slot = slot_at(0)->id;
    uint64_t v;

    (void)state;
    assert_int_equal(fake_call(sys_blockq_bind, queue + 1, CAP_ALICE, slot, CAP_DISK_RW, 3, &v), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_blockq_bind, 0, CAP_ALICE, slot, CAP_DISK_RW, 3, &v), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_blockq_bind, UINT64_MAX, CAP_ALICE, slot, CAP_DISK_RW, 3, &v), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_BOB, slot, CAP_DISK_RW, 3, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE_READ, slot, CAP_DISK_RW, 3, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, 0, CAP_DISK_RW, 3, &v), AEG_ERR_SLOT);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_DISK_RW, 0, &v), AEG_ERR_RIGHTS);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_DISK_RW, AEG_RIGHT_GRANT, &v), AEG_ERR_RIGHTS);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_DISK_RO, 3, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_ALICE, 3, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_EMPTY, 3, &v), AEG_ERR_CAP_INDEX);
    for (unsigned i = 2; i < AEG_QUEUE_BINDINGS; i++)
        assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_DISK_RW, 3, &v), AEG_OK);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_DISK_RW, 3, &v), AEG_ERR_VECTOR);
}

static void
others_may_not_submit_or_destroy(void **state)
{
    (void)state;
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_BOB, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE_READ, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_EMPTY, 0, 0, 0, NULL), AEG_ERR_CAP_INDEX);
    assert_int_equal(fake_call(sys_blockq_destroy, queue, CAP_BOB, 0, 0, 0, NULL), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake_call(sys_blockq_destroy, queue, CAP_EMPTY, 0, 0, 0, NULL), AEG_ERR_CAP_INDEX);
    assert_int_equal(fake_call(sys_blockq_destroy, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_int_equal(fake_call(sys_blockq_destroy, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_ERR_QUEUE);
    assert_int_equal(fake_refs(), 0);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
}

static void
a_dying_queue_holds_only_what_the_disk_uses(void **state)
{
    aeg_id_t old = queue;

    (void)state;
    answer = DISK_TAKEN;
    post(good(AEG_BLOCK_READ));
    submit();
    blockq_release_space(fake.space + 1);       /* somebody else's end */
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 1);
    blockq_release_space(fake.space);
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 1);     /* its place is taken */
    assert_int_equal(fake_refs(), 1);
    memset(q, 0, sizeof(*q));
    fake.notified = 0;
    disk_finish();
    assert_int_equal(fake.used[AEG_KIND_QUEUE], 0);
    assert_int_equal(fake_refs(), 0);
    assert_int_equal(q->completed, 0);          /* nothing is written to frames that are no longer ours */
    assert_int_equal(fake.notified, 0);
    answer = DISK_DONE;
    make_queue();
    assert_true(queue != old);
}

static void
the_window_shows_queues_and_disks(void **state)
{
    const struct aeg_queue_info *i = (const struct aeg_queue_info *)(uintptr_t)info->queues.address + AEG_ID_INDEX(queue);
    const struct aeg_disk_info was = *disk->info;

    (void)state;
    assert_true(i->id == queue && i->guard.hi == AEG_NAME2(7, 1) && i->account == ACCOUNT && i->env == ENV_ALICE && i->space == fake.space);
    assert_int_equal(i->bindings, 2);
    status_of(good(AEG_BLOCK_READ));
    status_of(good(AEG_BLOCK_WRITE));
    status_of(good(AEG_BLOCK_OPS));             /* refused: the disk never sees it */
    disk_result = AEG_ERR_DEVICE;
    status_of(good(AEG_BLOCK_READ));
    assert_int_equal(i->taken, 4);
    assert_int_equal(i->completed, 4);
    assert_int_equal(i->errors, 2);
    assert_int_equal(disk->info->reads - was.reads, 1);
    assert_int_equal(disk->info->read_bytes - was.read_bytes, 1024);
    assert_int_equal(disk->info->writes - was.writes, 1);
    assert_int_equal(disk->info->written_bytes - was.written_bytes, 1024);
    assert_int_equal(disk->info->errors - was.errors, 1);
    answer = DISK_TAKEN;
    post(good(AEG_BLOCK_READ));
    submit();
    assert_int_equal(i->in_flight, 1);
    assert_true(fake.traced == AEG_TRACE_SUBMIT && fake.traced_a == AEG_BLOCK_READ && fake.traced_b == slot_at(0)->first + 2);
    disk_result = AEG_ERR_DEVICE;
    disk_finish();
    assert_true(fake.traced == AEG_TRACE_COMPLETE && fake.traced_a == ((uint64_t)AEG_ERR_DEVICE << 32 | AEG_BLOCK_READ));
    assert_int_equal(i->in_flight, 0);
    assert_int_equal(fake_call(sys_blockq_destroy, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    assert_true(i->id == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(partitions_become_slots_with_names_and_guards, make),
        cmocka_unit_test_setup(data_goes_both_ways, make),
        cmocka_unit_test_setup(the_last_block_and_the_largest_list_fit, make),
        cmocka_unit_test_setup(flush_and_discard, make),
        cmocka_unit_test_setup(each_mistake_has_its_error, make),
        cmocka_unit_test_setup(a_bad_request_does_not_stall_the_others, make),
        cmocka_unit_test_setup(a_device_error_is_reported, make),
        cmocka_unit_test_setup(frames_stay_bound_while_in_flight, make),
        cmocka_unit_test_setup(what_is_checked_is_what_is_done, make),
        cmocka_unit_test_setup(a_full_disk_leaves_the_rest_in_the_ring, make),
        cmocka_unit_test_setup(a_disk_that_is_memory_moves_256_kib_at_a_time, make),
        cmocka_unit_test_setup(completions_that_nobody_reaps_stop_the_queue, make),
        cmocka_unit_test_setup(at_most_the_bound_is_in_flight, make),
        cmocka_unit_test_setup(an_index_that_lies_is_refused, make),
        cmocka_unit_test_setup(indices_wrap, make),
        cmocka_unit_test_setup(a_refused_queue_leaves_nothing, make),
        cmocka_unit_test_setup(binding_checks_slot_rights_and_room, make),
        cmocka_unit_test_setup(queues_in_dying_frames_end, make),
        cmocka_unit_test_setup(a_read_only_slot_is_not_written, make),
        cmocka_unit_test_setup(queues_end_with_the_account_that_pays, make),
        cmocka_unit_test_setup(others_may_not_submit_or_destroy, make),
        cmocka_unit_test_setup(a_dying_queue_holds_only_what_the_disk_uses, make),
        cmocka_unit_test_setup(the_window_shows_queues_and_disks, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
