/*
 * threads.c: two threads that wake each other by futex, and threads that are made and waited for.
 *
 * A round trip is four calls: the partner is woken, the caller sleeps, and the same the other way round.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static volatile uint32_t ball, ours;        /* the words at which the partner and the caller sleep */
static volatile int over;

typedef long futex_fn(volatile uint32_t *word, long op, long value);

static long
futex_linked(volatile uint32_t *word, long op, long value)
{
    return syscall(SYS_futex, word, op, value, 0);
}

static long
futex_trapped(volatile uint32_t *word, long op, long value)
{
    register long r10 __asm__("r10") = 0;
    long n = SYS_futex;

    __asm__ volatile("syscall" : "+a"(n) : "D"(word), "S"(op), "d"(value), "r"(r10) : "rcx", "r11", "memory");
    return n;
}

static void
throw_to(futex_fn *futex, volatile uint32_t *word)
{
    *word = 1;
    (void)futex(word, FUTEX_WAKE_PRIVATE, 1);
}

static void
catch_at(futex_fn *futex, volatile uint32_t *word)
{
    while (*word == 0)
        (void)futex(word, FUTEX_WAIT_PRIVATE, 0);
    *word = 0;
}

static void *
partner(void *futex)
{
    for (;;) {
        catch_at((futex_fn *)futex, &ball);
        if (over)
            return NULL;
        throw_to((futex_fn *)futex, &ours);
    }
}

static uint64_t
sample_round_trip(void *futex)
{
    uint64_t begin = stamp();

    throw_to((futex_fn *)futex, &ball);
    catch_at((futex_fn *)futex, &ours);
    return stamp() - begin;
}

static void
ping_pong(const char *name, uint64_t budget, futex_fn *futex)
{
    pthread_t t;

    over = 0;
    if (pthread_create(&t, NULL, partner, (void *)futex) != 0)
        return;
    row_measure(name, budget, sample_round_trip, (void *)futex);
    over = 1;
    throw_to(futex, &ball);
    pthread_join(t, NULL);
}

static void *
nothing(void *arg)
{
    return arg;
}

static uint64_t
sample_create_join(void *arg)
{
    uint64_t begin = stamp();
    pthread_t t;

    (void)arg;
    if (pthread_create(&t, NULL, nothing, NULL) != 0 || pthread_join(t, NULL) != 0)
        return UINT64_MAX;
    return stamp() - begin;
}

void
thread_rows(void)
{
    ping_pong("futex ping-pong, two threads", 450, futex_linked);
    ping_pong("futex ping-pong, unmodified", 610, futex_trapped);
    row_measure("thread create + join", 5000, sample_create_join, NULL);
}
