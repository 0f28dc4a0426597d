/*
 * tlb_test.c: which translations survive which change, on a machine that keeps all it may (fake/aegis/tlb.c).
 */
#include "world.h"
#include "core/tlb.h"

#define VA 0x400000ull
#define OTHER_VA 0x403000ull

static aeg_frame_t
frame_of(uint64_t entry)
{
    return (entry & AEG_PTE_ADDR) >> FRAME_SHIFT;
}

/* Alice has a page at VA, one at OTHER_VA, and has touched both. */
static void
touch_two_pages(aeg_frame_t *first, aeg_frame_t *second)
{
    act_as(&alice);
    new_path(&alice, VA);
    *first = new_frame(&alice);
    *second = new_frame(&alice);
    assert_int_equal(set_pte(&alice, VA, pte_of(*first, AEG_PTE_W)), AEG_OK);
    assert_int_equal(set_pte(&alice, OTHER_VA, pte_of(*second, AEG_PTE_W)), AEG_OK);
    assert_int_equal(frame_of(machine_translate(VA)), *first);
    assert_int_equal(frame_of(machine_translate(OTHER_VA)), *second);
}

static void
a_space_that_did_not_change_keeps_its_translations(void **state)
{
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED);
    touch_two_pages(&a, &b);
    act_as(&bob);
    assert_false(machine.kept);
    act_as(&alice);
    assert_true(machine.kept);
    act_as(&bob);
    assert_true(machine.kept);
}

static void
without_pcids_every_load_flushes_and_names_none(void **state)
{
    (void)state;
    world_tlb(TLB_PLAIN);
    act_as(&bob);
    act_as(&alice);
    assert_false(machine.kept);
    assert_int_equal(machine.pcid, 0);
}

static void
every_space_has_a_pcid_that_is_not_the_kernels(void **state)
{
    uint64_t alices;

    (void)state;
    world_tlb(TLB_TAGGED);
    alices = machine.pcid;
    act_as(&bob);
    assert_int_not_equal(alices, 0);
    assert_int_not_equal(machine.pcid, 0);
    assert_int_not_equal(machine.pcid, alices);
}

static void
a_change_of_the_running_space_flushes_the_page_alone(void **state)
{
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED);
    touch_two_pages(&a, &b);
    machine.flushed_pages = 0;
    assert_int_equal(set_pte(&alice, VA, pte_of(b, 0)), AEG_OK);
    assert_int_equal(machine.flushed_pages, 1);
    assert_int_equal(frame_of(machine_translate(VA)), b);
    act_as(&bob);
    act_as(&alice);
    assert_true(machine.kept);
    assert_true(machine_tlb_true());
}

/* Bob, who may, takes a page out of alice's space while she does not run. */
static void
take_from_outside(enum world_tlb kind)
{
    struct aeg_pte_op *op = (void *)fake_user;
    aeg_frame_t a, b;
    uint32_t cap;

    world_tlb(kind);
    touch_two_pages(&a, &b);
    cap = lend(&alice, &bob, AEG_RIGHT_ALL);
    act_as(&bob);
    *op = (struct aeg_pte_op){ VA, 0 };
    machine.flushed_elsewhere = 0;
    expect(OK, pte_set, alice.space_id, AEG_CAPS(cap, cap), USER_AT(op), 1);
    assert_int_equal(frame_at(a)->refs, 0);
    act_as(&alice);
    assert_true(machine_tlb_true());
    assert_int_equal(machine_translate(VA), 0);
}

static void
a_change_of_another_space_is_seen_when_that_is_loaded(void **state)
{
    (void)state;
    take_from_outside(TLB_TAGGED);
    assert_false(machine.kept);
    assert_int_equal(machine.flushed_elsewhere, 0);
}

static void
with_invpcid_a_change_of_another_space_costs_it_one_page(void **state)
{
    (void)state;
    take_from_outside(TLB_TAGGED_SINGLE);
    assert_true(machine.kept);
    assert_int_equal(machine.flushed_elsewhere, 1);
}

static void
changes_from_outside_add_up(void **state)
{
    struct aeg_pte_op *op = (void *)fake_user;
    aeg_frame_t a, b;
    uint32_t cap;

    (void)state;
    world_tlb(TLB_TAGGED);
    touch_two_pages(&a, &b);
    cap = lend(&alice, &bob, AEG_RIGHT_ALL);
    act_as(&bob);
    *op = (struct aeg_pte_op){ VA, 0 };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(cap, cap), USER_AT(op), 1);
    tlb_single = true;          /* a later flush of one page must not hide the earlier change */
    *op = (struct aeg_pte_op){ OTHER_VA, 0 };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(cap, cap), USER_AT(op), 1);
    act_as(&alice);
    assert_true(machine_tlb_true());
    assert_int_equal(machine_translate(VA), 0);
    assert_int_equal(machine_translate(OTHER_VA), 0);
}

/* Alice's subtree hangs in bob's space as well, and he has touched her two pages, too. */
static void
share_with_bob(aeg_frame_t *first, aeg_frame_t *second)
{
    touch_two_pages(first, second);
    act_as(&root);
    expect(OK, pt_attach, bob.space_id, AEG_CAPS(0, 0), 0, 3 | AEG_ATTACH_WRITE, frame_of(get_pte(&alice, VA, 4)));
    act_as(&bob);
    assert_int_equal(frame_of(machine_translate(VA)), *first);
    assert_int_equal(frame_of(machine_translate(OTHER_VA)), *second);
}

static void
a_change_below_a_shared_node_is_seen_by_all_who_have_it(void **state)
{
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED_SINGLE);
    share_with_bob(&a, &b);
    act_as(&alice);
    machine.flushed_elsewhere = 0;
    assert_int_equal(set_pte(&alice, VA, 0), AEG_OK);
    assert_int_equal(machine.flushed_elsewhere, 0);
    assert_true(machine_tlb_true());
    act_as(&bob);
    assert_false(machine.kept);
    assert_int_equal(machine_translate(VA), 0);
    act_as(&alice);
    assert_true(machine.kept);      /* it had flushed the page itself */
    assert_true(machine_tlb_true());
}

static void
a_change_below_a_shared_node_from_outside_is_seen_by_all(void **state)
{
    struct aeg_pte_op *op = (void *)fake_user;
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED_SINGLE);
    share_with_bob(&a, &b);
    act_as(&root);
    *op = (struct aeg_pte_op){ VA, 0 };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(op), 1);
    act_as(&alice);
    assert_int_equal(machine_translate(VA), 0);
    act_as(&bob);
    assert_int_equal(machine_translate(VA), 0);
    assert_int_equal(frame_of(machine_translate(OTHER_VA)), b);
}

static void
a_detached_subtree_is_forgotten_with_its_window(void **state)
{
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED);
    share_with_bob(&a, &b);
    assert_int_not_equal(machine_translate(aeg_window_entry(VA, 1)), 0);
    act_as(&root);
    expect(OK, pt_detach, bob.space_id, AEG_CAPS(0, 0), 3);
    act_as(&alice);
    assert_true(machine.kept);      /* bob's PML4 is his alone */
    act_as(&bob);
    assert_int_equal(machine_translate(VA), 0);
    assert_int_equal(machine_translate(aeg_window_entry(VA, 1)), 0);
}

static void
a_node_detached_below_a_shared_one_is_forgotten_everywhere(void **state)
{
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED);
    share_with_bob(&a, &b);
    assert_int_not_equal(machine_translate(aeg_window_entry(VA, 1)), 0);
    act_as(&alice);
    assert_int_equal(set_pte(&alice, VA, 0), AEG_OK);
    assert_int_equal(set_pte(&alice, OTHER_VA, 0), AEG_OK);
    expect(OK, pt_detach, alice.space_id, AEG_CAPS(0, 0), (VA & ~0x1fffffull) | 1);
    assert_true(machine_tlb_true());
    act_as(&bob);
    assert_true(machine_tlb_true());
    assert_int_equal(machine_translate(aeg_window_entry(VA, 1)), 0);
}

static void
a_copy_that_takes_rights_from_its_source_is_seen_there(void **state)
{
    struct aeg_pte_range *r = (void *)fake_user;
    aeg_frame_t a, b;

    (void)state;
    world_tlb(TLB_TAGGED);
    act_as(&bob);
    new_path(&bob, VA);
    touch_two_pages(&a, &b);
    act_as(&root);
    *r = (struct aeg_pte_range){ .src_va = VA, .dst_va = VA, .pages = 4, .clear_src = AEG_PTE_W, .clear_dst = AEG_PTE_W };
    expect(OK, pte_copy, alice.space_id, 0, bob.space_id, 0, USER_AT(r), 1);
    act_as(&alice);
    assert_int_equal(machine_translate(VA) & AEG_PTE_W, 0);
    assert_int_equal(machine_translate(OTHER_VA) & AEG_PTE_W, 0);
}

static void
a_new_space_has_none_of_the_translations_of_the_one_before(void **state)
{
    struct env *e;
    struct actor second = alice;
    aeg_frame_t a, b;
    aeg_id_t first;

    (void)state;
    world_tlb(TLB_TAGGED);
    act_as(&alice);
    expect(OK, space_create, alice.account, 0, 0, new_frame(&alice));
    first = second.space_id = value;
    second.space = space_find(first);
    expect(OK, cap_grant, 0, first, 0, AEG_RIGHT_ALL);
    new_path(&second, VA);
    a = new_frame(&alice);
    assert_int_equal(set_pte(&second, VA, pte_of(a, 0)), AEG_OK);
    e = new_env(&second);
    cpus[0].env = e;
    tlb_load(&cpus[0], second.space);
    assert_int_equal(frame_of(machine_translate(VA)), a);
    act_as(&alice);
    expect(OK, env_destroy, e->id, 0);
    destroy_space(first, 0);
    b = new_frame(&alice);
    expect(OK, space_create, alice.account, 0, 0, b);
    assert_int_equal(AEG_ID_INDEX(value), AEG_ID_INDEX(first));
    tlb_load(&cpus[0], space_find(value));
    assert_false(machine.kept);
    assert_int_equal(machine_translate(VA), 0);
    act_as(&alice);
}

/* ---- many changes, seen from everywhere ---- */

#define SPACES 4
#define STEPS 40000
#define PAGES 4                 /* frames that come and go */

static struct actor payer;      /* root, at alice's expense */
static struct space *spaces[SPACES];
static aeg_frame_t pages[PAGES];
static uint64_t state_of_random;

/* xorshift64* (Marsaglia 2003; Vigna 2016). */
static uint64_t
below(uint64_t n)
{
    state_of_random ^= state_of_random >> 12;
    state_of_random ^= state_of_random << 25;
    state_of_random ^= state_of_random >> 27;
    return (state_of_random * 0x2545f4914f6cdd1dull >> 32) % n;
}

static uint64_t
any_va(void)
{
    return below(2) << 39 | below(2) << 21 | below(2) << 12;
}

/* A space runs that has nothing to do with the call that comes. */
static void
run_any_space(void)
{
    tlb_load(&cpus[0], spaces[below(SPACES)]);
    assert_true(machine_tlb_true());
    for (unsigned i = 0; i < 4; i++) {
        uint64_t va = any_va();
        machine_translate(va);
        machine_translate(aeg_window_entry(va, 1 + below(3)));
    }
}

static void
free_unless_node(aeg_frame_t frame)
{
    if (frame_at(frame)->type == AEG_FRAME_NODE)
        return;
    USER_WORDS[0] = frame;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
}

/* Root attaches a node that some other space has there, if it can be. */
static void
attach_any(struct space *s)
{
    unsigned level = 1 + below(3);
    uint64_t va = any_va() & ~((1ull << (12 + 9 * level)) - 1), entry = 0;
    aeg_frame_t node;

    for (unsigned i = 0; i < SPACES && !(entry & AEG_PTE_P); i++) {
        const uint64_t *e = pt_walk(spaces[below(SPACES)], va, level + 1, &node);
        entry = e ? *e : 0;
    }
    node = entry & AEG_PTE_P ? frame_of(entry) : new_frame(&payer);
    (void)!call(pt_attach, s->id, AEG_CAPS(0, 0), va, level | (below(3) ? AEG_ATTACH_WRITE : 0), node);
    free_unless_node(node);
}

static void
detach_any(struct space *s)
{
    unsigned level = 1 + below(3);

    if (call(pt_detach, s->id, AEG_CAPS(0, 0), (any_va() & ~((1ull << (12 + 9 * level)) - 1)) | level) == AEG_OK)
        free_unless_node(value);
}

static void
change_anything(struct space *s)
{
    struct aeg_pte_range *r = (void *)fake_user;
    struct aeg_pte_op *op = (void *)fake_user;

    switch (below(8)) {
    case 0:
    case 1: attach_any(s); break;
    case 2: detach_any(s); break;
    case 3:
        *r = (struct aeg_pte_range){ .src_va = any_va(), .dst_va = any_va(), .pages = 2, .clear_src = AEG_PTE_W };
        (void)!call(pte_copy, spaces[below(SPACES)]->id, 0, s->id, 0, USER_AT(r), 1);
        break;
    default:
        *op = (struct aeg_pte_op){ any_va(), below(4) ? pte_of(pages[below(PAGES)], below(2) * AEG_PTE_W) : 0 };
        (void)!call(pte_set, s->id, AEG_CAPS(0, 0), USER_AT(op), 1);
    }
}

static void
many_changes(enum world_tlb kind)
{
    machine_tlb_empty();
    world_tlb(kind);
    for (unsigned i = 0; i < STEPS; i++) {
        run_any_space();
        cpus[0].env = root.env;
        change_anything(spaces[below(SPACES)]);
        assert_true(machine_tlb_true());    /* in the space that was loaded all the time */
    }
}

static void
no_space_ever_uses_what_is_no_longer_so(void **state)
{
    (void)state;
    act_as(&root);
    payer = root;
    payer.account = alice.account;
    state_of_random = 0x9e3779b97f4a7c15ull;
    for (unsigned i = 0; i < PAGES; i++)
        pages[i] = new_frame(&payer);
    for (unsigned i = 0; i < SPACES; i++) {
        expect(OK, space_create, payer.account, 0, 0, new_frame(&payer));
        spaces[i] = space_find(value);
        expect(OK, cap_grant, 0, value, 0, AEG_RIGHT_ALL);
    }
    many_changes(TLB_PLAIN);
    many_changes(TLB_TAGGED);
    many_changes(TLB_TAGGED_SINGLE);
    act_as(&root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_space_that_did_not_change_keeps_its_translations),
        TEST(without_pcids_every_load_flushes_and_names_none),
        TEST(every_space_has_a_pcid_that_is_not_the_kernels),
        TEST(a_change_of_the_running_space_flushes_the_page_alone),
        TEST(a_change_of_another_space_is_seen_when_that_is_loaded),
        TEST(with_invpcid_a_change_of_another_space_costs_it_one_page),
        TEST(changes_from_outside_add_up),
        TEST(a_change_below_a_shared_node_is_seen_by_all_who_have_it),
        TEST(a_change_below_a_shared_node_from_outside_is_seen_by_all),
        TEST(a_detached_subtree_is_forgotten_with_its_window),
        TEST(a_node_detached_below_a_shared_one_is_forgotten_everywhere),
        TEST(a_copy_that_takes_rights_from_its_source_is_seen_there),
        TEST(a_new_space_has_none_of_the_translations_of_the_one_before),
        TEST(no_space_ever_uses_what_is_no_longer_so),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
