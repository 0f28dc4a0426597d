/*
 * tlb.h: what the machine can do about translations that it remembers (Intel SDM vol. 3A, 4.10). Host tests have a TLB of their own in
 * front of this file (test/fake/). Only core/tlb.h and bring-up use it.
 */
#ifndef AEGIS_ARCH_TLB_H
#define AEGIS_ARCH_TLB_H

#include "core/kernel.h"

#define CR3_KEEP (1ull << 63)   /* with PCIDs: what the TLB holds under this one is still true */

static inline void
arch_load_cr3(uint64_t cr3)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}

/* Of the space that is loaded, or global. */
static inline void
arch_flush_page(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* All of the space that is loaded: CR3 reads without CR3_KEEP. */
static inline void
arch_flush_loaded(void)
{
    uint64_t cr3;

    __asm__ volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "=r"(cr3) : : "memory");
}

/* Of another space. Needs AEG_CPU_INVPCID. */
static inline void
arch_flush_page_of(uint64_t pcid, uint64_t va)
{
    uint64_t descriptor[2] = { pcid, va };

    __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(0ull) : "memory");
}

#endif
