/* trace.h: recording events. See trace.c. */
#ifndef AEGIS_CORE_TRACE_H
#define AEGIS_CORE_TRACE_H

#include "core/kernel.h"

/* Some fifty instructions, whatever the event is. Any context on a CPU whose struct cpu is in use. */
void trace(enum aeg_trace_kind kind, uint64_t a, uint64_t b);
void trace_init(void);

#endif
