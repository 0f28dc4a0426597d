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
fd_io(int fd, void *buf, size_t n, bool writing)
{
    struct file *f = fd_get(fd);
    struct uio u;
    uint64_t pos = 0;
    long r;

    if (f == NULL)
        return -EBADF;
    uio_init_user(&u, (uintptr_t)buf, n);
    r = writing ? (f->ops->write != NULL ? f->ops->write(f, &u, &pos) : -EBADF)
                : (f->ops->read != NULL ? f->ops->read(f, &u, &pos) : -EBADF);
    file_put(f);
    return r;
}

#define fd_read(fd, buf, n) fd_io((fd), (buf), (n), false)
#define fd_write(fd, buf, n) fd_io((fd), (void *)(uintptr_t)(buf), (n), true)

#endif
