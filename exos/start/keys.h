/* keys.h: the protection key that closes the library's memory to stores of programs (Intel SDM volume 3, 4.6.2). */
#ifndef EXOS_START_KEYS_H
#define EXOS_START_KEYS_H

#include <stdint.h>

#include "base/base.h"

#define KEYS_PTE_SHIFT 59
#define KEYS_LIBRARY   1ull         /* the key of the session segment and of what is the library's in the process segment */
#define KEYS_XSAVE     0x200ull     /* PKRU among the components of XSAVE: never a program's to set through us */

/* What PKRU is while a program runs: 0 where keys are not used. The ways out set it, the ways in clear it. */
extern uint32_t pkru_closed;

/* By the boot option pku=on|off|auto and the CPU. Before anything is mapped. */
void keys_init(void);

/* Bits of an entry that maps the library's memory. */
static inline uint64_t
keys_pte(void)
{
    return pkru_closed != 0 ? KEYS_LIBRARY << KEYS_PTE_SHIFT : 0;
}

#endif
