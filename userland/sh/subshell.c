/*
 * subshell.c: what POSIX runs in a copy of the shell, without a copy: another shell reads the text,
 * after a preamble that gives it the variables and functions of this one.
 *
 * Not here: jobs. The other shell begins without any, as a copy would.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <exos/spawn.h>

#define CAPTURE_MAX_BYTES (16u << 20)
#define CAPTURE_STEP      4096

static char *
preamble_make(void)
{
    struct str s = {0};
    char *text;

    str_put(&s, "", 0);
    var_dump_private(&s);
    func_dump_all(&s);
    text = arena_strndup(&sh.words, s.p, s.len);
    str_free(&s);
    return text;
}

/* PID:STATUS:LAST:OPTIONS, read back by main.c. */
static char *
state_make(void)
{
    char buf[96];
    int n = snprintf(buf, sizeof(buf), "%ld:%d:%ld:%s%s%s", sh.pid, sh.status,
        (long)sh.last_background, sh.errexit && sh.condition_depth == 0 ? "e" : "",
        sh.trace ? "x" : "", sh.nounset ? "u" : "");

    return arena_strndup(&sh.words, buf, (size_t)n);
}

/* Starts another shell on the text. Gives its pid; or -1, after a message, and a status. */
pid_t
subshell_start(const char *text, size_t len, const struct launch *l, int *status)
{
    struct arena_mark mark = arena_mark(&sh.words);
    struct list argv = {0};
    pid_t pid;

    list_add(&argv, &sh.words, (char *)shell_path());
    list_add(&argv, &sh.words, (char *)"-S");
    list_add(&argv, &sh.words, state_make());
    list_add(&argv, &sh.words, preamble_make());
    list_add(&argv, &sh.words, (char *)"-c");
    list_add(&argv, &sh.words, arena_strndup(&sh.words, text, len));
    list_add(&argv, &sh.words, (char *)sh.params.name);
    for (size_t i = 0; i < sh.params.n; i++)
        list_add(&argv, &sh.words, sh.params.v[i]);
    pid = launch_program(argv.v, l, status);
    arena_release(&sh.words, mark);
    return pid;
}

static void
read_all(int fd, struct str *out)
{
    char buf[CAPTURE_STEP];
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && out->len < CAPTURE_MAX_BYTES)
            str_put(out, buf, (size_t)n);
}

/* Runs the text and gives what it printed, without NULs and without the newlines at the end; the
 * caller frees it. NULL after a message. */
char *
subshell_capture(const char *text, size_t len, size_t *out_len)
{
    struct redirected r = {.view = *sh.view};
    struct launch l = {.view = &r.view};
    struct str out = {0};
    struct job *job;
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        complain("cannot make a pipe: %s", strerror(errno));
        return NULL;
    }
    r.view.fd[STDOUT_FILENO] = fds[1];
    pid = subshell_start(text, len, &l, &sh.status);
    close(fds[1]);
    str_put(&out, "", 0);
    if (pid > 0)
        read_all(fds[0], &out);
    close(fds[0]);
    if (pid > 0 && (job = job_new(text, len)) != NULL) {
        job_add(job, pid);
        sh.status = job_wait(job);
    }
    sh.capture_status = sh.status;
    while (out.len > 0 && out.p[out.len - 1] == '\n')
        out.len--;
    for (size_t i = *out_len = 0; i < out.len; i++)
        if (out.p[i] != '\0')
            out.p[(*out_len)++] = out.p[i];
    out.p[*out_len] = '\0';
    return out.p;
}
