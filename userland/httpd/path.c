/*
 * path.c: from a request's target to a path below the root that cannot leave it, and back.
 */
#include "httpd.h"

#include <string.h>

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of the target, %XX decoded. -1: not valid, or NUL. */
static int
next_char(struct slice *t)
{
    int c = (unsigned char)*t->p;

    if (c == '%') {
        int high = t->len >= 3 ? hex(t->p[1]) : -1, low = t->len >= 3 ? hex(t->p[2]) : -1;

        if (high < 0 || low < 0)
            return -1;
        c = high * 16 + low;
        t->p += 2;
        t->len -= 2;
    }
    t->p++;
    t->len--;
    return c != 0 ? c : -1;
}

/* Drops the last segment of out, which ends in / behind one. False: there is none left above the
 * root. */
static bool
drop_segment(char *out, size_t *n)
{
    if (*n <= 1)
        return false;
    (*n)--;
    while (out[*n - 1] != '/')
        (*n)--;
    return true;
}

/* What stands behind the last / is complete: takes care of empty segments, "." and "..". */
static bool
end_segment(char *out, size_t *n, size_t start)
{
    size_t len = *n - start;

    if (len == 0 || (len == 1 && out[start] == '.')) {
        *n = start;
        return true;
    }
    if (len == 2 && out[start] == '.' && out[start + 1] == '.') {
        *n = start;
        return drop_segment(out, n);
    }
    out[(*n)++] = '/';
    return true;
}

/*
 * Gives the path with one / at the start and none at the end (the root is "/"), without its query,
 * "." and ".."; *is_dir: the target ended in a /. Every decoded character is looked at only after
 * decoding, so an encoded / or . is no way out. 0, 400 or 414.
 */
int
path_decode(char *out, size_t size, struct slice target, bool *is_dir)
{
    const char *query = memchr(target.p, '?', target.len);
    size_t n = 1, start = 1;

    if (query != NULL)
        target.len = (size_t)(query - target.p);
    if (target.len == 0 || target.p[0] != '/')
        return 400;
    out[0] = '/';
    while (target.len > 0) {
        int c = next_char(&target);

        if (c < 0)
            return 400;
        if (n + 2 >= size)
            return 414;
        if (c != '/') {
            out[n++] = (char)c;
            continue;
        }
        if (!end_segment(out, &n, start))
            return 400;
        start = n;
    }
    if (!end_segment(out, &n, start))
        return 400;
    *is_dir = start == n || n == 1;
    if (n > 1)
        n--;
    out[n] = '\0';
    return 0;
}

/* The path with %XX where a URL needs them. Cut to what fits; gives the length. */
size_t
path_encode(char *out, size_t size, const char *path)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (; *path != '\0' && n + 4 < size; path++) {
        unsigned char c = (unsigned char)*path;

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("/-._~!$&()*+,=@", c) != NULL) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    out[n] = '\0';
    return n;
}
