/* calls.c: calls that do next to nothing. */
#include <time.h>
#include <unistd.h>

#include "bench.h"

static bool
getpids(void *arg, uint64_t n)
{
    (void)arg;
    while (n--)
        getpid();
    return true;
}

enum verdict
row_getpid(struct meter *m)
{
    return getpid() > 0 ? meter_run(m, getpids, NULL) : FAILED;
}

static bool
clocks(void *arg, uint64_t n)
{
    struct timespec *now = arg, before = *now;

    while (n--)
        clock_gettime(CLOCK_MONOTONIC, now);
    return now->tv_sec > before.tv_sec || (now->tv_sec == before.tv_sec && now->tv_nsec > before.tv_nsec);
}

enum verdict
row_clock_gettime(struct meter *m)
{
    struct timespec now = { 0, 0 };

    return meter_run(m, clocks, &now);
}
