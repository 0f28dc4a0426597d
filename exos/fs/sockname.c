/* sockname.c: the names of UNIX sockets in the file system. */
#include "fs/sockname.h"

#include "fs/inode.h"

int
socket_node_make(const char *path, struct inode **out)
{
    int err = vfs_make(NULL, path, S_IFSOCK | (0777 & ~fs_current()->umask), 0, NULL);

    if (err != 0)
        return err == -EEXIST ? -EADDRINUSE : err;
    return path_lookup(NULL, path, false, out);
}

int
socket_node_find(const char *path, struct inode **out)
{
    struct inode *i;
    int err = path_lookup(NULL, path, true, &i);

    if (err != 0)
        return err;
    err = inode_may(i, MAY_WRITE);
    if (err == 0 && !inode_is(i, S_IFSOCK))
        err = -ECONNREFUSED;
    if (err != 0)
        inode_put(i);
    else
        *out = i;
    return err;
}

void
socket_node_put(struct inode *i)
{
    inode_put(i);
}
