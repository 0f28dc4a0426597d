/* info.h: making the exposed window. See info.c. */
#ifndef AEGIS_CORE_INFO_H
#define AEGIS_CORE_INFO_H

#include "core/kernel.h"

void info_init(void);   /* the header page and the frame table */
void info_seal(void);   /* modules, command line, CPUs: what is known at the end of boot */

#endif
