/* net_msg.c: Linux calls sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg. */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "abi/net_addr.h"
#include "abi/net_scm.h"
#include "base/mem.h"
#include "fs/fdtable.h"

#define MESSAGE_VECTORS_SMALL 8u    /* more need an allocation */
#define MESSAGES_MAX 1024u          /* UIO_MAXIOV: of one sendmmsg or recvmmsg */
#define TRANSFER_MAX 0x7ffff000ull  /* Linux MAX_RW_COUNT */

struct lx_msghdr {
    uint64_t name;
    int32_t namelen;
    int32_t pad0;
    uint64_t iov;
    uint64_t iovlen;
    uint64_t control;
    uint64_t controllen;
    uint32_t flags;
    int32_t pad1;
};
_Static_assert(sizeof(struct lx_msghdr) == 56, "Linux include/linux/socket.h");

struct lx_mmsghdr {
    struct lx_msghdr hdr;
    uint32_t len;
    uint32_t pad;
};
_Static_assert(sizeof(struct lx_mmsghdr) == 64, "Linux include/linux/socket.h");

/* One message's scatter list, in library memory. */
struct vectors {
    struct uio_vec small[MESSAGE_VECTORS_SMALL];
    struct uio_vec *vec;
    struct uio uio;
};

static int
vectors_in(struct vectors *v, uva_t from, uint64_t count)
{
    uint64_t total = 0;

    v->vec = v->small;
    if (count > UIO_IOV_MAX)
        return -EMSGSIZE;
    if (count > MESSAGE_VECTORS_SMALL && (v->vec = heap_alloc(count * sizeof(*v->vec))) == NULL)
        return -ENOMEM;
    if (user_copy_in(v->vec, from, count * sizeof(*v->vec)) != 0)
        return -EFAULT;
    for (uint64_t i = 0; i < count; i++) {
        if ((int64_t)v->vec[i].len < 0)
            return -EINVAL;
        v->vec[i].len = MIN(v->vec[i].len, TRANSFER_MAX - total);
        total += v->vec[i].len;
    }
    v->uio = (struct uio){ .iov = v->vec, .iov_count = (uint32_t)count, .left = total };
    return 0;
}

static void
vectors_free(struct vectors *v)
{
    if (v->vec != NULL && v->vec != v->small)
        heap_free(v->vec);
}

static NOINLINE ssize
send_to(const struct lx_args *args)
{
    struct sock_msg m = { .flags = (uint32_t)args->a[3] };
    struct file *f;
    struct sock *s;
    struct uio u;
    ssize r = socket_get((int)args->a[0], &f, &s);

    if (r != 0)
        return r;
    m.has_name = args->a[4] != 0;
    if (m.has_name)
        r = addr_in(&m.name, args->a[4], args->a[5]);
    if (r == 0) {
        uio_init_user(&u, args->a[1], MIN(args->a[2], TRANSFER_MAX));
        r = sock_send(f, &u, &m);
    }
    file_put(f);
    return r;
}

/* With an address and no flags. */
static inline ssize
send_to_quick(struct sock *s, const struct lx_args *args)
{
    return s->ops->send_quick != NULL ? s->ops->send_quick(s, args->a[1], args->a[2], args->a[4], args->a[5]) : -EAGAIN;
}

LX(sendto)
{
    struct file *f = fd_peek(args->a[0]);
    ssize r = -EAGAIN;

    if (f != NULL && sock_of(f) != NULL && args->a[3] == 0) {
        if (args->a[4] == 0)
            return f->ops->write_quick(f, args->a[1], args->a[2]);
        r = send_to_quick(f->priv, args);
    }
    return r != -EAGAIN ? r : send_to(args);
}

static NOINLINE ssize
receive_from(const struct lx_args *args)
{
    struct sock_msg m = { .flags = (uint32_t)args->a[3] };
    struct file *f;
    struct sock *s;
    struct uio u;
    ssize r = socket_get((int)args->a[0], &f, &s);
    int err = 0;

    if (r != 0)
        return r;
    uio_init_user(&u, args->a[1], MIN(args->a[2], TRANSFER_MAX));
    r = sock_recv(f, &u, &m);
    file_put(f);
    if (r >= 0 && args->a[4] != 0)
        err = addr_out(&m.name, args->a[4], args->a[5]);
    return err != 0 ? err : r;
}

LX(recvfrom)
{
    struct file *f = fd_peek(args->a[0]);

    if (f != NULL && sock_of(f) != NULL && args->a[3] == 0 && args->a[4] == 0)
        return f->ops->read_quick(f, args->a[1], args->a[2]);
    return receive_from(args);
}

static ssize
send_one(struct file *f, const struct lx_msghdr *h, uint32_t flags)
{
    struct sock_msg m = { .flags = flags };
    struct sock_meta meta;
    struct vectors v;
    ssize r = vectors_in(&v, h->iov, h->iovlen);

    m.has_name = h->name != 0 && h->namelen != 0;
    if (r == 0 && m.has_name)
        r = addr_in(&m.name, h->name, (uint64_t)h->namelen);
    if (r == 0)
        r = control_in(sock_of(f), h->control, h->controllen, &m, &meta);
    if (r == 0)
        r = sock_send(f, &v.uio, &m);
    vectors_free(&v);
    return r;
}

LX(sendmsg)
{
    struct lx_msghdr h;
    struct file *f;
    struct sock *s;
    ssize r = socket_get((int)args->a[0], &f, &s);

    if (r != 0)
        return r;
    r = user_copy_in(&h, args->a[1], sizeof(h));
    if (r == 0)
        r = send_one(f, &h, (uint32_t)args->a[2]);
    file_put(f);
    return r;
}

/* The fields of the header that a receive answers in: the address' length, the control length, the flags. */
static int
header_out(uva_t at, const struct lx_msghdr *h, const struct sock_msg *m, uint64_t controllen)
{
    int32_t namelen = h->name != 0 ? (int32_t)m->name.len : h->namelen;
    int err = 0;

    if (h->name != 0 && h->namelen > 0)
        err = user_copy_out(h->name, m->name.raw, (size_t)MIN(h->namelen, namelen));
    if (err == 0)
        err = user_copy_out(at + offsetof(struct lx_msghdr, namelen), &namelen, sizeof(namelen));
    if (err == 0)
        err = user_copy_out(at + offsetof(struct lx_msghdr, controllen), &controllen, sizeof(controllen));
    if (err == 0)
        err = user_copy_out(at + offsetof(struct lx_msghdr, flags), &m->out_flags, sizeof(m->out_flags));
    return err;
}

static ssize
recv_one(struct file *f, uva_t at, uint32_t flags)
{
    struct sock_meta meta = { 0 };
    struct sock_msg m = { .flags = flags, .meta = &meta, .take_scm = true };
    uint64_t controllen = 0;
    struct lx_msghdr h;
    struct vectors v;
    ssize r;

    if (user_copy_in(&h, at, sizeof(h)) != 0)
        return -EFAULT;
    r = vectors_in(&v, h.iov, h.iovlen);
    if (r == 0)
        r = sock_recv(f, &v.uio, &m);
    vectors_free(&v);
    if (r >= 0)
        controllen = control_out(sock_of(f), &m, h.control, h.controllen);
    if (r >= 0 && header_out(at, &h, &m, controllen) != 0)
        return -EFAULT;
    return r;
}

LX(recvmsg)
{
    struct file *f;
    struct sock *s;
    ssize r = socket_get((int)args->a[0], &f, &s);

    if (r != 0)
        return r;
    r = recv_one(f, args->a[1], (uint32_t)args->a[2]);
    file_put(f);
    return r;
}

static ssize
send_many(struct file *f, uva_t at, uint32_t count, uint32_t flags)
{
    uint32_t done = 0;
    ssize r = 0;

    for (; done < count; done++, at += sizeof(struct lx_mmsghdr)) {
        struct lx_msghdr h;
        uint32_t len;

        r = user_copy_in(&h, at, sizeof(h));
        if (r == 0)
            r = send_one(f, &h, flags);
        len = (uint32_t)r;
        if (r >= 0)
            r = user_copy_out(at + offsetof(struct lx_mmsghdr, len), &len, sizeof(len));
        if (r < 0)
            break;
    }
    return done > 0 ? (ssize)done : r;
}

LX(sendmmsg)
{
    struct file *f;
    struct sock *s;
    ssize r = socket_get((int)args->a[0], &f, &s);

    if (r != 0)
        return r;
    r = send_many(f, args->a[1], MIN((uint32_t)args->a[2], MESSAGES_MAX), (uint32_t)args->a[3]);
    file_put(f);
    return r;
}

/* The time limit is looked at between messages only, as Linux does. */
static ssize
recv_many(struct file *f, uva_t at, uint32_t count, uint32_t flags, uint64_t deadline_ns)
{
    uint32_t done = 0;
    ssize r = 0;

    for (; done < count; done++, at += sizeof(struct lx_mmsghdr)) {
        uint32_t len;

        if (done > 0 && deadline_ns != DEADLINE_NEVER && clock_monotonic_ns() >= deadline_ns)
            break;
        r = recv_one(f, at, done > 0 && (flags & MSG_WAITFORONE_) != 0 ? flags | MSG_DONTWAIT_ : flags);
        len = (uint32_t)r;
        if (r >= 0)
            r = user_copy_out(at + offsetof(struct lx_mmsghdr, len), &len, sizeof(len));
        if (r < 0)
            break;
    }
    return done > 0 ? (ssize)done : r;
}

LX(recvmmsg)
{
    uint64_t deadline_ns;
    struct file *f;
    struct sock *s;
    ssize r = deadline_from_user(args->a[4], 1, &deadline_ns);

    if (r == 0)
        r = socket_get((int)args->a[0], &f, &s);
    if (r != 0)
        return r;
    r = recv_many(f, args->a[1], MIN((uint32_t)args->a[2], MESSAGES_MAX), (uint32_t)args->a[3], deadline_ns);
    file_put(f);
    return r;
}
