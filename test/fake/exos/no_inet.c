/* no_inet.c: a session without the network: its sockets are UNIX ones. */
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
