/*
 * bench.h: what a row of the micro suite is given, and what it gives back.
 *
 * A row prepares, hands meter_run() a function that does its operation n times, and cleans up. Every row runs in a process of its
 * own, so none meets what another left behind. The same sources are linked with ExOS (exos-cc) and built as a static Linux program.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE 4096

/*
 * A no-operation with a number in it, nopl 0xbeefNNNN(%rax), for QEMU plugins: 0001 and 0002 are around a timed piece of work
 * (scripts/vm/count.c), 0003 is before the runs of a row (scripts/vm/callpath.c).
 */
#define MARK(n) __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n.long 0xbeef" #n : : : "memory")
#define RUNS_MAX 100

/* What came of a row; the program's exit status says the same. */
enum verdict { MEASURED = 0, FAILED = 1, ABSENT = 3 };

struct run {
    uint64_t ticks, ns;             /* all operations of the run, without what the row left out */
};

struct meter {
    uint64_t operations;            /* of each run */
    unsigned runs;
    struct run run[RUNS_MAX];
    uint64_t out_since, out_ticks, out_since_ns, out_ns;
};

/* Does the operation n times; false when one of them did not do what it should. */
typedef bool op_fn(void *arg, uint64_t n);

enum verdict meter_run(struct meter *m, op_fn *op, void *arg);
/* Around what an operation needs done and is not counted. */
void meter_out(struct meter *m);
void meter_in(struct meter *m);

static inline uint64_t
stamp(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

uint64_t nanoseconds(void);

struct row {
    const char *id, *group, *name, *what;
    uint64_t linked, unmodified;    /* budgets; 0: none */
    uint64_t operations;
    enum verdict (*measure)(struct meter *m);
};
extern const struct row rows[];
extern const unsigned row_count;

#define ROW(id, ...) enum verdict row_##id(struct meter *m);
#include "rows.def"
#undef ROW

/* partner.c: a second process for ping-pongs. It runs `serve` until its input ends or it is killed. */
typedef bool serve_fn(int in, int out);
int partner_start(serve_fn *serve, int in, int out);
void partner_end(int pid);

/* timed.c: bench --time COMMAND..., bench --io WHAT... */
int timed_command(char **argv);
int timed_io(int argc, char **argv);

/* workers.c: bench --workers WHAT COUNT N */
int workers(int argc, char **argv);

#endif
