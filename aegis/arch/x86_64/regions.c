/*
 * regions.c: sorted sets of physical memory ranges, at boot.
 *
 * Not here: the frame table, which takes over from them.
 */
#include "arch/x86_64/loader.h"

static void
entry_insert(struct regions *s, uint32_t at, paddr_t base, uint64_t bytes)
{
    if (s->count == BOOT_REGION_MAX) {
        s->lost += bytes;
        return;
    }
    for (uint32_t i = s->count; i > at; i--)
        s->r[i] = s->r[i - 1];
    s->r[at] = (struct boot_region){ base, bytes };
    s->count++;
}

static void
entry_remove(struct regions *s, uint32_t at)
{
    s->count--;
    for (uint32_t i = at; i < s->count; i++)
        s->r[i] = s->r[i + 1];
}

void
regions_remove(struct regions *s, paddr_t base, uint64_t bytes)
{
    paddr_t end = base + bytes < base ? UINT64_MAX : base + bytes;

    for (uint32_t i = 0; i < s->count && bytes > 0;) {
        struct boot_region old = s->r[i];
        paddr_t old_end = old.base + old.bytes;

        if (old_end <= base || old.base >= end) {
            i++;
            continue;
        }
        entry_remove(s, i);
        if (old.base < base)
            entry_insert(s, i++, old.base, base - old.base);
        if (old_end > end)
            entry_insert(s, i++, end, old_end - end);
    }
}

/* Ranges that overlap or touch become one. */
void
regions_add(struct regions *s, paddr_t base, uint64_t bytes)
{
    uint32_t at = 0;

    if (bytes == 0 || base + bytes < base)
        return;
    regions_remove(s, base, bytes);
    while (at < s->count && s->r[at].base < base)
        at++;
    if (at < s->count && s->r[at].base == base + bytes) {
        bytes += s->r[at].bytes;
        entry_remove(s, at);
    }
    if (at > 0 && s->r[at - 1].base + s->r[at - 1].bytes == base)
        s->r[at - 1].bytes += bytes;
    else
        entry_insert(s, at, base, bytes);
}

void
regions_align(struct regions *s)
{
    for (uint32_t i = 0; i < s->count;) {
        struct boot_region *r = &s->r[i];
        paddr_t end = (r->base + r->bytes) & ~(paddr_t)(FRAME_SIZE - 1);
        paddr_t base = (r->base + FRAME_SIZE - 1) & ~(paddr_t)(FRAME_SIZE - 1);

        if (base >= end) {
            entry_remove(s, i);
            continue;
        }
        *r = (struct boot_region){ base, end - base };
        i++;
    }
}

paddr_t
regions_carve(struct regions *s, uint64_t bytes, paddr_t limit)
{
    for (uint32_t i = s->count; i-- > 0;) {
        struct boot_region *r = &s->r[i];

        if (r->bytes < bytes || r->base + r->bytes > limit)
            continue;
        r->bytes -= bytes;
        bytes = r->base + r->bytes;
        if (r->bytes == 0)
            entry_remove(s, i);
        return bytes;
    }
    return 0;
}
