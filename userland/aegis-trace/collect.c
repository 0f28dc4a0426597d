/*
 * collect.c: events out of the rings while the kernel writes them.
 *
 * Event n is whole when `written` is beyond n, and overwritten when it is beyond n + count. So a copy is good if `written`, read after it,
 * is not; the place being written at that moment counts as gone.
 */
#include "trace.h"

#include <stdlib.h>
#include <time.h>

#define POLL_NS 2000000         /* between two looks */
#define CPUS 64

static uint64_t next[CPUS];     /* the first event of each CPU that was not read */

static const volatile struct aeg_trace_info *
ring(uint32_t cpu)
{
    return aeg_info_entry(&AEG_INFO->traces, cpu);
}

static uint32_t
cpus(void)
{
    uint32_t n = AEG_INFO->traces.count;

    return n < CPUS ? n : CPUS;
}

static int
add(struct events *all, const struct event *e)
{
    if (all->count == all->room) {
        size_t room = all->room ? all->room * 2 : 1024;
        struct event *more = realloc(all->event, room * sizeof(*more));

        if (more == NULL)
            return 0;
        all->event = more;
        all->room = room;
    }
    all->event[all->count++] = *e;
    return 1;
}

static struct event
read_event(const volatile struct aeg_trace_info *t, uint32_t cpu, uint64_t n)
{
    const volatile struct aeg_trace_event *e = aeg_info_entry(&t->events, n & (t->events.count - 1));

    return (struct event){ .e = { .tsc = e->tsc, .kind = e->kind, .env = e->env, .a = e->a, .b = e->b }, .cpu = cpu };
}

/* Everything of one CPU from next[cpu] on. */
static int
drain(struct events *all, uint32_t cpu)
{
    const volatile struct aeg_trace_info *t = ring(cpu);
    uint64_t written = __atomic_load_n(&t->written, __ATOMIC_ACQUIRE), size = t->events.count;

    while (next[cpu] < written) {
        struct event e = read_event(t, cpu, next[cpu]);
        uint64_t after;

        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&t->written, __ATOMIC_RELAXED);
        if (after >= next[cpu] + size) {        /* it was overwritten: go on with the oldest that cannot have been */
            all->lost += after + 1 - size - next[cpu];
            next[cpu] = after + 1 - size;
            continue;
        }
        if (!add(all, &e))
            return 0;
        next[cpu]++;
    }
    return 1;
}

int
collect_past(struct events *all)
{
    for (uint32_t cpu = 0; cpu < cpus(); cpu++) {
        uint64_t written = ring(cpu)->written, size = ring(cpu)->events.count;

        next[cpu] = written >= size ? written + 1 - size : 0;
        if (!drain(all, cpu))
            return 0;
    }
    return 1;
}

static uint64_t
clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int
collect_for(struct events *all, uint64_t ns)
{
    struct timespec pause = { .tv_nsec = POLL_NS };
    uint64_t end = clock_ns() + ns;

    for (uint32_t cpu = 0; cpu < cpus(); cpu++)
        next[cpu] = ring(cpu)->written;
    do {
        nanosleep(&pause, NULL);
        for (uint32_t cpu = 0; cpu < cpus(); cpu++)
            if (!drain(all, cpu))
                return 0;
    } while (clock_ns() < end);
    return 1;
}

/* Events of one CPU are in order; a CPU's order is kept where two have the same time. */
static int
earlier(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    if (x->e.tsc != y->e.tsc)
        return x->e.tsc < y->e.tsc ? -1 : 1;
    return x < y ? -1 : 1;
}

void
collect_sort(struct events *all, size_t last)
{
    if (cpus() > 1)
        qsort(all->event, all->count, sizeof(*all->event), earlier);
    if (all->count > last) {
        all->event += all->count - last;
        all->count = last;
    }
}
