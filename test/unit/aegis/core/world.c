/*
 * world.c: the booted machine of the core tests. See world.h.
 */
#include <string.h>

#include "world.h"
#include "core/first.h"
#include "core/info.h"
#include "core/tlb.h"
#include "core/turn.h"
#include "core/trace.h"
#include "dev/dev.h"

struct actor alice = { .component = 0x100 }, bob = { .component = 0x200 }, root;
uint64_t value;
static uint64_t frames_at_boot;

/* Weak: a test that links only part of the kernel has the rest of the table empty. */
#define AEG_SYSCALL(number, name, argc, needs) aeg_err_t sys_##name(struct sys_args *args) __attribute__((weak));
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
static sys_handler *const table[] = {
#define AEG_SYSCALL(number, name, argc, needs) [number] = sys_##name,
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

#ifndef WORLD_CPUS
#define WORLD_CPUS 1
#endif

void
dev_slice_begin(void)
{
}

bool
dev_poll(void)
{
    return false;
}

uint64_t
dev_poll_tsc(void)
{
    return UINT64_MAX;
}

void
blockq_release_space(aeg_id_t space)
{
    (void)space;
}

bool
ring_release_space(aeg_id_t space)
{
    (void)space;
    return true;
}

void
blockq_release_account(aeg_id_t account)
{
    (void)account;
}

bool
ring_release_account(aeg_id_t account)
{
    (void)account;
    return true;
}

void
slot_release_account(aeg_id_t account)
{
    (void)account;
}

void
blockq_release_dying(void)
{
}

bool
ring_release_dying(void)
{
    return true;
}

void
blockq_revoke(const struct aeg_cap *cap, aeg_id_t space)
{
    (void)cap;
    (void)space;
}

void
ring_revoke(const struct aeg_cap *cap, aeg_id_t space)
{
    (void)cap;
    (void)space;
}

/* ---- calls ---- */

aeg_err_t
sys_null(struct sys_args *args)
{
    (void)args;
    return AEG_OK;
}

typedef aeg_err_t switching(struct call_frame *f, const struct callee_saved *saved);
switching env_yield, env_wait, env_pct_call, env_pct_send, env_pct_reply, env_pct_reply_wait;

/* As entry.asm does for the calls that may not return. */
static aeg_err_t
switching_call(struct sys_args *args, switching *handler)
{
    static const struct callee_saved saved = { 0xb0, 0xb1, 0x12, 0x13, 0x14, 0x15 };
    struct call_frame f = { *args, 0x202, 0x401000, 0x7000 };
    aeg_err_t err = handler(&f, &saved);

    args->value = f.args.value;
    return err;
}

#define SWITCHING(name) \
    aeg_err_t \
    sys_##name(struct sys_args *args) \
    { \
        return switching_call(args, env_##name); \
    }
SWITCHING(yield)
SWITCHING(wait)
SWITCHING(pct_call)
SWITCHING(pct_send)
SWITCHING(pct_reply)
SWITCHING(pct_reply_wait)

int
call_args(enum aeg_sys nr, const uint64_t *args)
{
    static struct sys_args a;
    static int err;

    memset(&a, 0, sizeof(a));
    memcpy(a.a, args, sizeof(a.a));
    machine.armed = true;
    if (setjmp(machine.left) == 0) {
        if (cpus_many)
            call_begin(nr - AEG_SYS_BASE);
        err = table[nr - AEG_SYS_BASE](&a);
        turn_end(&cpus[0]);
    } else {
        err = SWITCHED;
    }
    assert_int_equal(cpus[0].turn, TURN_NONE);
    machine.armed = false;
    value = a.value;
    assert_int_equal(cpus[0].locks_held, 0);
    asserted_call(table[nr - AEG_SYS_BASE], err);
    return err;
}

void
act_as(const struct actor *who)
{
    cpus[0].env = who->env;
    cpus[0].uenv = who->env->uenv;
    if (cpus_many) {
        if (cpus[0].occupant)
            cpus[0].occupant->on_cpu = 0;
        cpus[0].occupant = who->env;
        who->env->on_cpu = 1;
    }
    tlb_load(&cpus[0], who->space);
}

void
world_turn(void)
{
    if (cpus_many)
        turn_alone(&cpus[0]);
}

void
world_tlb(enum world_tlb kind)
{
    static struct tlb_place places[SPACE_MAX];

    memset(places, 0, sizeof(places));
    cpus[0].tlb = kind == TLB_PLAIN ? NULL : places;
    tlb_tagged = tlb_elsewhere = kind != TLB_PLAIN;
    tlb_single = kind == TLB_TAGGED_SINGLE;
    machine_tlb_empty();
    if (cpus[0].space)
        tlb_load(&cpus[0], cpus[0].space);
}

const struct aeg_cap *
cap_at(uint32_t index)
{
    return &space_current()->cap[index];
}

/* ---- shorthands ---- */

aeg_frame_t
new_frame(const struct actor *who)
{
    USER_WORDS[0] = 0;
    expect(OK, frame_alloc, who->account, 0, 0, 1, USER_AT(USER_WORDS));
    return USER_WORDS[0] & ~AEG_FRAME_ZERO;
}

aeg_frame_t
new_path(const struct actor *who, uint64_t va)
{
    aeg_frame_t node = 0;

    for (unsigned level = 3; level >= 1; level--) {
        uint64_t base = va & ~((1ull << (12 + 9 * level)) - 1);
        if (pt_walk(who->space, va, level, &node))
            continue;
        node = new_frame(who);
        expect(OK, pt_attach, who->space_id, AEG_CAPS(0, 0), base, level | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, node);
    }
    return node;
}

int
set_pte(const struct actor *who, uint64_t va, uint64_t pte)
{
    struct aeg_pte_op *op = (void *)fake_user;
    int err;

    op->va = va;
    op->pte = pte;
    err = call(pte_set, who->space_id, AEG_CAPS(0, 0), USER_AT(op), 1);
    value = op->pte;
    return err;
}

uint64_t
get_pte(const struct actor *who, uint64_t va, unsigned level)
{
    aeg_frame_t node;
    uint64_t *entry = pt_walk(who->space, va, level, &node);

    return entry ? *entry : 0;
}

uint32_t
lend(const struct actor *owner, const struct actor *to, uint32_t rights)
{
    struct env *was = cpus[0].env;
    uint32_t mine, theirs;

    act_as(&root);
    expect(OK, cap_forge, 0, owner->component, rights | AEG_RIGHT_GRANT);
    mine = value;
    expect(OK, cap_grant, mine, to->space_id, 0, rights);
    theirs = value;
    expect(OK, cap_drop, mine);
    cpus[0].env = was;
    cpus[0].uenv = was->uenv;
    tlb_load(&cpus[0], was->space);
    return theirs;
}

unsigned
destroy_space(aeg_id_t id, uint32_t cap)
{
    unsigned steps = 1;

    while (call(space_destroy, id, cap) == AEG_ERR_AGAIN)
        assert_true(steps++ < 10000);
    assert_null(space_find(id));
    return steps;
}

static aeg_id_t
make_env(const struct actor *payer, aeg_id_t space, uint32_t guard_cap, aeg_frame_t *uenv, aeg_frame_t *save)
{
    struct aeg_env_args *args = (void *)fake_user;

    *uenv = new_frame(payer);
    *save = new_frame(payer);
    memset(frame_map(*uenv), 0, FRAME_SIZE);
    *args = (struct aeg_env_args){ .uenv_frame = *uenv, .save_frame = *save, .uenv_va = 0x10000, .rip = 0x400000, .rsp = 0x7ff0,
                                   .arg = { 11, 22 } };
    expect(OK, env_create, payer->account, 0, guard_cap, space, USER_AT(args));
    return value;
}

struct env *
new_env(const struct actor *who)
{
    aeg_frame_t uenv, save;

    return env_find(make_env(who, who->space_id, 0, &uenv, &save));
}

struct env *
env_table(void)
{
    return root.env - AEG_ID_INDEX(root.env_id);
}

/* ---- boot ---- */

/* The smallest exos.img: one page of code. */
static void
write_image(uint8_t *image)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    uint64_t entry = 0x400000, phoff = 64, segment[7] = { 1 | 5ull << 32, 0, 0x400000, 0, 120, FRAME_SIZE + 10, FRAME_SIZE };
    uint16_t phentsize = 56, phnum = 1;

    memcpy(image, ident, 16);
    memcpy(image + 24, &entry, 8);
    memcpy(image + 32, &phoff, 8);
    memcpy(image + 54, &phentsize, 2);
    memcpy(image + 56, &phnum, 2);
    memcpy(image + 64, segment, sizeof(segment));
}

int
world_boot(void **state)
{
    (void)state;
    machine_describe("exos.img", FRAME_SIZE);
    write_image(fake_ram + boot_info.module[0].base);
    frame_init();
    info_init();
    info->cpu_count = WORLD_CPUS;
    cpus_many = WORLD_CPUS > 1;
    for (uint32_t i = 0; i < WORLD_CPUS; i++)
        cpus[i] = (struct cpu){ .self = &cpus[i], .index = i, .user_top = AEG_USER_TOP, .idle = i != 0 };
    turn_alone(&cpus[0]);       /* as the boot CPU is */
    trace_init();
    account_init();
    account_pool(AEG_KIND_SLOT, 255, 0);    /* as a disk with a table would */
    account_pool(AEG_KIND_FILTER, 1024, 0); /* as a network interface would */
    space_init();
    env_init();
    slice_init();
    tlb_init();
    info_seal();
    frame_seal();
    revoke_init();
    first_env();
    machine.armed = true;
    if (setjmp(machine.left) == 0)
        sched_run();
    machine.armed = false;
    root.env = cpus[0].env;
    root.env_id = root.env->id;
    root.space = root.env->space;
    root.space_id = root.space->id;
    root.account = info->root_account;
    walk();
    return 0;
}

static void
make_actor(struct actor *who)
{
    struct aeg_limits *limits = (void *)fake_user;
    struct actor payer = root;
    uint32_t cap;

    expect(OK, cap_forge, 0, who->component, AEG_RIGHT_ALL);
    cap = value;
    for (unsigned k = 0; k < AEG_KINDS; k++)
        limits->guarantee[k] = limits->limit[k] = 20;
    limits->guarantee[AEG_KIND_QUEUE] = 10;
    limits->guarantee[AEG_KIND_FRAME] = limits->limit[AEG_KIND_FRAME] = ACTOR_FRAMES;
    expect(OK, account_create, root.account, 0, cap, USER_AT(limits));
    who->account = payer.account = value;
    who->pml4 = new_frame(&payer);
    expect(OK, space_create, who->account, 0, cap, who->pml4);
    who->space_id = value;
    who->space = space_find(value);
    expect(OK, cap_grant, cap, who->space_id, 0, AEG_RIGHT_ALL);
    who->env_id = make_env(&payer, who->space_id, cap, &who->uenv, &who->save);
    who->env = env_find(who->env_id);
    USER_WORDS[0] = who->pml4;
    USER_WORDS[1] = who->uenv;
    USER_WORDS[2] = who->save;
    expect(OK, frame_guard, 0, cap, USER_AT(USER_WORDS), 3);
    expect(OK, cap_drop, cap);
}

int
world_make(void **state)
{
    (void)state;
    machine.read_only_from = 0;
    machine.flushed_all = machine.flushed_pages = 0;
    machine.now_ns += 1000000000;
    cpus[0].in_grace = false;
    cpus[0].slice_end_tsc = machine.now_ns + 5000000;
    act_as(&root);
    frames_at_boot = info->frames_free;
    make_actor(&alice);
    make_actor(&bob);
    act_as(&alice);
    walk();
    return 0;
}

/* ---- the end of everything that a test left behind ---- */

int
end_account(aeg_id_t id, uint32_t cap)
{
    unsigned steps = 0;
    int err;

    while ((err = call(account_end, id, cap)) == AEG_ERR_AGAIN)
        assert_true(steps++ < 10000);
    return err;
}

static void
end_accounts(void)
{
    for (uint32_t i = 1; i < ACCOUNT_MAX; i++)
        if (account_at(i)->id != 0)
            assert_int_equal(end_account(account_at(i)->id, 0), AEG_OK);
}

/* Frames that others had bound when their account ended are root's. */
static void
free_inherited(void)
{
    for (aeg_frame_t f = 1; f < frame_count; f++) {
        if (frame_at(f)->type != AEG_FRAME_PLAIN || !(frame_at(f)->flags & AEG_FRAME_INHERITED))
            continue;
        USER_WORDS[0] = f;
        expect(OK, frame_free, 0, USER_AT(USER_WORDS), 1);
    }
}

int
world_end(void **state)
{
    (void)state;
    walk();
    act_as(&root);
    slice_give_all(root.env);
    root.env->runner = 0;
    for (uint32_t i = 0; i < ENV_MAX; i++) {
        struct env *e = env_table() + i;
        if (e->id != 0 && e != root.env)
            expect(OK, env_destroy, e->id, 0);
    }
    for (uint32_t i = 0; i < SPACE_MAX; i++)
        if (space_at(i)->id != 0 && space_at(i) != root.space)
            destroy_space(space_at(i)->id, 0);
    end_accounts();
    free_inherited();
    for (uint32_t i = 1; i < AEG_CAP_MAX; i++)
        (void)!call(cap_drop, i);
    walk();
    assert_int_equal(info->frames_free, frames_at_boot);
    return 0;
}
