/* rows.h: what has been measured so far. See measure.c. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench.h"

extern struct row rows[ROWS_MAX];
extern unsigned row_count;
extern unsigned sample_count;       /* SAMPLES, or what --samples says */
extern const char *row_wanted;      /* --only; NULL: all */

#endif
