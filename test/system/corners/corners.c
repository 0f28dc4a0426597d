/* corners.c: calls with arguments that few programs pass: what each answers, to be compared with what Linux prints (corners.txt). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define STATX(fd, flags, mask, out) syscall(SYS_statx, fd, "file", flags, mask, out)
#define STATX_ANY_SYNC 0x6000
#define NOBODY 12345

static int file, place, pipes[2];

static void
say(const char *what, long result)
{
    printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
    fflush(stdout);
}

static void
places(void)
{
    struct stat s;

    place = open("file", O_PATH);
    say("place: chown", fchown(place, 0, 0));
    say("place: chmod", fchmod(place, 0600));
    say("place: truncate", ftruncate(place, 0));
    say("place: flags", fcntl(place, F_SETFL, O_NONBLOCK));
    say("place: lease", fcntl(place, F_GETLEASE));
    say("place: map", (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, place, 0));
    say("place: stat", fstat(place, &s));
    say("place: copy of it", dup(place) > 0);
}

static void
names_and_times(void)
{
    struct timespec omit[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } }, late[2] = { { 1l << 40, 5 }, { 1l << 40, 5 } };
    char buffer[512];
    struct stat s;

    say("no name to read", readlink("", buffer, sizeof(buffer)));
    say("no time of nothing", utimensat(AT_FDCWD, "nothing", omit, 0));
    say("no time of a bad descriptor", syscall(SYS_utimensat, 99, "nothing", omit, 0));
    say("a time after the last", utimensat(AT_FDCWD, "file", late, 0));
    say("is the last", stat("file", &s) == 0 ? s.st_mtime : -1);
    say("statx, a bit too many", STATX(AT_FDCWD, 0, 0x80000000u, buffer));
    say("statx, in two ways", STATX(AT_FDCWD, STATX_ANY_SYNC, 0, buffer));
}

static void
nameless(void)
{
    struct statfs f;
    struct stat s;
    int local[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, local) != 0)
        exit(1);
    say("the end of all noughts", lseek(open("/dev/zero", O_RDONLY), -100, SEEK_END));
    say("pipe: mode", fchmod(pipes[0], 0600));
    say("pipe: owner", fchown(pipes[0], 0, 0));
    say("pipe: readahead", readahead(pipes[0], 0, 1));
    say("pipe: file system", fstatfs(pipes[0], &f));
    say("pipe: its number", f.f_type);
    say("socket: file system", fstatfs(local[0], &f));
    say("socket: its number", f.f_type);
    say("socket: mode", fstat(local[0], &s) == 0 ? (long)s.st_mode : -1);
}

static void
file_to_file(void)
{
    int in = open("file", O_RDONLY), out = open("other", O_WRONLY | O_CREAT | O_APPEND, 0644), dir = open(".", O_RDONLY);
    struct flock none = { .l_type = F_UNLCK };
    loff_t at = 0;

    say("readahead of a file for writing", readahead(out, 0, 1));
    say("sendfile to the end", sendfile(out, in, &at, 3));
    say("a range of a directory", copy_file_range(dir, NULL, file, NULL, 1, 0));
    say("a range to a pipe", copy_file_range(in, NULL, pipes[1], NULL, 1, 0));
    say("a test for no lock", fcntl(in, F_GETLK, &none));
    say("a lease that nobody has", fcntl(in, F_GETLEASE));
}

static void
memory(void)
{
    char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    say("validated without a file", (long)mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
    say("a file's last page of all", (long)mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, file, LONG_MAX & ~4095l));
    say("protect to the end", syscall(SYS_mprotect, p, (size_t)-1, PROT_READ));
    say("protect nothing", mprotect(p, 0, PROT_READ));
}

static void *volatile faulted_at;

static void
faulted(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    faulted_at = info->si_addr;
    _exit(info->si_addr == NULL && info->si_code == SI_KERNEL ? 0 : 1);
}

static void
handled(int sig)
{
    (void)sig;
}

static int
ended(pid_t pid)
{
    int status;

    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static void
processes(void)
{
    struct sigaction news = { .sa_handler = handled }, fault = { .sa_sigaction = faulted, .sa_flags = SA_SIGINFO };
    union sigval value = { .sival_int = 1 };
    pid_t pid;

    say("wait for the group that is no number", waitpid(INT_MIN, NULL, 0));
    say("queue nothing to nobody", sigqueue(NOBODY, 0, value));
    say("queue nothing", sigqueue(getpid(), 0, value));
    say("a group of a negative process", setpgid(-1, 0));
    sigaction(SIGCHLD, &news, NULL);
    pid = fork();
    if (pid == 0)
        _exit(3);
    say("a wait that the news interrupts", ended(pid));
    news.sa_flags = SA_NOCLDWAIT;
    sigaction(SIGCHLD, &news, NULL);
    pid = fork();
    if (pid == 0)
        _exit(3);
    say("a wait for who leaves nothing", waitpid(pid, NULL, 0));
    signal(SIGCHLD, SIG_DFL);
    pid = fork();
    if (pid == 0) {
        sigaction(SIGSEGV, &fault, NULL);
        *(volatile char *)(uintptr_t)0x8000000000000000ul = 1;
    }
    say("a fault at no address", ended(pid));
}

static void
somebody(void)
{
    struct timespec t = { 1, 0 };
    struct timeval v = { 1, 0 };

    say("somebody", setuid(NOBODY));
    say("somebody's host name", sethostname("x", 1));
    say("somebody's domain", setdomainname("x", 1));
    say("somebody's clock", clock_settime(CLOCK_REALTIME, &t));
    say("somebody's time of day", settimeofday(&v, NULL));
    say("somebody comes first", setpriority(PRIO_PROCESS, 0, -5));
    say("somebody is nice", setpriority(PRIO_PROCESS, 0, 5));
    say("somebody is less nice", setpriority(PRIO_PROCESS, 0, 4));
    say("somebody moves another", setpriority(PRIO_PROCESS, 1, 5));
    say("how nice", getpriority(PRIO_USER, NOBODY));
    exit(0);
}

/* As setpriv(1) does it: another user first, another group with what was kept. */
static void
kept(void)
{
    struct { uint32_t version; int pid; } header = { 0x20080522, 0 };
    uint32_t sets[6] = { 1u << 6, 1u << 6 };

    say("capabilities are kept", prctl(PR_SET_KEEPCAPS, 1));
    say("somebody else", setresuid(NOBODY, NOBODY, NOBODY));
    say("whose group is not to be set", setresgid(NOBODY, NOBODY, NOBODY));
    say("what was kept", syscall(SYS_capset, &header, sets));
    say("whose group is to be set", setresgid(NOBODY, NOBODY, NOBODY));
    say("and its groups", syscall(SYS_setgroups, 0, NULL));
    say("but not its user", setresuid(0, 0, 0));
    exit(0);
}

static void
capabilities(void)
{
    struct { uint32_t version; int pid; } header = { 0, 0 };
    uint32_t sets[6] = { 0 };

    say("capabilities, which version", syscall(SYS_capget, &header, NULL));
    say("that one", header.version);
    say("capabilities of init", (header.pid = 1, syscall(SYS_capget, &header, sets)));
    say("some of them", sets[0] & 0xff);
    say("capabilities of nobody", (header.pid = NOBODY, syscall(SYS_capget, &header, sets)));
    say("more than permitted", (header.pid = 0, sets[0] = 1, sets[1] = 0, syscall(SYS_capset, &header, sets)));
    say("disk priority", syscall(SYS_ioprio_get, 1, 0));
    say("idle at the disk", syscall(SYS_ioprio_set, 1, 0, 3 << 13));
    say("it is", syscall(SYS_ioprio_get, 1, getpid()));
    say("a class that is none", syscall(SYS_ioprio_set, 1, 0, 4 << 13));
    say("disk priority of nobody", syscall(SYS_ioprio_get, 1, NOBODY));
    say("nice of nobody", getpriority(PRIO_PROCESS, NOBODY));
    say("nobody is nice", setpriority(PRIO_PROCESS, NOBODY, 1));
}

/* No address is one's own. */
static void
own_address(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof(a);
    int s = socket(AF_INET, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_DGRAM, 0);
    char c = 'x';

    bind(s, (struct sockaddr *)&a, sizeof(a));
    getsockname(s, (struct sockaddr *)&a, &len);
    say("to no address", sendto(t, &c, 1, 0, (struct sockaddr *)&a, sizeof(a)));
    say("arrives", recv(s, &c, 1, 0));
    say("talks to no address", connect(t, (struct sockaddr *)&a, sizeof(a)));
    say("who is", getpeername(t, (struct sockaddr *)&a, &len) == 0 ? (long)ntohl(a.sin_addr.s_addr) : -1);
}

/* More descriptors than usual, for the process that asks for them. */
static void
many(void)
{
    static struct pollfd p[3000];
    static unsigned long set[4096 / 64];
    struct rlimit usual, more = { 4096, 4096 };
    int last = 0, n = 0, status = 0, high;
    struct stat s;

    getrlimit(RLIMIT_NOFILE, &usual);
    say("descriptors", (long)usual.rlim_cur);
    say("at most", (long)usual.rlim_max);
    say("beyond", fcntl(pipes[0], F_DUPFD, 2000));
    say("more of them", setrlimit(RLIMIT_NOFILE, &more));
    say("beyond now", high = fcntl(pipes[0], F_DUPFD_CLOEXEC, 2000));
    say("the last", dup2(pipes[1], 4095));
    say("one too many", dup2(pipes[1], 4096));
    while ((last = dup(file)) >= 0 && last < 3000)
        n++;
    say("many", n);
    say("of a file", fstat(2999, &s) == 0 && S_ISREG(s.st_mode));
    for (int i = 0; i < 3000; i++)
        p[i] = (struct pollfd){ .fd = i < 2999 ? -1 : high, .events = POLLIN };
    say("written to", write(4095, "x", 1));
    say("polled", poll(p, 3000, 0));
    set[high / 64] = 1ul << high % 64;
    say("selected", syscall(SYS_select, high + 1, set, NULL, NULL, NULL));
    if (fork() == 0) {
        char *argv[] = { "corners", "inherited", NULL };

        execv("/proc/self/exe", argv);
        _exit(1);
    }
    wait(&status);
    say("inherited", status);
    say("closed", syscall(SYS_close_range, 1000, 4095, 0));
    say("again", dup(file) < 1000);
    setrlimit(RLIMIT_NOFILE, &usual);
    exit(0);
}

/* The program that many() executes. */
static int
inherited(void)
{
    char c;

    return read(2000, &c, 1) < 0 && write(4095, "y", 1) == 1 && lseek(2500, 0, SEEK_CUR) >= 0 ? 0 : 1;
}

static void
exclusive(void)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    int ep = epoll_create1(0), other = epoll_create1(0);

    say("exclusive", epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &e));
    say("exclusive again", epoll_ctl(ep, EPOLL_CTL_MOD, pipes[0], &e));
    say("not exclusive any more", (e.events = EPOLLIN, epoll_ctl(ep, EPOLL_CTL_MOD, pipes[0], &e)));
    say("exclusive once", (e.events = EPOLLEXCLUSIVE | EPOLLONESHOT, epoll_ctl(ep, EPOLL_CTL_ADD, pipes[1], &e)));
    say("an epoll exclusive", (e.events = EPOLLIN | EPOLLEXCLUSIVE, epoll_ctl(ep, EPOLL_CTL_ADD, other, &e)));
}

static volatile sig_atomic_t broken;

static void
count_broken(int sig)
{
    (void)sig;
    broken++;
}

/* No bytes, from nowhere, through an object before and after its other end has gone. */
static void
no_bytes(const char *what, const int ends[2])
{
    printf("no bytes, %s\n", what);
    say("written", write(ends[1], "", 0));
    say("from nowhere", write(ends[1], NULL, 0));
    say("gathered", writev(ends[1], NULL, 0));
    say("sent", send(ends[1], "", 0, MSG_DONTWAIT));
    say("read", read(ends[0], NULL, 0));
    close(ends[0]);
    say("to nobody", write(ends[1], "", 0));
    say("sent to nobody", send(ends[1], "", 0, 0));
    say("something to nobody", write(ends[1], "x", 1));
    say("no bytes after that", write(ends[1], NULL, 0));
    say("read from nobody", read(ends[1], NULL, 0));
    close(ends[1]);
    say("signals", broken);
}

static void
nothing(void)
{
    int ends[2];

    signal(SIGPIPE, count_broken);
    if (pipe(ends) == 0)
        no_bytes("pipe", ends);
    if (pipe(ends) == 0 && write(ends[1], "left", 4) == 4)
        no_bytes("pipe with a rest", ends);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)
        no_bytes("stream", ends);
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0)
        no_bytes("datagrams", ends);
    if (mkfifo("fifo", 0600) == 0 && (ends[0] = open("fifo", O_RDONLY | O_NONBLOCK)) >= 0 && (ends[1] = open("fifo", O_WRONLY)) >= 0)
        no_bytes("fifo", ends);
    signal(SIGPIPE, SIG_DFL);
}

/* What the signals said that have come: number, code, and what became ready of which descriptor. */
static void
heard(const char *what, int fd)
{
    struct timespec none = { 0 };
    siginfo_t info;
    sigset_t all;
    int sig;

    sigfillset(&all);
    while ((sig = sigtimedwait(&all, &info, &none)) > 0) {
        if (info.si_code == SI_KERNEL)
            printf("%s: %d, no more\n", what, sig - SIGRTMIN);
        else
            printf("%s: %d code %d band %lx, its descriptor: %d\n", what, sig - SIGRTMIN, info.si_code, info.si_band, info.si_fd == fd);
    }
    say(what, sig);
}

static void
owners(void)
{
    struct f_owner_ex who;

    say("nobody", fcntl(pipes[0], F_GETOWN));
    say("no such process", fcntl(pipes[0], F_SETOWN, 4000000));
    say("no such group", fcntl(pipes[0], F_SETOWN, -4000000));
    say("the least number", fcntl(pipes[0], F_SETOWN, INT_MIN));
    say("no such type", (who.type = 3, who.pid = getpid(), fcntl(pipes[0], F_SETOWN_EX, &who)));
    say("an owner", fcntl(pipes[0], F_SETOWN, getpid()));
    say("is it", fcntl(pipes[0], F_GETOWN) == getpid());
    say("which type", fcntl(pipes[0], F_GETOWN_EX, &who) == 0 ? (int)who.type : -1);
    say("my group", (who.type = F_OWNER_PGRP, who.pid = getpgrp(), fcntl(pipes[0], F_SETOWN_EX, &who)));
    say("is it", fcntl(pipes[0], F_GETOWN) == -getpgrp());
    say("a thread", (who.type = F_OWNER_TID, who.pid = getpid(), fcntl(pipes[0], F_SETOWN_EX, &who)));
    say("no such signal", fcntl(pipes[0], F_SETSIG, 65));
    say("none so far", fcntl(pipes[0], F_GETSIG));
    say("of a file on disk", (fcntl(file, F_SETFL, O_ASYNC), fcntl(file, F_GETFL) & O_ASYNC));
    say("by ioctl", ioctl(file, FIOASYNC, &(int){ 1 }));
}

static void
readiness(void)
{
    int both[2];
    char c;

    say("told", fcntl(pipes[0], F_SETFL, O_ASYNC));
    say("flag", fcntl(pipes[0], F_GETFL));
    say("write", write(pipes[1], "x", 1));
    heard("plain", pipes[0]);
    say("a signal of its own", fcntl(pipes[0], F_SETSIG, SIGRTMIN));
    say("write", read(pipes[0], &c, 1) == 1 ? write(pipes[1], "x", 1) : -1);
    heard("with a word", pipes[0]);
    say("not told", ioctl(pipes[0], FIOASYNC, &(int){ 0 }));
    say("write", read(pipes[0], &c, 1) == 1 ? write(pipes[1], "x", 1) : -1);
    heard("nothing", pipes[0]);
    if (read(pipes[0], &c, 1) != 1 || socketpair(AF_UNIX, SOCK_STREAM, 0, both) != 0)
        exit(1);
    say("a socket's owner", ioctl(both[0], FIOSETOWN, &(int){ getpid() }));
    say("signal", fcntl(both[0], F_SETSIG, SIGRTMIN + 1));
    say("told", fcntl(both[0], F_SETFL, O_ASYNC));
    say("write", write(both[1], "x", 1));
    heard("socket", both[0]);
    close(both[0]);
    close(both[1]);
}

static void
directories(void)
{
    int dir = open(".", O_RDONLY | O_DIRECTORY);

    say("of no directory", fcntl(file, F_NOTIFY, DN_CREATE));
    say("signal", fcntl(dir, F_SETSIG, SIGRTMIN + 2));
    say("once", fcntl(dir, F_NOTIFY, DN_CREATE));
    say("whose", fcntl(dir, F_GETOWN) == getpid());
    close(open("one", O_CREAT | O_WRONLY, 0600));
    close(open("two", O_CREAT | O_WRONLY, 0600));
    heard("once", dir);
    say("again and again", fcntl(dir, F_NOTIFY, DN_CREATE | DN_DELETE | DN_RENAME | DN_MULTISHOT));
    say("gone", unlink("one"));
    say("moved", rename("two", "three"));
    say("gone", unlink("three"));
    heard("again and again", dir);
    say("no more", fcntl(dir, F_NOTIFY, 0));
    close(open("four", O_CREAT | O_WRONLY, 0600));
    heard("no more", dir);
    say("once more", fcntl(dir, F_NOTIFY, DN_CREATE));
    close(dir);
    close(open("five", O_CREAT | O_WRONLY, 0600));
    heard("closed", dir);
}

#define LOCKED_MODES     0x5456             /* TIOCGLCKTRMIOS */
#define SET_LOCKED_MODES 0x5457             /* TIOCSLCKTRMIOS */

static void
echo_and_eof(int tty, const char *what)
{
    struct termios t;

    say(what, tcgetattr(tty, &t));
    printf("%d %d %d\n", (t.c_lflag & ECHO) != 0, (t.c_lflag & ISIG) != 0, t.c_cc[VEOF]);
}

/* Modes of a terminal that stay as they are. */
static void
locked_modes(void)
{
    struct termios t = { .c_lflag = ~0u }, all, locked = { .c_lflag = ECHO, .c_cc[VEOF] = 1 };
    int tty = open("/dev/ptmx", O_RDWR | O_NOCTTY);

    echo_and_eof(tty, "modes");
    say("none locked", ioctl(tty, LOCKED_MODES, &t));
    say("as they say", t.c_lflag);
    say("lock", ioctl(tty, SET_LOCKED_MODES, &locked));
    say("from nowhere", ioctl(tty, SET_LOCKED_MODES, NULL));
    if (tcgetattr(tty, &all) != 0)
        exit(1);
    all.c_lflag = 0;
    all.c_cc[VEOF] = 9;
    say("set", tcsetattr(tty, TCSANOW, &all));
    echo_and_eof(tty, "but for the locked");
    say("locked", ioctl(tty, LOCKED_MODES, &t));
    say("is echo", t.c_lflag == ECHO);
    say("somebody", setuid(NOBODY));
    say("does not unlock", ioctl(tty, SET_LOCKED_MODES, &t));
    exit(0);
}

/* Signals that say what becomes of open files. */
static void
told(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    owners();
    readiness();
    directories();
    exit(0);
}

int
main(int argc, char **argv)
{
    char dir[] = "/root/corners.XXXXXX";

    if (argc > 1)
        return inherited();
    (void)argv;
    if (mkdtemp(dir) == NULL || chdir(dir) != 0 || (file = open("file", O_RDWR | O_CREAT, 0644)) < 0 || pipe(pipes) != 0)
        return 1;
    (void)!write(file, "0123456789", 10);
    places();
    names_and_times();
    nameless();
    file_to_file();
    memory();
    processes();
    capabilities();
    exclusive();
    own_address();
    nothing();
    if (fork() == 0)
        somebody();
    wait(NULL);
    if (fork() == 0)
        kept();
    wait(NULL);
    if (fork() == 0)
        many();
    wait(NULL);
    if (fork() == 0)
        told();
    wait(NULL);
    if (fork() == 0)
        locked_modes();
    wait(NULL);
    return 0;
}
