/* slot_test.c: carving, splitting, merging, freeing, re-guarding and scrubbing slots: each result, each refusal, what survives. */
#include <string.h>

#include "test/fake/aegis/dev/slot_disk.h"

#define BITS 0x40

static struct disk *disk;

static int
make(void **state)
{
    (void)state;
    disk = medium_make(true);
    return 0;
}

static aeg_id_t
data(void)
{
    return medium_partition(disk, 0)->id;
}

static uint64_t
caps(uint32_t cap, uint32_t guard, uint32_t account)
{
    return (uint64_t)account << 32 | guard << 16 | cap;
}

static aeg_err_t
carve_under(uint32_t guard_cap, uint32_t cap, aeg_id_t parent, uint64_t first, uint64_t count, aeg_id_t *id)
{
    struct sys_args args = { { ACCOUNT, caps(cap, guard_cap, CAP_ALICE), parent, first, count, BITS }, 0 };
    aeg_err_t err = sys_slot_carve(&args);

    asserted_call(sys_slot_carve, err);
    *id = args.value;
    return err;
}

static aeg_id_t
carve(uint64_t first, uint64_t count)
{
    aeg_id_t id;

    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), first, count, &id), AEG_OK);
    return id;
}

static aeg_err_t
split(uint32_t cap, aeg_id_t id, uint64_t at, aeg_id_t *rest)
{
    return fake_call(sys_slot_split, ACCOUNT, caps(cap, CAP_ALICE, 0), id, at, BITS, rest);
}

static aeg_err_t
merge(uint32_t cap, aeg_id_t id, aeg_id_t next)
{
    return fake_call(sys_slot_merge, id, next, cap, BITS, 0, NULL);
}

static aeg_err_t
release(uint32_t cap, aeg_id_t id)
{
    return fake_call(sys_slot_free, id, cap, BITS, 0, 0, NULL);
}

static aeg_err_t
reguard(uint32_t cap, uint32_t guard, aeg_id_t id, aeg_id_t *now)
{
    return fake_call(sys_slot_guard, id, caps(cap, guard, 0), BITS, 0, 0, now);
}

static aeg_err_t
scrub_step(uint32_t cap, aeg_id_t id)
{
    return fake_call(sys_slot_scrub, id, cap, BITS, 0, 0, NULL);
}

/* ---- a queue of Alice's, to see what a slot reaches ---- */

static aeg_id_t queue;
static struct aeg_blockq *q;

static void
queue_make(void)
{
    struct aeg_blockq_args args = { { 10, 11, 12, 13, 14 }, ENV_ALICE, 4 };

    assert_int_equal(fake_call(sys_blockq_create, ACCOUNT, CAP_ALICE, CAP_ALICE, (uint64_t)(uintptr_t)&args, 0, &queue), AEG_OK);
    q = frame_map(10);
}

static uint64_t
bind(aeg_id_t slot)
{
    uint64_t binding = 99;

    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_ROOT, 3, &binding), AEG_OK);
    return binding;
}

static void
post(uint64_t binding, uint8_t op, uint64_t offset, uint32_t blocks)
{
    struct aeg_block_request *ring = frame_map(10 + AEG_REQUEST_FRAME(q->posted));
    struct aeg_block_request r = { .offset = offset, .bytes = blocks * 512, .binding = binding, .op = op, .frame_count = (blocks + 7) / 8 };

    for (unsigned i = 0; i < r.frame_count; i++)
        r.frames[i] = 20 + i;
    ring[AEG_REQUEST_PLACE(q->posted)] = r;
    q->posted++;
    assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
}

static uint32_t
status(void)
{
    assert_int_not_equal(q->completed, q->reaped);
    return q->completion[q->reaped++ % AEG_QUEUE_COMPLETIONS].status;
}

static uint32_t
request(uint64_t binding, uint8_t op, uint64_t offset, uint32_t blocks)
{
    post(binding, op, offset, blocks);
    return status();
}

/* ---- what goes well ---- */

static void
a_carved_slot_is_there_and_comes_again_after_a_reboot(void **state)
{
    aeg_id_t id = carve(8, 16);
    const struct aeg_slot_info *s = medium_slot(disk, 1);

    (void)state;
    assert_true(s != NULL && s->id == id);
    assert_int_equal(s->first, DATA_FIRST + 8);
    assert_int_equal(s->count, 16);
    assert_int_equal(s->flags, AEG_SLOT_CARVED);
    assert_true(s->guard.hi == NAME_ALICE.hi && s->guard.lo == 0);
    assert_true(s->parent == data() && s->account == ACCOUNT);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 1);
    assert_true(fake.bits & BITS);
    disk = medium_boot();
    s = medium_slot(disk, 1);
    assert_true(s != NULL && s->id == id && s->parent == data());
    assert_true(s->account == info->root_account && fake.used[AEG_KIND_SLOT] == 1);
    assert_true(s->first == DATA_FIRST + 8 && s->count == 16 && s->guard.hi == NAME_ALICE.hi);
}

static void
a_parent_does_not_reach_what_was_carved_out(void **state)
{
    uint64_t parent, child;

    (void)state;
    queue_make();
    parent = bind(data());
    assert_int_equal(request(parent, AEG_BLOCK_WRITE, 8, 8), AEG_OK);
    child = bind(carve(8, 16));
    assert_int_equal(request(parent, AEG_BLOCK_WRITE, 8, 1), AEG_ERR_EXTENT);
    assert_int_equal(request(parent, AEG_BLOCK_READ, 23, 8), AEG_ERR_EXTENT);
    assert_int_equal(request(parent, AEG_BLOCK_READ, 0, 16), AEG_ERR_EXTENT);
    assert_int_equal(request(parent, AEG_BLOCK_READ, 0, 8), AEG_OK);
    assert_int_equal(request(parent, AEG_BLOCK_READ, 24, 8), AEG_OK);
    assert_int_equal(request(child, AEG_BLOCK_WRITE, 0, 16), AEG_OK);
    assert_int_equal(request(child, AEG_BLOCK_WRITE, 15, 2), AEG_ERR_EXTENT);
}

static void
slots_nest(void **state)
{
    aeg_id_t outer = carve(0, 32), inner;

    (void)state;
    assert_int_equal(carve_under(CAP_ALICE_BELOW, CAP_ALICE, outer, 4, 8, &inner), AEG_OK);
    queue_make();
    assert_int_equal(request(bind(outer), AEG_BLOCK_READ, 4, 1), AEG_ERR_EXTENT);
    assert_int_equal(request(bind(inner), AEG_BLOCK_READ, 0, 8), AEG_OK);
    assert_int_equal(release(CAP_ALICE, outer), AEG_ERR_SLOT_BUSY);
    disk = medium_boot();
    assert_true(medium_slot(disk, 2)->parent == outer);
}

static void
splitting_divides_extent_and_children(void **state)
{
    aeg_id_t id = carve(0, 32), left, right, rest;

    (void)state;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ALICE, id, 2, 6, &left), AEG_OK);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ALICE, id, 16, 8, &right), AEG_OK);
    assert_int_equal(split(CAP_ALICE, id, 4, &rest), AEG_ERR_EXTENT);
    assert_int_equal(split(CAP_ALICE, id, 12, &rest), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 4);
    assert_int_equal(medium_slot(disk, 1)->count, 12);
    assert_true(medium_slot(disk, 4)->id == rest && medium_slot(disk, 4)->first == DATA_FIRST + 12 && medium_slot(disk, 4)->count == 20);
    assert_true(medium_slot(disk, 2)->parent == id && medium_slot(disk, 3)->parent == rest);
    assert_int_equal(merge(CAP_ALICE, rest, id), AEG_ERR_SLOT_APART);
    assert_int_equal(merge(CAP_ALICE, id, rest), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 3);
    assert_int_equal(medium_slot(disk, 1)->count, 32);
    assert_true(medium_slot(disk, 3)->parent == id);
    assert_null(medium_slot(disk, 4));
}

static void
a_freed_slot_is_dirty_until_it_is_scrubbed(void **state)
{
    aeg_id_t id = carve(0, 40), again;
    uint64_t parent, child;
    aeg_err_t err;

    (void)state;
    queue_make();
    parent = bind(data());
    child = bind(id);
    memset(frame_map(20), 0x5a, FRAME_SIZE);
    assert_int_equal(request(child, AEG_BLOCK_WRITE, 3, 1), AEG_OK);
    assert_int_equal(release(CAP_ALICE, id), AEG_OK);
    assert_int_equal(request(child, AEG_BLOCK_READ, 3, 1), AEG_ERR_SLOT);
    assert_int_equal(request(parent, AEG_BLOCK_READ, 3, 1), AEG_ERR_EXTENT);
    assert_true(medium_slot(disk, 1)->flags & AEG_SLOT_DIRTY);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 1);
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 0, 40, &again), AEG_ERR_SLOT_DIRTY);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 39, &again), AEG_ERR_SLOT_DIRTY);
    disk = medium_boot();
    id = medium_slot(disk, 1)->id;
    assert_true(medium_slot(disk, 1)->flags & AEG_SLOT_DIRTY);
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, id, CAP_ROOT, 3, &child), AEG_ERR_QUEUE);
    queue_make();
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, id, CAP_ROOT, 3, &child), AEG_ERR_SLOT_DIRTY);
    while ((err = scrub_step(CAP_ROOT, id)) == AEG_ERR_AGAIN)
        ;
    assert_int_equal(err, AEG_OK);
    assert_null(medium_slot(disk, 1));
    for (unsigned i = 0; i < 40 * 512; i++)
        assert_int_equal(medium.byte[DATA_FIRST * 512 + i], 0);
    assert_int_equal(request(bind(data()), AEG_BLOCK_READ, 3, 1), AEG_OK);
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 0, 40, &again), AEG_OK);
}

static void
a_dirty_extent_may_be_had_below_the_old_guard(void **state)
{
    aeg_id_t id = carve(0, 40), again;

    (void)state;
    assert_int_equal(release(CAP_ALICE, id), AEG_OK);
    assert_int_equal(carve_under(CAP_ALICE_BELOW, CAP_ROOT, data(), 0, 40, &again), AEG_OK);
    assert_int_equal(medium_slot(disk, 1)->flags, AEG_SLOT_CARVED);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 1);      /* the old charge is given back */
    assert_true(again != id);
}

static void
what_the_parent_might_read_anyway_is_free_at_once(void **state)
{
    aeg_id_t outer = carve(0, 32), inner;

    (void)state;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ALICE, outer, 4, 8, &inner), AEG_OK);
    assert_int_equal(release(CAP_ALICE, inner), AEG_OK);
    assert_null(medium_slot(disk, 2));
    assert_int_equal(fake.used[AEG_KIND_SLOT], 1);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ALICE, outer, 0, 8, &inner), AEG_OK);
    assert_int_equal(AEG_ID_GENERATION(inner), 2);      /* the place again, not the id */
}

static void
another_guard_is_another_id(void **state)
{
    aeg_id_t id = carve(0, 32), now;
    uint64_t binding;

    (void)state;
    queue_make();
    binding = bind(id);
    assert_int_equal(request(binding, AEG_BLOCK_READ, 0, 1), AEG_OK);
    assert_int_equal(reguard(CAP_ALICE, CAP_BOB, id, &now), AEG_OK);
    assert_true(now != id && medium_slot(disk, 1)->id == now && medium_slot(disk, 1)->guard.hi == NAME_BOB.hi);
    assert_int_equal(request(binding, AEG_BLOCK_READ, 0, 1), AEG_ERR_SLOT);
    assert_int_equal(reguard(CAP_ALICE, CAP_ALICE, now, &id), AEG_ERR_CAP_DENIED);
    disk = medium_boot();
    assert_true(medium_slot(disk, 1)->guard.hi == NAME_BOB.hi);
}

static void
dead_bindings_make_room(void **state)
{
    aeg_id_t id = carve(0, 8);
    uint64_t binding;

    (void)state;
    queue_make();
    for (unsigned i = 0; i < AEG_QUEUE_BINDINGS; i++)
        bind(i == 7 ? id : data());
    assert_int_equal(fake_call(sys_blockq_bind, queue, CAP_ALICE, data(), CAP_ROOT, 3, &binding), AEG_ERR_VECTOR);
    assert_int_equal(release(CAP_ALICE, id), AEG_OK);
    assert_int_equal(bind(data()), 7);
}

/* ---- what is refused ---- */

static void
carving_is_checked(void **state)
{
    aeg_id_t id, table = medium_partition(disk, 1)->id, dirty = carve(100, 8);

    (void)state;
    assert_int_equal(release(CAP_ALICE, dirty), AEG_OK);
    dirty = medium_slot(disk, 1)->id;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, 0, 0, 8, &id), AEG_ERR_SLOT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data() + (1ull << 32), 0, 8, &id), AEG_ERR_SLOT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, UINT64_MAX, 0, 8, &id), AEG_ERR_SLOT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_EMPTY, data(), 0, 8, &id), AEG_ERR_CAP_INDEX);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ALICE, data(), 0, 8, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(carve_under(CAP_ALICE, CAP_DISK_RW, data(), 0, 8, &id), AEG_ERR_CAP_DENIED);
    assert_int_equal(carve_under(CAP_EMPTY, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_CAP_INDEX);
    assert_int_equal(carve_under(CAP_FRESH, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_CAP_NAME);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, table, 0, 8, &id), AEG_ERR_SLOT_FIXED);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, dirty, 0, 8, &id), AEG_ERR_SLOT_DIRTY);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 0, &id), AEG_ERR_EXTENT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, DATA_COUNT + 1, &id), AEG_ERR_EXTENT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), DATA_COUNT, 1, &id), AEG_ERR_EXTENT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), UINT64_MAX, 2, &id), AEG_ERR_EXTENT);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 1, UINT64_MAX, &id), AEG_ERR_EXTENT);
    assert_int_equal(fake_call(sys_slot_carve, AEG_ID(9, 9), caps(CAP_ROOT, CAP_ALICE, CAP_ALICE), data(), 0, 8, NULL), AEG_ERR_ACCOUNT);
    assert_int_equal(fake_call(sys_slot_carve, ACCOUNT, caps(CAP_ROOT, CAP_ALICE, CAP_ALICE_READ), data(), 0, 8, NULL), AEG_ERR_CAP_DENIED);
    fake.limit[AEG_KIND_SLOT] = 1;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_LIMIT);
    fake.limit[AEG_KIND_SLOT] = 1000;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_OK);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 7, 8, &id), AEG_ERR_EXTENT);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 2);
}

static void
slots_are_the_parents_when_their_account_ends(void **state)
{
    aeg_id_t id = carve(0, 8), other;

    (void)state;
    medium.answer = DISK_TAKEN;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 8, 8, &other), AEG_ERR_AGAIN);
    slot_release_account(ACCOUNT);
    assert_int_equal(fake.handed_up[AEG_KIND_SLOT], 2);
    medium_finish();
    medium.answer = DISK_DONE;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 8, 8, &other), AEG_OK);
    assert_true(medium_slot(disk, 1)->account == ACCOUNT_PARENT);
    assert_true(medium_slot(disk, 2)->account == ACCOUNT_PARENT);
    assert_int_equal(release(CAP_ALICE, id), AEG_OK);
    assert_int_equal(release(CAP_ALICE, other), AEG_OK);
    assert_int_equal(scrub_step(CAP_ROOT, medium_slot(disk, 1)->id), AEG_OK);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 1);
    assert_int_equal(fake.handed_up[AEG_KIND_SLOT], 1);
}

static void
a_full_table_says_so(void **state)
{
    aeg_id_t id, other = medium_partition(disk, 2)->id;

    (void)state;
    for (unsigned i = 0; i < 150; i++)
        carve(i, 1);
    for (unsigned i = 150; i < SLOT_RECORDS; i++)
        assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, other, i == 150 ? 0 : i - 100, i == 150 ? 50 : 1, &id), AEG_OK);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 155, 1, &id), AEG_ERR_NOMEM);
    assert_int_equal(split(CAP_ALICE, medium_slot(disk, 151)->id, 1, &id), AEG_ERR_NOMEM);
    assert_int_equal(fake.used[AEG_KIND_SLOT], SLOT_RECORDS);
    disk = medium_boot();
    assert_true(medium_slot(disk, 1) != NULL && medium_slot(disk, SLOT_RECORDS) != NULL);
}

static void
the_other_calls_are_checked(void **state)
{
    aeg_id_t id = carve(0, 8), next = carve(8, 8), apart = carve(24, 8), bobs, v;

    (void)state;
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 16, 8, &bobs), AEG_OK);
    assert_int_equal(split(CAP_ALICE, 0, 4, &v), AEG_ERR_SLOT);
    assert_int_equal(split(CAP_ROOT, data(), 4, &v), AEG_ERR_SLOT_FIXED);
    assert_int_equal(split(CAP_BOB, id, 4, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(split(CAP_ALICE_READ, id, 4, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(split(CAP_EMPTY, id, 4, &v), AEG_ERR_CAP_INDEX);
    assert_int_equal(split(CAP_ALICE, id, 0, &v), AEG_ERR_EXTENT);
    assert_int_equal(split(CAP_ALICE, id, 8, &v), AEG_ERR_EXTENT);
    assert_int_equal(split(CAP_ALICE, id, UINT64_MAX, &v), AEG_ERR_EXTENT);
    assert_int_equal(fake_call(sys_slot_split, AEG_ID(9, 9), caps(CAP_ALICE, CAP_ALICE, 0), id, 4, 0, NULL), AEG_ERR_ACCOUNT);
    fake.limit[AEG_KIND_SLOT] = 4;
    assert_int_equal(split(CAP_ALICE, id, 4, &v), AEG_ERR_LIMIT);
    assert_int_equal(merge(CAP_ALICE, id, 0), AEG_ERR_SLOT);
    assert_int_equal(merge(CAP_ALICE, 0, id), AEG_ERR_SLOT);
    assert_int_equal(merge(CAP_ALICE, id, id), AEG_ERR_SLOT_APART);
    assert_int_equal(merge(CAP_ALICE, id, apart), AEG_ERR_SLOT_APART);
    assert_int_equal(merge(CAP_ALICE, id, bobs), AEG_ERR_CAP_DENIED);
    assert_int_equal(merge(CAP_ROOT, next, bobs), AEG_ERR_SLOT_APART);
    assert_int_equal(merge(CAP_ROOT, data(), id), AEG_ERR_SLOT_FIXED);
    assert_int_equal(merge(CAP_EMPTY, id, next), AEG_ERR_CAP_INDEX);
    assert_int_equal(release(CAP_BOB, id), AEG_ERR_CAP_DENIED);
    assert_int_equal(release(CAP_EMPTY, id), AEG_ERR_CAP_INDEX);
    assert_int_equal(release(CAP_ROOT, data()), AEG_ERR_SLOT_FIXED);
    assert_int_equal(release(CAP_ROOT, id + (1ull << 32)), AEG_ERR_SLOT);
    assert_int_equal(reguard(CAP_BOB, CAP_BOB, id, &v), AEG_ERR_CAP_DENIED);
    assert_int_equal(reguard(CAP_ALICE, CAP_EMPTY, id, &v), AEG_ERR_CAP_INDEX);
    assert_int_equal(reguard(CAP_ALICE, CAP_FRESH, id, &v), AEG_ERR_CAP_NAME);
    assert_int_equal(reguard(CAP_ROOT, CAP_BOB, data(), &v), AEG_ERR_SLOT_FIXED);
    assert_int_equal(reguard(CAP_ROOT, CAP_BOB, 0, &v), AEG_ERR_SLOT);
    assert_int_equal(scrub_step(CAP_ALICE, id), AEG_ERR_NOT_READY);
    assert_int_equal(scrub_step(CAP_ALICE, 0), AEG_ERR_SLOT);
    assert_int_equal(scrub_step(CAP_BOB, id), AEG_ERR_CAP_DENIED);
    assert_int_equal(scrub_step(CAP_EMPTY, id), AEG_ERR_CAP_INDEX);
    assert_int_equal(scrub_step(CAP_ROOT, data()), AEG_ERR_SLOT_FIXED);
    assert_int_equal(release(CAP_ALICE, id), AEG_OK);
    id = medium_slot(disk, 1)->id;
    assert_int_equal(release(CAP_ALICE, id), AEG_ERR_SLOT_DIRTY);
    assert_int_equal(reguard(CAP_ALICE, CAP_BOB, id, &v), AEG_ERR_SLOT_DIRTY);
    assert_int_equal(merge(CAP_ALICE, id, next), AEG_ERR_SLOT_APART);
    assert_int_equal(scrub_step(CAP_BOB, id), AEG_ERR_CAP_DENIED);
    assert_int_equal(fake.used[AEG_KIND_SLOT], 4);
}

static void
without_a_table_there_are_partitions_only(void **state)
{
    aeg_id_t id;

    (void)state;
    disk = medium_make(false);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_UNSUPPORTED);
    assert_int_equal(release(CAP_ROOT, data()), AEG_ERR_SLOT_FIXED);
}

static void
a_damaged_table_closes_the_disk(void **state)
{
    aeg_id_t id = carve(0, 8);

    (void)state;
    carve(8, 8);
    medium.byte[TABLE_FIRST * 512 + 70] ^= 1;
    disk = medium_boot();               /* one copy is enough: here the newer, in the second half */
    assert_true(medium_slot(disk, 1)->id == id && medium_slot(disk, 2) != NULL);
    medium.byte[(TABLE_FIRST + 32) * 512 + 70] ^= 1;
    disk = medium_boot();
    assert_null(medium_slot(disk, 1));
    assert_true(medium_partition(disk, 0)->flags & AEG_SLOT_READ_ONLY);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 16, 8, &id), AEG_ERR_UNSUPPORTED);
}

static void
a_read_only_disk_keeps_its_slots(void **state)
{
    aeg_id_t id = carve(0, 8), v;

    (void)state;
    disk->read_only = true;
    for (unsigned i = 0; i < 2; i++)    /* as the scan of such a disk shows them */
        ((struct aeg_slot_info *)(uintptr_t)(i ? medium_slot(disk, 1) : medium_partition(disk, 0)))->flags |= AEG_SLOT_READ_ONLY;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 16, 8, &v), AEG_ERR_READ_ONLY);
    assert_int_equal(split(CAP_ALICE, id, 4, &v), AEG_ERR_READ_ONLY);
    assert_int_equal(release(CAP_ALICE, id), AEG_ERR_READ_ONLY);
    assert_int_equal(reguard(CAP_ALICE, CAP_BOB, id, &v), AEG_ERR_READ_ONLY);
    assert_int_equal(merge(CAP_ALICE, id, id), AEG_ERR_READ_ONLY);
    assert_int_equal(scrub_step(CAP_ALICE, id), AEG_ERR_READ_ONLY);
}

/* ---- while it takes time ---- */

static void
a_call_says_again_until_the_disk_has_it(void **state)
{
    aeg_id_t id = 0, other;

    (void)state;
    medium.answer = DISK_TAKEN;
    fake.bits = 0;
    for (unsigned step = 0; step < 3; step++) {     /* flush, table, flush */
        assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_AGAIN);
        assert_null(medium_slot(disk, 1));
        assert_int_equal(medium.waiting_count, 1);
        assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 16, 8, &other), AEG_ERR_NOT_READY);
        assert_int_equal(fake.bits & BITS, 0);
        medium_finish_some();
    }
    assert_int_equal(fake.bits & BITS, BITS);
    assert_true(medium_slot(disk, 1) != NULL);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_OK);
    assert_true(medium_slot(disk, 1)->id == id);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_EXTENT);
}

/* Every call that changes the table, with a change of another kind under way, and of its own while that is. */
static void
each_call_says_again_and_lets_no_other_in(void **state)
{
    aeg_id_t id = carve(0, 8), next = carve(8, 8), dirty = carve(16, 8), v;

    (void)state;
    assert_int_equal(release(CAP_ALICE, dirty), AEG_OK);
    dirty = medium_slot(disk, 3)->id;
    medium.answer = DISK_TAKEN;
    assert_int_equal(split(CAP_ALICE, id, 4, &v), AEG_ERR_AGAIN);
    assert_int_equal(merge(CAP_ALICE, id, next), AEG_ERR_NOT_READY);
    assert_int_equal(release(CAP_ALICE, id), AEG_ERR_NOT_READY);
    assert_int_equal(reguard(CAP_ALICE, CAP_BOB, id, &v), AEG_ERR_NOT_READY);
    assert_int_equal(scrub_step(CAP_ALICE, dirty), AEG_ERR_NOT_READY);
    medium_finish();
    assert_int_equal(split(CAP_ALICE, id, 4, &v), AEG_OK);
    assert_int_equal(merge(CAP_ALICE, id, v), AEG_ERR_AGAIN);
    assert_int_equal(split(CAP_ALICE, next, 4, &v), AEG_ERR_NOT_READY);
    medium_finish();
    v = medium_slot(disk, 1)->id;
    assert_int_equal(reguard(CAP_ALICE, CAP_ALICE_BELOW, v, &v), AEG_ERR_AGAIN);
    medium_finish();
    assert_int_equal(release(CAP_ALICE, next), AEG_ERR_AGAIN);
    medium_finish();
    assert_int_equal(release(CAP_ALICE, next), AEG_OK);
    assert_int_equal(scrub_step(CAP_ROOT, dirty), AEG_ERR_AGAIN);
    medium_finish();
    assert_int_equal(scrub_step(CAP_ROOT, dirty), AEG_OK);
}

static void
another_space_waits_for_its_turn(void **state)
{
    aeg_id_t id;

    (void)state;
    medium.answer = DISK_TAKEN;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_AGAIN);
    fake.space = AEG_ID(2, 1);
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 8, 8, &id), AEG_ERR_AGAIN);
    fake.notified = 0;
    medium_finish();
    assert_int_equal(fake.notified, 2);
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 8, 8, &id), AEG_ERR_AGAIN);
    medium_finish();
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 8, 8, &id), AEG_OK);
    fake.space = AEG_ID(1, 1);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_OK);
}

static void
a_space_in_the_place_of_a_dead_one_starts_anew(void **state)
{
    aeg_id_t id;

    (void)state;
    medium.answer = DISK_TAKEN;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_AGAIN);
    fake.space = AEG_ID(1, 2);
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_AGAIN);
    medium_finish();
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_EXTENT);
}

static void
requests_in_flight_are_waited_for_and_new_ones_refused(void **state)
{
    uint64_t binding;
    aeg_id_t id;

    (void)state;
    queue_make();
    binding = bind(data());
    medium.answer = DISK_TAKEN;
    post(binding, AEG_BLOCK_WRITE, 7, 1);
    post(binding, AEG_BLOCK_WRITE, 4, 2);
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 6, 8, &id), AEG_ERR_AGAIN);
    assert_int_equal(medium.waiting_count, 2);          /* no flush yet */
    post(binding, AEG_BLOCK_WRITE, 13, 1);
    assert_int_equal(status(), AEG_ERR_EXTENT);
    post(binding, AEG_BLOCK_WRITE, 14, 1);
    assert_int_equal(medium.waiting_count, 3);
    medium_finish();
    assert_int_equal(carve_under(CAP_BOB, CAP_ROOT, data(), 6, 8, &id), AEG_OK);
}

static void
a_full_disk_is_tried_again(void **state)
{
    aeg_id_t id;

    (void)state;
    medium.answer = DISK_FULL;
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_ERR_AGAIN);
    medium.answer = DISK_DONE;
    blockq_progress();
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 0, 8, &id), AEG_OK);
}

static void
an_error_of_the_disk_leaves_the_old_table(void **state)
{
    aeg_id_t id = carve(0, 8), next = carve(8, 8), v;

    (void)state;
    for (int after = 0; after < 3; after++) {
        medium.fail_after = after;
        medium.result = AEG_ERR_DEVICE;
        assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 16, 8, &v), AEG_ERR_DEVICE);
        assert_int_equal(fake.used[AEG_KIND_SLOT], 2);
        assert_null(medium_slot(disk, 3));
        medium.fail_after = after;
        assert_int_equal(reguard(CAP_ALICE, CAP_BOB, id, &v), AEG_ERR_DEVICE);
        medium.fail_after = after;
        assert_int_equal(split(CAP_ALICE, id, 4, &v), AEG_ERR_DEVICE);
        medium.fail_after = after;
        assert_int_equal(merge(CAP_ALICE, id, next), AEG_ERR_DEVICE);
        medium.fail_after = after;
        assert_int_equal(release(CAP_ALICE, id), AEG_ERR_DEVICE);
        assert_true(medium_slot(disk, 1)->id == id);
        medium.result = AEG_OK;
    }
    assert_int_equal(carve_under(CAP_ALICE, CAP_ROOT, data(), 16, 8, &v), AEG_OK);
    disk = medium_boot();               /* the last one holds, whatever the failed ones left on the disk */
    assert_true(medium_slot(disk, 1)->id == id && medium_slot(disk, 3)->id == v);
}

static void
a_scrub_goes_in_steps_and_starts_over_after_an_error(void **state)
{
    aeg_id_t id = carve(0, 160);
    unsigned steps = 0;
    aeg_err_t err;

    (void)state;
    assert_int_equal(release(CAP_ALICE, id), AEG_OK);
    id = medium_slot(disk, 1)->id;
    disk->zero_blocks = 4;              /* 8 requests of 4 blocks a step */
    medium.fail_after = 3;
    medium.result = AEG_ERR_DEVICE;
    assert_int_equal(scrub_step(CAP_ALICE, id), AEG_ERR_DEVICE);
    medium.result = AEG_OK;
    medium.answer = DISK_TAKEN;
    for (; (err = scrub_step(CAP_ALICE, id)) == AEG_ERR_AGAIN; steps++) {
        assert_true(medium.waiting_count <= SCRUB_REQUESTS);
        medium_finish();
        assert_int_equal(medium_slot(disk, 1) ? medium_slot(disk, 1)->scrubbed : 160, MIN((steps + 1) * 32, 160));
    }
    assert_int_equal(err, AEG_OK);
    assert_int_equal(steps, 5);
    assert_null(medium_slot(disk, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_carved_slot_is_there_and_comes_again_after_a_reboot, make),
        cmocka_unit_test_setup(a_parent_does_not_reach_what_was_carved_out, make),
        cmocka_unit_test_setup(slots_nest, make),
        cmocka_unit_test_setup(splitting_divides_extent_and_children, make),
        cmocka_unit_test_setup(a_freed_slot_is_dirty_until_it_is_scrubbed, make),
        cmocka_unit_test_setup(a_dirty_extent_may_be_had_below_the_old_guard, make),
        cmocka_unit_test_setup(what_the_parent_might_read_anyway_is_free_at_once, make),
        cmocka_unit_test_setup(another_guard_is_another_id, make),
        cmocka_unit_test_setup(dead_bindings_make_room, make),
        cmocka_unit_test_setup(carving_is_checked, make),
        cmocka_unit_test_setup(slots_are_the_parents_when_their_account_ends, make),
        cmocka_unit_test_setup(a_full_table_says_so, make),
        cmocka_unit_test_setup(the_other_calls_are_checked, make),
        cmocka_unit_test_setup(without_a_table_there_are_partitions_only, make),
        cmocka_unit_test_setup(a_damaged_table_closes_the_disk, make),
        cmocka_unit_test_setup(a_read_only_disk_keeps_its_slots, make),
        cmocka_unit_test_setup(a_call_says_again_until_the_disk_has_it, make),
        cmocka_unit_test_setup(each_call_says_again_and_lets_no_other_in, make),
        cmocka_unit_test_setup(another_space_waits_for_its_turn, make),
        cmocka_unit_test_setup(a_space_in_the_place_of_a_dead_one_starts_anew, make),
        cmocka_unit_test_setup(requests_in_flight_are_waited_for_and_new_ones_refused, make),
        cmocka_unit_test_setup(a_full_disk_is_tried_again, make),
        cmocka_unit_test_setup(an_error_of_the_disk_leaves_the_old_table, make),
        cmocka_unit_test_setup(a_scrub_goes_in_steps_and_starts_over_after_an_error, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
