/* no_inet.c: a session without the network: its sockets are UNIX ones. */
#include "abi/net_scm.h"
#include "net/netlink.h"
#include "net/sock.h"

int
tcp_sock_create(int family, struct sock **out)
{
    (void)family;
    (void)out;
    return -EAFNOSUPPORT;
}

int
dgram_sock_create(int family, int type, int protocol, struct sock **out)
{
    (void)family;
    (void)type;
    (void)protocol;
    (void)out;
    return -EAFNOSUPPORT;
}

int
netlink_sock_create(int type, int protocol, struct sock **out)
{
    (void)type;
    (void)protocol;
    (void)out;
    return -EAFNOSUPPORT;
}

long
sock_interface_ioctl(unsigned cmd, uint64_t arg)
{
    (void)cmd;
    (void)arg;
    return -ENOTTY;
}

int
meta_in(struct sock_meta *meta, const struct sock *s, int32_t level, int32_t type, const void *data, uint64_t len)
{
    (void)meta;
    (void)s;
    (void)level;
    (void)type;
    (void)data;
    (void)len;
    return -EINVAL;
}

void
meta_out(struct control *c, const struct sock *s, const struct sock_meta *meta)
{
    (void)c;
    (void)s;
    (void)meta;
}
