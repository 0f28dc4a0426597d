/*
 * vectors.c: the vector registers of a program, which the library itself never uses: saved when another space gets the CPU, copied to the
 * child of a fork, reset by exec.
 *
 * The area has the layout of XSAVE (Intel SDM volume 1, 13.4), or of FXSAVE where the CPU has no more.
 */
#include "thread/vectors.h"

#include "aegis/info.h"
#include "base/base.h"
#include "vm/vm.h"

#define FCW_OFFSET 0
#define FCW_INITIAL 0x37f
#define MXCSR_OFFSET 24
#define MXCSR_INITIAL 0x1f80u
#define LEGACY_BYTES 576        /* with the XSAVE header */

/* A header without components makes XRSTOR initialise them all; MXCSR is read all the same. */
void
vectors_reset(void)
{
    uint8_t *area = MM_VECTORS;

    memset(area, 0, LEGACY_BYTES);
    *(uint16_t *)(area + FCW_OFFSET) = FCW_INITIAL;
    *(uint32_t *)(area + MXCSR_OFFSET) = MXCSR_INITIAL;
    vectors_restore(area);
}
