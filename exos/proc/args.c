/*
 * args.c: argument and environment strings on their way into a new process.
 */
#include "base/mem.h"
#include "base/uio.h"
#include "proc/internal.h"

static int
page_for(struct arg_pages *a, size_t at)
{
    if (at / PAGE_SIZE >= ARG_PAGES_MAX)
        return -E2BIG;
    if (a->page[at / PAGE_SIZE] == NULL)
        a->page[at / PAGE_SIZE] = page_alloc();
    return a->page[at / PAGE_SIZE] != NULL ? 0 : -ENOMEM;
}

int
args_add_user(struct arg_pages *a, uva_t string)
{
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
            return 0;
        }
        a->bytes += PAGE_SIZE - off;
        string += PAGE_SIZE - off;
    }
}

int
args_add(struct arg_pages *a, const char *string)
{
    size_t n = strlen(string) + 1;

    for (size_t i = 0; i < n; i++, a->bytes++) {
        int err = page_for(a, a->bytes);

        if (err != 0)
            return err;
        a->page[a->bytes / PAGE_SIZE][a->bytes & PAGE_MASK] = string[i];
    }
    return 0;
}

int
args_add_vector(struct arg_pages *a, uva_t vector, uint32_t *count)
{
    for (;; vector += sizeof(uint64_t)) {
        uint64_t string;
        int err;

        if (user_copy_in(&string, vector, sizeof(string)) != 0)
            return -EFAULT;
        if (string == 0)
            return 0;
        if (*count == ARG_COUNT_MAX)
            return -E2BIG;
        err = args_add_user(a, string);
        if (err != 0)
            return err;
        ++*count;
    }
}

char
args_byte(const struct arg_pages *a, size_t at)
{
    return a->page[at / PAGE_SIZE][at & PAGE_MASK];
}

void
args_free(struct arg_pages *a)
{
    for (unsigned i = 0; i < ARG_PAGES_MAX; i++)
        if (a->page[i] != NULL)
            page_free(a->page[i]);
    *a = (struct arg_pages){ .bytes = 0 };
}
