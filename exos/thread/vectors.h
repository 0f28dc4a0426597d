/* vectors.h: the vector registers of a program. See vectors.c. */
#ifndef EXOS_THREAD_VECTORS_H
#define EXOS_THREAD_VECTORS_H

#include <stdint.h>

#include "aegis/info.h"

/* To and from an area of AEG_INFO->xsave_size bytes, 64-byte aligned. */
static inline void
vectors_save(void *area)
{
    uint64_t mask = AEG_INFO->xsave_mask;

    if (mask != 0)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void
vectors_restore(const void *area)
{
    uint64_t mask = AEG_INFO->xsave_mask;

    if (mask != 0)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* What a program finds in them at its first instruction. */
void vectors_reset(void);

#endif
