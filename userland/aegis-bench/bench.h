/*
 * bench.h: the kernel's rows, and how one is measured. The rows of Linux calls are userland/bench's.
 *
 * A sample is the difference of two time stamps around one operation, less that of two stamps around nothing; a row is the median of
 * its samples. Under `scripts/run --icount` a tick of the time-stamp counter is one instruction, kernel and user together.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#define ROWS_MAX 64
#define SAMPLES 101

struct row {
    const char *name;
    uint64_t instructions;
    uint64_t budget;                /* NUMBERS: at most; 0: none is set */
    int missing;                    /* what it needs failed: `instructions` says nothing */
};

/* An operation: does it once with whatever `arg` is, returns the ticks it took (stamp overhead included), or UINT64_MAX when it cannot. */
typedef uint64_t sample_fn(void *arg);

void row_measure(const char *name, uint64_t budget, sample_fn *sample, void *arg);
void row_add(const char *name, uint64_t instructions, uint64_t budget);
/* Median of a row that is not shown by itself; UINT64_MAX when it cannot be measured. */
uint64_t measure(sample_fn *sample, void *arg);
/* The same where the sample carries stamps of its own: nothing is taken off. */
uint64_t measure_exact(sample_fn *sample, void *arg);

static inline uint64_t
stamp(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

void kernel_rows(void);             /* kernel.c: Aegis's own paths */
void packet_rows(void);             /* packets.c: packet filters, called by kernel_rows() */

#endif
