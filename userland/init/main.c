/*
 * main.c: pid 1.
 *
 * Started by the library with nothing. In normal mode it runs what /etc/inittab says until somebody
 * asks to go down; in exec mode
 * (`exec=` on the kernel command line) it runs one command, reports its status and turns the
 * machine off.
 */
#include "init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exos/spawn.h>

#define EXEC_BEGIN "\001exos-exec-begin\001\n"

#define STATUS_NOT_STARTED 126

static const char help[] =
    "usage: init\n"
    "The first program: pid 1. Runs the lines of " INITTAB_PATH " (id:action:command; actions\n"
    "once, wait, respawn, console), takes care of orphans, and takes the machine down:\n"
    "  SIGUSR2, or a console program that ends with status 200   power off\n"
    "  SIGTERM, or status 201                                    restart\n"
    "With exec=COMMAND last on the kernel command line it runs COMMAND alone (and the\n"
    "services, if the word `services` is there too), reports its status on " CONTROL_PATH "\n"
    "and turns the machine off.\n";

static struct inittab inittab;
static struct cmdline cmdline;

static void
set_hostname(void)
{
    char name[65];

    if (file_read("/etc/hostname", name, sizeof(name)) <= 0)
        return;
    name[strcspn(name, "\n")] = '\0';
    sethostname(name, strlen(name));
}

static void
banner(void)
{
    struct utsname u;
    char line[256], motd[1024];
    ssize_t n;

    if (uname(&u) < 0)
        return;
    n = snprintf(
        line, sizeof(line), "\n%s %s (%s) on %s\n", u.sysname, u.release, u.machine, u.nodename);
    if (n > 0 && write(STDOUT_FILENO, line, (size_t)n) < 0)
        say("cannot write to the console: %m");
    n = file_read(MOTD_PATH, motd, sizeof(motd));
    if (n > 0 && write(STDOUT_FILENO, motd, (size_t)n) < 0)
        say("cannot write to the console: %m");
}

/* Blocks while nothing is due; with something due it looks again every POLL_MS, for want of a wait
 * with a time limit. */
static pid_t
next_child(int *status, bool something_due)
{
    pid_t pid = waitpid(-1, status, something_due ? WNOHANG : 0);

    if (pid == 0 || (pid < 0 && errno == ECHILD))
        sleep_ms(POLL_MS);
    return pid;
}

static _Noreturn void
run_normal(void)
{
    inittab_read(&inittab);
    banner();
    services_start(&inittab, true);
    for (;;) {
        bool due = services_start_due(&inittab);
        int status = 0;
        pid_t pid = signal_request == REQUEST_NONE ? next_child(&status, due) : 0;
        enum request wish = pid > 0 ? services_reap(&inittab, pid, status) : REQUEST_NONE;

        if (wish == REQUEST_NONE)
            wish = signal_request;
        if (wish != REQUEST_NONE)
            shutdown_now(wish);
    }
}

static int
exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
exec_begin(void)
{
    console_raw();
    if (write(STDOUT_FILENO, EXEC_BEGIN, sizeof(EXEC_BEGIN) - 1) < 0)
        say("cannot write to the console: %m");
    console_drain();
}

static _Noreturn void
run_exec(const char *command)
{
    int status = 0;
    pid_t pid, main_pid;

    if (cmdline.services) {
        inittab_read(&inittab);
        services_start(&inittab, false);
    }
    exec_begin();
    main_pid = shell_spawn(command, EXOS_SPAWN_NEWPGRP | EXOS_SPAWN_FOREGROUND);
    if (main_pid < 0)
        shutdown_with_status(STATUS_NOT_STARTED);
    for (;;) {
        bool due = services_start_due(&inittab);

        pid = next_child(&status, due);
        if (pid == main_pid)
            shutdown_with_status(exit_code(status));
        else if (pid > 0)
            services_reap(&inittab, pid, status);
    }
}

int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (getpid() != 1) {
        say("I am the first program of the system and of no use later (try --help)");
        return 1;
    }
    console_open();
    requests_catch();
    set_hostname();
    cmdline_read(&cmdline);
    if (cmdline.exec != NULL)
        run_exec(cmdline.exec);
    run_normal();
}
