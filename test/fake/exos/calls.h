/* calls.h: Linux calls as a test writes them: CALL(pipe2, fds, 0). */
#ifndef FAKE_EXOS_CALLS_H
#define FAKE_EXOS_CALLS_H

#include "abi/linux.h"
#include "fs/file.h"

#define CALL(name, ...) ({ \
    long lx_##name(const struct lx_args *); \
    struct lx_args call_args_ = { { ARGS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0) } }; \
    lx_##name(&call_args_); \
})
#define ARGS_(a, b, c, d, e, f, ...) \
    (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f)

/* read(2), write(2) and close(2), which belong to others, on any descriptor. */
static inline long
fd_read(int fd, void *buf, size_t n)
{
    struct file *f = fd_get(fd);
    long r;

    if (f == NULL)
        return -EBADF;
    r = f->ops->read_quick != NULL ? f->ops->read_quick(f, (uintptr_t)buf, n) : file_read_user(f, (uintptr_t)buf, n);
    file_put(f);
    return r;
}

static inline long
fd_write(int fd, const void *buf, size_t n)
{
    struct file *f = fd_get(fd);
    long r;

    if (f == NULL)
        return -EBADF;
    r = f->ops->write_quick != NULL ? f->ops->write_quick(f, (uintptr_t)buf, n) : file_write_user(f, (uintptr_t)buf, n);
    file_put(f);
    return r;
}

#endif
