/*
 * cost.c: what each call costs, in instructions from before its wrapper to after it (under -icount a tick of the TSC is an instruction).
 *
 * Not a test: `scripts/manual --measure` runs it and keeps the rows in docs/cost.tsv. The least of many samples, after one to warm up.
 */
#include <aegis/block.h>
#include <aegis/net.h>

#include "example.h"

#define SAMPLES 32

static uint64_t overhead;
static aeg_frame_t frame, node[4], several[64];
static uint64_t done, bits, cap;
static aeg_id_t account, space, env, queue, ring, filter;
static struct aeg_pte_range range;
static struct aeg_pte_cleared cleared;
static aeg_frame_t told[64];

static inline uint64_t
stamp(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#define SAMPLE(before, call, after, want, best)             \
    for (unsigned i = 0; i <= SAMPLES; i++) {               \
        before;                                             \
        uint64_t begin = stamp();                           \
        unsigned err = call;                                \
        uint64_t ticks = stamp() - begin;                   \
        if (err != (want))                                  \
            must((aeg_err_t)err, #call);                    \
        after;                                              \
        if (i > 0 && ticks < (best))                        \
            (best) = ticks;                                 \
    }
#define COST(name, before, call, after)                     \
    do {                                                    \
        uint64_t best = UINT64_MAX;                         \
        SAMPLE(before, call, after, AEG_OK, best)           \
        printf("%s\t%llu\n", name, (unsigned long long)(best - overhead)); \
    } while (0)

#define SELF2 AEG_CAPS(CAP_SELF, CAP_SELF)
#define CAP ((uint32_t)cap)

static void
names(void)
{
    static struct aeg_cap list[AEG_CAP_MAX];

    COST("cap_forge, a chosen name", , aeg_cap_forge(CAP_SELF, 5, AEG_RIGHT_READ, &cap), must(aeg_cap_drop(CAP), "drop"));
    COST("cap_forge, a fresh name", , aeg_cap_forge(CAP_SELF, 0, AEG_RIGHT_ALL, &cap), must(aeg_cap_drop(CAP), "drop"));
    COST("cap_drop", must(aeg_cap_forge(CAP_SELF, 5, AEG_RIGHT_READ, &cap), "forge"), aeg_cap_drop(CAP), );
    COST("cap_grant", , aeg_cap_grant(CAP_SELF, self.space, CAP_SELF, AEG_RIGHT_READ, &cap), must(aeg_cap_drop(CAP), "drop"));
    COST("guard_set, a space", , aeg_guard_set(AEG_KIND_SPACE, self.space, AEG_CAPS(CAP_SELF, CAP_SELF)), );
    COST("cap_revoke", must(aeg_cap_forge(CAP_SELF, 0, AEG_RIGHT_ALL, &cap), "forge"), aeg_cap_revoke(CAP), must(aeg_cap_drop(CAP), "drop"));
    memset(list, 0, sizeof(list));
    COST("cap_list, all 32", , aeg_cap_list(list, AEG_CAP_MAX), );
}

static void
accounts(void)
{
    struct aeg_limits limits = { .limit = { 4 } };

    COST("account_create", , aeg_account_create(self.account, CAP_SELF, CAP_SELF, &limits, &account), must(aeg_account_end(account, CAP_SELF), "end"));
    must(aeg_account_create(self.account, CAP_SELF, CAP_SELF, &limits, &account), "create");
    frame = take_frame();
    COST("revoke_bind", , aeg_revoke_bind(account, AEG_CAPS(CAP_SELF, CAP_SELF), self.env, frame), must(aeg_revoke_bind(account, CAP_SELF, 0, 0), "unbind"));
    give_frame(frame);
    must(aeg_account_end(account, CAP_SELF), "end");
    COST("account_end", must(aeg_account_create(self.account, CAP_SELF, CAP_SELF, &limits, &account), "create"), aeg_account_end(account, CAP_SELF), );
}

static void
frames(void)
{
    COST("frame_alloc, 1 frame", frame = 0, aeg_frame_alloc(self.account, CAP_SELF, CAP_SELF, 1, &frame, &done), give_frame(frame));
    COST("frame_alloc, 16 frames", memset(several, 0, sizeof(several)), aeg_frame_alloc(self.account, CAP_SELF, CAP_SELF, 16, several, &done),
         must(aeg_frame_free(CAP_SELF, several, 16, &done), "free"));
    COST("frame_free, 1 frame", frame = take_frame(), aeg_frame_free(CAP_SELF, &frame, 1, &done), );
    COST("frame_guard, 1 frame", frame = take_frame(), aeg_frame_guard(CAP_SELF, CAP_SELF, &frame, 1, &done), give_frame(frame));
}

static void
attach(unsigned level)
{
    must(aeg_pt_attach(self.space, SELF2, EXAMPLE_VA, level | AEG_ATTACH_WRITE, node[level]), "attach");
}

static void
detach(unsigned level)
{
    must(aeg_pt_detach(self.space, SELF2, EXAMPLE_VA, level, &frame), "detach");
}

static void
copy_range(uint64_t pages)
{
    range = (struct aeg_pte_range){ .src_va = EXAMPLE_VA, .dst_va = EXAMPLE_VA + 64 * PAGE, .pages = pages };
}

/* 64 entries to be cleared. */
static void
copy_back(void)
{
    copy_range(64);
    must(aeg_pte_copy(self.space, CAP_SELF, self.space, CAP_SELF, &range, 1, &done), "copy");
}

/* The next copy finds nothing in its place, as fork does. */
static void
copies_go(uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        set_entry(self.space, EXAMPLE_VA + (64 + i) * PAGE, 0);
}

static void
tables(void)
{
    for (unsigned level = 1; level <= 3; level++)
        node[level] = take_frame();
    attach(3);
    attach(2);
    COST("pt_attach, a new node", , aeg_pt_attach(self.space, SELF2, EXAMPLE_VA, 1 | AEG_ATTACH_WRITE, node[1]), detach(1));
    COST("pt_detach", attach(1), aeg_pt_detach(self.space, SELF2, EXAMPLE_VA, 1, &frame), );
    attach(1);
    for (unsigned i = 0; i < 64; i++)
        set_entry(self.space, EXAMPLE_VA + i * PAGE, (several[i] = take_frame()) << AEG_FRAME_SHIFT | PAGE_RW);
    COST("pte_copy, 1 page", copy_range(1), aeg_pte_copy(self.space, CAP_SELF, self.space, CAP_SELF, &range, 1, &done), copies_go(1));
    COST("pte_copy, 64 pages", copy_range(64), aeg_pte_copy(self.space, CAP_SELF, self.space, CAP_SELF, &range, 1, &done), copies_go(64));
    COST("pte_clear, 64 pages", copy_back(), aeg_pte_clear(self.space, SELF2, EXAMPLE_VA + 64 * PAGE, 64, 0, told, &cleared), );
    for (unsigned i = 0; i < 64; i++)
        set_entry(self.space, EXAMPLE_VA + i * PAGE, 0);
    must(aeg_frame_free(CAP_SELF, several, 64, &done), "free");
    remove_nodes(self.space, EXAMPLE_VA);
}

static void
envs(void)
{
    struct aeg_env_args args = { .uenv_frame = take_frame(), .save_frame = take_frame(), .uenv_va = EXAMPLE_VA, .rip = EXAMPLE_VA, .rsp = EXAMPLE_VA };
    const volatile struct aeg_slice_info *slice = aeg_info_entry(&AEG_INFO->slices, 5);
    uint64_t best = UINT64_MAX;

    frame = take_frame();
    COST("space_create", , aeg_space_create(self.account, CAP_SELF, CAP_SELF, frame, &space), must(aeg_space_destroy(space, CAP_SELF), "destroy"));
    COST("space_destroy, empty", must(aeg_space_create(self.account, CAP_SELF, CAP_SELF, frame, &space), "create"), aeg_space_destroy(space, CAP_SELF), );
    give_frame(frame);
    COST("env_create", , aeg_env_create(self.account, CAP_SELF, CAP_SELF, self.space, &args, &env), must(aeg_env_destroy(env, CAP_SELF), "destroy"));
    COST("env_destroy", must(aeg_env_create(self.account, CAP_SELF, CAP_SELF, self.space, &args, &env), "create"), aeg_env_destroy(env, CAP_SELF), );
    give_frame(args.uenv_frame);
    give_frame(args.save_frame);
    COST("slice_set", , aeg_slice_set(0, 5, slice->env, AEG_CAPS(CAP_CPU, CAP_SELF)), );
    COST("gate_open", , aeg_gate_open(CAP_SELF), );
    SAMPLE(, aeg_wait(1ull << 40, 0, 0, 0, &bits), , AEG_ERR_TIMEOUT, best)
    printf("wait, the deadline being past\t%llu\n", (unsigned long long)(best - overhead));
}

static void
console(void)
{
    char line[64] = "", dot = '\n';

    COST("console_write, 1 byte to the log port", , aeg_console_write(CAP_CONSOLE, AEG_CONSOLE_LOG, &dot, 1, &done), );
    do
        must(aeg_console_read(CAP_CONSOLE, AEG_CONSOLE_LOG, line, sizeof(line), &done), "read");
    while (done != 0);
    COST("console_read, nothing there", , aeg_console_read(CAP_CONSOLE, AEG_CONSOLE_LOG, line, sizeof(line), &done), );
}

static void
blocks(void)
{
    static uint8_t page[AEG_QUEUE_FRAMES][AEG_FRAME_SIZE] __attribute__((aligned(4096)));
    const volatile struct aeg_slot_info *slot = aeg_info_entry(&AEG_INFO->slots, 0);
    struct aeg_blockq_args args = { .env = self.env };

    memset(page, 0, sizeof(page));
    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++)
        args.frames[i] = frame_of(page[i]);
    COST("blockq_create", , aeg_blockq_create(self.account, CAP_SELF, CAP_SELF, &args, &queue), must(aeg_blockq_destroy(queue, CAP_SELF), "destroy"));
    COST("blockq_destroy", must(aeg_blockq_create(self.account, CAP_SELF, CAP_SELF, &args, &queue), "create"), aeg_blockq_destroy(queue, CAP_SELF), );
    COST("blockq_bind", must(aeg_blockq_create(self.account, CAP_SELF, CAP_SELF, &args, &queue), "create"),
         aeg_blockq_bind(queue, CAP_SELF, slot->id, CAP_DISK, AEG_RIGHT_READ, &done), must(aeg_blockq_destroy(queue, CAP_SELF), "destroy"));
    must(aeg_blockq_create(self.account, CAP_SELF, CAP_SELF, &args, &queue), "create");
    COST("blockq_submit, nothing posted", , aeg_blockq_submit(queue, CAP_SELF, &done), );
    must(aeg_blockq_destroy(queue, CAP_SELF), "destroy");
}

static void
packets(void)
{
    static uint8_t page[AEG_RING_FRAMES][AEG_FRAME_SIZE] __attribute__((aligned(4096)));
    struct aeg_filter f = { .term_count = 1, .term = { AEG_ATOM(12, 2, 0xffff, 0x88b5) } };
    struct aeg_ring_args args = { .env = self.env };

    memset(page, 0, sizeof(page));
    for (unsigned i = 0; i < AEG_RING_FRAMES; i++)
        args.frames[i] = frame_of(page[i]);
    COST("ring_create", , aeg_ring_create(self.account, CAP_SELF, CAP_SELF, &args, &ring), must(aeg_ring_destroy(ring, CAP_SELF), "destroy"));
    COST("ring_destroy", must(aeg_ring_create(self.account, CAP_SELF, CAP_SELF, &args, &ring), "create"), aeg_ring_destroy(ring, CAP_SELF), );
    must(aeg_ring_create(self.account, CAP_SELF, CAP_SELF, &args, &ring), "create");
    COST("ring_kick, nothing posted", , aeg_ring_kick(ring, CAP_SELF, &done), );
    COST("filter_bind, one atom", , aeg_filter_bind(ring, CAP_SELF, CAP_NIC, &f, &filter), must(aeg_filter_unbind(filter, CAP_SELF), "unbind"));
    COST("filter_unbind", must(aeg_filter_bind(ring, CAP_SELF, CAP_NIC, &f, &filter), "bind"), aeg_filter_unbind(filter, CAP_SELF), );
    must(aeg_ring_destroy(ring, CAP_SELF), "destroy");
}

int
main(void)
{
    uint64_t best = UINT64_MAX;

    find_self();
    SAMPLE(, 0, , 0, best)
    overhead = best;
    names();
    accounts();
    frames();
    tables();
    envs();
    console();
    blocks();
    packets();
    return 0;
}
