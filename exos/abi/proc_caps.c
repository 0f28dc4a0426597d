/*
 * proc_caps.c: capabilities of processes (capabilities(7)): all of them with the superuser's id, none with another.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/file.h"
#include "proc/proc.h"

#define VERSION_1 0x19980330u
#define VERSION_2 0x20071026u
#define VERSION_3 0x20080522u
#define CAP_LAST 40             /* CAP_CHECKPOINT_RESTORE */
#define CAPS_ALL ((2ull << CAP_LAST) - 1)

struct cap_header {
    uint32_t version;
    int32_t pid;
};

struct cap_sets {
    uint32_t effective, permitted, inheritable;
};

static uint64_t
caps_of(const struct proc *p)
{
    return p->fs != NULL && p->fs->uid == 0 ? CAPS_ALL : 0;
}

/* How many struct cap_sets the caller's version has. An unknown one is answered with ours. */
static long
sets_of_version(uva_t header, struct cap_header *h)
{
    uint32_t ours = VERSION_3;

    if (user_copy_in(h, header, sizeof(*h)) != 0)
        return -EFAULT;
    if (h->version == VERSION_1)
        return 1;
    if (h->version == VERSION_2 || h->version == VERSION_3)
        return 2;
    return user_copy_out(header, &ours, sizeof(ours)) == 0 ? -EINVAL : -EFAULT;
}

LX(capget)
{
    struct cap_header h;
    struct cap_sets sets[2] = { 0 };
    long n = sets_of_version(args->a[0], &h);
    const struct thread *t;
    uint64_t caps;

    if (n == -EINVAL && args->a[1] == 0)
        return 0;               /* which version we have was all that was asked */
    if (n < 0 || h.pid < 0)
        return n < 0 ? n : -EINVAL;
    t = h.pid == 0 ? thread_self() : thread_find((uint32_t)h.pid);
    if (t == NULL)
        return -ESRCH;
    caps = caps_of(t->proc);
    for (long i = 0; i < n; i++)
        sets[i].effective = sets[i].permitted = (uint32_t)(caps >> 32 * i);
    return args->a[1] == 0 || user_copy_out(args->a[1], sets, (size_t)n * sizeof(sets[0])) != 0 ? -EFAULT : 0;
}

/* What a process has goes with its ids: it may ask for less, and keeps it. */
LX(capset)
{
    struct cap_header h;
    struct cap_sets sets[2] = { 0 };
    long n = sets_of_version(args->a[0], &h);
    uint64_t effective, permitted;

    if (n < 0)
        return n;
    if (h.pid != 0 && h.pid != (int32_t)thread_self()->tid)
        return -EPERM;
    if (user_copy_in(sets, args->a[1], (size_t)n * sizeof(sets[0])) != 0)
        return -EFAULT;
    effective = sets[0].effective | (uint64_t)sets[1].effective << 32;
    permitted = sets[0].permitted | (uint64_t)sets[1].permitted << 32;
    if ((effective & ~permitted) || (permitted & CAPS_ALL & ~caps_of(proc_current())))
        return -EPERM;
    return 0;
}
