/* over.c: the end. */
#include "tiny.h"

/* example: power */
/* The machine may not be ours: then a fault that finds no room stops this env, and who made our session reads the status from its address. */
_Noreturn void
over(uint64_t status)
{
    (void)!aeg_power(SELF, AEG_POWER_DEBUG_EXIT, status == GOOD ? 0x10 : 0x11);
    UENV->depth = AEG_UENV_DEPTH;
    for (;;)
        __asm__ volatile("movb (%0), %%al" : : "r"(status) : "rax");
}
/* end */
