/*
 * conn.c: connections: the pool, what each is doing, and how long it may.
 *
 * Holds: a connection that is not free is in exactly one list, that of its state, in order of its
 * deadline; so the first of each list is the next to expire. epoll reports input always, output
 * only while an answer is stuck.
 */
#include "httpd.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct conn pool[CONN_MAX];
static struct conn *free_list;
static size_t pool_unused;             /* behind the part of the pool that was ever used */
static struct conn lists[CONN_STATES]; /* heads of rings */

static const uint64_t timeouts_ms[CONN_STATES] = {
    [CONN_IDLE] = IDLE_TIMEOUT_MS,
    [CONN_HEADER] = HEADER_TIMEOUT_MS,
    [CONN_SENDING] = SEND_TIMEOUT_MS,
    [CONN_LINGER] = LINGER_TIMEOUT_MS,
};

static size_t pool_count;

void
conn_pool_init(size_t count)
{
    pool_count = count < CONN_MAX ? count : CONN_MAX;
    for (size_t i = 0; i < CONN_STATES; i++)
        lists[i].next = lists[i].prev = &lists[i];
}

bool
conn_pool_empty(void)
{
    return free_list == NULL && pool_unused == pool_count;
}

static void
list_remove(struct conn *c)
{
    c->next->prev = c->prev;
    c->prev->next = c->next;
}

/* Into the list of the state, with a new deadline; also where it is there already. */
static void
set_state(struct conn *c, enum conn_state state)
{
    struct conn *head = &lists[state];

    if (c->state != CONN_FREE)
        list_remove(c);
    c->state = state;
    c->deadline_ms = now_ms + timeouts_ms[state];
    c->next = head;
    c->prev = head->prev;
    head->prev->next = c;
    head->prev = c;
}

static void
conn_close(struct conn *c)
{
    answer_clear(&c->out);
    close(c->fd); /* leaves the epoll set by this */
    list_remove(c);
    c->state = CONN_FREE;
    c->fd = -1;
    c->next = free_list;
    free_list = c;
}

static bool
watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};

    return epoll_ctl(epoll_fd, op, c->fd, &e) == 0;
}

/* The caller has made sure that the pool is not empty. Recently freed ones come first: their memory
 * is warm. */
void
conn_open(int fd)
{
    struct conn *c = free_list;

    if (c != NULL)
        free_list = c->next;
    else
        c = &pool[pool_unused++];
    c->fd = fd;
    c->state = CONN_FREE;
    c->close_after = c->peer_closed = c->waits_for_output = false;
    c->skip = 0;
    c->in_len = c->scanned = 0;
    answer_init(&c->out);
    set_state(c, CONN_HEADER);
    if (!watch(c, EPOLL_CTL_ADD, EPOLLIN))
        conn_close(c);
}

/* Makes room by ending the connection that has been waiting longest for its next request. */
bool
conn_drop_idlest(void)
{
    struct conn *c = lists[CONN_IDLE].next;

    if (c == &lists[CONN_IDLE])
        return false;
    conn_close(c);
    return true;
}

static void
watch_output(struct conn *c, bool output)
{
    if (c->waits_for_output == output)
        return;
    c->waits_for_output = output;
    watch(c, EPOLL_CTL_MOD, output ? EPOLLOUT : EPOLLIN);
}

/* Bytes at the start of the buffer have been dealt with. */
static void
consume(struct conn *c, size_t count)
{
    c->in_len -= count;
    if (c->in_len > 0)
        memmove(c->in, c->in + count, c->in_len);
    c->scanned = 0;
}

/* Drops what belongs to an unwanted body. */
static void
skip_body(struct conn *c)
{
    size_t count = c->skip < c->in_len ? (size_t)c->skip : c->in_len;

    if (count > 0) {
        c->skip -= count;
        consume(c, count);
    }
}

/* An empty line before a request is allowed for old clients' sake. */
static void
skip_empty_lines(struct conn *c)
{
    size_t n = 0;

    while (n < c->in_len && (c->in[n] == '\r' || c->in[n] == '\n'))
        n++;
    if (n > 0)
        consume(c, n);
}

static int
too_long(const struct conn *c)
{
    return memchr(c->in, '\n', c->in_len) == NULL ? 414 : 431;
}

/* Makes the answer to the next request in the buffer. False: there is none yet. */
static bool
next_answer(struct conn *c)
{
    struct request r;
    int status;

    skip_body(c);
    if (c->skip > 0)
        return false;
    skip_empty_lines(c);
    if (c->in_len == 0)
        return false;
    status = request_parse(&r, c->in, c->in_len, &c->scanned);
    if (status == REQUEST_MORE && c->in_len < sizeof(c->in))
        return false;
    if (status == REQUEST_MORE)
        status = too_long(c);
    if (status != 0) {
        answer_error(c, NULL, status, NULL);
        if (options.verbose)
            log_request(c, NULL, status);
        return true;
    }
    answer_request(c, &r);
    c->skip = r.body_len;
    consume(c, r.head_len);
    return true;
}

/*
 * Closing with unread input makes TCP throw away what the other side has not yet read of the
 * answer. So, where more input is to be expected: say that we are done, and take what comes until
 * the other side is done too.
 */
static void
conn_finish(struct conn *c)
{
    if (c->in_len == 0 && c->skip == 0) {
        conn_close(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    set_state(c, CONN_LINGER);
}

static void
linger(struct conn *c)
{
    ssize_t n = read(c->fd, c->in, sizeof(c->in));

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        conn_close(c);
}

/* Sends what is due. False: the connection is gone, or stuck. */
static bool
send_answer(struct conn *c)
{
    bool broken;

    if (answer_send(c, &broken)) {
        answer_clear(&c->out);
        watch_output(c, false);
        if (!c->close_after)
            return true;
        conn_finish(c);
        return false;
    }
    if (broken) {
        conn_close(c);
        return false;
    }
    if (c->state != CONN_SENDING || c->deadline_ms == 0)
        set_state(c, CONN_SENDING);
    watch_output(c, true);
    return false;
}

/* Answers everything that is complete in the buffer. */
static void
serve(struct conn *c)
{
    bool answered = false;

    while (next_answer(c)) {
        if (!send_answer(c))
            return;
        answered = true;
    }
    if (c->peer_closed) {
        conn_close(c);
        return;
    }
    if (c->in_len > 0 || c->skip > 0) {
        if (answered || c->state != CONN_HEADER)
            set_state(c, CONN_HEADER);
    } else {
        set_state(c, CONN_IDLE);
    }
}

static void
receive(struct conn *c)
{
    ssize_t n = read(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_close(c);
        return;
    }
    c->peer_closed = n == 0;
    c->in_len += (size_t)n;
    serve(c);
}

void
conn_event(struct conn *c, uint32_t events)
{
    if (c->state == CONN_FREE)
        return; /* ended by an event before this one */
    if (c->waits_for_output) {
        if (events & (EPOLLERR | EPOLLHUP))
            conn_close(c);
        else if (send_answer(c))
            serve(c);
    } else if (c->state == CONN_LINGER) {
        linger(c);
    } else {
        receive(c);
    }
}

/* Ends what has waited too long. A request that never becomes complete is told so. */
void
conn_expire(void)
{
    for (size_t s = 0; s < CONN_STATES; s++) {
        while (lists[s].next != &lists[s] && lists[s].next->deadline_ms <= now_ms) {
            struct conn *c = lists[s].next;

            if (s == CONN_HEADER && c->in_len > 0) {
                bool broken;

                answer_error(c, NULL, 408, NULL);
                answer_send(c, &broken);
            }
            conn_close(c);
        }
    }
}

/* Milliseconds until conn_expire has something to do; -1: never. */
int
conn_timeout(void)
{
    uint64_t next = UINT64_MAX;

    for (size_t s = 0; s < CONN_STATES; s++)
        if (lists[s].next != &lists[s] && lists[s].next->deadline_ms < next)
            next = lists[s].next->deadline_ms;
    if (next == UINT64_MAX)
        return -1;
    return next > now_ms ? (int)(next - now_ms) : 0;
}
