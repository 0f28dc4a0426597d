/* tlb.h of host tests: the real interface, on the TLB of fake/aegis/tlb.c. */
#ifndef FAKE_ARCH_TLB_H
#define FAKE_ARCH_TLB_H

#include "core/kernel.h"

#define CR3_KEEP (1ull << 63)

void arch_load_cr3(uint64_t cr3);
void arch_flush_page(uint64_t va);
void arch_flush_loaded(void);
void arch_flush_page_of(uint64_t pcid, uint64_t va);

#endif
