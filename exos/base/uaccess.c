/*
 * uaccess.c: fixed-size arguments in and out of program memory.
 */
#include "base/uaccess.h"

#include "base/uio.h"
#include "thread/thread.h"
#include "vm/vm.h"

#define RETRY_MAX 8     /* faults on one page that seem to be served and are not */

int
user_fault_in(void)
{
    struct uenv_local *u = uenv_local(thread_self()->uenv);
    struct vm_bad bad;

    return vm_fault(u->fault_va, u->fault_error, &bad) == 0 ? 0 : -EFAULT;
}

/* Moves n bytes; user pages are faulted in on the way. Bytes moved. */
static NOINLINE size_t
copy_rest(void *dst, const void *src, size_t n, size_t left)
{
    for (size_t stuck = 0; left != 0; stuck++) {
        if (user_fault_in() != 0 || stuck > n / PAGE_SIZE + RETRY_MAX)
            break;
        left = uaccess_copy((char *)dst + (n - left), (const char *)src + (n - left), left);
    }
    return n - left;
}

static inline size_t
copy_retry(void *dst, const void *src, size_t n)
{
    size_t left = uaccess_copy(dst, src, n);

    return left == 0 ? n : copy_rest(dst, src, n, left);
}

int
user_copy_in(void *dst, uva_t src, size_t n)
{
    return user_ok(src, n) && copy_retry(dst, (const void *)src, n) == n ? 0 : -EFAULT;
}

int
user_copy_out(uva_t dst, const void *src, size_t n)
{
    return user_ok(dst, n) && copy_retry((void *)dst, src, n) == n ? 0 : -EFAULT;
}

static size_t
zero_retry(uva_t dst, size_t n)
{
    size_t left = n, stuck = 0;

    while ((left = uaccess_zero((void *)(dst + (n - left)), left)) != 0)
        if (user_fault_in() != 0 || ++stuck > n / PAGE_SIZE + RETRY_MAX)
            break;
    return n - left;
}

int
user_zero(uva_t dst, size_t n)
{
    return user_ok(dst, n) && zero_retry(dst, n) == n ? 0 : -EFAULT;
}

/* At most eight bytes from the n-th on, as far as memory is there and no further than the NUL: how many are in then; *done: the NUL is. */
static NOINLINE size_t
string_bytes(char *dst, uva_t src, size_t n, size_t end, bool *done)
{
    for (size_t last = MIN(n + 8, end); n < last && copy_retry(dst + n, (const void *)(src + n), 1) == 1; n++) {
        *done = dst[n] == '\0';
        if (*done)
            break;
    }
    return n;
}

/* Eight bytes at a time; where those are not all there, byte by byte: the string may end before. */
ssize
user_string_in(char *dst, uva_t src, size_t size)
{
    size_t n = 0, end = src < USER_TOP ? MIN(size, USER_TOP - src) : 0, before;
    bool done = false;

    for (uint64_t word, zeros; n < end;) {
        if (n + 8 <= end && uaccess_load64(&word, src + n)) {
            *(word_t *)(dst + n) = word;
            zeros = word_zeros(word);
            if (zeros != 0)
                return (ssize)(n + (unsigned)__builtin_ctzll(zeros) / 8);
            n += 8;
            continue;
        }
        before = n;
        n = string_bytes(dst, src, n, end, &done);
        if (done)
            return (ssize)n;
        if (n == before)
            return -EFAULT;
    }
    return end < size ? -EFAULT : -ENAMETOOLONG;
}

bool
user_load32(uint32_t *value, uva_t at)
{
    return user_ok(at, sizeof(*value)) && (uaccess_load32(value, at) || user_copy_in(value, at, sizeof(*value)) == 0);
}

bool
user_store32(uva_t at, uint32_t value)
{
    return user_ok(at, sizeof(value)) && (uaccess_store32(at, value) || user_copy_out(at, &value, sizeof(value)) == 0);
}

void
uio_init_user(struct uio *u, uva_t base, size_t len)
{
    u->iov = &u->inline_vec;
    u->iov_count = 1;
    u->index = 0;
    u->offset = 0;
    u->left = len;
    u->kernel = false;
    u->inline_vec = (struct uio_vec){ base, len };
}

void
uio_init_kernel(struct uio *u, void *base, size_t len)
{
    uio_init_user(u, (uva_t)base, len);
    u->kernel = true;
}

enum direction { OUT, IN, ZERO };

static size_t
move(struct uio *u, uint64_t at, char *lib, size_t n, enum direction dir)
{
    if (u->kernel) {
        if (dir == ZERO)
            memset((void *)at, 0, n);
        else
            memcpy(dir == OUT ? (void *)at : lib, dir == OUT ? lib : (void *)at, n);
        return n;
    }
    if (!user_ok(at, n))
        return 0;
    if (dir == ZERO)
        return zero_retry(at, n);
    return dir == OUT ? copy_retry((void *)at, lib, n) : copy_retry(lib, (void *)at, n);
}

static ssize
uio_move(struct uio *u, char *lib, size_t n, enum direction dir)
{
    size_t total = 0;

    n = MIN(n, u->left);
    while (total < n) {
        struct uio_vec *v = &u->iov[u->index];
        size_t part = MIN(n - total, v->len - u->offset), moved;

        if (part == 0) {
            u->index++;
            u->offset = 0;
            continue;
        }
        moved = move(u, v->base + u->offset, lib + (dir == ZERO ? 0 : total), part, dir);
        u->offset += moved;
        u->left -= moved;
        total += moved;
        if (moved < part)
            return total > 0 ? (ssize)total : -EFAULT;
    }
    return (ssize)total;
}

/* One user buffer, all of it there: most reads and writes are this. */
static inline bool
moves_at_once(struct uio *u, char *lib, size_t n, bool out)
{
    uint64_t at = u->inline_vec.base + u->offset;

    if (u->iov != &u->inline_vec || u->kernel || !user_ok(at, n))
        return false;
    if ((out ? uaccess_copy((void *)at, lib, n) : uaccess_copy(lib, (void *)at, n)) != 0)
        return false;
    u->offset += n;
    u->left -= n;
    return true;
}

ssize
uio_out(struct uio *u, const void *src, size_t n)
{
    n = MIN(n, u->left);
    if (moves_at_once(u, (char *)(uintptr_t)src, n, true))
        return (ssize)n;
    return uio_move(u, (char *)(uintptr_t)src, n, OUT);
}

ssize
uio_in(struct uio *u, void *dst, size_t n)
{
    n = MIN(n, u->left);
    if (moves_at_once(u, dst, n, false))
        return (ssize)n;
    return uio_move(u, dst, n, IN);
}

ssize
uio_out_zero(struct uio *u, size_t n)
{
    return uio_move(u, NULL, n, ZERO);
}
