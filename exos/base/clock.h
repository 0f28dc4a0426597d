/* clock.h: what only the time calls need. */
#ifndef EXOS_CLOCK_H
#define EXOS_CLOCK_H

#include <stdint.h>

extern int64_t wall_offset_ns;

uint64_t tsc_read(void);
void clock_set_realtime(uint64_t ns);

#endif
