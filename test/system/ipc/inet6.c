/* inet6.c: sockets of AF_INET6 on the loopback: what each call answers, to be compared with what Linux prints (inet6.txt). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7777

static struct sockaddr_in6 own = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
static char buffer[8];

static void
say(const char *what, long result)
{
    printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
}

static void
say_address(const char *what, const struct sockaddr_in6 *a, socklen_t len)
{
    char text[INET6_ADDRSTRLEN];

    printf("%s: %u %s\n", what, len, inet_ntop(AF_INET6, &a->sin6_addr, text, sizeof(text)));
}

static int
bound(int type, struct sockaddr_in6 *a)
{
    socklen_t len = sizeof(*a);
    int fd = socket(AF_INET6, type, 0);

    say("bind", bind(fd, (struct sockaddr *)a, sizeof(*a)));
    getsockname(fd, (struct sockaddr *)a, &len);
    say_address("to", a, len);
    return fd;
}

static void
stream(void)
{
    struct sockaddr_in6 a = own, peer;
    socklen_t len = sizeof(peer);
    int server = bound(SOCK_STREAM, &a), client = socket(AF_INET6, SOCK_STREAM, 0), got;

    say("listen", listen(server, 5));
    say("connect", connect(client, (struct sockaddr *)&a, sizeof(a)));
    got = accept(server, (struct sockaddr *)&peer, &len);
    say_address("from", &peer, len);
    say("sent", write(client, "hi", 2));
    say("received", read(got, buffer, sizeof(buffer)));
    len = sizeof(peer);
    getpeername(client, (struct sockaddr *)&peer, &len);
    say("the same port", peer.sin6_port == a.sin6_port);
}

static void
both_families(void)
{
    struct sockaddr_in6 any = { .sin6_family = AF_INET6 }, peer;
    int server = bound(SOCK_STREAM, &any), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = any.sin6_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(peer);

    say("listen", listen(server, 5));
    say("connect by IPv4", connect(client, (struct sockaddr *)&a, sizeof(a)));
    (void)accept(server, (struct sockaddr *)&peer, &len);
    say_address("from", &peer, len);
}

static void
one_family_each(void)
{
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
    struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    int on = 1, six = socket(AF_INET6, SOCK_STREAM, 0), four = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof(any);

    setsockopt(six, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(four, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    say("V6ONLY", setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)));
    say("bind IPv4", bind(four, (struct sockaddr *)&any4, sizeof(any4)));
    say("bind IPv6", bind(six, (struct sockaddr *)&any, sizeof(any)));
    say("listen", listen(four, 5) + listen(six, 5));
    getsockname(six, (struct sockaddr *)&any, &len);
    say_address("name", &any, len);
}

static void
datagrams(void)
{
    struct sockaddr_in6 a = own, peer;
    socklen_t len = sizeof(peer);
    int server = bound(SOCK_DGRAM, &a), client = socket(AF_INET6, SOCK_DGRAM, 0);

    say("sent", sendto(client, "abc", 3, 0, (struct sockaddr *)&a, sizeof(a)));
    say("received", recvfrom(server, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &len));
    say_address("from", &peer, len);
}

static void
mistakes(void)
{
    struct sockaddr_in6 far = { .sin6_family = AF_INET6, .sin6_port = htons(80) }, a = own;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);

    inet_pton(AF_INET6, "2001:db8::1", &far.sin6_addr);
    say("beyond the loopback", connect(fd, (struct sockaddr *)&far, sizeof(far)));
    say("not ours", bind(fd, (struct sockaddr *)&far, sizeof(far)));
    say("too short", bind(fd, (struct sockaddr *)&a, 16));
    a.sin6_port = htons(9);
    say("nobody listens", connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

int
main(void)
{
    stream();
    both_families();
    one_family_each();
    datagrams();
    mistakes();
    return 0;
}
