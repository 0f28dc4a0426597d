/*
 * spawn.c: from a command line to a running child.
 *
 * A command of plain words is started directly; one that a shell has to read is given to the shell.
 */
#include "init.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <exos/spawn.h>

static char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "SHELL=" SHELL_PATH,
    "TERM=linux",
    "USER=root",
    "LOGNAME=root",
    NULL,
};

static pid_t
argv_spawn(char *const argv[], unsigned flags)
{
    static const struct exos_fdmap stdio[] = {{0, 0}, {1, 1}, {2, 2}};
    pid_t pid = exos_spawn(argv[0], argv, environment, stdio, 3, flags);

    if (pid < 0)
        say("cannot start %s: %s", argv[0], strerror(errno));
    return pid;
}

pid_t
shell_spawn(const char *command, unsigned flags)
{
    char *const argv[] = {SHELL_PATH, "-c", (char *)command, NULL};

    return argv_spawn(argv, flags);
}

/* Gives the pid, or -1 when it has said why not. */
pid_t
command_spawn(const char *command, unsigned flags)
{
    char words[COMMAND_MAX];
    char *argv[ARG_MAX_WORDS + 1];
    size_t argc = 0;

    if (command[0] != '/' || strpbrk(command, "\"'\\$&|;<>()*?[`#~=") != NULL)
        return shell_spawn(command, flags);
    strncpy(words, command, sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    for (char *w = strtok(words, " \t"); w != NULL; w = strtok(NULL, " \t")) {
        if (argc == ARG_MAX_WORDS)
            return shell_spawn(command, flags);
        argv[argc++] = w;
    }
    argv[argc] = NULL;
    return argv_spawn(argv, flags);
}
