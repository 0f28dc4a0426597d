/*
 * string.c: memory and strings, which the compiler too calls by these names.
 *
 * Copies of 64 bytes and more use `rep movsq`; shorter ones are a few moves.
 */
#include "base/base.h"

/* Fewer than eight bytes. */
static inline void
copy_rest(uint8_t *d, const uint8_t *s, size_t n)
{
    if (n & 4) {
        *(half_t *)d = *(const half_t *)s;
        d += 4;
        s += 4;
    }
    for (n &= 3; n > 0; n--) {
        *d++ = *s++;
        __asm__ volatile("" : : : "memory");    /* or the compiler makes a call of it, to here */
    }
}

static inline void
copy_short(uint8_t *d, const uint8_t *s, size_t n)
{
    for (; n >= 8; n -= 8, d += 8, s += 8)
        *(word_t *)d = *(const word_t *)s;
    copy_rest(d, s, n);
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    void *d = dst;
    const void *s = src;
    size_t words = n >> 3;

    if (n < 64) {
        copy_short(dst, src, n);
        return dst;
    }
    __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
    copy_rest(d, s, n & 7);
    return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    if (d <= s || d >= s + n) {
        for (; n >= 8; n -= 8, d += 8, s += 8)
            *(word_t *)d = *(const word_t *)s;
        for (; n > 0; n--)
            *d++ = *s++;
        return dst;
    }
    for (; n >= 8; n -= 8)
        *(word_t *)(d + n - 8) = *(const word_t *)(s + n - 8);
    for (; n > 0; n--)
        d[n - 1] = s[n - 1];
    return dst;
}

void *
memset(void *dst, int c, size_t n)
{
    uint8_t *d = dst;
    uint64_t fill = (uint8_t)c * 0x0101010101010101ull;
    size_t words = n >> 3;

    __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(fill) : "memory");
    for (n &= 7; n > 0; n--) {
        *d++ = (uint8_t)c;
        __asm__ volatile("" : : : "memory");
    }
    return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n >= 8 && *(const word_t *)x == *(const word_t *)y; n -= 8, x += 8, y += 8)
        ;
    for (; n > 0; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *
memchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;

    for (; n > 0; n--, p++)
        if (*p == (uint8_t)c)
            return (void *)(uintptr_t)p;
    return NULL;
}

size_t
strlen(const char *s)
{
    const char *p = s;

    while (*p != '\0') {
        p++;
        __asm__ volatile("" : "+r"(p));
    }
    return (size_t)(p - s);
}

size_t
strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n] != '\0')
        n++;
    return n;
}

int
strcmp(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++, b++)
        ;
    return (unsigned char)*a - (unsigned char)*b;
}

int
strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0 && *a != '\0' && *a == *b; a++, b++, n--)
        ;
    return n == 0 ? 0 : (unsigned char)*a - (unsigned char)*b;
}

char *
strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

char *
strrchr(const char *s, int c)
{
    const char *found = NULL;

    for (;; s++) {
        if (*s == (char)c)
            found = s;
        if (*s == '\0')
            return (char *)(uintptr_t)found;
    }
}
