/*
 * library.h: the little that the smallest library needs: memory, words on the console, time, waiting. It stands where exos.img stands,
 * holds root, and speaks TAP. One program includes it once.
 */
#ifndef TEST_SMALL_LIBRARY_H
#define TEST_SMALL_LIBRARY_H

#include <stdbool.h>

#include "aegis/info.h"
#include "aegis/sys.h"
#include "aegis/uenv.h"

#define PAGE 4096
#define ROOT 0              /* the first capability */
#define UENV ((struct aeg_uenv *)0x7e0000200000ull)
#define SECOND 1000000000ull

static unsigned points;

void *memset(void *p, int c, size_t n);
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void guest_main(void);

void *
memset(void *p, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)p)[i] = (uint8_t)c;
    return p;
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
    return dst;
}

static inline void
say(const char *s)
{
    uint64_t done, n = 0;

    while (s[n])
        n++;
    (void)!aeg_console_write(ROOT, AEG_CONSOLE_MAIN, s, n, &done);
}

static inline void
say_number(uint64_t v)
{
    char buf[24], *p = buf + sizeof(buf) - 1;

    *p = 0;
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    say(p);
}

static inline void
note(const char *text, uint64_t number)
{
    say("# ");
    say(text);
    say(" ");
    say_number(number);
    say("\n");
}

static inline void
ok(bool holds, const char *name)
{
    say(holds ? "ok " : "not ok ");
    say_number(++points);
    say(" - ");
    say(name);
    say("\n");
}

static inline uint64_t
frame_of(const void *p)
{
    return (*(const volatile uint64_t *)aeg_window_entry((uint64_t)(uintptr_t)p, 1) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

static inline uint32_t
refs_of(const void *p)
{
    return ((const volatile struct aeg_frame_info *)(uintptr_t)AEG_INFO->frames.address)[frame_of(p)].refs;
}

static inline uint64_t
now_ns(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)((unsigned __int128)(((uint64_t)high << 32 | low) - AEG_INFO->tsc_base) * AEG_INFO->tsc_mult >> 32);
}

/* Sleeps until *index reaches `want`, five seconds at most. */
static inline bool
await(const volatile uint32_t *index, uint32_t want, uint64_t bit)
{
    uint64_t deadline = now_ns() + 5 * SECOND, bits;

    while ((int32_t)(*index - want) < 0) {
        if (aeg_wait(bit, deadline, 0, 0, &bits) == AEG_ERR_TIMEOUT)
            return false;
        __atomic_and_fetch(&UENV->notify, ~bit, __ATOMIC_SEQ_CST);
    }
    return true;
}

/* The plan, and off: the last thing that guest_main does. */
static inline void
finish_all(void)
{
    say("1..");
    say_number(points);
    say("\n");
    (void)aeg_power(ROOT, AEG_POWER_DEBUG_EXIT, 0x10);
    for (;;)
        ;
}

__asm__(".globl _start\n_start:\n and $-16, %rsp\n call guest_main\n");

#endif
