/* memfd.c: files without a name (memfd_create(2)): files of /dev/shm that lose theirs at once. */
#include "fs/memfd.h"

#include "fs/inode.h"

int
memfd_open(uint32_t mode, uint32_t seals, struct file **out)
{
    struct inode *i;
    int err = fs_memory == NULL ? -ENOENT : vfs_make_nameless(fs_memory, mode, &i);

    if (err != 0)
        return err == -ENOSPC ? -ENOMEM : err;
    i->seals = (uint8_t)seals;
    err = vfs_open_inode(i, O_RDWR, out);
    inode_put(i);
    return err;
}
