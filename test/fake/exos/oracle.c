/* oracle.c: see oracle.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake/exos/oracle.h"

static const char *root;

void
oracle_root(const char *dir)
{
    root = dir;
}

static const char *
at(const char *path)
{
    static char bufs[2][8192];
    static int which;

    which ^= 1;
    snprintf(bufs[which], sizeof(bufs[0]), "%s%s", root, path);
    return bufs[which];
}

static long
result(long r)
{
    return r < 0 ? -errno : r;
}

long
oracle_open(const char *path, unsigned flags, unsigned mode)
{
    return result(open(at(path), (int)flags, mode));
}

long
oracle_close(int fd)
{
    return result(close(fd));
}

long
oracle_pwrite(int fd, const void *buf, size_t n, uint64_t pos)
{
    return result(pwrite(fd, buf, n, (off_t)pos));
}

long
oracle_pread(int fd, void *buf, size_t n, uint64_t pos)
{
    return result(pread(fd, buf, n, (off_t)pos));
}

long
oracle_ftruncate(int fd, uint64_t size)
{
    return result(ftruncate(fd, (off_t)size));
}

long
oracle_fallocate(int fd, unsigned mode, uint64_t off, uint64_t len)
{
    return result(fallocate(fd, (int)mode, (off_t)off, (off_t)len));
}

long
oracle_mkdir(const char *path, unsigned mode)
{
    return result(mkdir(at(path), mode));
}

long
oracle_rmdir(const char *path)
{
    return result(rmdir(at(path)));
}

long
oracle_unlink(const char *path)
{
    return result(unlink(at(path)));
}

long
oracle_rename(const char *a, const char *b, unsigned flags)
{
    const char *from = at(a), *to = at(b);

    return result(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags));
}

long
oracle_link(const char *a, const char *b)
{
    const char *from = at(a), *to = at(b);

    return result(link(from, to));
}

long
oracle_symlink(const char *target, const char *path)
{
    return result(symlink(target, at(path)));
}

long
oracle_readlink(const char *path, char *buf, size_t size)
{
    return result(readlink(at(path), buf, size));
}

long
oracle_lstat(const char *path, struct oracle_stat *s)
{
    struct stat st;
    long r = result(lstat(at(path), &st));

    if (r == 0)
        *s = (struct oracle_stat){ st.st_mode, (uint32_t)st.st_nlink, (uint64_t)st.st_size };
    return r;
}
