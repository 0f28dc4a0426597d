/* fs_mount.c: Linux calls mount and umount2. */
#include "abi/linux_fs.h"
#include "base/mem.h"
#include "fs/mounting.h"

#define MAGIC_MASK 0xffff0000u
#define MAGIC      0xc0ed0000u          /* old programs say it; it means nothing */
#define PROPAGATION (MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)

/* The strings of a call. */
struct words {
    char source[256], type[64], options[1024];
};

/* A string that may be missing. */
static long
word_in(char *buf, uva_t at, size_t size, const char *missing)
{
    ssize n = at != 0 ? user_string_in(buf, at, size) : fmt_print(buf, size, "%s", missing);

    return n == -ENAMETOOLONG ? -EINVAL : MIN(n, 0);
}

static long
words_in(struct words *w, const struct lx_args *args)
{
    long err = word_in(w->type, args->a[2], sizeof(w->type), "");

    if (err == 0)
        err = word_in(w->source, args->a[0], sizeof(w->source), "none");
    return err != 0 ? err : word_in(w->options, args->a[4], sizeof(w->options), "");
}

/* Takes over the reference. */
static long
mount_at_inode(struct inode *at, uint32_t flags, const struct words *w)
{
    struct mount_wish wish = { .source = w->source, .type = w->type, .options = w->options, .flags = flags };
    long err = -EINVAL;

    if (fs_current()->uid != 0)
        err = -EPERM;
    else if (flags & MS_REMOUNT)
        return vfs_remount(at, flags);
    else if (flags & PROPAGATION)
        err = at == at->mnt->root ? 0 : -EINVAL;        /* there is one tree for all: nothing to tell anybody */
    else if (!(flags & (MS_BIND | MS_MOVE)) && w->type[0] != '\0')
        return vfs_mount(at, &wish);
    inode_put(at);
    return err;
}

LX(mount)
{
    uint32_t flags = (uint32_t)args->a[3];
    struct words *w = heap_alloc(sizeof(*w));
    struct inode *at;
    long err = w == NULL ? -ENOMEM : words_in(w, args);

    if ((flags & MAGIC_MASK) == MAGIC)
        flags &= ~MAGIC_MASK;
    if (err == 0)
        err = at_inode((uint64_t)AT_FDCWD, args->a[1], 0, &at);
    if (err == 0)
        err = mount_at_inode(at, flags, w);
    heap_free(w);
    return err;
}

LX(umount2)
{
    uint32_t flags = (uint32_t)args->a[1];
    struct inode *at;
    long err;

    if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
        return -EINVAL;
    err = at_inode((uint64_t)AT_FDCWD, args->a[0], flags & UMOUNT_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0, &at);
    if (err != 0)
        return err;
    if (fs_current()->uid == 0)
        return vfs_umount(at, flags);
    inode_put(at);
    return -EPERM;
}
