/*
 * call.c: calls that make little sense, as grammar.h has them, by envs of sessions that do not trust each other.
 *
 * Arguments are mostly plausible, since nonsense alone stops at the first check. What an env chooses follows from its seed alone.
 */
#include "fuzz.h"
#include "aegis/block.h"
#include "aegis/net.h"
#include "grammar.h"

#define CALLS (sizeof(grammar) / sizeof(grammar[0]))
#define REMEMBERED 32
_Static_assert(AEG_QUEUE_FRAMES == AEG_RING_FRAMES, "fill_queue()");
#define PRINCIPAL 0             /* of the session, in the table of its spaces */
#define CAP_LAST 31
#define LENGTH_MAX 40           /* of a vector, mostly */
#define WORDS (3 * AEG_VECTOR_MAX)

static struct memory {
    uint64_t frames[REMEMBERED], ids[REMEMBERED];
    uint64_t words[WORDS];
    uint64_t gate_stack;
} memories[ACTORS];

/* What a random address must not hit: the kernel stores results there, and this is the judge's memory. */
extern const char __executable_start[], _end[];

struct request {
    struct actor *a;
    struct memory *m;
    uint64_t nr;
    uint64_t arg[6];
};

static uint64_t
below(struct actor *a, uint64_t n)
{
    return random_next(&a->seed) % n;
}

static bool
one_in(struct actor *a, unsigned n)
{
    return below(a, n) == 0;
}

static uint64_t
garbage(struct actor *a)
{
    static const uint64_t edges[] = { 0, 1, 2, 7, 31, 32, 33, 511, 512, 513, 0xffff, 1ull << 31, UINT32_MAX, 1ull << 32, 1ull << 47,
                                      0x7effffffffffull, 0x7fffffffffffull, 0xffff800000000000ull, 1ull << 63, UINT64_MAX - 7, UINT64_MAX };
    uint64_t any = random_next(&a->seed) << 40 ^ random_next(&a->seed) << 20 ^ random_next(&a->seed);

    return one_in(a, 3) ? any >> below(a, 64) : edges[below(a, sizeof(edges) / sizeof(edges[0]))];
}

static uint64_t
any_cap(struct actor *a)
{
    return one_in(a, 12) ? below(a, CAP_LAST + 3) : one_in(a, 60) ? garbage(a) : PRINCIPAL;
}

static uint64_t
any_id(struct request *q, uint64_t usual)
{
    struct actor *a = q->a;

    if (one_in(a, 20))
        return memories[below(a, ACTORS)].ids[below(a, REMEMBERED)];    /* another's, or one that is gone */
    if (one_in(a, 40))
        return garbage(a);
    return usual == 0 || one_in(a, 4) ? q->m->ids[below(a, REMEMBERED)] : usual;
}

static uint64_t
any_frame(struct request *q)
{
    struct actor *a = q->a;

    if (one_in(a, 20))
        return below(a, AEG_INFO->frames.count + 3);
    if (one_in(a, 100))
        return garbage(a);
    return (one_in(a, 20) ? &memories[below(a, ACTORS)] : q->m)->frames[below(a, REMEMBERED)];
}

/* A few pages under a few nodes, so that calls meet again: in the region that has nodes, and in slots where they must be made. */
static uint64_t
any_va(struct actor *a)
{
    uint64_t slot = one_in(a, 3) ? REGION : (2 + below(a, 2)) << 39;

    return one_in(a, 60) ? garbage(a) : slot + (below(a, 2) << 30) * one_in(a, 4) + (below(a, 3) << 21) * one_in(a, 4) + (below(a, 6) << 12);
}

static uint64_t
any_pte(struct request *q)
{
    uint64_t bits = random_next(&q->a->seed) & (AEG_PTE_W | AEG_PTE_U | AEG_PTE_A | AEG_PTE_D);

    if (one_in(q->a, 50))
        return garbage(q->a);
    return one_in(q->a, 4) ? 0 : any_frame(q) << AEG_FRAME_SHIFT | bits | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX;
}

static uint64_t
any_count(struct actor *a)
{
    return one_in(a, 40) ? garbage(a) : 1 + below(a, one_in(a, 4) ? LENGTH_MAX : 4);
}

static uint64_t
any_pointer(struct request *q)
{
    uint64_t p = one_in(q->a, 40) ? garbage(q->a) : (uintptr_t)q->m->words;

    return p >= (uintptr_t)__executable_start && p < (uintptr_t)_end ? (uintptr_t)q->m->words : p;
}

/* ---- vectors ---- */

static void
fill_ops(struct request *q)
{
    struct aeg_pte_op *ops = (void *)q->m->words;

    for (unsigned i = 0; i < LENGTH_MAX; i++)
        ops[i] = (struct aeg_pte_op){ any_va(q->a) + one_in(q->a, 20), any_pte(q) };
}

static void
fill_ranges(struct request *q)
{
    struct aeg_pte_range *r = (void *)q->m->words;
    struct actor *a = q->a;

    for (unsigned i = 0; i < LENGTH_MAX; i++)
        r[i] = (struct aeg_pte_range){ .src_va = any_va(a), .dst_va = any_va(a), .pages = one_in(a, 10) ? garbage(a) : below(a, 600),
                                       .done = one_in(a, 20) ? garbage(a) : 0, .clear_src = one_in(a, 2) ? AEG_PTE_W : 0,
                                       .set_src = one_in(a, 40) ? garbage(a) : 0, .clear_dst = one_in(a, 40) ? garbage(a) : AEG_PTE_W,
                                       .set_dst = one_in(a, 2) ? AEG_PTE_NX : 0 };
}

static void
fill_env(struct request *q)
{
    *(struct aeg_env_args *)(void *)q->m->words = (struct aeg_env_args){
        .uenv_frame = any_frame(q), .save_frame = any_frame(q), .uenv_va = any_va(q->a), .rip = any_va(q->a), .rsp = any_va(q->a)
    };
}

static void
fill_limits(struct request *q)
{
    struct aeg_limits *l = (void *)q->m->words;

    for (unsigned k = 0; k < AEG_KINDS; k++) {
        l->guarantee[k] = one_in(q->a, 20) ? garbage(q->a) : 0;
        l->limit[k] = one_in(q->a, 20) ? garbage(q->a) : below(q->a, 30);
    }
}

/* struct aeg_blockq_args and struct aeg_ring_args begin alike. */
static void
fill_queue(struct request *q)
{
    uint64_t *word = q->m->words;

    for (unsigned i = 0; i < AEG_RING_FRAMES; i++)
        *word++ = any_frame(q);
    *word++ = any_id(q, q->a->env);
    *word++ = garbage(q->a);
    *word++ = one_in(q->a, 20) ? garbage(q->a) : 0;
}

static void
fill_frames(struct request *q)
{
    bool wish = q->nr == AEG_SYS_frame_alloc && !one_in(q->a, 20);

    for (unsigned i = 0; i < LENGTH_MAX; i++)
        q->m->words[i] = wish ? 0 : any_frame(q);
}

static void
fill(struct request *q)
{
    switch (q->nr) {
    case AEG_SYS_pte_set: fill_ops(q); break;
    case AEG_SYS_pte_copy: fill_ranges(q); break;
    case AEG_SYS_env_create: fill_env(q); break;
    case AEG_SYS_account_create: fill_limits(q); break;
    case AEG_SYS_blockq_create:
    case AEG_SYS_ring_create: fill_queue(q); break;
    default: fill_frames(q);
    }
}

/* ---- the call ---- */

static uint64_t
argument(struct request *q, char kind)
{
    struct actor *a = q->a;
    uint64_t level = 1 + below(a, 3);

    switch (kind) {
    case 'A': return any_id(q, a->account);
    case 'S': return any_id(q, a->space);
    case 'E': return any_id(q, one_in(a, 3) ? 0 : one_in(a, 2) ? a->env : a->other->env);
    case 'Q': return any_id(q, 0);
    case 'c': return any_cap(a);
    case 'C': return AEG_CAPS(any_cap(a), any_cap(a));
    case 'k': return one_in(a, 3) ? 0 : below(a, 0x8000);
    case 'r': return one_in(a, 2) ? AEG_RIGHT_ALL : below(a, AEG_RIGHT_ALL + 1);
    case 'f': return any_frame(q);
    case 'V': return any_va(a);
    case 'b': return one_in(a, 40) ? garbage(a) : one_in(a, 2) ? AEG_PTE_SW : 0;
    case 'v': return any_va(a) & ~((1ull << (12 + 9 * level)) - 1);
    case 'a': return (any_va(a) & ~((1ull << (12 + 9 * level)) - 1)) | level;
    case 'l': return (one_in(a, 30) ? garbage(a) : level) | (one_in(a, 3) ? 0 : AEG_ATTACH_WRITE) | (one_in(a, 6) ? AEG_ATTACH_SPLIT : 0);
    case 'p': return any_pointer(q);
    case 'n': return any_count(a);
    case 'K': return below(a, AEG_KINDS + 1);
    case 't': return one_in(a, 20) ? garbage(a) : fuzz_now_ns() + below(a, 300000);
    case 'm': return garbage(a);
    default: return one_in(a, 2) ? below(a, 70) : garbage(a);
    }
}

/* Every register may come back changed: other envs' messages and gates lie behind these calls. */
static aeg_err_t
make(struct request *q, uint64_t *value)
{
    uint64_t err = q->nr, a = q->arg[0], b = q->arg[1], c = q->arg[2], rbx = 0;
    register uint64_t r8 __asm__("r8") = q->arg[4];
    register uint64_t r9 __asm__("r9") = q->arg[5];
    register uint64_t r10 __asm__("r10") = q->arg[3];

    __asm__ volatile("push %%rbp\n\tsyscall\n\tpop %%rbp"
                     : "+a"(err), "+D"(a), "+S"(b), "+d"(c), "+b"(rbx), "+r"(r8), "+r"(r9), "+r"(r10)
                     :
                     : "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    *value = c;
    return (aeg_err_t)err;
}

static void
learn(struct request *q, uint64_t value)
{
    struct memory *m = q->m;

    if (q->nr == AEG_SYS_frame_alloc && q->arg[4] == (uintptr_t)m->words)
        for (uint64_t i = 0; i < value && i < LENGTH_MAX; i++)
            m->frames[below(q->a, REMEMBERED)] = m->words[i] & ~AEG_FRAME_ZERO;
    if (q->nr == AEG_SYS_space_create || q->nr == AEG_SYS_env_create || q->nr == AEG_SYS_account_create || q->nr == AEG_SYS_blockq_create ||
        q->nr == AEG_SYS_ring_create || q->nr == AEG_SYS_filter_bind)
        m->ids[below(q->a, REMEMBERED)] = value;
}

static uint64_t
any_call(struct actor *a)
{
    uint64_t all = 0, at;

    for (unsigned i = 0; i < CALLS; i++)
        all += grammar[i].weight;
    at = below(a, all);
    for (unsigned i = 0;; i++) {
        if (at < grammar[i].weight)
            return AEG_SYS_BASE + i;
        at -= grammar[i].weight;
    }
}

static void
one(struct actor *a, struct memory *m)
{
    struct request q = { .a = a, .m = m, .nr = any_call(a) };
    const char *kinds = grammar[q.nr - AEG_SYS_BASE].args;
    aeg_err_t err;
    uint64_t value, v;

    fill(&q);
    for (unsigned i = 0; i < 6 && kinds[i]; i++)
        q.arg[i] = argument(&q, kinds[i]);
    if ((q.nr == AEG_SYS_cap_drop || q.nr == AEG_SYS_cap_revoke) && !one_in(a, 400))
        q.arg[0] |= 1;          /* who has lost his principal does nothing worth while any more */
    err = make(&q, &value);
    a->done++;
    if ((unsigned)err > AEG_ERR_UNSUPPORTED) {
        a->errors++;
        a->line = q.nr;
    }
    if (err == AEG_OK) {
        fuzz_good[q.nr - AEG_SYS_BASE]++;
        learn(&q, value);
    }
    v = any_va(a) & ~7ull;
    if (one_in(a, 8) && (v >> 39) - 1 < 3 && (one_in(a, 2) ? poke((volatile uint64_t *)(uintptr_t)v, v) : peek((volatile uint64_t *)(uintptr_t)v, &value)))
        a->refused++;           /* an access that was none */
}

volatile uint64_t fuzz_good[CALLS_MAX];

/* A message came in, and whatever was under way is forgotten. gs:0x810: the actor; gs:0x818: its stack. */
__asm__(".text\n.globl fuzz_gate\nfuzz_gate:\n\tmov %gs:0x810, %rdi\n\tmov %gs:0x818, %rsp\n\tcall fuzz\n\tud2\n");

void
fuzz(struct actor *a)
{
    struct memory *m = &memories[a - actors];

    for (;;)
        one(a, m);
}
