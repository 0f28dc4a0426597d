/*
 * pipeline.c: several processes at once: pipelines, subshells, and everything in the background.
 *
 * A member that is a program is started directly. Everything else is text for another shell, so
 * that no member ever waits for one that has not been started yet.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <exos/spawn.h>

struct pipeline {
    struct job *job;
    bool background;
    int status; /* of the last member, when it could not be started */
};

static struct launch
launch_for(const struct pipeline *pl, const struct fdview *view)
{
    struct launch l = {.view = view};

    if (!sh.interactive)
        return l;
    if (pl->job->count > 0)
        l.group = pl->job->group;
    else
        l.flags = EXOS_SPAWN_NEWPGRP | (pl->background ? 0 : EXOS_SPAWN_FOREGROUND);
    return l;
}

/* Expanded words as text that another shell reads as the same words. */
static pid_t
start_words(char **argv, const struct launch *l, int *status)
{
    struct str text = {0};
    pid_t pid;

    for (; *argv != NULL; argv++) {
        str_put_quoted(&text, *argv);
        str_putc(&text, ' ');
    }
    pid = subshell_start(text.p, text.len, l, status);
    str_free(&text);
    return pid;
}

static pid_t
start_simple(const struct node *n, const struct launch *l, int *status)
{
    const struct fdview *before = sh.view;
    struct list words = {0};
    struct redirected r;
    struct launch own = *l;
    pid_t pid = -1;

    if (n->words == NULL || n->assigns != NULL)
        return subshell_start(n->src, n->src_len, l, status);
    *status = 1;
    if (!expand_words(n->words, &words) || !redir_begin(&r, n->redirs, l->view))
        return -1;
    own.view = &r.view;
    sh.view = &r.view; /* for messages */
    if (words.n == 0)
        *status = 0;
    else if (func_find(words.v[0]) != NULL || builtin_find(words.v[0]) != NULL)
        pid = start_words(words.v, &own, status);
    else
        pid = launch_program(words.v, &own, status);
    sh.view = before;
    redir_end(&r);
    return pid;
}

/* The text of ( ) without the parentheses would not need a second subshell, but its redirections
 * stand behind them. */
static pid_t
start_subshell(const struct node *n, const struct launch *l, int *status)
{
    struct redirected r;
    struct launch own = *l;
    pid_t pid;

    *status = 1;
    if (!redir_begin(&r, n->redirs, l->view))
        return -1;
    own.view = &r.view;
    pid = subshell_start(n->a->src, n->a->src_len, &own, status);
    redir_end(&r);
    return pid;
}

static void
start_member(struct pipeline *pl, const struct node *n, const struct fdview *view)
{
    struct arena_mark mark = arena_mark(&sh.words);
    struct launch l = launch_for(pl, view);
    pid_t pid;

    pl->status = 0;
    if (n->kind == N_SIMPLE)
        pid = start_simple(n, &l, &pl->status);
    else if (n->kind == N_SUBSHELL)
        pid = start_subshell(n, &l, &pl->status);
    else
        pid = subshell_start(n->src, n->src_len, &l, &pl->status);
    arena_release(&sh.words, mark);
    if (pid > 0)
        job_add(pl->job, pid);
}

/* True when the last member could be started, so that the job's status is the pipeline's. */
static bool
start_members(struct pipeline *pl, const struct node *first, const struct fdview *base)
{
    struct fdview view = *base;
    int carry = -1; /* the reading end of the pipe from the member before */
    size_t before = 0;

    for (const struct node *n = first; n != NULL; n = n->next) {
        int fds[2] = {-1, -1};

        if (n->next != NULL && pipe2(fds, O_CLOEXEC) < 0) {
            complain("cannot make a pipe: %s", strerror(errno));
            pl->status = 1;
            break;
        }
        view.fd[STDIN_FILENO] = carry >= 0 ? carry : base->fd[STDIN_FILENO];
        view.fd[STDOUT_FILENO] = fds[1] >= 0 ? fds[1] : base->fd[STDOUT_FILENO];
        before = pl->job->count;
        start_member(pl, n, &view);
        if (carry >= 0)
            close(carry);
        if (fds[1] >= 0)
            close(fds[1]);
        carry = fds[0];
    }
    if (carry >= 0)
        close(carry);
    return pl->job->count > before;
}

static size_t
member_count(const struct node *n)
{
    size_t count = 0;

    for (const struct node *m = n->kind == N_PIPE ? n->a : NULL; m != NULL; m = m->next)
        count++;
    return count;
}

static void
announce(const struct job *job)
{
    struct str line = {0};

    if (!sh.interactive)
        return;
    str_putc(&line, '[');
    str_put_number(&line, job->id);
    str_puts(&line, "] ");
    str_put_number(&line, job->group);
    str_putc(&line, '\n');
    fd_write(STDERR_FILENO, line.p, line.len);
    str_free(&line);
}

static int
finish(struct pipeline *pl, bool last_started)
{
    int status;

    if (pl->job->count == 0) {
        job_forget(pl->job);
        terminal_take();
        return pl->status;
    }
    if (pl->background) {
        sh.last_background = pl->job->pids[pl->job->count - 1];
        announce(pl->job);
        return 0;
    }
    status = job_wait(pl->job);
    terminal_take();
    return last_started ? status : pl->status;
}

/* A job in the background of a shell that nobody types to does not read its input. */
static int
background_input(struct fdview *view)
{
    int null = -1;

    if (!sh.interactive)
        null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        view->fd[STDIN_FILENO] = null;
    return null;
}

/* n is a pipeline, a subshell, or, in the background, anything. */
int
exec_pipeline(const struct node *n, bool background)
{
    struct pipeline pl = {.background = background};
    struct fdview view = *sh.view;
    int null = background ? background_input(&view) : -1;
    bool last_started;

    if (member_count(n) > PIPE_STAGES_MAX) {
        complain("more than %d commands in a pipeline", PIPE_STAGES_MAX);
        pl.status = 1;
    } else {
        pl.job = job_new(n->src, n->src_len);
    }
    if (pl.job == NULL) {
        if (null >= 0)
            close(null);
        return 1;
    }
    if (n->kind == N_PIPE) {
        last_started = start_members(&pl, n->a, &view);
    } else {
        start_member(&pl, n, &view);
        last_started = pl.job->count > 0;
    }
    if (null >= 0)
        close(null);
    return finish(&pl, last_started);
}
