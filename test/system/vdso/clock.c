/* clock.c: the vDSO as the C library and a debugger see it. */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int point;

static void
ok(int good, const char *name)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, name);
}

static long long
ns(const struct timespec *t)
{
    return t->tv_sec * 1000000000ll + t->tv_nsec;
}

static int
ordered(clockid_t clock)
{
    struct timespec a, b, c;

    syscall(SYS_clock_gettime, clock, &a);
    clock_gettime(clock, &b);
    syscall(SYS_clock_gettime, clock, &c);
    return ns(&a) <= ns(&b) && ns(&b) <= ns(&c);
}

int
main(void)
{
    const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
    struct timespec t;
    struct timeval v;

    printf("1..7\n");
    ok(base && memcmp(base, ELFMAG, SELFMAG) == 0, "there is an ELF object where the auxiliary vector says");
    ok(ordered(CLOCK_REALTIME), "CLOCK_REALTIME lies between two calls of the kernel");
    ok(ordered(CLOCK_MONOTONIC), "so does CLOCK_MONOTONIC");
    ok(ordered(CLOCK_PROCESS_CPUTIME_ID), "and a clock that only the library knows");
    clock_gettime(CLOCK_REALTIME, &t);
    gettimeofday(&v, NULL);
    ok(v.tv_sec * 1000000ll + v.tv_usec - ns(&t) / 1000 < 1000000, "gettimeofday agrees");
    ok(time(NULL) - t.tv_sec <= 1, "time agrees");
    ok(clock_getres(CLOCK_MONOTONIC, &t) == 0 && ns(&t) == 1, "a clock's resolution is a nanosecond");
    return 0;
}
