/*
 * power_cut_test.c: the power fails after every single block that a slot workload writes, and what was not flushed is lost in part.
 *
 * The workload changes the table by all calls and writes secrets through carved slots. For each prefix of what reached the disk, and for
 * several choices of which unflushed blocks survived: the table that comes up is the one before or after the call under way, every call
 * that had returned is in it, and no secret lies where the table says that a parent reaches.
 */
#include <stdlib.h>
#include <string.h>

#include "test/fake/aegis/dev/slot_disk.h"

#define OPS 250
#define CHOICES 8               /* of surviving blocks, for each prefix */
#define SECRET 0xa5

static struct disk *disk;

struct snapshot {
    struct slot_record record[SLOT_RECORDS];
    unsigned log_count;         /* blocks and flushes when the call returned */
};
static struct snapshot state_after[OPS + 1];
static struct slot_disk_image before, done;

static const struct slot_extent partition[2] = { { DATA_FIRST, DATA_COUNT }, { 300, 160 } };

/* ---- the workload ---- */

static const struct aeg_slot_info *
some_slot(void)
{
    const struct aeg_slot_info *all = (const struct aeg_slot_info *)(uintptr_t)info->slots.address;
    const struct aeg_slot_info *found = NULL;
    unsigned seen = 0;

    for (uint32_t i = 0; i < info->slots.count; i++)
        if (all[i].id != 0 && (all[i].flags & AEG_SLOT_CARVED) && rand() % ++seen == 0)
            found = &all[i];
    return found;
}

static void
write_secret(aeg_id_t slot)
{
    struct aeg_blockq_args args = { { 10, 11, 12, 13, 14 }, ENV_ALICE, 4 };
    struct aeg_block_request *r = frame_map(11);
    struct aeg_blockq *q = frame_map(10);
    uint64_t queue, binding;

    assert_int_equal(fake_call(sys_blockq_create, ACCOUNT, CAP_ALICE, CAP_ALICE, (uint64_t)(uintptr_t)&args, 0, &queue), AEG_OK);
    if (fake_call(sys_blockq_bind, queue, CAP_ALICE, slot, CAP_ROOT, 3, &binding) == AEG_OK) {
        memset(frame_map(20), SECRET, FRAME_SIZE);
        *r = (struct aeg_block_request){ .bytes = 512, .op = AEG_BLOCK_WRITE, .frame_count = 1, .frames = { 20 } };
        q->posted = 1;
        assert_int_equal(fake_call(sys_blockq_submit, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
    }
    assert_int_equal(fake_call(sys_blockq_destroy, queue, CAP_ALICE, 0, 0, 0, NULL), AEG_OK);
}

static void
carve_something(void)
{
    aeg_id_t parent = medium_partition(disk, rand() % 2 ? 0 : 2)->id, id;
    const struct aeg_slot_info *s = some_slot();
    uint32_t guard = rand() % 2 ? CAP_ALICE : CAP_BOB;
    struct sys_args args;

    if (s && rand() % 3 == 0)
        parent = s->id;
    args = (struct sys_args){ .a = { ACCOUNT, (uint64_t)CAP_ALICE << 32 | guard << 16 | CAP_ROOT, parent, rand() % 150, 1 + rand() % 12 } };
    if (sys_slot_carve(&args) != AEG_OK)
        return;
    id = args.value;
    write_secret(id);
}

static void
change_something(void)
{
    const struct aeg_slot_info *s = some_slot(), *other = some_slot();
    aeg_id_t id;

    if (!s)
        return;
    id = s->id;
    switch (rand() % 6) {
    case 0:
        (void)fake_call(sys_slot_split, ACCOUNT, CAP_ALICE << 16, id, 1 + rand() % 6, 0, NULL);
        break;
    case 1:
        (void)fake_call(sys_slot_merge, id, other->id, CAP_ROOT, 0, 0, NULL);
        break;
    case 2:
        (void)fake_call(sys_slot_guard, id, (rand() % 2 ? CAP_ALICE : CAP_BOB) << 16, 0, 0, 0, NULL);
        break;
    case 3:
        (void)fake_call(sys_slot_scrub, id, CAP_ROOT, 0, 0, 0, NULL);
        break;
    default:
        (void)fake_call(sys_slot_free, id, CAP_ROOT, 0, 0, 0, NULL);
        break;
    }
}

static void
remember(struct snapshot *s)
{
    memcpy(s->record, slot_disk_at(0)->now->record, sizeof(s->record));
    s->log_count = medium.log_count;
}

static void
work(void)
{
    disk = medium_make(true);
    memcpy(before.byte, medium.byte, sizeof(before.byte));
    remember(&state_after[0]);
    for (unsigned i = 0; i < OPS; i++) {
        if (i % 25 == 24)
            disk = medium_boot();
        disk->zero_blocks = rand() % 2 ? 4 : 0;
        if (rand() % 2)
            carve_something();
        else
            change_something();
        remember(&state_after[i + 1]);
    }
}

/* ---- the cuts ---- */

static const struct slot_record *
table_found(unsigned *count)
{
    const struct slot_table *half[2] = { (const void *)(done.byte + TABLE_FIRST * 512),
                                         (const void *)(done.byte + TABLE_FIRST * 512 + SLOT_TABLE_BYTES) };
    int which = slot_table_choose(half, TABLE_FIRST, partition, 2);

    if (which < 0)
        assert_true(slot_table_virgin(half[0]) && slot_table_virgin(half[1]));
    *count = which < 0 ? 0 : half[which]->count;
    return which < 0 ? NULL : half[which]->record;
}

static bool
same(const struct slot_record *found, unsigned count, const struct snapshot *want)
{
    static const struct slot_record empty;

    for (unsigned i = 0; i < SLOT_RECORDS; i++) {
        const struct slot_record *r = i < count ? &found[i] : &empty;

        if (memcmp(r, &want->record[i], sizeof(*r)) != 0)
            return false;
    }
    return true;
}

static void
no_secret_in_reach_of_partitions(const struct slot_record *found, unsigned count)
{
    bool covered[DISK_BLOCKS] = { false };

    for (unsigned i = 0; i < count; i++)
        for (uint64_t b = 0; b < found[i].count; b++)
            covered[found[i].first + b] = true;
    for (unsigned p = 0; p < 2; p++)
        for (uint64_t b = partition[p].first; b < partition[p].first + partition[p].count; b++)
            assert_true(covered[b] || done.byte[b * 512] != SECRET);
}

static void
judge(unsigned completed)
{
    unsigned count;
    const struct slot_record *found = table_found(&count);

    assert_true(same(found, count, &state_after[completed]) || (completed < OPS && same(found, count, &state_after[completed + 1])));
    no_secret_in_reach_of_partitions(found, count);
}

/* Puts some of the unflushed blocks log[from, to) on the disk, judges, and takes them off again. choice 0: none, 1: all. */
static void
cut(unsigned from, unsigned to, unsigned choice, unsigned completed)
{
    static uint8_t saved[LOG_MAX][AEG_BLOCK_SIZE];
    static bool put[LOG_MAX];

    for (unsigned i = from; i < to; i++) {
        put[i] = choice == 1 || (choice > 1 && rand() % 2);
        if (!put[i])
            continue;
        memcpy(saved[i], done.byte + medium.log[i].block * 512, 512);
        memcpy(done.byte + medium.log[i].block * 512, medium.log[i].data, 512);
    }
    judge(completed);
    for (unsigned i = to; i-- > from;)
        if (put[i])
            memcpy(done.byte + medium.log[i].block * 512, saved[i], 512);
}

static void
the_table_is_old_or_new_at_every_cut(void **state)
{
    unsigned flushed = 0, completed = 0, cuts = 0;

    (void)state;
    for (unsigned seed = 1; seed <= 3; seed++) {
        srand(seed);
        work();
        memcpy(done.byte, before.byte, sizeof(done.byte));
        flushed = completed = 0;
        for (unsigned p = 0; p <= medium.log_count; p++) {
            while (completed < OPS && state_after[completed + 1].log_count <= p)
                completed++;
            for (unsigned choice = 0; choice < CHOICES; choice++, cuts++)
                cut(flushed, p, choice, completed);
            if (p == medium.log_count || !medium.log[p].flush)
                continue;
            for (; flushed < p; flushed++)
                memcpy(done.byte + medium.log[flushed].block * 512, medium.log[flushed].data, 512);
            flushed = p + 1;
        }
        assert_int_equal(completed, OPS);
    }
    print_message("%u cuts\n", cuts);
}

/* The whole way up, at some of them: what the machine shows is what the table says. */
static void
the_machine_comes_up_after_a_cut(void **state)
{
    static struct log_entry log[LOG_MAX];
    unsigned count;

    (void)state;
    srand(7);
    work();
    count = medium.log_count;
    memcpy(log, medium.log, sizeof(log));
    for (unsigned end = 0; end <= count; end += 37) {
        memcpy(medium.byte, before.byte, sizeof(medium.byte));
        for (unsigned i = 0; i < end; i++)
            if (!log[i].flush)
                memcpy(medium.byte + log[i].block * 512, log[i].data, 512);
        disk = medium_boot();
        assert_int_equal(medium_partition(disk, 0)->flags, 0);
        carve_something();
        change_something();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_old_or_new_at_every_cut),
        cmocka_unit_test(the_machine_comes_up_after_a_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
