/*
 * range.c: Range: bytes=first-last (RFC 9110, 14). One range; several are answered as if none had
 * been asked for.
 */
#include "httpd.h"

#include <string.h>
#include <strings.h>

/* False: no digits, or too many. */
static bool
number(const char **p, const char *end, uint64_t *n)
{
    const char *start = *p;

    *n = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
        *n = *n * 10 + (uint64_t)(**p - '0');
    return *p > start && *p - start <= 18;
}

/* RANGE_OK: first and last are within the size. RANGE_BAD: the range lies behind the end.
 * RANGE_NONE: nothing that we serve in parts. */
enum range_result
range_parse(struct slice value, uint64_t size, uint64_t *first, uint64_t *last)
{
    const char *p = value.p + 6, *end = value.p + value.len;
    bool has_first, has_last;

    if (value.len < 7 || strncasecmp(value.p, "bytes=", 6) != 0)
        return RANGE_NONE;
    has_first = number(&p, end, first);
    if (p == end || *p++ != '-')
        return RANGE_NONE;
    has_last = number(&p, end, last);
    if (p != end || (!has_first && !has_last))
        return RANGE_NONE;
    if (!has_first) { /* the last N bytes */
        if (*last == 0 || size == 0)
            return RANGE_BAD;
        *first = *last < size ? size - *last : 0;
        *last = size - 1;
        return RANGE_OK;
    }
    if (has_last && *last < *first)
        return RANGE_NONE;
    if (*first >= size)
        return RANGE_BAD;
    if (!has_last || *last >= size)
        *last = size - 1;
    return RANGE_OK;
}
