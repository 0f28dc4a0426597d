/*
 * measure.c: samples, medians and the list of rows.
 */
#include <stdlib.h>

#include "bench.h"
#include "rows.h"

struct row rows[ROWS_MAX];
unsigned row_count;

static uint64_t overhead;           /* of two stamps around nothing */

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t
median_of_samples(sample_fn *sample, void *arg)
{
    static uint64_t samples[SAMPLES];

    (void)sample(arg);              /* warm: first touches are another row */
    for (unsigned i = 0; i < SAMPLES; i++) {
        samples[i] = sample(arg);
        if (samples[i] == UINT64_MAX)
            return UINT64_MAX;
    }
    qsort(samples, SAMPLES, sizeof(samples[0]), compare);
    return samples[SAMPLES / 2];
}

static uint64_t
sample_nothing(void *arg)
{
    uint64_t begin = stamp();

    (void)arg;
    return stamp() - begin;
}

uint64_t
measure(sample_fn *sample, void *arg)
{
    uint64_t ticks;

    if (overhead == 0)
        overhead = median_of_samples(sample_nothing, NULL);
    ticks = median_of_samples(sample, arg);
    return ticks == UINT64_MAX ? ticks : ticks > overhead ? ticks - overhead : 0;
}

uint64_t
measure_exact(sample_fn *sample, void *arg)
{
    return median_of_samples(sample, arg);
}

void
row_add(const char *name, uint64_t instructions, uint64_t budget)
{
    if (row_count < ROWS_MAX)
        rows[row_count++] = (struct row){ name, instructions, budget, instructions == UINT64_MAX };
}

void
row_measure(const char *name, uint64_t budget, sample_fn *sample, void *arg)
{
    row_add(name, measure(sample, arg), budget);
}
