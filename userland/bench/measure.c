/*
 * measure.c: runs of one row.
 *
 * The loop around the operations is measured once and taken off: three instructions each.
 */
#include <time.h>

#include "bench.h"

#define WARM_PART 4                 /* of a run, first and unmeasured */

uint64_t
nanoseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
meter_out(struct meter *m)
{
    m->out_since_ns = nanoseconds();
    m->out_since = stamp();
}

void
meter_in(struct meter *m)
{
    m->out_ticks += stamp() - m->out_since;
    m->out_ns += nanoseconds() - m->out_since_ns;
}

static bool
one_run(struct meter *m, op_fn *op, void *arg, uint64_t n, struct run *out)
{
    uint64_t ns, ticks;
    bool good;

    m->out_ticks = m->out_ns = 0;
    ns = nanoseconds();
    ticks = stamp();
    good = op(arg, n);
    ticks = stamp() - ticks;
    ns = nanoseconds() - ns;
    out->ticks = ticks - m->out_ticks;
    out->ns = ns - m->out_ns;
    return good;
}

static bool
nothing(void *arg, uint64_t n)
{
    (void)arg;
    while (n--)
        __asm__ volatile("");
    return true;
}

static void
take_off(struct run *r, const struct run *loop)
{
    r->ticks = r->ticks > loop->ticks ? r->ticks - loop->ticks : 0;
    r->ns = r->ns > loop->ns ? r->ns - loop->ns : 0;
}

enum verdict
meter_run(struct meter *m, op_fn *op, void *arg)
{
    struct run loop;

    MARK(0003);
    one_run(m, nothing, NULL, m->operations, &loop);
    if (!op(arg, m->operations / WARM_PART + 1))
        return FAILED;
    for (unsigned i = 0; i < m->runs; i++) {
        if (!one_run(m, op, arg, m->operations, &m->run[i]))
            return FAILED;
        take_off(&m->run[i], &loop);
    }
    return MEASURED;
}
