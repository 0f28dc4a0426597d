/*
 * pte_clear.c: a run of entries goes at once: what exit and munmap are made of (benchmark row `fork + exit + wait, static glibc ...`).
 *
 * Holds:    the run lies under one node, so that a call is bounded; one flush is for all of it. What stood there is not told, only which
 *           frames nothing binds any more.
 * Locks:    none: alone in the kernel (turn.c). Other CPUs may run the space: an entry that is not present they leave as it is.
 * Not here: entries of which the caller wants to know what they were, and large ones (pte_set).
 */
#include "arch/x86_64/userword.h"
#include "core/cap.h"
#include "core/pte.h"
#include "core/tlb.h"
#include "core/trace.h"

#define KEEP_BITS (AEG_PTE_SW | AEG_PTE_SW2)

/* How far it has come; frames that nothing binds go to the caller's list at `list`. */
struct clearing {
    uint64_t list;
    uint64_t cleared, unbound, kept;
};

static aeg_err_t
clear_check(uint64_t va, uint64_t pages, uint64_t keep, uint64_t list)
{
    if (pages > PT_ENTRIES)
        return AEG_ERR_VECTOR;
    if (va & (FRAME_SIZE - 1))
        return AEG_ERR_VA_ALIGN;
    if (va >= AEG_LIBRARY_TOP)
        return AEG_ERR_VA_RANGE;
    if ((va & (NODE_BYTES - 1)) + (pages << FRAME_SHIFT) > NODE_BYTES)
        return AEG_ERR_ARGUMENT;
    if (keep & ~KEEP_BITS)
        return AEG_ERR_PTE_BITS;
    return list > AEG_USER_TOP - PT_ENTRIES * sizeof(uint64_t) ? AEG_ERR_BAD_ADDRESS : AEG_OK;
}

/* The last reference of a plain frame goes, and the caller hears of it; or one of an orphan. False: the list cannot be written. */
static __attribute__((noinline)) bool
last_unref(struct clearing *c, aeg_frame_t frame)
{
    if (frame_at(frame)->type == AEG_FRAME_PLAIN) {
        USER_PUT(c->list + c->unbound * sizeof(uint64_t), frame);
        frame_at(frame)->refs--;
        c->unbound++;
        return true;
    }
    user_end();                 /* an orphan may go: far from user memory */
    frame_unref(frame);
    user_begin();
    return true;
fault:
    return false;
}

/* False: the list could not be written; what is done is done. */
static bool
run_clear(struct clearing *c, uint64_t *entry, uint64_t pages, uint64_t keep)
{
    uint64_t *end = entry + pages;

    user_begin();
    for (; entry != end; entry++) {
        uint64_t was = *entry;
        struct aeg_frame_info *f;

        if (!(was & AEG_PTE_P))
            continue;
        if (was & keep) {
            c->kept++;
            continue;
        }
        f = frame_at(pte_frame(was));
        if (f->refs > 1)
            f->refs--;
        else if (!last_unref(c, pte_frame(was)))
            break;
        *(volatile uint64_t *)entry = 0;
        c->cleared++;
    }
    user_end();
    return entry == end;
}

aeg_err_t
sys_pte_clear(struct sys_args *args)
{
    uint64_t va = args->a[2], pages = args->a[3], keep = args->a[4];
    struct clearing c = { .list = args->a[5] };
    struct pte_binding b;
    bool whole;
    aeg_err_t err = pte_bind_call(&b, space_current(), args->a[0], args->a[1]);

    if (err == AEG_OK)
        err = clear_check(va, pages, keep, c.list);
    if (err == AEG_OK)
        err = pte_bind_node(&b, va);
    if (err != AEG_OK)
        return err;
    whole = run_clear(&c, &b.table[pte_index(&b, va)], pages, keep);
    if (c.cleared != 0) {
        b.node->live -= c.cleared;
        tlb_flush_below(b.target, va, 1);
    }
    args->value = c.cleared | c.unbound << AEG_CLEAR_UNBOUND_SHIFT | c.kept << AEG_CLEAR_KEPT_SHIFT;
    return whole ? AEG_OK : AEG_ERR_BAD_ADDRESS;
}
