/* fs_at.c: (dirfd, path) arguments. */
#include "abi/linux_fs.h"
#include "base/mem.h"

long
at_begin(struct at_path *at, uint64_t dirfd, uva_t path, bool empty_ok)
{
    ssize n = user_string_in(at->path, path, sizeof(at->path));

    at->file = NULL;
    at->start = NULL;
    if (n < 0)
        return n;
    if (n == 0 && !empty_ok)
        return -ENOENT;
    if (at->path[0] == '/' || (int)dirfd == AT_FDCWD)
        return 0;
    at->file = lx_file(dirfd);
    if (at->file == NULL)
        return -EBADF;
    at->start = at->file->inode;
    if (n > 0 && (at->start == NULL || !inode_is(at->start, S_IFDIR))) {
        file_put(at->file);
        return -ENOTDIR;
    }
    return 0;
}

void
at_end(struct at_path *at)
{
    if (at->file != NULL)
        file_put(at->file);
}

long
at_find_how(uint64_t dirfd, uva_t path, unsigned flags, const struct walk_how *how, struct inode **out)
{
    bool follow = !(flags & AT_SYMLINK_NOFOLLOW);
    struct at_path at;
    long err = at_begin(&at, dirfd, path, (flags & AT_EMPTY_PATH) != 0);

    if (err != 0)
        return err;
    if (at.path[0] != '\0') {
        err = how != NULL ? path_find(at.start, at.path, follow, how, out) : path_lookup(at.start, at.path, follow, out);
    } else if (at.file != NULL) {
        *out = at.start;
        if (at.start != NULL)
            inode_get(at.start);
        else
            err = -EBADF;
    } else {
        *out = fs_current()->cwd;
        inode_get(*out);
    }
    at_end(&at);
    return err;
}

long
at_find(uint64_t dirfd, uva_t path, unsigned flags, struct inode **out)
{
    return at_find_how(dirfd, path, flags, NULL, out);
}
