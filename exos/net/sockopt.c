/* sockopt.c: SOL_SOCKET options whose value is an int (Linux include/uapi/asm-generic/socket.h). */
#include "ipc/scm.h"
#include "net/sock.h"

#define SOL_SOCKET_ 1

enum {
    SO_DEBUG_ = 1, SO_REUSEADDR_ = 2, SO_TYPE_ = 3, SO_ERROR_ = 4, SO_DONTROUTE_ = 5, SO_BROADCAST_ = 6, SO_SNDBUF_ = 7, SO_RCVBUF_ = 8,
    SO_KEEPALIVE_ = 9, SO_OOBINLINE_ = 10, SO_NO_CHECK_ = 11, SO_PRIORITY_ = 12, SO_REUSEPORT_ = 15, SO_PASSCRED_ = 16, SO_RCVLOWAT_ = 18, SO_SNDLOWAT_ = 19,
    SO_TIMESTAMP_ = 29, SO_TIMESTAMPNS_ = 35, SO_ACCEPTCONN_ = 30, SO_SNDBUFFORCE_ = 32, SO_RCVBUFFORCE_ = 33, SO_PROTOCOL_ = 38, SO_DOMAIN_ = 39,
    SO_MARK_ = 36, SO_RXQ_OVFL_ = 40, SO_BUSY_POLL_ = 46, SO_INCOMING_CPU_ = 49,
};

/* Linux doubles what is asked for, to cover its overhead, and reports the double. */
static uint32_t
buffer_size(int value)
{
    uint32_t asked = value < 0 ? 0 : (uint32_t)MIN(value, SOCK_BUFFER_ASKED_MAX);

    return MAX(2 * asked, SOCK_BUFFER_MIN);
}

/* What is remembered and told, and changes nothing. */
static const struct {
    uint8_t name;
    bool is_flag;
    int limit;                  /* more is the superuser's */
} kept[SOCK_KEPT] = {
    { SO_DEBUG_, true, 0 }, { SO_DONTROUTE_, true, 1 }, { SO_OOBINLINE_, true, 1 }, { SO_NO_CHECK_, true, 1 }, { SO_PRIORITY_, false, 6 },
    { SO_MARK_, false, -1 }, { SO_RXQ_OVFL_, true, 1 }, { SO_BUSY_POLL_, false, 0 },
};

static int
kept_index(int name)
{
    for (int i = 0; i < (int)SOCK_KEPT; i++)
        if (kept[i].name == name)
            return i;
    return -1;
}

static int
set_kept(struct sock *s, int name, int value)
{
    int i = kept_index(name);

    if (i < 0)
        return -ENOPROTOOPT;
    if (kept[i].is_flag)
        value = value != 0;
    if ((value > kept[i].limit || value < 0) && cred_current().uid != 0)
        return kept[i].is_flag ? -EACCES : -EPERM;
    s->kept[i] = value;
    return 0;
}

static int
get_kept(const struct sock *s, int name, int *value)
{
    int i = kept_index(name);

    if (i < 0)
        return -ENOPROTOOPT;
    *value = s->kept[i];
    return 0;
}

static int
set_common(struct sock *s, int name, int value)
{
    switch (name) {
    case SO_REUSEADDR_:
        s->reuse_addr = value != 0;
        return 0;
    case SO_KEEPALIVE_:
        s->keepalive = value != 0;
        return 0;
    case SO_BROADCAST_:
        s->broadcast = value != 0;
        return 0;
    case SO_PASSCRED_:
        s->passcred = value != 0;
        return 0;
    case SO_REUSEPORT_:
        sock_want(s, SOCK_SHARES_PORT, value != 0);
        return 0;
    case SO_RCVLOWAT_:          /* told, and reads wait for one byte all the same */
        s->rcvlowat = value < 0 ? INT32_MAX : (uint32_t)value;
        return 0;
    case SO_TIMESTAMP_:
    case SO_TIMESTAMPNS_:
        sock_want(s, SOCK_WANT_TIME | SOCK_WANT_TIME_NS, false);
        sock_want(s, name == SO_TIMESTAMP_ ? SOCK_WANT_TIME : SOCK_WANT_TIME_NS, value != 0);
        return 0;
    case SO_SNDBUF_:
    case SO_SNDBUFFORCE_:
        s->sndbuf = buffer_size(value);
        return 0;
    case SO_RCVBUF_:
    case SO_RCVBUFFORCE_:
        s->rcvbuf = buffer_size(value);
        return 0;
    case SO_TYPE_:
    case SO_ERROR_:
    case SO_PROTOCOL_:
    case SO_DOMAIN_:
    case SO_ACCEPTCONN_:
        return -ENOPROTOOPT;
    case SO_INCOMING_CPU_:
        return 0;
    default:
        return set_kept(s, name, value);
    }
}

int
sock_set_int(struct sock *s, int level, int name, int value)
{
    int err;

    if (level != SOL_SOCKET_)
        return s->ops->set_option != NULL ? s->ops->set_option(s, level, name, value) : -ENOPROTOOPT;
    err = set_common(s, name, value);
    if (err == 0 && s->ops->option_changed != NULL)
        s->ops->option_changed(s);
    return err;
}

static int
get_common(struct sock *s, int name, int *value)
{
    switch (name) {
    case SO_REUSEADDR_:  *value = s->reuse_addr; return 0;
    case SO_KEEPALIVE_:  *value = s->keepalive; return 0;
    case SO_BROADCAST_:  *value = s->broadcast; return 0;
    case SO_REUSEPORT_:  *value = (s->want & SOCK_SHARES_PORT) != 0; return 0;
    case SO_TIMESTAMP_:  *value = (s->want & SOCK_WANT_TIME) != 0; return 0;
    case SO_TIMESTAMPNS_: *value = (s->want & SOCK_WANT_TIME_NS) != 0; return 0;
    case SO_PASSCRED_:   *value = s->passcred; return 0;
    case SO_SNDBUF_:     *value = (int)s->sndbuf; return 0;
    case SO_RCVBUF_:     *value = (int)s->rcvbuf; return 0;
    case SO_TYPE_:       *value = s->type; return 0;
    case SO_DOMAIN_:     *value = s->family; return 0;
    case SO_PROTOCOL_:   *value = s->protocol; return 0;
    case SO_ERROR_:      *value = -sock_take_error(s); return 0;
    case SO_RCVLOWAT_:   *value = (int)MAX(s->rcvlowat, 1u); return 0;
    case SO_SNDLOWAT_:   *value = 1; return 0;
    case SO_ACCEPTCONN_: *value = s->ops->accept != NULL && (s->ops->poll(s) & (READY_OUT | READY_HUP)) == 0; return 0;
    case SO_INCOMING_CPU_: *value = 0; return 0;
    default:             return get_kept(s, name, value);
    }
}

int
sock_get_int(struct sock *s, int level, int name, int *value)
{
    if (level == SOL_SOCKET_)
        return get_common(s, name, value);
    return s->ops->get_option != NULL ? s->ops->get_option(s, level, name, value) : -ENOPROTOOPT;
}
