/* dirfile.c: directories as open files: reading entries, and nothing else. */
#include "fs/notify.h"

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
    if (err == 0)
        notify(dir, IN_ACCESS);
    if (err == 0 && !dir->mnt->read_only && (dir->atime_ns <= dir->mtime_ns || dir->atime_ns <= dir->ctime_ns)) {
        dir->atime_ns = clock_realtime_ns();
        inode_changed(dir);
    }
    return err;
}

/* ---- what a directory is called, when the name cache has forgotten ---- */

struct seeker {
    struct dir_sink sink;
    uint64_t ino;
    size_t len;
    char name[NAME_LEN_MAX + 1];
};

static bool
seek_entry(struct dir_sink *d, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next)
{
    struct seeker *s = container_of(d, struct seeker, sink);

    (void)type, (void)next;
    if (ino != s->ino || len > NAME_LEN_MAX || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
        return true;
    memcpy(s->name, name, len);
    s->len = len;
    return false;
}

/* Finds dir's name in its parent and enters it in the cache. *up: the parent, referenced. */
static int
learn_name(struct inode *dir, struct inode **up)
{
    struct seeker s = { .sink = { seek_entry } };
    uint64_t pos = 0;
    int err;

    while (dir == dir->mnt->root && dir->mnt->covered != NULL)
        dir = dir->mnt->covered;
    s.ino = dir->ino;
    *up = dir_parent(dir);
    if (*up == NULL)
        return -EIO;
    own_take(&(*up)->own);
    err = (*up)->ops->readdir(*up, &pos, &s.sink);
    if (err == 0 && s.len > 0)
        name_enter(*up, s.name, s.len, dir);
    own_drop(&(*up)->own);
    return err != 0 ? err : s.len > 0 || *up == dir ? 0 : -ENOENT;
}

/* The absolute path of a directory; reads directories if the name cache does not know. Length, or -errno. */
ssize
dir_path(struct inode *dir, char *buf, size_t size)
{
    struct inode *at = dir, *up = NULL, *old = NULL;
    ssize n = inode_path(dir, buf, size);

    for (int depth = 0; n == -ENOENT && depth < PATH_LEN_MAX / 2 && at != fs_root; depth++) {
        int err;

        if (at == at->mnt->root && at->mnt->covered == NULL)    /* of a mount that was detached */
            break;
        err = learn_name(at, &up);
        inode_put(old);
        old = at = up;
        if (err != 0) {
            n = err;
            break;
        }
        n = inode_path(dir, buf, size);
    }
    inode_put(old);
    return n;
}
