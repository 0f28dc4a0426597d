/* proc_tty.c: vhangup(2). */
#include "abi/linux.h"
#include "fs/file.h"
#include "proc/proc.h"
#include "tty/job.h"

LX(vhangup)
{
    struct proc *p = proc_current();

    (void)args;
    if (p->fs->uid != 0)
        return -EPERM;
    if (p->ctty != NULL)
        tty_hang_up_files(p->ctty);
    return 0;
}
