/*
 * console.c: init's own terminal, and its modes.
 */
#include "init.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

/* Makes the console descriptors 0, 1 and 2, unless init was given them already. */
void
console_open(void)
{
    int fd = open(CONSOLE_PATH, O_RDWR | O_NOCTTY);

    if (fd < 0) {
        say("cannot open " CONSOLE_PATH ": %m; going on without input");
        return;
    }
    for (int to = 0; to <= 2; to++)
        if (fd != to)
            dup2(fd, to);
    if (fd > 2)
        close(fd);
}

/*
 * For a command whose output must reach the host byte by byte: nothing echoed, nothing translated,
 * no key makes a signal. Input stays in lines, so that ^D can end it.
 */
void
console_raw(void)
{
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &t) < 0) {
        say("cannot set the console's modes: %m");
        return;
    }
    t.c_iflag &= (tcflag_t) ~(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    t.c_oflag &= (tcflag_t)~OPOST;
    t.c_lflag &= (tcflag_t) ~(ECHO | ECHOE | ECHOK | ECHONL | ISIG);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &t) < 0)
        say("cannot set the console's modes: %m");
}

void
console_drain(void)
{
    tcdrain(STDOUT_FILENO);
}
