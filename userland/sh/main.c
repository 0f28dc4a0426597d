/*
 * main.c: how the shell is started, and where its commands come from: an argument, a file, or
 * somebody who types.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX 1024
#define READ_STEP   4096

struct shell sh;

static struct fdview own_view;

static const char help[] =
    "usage: sh [-eilux] [-c COMMANDS [NAME [ARG...]] | FILE [ARG...]]\n"
    "The ExOS command shell. Without COMMANDS and FILE it reads what is typed.\n"
    "  -c  run COMMANDS, with NAME as $0 and ARGs as $1...\n"
    "  -e  end when a command fails        -u  an unset variable is an error\n"
    "  -x  print each command first        -i  behave as if somebody typed\n"
    "  -l  read /etc/profile first\n"
    "In the shell, `help` lists what it can do.\n";

struct options {
    const char *commands; /* -c */
    const char *file;
    const char *preamble; /* -S */
    bool login;
    bool interactive;
};

/* A message to where 2 leads now. */
void
complain(const char *format, ...)
{
    char line[MESSAGE_MAX];
    int n = snprintf(line, sizeof(line), "%s: ", sh.params.name != NULL ? sh.params.name : "sh");
    va_list ap;

    if (n >= (int)sizeof(line) - 2)
        n = 0;
    va_start(ap, format);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
    va_end(ap);
    if (n > (int)sizeof(line) - 2)
        n = (int)sizeof(line) - 2;
    line[n++] = '\n';
    fd_write(STDERR_FILENO, line, (size_t)n);
}

_Noreturn void
shell_exit(int status)
{
    exit(status);
}

static bool
read_whole(int fd, struct str *text)
{
    char buf[READ_STEP];
    ssize_t n;

    str_put(text, "", 0);
    while ((n = read(fd, buf, sizeof(buf))) > 0 && text->len < SCRIPT_MAX_BYTES)
        str_put(text, buf, (size_t)n);
    return n == 0;
}

/* Runs the commands in a file. */
int
exec_file(const char *path)
{
    struct str text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int status;

    if (fd < 0 || !read_whole(fd, &text)) {
        status = fd < 0 && errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXEC;
        complain(
            "%s: %s", path, fd < 0 || text.len < SCRIPT_MAX_BYTES ? strerror(errno) : "too long");
    } else {
        sh.status = 0;
        status = exec_all(text.p, text.len);
    }
    if (fd >= 0)
        close(fd);
    str_free(&text);
    return status;
}

/* `user@host dir $ ` in few characters; `> ` where a command goes on. */
static const char *
prompt(bool more)
{
    static char text[PATH_MAX + 8];
    char dir[PATH_MAX];
    const char *home = var_get("HOME", 4), *shown = dir;
    size_t home_len = home != NULL ? strlen(home) : 0;

    if (more)
        return "> ";
    if (getcwd(dir, sizeof(dir)) == NULL)
        strcpy(dir, "?");
    if (home_len > 1 && strncmp(dir, home, home_len) == 0 &&
        (dir[home_len] == '/' || dir[home_len] == '\0')) {
        shown = dir + home_len - 1;
        dir[home_len - 1] = '~';
    }
    snprintf(text, sizeof(text), "%s # ", shown);
    if (geteuid() != 0)
        text[strlen(text) - 2] = '$';
    return text;
}

/* A line with its newline added to the text, from a terminal. False at the end of the input. */
static bool
type_line(struct str *text)
{
    char line[LINE_MAX_BYTES];
    ssize_t n = edit_line(prompt(text->len > 0), line, sizeof(line));

    if (n < 0)
        return false;
    if (sh.interrupted) { /* ^C: the command that was begun is forgotten too */
        text->len = 0;
        n = 0;
    }
    if (n > 0)
        history_add(line);
    str_put(text, line, (size_t)n);
    str_putc(text, '\n');
    return true;
}

/* The same from a pipe or file, of which nothing beyond the line may be read: it is for the
 * commands. */
static bool
pipe_line(struct str *text)
{
    size_t before = text->len;
    char c = '\0';
    ssize_t n;

    while (c != '\n' && text->len < SCRIPT_MAX_BYTES &&
           ((n = read(STDIN_FILENO, &c, 1)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            str_putc(text, c);
    return text->len > before;
}

/* Reads and runs line by line until the input ends. */
static void
run_input(bool typed)
{
    struct str text = {0};
    size_t consumed;

    str_put(&text, "", 0);
    for (;;) {
        if (typed && text.len == 0)
            jobs_poll(true);
        sh.interrupted = 0;
        sh.jump = JUMP_NONE;
        if (!(typed ? type_line(&text) : pipe_line(&text)))
            break;
        exec_text(text.p, text.len, &consumed);
        text.len -= consumed;
        memmove(text.p, text.p + consumed, text.len + 1);
        if (sh.interrupted) {
            sh.status = STATUS_SIGNAL + SIGINT;
            text.len = 0;
        }
    }
    if (text.len > 0)
        exec_all(text.p, text.len); /* says what is missing */
    str_free(&text);
}

static void
on_interrupt(int sig)
{
    (void)sig;
    sh.interrupted = 1;
}

/* Programs get these back as they were: a handler does not survive the start of a program. */
static void
interactive_init(void)
{
    struct sigaction sa = {.sa_handler = on_interrupt};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGQUIT, &sa, NULL);
    sh.interactive = true;
    sh.group = getpgrp();
}

/* PID:STATUS:LAST:OPTIONS from the shell that this one works for. */
static void
take_state(const char *state)
{
    char *p;

    sh.pid = strtol(state, &p, 10);
    sh.status = *p == ':' ? (int)strtol(p + 1, &p, 10) : 0;
    sh.last_background = *p == ':' ? (pid_t)strtol(p + 1, &p, 10) : 0;
    sh.errexit = strchr(p, 'e') != NULL;
    sh.trace = strchr(p, 'x') != NULL;
    sh.nounset = strchr(p, 'u') != NULL;
}

static _Noreturn void
usage(const char *why, const char *what)
{
    complain("%s%s (try --help)", what, why);
    exit(STATUS_USAGE);
}

/* One group of letters. Gives how many further arguments they took. */
static int
option_letters(struct options *o, const char *letters, char **rest)
{
    int used = 0;

    for (; *letters != '\0'; letters++) {
        if (*letters == 'c' && rest[0] != NULL)
            o->commands = rest[used++];
        else if (*letters == 'S' && rest[0] != NULL && rest[1] != NULL) {
            take_state(rest[0]);
            o->preamble = rest[1];
            used = 2;
        } else if (*letters == 'e')
            sh.errexit = true;
        else if (*letters == 'u')
            sh.nounset = true;
        else if (*letters == 'x')
            sh.trace = true;
        else if (*letters == 'i')
            o->interactive = true;
        else if (*letters == 'l')
            o->login = true;
        else
            usage(": not an option, or it needs an argument", (const char[]){'-', *letters, '\0'});
    }
    return used;
}

static void
parse_options(struct options *o, int argc, char **argv)
{
    int i = 1;

    o->login = argv[0] != NULL && argv[0][0] == '-';
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fd_write(STDOUT_FILENO, help, sizeof(help) - 1);
            exit(0);
        }
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        i += option_letters(o, argv[i] + 1, argv + i + 1);
    }
    if (o->commands == NULL && i < argc)
        o->file = argv[i];
    if (i < argc)
        sh.params.name = argv[i++];
    sh.params.v = argv + i;
    sh.params.n = i < argc ? (size_t)(argc - i) : 0;
}

static void
run(const struct options *o)
{
    int status = sh.status;

    if (o->preamble != NULL) {
        bool errexit = sh.errexit, trace = sh.trace;

        sh.errexit = sh.trace = false;
        exec_all(o->preamble, strlen(o->preamble));
        sh.status = status;
        sh.errexit = errexit;
        sh.trace = trace;
    }
    if (o->commands != NULL)
        exec_all(o->commands, strlen(o->commands));
    else if (o->file != NULL)
        sh.status = exec_file(o->file);
    else
        run_input(sh.interactive);
}

int
main(int argc, char **argv, char **envp)
{
    struct options o = {0};

    fdview_init(&own_view);
    sh.view = &own_view;
    sh.params.name = "sh";
    sh.pid = getpid();
    parse_options(&o, argc, argv);
    vars_init(envp);
    if (o.commands == NULL && o.file == NULL && (o.interactive || isatty(STDIN_FILENO)))
        interactive_init();
    if (o.login && access("/etc/profile", R_OK) == 0)
        exec_file("/etc/profile");
    run(&o);
    shell_exit(sh.status);
}
