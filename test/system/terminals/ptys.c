/*
 * ptys.c: pseudo-terminals as Linux has them: both ends, modes, sessions, signals, the ends of each, and what is left behind.
 *
 * Each point runs in a child of its own, which leads a session without a terminal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LONG_MS 5000
#define PAIRS_MAX 300
#define KILLS 60
#define OTHER_UID 1000
#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#ifndef TIOCGPTLCK
#define TIOCGPTLCK 0x80045439
#endif
#ifndef TIOCGPKT
#define TIOCGPKT 0x80045438
#endif

struct pair {
    int m, s;
};

static volatile sig_atomic_t caught[65];

static void
note(int sig)
{
    caught[sig]++;
}

static void
catch(int sig)
{
    struct sigaction sa = { .sa_handler = note };

    sigaction(sig, &sa, NULL);
}

static void
sleep_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* The point fails: the child says where, and ends. */
static _Noreturn void
fail(int line, const char *what)
{
    printf("# line %d: %s (errno %d: %s)\n", line, what, errno, strerror(errno));
    fflush(stdout);
    _exit(1);
}

#define NEED(c) ((c) ? (void)0 : fail(__LINE__, #c))
#define FAILS(c, e) (errno = 0, ((c) == -1 && errno == (e)) ? (void)0 : fail(__LINE__, #c " gives " #e))

static int
open_master(void)
{
    int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0;

    NEED(m >= 0);
    NEED(ioctl(m, TIOCSPTLCK, &zero) == 0);
    return m;
}

static void
name_of(int m, char *name, size_t size)
{
    unsigned n = 0;

    NEED(ioctl(m, TIOCGPTN, &n) == 0);
    snprintf(name, size, "/dev/pts/%u", n);
}

static int
open_slave(int m, int flags)
{
    char name[32];

    name_of(m, name, sizeof(name));
    return open(name, flags);
}

static struct pair
open_pair(void)
{
    struct pair p = { open_master(), -1 };

    p.s = open_slave(p.m, O_RDWR | O_NOCTTY);
    NEED(p.s >= 0);
    return p;
}

static struct pair
raw_pair(void)
{
    struct pair p = open_pair();
    struct termios t;

    NEED(tcgetattr(p.s, &t) == 0);
    cfmakeraw(&t);
    NEED(tcsetattr(p.s, TCSANOW, &t) == 0);
    return p;
}

static void
modes(int fd, tcflag_t iflag, tcflag_t oflag, tcflag_t lflag)
{
    struct termios t;

    NEED(tcgetattr(fd, &t) == 0);
    t.c_iflag = iflag;
    t.c_oflag = oflag;
    t.c_lflag = lflag;
    NEED(tcsetattr(fd, TCSANOW, &t) == 0);
}

static void
type(int m, const char *text)
{
    NEED(write(m, text, strlen(text)) == (ssize_t)strlen(text));
    sleep_ms(2);                /* Linux has it arrive a little later */
}

/* All that comes until nothing more does, as a string. */
static const char *
shown(int fd)
{
    static char text[8192];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    size_t len = 0;
    ssize_t n;

    while (len < sizeof(text) - 1 && poll(&p, 1, 60) == 1 && (p.revents & POLLIN) &&
           (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    return text;
}

static const char *
line_of(int fd)
{
    static char text[8192];
    ssize_t n = read(fd, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static int
events(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

    NEED(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static int
waiting(int fd)
{
    int n = -1;

    NEED(ioctl(fd, FIONREAD, &n) == 0);
    return n;
}

#define SAME(a, b) same(__LINE__, (a), (b))
static void
same(int line, const char *got, const char *want)
{
    if (strcmp(got, want) == 0)
        return;
    printf("# got ");
    for (; *got != '\0'; got++)
        printf(*got < ' ' || *got == 127 ? "\\%03o" : "%c", *got);
    printf("\n");
    fail(line, want);
}

static int
status_of(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR)
        ;
    return status;
}

/* ---- names ---- */

static void
a_pair_has_a_name_an_owner_and_a_device(void)
{
    struct pair p = open_pair();
    struct stat st, by_fd;
    char name[32], link[64], path[32];
    ssize_t n;

    name_of(p.m, name, sizeof(name));
    NEED(stat(name, &st) == 0 && S_ISCHR(st.st_mode) && (st.st_mode & 07777) == 0620 && st.st_gid == 5 && st.st_uid == 0);
    NEED(major(st.st_rdev) == 136 && minor(st.st_rdev) == (unsigned)atoi(name + 9));
    NEED(fstat(p.s, &by_fd) == 0 && by_fd.st_ino == st.st_ino && by_fd.st_dev == st.st_dev);
    NEED(fstat(p.m, &st) == 0 && major(st.st_rdev) == 5 && minor(st.st_rdev) == 2);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", p.s);
    n = readlink(path, link, sizeof(link) - 1);
    NEED(n > 0 && (size_t)n == strlen(name) && memcmp(link, name, (size_t)n) == 0);
    NEED(strcmp(ttyname(p.s), name) == 0 && isatty(p.m) && isatty(p.s));
    close(p.m);
    FAILS(stat(name, &st), ENOENT);
}

static void
it_belongs_to_whoever_opened_it(void)
{
    struct stat st;
    char name[32];
    int m;

    NEED(seteuid(OTHER_UID) == 0);
    m = open_master();
    name_of(m, name, sizeof(name));
    NEED(stat(name, &st) == 0 && st.st_uid == OTHER_UID);
    NEED(open_slave(m, O_RDWR | O_NOCTTY) >= 0);
    NEED(seteuid(0) == 0 && seteuid(OTHER_UID + 1) == 0);
    FAILS(open_slave(m, O_RDWR | O_NOCTTY), EACCES);
    FAILS(unlink(name), EACCES);
    NEED(seteuid(0) == 0);
    FAILS(unlink(name), EPERM);
}

static void
a_locked_slave_cannot_be_opened(void)
{
    int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), locked = 0, zero = 0;

    NEED(ioctl(m, TIOCGPTLCK, &locked) == 0 && locked == 1);
    FAILS(open_slave(m, O_RDWR | O_NOCTTY), EIO);
    NEED(ioctl(m, TIOCSPTLCK, &zero) == 0 && ioctl(m, TIOCGPTLCK, &locked) == 0 && locked == 0);
    NEED(open_slave(m, O_RDWR | O_NOCTTY) >= 0);
}

static void
the_master_opens_its_slave_without_a_name(void)
{
    int m = open_master(), s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[32];

    NEED(s >= 0 && fcntl(s, F_GETFD) == FD_CLOEXEC);
    name_of(m, name, sizeof(name));
    NEED(strcmp(ttyname(s), name) == 0);
    type(m, "x\n");
    SAME(line_of(s), "x\n");
    FAILS(ioctl(s, TIOCGPTPEER, O_RDWR), EIO);
}

static void
numbers_are_the_lowest_free_ones(void)
{
    int a = open_master(), b = open_master(), c;
    char first[32], again[32];

    name_of(a, first, sizeof(first));
    close(a);
    c = open_master();
    name_of(c, again, sizeof(again));
    NEED(strcmp(first, again) == 0);
    close(b);
}

/* ---- modes ---- */

static void
a_new_terminal_has_the_usual_modes(void)
{
    struct pair p = open_pair();
    static const unsigned char cc[] = { 3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0 };
    struct termios t, by_master;
    struct winsize w = { 1, 1, 1, 1 };

    NEED(tcgetattr(p.s, &t) == 0 && tcgetattr(p.m, &by_master) == 0);
    NEED(t.c_iflag == (ICRNL | IXON) && t.c_oflag == (OPOST | ONLCR) && t.c_cflag == (B38400 | CS8 | CREAD));
    NEED(t.c_lflag == (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN));
    NEED(memcmp(t.c_cc, cc, sizeof(cc)) == 0 && by_master.c_lflag == t.c_lflag);
    NEED(ioctl(p.s, TIOCGWINSZ, &w) == 0 && w.ws_row == 0 && w.ws_col == 0);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)CSIZE) | CS7 | PARENB;
    NEED(tcsetattr(p.s, TCSANOW, &t) == 0 && tcgetattr(p.s, &t) == 0);
    NEED((t.c_cflag & (CSIZE | PARENB)) == CS8);
    FAILS(ioctl(p.s, TCGETS, 8), EFAULT);
    FAILS(ioctl(p.s, TCSETS, 8), EFAULT);
}

static void
speeds_are_bits_or_numbers(void)
{
    struct pair p = open_pair();
    struct {
        unsigned iflag, oflag, cflag, lflag;
        unsigned char line, cc[19];
        unsigned ispeed, ospeed;
    } t;

    NEED(ioctl(p.s, 0x802c542a, &t) == 0 && t.ispeed == 38400 && t.ospeed == 38400 && t.lflag & ICANON);
    t.cflag = (t.cflag & ~(unsigned)CBAUD) | B115200;
    NEED(ioctl(p.s, 0x402c542b, &t) == 0 && ioctl(p.s, 0x802c542a, &t) == 0 && t.ispeed == 115200 && t.ospeed == 115200);
    t.cflag = (t.cflag & ~(unsigned)CBAUD) | CBAUDEX;
    t.ospeed = t.ispeed = 12345;
    NEED(ioctl(p.s, 0x402c542b, &t) == 0);
    t.ospeed = 0;
    NEED(ioctl(p.s, 0x802c542a, &t) == 0 && t.ospeed == 12345 && (t.cflag & CBAUD) == CBAUDEX);
    FAILS(ioctl(p.s, 0x802c542a, 8), EFAULT);
}

static void
lines_are_edited_and_echoed(void)
{
    struct pair p = open_pair();

    type(p.m, "abx\x7f" "c\r");
    SAME(line_of(p.s), "abc\n");
    SAME(shown(p.m), "abx\b \bc\r\n");
    type(p.m, "one two-three\x17" "X\n");
    SAME(line_of(p.s), "one two-X\n");
    SAME(shown(p.m), "one two-three\b \b\b \b\b \b\b \b\b \bX\r\n");
    type(p.m, "gone\x15" "a\t\x7f\x01\x7f\x16\x03\n");
    SAME(line_of(p.s), "a\x03\n");
    SAME(shown(p.m), "gone\b \b\b \b\b \b\b \ba\t\b\b\b\b\b\b\b^A\b \b\b \b^\b^C\r\n");
    type(p.m, "ab\x12" "c\n");
    SAME(line_of(p.s), "abc\n");
    SAME(shown(p.m), "ab^R\r\nabc\r\n");
}

static void
echo_follows_its_flags(void)
{
    struct pair p = open_pair();

    modes(p.s, ICRNL, OPOST | ONLCR, ICANON | ECHO);
    type(p.m, "a\x01\x7f\x15" "b\n");
    SAME(line_of(p.s), "b\n");
    SAME(shown(p.m), "a\x01\x7f\x15" "b\r\n");
    modes(p.s, ICRNL, OPOST | ONLCR, ICANON | ECHO | ECHOK | ECHOCTL);
    type(p.m, "a\x15" "b\n");
    SAME(line_of(p.s), "b\n");
    SAME(shown(p.m), "a^U\r\nb\r\n");
    modes(p.s, ICRNL, OPOST | ONLCR, ICANON | ECHONL);
    type(p.m, "secret\n");
    SAME(line_of(p.s), "secret\n");
    SAME(shown(p.m), "\r\n");
    modes(p.s, 0, 0, ECHO | ECHOCTL);
    type(p.m, "a\r\n");
    SAME(shown(p.s), "a\r\n");
    SAME(shown(p.m), "a^M^J");
}

static void
input_is_translated(void)
{
    struct pair p = open_pair();

    modes(p.s, INLCR | IGNCR, 0, 0);
    type(p.m, "a\rb\nc");
    SAME(shown(p.s), "ab\rc");
    modes(p.s, ISTRIP | IUCLC, 0, IEXTEN);
    type(p.m, "\xc1" "BC");
    SAME(shown(p.s), "abc");
}

static void
output_is_processed(void)
{
    struct pair p = open_pair();

    type(p.s, "a\tb\nc\r\n");
    SAME(shown(p.m), "a\tb\r\nc\r\r\n");
    modes(p.s, 0, OPOST | XTABS | OCRNL | ONOCR, 0);
    type(p.s, "\rabc\td\r");
    SAME(shown(p.m), "abc     d\n");
    modes(p.s, 0, OPOST | OLCUC, 0);
    type(p.s, "abc\n");
    SAME(shown(p.m), "ABC\n");
    modes(p.s, 0, ONLCR, 0);
    type(p.s, "a\n");
    SAME(shown(p.m), "a\n");
}

static void
end_of_file_is_a_key(void)
{
    struct pair p = open_pair();
    char c[8];

    type(p.m, "\x04");
    NEED(waiting(p.s) == 0 && (events(p.s) & POLLIN));
    NEED(read(p.s, c, sizeof(c)) == 0);
    type(p.m, "abc\x04");
    NEED(waiting(p.s) == 3 && read(p.s, c, 3) == 3);
    NEED((events(p.s) & POLLIN) == 0);
    type(p.m, "abc\x04" "de\n");
    SAME(line_of(p.s), "abc");
    SAME(line_of(p.s), "de\n");
}

static void
a_read_gets_one_line_at_most(void)
{
    struct pair p = open_pair();
    char c[8];

    type(p.m, "one\ntwo\n");
    NEED(waiting(p.s) == 8 && read(p.s, c, 2) == 2);
    SAME(line_of(p.s), "e\n");
    SAME(line_of(p.s), "two\n");
    fcntl(p.s, F_SETFL, O_NONBLOCK);
    type(p.m, "half");
    FAILS(read(p.s, c, sizeof(c)), EAGAIN);
    NEED((events(p.s) & POLLIN) == 0);
}

static void
a_change_of_mode_keeps_what_was_typed(void)
{
    struct pair p = open_pair();
    struct termios t;

    NEED(tcgetattr(p.s, &t) == 0);
    type(p.m, "half");
    modes(p.s, 0, 0, 0);
    SAME(line_of(p.s), "half");
    type(p.m, "raw");
    NEED(tcsetattr(p.s, TCSANOW, &t) == 0);
    SAME(line_of(p.s), "raw");
    type(p.m, "lost\n");
    NEED(tcsetattr(p.s, TCSAFLUSH, &t) == 0 && waiting(p.s) == 0);
    type(p.m, "lost\n");
    NEED(tcflush(p.s, TCIFLUSH) == 0 && waiting(p.s) == 0);
    type(p.m, "kept\n");
    NEED(tcflush(p.s, TCOFLUSH) == 0);
    SAME(line_of(p.s), "kept\n");
}

static void
a_line_has_4095_characters_and_an_end(void)
{
    struct pair p = open_pair();
    char text[5000], got[8192];

    modes(p.s, 0, 0, ICANON);
    memset(text, 'x', sizeof(text));
    NEED(write(p.m, text, sizeof(text)) == (ssize_t)sizeof(text));
    type(p.m, "\n");
    NEED(read(p.s, got, sizeof(got)) == 4096 && got[4095] == '\n');
    type(p.m, "next\n");
    SAME(line_of(p.s), "next\n");
}

/* ---- raw reads ---- */

static void
later(const struct pair *p, long ms, const char *text)
{
    if (fork() == 0) {
        sleep_ms(ms);
        type(p->m, text);
        _exit(0);
    }
}

static void
raw_reads_wait_as_vmin_and_vtime_say(void)
{
    struct pair p = raw_pair();
    struct termios t;
    char c[16];

    NEED(tcgetattr(p.s, &t) == 0 && t.c_cc[VMIN] == 1 && t.c_cc[VTIME] == 0);
    t.c_cc[VMIN] = 0;
    tcsetattr(p.s, TCSANOW, &t);
    NEED(read(p.s, c, sizeof(c)) == 0);
    t.c_cc[VTIME] = 2;
    tcsetattr(p.s, TCSANOW, &t);
    NEED(read(p.s, c, sizeof(c)) == 0);
    later(&p, 50, "a");
    NEED(read(p.s, c, sizeof(c)) == 1);
    t.c_cc[VMIN] = 3;
    t.c_cc[VTIME] = 0;
    tcsetattr(p.s, TCSANOW, &t);
    type(p.m, "ab");
    NEED((events(p.s) & POLLIN) == 0 && waiting(p.s) == 2);
    later(&p, 50, "c");
    NEED(read(p.s, c, sizeof(c)) == 3);
    type(p.m, "abcde");
    NEED(read(p.s, c, 2) == 2 && read(p.s, c, sizeof(c)) == 3);
    t.c_cc[VTIME] = 1;
    tcsetattr(p.s, TCSANOW, &t);
    type(p.m, "ab");
    NEED((events(p.s) & POLLIN) && read(p.s, c, sizeof(c)) == 2);
    fcntl(p.s, F_SETFL, O_NONBLOCK);
    type(p.m, "ab");
    NEED(read(p.s, c, sizeof(c)) == 2);
    FAILS(read(p.s, c, sizeof(c)), EAGAIN);
}

static void
much_goes_through_both_ways(void)
{
    struct pair p = raw_pair();
    static char text[40000], got[40000];
    size_t at;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7 + i / 251);
    for (int way = 0; way < 2; way++) {
        int from = way ? p.m : p.s, to = way ? p.s : p.m;
        pid_t writer = fork();

        if (writer == 0)
            _exit(write(from, text, sizeof(text)) == (ssize_t)sizeof(text) ? 0 : 1);
        for (at = 0; at < sizeof(got);) {
            ssize_t n = read(to, got + at, sizeof(got) - at);
            NEED(n > 0);
            at += (size_t)n;
        }
        NEED(memcmp(text, got, sizeof(got)) == 0 && status_of(writer) == 0);
    }
    fcntl(p.s, F_SETFL, O_NONBLOCK);
    fcntl(p.m, F_SETFL, O_NONBLOCK);
    for (at = 0; write(p.s, text, 1000) > 0; at++)
        NEED(at < 1000);
    NEED(errno == EAGAIN && (events(p.s) & POLLOUT) == 0);
    for (at = 0; write(p.m, text, 1000) > 0; at++)
        NEED(at < 1000);
    NEED(errno == EAGAIN && (events(p.m) & POLLIN));
}

/* ---- flow ---- */

static void
output_stops_and_starts(void)
{
    struct pair p = open_pair();

    fcntl(p.s, F_SETFL, O_NONBLOCK);
    type(p.m, "\x13");
    NEED((events(p.s) & POLLOUT) == 0);
    FAILS(write(p.s, "x", 1), EAGAIN);
    type(p.m, "\x11");
    NEED(write(p.s, "x", 1) == 1);
    NEED(tcflow(p.s, TCOOFF) == 0);
    FAILS(write(p.s, "x", 1), EAGAIN);
    type(p.m, "\x11");
    FAILS(write(p.s, "x", 1), EAGAIN);
    NEED(tcflow(p.s, TCOON) == 0 && write(p.s, "y", 1) == 1);
    SAME(shown(p.m), "xy");
    NEED(tcflow(p.s, TCIOFF) == 0 && tcflow(p.s, TCION) == 0);
    SAME(shown(p.m), "\x13\x11");
    NEED(tcdrain(p.s) == 0 && tcsendbreak(p.s, 0) == 0);
    modes(p.s, IXON | IXANY, 0, ICANON);
    type(p.m, "\x13");
    FAILS(write(p.s, "x", 1), EAGAIN);
    type(p.m, "a");
    NEED(write(p.s, "x", 1) == 1);
    FAILS(tcflow(p.s, 9), EINVAL);
    FAILS(tcflush(p.s, 9), EINVAL);
}

static void
packet_mode_tells_what_happens(void)
{
    struct pair p = open_pair();
    int on = 1, got = 0;
    char c[16];

    NEED(ioctl(p.m, TIOCPKT, &on) == 0 && ioctl(p.m, TIOCGPKT, &got) == 0 && got == 1);
    type(p.s, "data");
    NEED(read(p.m, c, sizeof(c)) == 5 && c[0] == TIOCPKT_DATA && memcmp(c + 1, "data", 4) == 0);
    tcflow(p.s, TCOOFF);
    NEED((events(p.m) & (POLLIN | POLLPRI)) == (POLLIN | POLLPRI));
    NEED(read(p.m, c, sizeof(c)) == 1 && c[0] == TIOCPKT_STOP);
    tcflow(p.s, TCOON);
    NEED(read(p.m, c, sizeof(c)) == 1 && c[0] == TIOCPKT_START);
    modes(p.s, 0, 0, ICANON);
    NEED(read(p.m, c, sizeof(c)) == 1 && c[0] == TIOCPKT_NOSTOP);
    modes(p.s, IXON, 0, ICANON);
    NEED(read(p.m, c, sizeof(c)) == 1 && c[0] == TIOCPKT_DOSTOP);
    tcflush(p.s, TCIFLUSH);
    NEED(read(p.m, c, sizeof(c)) == 1 && c[0] == TIOCPKT_FLUSHREAD);
    tcflush(p.s, TCOFLUSH);
    NEED(read(p.m, c, sizeof(c)) == 1 && c[0] == TIOCPKT_FLUSHWRITE);
    FAILS(ioctl(p.s, TIOCPKT, &on), ENOTTY);
}

/* ---- the ends ---- */

static void
the_master_hears_that_the_last_slave_closed(void)
{
    struct pair p = open_pair();
    int again = dup(p.s), m2 = open_master();
    char c[8];

    fcntl(m2, F_SETFL, O_NONBLOCK);
    FAILS(read(m2, c, 1), EAGAIN);
    NEED((events(m2) & POLLHUP) == 0);
    type(p.s, "rest");
    close(p.s);
    NEED((events(p.m) & POLLHUP) == 0);
    close(again);
    NEED((events(p.m) & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
    SAME(line_of(p.m), "rest");
    FAILS(read(p.m, c, sizeof(c)), EIO);
    p.s = open_slave(p.m, O_RDWR | O_NOCTTY);
    NEED(p.s >= 0 && (events(p.m) & POLLHUP) == 0);
    type(p.s, "new");
    SAME(line_of(p.m), "new");
    if (fork() == 0) {
        sleep_ms(50);
        _exit(0);
    }
    close(p.s);
    FAILS(read(p.m, c, sizeof(c)), EIO);
}

static void
the_slave_hears_that_the_master_closed(void)
{
    struct pair p = open_pair();
    struct termios t;
    char c[8], name[32];

    name_of(p.m, name, sizeof(name));
    type(p.m, "unread\n");
    close(p.m);
    NEED(read(p.s, c, sizeof(c)) == 0);
    FAILS(write(p.s, "x", 1), EIO);
    FAILS(ioctl(p.s, TCGETS, &t), EIO);
    FAILS(tcsetpgrp(p.s, getpgrp()), ENOTTY);
    NEED(events(p.s) == (POLLIN | POLLOUT | POLLERR | POLLHUP));
    FAILS(open(name, O_RDWR), ENOENT);
}

static void
sleepers_are_woken_by_the_other_end(void)
{
    struct pair p = raw_pair();
    static char text[100000];
    pid_t reader = fork(), writer;
    char c;

    if (reader == 0) {
        close(p.m);
        FAILS(read(p.s, &c, 1), EIO);
        sleep_ms(20);
        NEED(read(p.s, &c, 1) == 0);
        _exit(0);
    }
    writer = fork();
    if (writer == 0) {
        close(p.m);
        NEED(write(p.s, text, sizeof(text)) < (ssize_t)sizeof(text));
        FAILS(write(p.s, "x", 1), EIO);
        _exit(0);
    }
    sleep_ms(50);
    close(p.m);
    NEED(status_of(reader) == 0);
    NEED(status_of(writer) == 0);
}

/* ---- sessions ---- */

/* The child leads a new session on the slave, its standard input; `more` says whether it has an interest in the master. */
static void
login(struct pair *p)
{
    NEED(setsid() == getpid());
    NEED(ioctl(p->s, TIOCSCTTY, 0) == 0);
    dup2(p->s, 0);
}

static pid_t
session(struct pair *p)
{
    pid_t pid = fork();

    if (pid == 0) {
        login(p);
        close(p->m);
    }
    return pid;
}

static void
a_leader_gets_a_terminal_by_asking_or_opening(void)
{
    struct pair p = open_pair(), q = open_pair();
    pid_t sid = -1;

    FAILS(open("/dev/tty", O_RDWR), ENXIO);
    FAILS(ioctl(p.s, TIOCGPGRP, &sid), ENOTTY);
    NEED(ioctl(p.m, TIOCGPGRP, &sid) == 0 && sid == 0);
    FAILS(ioctl(p.m, TIOCGSID, &sid), ENOTTY);
    NEED(open_slave(p.m, O_WRONLY) >= 0);
    FAILS(open("/dev/tty", O_RDWR), ENXIO);
    NEED(open_slave(p.m, O_RDWR) >= 0);
    NEED(open("/dev/tty", O_RDWR) >= 0 && tcgetsid(p.s) == getpid() && tcgetpgrp(p.s) == getpid());
    NEED(ioctl(p.m, TIOCGSID, &sid) == 0 && sid == getpid() && ioctl(p.m, TIOCGPGRP, &sid) == 0 && sid == getpid());
    NEED(ioctl(p.s, TIOCSCTTY, 0) == 0);
    FAILS(ioctl(q.s, TIOCSCTTY, 0), EPERM);
    catch(SIGHUP);
    catch(SIGCONT);
    NEED(ioctl(p.s, TIOCNOTTY) == 0 && caught[SIGHUP] == 1 && caught[SIGCONT] == 1);
    FAILS(open("/dev/tty", O_RDWR), ENXIO);
    FAILS(ioctl(p.s, TIOCNOTTY), ENOTTY);
    NEED(ioctl(q.s, TIOCSCTTY, 0) == 0);
}

static void
system_v_modes_are_the_low_halves(void)
{
    struct { unsigned short iflag, oflag, cflag, lflag; unsigned char line, cc[8]; } old;
    struct pair p = open_pair();
    struct termios t;

    NEED(tcgetattr(p.s, &t) == 0 && ioctl(p.s, 0x5405, &old) == 0);
    NEED(old.iflag == (t.c_iflag & 0xffff) && old.oflag == (t.c_oflag & 0xffff) && old.lflag == (t.c_lflag & 0xffff));
    NEED(memcmp(old.cc, t.c_cc, sizeof(old.cc)) == 0);
    old.lflag &= (unsigned short)~ECHO;
    old.cc[VKILL] = 'k';
    NEED(ioctl(p.s, 0x5407, &old) == 0 && tcgetattr(p.s, &t) == 0);
    NEED(!(t.c_lflag & ECHO) && (t.c_lflag & ICANON) && t.c_cc[VKILL] == 'k');
    FAILS(ioctl(p.s, 0x5406, 1), EFAULT);
    FAILS(ioctl(open("/dev/null", O_RDONLY), 0x5405, &old), ENOTTY);
}

/* All who had it open are cut off, its leader is told, and it can be opened again. */
static void
vhangup_leaves_a_terminal_to_the_next_one(void)
{
    struct pair p = open_pair();
    char name[32];
    pid_t sid;
    int again;

    name_of(p.m, name, sizeof(name));
    if (fork() == 0) {
        NEED(setuid(OTHER_UID) == 0);
        FAILS(vhangup(), EPERM);
        _exit(0);
    }
    wait(NULL);
    NEED(ioctl(p.s, TIOCSCTTY, 0) == 0);
    catch(SIGHUP);
    catch(SIGCONT);
    NEED(vhangup() == 0 && caught[SIGHUP] == 1 && caught[SIGCONT] == 1);
    FAILS(write(p.s, "x", 1), EIO);
    NEED(read(p.s, name + 20, 1) == 0);
    FAILS(tcgetsid(p.s), EIO);
    FAILS(open("/dev/tty", O_RDWR), ENXIO);
    again = open_slave(p.m, O_RDWR);
    NEED(again >= 0 && tcgetpgrp(again) == getpid());
    NEED(ioctl(p.m, TIOCGSID, &sid) == 0 && sid == getpid());
    NEED(write(again, "y", 1) == 1 && read(p.m, name, 1) == 1 && name[0] == 'y');
    NEED(vhangup() == 0);
}

static void
another_sessions_terminal_can_be_stolen_by_root(void)
{
    struct pair p = open_pair();
    int go[2];
    pid_t first;
    char c;

    NEED(pipe(go) == 0);
    first = fork();
    if (first == 0) {
        login(&p);
        NEED(write(go[1], "x", 1) == 1);
        while (open("/dev/tty", O_RDWR) >= 0)
            sleep_ms(10);
        _exit(errno == ENXIO ? 0 : 1);
    }
    NEED(read(go[0], &c, 1) == 1);
    FAILS(ioctl(p.s, TIOCSCTTY, 0), EPERM);
    NEED(seteuid(OTHER_UID) == 0);
    FAILS(ioctl(p.s, TIOCSCTTY, 1), EPERM);
    NEED(seteuid(0) == 0 && ioctl(p.s, TIOCSCTTY, 1) == 0);
    NEED(status_of(first) == 0 && tcgetsid(p.s) == getpid());
}

static void
keys_signal_the_foreground(void)
{
    struct pair p = open_pair();
    int ready[2];
    char c;
    pid_t pid;

    NEED(pipe(ready) == 0);
    pid = fork();
    if (pid == 0) {
        login(&p);
        catch(SIGINT);
        catch(SIGQUIT);
        catch(SIGTSTP);
        catch(SIGWINCH);
        NEED(write(ready[1], "x", 1) == 1);
        while (!caught[SIGINT] || !caught[SIGQUIT] || !caught[SIGTSTP] || caught[SIGWINCH] != 1)
            sleep_ms(5);
        _exit(0);
    }
    NEED(read(ready[0], &c, 1) == 1);
    type(p.m, "lost");
    type(p.m, "\x03");
    SAME(shown(p.m), "lost^C");
    NEED(waiting(p.s) == 0);
    type(p.m, "\x1c");
    type(p.m, "\x1a");
    SAME(shown(p.m), "^\\^Z");
    NEED(ioctl(p.m, TIOCSWINSZ, &(struct winsize){ 30, 90, 0, 0 }) == 0);
    NEED(ioctl(p.s, TIOCSWINSZ, &(struct winsize){ 30, 90, 0, 0 }) == 0);
    NEED(status_of(pid) == 0);
    FAILS(ioctl(p.m, 0x40045436, SIGKILL), EINVAL);
    NEED(ioctl(p.m, 0x40045436, SIGINT) == 0);
}

static void
those_in_the_background_are_stopped(void)
{
    struct pair p = open_pair();
    pid_t pid = session(&p);
    char c;

    if (pid == 0) {
        pid_t job = fork();

        if (job == 0) {
            setpgid(0, 0);
            NEED(read(0, &c, 1) == 1 && c == 'k');
            NEED(write(0, "free", 4) == 4);
            modes(0, ICRNL, 0, ICANON | TOSTOP);        /* in the foreground by now */
            kill(getpid(), SIGSTOP);
            NEED(write(0, "tos", 3) == 3);
            tcsetpgrp(0, getpgrp());
            _exit(7);
        }
        setpgid(job, job);
        NEED(WSTOPSIG(status_of(job)) == SIGTTIN);
        NEED(tcsetpgrp(0, job) == 0 && kill(job, SIGCONT) == 0);
        NEED(WSTOPSIG(status_of(job)) == SIGSTOP);
        signal(SIGTTOU, SIG_IGN);
        NEED(tcsetpgrp(0, getpgrp()) == 0 && kill(job, SIGCONT) == 0);
        NEED(WSTOPSIG(status_of(job)) == SIGTTOU);
        NEED(kill(job, SIGKILL) == 0 && WTERMSIG(status_of(job)) == SIGKILL);
        _exit(0);
    }
    type(p.m, "k\n");
    NEED(status_of(pid) == 0);
    SAME(shown(p.m), "k\r\nfree");
}

static void
a_signal_that_is_ignored_or_helps_nobody_is_an_error(void)
{
    struct pair p = open_pair();
    char got[8] = "";
    int fd[2];
    pid_t pid;

    NEED(pipe(fd) == 0);
    pid = session(&p);
    if (pid == 0) {
        pid_t job = fork();
        int status;

        if (job == 0) {
            char c;

            setpgid(0, 0);
            signal(SIGTTIN, SIG_IGN);
            FAILS(read(0, &c, 1), EIO);
            signal(SIGTTIN, SIG_DFL);
            if (fork() == 0) {
                while (getppid() != 1)
                    sleep_ms(5);
                FAILS(read(0, &c, 1), EIO);             /* its group is an orphan's */
                FAILS(tcsetpgrp(0, getpgrp()), ENOTTY);
                FAILS(tcflow(0, TCOON), EIO);
                type(fd[1], "orphan");
                _exit(0);
            }
            _exit(0);
        }
        NEED(waitpid(job, &status, 0) == job && status == 0);
        sleep_ms(300);
        _exit(0);
    }
    close(fd[1]);
    NEED(status_of(pid) == 0);
    NEED(read(fd[0], got, 7) == 6);
}

static void
a_group_is_told_when_it_becomes_an_orphan(void)
{
    int fd[2];
    pid_t pid;
    char got[8] = "";

    NEED(pipe(fd) == 0);
    pid = fork();
    if (pid == 0) {
        pid_t job = fork();

        if (job == 0) {
            setpgid(0, 0);
            catch(SIGHUP);
            catch(SIGCONT);
            kill(getpid(), SIGSTOP);
            type(fd[1], caught[SIGHUP] == 1 && caught[SIGCONT] == 1 ? "told" : "no");
            _exit(0);
        }
        NEED(WIFSTOPPED(status_of(job)));
        _exit(0);
    }
    NEED(status_of(pid) == 0);
    NEED(read(fd[0], got, 7) > 0);
    SAME(got, "told");
}

static void
when_the_leader_ends_its_foreground_hears_of_it(void)
{
    struct pair p = open_pair();
    int fd[2];
    char got[8] = "";
    pid_t pid;

    NEED(pipe(fd) == 0);
    pid = session(&p);
    if (pid == 0) {
        if (fork() == 0) {
            catch(SIGHUP);
            while (!caught[SIGHUP])
                sleep_ms(5);
            errno = 0;
            NEED(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
            NEED(write(0, "after", 5) == 5);            /* the terminal itself goes on */
            type(fd[1], "hup");
            _exit(0);
        }
        sleep_ms(50);
        _exit(0);
    }
    NEED(status_of(pid) == 0 && read(fd[0], got, 7) == 3);
    SAME(got, "hup");
    SAME(shown(p.m), "after");
}

static void
when_the_master_closes_the_leader_hears_of_it(void)
{
    struct pair p = open_pair();
    int fd[2];
    char got[8] = "";

    NEED(pipe(fd) == 0);
    if (session(&p) == 0) {
        catch(SIGHUP);
        catch(SIGCONT);
        if (fork() == 0) {
            setpgid(0, 0);
            signal(SIGTTOU, SIG_IGN);
            NEED(tcsetpgrp(0, getpgrp()) == 0);
            type(fd[1], "j");
            while (!caught[SIGHUP] || !caught[SIGCONT])
                sleep_ms(5);
            type(fd[1], "f");                           /* from the leader's end, not from the master's */
            _exit(0);
        }
        while (!caught[SIGHUP] || !caught[SIGCONT])
            sleep_ms(5);
        NEED(open("/dev/tty", O_RDWR) == -1);
        NEED(read(0, got, 1) == 0);
        type(fd[1], "l");
        sleep_ms(30);
        _exit(0);
    }
    close(p.s);
    NEED(read(fd[0], got, 1) == 1);
    close(p.m);
    NEED(read(fd[0], got + 1, 1) == 1 && read(fd[0], got + 2, 1) == 1);
    SAME(got, "jlf");
}

static void
bytes_are_typed_by_root_alone(void)
{
    struct pair p = open_pair();

    NEED(ioctl(p.s, TIOCSTI, "x") == 0 && ioctl(p.s, TIOCSTI, "\n") == 0);
    SAME(line_of(p.s), "x\n");
    NEED(seteuid(OTHER_UID) == 0);
    FAILS(ioctl(p.s, TIOCSTI, "x"), EIO);
}

static void
an_exclusive_terminal_is_opened_once(void)
{
    struct pair p = open_pair();
    int n = -1;

    NEED(ioctl(p.s, TIOCEXCL) == 0 && ioctl(p.s, 0x80045440, &n) == 0 && n == 1);
    NEED(open_slave(p.m, O_RDWR | O_NOCTTY) >= 0);
    NEED(fchown(p.s, OTHER_UID, -1) == 0 && seteuid(OTHER_UID) == 0);
    FAILS(open_slave(p.m, O_RDWR | O_NOCTTY), EBUSY);
    NEED(seteuid(0) == 0 && ioctl(p.s, TIOCNXCL) == 0 && seteuid(OTHER_UID) == 0);
    NEED(open_slave(p.m, O_RDWR | O_NOCTTY) >= 0);
}

static void
ps_can_tell_whose_terminal_it_is(void)
{
    struct pair p = open_pair();
    char name[32], text[512], *at;
    int fd, tty_nr, tpgid, sid;
    pid_t pid;

    name_of(p.m, name, sizeof(name));
    pid = session(&p);
    if (pid != 0) {
        NEED(status_of(pid) == 0);
        return;
    }
    fd = open("/proc/self/stat", O_RDONLY);
    NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    at = strrchr(text, ')');
    NEED(at != NULL && sscanf(at + 2, "%*c %*d %*d %d %d %d", &sid, &tty_nr, &tpgid) == 3);
    NEED(sid == getpid() && tty_nr == (136 << 8 | atoi(name + 9)) && tpgid == getpid());
    _exit(0);
}

/* ---- exhaustion and sudden ends ---- */

static unsigned
pairs_now(void)
{
    char text[16] = "";
    int fd = open("/proc/sys/kernel/pty/nr", O_RDONLY);

    NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    return (unsigned)atoi(text);
}

/* Those of an earlier point may take a moment to end. */
static int
no_pair_is_left(void)
{
    for (int ms = 0; pairs_now() != 0 && ms < LONG_MS; ms += 10)
        sleep_ms(10);
    return pairs_now() == 0;
}

static void
no_pair_is_left_of_those_that_were_killed(void)
{
    NEED(no_pair_is_left());
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            for (;;) {
                struct pair p = open_pair();
                char c[64];

                fcntl(p.m, F_SETFL, O_NONBLOCK);
                type(p.m, "hello\n");
                NEED(read(p.s, c, sizeof(c)) == 6);
                if (i % 3 == 0 && fork() == 0) {
                    login(&p);
                    close(0);
                    close(i % 2 ? p.m : p.s);
                    for (;;)
                        if (read(i % 2 ? p.s : p.m, c, sizeof(c)) <= 0)
                            _exit(0);
                }
                sleep_ms(i % 4 == 0);
                close(i % 2 ? p.m : p.s);
                close(i % 2 ? p.s : p.m);
            }
        }
        sleep_ms(1 + i % 7);
        kill(pid, SIGKILL);
        NEED(WTERMSIG(status_of(pid)) == SIGKILL);
    }
    NEED(no_pair_is_left());
}

static void
there_is_an_end_to_pairs(void)
{
    static int fds[PAIRS_MAX];
    int n = 0, limit = 0;
    FILE *f = fopen("/proc/sys/kernel/pty/max", "r");

    NEED(f != NULL && fscanf(f, "%d", &limit) == 1);
    if (limit > PAIRS_MAX)              /* Linux, where it can be set */
        return;
    NEED(no_pair_is_left());
    while (n < PAIRS_MAX && (fds[n] = open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0)
        n++;
    NEED(errno == ENOSPC && n == limit && (int)pairs_now() == limit);
    for (int i = 0; i < n; i++)
        close(fds[i]);
    NEED(pairs_now() == 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define T(name) { #name, name }
    T(a_pair_has_a_name_an_owner_and_a_device),
    T(it_belongs_to_whoever_opened_it),
    T(a_locked_slave_cannot_be_opened),
    T(the_master_opens_its_slave_without_a_name),
    T(numbers_are_the_lowest_free_ones),
    T(a_new_terminal_has_the_usual_modes),
    T(speeds_are_bits_or_numbers),
    T(lines_are_edited_and_echoed),
    T(echo_follows_its_flags),
    T(input_is_translated),
    T(output_is_processed),
    T(end_of_file_is_a_key),
    T(a_read_gets_one_line_at_most),
    T(a_change_of_mode_keeps_what_was_typed),
    T(a_line_has_4095_characters_and_an_end),
    T(raw_reads_wait_as_vmin_and_vtime_say),
    T(much_goes_through_both_ways),
    T(output_stops_and_starts),
    T(packet_mode_tells_what_happens),
    T(the_master_hears_that_the_last_slave_closed),
    T(the_slave_hears_that_the_master_closed),
    T(sleepers_are_woken_by_the_other_end),
    T(a_leader_gets_a_terminal_by_asking_or_opening),
    T(vhangup_leaves_a_terminal_to_the_next_one),
    T(system_v_modes_are_the_low_halves),
    T(another_sessions_terminal_can_be_stolen_by_root),
    T(keys_signal_the_foreground),
    T(those_in_the_background_are_stopped),
    T(a_signal_that_is_ignored_or_helps_nobody_is_an_error),
    T(a_group_is_told_when_it_becomes_an_orphan),
    T(when_the_leader_ends_its_foreground_hears_of_it),
    T(when_the_master_closes_the_leader_hears_of_it),
    T(bytes_are_typed_by_root_alone),
    T(an_exclusive_terminal_is_opened_once),
    T(ps_can_tell_whose_terminal_it_is),
    T(no_pair_is_left_of_those_that_were_killed),
    T(there_is_an_end_to_pairs),
};

/* The name of a test as a sentence. */
static void
report(unsigned n, int good)
{
    printf("%s %u - ", good ? "ok" : "not ok", n + 1);
    for (const char *c = tests[n].name; *c != '\0'; c++)
        putchar(*c == '_' ? ' ' : *c);
    putchar('\n');
    fflush(stdout);
}

/* With a number only that point is made. */
int
main(int argc, char **argv)
{
    const unsigned count = sizeof(tests) / sizeof(tests[0]);
    unsigned only = argc > 1 ? (unsigned)atoi(argv[1]) : 0;

    printf("1..%u\n", count);
    fflush(stdout);
    for (unsigned n = only > 0 ? only - 1 : 0; n < (only > 0 ? only : count); n++) {
        pid_t pid = fork();

        if (pid == 0) {
            NEED(setsid() == getpid());
            alarm(20);
            tests[n].run();
            _exit(0);
        }
        report(n, status_of(pid) == 0);
    }
    return 0;
}
