/*
 * shutdown.c: the orderly way down. Everyone is asked to end, then made to; the disks are written;
 * the machine goes off.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exos/spawn.h>

#define DEBUG_EXIT_DONE 0x10 /* what a test run takes for "got to the end" */

volatile enum request signal_request;

static void
on_signal(int sig)
{
    signal_request = sig == SIGUSR2 ? REQUEST_POWEROFF : REQUEST_REBOOT;
}

/* SIGUSR2 asks for power off, SIGTERM and SIGINT for a reset, as with other inits. */
void
requests_catch(void)
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGUSR2, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
}

/* True when no child is left before the time is up. */
static bool
wait_all(unsigned grace_ms)
{
    uint64_t end = now_ms() + grace_ms;

    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        if (pid < 0 && errno != EINTR)
            return true;
        if (pid > 0)
            continue;
        if (now_ms() >= end)
            return false;
        sleep_ms(POLL_MS);
    }
}

static void
end_everyone(void)
{
    kill(-1, SIGTERM);
    if (wait_all(TERM_GRACE_MS))
        return;
    say("some programs did not end; killing them");
    kill(-1, SIGKILL);
    if (!wait_all(KILL_GRACE_MS))
        say("some programs cannot be killed; going on without them");
}

/* exos_power comes back only when it fails: pid 1 must not end, so it waits for somebody to pull
 * the plug. */
static _Noreturn void
power(int op, int code)
{
    console_drain();
    sync();
    exos_power(op, code);
    say("cannot turn the machine off: %m");
    for (;;)
        sleep_ms(1000);
}

_Noreturn void
shutdown_now(enum request what)
{
    say(what == REQUEST_REBOOT ? "going down for a restart" : "going down");
    end_everyone();
    power(what == REQUEST_REBOOT ? EXOS_POWER_RESET : EXOS_POWER_OFF, 0);
}

static void
status_send(int status)
{
    char line[32];
    int n = snprintf(line, sizeof(line), "exos: status %d\n", status);
    int fd = open(CONTROL_PATH, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, line, (size_t)n) != n)
        say("cannot report status %d to " CONTROL_PATH ": %m", status);
}

/* The end of exec mode: the command's status goes to the control port, then the machine stops. */
_Noreturn void
shutdown_with_status(int status)
{
    console_drain();
    end_everyone();
    status_send(status);
    power(EXOS_POWER_DEBUG_EXIT, DEBUG_EXIT_DONE);
}
