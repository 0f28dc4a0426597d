/*
 * redir.c: what the descriptors 0 to 9 mean to a command.
 *
 * Holds: every file opened here is close-on-exec and closed again by redir_end; a program gets it
 * through its fd map.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void
fdview_init(struct fdview *v)
{
    for (int i = 0; i < FD_VIEW_COUNT; i++)
        v->fd[i] = fcntl(i, F_GETFD) >= 0 ? i : -1;
}

static int
open_flags(enum redir_kind kind)
{
    switch (kind) {
    case R_IN: return O_RDONLY;
    case R_APPEND: return O_WRONLY | O_CREAT | O_APPEND;
    case R_INOUT: return O_RDWR | O_CREAT;
    default: return O_WRONLY | O_CREAT | O_TRUNC;
    }
}

/* N>&M, N>&- */
static bool
redir_dup(struct redirected *r, int fd, const char *target)
{
    int from = target[0] - '0';

    if (strcmp(target, "-") == 0) {
        r->view.fd[fd] = -1;
        return true;
    }
    if (target[0] < '0' || target[0] > '9' || target[1] != '\0' || r->view.fd[from] < 0) {
        complain("%s: not an open descriptor", target);
        return false;
    }
    r->view.fd[fd] = r->view.fd[from];
    return true;
}

static bool
redir_open(struct redirected *r, const struct redir *d, const char *target)
{
    int fd;

    if (r->opened_count == REDIR_MAX) {
        complain("more than %d redirections of one command", REDIR_MAX);
        return false;
    }
    fd = open(target, open_flags(d->kind) | O_CLOEXEC, 0666);
    if (fd < 0) {
        complain("cannot %s %s: %s", d->kind == R_IN ? "open" : "create", target, strerror(errno));
        return false;
    }
    r->opened[r->opened_count++] = fd;
    r->view.fd[d->fd] = fd;
    if (d->kind == R_BOTH)
        r->view.fd[STDERR_FILENO] = fd;
    return true;
}

/* Makes r->view from base and the redirections. False after a message; then nothing is left open.
 */
bool
redir_begin(struct redirected *r, const struct redir *list, const struct fdview *base)
{
    r->view = *base;
    r->opened_count = 0;
    for (const struct redir *d = list; d != NULL; d = d->next) {
        const char *target = expand_string(d->target.text, d->target.len);
        bool dup = d->kind == R_DUP_IN || d->kind == R_DUP_OUT;

        if (target == NULL || !(dup ? redir_dup(r, d->fd, target) : redir_open(r, d, target))) {
            redir_end(r);
            return false;
        }
    }
    return true;
}

void
redir_end(struct redirected *r)
{
    while (r->opened_count > 0)
        close(r->opened[--r->opened_count]);
}

/* Writes to what a user's descriptor means now. False where that fails; errno says why. */
bool
fd_write(int user_fd, const char *p, size_t len)
{
    int fd = sh.view->fd[user_fd];

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return true;
}
