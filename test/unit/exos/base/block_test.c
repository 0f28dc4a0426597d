/* block_test.c: the session's block devices against a model of the kernel's queue and a disk in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "aegis/info.h"
#include "base/block.h"
#include "base/block_setup.h"
#include "base/mem.h"

#define SECTORS 4096

/* ---- the model: a disk of two slots, one that may be written and one that may not, and a device that finishes when it likes ---- */

struct aeg_info fake_info;
static struct aeg_slot_info slot[3] = {
    { .id = AEG_ID(0, 1), .count = SECTORS, .name = "vda1" },
    { .id = AEG_ID(1, 1), .count = SECTORS, .name = "vda2" },
    { .id = AEG_ID(2, 1), .count = SECTORS, .flags = AEG_SLOT_READ_ONLY, .disk = 1, .name = "vdb" },
};
static struct aeg_disk_info disks[2] = { { .name = "vda" }, { .name = "vdb" } };
static uint8_t disk[SECTORS * 512];
static struct aeg_blockq_args args;
static struct aeg_blockq *q;
static bool lazy;                       /* requests finish at run_devices(), in any order */
static unsigned refuse_create, bindings, submits, most_waiting;
static struct aeg_block_request waiting[AEG_QUEUE_REQUESTS];
static unsigned waiting_count;
static aeg_err_t error_of_next;

static void
serve(const struct aeg_block_request *r)
{
    uint32_t left = r->bytes;
    uint8_t *at = disk + r->offset * 512;

    assert_int_equal(r->start, 0);
    assert_int_equal(r->frame_count, r->op > AEG_BLOCK_WRITE ? 0 : (r->bytes + 4095) / 4096);
    for (unsigned i = 0; i < r->frame_count; i++) {
        uint8_t *page = (uint8_t *)(r->frames[i] << 12);
        uint32_t n = MIN(left, 4096u);

        if (r->op == AEG_BLOCK_READ)
            memcpy(page, at, n);
        else
            memcpy(at, page, n);
        at += n;
        left -= n;
    }
    assert_true(q->completed - q->reaped < AEG_QUEUE_COMPLETIONS);
    q->completion[q->completed % AEG_QUEUE_COMPLETIONS] = (struct aeg_block_completion){ r->cookie, error_of_next, r->bytes };
    error_of_next = AEG_OK;
    q->completed++;
}

static void
submit(void)
{
    submits++;
    assert_true(q->posted - q->taken <= AEG_QUEUE_REQUESTS);
    for (; q->taken != q->posted; q->taken++) {
        const struct aeg_block_request *ring = (const void *)(args.frames[AEG_REQUEST_FRAME(q->taken)] << 12);

        if (!lazy) {
            serve(&ring[AEG_REQUEST_PLACE(q->taken)]);
            continue;
        }
        assert_true(waiting_count < AEG_QUEUE_IN_FLIGHT);
        waiting[waiting_count++] = ring[AEG_REQUEST_PLACE(q->taken)];
        most_waiting = MAX(most_waiting, waiting_count);
    }
}

/* Capability 1 reads and writes the first slot; 2 only reads any. */
static aeg_err_t
bind_slot(uint64_t id, uint64_t cap, uint64_t rights)
{
    if (cap == 1)
        return id == slot[0].id ? AEG_OK : AEG_ERR_CAP_DENIED;
    return rights == AEG_RIGHT_READ ? AEG_OK : AEG_ERR_CAP_DENIED;
}

aeg_err_t
aeg_call(enum aeg_sys nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t *value)
{
    aeg_err_t err = AEG_OK;

    (void)a, (void)b, (void)f;
    switch (nr) {
    case AEG_SYS_blockq_create:
        args = *(const struct aeg_blockq_args *)d;
        q = (struct aeg_blockq *)(args.frames[0] << 12);
        return refuse_create ? AEG_ERR_LIMIT : AEG_OK;
    case AEG_SYS_blockq_bind:
        err = bind_slot(c, d, e);
        if (err == AEG_OK)
            *value = bindings++;
        return err;
    case AEG_SYS_blockq_submit:
        submit();
        return AEG_OK;
    default:
        fail();
        return err;
    }
}

static uint64_t
run_devices(void)
{
    while (waiting_count) {
        unsigned i = (unsigned)rand() % waiting_count;
        struct aeg_block_request r = waiting[i];

        waiting[i] = waiting[--waiting_count];
        serve(&r);
    }
    return block_poll();
}

/* ---- setting up, once: the block layer is brought up once in a session's life ---- */

static int
bring_up(void **state)
{
    struct block_setup setup = { .account = 1, .cap = 0, .env = 5, .bits = 1, .slot_caps = { 1, 2 }, .slot_cap_count = 2 };

    (void)state;
    coop_reset();
    fake_info.slots = (struct aeg_table){ (uint64_t)(uintptr_t)slot, 3, sizeof(slot[0]) };
    fake_info.disks = (struct aeg_table){ (uint64_t)(uintptr_t)disks, 2, sizeof(disks[0]) };
    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++) {
        setup.pages[i] = aligned_alloc(4096, 4096);
        memset(setup.pages[i], 0, 4096);
    }
    refuse_create = 1;
    assert_int_equal(block_init(&setup), -EIO);
    refuse_create = 0;
    return block_init(&setup);
}

static int
tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++)
        free((void *)(args.frames[i] << 12));
    return 0;
}

static void
in_session(void (*body)(void *), unsigned copies)
{
    coop_reset();
    coop_due_work = run_devices;
    for (unsigned i = 0; i < copies; i++)
        coop_spawn(body, (void *)(uintptr_t)i);
    assert_true(coop_run());
    assert_int_equal(q->reaped, q->completed);
    coop_reset();
}

static struct blk_io *
new_io(enum blk_op op, uint64_t sector, uint32_t bytes)
{
    struct blk_io *io = heap_alloc(sizeof(*io));

    io->dev = blkdev_find("vda1");
    io->op = op;
    io->sector = sector;
    io->bytes = bytes;
    io->page_count = (uint32_t)((bytes + 4095) / 4096);
    for (unsigned i = 0; i < io->page_count; i++)
        io->pages[i] = page_alloc();
    return io;
}

static void
drop_io(struct blk_io *io)
{
    for (unsigned i = 0; i < io->page_count; i++)
        page_free(io->pages[i]);
    heap_free(io);
}

static void
slots_become_devices_with_what_may_be_done(void **state)
{
    (void)state;
    assert_string_equal(blkdev_at(0)->name, "vda1");
    assert_false(blkdev_at(0)->read_only);
    assert_string_equal(blkdev_at(1)->name, "vda2");
    assert_true(blkdev_at(1)->read_only);
    assert_true(blkdev_find("vdb")->read_only);
    assert_int_equal(blkdev_at(0)->sector_count, SECTORS);
    assert_null(blkdev_at(3));
    assert_null(blkdev_find("vdc"));
    assert_int_equal(blkdev_at(0)->part, 1);
    assert_int_equal(blkdev_at(1)->part, 2);
    assert_int_equal(blkdev_find("vdb")->part, 0);
    assert_int_equal(blkdev_find("vdb")->disk, 1);
}

static void
write_and_read(void *arg)
{
    uint64_t sector = 256 * (uintptr_t)arg;
    struct blk_io *out = new_io(BLK_WRITE, sector, 9 * 512), *in = new_io(BLK_READ, sector, 9 * 512);

    for (unsigned i = 0; i < out->page_count; i++)
        memset(out->pages[i], (int)(0x10 + i + (uintptr_t)arg), 4096);
    blk_submit(out);
    assert_int_equal(blk_wait(out), 0);
    assert_int_equal(blk_flush(out->dev), 0);
    blk_submit(in);
    assert_int_equal(blk_wait(in), 0);
    assert_memory_equal(in->pages[0], out->pages[0], 4096);
    assert_memory_equal(in->pages[1], out->pages[1], 512);
    drop_io(out);
    drop_io(in);
}

static void
data_comes_back(void **state)
{
    (void)state;
    lazy = false;
    in_session(write_and_read, 1);
    lazy = true;
    in_session(write_and_read, 1);
}

static void
more_requests_than_places_wait_their_turn(void **state)
{
    (void)state;
    lazy = true;
    most_waiting = 0;
    in_session(write_and_read, 15);
    for (unsigned i = 0; i < 20; i++)
        in_session(write_and_read, 15);
}

static unsigned completed;

static void
count_and_free(struct blk_io *io)
{
    assert_true(io->done);
    completed++;
    drop_io(io);
}

static void
submit_many(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 100; i++) {
        struct blk_io *io = new_io(BLK_READ, i, 512);

        io->complete = count_and_free;
        blk_submit(io);
    }
    while (completed < 100)
        coop_sleep_ns(1000);
}

static void
completion_functions_own_their_request(void **state)
{
    (void)state;
    lazy = true;
    completed = most_waiting = 0;
    in_session(submit_many, 1);
    assert_int_equal(completed, 100);
    assert_int_equal(most_waiting, AEG_QUEUE_REQUESTS);
    lazy = false;
    completed = 0;
    in_session(submit_many, 1);
    assert_int_equal(completed, 100);
}

static void
read_in_vain(void *arg)
{
    struct blk_io *io = new_io(BLK_READ, 0, 512);

    (void)arg;
    error_of_next = AEG_ERR_DEVICE;
    blk_submit(io);
    assert_int_equal(blk_wait(io), -EIO);
    blk_submit(io);             /* the same request again */
    assert_int_equal(blk_wait(io), 0);
    drop_io(io);
    error_of_next = AEG_ERR_DEVICE;
    assert_int_equal(blk_flush(blkdev_at(0)), -EIO);
}

static void
an_error_is_the_requests_own(void **state)
{
    (void)state;
    lazy = true;
    in_session(read_in_vain, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_become_devices_with_what_may_be_done),
        cmocka_unit_test(data_comes_back),
        cmocka_unit_test(more_requests_than_places_wait_their_turn),
        cmocka_unit_test(completion_functions_own_their_request),
        cmocka_unit_test(an_error_is_the_requests_own),
    };

    return cmocka_run_group_tests(tests, bring_up, tear_down);
}
