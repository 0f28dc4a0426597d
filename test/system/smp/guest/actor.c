/*
 * actor.c: envs of a test on several CPUs, and the spaces they live in. A fault of theirs ends the access that made it, and no more.
 */
#include "actor.h"

struct actor actors[ACTORS];

/* At the fault's handler: rsp is the handler's; where to go on lies in the library's part of the UENV (gs:0x800), the stack in its frame. */
__asm__(".text\non_fault:\n"
        "    mov %gs:0x120, %rsp\n    lock decl %gs:0\n    jmp *%gs:0x800\n");
extern char on_fault[];

bool
poke(volatile uint64_t *p, uint64_t v)
{
    uint64_t good;

    __asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, %%gs:0x800\n\tmov %2, (%1)\n\tmov $1, %0\n\tjmp 2f\n1:\txor %0, %0\n2:"
                     : "=&b"(good) : "D"(p), "S"(v) : "rax", "rcx", "r11", "memory", "cc");
    return good;
}

bool
peek(const volatile uint64_t *p, uint64_t *v)
{
    uint64_t good, got = 0;

    __asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, %%gs:0x800\n\tmov (%2), %1\n\tmov $1, %0\n\tjmp 2f\n1:\txor %0, %0\n2:"
                     : "=&b"(good), "+&d"(got) : "D"(p) : "rax", "rcx", "r11", "memory", "cc");
    *v = got;
    return good;
}

uint64_t
random_next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;    /* Knuth, MMIX */
    return *seed >> 33;
}

static aeg_frame_t
frame_of(const void *p, unsigned level)
{
    return (*(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)(uintptr_t)p, level) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

aeg_frame_t
frame_new(aeg_id_t account)
{
    aeg_frame_t frame = 0;
    uint64_t done = 0;

    if (aeg_frame_alloc(account, ROOT, ROOT, 1, &frame, &done) != AEG_OK)
        return 0;
    return frame & ~AEG_FRAME_ZERO;
}

bool
frame_end(aeg_frame_t frame)
{
    uint64_t done;

    return aeg_frame_free(ROOT, &frame, 1, &done) == AEG_OK;
}

aeg_err_t
entry_set(aeg_id_t space, uint64_t va, uint64_t pte)
{
    struct aeg_pte_op op = { va, pte };
    uint64_t done;

    return aeg_pte_set(space, AEG_CAPS(ROOT, ROOT), &op, 1, &done);
}

aeg_id_t
space_new(aeg_id_t account)
{
    uint32_t own = AEG_ATTACH_WRITE;
    aeg_frame_t pml4 = frame_new(account);
    aeg_id_t space;
    uint64_t index = 99;

    if (aeg_space_create(account, ROOT, ROOT, pml4, &space) != AEG_OK)
        return 0;
    if (aeg_cap_grant(ROOT, space, ROOT, AEG_RIGHT_ALL, &index) != AEG_OK || index != ROOT)
        return 0;
    if (aeg_pt_attach(space, AEG_CAPS(ROOT, ROOT), 0, 3 | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, frame_of((void *)0, 4)) != AEG_OK)
        return 0;
    for (uint32_t level = 3; level >= 1; level--)
        if (aeg_pt_attach(space, AEG_CAPS(ROOT, ROOT), REGION, level | own, frame_new(account)) != AEG_OK)
            return 0;
    return space;
}

aeg_id_t
account_new(void)
{
    struct aeg_limits limits = { { 0 }, { 2000, 8, 16, 0, 0, 0, 0 } };
    aeg_id_t id;

    return aeg_account_create(AEG_INFO->root_account, ROOT, ROOT, &limits, &id) == AEG_OK ? id : 0;
}

bool
actor_make(struct actor *a, unsigned number, aeg_id_t account, aeg_id_t space, void (*run)(struct actor *a))
{
    struct aeg_env_args args = { .uenv_va = (uintptr_t)&a->uenv, .rip = (uintptr_t)run, .arg = { (uintptr_t)a } };

    for (unsigned i = 0; i < PAGE / 8; i++)
        ((volatile uint64_t *)&a->uenv)[i] = 0;
    a->uenv.fault_entry = (uintptr_t)on_fault;
    for (unsigned i = 0; i < AEG_UENV_DEPTH; i++)
        a->uenv.frame[i].handler_rsp = (uintptr_t)a->handler_stack + sizeof(a->handler_stack);
    a->stack[0] = a->handler_stack[0] = 0;
    a->account = account;
    a->space = space;
    a->number = number;
    a->cap = ROOT;
    a->seed = number * 77 + 1;
    a->done = a->errors = a->refused = a->line = 0;
    args.uenv_frame = frame_of(&a->uenv, 1);
    args.save_frame = frame_new(account);
    args.rsp = (uintptr_t)a->stack + sizeof(a->stack) - 8;
    return aeg_env_create(account, ROOT, ROOT, space, &args, &a->env) == AEG_OK;
}

bool
actor_on(const struct actor *a, uint32_t cpu, uint32_t position)
{
    return aeg_slice_set(cpu, position, a ? a->env : 0, AEG_CAPS(ROOT, ROOT)) == AEG_OK;
}

bool
actor_end(struct actor *a)
{
    return aeg_env_destroy(a->env, ROOT) == AEG_OK;
}

bool
account_over(aeg_id_t account)
{
    aeg_err_t err;

    do
        err = aeg_account_end(account, ROOT);
    while (err == AEG_ERR_AGAIN);
    return err == AEG_OK;
}
