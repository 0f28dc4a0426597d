/*
 * vm_calls.c: memory calls (mmap(2), brk(2), madvise(2) and their kin): arguments, then vm/map.c.
 */
#include "abi/linux.h"
#include "fs/file.h"
#include "proc/proc.h"
#include "vm/pager.h"
#include "vm/vm.h"

#define MS_ASYNC 1u
#define MS_INVALIDATE 2u
#define MS_SYNC 4u
#define MS_KNOWN 7u

LX(mmap)
{
    uint32_t flags = (uint32_t)args->a[3];
    struct file *f = NULL;
    long ret;

    if (!(flags & MAP_ANONYMOUS)) {
        f = fd_get((int)args->a[4]);
        if (f == NULL)
            return -EBADF;
    }
    ret = vm_mmap(args->a[0], args->a[1], (uint32_t)args->a[2], flags, f, f != NULL ? args->a[5] : 0);
    if (f != NULL)
        file_put(f);
    return ret;
}

LX(munmap)
{
    return vm_munmap(args->a[0], args->a[1]);
}

LX(mprotect)
{
    return vm_mprotect(args->a[0], args->a[1], (uint32_t)args->a[2]);
}

LX(mremap)
{
    return vm_mremap(args->a[0], args->a[1], args->a[2], (uint32_t)args->a[3], args->a[4]);
}

LX(brk)
{
    return vm_brk(args->a[0]);
}

LX(mincore)
{
    return vm_mincore(args->a[0], args->a[1], args->a[2]);
}

LX(madvise)
{
    return vm_madvise(args->a[0], args->a[1], (int)args->a[2]);
}

LX(msync)
{
    uint64_t flags = args->a[2];

    if ((args->a[0] & PAGE_MASK) || (flags & ~(uint64_t)MS_KNOWN) || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    return vm_msync(args->a[0], args->a[1], (flags & MS_SYNC) != 0, (flags & MS_INVALIDATE) != 0);
}

/* ---- mlock ---- */

#define MLOCK_ONFAULT 1u
#define MCL_CURRENT 1u
#define MCL_FUTURE 2u
#define MCL_ONFAULT 4u

static bool
may_lock_any(void)
{
    return proc_current()->fs->uid == 0;
}

LX(mlock)
{
    return vm_mlock(args->a[0], args->a[1], true, may_lock_any());
}

LX(mlock2)
{
    if (args->a[2] & ~(uint64_t)MLOCK_ONFAULT)
        return -EINVAL;
    return vm_mlock(args->a[0], args->a[1], args->a[2] == 0, may_lock_any());
}

LX(munlock)
{
    return vm_munlock(args->a[0], args->a[1]);
}

LX(mlockall)
{
    uint64_t flags = args->a[0];

    if (flags == 0 || flags == MCL_ONFAULT || (flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
        return -EINVAL;
    return vm_mlockall((flags & MCL_CURRENT) != 0, (flags & MCL_FUTURE) != 0, !(flags & MCL_ONFAULT), may_lock_any());
}

LX(munlockall)
{
    (void)args;
    return vm_munlockall();
}

/* ---- EXOS_SYS_*: a pager of the program's own (exos/api.h) ---- */

LX(exos_pager)
{
    return args->a[2] != 0 ? pager_start(args->a[0], args->a[1], args->a[2], args->a[3]) : pager_end(args->a[0]);
}

LX(exos_pages)
{
    return pages_protect(args->a[0], args->a[1]);
}
