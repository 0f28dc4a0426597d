/*
 * calls.c: calls that make little sense, by two sessions that do not trust each other. See calls.h.
 *
 * Arguments are mostly plausible, since nonsense alone stops at the first check.
 */
#include <string.h>

#include "calls.h"

#define REMEMBERED 64
#define HARD_GUARANTEE 16       /* frames of the accounts of hard times, which have no other bound than memory */
#define HARD_PART 3             /* one in so many worlds has them */
#define HARD_TAKE 16            /* frames at a time, as many as a call makes zero without a break */
#define HARD_STEP_NS 90000000   /* then the clock jumps now and then, so that deadlines pass */

static uint64_t remembered_frames[2][REMEMBERED], remembered_ids[2][REMEMBERED];     /* alice's and bob's */
static unsigned turn;           /* 0: alice's, 1: bob's */
unsigned calls_succeeded[CALLS_TABLE], calls_errors[64];

/* In hard times memory is short: alice's second account has taken what there was, and bob's wants some. */
static bool hard;
static aeg_id_t second[2];      /* accounts: alice's and bob's */
static aeg_frame_t large_first; /* of 512 frames in a row that were alice's; 0: none */

static uint64_t
below(uint64_t n)
{
    return (calls_choice() >> 32) % n;
}

static bool
one_in(unsigned n)
{
    return below(n) == 0;
}

static uint64_t
garbage(void)
{
    static const uint64_t edges[] = { 0, 1, 2, 7, 31, 32, 33, 511, 512, 513, 0xffff, 1ull << 31, UINT32_MAX, 1ull << 32, 1ull << 47,
                                      AEG_LIBRARY_TOP, AEG_USER_TOP, 0xffff800000000000ull, 1ull << 63, UINT64_MAX - 7, UINT64_MAX };

    return one_in(3) ? calls_choice() >> below(64) : edges[below(ARRAY_SIZE(edges))];
}

static uint64_t
any_cap(void)
{
    return one_in(12) ? below(AEG_CAP_MAX + 2) : one_in(60) ? garbage() : 0;
}

static uint64_t
any_caps(void)
{
    return AEG_CAPS(any_cap(), any_cap());
}

static uint64_t
any_rights(void)
{
    return one_in(3) ? AEG_RIGHT_ALL : one_in(30) ? garbage() : below(AEG_RIGHT_ALL + 1);
}

static uint64_t
any_id(uint64_t usual)
{
    return one_in(4) ? remembered_ids[one_in(10) ? !turn : turn][below(REMEMBERED)] : one_in(30) ? garbage() : usual;
}

/* Who pays. */
static uint64_t
any_account(const struct actor *who)
{
    return any_id(hard && one_in(2) ? second[turn] : who->account);
}

static uint64_t
any_frame(void)
{
    return one_in(20) ? below(frame_count + 3) : one_in(100) ? garbage() : remembered_frames[one_in(20) ? !turn : turn][below(REMEMBERED)];
}

/* A few pages under a few nodes, so that calls meet again. */
static uint64_t
any_va(void)
{
    return one_in(60) ? garbage() : (below(2) << 39) + (below(2) << 30) + (below(3) << 21) + (below(5) << 12);
}

static uint64_t
any_va_for(unsigned level)
{
    return any_va() & ~((1ull << (12 + 9 * (level & 3))) - 1);
}

static uint64_t
any_pte(void)
{
    uint64_t bits = calls_choice() & (AEG_PTE_W | AEG_PTE_U | AEG_PTE_A | AEG_PTE_D | AEG_PTE_SW | AEG_PTE_NX);

    if (one_in(50))
        return garbage();
    return one_in(4) ? bits & AEG_PTE_SW : any_frame() << FRAME_SHIFT | bits | AEG_PTE_P;
}

static uint64_t
any_large_pte(void)
{
    return large_first << FRAME_SHIFT | (any_pte() & ~AEG_PTE_ADDR) | AEG_PTE_P;
}

static uint64_t
any_count(unsigned usual)
{
    return one_in(40) ? garbage() : below(usual) + 1;
}

static uint64_t
any_pointer(const void *usual)
{
    return one_in(40) ? garbage() : one_in(40) ? USER_END - below(64) : USER_AT(usual);
}

static void
remember(uint64_t list[2][REMEMBERED], uint64_t v)
{
    list[turn][below(REMEMBERED)] = v;
}

/* ---- the calls ---- */

static uint64_t *const words = (uint64_t *)(void *)fake_user;

static void
fill_frames(unsigned n, bool wish)
{
    for (unsigned i = 0; i < n; i++)
        words[i] = wish && !one_in(20) ? 0 : any_frame();
}

static int
random_frames(const struct actor *who, unsigned kind)
{
    int err;

    fill_frames(600, kind == 0);
    if (kind == 1)
        return call(frame_free, any_cap(), any_pointer(words), any_count(one_in(10) ? 40 : 3));
    if (kind == 2)
        return call(frame_guard, any_cap(), any_cap(), any_pointer(words), any_count(20));
    err = call(frame_alloc, any_account(who), any_cap(), any_cap(), any_count(4), any_pointer(words));
    for (uint64_t i = 0; i < value && i < AEG_VECTOR_MAX; i++)
        remember(remembered_frames, words[i] & ~AEG_FRAME_ZERO);
    return err;
}

static int
random_pte_set(const struct actor *who)
{
    struct aeg_pte_op *ops = (void *)fake_user;

    for (unsigned i = 0; i < 40; i++)
        ops[i] = (struct aeg_pte_op){ any_va() + (one_in(20) ? 1 : one_in(100) ? below(4096) : 0), any_pte() };
    if (large_first != 0 && one_in(8))
        ops[below(40)] = (struct aeg_pte_op){ any_va_for(1) + 1, any_large_pte() };
    return call(pte_set, any_id(who->space_id), any_caps(), any_pointer(ops), any_count(40));
}

static int
random_pte_copy(const struct actor *who)
{
    struct aeg_pte_range *r = (void *)fake_user;

    for (unsigned i = 0; i < 4; i++)
        r[i] = (struct aeg_pte_range){ .src_va = any_va(), .dst_va = any_va(), .pages = any_count(1200), .done = one_in(20) ? garbage() : 0,
                                       .clear_src = one_in(2) ? AEG_PTE_W : 0, .set_src = one_in(40) ? garbage() : AEG_PTE_SW,
                                       .clear_dst = one_in(40) ? garbage() : AEG_PTE_W, .set_dst = one_in(2) ? AEG_PTE_NX : 0 };
    return call(pte_copy, any_id(who->space_id), any_cap(), any_id(who->space_id), any_cap(), any_pointer(r), any_count(4));
}

static int
random_pte_clear(const struct actor *who)
{
    uint64_t va = any_va();

    return call(pte_clear, any_id(who->space_id), any_caps(), va, any_count(one_in(2) ? 4 : 512), one_in(40) ? garbage() : one_in(2) ? AEG_PTE_SW : 0,
                any_pointer(words));
}

static int
random_pt(const struct actor *who, bool attach)
{
    unsigned level = one_in(50) ? below(16) : 1 + below(3);

    if (!attach)
        return call(pt_detach, any_id(who->space_id), any_caps(), any_va_for(level) | level);
    return call(pt_attach, any_id(who->space_id), any_caps(), any_va_for(level),
                level | (one_in(2) ? AEG_ATTACH_WRITE : 0) | (one_in(4) ? AEG_ATTACH_SPLIT : 0), any_frame());
}

static int
random_create(const struct actor *who, unsigned kind)
{
    struct aeg_env_args *a = (void *)fake_user;
    struct aeg_limits *l = (void *)fake_user;
    int err;

    if (kind == 0) {
        *a = (struct aeg_env_args){ .uenv_frame = any_frame(), .save_frame = any_frame(), .uenv_va = any_va(), .rip = any_va(), .rsp = any_va() };
        err = call(env_create, any_account(who), any_cap(), any_cap(), any_id(who->space_id), any_pointer(a));
    } else if (kind == 1) {
        err = call(space_create, any_account(who), any_cap(), any_cap(), any_frame());
    } else {
        for (unsigned k = 0; k < AEG_KINDS; k++)
            l->guarantee[k] = one_in(50) ? garbage() : 0, l->limit[k] = one_in(50) ? garbage() : below(20);
        err = call(account_create, any_account(who), any_cap(), any_cap(), any_pointer(l));
    }
    if (err == AEG_OK)
        remember(remembered_ids, value);
    return err;
}

/* What the sessions themselves are made of stays theirs: they are to be there in the end. */
static bool
is_of(const struct actor *a, uint64_t id)
{
    return id == a->account || id == a->space_id || id == a->env_id;
}

static int
random_guard(const struct actor *who)
{
    uint64_t kind = one_in(20) ? garbage() : (uint64_t[]){ AEG_KIND_SPACE, AEG_KIND_ENV, AEG_KIND_ACCOUNT }[below(3)];
    uint64_t id = any_id(kind == AEG_KIND_SPACE ? who->space_id : kind == AEG_KIND_ENV ? who->env_id : hard ? second[turn] : who->account);

    return call(guard_set, kind, id, is_of(&alice, id) || is_of(&bob, id) ? 0 : any_caps());
}

static int
random_cap(const struct actor *who, unsigned kind)
{
    switch (kind) {
    case 0: return call(cap_forge, any_cap(), one_in(3) ? 0 : one_in(20) ? garbage() : below(0x8000), any_rights());
    case 1: return call(cap_drop, 1 + any_cap());
    case 2: return call(cap_grant, any_cap(), any_id(who->space_id), any_cap(), any_rights());
    case 3: return call(cap_revoke, 1 + below(AEG_CAP_MAX));
    default: return call(cap_list, any_pointer(words), any_count(AEG_CAP_MAX));
    }
}

static uint64_t
any_deadline(void)
{
    return one_in(4) ? garbage() : machine.now_ns + below(9000);
}

/* An env of the actor's space in that state, with a call in hand or not. NULL: there is none. */
static struct env *
own_env(const struct actor *who, enum aeg_env_state state_wanted, bool called)
{
    uint32_t first = below(ENV_MAX);

    for (uint32_t i = 0; i < ENV_MAX; i++) {
        struct env *e = env_table() + (first + i) % ENV_MAX;
        if (e->id != 0 && e->space == who->space && e->state == state_wanted && (e->pct_caller != 0 || !called))
            return e;
    }
    return NULL;
}

/* Often another env than the actor's first makes the call, so that there is somebody to enter and to be entered by. */
static void
as_another_env(const struct actor *who)
{
    struct actor other = *who;
    struct env *called = own_env(who, AEG_ENV_READY, true);

    other.env = called && one_in(2) ? called : own_env(who, AEG_ENV_READY, false);
    other.env->uenv->gate_entry = one_in(20) ? garbage() : 0x700000;
    act_as(&other);
}

static uint64_t
any_gate(const struct actor *who)
{
    const struct env *e = own_env(who, AEG_ENV_GATE, false);

    return any_id(e ? e->id : who->env_id);
}

/* Half of those that get in are answered at once, as most are. */
static int
random_pct_call(const struct actor *who)
{
    int err = call(pct_call, any_gate(who), any_cap(), one_in(2) ? AEG_WAIT_FOREVER : any_deadline());

    if (err != SWITCHED || one_in(2))
        return err;
    walk();
    assert_int_equal(call(pct_reply, 0), SWITCHED);
    calls_succeeded[AEG_SYS_pct_reply - AEG_SYS_BASE]++;
    return err;
}

static int
random_env(const struct actor *who, unsigned nr)
{
    if (nr >= AEG_SYS_gate_open)
        as_another_env(who);
    switch (nr) {
    case AEG_SYS_yield: return call(yield, one_in(3) ? 0 : any_id(who->env_id), any_cap());
    case AEG_SYS_wait: return call(wait, calls_choice(), any_deadline(), one_in(3) ? 0 : any_id(who->env_id), any_cap());
    case AEG_SYS_notify: return call(notify, any_id(who->env_id), any_cap(), calls_choice());
    case AEG_SYS_gate_open: return call(gate_open, any_cap());
    case AEG_SYS_pct_call: return random_pct_call(who);
    case AEG_SYS_pct_send: return call(pct_send, any_gate(who), any_cap());
    case AEG_SYS_pct_reply: return call(pct_reply, 0);
    case AEG_SYS_pct_reply_wait: return call(pct_reply_wait, calls_choice(), any_deadline());
    case AEG_SYS_env_destroy: return call(env_destroy, any_id(who->env_id), any_cap());
    default: return call(slice_set, one_in(20) ? garbage() : 0, one_in(20) ? garbage() : below(AEG_SLICE_POSITIONS),
                         one_in(3) ? 0 : any_id(who->env_id), AEG_CAPS(1, any_cap()));
    }
}

static int
random_call(const struct actor *who, unsigned nr)
{
    switch (nr) {
    case AEG_SYS_null: return call(null, 0);
    case AEG_SYS_cap_forge: return random_cap(who, 0);
    case AEG_SYS_cap_drop: return random_cap(who, 1);
    case AEG_SYS_cap_grant: return random_cap(who, 2);
    case AEG_SYS_cap_revoke: return random_cap(who, 3);
    case AEG_SYS_cap_list: return random_cap(who, 4);
    case AEG_SYS_account_create: return random_create(who, 2);
    case AEG_SYS_account_end: return call(account_end, any_account(who), any_cap());
    case AEG_SYS_frame_alloc: return random_frames(who, 0);
    case AEG_SYS_frame_free: return random_frames(who, 1);
    case AEG_SYS_frame_guard: return random_frames(who, 2);
    case AEG_SYS_space_create: return random_create(who, 1);
    case AEG_SYS_space_destroy: return call(space_destroy, any_id(who->space_id), any_cap());
    case AEG_SYS_pt_attach: return random_pt(who, true);
    case AEG_SYS_pt_detach: return random_pt(who, false);
    case AEG_SYS_pte_set: return random_pte_set(who);
    case AEG_SYS_pte_copy: return random_pte_copy(who);
    case AEG_SYS_pte_clear: return random_pte_clear(who);
    case AEG_SYS_env_create: return random_create(who, 0);
    case AEG_SYS_guard_set: return random_guard(who);
    case AEG_SYS_revoke_bind: return call(revoke_bind, any_account(who), AEG_CAPS(any_cap(), any_cap()),
                                          one_in(4) ? 0 : any_id(who->env_id), any_frame());
    default: return random_env(who, nr);
    }
}

/* How often each call comes: growing ones more often than shrinking ones. */
static unsigned
any_call(void)
{
    static const uint8_t often[] = { AEG_SYS_frame_alloc & 31, AEG_SYS_pte_set & 31, AEG_SYS_pt_attach & 31, AEG_SYS_pte_copy & 31,
                                     AEG_SYS_pt_attach & 31, AEG_SYS_pte_set & 31, AEG_SYS_frame_alloc & 31, AEG_SYS_space_create & 31 };

    uint64_t any = below(CALLS_CORE + CALLS_GATE);

    if (one_in(60))
        return AEG_SYS_revoke_bind;
    if (one_in(60))
        return AEG_SYS_pte_clear;
    if (one_in(60))
        return AEG_SYS_guard_set;
    if (any >= CALLS_CORE)
        return AEG_SYS_gate_open + any - CALLS_CORE;
    return AEG_SYS_BASE + (one_in(2) ? often[below(ARRAY_SIZE(often))] : any);
}

/* Whatever happened before, the actor runs, holds its principal, and a position of the CPU as capability 1. */
static void
take_turn(const struct actor *who, const struct aeg_cap *self, const struct aeg_cap *cpu)
{
    if (who->env->pct_callee)
        pct_fail(who->env, AEG_ERR_TIMEOUT);
    env_set_state(who->env, AEG_ENV_READY);
    act_as(who);
    who->space->cap[0] = *self;
    who->space->cap[1] = *cpu;
    who->space->mask[0] = name_mask(self->length);
    who->space->mask[1] = name_mask(cpu->length);
}

static aeg_id_t
make_second(const struct actor *owner)
{
    struct aeg_limits *l = (void *)fake_user;
    aeg_id_t id;
    uint64_t cap;

    act_as(&root);
    assert_int_equal(call(cap_forge, 0, owner->component, AEG_RIGHT_ALL), AEG_OK);
    cap = value;
    for (unsigned k = 0; k < AEG_KINDS; k++)
        l->guarantee[k] = 0, l->limit[k] = 10;
    l->guarantee[AEG_KIND_FRAME] = HARD_GUARANTEE;
    l->limit[AEG_KIND_FRAME] = account_at(0)->limits.limit[AEG_KIND_FRAME];
    assert_int_equal(call(account_create, root.account, 0, cap, USER_AT(l)), AEG_OK);
    id = value;
    assert_int_equal(call(cap_drop, cap), AEG_OK);
    return id;
}

static aeg_frame_t
find_large(void)
{
    for (aeg_frame_t first = PT_ENTRIES; first + PT_ENTRIES <= frame_count; first += PT_ENTRIES) {
        unsigned n = 0;

        while (n < PT_ENTRIES && frame_at(first + n)->account == AEG_ID_INDEX(second[0]) && frame_at(first + n)->type == AEG_FRAME_PLAIN)
            n++;
        if (n == PT_ENTRIES)
            return first;
    }
    return 0;
}

/* Alice binds what her second account has: in the places where the calls happen. */
static void
map_frames(const aeg_frame_t *frame, unsigned n)
{
    struct aeg_pte_op *ops = (void *)fake_user;

    for (unsigned i = 0, block = 0; i < n; block++) {
        uint64_t va = (uint64_t)(block & 1) << 39 | (uint64_t)(block >> 1 & 1) << 30 | (uint64_t)(block >> 2) << 21;
        unsigned part = MIN(n - i, PT_ENTRIES);

        new_path(&alice, va);
        for (unsigned k = 0; k < part; k++)
            ops[k] = (struct aeg_pte_op){ va + k * FRAME_SIZE, pte_of(frame[i + k], AEG_PTE_W) };
        assert_int_equal(call(pte_set, alice.space_id, AEG_CAPS(0, 0), USER_AT(ops), part), AEG_OK);
        i += part;
    }
}

static void
attach(aeg_id_t space, uint64_t va, unsigned level, aeg_frame_t frame)
{
    assert_int_equal(call(pt_attach, space, AEG_CAPS(0, 0), va, level | AEG_ATTACH_WRITE, frame), AEG_OK);
}

/* Or they are the page tables of a space of its own, with which they go or not at all. */
static void
make_nodes(const aeg_frame_t *frame, unsigned n)
{
    aeg_id_t space;
    uint64_t va = 0;

    assert_int_equal(call(space_create, second[0], 0, 0, frame[0]), AEG_OK);
    space = value;
    remember(remembered_ids, space);
    attach(space, va, 3, frame[1]);
    for (unsigned i = 2; i < n; va += 1ull << 21) {
        if (va % (1ull << 30) == 0)
            attach(space, va, 2, frame[i++]);
        if (i < n)
            attach(space, va, 1, frame[i++]);
    }
}

static void
hard_times(void)
{
    static aeg_frame_t taken[FAKE_RAM_BYTES / FRAME_SIZE];
    uint64_t room, left = revoke_low + below(64);
    unsigned n = 0;

    second[0] = make_second(&alice);
    second[1] = make_second(&bob);
    turn = 0;
    act_as(&alice);
    while ((room = info->frames_free - account_at(0)->promised[AEG_KIND_FRAME]) > left) {
        memset(words, 0, HARD_TAKE * sizeof(*words));
        assert_int_equal(call(frame_alloc, second[0], 0, 0, MIN(room - left, HARD_TAKE), USER_AT(words)), AEG_OK);
        remember(remembered_frames, words[0] & ~AEG_FRAME_ZERO);
        for (uint64_t i = 0; i < value; i++)
            taken[n++] = words[i] & ~AEG_FRAME_ZERO;
    }
    large_first = find_large();
    if (one_in(3))
        make_nodes(taken, n);
    else
        map_frames(taken, one_in(4) ? below(n) : n);
}

void
calls_begin(struct calls *c)
{
    memset(remembered_frames, 0, sizeof(remembered_frames));
    memset(remembered_ids, 0, sizeof(remembered_ids));
    large_first = 0;
    hard = one_in(HARD_PART);
    if (hard)
        hard_times();
    c->self[0] = alice.space->cap[0];
    c->self[1] = bob.space->cap[0];
    c->cpu = (struct aeg_cap){ { AEG_GUARD_CPU_HI(0), 0 }, 3, AEG_RIGHT_WRITE };
}

void
calls_one(const struct calls *c)
{
    const struct actor *who = one_in(2) ? &alice : &bob;
    unsigned nr = any_call();
    int err;

    turn = who == &bob;
    take_turn(who, &c->self[turn], &c->cpu);
    err = random_call(who, nr);
    machine.now_ns += hard && one_in(20) ? below(HARD_STEP_NS) : below(3000);
    assert_true(err == SWITCHED || (err >= 0 && err <= AEG_ERR_UNSUPPORTED));
    if (err == AEG_OK || err == SWITCHED)
        calls_succeeded[nr - AEG_SYS_BASE]++;
    else
        calls_errors[err]++;
}

void
calls_end(void)
{
    assert_true(alice.space->id == alice.space_id && bob.space->id == bob.space_id);
    assert_true(alice.env->id == alice.env_id && bob.env->id == bob.env_id);
}
