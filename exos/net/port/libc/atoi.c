/* atoi.c: decimal digits to a number, for lwIP's netif_find. */
#include "net/port/libc/stdlib.h"

int
atoi(const char *s)
{
    int n = 0;

    for (; *s >= '0' && *s <= '9' && n < 100000; s++)
        n = n * 10 + (*s - '0');
    return n;
}
