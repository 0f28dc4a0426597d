/*
 * calls.c: bad calls of Aegis from user mode: each is refused with its own error, and nothing has changed afterwards.
 *
 * The session's capability could really undo the session, so what is random holds another: a fresh name that dominates nothing, or only
 * what this program made below it.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../census/census.h"

#define GARBAGE_CALLS 100000
#define SANDBOX_CALLS 60000
#define POINTS 24
#define HAND_BYTES (128 * 4096)

enum {
#define AEG_SYSCALL(number, name, argc, needs) NUMBER_##name,
#include <aegis/syscalls.def>
#undef AEG_SYSCALL
    CALLS
};

static struct aeg_uenv *uenv;
static aeg_id_t env, space, account;
static uint64_t seed = 0x9e3779b97f4a7c15ull;
static uint64_t scratch[1024] __attribute__((aligned(4096)));

/* xorshift64* (Marsaglia 2003; Vigna 2016). */
static uint64_t
random64(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1dull;
}

static uint64_t
below(uint64_t n)
{
    return (random64() >> 32) % n;
}

static int
call(enum aeg_sys nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    uint64_t value;

    return aeg_call(nr, a, b, c, d, e, f, &value);
}

/* ---- pointers ---- */

static uint64_t
wild_pointer(unsigned i)
{
    static const uint64_t wild[] = { 8, 0x10000, 0x7fffffffeff8ull, 0x7ffffffffff8ull, 1ull << 47, 0x8000000000000000ull, 0xffff7ffffffffff8ull,
                                     0xffff800000000000ull, 0xffff800000100000ull, 0xffffffff80100000ull, 0xfffffffffffffff8ull,
                                     0xffffffffffffffffull, 0x123456789abcdef0ull };

    return wild[i % (sizeof(wild) / sizeof(wild[0]))];
}
#define WILD_POINTERS 13

/* Every call with a pointer, all else being right. */
static int
call_with_pointer(unsigned which, uint64_t p)
{
    switch (which) {
    case 0: return call(AEG_SYS_cap_list, p, 4, 0, 0, 0, 0);
    case 1: return call(AEG_SYS_account_create, account, CAP_SESSION, CAP_SESSION, p, 0, 0);
    case 2: return call(AEG_SYS_frame_alloc, account, CAP_SESSION, CAP_SESSION, 4, p, 0);
    case 3: return call(AEG_SYS_frame_free, CAP_SESSION, p, 4, 0, 0, 0);
    case 4: return call(AEG_SYS_frame_guard, CAP_SESSION, CAP_SESSION, p, 4, 0, 0);
    case 5: return call(AEG_SYS_pte_set, space, AEG_CAPS(CAP_SESSION, CAP_SESSION), p, 4, 0, 0);
    case 6: return call(AEG_SYS_pte_copy, space, CAP_SESSION, space, CAP_SESSION, p, 4);
    case 7: return call(AEG_SYS_pte_clear, space, AEG_CAPS(CAP_SESSION, CAP_SESSION), (uintptr_t)scratch, 1, 0, p);
    default: return call(AEG_SYS_env_create, account, CAP_SESSION, CAP_SESSION, space, p, 0);
    }
}
#define POINTER_CALLS 9

static void
wild_pointers(void)
{
    struct census before = census_take();
    unsigned refused = 0;

    *(volatile uint64_t *)scratch = 0;      /* a page that would have to be told */
    for (unsigned which = 0; which < POINTER_CALLS; which++)
        for (unsigned i = 0; i < WILD_POINTERS; i++)
            refused += call_with_pointer(which, wild_pointer(i)) == AEG_ERR_BAD_ADDRESS;
    tap(refused == POINTER_CALLS * WILD_POINTERS, "every wild pointer is an error of its own (%u of %u)", refused, POINTER_CALLS * WILD_POINTERS);
    /* Readable, never writable: our text, the page-table window, the exposed tables. */
    refused = call_with_pointer(0, (uintptr_t)wild_pointers & ~7ull) == AEG_ERR_BAD_ADDRESS;
    refused += call_with_pointer(0, aeg_window_entry(0, 4)) == AEG_ERR_BAD_ADDRESS;
    refused += call_with_pointer(0, AEG_INFO_BASE) == AEG_ERR_BAD_ADDRESS;
    tap(refused == 3, "the kernel stores nothing where the caller could not (%u of 3)", refused);
    tap_census("after wild pointers", &before);
}

/* ---- names ---- */

static void
wrong_names(void)
{
    struct census before = census_take();
    static const uint64_t bad_caps[] = { 31, 32, 33, 0xffff, 0xffffffff };
    unsigned good = 0, tried = 0;

    for (unsigned i = 0; i < 5; i++, tried += 6) {
        uint64_t c = bad_caps[i];
        good += call(AEG_SYS_cap_forge, c, 5, AEG_RIGHT_READ, 0, 0, 0) == AEG_ERR_CAP_INDEX;
        good += call(AEG_SYS_frame_alloc, account, c, CAP_SESSION, 1, (uintptr_t)scratch, 0) == AEG_ERR_CAP_INDEX;
        good += call(AEG_SYS_space_destroy, space, c, 0, 0, 0, 0) == AEG_ERR_CAP_INDEX;
        good += call(AEG_SYS_env_destroy, env, c, 0, 0, 0, 0) == AEG_ERR_CAP_INDEX;
        good += call(AEG_SYS_notify, env, c, 1, 0, 0, 0) == AEG_ERR_CAP_INDEX;
        good += call(AEG_SYS_console_write, c, 0, (uintptr_t)scratch, 1, 0, 0) == AEG_ERR_CAP_INDEX;
    }
    tap(good == tried, "a capability that is not there is refused (%u of %u)", good, tried);
    good = call(AEG_SYS_pte_copy, space, 1ull << 32 | 31, space, 0xffffffffull << 32 | 31, (uintptr_t)scratch, 1) == AEG_ERR_CAP_INDEX;
    good += call(AEG_SYS_frame_alloc, AEG_INFO->root_account, CAP_SESSION, CAP_SESSION, 1, (uintptr_t)scratch, 0) == AEG_ERR_CAP_DENIED;
    good += call(AEG_SYS_account_end, AEG_INFO->root_account, CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_ACCOUNT;
    scratch[0] = 1;
    good += call(AEG_SYS_frame_free, CAP_SESSION, (uintptr_t)scratch, 1, 0, 0, 0) == AEG_ERR_FRAME;
    good += call(AEG_SYS_power, CAP_SESSION, 0, 0, 0, 0, 0) == AEG_ERR_CAP_DENIED;
    tap(good == 5, "what is not ours is refused (%u of 5)", good);
    good = 0;
    for (uint64_t g = 1; g < 4; g++) {
        good += call(AEG_SYS_space_destroy, space + (g << 32), CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_SPACE;
        good += call(AEG_SYS_env_destroy, env + (g << 32), CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_ENV;
        good += call(AEG_SYS_account_end, account + (g << 32), CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_ACCOUNT;
        good += call(AEG_SYS_yield, env + (g << 32), CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_ENV;
        good += call(AEG_SYS_wait, 1, 0, env + (g << 32), CAP_SESSION, 0, 0) == AEG_ERR_ENV;
    }
    tap(good == 15, "a stale id is nobody (%u of 15)", good);
    good = call(AEG_SYS_space_destroy, space, CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_NOT_READY;
    good += call(AEG_SYS_env_destroy, env, CAP_SESSION, 0, 0, 0, 0) == AEG_ERR_NOT_READY;
    tap(good == 2, "nobody ends what it runs in");
    tap_census("after wrong names", &before);
}

static void
long_vectors(void)
{
    static const uint64_t lengths[] = { 513, 1024, 1ull << 32, 1ull << 60, UINT64_MAX };
    struct census before = census_take();
    unsigned good = 0;

    for (unsigned i = 0; i < 5; i++) {
        uint64_t n = lengths[i], p = (uintptr_t)scratch;
        good += call(AEG_SYS_cap_list, p, n, 0, 0, 0, 0) == AEG_ERR_VECTOR;
        good += call(AEG_SYS_frame_alloc, account, CAP_SESSION, CAP_SESSION, n, p, 0) == AEG_ERR_VECTOR;
        good += call(AEG_SYS_frame_free, CAP_SESSION, p, n, 0, 0, 0) == AEG_ERR_VECTOR;
        good += call(AEG_SYS_frame_guard, CAP_SESSION, CAP_SESSION, p, n, 0, 0) == AEG_ERR_VECTOR;
        good += call(AEG_SYS_pte_set, space, 0, p, n, 0, 0) == AEG_ERR_VECTOR;
        good += call(AEG_SYS_pte_copy, space, CAP_SESSION, space, CAP_SESSION, p, n) == AEG_ERR_VECTOR;
        good += call(AEG_SYS_pte_clear, space, 0, p, n, 0, p) == AEG_ERR_VECTOR;
    }
    tap(good == 35, "vectors longer than a call takes are refused (%u of 35)", good);
    tap_census("after long vectors", &before);
}

/* ---- page tables ---- */

static void
forbidden_mappings(void)
{
    struct census before = census_take();
    struct aeg_pte_op *op = (void *)scratch;
    static const uint64_t bad_va[] = { 254ull << 39, 255ull << 39, 0x7ffffffff000ull, 1ull << 47, 0xffff800000000000ull, 0xfffffffffffff000ull };
    unsigned good = 0;
    uint64_t root = *(volatile uint64_t *)(uintptr_t)aeg_window_entry(254ull << 39, 4), uenv_pte;

    for (unsigned i = 0; i < 6; i++) {
        *op = (struct aeg_pte_op){ bad_va[i], 0 };
        good += call(AEG_SYS_pte_set, space, 0, (uintptr_t)op, 1, 0, 0) == AEG_ERR_VA_RANGE;
    }
    tap(good == 6, "kernel, window and information are out of reach (%u of 6)", good);
    /* Where our UENV is mapped there is a node; try to put a node, our PML4, beside it. */
    uenv_pte = *(volatile uint64_t *)(uintptr_t)aeg_window_entry((uintptr_t)uenv, 1);
    good = 0;
    for (unsigned w = 0; w < 2; w++) {
        *op = (struct aeg_pte_op){ (uintptr_t)uenv, (root & AEG_PTE_ADDR) | AEG_PTE_P | AEG_PTE_U | (w ? AEG_PTE_W : 0) };
        good += call(AEG_SYS_pte_set, space, 0, (uintptr_t)op, 1, 0, 0) == AEG_ERR_FRAME_NODE;
    }
    tap(good == 2, "a page-table node is mapped neither to write nor to read");
    good = 0;
    for (unsigned bit = 3; bit < 9; bit++) {
        if (bit == 5 || bit == 6)
            continue;
        *op = (struct aeg_pte_op){ (uintptr_t)uenv, (uenv_pte & AEG_PTE_ADDR) | AEG_PTE_P | AEG_PTE_U | 1ull << bit };
        good += call(AEG_SYS_pte_set, space, 0, (uintptr_t)op, 1, 0, 0) == AEG_ERR_PTE_BITS;
    }
    tap(good == 4, "cache, global and size bits are refused");
    good = call(AEG_SYS_pt_attach, space, 0, 200ull << 39, 3, (root & AEG_PTE_ADDR) >> 12, 0) == AEG_ERR_NODE_LEVEL;
    good += call(AEG_SYS_pt_attach, space, 0, 254ull << 39, 3, (root & AEG_PTE_ADDR) >> 12, 0) == AEG_ERR_VA_RANGE;
    good += call(AEG_SYS_pt_attach, space, 0, 200ull << 39, 3, AEG_INFO->frames.count + 5, 0) == AEG_ERR_FRAME;
    good += call(AEG_SYS_pt_attach, space, 0, 200ull << 39, 0, 0, 0) == AEG_ERR_ARGUMENT;
    tap(good == 4, "no loop, no kernel node, no frame that is none (%u of 4)", good);
    tap_census("after forbidden mappings", &before);
}

/* ---- noise ---- */

static uint64_t
garbage(void)
{
    static const uint64_t edges[] = { 0, 1, 2, 3, 511, 512, 513, 0xffff, 1ull << 31, 0xffffffff, 1ull << 32, 1ull << 47, 254ull << 39,
                                      0x7ffffffff000ull, 0xffff800000000000ull, 1ull << 63, UINT64_MAX - 7, UINT64_MAX };

    switch (below(4)) {
    case 0: return random64() >> below(64);
    case 1: return edges[below(18)];
    case 2: return (uintptr_t)scratch + below(4096);
    default: return below(2) ? space : below(2) ? env : account;
    }
}

/* `cap` dominates nothing; places of the table that others rely on are not dropped, and nobody sleeps. */
static void
garbage_call(uint64_t cap)
{
    uint64_t a[6], nr = below(CALLS);

    for (unsigned i = 0; i < 6; i++)
        a[i] = below(3) == 0 ? cap | (below(2) ? cap << 16 : 0) : garbage();
    switch (nr + AEG_SYS_BASE) {
    case AEG_SYS_cap_forge:
    case AEG_SYS_cap_revoke:
    case AEG_SYS_cap_grant: a[0] = cap; break;
    case AEG_SYS_cap_drop: a[0] = cap + 1 + below(40); break;
    case AEG_SYS_cap_list: a[0] = (uintptr_t)scratch, a[1] = below(40); break;
    case AEG_SYS_wait:
    case AEG_SYS_pct_reply_wait: a[1] = 0; break;
    }
    /* The capability is where the call looks for one: first or second argument; elsewhere only what is no place of the table. */
    for (unsigned i = 0; i < 6; i++)
        if ((a[i] & 0xffff) < CAP_FIRST_FREE)
            a[i] |= 0x40;
    (void)!call(AEG_SYS_BASE + nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void
drop_from(uint64_t first)
{
    for (uint64_t c = first; c < AEG_CAP_MAX; c++)
        (void)!aeg_cap_drop(c);
}

static void
garbage_calls(void)
{
    struct census before = census_take();
    uint64_t cap;

    if (aeg_cap_forge(CAP_SESSION, 0, AEG_RIGHT_ALL, &cap) != AEG_OK) {
        tap(0, "no capability for the garbage");
        return;
    }
    for (unsigned i = 0; i < GARBAGE_CALLS; i++)
        garbage_call(cap);
    drop_from(cap);
    tap(1, "%u calls of garbage", GARBAGE_CALLS);
    tap_census("after garbage", &before);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t nr = below(2) ? AEG_SYS_BASE + CALLS + below(1 << 20) : 0xffffffff00000000ull | (AEG_SYS_BASE + CALLS + below(1000)), r;
        __asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(garbage()) : "rcx", "r11", "memory");
        if ((long)r != -38) {
            tap(0, "call number %llx is nobody's", (unsigned long long)nr);
            return;
        }
    }
    tap(1, "numbers beyond the table are the library's, and unknown to it");
}

/* ---- a sandbox: real objects, of our own making, treated badly ---- */

static struct {
    uint64_t cap;
    aeg_id_t account, space[8], env[8];
    aeg_frame_t frame[64];
    struct aeg_name guard;
} box;

static int
box_open(void)
{
    struct aeg_limits limits = { .limit = { 200, 8, 8, 0, 0, 0, 0 } };
    struct aeg_cap list[AEG_CAP_MAX];

    if (aeg_cap_forge(CAP_SESSION, 0, AEG_RIGHT_ALL, &box.cap) != AEG_OK || aeg_cap_list(list, AEG_CAP_MAX) != AEG_OK)
        return 0;
    box.guard = list[box.cap].name;
    return aeg_account_create(account, CAP_SESSION, box.cap, &limits, &box.account) == AEG_OK;
}

static uint64_t
box_frame(void)
{
    return below(30) ? box.frame[below(64)] : garbage() & 0xffffffffff;
}

static uint64_t
box_va(unsigned level)
{
    uint64_t va = (below(2) << 39) + (below(2) << 30) + (below(3) << 21) + (below(4) << 12);

    return below(40) ? va & ~((1ull << (12 + 9 * level)) - 1) : garbage();
}

static void
box_alloc(void)
{
    uint64_t frames[4] = { 0 }, done;

    (void)!aeg_frame_alloc(box.account, box.cap, box.cap, 1 + below(4), frames, &done);
    for (uint64_t i = 0; i < done && i < 4; i++)
        box.frame[below(64)] = frames[i] & ~AEG_FRAME_ZERO;
}

static void
box_entries(aeg_id_t s, uint64_t caps)
{
    struct aeg_pte_op ops[16];
    uint64_t done;

    for (unsigned i = 0; i < 16; i++)
        ops[i] = (struct aeg_pte_op){ box_va(0), below(3) ? box_frame() << 12 | AEG_PTE_P | AEG_PTE_U | (random64() & (AEG_PTE_W | AEG_PTE_NX))
                                                          : garbage() & AEG_PTE_SW };
    (void)!aeg_pte_set(s, caps, ops, 1 + below(16), &done);
}

static void
box_copy(aeg_id_t from, aeg_id_t to)
{
    struct aeg_pte_range r = { .src_va = box_va(0), .dst_va = box_va(0), .pages = 1 + below(3000), .clear_src = AEG_PTE_W, .set_src = 1ull << 9 };
    uint64_t done;

    (void)!aeg_pte_copy(from, box.cap, to, box.cap, &r, 1, &done);
}

static void
box_clear(aeg_id_t s, uint64_t caps)
{
    aeg_frame_t frames[AEG_VECTOR_MAX];
    struct aeg_pte_cleared c;

    (void)!aeg_pte_clear(s, caps, box_va(0), 1 + below(8), below(4) ? 0 : garbage(), frames, &c);
}

static void
box_call(void)
{
    aeg_id_t *s = &box.space[below(8)], *e = &box.env[below(8)], id = *s;
    uint64_t caps = AEG_CAPS(box.cap, box.cap), level = 1 + below(3), done, frame = box_frame();
    struct aeg_env_args args = { .uenv_frame = box_frame(), .save_frame = box_frame(), .uenv_va = box_va(0), .rip = 0x400000, .rsp = 0x7000 };

    switch (below(15)) {
    case 0: case 1: box_alloc(); break;
    case 2: (void)!aeg_frame_free(box.cap, &frame, 1, &done); break;
    case 3: if (*s == 0 && aeg_space_create(box.account, box.cap, box.cap, frame, &id) == AEG_OK) *s = id; break;
    case 4: if (below(8) == 0 && aeg_space_destroy(*s, box.cap) == AEG_OK) *s = 0; break;
    case 5: case 6: case 7: (void)!aeg_pt_attach(*s, caps, box_va(level), level | (below(2) ? AEG_ATTACH_WRITE : 0), frame); break;
    case 8: (void)!aeg_pt_detach(*s, caps, box_va(level), level, &done); break;
    case 9: case 10: box_entries(*s, caps); break;
    case 11: box_copy(*s, box.space[below(8)]); break;
    case 12: box_clear(*s, caps); break;
    case 13: if (aeg_env_create(box.account, box.cap, box.cap, *s, &args, &id) == AEG_OK) *e = id; break;
    default: (void)!aeg_notify(*e, box.cap, random64());
    }
}

static aeg_err_t
sandbox_round(unsigned calls)
{
    aeg_err_t err;

    memset(&box, 0, sizeof(box));
    if (!box_open())
        return AEG_ERR_NOMEM;
    for (unsigned i = 0; i < calls; i++)
        box_call();
    do
        err = aeg_account_end(box.account, box.cap);
    while (err == AEG_ERR_AGAIN);
    drop_from(box.cap);
    return err;
}

static void
sandbox(void)
{
    aeg_err_t err = sandbox_round(SANDBOX_CALLS / 100);     /* what it touches is there before the census */
    struct census before = census_take();

    if (err == AEG_OK)
        err = sandbox_round(SANDBOX_CALLS);
    tap(err == AEG_OK, "%u calls on real objects leave an account that ends with all it paid for (error %d)", SANDBOX_CALLS, err);
    tap_census("after the sandbox", &before);
}

/* ---- what the kernel believes of memory that was ours ---- */

static uint8_t save_page[4096] __attribute__((aligned(4096)));
static struct aeg_uenv second_uenv __attribute__((aligned(4096)));

static uint64_t
exchange_pte(void *page, uint64_t pte)
{
    struct aeg_pte_op op = { (uintptr_t)page, pte };
    uint64_t done;

    return aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), &op, 1, &done) == AEG_OK ? op.pte : 0;
}

/* An env whose save frame we filled, with a slice of its own: it is forced out and, after that, resumed from what lies there. */
static void
shaped_save_frame(void)
{
    struct aeg_env_args args = { .uenv_va = (uintptr_t)&second_uenv, .rsp = (uintptr_t)scratch };
    struct timespec pause = { 0, 400000000 };
    const volatile struct aeg_slice_info *place = aeg_info_entry(&AEG_INFO->slices, 63);
    aeg_id_t second = 0, home = place->env;
    uint64_t pte, loop;

    memset(save_page, 0xff, sizeof(save_page));
    memset(&second_uenv, 0, sizeof(second_uenv));
    __asm__ volatile("lea 1f(%%rip), %0\n\tjmp 2f\n1:\tjmp 1b\n2:" : "=r"(loop));
    args.rip = loop;
    args.uenv_frame = (*(volatile uint64_t *)(uintptr_t)aeg_window_entry((uintptr_t)&second_uenv, 1) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
    pte = exchange_pte(save_page, 0);
    args.save_frame = (pte & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
    (void)!aeg_env_create(account, CAP_SESSION, CAP_SESSION, space, &args, &second);
    tap(second != 0 && call(AEG_SYS_slice_set, 0, 63, second, CAP_CPU | CAP_SESSION << 16, 0, 0) == AEG_OK, "an env with a slice of its own");
    nanosleep(&pause, NULL);
    tap(aeg_env_destroy(second, CAP_SESSION) == AEG_OK, "what lay in its save frame did not matter");
    (void)!call(AEG_SYS_slice_set, 0, 63, home, CAP_CPU | CAP_SESSION << 16, 0, 0);
    (void)exchange_pte(save_page, pte);
}

/* The header does not fill its page: nothing of the kernel's lies in the rest. */
static void
information_page(void)
{
    const volatile uint8_t *page = (const volatile uint8_t *)AEG_INFO_BASE;
    unsigned other = 0;

    for (unsigned i = AEG_INFO->size; i < 4096; i++)
        other += page[i] != 0;
    tap(other == 0, "the information page holds nothing but information (%u bytes)", other);
}

/* A selector of a local descriptor table, at which the processor looks without a fault if there is none. */
static void
local_descriptors(void)
{
    uint8_t readable;

    __asm__ volatile("verr %w1\n\tsetz %0" : "=r"(readable) : "r"(0x0f) : "cc");
    tap(!readable, "no local descriptor table");
}

/* The session has frames in hand, so that it takes none from Aegis in the middle of a census. */
static void
frames_in_hand(void)
{
    uint8_t *pages = mmap(NULL, HAND_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        return;
    memset(pages, 1, HAND_BYTES);
    munmap(pages, HAND_BYTES);
}

int
main(void)
{
    uenv = census_uenv();
    env = uenv->env_id;
    space = census_self()->space;
    account = census_account()->id;
    printf("1..%d\n", POINTS);
    memset(scratch, 0, sizeof(scratch));    /* so that no page comes in the middle of a census */
    memset(&box, 0, sizeof(box));
    frames_in_hand();
    wild_pointers();
    wrong_names();
    long_vectors();
    forbidden_mappings();
    garbage_calls();
    sandbox();
    information_page();
    local_descriptors();
    shaped_save_frame();
    return 0;
}
