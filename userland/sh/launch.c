/*
 * launch.c: from argument words to a running program: where it is, what it gets, and scripts.
 */
#include "sh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exos/spawn.h>

#define SHEBANG_BYTES  256
#define SHELL_FALLBACK "/bin/sh"

/* This shell's own program file. */
const char *
shell_path(void)
{
    static char path[PATH_MAX];
    ssize_t n;

    if (path[0] == '\0') {
        n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        if (n > 0 && path[0] == '/')
            path[n] = '\0';
        else
            strcpy(path, SHELL_FALLBACK);
    }
    return path;
}

static size_t
make_fdmap(struct exos_fdmap *map, const struct fdview *view)
{
    size_t n = 0;

    for (int i = 0; i < FD_VIEW_COUNT; i++)
        if (view->fd[i] >= 0)
            map[n++] = (struct exos_fdmap){.from = view->fd[i], .to = i};
    return n;
}

static pid_t
spawn_file(const char *path, char *const argv[], const struct launch *l)
{
    struct exos_fdmap map[FD_VIEW_COUNT];
    size_t n = make_fdmap(map, l->view);
    pid_t pid = exos_spawn(path, argv, var_environ(), map, n, l->flags);

    if (pid > 0 && l->group != 0)
        setpgid(pid, l->group);
    return pid;
}

/* Reads `#!interpreter [one argument]`. False: the file begins with something else. */
static bool
read_shebang(const char *path, char *line, char **arg)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, SHEBANG_BYTES - 1) : -1;
    char *interpreter;

    if (fd >= 0)
        close(fd);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    interpreter = line + 2 + strspn(line + 2, " \t");
    memmove(line, interpreter, strlen(interpreter) + 1);
    *arg = line + strcspn(line, " \t");
    if (**arg != '\0')
        *(*arg)++ = '\0';
    *arg += strspn(*arg, " \t");
    for (size_t len = strlen(*arg); len > 0 && strchr(" \t\r", (*arg)[len - 1]) != NULL; len--)
        (*arg)[len - 1] = '\0';
    return line[0] != '\0';
}

static bool
is_text(const char *path)
{
    char buf[SHEBANG_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf)) : -1;

    if (fd >= 0)
        close(fd);
    return n >= 0 && memchr(buf, '\0', (size_t)n) == NULL;
}

/* A file that is no program: its #! line says who reads it; a text without one is read by a shell.
 */
static pid_t
spawn_script(const char *path, char *const argv[], const struct launch *l)
{
    char line[SHEBANG_BYTES];
    char *arg = NULL;
    struct list words = {0};
    struct arena_mark mark = arena_mark(&sh.words);
    bool shebang = read_shebang(path, line, &arg);
    const char *interpreter = shebang ? line : shell_path();
    pid_t pid;

    if (!shebang && !is_text(path)) {
        errno = ENOEXEC;
        return -1;
    }
    list_add(&words, &sh.words, (char *)interpreter);
    if (shebang && *arg != '\0')
        list_add(&words, &sh.words, arg);
    list_add(&words, &sh.words, (char *)path);
    for (size_t i = 1; argv[0] != NULL && argv[i] != NULL; i++)
        list_add(&words, &sh.words, argv[i]);
    pid = spawn_file(interpreter, words.v, l);
    if (pid < 0 && shebang && errno == ENOENT)
        complain("%s: its interpreter %s does not exist", path, interpreter);
    arena_release(&sh.words, mark);
    return pid;
}

static pid_t
spawn_any(const char *path, char *const argv[], const struct launch *l)
{
    pid_t pid = spawn_file(path, argv, l);

    return pid < 0 && errno == ENOEXEC ? spawn_script(path, argv, l) : pid;
}

/* The next directory of a PATH-like list into `path`, with /name behind it. False: there is none
 * left. */
static bool
next_path(const char **at, const char *name, struct str *path)
{
    size_t len;

    if (*at == NULL)
        return false;
    len = strcspn(*at, ":");
    path->len = 0;
    str_put(path, len > 0 ? *at : ".", len > 0 ? len : 1);
    str_putc(path, '/');
    str_puts(path, name);
    *at = (*at)[len] == ':' ? *at + len + 1 : NULL;
    return true;
}

static bool
is_missing(int err)
{
    return err == ENOENT || err == ENOTDIR;
}

/* Tries each directory of PATH. What exists but cannot be started is the better error. */
static pid_t
spawn_from_path(char *const argv[], const struct launch *l)
{
    const char *at = var_get("PATH", 4);
    struct str path = {0};
    int err = ENOENT;
    pid_t pid = -1;

    while (pid < 0 && next_path(&at, argv[0], &path)) {
        pid = spawn_any(path.p, argv, l);
        if (pid < 0 && !is_missing(errno)) {
            err = errno;
            if (err != EACCES)
                break;
        }
    }
    str_free(&path);
    errno = err;
    return pid;
}

/* Where a program of that name would be found, for `type` and `command -v`. */
bool
path_find(const char *name, struct str *found)
{
    const char *at = strchr(name, '/') != NULL ? NULL : var_get("PATH", 4);
    struct stat st;

    if (strchr(name, '/') != NULL) {
        str_puts(found, name);
        return access(name, X_OK) == 0;
    }
    while (next_path(&at, name, found))
        if (stat(found->p, &st) == 0 && S_ISREG(st.st_mode) && access(found->p, X_OK) == 0)
            return true;
    return false;
}

static int
report_failure(const char *name, int err)
{
    struct stat st;

    if (is_missing(err)) {
        complain("%s: not found", name);
        return STATUS_NOT_FOUND;
    }
    if (err == EACCES && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
        err = EISDIR;
    complain("%s: %s", name, err == ENOEXEC ? "not a program for this machine" : strerror(err));
    return STATUS_NOT_EXEC;
}

/* Gives the pid; or -1, after a message, and the status that the command has then. */
pid_t
launch_program(char *const argv[], const struct launch *l, int *status)
{
    bool direct = strchr(argv[0], '/') != NULL;
    pid_t pid = -1;

    errno = ENOENT;
    if (argv[0][0] != '\0')
        pid = direct ? spawn_any(argv[0], argv, l) : spawn_from_path(argv, l);
    if (pid < 0)
        *status = report_failure(argv[0], errno);
    return pid;
}
