/* fsgsbase.h: the bases of FS and GS on a CPU without FSGSBASE. See fsgsbase.c. */
#ifndef AEGIS_ARCH_FSGSBASE_H
#define AEGIS_ARCH_FSGSBASE_H

#include "arch/x86_64/trap.h"

/* At boot, while text can be written: the kernel does without the instructions, and programs get them from fsgsbase_emulate. */
void fsgsbase_replace(void);

/* #UD in user mode (entry.asm calls it): true if it was one of the four, which is now done. */
bool fsgsbase_emulate(struct trap_frame *f);

#endif
