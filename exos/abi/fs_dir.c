/* fs_dir.c: reading directories, and the working directory. */
#include "abi/linux_fs.h"
#include "base/mem.h"

#define DENTS_BUF_MAX 32768

/* Entries on their way to the program, collected here and copied out when no directory is owned. */
struct dents {
    struct dir_sink sink;
    uint8_t *buf;
    size_t len, size;
    bool old;                           /* getdents: the type is the last byte of the record */
    bool refused;                       /* an entry did not fit */
};

static bool
add_entry(struct dir_sink *d, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next)
{
    struct dents *t = container_of(d, struct dents, sink);
    size_t head = t->old ? offsetof(struct lx_dirent, d_name) : offsetof(struct lx_dirent64, d_name);
    size_t need = (head + len + 1 + (t->old ? 1 : 0) + 7) & ~7ul;

    if (t->len + need > t->size) {
        t->refused = true;
        return false;
    }
    memset(t->buf + t->len, 0, need);
    if (t->old) {
        struct lx_dirent *e = (struct lx_dirent *)(t->buf + t->len);

        e->d_ino = ino;
        e->d_off = next;
        e->d_reclen = (uint16_t)need;
        memcpy(e->d_name, name, len);
        t->buf[t->len + need - 1] = (uint8_t)type;
    } else {
        struct lx_dirent64 *e = (struct lx_dirent64 *)(t->buf + t->len);

        e->d_ino = ino;
        e->d_off = (int64_t)next;
        e->d_reclen = (uint16_t)need;
        e->d_type = (uint8_t)type;
        memcpy(e->d_name, name, len);
    }
    t->len += need;
    return true;
}

static long
getdents(uint64_t fd, uva_t out, uint64_t count, bool old)
{
    struct dents t = { .sink = { add_entry }, .old = old, .size = MIN((uint32_t)count, (uint32_t)DENTS_BUF_MAX) };
    struct file *f = lx_file(fd);
    uint64_t pos;
    long err;

    if (f == NULL)
        return -EBADF;
    pos = f->pos;
    t.buf = heap_alloc(MAX(t.size, 1ul));
    err = t.buf == NULL ? -ENOMEM : file_readdir(f, &t.sink);
    if (err == 0)
        err = t.len == 0 && t.refused ? -EINVAL : (long)t.len;
    if (err > 0 && user_copy_out(out, t.buf, t.len) != 0) {
        f->pos = pos;
        err = -EFAULT;
    }
    heap_free(t.buf);
    file_put(f);
    return err;
}

LX(getdents)
{
    return getdents(args->a[0], args->a[1], args->a[2], true);
}

LX(getdents64)
{
    return getdents(args->a[0], args->a[1], args->a[2], false);
}

LX(getcwd)
{
    char buf[PATH_LEN_MAX];
    struct inode *cwd = fs_current()->cwd;
    ssize n;

    if (cwd->nlink == 0)
        return -ENOENT;
    n = dir_path(cwd, buf, sizeof(buf) - 1);
    if (n < 0)
        return n == -ERANGE ? -ENAMETOOLONG : n;
    buf[n++] = '\0';
    if ((uint64_t)n > args->a[1])
        return -ERANGE;
    return user_copy_out(args->a[0], buf, (size_t)n) != 0 ? -EFAULT : n;
}

/* dir's reference goes to the process. */
static long
change_dir(struct inode *dir, struct inode **which)
{
    long err = inode_is(dir, S_IFDIR) ? inode_may(dir, MAY_EXEC) : -ENOTDIR;
    struct inode *old = *which;

    if (err != 0) {
        inode_put(dir);
        return err;
    }
    *which = dir;
    inode_put(old);
    return 0;
}

LX(chdir)
{
    struct inode *dir;
    long err = at_inode((uint64_t)AT_FDCWD, args->a[0], 0, &dir);

    return err != 0 ? err : change_dir(dir, &fs_current()->cwd);
}

LX(fchdir)
{
    struct inode *dir;
    struct file *f = lx_file(args->a[0]);
    long err;

    if (f == NULL)
        return -EBADF;
    dir = f->inode;
    if (dir != NULL)
        inode_get(dir);
    err = dir != NULL ? change_dir(dir, &fs_current()->cwd) : -ENOTDIR;
    file_put(f);
    return err;
}

LX(chroot)
{
    struct inode *dir;
    long err;

    if (fs_current()->uid != 0)
        return -EPERM;
    err = at_inode((uint64_t)AT_FDCWD, args->a[0], 0, &dir);
    if (err == 0)
        err = change_dir(dir, &fs_current()->root);
    fs_context_changed(fs_current());
    return err;
}
