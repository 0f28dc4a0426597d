/*
 * uio.h: the two ways to user memory: uaccess for fixed-size arguments, uio for the data of a read or write.
 *
 * Both may fault pages in and so may sleep: never with a lock held. All return 0 or -EFAULT unless said otherwise.
 */
#ifndef EXOS_UIO_H
#define EXOS_UIO_H

#include "base/base.h"

int user_copy_in(void *dst, uva_t src, size_t n) MUST_USE;
int user_copy_out(uva_t dst, const void *src, size_t n) MUST_USE;
int user_zero(uva_t dst, size_t n) MUST_USE;
/* Copies a NUL-terminated string of at most size - 1 bytes. Returns its length, -EFAULT, or -ENAMETOOLONG. */
ssize user_string_in(char *dst, uva_t src, size_t size) MUST_USE;

#define UIO_IOV_MAX 1024
struct uio_vec {
    uint64_t base;
    uint64_t len;
};

/*
 * A cursor over user buffers (or one library buffer, with `kernel` set: sendfile, ELF loading, tests).
 * left: bytes still to move. The copy functions move min(n, left) bytes, advance, and return how many were moved, or -EFAULT when
 * not even one could be.
 */
struct uio {
    struct uio_vec *iov;
    uint32_t iov_count;
    uint32_t index;
    uint64_t offset;            /* into iov[index] */
    uint64_t left;
    bool kernel;
    struct uio_vec inline_vec;  /* the single-buffer case points iov here */
};

void uio_init_user(struct uio *u, uva_t base, size_t len);
void uio_init_kernel(struct uio *u, void *base, size_t len);
ssize uio_out(struct uio *u, const void *src, size_t n) MUST_USE;   /* library -> user: read(2) */
ssize uio_in(struct uio *u, void *dst, size_t n) MUST_USE;          /* user -> library: write(2) */
ssize uio_out_zero(struct uio *u, size_t n) MUST_USE;

#endif
