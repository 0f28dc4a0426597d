/*
 * page.c: pages of session memory: mapped at the same address in every member, for the page cache, buffers, and the heap.
 *
 * Holds:    the page area is a run of pages from SESSION_PAGES; each is mapped, or a hole. Free mapped pages are chained through their first
 *           word. page_at[frame] finds the page that a frame is.
 * Bounds:   FREE_MAX free pages stay mapped until pages_trim(); there are no more places than frames.
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/frames.h"
#include "base/lock.h"
#include "base/mem.h"
#include "start/keys.h"
#include "start/layout.h"
#include "start/session.h"
#include "vm/vm.h"

#define GROW_PAGES 16
#define FREE_MAX 128
#define HOLES_IN_WORD 64ull
#define SESSION_CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define PAGE_RW (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX)

static struct {
    struct lock lock;
    void *free;                 /* chained */
    uint32_t free_count;
    uint64_t end;               /* places ever made */
    uint64_t hole_count;
    uint64_t hole_first;        /* no word of holes[] before it has one */
    uint64_t *holes;            /* a bit for each place that has no page */
    uint64_t pool_next;         /* session_alloc */
    uint64_t nodes;             /* page-table nodes of the session segment that were added */
    uint32_t *page_at;          /* by frame: 1 + index in the page area, 0: none */
    uint64_t frames;            /* entries of page_at */
} pages = { .lock = LOCK_INIT(LOCK_RANK_SCHED - 2), .pool_next = SESSION_POOLS };

static uint64_t
window_read(uint64_t va, unsigned level)
{
    return *(const volatile uint64_t *)aeg_window_entry(va, level);
}

/* Adds the node of `level` that covers va. */
static int
node_add(uint64_t va, unsigned level)
{
    bool zero;
    uint64_t frame = frame_take(&zero);

    if (frame == 0)
        return -ENOMEM;
    if (aeg_pt_attach(MM->space, SESSION_CAPS, va & ~((1ull << (12 + 9 * level)) - 1), level | AEG_ATTACH_WRITE, frame) != AEG_OK)
        EXO_PANIC("cannot attach a level %u node at %lx", level, va);
    __atomic_add_fetch(&pages.nodes, 1, __ATOMIC_RELAXED);
    return 0;
}

static int
nodes_ensure(uint64_t va)
{
    for (unsigned level = 2; level >= 1; level--)
        if (!(window_read(va, level + 1) & AEG_PTE_P) && node_add(va, level) != 0)
            return -ENOMEM;
    return 0;
}

static int
map_one(uint64_t va, bool want_zero)
{
    bool zero;
    uint64_t frame, done;
    struct aeg_pte_op op;

    if (nodes_ensure(va) != 0 || (frame = frame_take(&zero)) == 0)
        return -ENOMEM;
    op = (struct aeg_pte_op){ va, frame << PAGE_SHIFT | PAGE_RW | keys_pte() };
    if (aeg_pte_set(MM->space, SESSION_CAPS, &op, 1, &done) != AEG_OK)
        EXO_PANIC("cannot map session page %lx", va);
    if (want_zero && !zero)
        memset((void *)va, 0, PAGE_SIZE);
    return 0;
}

int
session_map(uint64_t va, uint64_t count, bool zero)
{
    for (uint64_t i = 0; i < count; i++) {
        if (map_one(va + i * PAGE_SIZE, zero) != 0) {
            session_unmap(va, i);
            return -ENOMEM;
        }
    }
    return 0;
}

void
session_unmap(uint64_t va, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct aeg_pte_op op = { va + i * PAGE_SIZE, 0 };
        uint64_t done;

        if (aeg_pte_set(MM->space, SESSION_CAPS, &op, 1, &done) != AEG_OK)
            EXO_PANIC("cannot unmap session page %lx", op.va);
        frame_give((op.pte & AEG_PTE_ADDR) >> PAGE_SHIFT, false);
    }
}

uint64_t
page_frame(const void *page)
{
    return (window_read((uint64_t)page, 1) & AEG_PTE_ADDR) >> PAGE_SHIFT;
}

void *
page_of_frame(uint64_t frame)
{
    uint32_t i = frame < pages.frames ? pages.page_at[frame] : 0;

    return i != 0 ? (void *)(SESSION_PAGES + (i - 1ull) * PAGE_SIZE) : NULL;
}

static void
page_index_set(uint64_t va, uint32_t value)
{
    uint64_t frame = page_frame((void *)va);

    if (frame < pages.frames)
        pages.page_at[frame] = value;
}

/* Lock held on entry and exit, not during the mapping, which may give up cache pages. */
static void
page_push(uint64_t va)
{
    *(void **)va = pages.free;
    pages.free = (void *)va;
    pages.free_count++;
}

static uint64_t
hole_take(void)
{
    uint64_t word = pages.hole_first, bit;

    while (pages.holes[word] == 0)
        word++;
    bit = (uint64_t)__builtin_ctzll(pages.holes[word]);
    pages.holes[word] &= pages.holes[word] - 1;
    pages.hole_first = word;
    pages.hole_count--;
    return word * HOLES_IN_WORD + bit;
}

/* A page-aligned address of the page area that is not mapped; 0: there are as many as frames. */
static uint64_t
place_take(void)
{
    uint64_t place;

    lock_acquire(&pages.lock);
    place = pages.hole_count > 0 ? hole_take() : pages.end < pages.frames ? pages.end++ : UINT64_MAX;
    lock_release(&pages.lock);
    return place != UINT64_MAX ? SESSION_PAGES + place * PAGE_SIZE : 0;
}

static void
place_give(uint64_t va)
{
    uint64_t place = (va - SESSION_PAGES) / PAGE_SIZE, word = place / HOLES_IN_WORD;

    lock_acquire(&pages.lock);
    pages.holes[word] |= 1ull << place % HOLES_IN_WORD;
    pages.hole_first = MIN(pages.hole_first, word);
    pages.hole_count++;
    lock_release(&pages.lock);
}

static bool
pages_grow(void)
{
    for (unsigned i = 0; i < GROW_PAGES; i++) {
        uint64_t va = place_take();

        if (va == 0)
            return i > 0;
        if (map_one(va, false) != 0) {
            place_give(va);
            return i > 0;
        }
        page_index_set(va, (uint32_t)((va - SESSION_PAGES) / PAGE_SIZE) + 1);
        lock_acquire(&pages.lock);
        page_push(va);
        lock_release(&pages.lock);
    }
    return true;
}

/* Not in the list of free ones any more: out of the segment. */
static void
page_unmap(uint64_t va)
{
    page_index_set(va, 0);
    session_unmap(va, 1);
    place_give(va);
}

/* A free page off the list, or NULL. */
static void *
page_pop(void)
{
    void *p;

    lock_acquire(&pages.lock);
    p = pages.free;
    if (p != NULL) {
        pages.free = *(void **)p;
        pages.free_count--;
    }
    lock_release(&pages.lock);
    return p;
}

void *
page_alloc(void)
{
    void *p;

    while ((p = page_pop()) == NULL && pages_grow())
        continue;
    return p;
}

void
pages_trim(void)
{
    void *p;

    while ((p = page_pop()) != NULL)
        page_unmap((uint64_t)p);
}

uint64_t
session_nodes(void)
{
    return pages.nodes;
}

void
page_free(void *page)
{
    uint64_t va = (uint64_t)page;
    bool keep;

    EXO_ASSERT((va & PAGE_MASK) == 0 && va >= SESSION_PAGES && va < SESSION_PAGES + pages.end * PAGE_SIZE);
    lock_acquire(&pages.lock);
    keep = pages.free_count < FREE_MAX;
    if (keep)
        page_push(va);
    lock_release(&pages.lock);
    if (!keep)
        page_unmap(va);
}

void *
session_alloc(size_t bytes)
{
    uint64_t count = PAGE_UP(bytes) / PAGE_SIZE, va;

    lock_acquire(&pages.lock);
    va = pages.pool_next;
    pages.pool_next += count * PAGE_SIZE;
    lock_release(&pages.lock);
    return session_map(va, count, true) == 0 ? (void *)va : NULL;
}

void
mem_init(void)
{
    pages.frames = AEG_INFO->frames.count;
    pages.page_at = session_alloc(pages.frames * sizeof(pages.page_at[0]));
    pages.holes = session_alloc((pages.frames / HOLES_IN_WORD + 1) * sizeof(pages.holes[0]));
    if (pages.page_at == NULL || pages.holes == NULL)
        EXO_PANIC("the session's account cannot pay for an index of %lu frames (pool %lu, limit %lu, machine %lu)", pages.frames, frame_pool_count(), mem_total_pages(), AEG_INFO->frames_free);
}
