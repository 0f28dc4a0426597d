/*
 * registers.c: what one space leaves in the registers, looked for in another, and what an upcall finds in the flags.
 *
 * Two envs in bare spaces of their own run the code below: one leaves values wherever a program can, the other stores what it finds in a
 * page that both see. They meet by a yield, by a message, and by its reply. The library knows nothing of them.
 */
#include <stdlib.h>

#include "../census/census.h"

#define POINTS 32
#define PAGE 4096ull
#define CODE_VA 0x10000000ull       /* addresses in the bare spaces; the code below has them, too */
#define DATA_VA 0x10001000ull
#define UENV_VA 0x10002000ull
#define STACK_VA 0x10003000ull
#define SECRET 0x5ec3e75ec3e75ec3ull
#define CALLER_FS 0x1111000ull

/* What `look` stores. */
struct seen {
    uint8_t fx[512];                /* FXSAVE */
    uint64_t gpr[16];               /* in the order of their numbers, rsp among them */
    uint64_t flags, selector[4], pkru, fs_base, gs_base;
    uint64_t unused[4];
};
_Static_assert(sizeof(struct seen) == 736, "the code below");
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* The page that both spaces see. */
struct shared {
    uint64_t keys;                  /* protection keys exist: rdpkru may be used */
    uint64_t other, parent;         /* envs to go to */
    uint64_t upcall_flags[4];       /* at the handlers: fault, page fault, foreign call */
    uint64_t upcalls;
    struct seen seen[3] __attribute__((aligned(64)));   /* BY_* */
};
enum { BY_YIELD, BY_MESSAGE, BY_REPLY };
_Static_assert(offsetof(struct shared, seen) == 64, "the code below");

extern char code_begin[], code_end[], leave_by_yield[], look_by_yield[], leave_by_call[], gate_wait[], gate[], raise[], on_upcall[],
    on_foreign[];

__asm__(
    ".macro LOOK at\n"
    "    mov %rax, \\at + 512 + 0\n"
    "    mov %rcx, \\at + 512 + 8\n"
    "    mov %rdx, \\at + 512 + 16\n"
    "    mov %rbx, \\at + 512 + 24\n"
    "    mov %rsp, \\at + 512 + 32\n"
    "    mov %rbp, \\at + 512 + 40\n"
    "    mov %rsi, \\at + 512 + 48\n"
    "    mov %rdi, \\at + 512 + 56\n"
    "    mov %r8, \\at + 512 + 64\n"
    "    mov %r9, \\at + 512 + 72\n"
    "    mov %r10, \\at + 512 + 80\n"
    "    mov %r11, \\at + 512 + 88\n"
    "    mov %r12, \\at + 512 + 96\n"
    "    mov %r13, \\at + 512 + 104\n"
    "    mov %r14, \\at + 512 + 112\n"
    "    mov %r15, \\at + 512 + 120\n"
    "    pushfq\n"
    "    popq \\at + 640\n"
    "    mov %ds, %eax\n"
    "    mov %rax, \\at + 648\n"
    "    mov %es, %eax\n"
    "    mov %rax, \\at + 656\n"
    "    mov %fs, %eax\n"
    "    mov %rax, \\at + 664\n"
    "    mov %gs, %eax\n"
    "    mov %rax, \\at + 672\n"
    "    rdfsbase %rax\n"
    "    mov %rax, \\at + 688\n"
    "    rdgsbase %rax\n"
    "    mov %rax, \\at + 696\n"
    "    fxsave64 \\at\n"
    "    cmpq $0, 0x10001000\n"
    "    je 1f\n"
    "    xor %ecx, %ecx\n"
    "    rdpkru\n"
    "    mov %rax, \\at + 680\n"
    "1:\n"
    ".endm\n"

    /* Everything a program can leave; flags last. rax, rcx, rdi, rsi and r11 are the call's. */
    ".macro POISON fs_base\n"
    "    cmpq $0, 0x10001000\n"
    "    je 1f\n"
    "    mov $0xfffffffc, %eax\n"
    "    xor %ecx, %ecx\n"
    "    xor %edx, %edx\n"
    "    wrpkru\n"
    "1:  ldmxcsr odd_mxcsr\n"
    "    fldcw odd_fcw\n"
    "    fldpi\n"
    "    fld1\n"
    "    fdivs no_number\n"             /* masked by nothing: pending from now on */
    "    mov $0x5ec3e75ec3e75ec3, %rbx\n"
    "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "    movq %rbx, %xmm\\n\n"
    "    .endr\n"
    "    mov $3, %eax\n"
    "    mov %eax, %ds\n"
    "    mov %ss, %eax\n"
    "    mov %eax, %es\n"
    "    mov $2, %eax\n"
    "    mov %eax, %fs\n"
    "    mov $1, %eax\n"
    "    mov %eax, %gs\n"
    "    mov $\\fs_base, %eax\n"
    "    wrfsbase %rax\n"
    "    .irp r, rbp, r8, r9, r10, r12, r13, r14, r15, rdx\n"
    "    mov %rbx, %\\r\n"
    "    .endr\n"
    ".endm\n"
    ".macro ODD_FLAGS\n"
    "    pushq $0x244ed7\n"             /* ID, AC, NT, DF, and the arithmetic ones */
    "    popfq\n"
    ".endm\n"

    ".pushsection .text\n"
    ".balign 64\n"
    "code_begin:\n"
    "odd_mxcsr_here: .long 0xe07f\n"
    "odd_fcw_here: .word 0x0c40\n"
    "    .word 0\n"
    "no_number_here: .long 0\n"
    "    .set odd_mxcsr, 0x10000000\n"
    "    .set odd_fcw, 0x10000004\n"
    "    .set no_number, 0x10000008\n"

    "leave_by_yield:\n"
    "    POISON 0x1111000\n"
    "    mov 0x10001008, %rdi\n"
    "    xor %esi, %esi\n"
    "    mov $0xae600000 + 19, %eax\n"
    "    ODD_FLAGS\n"
    "    syscall\n"
    "    ud2\n"

    "look_by_yield:\n"                  /* from where a new env begins */
    "    LOOK 0x10001040\n"
    "go_home:\n"
    "    mov 0x10001010, %rdi\n"
    "    xor %esi, %esi\n"
    "    mov $0xae600000 + 19, %eax\n"
    "    syscall\n"
    "    ud2\n"

    "gate_wait:\n"
    "    xor %edi, %edi\n"
    "    mov $-1, %rsi\n"
    "    mov $0xae600000 + 40, %eax\n"
    "    syscall\n"
    "    ud2\n"
    "gate:\n"
    "    LOOK 0x10001320\n"
    "    POISON 0x2222000\n"
    "    xor %edi, %edi\n"
    "    mov $-1, %rsi\n"
    "    mov $0xae600000 + 40, %eax\n"
    "    ODD_FLAGS\n"
    "    syscall\n"
    "    ud2\n"

    "leave_by_call:\n"
    "    POISON 0x1111000\n"
    "    mov 0x10001008, %rdi\n"
    "    xor %esi, %esi\n"
    "    mov $-1, %rdx\n"
    "    mov $0xae600000 + 37, %eax\n"
    "    ODD_FLAGS\n"
    "    syscall\n"
    "    LOOK 0x10001600\n"
    "    jmp go_home\n"

    /* Three upcalls with all flags set that would hurt a handler; the trap flag with those that come before it strikes. */
    "raise:\n"
    "    pushq $0x244fd7\n"
    "    popfq\n"
    "    ud2\n"
    "on_upcall:\n"
    "    pushfq\n"
    "    pop %rax\n"
    "    mov 0x10001038, %rcx\n"
    "    mov %rax, 0x10001018(,%rcx,8)\n"
    "    incq 0x10001038\n"
    "    test %rcx, %rcx\n"
    "    jnz 2f\n"
    "    pushq $0x244fd7\n"
    "    popfq\n"
    "    mov 0, %eax\n"                 /* nothing is mapped there */
    "2:  mov $39, %eax\n"
    "    pushq $0x244ed7\n"
    "    popfq\n"
    "    syscall\n"
    "    ud2\n"
    "on_foreign:\n"
    "    pushfq\n"
    "    popq 0x10001028\n"
    "    jmp go_home\n"
    "code_end:\n"
    ".popsection\n");
_Static_assert(AEG_SYS_yield == 0xae600000u + 19 && AEG_SYS_pct_call == 0xae600000u + 37 && AEG_SYS_pct_reply_wait == 0xae600000u + 40,
               "the numbers above");

/* ---- bare spaces ---- */

struct bare {
    aeg_id_t space, env;
    struct aeg_uenv *uenv;          /* as this program sees it */
    aeg_frame_t frame[8];
    unsigned frames;
    void *page;
};

static aeg_id_t account;
static uint8_t pages[6][PAGE] __attribute__((aligned(PAGE)));   /* so that nothing is allocated while the census waits */
static struct shared *const shared = (struct shared *)pages[0];
static uint8_t *const code = pages[1];

static void
must(aeg_err_t err, const char *what)
{
    if (err == AEG_OK)
        return;
    printf("# %s: error %u\n", what, err);
    exit(1);
}

static aeg_frame_t
frame_new(struct bare *b)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    must(aeg_frame_alloc(account, CAP_SESSION, CAP_SESSION, 1, &frame, &done), "frame_alloc");
    return b->frame[b->frames++] = frame & ~AEG_FRAME_ZERO;
}

static void
map(struct bare *b, uint64_t va, const void *page, uint64_t bits)
{
    uint64_t entry = *(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)(uintptr_t)page, 1), done;
    struct aeg_pte_op op = { va, (entry & AEG_PTE_ADDR) | AEG_PTE_P | AEG_PTE_U | bits };

    must(aeg_pte_set(b->space, AEG_CAPS(CAP_SESSION, CAP_SESSION), &op, 1, &done), "pte_set");
}

static void
bare_make(struct bare *b, unsigned place, const char *start)
{
    struct aeg_env_args args = { .uenv_va = UENV_VA, .rip = CODE_VA + (uint64_t)(start - code_begin), .rsp = STACK_VA + PAGE };
    uint64_t cap;

    *b = (struct bare){ .uenv = (struct aeg_uenv *)pages[2 + 2 * place], .page = pages[3 + 2 * place] };
    memset(b->uenv, 0, PAGE);
    memset(b->page, 0, PAGE);
    must(aeg_space_create(account, CAP_SESSION, CAP_SESSION, frame_new(b), &b->space), "space_create");
    must(aeg_cap_grant(CAP_SESSION, b->space, CAP_SESSION, AEG_RIGHT_ALL, &cap), "cap_grant");
    for (unsigned level = 3; level >= 1; level--)
        must(aeg_pt_attach(b->space, AEG_CAPS(CAP_SESSION, CAP_SESSION), CODE_VA & ~((1ull << (12 + 9 * level)) - 1),
                           level | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC, frame_new(b)), "pt_attach");
    map(b, CODE_VA, code, 0);
    map(b, DATA_VA, shared, AEG_PTE_W | AEG_PTE_NX);
    map(b, UENV_VA, b->uenv, AEG_PTE_W | AEG_PTE_NX);
    map(b, STACK_VA, b->page, AEG_PTE_W | AEG_PTE_NX);
    args.uenv_frame = (*(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)(uintptr_t)b->uenv, 1) & AEG_PTE_ADDR) >> 12;
    args.save_frame = frame_new(b);
    must(aeg_env_create(account, CAP_SESSION, CAP_SESSION, b->space, &args, &b->env), "env_create");
}

static void
bare_end(struct bare *b)
{
    uint64_t done;
    aeg_err_t err;

    must(aeg_env_destroy(b->env, CAP_SESSION), "env_destroy");
    do
        err = aeg_space_destroy(b->space, CAP_SESSION);
    while (err == AEG_ERR_AGAIN);
    must(err, "space_destroy");
    must(aeg_frame_free(CAP_SESSION, b->frame, b->frames, &done), "frame_free");
}

static void
run(const struct bare *b)
{
    must(aeg_yield(b->env, CAP_SESSION), "yield");
}

/* ---- what was found ---- */

static uint64_t
word_at(const struct seen *s, unsigned offset, unsigned bytes)
{
    uint64_t word = 0;

    memcpy(&word, s->fx + offset, bytes);
    return word;
}

/* How arithmetic behaves, and what is no message however one comes. */
static void
check_modes(const struct seen *s, uint64_t fs_base, const char *how)
{
    tap((s->selector[0] | s->selector[1] | s->selector[2] | s->selector[3]) == 0, "%s: segment selectors %llx %llx %llx %llx", how,
        (unsigned long long)s->selector[0], (unsigned long long)s->selector[1], (unsigned long long)s->selector[2],
        (unsigned long long)s->selector[3]);
    tap(word_at(s, 24, 4) == 0x1f80, "%s: MXCSR %llx", how, (unsigned long long)word_at(s, 24, 4));
    tap(word_at(s, 0, 2) == 0x37f && word_at(s, 2, 2) == 0 && word_at(s, 4, 1) == 0, "%s: x87 control %llx, status %llx, tags %llx", how,
        (unsigned long long)word_at(s, 0, 2), (unsigned long long)word_at(s, 2, 2), (unsigned long long)word_at(s, 4, 1));
    tap(word_at(s, 6, 2) == 0 && word_at(s, 8, 8) == 0 && word_at(s, 16, 8) == 0, "%s: x87 pointers", how);
    tap(s->pkru == 0, "%s: protection keys %llx", how, (unsigned long long)s->pkru);
    tap(s->fs_base == fs_base && s->gs_base == UENV_VA, "%s: FS base %llx, GS base %llx", how, (unsigned long long)s->fs_base,
        (unsigned long long)s->gs_base);
}

static void
check_no_message(const struct seen *s, const char *how)
{
    unsigned secrets = 0;

    for (unsigned r = RAX; r <= R15; r++)
        secrets += s->gpr[r] == SECRET;
    tap(secrets == 0, "%s: no general register is another's", how);
    secrets = 0;
    for (unsigned at = 32; at < 416; at++)
        secrets += s->fx[at] != 0;
    tap(secrets == 0, "%s: no vector or x87 register is another's", how);
    tap(s->flags == 0x202, "%s: flags %llx", how, (unsigned long long)s->flags);
}

static void
check_message(const struct seen *s, const char *how)
{
    static const uint8_t carries[] = { RBX, RBP, R8, R9, R10, R12, R13, R14, R15 };
    unsigned arrived = 0;

    for (unsigned i = 0; i < sizeof(carries); i++)
        arrived += s->gpr[carries[i]] == SECRET;
    for (unsigned x = 0; x < 16; x++)
        arrived += word_at(s, 160 + 16 * x, 8) == SECRET;
    tap(arrived == sizeof(carries) + 16, "%s: the message itself arrives (%u words)", how, arrived);
    tap(s->gpr[RAX] == 0 && s->gpr[RDX] == 0, "%s: rax and rdx are the kernel's", how);
}

static void
meet_by_yield(void)
{
    struct bare leaver, looker;

    bare_make(&looker, 0, look_by_yield);
    bare_make(&leaver, 1, leave_by_yield);
    shared->other = looker.env;
    run(&leaver);
    check_modes(&shared->seen[BY_YIELD], 0, "by a yield");
    check_no_message(&shared->seen[BY_YIELD], "by a yield");
    bare_end(&leaver);
    bare_end(&looker);
}

static void
meet_by_message(void)
{
    struct bare leaver, looker;

    bare_make(&looker, 0, gate_wait);
    bare_make(&leaver, 1, leave_by_call);
    looker.uenv->gate_entry = CODE_VA + (uint64_t)(gate - code_begin);
    shared->other = looker.env;
    run(&looker);
    run(&leaver);
    check_modes(&shared->seen[BY_MESSAGE], 0, "by a message");
    check_message(&shared->seen[BY_MESSAGE], "by a message");
    tap(shared->seen[BY_MESSAGE].flags == 0x202, "by a message: flags %llx", (unsigned long long)shared->seen[BY_MESSAGE].flags);
    check_modes(&shared->seen[BY_REPLY], CALLER_FS, "by a reply");
    check_message(&shared->seen[BY_REPLY], "by a reply");
    bare_end(&leaver);
    bare_end(&looker);
}

static void
meet_upcalls(void)
{
    static const char *const where[] = { "the handler of an undefined instruction", "the handler of a page fault", "the entry of a foreign call" };
    struct bare env;

    bare_make(&env, 0, raise);
    env.uenv->fault_entry = CODE_VA + (uint64_t)(on_upcall - code_begin);
    env.uenv->foreign_entry = CODE_VA + (uint64_t)(on_foreign - code_begin);
    for (unsigned i = 0; i < 3; i++)
        env.uenv->frame[i].handler_rsp = STACK_VA + PAGE - 256 * (i + 1);
    run(&env);
    for (unsigned i = 0; i < 3; i++)
        tap(shared->upcall_flags[i] == 0x202, "flags at %s: %llx", where[i], (unsigned long long)shared->upcall_flags[i]);
    for (unsigned i = 0; i < 2; i++)
        tap((env.uenv->frame[i].rflags & 0x244fd7) == 0x244fd7, "those before it are in the frame: %llx",
            (unsigned long long)env.uenv->frame[i].rflags);
    bare_end(&env);
}

int
main(void)
{
    struct census before;

    setvbuf(stdout, NULL, _IONBF, 0);
    printf("1..%d\n", POINTS);
    account = census_account()->id;
    memset(pages, 0, sizeof(pages));
    memcpy(code, code_begin, (size_t)(code_end - code_begin));
    shared->keys = (AEG_INFO->cpu_features & AEG_CPU_PKU) != 0;
    shared->parent = census_uenv()->env_id;
    before = census_take();
    meet_by_yield();
    meet_by_message();
    meet_upcalls();
    tap_census("after all of them", &before);
    return 0;
}
