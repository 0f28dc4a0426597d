/* partner.c: the second process of a ping-pong. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

int
partner_start(serve_fn *serve, int in, int out)
{
    pid_t pid = fork();

    if (pid == 0) {
        while (serve(in, out))
            ;
        _exit(0);
    }
    return pid;
}

void
partner_end(int pid)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}
