/*
 * builtin.c: the table of builtin commands, and the short ones.
 */
#include "sh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exos/spawn.h>

/* A small number from 0 on; -1 after a message. */
static int
number_arg(const char *name, const char *arg)
{
    char *end;
    long n = strtol(arg, &end, 10);

    if (*arg == '\0' || *end != '\0' || n < 0 || n > 1000000) {
        complain("%s: %s: not a number", name, arg);
        return -1;
    }
    return (int)n;
}

static int
print(const char *name, struct str *out)
{
    bool ok = fd_write(STDOUT_FILENO, out->p, out->len);

    if (!ok)
        complain("%s: cannot write: %s", name, strerror(errno));
    str_free(out);
    return ok ? 0 : 1;
}

static int
builtin_true(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 0;
}

static int
builtin_false(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 1;
}

/* -n: no newline at the end; -e: \n, \t, \\ and \0NNN are read. */
static size_t
echo_escape(const char *p, struct str *out)
{
    static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    const char *at = p[1] != '\0' ? strchr(names, p[1]) : NULL;
    size_t used = 2;

    if (at != NULL) {
        str_putc(out, values[at - names]);
    } else if (p[1] == '0') {
        int c = 0;

        for (; used < 5 && p[used] >= '0' && p[used] <= '7'; used++)
            c = c * 8 + p[used] - '0';
        str_putc(out, (char)c);
    } else {
        str_putc(out, '\\');
        used = 1;
    }
    return used;
}

static int
builtin_echo(int argc, char **argv)
{
    bool newline = true, escapes = false;
    struct str out = {0};
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0' &&
           argv[i][strspn(argv[i] + 1, "neE") + 1] == '\0';
         i++) {
        newline &= strchr(argv[i], 'n') == NULL;
        escapes |= strchr(argv[i], 'e') != NULL;
    }
    str_put(&out, "", 0);
    for (int first = i; i < argc; i++) {
        if (i > first)
            str_putc(&out, ' ');
        for (const char *p = argv[i]; *p != '\0';) {
            if (escapes && *p == '\\')
                p += echo_escape(p, &out);
            else
                str_putc(&out, *p++);
        }
    }
    if (newline)
        str_putc(&out, '\n');
    return print("echo", &out);
}

static int
builtin_exit(int argc, char **argv)
{
    int status = argc > 1 ? number_arg("exit", argv[1]) : sh.status;

    shell_exit(status < 0 ? STATUS_USAGE : status & 255);
}

static int
leave_for(int argc, char **argv, enum jump jump)
{
    int levels = argc > 1 ? number_arg(argv[0], argv[1]) : 1;

    if (sh.loop_depth == 0) {
        complain("%s: not in a loop", argv[0]);
        return 1;
    }
    if (levels < 1)
        return 1;
    sh.jump = jump;
    sh.jump_levels = levels < sh.loop_depth ? levels : sh.loop_depth;
    return 0;
}

static int
builtin_break(int argc, char **argv)
{
    return leave_for(argc, argv, JUMP_BREAK);
}

static int
builtin_continue(int argc, char **argv)
{
    return leave_for(argc, argv, JUMP_CONTINUE);
}

static int
builtin_return(int argc, char **argv)
{
    int status = argc > 1 ? number_arg("return", argv[1]) : sh.status;

    sh.jump = JUMP_RETURN;
    return status < 0 ? STATUS_USAGE : status & 255;
}

static int
builtin_shift(int argc, char **argv)
{
    int n = argc > 1 ? number_arg("shift", argv[1]) : 1;

    if (n < 0 || (size_t)n > sh.params.n) {
        if (n >= 0)
            complain("shift: there are only %zu parameters", sh.params.n);
        return 1;
    }
    sh.params.v += n;
    sh.params.n -= (size_t)n;
    return 0;
}

static int
builtin_export(int argc, char **argv)
{
    struct str out = {0};
    int status = 0;

    if (argc == 1 || strcmp(argv[1], "-p") == 0) {
        str_put(&out, "", 0);
        var_print_all(&out, true);
        return print("export", &out);
    }
    for (int i = 1; i < argc; i++) {
        size_t len = strcspn(argv[i], "=");
        const char *value = argv[i][len] == '=' ? argv[i] + len + 1 : NULL;

        argv[i][len] = '\0';
        if (!is_name(argv[i], len)) {
            complain("export: %s: not a variable's name", argv[i]);
            status = 1;
            continue;
        }
        if (value != NULL)
            var_set(argv[i], len, value);
        var_export(argv[i], true);
    }
    return status;
}

static int
builtin_unset(int argc, char **argv)
{
    bool functions = argc > 1 && strcmp(argv[1], "-f") == 0;

    for (int i = 1 + (argc > 1 && argv[1][0] == '-'); i < argc; i++) {
        if (functions)
            func_unset(argv[i]);
        else
            var_unset(argv[i]);
    }
    return 0;
}

static void
set_params(char **v, size_t n)
{
    struct params new = {.name = sh.params.name};
    struct list l = {0};

    for (size_t i = 0; i < n; i++)
        list_add(&l, &new.own, arena_strndup(&new.own, v[i], strlen(v[i])));
    arena_free(&sh.params.own);
    new.v = l.v;
    new.n = l.n;
    sh.params = new;
}

static bool
set_options(const char *letters)
{
    for (const char *p = letters + 1; *p != '\0'; p++) {
        bool on = letters[0] == '-';

        if (*p == 'e')
            sh.errexit = on;
        else if (*p == 'x')
            sh.trace = on;
        else if (*p == 'u')
            sh.nounset = on;
        else {
            complain("set: -%c: not an option (there are -e, -u, -x)", *p);
            return false;
        }
    }
    return true;
}

static int
builtin_set(int argc, char **argv)
{
    struct str out = {0};
    int i = 1;

    if (argc == 1) {
        str_put(&out, "", 0);
        var_print_all(&out, false);
        return print("set", &out);
    }
    for (; i < argc && (argv[i][0] == '-' || argv[i][0] == '+') && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--") == 0)
            break;
        if (!set_options(argv[i]))
            return STATUS_USAGE;
    }
    if (i < argc) {
        i += strcmp(argv[i], "--") == 0;
        set_params(argv + i, (size_t)(argc - i));
    }
    return 0;
}

static int
builtin_eval(int argc, char **argv)
{
    struct str text = {0};
    int status;

    str_put(&text, "", 0);
    for (int i = 1; i < argc; i++) {
        str_puts(&text, argv[i]);
        str_putc(&text, i + 1 < argc ? ' ' : '\n');
    }
    sh.status = 0;
    status = exec_all(text.p, text.len);
    str_free(&text);
    return status;
}

static int
builtin_wait(int argc, char **argv)
{
    int status = argc == 1 ? jobs_wait_all() : 0;

    for (int i = 1; i < argc; i++) {
        struct job *j = job_find(argv[i]);

        if (j == NULL)
            complain("wait: %s: no such job", argv[i]);
        status = j != NULL ? job_wait(j) : STATUS_NOT_FOUND;
    }
    return status;
}

static int
builtin_jobs(int argc, char **argv)
{
    (void)argc, (void)argv;
    jobs_print();
    return 0;
}

/* `command name args`: past functions; -v: what the name stands for. */
static int
describe(const char *name, bool sentence)
{
    struct str out = {0};
    const char *kind = func_find(name) != NULL      ? "a function"
                       : builtin_find(name) != NULL ? "a builtin"
                                                    : NULL;
    int status;

    if (kind == NULL && !path_find(name, &out)) {
        if (sentence)
            complain("%s: not found", name);
        str_free(&out);
        return STATUS_NOT_FOUND;
    }
    if (sentence) {
        struct str line = {0};

        str_puts(&line, name);
        str_puts(&line, " is ");
        str_puts(&line, kind != NULL ? kind : out.p);
        str_free(&out);
        out = line;
    } else if (kind != NULL) {
        str_puts(&out, name);
    }
    str_putc(&out, '\n');
    status = print("type", &out);
    return status;
}

static int
builtin_type(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++)
        status |= describe(argv[i], true);
    return status;
}

static int
builtin_command(int argc, char **argv)
{
    const struct builtin *b;

    if (argc > 2 && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "-V") == 0))
        return describe(argv[2], argv[1][1] == 'V');
    if (argc == 1)
        return 0;
    b = builtin_find(argv[1]);
    return b != NULL ? b->run(argc - 1, argv + 1) : exec_argv(argv + 1, (size_t)argc - 1);
}

/* The nearest thing without replacing this process: run it, and end with its status. */
static int
builtin_exec(int argc, char **argv)
{
    if (argc == 1) {
        complain("exec: redirecting the shell itself is not supported: put the commands in { } and "
                 "redirect those");
        return 1;
    }
    shell_exit(exec_argv(argv + 1, (size_t)argc - 1));
}

static int
builtin_umask(int argc, char **argv)
{
    mode_t mask = umask(0);
    struct str out = {0};
    char buf[8];

    umask(mask);
    if (argc == 1) {
        str_put(&out, buf, (size_t)snprintf(buf, sizeof(buf), "%04o\n", (unsigned)mask));
        return print("umask", &out);
    }
    if (argv[1][strspn(argv[1], "01234567")] != '\0' || strlen(argv[1]) > 4) {
        complain("umask: %s: not an octal number", argv[1]);
        return 1;
    }
    umask((mode_t)strtol(argv[1], NULL, 8));
    return 0;
}

/* init is the only one who may take the machine down: it reads the status of the console's shell.
 */
static int
builtin_power(int argc, char **argv)
{
    (void)argc;
    if (getppid() != 1)
        complain("%s: only the shell on the console can ask for this, and this is not that one",
            argv[0]);
    else
        shell_exit(argv[0][0] == 'p' ? STATUS_POWEROFF : STATUS_REBOOT);
    return 1;
}

static const struct builtin builtins[] = {
    {".", builtin_source, ". FILE [ARG...]         run the commands in FILE here"},
    {":", builtin_true, NULL},
    {"[", builtin_test, NULL},
    {"break", builtin_break, "break [N], continue [N]  leave a loop, or go to its next round"},
    {"cd", builtin_cd, "cd [DIR]                change the directory; `cd -` goes back"},
    {"command", builtin_command,
        "command [-v] NAME       run NAME past functions; -v: say what it is"},
    {"continue", builtin_continue, NULL},
    {"echo", builtin_echo, "echo [-n] [-e] WORD...  print words"},
    {"eval", builtin_eval, "eval TEXT...            run text as commands"},
    {"exec", builtin_exec, "exec COMMAND            run COMMAND, then end with its status"},
    {"exit", builtin_exit, "exit [STATUS]           end the shell"},
    {"export", builtin_export, "export [NAME[=VALUE]]   give variables to programs"},
    {"false", builtin_false, NULL},
    {"fg", builtin_fg, "fg [%N]                 bring a background job to the foreground"},
    {"help", builtin_help, "help                    this text"},
    {"jobs", builtin_jobs, "jobs                    list background jobs"},
    {"kill", builtin_kill, "kill [-SIG] PID|%N...   send a signal (default TERM); -l lists them"},
    {"poweroff", builtin_power, "poweroff, reboot        take the machine down"},
    {"pwd", builtin_pwd, "pwd                     print the directory"},
    {"read", builtin_read, "read [-r] [-p TEXT] NAME...  read a line into variables"},
    {"reboot", builtin_power, NULL},
    {"return", builtin_return, "return [STATUS]         leave a function"},
    {"set", builtin_set,
        "set [-eux] [-- ARG...]  options; the parameters $1...; alone: all variables"},
    {"shift", builtin_shift, "shift [N]               drop the first parameters"},
    {"test", builtin_test, "test EXPR, [ EXPR ]     compare strings, numbers, files"},
    {"true", builtin_true, NULL},
    {"type", builtin_type, "type NAME...            what a command is"},
    {"umask", builtin_umask, "umask [MASK]            permissions that new files do not get"},
    {"unset", builtin_unset, "unset [-f] NAME...      forget variables or functions"},
    {"wait", builtin_wait, "wait [PID|%N...]        wait for background jobs"},
};

/* NULL past the end. */
const struct builtin *
builtin_at(size_t i)
{
    return i < sizeof(builtins) / sizeof(builtins[0]) ? &builtins[i] : NULL;
}

const struct builtin *
builtin_find(const char *name)
{
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return NULL;
}
