/* memfd.c: files without a name (memfd_create(2)): files of /dev/shm that lose theirs at once. */
#include "fs/memfd.h"

#include "base/mem.h"

static uint64_t next_name;

/* A new file in the owned directory, without a name, referenced. */
static int
make_nameless(struct inode *dir, uint32_t mode, struct inode **out)
{
    char name[32];
    size_t len = (size_t)fmt_print(name, sizeof(name), ".memfd:%lu", (unsigned long)__atomic_fetch_add(&next_name, 1, __ATOMIC_RELAXED));
    int err;

    own_take(&dir->own);
    err = dir->ops->create(dir, name, len, S_IFREG | mode, 0, NULL, out);
    if (err == 0) {
        err = dir->ops->unlink(dir, name, len, *out);
        if (err != 0)
            inode_put(*out);
    }
    own_drop(&dir->own);
    return err;
}

int
memfd_open(uint32_t mode, uint32_t seals, struct file **out)
{
    struct inode *dir, *i;
    int err = path_lookup(fs_root, "dev/shm", true, &dir);

    if (err != 0)
        return err;
    err = make_nameless(dir, mode, &i);
    inode_put(dir);
    if (err != 0)
        return err == -ENOSPC ? -ENOMEM : err;
    i->seals = (uint8_t)seals;
    err = vfs_open_inode(i, O_RDWR, out);
    inode_put(i);
    return err;
}
