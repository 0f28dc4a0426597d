/*
 * tlb.c: the fake machine's TLB, which remembers whatever it may (Intel SDM vol. 3A, 4.10): translations that a test asked for, under the
 * PCID of their time, until somebody flushes them.
 */
#include <string.h>

#include "machine.h"
#include "arch/x86_64/tlb.h"

#define TLB_ENTRIES 96
#define CR3_PCID 0xfffull

static struct translation {
    bool used;
    uint64_t pcid, va, bytes, entry;
} tlb[TLB_ENTRIES];
static unsigned next_victim;

/* A page table's memory: a frame number in an entry is an offset in fake_ram, as everywhere (core/layout.h). */
static const uint64_t *
table_of(uint64_t entry)
{
    return direct_map(entry & AEG_PTE_ADDR);
}

/* What the tables say now: the leaf, with the rights of all levels; false: not present. */
static bool
walk_tables(uint64_t va, struct translation *t)
{
    uint64_t entry = machine.loaded, writable = AEG_PTE_W, nx = 0;

    for (unsigned level = 4; level >= 1; level--) {
        entry = table_of(entry)[va >> (3 + 9 * level) & 511];
        if (!(entry & AEG_PTE_P))
            return false;
        writable &= entry;
        nx |= entry & AEG_PTE_NX;
        t->bytes = 1ull << (3 + 9 * level);
        if (entry & AEG_PTE_PS)
            break;
    }
    *t = (struct translation){ true, machine.pcid, va & ~(t->bytes - 1), t->bytes, (entry & AEG_PTE_ADDR) | writable | nx };
    return true;
}

static bool
covers(const struct translation *t, uint64_t pcid, uint64_t va)
{
    return t->used && t->pcid == pcid && va - t->va < t->bytes;
}

uint64_t
machine_translate(uint64_t va)
{
    struct translation fresh;

    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        if (covers(&tlb[i], machine.pcid, va))
            return tlb[i].entry;
    if (!walk_tables(va, &fresh))
        return 0;
    tlb[next_victim] = fresh;
    next_victim = (next_victim + 1) % TLB_ENTRIES;
    return fresh.entry;
}

bool
machine_tlb_true(void)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        struct translation now;

        if (!tlb[i].used || tlb[i].pcid != machine.pcid)
            continue;
        if (!walk_tables(tlb[i].va, &now) || now.entry != tlb[i].entry || now.bytes != tlb[i].bytes)
            return false;
    }
    return true;
}

void
machine_tlb_empty(void)
{
    memset(tlb, 0, sizeof(tlb));
}

static void
flush_pcid(uint64_t pcid)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        if (tlb[i].pcid == pcid)
            tlb[i].used = false;
}

static void
flush_page(uint64_t pcid, uint64_t va)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        if (covers(&tlb[i], pcid, va))
            tlb[i].used = false;
}

void
arch_load_cr3(uint64_t cr3)
{
    machine.loaded = cr3 & AEG_PTE_ADDR;
    machine.pcid = cr3 & CR3_PCID;
    machine.kept = cr3 & CR3_KEEP;
    if (!machine.kept)
        flush_pcid(machine.pcid);
}

void
arch_flush_page(uint64_t va)
{
    machine.flushed_pages++;
    machine.last_flushed = va;
    flush_page(machine.pcid, va);
}

void
arch_flush_loaded(void)
{
    machine.flushed_all++;
    flush_pcid(machine.pcid);
}

void
arch_flush_page_of(uint64_t pcid, uint64_t va)
{
    machine.flushed_elsewhere++;
    flush_page(pcid, va);
}
