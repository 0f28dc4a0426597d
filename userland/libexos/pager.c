/*
 * pager.c: exos_pager_start and exos_pager_end.
 */
#include <exos/pager.h>

#include "seam.h"

int
exos_pager_start(void *start, size_t bytes, exos_pager_fn *handler, void *arg)
{
    return (int)exos_syscall(EXOS_SYS_PAGER, (long)start, (long)bytes, (long)handler, (long)arg, 0, 0);
}

int
exos_pager_end(void *at)
{
    return (int)exos_syscall(EXOS_SYS_PAGER, (long)at, 0, 0, 0, 0, 0);
}
