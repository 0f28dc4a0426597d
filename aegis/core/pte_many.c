/*
 * pte_many.c: pte_set where several CPUs run envs: beside others, that may set the same entries at the same time.
 *
 * Holds:    an entry is exchanged as a whole, and whoever took one out answers for its frame: the references of all that a call took out are
 *           dropped at its end, when all TLBs have heard of it. A new frame is checked and bound in one step.
 * Locks:    the frame's, for each frame. Nodes stay where they are beside others; their counts change by atomic additions.
 * Not here: large entries: what is left of the vector from there on is set alone (pte_fast.c).
 */
#include "arch/x86_64/arch.h"
#include "core/cap.h"
#include "core/pte.h"
#include "core/tlb.h"
#include "core/turn.h"

/* What a call took out: each entry of its vector may have one. */
struct dropped {
    aeg_frame_t frame[AEG_VECTOR_MAX];
    uint32_t count;
};

/* The level-1 entry for va, whose node is in hand then. */
static aeg_err_t
entry_find(struct pte_binding *b, uint64_t va, uint64_t **entry)
{
    aeg_err_t err = AEG_OK;

    if (pte_index(b, va) >= PT_ENTRIES)
        err = pte_bind_node(b, va);
    if (err == AEG_OK)
        *entry = &b->table[pte_index(b, va)];
    return err;
}

/* *was: what stood there. Nothing is changed when that cannot be written to the vector. */
static bool
exchange(uint64_t *entry, uint64_t pte, struct uaddr to, uint64_t *was)
{
    *was = __atomic_load_n(entry, __ATOMIC_RELAXED);
    do {
        if (!copy_out(to, was, sizeof(*was)))
            return false;
    } while (!__atomic_compare_exchange_n(entry, was, pte, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return true;
}

static aeg_err_t
set_one(struct pte_binding *b, const struct aeg_pte_op *op, struct uaddr at, struct dropped *d)
{
    bool present = op->pte & AEG_PTE_P;
    uint64_t was, *entry;
    aeg_err_t err = entry_find(b, op->va, &entry);

    if (err == AEG_OK && present)
        err = frame_map_ref(pte_frame(op->pte), b->cap, rights_asked(op->pte));
    if (err != AEG_OK)
        return err;
    if (!exchange(entry, op->pte, (struct uaddr){ at.v + offsetof(struct aeg_pte_op, pte) }, &was)) {
        if (present)
            frame_unref(pte_frame(op->pte));
        return AEG_ERR_BAD_ADDRESS;
    }
    if (was & AEG_PTE_P) {
        tlb_flush_page(b->target, op->va);
        d->frame[d->count++] = pte_frame(was);
    }
    if (present != (was & AEG_PTE_P))
        __atomic_add_fetch(&b->node->live, present ? 1 : UINT32_MAX, __ATOMIC_RELAXED);
    return AEG_OK;
}

/* value: how many were set. *alone: the next one is for somebody who is alone. */
static aeg_err_t
vector_set(struct pte_binding *b, struct sys_args *args, struct dropped *d, bool *alone)
{
    aeg_err_t err = AEG_OK;

    while (err == AEG_OK && args->value < args->a[3]) {
        struct uaddr at = { args->a[2] + args->value * sizeof(struct aeg_pte_op) };
        struct aeg_pte_op op;

        if (!copy_in(&op, at, sizeof(op)))
            return AEG_ERR_BAD_ADDRESS;
        err = pte_op_check(&op);
        *alone = err == AEG_OK && (op.va & AEG_VA_SIZE_MASK);
        if (*alone)
            return AEG_OK;
        if (err == AEG_OK)
            err = set_one(b, &op, at, d);
        args->value += err == AEG_OK;
    }
    return err;
}

aeg_err_t
pte_set_many(struct sys_args *args)
{
    struct cpu *cpu = this_cpu();
    struct dropped d;
    struct pte_binding b;
    bool alone = false;
    aeg_err_t err = pte_bind_call(&b, cpu->space, args->a[0], args->a[1]);

    if (err != AEG_OK)
        return err;
    if (args->a[3] > AEG_VECTOR_MAX)
        return AEG_ERR_VECTOR;
    d.count = 0;
    err = vector_set(&b, args, &d, &alone);
    tlb_settle(cpu);
    for (uint32_t i = 0; i < d.count; i++)
        frame_unref(d.frame[i]);
    if (!alone)
        return err;
    turn_upgrade(cpu);
    return pte_set_alone(args);
}
