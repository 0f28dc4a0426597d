/* slots.c: slots carved out of a partition of a disk that has a slot table. */
#include <aegis/block.h>

#include "example.h"

/* example: slot_carve */
/* A partition of a disk with a slot table; not the table itself. */
static aeg_id_t
partition(void)
{
    for (uint32_t t = 0; t < AEG_INFO->slots.count; t++) {
        const volatile struct aeg_slot_info *table = aeg_info_entry(&AEG_INFO->slots, t);

        for (uint32_t i = 0; table->id != 0 && (table->flags & AEG_SLOT_TABLE) && i < AEG_INFO->slots.count; i++) {
            const volatile struct aeg_slot_info *s = aeg_info_entry(&AEG_INFO->slots, i);

            if (s->id != 0 && s->disk == table->disk && !(s->flags & (AEG_SLOT_TABLE | AEG_SLOT_CARVED)))
                return s->id;
        }
    }
    return 0;
}

/* 1 MiB, `at` blocks into the partition, guarded by the name of guard_cap. */
static aeg_id_t
carve(uint32_t guard_cap, uint64_t at)
{
    aeg_id_t parent = partition(), slot;
    aeg_err_t err;

    do          /* with bits, a library would aeg_wait() in between */
        err = aeg_slot_carve(self.account, AEG_CAPS3(CAP_DISK, guard_cap, CAP_SELF), parent, at, 2048, 0, &slot);
    while (err == AEG_ERR_AGAIN);
    must(err, "slot_carve");
    return slot;
}
/* end */

/* example: slot_split */
static aeg_id_t
split_in_half(aeg_id_t slot)
{
    aeg_id_t rest;
    aeg_err_t err;

    do
        err = aeg_slot_split(self.account, AEG_CAPS(CAP_DISK, CAP_SELF), slot, 1024, 0, &rest);
    while (err == AEG_ERR_AGAIN);
    must(err, "slot_split");
    return rest;
}
/* end */

/* example: slot_merge */
static void
join(aeg_id_t slot, aeg_id_t next)
{
    aeg_err_t err;

    do
        err = aeg_slot_merge(slot, next, CAP_DISK, 0);
    while (err == AEG_ERR_AGAIN);
    must(err, "slot_merge");
}
/* end */

/* example: slot_guard */
/* The slot becomes that of whoever has guard_cap; its id from now on. */
static aeg_id_t
hand_over(aeg_id_t slot, uint32_t guard_cap)
{
    aeg_id_t renewed;
    aeg_err_t err;

    do
        err = aeg_slot_guard(slot, AEG_CAPS(CAP_DISK, guard_cap), 0, &renewed);
    while (err == AEG_ERR_AGAIN);
    must(err, "slot_guard");
    return renewed;
}
/* end */

/* example: slot_free */
static void
give_back(aeg_id_t slot, uint32_t cap)
{
    aeg_err_t err;

    do
        err = aeg_slot_free(slot, cap, 0);
    while (err == AEG_ERR_AGAIN);
    must(err, "slot_free");
}
/* end */

/* example: slot_scrub */
/* Zeroes every dirty slot whose parent is ours. */
static void
scrub_all(void)
{
    for (uint32_t i = 0; i < AEG_INFO->slots.count; i++) {
        const volatile struct aeg_slot_info *s = aeg_info_entry(&AEG_INFO->slots, i);
        aeg_id_t dirty = s->id;
        aeg_err_t err;

        if (dirty == 0 || !(s->flags & AEG_SLOT_DIRTY))
            continue;
        do
            err = aeg_slot_scrub(dirty, CAP_DISK, 0);
        while (err == AEG_ERR_AGAIN);
        must(err, "slot_scrub");
    }
}
/* end */

static uint32_t
count(uint32_t flags)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < AEG_INFO->slots.count; i++) {
        const volatile struct aeg_slot_info *s = aeg_info_entry(&AEG_INFO->slots, i);

        found += s->id != 0 && (s->flags & flags) == flags;
    }
    return found;
}

int
main(void)
{
    aeg_id_t slot, rest;

    find_self();
    slot = carve(CAP_DISK, 0);
    rest = split_in_half(slot);
    expect(count(AEG_SLOT_CARVED) == 2, "a slot is carved and split");
    join(slot, rest);
    expect(count(AEG_SLOT_CARVED) == 1, "and whole again");
    slot = hand_over(slot, CAP_NIC);
    give_back(slot, CAP_NIC);
    expect(count(AEG_SLOT_DIRTY) == 1, "what another principal gave back is dirty");
    scrub_all();
    expect(count(AEG_SLOT_CARVED) == 0, "and after scrubbing the partition's");
    return 0;
}
