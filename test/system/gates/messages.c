/*
 * messages.c: calls through a gate and back, with all registers: the way through assembly (aegis/arch/x86_64/pct_fast.asm) against the one
 * through C (aegis/core/pct.c), which a deadline chooses, in one space and between two. The host's tests run the latter alone.
 */
#include <time.h>

#include "../census/census.h"

#define POINTS 20
#define ROUNDS 200
#define FOREVER AEG_WAIT_FOREVER
#define XCR0_PKRU 0x200
#define KEY_1_CLOSED 4u
#define BIT 8u

/* All that a message is. */
struct bank {
    uint64_t word[9];               /* rbx rbp r8 r9 r10 r12 r13 r14 r15 */
    uint64_t vector[16][2];
};

static aeg_id_t account;

/* ---- the server: adds 1 to each word, doubles each half of a vector register, and notes what else it found ---- */

struct found {
    uint64_t from, kind, rest, fs_base, protection;
    uint64_t woken, woken_err, woken_bits, woken_rest;
};
struct found found;                 /* named in assembly, as are the next two */
uint64_t server_deadline, server_mask, read_protection;
static struct aeg_uenv server_uenv __attribute__((aligned(4096)));
static uint8_t server_stack[4096] __attribute__((aligned(16)));
static struct {
    aeg_id_t space, env;
    aeg_frame_t pml4, save;
} server;

extern char server_gate[], server_start[];
__asm__(".text\n"
        "server_gate:\n"
        "    mov %rdi, found(%rip)\n    mov %rsi, found+8(%rip)\n"
        "    or %rdx, %rax\n    mov %rax, found+16(%rip)\n"
        "    rdfsbase %rax\n    mov %rax, found+24(%rip)\n"
        "    cmpq $0, read_protection(%rip)\n    je 1f\n"
        "    xor %ecx, %ecx\n    rdpkru\n    mov %rax, found+32(%rip)\n"
        "1:  inc %rbx\n    inc %rbp\n    inc %r8\n    inc %r9\n    inc %r10\n    inc %r12\n    inc %r13\n    inc %r14\n    inc %r15\n"
        "    paddq %xmm0, %xmm0\n    paddq %xmm1, %xmm1\n    paddq %xmm2, %xmm2\n    paddq %xmm3, %xmm3\n"
        "    paddq %xmm4, %xmm4\n    paddq %xmm5, %xmm5\n    paddq %xmm6, %xmm6\n    paddq %xmm7, %xmm7\n"
        "    paddq %xmm8, %xmm8\n    paddq %xmm9, %xmm9\n    paddq %xmm10, %xmm10\n    paddq %xmm11, %xmm11\n"
        "    paddq %xmm12, %xmm12\n    paddq %xmm13, %xmm13\n    paddq %xmm14, %xmm14\n    paddq %xmm15, %xmm15\n"
        "server_wait:\n"
        "    mov server_mask(%rip), %rdi\n    mov server_deadline(%rip), %rsi\n    mov $0xAE600000 + 40, %eax\n    syscall\n"
        "    mov %rax, found+48(%rip)\n    mov %rdx, found+56(%rip)\n"       /* it came back by itself */
        "    or %rbp, %rbx\n    or %rdi, %rbx\n    or %rsi, %rbx\n    or %r8, %rbx\n    or %r9, %rbx\n    or %r10, %rbx\n"
        "    or %r12, %rbx\n    or %r13, %rbx\n    or %r14, %rbx\n    or %r15, %rbx\n    mov %rbx, found+64(%rip)\n"
        "    incq found+40(%rip)\n"
        "    not %rdx\n    lock and %rdx, %gs:0x60\n"                       /* notify */
        "server_start:\n"
        "    mov $-1, %rbx\n    mov %rbx, %rbp\n    mov %rbx, %r12\n    mov %rbx, %r13\n    mov %rbx, %r14\n    mov %rbx, %r15\n"
        "    jmp server_wait\n");
_Static_assert(AEG_SYS_pct_reply_wait == 0xAE600000u + 40 && offsetof(struct aeg_uenv, notify) == 0x60, "the numbers above");
_Static_assert(offsetof(struct found, woken_rest) == 64, "the offsets above");

static aeg_frame_t
frame_new(void)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    return aeg_frame_alloc(account, CAP_SESSION, CAP_SESSION, 1, &frame, &done) == AEG_OK ? frame & ~AEG_FRAME_ZERO : 0;
}

static void
frame_drop(aeg_frame_t frame)
{
    uint64_t done;

    (void)!aeg_frame_free(CAP_SESSION, &frame, 1, &done);
}

static aeg_frame_t
frame_of(uint64_t va, unsigned level)
{
    return (*(const volatile uint64_t *)(uintptr_t)aeg_window_entry(va, level) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

/* In our space, or in one of its own where our slot 0 (text and data) hangs too. Its UENV and stack are present from then on. */
static int
server_make(int apart)
{
    struct aeg_env_args args = { .uenv_va = (uintptr_t)&server_uenv, .rip = (uintptr_t)server_start, .fs_base = (uintptr_t)&server,
                                 .rsp = (uintptr_t)(server_stack + sizeof(server_stack)) };
    uint64_t index;

    memset(&server_uenv, 0, sizeof(server_uenv));
    memset(server_stack, 0, sizeof(server_stack));
    memset(&server, 0, sizeof(server));
    memset(&found, 0, sizeof(found));
    server_uenv.gate_entry = (uintptr_t)server_gate;
    server_deadline = FOREVER;
    server_mask = BIT;
    server.space = census_self()->space;
    if (apart) {
        server.pml4 = frame_new();
        if (aeg_space_create(account, CAP_SESSION, CAP_SESSION, server.pml4, &server.space) != AEG_OK ||
            aeg_pt_attach(server.space, AEG_CAPS(CAP_SESSION, CAP_SESSION), 0, 3 | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, frame_of(0, 4)) != AEG_OK ||
            aeg_cap_grant(CAP_SESSION, server.space, CAP_SESSION, AEG_RIGHT_WRITE, &index) != AEG_OK)
            return 0;
    }
    args.uenv_frame = frame_of((uintptr_t)&server_uenv, 1);
    args.save_frame = server.save = frame_new();
    return aeg_env_create(account, CAP_SESSION, CAP_SESSION, server.space, &args, &server.env) == AEG_OK &&
           aeg_yield(server.env, CAP_SESSION) == AEG_OK;
}

static void
server_end(void)
{
    aeg_err_t err;

    (void)!aeg_env_destroy(server.env, CAP_SESSION);
    frame_drop(server.save);
    if (server.pml4 == 0)
        return;
    do
        err = aeg_space_destroy(server.space, CAP_SESSION);
    while (err == AEG_ERR_AGAIN);
    frame_drop(server.pml4);
}

/* ---- the caller ---- */

/* rdi: bank, rsi: env, rdx: capability, rcx: deadline. The error of the call; the bank is what came back. */
aeg_err_t call_with(struct bank *b, aeg_id_t env, uint64_t cap, uint64_t deadline_ns);
#define EACH_VECTOR(op) \
    op(0, 72) op(1, 88) op(2, 104) op(3, 120) op(4, 136) op(5, 152) op(6, 168) op(7, 184) op(8, 200) op(9, 216) op(10, 232) op(11, 248) \
    op(12, 264) op(13, 280) op(14, 296) op(15, 312)
#define LOAD(n, at) "    movdqu " #at "(%rax), %xmm" #n "\n"
#define STORE(n, at) "    movdqu %xmm" #n ", " #at "(%rdi)\n"
__asm__(".text\n"
        "call_with:\n"
        "    push %rbx\n    push %rbp\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n    push %rdi\n"
        "    mov %rdi, %rax\n    mov %rsi, %rdi\n    mov %rdx, %rsi\n    mov %rcx, %rdx\n"
        "    mov (%rax), %rbx\n    mov 8(%rax), %rbp\n    mov 16(%rax), %r8\n    mov 24(%rax), %r9\n    mov 32(%rax), %r10\n"
        "    mov 40(%rax), %r12\n    mov 48(%rax), %r13\n    mov 56(%rax), %r14\n    mov 64(%rax), %r15\n"
        EACH_VECTOR(LOAD)
        "    mov $0xAE600000 + 37, %eax\n    syscall\n"
        "    pop %rdi\n"
        "    mov %rbx, (%rdi)\n    mov %rbp, 8(%rdi)\n    mov %r8, 16(%rdi)\n    mov %r9, 24(%rdi)\n    mov %r10, 32(%rdi)\n"
        "    mov %r12, 40(%rdi)\n    mov %r13, 48(%rdi)\n    mov %r14, 56(%rdi)\n    mov %r15, 64(%rdi)\n"
        EACH_VECTOR(STORE)
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbp\n    pop %rbx\n    ret\n");
_Static_assert(AEG_SYS_pct_call == 0xAE600000u + 37 && offsetof(struct bank, vector) == 72, "the numbers above");

static uint64_t seed = 0x9e3779b97f4a7c15ull;

/* xorshift64* (Marsaglia 2003; Vigna 2016). */
static uint64_t
any(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1dull;
}

static uint64_t
own_fs_base(void)
{
    uint64_t base;

    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

/* One call with random registers; true: what came back and what the server found is right. */
static int
exchange(uint64_t deadline_ns)
{
    uint64_t fs_base = own_fs_base();
    struct bank there, back;

    for (unsigned i = 0; i < sizeof(there) / 8; i++)
        ((uint64_t *)&there)[i] = any();
    back = there;
    if (call_with(&back, server.env, CAP_SESSION, deadline_ns) != AEG_OK)
        return 0;
    for (unsigned i = 0; i < 9; i++)
        if (back.word[i] != there.word[i] + 1)
            return 0;
    for (unsigned i = 0; i < 32; i++)
        if (back.vector[i / 2][i % 2] != 2 * there.vector[i / 2][i % 2])
            return 0;
    return found.from == census_uenv()->env_id && found.kind == AEG_GATE_CALL && found.rest == 0 && found.fs_base == (uintptr_t)&server &&
           own_fs_base() == fs_base;
}

static void
exchanges(const char *where)
{
    for (unsigned way = 0; way < 4; way++) {
        int good = 1;

        server_deadline = way & 2 ? FOREVER - 1 : FOREVER;
        for (unsigned i = 0; i < ROUNDS && good; i++)
            good = exchange(way & 1 ? FOREVER - 1 : FOREVER);
        tap(good, "every register goes and comes back, %s, call by %s and reply by %s", where, way & 1 ? "C" : "assembly",
            way & 2 ? "C" : "assembly");
    }
    server_deadline = FOREVER;
    (void)exchange(FOREVER);            /* its next wait has no deadline again */
}

static void
protection_keys(void)
{
    uint32_t after;

    if (!(AEG_INFO->xsave_mask & XCR0_PKRU)) {
        tap(1, "protection keys are no message # SKIP this CPU has none");
        return;
    }
    read_protection = 1;
    found.protection = 1;
    __asm__ volatile("wrpkru" : : "a"(KEY_1_CLOSED), "c"(0), "d"(0));
    (void)exchange(FOREVER);
    __asm__ volatile("rdpkru" : "=a"(after) : "c"(0) : "rdx");
    __asm__ volatile("wrpkru" : : "a"(0), "c"(0), "d"(0));
    read_protection = 0;
    tap(found.protection == 0 && after == 0, "protection keys are no message: open there, and open after the reply");
}

/* A gate that was left by assembly comes back as one that was left by C does. */
static void
notified(void)
{
    for (unsigned way = 0; way < 2; way++) {
        uint64_t woken = found.woken;

        server_deadline = way ? FOREVER - 1 : FOREVER;
        (void)exchange(FOREVER);
        (void)!aeg_notify(server.env, CAP_SESSION, BIT);
        found.woken_rest = 1;
        (void)!aeg_yield(server.env, CAP_SESSION);
        tap(found.woken == woken + 1 && found.woken_err == AEG_OK && found.woken_bits == BIT && found.woken_rest == 0,
            "a notification comes back to the gate with all registers of a message zero, left by %s", way ? "C" : "assembly");
    }
    server_uenv.notify = BIT;
    (void)exchange(FOREVER);
    tap(census_env(AEG_ID_INDEX(server.env))->state == AEG_ENV_READY, "one that is there already keeps the server out of its gate");
    (void)!aeg_yield(server.env, CAP_SESSION);
    tap(exchange(FOREVER), "and it goes there when it has seen it");
}

/* The error for a bad argument, the rest being good; registers are as they were. */
static int
refused(aeg_err_t want, aeg_id_t env, uint64_t cap)
{
    struct bank there, back;

    for (unsigned i = 0; i < sizeof(there) / 8; i++)
        ((uint64_t *)&there)[i] = any();
    back = there;
    return call_with(&back, env, cap, FOREVER) == want && memcmp(&there, &back, sizeof(there)) == 0;
}

static void
refusals(void)
{
    uint64_t narrow;

    (void)!aeg_cap_forge(CAP_SESSION, 1, AEG_RIGHT_ALL, &narrow);
    tap(refused(AEG_ERR_ENV, 0, CAP_SESSION) && refused(AEG_ERR_ENV, server.env + (1ull << 32), CAP_SESSION) &&
        refused(AEG_ERR_ENV, 0xffffffff, CAP_SESSION), "no such env");
    tap(refused(AEG_ERR_CAP_INDEX, server.env, AEG_CAP_MAX - 1) && refused(AEG_ERR_CAP_INDEX, server.env, AEG_CAP_MAX) &&
        refused(AEG_ERR_CAP_INDEX, server.env, 0xffffffff), "no such capability");
    tap(refused(AEG_ERR_CAP_DENIED, server.env, narrow), "a capability over something else");
    server_uenv.gate_entry = 0;
    tap(refused(AEG_ERR_UENV, server.env, CAP_SESSION), "no entry");
    server_uenv.gate_entry = AEG_USER_TOP;
    tap(refused(AEG_ERR_UENV, server.env, CAP_SESSION) && refused(AEG_ERR_NOT_READY, census_uenv()->env_id, CAP_SESSION), "no gate");
    (void)!aeg_cap_drop((uint32_t)narrow);
}

int
main(void)
{
    struct census before;

    printf("1..%u\n", POINTS);
    account = census_account()->id;
    tap(server_make(0), "a server in our space");       /* touches every page that the census will see */
    server_end();
    before = census_take();
    if (!server_make(0))
        return 1;
    exchanges("in one space");
    server_end();
    if (!server_make(1))
        return 1;
    exchanges("between spaces");
    protection_keys();
    notified();
    refusals();
    server_end();
    tap_census("nothing is left", &before);
    return 0;
}
