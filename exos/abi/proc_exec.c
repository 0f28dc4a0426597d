/*
 * proc_exec.c: execve(2) and execveat(2): path and arguments, then proc/exec.c.
 */
#include "abi/linux_fs.h"
#include "base/uio.h"
#include "proc/internal.h"

#define STACK_SHARE 4           /* arguments may fill this part of the stack limit */
#define ARG_BYTES_MIN (128 * 1024ull)

static uint64_t
arguments_limit(const struct proc *p)
{
    return MAX(p->rlimit[RLIMIT_STACK_K].cur / STACK_SHARE, ARG_BYTES_MIN);
}

static long
exec_with(struct exec *e, uva_t argv, uva_t envp)
{
    struct proc *p = proc_current();
    int err = exec_find(e);

    e->args.limit = arguments_limit(p);
    if (err == 0)
        err = args_add_vector(&e->args, argv, &e->args.argc);
    if (err == 0)
        err = args_add_vector(&e->args, envp, &e->args.envc);
    if (err == 0)
        err = exec_open(e);
    if (err == 0)
        err = exec_replace(p, e);
    if (err != 0)
        exec_free(e);
    return err;
}

LX(execve)
{
    struct exec *e = exec_new();
    ssize n;

    if (e == NULL)
        return -ENOMEM;
    n = user_string_in(e->path, args->a[0], sizeof(e->path));
    if (n < 0) {
        exec_free(e);
        return n;
    }
    exec_name(e);
    return exec_with(e, args->a[1], args->a[2]);
}

/* A path below a directory, or with AT_EMPTY_PATH the file behind the descriptor. The program hears of it as /dev/fd/N/path. */
static long
find_at(struct exec *e, const struct lx_args *args)
{
    unsigned flags = (unsigned)args->a[4];
    struct inode *i;
    char path[PROC_NAME_MAX * 4];
    ssize n = user_string_in(e->path, args->a[1], sizeof(e->path));
    long err;

    if (n < 0)
        return n;
    exec_name(e);
    if ((int)args->a[0] == AT_FDCWD || e->path[0] == '/')
        flags &= ~AT_EMPTY_PATH;
    err = at_inode(args->a[0], args->a[1], flags, &i);
    if (err != 0)
        return err;
    if (inode_is(i, S_IFLNK))
        err = -ELOOP;
    else
        err = vfs_open_inode(i, O_RDONLY | O_LARGEFILE, &e->program.file);
    inode_put(i);
    if (err == 0 && e->path[0] != '/' && (int)args->a[0] != AT_FDCWD) {
        fmt_print(path, sizeof(path), "/dev/fd/%d%s", (int)args->a[0], n > 0 ? "/" : "");
        if (strlen(path) + (size_t)n >= sizeof(e->path))
            return -ENAMETOOLONG;
        memmove(e->path + strlen(path), e->path, (size_t)n + 1);
        memcpy(e->path, path, strlen(path));
    }
    return err;
}

LX(execveat)
{
    struct exec *e;
    long err;

    if (args->a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    e = exec_new();
    if (e == NULL)
        return -ENOMEM;
    err = find_at(e, args);
    if (err == 0)
        return exec_with(e, args->a[2], args->a[3]);
    exec_free(e);
    return err;
}
