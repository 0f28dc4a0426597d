/*
 * kernel.c: Aegis's own paths, called directly with the session's capability.
 *
 * Works in an address range of its own (a PML4 slot that nothing uses) with nodes and frames of its own, and leaves nothing behind.
 */
#include <string.h>

#include "aegis/info.h"
#include "aegis/sys.h"
#include "aegis/uenv.h"
#include "bench.h"
#include "path.h"
#include "self.h"

#define FIRST_SLOT 64               /* PML4 slots that programs may use are far more */
#define LAST_SLOT 128
#define PAGES 512                   /* one page-table node */

struct self self;

static struct {
    uint64_t va;                    /* of the range */
    aeg_frame_t node[4];            /* [level] */
    aeg_frame_t page;
    struct aeg_pte_op ops[PAGES];
    unsigned count;                 /* entries of one pte_set */
} k;

/* ---- who we are, by the exposed tables ---- */

static void
find_self(void)
{
    const volatile struct aeg_env_info *env;
    const volatile struct aeg_account_info *account;
    uint64_t gs;

    __asm__ volatile("rdgsbase %0" : "=r"(gs));
    self.uenv = (struct aeg_uenv *)(uintptr_t)gs;
    self.env = self.uenv->env_id;
    env = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(self.env));
    self.space = env->space;
    account = aeg_info_entry(&AEG_INFO->accounts, env->account);
    self.account = account->id;
}

/* ---- frames and nodes of our own ---- */

static aeg_frame_t
frame_new(void)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    return aeg_frame_alloc(self.account, CAP, CAP, 1, &frame, &done) == AEG_OK ? frame & ~AEG_FRAME_ZERO : 0;
}

static void
frame_drop(aeg_frame_t frame)
{
    uint64_t done;

    if (frame)
        (void)!aeg_frame_free(CAP, &frame, 1, &done);
}

static int
range_open(void)
{
    unsigned slot = FIRST_SLOT;

    while (slot < LAST_SLOT && (*(volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)slot << 39, 4) & AEG_PTE_P))
        slot++;
    k.va = (uint64_t)slot << 39;
    k.page = frame_new();
    for (unsigned level = 3; level >= 1; level--) {
        k.node[level] = frame_new();
        if (!k.node[level] || aeg_pt_attach(self.space, AEG_CAPS(CAP, CAP), k.va, level | AEG_ATTACH_WRITE, k.node[level]) != AEG_OK)
            return 0;
    }
    return k.page != 0;
}

static void
range_close(void)
{
    aeg_frame_t was;

    for (unsigned level = 1; level <= 3; level++) {
        (void)!aeg_pt_detach(self.space, AEG_CAPS(CAP, CAP), k.va, level, &was);
        frame_drop(k.node[level]);
    }
    frame_drop(k.page);
}

/* ---- paths ---- */

static uint64_t
net(uint64_t ticks)
{
    uint64_t nothing = path_nothing();

    return ticks > nothing ? ticks - nothing : 0;
}

static uint64_t
sample_null(void *arg)
{
    (void)arg;
    return path_null();
}

static uint64_t
sample_bounce(void *arg)
{
    (void)arg;
    return path_bounce(self.uenv);
}

static uint64_t
sample_fault(void *arg)
{
    uint64_t round_trip, entry = path_fault(self.uenv, (void *)(uintptr_t)k.va, &round_trip);

    return arg ? round_trip : entry;
}

static uint64_t
sample_undefined(void *arg)
{
    uint64_t round_trip, entry = path_undefined(self.uenv, &round_trip);

    return arg ? round_trip : entry;
}

/* The last sample's ticks, for paths that carry their own stamps. */
static uint64_t
exact(sample_fn *sample, void *arg)
{
    uint64_t best = UINT64_MAX;

    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t ticks = sample(arg);
        best = ticks < best ? ticks : best;
    }
    return net(best);
}

/* ---- pte_set ---- */

static int
entries_set(uint64_t pte)
{
    uint64_t done;

    for (unsigned i = 0; i < k.count; i++)
        k.ops[i] = (struct aeg_pte_op){ k.va + i * 4096ull, pte };
    return aeg_pte_set(self.space, AEG_CAPS(CAP, CAP), k.ops, k.count, &done) == AEG_OK;
}

static uint64_t
page_pte(void)
{
    return k.page << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX;
}

/* arg: what stands there before and what then, as two bits. */
enum { FILL, REPLACE, EMPTY };

static uint64_t
sample_pte_set(void *arg)
{
    uintptr_t what = (uintptr_t)arg;
    uint64_t begin, ticks, done;
    aeg_err_t err;

    if (!entries_set(what == FILL ? 0 : page_pte()))
        return UINT64_MAX;
    for (unsigned i = 0; i < k.count; i++)
        k.ops[i] = (struct aeg_pte_op){ k.va + i * 4096ull, what == EMPTY ? 0 : page_pte() };
    begin = stamp();
    err = aeg_pte_set(self.space, AEG_CAPS(CAP, CAP), k.ops, k.count, &done);
    ticks = stamp() - begin;
    return err == AEG_OK && done == k.count ? ticks : UINT64_MAX;
}

static void
pte_set_rows(void)
{
    static const struct {
        unsigned count;
        const char *name;
    } size[] = { { 1, "pte_set, 1 entry" }, { 16, "pte_set, 16 entries" }, { 100, "pte_set, 100 entries" }, { 512, "pte_set, 512 entries" } };
    uint64_t ticks[4];

    for (unsigned i = 0; i < 4; i++) {
        k.count = size[i].count;
        ticks[i] = measure(sample_pte_set, (void *)FILL);
        row_add(size[i].name, ticks[i], 60 + 20 * size[i].count);
    }
    row_add("pte_set, each further entry", (ticks[3] - ticks[0] + 255) / 511, 20);
    k.count = 512;
    row_measure("pte_set, 512 entries replaced", 0, sample_pte_set, (void *)REPLACE);
    row_measure("pte_set, 512 entries emptied", 0, sample_pte_set, (void *)EMPTY);
    k.count = PAGES;
    (void)entries_set(0);
}

/* ---- frames, notifications, yield ---- */

static uint64_t
sample_frame(void *arg)
{
    aeg_frame_t frame = 0;
    uint64_t begin = stamp(), done;
    aeg_err_t err = aeg_frame_alloc(self.account, CAP, CAP, 1, &frame, &done);

    (void)arg;
    if (err == AEG_OK)
        err = aeg_frame_free(CAP, &frame, 1, &done);
    return err == AEG_OK ? stamp() - begin : UINT64_MAX;
}

static uint64_t
sample_notify(void *arg)
{
    uint64_t begin = stamp();
    aeg_err_t err = aeg_notify(*(aeg_id_t *)arg, CAP, 1);

    return err == AEG_OK ? stamp() - begin : UINT64_MAX;
}

static uint64_t
sample_yield(void *arg)
{
    uint64_t begin = stamp();
    aeg_err_t err = aeg_yield(*(aeg_id_t *)arg, CAP);

    return err == AEG_OK ? stamp() - begin : UINT64_MAX;
}

/* Another env in our space, with no library. */
static struct peer {
    aeg_id_t env;
    aeg_frame_t uenv, save;
} peer;

static int
peer_start(void (*code)(void))
{
    struct aeg_env_args args = { .uenv_frame = frame_new(), .save_frame = frame_new(), .uenv_va = k.va, .rip = (uintptr_t)code, .rsp = k.va };

    peer = (struct peer){ 0, args.uenv_frame, args.save_frame };
    return peer.uenv && peer.save && aeg_env_create(self.account, CAP, CAP, self.space, &args, &peer.env) == AEG_OK;
}

static void
peer_end(void)
{
    if (peer.env)
        (void)!aeg_env_destroy(peer.env, CAP);
    frame_drop(peer.uenv);
    frame_drop(peer.save);
}

/* It yields back as soon as it runs. */
static void
yield_rows(void)
{
    uint64_t round_trip = UINT64_MAX;

    path_peer_target = self.env;
    if (peer_start(path_peer)) {
        row_measure("notify another env", 0, sample_notify, &peer.env);
        round_trip = measure(sample_yield, &peer.env);
    }
    row_add("directed yield, one way", round_trip == UINT64_MAX ? round_trip : round_trip / 2, 200);
    peer_end();
}

static uint64_t
sample_pct(void *arg)
{
    uint64_t entry = UINT64_MAX, round_trip = path_pct(peer.env, &entry);

    return arg || round_trip == UINT64_MAX ? round_trip : entry;
}

/* Its UENV, through the range, tells the kernel where its gate is; then it goes there. */
static int
server_start(void)
{
    struct aeg_pte_op op = { k.va, 0 };
    uint64_t done;

    if (!peer_start(path_server))
        return 0;
    op.pte = peer.uenv << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX;
    if (aeg_pte_set(self.space, AEG_CAPS(CAP, CAP), &op, 1, &done) != AEG_OK)
        return 0;
    ((volatile struct aeg_uenv *)(uintptr_t)k.va)->gate_entry = (uintptr_t)path_server_gate;
    op = (struct aeg_pte_op){ k.va, 0 };
    return aeg_pte_set(self.space, AEG_CAPS(CAP, CAP), &op, 1, &done) == AEG_OK && aeg_yield(peer.env, CAP) == AEG_OK;
}

static void
pct_rows(void)
{
    int up = server_start();

    row_add("pct_call, one way", up ? exact(sample_pct, NULL) : UINT64_MAX, 120);
    row_add("pct_call, round trip", up ? exact(sample_pct, &peer) : UINT64_MAX, 240);
    peer_end();
}

void
kernel_rows(void)
{
    find_self();
    row_add("null call", exact(sample_null, NULL), 40);
    row_add("foreign system call to the library", exact(sample_bounce, NULL) - 2, 12);      /* less mov and syscall */
    if (!range_open()) {
        row_add("page fault to the library's handler", UINT64_MAX, 35);
        range_close();
        return;
    }
    row_add("page fault to the library's handler", exact(sample_fault, NULL), 35);
    row_add("the same, and back in the program", exact(sample_fault, &k), 0);
    row_add("undefined instruction to the handler", exact(sample_undefined, NULL), 35);
    pte_set_rows();
    row_measure("frame_alloc + frame_free", 0, sample_frame, NULL);
    yield_rows();
    pct_rows();
    range_close();
    packet_rows();
}
