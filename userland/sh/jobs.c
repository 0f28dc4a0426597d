/*
 * jobs.c: children, in groups as they were started; how they ended.
 */
#include "sh.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define JOB_TEXT_MAX 200

static struct job jobs[JOB_MAX];

/* NULL after a message, when too many are running. */
struct job *
job_new(const char *text, size_t len)
{
    struct job *j = jobs;
    int id = 0;

    for (size_t i = 0; i < JOB_MAX; i++)
        if (jobs[i].id > id)
            id = jobs[i].id;
    while (j < jobs + JOB_MAX && j->id != 0)
        j++;
    if (j == jobs + JOB_MAX) {
        complain("more than %d jobs: `wait` for some", JOB_MAX);
        return NULL;
    }
    *j =
        (struct job){.id = id + 1, .text = xstrndup(text, len < JOB_TEXT_MAX ? len : JOB_TEXT_MAX)};
    return j;
}

void
job_add(struct job *j, pid_t pid)
{
    if (j->count == 0)
        j->group = pid;
    j->pids[j->count++] = pid;
    j->left++;
}

void
job_forget(struct job *j)
{
    free(j->text);
    *j = (struct job){0};
}

static void
job_child_ended(struct job *j, size_t i, int status)
{
    if (i + 1 == j->count)
        j->status = WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    j->pids[i] = 0;
    j->left--;
}

/* What a user wants to know about a job that a signal ended. ^C and a closed pipe explain
 * themselves. */
static void
report_signal(const struct job *j, int status)
{
    int sig = status - STATUS_SIGNAL;

    if (status <= STATUS_SIGNAL || status > STATUS_SIGNAL + 64)
        return;
    if (sig == SIGINT && sh.interactive) {
        fd_write(STDERR_FILENO, "\n", 1);
        sh.interrupted = 1; /* the ^C went to the job alone, but it means the whole line */
    } else if (sig != SIGINT && sig != SIGPIPE)
        complain("%s: %s", j->text, strsignal(sig));
}

/* Waits for all members and forgets the job. Gives the status of the last member. */
int
job_wait(struct job *j)
{
    bool by_signal = false;
    int status, result;

    for (size_t i = 0; i < j->count; i++) {
        pid_t pid = j->pids[i];

        while (pid != 0 && (pid = waitpid(j->pids[i], &status, 0)) < 0 && errno == EINTR)
            pid = j->pids[i];
        if (pid == 0)
            continue;
        if (pid < 0)
            status = STATUS_NOT_FOUND << 8;
        by_signal = WIFSIGNALED(status);
        job_child_ended(j, i, status);
    }
    result = j->status;
    if (by_signal)
        report_signal(j, result);
    job_forget(j);
    return result;
}

/* By %number, %% or a pid. NULL: there is none. */
struct job *
job_find(const char *spec)
{
    bool by_id = spec[0] == '%';
    long n = strtol(by_id ? spec + 1 : spec, NULL, 10);
    struct job *best = NULL;

    for (struct job *j = jobs; j < jobs + JOB_MAX; j++) {
        if (j->id == 0)
            continue;
        if (by_id && n == 0 && (best == NULL || j->id > best->id))
            best = j;
        if (by_id && j->id == n)
            return j;
        for (size_t i = 0; !by_id && i < j->count; i++)
            if (j->pids[i] == n || j->group == n)
                return j;
    }
    return best;
}

static void
job_print(const struct job *j, const char *state)
{
    struct str line = {0};

    str_putc(&line, '[');
    str_put_number(&line, j->id);
    str_puts(&line, "] ");
    str_put_number(&line, j->group);
    str_puts(&line, state);
    str_puts(&line, j->text);
    str_putc(&line, '\n');
    fd_write(STDERR_FILENO, line.p, line.len);
    str_free(&line);
}

/* Notices members that have ended. A finished job is forgotten when it has been reported; `wait`
 * still wants to know the others. */
void
jobs_poll(bool report)
{
    for (struct job *j = jobs; j < jobs + JOB_MAX; j++) {
        for (size_t i = 0; i < j->count; i++) {
            int status;

            if (j->pids[i] != 0 && waitpid(j->pids[i], &status, WNOHANG) > 0)
                job_child_ended(j, i, status);
        }
        if (j->id != 0 && j->left == 0 && report) {
            job_print(j, "  done     ");
            job_forget(j);
        }
    }
}

void
jobs_print(void)
{
    jobs_poll(false);
    for (struct job *j = jobs; j < jobs + JOB_MAX; j++) {
        if (j->id == 0)
            continue;
        job_print(j, j->left > 0 ? "  running  " : "  done     ");
        if (j->left == 0)
            job_forget(j);
    }
}

int
jobs_wait_all(void)
{
    for (struct job *j = jobs; j < jobs + JOB_MAX && !sh.interrupted; j++)
        if (j->id != 0)
            job_wait(j);
    return 0;
}

/* Makes the shell's own group the console's foreground group again. */
void
terminal_take(void)
{
    sigset_t ttou;

    if (!sh.interactive)
        return;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    sigprocmask(SIG_BLOCK, &ttou, NULL);
    tcsetpgrp(STDIN_FILENO, sh.group);
    sigprocmask(SIG_UNBLOCK, &ttou, NULL);
}
