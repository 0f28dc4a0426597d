/*
 * uaccess.h: base/uaccess.h where the program's memory is the test's own. The first page is bad: what touches it moves nothing.
 */
#ifndef EXOS_UACCESS_H
#define EXOS_UACCESS_H

#include <string.h>

#include "base/base.h"

static inline bool
fake_bad(const void *p)
{
    return (uintptr_t)p < PAGE_SIZE;
}

static inline size_t
uaccess_copy(void *dst, const void *src, size_t n)
{
    if (fake_bad(dst) || fake_bad(src))
        return n;
    memcpy(dst, src, n);
    return 0;
}

static inline bool
uaccess_moved(void *dst, const void *src, size_t n)
{
    return uaccess_copy(dst, src, n) == 0;
}

static inline size_t
uaccess_zero_pages(void *at, size_t pages)
{
    memset(at, 0, pages * PAGE_SIZE);
    return 0;
}

static inline bool
user_page_ok(uint64_t va)
{
    return va + PAGE_SIZE > va;
}

NO_SANITIZE static inline bool
uaccess_load64(uint64_t *value, uint64_t at)
{
    if (fake_bad((const void *)at))
        return false;
    *value = *(const word_t *)at;
    return true;
}

static inline bool
uaccess_store64(uint64_t at, uint64_t value)
{
    return uaccess_copy((void *)at, &value, sizeof(value)) == 0;
}

static inline bool
uaccess_store32(uint64_t at, uint32_t value)
{
    return uaccess_copy((void *)at, &value, sizeof(value)) == 0;
}

static inline bool
user_ok(uint64_t va, uint64_t n)
{
    return va + n >= va;
}

#endif
