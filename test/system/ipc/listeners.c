/*
 * listeners.c: several listeners at one address, data that is held back, what waits in either direction: every line is the same on Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS 3
#define CONNECTIONS 30

static struct sockaddr_in address = { .sin_family = AF_INET };

static void
say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
}

static void
nap(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static int
listener(int reuse)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof(address);

    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof(reuse));
    if (bind(fd, (void *)&address, sizeof(address)) != 0 || listen(fd, 40) != 0) {
        close(fd);
        return -1;
    }
    getsockname(fd, (void *)&address, &len);
    return fd;
}

static int
connected(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return connect(fd, (void *)&address, sizeof(address)) == 0 ? fd : -1;
}

/* How many can be accepted within a short while. */
static int
accepted(int fd)
{
    int n = 0;

    while (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 20) == 1)
        close(accept(fd, NULL, NULL)), n++;
    return n;
}

static void
group(void)
{
    int fd[LISTENERS], total = 0, idle = 0, client[CONNECTIONS];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < LISTENERS; i++)
        say("listener", (fd[i] = listener(1)) < 0 ? -1 : 0);
    say("one that does not share", listener(0));
    for (int i = 0; i < CONNECTIONS; i++)
        client[i] = connected();
    for (int i = 0; i < LISTENERS; i++) {
        int n = accepted(fd[i]);

        total += n;
        idle += n == 0;
    }
    printf("%d connections, %d idle\n", total, idle);
    for (int i = 0; i < CONNECTIONS; i++)
        close(client[i]);
    close(fd[0]);
    for (int i = 0; i < CONNECTIONS; i++)
        client[i] = connected();
    total = accepted(fd[1]) + accepted(fd[2]);
    printf("without the first: %d\n", total);
    close(fd[2]);
    close(fd[1]);
    say("without any", connected());
    for (int i = 0; i < CONNECTIONS; i++)
        close(client[i]);
}

/* Datagrams of many senders are spread over those that share the port. */
static void
datagrams(void)
{
    int fd[LISTENERS], on = 1, total = 0, idle = 0;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);

    for (int i = 0; i < LISTENERS; i++) {
        fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(fd[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        say("shared", bind(fd[i], (void *)&a, sizeof(a)));
        getsockname(fd[i], (void *)&a, &len);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        int s = socket(AF_INET, SOCK_DGRAM, 0);

        sendto(s, "x", 1, 0, (void *)&a, sizeof(a));
        close(s);
    }
    for (int i = 0; i < LISTENERS; i++) {
        char c;
        int n = 0;

        while (recv(fd[i], &c, 1, MSG_DONTWAIT) == 1)
            n++;
        total += n;
        idle += n == 0;
        close(fd[i]);
    }
    printf("%d datagrams, %d idle\n", total, idle);
}

static long
got(int fd)
{
    char text[64];

    nap(20);
    return recv(fd, text, sizeof(text), MSG_DONTWAIT);
}

static void
held(void)
{
    int server, client, fd, on = 1, off = 0;

    address.sin_port = 0;
    server = listener(0);
    client = connected();
    fd = accept(server, NULL, NULL);
    say("more", send(client, "a", 1, MSG_MORE));
    say("nothing yet", got(fd));
    say("all", send(client, "bc", 2, 0));
    say("together", got(fd));
    setsockopt(client, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
    say("corked", send(client, "abcd", 4, 0));
    say("corked", send(client, "e", 1, 0));
    say("nothing yet", got(fd));
    setsockopt(client, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    say("uncorked", got(fd));
    setsockopt(client, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
    send(client, "late", 4, 0);
    nap(500);
    say("after a while", got(fd));
    send(client, "end", 3, 0);
    shutdown(client, SHUT_WR);
    say("at the end", got(fd));
    say("and no more", got(fd));
    close(client);
    close(fd);
    close(server);
}

static void
waiting(void)
{
    int pair[2], n = -1;
    char text[100] = { 0 };

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    say("written", write(pair[0], text, 100));
    say("inq", ioctl(pair[1], SIOCINQ, &n));
    printf("%d\n", n);
    say("outq", ioctl(pair[0], SIOCOUTQ, &n));
    printf("%d\n", n >= 100);
    say("read", read(pair[1], text, 100));
    say("outq", ioctl(pair[0], SIOCOUTQ, &n));
    printf("%d\n", n);
}

/* Bound to no name, a socket gets one of its own. */
static void
names(void)
{
    struct sockaddr_un a;
    socklen_t len = sizeof(a);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    a.sun_family = AF_UNIX;
    say("bind to any", bind(fd, (void *)&a, sizeof(a.sun_family)));
    getsockname(fd, (void *)&a, &len);
    printf("%u %d\n", len, a.sun_path[0]);
}

int
main(void)
{
    group();
    datagrams();
    held();
    waiting();
    names();
    return 0;
}
