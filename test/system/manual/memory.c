/* memory.c: frames, page-table nodes and entries, the program's own. */
#include <aegis/sys.h>

#include "example.h"

/* example: frame */
/* A page of memory from its parts: a frame, the nodes above it, an entry. */
static void
map_and_unmap(void)
{
    aeg_frame_t frame = take_frame();
    volatile uint64_t *word = (volatile uint64_t *)EXAMPLE_VA;
    const volatile struct aeg_frame_info *shown = aeg_info_entry(&AEG_INFO->frames, frame);
    uint64_t was;

    add_nodes(self.space, EXAMPLE_VA);
    set_entry(self.space, EXAMPLE_VA, frame << AEG_FRAME_SHIFT | PAGE_RW);
    *word = 42;
    expect(*word == 42 && shown->refs == 1, "the page is there and bound once");
    was = set_entry(self.space, EXAMPLE_VA, 0);
    expect((was & AEG_PTE_D) && shown->refs == 0, "it is gone, and the old entry says that it was written");
    give_frame(frame);
    expect(shown->type == AEG_FRAME_FREE, "the frame is free");
}
/* end */

/* example: pte_copy */
/* What fork does to a page: both entries lose the right to write, and a software bit says why. */
#define COPY_ON_WRITE (1ull << 9)

static void
share_page(uint64_t from, uint64_t to)
{
    struct aeg_pte_range range = {
        .src_va = from, .dst_va = to, .pages = 1,
        .clear_src = AEG_PTE_W, .set_src = COPY_ON_WRITE, .clear_dst = AEG_PTE_W, .set_dst = COPY_ON_WRITE,
    };
    uint64_t done;
    aeg_err_t err;

    do
        err = aeg_pte_copy(self.space, CAP_SELF, self.space, CAP_SELF, &range, 1, &done);
    while (err == AEG_ERR_AGAIN);       /* a long range: range.done says how far it is */
    must(err, "pte_copy");
}
/* end */

/* example: pte_clear */
/* A run of pages goes; their frames are free to be used for something else, unless others have them too. */
static uint32_t
drop_pages(uint64_t va, uint64_t pages, aeg_frame_t *frames)
{
    struct aeg_pte_cleared c;

    must(aeg_pte_clear(self.space, AEG_CAPS(CAP_SELF, CAP_SELF), va, pages, COPY_ON_WRITE, frames, &c), "pte_clear");
    expect(c.kept == 0, "no page is still to be copied");
    return c.unbound;
}
/* end */

static void
dropped(void)
{
    aeg_frame_t frame = take_frame(), twice = take_frame(), list[3];

    set_entry(self.space, EXAMPLE_VA, frame << AEG_FRAME_SHIFT | PAGE_RW);
    set_entry(self.space, EXAMPLE_VA + PAGE, twice << AEG_FRAME_SHIFT | PAGE_RW);
    set_entry(self.space, EXAMPLE_VA + 8 * PAGE, twice << AEG_FRAME_SHIFT | PAGE_RW);
    expect(drop_pages(EXAMPLE_VA, 3, list) == 1 && list[0] == frame, "the frame that was bound once is told");
    expect(set_entry(self.space, EXAMPLE_VA + PAGE, 0) == 0, "nothing is there any more");
    set_entry(self.space, EXAMPLE_VA + 8 * PAGE, 0);
    give_frame(frame);
    give_frame(twice);
}

static void
shared(void)
{
    aeg_frame_t frame = take_frame();
    volatile uint64_t *a = (volatile uint64_t *)EXAMPLE_VA, *b = (volatile uint64_t *)(EXAMPLE_VA + PAGE);

    set_entry(self.space, EXAMPLE_VA, frame << AEG_FRAME_SHIFT | PAGE_RW);
    *a = 7;
    share_page(EXAMPLE_VA, EXAMPLE_VA + PAGE);
    expect(*b == 7, "one frame is seen at two addresses");
    expect(!(set_entry(self.space, EXAMPLE_VA, 0) & AEG_PTE_W) && !(set_entry(self.space, EXAMPLE_VA + PAGE, 0) & AEG_PTE_W),
           "neither entry may write");
    give_frame(frame);
}

/* example: frame_guard */
/* Hands a frame to another principal: from then on only who dominates the new name may bind or free it. */
static aeg_frame_t
give_away(uint32_t to)
{
    aeg_frame_t frame = take_frame();
    uint64_t done;

    must(aeg_frame_guard(CAP_SELF, to, &frame, 1, &done), "frame_guard");
    return frame;
}
/* end */

static void
guarded(void)
{
    uint64_t other, done;
    aeg_frame_t frame;

    must(aeg_cap_forge(CAP_SELF, 0, AEG_RIGHT_ALL, &other), "cap_forge");
    frame = give_away((uint32_t)other);
    must(aeg_frame_free((uint32_t)other, &frame, 1, &done), "frame_free by the new owner");
    must(aeg_cap_drop((uint32_t)other), "cap_drop");
    expect(done == 1, "who dominates the new name may free the frame");
}

int
main(void)
{
    find_self();
    map_and_unmap();
    shared();
    dropped();
    guarded();
    remove_nodes(self.space, EXAMPLE_VA);
    return 0;
}
