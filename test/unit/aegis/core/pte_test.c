/* pte_test.c: leaf entries: what pte_set checks, what it gives back. */
#include <string.h>

#include "world.h"

#define VA 0x40200000ull
static struct aeg_pte_op *const ops = (struct aeg_pte_op *)(void *)fake_user;

static int
set_many(unsigned count)
{
    return call(pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(ops), count);
}

static void
an_entry_is_stored_and_the_frame_referenced(void **state)
{
    aeg_frame_t pt = new_path(&alice, VA), f = new_frame(&alice);

    (void)state;
    assert_int_equal(set_pte(&alice, VA, pte_of(f, AEG_PTE_W | AEG_PTE_NX | 5ull << 9)), AEG_OK);
    assert_true(value == 0);
    assert_true(get_pte(&alice, VA, 1) == pte_of(f, AEG_PTE_W | AEG_PTE_NX | 5ull << 9));
    assert_int_equal(frame_at(f)->refs, 1);
    assert_int_equal(frame_at(pt)->live, 1);
    assert_int_equal(machine.flushed_pages, 0);
}

static void
replacing_gives_the_old_entry_with_its_accessed_and_dirty_bits(void **state)
{
    aeg_frame_t pt = new_path(&alice, VA), f = new_frame(&alice), g = new_frame(&alice), unused;

    (void)state;
    assert_int_equal(set_pte(&alice, VA, pte_of(f, AEG_PTE_W)), AEG_OK);
    *pt_walk(alice.space, VA, 1, &unused) |= AEG_PTE_A | AEG_PTE_D;     /* the processor's doing */
    assert_int_equal(set_pte(&alice, VA, pte_of(g, 0)), AEG_OK);
    assert_true(value == pte_of(f, AEG_PTE_W | AEG_PTE_A | AEG_PTE_D));
    assert_int_equal(frame_at(f)->refs, 0);
    assert_int_equal(frame_at(g)->refs, 1);
    assert_int_equal(frame_at(pt)->live, 1);
    assert_int_equal(machine.flushed_pages, 1);
    assert_true(machine.last_flushed == VA);
}

static void
an_empty_entry_keeps_the_librarys_bits(void **state)
{
    aeg_frame_t pt = new_path(&alice, VA);

    (void)state;
    assert_int_equal(set_pte(&alice, VA, 7ull << 9 | 0x7full << 52), AEG_OK);
    assert_true(get_pte(&alice, VA, 1) == (7ull << 9 | 0x7full << 52));
    assert_int_equal(frame_at(pt)->live, 0);
}

static void
the_space_must_exist_and_be_controlled(void **state)
{
    (void)state;
    expect(SPACE, pte_set, 0, 0, USER_AT(ops), 0);
    expect(SPACE, pte_set, alice.space_id + (1ull << 32), 0, USER_AT(ops), 0);
    expect(CAP_DENIED, pte_set, bob.space_id, 0, USER_AT(ops), 0);
    expect(CAP_INDEX, pte_set, alice.space_id, AEG_CAPS(9, 0), USER_AT(ops), 0);
    expect(CAP_INDEX, pte_set, alice.space_id, AEG_CAPS(0, 9), USER_AT(ops), 0);
    expect(CAP_INDEX, pte_set, alice.space_id, AEG_CAPS(0, AEG_CAP_MAX), USER_AT(ops), 0);
    expect(CAP_INDEX, pte_set, alice.space_id, AEG_CAPS(0, UINT32_MAX), USER_AT(ops), 0);
}

static void
the_vector_is_bounded_and_must_be_readable(void **state)
{
    (void)state;
    expect(VECTOR, pte_set, alice.space_id, 0, USER_AT(ops), AEG_VECTOR_MAX + 1);
    expect(VECTOR, pte_set, alice.space_id, 0, USER_AT(ops), UINT64_MAX);
    expect(BAD_ADDRESS, pte_set, alice.space_id, 0, WILD, 1);
    expect(BAD_ADDRESS, pte_set, alice.space_id, 0, UINT64_MAX - 7, 1);
    expect(OK, pte_set, alice.space_id, 0, WILD, 0);
    assert_int_equal(value, 0);
}

static void
addresses_outside_the_library_part_are_refused(void **state)
{
    aeg_frame_t f = new_frame(&alice);
    static const uint64_t bad[] = { AEG_LIBRARY_TOP, AEG_INFO_BASE, AEG_USER_TOP, 1ull << 47, 0xffff800000000000ull, ~0xfffull };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(set_pte(&alice, bad[i], pte_of(f, 0)), AEG_ERR_VA_RANGE);
}

static void
addresses_must_be_aligned_and_of_a_known_size(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, VA + 4, pte_of(f, 0)), AEG_ERR_VA_ALIGN);
    assert_int_equal(set_pte(&alice, VA + 0x800, pte_of(f, 0)), AEG_ERR_VA_ALIGN);
    assert_int_equal(set_pte(&alice, VA + 0x1000 + 1, pte_of(f, 0)), AEG_ERR_VA_ALIGN);
    assert_int_equal(set_pte(&alice, VA + 3, pte_of(f, 0)), AEG_ERR_ARGUMENT);
}

static void
bits_that_are_the_kernels_are_refused(void **state)
{
    aeg_frame_t f = new_frame(&alice);
    static const uint64_t bad[] = { 1 << 3, 1 << 4, 1 << 7, 1 << 8 };   /* PWT, PCD, PAT, G */

    (void)state;
    new_path(&alice, VA);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(set_pte(&alice, VA, pte_of(f, bad[i])), AEG_ERR_PTE_BITS);
    assert_int_equal(set_pte(&alice, VA, f << FRAME_SHIFT), AEG_ERR_PTE_BITS);      /* an address, but not present */
}

static void
without_a_node_there_is_no_entry(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    assert_int_equal(set_pte(&alice, VA, pte_of(f, 0)), AEG_ERR_NO_NODE);
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, VA + 0x200000, pte_of(f, 0)), AEG_ERR_NO_NODE);
    assert_int_equal(frame_at(f)->refs, 0);
}

static void
the_frame_must_be_memory_and_allocated(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, VA, pte_of(frame_count, 0)), AEG_ERR_FRAME);
    assert_int_equal(set_pte(&alice, VA, pte_of(0xffffffffffull, 0)), AEG_ERR_FRAME);
    assert_int_equal(set_pte(&alice, VA, pte_of(0, 0)), AEG_ERR_FRAME);
    assert_int_equal(set_pte(&alice, VA, pte_of(alice.pml4, 0)), AEG_ERR_FRAME_NODE);
    assert_int_equal(set_pte(&alice, VA, pte_of(alice.save, 0)), AEG_ERR_FRAME_BUSY);
    USER_WORDS[0] = f;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    assert_int_equal(set_pte(&alice, VA, pte_of(f, 0)), AEG_ERR_FRAME_FREE);
}

static void
a_writable_entry_needs_write_over_the_frame(void **state)
{
    aeg_frame_t f = new_frame(&alice);
    uint32_t weak;

    (void)state;
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, VA, pte_of(bob.uenv, 0)), AEG_ERR_CAP_DENIED);
    assert_int_equal(set_pte(&alice, VA, pte_of(bob.uenv, AEG_PTE_W)), AEG_ERR_CAP_DENIED);
    /* WRITE over the node, but no READ over the frame: both come from one capability, so alice forges one without READ. */
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_WRITE);
    weak = value;
    USER_WORDS[0] = f;
    USER_WORDS[1] = get_pte(&alice, VA, 2) >> 12 & 0xffffff;
    expect(OK, frame_guard, 0, weak, USER_AT(USER_WORDS), 2);
    ops[0] = (struct aeg_pte_op){ VA, pte_of(f, 0) };
    expect(CAP_DENIED, pte_set, alice.space_id, AEG_CAPS(0, weak), USER_AT(ops), 1);
    expect(OK, pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(ops), 1);
}

static void
changing_an_entry_needs_write_over_the_node(void **state)
{
    aeg_frame_t pt = new_path(&alice, VA);

    (void)state;
    USER_WORDS[0] = pt;
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_READ);
    uint32_t weak = value;
    expect(OK, frame_guard, 0, weak, USER_AT(USER_WORDS), 1);
    ops[0] = (struct aeg_pte_op){ VA, 0 };
    expect(CAP_DENIED, pte_set, alice.space_id, AEG_CAPS(0, weak), USER_AT(ops), 1);
}

static void
one_bad_entry_stops_the_vector_there(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    for (unsigned bad = 0; bad < 100; bad += 33) {
        for (unsigned i = 0; i < 100; i++)
            ops[i] = (struct aeg_pte_op){ VA + i * 0x1000, pte_of(i == bad ? bob.uenv : f, 0) };
        assert_int_equal(set_many(100), AEG_ERR_CAP_DENIED);
        assert_int_equal(value, bad);
        assert_int_equal(frame_at(f)->refs, bad);
        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal((get_pte(&alice, VA + i * 0x1000, 1) & AEG_PTE_P) != 0, i < bad);
            assert_true(ops[i].pte == (i < bad ? 0 : pte_of(i == bad ? bob.uenv : f, 0)));  /* old ones; the rest untouched */
        }
        for (unsigned i = 0; i < 100; i++)
            ops[i] = (struct aeg_pte_op){ VA + i * 0x1000, 0 };
        assert_int_equal(set_many(100), AEG_OK);
        walk();
    }
}

static void
a_full_vector_over_several_nodes_is_done_in_one_call(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    new_path(&alice, VA + 0x200000);
    for (unsigned i = 0; i < 512; i++)
        ops[i] = (struct aeg_pte_op){ VA + (256 + i) * 0x1000ull, pte_of(f, 0) };
    assert_int_equal(set_many(512), AEG_OK);
    assert_int_equal(value, 512);
    assert_int_equal(frame_at(f)->refs, 512);
}

static void
a_vector_that_becomes_unreadable_stops_there(void **state)
{
    aeg_frame_t f = new_frame(&alice);
    struct aeg_pte_op *at = (struct aeg_pte_op *)(void *)(fake_user + FAKE_USER_BYTES) - 40;

    (void)state;
    new_path(&alice, VA);
    for (unsigned i = 0; i < 40; i++)
        at[i] = (struct aeg_pte_op){ VA + i * 0x1000, pte_of(f, 0) };
    expect(BAD_ADDRESS, pte_set, alice.space_id, 0, USER_AT(at), 100);
    assert_int_equal(value, 40);
    assert_int_equal(frame_at(f)->refs, 40);
}

static void
the_same_entry_twice_in_a_vector_counts_right(void **state)
{
    aeg_frame_t f = new_frame(&alice), g = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    ops[0] = (struct aeg_pte_op){ VA, pte_of(f, 0) };
    ops[1] = (struct aeg_pte_op){ VA, pte_of(g, 0) };
    ops[2] = (struct aeg_pte_op){ VA, pte_of(g, AEG_PTE_W) };
    assert_int_equal(set_many(3), AEG_OK);
    assert_int_equal(frame_at(f)->refs, 0);
    assert_int_equal(frame_at(g)->refs, 1);
    assert_true(ops[1].pte == pte_of(f, 0) && ops[2].pte == pte_of(g, 0));
}

/* What one call was allowed is remembered for the next: whatever takes it away must be noticed. */
static void
a_capability_that_goes_takes_the_last_calls_permission_with_it(void **state)
{
    aeg_frame_t f = new_frame(&alice);
    uint32_t lent;

    (void)state;
    new_path(&alice, VA);
    lent = lend(&alice, &bob, AEG_RIGHT_ALL);
    act_as(&bob);
    ops[0] = (struct aeg_pte_op){ VA, pte_of(f, 0) };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(lent, lent), USER_AT(ops), 1);
    ops[0] = (struct aeg_pte_op){ VA + 0x1000, pte_of(f, 0) };
    expect(OK, cap_drop, lent);
    expect(CAP_INDEX, pte_set, alice.space_id, AEG_CAPS(lent, lent), USER_AT(ops), 1);
    lent = lend(&alice, &bob, AEG_RIGHT_ALL);
    act_as(&bob);
    expect(OK, pte_set, alice.space_id, AEG_CAPS(lent, lent), USER_AT(ops), 1);
    act_as(&alice);
    expect(OK, cap_revoke, 0);
    act_as(&bob);
    expect(CAP_INDEX, pte_set, alice.space_id, AEG_CAPS(lent, lent), USER_AT(ops), 1);
    act_as(&alice);
}

static void
a_node_that_goes_or_changes_hands_takes_the_last_calls_permission_with_it(void **state)
{
    aeg_frame_t f = new_frame(&alice), pt = new_path(&alice, VA);
    uint32_t bobs;

    (void)state;
    assert_int_equal(set_pte(&alice, VA, pte_of(f, 0)), AEG_OK);
    assert_int_equal(set_pte(&alice, VA, 0), AEG_OK);
    expect(OK, pt_detach, alice.space_id, 0, VA | 1);
    assert_int_equal(set_pte(&alice, VA, pte_of(f, 0)), AEG_ERR_NO_NODE);
    expect(OK, pt_attach, alice.space_id, 0, VA, 1 | AEG_ATTACH_WRITE, pt);
    assert_int_equal(set_pte(&alice, VA, pte_of(f, 0)), AEG_OK);
    bobs = lend(&bob, &alice, AEG_RIGHT_ALL);
    USER_WORDS[0] = pt;
    ops[8] = (struct aeg_pte_op){ VA, 0 };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(&ops[8]), 1);
    ops[8] = (struct aeg_pte_op){ VA, 0 };
    expect(OK, frame_guard, 0, bobs, USER_AT(USER_WORDS), 1);
    expect(CAP_DENIED, pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(&ops[8]), 1);
    expect(OK, frame_guard, bobs, 0, USER_AT(USER_WORDS), 1);
    expect(OK, pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(&ops[8]), 1);
}

/* A frame that was mapped a moment ago is no longer what it was: the next call must see it. */
static void
a_frame_that_changes_takes_the_last_calls_permission_with_it(void **state)
{
    aeg_frame_t f[4];
    uint32_t bobs = lend(&bob, &alice, AEG_RIGHT_ALL), other;

    (void)state;
    act_as(&alice);
    new_path(&alice, VA);
    for (unsigned i = 0; i < 4; i++) {
        f[i] = new_frame(&alice);
        assert_int_equal(set_pte(&alice, VA, pte_of(f[i], 0)), AEG_OK);
        assert_int_equal(set_pte(&alice, VA, i == 1 ? pte_of(f[1], 0) : 0), AEG_OK);
        assert_true(frame_at(f[i])->base >= MARK_FIRST);
        if (i == 1)
            assert_int_equal(set_pte(&alice, VA + 0x5000, pte_of(f[1], 0)), AEG_OK);
    }
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL);
    other = value;
    USER_WORDS[0] = f[0];
    expect(OK, frame_guard, 0, bobs, USER_AT(USER_WORDS), 1);       /* somebody else's */
    USER_WORDS[0] = f[1];
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);              /* an orphan */
    USER_WORDS[0] = f[2];
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);              /* free */
    expect(OK, pt_attach, alice.space_id, 0, VA + 0x200000, 1 | AEG_ATTACH_WRITE, f[3]);    /* a node */
    assert_int_equal(set_pte(&alice, VA + 0x1000, pte_of(f[0], 0)), AEG_ERR_CAP_DENIED);
    assert_int_equal(set_pte(&alice, VA + 0x1000, pte_of(f[1], 0)), AEG_ERR_FRAME_FREE);
    assert_int_equal(set_pte(&alice, VA + 0x1000, pte_of(f[2], 0)), AEG_ERR_FRAME_FREE);
    assert_int_equal(set_pte(&alice, VA + 0x1000, pte_of(f[3], 0)), AEG_ERR_FRAME_NODE);
    /* and back again, by another name */
    expect(OK, pt_detach, alice.space_id, 0, (VA + 0x200000) | 1);
    USER_WORDS[0] = f[3];
    expect(OK, frame_guard, 0, other, USER_AT(USER_WORDS), 1);
    assert_int_equal(set_pte(&alice, VA + 0x1000, pte_of(f[3], 0)), AEG_OK);
    assert_int_equal(set_pte(&alice, VA, 0), AEG_OK);
    assert_int_equal(set_pte(&alice, VA + 0x5000, 0), AEG_OK);
    walk();
}

/* The way through assembly says in `value` how many it has set. */
static void
what_is_set_already_is_not_set_again(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    for (unsigned left = 0; left < 4; left++) {
        struct sys_args args = { { alice.space_id, 0, USER_AT(ops), 9 }, 9 - left };
        for (unsigned i = 0; i < 9; i++)
            ops[i] = (struct aeg_pte_op){ VA + (left * 16 + i) * 0x1000, pte_of(f, 0) };
        assert_int_equal(sys_pte_set(&args), AEG_OK);
        assert_int_equal(args.value, 9);
        for (unsigned i = 0; i < 9; i++)
            assert_int_equal(get_pte(&alice, VA + (left * 16 + i) * 0x1000, 1) != 0, i >= 9 - left);
        args.value = 9 - left;
        ops[8].pte = 8;
        assert_int_equal(sys_pte_set(&args), left ? AEG_ERR_PTE_BITS : AEG_OK);
        assert_int_equal(args.value, left ? 8 : 9);
    }
    assert_int_equal(frame_at(f)->refs, 3);     /* the second call put back what was there up to the bad entry */
}

static void
bits_and_guards_that_change_within_a_vector_are_each_checked(void **state)
{
    static const uint64_t bits[] = { 0, AEG_PTE_W, AEG_PTE_NX | 1ull << 52, AEG_PTE_SW | AEG_PTE_PK };
    aeg_frame_t f[3] = { new_frame(&alice), new_frame(&alice), new_frame(&alice) };
    uint32_t child;

    (void)state;
    new_path(&alice, VA);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL);
    child = value;
    USER_WORDS[0] = f[1];
    expect(OK, frame_guard, 0, child, USER_AT(USER_WORDS), 1);
    for (unsigned i = 0; i < 60; i++)
        ops[i] = (struct aeg_pte_op){ VA + i * 0x1000, pte_of(f[i % 3], bits[i % 4]) };
    assert_int_equal(set_many(60), AEG_OK);
    for (unsigned i = 0; i < 60; i++) {
        assert_true(get_pte(&alice, VA + i * 0x1000, 1) == pte_of(f[i % 3], bits[i % 4]));
        ops[i] = (struct aeg_pte_op){ VA + i * 0x1000, pte_of(f[i % 3], bits[i % 4] | (i == 41 ? 1 << 4 : 0)) };
    }
    assert_int_equal(set_many(60), AEG_ERR_PTE_BITS);
    assert_int_equal(value, 41);
}

static void
no_address_has_an_index_before_a_node_is_in_hand(void **state)
{
    (void)state;
    for (unsigned low = 0; low < 0x1000; low++) {
        ops[0] = (struct aeg_pte_op){ low, 0 };
        expect(OK, cap_forge, 0, 9, AEG_RIGHT_ALL);
        expect(OK, cap_drop, value);        /* nothing is remembered */
        assert_int_not_equal(call(pte_set, alice.space_id, 0, USER_AT(ops), 1), AEG_OK);
        ops[0] = (struct aeg_pte_op){ low, AEG_PTE_P };
        assert_int_not_equal(call(pte_set, alice.space_id, 0, USER_AT(ops), 1), AEG_OK);
    }
}

static void
a_vector_that_cannot_be_written_changes_nothing(void **state)
{
    aeg_frame_t f = new_frame(&alice), g = new_frame(&alice);

    (void)state;
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, VA + 0x1000, pte_of(f, 0)), AEG_OK);
    machine.read_only_from = 40;
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t bits[] = { AEG_PTE_P, AEG_PTE_P, 0 };
        ops[1] = (struct aeg_pte_op){ VA, pte_of(g, 0) };
        ops[2] = (struct aeg_pte_op){ VA + 0x1000ull * (i != 0), bits[i] ? pte_of(g, 0) : 0 };
        expect(BAD_ADDRESS, pte_set, alice.space_id, 0, USER_AT(&ops[2]), 1);
        assert_int_equal(value, 0);
        assert_int_equal(frame_at(g)->refs, 0);
        assert_true(get_pte(&alice, VA + 0x1000, 1) == pte_of(f, 0));
        assert_true(get_pte(&alice, VA, 1) == 0);
    }
    expect(BAD_ADDRESS, pte_set, alice.space_id, 0, USER_AT(&ops[1]), 2);
    assert_int_equal(value, 1);
    machine.read_only_from = 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_stored_and_the_frame_referenced),
        TEST(replacing_gives_the_old_entry_with_its_accessed_and_dirty_bits),
        TEST(an_empty_entry_keeps_the_librarys_bits),
        TEST(the_space_must_exist_and_be_controlled),
        TEST(the_vector_is_bounded_and_must_be_readable),
        TEST(addresses_outside_the_library_part_are_refused),
        TEST(addresses_must_be_aligned_and_of_a_known_size),
        TEST(bits_that_are_the_kernels_are_refused),
        TEST(without_a_node_there_is_no_entry),
        TEST(the_frame_must_be_memory_and_allocated),
        TEST(a_writable_entry_needs_write_over_the_frame),
        TEST(changing_an_entry_needs_write_over_the_node),
        TEST(one_bad_entry_stops_the_vector_there),
        TEST(a_full_vector_over_several_nodes_is_done_in_one_call),
        TEST(a_vector_that_becomes_unreadable_stops_there),
        TEST(the_same_entry_twice_in_a_vector_counts_right),
        TEST(a_capability_that_goes_takes_the_last_calls_permission_with_it),
        TEST(a_node_that_goes_or_changes_hands_takes_the_last_calls_permission_with_it),
        TEST(a_frame_that_changes_takes_the_last_calls_permission_with_it),
        TEST(what_is_set_already_is_not_set_again),
        TEST(bits_and_guards_that_change_within_a_vector_are_each_checked),
        TEST(no_address_has_an_index_before_a_node_is_in_hand),
        TEST(a_vector_that_cannot_be_written_changes_nothing),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
