/*
 * ipc.c: pipes, socket pairs, eventfds, yields and readiness, alone and between two processes.
 */
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* What a ping-pong's caller and partner use: the caller writes to[1] and reads from[0]. */
struct wires {
    int to[2], from[2];
    size_t length;
};

static bool
self_pipes(void *arg, uint64_t n)
{
    int *ends = arg;
    char byte = 'p';
    ssize_t moved = 0, want = 2 * (ssize_t)n;

    while (n--) {
        moved += write(ends[1], &byte, 1);
        moved += read(ends[0], &byte, 1);
    }
    return moved == want && byte == 'p';
}

enum verdict
row_pipe_self(struct meter *m)
{
    int ends[2];

    return pipe(ends) == 0 ? meter_run(m, self_pipes, ends) : FAILED;
}

/* ---- ping-pongs by descriptors ---- */

static bool
echo_byte(int in, int out)
{
    char byte;

    return read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1;
}

static bool
echo_count(int in, int out)
{
    uint64_t n;

    return read(in, &n, sizeof(n)) == sizeof(n) && write(out, &n, sizeof(n)) == sizeof(n);
}

static bool
pongs(void *arg, uint64_t n)
{
    struct wires *w = arg;
    uint64_t ball = 1;
    bool good = true;

    while (n--) {
        good &= write(w->to[1], &ball, w->length) == (ssize_t)w->length;
        good &= read(w->from[0], &ball, w->length) == (ssize_t)w->length;
    }
    return good && ball == 1;
}

static enum verdict
pong_row(struct meter *m, struct wires *w, serve_fn *serve)
{
    int pid = partner_start(serve, w->to[0], w->from[1]);
    enum verdict v = pid > 0 ? meter_run(m, pongs, w) : FAILED;

    partner_end(pid);
    return v;
}

enum verdict
row_pipe_pong(struct meter *m)
{
    struct wires w = { .length = 1 };

    return pipe(w.to) == 0 && pipe(w.from) == 0 ? pong_row(m, &w, echo_byte) : FAILED;
}

enum verdict
row_unix_pong(struct meter *m)
{
    struct wires w = { .length = 1 };
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return FAILED;
    w.to[1] = w.from[0] = pair[0];
    w.to[0] = w.from[1] = pair[1];
    return pong_row(m, &w, echo_byte);
}

enum verdict
row_eventfd_pong(struct meter *m)
{
    struct wires w = { .length = sizeof(uint64_t) };

    w.to[0] = w.to[1] = eventfd(0, 0);
    w.from[0] = w.from[1] = eventfd(0, 0);
    return w.to[0] >= 0 && w.from[0] >= 0 ? pong_row(m, &w, echo_count) : FAILED;
}

/* ---- yields ---- */

static bool
yield_for_ever(int in, int out)
{
    (void)in;
    (void)out;
    return sched_yield() == 0;
}

static bool
yields(void *arg, uint64_t n)
{
    int err = 0;

    (void)arg;
    while (n--)
        err |= sched_yield();
    return err == 0;
}

enum verdict
row_yield_pong(struct meter *m)
{
    int pid = partner_start(yield_for_ever, -1, -1);
    enum verdict v = pid > 0 ? meter_run(m, yields, NULL) : FAILED;

    partner_end(pid);
    return v;
}

/* ---- readiness ---- */

static bool
waits(void *arg, uint64_t n)
{
    struct epoll_event e = { 0 };
    uint64_t want = n, got = 0;

    while (n--)
        got += (uint64_t)epoll_wait(*(int *)arg, &e, 1, -1);
    return got == want && e.events == EPOLLIN;
}

enum verdict
row_epoll_ready(struct meter *m)
{
    struct epoll_event e = { .events = EPOLLIN };
    int counter = eventfd(1, 0), watch = epoll_create1(0);

    if (counter < 0 || watch < 0 || epoll_ctl(watch, EPOLL_CTL_ADD, counter, &e) != 0)
        return FAILED;
    return meter_run(m, waits, &watch);
}
