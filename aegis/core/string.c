/*
 * string.c: the few functions that the compiler may call by itself, and what the kernel compares names with.
 *
 * Not here: user memory (copy_in, copy_out).
 */
#include "core/kernel.h"

/* Moves whole words where it can: an instruction per eight bytes, where `rep movsb` counts one per byte. */
void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    void *d = dst;
    const void *s = src;
    size_t words = n / 8, tail = n % 8;

    __asm__ volatile("rep movsq\n\tmov %3, %2\n\trep movsb" : "+D"(d), "+S"(s), "+c"(words) : "r"(tail) : "memory");
    return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    if (d <= s || d >= s + n)
        return memcpy(dst, src, n);
    while (n >= 8) {
        uint64_t word;

        n -= 8;
        __builtin_memcpy(&word, s + n, 8);
        __builtin_memcpy(d + n, &word, 8);
    }
    while (n-- > 0)
        ((volatile uint8_t *)d)[n] = s[n];
    return dst;
}

void *
memset(void *dst, int c, size_t n)
{
    void *d = dst;
    uint64_t pattern = (uint8_t)c * 0x0101010101010101ull;
    size_t words = n / 8, tail = n % 8;

    __asm__ volatile("rep stosq\n\tmov %3, %1\n\trep stosb" : "+D"(d), "+c"(words) : "a"(pattern), "r"(tail) : "memory");
    return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t
strlen(const char *s)
{
    size_t n = 0;

    while (((const volatile char *)s)[n])
        n++;
    return n;
}

int
strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int
strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; a++, b++, n--) {
        if (*a != *b)
            return (uint8_t)*a - (uint8_t)*b;
        if (*a == 0)
            return 0;
    }
    return 0;
}
