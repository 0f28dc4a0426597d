/* net_scm.c: control messages of sendmsg and recvmsg: SCM_RIGHTS and SCM_CREDENTIALS (unix(7), cmsg(3)). */
#include "abi/net_scm.h"

#include "base/mem.h"

#define SOL_SOCKET_      1
#define SCM_RIGHTS_      1
#define SCM_CREDENTIALS_ 2
#define CONTROL_MAX      20480u     /* Linux net.core.optmem_max */

struct lx_cmsghdr {
    uint64_t len;               /* with this header, without what aligns the next */
    int32_t level, type;
};
_Static_assert(sizeof(struct lx_cmsghdr) == 16, "Linux include/linux/socket.h");

#define CMSG_ALIGN(n) (((n) + 7) & ~7ull)

/* ---- sending ---- */

static int
add_files(struct scm *s, const int32_t *fds, uint64_t count)
{
    if (count > SCM_FILES_MAX - s->count)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        struct file *f = fd_get(fds[i]);

        if (f == NULL)
            return -EBADF;
        s->file[s->count++] = f;
    }
    return 0;
}

/* Anybody may say who they are; only root may say something else. */
static int
set_cred(struct scm *s, const struct cred *said)
{
    struct cred own = cred_current();

    if (own.uid != 0 && memcmp(said, &own, sizeof(own)) != 0)
        return -EPERM;
    s->cred = *said;
    return 0;
}

/* What one buffer says, as it is read. */
struct saying {
    const struct sock *sock;
    struct scm *scm;
    struct sock_meta *meta;
    bool of_datagram;           /* meta was given something */
};

static int
take_scm(struct saying *w, const struct lx_cmsghdr *h)
{
    uint64_t len = h->len - sizeof(*h);

    if (w->scm == NULL && (w->scm = scm_new(SCM_FILES_MAX)) == NULL)
        return -ENOMEM;
    if (h->type == SCM_RIGHTS_)
        return add_files(w->scm, (const int32_t *)(h + 1), len / sizeof(int32_t));
    if (h->type == SCM_CREDENTIALS_ && len == sizeof(struct cred))
        return set_cred(w->scm, (const struct cred *)(h + 1));
    return -EINVAL;
}

static int
take_one(struct saying *w, const struct lx_cmsghdr *h)
{
    if (h->level == SOL_SOCKET_)
        return take_scm(w, h);
    if (w->sock->type != SOCK_DGRAM_ || (w->sock->family != AF_INET_ && w->sock->family != AF_INET6_))
        return 0;
    w->of_datagram = true;
    return meta_in(w->meta, w->sock, h->level, h->type, h + 1, h->len - sizeof(*h));
}

static int
take_all(struct saying *w, const char *control, uint64_t len)
{
    int err = 0;

    for (uint64_t at = 0; err == 0 && len - at >= sizeof(struct lx_cmsghdr);) {
        const struct lx_cmsghdr *h = (const void *)(control + at);

        if (h->len < sizeof(*h) || h->len > len - at)
            return -EINVAL;
        err = take_one(w, h);
        at += MIN(CMSG_ALIGN(h->len), len - at);
    }
    return err;
}

int
control_in(const struct sock *s, uva_t at, uint64_t len, struct sock_msg *m, struct sock_meta *meta)
{
    struct saying w = { .sock = s, .meta = meta };
    char *control;
    int err;

    *meta = (struct sock_meta){ 0 };
    if (at == 0 || len < sizeof(struct lx_cmsghdr))
        return 0;
    if (len > CONTROL_MAX)
        return -ENOBUFS;
    control = heap_alloc(len);
    err = control == NULL ? -ENOMEM : user_copy_in(control, at, len);
    if (err == 0)
        err = take_all(&w, control, len);
    heap_free(control);
    if (err != 0) {
        scm_free(w.scm);
        return err;
    }
    m->scm = w.scm;
    m->meta = w.of_datagram ? meta : NULL;
    return 0;
}

/* ---- receiving ---- */

/* What there is no room for is cut off, but for the head. */
bool
control_put(struct control *c, int32_t level, int32_t type, const void *data, uint64_t len)
{
    struct lx_cmsghdr h = { MIN(sizeof(h) + len, c->room - c->used), level, type };

    if (h.len < sizeof(h) || user_copy_out(c->at + c->used, &h, sizeof(h)) != 0 ||
        user_copy_out(c->at + c->used + sizeof(h), data, h.len - sizeof(h)) != 0) {
        c->cut = true;
        return false;
    }
    c->used += MIN(CMSG_ALIGN(h.len), c->room - c->used);
    c->cut |= h.len < sizeof(h) + len;
    return h.len == sizeof(h) + len;
}

/* As many descriptors as there is room for. */
static void
put_files(struct control *c, struct scm *s, bool cloexec)
{
    uint64_t room = c->room - c->used, want = s->count;
    int32_t fds[SCM_FILES_MAX];
    uint32_t n = 0;

    want = room < sizeof(struct lx_cmsghdr) ? 0 : MIN(want, (room - sizeof(struct lx_cmsghdr)) / sizeof(int32_t));
    while (n < want) {
        file_get(s->file[n]);
        fds[n] = fd_install(s->file[n], 0, cloexec);
        if (fds[n] < 0) {
            file_put(s->file[n]);
            break;
        }
        n++;
    }
    c->cut |= n < s->count;
    if (n > 0 && !control_put(c, SOL_SOCKET_, SCM_RIGHTS_, fds, n * sizeof(fds[0])))
        while (n-- > 0)
            (void)fd_close(fds[n]);
}

uint64_t
control_out(const struct sock *sock, struct sock_msg *m, uva_t at, uint64_t room)
{
    struct control c = { at, at != 0 ? room : 0, 0, false };
    struct scm *s = m->scm;

    if (m->meta != NULL && m->meta->has_address)
        meta_out(&c, sock, m->meta);
    if (s != NULL && sock->passcred)
        (void)control_put(&c, SOL_SOCKET_, SCM_CREDENTIALS_, &s->cred, sizeof(s->cred));
    if (s != NULL && s->count > 0)
        put_files(&c, s, (m->flags & MSG_CMSG_CLOEXEC_) != 0);
    if (c.cut)
        m->out_flags |= MSG_CTRUNC_;
    scm_free(s);
    m->scm = NULL;
    return c.used;
}
