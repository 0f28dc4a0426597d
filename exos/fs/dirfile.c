/* dirfile.c: directories as open files: reading entries, and nothing else. */
#include "fs/inode.h"

static ssize
dir_read(struct file *f, struct uio *u, uint64_t *pos)
{
    (void)f, (void)u, (void)pos;
    return -EISDIR;
}

const struct file_ops dir_file_ops = { .name = "directory", .read = dir_read };

/* Gives entries to the sink from where the file is; its position moves on. */
int
file_readdir(struct file *f, struct dir_sink *sink)
{
    struct inode *dir = f->inode;
    int err;

    if (f->ops != &dir_file_ops)
        return -ENOTDIR;
    own_take(&dir->own);
    err = dir->nlink == 0 ? -ENOENT : dir->ops->readdir(dir, &f->pos, sink);
    own_drop(&dir->own);
    if (err == 0 && !dir->mnt->read_only && (dir->atime_ns <= dir->mtime_ns || dir->atime_ns <= dir->ctime_ns)) {
        dir->atime_ns = clock_realtime_ns();
        inode_changed(dir);
    }
    return err;
}
