/*
 * example.h: what the examples of the manual start from: who the program is, and the few calls that all of them make.
 *
 * What stands between `example: NAME` and `end` is shown on the page NAME of docs/ (scripts/manual copies it there).
 */
#ifndef TEST_MANUAL_EXAMPLE_H
#define TEST_MANUAL_EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aegis/info.h>
#include <aegis/sys.h>
#include <aegis/uenv.h>

/* Places in the capability table of every process of an ExOS session (exos/start/session.h). */
enum { CAP_SELF, CAP_CONSOLE, CAP_POWER, CAP_CPU, CAP_NIC, CAP_DISK, CAP_MODULE, CAP_FORGE };

#define EXAMPLE_VA (100ull << 39)       /* a PML4 slot that ExOS leaves alone */
#define PAGE ((uint64_t)AEG_FRAME_SIZE)
#define PAGE_RW (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX)

static struct {
    struct aeg_uenv *uenv;
    aeg_id_t env, space, account;
} self;

static inline void
must(aeg_err_t err, const char *what)
{
    if (err == AEG_OK)
        return;
    printf("# %s: error %u\n", what, err);
    exit(1);
}

/* example: exposed-information */
/* Who am I, and who pays for me? No call is needed to find out. */
static inline void
find_self(void)
{
    const volatile struct aeg_account_info *account;
    const volatile struct aeg_env_info *env;
    uint64_t gs;

    __asm__("rdgsbase %0" : "=r"(gs));
    self.uenv = (struct aeg_uenv *)(uintptr_t)gs;
    self.env = self.uenv->env_id;
    env = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(self.env));
    account = aeg_info_entry(&AEG_INFO->accounts, env->account);
    self.space = env->space;
    self.account = account->id;
}
/* end */

/* example: frame_alloc */
static inline aeg_frame_t
take_frame(void)
{
    aeg_frame_t frame = 0;              /* 0: any frame will do */
    uint64_t done;

    must(aeg_frame_alloc(self.account, CAP_SELF, CAP_SELF, 1, &frame, &done), "frame_alloc");
    return frame & ~AEG_FRAME_ZERO;     /* the bit says that it holds zeroes */
}
/* end */

/* example: frame_free */
static inline void
give_frame(aeg_frame_t frame)
{
    uint64_t done;

    must(aeg_frame_free(CAP_SELF, &frame, 1, &done), "frame_free");
}
/* end */

/* example: pt_attach */
/* Page tables for the 2 MiB around va: a frame for each level that has none yet. */
static inline void
add_nodes(aeg_id_t space, uint64_t va)
{
    for (unsigned level = 3; level >= 1; level--) {
        uint64_t base = va & ~((1ull << (12 + 9 * level)) - 1);
        aeg_frame_t frame = take_frame();
        aeg_err_t err = aeg_pt_attach(space, AEG_CAPS(CAP_SELF, CAP_SELF), base, level | AEG_ATTACH_WRITE, frame);

        if (err == AEG_ERR_NODE_TAKEN)
            give_frame(frame);          /* there was one */
        else
            must(err, "pt_attach");
    }
}
/* end */

/* example: pt_detach */
/* The other way round: lowest level first, for the last reference to a node must find it empty. */
static inline void
remove_nodes(aeg_id_t space, uint64_t va)
{
    for (unsigned level = 1; level <= 3; level++) {
        uint64_t base = va & ~((1ull << (12 + 9 * level)) - 1);
        aeg_frame_t frame;

        must(aeg_pt_detach(space, AEG_CAPS(CAP_SELF, CAP_SELF), base, level, &frame), "pt_detach");
        give_frame(frame);
    }
}
/* end */

/* example: pte_set */
/* Sets the entry for va to `pte` (0: nothing there any more) and gives what stood there. */
static inline uint64_t
set_entry(aeg_id_t space, uint64_t va, uint64_t pte)
{
    struct aeg_pte_op op = { va, pte };
    uint64_t done;

    must(aeg_pte_set(space, AEG_CAPS(CAP_SELF, CAP_SELF), &op, 1, &done), "pte_set");
    return op.pte;
}
/* end */

/* example: space */
/* The frame behind an address of ours, from the read-only window on our page tables. The page has been touched. */
static inline aeg_frame_t
frame_of(const void *p)
{
    uint64_t entry = *(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)(uintptr_t)p, 1);

    return (entry & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}
/* end */

/* The example holds, or the program ends here with status 1. */
static inline void
expect(int holds, const char *what)
{
    printf("# %s: %s\n", what, holds ? "yes" : "no");
    if (!holds)
        exit(1);
}

#endif
