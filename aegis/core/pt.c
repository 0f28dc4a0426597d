/*
 * pt.c: page-table nodes: where they hang, and who may hang them.
 *
 * Holds:    every present entry at levels 4-2 names a node of the level below whose base is the entry's address, or (levels 3 and 2) a
 *           large page. A node's `live` counts its present entries, its `refs` the entries and spaces that name it. Nodes are never mapped
 *           but through the read-only window.
 * Not here: leaf entries as the library sets them (pte.c).
 */
#include "core/pt.h"
#include "arch/x86_64/arch.h"
#include "core/account.h"
#include "core/frame.h"
#include "core/pte.h"
#include "core/tlb.h"

uint64_t *info_pdpt;            /* the PDPT of the exposed window, info.c */

static inline uint64_t
entry_frame(uint64_t entry)
{
    return (entry & AEG_PTE_ADDR) >> FRAME_SHIFT;
}

void
pt_init_root(aeg_frame_t pml4)
{
    uint64_t *root = frame_map(pml4);

    memcpy(root + 256, kernel_pml4 + 256, 256 * sizeof(*root));
    root[AEG_WINDOW_SLOT] = pml4 << FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_A | AEG_PTE_NX;
    root[AEG_INFO_SLOT] = direct_unmap(info_pdpt) | AEG_PTE_P | AEG_PTE_U | AEG_PTE_A | AEG_PTE_NX;
}

static aeg_err_t
node_va_check(uint64_t va, unsigned level)
{
    if (level < 1 || level > 3)
        return AEG_ERR_ARGUMENT;
    if (va >= AEG_LIBRARY_TOP)
        return AEG_ERR_VA_RANGE;
    return va & ((1ull << (12 + 9 * level)) - 1) ? AEG_ERR_VA_ALIGN : AEG_OK;
}

struct attach {
    struct space *space;
    uint64_t *entry;            /* in the parent */
    aeg_frame_t parent, node;
    unsigned level;
    uint64_t va;
    uint64_t bits;
    bool fresh;                 /* the frame is not a node yet */
    bool splits;                /* a large page, whose place it takes */
};

/* Is the frame a node that may hang at (level, va), or a frame that may become one? */
static aeg_err_t
attach_check_node(struct attach *at, const struct space *caller, uint32_t cap, bool writable)
{
    struct aeg_frame_info *f;
    aeg_err_t err;

    if (at->node >= frame_count || frame_at(at->node)->type == AEG_FRAME_NONE)
        return AEG_ERR_FRAME;
    f = frame_at(at->node);
    if (f->type == AEG_FRAME_SAVE)
        return AEG_ERR_FRAME_BUSY;
    if (f->type != AEG_FRAME_NODE && f->type != AEG_FRAME_PLAIN)
        return AEG_ERR_FRAME_FREE;
    at->fresh = f->type == AEG_FRAME_PLAIN;
    err = space_cap_check(caller, cap, f->guard, at->fresh || writable ? AEG_RIGHT_READ | AEG_RIGHT_WRITE : AEG_RIGHT_READ);
    if (err != AEG_OK)
        return err;
    if (at->splits && !at->fresh)
        return AEG_ERR_NODE_TAKEN;
    if (at->fresh && f->refs != 0)
        return AEG_ERR_FRAME_BUSY;
    if (at->fresh)
        return frame_nodes >= FRAME_NODES_MAX ? AEG_ERR_NOMEM : AEG_OK;
    return f->level != at->level || f->base != at->va ? AEG_ERR_NODE_LEVEL : AEG_OK;
}

static aeg_err_t
attach_check(const struct sys_args *args, struct attach *at)
{
    const struct space *caller = space_current();
    uint32_t space_cap = args->a[1] & 0xffff, frame_cap = args->a[1] >> 16;
    aeg_err_t err = space_control(args->a[0], space_cap, &at->space);

    if (err != AEG_OK)
        return err;
    at->level = args->a[3] & AEG_ATTACH_LEVEL;
    at->va = args->a[2];
    at->node = args->a[4];
    if (args->a[3] & ~(uint64_t)(AEG_ATTACH_LEVEL | AEG_ATTACH_WRITE | AEG_ATTACH_EXEC | AEG_ATTACH_SPLIT))
        return AEG_ERR_ARGUMENT;
    err = node_va_check(at->va, at->level);
    if (err != AEG_OK)
        return err;
    at->entry = pt_walk(at->space, at->va, at->level + 1, &at->parent);
    if (!at->entry)
        return AEG_ERR_NO_NODE;
    at->splits = (*at->entry & AEG_PTE_P) && (*at->entry & AEG_PTE_PS) && (args->a[3] & AEG_ATTACH_SPLIT);
    if ((*at->entry & AEG_PTE_P) && !at->splits)
        return AEG_ERR_NODE_TAKEN;
    err = space_cap_check(caller, frame_cap, frame_at(at->parent)->guard, AEG_RIGHT_WRITE);
    if (err == AEG_OK)
        err = attach_check_node(at, caller, frame_cap, args->a[3] & AEG_ATTACH_WRITE);
    at->bits = AEG_PTE_P | AEG_PTE_U | AEG_PTE_A | (args->a[3] & AEG_ATTACH_WRITE ? AEG_PTE_W : 0) |
               (args->a[3] & AEG_ATTACH_EXEC ? 0 : AEG_PTE_NX);
    return err;
}

aeg_err_t
sys_pt_attach(struct sys_args *args)
{
    struct attach at;
    aeg_err_t err = attach_check(args, &at);

    if (err != AEG_OK)
        return err;
    if (at.fresh)
        frame_become_node(at.node, at.level, at.va);
    frame_at(at.node)->refs++;
    if (at.splits) {
        pte_split(at.space, at.va, at.entry, at.node, at.level, at.bits);
        return AEG_OK;
    }
    frame_at(at.parent)->live++;
    *at.entry = at.node << FRAME_SHIFT | at.bits;
    return AEG_OK;
}

/* Drops one reference to a node. Without references it is empty (checked before) and becomes a plain frame again. */
static void
node_unref(aeg_frame_t node)
{
    if (frame_at(node)->refs == 1)
        frame_leave_node(node);
    frame_unref(node);
}

aeg_err_t
sys_pt_detach(struct sys_args *args)
{
    uint32_t space_cap = args->a[1] & 0xffff, frame_cap = args->a[1] >> 16;
    unsigned level = args->a[2] & 0xfff;
    uint64_t va = args->a[2] & ~0xfffull, *entry;
    aeg_frame_t parent, node;
    struct space *s;
    aeg_err_t err = space_control(args->a[0], space_cap, &s);

    if (err == AEG_OK)
        err = node_va_check(va, level);
    if (err != AEG_OK)
        return err;
    entry = pt_walk(s, va, level + 1, &parent);
    if (!entry || !(*entry & AEG_PTE_P) || (*entry & AEG_PTE_PS))
        return AEG_ERR_NO_NODE;
    err = space_cap_check(space_current(), frame_cap, frame_at(parent)->guard, AEG_RIGHT_WRITE);
    if (err != AEG_OK)
        return err;
    node = entry_frame(*entry);
    if (frame_at(node)->refs == 1 && frame_at(node)->live != 0)
        return AEG_ERR_NODE_LIVE;
    space_epoch++;
    *entry = 0;
    frame_at(parent)->live--;
    tlb_flush_below(s, va, level + 1);
    node_unref(node);
    args->value = node;
    return AEG_OK;
}

/* Clears entries of a node and, where this was the last reference, of the nodes below it, until they held *budget frames. */
static bool
sweep_node(aeg_frame_t frame, unsigned level, unsigned limit, uint64_t *rest, uint32_t *budget)
{
    uint64_t *table = frame_map(frame);
    struct aeg_frame_info *f = frame_at(frame);

    for (unsigned i = 0; i < limit && f->live != 0; i++) {
        uint64_t entry = table[i];
        if (!(entry & AEG_PTE_P))
            continue;
        if (level == 1 || (entry & AEG_PTE_PS)) {
            bool done = pte_sweep(&entry, level, budget);
            if (!done && level < 3)
                return false;
            table[i] = 0;       /* before the next step somebody may attach the node elsewhere */
            f->live--;
            if (done)
                continue;
            *rest = entry;
            return false;
        }
        if (*budget == 0)
            return false;
        --*budget;
        aeg_frame_t node = entry_frame(entry);
        if (frame_at(node)->refs == 1 && !sweep_node(node, level - 1, PT_ENTRIES, rest, budget))
            return false;
        table[i] = 0;
        f->live--;
        node_unref(node);
    }
    return true;
}

bool
pt_sweep(aeg_frame_t pml4, uint64_t *rest, uint32_t budget)
{
    if (*rest && !pte_sweep(rest, 3, &budget))
        return false;
    *rest = 0;
    return sweep_node(pml4, 4, AEG_WINDOW_SLOT, rest, &budget);
}

void
pt_boot_map(struct space *s, uint64_t va, aeg_frame_t frame, uint64_t bits)
{
    aeg_frame_t node, parent;
    uint64_t *entry;

    for (unsigned level = 3; level >= 1; level--) {
        entry = pt_walk(s, va, level + 1, &parent);
        if (*entry & AEG_PTE_P)
            continue;
        node = frame_take_zeroed(0, (struct aeg_name){ 0, 0 });
        if (!node || account_take(account_at(0), AEG_KIND_FRAME, 1) != AEG_OK)
            panic("no memory for page tables");
        frame_become_node(node, level, va & ~((1ull << (12 + 9 * level)) - 1));
        frame_at(node)->refs++;
        frame_at(parent)->live++;
        *entry = node << FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_A;
    }
    entry = pt_walk(s, va, 1, &parent);
    AEG_ASSERT(!(*entry & AEG_PTE_P));
    frame_at(parent)->live++;
    frame_at(frame)->refs++;
    *entry = frame << FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | bits;
}
