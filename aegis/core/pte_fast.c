/*
 * pte_fast.c: pte_set, the heart of every page fault (benchmark rows `pte_set, one entry` and `pte_set, per entry`).
 *
 * Works on the caller's vector itself and compares with what the last call of this space was allowed (struct pte_binding, space.h);
 * whatever does not compare equal goes to pte_prepare, which checks it from scratch, says what is wrong, or makes the binding such that
 * another try succeeds. Two rotations make one compare of two questions: is va page-aligned and this node's (pte_index), has pte the bits
 * that were allowed and a frame that exists (pte_frame_like)? A third compare is the frame's mark: it is plain and has the guard that was
 * allowed (frame.h).
 *
 * On the hardware pte_fast.asm comes first: the same compares, on entries that nothing stands in the place of, up to the first that does
 * not pass. It leaves how many it has set in args->value, and all else is here. Host tests have this file alone.
 * Locks:    none: one CPU runs envs, or this one is alone in the kernel. Else pte_many.c does this.
 * Not here: the reasons (pte.c).
 */
#include "core/pte.h"
#include "arch/x86_64/userword.h"
#include "core/tlb.h"
#include "core/turn.h"

#define likely(x) __builtin_expect((x), 1)
#define unlikely(x) __builtin_expect((x), 0)
#define VECTOR_BYTES (AEG_VECTOR_MAX * sizeof(struct aeg_pte_op))

enum outcome {
    SET,
    ODD,                        /* not to be decided here: pte_prepare */
    FAULT,                      /* the vector is not readable or not writable there */
    TAKEN,                      /* checked; a present entry stands there, or none is wanted: entry_exchange */
};

/* An entry of the vector that has been looked at. */
struct pending {
    uint64_t va, pte;
    uint64_t *entry;
    struct aeg_frame_info *frame;   /* that pte names; NULL when it is not present */
};

/*
 * One entry of the vector, which is in the user half: read, checked, the old one written back, the new one stored. In this order nothing
 * is half done when the vector cannot be written. The caller counts the live entries of the node.
 */
static inline __attribute__((always_inline)) enum outcome
entry_set(const struct pte_binding *b, uint64_t at, struct pending *p)
{
    uint64_t va, pte, index, frame, was, *entry;
    struct aeg_frame_info *f;

    USER_GET(va, at);
    USER_GET(pte, at + 8);
    index = pte_index(b, va);
    if (unlikely(index >= PT_ENTRIES))
        return ODD;
    entry = &b->table[index];
    *p = (struct pending){ va, pte, entry, NULL };
    frame = pte_frame_like(b, pte);
    if (unlikely(frame >= frame_count)) {
        if ((pte - AEG_PTE_P) & b->stop_bits) {
            bool empty = !(pte & ~(AEG_PTE_USER_BITS & ~(AEG_PTE_P | AEG_PTE_ADDR)));
            return empty && b->base != NO_NODE ? TAKEN : ODD;
        }
        frame = pte_frame(pte);
        if (frame >= frame_count)
            return ODD;
    }
    f = frame_at(frame);
    if (unlikely(f->base != b->mark))
        return ODD;
    p->frame = f;
    was = *entry;
    if (unlikely(was & AEG_PTE_P))
        return TAKEN;
    USER_PUT(at + 8, was);
    *(volatile uint64_t *)entry = pte;
    f->refs++;
    return SET;
fault:
    return FAULT;
}

/* The next entries mostly have the same bits. */
static inline void
remember_flags(struct pte_binding *b, const struct pending *p)
{
    if (p->frame)
        b->minus_flags = -(p->pte & ~AEG_PTE_ADDR);
}

/* The old entry's frame is free of it, the flush being done. User memory is open. */
static inline void
old_unref(uint64_t was)
{
    struct aeg_frame_info *f = frame_at(pte_frame(was));

    if (likely(f->type == AEG_FRAME_PLAIN)) {
        AEG_ASSERT(f->refs != 0);
        f->refs--;
        return;
    }
    user_end();                 /* an orphan may go: far from user memory */
    frame_unref(pte_frame(was));
    user_begin();
}

/* The rest of an entry that is TAKEN. */
static inline __attribute__((always_inline)) enum outcome
entry_exchange(struct pte_binding *b, uint64_t at, const struct pending *p)
{
    uint64_t was;

    do {
        was = __atomic_load_n(p->entry, __ATOMIC_RELAXED);
        USER_PUT(at + 8, was);
    } while (unlikely(!__atomic_compare_exchange_n(p->entry, &was, p->pte, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)));
    if (was & AEG_PTE_P) {
        tlb_flush_page(b->target, p->va);
        if (p->frame && !((was ^ p->pte) & AEG_PTE_ADDR))
            return SET;         /* other rights: as many references as before */
        if (p->frame)
            p->frame->refs++;
        else
            b->node->live--;
        old_unref(was);
    } else if (p->frame) {
        p->frame->refs++;
        b->node->live++;
    }
    return SET;
fault:
    return FAULT;
}

/* Sets what it can from *at to `end` where nothing was; why it stopped. The loop works on a copy, so that it stays in registers. */
static __attribute__((noinline)) enum outcome
run_empty(struct pte_binding *b, uint64_t *at, uint64_t end)
{
    const struct pte_binding copy = *b;
    uint64_t begin = *at, i = begin;
    enum outcome outcome = SET;
    struct pending p = { .frame = NULL };

    user_begin();
    for (; i != end; i += sizeof(struct aeg_pte_op)) {
        outcome = entry_set(&copy, i, &p);
        if (unlikely(outcome != SET))
            break;
    }
    user_end();
    if (i != begin)
        b->node->live += (i - begin) / sizeof(struct aeg_pte_op);
    remember_flags(b, &p);
    *at = i;
    return outcome;
}

/* The same, whatever was there. */
static __attribute__((noinline)) enum outcome
run_taken(struct pte_binding *b, uint64_t *at, uint64_t end)
{
    enum outcome outcome = SET;
    uint64_t i = *at;
    struct pending p = { .frame = NULL };

    user_begin();
    for (; i != end; i += sizeof(struct aeg_pte_op)) {
        outcome = entry_set(b, i, &p);
        if (outcome == SET)
            b->node->live++;
        else if (outcome != TAKEN || (outcome = entry_exchange(b, i, &p)) != SET)
            break;
    }
    user_end();
    remember_flags(b, &p);
    *at = i;
    return outcome;
}

static inline uint64_t
entry_at(const struct sys_args *args)
{
    return args->a[2] + args->value * sizeof(struct aeg_pte_op);
}

/* A whole vector, without the `value` entries that are set already. value: how many were set, the one that failed being next. */
static __attribute__((noinline)) aeg_err_t
vector_set(struct pte_binding *b, struct sys_args *args)
{
    uint64_t begin = args->a[2], at = entry_at(args), end = begin + args->a[3] * sizeof(struct aeg_pte_op);
    uint64_t prepared_at = 0, prepared = 0, large = 0;
    aeg_err_t err = AEG_OK;

    if (args->a[3] > AEG_VECTOR_MAX)
        return AEG_ERR_VECTOR;
    if (begin > AEG_USER_TOP - VECTOR_BYTES)
        return args->a[3] == 0 ? AEG_OK : AEG_ERR_BAD_ADDRESS;
    while (err == AEG_OK && at != end) {
        enum outcome outcome = run_empty(b, &at, end);
        bool done = false;

        if (outcome == TAKEN)
            outcome = run_taken(b, &at, end);
        if (outcome == SET)
            break;
        prepared = at == prepared_at ? prepared + 1 : 1;
        prepared_at = at;
        /* Odd though prepared: the vector changes under our hands. */
        err = outcome == FAULT || prepared > PTE_PREPARE_MAX ? AEG_ERR_BAD_ADDRESS : pte_prepare(b, at, &done);
        if (err != AEG_OK || !done)
            continue;
        at += sizeof(struct aeg_pte_op);
        if (++large == PTE_LARGE_MAX && at != end)
            err = AEG_ERR_AGAIN;
    }
    args->value = (at - begin) / sizeof(struct aeg_pte_op);
    return err;
}

/* The end of sys_pte_set when something stands where the one entry goes. User memory is open. */
static __attribute__((noinline)) aeg_err_t
one_exchange(struct pte_binding *b, struct sys_args *args, uint64_t va, uint64_t pte, uint64_t *entry, struct aeg_frame_info *f)
{
    struct pending p = { va, pte, entry, f };
    enum outcome outcome = entry_exchange(b, entry_at(args), &p);

    user_end();
    if (outcome != SET)
        return AEG_ERR_BAD_ADDRESS;
    remember_flags(b, &p);
    args->value++;
    return AEG_OK;
}

/* The same when the one entry was odd: another node's, mostly. */
static __attribute__((noinline)) aeg_err_t
one_odd(struct pte_binding *b, struct sys_args *args)
{
    enum outcome outcome = ODD;
    struct pending p;
    bool done = false;

    for (unsigned prepared = 0; outcome == ODD && prepared < PTE_PREPARE_MAX; prepared++) {
        aeg_err_t err = pte_prepare(b, entry_at(args), &done);
        if (err != AEG_OK)
            return err;
        if (done)
            break;
        user_begin();
        outcome = entry_set(b, entry_at(args), &p);
        if (outcome == TAKEN)
            return one_exchange(b, args, p.va, p.pte, p.entry, p.frame);
        user_end();
    }
    if (!done) {
        if (outcome != SET)
            return AEG_ERR_BAD_ADDRESS;
        b->node->live++;
    }
    args->value++;
    return AEG_OK;
}

static __attribute__((noinline)) aeg_err_t
bind_and_set(struct pte_binding *b, struct sys_args *args, struct space *self)
{
    aeg_err_t err = pte_bind_call(b, self, args->a[0], args->a[1]);

    if (err != AEG_OK)
        return err;
    return args->a[3] - args->value == 1 && args->a[2] <= AEG_USER_TOP - VECTOR_BYTES ? one_odd(b, args) : vector_set(b, args);
}

aeg_err_t
pte_set_alone(struct sys_args *args)
{
    struct space *self = this_cpu()->space;

    return bind_and_set(&self->binding, args, self);
}

/* One entry, no calls but at the end: that is what keeps it short. */
aeg_err_t
sys_pte_set(struct sys_args *args)
{
    struct space *self = this_cpu()->space;
    struct pte_binding *b = &self->binding;
    uint64_t at = entry_at(args);
    enum outcome outcome;
    struct pending p;

    if (unlikely(cpus_many))
        return pte_set_many(args);
    if (unlikely(b->space_id != args->a[0] || b->caps != args->a[1] || b->epoch != space_epoch))
        return bind_and_set(b, args, self);
    if (unlikely(args->a[3] - args->value != 1 || args->a[2] > AEG_USER_TOP - VECTOR_BYTES))
        return vector_set(b, args);
    user_begin();
    outcome = entry_set(b, at, &p);
    if (unlikely(outcome == TAKEN))
        return one_exchange(b, args, p.va, p.pte, p.entry, p.frame);
    user_end();
    if (unlikely(outcome != SET))
        return outcome == FAULT ? AEG_ERR_BAD_ADDRESS : one_odd(b, args);
    b->node->live++;
    remember_flags(b, &p);
    args->value++;
    return AEG_OK;
}
