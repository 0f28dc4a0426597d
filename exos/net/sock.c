/*
 * sock.c: the socket as a file: reading, writing, readiness and the ioctls that all families share.
 *
 * Not here: what a family does (tcp_*.c, dgram.c, ipc/unix*.c) and options (sockopt.c).
 */
#include "net/sock.h"

#include "fs/sigio.h"
#include "ipc/scm.h"
#include "net/netlink.h"

#define IOCTL_FIONREAD 0x541Bu
#define IOCTL_TIOCOUTQ 0x5411u
#define IOCTL_FIONBIO  0x5421u
#define IOCTL_FIOSETOWN 0x8901u
#define IOCTL_SIOCSPGRP 0x8902u
#define IOCTL_FIOGETOWN 0x8903u
#define IOCTL_SIOCGPGRP 0x8904u

void
sock_init(struct sock *s, const struct sock_ops *ops, int family, int type, int protocol)
{
    s->ops = ops;
    s->family = (uint16_t)family;
    s->type = (uint16_t)type;
    s->protocol = (uint16_t)protocol;
    s->rcvbuf = s->sndbuf = SOCK_BUFFER_USUAL;
    waitq_init(&s->wq);
}

int
sock_take_error(struct sock *s)
{
    int err = s->error;

    s->error = 0;
    return -err;
}

uint64_t
sock_deadline(uint64_t timeout_ns)
{
    return timeout_ns == 0 ? DEADLINE_NEVER : clock_monotonic_ns() + timeout_ns;
}

ssize
sock_send(struct file *f, struct uio *u, struct sock_msg *m)
{
    struct sock *s = f->priv;
    ssize r;

    if (FILE_NONBLOCK(f))
        m->flags |= MSG_DONTWAIT_;
    r = s->ops->send != NULL ? s->ops->send(s, u, m) : -EOPNOTSUPP;
    if (m->scm != NULL)
        scm_free(m->scm);
    if (r == -EPIPE && s->type != SOCK_DGRAM_ && (m->flags & MSG_NOSIGNAL_) == 0)
        return ipc_broken_pipe();
    return r;
}

ssize
sock_recv(struct file *f, struct uio *u, struct sock_msg *m)
{
    struct sock *s = f->priv;
    ssize r;

    if (FILE_NONBLOCK(f))
        m->flags |= MSG_DONTWAIT_;
    m->out_flags = 0;
    m->name.len = 0;
    m->scm = NULL;
    r = s->ops->recv != NULL ? s->ops->recv(s, u, m) : -EOPNOTSUPP;
    if (m->scm != NULL && !m->take_scm)
        scm_free(m->scm);
    return r;
}

static ssize
sock_file_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct sock_msg m;

    (void)pos;
    if (u->left == 0)           /* leaves a datagram of no bytes where it is */
        return 0;
    m.flags = 0;
    m.meta = NULL;
    m.take_scm = false;
    return sock_recv(f, u, &m);
}

static ssize
sock_file_write(struct file *f, struct uio *u, uint64_t *pos)
{
    struct sock_msg m;

    (void)pos;
    m.flags = 0;
    m.has_name = false;
    m.meta = NULL;
    m.scm = NULL;
    return sock_send(f, u, &m);
}

static ssize
sock_read_quick(struct file *f, uva_t to, size_t n)
{
    struct sock *s = f->priv;

    return s->ops->read_quick != NULL && n != 0 ? s->ops->read_quick(s, f, to, n) : file_read_user(f, to, n);
}

static ssize
sock_write_quick(struct file *f, uva_t from, size_t n)
{
    struct sock *s = f->priv;

    return s->ops->write_quick != NULL ? s->ops->write_quick(s, f, from, n) : file_write_user(f, from, n);
}

static long
ioctl_nonblock(struct file *f, uint64_t arg)
{
    int32_t on;

    if (user_copy_in(&on, arg, sizeof(on)) != 0)
        return -EFAULT;
    f->flags = on != 0 ? f->flags | IPC_O_NONBLOCK : f->flags & ~IPC_O_NONBLOCK;
    return 0;
}

static long
sock_file_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct sock *s = f->priv;
    int32_t n;

    switch (cmd) {
    case IOCTL_FIONBIO:
        return ioctl_nonblock(f, arg);
    case IOCTL_FIONREAD:
        n = s->ops->readable_bytes != NULL ? (int32_t)s->ops->readable_bytes(s) : 0;
        return user_copy_out(arg, &n, sizeof(n));
    case IOCTL_TIOCOUTQ:
        n = s->ops->unsent_bytes != NULL ? (int32_t)s->ops->unsent_bytes(s) : 0;
        return user_copy_out(arg, &n, sizeof(n));
    case IOCTL_FIOSETOWN:
    case IOCTL_SIOCSPGRP:
        return user_copy_in(&n, arg, sizeof(n)) != 0 ? -EFAULT : sigio_set_owner_id(f, n);
    case IOCTL_FIOGETOWN:
    case IOCTL_SIOCGPGRP:
        n = sigio_owner_id(f);
        return user_copy_out(arg, &n, sizeof(n));
    default:
        return sock_interface_ioctl(cmd, arg);
    }
}

static unsigned
sock_file_poll(struct file *f)
{
    struct sock *s = f->priv;

    return s->ops->poll(s);
}

static struct waitq *
sock_file_poll_queue(struct file *f)
{
    return &((struct sock *)f->priv)->wq;
}

static void
sock_file_release(struct file *f)
{
    struct sock *s = f->priv;

    s->ops->release(s);
}

const struct file_ops sock_file_ops = {
    .name = "socket",
    .read = sock_file_read,
    .write = sock_file_write,
    .read_quick = sock_read_quick,
    .write_quick = sock_write_quick,
    .ioctl = sock_file_ioctl,
    .poll = sock_file_poll,
    .poll_queue = sock_file_poll_queue,
    .signals = true,
    .release = sock_file_release,
};

struct file *
sock_file(struct sock *s, uint32_t flags)
{
    return file_create(&sock_file_ops, IPC_O_RDWR | (flags & IPC_O_NONBLOCK), s);
}

int
sock_create(int family, int type, int protocol, struct sock **out)
{
    static const int ip_tcp = 6;

    if (family == AF_UNIX_)
        return protocol == 0 || protocol == AF_UNIX_ ? unix_sock_create(type, out) : -EPROTONOSUPPORT;
    if (family == AF_NETLINK_)
        return netlink_sock_create(type, protocol, out);
    if (family != AF_INET_ && family != AF_INET6_)
        return -EAFNOSUPPORT;
    switch (type) {
    case SOCK_STREAM_:
        return protocol == 0 || protocol == ip_tcp ? tcp_sock_create(family, out) : -EPROTONOSUPPORT;
    case SOCK_DGRAM_:
    case SOCK_RAW_:
        return dgram_sock_create(family, type, protocol, out);
    default:
        return -ESOCKTNOSUPPORT;
    }
}
