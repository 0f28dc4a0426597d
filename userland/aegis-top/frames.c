/*
 * frames.c: whose the frames are.
 *
 * Read straight from the window: the table is the largest, and only sums are kept.
 */
#include "top.h"

#define OWNERS 64               /* guards told apart; what the others have is summed up */

static struct owner {
    struct aeg_name guard;
    uint64_t plain, node, orphan, save, pinned, refs;
} owners[OWNERS + 1];
static unsigned owner_count;

static struct owner *
owner_of(struct aeg_name guard)
{
    for (unsigned i = 0; i < owner_count; i++)
        if (owners[i].guard.hi == guard.hi && owners[i].guard.lo == guard.lo)
            return &owners[i];
    if (owner_count == OWNERS)
        return &owners[OWNERS];
    owners[owner_count].guard = guard;
    return &owners[owner_count++];
}

static void
count(const volatile struct aeg_frame_info *f)
{
    struct aeg_name guard = { f->guard.hi, f->guard.lo };
    struct owner *o = owner_of(guard);

    o->plain += f->type == AEG_FRAME_PLAIN;
    o->node += f->type == AEG_FRAME_NODE;
    o->orphan += f->type == AEG_FRAME_ORPHAN;
    o->save += f->type == AEG_FRAME_SAVE;
    o->pinned += (f->flags & AEG_FRAME_PINNED) != 0;
    o->refs += f->refs;
}

static void
show(const char *name, const struct owner *o)
{
    uint64_t all = o->plain + o->node + o->orphan + o->save;

    if (all != 0)
        line("%-24s %8llu %8llu %8llu %8llu %8llu %8llu %10llu %8s", name, (unsigned long long)all, (unsigned long long)o->plain,
             (unsigned long long)o->node, (unsigned long long)o->orphan, (unsigned long long)o->save, (unsigned long long)o->pinned,
             (unsigned long long)o->refs, bytes_text(all * AEG_FRAME_SIZE));
}

void
show_frames(void)
{
    static const struct owner none;
    uint32_t frames = AEG_INFO->frames.count;

    owner_count = 0;
    for (unsigned i = 0; i <= OWNERS; i++)
        owners[i] = none;
    for (uint32_t i = 0; i < frames; i++) {
        const volatile struct aeg_frame_info *f = aeg_info_entry(&AEG_INFO->frames, i);

        if (f->type != AEG_FRAME_NONE && f->type != AEG_FRAME_FREE)
            count(f);
    }
    heading("FRAMES OF                     all    plain    nodes  orphans     save   pinned   bindings    bytes");
    for (unsigned i = 0; i < owner_count; i++)
        show(name_text(owners[i].guard), &owners[i]);
    show("(others)", &owners[OWNERS]);
}
