/*
 * args.c: argument and environment strings on their way into a new program.
 *
 * Holds:    the strings lie one after the other in session pages; a further page holds the addresses of those.
 * Bounds:   Linux's (include/uapi/linux/binfmts.h, fs/exec.c): ARG_STRING_MAX a string; together, with a pointer each, ARG_BYTES_MAX or what
 *           the caller set.
 */
#include "base/mem.h"
#include "base/uio.h"
#include "proc/args.h"

static uint64_t
limit_of(const struct arg_pages *a)
{
    return a->limit != 0 ? MIN(a->limit, ARG_BYTES_MAX) : ARG_BYTES_MAX;
}

/* The page that byte `at` goes to is there. */
static int
page_for(struct arg_pages *a, size_t at)
{
    size_t i = at / PAGE_SIZE;

    if (at + (a->argc + a->envc) * sizeof(uint64_t) >= limit_of(a))
        return -E2BIG;
    if (a->page == NULL && (a->page = page_alloc()) == NULL)
        return -ENOMEM;
    if (i < a->pages)
        return 0;
    a->page[i] = page_alloc();
    if (a->page[i] == NULL)
        return -ENOMEM;
    a->pages++;
    return 0;
}

int
args_add_user(struct arg_pages *a, uva_t string)
{
    size_t begin = a->bytes;

    for (;;) {
        size_t off = a->bytes & PAGE_MASK;
        int err = page_for(a, a->bytes);
        ssize n;

        if (err != 0)
            return err;
        n = user_string_in(a->page[a->bytes / PAGE_SIZE] + off, string, PAGE_SIZE - off);
        if (n == -EFAULT)
            return -EFAULT;
        if (n >= 0) {
            a->bytes += (size_t)n + 1;
            return a->bytes - begin > ARG_STRING_MAX ? -E2BIG : 0;
        }
        a->bytes += PAGE_SIZE - off;
        string += PAGE_SIZE - off;
        if (a->bytes - begin > ARG_STRING_MAX)
            return -E2BIG;
    }
}

/* n bytes, none of them the end of the string unless they say so. */
static int
add_bytes(struct arg_pages *a, const char *from, size_t n)
{
    while (n > 0) {
        size_t off = a->bytes & PAGE_MASK, part = MIN(n, PAGE_SIZE - off);
        int err = page_for(a, a->bytes);

        if (err != 0)
            return err;
        memcpy(a->page[a->bytes / PAGE_SIZE] + off, from, part);
        a->bytes += part;
        from += part;
        n -= part;
    }
    return 0;
}

int
args_add(struct arg_pages *a, const char *string)
{
    return add_bytes(a, string, strlen(string) + 1);
}

int
args_add_rest(struct arg_pages *a, const struct arg_pages *from, size_t at)
{
    int err = 0;

    while (at < from->bytes && err == 0) {
        size_t off = at & PAGE_MASK, part = MIN(from->bytes - at, PAGE_SIZE - off);

        err = add_bytes(a, from->page[at / PAGE_SIZE] + off, part);
        at += part;
    }
    return err;
}

int
args_add_vector(struct arg_pages *a, uva_t vector, uint32_t *count)
{
    if (vector == 0)
        return 0;
    for (;; vector += sizeof(uint64_t)) {
        uint64_t string;
        int err;

        if (user_copy_in(&string, vector, sizeof(string)) != 0)
            return -EFAULT;
        if (string == 0)
            return 0;
        ++*count;
        err = args_add_user(a, string);
        if (err != 0)
            return err;
    }
}

size_t
args_next(const struct arg_pages *a, size_t at)
{
    while (at < a->bytes) {
        size_t off = at & PAGE_MASK, n = strnlen(a->page[at / PAGE_SIZE] + off, MIN(a->bytes - at, PAGE_SIZE - off));

        at += n;
        if (off + n < PAGE_SIZE)
            return at + 1;
    }
    return at;
}

void
args_free(struct arg_pages *a)
{
    for (uint32_t i = 0; i < a->pages; i++)
        page_free(a->page[i]);
    if (a->page != NULL)
        page_free(a->page);
    *a = (struct arg_pages){ .bytes = 0 };
}
