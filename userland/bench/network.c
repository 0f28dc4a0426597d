/*
 * network.c: datagrams and streams on the loopback, alone and between two processes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define MESSAGE 64

static bool
bind_loopback(int fd, struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);

    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return bind(fd, (struct sockaddr *)address, size) == 0 && getsockname(fd, (struct sockaddr *)address, &size) == 0;
}

/* A socket of the loopback, connected to itself. */
static int
datagram_socket(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return fd >= 0 && bind_loopback(fd, address) ? fd : -1;
}

static bool
self_datagrams(void *arg, uint64_t n)
{
    int fd = *(int *)arg;
    char message[MESSAGE] = "m";
    struct sockaddr_in own;
    socklen_t size = sizeof(own);
    bool good = getsockname(fd, (struct sockaddr *)&own, &size) == 0;

    while (n--) {
        good &= sendto(fd, message, MESSAGE, 0, (struct sockaddr *)&own, sizeof(own)) == MESSAGE;
        good &= recv(fd, message, MESSAGE, 0) == MESSAGE;
    }
    return good && message[0] == 'm';
}

enum verdict
row_udp_self(struct meter *m)
{
    struct sockaddr_in own;
    int fd = datagram_socket(&own);

    return fd >= 0 ? meter_run(m, self_datagrams, &fd) : FAILED;
}

/* ---- between two processes ---- */

static bool
echo(int in, int out)
{
    char message[MESSAGE];

    (void)out;
    return recv(in, message, MESSAGE, MSG_WAITALL) == MESSAGE && send(in, message, MESSAGE, 0) == MESSAGE;
}

static bool
pongs(void *arg, uint64_t n)
{
    int fd = *(int *)arg;
    char message[MESSAGE] = "m";
    bool good = true;

    while (n--) {
        good &= send(fd, message, MESSAGE, 0) == MESSAGE;
        good &= recv(fd, message, MESSAGE, MSG_WAITALL) == MESSAGE;
    }
    return good && message[0] == 'm';
}

static enum verdict
pong_row(struct meter *m, int ours, int theirs)
{
    int pid = partner_start(echo, theirs, theirs);
    enum verdict v = pid > 0 ? meter_run(m, pongs, &ours) : FAILED;

    partner_end(pid);
    return v;
}

enum verdict
row_udp_pong(struct meter *m)
{
    struct sockaddr_in a, b;
    int ours = datagram_socket(&a), theirs = datagram_socket(&b);

    if (ours < 0 || theirs < 0 || connect(ours, (struct sockaddr *)&b, sizeof(b)) != 0 ||
        connect(theirs, (struct sockaddr *)&a, sizeof(a)) != 0)
        return FAILED;
    return pong_row(m, ours, theirs);
}

enum verdict
row_tcp_pong(struct meter *m)
{
    struct sockaddr_in address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), ours = socket(AF_INET, SOCK_STREAM, 0), theirs, on = 1;

    if (listener < 0 || ours < 0 || !bind_loopback(listener, &address) || listen(listener, 1) != 0 ||
        connect(ours, (struct sockaddr *)&address, sizeof(address)) != 0)
        return FAILED;
    theirs = accept(listener, NULL, NULL);
    if (theirs < 0 || setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(theirs, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        return FAILED;
    return pong_row(m, ours, theirs);
}
