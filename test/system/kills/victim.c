/*
 * victim.c: does one kind of work for ever, and never expects to be told to stop. See kills.c, which kills it.
 *
 * As an ordinary Linux program and as a linked one. Descriptor HELLO takes the number of its env when it is ready; the ones after it are
 * shared by all victims, so that they meet in the same objects.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

#define BYTES_MAX 9000
#define DISK_BYTES (8u << 20)
#define LITTLE_NS 2000000
#define MAPPED_BYTES 65536

static uint32_t seed;
static char bytes[BYTES_MAX];

static uint32_t
below(uint32_t n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % n;
}

static void
nap(long ns)
{
    struct timespec t = { 0, ns };

    nanosleep(&t, NULL);
}

/* What comes back does not matter to a victim: the session must be whole, not its work. */
static void
ignore(long result)
{
    (void)result;
}

static void
pipes(void)
{
    ignore(below(2) ? write(PIPE_IN, bytes, 1 + below(BYTES_MAX)) : read(PIPE_OUT, bytes, 1 + below(BYTES_MAX)));
}

static void
events(void)
{
    uint64_t n = 1 + below(3);

    ignore(below(3) ? write(EVENT, &n, sizeof(n)) : read(EVENT, &n, sizeof(n)));
}

static void
streams(void)
{
    int fd = below(2) ? PAIR_A : PAIR_B;

    ignore(below(2) ? send(fd, bytes, 1 + below(BYTES_MAX), 0) : recv(fd, bytes, 1 + below(BYTES_MAX), 0));
}

static void
datagrams(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0) {
        for (unsigned i = below(4); i > 0; i--)
            ignore(sendto(fd, bytes, 1 + below(1400), 0, (struct sockaddr *)&a, sizeof(a)));
        for (unsigned i = below(4); i > 0; i--)
            ignore(recv(fd, bytes, BYTES_MAX, below(2) ? 0 : MSG_DONTWAIT));
    }
    close(fd);
}

static void
tcp_client(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(PORT) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        for (unsigned i = below(6); i > 0; i--)
            ignore(below(2) ? send(fd, bytes, 1 + below(BYTES_MAX), MSG_NOSIGNAL) : recv(fd, bytes, 1 + below(BYTES_MAX), 0));
    close(fd);
}

static void
tcp_server(void)
{
    int fd = accept(LISTENER, NULL, NULL);

    for (unsigned i = below(6); i > 0; i--)
        ignore(below(2) ? send(fd, bytes, 1 + below(BYTES_MAX), MSG_NOSIGNAL) : recv(fd, bytes, 1 + below(BYTES_MAX), 0));
    close(fd);
}

static void
naps(void)
{
    nap(below(LITTLE_NS));
}

static void
pauses(void)
{
    pause();
}

static void
polls(void)
{
    struct pollfd p[] = { { PIPE_OUT, POLLIN, 0 }, { EVENT, POLLIN, 0 }, { PAIR_A, POLLIN, 0 }, { PAIR_B, POLLIN | POLLOUT, 0 },
                          { LISTENER, POLLIN, 0 }, { EPOLL, POLLIN, 0 } };

    p[3].events = below(2) ? POLLIN : POLLOUT;
    ignore(poll(p, 1 + below(6), below(2) ? -1 : (int)below(20)));
}

static void
selects(void)
{
    struct timeval t = { 0, below(20000) };
    fd_set in;

    FD_ZERO(&in);
    FD_SET(PIPE_OUT, &in);
    FD_SET(PAIR_A, &in);
    FD_SET(EPOLL, &in);
    ignore(select(EPOLL + 1, &in, NULL, NULL, below(2) ? NULL : &t));
}

static void
epolls(void)
{
    struct epoll_event ev[4] = { { .events = below(2) ? EPOLLIN : EPOLLIN | EPOLLET } };
    int fd = epoll_create1(0), own = eventfd(0, 0);

    ignore(epoll_ctl(fd, EPOLL_CTL_ADD, below(2) ? EVENT : PIPE_OUT, &ev[0]));
    ignore(epoll_ctl(fd, EPOLL_CTL_ADD, own, &ev[0]));
    ignore(epoll_ctl(EPOLL, EPOLL_CTL_ADD, own, &ev[0]));
    ignore(epoll_wait(below(2) ? fd : EPOLL, ev, 4, below(2) ? -1 : (int)below(20)));
    close(own);
    close(fd);
}

static void
locks(void)
{
    struct flock l = { .l_type = below(2) ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = below(8), .l_len = 1 + below(8) };
    int fd = open("/root/kills/locked", O_RDWR | O_CREAT, 0644);

    ignore(below(2) ? flock(fd, below(2) ? LOCK_EX : LOCK_SH) : fcntl(fd, F_SETLKW, &l));
    nap(below(LITTLE_NS));
    close(fd);
}

static void
files(void)
{
    char name[64], other[64];
    int fd;

    snprintf(name, sizeof(name), "/root/kills/f%u", below(FILES));
    snprintf(other, sizeof(other), "/root/kills/d%u/f%u", below(2), below(FILES));
    fd = open(name, O_RDWR | O_CREAT | (below(3) ? 0 : O_TRUNC), 0644);
    ignore(pwrite(fd, bytes, 1 + below(BYTES_MAX), below(4 * BYTES_MAX)));
    if (below(3) == 0)
        ignore(below(2) ? fsync(fd) : ftruncate(fd, below(BYTES_MAX)));
    ignore(pread(fd, bytes, BYTES_MAX, below(BYTES_MAX)));
    close(fd);
    switch (below(6)) {
    case 0: ignore(unlink(name)); break;
    case 1: ignore(rename(name, other)); break;
    case 2: ignore(link(name, other)); break;
    case 3: ignore(unlink(other)); break;
    default: break;
    }
}

static void
syncs(void)
{
    files();
    sync();
}

/* Pages that nobody else reads: each has to come from the disk. */
static void
page_in(void)
{
    int fd = open(DISK, O_RDONLY);

    for (unsigned i = 0; i < 8; i++)
        ignore(pread(fd, bytes, BYTES_MAX, below(DISK_BYTES)));
    close(fd);
}

static void
memory(void)
{
    size_t n = 4096 * (1 + below(64));
    int fd = open("/bin/busybox", O_RDONLY);
    char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | (below(2) ? MAP_ANONYMOUS : 0), fd, 0);

    for (size_t i = 0; p != MAP_FAILED && i < n; i += 4096)
        p[i] = 1;
    if (p != MAP_FAILED)
        munmap(p, n);
    close(fd);
}

/* A file that all map and nobody cuts. */
static void
maps(void)
{
    int fd = open("/root/kills/mapped", O_RDWR | O_CREAT, 0644);
    char *p = ftruncate(fd, MAPPED_BYTES) == 0 ? mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    for (unsigned i = below(16); p != MAP_FAILED && i > 0; i--)
        p[below(MAPPED_BYTES)]++;
    if (p != MAP_FAILED && below(4) == 0)
        ignore(msync(p, MAPPED_BYTES, below(2) ? MS_SYNC : MS_ASYNC));
    if (p != MAP_FAILED)
        munmap(p, MAPPED_BYTES);
    close(fd);
}

/* Children that end soon, whoever is there to see it. */
static void
forks(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        bytes[below(BYTES_MAX)] = 1;
        if (below(4) == 0)
            execl("/bin/busybox", "true", (char *)NULL);
        _exit(0);
    }
    if (below(3))
        ignore(waitpid(pid, NULL, 0));
    while (below(4) && waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

static void
vforks(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        if (below(2))
            execl("/bin/busybox", "true", (char *)NULL);
        _exit(0);
    }
    ignore(waitpid(pid, NULL, 0));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *
thread(void *arg)
{
    for (unsigned i = (unsigned)(uintptr_t)arg; i > 0; i--) {
        pthread_mutex_lock(&mutex);
        pipes();
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void
threads(void)
{
    pthread_t t[4];
    unsigned n = 1 + below(4), i = 0;

    while (i < n && pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)below(4)) == 0)
        i++;
    while (i > 0)
        pthread_join(t[--i], NULL);
}

/* A lock in memory that all share. Whoever dies with it leaves it to the next (pthread_mutexattr_setrobust(3)). */
static void
mutexes(void)
{
    static struct { pthread_mutex_t lock; uint32_t made; } *shared = MAP_FAILED;
    int fd = open("/root/kills/mutex", O_RDWR | O_CREAT, 0644);

    if (shared == MAP_FAILED && ftruncate(fd, sizeof(*shared)) == 0)
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED)
        return;
    if (__sync_bool_compare_and_swap(&shared->made, 0, 1)) {
        pthread_mutexattr_t a;

        pthread_mutexattr_init(&a);
        pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&shared->lock, &a);
        shared->made = 2;
    }
    if (shared->made != 2)
        return;
    if (pthread_mutex_lock(&shared->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&shared->lock);
    naps();
    pthread_mutex_unlock(&shared->lock);
}

static void
nothing(int sig)
{
    (void)sig;
}

static void
timers(void)
{
    struct itimerval t = { .it_interval.tv_usec = 1 + below(3000), .it_value.tv_usec = 1 + below(3000) };

    signal(SIGALRM, nothing);
    setitimer(ITIMER_REAL, &t, NULL);
    kill(getpid(), SIGALRM);
    pipes();
}

/* What a shell does all day. */
static void
script(void)
{
    execl("/bin/sh", "sh", "-c",
          "while :; do ls /bin | grep b | wc -l; (echo a; cat /proc/self/stat) | tr a b >/tmp/kills.$$; x=$(cat /tmp/kills.$$); rm /tmp/kills.$$; "
          "for i in 1 2 3; do sleep 0 & done; wait; done >/dev/null 2>&1", (char *)NULL);
}

static void
spin(void)
{
    for (volatile unsigned i = 0; i < 1000000; i++)
        continue;
}

static void
calls(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        ignore(getppid());
        ignore(pread(EVENT + 100, bytes, 1, 0));
    }
}

/* Takes or blocks every signal that there is, and goes on with interrupted calls. */
static void
deaf(void)
{
    sigset_t all;

    for (int sig = 1; sig < 65; sig++)
        signal(sig, below(2) ? SIG_IGN : nothing);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (;;)
        pipes();
}

static void
stopped(void)
{
    raise(SIGSTOP);
}

static void
reads_console(void)
{
    int fd = open("/dev/console", O_RDWR);

    ignore(read(fd, bytes, 1));
    close(fd);
}

/* Both ends of one of its own, which it leads a session on. */
static void
terminals(void)
{
    int unlock = 0, m = open("/dev/ptmx", O_RDWR | O_NOCTTY), s;
    struct pollfd p = { .events = POLLIN };

    ioctl(m, TIOCSPTLCK, &unlock);
    s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    signal(SIGHUP, SIG_IGN);
    setsid();
    ioctl(s, TIOCSCTTY, 0);
    ignore(write(below(2) ? m : s, bytes, below(BYTES_MAX)));
    ignore(write(m, "line\n", 5));
    p.fd = below(2) ? m : s;
    if (below(8) == 0 || poll(&p, 1, 2) > 0)
        ignore(read(p.fd, bytes, sizeof(bytes)));
    close(below(2) ? m : s);
    close(m);
    close(s);
}

static void
waits(void)
{
    ignore(waitpid(-1, NULL, 0));
    nap(LITTLE_NS);
}

/* The end of a slice is never answered: the counter that puts it off is raised, as a wild store could do. */
static void
unanswering(void)
{
    __asm__ volatile("incl %gs:4");
    for (;;)
        spin();
}

/* The same, but the CPU is given away, by the kernel's own call: signals are never looked at. */
static void
evading(void)
{
    __asm__ volatile("incl %gs:4");
    for (;;) {
        uint64_t number = 0xAE600013, none = 0;

        __asm__ volatile("syscall" : "+a"(number), "+D"(none) : "S"(none) : "rcx", "r11", "rdx", "r8", "r9", "r10", "memory");
    }
}

static const struct {
    const char *name;
    void (*work)(void);
} kinds[] = {
#define KIND(name) { #name, name },
#include "kinds.def"
#undef KIND
};

static void
hello(void)
{
    uint64_t env;

    __asm__ volatile("mov %%gs:0x68, %0" : "=r"(env));
    if (write(HELLO, &env, sizeof(env)) != sizeof(env))
        _exit(1);
    close(HELLO);
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 1;
    seed = (uint32_t)atoi(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, argv[1]) != 0)
            continue;
        hello();
        for (;;) {
            kinds[i].work();
            if (kinds[i].work != spin && kinds[i].work != calls && below(2))
                nap(below(LITTLE_NS));
        }
    }
    return 1;
}
