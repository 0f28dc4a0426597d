/* rows.h: what has been measured so far. See measure.c. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench.h"

extern struct row rows[ROWS_MAX];
extern unsigned row_count;

#endif
