/* args.h: argument and environment strings on their way into a new program. See args.c. */
#ifndef EXOS_PROC_ARGS_H
#define EXOS_PROC_ARGS_H

#include "base/base.h"

/* argv and envp as one run of NUL-terminated strings in session pages. */
#define ARG_BYTES_MAX (PAGE_SIZE / sizeof(char *) * PAGE_SIZE)
#define ARG_STRING_MAX (32 * PAGE_SIZE)
struct arg_pages {
    char **page;                /* a page of addresses of pages */
    uint32_t pages;
    uint32_t argc, envc;
    size_t bytes;
    uint64_t limit;             /* of bytes and pointers; 0: ARG_BYTES_MAX */
};
/* One string from program memory, or from the library's. 0, -EFAULT, -E2BIG, -ENOMEM. */
int args_add_user(struct arg_pages *a, uva_t string) MUST_USE;
int args_add(struct arg_pages *a, const char *string) MUST_USE;
/* All strings of another run from byte `at` on. */
int args_add_rest(struct arg_pages *a, const struct arg_pages *from, size_t at) MUST_USE;
/* The strings of a NULL-terminated pointer array, which may be NULL itself; *count rises. */
int args_add_vector(struct arg_pages *a, uva_t vector, uint32_t *count) MUST_USE;
/* Where the string after the one at `at` begins; a->bytes after the last. */
size_t args_next(const struct arg_pages *a, size_t at);
void args_free(struct arg_pages *a);

#endif
