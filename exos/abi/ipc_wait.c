/* ipc_wait.c: time limits and temporary signal masks of the waiting calls. */
#include "abi/ipc_wait.h"

#include "proc/signal.h"

#define SECONDS_MAX (UINT64_MAX / NSEC_PER_SEC / 2)     /* longer is for ever */
#define LINUX_SIGSET_SIZE 8

uint64_t
deadline_from_ms(int64_t ms)
{
    if (ms <= 0)
        return ms < 0 ? DEADLINE_NEVER : 0;
    return call_deadline(clock_monotonic_ns() + (uint64_t)ms * NSEC_PER_MSEC);
}

int
deadline_from_user(uva_t at, uint32_t unit_ns, uint64_t *deadline_ns)
{
    struct lx_time t;

    *deadline_ns = DEADLINE_NEVER;
    if (at == 0)
        return 0;
    if (user_copy_in(&t, at, sizeof(t)) != 0)
        return -EFAULT;
    if (t.sec < 0 || t.sub < 0 || (uint64_t)t.sub >= NSEC_PER_SEC / unit_ns)
        return -EINVAL;
    if ((uint64_t)t.sec > SECONDS_MAX)
        return 0;
    *deadline_ns = (uint64_t)t.sec * NSEC_PER_SEC + (uint64_t)t.sub * unit_ns;
    if (*deadline_ns != 0)
        *deadline_ns += clock_monotonic_ns();
    return 0;
}

void
deadline_to_user(uva_t at, uint32_t unit_ns, uint64_t deadline_ns)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    struct lx_time t = { .sec = (int64_t)(left / NSEC_PER_SEC), .sub = (int64_t)(left % NSEC_PER_SEC / unit_ns) };

    if (at != 0 && deadline_ns != DEADLINE_NEVER && user_copy_out(at, &t, sizeof(t)) != 0)
        return;
}

int
mask_swap(uva_t mask, uint64_t size)
{
    struct thread_signals *s;
    uint64_t set;

    if (mask == 0 || proc_current() == NULL)
        return 0;
    if (size != LINUX_SIGSET_SIZE)
        return -EINVAL;
    if (user_copy_in(&set, mask, sizeof(set)) != 0)
        return -EFAULT;
    s = signals_current();
    if (!s->restore_mask)               /* else the call goes on after a stop */
        s->saved_mask = s->blocked;
    s->restore_mask = true;
    s->blocked = set & ~SIG_UNBLOCKABLE;
    proc_attend(proc_current());
    return 0;
}

long
mask_restore(uva_t mask, long result)
{
    struct thread_signals *s;

    if (mask == 0 || proc_current() == NULL)
        return result;
    s = signals_current();
    if (result == -EINTR)
        return result;                  /* the signal is taken under the temporary mask (proc/sigtake.c) */
    s->restore_mask = false;
    s->blocked = s->saved_mask;
    proc_attend(proc_current());
    return result;
}
