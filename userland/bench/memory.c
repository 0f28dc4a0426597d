/*
 * memory.c: pages touched, protected, mapped and unmapped.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

#include "bench.h"

#define TOUCH_PAGES 500             /* of one mapping */
#define HUGE_BYTES (2u << 20)
#define REGION_PAGES 16

static char *
map(uint64_t length)
{
    char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* ---- first touches ---- */

struct touching {
    struct meter *m;
    uint64_t length, align;
    int advice;
};

/* A fresh mapping, touched page by page: only that is counted. */
static bool
touch_mapping(const struct touching *t, uint64_t pages)
{
    char *raw, *p;

    meter_out(t->m);
    raw = map(t->length + t->align);
    if (!raw)
        return false;
    p = (char *)(((uintptr_t)raw + t->align - 1) & ~(t->align - 1));
    madvise(p, t->length, t->advice);
    meter_in(t->m);
    for (uint64_t i = 0; i < pages; i++)
        *(volatile char *)(p + i * PAGE) = 1;
    meter_out(t->m);
    munmap(raw, t->length + t->align);
    meter_in(t->m);
    return true;
}

static bool
touches(void *arg, uint64_t n)
{
    struct touching *t = arg;
    uint64_t pages = t->length / PAGE;

    for (; n > pages; n -= pages)
        if (!touch_mapping(t, pages))
            return false;
    return touch_mapping(t, n);
}

enum verdict
row_touch(struct meter *m)
{
    struct touching t = { m, TOUCH_PAGES * PAGE, PAGE, MADV_NOHUGEPAGE };

    return meter_run(m, touches, &t);
}

enum verdict
row_touch_huge(struct meter *m)
{
    struct touching t = { m, HUGE_BYTES, HUGE_BYTES, MADV_HUGEPAGE };

    return meter_run(m, touches, &t);
}

/* ---- protection ---- */

struct protecting {
    char *at;
    uint64_t length;
};

static bool
protects(void *arg, uint64_t n)
{
    struct protecting *p = arg;
    int err = 0;

    while (n--)
        err |= mprotect(p->at, p->length, n & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
    *(volatile char *)p->at = 1;    /* the last one allows it */
    return err == 0;
}

static enum verdict
protect_row(struct meter *m, unsigned pages, unsigned first, unsigned count)
{
    char *region = map(pages * PAGE);
    struct protecting p = { region + first * PAGE, count * PAGE };

    if (!region)
        return FAILED;
    madvise(region, pages * PAGE, MADV_NOHUGEPAGE);
    for (unsigned i = 0; i < pages; i++)
        region[i * PAGE] = 1;
    return meter_run(m, protects, &p);
}

enum verdict
row_mprotect_all(struct meter *m)
{
    return protect_row(m, 1, 0, 1);
}

enum verdict
row_mprotect_part(struct meter *m)
{
    return protect_row(m, REGION_PAGES, REGION_PAGES / 2, 1);
}

/* ---- mappings ---- */

static bool
maps(void *arg, uint64_t n)
{
    bool touch = arg != NULL;

    while (n--) {
        char *p = map(PAGE);

        if (!p)
            return false;
        if (touch)
            *(volatile char *)p = 1;
        if (munmap(p, PAGE) != 0)
            return false;
    }
    return true;
}

enum verdict
row_map_unmap(struct meter *m)
{
    return meter_run(m, maps, NULL);
}

enum verdict
row_map_touch_unmap(struct meter *m)
{
    return meter_run(m, maps, m);
}
