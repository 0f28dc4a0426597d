/* ipc_mqueue.c: Linux calls mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr. */
#include "abi/linux.h"
#include "abi/time_user.h"
#include "base/mem.h"
#include "base/uio.h"
#include "ipc/ipc.h"
#include "ipc/mqueue.h"
#include "net/netlink.h"
#include "proc/signal.h"

#define SIGEV_SIGNAL_ 0
#define SIGEV_NONE_   1
#define SIGEV_THREAD_ 2

/* Linux struct sigevent, as far as it goes here. */
struct lx_sigevent {
    uint64_t value;
    int32_t signo, notify;
};

static int
name_in(char name[MQ_NAME_MAX + 2], uva_t from)
{
    ssize n = user_string_in(name, from, MQ_NAME_MAX + 2);

    return n < 0 ? (int)n : 0;
}

LX(mq_open)
{
    uint32_t flags = (uint32_t)args->a[1];
    char name[MQ_NAME_MAX + 2];
    struct mq_attr attr;
    struct file *f;
    int fd, err = 0;

    if (args->a[3] != 0 && user_copy_in(&attr, args->a[3], sizeof(attr)) != 0)
        return -EFAULT;
    err = name_in(name, args->a[0]);
    if (err == 0)
        err = mq_open(name, flags, (uint32_t)args->a[2], args->a[3] != 0 ? &attr : NULL, &f);
    if (err == 0)
        err = ipc_install(&f, &fd, 1, true);
    return err != 0 ? err : fd;
}

LX(mq_unlink)
{
    char name[MQ_NAME_MAX + 2];
    int err = name_in(name, args->a[0]);

    return err != 0 ? err : mq_unlink(name);
}

/* The queue behind a descriptor that may be used that way (O_RDONLY: it may be read), referenced. */
static int
queue_get(uint64_t fd, uint32_t way, struct file **out)
{
    struct file *f = fd_get((int)fd);

    if (f == NULL)
        return -EBADF;
    *out = f;
    if (file_is_mq(f) && (way == O_RDWR || (way == O_RDONLY ? file_may_read(f) : file_may_write(f))))
        return 0;
    file_put(f);
    return -EBADF;
}

/* A time of CLOCK_REALTIME as a deadline of ours. */
static int
deadline_in(uva_t from, uint64_t *deadline_ns)
{
    uint64_t at, real = clock_realtime_ns(), now = clock_monotonic_ns();
    int err;

    *deadline_ns = DEADLINE_NEVER;
    if (from == 0)
        return 0;
    err = get_timespec(from, &at);
    if (err == 0)
        *deadline_ns = at <= real ? 1 : now + (at - real);
    return err;
}

static int
message_in(struct file *f, const struct lx_args *args, struct mq_message **out)
{
    struct mq_message *m;
    struct mq_attr attr;

    mq_look(f, &attr);
    if (args->a[2] > (uint64_t)attr.msgsize)
        return -EMSGSIZE;
    m = heap_alloc(sizeof(*m) + args->a[2]);
    if (m == NULL)
        return -ENOMEM;
    m->prio = (uint32_t)args->a[3];
    m->len = (uint32_t)args->a[2];
    *out = m;
    if (user_copy_in(m->data, args->a[1], m->len) == 0)
        return 0;
    heap_free(m);
    return -EFAULT;
}

LX(mq_timedsend)
{
    struct mq_message *m;
    uint64_t deadline_ns;
    struct file *f;
    int err = deadline_in(args->a[4], &deadline_ns);

    if (err == 0 && (uint32_t)args->a[3] >= MQ_PRIO_MAX)
        err = -EINVAL;
    if (err == 0)
        err = queue_get(args->a[0], O_WRONLY, &f);
    if (err != 0)
        return err;
    err = message_in(f, args, &m);
    if (err == 0) {
        err = mq_send(f, m, deadline_ns);
        if (err != 0)
            heap_free(m);
    }
    file_put(f);
    return err;
}

static long
message_out(const struct mq_message *m, const struct lx_args *args)
{
    if (args->a[3] != 0 && user_copy_out(args->a[3], &m->prio, sizeof(m->prio)) != 0)
        return -EFAULT;
    return user_copy_out(args->a[1], m->data, m->len) == 0 ? (long)m->len : -EFAULT;
}

LX(mq_timedreceive)
{
    struct mq_message *m = NULL;
    uint64_t deadline_ns;
    struct mq_attr attr;
    struct file *f;
    int err = deadline_in(args->a[4], &deadline_ns);
    long r;

    if (err == 0)
        err = queue_get(args->a[0], O_RDONLY, &f);
    if (err != 0)
        return err;
    mq_look(f, &attr);
    if (args->a[2] < (uint64_t)attr.msgsize)
        err = -EMSGSIZE;
    else
        m = mq_receive(f, deadline_ns, &err);
    file_put(f);
    if (m == NULL)
        return err;
    r = message_out(m, args);
    heap_free(m);
    return r;
}

/* Tells by a socket: `value` is where the cookie is, `signo` the socket's descriptor. */
static int
socket_notice(const struct lx_sigevent *e, struct mq_notice *n)
{
    n->kind = MQ_NOTICE_SOCKET;
    if (user_copy_in(n->cookie, e->value, sizeof(n->cookie)) != 0)
        return -EFAULT;
    n->socket = fd_get(e->signo);
    if (n->socket == NULL)
        return -EBADF;
    if (file_is_netlink(n->socket))
        return 0;
    file_put(n->socket);
    return -ENOTSOCK;
}

static int
notice_in(uva_t from, struct mq_notice *n)
{
    struct lx_sigevent e;

    if (user_copy_in(&e, from, sizeof(e)) != 0)
        return -EFAULT;
    if (e.notify != SIGEV_SIGNAL_ && e.notify != SIGEV_NONE_ && e.notify != SIGEV_THREAD_)
        return -EINVAL;
    if (e.notify == SIGEV_SIGNAL_ && (uint32_t)e.signo > SIG_MAX)
        return -EINVAL;
    *n = (struct mq_notice){ e.notify == SIGEV_SIGNAL_ ? MQ_NOTICE_SIGNAL : MQ_NOTICE_NONE, e.signo, e.value, NULL, { 0 } };
    return e.notify == SIGEV_THREAD_ ? socket_notice(&e, n) : 0;
}

LX(mq_notify)
{
    struct mq_notice n = { .kind = MQ_NOTICE_NONE };
    struct file *f;
    int err = args->a[1] != 0 ? notice_in(args->a[1], &n) : 0;

    if (err != 0)
        return err;
    err = queue_get(args->a[0], O_RDWR, &f);
    if (err == 0) {
        err = mq_notify(f, args->a[1] != 0 ? &n : NULL);
        file_put(f);
    }
    if (err != 0 && n.socket != NULL)
        file_put(n.socket);
    return err;
}

LX(mq_getsetattr)
{
    struct mq_attr new = { 0 }, old;
    struct file *f;
    int err;

    if (args->a[1] != 0 && user_copy_in(&new, args->a[1], sizeof(new)) != 0)
        return -EFAULT;
    if (new.flags & ~(int64_t)O_NONBLOCK)
        return -EINVAL;
    err = queue_get(args->a[0], O_RDWR, &f);
    if (err != 0)
        return err;
    mq_look(f, &old);
    if (args->a[1] != 0)
        f->flags = (f->flags & ~O_NONBLOCK) | (uint32_t)new.flags;
    file_put(f);
    return args->a[2] != 0 && user_copy_out(args->a[2], &old, sizeof(old)) != 0 ? -EFAULT : 0;
}
