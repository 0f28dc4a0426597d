/* thread_futex.c: futex(2), set_robust_list(2), get_robust_list(2). */
#include "abi/linux.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "fs/file.h"
#include "proc/signal.h"
#include "thread/futex.h"

enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI, FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI,
       FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_LOCK_PI2 = 13 };
#define FUTEX_PRIVATE 128u
#define FUTEX_REALTIME 256u
#define ROBUST_HEAD_BYTES 24

/* Relative for FUTEX_WAIT, else a time of either clock. */
static int
deadline_of(const struct lx_args *args, unsigned op, uint64_t *deadline)
{
    uint64_t ns, now;
    int64_t t[2];

    *deadline = DEADLINE_NEVER;
    if (args->a[3] == 0)
        return 0;
    if (user_copy_in(t, args->a[3], sizeof(t)) != 0)
        return -EFAULT;
    if (t[0] < 0 || t[1] < 0 || t[1] >= (int64_t)NSEC_PER_SEC)
        return -EINVAL;
    if (t[0] > INT32_MAX)
        return 0;
    now = clock_monotonic_ns();
    ns = (uint64_t)t[0] * NSEC_PER_SEC + (uint64_t)t[1];
    if (op == FUTEX_WAIT)
        *deadline = call_deadline(now + ns);
    else
        *deadline = (args->a[1] & FUTEX_REALTIME) || op == FUTEX_LOCK_PI ? now + (ns > clock_realtime_ns() ? ns - clock_realtime_ns() : 0) : ns;
    return 0;
}

static long
wait(const struct lx_args *args, unsigned op, bool shared, uint32_t bits)
{
    uint64_t deadline;
    int err = deadline_of(args, op, &deadline);

    if (err == 0 && bits == 0)
        err = -EINVAL;
    return err != 0 ? err : futex_wait(args->a[0], shared, (uint32_t)args->a[2], bits, deadline);
}

static long
lock(const struct lx_args *args, unsigned op, bool shared)
{
    uint64_t deadline = DEADLINE_NEVER;
    int err = op == FUTEX_TRYLOCK_PI ? 0 : deadline_of(args, op, &deadline);

    return err != 0 ? err : pifutex_lock(args->a[0], shared, deadline, op != FUTEX_TRYLOCK_PI);
}

static long
requeue(const struct lx_args *args, const struct futex_key *from, bool shared, bool compare)
{
    struct futex_key to;
    uint32_t now;
    int err = futex_key(&to, args->a[4], shared);

    if (err != 0 || (args->a[4] & 3) != 0)
        return err != 0 ? err : -EINVAL;
    if ((int32_t)args->a[2] < 0 || (int32_t)args->a[3] < 0)
        return -EINVAL;
    if (compare && !user_load32(&now, args->a[0]))
        return -EFAULT;
    if (compare && now != (uint32_t)args->a[5])
        return -EAGAIN;
    return futex_requeue(from, (uint32_t)args->a[2], &to, (uint32_t)args->a[3]);
}

static long
wake_op(const struct lx_args *args, const struct futex_key *first, bool shared)
{
    struct futex_key second;
    uint32_t old, op = (uint32_t)args->a[5];
    int err = futex_key(&second, args->a[4], shared);
    long n;

    if (err == 0)
        err = futex_change(args->a[4], op, &old);
    if (err != 0)
        return err;
    n = futex_wake(first, (uint32_t)args->a[2], FUTEX_ALL_BITS);
    return n + (futex_compare(op, old) ? futex_wake(&second, (uint32_t)args->a[3], FUTEX_ALL_BITS) : 0);
}

static NOINLINE long
futex_any(const struct lx_args *args)
{
    unsigned op = (unsigned)args->a[1] & ~(FUTEX_PRIVATE | FUTEX_REALTIME);
    bool shared = !(args->a[1] & FUTEX_PRIVATE);
    struct futex_key key;
    int err;

    if (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET)
        return wait(args, op, shared, op == FUTEX_WAIT ? FUTEX_ALL_BITS : (uint32_t)args->a[5]);
    if (op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2 || op == FUTEX_TRYLOCK_PI)
        return lock(args, op, shared);
    if (op == FUTEX_UNLOCK_PI)
        return pifutex_unlock(args->a[0], shared);
    err = futex_key(&key, args->a[0], shared);
    if (err != 0)
        return err;
    switch (op) {
    case FUTEX_WAKE:
        return futex_wake(&key, MAX((uint32_t)args->a[2], 1u), FUTEX_ALL_BITS);
    case FUTEX_WAKE_BITSET:
        return (uint32_t)args->a[5] == 0 ? -EINVAL : futex_wake(&key, MAX((uint32_t)args->a[2], 1u), (uint32_t)args->a[5]);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return requeue(args, &key, shared, op == FUTEX_CMP_REQUEUE);
    case FUTEX_WAKE_OP:
        return wake_op(args, &key, shared);
    default:
        return -ENOSYS;
    }
}

LX(futex)
{
    if (args->a[0] & 3)
        return -EINVAL;
    if ((uint32_t)args->a[1] == (FUTEX_WAIT | FUTEX_PRIVATE) && args->a[3] == 0)
        return futex_wait_own(args->a[0], (uint32_t)args->a[2]);
    if ((uint32_t)args->a[1] == (FUTEX_WAKE | FUTEX_PRIVATE))
        return futex_wake_own(args->a[0], MAX((uint32_t)args->a[2], 1u));
    return futex_any(args);
}

LX(set_robust_list)
{
    if (args->a[1] != ROBUST_HEAD_BYTES)
        return -EINVAL;
    thread_self()->robust_list = args->a[0];
    return 0;
}

LX(get_robust_list)
{
    uint32_t tid = (uint32_t)args->a[0];
    const struct thread *t = tid == 0 ? thread_self() : thread_find(tid);
    uint64_t size = ROBUST_HEAD_BYTES;

    if (t == NULL)
        return -ESRCH;
    if (t->proc != proc_current() && proc_current()->fs->uid != 0)
        return -EPERM;
    return user_copy_out(args->a[1], &t->robust_list, sizeof(t->robust_list)) == 0 && user_copy_out(args->a[2], &size, sizeof(size)) == 0
               ? 0 : -EFAULT;
}
