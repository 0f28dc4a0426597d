/*
 * sample.c: copies of the window's tables.
 *
 * The tables change while they are read: each field is whole, an entry may be half of one moment and half of the next.
 */
#include "top.h"

#include <stdlib.h>
#include <string.h>

/* Word by word: the source is volatile, and its entries may be longer or shorter than ours. */
static void
copy_entry(char *to, const volatile char *from, size_t n)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t word = *(const volatile uint64_t *)(const volatile void *)(from + i);

        memcpy(to + i, &word, 8);
    }
}

static int
copy_table(struct copy *c, const volatile struct aeg_table *t, size_t size)
{
    uint32_t count = t->count;
    size_t n = t->stride < size ? t->stride : size;

    if (c->count < count || c->entries == NULL) {
        free(c->entries);
        c->entries = calloc(count ? count : 1, size);
        if (c->entries == NULL)
            return 0;
    }
    c->count = count;
    for (uint32_t i = 0; i < count; i++)
        copy_entry(c->entries + i * size, aeg_info_entry(t, i), n);
    return 1;
}

static uint64_t
now_ns(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)((unsigned __int128)(((uint64_t)high << 32 | low) - AEG_INFO->tsc_base) * AEG_INFO->tsc_mult >> 32);
}

int
sample_take(struct sample *s)
{
#define COPY(table, type) copy_table(&s->table, &AEG_INFO->table, sizeof(struct type))
    s->ns = now_ns();
    return COPY(cpus, aeg_cpu_info) && COPY(accounts, aeg_account_info) && COPY(spaces, aeg_space_info) && COPY(envs, aeg_env_info) &&
           COPY(slices, aeg_slice_info) && COPY(slots, aeg_slot_info) && COPY(queues, aeg_queue_info) && COPY(rings, aeg_ring_info) &&
           COPY(filters, aeg_filter_info) && COPY(disks, aeg_disk_info) && COPY(nics, aeg_nic_info);
#undef COPY
}
