/*
 * base.h: what every ExOS module may assume: types, bounds, errors, strings, assertions, the log.
 */
#ifndef EXOS_BASE_H
#define EXOS_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "base/errno.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (PAGE_SIZE - 1)
#define PAGE_DOWN(x) ((x) & ~PAGE_MASK)
#define PAGE_UP(x)   (((x) + PAGE_MASK) & ~PAGE_MASK)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define MUST_USE __attribute__((warn_unused_result))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((noinline, cold))    /* kept out of the fast path that calls it */
#define NOINLINE __attribute__((noinline))      /* the longer way, which the fast path leads to */
#define ALWAYS_INLINE __attribute__((always_inline))
#define NO_SANITIZE __attribute__((no_sanitize("address")))     /* reads past the end of an object, never of its page */
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

typedef int64_t ssize;

/* A user address: never dereferenced but by uaccess. */
typedef uint64_t uva_t;

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define DEADLINE_NEVER UINT64_MAX

/* Eight bytes of a string, wherever it lies. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;
typedef uint32_t __attribute__((may_alias, aligned(1))) half_t;
#define WORD_OF(byte) ((byte) * 0x0101010101010101ull)

/* Bit 7 of the lowest zero byte is the lowest bit set; 0: no byte is zero. */
static inline uint64_t
word_zeros(uint64_t w)
{
    return (w - WORD_OF(0x01)) & ~w & WORD_OF(0x80);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* snprintf with %d %i %u %x %X %lx %lu %ld %llu %zu %c %s %p %%, width, 0 and - flags, precision on %s. Returns the full length. */
int fmt_print(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);
int fmt_vprint(char *buf, size_t size, const char *format, va_list ap);

/* One line of the session's log (second serial port; kept in a ring that /dev/kmsg shows). No newline needed at the end. */
void log_print(const char *format, ...) PRINTF(1, 2);

/* A library bug: the session stops with where, why and a backtrace. Never for a value that a program chose. */
noreturn void library_panic(const char *file, int line, const char *format, ...) PRINTF(3, 4);
#define EXO_PANIC(...) library_panic(__FILE__, __LINE__, __VA_ARGS__)
#define EXO_ASSERT(x) ((x) ? (void)0 : library_panic(__FILE__, __LINE__, "assertion failed: %s", #x))

uint64_t clock_monotonic_ns(void);
uint64_t clock_realtime_ns(void);
uint64_t random_u64(void);
void random_fill(void *buf, size_t n);

#endif
