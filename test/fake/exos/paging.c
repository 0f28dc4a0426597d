/* paging.c: see paging.h. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake/exos/paging.h"

#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/blocks.h"

/* The host's, whose header would define again what vm/region.h has from the same source. */
void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int memfd_create(const char *name, unsigned flags);
#define ANYWHERE_FREE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)
#define NOTHING (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE)
#define FAILED ((void *)-1)

#define FRAMES 8192u
#define BLOCK_PAGES 512u
#define SCRATCH_ENTRIES SCRATCH_PAGES
#define BITS (AEG_PTE_P | AEG_PTE_PS)

enum kind { FREE, TAKEN, NODE };

static struct aeg_frame_info frame_table[FRAMES];
static uint8_t kind[FRAMES];
static uint8_t *memory;                     /* of all frames */
static int memory_fd;

static struct {
    uint64_t upper[5];                      /* by level: the one entry of levels 4 and 3 */
    uint64_t middle[ARENA_BLOCKS];          /* level 2: a page table or a large entry */
    uint64_t leaf[ARENA_BLOCKS][BLOCK_PAGES];
    uint64_t scratch[SCRATCH_ENTRIES];
} pt;

struct aeg_info fake_info;
bool paging_starve, cpus_many;
unsigned paging_large, paging_split;

static unsigned
block_index(uint64_t va)
{
    EXO_ASSERT(va - ARENA_VA < ARENA_PAGES * PAGE_SIZE);
    return (unsigned)((va - ARENA_VA) >> 21);
}

static uint64_t
frame_of(uint64_t entry)
{
    return (entry & AEG_PTE_ADDR) >> PAGE_SHIFT;
}

/* ---- the host's page tables ---- */

static void
host_map(uint64_t va, uint64_t entry, uint64_t pages)
{
    int prot = entry & AEG_PTE_U ? (int)PROT_READ | (entry & AEG_PTE_W ? (int)PROT_WRITE : 0) : 0;
    void *at;

    if (entry & AEG_PTE_P)
        at = mmap((void *)va, pages * PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED, memory_fd, (off_t)(frame_of(entry) * PAGE_SIZE));
    else
        at = mmap((void *)va, pages * PAGE_SIZE, 0, NOTHING, -1, 0);
    EXO_ASSERT(at == (void *)va);
}

uint64_t
aeg_window_entry(uint64_t va, unsigned level)
{
    switch (level) {
    case 1: return (uint64_t)&pt.leaf[block_index(va)][va >> PAGE_SHIFT & (BLOCK_PAGES - 1)];
    case 2: return (uint64_t)&pt.middle[block_index(va)];
    default: return (uint64_t)&pt.upper[level];
    }
}

static uint64_t *
leaf_of(uint64_t va)
{
    if (va - SCRATCH_VA < SCRATCH_ENTRIES * PAGE_SIZE)
        return &pt.scratch[(va - SCRATCH_VA) / PAGE_SIZE];
    if ((pt.middle[block_index(va)] & BITS) != AEG_PTE_P)
        return NULL;
    return &pt.leaf[block_index(va)][va >> PAGE_SHIFT & (BLOCK_PAGES - 1)];
}

static void
count(uint64_t entry, uint64_t pages, int by)
{
    for (uint64_t i = 0; (entry & AEG_PTE_P) && i < pages; i++) {
        EXO_ASSERT(kind[frame_of(entry) + i] == TAKEN && (by > 0 || frame_table[frame_of(entry) + i].refs > 0));
        frame_table[frame_of(entry) + i].refs += (uint32_t)by;
    }
}

static void
live(uint64_t va, uint64_t old, uint64_t now)
{
    if (va >= ARENA_VA && va < ARENA_VA + ARENA_PAGES * PAGE_SIZE)
        frame_table[frame_of(pt.middle[block_index(va)])].live += (uint32_t)(now & AEG_PTE_P) - (uint32_t)(old & AEG_PTE_P);
}

static aeg_err_t
set_large(struct aeg_pte_op *op)
{
    uint64_t va = op->va & ~PAGE_MASK, *entry = &pt.middle[block_index(va)], old = *entry;

    EXO_ASSERT((va & 0x1fffff) == 0 && (op->va & PAGE_MASK) == 1 && frame_of(op->pte) % BLOCK_PAGES == 0 && !(op->pte & AEG_PTE_PS));
    if ((old & BITS) == AEG_PTE_P || !(pt.upper[3] & AEG_PTE_P))
        return AEG_ERR_NODE_TAKEN;
    count(op->pte, BLOCK_PAGES, 1);
    count(old, BLOCK_PAGES, -1);
    *entry = op->pte & AEG_PTE_P ? op->pte | AEG_PTE_PS : op->pte;
    paging_large += (op->pte & AEG_PTE_P) && !(old & AEG_PTE_P);
    host_map(va, *entry, BLOCK_PAGES);
    op->pte = old;
    return AEG_OK;
}

aeg_err_t
aeg_pte_set(aeg_id_t space, uint64_t caps, struct aeg_pte_op *ops, uint64_t n, uint64_t *done)
{
    (void)space;
    (void)caps;
    for (*done = 0; *done < n; ++*done) {
        struct aeg_pte_op *op = &ops[*done];
        uint64_t *entry, old;

        EXO_ASSERT((op->pte & AEG_PTE_P) || !(op->pte & AEG_PTE_ADDR));
        if (op->va & PAGE_MASK) {
            aeg_err_t err = set_large(op);

            if (err != AEG_OK)
                return err;
            continue;
        }
        entry = leaf_of(op->va);
        if (entry == NULL)
            return AEG_ERR_NO_NODE;
        if (op->pte & ~AEG_PTE_USER_BITS)
            return AEG_ERR_PTE_BITS;
        old = *entry;
        count(op->pte, 1, 1);
        count(old, 1, -1);
        live(op->va, old, op->pte);
        *entry = op->pte;
        host_map(op->va, op->pte, 1);
        op->pte = old;
    }
    return AEG_OK;
}

aeg_err_t
aeg_pte_clear(aeg_id_t space, uint64_t caps, uint64_t va, uint64_t pages, uint64_t keep, aeg_frame_t *frames, struct aeg_pte_cleared *out)
{
    *out = (struct aeg_pte_cleared){ 0, 0, 0 };
    EXO_ASSERT(va >> 21 == (va + (pages - 1) * PAGE_SIZE) >> 21);
    for (uint64_t i = 0; i < pages; i++) {
        struct aeg_pte_op op = { va + i * PAGE_SIZE, 0 };
        const uint64_t *entry = leaf_of(op.va);
        uint64_t done;

        if (entry == NULL)
            return AEG_ERR_NO_NODE;
        if (!(*entry & AEG_PTE_P))
            continue;
        if (*entry & keep) {
            out->kept++;
            continue;
        }
        (void)aeg_pte_set(space, caps, &op, 1, &done);
        out->cleared++;
        if (frame_table[frame_of(op.pte)].refs == 0)
            frames[out->unbound++] = frame_of(op.pte);
    }
    return AEG_OK;
}

static void
become_node(uint64_t frame)
{
    EXO_ASSERT(kind[frame] == TAKEN && frame_table[frame].refs == 0);
    kind[frame] = NODE;
    frame_table[frame].live = 0;
}

aeg_err_t
aeg_pt_attach(aeg_id_t space, uint64_t caps, uint64_t va, uint32_t level_flags, aeg_frame_t frame)
{
    unsigned level = level_flags & AEG_ATTACH_LEVEL;
    uint64_t *entry = (uint64_t *)aeg_window_entry(va, level + 1), old = *entry;

    (void)space;
    (void)caps;
    if ((old & AEG_PTE_P) && !((old & AEG_PTE_PS) && (level_flags & AEG_ATTACH_SPLIT)))
        return AEG_ERR_NODE_TAKEN;
    become_node(frame);
    *entry = frame << PAGE_SHIFT | AEG_PTE_P;
    if (level != 1)
        return AEG_OK;
    memset(pt.leaf[block_index(va)], 0, sizeof(pt.leaf[0]));
    for (uint64_t i = 0; (old & AEG_PTE_P) && i < BLOCK_PAGES; i++)
        pt.leaf[block_index(va)][i] = (old & ~AEG_PTE_PS) + i * PAGE_SIZE;
    if (old & AEG_PTE_P) {
        frame_table[frame].live = BLOCK_PAGES;
        paging_split++;
    }
    return AEG_OK;
}

aeg_err_t
aeg_pt_detach(aeg_id_t space, uint64_t caps, uint64_t va, uint32_t level, aeg_frame_t *frame)
{
    uint64_t *entry = (uint64_t *)aeg_window_entry(va, level + 1);

    (void)space;
    (void)caps;
    if ((*entry & BITS) != AEG_PTE_P)
        return AEG_ERR_NO_NODE;
    *frame = frame_of(*entry);
    if (frame_table[*frame].live != 0)
        return AEG_ERR_NODE_LIVE;
    *entry = 0;
    kind[*frame] = TAKEN;
    return AEG_OK;
}

/* ---- frames ---- */

static uint64_t
take(uint64_t first, uint64_t n, bool zero)
{
    memset(kind + first, TAKEN, n);
    memset(memory + first * PAGE_SIZE, zero ? 0 : 0xa5, n * PAGE_SIZE);
    return first;
}

uint64_t
frame_take(bool *zero)
{
    *zero = rand() % 2;
    for (uint64_t f = 1; f < FRAMES && !paging_starve; f++)
        if (kind[f] == FREE)
            return take(f, 1, *zero);
    return 0;
}

uint64_t
frame_block_take(bool *zero)
{
    *zero = rand() % 2;
    for (uint64_t f = FRAMES - BLOCK_PAGES; f > 0 && !paging_starve && rand() % 4 != 0; f -= BLOCK_PAGES)
        if (memchr(kind + f, TAKEN, BLOCK_PAGES) == NULL && memchr(kind + f, NODE, BLOCK_PAGES) == NULL)
            return take(f, BLOCK_PAGES, *zero);
    return 0;
}

void
frame_give(uint64_t frame, bool zero)
{
    (void)zero;
    EXO_ASSERT(kind[frame] == TAKEN && frame_table[frame].refs == 0);
    kind[frame] = FREE;
}

void
frames_give(const uint64_t *frames, uint32_t n)
{
    while (n-- > 0)
        frame_give(frames[n], false);
}

void
frames_drop(const uint64_t *frames, uint32_t n)
{
    while (n-- > 0)
        if (frame_refs(frames[n]) == 0)
            frame_give(frames[n], false);
}

void
frame_block_give(uint64_t first)
{
    for (uint64_t i = 0; i < BLOCK_PAGES; i++)
        frame_give(first + i, false);
}

void
frame_block_drop(uint64_t first)
{
    for (uint64_t i = 0; i < BLOCK_PAGES; i++)
        frames_drop(&(uint64_t){ first + i }, 1);
}

uint32_t
frame_refs(uint64_t frame)
{
    return frame_table[frame].refs;
}

void *
page_of_frame(uint64_t frame)
{
    return memory + frame * PAGE_SIZE;
}

uint64_t
page_frame(const void *page)
{
    return (uint64_t)((const uint8_t *)page - memory) / PAGE_SIZE;
}

uint64_t
mem_total_pages(void)
{
    return FRAMES;
}

/* ---- the test's side ---- */

unsigned
paging_frames_taken(void)
{
    unsigned n = 0;

    for (unsigned f = 0; f < FRAMES; f++)
        n += kind[f] != FREE;
    return n;
}

uint64_t
paging_entry(unsigned page)
{
    uint64_t middle = pt.middle[page / BLOCK_PAGES];

    if (middle & AEG_PTE_PS)
        return (middle & ~AEG_PTE_PS) + page % BLOCK_PAGES * PAGE_SIZE;
    return middle & AEG_PTE_P ? pt.leaf[page / BLOCK_PAGES][page % BLOCK_PAGES] : 0;
}

uint64_t
paging_frame(void)
{
    bool zero;

    return frame_take(&zero);
}

void *
paging_memory(uint64_t frame)
{
    return page_of_frame(frame);
}

/* On several CPUs there are several, if the test says so. */
bool
threads_share_space(void)
{
    return true;
}

void
paging_init(void)
{
    memory_fd = memfd_create("frames", 0);
    EXO_ASSERT(memory_fd >= 0 && ftruncate(memory_fd, FRAMES * PAGE_SIZE) == 0);
    memory = mmap(NULL, FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
    EXO_ASSERT(memory != FAILED);
    EXO_ASSERT(mmap((void *)MM_LOCAL_VA, PAGE_SIZE, PROT_READ | PROT_WRITE, ANYWHERE_FREE, -1, 0) == (void *)MM_LOCAL_VA);
    fake_info.frames = (struct aeg_table){ (uint64_t)frame_table, FRAMES, sizeof(frame_table[0]) };
}

void
paging_reset(void)
{
    memset(frame_table, 0, sizeof(frame_table));
    memset(kind, FREE, sizeof(kind));
    memset(&pt, 0, sizeof(pt));
    paging_starve = cpus_many = false;
    host_map(ARENA_VA, 0, ARENA_PAGES);
    for (unsigned i = 0; i < SCRATCH_ENTRIES; i++)
        host_map(SCRATCH_VA + i * PAGE_SIZE, 0, 1);
}
