/* envs.c: a second env in a space of its own, which waits, is notified, and yields. */
#include <aegis/uenv.h>

#include "example.h"

#define BIT 4u
#define MS 1000000ull

/* What both spaces see: the program's data lies in a part of the page tables that they share. */
static struct {
    aeg_id_t space, env, parent;
    aeg_frame_t pml4, save;
    volatile uint64_t deadline_ns, bits, rounds;
    volatile aeg_err_t err;
} child;
static struct aeg_uenv child_uenv __attribute__((aligned(4096)));
static uint8_t child_stack[8192] __attribute__((aligned(16)));

/* example: wait */
/* The child: sleeps until a bit of its mask is set or the deadline is past, and hands the CPU to its parent in both cases. */
static void
child_main(void)
{
    uint64_t bits;

    for (;;) {
        child.err = aeg_wait(BIT, child.deadline_ns, child.parent, 0, &bits);
        child.bits = bits;
        __atomic_and_fetch(&child_uenv.notify, ~bits, __ATOMIC_SEQ_CST);     /* bits stay until they are cleared */
        child.rounds++;
        (void)aeg_yield(child.parent, 0);
    }
}
/* end */

/* example: space_create */
/* A space in which the program's own slot 0 (text, data, heap) hangs too: one pt_attach, whatever is below it. */
static void
make_space(void)
{
    uint64_t entry = *(volatile uint64_t *)(uintptr_t)aeg_window_entry(0, 4);

    child.pml4 = take_frame();
    must(aeg_space_create(self.account, CAP_SELF, CAP_SELF, child.pml4, &child.space), "space_create");
    must(aeg_pt_attach(child.space, AEG_CAPS(CAP_SELF, CAP_SELF), 0, 3 | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC,
                       (entry & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT), "pt_attach");
}
/* end */

/* example: cap_grant */
/* A new space has no capabilities. This one may yield to us and notify us, and nothing else. */
static void
let_it_yield(void)
{
    uint64_t index;

    must(aeg_cap_grant(CAP_SELF, child.space, CAP_SELF, AEG_RIGHT_WRITE, &index), "cap_grant");
    expect(index == 0, "it is the first of the child's table");
}
/* end */

/* example: env_create */
static void
make_env(void)
{
    struct aeg_env_args args = {
        .uenv_frame = frame_of(&child_uenv),
        .save_frame = child.save = take_frame(),
        .uenv_va = (uintptr_t)&child_uenv,
        .rip = (uintptr_t)child_main,
        .rsp = (uintptr_t)(child_stack + sizeof(child_stack) - 8),      /* as after a call */
    };

    must(aeg_env_create(self.account, CAP_SELF, CAP_SELF, child.space, &args, &child.env), "env_create");
}
/* end */

static uint32_t
child_state(void)
{
    return ((const volatile struct aeg_env_info *)aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(child.env)))->state;
}

/* example: yield */
/* Lends the rest of our slice to the child; it comes back when the child yields or waits. */
static void
run_child(void)
{
    must(aeg_yield(child.env, CAP_SELF), "yield");
}
/* end */

/* example: env */
static uint64_t
now_ns(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)((unsigned __int128)(((uint64_t)high << 32 | low) - AEG_INFO->tsc_base) * AEG_INFO->tsc_mult >> 32);
}

static void
let_it_sleep(void)
{
    child.deadline_ns = now_ns() + 50 * MS;
    run_child();
    expect(child_state() == AEG_ENV_WAITING && child.rounds == 0, "the child sleeps");
    while (child_state() != AEG_ENV_READY)
        continue;
    run_child();
    expect(child.rounds == 1 && child.err == AEG_ERR_TIMEOUT && now_ns() >= child.deadline_ns, "its deadline wakes it");
}
/* end */

/* example: notify */
static void
wake(void)
{
    child.deadline_ns = AEG_WAIT_FOREVER;
    run_child();
    must(aeg_notify(child.env, CAP_SELF, BIT), "notify");
    expect(child_state() == AEG_ENV_READY, "a bit of its mask makes the child ready");
    run_child();
    expect(child.rounds == 2 && child.err == AEG_OK && child.bits == BIT, "and wait tells it which");
}
/* end */

/* example: env_destroy */
static void
end_env(void)
{
    must(aeg_env_destroy(child.env, CAP_SELF), "env_destroy");
    expect(aeg_notify(child.env, CAP_SELF, BIT) == AEG_ERR_ENV, "its id is nobody's from then on");
    give_frame(child.save);             /* frees what only the env held */
}
/* end */

/* example: space_destroy */
static void
end_space(void)
{
    aeg_err_t err;

    do
        err = aeg_space_destroy(child.space, CAP_SELF);
    while (err == AEG_ERR_AGAIN);       /* a bounded number of entries at a time */
    must(err, "space_destroy");
    give_frame(child.pml4);             /* frames are not freed with the space, only no longer bound */
}
/* end */

/* example: slice_set */
/* Gives position 5 of CPU 0 to whom it belongs already: the window tells who that is. */
static void
keep_position(void)
{
    const volatile struct aeg_slice_info *slice = aeg_info_entry(&AEG_INFO->slices, 0 * AEG_SLICE_POSITIONS + 5);

    must(aeg_slice_set(0, 5, slice->env, AEG_CAPS(CAP_CPU, CAP_SELF)), "slice_set");
    expect(aeg_slice_set(0, 5, slice->env, AEG_CAPS(CAP_SELF, CAP_SELF)) == AEG_ERR_CAP_DENIED, "a position is its CPU's to give");
}
/* end */

/* example: slice */
/* How many of a CPU's positions an env has: its share of that CPU. */
static unsigned
positions_of(uint32_t cpu, aeg_id_t env)
{
    unsigned count = 0;

    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++) {
        const volatile struct aeg_slice_info *slice = aeg_info_entry(&AEG_INFO->slices, cpu * AEG_SLICE_POSITIONS + p);
        count += slice->env == env;
    }
    return count;
}
/* end */

int
main(void)
{
    const volatile struct aeg_slice_info *first;

    setvbuf(stdout, NULL, _IONBF, 0);
    find_self();
    child.parent = self.env;
    memset(&child_uenv, 0, sizeof(child_uenv));         /* both are present before the child runs: it has no pager */
    memset(child_stack, 0, sizeof(child_stack));
    __asm__ volatile("" : : "r"(*(volatile char *)(uintptr_t)child_main));
    make_space();
    let_it_yield();
    make_env();
    let_it_sleep();
    wake();
    end_env();
    end_space();
    keep_position();
    first = aeg_info_entry(&AEG_INFO->slices, 0);
    expect(positions_of(0, first->env) > 0, "the session's home has positions");
    return 0;
}
