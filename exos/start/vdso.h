/* vdso.h: the object whose functions C libraries call in place of some system calls (vdso(7)). */
#ifndef EXOS_START_VDSO_H
#define EXOS_START_VDSO_H

#include <stdint.h>

/* Where it lies in every space: AT_SYSINFO_EHDR. */
uint64_t vdso_address(void);

#endif
