/* proc_caps.c: capget(2), capset(2). */
#include "abi/linux.h"
#include "base/uio.h"
#include "proc/caps.h"
#include "proc/proc.h"

/* Linux include/uapi/linux/capability.h */
#define VERSION_1 0x19980330u
#define VERSION_2 0x20071026u
#define VERSION_3 0x20080522u

struct lx_cap_header {
    uint32_t version;
    int32_t pid;
};
struct lx_cap_data {
    uint32_t effective, permitted, inheritable;
};

/* How many words of each set that version has; 0: it is unknown, and the caller is told which one is not. */
static unsigned
words_of(uva_t at, uint32_t version, int *err)
{
    uint32_t known = VERSION_3;

    if (version == VERSION_1)
        return 1;
    if (version == VERSION_2 || version == VERSION_3)
        return 2;
    *err = user_copy_out(at, &known, sizeof(known)) == 0 ? -EINVAL : -EFAULT;
    return 0;
}

LX(capget)
{
    struct lx_cap_header h;
    struct lx_cap_data d[2];
    const struct proc *p;
    struct caps c;
    unsigned words;
    int err = 0;

    if (user_copy_in(&h, args->a[0], sizeof(h)) != 0)
        return -EFAULT;
    words = words_of(args->a[0], h.version, &err);
    if (words == 0)
        return args->a[1] == 0 && err == -EINVAL ? 0 : err;
    if (h.pid < 0)
        return -EINVAL;
    p = h.pid == 0 ? proc_current() : proc_find((uint32_t)h.pid);
    if (p == NULL)
        return -ESRCH;
    caps_of(p, &c);
    for (unsigned i = 0; i < 2; i++)
        d[i] = (struct lx_cap_data){ (uint32_t)(c.effective >> 32 * i), (uint32_t)(c.permitted >> 32 * i), (uint32_t)(c.inheritable >> 32 * i) };
    return args->a[1] == 0 || user_copy_out(args->a[1], d, words * sizeof(d[0])) == 0 ? 0 : -EFAULT;
}

LX(capset)
{
    struct lx_cap_data d[2] = { { 0 } };
    struct lx_cap_header h;
    unsigned words;
    int err = 0;

    if (user_copy_in(&h, args->a[0], sizeof(h)) != 0)
        return -EFAULT;
    words = words_of(args->a[0], h.version, &err);
    if (words == 0)
        return err;
    if (h.pid != 0 && (uint32_t)h.pid != proc_current()->pid)
        return -EPERM;
    if (user_copy_in(d, args->a[1], words * sizeof(d[0])) != 0)
        return -EFAULT;
    return caps_set(proc_current(), ((uint64_t)d[1].effective << 32 | d[0].effective) & CAPS_ALL,
                    ((uint64_t)d[1].permitted << 32 | d[0].permitted) & CAPS_ALL,
                    ((uint64_t)d[1].inheritable << 32 | d[0].inheritable) & CAPS_ALL);
}
