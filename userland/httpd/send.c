/*
 * send.c: an answer onto its socket, as far as it goes.
 */
#include "httpd.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Header and memory body in one call; a file's header waits for the file's first bytes. */
static ssize_t
send_memory(struct conn *c)
{
    struct answer *a = &c->out;
    struct iovec v[2] = {
        {a->head + a->head_at, a->head_len - a->head_at},
        {(void *)(a->body + a->body_at), a->body_len - a->body_at},
    };
    struct msghdr m = {.msg_iov = v, .msg_iovlen = v[1].iov_len > 0 ? 2 : 1};
    ssize_t n;

    if (v[0].iov_len == 0)
        n = send(c->fd, v[1].iov_base, v[1].iov_len, MSG_NOSIGNAL);
    else if (v[1].iov_len == 0)
        n = send(c->fd, v[0].iov_base, v[0].iov_len, MSG_NOSIGNAL | (a->file >= 0 ? MSG_MORE : 0));
    else
        n = sendmsg(c->fd, &m, MSG_NOSIGNAL);
    if (n > 0) {
        size_t head = (size_t)n < v[0].iov_len ? (size_t)n : v[0].iov_len;

        a->head_at += head;
        a->body_at += (size_t)n - head;
    }
    return n;
}

/* Through a buffer, where the system has no sendfile. */
static ssize_t
copy_file(struct conn *c, size_t count)
{
    static char buf[COPY_BYTES];
    ssize_t n = pread(c->out.file, buf, count < sizeof(buf) ? count : sizeof(buf), c->out.file_at);

    if (n > 0) {
        n = send(c->fd, buf, (size_t)n, MSG_NOSIGNAL);
        if (n > 0)
            c->out.file_at += n;
    }
    return n;
}

static ssize_t
send_file(struct conn *c)
{
    static bool no_sendfile;
    size_t count = (size_t)(c->out.file_end - c->out.file_at);
    ssize_t n = -1;

    if (count > SEND_CHUNK)
        count = SEND_CHUNK;
    if (!no_sendfile) {
        n = sendfile(c->fd, c->out.file, &c->out.file_at, count);
        no_sendfile = n < 0 && (errno == ENOSYS || errno == EINVAL);
    }
    if (no_sendfile)
        n = copy_file(c, count);
    if (n == 0) /* the file has become shorter than we promised */
        errno = EIO;
    return n > 0 ? n : -1;
}

/* False with *broken: the other side is gone, or the file is. */
bool
answer_send(struct conn *c, bool *broken)
{
    const struct answer *a = &c->out;
    size_t budget = 4 * SEND_CHUNK; /* then others get their turn */

    *broken = false;
    while (a->head_at < a->head_len || a->body_at < a->body_len || a->file_at < a->file_end) {
        bool memory = a->head_at < a->head_len || a->body_at < a->body_len;
        ssize_t n = memory ? send_memory(c) : send_file(c);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *broken = errno != EAGAIN;
            return false;
        }
        c->deadline_ms = 0; /* progress: the time starts anew */
        if ((size_t)n >= budget)
            return false;
        budget -= (size_t)n;
    }
    return true;
}
