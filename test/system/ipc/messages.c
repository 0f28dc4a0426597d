/*
 * messages.c: what control messages say of datagrams, UDP-Lite, and options that are kept: every line is the same on Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

static void
say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
}

static void
set(int fd, int level, int name, int value, const char *what)
{
    socklen_t len = sizeof(value);
    long r = setsockopt(fd, level, name, &value, sizeof(value));
    int got = -7;

    printf("%s: %ld %s", what, r, r < 0 ? strerror(errno) : "");
    r = getsockopt(fd, level, name, &got, &len);
    printf(" then %ld %d\n", r, r == 0 ? got : -errno);
}

static int
bound(int family, int protocol, struct sockaddr_storage *a)
{
    struct sockaddr_in *in = (void *)a;
    struct sockaddr_in6 *in6 = (void *)a;
    socklen_t len = sizeof(*a);
    int fd = socket(family, SOCK_DGRAM, protocol);

    memset(a, 0, sizeof(*a));
    a->ss_family = (sa_family_t)family;
    if (family == AF_INET6)
        in6->sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    else
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    say("bind", bind(fd, (void *)a, family == AF_INET6 ? sizeof(*in6) : sizeof(*in)));
    getsockname(fd, (void *)a, &len);
    return fd;
}

/* What the control messages of one received message say. */
static void
receive(int fd, size_t room)
{
    char text[16], control[256], address[64];
    struct iovec v = { text, sizeof(text) };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room };
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    struct timeval now;

    printf("received %zd flags %x control %zu\n", n, m.msg_flags, (size_t)m.msg_controllen);
    gettimeofday(&now, NULL);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        int value = 0;

        printf("  level %d type %d len %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
        if (c->cmsg_level == SOL_SOCKET) {
            time_t when = ((struct timeval *)CMSG_DATA(c))->tv_sec;

            printf(" %s", when >= now.tv_sec - 10 && when <= now.tv_sec ? "now" : "never");
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO && c->cmsg_len == CMSG_LEN(sizeof(struct in_pktinfo))) {
            struct in_pktinfo *i = (void *)CMSG_DATA(c);

            printf(" %d %s", i->ipi_ifindex, inet_ntop(AF_INET, &i->ipi_addr, address, sizeof(address)));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *i = (void *)CMSG_DATA(c);

            printf(" %d %s", i->ipi6_ifindex, inet_ntop(AF_INET6, &i->ipi6_addr, address, sizeof(address)));
        } else if (c->cmsg_len <= CMSG_LEN(sizeof(int))) {
            memcpy(&value, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
            printf(" %d", value);
        }
        printf("\n");
    }
}

static void
send_with(int fd, struct sockaddr_storage *to, int level, int type, const void *data, size_t len)
{
    char control[64] = { 0 };
    struct iovec v = { "hello", 5 };
    struct msghdr m = { .msg_name = to, .msg_namelen = to->ss_family == AF_INET6 ? 28 : 16, .msg_iov = &v, .msg_iovlen = 1,
                        .msg_control = control, .msg_controllen = CMSG_SPACE(len) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    *c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
    memcpy(CMSG_DATA(c), data, len);
    say("sent", sendmsg(fd, &m, 0));
}

static void
ipv4(void)
{
    struct sockaddr_storage a, b;
    int fd = bound(AF_INET, 0, &a), from = bound(AF_INET, 0, &b), value = 9;

    set(fd, IPPROTO_IP, IP_PKTINFO, 1, "pktinfo");
    set(fd, IPPROTO_IP, IP_RECVTTL, 1, "recvttl");
    set(fd, IPPROTO_IP, IP_RECVTOS, 1, "recvtos");
    set(from, IPPROTO_IP, IP_TTL, 33, "ttl");
    set(from, IPPROTO_IP, IP_TTL, 256, "ttl 256");
    set(from, IPPROTO_IP, IP_TTL, -1, "ttl -1");
    set(from, IPPROTO_IP, IP_TOS, 0x10, "tos");
    set(from, IPPROTO_IP, IP_RECVERR, 1, "recverr");
    say("plain", sendto(from, "abc", 3, 0, (void *)&a, 16));
    receive(fd, 256);
    set(fd, SOL_SOCKET, SO_TIMESTAMP, 1, "timestamp");
    send_with(from, &a, IPPROTO_IP, IP_TTL, &value, sizeof(value));
    receive(fd, 256);
    set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "timestampns");
    send_with(from, &a, IPPROTO_IP, IP_TOS, &value, 1);
    receive(fd, 256);
    set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 0, "no timestampns");
    value = 0;
    send_with(from, &a, IPPROTO_IP, IP_TTL, &value, sizeof(value));
    send_with(from, &a, IPPROTO_IP, 99, &value, sizeof(value));
    send_with(from, &a, IPPROTO_IP, IP_TTL, &value, 2);
    say("sent", sendto(from, "abc", 3, 0, (void *)&a, 16));
    receive(fd, CMSG_SPACE(sizeof(struct in_pktinfo)) + 18);
    say("sent", sendto(from, "abc", 3, 0, (void *)&a, 16));
    receive(fd, 20);
    say("sent", sendto(from, "abc", 3, 0, (void *)&a, 16));
    receive(fd, 0);
    close(fd);
    close(from);
}

static void
ipv6(void)
{
    struct sockaddr_storage a, b;
    int fd = bound(AF_INET6, 0, &a), from = bound(AF_INET6, 0, &b), value = 9;

    set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "pktinfo");
    set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "recvhoplimit");
    set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "recvtclass");
    set(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33, "hops");
    set(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 300, "hops 300");
    set(from, IPPROTO_IPV6, IPV6_TCLASS, 0x20, "tclass");
    say("plain", sendto(from, "abc", 3, 0, (void *)&a, 28));
    receive(fd, 256);
    send_with(from, &a, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, sizeof(value));
    receive(fd, 256);
    send_with(from, &a, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
    receive(fd, 256);
    value = 256;
    send_with(from, &a, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, sizeof(value));
    close(fd);
    close(from);
}

static void
lite(int family)
{
    struct sockaddr_storage a, b;
    int fd = bound(family, IPPROTO_UDPLITE, &a), from = bound(family, IPPROTO_UDPLITE, &b), value = 0;
    socklen_t len = sizeof(value);
    char text[16];

    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len);
    printf("protocol %d\n", value);
    set(from, IPPROTO_UDPLITE, 10, 20, "send coverage");
    set(fd, IPPROTO_UDPLITE, 11, 3, "receive coverage");
    set(fd, IPPROTO_UDPLITE, 77, 3, "what");
    say("connect", connect(from, (void *)&a, family == AF_INET6 ? 28 : 16));
    say("send", send(from, "lite", 4, 0));
    say("received", recv(fd, text, sizeof(text), MSG_DONTWAIT));
    close(fd);
    close(from);
}

static void
streams(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    set(fd, IPPROTO_TCP, TCP_CORK, 1, "cork");
    set(fd, IPPROTO_TCP, TCP_CORK, 0, "no cork");
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, "user timeout");
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1, "user timeout -1");
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 100, "keepidle");
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10, "keepintvl");
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 5, "keepcnt");
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 0, "keepcnt 0");
    set(fd, IPPROTO_TCP, TCP_SYNCNT, 3, "syncnt");
    set(fd, IPPROTO_TCP, TCP_SYNCNT, 300, "syncnt 300");
    set(fd, IPPROTO_TCP, TCP_LINGER2, 20, "linger2");
    set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, "defer accept");
    set(fd, IPPROTO_TCP, TCP_QUICKACK, 1, "quickack");
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1, "nodelay");
    set(fd, IPPROTO_TCP, 9999, 1, "what");
    set(fd, SOL_SOCKET, SO_REUSEPORT, 1, "reuseport");
    set(fd, SOL_SOCKET, SO_PRIORITY, 5, "priority");
    set(fd, SOL_SOCKET, SO_OOBINLINE, 1, "oobinline");
    set(fd, SOL_SOCKET, SO_DONTROUTE, 1, "dontroute");
    set(fd, SOL_SOCKET, SO_DEBUG, 1, "debug");
    set(fd, SOL_SOCKET, SO_RCVLOWAT, 17, "rcvlowat");
    set(fd, SOL_SOCKET, SO_SNDLOWAT, 17, "sndlowat");
    set(fd, SOL_SOCKET, SO_MARK, 17, "mark");
    set(fd, SOL_SOCKET, 9999, 17, "what");
    close(fd);
}

int
main(void)
{
    ipv4();
    ipv6();
    lite(AF_INET);
    lite(AF_INET6);
    streams();
    return 0;
}
