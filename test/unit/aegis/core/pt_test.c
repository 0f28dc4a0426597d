/* pt_test.c: page-table nodes: who may hang which frame where. */
#include <string.h>

#include "world.h"

#define RW AEG_ATTACH_WRITE
#define RX AEG_ATTACH_EXEC

static void
the_first_attach_makes_the_frame_a_node_and_fixes_its_place(void **state)
{
    aeg_frame_t pdpt = new_frame(&alice);

    (void)state;
    memset(frame_map(pdpt), 0xff, FRAME_SIZE);
    expect(OK, pt_attach, alice.space_id, 0, 2ull << 39, 3 | RW | RX, pdpt);
    assert_int_equal(frame_at(pdpt)->type, AEG_FRAME_NODE);
    assert_int_equal(frame_at(pdpt)->level, 3);
    assert_true(frame_at(pdpt)->base == 2ull << 39);
    assert_int_equal(frame_at(pdpt)->refs, 1);
    assert_int_equal(frame_at(pdpt)->live, 0);
    assert_int_equal(frame_at(alice.pml4)->live, 1);
    assert_int_equal(*(uint64_t *)frame_map(pdpt), 0);
    assert_true(get_pte(&alice, 2ull << 39, 4) == (pdpt << 12 | AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_A));
}

static void
the_parent_entry_allows_only_what_the_attach_asked_for(void **state)
{
    aeg_frame_t pdpt = new_frame(&alice);

    (void)state;
    expect(OK, pt_attach, alice.space_id, 0, 0, 3, pdpt);
    assert_true(get_pte(&alice, 0, 4) == (pdpt << 12 | AEG_PTE_P | AEG_PTE_U | AEG_PTE_A | AEG_PTE_NX));
}

static void
attaching_needs_control_over_the_space(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    expect(SPACE, pt_attach, 0, 0, 0, 3, f);
    expect(SPACE, pt_attach, alice.space_id + (1ull << 32), 0, 0, 3, f);
    expect(CAP_DENIED, pt_attach, bob.space_id, 0, 0, 3, f);
    expect(CAP_INDEX, pt_attach, alice.space_id, 9, 0, 3, f);
    expect(CAP_INDEX, pt_attach, alice.space_id, AEG_CAPS(0, 9), 0, 3, f);
    expect(CAP_INDEX, pt_attach, alice.space_id, AEG_CAPS(0, 0xffff), 0, 3, f);
}

static void
levels_and_flags_outside_their_range_are_refused(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    expect(ARGUMENT, pt_attach, alice.space_id, 0, 0, 0, f);
    expect(ARGUMENT, pt_attach, alice.space_id, 0, 0, 3 | 0x20, f);
    expect(ARGUMENT, pt_attach, alice.space_id, 0, 0, 3 | 1ull << 32, f);
}

static void
addresses_outside_the_library_part_are_refused(void **state)
{
    aeg_frame_t f = new_frame(&alice);
    static const uint64_t bad[] = { AEG_LIBRARY_TOP, 255ull << 39, 1ull << 47, 0x8000000000000000ull, 0xffff800000000000ull, ~0ull << 39 };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        expect(VA_RANGE, pt_attach, alice.space_id, 0, bad[i], 3, f);
        expect(VA_RANGE, pt_detach, alice.space_id, 0, bad[i] | 3);
    }
}

static void
addresses_must_fit_the_node(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    expect(VA_ALIGN, pt_attach, alice.space_id, 0, 1ull << 30, 3, f);
    expect(VA_ALIGN, pt_attach, alice.space_id, 0, 1ull << 21, 2, f);
    expect(VA_ALIGN, pt_attach, alice.space_id, 0, 0x1000, 1, f);
    expect(VA_ALIGN, pt_attach, alice.space_id, 0, 1, 1, f);
}

static void
a_node_hangs_below_a_node(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    expect(NO_NODE, pt_attach, alice.space_id, 0, 0, 2, f);
    expect(NO_NODE, pt_attach, alice.space_id, 0, 0, 1, f);
    assert_int_equal(frame_at(f)->type, AEG_FRAME_PLAIN);
}

static void
a_place_that_is_taken_stays_as_it_is(void **state)
{
    aeg_frame_t f = new_frame(&alice), pt = new_path(&alice, 0);

    (void)state;
    expect(NODE_TAKEN, pt_attach, alice.space_id, 0, 0, 1, f);
    expect(NODE_TAKEN, pt_attach, alice.space_id, 0, 0, 1, pt);
    assert_int_equal(frame_at(pt)->refs, 1);
}

static void
the_frame_must_be_ordinary_and_unreferenced_memory(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    expect(FRAME, pt_attach, alice.space_id, 0, 0, 3, frame_count);
    expect(FRAME, pt_attach, alice.space_id, 0, 0, 3, UINT64_MAX);
    expect(FRAME, pt_attach, alice.space_id, 0, 0, 3, 0);
    expect(FRAME_BUSY, pt_attach, alice.space_id, 0, 0, 3, alice.uenv);
    expect(FRAME_BUSY, pt_attach, alice.space_id, 0, 0, 3, alice.save);
    USER_WORDS[0] = f;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    expect(FRAME_FREE, pt_attach, alice.space_id, 0, 0, 3, f);
}

static void
nodes_are_bounded_so_that_references_are(void **state)
{
    uint64_t nodes = frame_nodes;

    (void)state;
    frame_nodes = FRAME_NODES_MAX;
    expect(NOMEM, pt_attach, alice.space_id, 0, 0, 3, new_frame(&alice));
    expect(NOMEM, space_create, alice.account, 0, 0, new_frame(&alice));
    frame_nodes = nodes;
    expect(OK, pt_attach, alice.space_id, 0, 0, 3, new_frame(&alice));
}

static void
a_mapped_frame_does_not_become_a_node(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, 0);
    assert_int_equal(set_pte(&alice, 0, pte_of(f, AEG_PTE_W)), AEG_OK);
    expect(FRAME_BUSY, pt_attach, alice.space_id, 0, 0x200000, 1, f);
}

static void
a_node_is_never_mapped_not_even_for_reading(void **state)
{
    aeg_frame_t pt = new_path(&alice, 0);

    (void)state;
    assert_int_equal(set_pte(&alice, 0, pte_of(pt, AEG_PTE_W)), AEG_ERR_FRAME_NODE);
    assert_int_equal(set_pte(&alice, 0, pte_of(pt, 0)), AEG_ERR_FRAME_NODE);
    assert_int_equal(set_pte(&alice, 0, pte_of(alice.pml4, 0)), AEG_ERR_FRAME_NODE);
}

static void
a_node_attaches_only_at_its_level_and_address(void **state)
{
    aeg_frame_t pt = new_path(&alice, 0);
    aeg_frame_t pd = get_pte(&alice, 0, 3) >> 12 & 0xffffff;

    (void)state;
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 0x200000, 1, pt);
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 0x40000000, 2, pt);
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 0x200000, 1, pd);
}

static void
there_is_no_way_to_a_loop(void **state)
{
    aeg_frame_t pd;

    (void)state;
    new_path(&alice, 0);
    pd = get_pte(&alice, 0, 3) >> 12 & 0xffffff;
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 1ull << 39, 3, alice.pml4);
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 0x200000, 1, alice.pml4);
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 0x200000, 1, pd);
    expect(NODE_LEVEL, pt_attach, alice.space_id, 0, 0x40000000, 2, get_pte(&alice, 0, 4) >> 12 & 0xffffff);
}

static void
another_owners_frame_does_not_become_a_node(void **state)
{
    (void)state;
    act_as(&bob);
    aeg_frame_t bobs = new_frame(&bob);
    act_as(&alice);
    expect(CAP_DENIED, pt_attach, alice.space_id, 0, 0, 3, bobs);
    lend(&bob, &alice, AEG_RIGHT_READ);
    expect(CAP_DENIED, pt_attach, alice.space_id, AEG_CAPS(0, 1), 0, 3, bobs);
}

static void
a_shared_subtree_shows_a_new_page_in_every_space(void **state)
{
    aeg_frame_t page, pdpt;

    (void)state;
    new_path(&alice, 0);
    pdpt = get_pte(&alice, 0, 4) >> 12 & 0xffffff;
    page = new_frame(&alice);
    /* Bob has READ over alice's node: he sees it, read-only, and cannot change it. The parent entry is his own PML4's. */
    uint32_t cap = lend(&alice, &bob, AEG_RIGHT_READ);
    act_as(&bob);
    expect(CAP_DENIED, pt_attach, bob.space_id, AEG_CAPS(0, cap), 0, 3, pdpt);  /* WRITE over his PML4 is not in that capability */
    lend(&bob, &alice, AEG_RIGHT_CONTROL | AEG_RIGHT_WRITE);
    act_as(&root);
    expect(OK, pt_attach, bob.space_id, AEG_CAPS(0, 0), 0, 3, pdpt);
    assert_int_equal(frame_at(pdpt)->refs, 2);
    act_as(&alice);
    assert_int_equal(set_pte(&alice, 0x3000, pte_of(page, AEG_PTE_W)), AEG_OK);
    assert_int_equal(get_pte(&bob, 0x3000, 1) & AEG_PTE_ADDR, page << 12);
    act_as(&bob);
    assert_int_equal(set_pte(&bob, 0x3000, 0), AEG_ERR_CAP_DENIED);
    assert_int_equal(frame_at(page)->refs, 1);
}

static void
another_owners_node_is_not_attached(void **state)
{
    aeg_frame_t pdpt;

    (void)state;
    new_path(&alice, 0);
    pdpt = get_pte(&alice, 0, 4) >> 12 & 0xffffff;
    act_as(&bob);
    expect(CAP_DENIED, pt_attach, bob.space_id, AEG_CAPS(0, 0), 0, 3, pdpt);
    expect(CAP_DENIED, pt_attach, bob.space_id, AEG_CAPS(0, 0), 0, 3 | RW, pdpt);
    assert_int_equal(frame_at(pdpt)->refs, 1);
}

static void
detaching_the_last_reference_makes_an_empty_node_a_plain_frame(void **state)
{
    aeg_frame_t pt = new_path(&alice, 0);
    uint64_t flushes = machine.flushed_all;

    (void)state;
    expect(OK, pt_detach, alice.space_id, 0, 0 | 1);
    assert_int_equal(value, pt);
    assert_int_equal(frame_at(pt)->type, AEG_FRAME_PLAIN);
    assert_int_equal(frame_at(pt)->refs, 0);
    assert_true(machine.flushed_all > flushes);
    expect(NO_NODE, pt_detach, alice.space_id, 0, 0 | 1);
    expect(OK, pt_attach, alice.space_id, 0, 0x200000, 1, pt);  /* and may go elsewhere now */
}

static void
a_live_node_keeps_its_last_reference(void **state)
{
    aeg_frame_t f = new_frame(&alice);

    (void)state;
    new_path(&alice, 0);
    assert_int_equal(set_pte(&alice, 0, pte_of(f, 0)), AEG_OK);
    expect(NODE_LIVE, pt_detach, alice.space_id, 0, 0 | 1);
    expect(NODE_LIVE, pt_detach, alice.space_id, 0, 0 | 3);
    assert_int_equal(set_pte(&alice, 0, 0), AEG_OK);
    expect(OK, pt_detach, alice.space_id, 0, 0 | 1);
}

static void
detaching_checks_space_capabilities_and_level(void **state)
{
    (void)state;
    new_path(&alice, 0);
    expect(SPACE, pt_detach, 0, 0, 1);
    expect(CAP_DENIED, pt_detach, bob.space_id, 0, 1);
    expect(CAP_INDEX, pt_detach, alice.space_id, 9, 1);
    expect(CAP_INDEX, pt_detach, alice.space_id, AEG_CAPS(0, 9), 1);
    expect(ARGUMENT, pt_detach, alice.space_id, 0, 0);
    expect(ARGUMENT, pt_detach, alice.space_id, 0, 4);
    expect(ARGUMENT, pt_detach, alice.space_id, 0, 0xfff);
    expect(VA_ALIGN, pt_detach, alice.space_id, 0, 0x1000 | 1);
    expect(NO_NODE, pt_detach, alice.space_id, 0, 0x200000 | 1);
    expect(NO_NODE, pt_detach, alice.space_id, 0, 0x40000000 | 1);
    expect(OK, cap_forge, 0, 7, AEG_RIGHT_ALL);
    expect(CAP_DENIED, pt_detach, alice.space_id, AEG_CAPS(0, value), 1);
}

static void
the_window_shows_where_an_entry_lies(void **state)
{
    (void)state;
    assert_true(aeg_window_entry(0, 4) == (254ull << 39 | 254ull << 30 | 254ull << 21 | 254ull << 12));
    assert_true(aeg_window_entry(0x1000, 1) == (254ull << 39) + 8);
    assert_true(aeg_window_entry(1ull << 39, 3) == (254ull << 39 | 254ull << 30 | 254ull << 21 | 1ull << 12));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_attach_makes_the_frame_a_node_and_fixes_its_place),
        TEST(the_parent_entry_allows_only_what_the_attach_asked_for),
        TEST(attaching_needs_control_over_the_space),
        TEST(levels_and_flags_outside_their_range_are_refused),
        TEST(addresses_outside_the_library_part_are_refused),
        TEST(addresses_must_fit_the_node),
        TEST(a_node_hangs_below_a_node),
        TEST(a_place_that_is_taken_stays_as_it_is),
        TEST(the_frame_must_be_ordinary_and_unreferenced_memory),
        TEST(nodes_are_bounded_so_that_references_are),
        TEST(a_mapped_frame_does_not_become_a_node),
        TEST(a_node_is_never_mapped_not_even_for_reading),
        TEST(a_node_attaches_only_at_its_level_and_address),
        TEST(there_is_no_way_to_a_loop),
        TEST(another_owners_frame_does_not_become_a_node),
        TEST(a_shared_subtree_shows_a_new_page_in_every_space),
        TEST(another_owners_node_is_not_attached),
        TEST(detaching_the_last_reference_makes_an_empty_node_a_plain_frame),
        TEST(a_live_node_keeps_its_last_reference),
        TEST(detaching_checks_space_capabilities_and_level),
        TEST(the_window_shows_where_an_entry_lies),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
