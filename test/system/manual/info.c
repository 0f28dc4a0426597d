/* info.c: what can be read without asking. */
#include <aegis/info.h>

#include "example.h"

/* example: null */
static void
is_aegis(void)
{
    expect(aeg_null() == AEG_OK, "the kernel answers");
}
/* end */

/* example: types */
static uint64_t
frames_of_type(enum aeg_frame_type type)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < AEG_INFO->frames.count; i++)
        count += ((const volatile struct aeg_frame_info *)aeg_info_entry(&AEG_INFO->frames, i))->type == type;
    return count;
}
/* end */

int
main(void)
{
    const volatile struct aeg_space_info *space;
    const volatile struct aeg_frame_info *frame;

    find_self();
    is_aegis();
    expect(AEG_INFO->magic == AEG_INFO_MAGIC && AEG_INFO->version >= 1, "the window is there");
    expect(frames_of_type(AEG_FRAME_FREE) == AEG_INFO->frames_free, "the free frames of the table are as many as the header says");
    expect(frames_of_type(AEG_FRAME_NODE) > 0, "and there are page-table nodes");
    space = aeg_info_entry(&AEG_INFO->spaces, AEG_ID_INDEX(self.space));
    frame = aeg_info_entry(&AEG_INFO->frames, space->pml4);
    expect(space->id == self.space && space->envs >= 1, "our space is among the spaces");
    expect(frame->type == AEG_FRAME_NODE && frame->level == 4, "and its top node among the frames");
    return 0;
}
