/*
 * large_test.c: entries of 2 MiB and 1 GiB: set, joined out of smaller ones, split into them, copied, dropped.
 *
 * The fake machine has no GiB of memory. The tests of 1 GiB entries lend the kernel a longer frame table, whose second GiB is frames that
 * nobody looks into.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"
#include "core/info.h"
#include "core/pte.h"

#define VA 0x40200000ull
#define LARGE (VA + 0x200000)       /* of which new_path(VA) makes the PD */
#define SIZE_2M 0x200000ull
#define SIZE_1G 0x40000000ull
static struct aeg_pte_op *const ops = (struct aeg_pte_op *)(void *)fake_user;
static struct aeg_pte_range *const range = (struct aeg_pte_range *)(void *)fake_user;

static bool
all_have_refs(aeg_frame_t first, uint64_t count, uint32_t refs)
{
    for (uint64_t i = 0; i < count; i++)
        if (frame_at(first + i)->refs != refs)
            return false;
    return true;
}

/* ---- 2 MiB, frame by frame ---- */

/* 512 frames at a 2 MiB boundary. */
static aeg_frame_t
big_page(void)
{
    aeg_frame_t first = 512;

    for (unsigned i = 0; i < 512; i++) {
        if (frame_at(first + i)->type == AEG_FRAME_FREE)
            continue;
        first += 512;
        i = -1;
        assert_true(first + 512 <= frame_count);
    }
    for (uint64_t done = 0; done < 512;) {
        for (unsigned i = 0; i < 16; i++)
            USER_WORDS[i] = first + done + i;
        int err = call(frame_alloc, alice.account, 0, 0, 16, USER_AT(USER_WORDS));
        assert_int_equal(err, AEG_OK);
        done += 16;
    }
    return first;
}

static void
a_2m_entry_references_all_its_frames(void **state)
{
    aeg_frame_t first = big_page();

    (void)state;
    new_path(&alice, VA);               /* the PD; and a PT in the place */
    assert_int_equal(set_pte(&alice, VA + 1, pte_of(first, AEG_PTE_W)), AEG_ERR_NODE_TAKEN);
    assert_int_equal(set_pte(&alice, VA + 0x200000 + 1, pte_of(first, AEG_PTE_W)), AEG_OK);
    assert_int_equal(frame_at(first)->refs, 1);
    assert_int_equal(frame_at(first + 511)->refs, 1);
    assert_true(get_pte(&alice, VA + 0x200000, 2) & AEG_PTE_PS);
    walk();
    assert_int_equal(set_pte(&alice, VA + 0x200000, pte_of(first, 0)), AEG_ERR_NO_NODE);
    expect(NODE_TAKEN, pt_attach, alice.space_id, 0, VA + 0x200000, 1, new_frame(&alice));
    expect(NO_NODE, pt_detach, alice.space_id, 0, (VA + 0x200000) | 1);
    USER_WORDS[0] = first + 7;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    assert_int_equal(frame_at(first + 7)->type, AEG_FRAME_ORPHAN);
    machine_translate(VA + 0x234000);
    machine_translate(aeg_window_entry(VA + 0x200000, 1));      /* where a node would show, the window shows the page's beginning */
    assert_int_equal(set_pte(&alice, VA + 0x200000 + 1, 0), AEG_OK);
    assert_true(machine_tlb_true());
    assert_int_equal(machine_translate(VA + 0x234000), 0);
    assert_int_equal(frame_at(first)->refs, 0);
    assert_int_equal(frame_at(first + 7)->type, AEG_FRAME_FREE);
}

static void
a_2m_entry_takes_all_references_or_none(void **state)
{
    aeg_frame_t first = big_page();

    (void)state;
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, VA + 0x200000 + 1, pte_of(first + 1, 0)), AEG_ERR_VA_ALIGN);
    assert_int_equal(set_pte(&alice, VA + 0x200000 + 1, pte_of(0, 0)), AEG_ERR_FRAME);
    assert_int_equal(set_pte(&alice, VA + 0x200000 + 1, pte_of(frame_count, 0)), AEG_ERR_FRAME);
    USER_WORDS[0] = first + 300;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    assert_int_equal(set_pte(&alice, VA + 0x200000 + 1, pte_of(first, 0)), AEG_ERR_FRAME_FREE);
    assert_int_equal(frame_at(first)->refs, 0);
    assert_int_equal(frame_at(first + 299)->refs, 0);
}

static void
destroying_a_space_drops_2m_entries(void **state)
{
    aeg_frame_t first = big_page();
    struct actor a = alice;

    (void)state;
    a.pml4 = new_frame(&alice);
    expect(OK, space_create, alice.account, 0, 0, a.pml4);
    a.space_id = value;
    a.space = space_find(value);
    new_path(&a, VA);
    for (unsigned i = 1; i < 5; i++)
        assert_int_equal(set_pte(&a, VA + i * 0x200000 + 1, pte_of(first, 0)), AEG_OK);
    assert_int_equal(frame_at(first + 9)->refs, 4);
    assert_int_equal(destroy_space(a.space_id, 0), 4);     /* one a step, and its nodes */
    assert_int_equal(frame_at(first + 9)->refs, 0);
    assert_int_equal(set_pte(&a, VA, 0), AEG_ERR_SPACE);
}

/* ---- joining and splitting, 2 MiB ---- */

/* 512 entries of a row of frames from LARGE on; returns their node. */
static aeg_frame_t
fill_node(aeg_frame_t first, uint64_t bits)
{
    aeg_frame_t node = new_path(&alice, LARGE);

    for (unsigned i = 0; i < 512; i++)
        ops[i] = (struct aeg_pte_op){ LARGE + i * FRAME_SIZE, pte_of(first + i, bits) };
    expect(OK, pte_set, alice.space_id, 0, USER_AT(ops), 512);
    return node;
}

static int
split(const struct actor *who, uint64_t va, unsigned level, aeg_frame_t node)
{
    return call(pt_attach, who->space_id, 0, va, level | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC | AEG_ATTACH_SPLIT, node);
}

static void
a_full_node_of_one_run_becomes_a_large_entry(void **state)
{
    aeg_frame_t first = big_page(), node = fill_node(first, AEG_PTE_W), unused;
    uint64_t epoch = space_epoch;

    (void)state;
    world_tlb(TLB_TAGGED);
    *pt_walk(alice.space, LARGE + 0x5000, 1, &unused) |= AEG_PTE_A;
    *pt_walk(alice.space, LARGE + 0x6000, 1, &unused) |= AEG_PTE_D;
    machine_translate(LARGE + 0x5000);
    machine_translate(aeg_window_entry(LARGE, 1));
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, AEG_PTE_W | AEG_PTE_NX)), AEG_OK);
    assert_int_equal((value & AEG_PTE_ADDR) >> FRAME_SHIFT, node);
    assert_true(get_pte(&alice, LARGE, 2) == pte_of(first, AEG_PTE_W | AEG_PTE_NX | AEG_PTE_PS | AEG_PTE_A | AEG_PTE_D));
    assert_true(all_have_refs(first, 512, 1));
    assert_int_equal(frame_at(node)->type, AEG_FRAME_PLAIN);
    assert_int_equal(frame_at(node)->refs, 0);
    assert_true(space_epoch > epoch);
    assert_true(machine_tlb_true());
    walk();
    assert_int_equal(set_pte(&alice, LARGE, pte_of(first, 0)), AEG_ERR_NO_NODE);    /* nothing remembers the node */
    assert_int_equal(set_pte(&alice, LARGE + 1, 0), AEG_OK);
    assert_true(all_have_refs(first, 512, 0));
}

static void
a_node_that_is_not_the_same_in_pieces_stays(void **state)
{
    aeg_frame_t first = big_page(), node = fill_node(first, AEG_PTE_W);

    (void)state;
    assert_int_equal(set_pte(&alice, LARGE + 0x3000, pte_of(first + 3, 0)), AEG_OK);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, AEG_PTE_W)), AEG_ERR_NODE_TAKEN);    /* one piece may not be written */
    assert_int_equal(set_pte(&alice, LARGE + 0x3000, pte_of(first + 4, AEG_PTE_W)), AEG_OK);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, AEG_PTE_W)), AEG_ERR_NODE_TAKEN);    /* is another frame */
    assert_int_equal(set_pte(&alice, LARGE + 0x3000, 0), AEG_OK);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, AEG_PTE_W)), AEG_ERR_NODE_TAKEN);    /* is missing */
    assert_int_equal(set_pte(&alice, LARGE + 1, 0), AEG_ERR_NODE_TAKEN);
    assert_int_equal(frame_at(node)->live, 511);
    assert_int_equal(set_pte(&alice, LARGE + 0x3000, pte_of(first + 3, 0)), AEG_OK);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, 0)), AEG_OK);         /* less than the pieces allow is allowed */
}

static void
a_node_that_others_have_or_own_does_not_join(void **state)
{
    aeg_frame_t first = big_page(), node = fill_node(first, 0);
    struct actor second = alice;
    uint32_t other;

    (void)state;
    act_as(&alice);
    expect(OK, space_create, alice.account, 0, 0, new_frame(&alice));
    second.space_id = value;
    second.space = space_find(value);
    new_path(&second, VA);
    expect(OK, pt_attach, second.space_id, 0, LARGE, 1, node);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, 0)), AEG_ERR_NODE_TAKEN);
    expect(OK, pt_detach, second.space_id, 0, LARGE | 1);
    other = lend(&bob, &alice, AEG_RIGHT_ALL);
    USER_WORDS[0] = node;
    expect(OK, frame_guard, 0, other, USER_AT(USER_WORDS), 1);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, 0)), AEG_ERR_CAP_DENIED);
}

static void
a_large_entry_splits_into_a_full_node(void **state)
{
    aeg_frame_t first = big_page(), node = new_frame(&alice);

    (void)state;
    world_tlb(TLB_TAGGED);
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, AEG_PTE_W | AEG_PTE_SW)), AEG_OK);
    machine_translate(LARGE + 0x7000);
    expect(NODE_TAKEN, pt_attach, alice.space_id, 0, LARGE, 1 | AEG_ATTACH_WRITE, node);
    assert_int_equal(split(&alice, LARGE, 1, node), AEG_OK);
    assert_true(machine_tlb_true());
    assert_int_equal(frame_at(node)->live, 512);
    assert_true(all_have_refs(first, 512, 1));
    assert_true(get_pte(&alice, LARGE + 0x7000, 1) == pte_of(first + 7, AEG_PTE_W | AEG_PTE_SW));
    walk();
    assert_int_equal(split(&alice, LARGE, 1, new_frame(&alice)), AEG_ERR_NODE_TAKEN);
    assert_int_equal(set_pte(&alice, LARGE + 0x7000, 0), AEG_OK);
    assert_int_equal(frame_at(first + 7)->refs, 0);
}

static void
only_a_new_node_splits(void **state)
{
    aeg_frame_t first = big_page(), node = new_path(&alice, LARGE);
    struct actor second = alice;

    (void)state;
    expect(OK, space_create, alice.account, 0, 0, new_frame(&alice));
    second.space_id = value;
    second.space = space_find(value);
    new_path(&second, VA);
    assert_int_equal(set_pte(&second, LARGE + 1, pte_of(first, 0)), AEG_OK);
    assert_int_equal(split(&second, LARGE, 1, node), AEG_ERR_NODE_TAKEN);
    assert_int_equal(split(&second, LARGE + SIZE_2M, 1, new_frame(&alice)), AEG_OK);        /* nothing to split: a plain attach */
}

static void
one_call_sets_few_large_entries(void **state)
{
    aeg_frame_t first = big_page();

    (void)state;
    new_path(&alice, VA);
    for (unsigned i = 0; i < 10; i++)
        ops[i] = (struct aeg_pte_op){ LARGE + i * SIZE_2M + 1, pte_of(first, 0) };
    expect(AGAIN, pte_set, alice.space_id, 0, USER_AT(ops), 10);
    assert_int_equal(value, PTE_LARGE_MAX);
    expect(OK, pte_set, alice.space_id, 0, USER_AT(ops + PTE_LARGE_MAX), PTE_LARGE_MAX);
    assert_int_equal(value, PTE_LARGE_MAX);
    assert_true(all_have_refs(first, 512, 2 * PTE_LARGE_MAX));
}

/* ---- pte_copy ---- */

static struct actor
second_space(void)
{
    struct actor second = alice;

    expect(OK, space_create, alice.account, 0, 0, new_frame(&alice));
    second.space_id = value;
    second.space = space_find(value);
    new_path(&second, VA);
    return second;
}

static int
copy(const struct actor *to, uint64_t src, uint64_t dst, uint64_t pages, uint64_t clear)
{
    *range = (struct aeg_pte_range){ .src_va = src, .dst_va = dst, .pages = pages, .clear_src = clear, .clear_dst = clear };
    return call(pte_copy, alice.space_id, 0, to->space_id, 0, USER_AT(range), 1);
}

static void
a_large_entry_is_copied_whole(void **state)
{
    aeg_frame_t first = big_page();
    struct actor child = second_space();

    (void)state;
    world_tlb(TLB_TAGGED);
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, AEG_PTE_W)), AEG_OK);
    machine_translate(LARGE + 0x9000);
    assert_int_equal(copy(&child, LARGE, LARGE + SIZE_2M, 512, AEG_PTE_W), AEG_OK);
    assert_int_equal(range->done, 512);
    assert_true(machine_tlb_true());
    assert_true(get_pte(&alice, LARGE, 2) == pte_of(first, AEG_PTE_PS));
    assert_true(get_pte(&child, LARGE + SIZE_2M, 2) == pte_of(first, AEG_PTE_PS));
    assert_true(all_have_refs(first, 512, 2));
    walk();
    assert_int_equal(copy(&child, LARGE, LARGE + SIZE_2M, 512, 0), AEG_OK);     /* over what is there */
    assert_true(all_have_refs(first, 512, 2));
    walk();
}

static void
a_large_entry_goes_only_where_it_fits(void **state)
{
    aeg_frame_t first = big_page();
    struct actor child = second_space();

    (void)state;
    new_path(&alice, VA);
    assert_int_equal(set_pte(&alice, LARGE + 1, pte_of(first, 0)), AEG_OK);
    assert_int_equal(copy(&child, LARGE, LARGE + 0x1000, 512, 0), AEG_ERR_VA_ALIGN);
    assert_int_equal(copy(&child, LARGE + 0x1000, LARGE + 0x1000, 511, 0), AEG_ERR_VA_ALIGN);
    assert_int_equal(copy(&child, LARGE, LARGE, 511, 0), AEG_ERR_VA_ALIGN);
    assert_int_equal(copy(&child, LARGE, VA, 512, 0), AEG_ERR_NODE_TAKEN);
    assert_int_equal(copy(&child, LARGE, LARGE + SIZE_1G, 512, 0), AEG_ERR_NO_NODE);
    USER_WORDS[0] = first + 77;
    expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    assert_int_equal(copy(&child, LARGE, LARGE, 512, 0), AEG_ERR_FRAME_FREE);
    assert_true(all_have_refs(first, 512, 1));
}

static void
large_entries_are_copied_in_steps(void **state)
{
    aeg_frame_t first = big_page();
    struct actor child = second_space();
    unsigned calls = 1;

    (void)state;
    new_path(&alice, VA);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(set_pte(&alice, LARGE + i * SIZE_2M + 1, pte_of(first, 0)), AEG_OK);
    *range = (struct aeg_pte_range){ .src_va = LARGE, .dst_va = LARGE, .pages = 9 * 512 };
    while (call(pte_copy, alice.space_id, 0, child.space_id, 0, USER_AT(range), 1) == AEG_ERR_AGAIN) {
        assert_int_equal(range->done, calls++ * 4 * 512);
        walk();
    }
    assert_int_equal(calls, 3);
    assert_true(all_have_refs(first, 512, 18));
}

/* ---- 1 GiB ---- */

#define FIRST_1G (SIZE_1G >> FRAME_SHIFT)
#define FRAMES_1G (SIZE_1G >> FRAME_SHIFT)
#define VA_1G (4 * SIZE_1G)

static struct aeg_frame_info *short_table;
static uint64_t short_count;

/* From now on there is a second GiB of memory, alice's. */
static void
memory_grow(void)
{
    struct aeg_frame_info *table = calloc(FIRST_1G + FRAMES_1G, sizeof(*table));

    memcpy(table, frame_table, frame_count * sizeof(*table));
    for (uint64_t i = FIRST_1G; i < FIRST_1G + FRAMES_1G; i++)
        table[i] = (struct aeg_frame_info){ .type = AEG_FRAME_PLAIN, .guard = cap_at(0)->name };
    short_table = frame_table;
    short_count = frame_count;
    frame_table = table;
    frame_count = FIRST_1G + FRAMES_1G;
    space_epoch++;
    info->cpu_features |= AEG_CPU_1GIB;
}

static void
memory_shrink(void)
{
    struct aeg_frame_info *table = frame_table;

    assert_true(all_have_refs(FIRST_1G, FRAMES_1G, 0));
    memcpy(short_table, table, short_count * sizeof(*table));
    frame_table = short_table;
    frame_count = short_count;
    free(table);
    space_epoch++;
    info->cpu_features &= ~(uint64_t)AEG_CPU_1GIB;
}

/* As a library would: 512 entries of 2 MiB, then the one in their place. */
static aeg_frame_t
map_1g(const struct actor *who, uint64_t bits)
{
    aeg_frame_t node = 0, unused;
    uint64_t done = 0;
    int err;

    new_path(who, VA_1G - 1);
    node = new_frame(who);
    expect(OK, pt_attach, who->space_id, 0, VA_1G, 2 | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, node);
    for (unsigned i = 0; i < 512; i++)
        ops[i] = (struct aeg_pte_op){ (VA_1G + i * SIZE_2M) | 1, pte_of(FIRST_1G + i * 512, bits) };
    do {
        err = call(pte_set, who->space_id, 0, USER_AT(ops + done), 512 - done);
        done += value;
    } while (err == AEG_ERR_AGAIN);
    assert_int_equal(err, AEG_OK);
    assert_int_equal(done, 512);
    *pt_walk(who->space, VA_1G + 9 * SIZE_2M, 2, &unused) |= AEG_PTE_D;
    assert_int_equal(set_pte(who, VA_1G | 2, pte_of(FIRST_1G, bits)), AEG_OK);
    return node;
}

static void
a_1g_entry_takes_the_place_of_its_pieces(void **state)
{
    aeg_frame_t node;

    (void)state;
    world_tlb(TLB_TAGGED);
    memory_grow();
    node = map_1g(&alice, AEG_PTE_W);
    assert_int_equal((value & AEG_PTE_ADDR) >> FRAME_SHIFT, node);
    assert_int_equal(frame_at(node)->type, AEG_FRAME_PLAIN);
    assert_true(get_pte(&alice, VA_1G, 3) == pte_of(FIRST_1G, AEG_PTE_W | AEG_PTE_PS | AEG_PTE_D));
    assert_true(all_have_refs(FIRST_1G, FRAMES_1G, 1));
    assert_int_equal((machine_translate(VA_1G + 0x12345000) & AEG_PTE_ADDR) >> FRAME_SHIFT, FIRST_1G);
    assert_int_equal(set_pte(&alice, VA_1G | 2, pte_of(FIRST_1G, AEG_PTE_NX)), AEG_OK);     /* less */
    assert_true(machine_tlb_true());
    assert_int_equal(set_pte(&alice, VA_1G | 2, pte_of(FIRST_1G, AEG_PTE_W)), AEG_ERR_NODE_TAKEN);  /* more would have to be checked */
    assert_int_equal(set_pte(&alice, VA_1G | 2, 0), AEG_ERR_NODE_TAKEN);
    assert_int_equal(set_pte(&alice, VA_1G | 1, 0), AEG_ERR_NO_NODE);
    assert_int_equal(split(&alice, VA_1G, 2, node), AEG_OK);
    assert_true(machine_tlb_true());
    assert_true(all_have_refs(FIRST_1G, FRAMES_1G, 1));
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(set_pte(&alice, (VA_1G + i * SIZE_2M) | 1, 0), AEG_OK);
    memory_shrink();
}

static void
a_1g_entry_is_checked(void **state)
{
    (void)state;
    new_path(&alice, VA_1G - 1);
    assert_int_equal(set_pte(&alice, VA_1G | 2, pte_of(FIRST_1G, 0)), AEG_ERR_ARGUMENT);    /* the CPU has none */
    memory_grow();
    assert_int_equal(set_pte(&alice, VA_1G | 2, pte_of(FIRST_1G, 0)), AEG_ERR_NO_NODE);     /* no pieces */
    assert_int_equal(set_pte(&alice, (VA_1G + SIZE_2M) | 2, pte_of(FIRST_1G, 0)), AEG_ERR_VA_ALIGN);
    assert_int_equal(set_pte(&alice, VA_1G | 2, pte_of(FIRST_1G + 512, 0)), AEG_ERR_VA_ALIGN);
    assert_int_equal(set_pte(&alice, VA_1G | 2, AEG_PTE_SW), AEG_OK);
    assert_true(get_pte(&alice, VA_1G, 3) == AEG_PTE_SW);
    assert_int_equal(set_pte(&alice, VA_1G | 3, 0), AEG_ERR_ARGUMENT);
    memory_shrink();
}

static void
a_1g_entry_is_copied_2m_at_a_time(void **state)
{
    struct actor child = second_space();
    aeg_frame_t node;
    unsigned calls = 1;

    (void)state;
    memory_grow();
    node = map_1g(&alice, AEG_PTE_W);
    new_path(&child, VA_1G);
    expect(OK, pt_detach, child.space_id, 0, VA_1G | 1);
    assert_int_equal(copy(&child, VA_1G, VA_1G, FRAMES_1G / 2, AEG_PTE_W), AEG_ERR_VA_ALIGN);   /* half of it cannot change */
    *range = (struct aeg_pte_range){ .src_va = VA_1G, .dst_va = VA_1G, .pages = FRAMES_1G, .clear_src = AEG_PTE_W, .clear_dst = AEG_PTE_W };
    while (call(pte_copy, alice.space_id, 0, child.space_id, 0, USER_AT(range), 1) == AEG_ERR_AGAIN)
        assert_int_equal(range->done, calls++ * 4 * 512);
    assert_int_equal(calls, 128);
    assert_true(all_have_refs(FIRST_1G, FRAMES_1G, 2));
    assert_true((get_pte(&alice, VA_1G, 3) & ~AEG_PTE_D) == pte_of(FIRST_1G, AEG_PTE_PS));
    assert_true((get_pte(&child, VA_1G + 100 * SIZE_2M, 2) & ~AEG_PTE_D) == pte_of(FIRST_1G + 100 * 512, AEG_PTE_PS));
    destroy_space(child.space_id, 0);
    assert_int_equal(split(&alice, VA_1G, 2, node), AEG_OK);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(set_pte(&alice, (VA_1G + i * SIZE_2M) | 1, 0), AEG_OK);
    memory_shrink();
}

static void
destroying_a_space_drops_a_1g_entry_in_steps(void **state)
{
    struct actor second = second_space();

    (void)state;
    memory_grow();
    map_1g(&second, AEG_PTE_W);
    assert_in_range(destroy_space(second.space_id, 0), FRAMES_1G / 1024, FRAMES_1G / 1024 + 3);
    memory_shrink();
}

/* Its nodes can be attached elsewhere meanwhile: no entry in them may name what it never named. */
static void
a_space_half_destroyed_leaves_no_half_of_a_1g_entry(void **state)
{
    struct actor second = second_space();
    aeg_frame_t pdpt;

    (void)state;
    memory_grow();
    map_1g(&second, AEG_PTE_W);
    assert_non_null(pt_walk(second.space, VA_1G, 3, &pdpt));
    expect(AGAIN, space_destroy, second.space_id, 0);
    expect(OK, pt_attach, alice.space_id, 0, 0, 3 | AEG_ATTACH_WRITE, pdpt);
    assert_int_equal(split(&alice, VA_1G, 2, new_frame(&alice)), AEG_OK);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(get_pte(&alice, VA_1G + i * SIZE_2M, 2), 0);
    destroy_space(second.space_id, 0);
    memory_shrink();
}

/* The account may end while the references of a large entry go, step by step: all of them go. */
static void
what_was_taken_apart_by_force_does_not_stay_half_bound(void **state)
{
    struct aeg_limits *limits = (void *)fake_user;
    aeg_frame_t frame = FIRST_1G + 5;
    aeg_id_t payer;

    (void)state;
    memset(limits, 0, sizeof(*limits));
    limits->limit[AEG_KIND_FRAME] = 1;
    expect(OK, account_create, alice.account, 0, 0, USER_AT(limits));
    payer = value;
    memory_grow();
    map_1g(&alice, 0);
    assert_int_equal(account_take(account_find(payer), AEG_KIND_FRAME, 1), AEG_OK);
    frame_at(frame)->account = AEG_ID_INDEX(payer);
    repossess_begin(AEG_ID_INDEX(payer), 0);
    while (get_pte(&alice, VA_1G, 3) & AEG_PTE_P)
        assert_false(repossess_step(true));
    assert_int_equal(frame_at(FIRST_1G + FRAMES_1G - 1)->refs, 1);
    assert_int_equal(end_account(payer, 0), AEG_OK);
    for (uint64_t i = 0; i < FRAMES_1G; i++)
        assert_true(frame_at(FIRST_1G + i)->refs == 0 || FIRST_1G + i == frame);
    assert_int_equal(frame_at(frame)->type, AEG_FRAME_FREE);
    USER_WORDS[0] = frame;              /* the fake machine's free list is not to have it */
    expect(OK, frame_alloc, alice.account, 0, 0, 1, USER_AT(USER_WORDS));
    account_give(account_find(alice.account), AEG_KIND_FRAME, 1);
    frame_at(frame)->type = AEG_FRAME_NONE;
    memory_shrink();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_2m_entry_references_all_its_frames),
        TEST(a_2m_entry_takes_all_references_or_none),
        TEST(destroying_a_space_drops_2m_entries),
        TEST(a_full_node_of_one_run_becomes_a_large_entry),
        TEST(a_node_that_is_not_the_same_in_pieces_stays),
        TEST(a_node_that_others_have_or_own_does_not_join),
        TEST(a_large_entry_splits_into_a_full_node),
        TEST(only_a_new_node_splits),
        TEST(one_call_sets_few_large_entries),
        TEST(a_large_entry_is_copied_whole),
        TEST(a_large_entry_goes_only_where_it_fits),
        TEST(large_entries_are_copied_in_steps),
        TEST(a_1g_entry_takes_the_place_of_its_pieces),
        TEST(a_1g_entry_is_checked),
        TEST(a_1g_entry_is_copied_2m_at_a_time),
        TEST(destroying_a_space_drops_a_1g_entry_in_steps),
        TEST(a_space_half_destroyed_leaves_no_half_of_a_1g_entry),
        TEST(what_was_taken_apart_by_force_does_not_stay_half_bound),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
