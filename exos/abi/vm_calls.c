/*
 * vm_calls.c: memory calls (mmap(2), brk(2), madvise(2) and their kin): arguments, then vm/map.c.
 */
#include "abi/linux.h"
#include "fs/file.h"
#include "vm/vm.h"

#define MADV_DONTNEED 4
#define MADV_FREE 8
#define MADV_REMOVE 9
#define MADV_COLD 20
#define MS_ASYNC 1u
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

/* Advice that changes nothing a program can see is taken as heard. */
LX(madvise)
{
    int advice = (int)args->a[2];

    if (args->a[0] & PAGE_MASK)
        return -EINVAL;
    if (args->a[1] == 0)
        return 0;
    if (advice == MADV_DONTNEED || advice == MADV_FREE)
        return vm_discard(args->a[0], args->a[1]);
    return advice < 0 || advice == MADV_REMOVE || advice > 25 ? -EINVAL : 0;
}

LX(msync)
{
    uint64_t flags = args->a[2];

    if ((args->a[0] & PAGE_MASK) || (flags & ~(uint64_t)MS_KNOWN) || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    return vm_msync(args->a[0], args->a[1], (flags & MS_SYNC) != 0);
}

/* Nothing of a program is ever paged out. */
LX(mlock)
{
    (void)args;
    return 0;
}

LX(munlock)
{
    (void)args;
    return 0;
}

LX(mlockall)
{
    (void)args;
    return 0;
}

LX(munlockall)
{
    (void)args;
    return 0;
}
