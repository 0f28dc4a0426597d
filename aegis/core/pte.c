/*
 * pte.c: leaf page-table entries: where a PTE is checked.
 *
 * Holds:    every present leaf names a plain frame (or a run of them) that is referenced once for it. No writable entry ever names a node.
 *           Here is the long way: every check from scratch, with the reason when it fails, and what a binding may remember (space.h).
 * Not here: the short way, which compares with a binding (pte_fast.c); large entries (pte_large.c); what a software bit means, which is the
 *           library's business.
 */
#include "core/pte.h"
#include "arch/x86_64/userword.h"
#include "core/cap.h"

void
pte_unref(uint64_t entry, unsigned level)
{
    for (uint64_t i = 0; i < pte_frames(level); i++)
        frame_unref(pte_frame(entry) + i);
}

/* No entry passes but 1, which names frame 0: that is nobody's. */
#define STOP_ALL UINT64_MAX

/* No entry with these bits is allowed. */
#define NO_FLAGS (AEG_PTE_P | AEG_PTE_PS)

void
pte_bind(struct pte_binding *b, struct space *target, const struct aeg_cap *cap)
{
    b->epoch = space_epoch;
    b->target = target;
    b->cap = cap;
    b->mask = name_mask(cap->length);
    b->base = NO_NODE;
    b->stop_bits = STOP_ALL;
    b->minus_flags = -NO_FLAGS;
    b->mark = NO_MARK;
}

aeg_err_t
pte_bind_node(struct pte_binding *b, uint64_t va)
{
    aeg_frame_t node;

    b->base = NO_NODE;
    b->stop_bits = STOP_ALL;
    if (!pt_walk(b->target, va, 1, &node))
        return AEG_ERR_NO_NODE;
    if (!(b->cap->rights & AEG_RIGHT_WRITE) || !name_agrees(frame_at(node)->guard, b->cap->name, b->mask))
        return AEG_ERR_CAP_DENIED;
    b->table = frame_map(node);
    b->node = frame_at(node);
    b->base = va & ~(NODE_BYTES - 1);
    if (b->cap->rights & AEG_RIGHT_READ)
        b->stop_bits = ~AEG_PTE_USER_BITS | AEG_PTE_P;
    return AEG_OK;
}

aeg_err_t
pte_bind_call(struct pte_binding *b, struct space *self, aeg_id_t id, uint64_t caps)
{
    uint32_t frame_cap = caps >> 16;
    struct space *target;
    aeg_err_t err = space_control(id, caps & 0xffff, &target);

    b->epoch = 0;
    if (err != AEG_OK)
        return err;
    if (frame_cap >= AEG_CAP_MAX || self->cap[frame_cap].rights == 0)
        return AEG_ERR_CAP_INDEX;
    pte_bind(b, target, &self->cap[frame_cap]);
    b->space_id = id;
    b->caps = caps;
    return AEG_OK;
}

aeg_err_t
pte_op_check(const struct aeg_pte_op *op)
{
    unsigned level = (op->va & AEG_VA_SIZE_MASK) + 1;
    uint64_t va = op->va & ~(FRAME_SIZE - 1ull);

    if (op->va & (FRAME_SIZE - 1) & ~AEG_VA_SIZE_MASK)
        return AEG_ERR_VA_ALIGN;
    if (!pte_size_valid(level))
        return AEG_ERR_ARGUMENT;
    if (va >= AEG_LIBRARY_TOP)
        return AEG_ERR_VA_RANGE;
    if (va & ((1ull << (3 + 9 * level)) - 1))
        return AEG_ERR_VA_ALIGN;
    if (op->pte & ~AEG_PTE_USER_BITS)
        return AEG_ERR_PTE_BITS;
    return !(op->pte & AEG_PTE_P) && (op->pte & AEG_PTE_ADDR) ? AEG_ERR_PTE_BITS : AEG_OK;
}

aeg_err_t
pte_prepare(struct pte_binding *b, uint64_t at, bool *done)
{
    struct aeg_pte_op op;
    uint64_t va, pte;
    aeg_err_t err;

    *done = false;
    user_begin();
    USER_GET(va, at);
    USER_GET(pte, at + 8);
    user_end();
    if (!(va & (FRAME_SIZE - 1)) && va < AEG_LIBRARY_TOP && pte_index(b, va) >= PT_ENTRIES && pte_bind_node(b, va) == AEG_OK)
        return AEG_OK;          /* mostly nothing else was odd */
    op = (struct aeg_pte_op){ va, pte };
    err = pte_op_check(&op);
    if (err != AEG_OK)
        return err;
    if (op.va & AEG_VA_SIZE_MASK) {
        *done = true;
        return pte_set_large(b, &op, (struct uaddr){ at });
    }
    if (pte_index(b, op.va) >= PT_ENTRIES) {
        err = pte_bind_node(b, op.va);
        if (err != AEG_OK)
            return err;
    }
    if (op.pte & AEG_PTE_P) {
        err = frame_mappable(pte_frame(op.pte), b->cap, rights_asked(op.pte));
        if (err != AEG_OK)
            return err;
        b->mark = frame_at(pte_frame(op.pte))->base = guard_mark(frame_at(pte_frame(op.pte))->guard);
        b->minus_flags = -(op.pte & ~AEG_PTE_ADDR);
    }
    return AEG_OK;
fault:
    user_end();
    return AEG_ERR_BAD_ADDRESS;
}
