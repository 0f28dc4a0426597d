/*
 * vector.c: the vector state that a program starts with, and goes back to whenever another one has run.
 */
#include "arch/x86_64/vector.h"

/* Which components XSAVE and XRSTOR deal with (XCR0), for entry.asm; none if the CPU has only FXSAVE. */
uint64_t vector_state_mask;

/*
 * An XSAVE area with no component present: XRSTOR sets each to its initial state. MXCSR alone is always read (Intel SDM vol. 1, 13.8.1).
 * For FXRSTOR the same bytes are the initial state itself.
 */
struct {
    uint16_t fcw;
    uint8_t before_mxcsr[22];
    uint32_t mxcsr;
    uint8_t rest[FRAME_SIZE - SAVE_XSAVE_OFFSET - 28];
} vector_state_init __attribute__((aligned(64)));

#define MXCSR_INITIAL 0x1f80
#define FCW_INITIAL 0x37f

void
vector_state_setup(uint64_t mask)
{
    vector_state_mask = mask;
    vector_state_init.fcw = FCW_INITIAL;
    vector_state_init.mxcsr = MXCSR_INITIAL;
}
