/* net_sock.c: Linux calls that make, name and connect sockets. */
#include "abi/linux.h"
#include "abi/net_addr.h"

static int
descriptor_for(struct sock *s, uint32_t flags)
{
    struct file *f = sock_file(s, flags);
    int fd, err;

    if (f == NULL) {
        s->ops->release(s);
        return -ENOMEM;
    }
    err = ipc_install(&f, &fd, 1, (flags & SOCK_CLOEXEC_) != 0);
    return err != 0 ? err : fd;
}

static bool
flags_known(uint32_t flags)
{
    return (flags & ~(SOCK_NONBLOCK_ | SOCK_CLOEXEC_)) == 0;
}

LX(socket)
{
    uint32_t type = (uint32_t)args->a[1];
    struct sock *s;
    int err;

    if (!flags_known(type & ~SOCK_TYPE_MASK))
        return -EINVAL;
    err = sock_create((int)args->a[0], (int)(type & SOCK_TYPE_MASK), (int)args->a[2], &s);
    return err != 0 ? err : descriptor_for(s, type);
}

/* Files for both sockets, or neither: what is not in a file yet is released. */
static int
pair_files(struct sock *s[2], uint32_t flags, struct file *f[2])
{
    f[0] = sock_file(s[0], flags);
    f[1] = sock_file(s[1], flags);
    if (f[0] != NULL && f[1] != NULL)
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        if (f[i] != NULL)
            file_put(f[i]);
        else
            s[i]->ops->release(s[i]);
    }
    return -ENOMEM;
}

LX(socketpair)
{
    uint32_t type = (uint32_t)args->a[1];
    struct sock *s[2];
    struct file *f[2];
    int32_t fds[2];
    int err;

    if (!flags_known(type & ~SOCK_TYPE_MASK))
        return -EINVAL;
    if ((int)args->a[0] != AF_UNIX_)
        return (int)args->a[0] == AF_INET_ ? -EOPNOTSUPP : -EAFNOSUPPORT;
    err = unix_sock_pair((int)(type & SOCK_TYPE_MASK), s);
    if (err == 0)
        err = pair_files(s, type, f);
    if (err == 0)
        err = ipc_install(f, fds, 2, (type & SOCK_CLOEXEC_) != 0);
    if (err != 0)
        return err;
    err = user_copy_out(args->a[3], fds, sizeof(fds));
    if (err != 0) {
        (void)fd_close(fds[0]);
        (void)fd_close(fds[1]);
    }
    return err;
}

LX(bind)
{
    struct sock_addr a;
    struct file *f;
    struct sock *s;
    int err = socket_get((int)args->a[0], &f, &s);

    if (err != 0)
        return err;
    err = addr_in(&a, args->a[1], args->a[2]);
    if (err == 0)
        err = s->ops->bind != NULL ? s->ops->bind(s, &a) : -EOPNOTSUPP;
    file_put(f);
    return err;
}

LX(connect)
{
    struct sock_addr a;
    struct file *f;
    struct sock *s;
    int err = socket_get((int)args->a[0], &f, &s);

    if (err != 0)
        return err;
    err = addr_in(&a, args->a[1], args->a[2]);
    if (err == 0)
        err = s->ops->connect != NULL ? s->ops->connect(s, &a, FILE_NONBLOCK(f)) : -EOPNOTSUPP;
    file_put(f);
    return err;
}

LX(listen)
{
    struct file *f;
    struct sock *s;
    int err = socket_get((int)args->a[0], &f, &s);

    if (err != 0)
        return err;
    err = s->ops->listen != NULL ? s->ops->listen(s, (int)args->a[1]) : -EOPNOTSUPP;
    file_put(f);
    return err;
}

/* The peer's address is told after the descriptor is there, as Linux does; if it cannot be, the connection is lost. */
static long
accept_file(struct file *f, struct sock *s, uva_t to, uva_t len_at, uint32_t flags)
{
    struct sock_addr a = { .len = 0 };
    struct sock *child;
    int err, fd;

    if (s->ops->accept == NULL)
        return -EOPNOTSUPP;
    err = s->ops->accept(s, FILE_NONBLOCK(f), &child);
    if (err != 0)
        return err;
    if (to != 0 && child->ops->name(child, &a, true) != 0)
        a.len = 0;
    fd = descriptor_for(child, flags);
    if (fd < 0)
        return fd;
    err = addr_out(&a, to, len_at);
    if (err != 0)
        (void)fd_close(fd);
    return err != 0 ? err : fd;
}

static long
accept_call(const struct lx_args *args, uint32_t flags)
{
    struct file *f;
    struct sock *s;
    long r;

    if (!flags_known(flags))
        return -EINVAL;
    r = socket_get((int)args->a[0], &f, &s);
    if (r != 0)
        return r;
    r = accept_file(f, s, args->a[1], args->a[2], flags);
    file_put(f);
    return r;
}

LX(accept)
{
    return accept_call(args, 0);
}

LX(accept4)
{
    return accept_call(args, (uint32_t)args->a[3]);
}

static long
name_call(const struct lx_args *args, bool peer)
{
    struct sock_addr a;
    struct file *f;
    struct sock *s;
    int err = socket_get((int)args->a[0], &f, &s);

    if (err != 0)
        return err;
    err = s->ops->name(s, &a, peer);
    file_put(f);
    return err != 0 ? err : addr_out(&a, args->a[1], args->a[2]);
}

LX(getsockname)
{
    return name_call(args, false);
}

LX(getpeername)
{
    return name_call(args, true);
}

LX(shutdown)
{
    struct file *f;
    struct sock *s;
    int how = (int)args->a[1], err = socket_get((int)args->a[0], &f, &s);

    if (err != 0)
        return err;
    if (how < SHUT_RD_ || how > SHUT_RDWR_)
        err = -EINVAL;
    else
        err = s->ops->shutdown != NULL ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
    file_put(f);
    return err;
}
