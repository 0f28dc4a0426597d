/* vector.h: the initial vector state. See vector.c. */
#ifndef AEGIS_ARCH_VECTOR_H
#define AEGIS_ARCH_VECTOR_H

#include "arch/x86_64/arch.h"

extern uint64_t vector_state_mask;
void vector_state_setup(uint64_t mask);

#endif
