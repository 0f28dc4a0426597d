/*
 * builtin_io.c: builtins about directories, input, signals, and help.
 */
#include "sh.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

static bool
print(const char *text)
{
    return fd_write(STDOUT_FILENO, text, strlen(text));
}

int
builtin_pwd(int argc, char **argv)
{
    char path[PATH_MAX];

    (void)argc, (void)argv;
    if (getcwd(path, sizeof(path)) == NULL) {
        complain("pwd: %s", strerror(errno));
        return 1;
    }
    return print(path) && print("\n") ? 0 : 1;
}

int
builtin_cd(int argc, char **argv)
{
    const char *to = argc > 1 ? argv[1] : var_get("HOME", 4);
    bool back = to != NULL && strcmp(to, "-") == 0;
    char old[PATH_MAX], new[PATH_MAX];

    if (back)
        to = var_get("OLDPWD", 6);
    if (to == NULL) {
        complain("cd: %s is not set", back ? "OLDPWD" : "HOME");
        return 1;
    }
    if (getcwd(old, sizeof(old)) == NULL)
        old[0] = '\0';
    if (chdir(to) < 0) {
        complain("cd: %s: %s", to, strerror(errno));
        return 1;
    }
    var_set("OLDPWD", 6, old);
    if (getcwd(new, sizeof(new)) != NULL)
        var_set("PWD", 3, new);
    return !back || (print(var_get("PWD", 3)) && print("\n")) ? 0 : 1;
}

/* One line without its newline. False at the end of the input. \ joins lines and quotes characters
 * unless `raw`: quoted ones get \1 before. */
static bool
read_line(struct str *line, bool raw)
{
    int fd = sh.view->fd[STDIN_FILENO];
    bool escape = false;
    char c;

    for (;;) {
        ssize_t n = read(fd, &c, 1);

        if (n < 0 && errno == EINTR && !sh.interrupted)
            continue;
        if (n <= 0)
            return false;
        if (c == '\0')
            continue;
        if (escape && c != '\n') {
            str_putc(line, '\001');
            str_putc(line, c);
        } else if (!escape && c == '\n') {
            return true;
        } else if (!escape && c == '\\' && !raw) {
            escape = true;
            continue;
        } else if (!escape) {
            str_putc(line, c);
        }
        escape = false;
    }
}

static bool
is_ifs(char c, bool blanks_only)
{
    const char *ifs = var_get("IFS", 3);

    if (c == '\0' || strchr(ifs != NULL ? ifs : " \t\n", c) == NULL)
        return false;
    return !blanks_only || c == ' ' || c == '\t' || c == '\n';
}

/* The next field of the line; the last variable takes what is left. */
static const char *
read_field(const char *p, bool last, struct str *field)
{
    size_t solid = 0; /* length up to the last character that stays */

    while (is_ifs(*p, true))
        p++;
    field->len = 0;
    str_put(field, "", 0);
    while (*p != '\0' && (last || !is_ifs(*p, false))) {
        bool quoted = *p == '\001' && p[1] != '\0';

        p += quoted;
        str_putc(field, *p);
        if (quoted || !is_ifs(*p, true))
            solid = field->len;
        p++;
    }
    field->len = solid;
    field->p[solid] = '\0';
    while (is_ifs(*p, true))
        p++;
    if (is_ifs(*p, false))
        p++;
    return p;
}

static void
read_assign(const char *line, char **names, int count)
{
    struct str field = {0};

    for (int i = 0; i < count; i++) {
        line = read_field(line, i + 1 == count, &field);
        var_set(names[i], strlen(names[i]), field.p);
    }
    str_free(&field);
}

int
builtin_read(int argc, char **argv)
{
    static char reply_name[] = "REPLY";
    static char *reply[] = {reply_name};
    struct str line = {0};
    bool raw = false, got;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-r") == 0) {
            raw = true;
        } else if (strcmp(argv[i], "-p") == 0 && i + 1 < argc) {
            i++;
            fd_write(STDERR_FILENO, argv[i], strlen(argv[i]));
        } else {
            complain("read: %s: not an option", argv[i]);
            return STATUS_USAGE;
        }
    }
    str_put(&line, "", 0);
    got = read_line(&line, raw);
    if (i < argc)
        read_assign(line.p, argv + i, argc - i);
    else
        read_assign(line.p, reply, 1);
    str_free(&line);
    return got ? 0 : 1;
}

struct signal_name {
    const char *name;
    int number;
};

static const struct signal_name signals[] = {
    {"HUP", SIGHUP},
    {"INT", SIGINT},
    {"QUIT", SIGQUIT},
    {"ILL", SIGILL},
    {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},
    {"BUS", SIGBUS},
    {"FPE", SIGFPE},
    {"KILL", SIGKILL},
    {"USR1", SIGUSR1},
    {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},
    {"ALRM", SIGALRM},
    {"TERM", SIGTERM},
    {"CHLD", SIGCHLD},
    {"CONT", SIGCONT},
    {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU},
};

/* -1: no such signal. */
static int
signal_number(const char *name)
{
    char *end;
    long n = strtol(name, &end, 10);

    if (*name != '\0' && *end == '\0')
        return n >= 0 && n <= 64 ? (int)n : -1;
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (strcasecmp(name, signals[i].name) == 0)
            return signals[i].number;
    return -1;
}

static int
list_signals(void)
{
    char line[32];

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        snprintf(line, sizeof(line), "%2d %s\n", signals[i].number, signals[i].name);
        print(line);
    }
    return 0;
}

static bool
kill_one(const char *target, int sig)
{
    struct job *j = target[0] == '%' ? job_find(target) : NULL;
    char *end;
    long pid = j != NULL ? (sh.interactive ? -j->group : j->group) : strtol(target, &end, 10);

    if (j == NULL && (target[0] == '%' || *target == '\0' || *end != '\0')) {
        complain("kill: %s: no such job or process", target);
        return false;
    }
    if (kill((pid_t)pid, sig) == 0)
        return true;
    complain("kill: %s: %s", target, strerror(errno));
    return false;
}

int
builtin_kill(int argc, char **argv)
{
    int sig = SIGTERM, i = 1, status = 0;

    if (argc > 1 && strcmp(argv[1], "-l") == 0)
        return list_signals();
    if (argc > 2 && strcmp(argv[1], "-s") == 0) {
        sig = signal_number(argv[2]);
        i = 3;
    } else if (argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--") != 0) {
        sig = signal_number(argv[1] + 1);
        i = 2;
    }
    if (sig < 0 || i >= argc) {
        complain("kill: %s", sig < 0 ? "no such signal (kill -l lists them)" : "whom?");
        return STATUS_USAGE;
    }
    for (; i < argc; i++)
        status |= !kill_one(argv[i], sig);
    return status;
}

/* The group gets the console, and the shell waits. */
int
builtin_fg(int argc, char **argv)
{
    struct job *j = job_find(argc > 1 ? argv[1] : "%%");
    int status;

    if (j == NULL) {
        complain("fg: no such job");
        return 1;
    }
    print(j->text);
    print("\n");
    if (sh.interactive)
        tcsetpgrp(STDIN_FILENO, j->group);
    kill(-j->group, SIGCONT);
    status = job_wait(j);
    terminal_take();
    return status;
}

int
builtin_source(int argc, char **argv)
{
    struct params before = sh.params;
    int status;

    if (argc < 2) {
        complain(".: which file?");
        return STATUS_USAGE;
    }
    if (argc > 2)
        sh.params = (struct params){.name = before.name, .v = argv + 2, .n = (size_t)argc - 2};
    status = exec_file(argv[1]);
    if (argc > 2) {
        arena_free(&sh.params.own);
        sh.params = before;
    }
    if (sh.jump == JUMP_RETURN && sh.call_depth == 0)
        sh.jump = JUMP_NONE;
    return status;
}

static const char help_head[] =
    "This is the ExOS shell. Type a program's name and its arguments; Tab completes names,\n"
    "the up arrow brings back earlier lines, ^C ends what runs, ^D at an empty line leaves.\n\n"
    "Programs:  ls cat cp mv rm mkdir find grep sed vi df ps ...: see `ls /bin` (most are "
    "busybox)\n"
    "Web page:  served by httpd from /srv/www; from the host: http://127.0.0.1:8080/\n"
    "Syntax:    a; b   a && b   a || b   a | b   a &   < in  > out  >> out  2>&1   $VAR  $(cmd)\n"
    "           $((1 + 2))  *.c   if ...; then ...; fi   while ...; do ...; done   for x in ...\n\n"
    "Built in:\n";

int
builtin_help(int argc, char **argv)
{
    struct str out = {0};
    const struct builtin *b;
    bool ok;

    (void)argc, (void)argv;
    str_puts(&out, help_head);
    for (size_t i = 0; (b = builtin_at(i)) != NULL; i++) {
        if (b->help == NULL)
            continue;
        str_puts(&out, "  ");
        str_puts(&out, b->help);
        str_putc(&out, '\n');
    }
    ok = fd_write(STDOUT_FILENO, out.p, out.len);
    str_free(&out);
    return ok ? 0 : 1;
}
