/* pte.h: leaf entries. See pte.c. */
#ifndef AEGIS_CORE_PTE_H
#define AEGIS_CORE_PTE_H

#include "core/kernel.h"

/* Drops what a present leaf entry of level 1 or 2 held. Only after its flush. */
void pte_unref(uint64_t entry, unsigned level);

#endif
