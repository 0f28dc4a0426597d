/*
 * loop.c: waiting for whatever happens next, and taking new connections.
 */
#include "httpd.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

uint64_t now_ms;
int epoll_fd = -1;

static bool accepting;

static void
update_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
accept_watch(int listener, bool on)
{
    struct epoll_event e = {.events = on ? EPOLLIN : 0, .data.ptr = NULL};

    if (accepting == on)
        return;
    accepting = on;
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, listener, &e);
}

/* With the pool full and nobody idle, new connections wait until one ends. */
static void
accept_some(int listener)
{
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd;

        if (conn_pool_empty() && !conn_drop_idlest()) {
            accept_watch(listener, false);
            return;
        }
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if ((errno == EMFILE || errno == ENFILE) && !conn_drop_idlest())
                accept_watch(listener, false);
            return;
        }
        conn_open(fd);
    }
}

/* One line per request on standard error. */
void
log_request(const struct conn *c, const struct request *r, int status)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    const unsigned char *ip = (const unsigned char *)&peer.sin_addr;
    char line[256];
    int n;

    if (getpeername(c->fd, (struct sockaddr *)&peer, &len) < 0 || peer.sin_family != AF_INET)
        memset(&peer, 0, sizeof(peer));
    n = snprintf(line, sizeof(line), "%d.%d.%d.%d %d %.*s %.*s\n", ip[0], ip[1], ip[2], ip[3],
        status, r != NULL ? (int)(r->method_name.len < 16 ? r->method_name.len : 16) : 1,
        r != NULL ? r->method_name.p : "-",
        r != NULL ? (int)(r->target.len < 160 ? r->target.len : 160) : 1,
        r != NULL ? r->target.p : "-");
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        options.verbose = false;
}

static void
handle(int listener, const struct epoll_event *events, int count)
{
    bool arrivals = false;

    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            arrivals = true;
        else
            conn_event(events[i].data.ptr, events[i].events);
    }
    conn_expire();
    if (arrivals)
        accept_some(listener);
    else if (!accepting && !conn_pool_empty())
        accept_watch(listener, true);
}

/* Serves until the process is ended. New connections come last in each round, so that no event is
 * for a connection just reused. */
void
loop_run(int listener)
{
    struct epoll_event listen_event = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event events[EVENTS_MAX];

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &listen_event) < 0) {
        fprintf(stderr, "httpd: cannot wait for connections: %s\n", strerror(errno));
        exit(1);
    }
    accepting = true;
    update_clock();
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS_MAX, conn_timeout());

        update_clock();
        if (n < 0 && errno != EINTR) {
            fprintf(stderr, "httpd: cannot wait for events: %s\n", strerror(errno));
            exit(1);
        }
        handle(listener, events, n);
    }
}
