/* revoke_test.c: frames are asked back, given, or taken by force: exactly so many, and on record. */
#include <string.h>

#include "world.h"

#define PLENTY 5000             /* a limit above what there is */
#define GUARANTEED 16
#define MAPPED 0x40000000ull

/* Two accounts beside alice's and bob's, whose guarantees are all they may have: these have nearly none, and no limit. */
static aeg_id_t hog, poor;
static uint32_t boss;           /* alice's capability over both: root's own */

static aeg_id_t
open_account(uint64_t guarantee)
{
    struct aeg_limits *limits = (void *)fake_user;

    memset(limits, 0, sizeof(*limits));
    limits->guarantee[AEG_KIND_FRAME] = guarantee;
    for (unsigned k = 0; k < AEG_KINDS; k++)
        limits->limit[k] = 10;
    limits->limit[AEG_KIND_FRAME] = PLENTY;
    expect(OK, account_create, root.account, 0, 0, USER_AT(limits));
    return value;
}

static int
make(void **state)
{
    int err = world_make(state);

    act_as(&root);
    hog = open_account(GUARANTEED);
    poor = open_account(0);
    expect(OK, cap_grant, 0, alice.space_id, 0, AEG_RIGHT_ALL);
    boss = value;
    act_as(&alice);
    return err;
}

static struct aeg_account_info *
account(aeg_id_t id)
{
    return account_find(id);
}

/* The last error; *count: how many it got. */
static int
take(aeg_id_t id, uint64_t wanted, uint64_t *count)
{
    int err = AEG_OK;

    for (*count = 0; *count < wanted && err == AEG_OK;) {
        uint64_t n = MIN(wanted - *count, 16);
        memset(USER_WORDS, 0, n * sizeof(uint64_t));
        err = call(frame_alloc, id, boss, 0, n, USER_AT(USER_WORDS));
        *count += value;
    }
    return err;
}

static uint64_t
room(void)
{
    return info->frames_free - account_at(0)->promised[AEG_KIND_FRAME];
}

/* The hog takes what there is, until nobody else has more than the reserve. */
static void
fill(void)
{
    uint64_t count;

    while (room() >= revoke_low)
        assert_int_equal(take(hog, MIN(room() - revoke_low + 1, 16), &count), AEG_OK);
}

static struct env *answering;
static aeg_frame_t vector_frame;

static const struct aeg_repossession *
bind(aeg_id_t id)
{
    answering = alice.env;
    vector_frame = new_frame(&alice);
    expect(OK, revoke_bind, id, AEG_CAPS(boss, 0), alice.env_id, vector_frame);
    answering->uenv->notify = answering->uenv->pending = 0;
    answering->uenv->revoke_entry = 0x5000;
    return frame_map(vector_frame);
}

static bool
frame_is_of(aeg_frame_t f, aeg_id_t id)
{
    return frame_at(f)->type == AEG_FRAME_PLAIN && frame_at(f)->account == AEG_ID_INDEX(id);
}

static aeg_frame_t
frame_of(aeg_id_t id)
{
    for (aeg_frame_t f = 1; f < frame_count; f++)
        if (frame_is_of(f, id) && frame_at(f)->refs == 0)
            return f;
    fail();
    return 0;
}

/* 512 in a row that an entry of 2 MiB can name. */
static aeg_frame_t
large_frame_of(aeg_id_t id)
{
    for (aeg_frame_t first = 512; first + 512 <= frame_count; first += 512) {
        unsigned n = 0;
        while (n < 512 && frame_is_of(first + n, id))
            n++;
        if (n == 512)
            return first;
    }
    fail();
    return 0;
}

static void
give(aeg_id_t id, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t frame = frame_of(id);
        USER_WORDS[0] = frame;
        expect(OK, frame_free, boss, USER_AT(USER_WORDS), 1);
    }
}

/* ---- asking ---- */

static void
nobody_is_asked_while_there_is_enough(void **state)
{
    uint64_t count;

    (void)state;
    bind(hog);
    assert_int_equal(take(hog, room() - revoke_low, &count), AEG_OK);
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    give(poor, 1);
    assert_int_equal(account(hog)->asked, 0);
    assert_int_equal(answering->uenv->notify, 0);
}

static void
who_is_furthest_over_is_asked_and_told(void **state)
{
    uint64_t count;

    (void)state;
    bind(hog);
    fill();
    assert_int_equal(account(hog)->asked, 0);           /* not on his own behalf */
    assert_int_equal(take(poor, 1, &count), AEG_OK);    /* there is some left */
    assert_int_equal(account(hog)->asked, 2 * revoke_low - room());
    assert_int_equal(account(hog)->asked_deadline_ns, machine.now_ns + 500000000);
    assert_true(answering->uenv->notify == AEG_NOTIFY_REVOKE);
    assert_int_equal(answering->uenv->pending, AEG_PENDING_REVOKE);
}

static void
without_an_entry_there_are_only_notification_bits(void **state)
{
    uint64_t count;

    (void)state;
    bind(hog);
    answering->uenv->revoke_entry = 0;
    fill();
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    assert_true(answering->uenv->notify == AEG_NOTIFY_REVOKE);
    assert_int_equal(answering->uenv->pending, 0);
}

static void
what_was_asked_and_given_ends_the_request(void **state)
{
    uint64_t count, had, asked;

    (void)state;
    bind(hog);
    fill();
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    had = account(hog)->used[AEG_KIND_FRAME];
    asked = account(hog)->asked;
    give(hog, asked);
    assert_int_equal(take(poor, 20, &count), AEG_OK);
    assert_int_equal(account(hog)->asked, 0);
    assert_int_equal(account(hog)->used[AEG_KIND_FRAME], had - asked);
    assert_int_equal(account(hog)->repossessed, 0);
}

static void
who_owes_gets_no_more_than_his_guarantee(void **state)
{
    uint64_t count;

    (void)state;
    fill();
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    assert_int_equal(take(hog, 1, &count), AEG_ERR_LIMIT);
    give(hog, account(hog)->used[AEG_KIND_FRAME] - 10);
    assert_int_equal(take(hog, GUARANTEED, &count), AEG_ERR_LIMIT);
    assert_int_equal(account(hog)->used[AEG_KIND_FRAME], GUARANTEED);
    machine.now_ns += 500000000;
    assert_int_equal(take(hog, 1, &count), AEG_OK);
    assert_int_equal(account(hog)->asked, 0);
}

static void
nobody_is_brought_below_who_presses(void **state)
{
    uint64_t count, rest = room() - revoke_low + 1;     /* until there is pressure */

    (void)state;
    assert_int_equal(take(hog, rest / 2 + 1 + GUARANTEED, &count), AEG_OK);
    assert_int_equal(take(poor, rest - rest / 2 - 1, &count), AEG_OK);
    assert_int_equal(account(hog)->asked, rest / 2 + 1 - (rest - rest / 2 - 1));
    assert_int_equal(take(poor, 2, &count), AEG_OK);
    assert_int_equal(account(poor)->asked, 0);
}

static void
what_is_guaranteed_is_never_asked_for(void **state)
{
    uint64_t count, left = room();

    (void)state;
    act_as(&root);
    hog = open_account(left - revoke_low / 2);
    act_as(&alice);
    assert_int_equal(take(hog, left - revoke_low / 2, &count), AEG_OK);
    assert_int_equal(take(poor, room(), &count), AEG_OK);
    assert_int_equal(take(poor, 1, &count), AEG_ERR_NOMEM);
    machine.now_ns += 600000000;
    assert_int_equal(take(poor, 1, &count), AEG_ERR_NOMEM);
    assert_int_equal(account(hog)->asked, 0);
    assert_int_equal(account(hog)->repossessed, 0);
}

static void
a_request_that_nobody_presses_for_is_made_anew(void **state)
{
    uint64_t count;

    (void)state;
    bind(hog);
    fill();
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    machine.now_ns += 5000000000;
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    assert_int_equal(account(hog)->repossessed, 0);
    assert_int_equal(account(hog)->asked_deadline_ns, machine.now_ns + 500000000);
}

/* ---- force ---- */

/* Presses as somebody who finds nothing: until the job is done. */
static unsigned
press(uint64_t wanted)
{
    uint64_t count, got = 0;
    unsigned steps = 0;

    for (;; steps++) {
        int err = take(poor, wanted - got, &count);
        got += count;
        walk();
        assert_true(steps < 100);
        if (err == AEG_OK)
            return steps;
        assert_int_equal(err, AEG_ERR_AGAIN);
    }
}

/* The hog has filled the machine, poor has pressed and got nothing. What is asked. */
static uint64_t
fall_out(void)
{
    uint64_t count, asked;

    fill();
    assert_int_equal(take(poor, 1, &count), AEG_OK);
    asked = account(hog)->asked;
    assert_int_equal(asked, revoke_low + 2);
    assert_int_equal(take(poor, room(), &count), AEG_OK);
    assert_int_equal(take(poor, 1, &count), AEG_ERR_NOMEM);     /* not before the deadline */
    return asked;
}

static void
deadline_passes(void)
{
    machine.now_ns += 500000000;
}

static void
unbound_frames_go_first_and_exactly_as_many_as_were_asked(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    uint64_t asked, had;

    (void)state;
    asked = fall_out();
    had = account(hog)->used[AEG_KIND_FRAME];
    deadline_passes();
    press(20);
    assert_int_equal(account(hog)->repossessed, asked);
    assert_int_equal(account(hog)->used[AEG_KIND_FRAME], had - asked);
    assert_int_equal(account(hog)->asked, 0);
    assert_int_equal(lost->taken, asked);
    assert_int_equal(lost->spaces, 0);
    for (uint64_t i = 1; i < asked; i++)
        assert_true(lost->frame[i] > lost->frame[i - 1]);
    assert_int_equal(machine.flushed_all, 0);
    assert_true(answering->uenv->pending & AEG_PENDING_REPOSSESSED);
}

/* All that the hog has is mapped by alice, page after page. */
static uint64_t
map_all(void)
{
    uint64_t pages = 0;

    for (aeg_frame_t f = 1; f < frame_count; f++) {
        if (!frame_is_of(f, hog))
            continue;
        if (pages % 512 == 0)
            new_path(&alice, MAPPED + (pages << 12));
        struct aeg_pte_op *op = (void *)fake_user;
        *op = (struct aeg_pte_op){ MAPPED + (pages++ << 12), pte_of(f, AEG_PTE_W) };
        expect(OK, pte_set, alice.space_id, AEG_CAPS(boss, boss), USER_AT(op), 1);
    }
    return pages;
}

static void
bound_frames_leave_every_page_table_before_they_are_anybody_elses(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    uint64_t asked, pages, gone = 0;

    (void)state;
    asked = fall_out();
    pages = map_all();
    deadline_passes();
    machine.flushed_all = 0;
    assert_true(press(20) > 2);
    assert_int_equal(lost->taken, asked);
    assert_int_equal(account(hog)->repossessed, asked);
    for (uint64_t i = 0; i < pages; i++)
        gone += !(get_pte(&alice, MAPPED + (i << 12), 1) & AEG_PTE_P);
    assert_int_equal(gone, asked);
    assert_in_range(machine.flushed_all, 1, 3);
    assert_int_equal(frame_dying[AEG_ID_INDEX(hog)], 0);
}

static void
a_dying_frame_is_bound_by_nobody(void **state)
{
    uint64_t count;

    (void)state;
    bind(hog);
    fall_out();
    map_all();
    deadline_passes();
    while (frame_dying[AEG_ID_INDEX(hog)] == 0)
        assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
    aeg_frame_t f = ((struct aeg_repossession *)frame_map(vector_frame))->frame[0];
    struct aeg_pte_op *op = (void *)fake_user;
    *op = (struct aeg_pte_op){ MAPPED, pte_of(f, 0) };
    assert_true(frame_at(f)->flags & AEG_FRAME_DYING);
    expect(FRAME_FREE, pte_set, alice.space_id, AEG_CAPS(boss, boss), USER_AT(op), 1);
    press(1);
}

/* The hog's frames that nothing binds become nodes of a space of its own, all but a few: they go with the space or not at all. */
static aeg_id_t
turn_into_nodes(uint64_t but)
{
    uint64_t frames = 0, node = 0;
    bool covered = false;       /* by a level-2 node */
    aeg_id_t space;

    expect(OK, space_create, hog, boss, boss, frame_of(hog));
    space = value;
    expect(OK, pt_attach, space, AEG_CAPS(boss, boss), 0, 3 | AEG_ATTACH_WRITE, frame_of(hog));
    for (aeg_frame_t f = 1; f < frame_count; f++)
        frames += frame_is_of(f, hog) && frame_at(f)->refs == 0;
    for (aeg_frame_t f = 1; frames > but; f++) {
        if (!frame_is_of(f, hog) || frame_at(f)->refs != 0)
            continue;
        expect(OK, pt_attach, space, AEG_CAPS(boss, boss), node << 21, (covered ? 1 : 2) | AEG_ATTACH_WRITE, f);
        node += covered;
        covered = !covered || node % 512 != 0;
        frames--;
    }
    return space;
}

static void
a_large_page_goes_whole(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    const uint64_t va = MAPPED + (1ull << 30) + (1 << 21);
    struct aeg_pte_op *op = (void *)fake_user;
    uint64_t asked, had;
    aeg_frame_t first;

    (void)state;
    asked = fall_out();
    first = large_frame_of(hog);
    new_path(&alice, MAPPED + (1ull << 30));
    *op = (struct aeg_pte_op){ va | 1, pte_of(first, 0) };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(boss, boss), USER_AT(op), 1);
    turn_into_nodes(0);
    had = account(hog)->used[AEG_KIND_FRAME];
    deadline_passes();
    press(1);
    assert_int_equal(get_pte(&alice, va, 2), 0);
    assert_int_equal(lost->taken, asked);
    assert_int_equal(lost->frame[0], first);
    assert_int_equal(account(hog)->used[AEG_KIND_FRAME], had - asked);
    assert_int_equal(frame_at(first + 511)->refs, 0);   /* the rest is the hog's still, and unbound */
    assert_int_equal(frame_at(first + 511)->type, AEG_FRAME_PLAIN);
}

/* Alice takes the free frame with the lowest number, or the highest. */
static aeg_frame_t
frame_at_end(bool high)
{
    aeg_frame_t f = high ? frame_count - 1 : 1;

    while (frame_at(f)->type != AEG_FRAME_FREE)
        f += high ? -1 : 1;
    USER_WORDS[0] = f;
    expect(OK, frame_alloc, alice.account, 0, 0, 1, USER_AT(USER_WORDS));
    return f;
}

/* The sweep goes by frame numbers. A large entry in a node that it has yet to look at moves to one that it has passed. */
static void
splitting_behind_the_sweep_saves_nothing(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    const uint64_t va = MAPPED + (1ull << 30) + (1 << 21);
    struct aeg_pte_op *op = (void *)fake_user;
    aeg_frame_t first, low = frame_at_end(false), high = frame_at_end(true);
    uint64_t asked, count, gone = 0;

    (void)state;
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), 0, 3 | AEG_ATTACH_WRITE, new_frame(&alice));
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), MAPPED + (1ull << 30), 2 | AEG_ATTACH_WRITE, high);
    asked = fall_out();
    first = large_frame_of(hog);
    *op = (struct aeg_pte_op){ va | 1, pte_of(first, 0) };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(boss, boss), USER_AT(op), 1);
    turn_into_nodes(0);
    deadline_passes();
    while (!(frame_at(first)->flags & AEG_FRAME_DYING))
        assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
    for (unsigned i = 0; i < 2; i++)        /* one to stop what lives in them, one to sweep */
        assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
    assert_true(get_pte(&alice, va, 2) & AEG_PTE_PS);
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, boss), va, 1 | AEG_ATTACH_WRITE | AEG_ATTACH_SPLIT, low);
    while (account(hog)->asked != 0)
        (void)take(poor, 1, &count);
    assert_int_equal(lost->taken, asked);
    for (unsigned i = 0; i < asked; i++)
        gone += frame_at(lost->frame[i])->type == AEG_FRAME_FREE || frame_at(lost->frame[i])->account == AEG_ID_INDEX(poor);
    assert_int_equal(gone, asked);
    assert_int_equal(frame_dying[AEG_ID_INDEX(hog)], 0);
}

/* 512 free frames in a row, for alice. */
static aeg_frame_t
large_frame_free(void)
{
    aeg_frame_t first = 512;

    for (unsigned n = 0; n < 512; n++)
        if (frame_at(first + n)->type != AEG_FRAME_FREE)
            first += 512, n = -1;
    for (unsigned done = 0; done < 512; done += 16) {
        for (unsigned i = 0; i < 16; i++)
            USER_WORDS[i] = first + done + i;
        while (call(frame_alloc, alice.account, 0, 0, 16, USER_AT(USER_WORDS)) != AEG_OK)
            continue;
    }
    return first;
}

static void
set_large(uint64_t va, uint64_t pte)
{
    struct aeg_pte_op *op = (void *)fake_user;

    *op = (struct aeg_pte_op){ va | 1, pte };
    expect(OK, pte_set, alice.space_id, AEG_CAPS(boss, boss), USER_AT(op), 1);
}

/* The sweep stops within a large entry. What it knows of that is not true of the next when the entry is taken away. */
static void
emptying_entries_before_the_sweep_saves_nothing(void **state)
{
    enum { OTHERS = 9, FIRST = 60 };   /* more than one step looks at; and where it stops far inside one of them */
    const struct aeg_repossession *lost = bind(hog);
    const uint64_t va = MAPPED + (1ull << 30);
    aeg_frame_t first, others = large_frame_free(), low = frame_at_end(false);
    uint64_t asked, count;

    (void)state;
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), 0, 3 | AEG_ATTACH_WRITE, new_frame(&alice));
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), va, 2 | AEG_ATTACH_WRITE, low);
    asked = fall_out();
    first = large_frame_of(hog);
    for (unsigned i = 0; i < OTHERS; i++)
        set_large(va + ((uint64_t)(FIRST + i) << 21), pte_of(others, 0));
    set_large(va + ((uint64_t)(FIRST + OTHERS) << 21), pte_of(first, 0));
    turn_into_nodes(0);
    deadline_passes();
    while (!(frame_at(first)->flags & AEG_FRAME_DYING))
        assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
    for (unsigned i = 0; i < OTHERS; i++)
        set_large(va + ((uint64_t)(FIRST + i) << 21), 0);
    while (account(hog)->asked != 0)
        (void)take(poor, 1, &count);
    assert_int_equal(lost->taken, asked);
    assert_int_equal(get_pte(&alice, va + ((uint64_t)(FIRST + OTHERS) << 21), 2), 0);
    assert_int_equal(frame_dying[AEG_ID_INDEX(hog)], 0);
}

/* Somebody else splits and joins what is his own, while a device is at work on the hog's frames. */
static void
who_did_not_move_entries_keeps_his_spaces(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    const struct aeg_cap all = { .rights = AEG_RIGHT_ALL };
    const uint64_t va = MAPPED + (1ull << 30);
    aeg_frame_t others = large_frame_free(), node = new_frame(&alice);
    uint64_t count, steps = 0;
    aeg_id_t space;

    (void)state;
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), 0, 3 | AEG_ATTACH_WRITE, new_frame(&alice));
    expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), va, 2 | AEG_ATTACH_WRITE, new_frame(&alice));
    set_large(va, pte_of(others, 0));
    fall_out();
    expect(OK, space_create, hog, boss, boss, frame_of(hog));
    space = value;
    deadline_passes();
    for (aeg_frame_t f = 1; f < frame_count; f++)
        if (frame_is_of(f, hog))
            assert_int_equal(frame_bind(f, &all, AEG_RIGHT_READ), AEG_OK);
    while (account(hog)->asked != 0) {
        (void)take(poor, 1, &count);
        expect(OK, pt_attach, alice.space_id, AEG_CAPS(0, 0), va, 1 | AEG_ATTACH_WRITE | AEG_ATTACH_SPLIT, node);
        set_large(va, pte_of(others, 0));
        assert_true(steps++ < 100);
    }
    assert_non_null(space_find(space));
    assert_int_equal(lost->spaces, 0);
    for (aeg_frame_t f = 1; f < frame_count; f++)
        if ((frame_at(f)->type == AEG_FRAME_PLAIN || frame_at(f)->type == AEG_FRAME_ORPHAN) && frame_at(f)->account == AEG_ID_INDEX(hog))
            frame_unbind(f);
}

/* The request is over when there is enough again, though nobody presses any more: he who owed may take what there is. */
static void
when_there_is_enough_again_nobody_owes_any_more(void **state)
{
    uint64_t count;
    int err;

    (void)state;
    bind(hog);
    fall_out();
    deadline_passes();
    assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
    assert_true(room() >= revoke_low);
    machine.now_ns += 5000000000;
    for (unsigned i = 0; i < 20 && (err = take(hog, 1, &count)) == AEG_ERR_AGAIN; i++)
        continue;
    assert_int_equal(err, AEG_OK);
    assert_int_equal(account(hog)->asked, 0);
}

/* Half ended, it may have nothing: so it presses for nothing. */
static void
an_account_that_ends_presses_for_nothing(void **state)
{
    uint64_t count;

    (void)state;
    fill();
    account_close(account(poor));
    account(poor)->used[AEG_KIND_FRAME] = 1;
    assert_int_equal(take(poor, 16, &count), AEG_ERR_LIMIT);
    assert_true(account(hog)->asked <= 2 * revoke_low);
    deadline_passes();
    assert_int_equal(take(poor, 16, &count), AEG_ERR_LIMIT);
    account(poor)->used[AEG_KIND_FRAME] = 0;
}

static void
what_a_device_is_at_work_on_goes_when_it_is_done(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    const struct aeg_cap all = { .rights = AEG_RIGHT_ALL };
    uint64_t asked;

    (void)state;
    asked = fall_out();
    deadline_passes();
    for (aeg_frame_t f = 1; f < frame_count; f++)
        if (frame_is_of(f, hog))
            assert_int_equal(frame_bind(f, &all, AEG_RIGHT_READ), AEG_OK);
    uint64_t count, steps = 0;
    while (account(hog)->asked != 0) {
        assert_int_equal(take(poor, 1, &count), AEG_ERR_AGAIN);
        assert_true(steps++ < 100);
    }
    assert_int_equal(lost->taken, asked);
    assert_int_equal(frame_dying[AEG_ID_INDEX(hog)], asked);
    assert_int_equal(info->frames_free, account_at(0)->promised[AEG_KIND_FRAME]);
    for (aeg_frame_t f = 1; f < frame_count; f++)
        if ((frame_at(f)->type == AEG_FRAME_PLAIN || frame_at(f)->type == AEG_FRAME_ORPHAN) && frame_at(f)->account == AEG_ID_INDEX(hog))
            frame_unbind(f);
    assert_int_equal(frame_dying[AEG_ID_INDEX(hog)], 0);
    assert_int_equal(room(), asked);
}

static void
when_frames_do_not_suffice_spaces_are_destroyed(void **state)
{
    const struct aeg_repossession *lost = bind(hog);
    uint64_t asked, had;
    aeg_id_t space;

    (void)state;
    asked = fall_out();
    space = turn_into_nodes(10);
    had = account(hog)->used[AEG_KIND_FRAME];
    deadline_passes();
    press(20);
    assert_null(space_find(space));
    assert_int_equal(lost->spaces, 1);
    assert_int_equal(lost->taken, asked);       /* no more than that, though a thousand came free */
    assert_int_equal(account(hog)->used[AEG_KIND_FRAME], had - asked);
}

static aeg_frame_t
free_frame(void)
{
    aeg_frame_t f = 1;

    while (frame_at(f)->type != AEG_FRAME_FREE)
        f++;
    return f;
}

static void
binding_is_checked(void **state)
{
    aeg_frame_t frame = new_frame(&alice), node = new_path(&alice, 0x400000), bobs;
    uint32_t reads = lend(&alice, &alice, AEG_RIGHT_READ);

    (void)state;
    act_as(&bob);
    bobs = new_frame(&bob);
    act_as(&alice);
    expect(ACCOUNT, revoke_bind, 0, 0, alice.env_id, frame);
    expect(ACCOUNT, revoke_bind, alice.account + (1ull << 32), 0, alice.env_id, frame);
    expect(CAP_INDEX, revoke_bind, alice.account, AEG_CAPS(31, 0), alice.env_id, frame);
    expect(CAP_INDEX, revoke_bind, alice.account, AEG_CAPS(0, 31), alice.env_id, frame);
    expect(CAP_DENIED, revoke_bind, bob.account, 0, alice.env_id, frame);
    expect(CAP_DENIED, revoke_bind, alice.account, reads, alice.env_id, frame);
    expect(CAP_DENIED, revoke_bind, alice.account, 0, bob.env_id, frame);
    expect(CAP_DENIED, revoke_bind, alice.account, 0, alice.env_id, bobs);
    expect(ENV, revoke_bind, alice.account, 0, alice.env_id + (1ull << 32), frame);
    expect(FRAME, revoke_bind, alice.account, 0, alice.env_id, frame_count);
    expect(FRAME_FREE, revoke_bind, alice.account, AEG_CAPS(0, boss), alice.env_id, free_frame());
    expect(FRAME_NODE, revoke_bind, alice.account, 0, alice.env_id, node);
    expect(FRAME_BUSY, revoke_bind, alice.account, 0, alice.env_id, alice.save);
    expect(FRAME_BUSY, revoke_bind, alice.account, 0, alice.env_id, alice.uenv);
    assert_int_equal(revoke_vector(AEG_ID_INDEX(alice.account)), 0);
    assert_int_equal(frame_at(frame)->refs, 0);
}

static void
a_vector_is_pinned_until_another_takes_its_place(void **state)
{
    aeg_frame_t first = new_frame(&alice), second = new_frame(&alice);

    (void)state;
    expect(OK, revoke_bind, alice.account, 0, alice.env_id, first);
    walk();
    expect(FRAME_BUSY, revoke_bind, alice.account, 0, alice.env_id, first);
    expect(OK, revoke_bind, alice.account, 0, alice.env_id, second);
    assert_int_equal(frame_at(first)->refs, 0);
    expect(OK, revoke_bind, alice.account, 0, 0, 0);
    assert_int_equal(frame_at(second)->refs, 0);
    walk();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_HOG(f) cmocka_unit_test_setup_teardown(f, make, world_end)
        WITH_HOG(nobody_is_asked_while_there_is_enough),
        WITH_HOG(who_is_furthest_over_is_asked_and_told),
        WITH_HOG(without_an_entry_there_are_only_notification_bits),
        WITH_HOG(what_was_asked_and_given_ends_the_request),
        WITH_HOG(who_owes_gets_no_more_than_his_guarantee),
        WITH_HOG(nobody_is_brought_below_who_presses),
        WITH_HOG(what_is_guaranteed_is_never_asked_for),
        WITH_HOG(a_request_that_nobody_presses_for_is_made_anew),
        WITH_HOG(unbound_frames_go_first_and_exactly_as_many_as_were_asked),
        WITH_HOG(bound_frames_leave_every_page_table_before_they_are_anybody_elses),
        WITH_HOG(a_dying_frame_is_bound_by_nobody),
        WITH_HOG(a_large_page_goes_whole),
        WITH_HOG(splitting_behind_the_sweep_saves_nothing),
        WITH_HOG(emptying_entries_before_the_sweep_saves_nothing),
        WITH_HOG(who_did_not_move_entries_keeps_his_spaces),
        WITH_HOG(when_there_is_enough_again_nobody_owes_any_more),
        WITH_HOG(an_account_that_ends_presses_for_nothing),
        WITH_HOG(what_a_device_is_at_work_on_goes_when_it_is_done),
        WITH_HOG(when_frames_do_not_suffice_spaces_are_destroyed),
        WITH_HOG(binding_is_checked),
        WITH_HOG(a_vector_is_pinned_until_another_takes_its_place),
    };

    return cmocka_run_group_tests(tests, world_boot, NULL);
}
