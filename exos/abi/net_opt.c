/* net_opt.c: Linux calls setsockopt and getsockopt: options with a structure here, plain ints in net/sockopt.c. */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "abi/net_addr.h"
#include "ipc/scm.h"

#define SOL_SOCKET_   1
#define SOL_TCP_      6
#define SO_LINGER_    13
#define SO_PEERCRED_  17
#define SO_RCVTIMEO_  20
#define SO_SNDTIMEO_  21
#define TCP_INFO_     11
#define TCP_CONGESTION_ 13
#define OPTION_MAX    256u
#define CONGESTION_NAME "reno"

struct lx_linger {
    int32_t on;
    int32_t seconds;
};

static bool
is_timeout(int level, int name)
{
    return level == SOL_SOCKET_ && (name == SO_RCVTIMEO_ || name == SO_SNDTIMEO_);
}

static int
set_timeout(struct sock *s, int name, uva_t at, uint32_t len)
{
    struct lx_time t;
    uint64_t ns;

    if (len < sizeof(t))
        return -EINVAL;
    if (user_copy_in(&t, at, sizeof(t)) != 0)
        return -EFAULT;
    if (t.sub < 0 || t.sub >= 1000000)
        return -EDOM;
    ns = t.sec < 0 || t.sec > INT32_MAX ? 0 : (uint64_t)t.sec * NSEC_PER_SEC + (uint64_t)t.sub * 1000;
    *(name == SO_RCVTIMEO_ ? &s->rcv_timeout_ns : &s->snd_timeout_ns) = ns;
    return 0;
}

static int
set_linger(struct sock *s, uva_t at, uint32_t len)
{
    struct lx_linger l;

    if (len < sizeof(l))
        return -EINVAL;
    if (user_copy_in(&l, at, sizeof(l)) != 0)
        return -EFAULT;
    s->linger_on = l.on != 0;
    s->linger_s = (uint32_t)MAX(l.seconds, 0);
    return 0;
}

static int
set_option(struct sock *s, int level, int name, uva_t at, uint32_t len)
{
    int32_t value = 0;

    if (is_timeout(level, name))
        return set_timeout(s, name, at, len);
    if (level == SOL_SOCKET_ && name == SO_LINGER_)
        return set_linger(s, at, len);
    if (level == SOL_TCP_ && name == TCP_CONGESTION_)
        return 0;
    if (len < sizeof(value) && (level == SOL_SOCKET_ || level == SOL_TCP_ || len == 0))
        return -EINVAL;
    if (user_copy_in(&value, at, MIN(len, (uint32_t)sizeof(value))) != 0)
        return -EFAULT;
    return sock_set_int(s, level, name, value);
}

LX(setsockopt)
{
    struct file *f;
    struct sock *s;
    int err;

    if ((int32_t)args->a[4] < 0)
        return -EINVAL;
    err = socket_get((int)args->a[0], &f, &s);
    if (err != 0)
        return err;
    err = set_option(s, (int)args->a[1], (int)args->a[2], args->a[3], (uint32_t)args->a[4]);
    file_put(f);
    return err;
}

/* The option's bytes into out (OPTION_MAX of them). How many, or -errno. */
static long
get_option(struct sock *s, int level, int name, void *out)
{
    int value, err;

    if (is_timeout(level, name)) {
        uint64_t ns = name == SO_RCVTIMEO_ ? s->rcv_timeout_ns : s->snd_timeout_ns;
        struct lx_time t = { (int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000) };

        memcpy(out, &t, sizeof(t));
        return sizeof(t);
    }
    if (level == SOL_SOCKET_ && name == SO_LINGER_) {
        memcpy(out, &(struct lx_linger){ s->linger_on, (int32_t)s->linger_s }, sizeof(struct lx_linger));
        return sizeof(struct lx_linger);
    }
    if (level == SOL_SOCKET_ && name == SO_PEERCRED_ && s->ops->peer_cred != NULL) {
        int err = s->ops->peer_cred(s, out);
        return err != 0 ? err : (long)sizeof(struct cred);
    }
    if (level == SOL_TCP_ && name == TCP_INFO_ && s->ops->info != NULL)
        return (long)s->ops->info(s, out);
    if (level == SOL_TCP_ && name == TCP_CONGESTION_) {
        memcpy(out, CONGESTION_NAME, sizeof(CONGESTION_NAME));
        return sizeof(CONGESTION_NAME);
    }
    err = sock_get_int(s, level, name, &value);
    if (err != 0)
        return err;
    memcpy(out, &value, sizeof(value));
    return sizeof(value);
}

static long
get_user(struct sock *s, int level, int name, uva_t to, uva_t len_at)
{
    uint8_t out[OPTION_MAX];
    int32_t room;
    long n;

    if (user_copy_in(&room, len_at, sizeof(room)) != 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    n = get_option(s, level, name, out);
    if (n < 0)
        return n;
    room = MIN(room, (int32_t)n);
    if (user_copy_out(to, out, (size_t)room) != 0)
        return -EFAULT;
    return user_copy_out(len_at, &room, sizeof(room));
}

LX(getsockopt)
{
    struct file *f;
    struct sock *s;
    long r = socket_get((int)args->a[0], &f, &s);

    if (r != 0)
        return r;
    r = get_user(s, (int)args->a[1], (int)args->a[2], args->a[3], args->a[4]);
    file_put(f);
    return r;
}
