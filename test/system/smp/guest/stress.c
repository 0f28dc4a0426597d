/*
 * stress.c: what an actor does without end: memory that is allocated, mapped, written, copied, unmapped and freed, and must hold what was
 * written while it is the actor's; faults; notifications, waits, yields.
 */
#include "actor.h"

#define BUNCH 12
#define HALF (REGION_PAGES / 2)         /* of the region, to an actor of two in a space */

/* An actor that has seen something wrong says where, and goes on. */
#define WANT(a, holds) \
    do { \
        if (!(holds)) { \
            (a)->errors++; \
            (a)->line = __LINE__; \
        } \
    } while (0)

static uint64_t
va_of(const struct actor *a, uint64_t page)
{
    return REGION + ((a->number % 2 * HALF + page) << AEG_FRAME_SHIFT);
}

static uint64_t
pattern(const struct actor *a, uint64_t page, uint64_t round)
{
    return a->number << 56 ^ a->seed << 24 ^ page << 12 ^ round;
}

static void
ops_fill(const struct actor *a, struct aeg_pte_op *ops, const aeg_frame_t *frames, uint64_t first, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        ops[i].va = va_of(a, first + i);
        ops[i].pte = frames ? (frames[i] & ~AEG_FRAME_ZERO) << AEG_FRAME_SHIFT | BITS_RW : 0;
    }
}

/* Frames that are this actor's alone hold what it writes; those that the kernel calls zero do. */
static void
memory(struct actor *a, uint64_t round)
{
    struct aeg_pte_op ops[BUNCH];
    aeg_frame_t frames[BUNCH] = { 0 };
    uint64_t got = 0, done = 0, first = random_next(&a->seed) % (HALF - BUNCH), want = 1 + random_next(&a->seed) % BUNCH, v;
    aeg_err_t err = aeg_frame_alloc(a->account, a->cap, a->cap, want, frames, &got);

    WANT(a, err == AEG_OK || err == AEG_ERR_AGAIN);
    ops_fill(a, ops, frames, first, got);
    WANT(a, aeg_pte_set(a->space, AEG_CAPS(a->cap, a->cap), ops, got, &done) == AEG_OK && done == got);
    for (uint64_t i = 0; i < got; i++) {
        volatile uint64_t *p = (volatile uint64_t *)(uintptr_t)va_of(a, first + i);
        WANT(a, peek(p + 77, &v) && (v == 0 || !(frames[i] & AEG_FRAME_ZERO)));
        WANT(a, poke(p, pattern(a, i, round)) && poke(p + 511, ~pattern(a, i, round)));
    }
    if (round % 8 == 0)
        (void)aeg_yield(0, 0);
    for (uint64_t i = 0; i < got; i++) {
        volatile uint64_t *p = (volatile uint64_t *)(uintptr_t)va_of(a, first + i);
        WANT(a, peek(p, &v) && v == pattern(a, i, round));
        WANT(a, peek(p + 511, &v) && v == ~pattern(a, i, round));
    }
    ops_fill(a, ops, NULL, first, got);
    if (round % 2) {            /* freed first: they are gone when the last entry is */
        WANT(a, aeg_frame_free(a->cap, frames, got, &done) == AEG_OK && done == got);
        WANT(a, aeg_pte_set(a->space, AEG_CAPS(a->cap, a->cap), ops, got, &done) == AEG_OK && done == got);
    } else {
        WANT(a, aeg_pte_set(a->space, AEG_CAPS(a->cap, a->cap), ops, got, &done) == AEG_OK && done == got);
        WANT(a, aeg_frame_free(a->cap, frames, got, &done) == AEG_OK && done == got);
    }
    WANT(a, !poke((volatile uint64_t *)(uintptr_t)va_of(a, first), 1));
}

/* A page that is copied as fork does it is the same in both places, and writable in neither. */
static void
copying(struct actor *a, uint64_t round)
{
    uint64_t from = random_next(&a->seed) % (HALF - 1), to = (from + 1 + random_next(&a->seed) % (HALF - 2)) % HALF, done = 0, v;
    struct aeg_pte_range r = { .src_va = va_of(a, from), .dst_va = va_of(a, to), .pages = 1, .clear_src = AEG_PTE_W, .clear_dst = AEG_PTE_W };
    volatile uint64_t *p = (volatile uint64_t *)(uintptr_t)r.src_va, *q = (volatile uint64_t *)(uintptr_t)r.dst_va;
    aeg_frame_t frame = frame_new(a->account), told;
    struct aeg_pte_cleared c;

    if (frame == 0 || from == to) {
        if (frame)
            (void)frame_end(frame);
        return;
    }
    WANT(a, entry_set(a->space, r.src_va, frame << AEG_FRAME_SHIFT | BITS_RW) == AEG_OK && poke(p, pattern(a, from, round)));
    WANT(a, aeg_pte_copy(a->space, a->cap, a->space, a->cap, &r, 1, &done) == AEG_OK && done == 1);
    WANT(a, peek(q, &v) && v == pattern(a, from, round));
    WANT(a, !poke(p, 1) && !poke(q, 1));
    WANT(a, aeg_pte_clear(a->space, AEG_CAPS(a->cap, a->cap), r.src_va, 1, 0, &told, &c) == AEG_OK && c.cleared == 1 && c.unbound == 0);
    WANT(a, !peek(p, &v) && peek(q, &v) && v == pattern(a, from, round));
    WANT(a, frame_end(frame) && peek(q, &v) && v == pattern(a, from, round));
    WANT(a, entry_set(a->space, r.dst_va, 0) == AEG_OK);
}

static uint64_t
now_ns(void)
{
    return (uint64_t)((unsigned __int128)(__builtin_ia32_rdtsc() - AEG_INFO->tsc_base) * AEG_INFO->tsc_mult >> 32);
}

static void
talking(struct actor *a)
{
    struct actor *b = &actors[random_next(&a->seed) % ACTORS];
    uint64_t bits;
    aeg_err_t err = aeg_notify(b->env, a->cap, 1);

    WANT(a, err == AEG_OK || err == AEG_ERR_ENV);
    err = aeg_yield(b->env, (uint32_t)a->cap);
    WANT(a, err == AEG_OK || err == AEG_ERR_NOT_READY || err == AEG_ERR_ENV);
    err = aeg_wait(1, now_ns() + random_next(&a->seed) % 200000, 0, 0, &bits);
    WANT(a, err == AEG_ERR_TIMEOUT ? bits == 0 : err == AEG_OK && bits == 1);
    __atomic_and_fetch(&a->uenv.notify, ~1ull, __ATOMIC_SEQ_CST);
}

void
stress(struct actor *a)
{
    for (uint64_t round = 0;; round++) {
        switch (random_next(&a->seed) % 8) {
        case 0: talking(a); break;
        case 1: copying(a, round); break;
        case 2: WANT(a, aeg_null() == AEG_OK && !poke((volatile uint64_t *)16, 1)); break;
        default: memory(a, round); break;
        }
        a->done++;
    }
}
