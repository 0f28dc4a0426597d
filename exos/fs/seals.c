/*
 * seals.c: seals of files in memory (memfd_create(2)).
 *
 * Holds:    a seal is only ever added. Files of a tmpfs that have a name are sealed against seals from the beginning, as on Linux.
 * Not here: who heeds them: regular.c (writes, sizes, holes), vm/map.c and vm/protect.c (stores), vfs.c (modes).
 */
#include "fs/seals.h"

#include "fs/tmpfs.h"
#include "vm/vm.h"

static bool
sealable(const struct file *f)
{
    return f->inode != NULL && f->inode->mnt->ops == &tmpfs_ops && inode_is(f->inode, S_IFREG);
}

int
seals_add(struct file *f, uint32_t seals)
{
    struct inode *i = f->inode;

    if (!sealable(f))
        return -EINVAL;
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        return -EPERM;
    if (seals & ~F_SEAL_ALL)
        return -EINVAL;
    if (i->seals & F_SEAL_SEAL)
        return -EPERM;
    if ((seals & F_SEAL_WRITE) && !(i->seals & F_SEAL_WRITE) && mm_may_store(i))
        return -EBUSY;
    if ((seals & F_SEAL_EXEC) && (i->mode & 0111))      /* what can be run shall not change */
        seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_NO_WRITES;
    i->seals |= (uint8_t)seals;
    return 0;
}

long
seals_get(const struct file *f)
{
    return sealable(f) ? f->inode->seals : -EINVAL;
}
