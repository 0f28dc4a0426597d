/* copy_test.c: pte_copy: entries from space to space in one pass, as fork wants them. */
#include <string.h>

#include "world.h"

#define SRC 0x40000000ull
#define DST 0x80000000ull
#define COW (1ull << 9)
static struct aeg_pte_range *const ranges = (struct aeg_pte_range *)(void *)fake_user;
static struct actor child;

static void
make_child(void)
{
    child = alice;
    child.pml4 = new_frame(&alice);
    expect(OK, space_create, alice.account, 0, 0, child.pml4);
    child.space_id = value;
    child.space = space_find(value);
    new_path(&alice, SRC);
    new_path(&child, DST);
}

static int
copy(unsigned count)
{
    return call(pte_copy, alice.space_id, 0, child.space_id, 0, USER_AT(ranges), count);
}

static struct aeg_pte_range
cow_range(uint64_t pages)
{
    return (struct aeg_pte_range){ .src_va = SRC, .dst_va = DST, .pages = pages, .clear_src = AEG_PTE_W, .set_src = COW,
                                   .clear_dst = AEG_PTE_W | AEG_PTE_A | AEG_PTE_D, .set_dst = COW };
}

static void
one_pass_write_protects_the_source_and_fills_the_destination(void **state)
{
    aeg_frame_t f, unused;

    (void)state;
    make_child();
    f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC + 0x2000, pte_of(f, AEG_PTE_W)), AEG_OK);
    *pt_walk(alice.space, SRC + 0x2000, 1, &unused) |= AEG_PTE_A | AEG_PTE_D;
    ranges[0] = cow_range(8);
    assert_int_equal(copy(1), AEG_OK);
    assert_int_equal(value, 1);
    assert_int_equal(ranges[0].done, 8);
    assert_true(get_pte(&alice, SRC + 0x2000, 1) == pte_of(f, COW | AEG_PTE_A | AEG_PTE_D));
    assert_true(get_pte(&child, DST + 0x2000, 1) == pte_of(f, COW));
    assert_int_equal(frame_at(f)->refs, 2);
    assert_int_equal(machine.flushed_pages, 1);
}

static void
what_is_not_present_leaves_the_destination_alone_and_what_was_there_is_dropped(void **state)
{
    aeg_frame_t f, g;

    (void)state;
    make_child();
    f = new_frame(&alice);
    g = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC, pte_of(f, 0)), AEG_OK);
    assert_int_equal(set_pte(&child, DST, pte_of(g, 0)), AEG_OK);
    assert_int_equal(set_pte(&child, DST + 0x1000, pte_of(g, 0)), AEG_OK);
    ranges[0] = cow_range(2);
    assert_int_equal(copy(1), AEG_OK);
    assert_int_equal(frame_at(g)->refs, 1);
    assert_true((get_pte(&child, DST, 1) & AEG_PTE_ADDR) == f << FRAME_SHIFT);
    assert_true((get_pte(&child, DST + 0x1000, 1) & AEG_PTE_ADDR) == g << FRAME_SHIFT);
}

static void
long_ranges_go_in_steps_and_remember_where_they_are(void **state)
{
    struct aeg_pte_op *ops = (void *)fake_user;
    aeg_frame_t f;

    (void)state;
    make_child();
    f = new_frame(&alice);
    for (unsigned pt = 0; pt < 6; pt++) {
        new_path(&alice, SRC + (pt << 21));
        new_path(&child, DST + (pt << 21));
        for (unsigned i = 0; i < 512; i++)
            ops[i] = (struct aeg_pte_op){ SRC + (pt << 21) + (i << 12), pte_of(f, AEG_PTE_W) };
        expect(OK, pte_set, alice.space_id, 0, USER_AT(ops), 512);
    }
    ranges[0] = cow_range(6 * 512);
    assert_int_equal(copy(1), AEG_ERR_AGAIN);
    assert_int_equal(value, 0);
    assert_int_equal(ranges[0].done, 2048);
    walk();
    assert_int_equal(copy(1), AEG_OK);
    assert_int_equal(ranges[0].done, 6 * 512);
    assert_int_equal(frame_at(f)->refs, 2 * 6 * 512);
}

static void
holes_are_passed_over_quickly(void **state)
{
    unsigned calls = 1;

    (void)state;
    make_child();
    ranges[0] = cow_range(1ull << 21);      /* 8 GiB with one PT in it */
    while (copy(1) == AEG_ERR_AGAIN)
        calls++;
    assert_in_range(calls, 1, 4);
    assert_int_equal(ranges[0].done, 1ull << 21);
}

static void
rights_are_those_of_all_levels(void **state)
{
    aeg_frame_t f, pdpt;

    (void)state;
    make_child();
    f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC, pte_of(f, AEG_PTE_W)), AEG_OK);
    /* A third space sees alice's tree read-only and without execution: a copy from there is no way to more. */
    struct actor viewer = alice;
    viewer.pml4 = new_frame(&alice);
    expect(OK, space_create, alice.account, 0, 0, viewer.pml4);
    viewer.space_id = value;
    viewer.space = space_find(value);
    pdpt = get_pte(&alice, SRC, 4) >> 12 & 0xffffff;
    expect(OK, pt_attach, viewer.space_id, 0, 0, 3, pdpt);
    ranges[0] = (struct aeg_pte_range){ .src_va = SRC, .dst_va = DST, .pages = 1 };
    expect(OK, pte_copy, viewer.space_id, 0, child.space_id, 0, USER_AT(ranges), 1);
    assert_true(get_pte(&child, DST, 1) == pte_of(f, AEG_PTE_NX));
}

static void
copying_within_one_space_onto_itself_is_harmless(void **state)
{
    aeg_frame_t f;

    (void)state;
    make_child();
    f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC, pte_of(f, AEG_PTE_W)), AEG_OK);
    ranges[0] = cow_range(1);
    ranges[0].dst_va = SRC;
    expect(OK, pte_copy, alice.space_id, 0, alice.space_id, 0, USER_AT(ranges), 1);
    assert_int_equal(frame_at(f)->refs, 1);
    assert_true(get_pte(&alice, SRC, 1) == pte_of(f, COW));
}

static void
both_spaces_must_exist_and_be_controlled(void **state)
{
    (void)state;
    make_child();
    ranges[0] = cow_range(1);
    expect(SPACE, pte_copy, 0, 0, child.space_id, 0, USER_AT(ranges), 1);
    expect(SPACE, pte_copy, alice.space_id, 0, 0, 0, USER_AT(ranges), 1);
    expect(CAP_DENIED, pte_copy, bob.space_id, 0, child.space_id, 0, USER_AT(ranges), 1);
    expect(CAP_DENIED, pte_copy, alice.space_id, 0, bob.space_id, 0, USER_AT(ranges), 1);
    expect(CAP_INDEX, pte_copy, alice.space_id, 9, child.space_id, 0, USER_AT(ranges), 1);
    expect(CAP_INDEX, pte_copy, alice.space_id, 0, child.space_id, 9, USER_AT(ranges), 1);
    expect(CAP_INDEX, pte_copy, alice.space_id, AEG_CAP_MAX, child.space_id, 0, USER_AT(ranges), 1);
}

static void
a_capability_index_is_32_bits_wherever_it_is_used(void **state)
{
    (void)state;
    make_child();
    assert_int_equal(set_pte(&alice, SRC, pte_of(new_frame(&alice), 0)), AEG_OK);
    ranges[0] = cow_range(1);
    expect(OK, pte_copy, alice.space_id, 1ull << 32, child.space_id, 0xffffffffull << 32, USER_AT(ranges), 1);
}

static void
ranges_are_checked(void **state)
{
    static const struct {
        struct aeg_pte_range r;
        aeg_err_t err;
    } bad[] = {
        { { .src_va = SRC, .dst_va = DST, .pages = 1, .done = 2 }, AEG_ERR_ARGUMENT },
        { { .src_va = SRC, .dst_va = DST, .pages = UINT64_MAX }, AEG_ERR_ARGUMENT },
        { { .src_va = SRC, .dst_va = DST, .pages = 1ull << 52 }, AEG_ERR_ARGUMENT },
        { { .src_va = SRC + 1, .dst_va = DST, .pages = 1 }, AEG_ERR_VA_ALIGN },
        { { .src_va = SRC, .dst_va = DST + 0x800, .pages = 1 }, AEG_ERR_VA_ALIGN },
        { { .src_va = AEG_LIBRARY_TOP, .dst_va = DST, .pages = 1 }, AEG_ERR_VA_RANGE },
        { { .src_va = SRC, .dst_va = AEG_WINDOW_BASE, .pages = 1 }, AEG_ERR_VA_RANGE },
        { { .src_va = SRC, .dst_va = AEG_LIBRARY_TOP - 0x1000, .pages = 2 }, AEG_ERR_VA_RANGE },
        { { .src_va = AEG_LIBRARY_TOP - 0x1000, .dst_va = DST, .pages = 2 }, AEG_ERR_VA_RANGE },
        { { .src_va = 0xffff800000000000ull, .dst_va = DST, .pages = 1 }, AEG_ERR_VA_RANGE },
        { { .src_va = SRC, .dst_va = DST, .pages = 1, .set_dst = AEG_PTE_W }, AEG_ERR_PTE_BITS },
        { { .src_va = SRC, .dst_va = DST, .pages = 1, .set_src = AEG_PTE_U }, AEG_ERR_PTE_BITS },
        { { .src_va = SRC, .dst_va = DST, .pages = 1, .clear_src = AEG_PTE_P }, AEG_ERR_PTE_BITS },
        { { .src_va = SRC, .dst_va = DST, .pages = 1, .clear_dst = AEG_PTE_NX }, AEG_ERR_PTE_BITS },
        { { .src_va = SRC, .dst_va = DST, .pages = 1, .set_dst = 0x5000 }, AEG_ERR_PTE_BITS },
    };

    (void)state;
    make_child();
    assert_int_equal(set_pte(&alice, SRC, pte_of(new_frame(&alice), AEG_PTE_W)), AEG_OK);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ranges[0] = bad[i].r;
        assert_int_equal(copy(1), bad[i].err);
        assert_int_equal(value, 0);
    }
    assert_int_equal(get_pte(&child, DST, 1), 0);
}

static void
the_vector_is_bounded_and_must_be_readable_and_writable(void **state)
{
    (void)state;
    make_child();
    assert_int_equal(copy(AEG_VECTOR_MAX + 1), AEG_ERR_VECTOR);
    expect(BAD_ADDRESS, pte_copy, alice.space_id, 0, child.space_id, 0, WILD, 1);
    expect(BAD_ADDRESS, pte_copy, alice.space_id, 0, child.space_id, 0, USER_END - 8, 1);
    ranges[100] = cow_range(1);
    machine.read_only_from = 8;
    expect(BAD_ADDRESS, pte_copy, alice.space_id, 0, child.space_id, 0, USER_AT(&ranges[100]), 1);
    machine.read_only_from = 0;
}

static void
a_bad_range_in_the_middle_stops_there(void **state)
{
    aeg_frame_t f;

    (void)state;
    make_child();
    f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC, pte_of(f, 0)), AEG_OK);
    for (unsigned i = 0; i < 4; i++) {
        ranges[i] = cow_range(1);
        ranges[i].dst_va = DST + i * 0x1000;
    }
    ranges[2].set_dst = AEG_PTE_W;
    assert_int_equal(copy(4), AEG_ERR_PTE_BITS);
    assert_int_equal(value, 2);
    assert_int_equal(frame_at(f)->refs, 3);
    assert_int_equal(get_pte(&child, DST + 0x3000, 1), 0);
}

static void
a_destination_without_a_node_stops_at_that_page(void **state)
{
    (void)state;
    make_child();
    new_path(&alice, SRC + 0x200000);
    aeg_frame_t f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC + 0x1ff000, pte_of(f, 0)), AEG_OK);
    assert_int_equal(set_pte(&alice, SRC + 0x200000, pte_of(f, 0)), AEG_OK);
    ranges[0] = cow_range(1024);
    assert_int_equal(copy(1), AEG_ERR_NO_NODE);
    assert_int_equal(ranges[0].done, 512);
    new_path(&child, DST + 0x200000);
    ranges[0] = cow_range(1024);
    ranges[0].done = 512;
    assert_int_equal(copy(1), AEG_OK);
}

static void
nodes_that_change_need_write(void **state)
{
    aeg_frame_t f;
    uint32_t weak;

    (void)state;
    make_child();
    f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC, pte_of(f, AEG_PTE_W)), AEG_OK);
    expect(OK, cap_forge, 0, 0, AEG_RIGHT_ALL);
    weak = value;
    USER_WORDS[0] = get_pte(&alice, SRC, 2) >> 12 & 0xffffff;
    expect(OK, frame_guard, 0, weak, USER_AT(USER_WORDS), 1);   /* still below alice's name */
    expect(OK, cap_grant, 0, alice.space_id, 0, AEG_RIGHT_CONTROL);
    weak = value;                       /* CONTROL without WRITE */
    ranges[0] = cow_range(1);
    expect(CAP_DENIED, pte_copy, alice.space_id, weak, child.space_id, 0, USER_AT(ranges), 1);
    ranges[0] = cow_range(1);
    ranges[0].clear_src = ranges[0].set_src = 0;
    expect(CAP_DENIED, pte_copy, alice.space_id, weak, child.space_id, weak, USER_AT(ranges), 1);
    assert_int_equal(frame_at(f)->refs, 1);
    expect(OK, pte_copy, alice.space_id, weak, child.space_id, 0, USER_AT(ranges), 1);  /* the source stays as it is */
}

static void
an_orphan_is_not_copied(void **state)
{
    aeg_frame_t f;

    (void)state;
    make_child();
    f = new_frame(&alice);
    assert_int_equal(set_pte(&alice, SRC, pte_of(f, AEG_PTE_W)), AEG_OK);
    USER_WORDS[0] = f;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    ranges[0] = cow_range(1);
    assert_int_equal(copy(1), AEG_ERR_FRAME_FREE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_pass_write_protects_the_source_and_fills_the_destination),
        TEST(what_is_not_present_leaves_the_destination_alone_and_what_was_there_is_dropped),
        TEST(long_ranges_go_in_steps_and_remember_where_they_are),
        TEST(holes_are_passed_over_quickly),
        TEST(rights_are_those_of_all_levels),
        TEST(copying_within_one_space_onto_itself_is_harmless),
        TEST(both_spaces_must_exist_and_be_controlled),
        TEST(a_capability_index_is_32_bits_wherever_it_is_used),
        TEST(ranges_are_checked),
        TEST(the_vector_is_bounded_and_must_be_readable_and_writable),
        TEST(a_bad_range_in_the_middle_stops_there),
        TEST(a_destination_without_a_node_stops_at_that_page),
        TEST(nodes_that_change_need_write),
        TEST(an_orphan_is_not_copied),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
