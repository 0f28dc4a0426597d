/*
 * objects.c: objects of every kind in the states that few programs bring them to (closed at the other end, hung up, shut down, full, deleted),
 * and calls that fit them with arguments that do not: SEED, COUNT and how many processes. Processes share the objects, pass them on, and are
 * killed at any time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "chance.h"

#define FDS 96                  /* descriptors from FIRST on are objects */
#define FIRST 10
#define PAGE 4096ul
#define POOL (16 * PAGE)
#define MAPPED (40 * PAGE)      /* at most, at a time */
#define ARENA (1ul << 24)       /* addresses to map and unmap */

static char *pool;               /* what calls read and write: nothing is mapped around it */
static char *arena;

static int
chance(unsigned long of)
{
    return draw(of) == 0;
}

static int
object(void)
{
    return FIRST + (int)draw(FDS);
}

static size_t
length(void)
{
    static const size_t odd[] = { 0, 0, 1, 2, 7, 8, 16, 255, 4095, 4096, 4097, 8192, 20000, 65536, 70000, 0x7ffff000, -1ul };

    return chance(3) ? odd[draw(sizeof(odd) / sizeof(odd[0]))] : draw(5000);
}

static void *
memory(void)
{
    switch (draw(8)) {
    case 0:
        return NULL;
    case 1:
        return pool + POOL - draw(40);
    case 2:
        return arena + draw(ARENA);
    case 3:
        return (void *)0x7d0000000000;
    default:
        return pool + draw(POOL / 2);
    }
}

static long
offset(void)
{
    static const long odd[] = { 0, 1, -1, 4095, 4096, 1l << 20, 1l << 31, 1l << 32, 1l << 44, 0x7fffffffffffffff, -0x7fffffffffffffff - 1 };

    return chance(2) ? odd[draw(sizeof(odd) / sizeof(odd[0]))] : (long)draw(100000);
}

/* fd becomes an object in a random place, or is closed. */
static void
place(int fd)
{
    if (fd < 0)
        return;
    if (!chance(12))
        dup2(fd, object());
    if (fd >= FIRST + FDS || fd < FIRST)
        close(fd);
}

static const char *
name(void)
{
    static const char *const names[] = { "a", "b", "dir", "dir/c", "link", "fifo", "sock", "gone", "", ".", "..", "/", "/proc/self/maps", "/proc/self/fd",
                                         "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/ptmx", "/proc/self/exe", "/dev/shm/x", "/sys",
                                         "/proc/self/environ", "/proc/mounts", "/tmp/t", "dir/../a", "link/x", "/proc/self/fd/20", "/dev/tty", "/proc/self" };

    return names[draw(sizeof(names) / sizeof(names[0]))];
}

static struct sockaddr_storage
address(socklen_t *len)
{
    struct sockaddr_storage s = { 0 };
    struct sockaddr_un *un = (struct sockaddr_un *)&s;
    struct sockaddr_in *in = (struct sockaddr_in *)&s;

    if (chance(2)) {
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path + chance(2), sizeof(un->sun_path) - 1, "sock%lu", draw(4));
        *len = chance(8) ? (socklen_t)draw(200) : (socklen_t)(3 + strlen(un->sun_path + 1));
        *len = *len > sizeof(*un) ? sizeof(*un) : *len;
    } else {
        in->sin_family = chance(9) ? AF_UNSPEC : AF_INET;
        in->sin_port = htons((uint16_t)(20000 + draw(8)));
        in->sin_addr.s_addr = htonl(chance(6) ? INADDR_ANY : INADDR_LOOPBACK);
        *len = chance(9) ? (socklen_t)draw(30) : sizeof(*in);
    }
    return s;
}

static void
make(void)
{
    static const int domains[] = { AF_UNIX, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK }, types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW };
    int pair[2] = { -1, -1 }, nonblock = chance(2) ? O_NONBLOCK : 0, fd;

    switch (draw(16)) {
    case 0:
    case 1:
        if (pipe2(pair, nonblock | (chance(6) ? O_DIRECT : 0)) < 0)
            return;
        break;
    case 2:
    case 3:
        if (socketpair(AF_UNIX, types[draw(3)] | (nonblock ? SOCK_NONBLOCK : 0), 0, pair) < 0)
            return;
        break;
    case 4:
        pair[0] = socket(domains[draw(5)], types[draw(4)] | (nonblock ? SOCK_NONBLOCK : 0), 0);
        break;
    case 5:
        pair[0] = eventfd((unsigned)draw(3), nonblock | (chance(2) ? EFD_SEMAPHORE : 0));
        break;
    case 6:
        pair[0] = timerfd_create(CLOCK_MONOTONIC, nonblock);
        break;
    case 7:
        pair[0] = epoll_create1(0);
        break;
    case 8:
        pair[0] = inotify_init1(nonblock);
        break;
    case 9:
        pair[0] = memfd_create("m", MFD_ALLOW_SEALING);
        break;
    case 10:
        pair[0] = posix_openpt(O_RDWR | O_NOCTTY | nonblock);
        unlockpt(pair[0]);
        pair[1] = ioctl(pair[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | nonblock);
        break;
    case 11:
        pair[0] = (int)syscall(SYS_pidfd_open, getpid(), 0);
        break;
    case 12: {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        pair[0] = signalfd(-1, &set, nonblock);
        break;
    }
    default:
        pair[0] = open(name(), (int)(draw(3) | (chance(2) ? O_CREAT : 0) | (chance(8) ? O_PATH : 0) | (chance(8) ? O_TRUNC : 0) |
                                     (chance(8) ? O_APPEND : 0) | (chance(9) ? O_DIRECTORY : 0) | (chance(9) ? O_TMPFILE : 0)) | O_NONBLOCK | O_NOCTTY, 0600);
    }
    fd = pair[chance(2)];
    place(fd == pair[0] ? pair[1] : pair[0]);
    place(fd);
}

static void
pass_on(int fd)
{
    char control[CMSG_SPACE(3 * sizeof(int))] = { 0 }, byte = 'x';
    struct iovec iov = { &byte, draw(2) };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = draw(2), .msg_control = control, .msg_controllen = sizeof(control) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    int fds[3] = { object(), object(), fd };

    if (chance(2)) {
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = chance(9) ? SCM_CREDENTIALS : SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(draw(4) * sizeof(int));
        memcpy(CMSG_DATA(c), fds, sizeof(fds));
        sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        m.msg_controllen = chance(3) ? draw(sizeof(control)) : sizeof(control);
        if (recvmsg(fd, &m, MSG_DONTWAIT | (chance(4) ? MSG_PEEK : 0)) >= 0 && (c = CMSG_FIRSTHDR(&m)) != NULL && c->cmsg_type == SCM_RIGHTS)
            for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++)
                place(((int *)(void *)CMSG_DATA(c))[i]);
    }
}

static void
move(int fd)
{
    struct iovec iov[3] = { { memory(), length() }, { memory(), draw(2) ? 0 : length() }, { memory(), draw(300) } };
    loff_t at = offset(), there = offset();
    int other = object();

    switch (draw(16)) {
    case 0:
    case 1:
        (void)!read(fd, memory(), length());
        break;
    case 2:
    case 3:
        (void)!write(fd, memory(), length());
        break;
    case 4:
        (void)!pread(fd, memory(), length(), offset());
        break;
    case 5:
        (void)!pwrite(fd, memory(), length() & 0xfffff, (loff_t)draw(1 << 20));
        break;
    case 6:
        (void)!readv(fd, iov, (int)draw(4));
        break;
    case 7:
        (void)!writev(fd, iov, (int)draw(4));
        break;
    case 8:
        (void)!sendfile(fd, other, chance(2) ? &at : NULL, length() & 0xfffff);
        break;
    case 9:
        (void)!splice(fd, chance(4) ? &at : NULL, other, chance(4) ? &there : NULL, length() & 0xfffff, (unsigned)draw(16));
        break;
    case 10:
        (void)!tee(fd, other, length() & 0xfffff, (unsigned)draw(16));
        break;
    case 11:
        (void)!vmsplice(fd, iov, draw(4), (unsigned)draw(16));
        break;
    case 12:
        (void)!copy_file_range(fd, chance(2) ? &at : NULL, other, chance(2) ? &there : NULL, length() & 0xfffff, 0);
        break;
    case 13:
        syscall(SYS_preadv2, fd, iov, draw(4), offset(), 0, draw(64));
        break;
    case 14:
        syscall(SYS_pwritev2, fd, iov, draw(3), (long)draw(1 << 20), 0, draw(64));
        break;
    default:
        syscall(SYS_getdents64, fd, memory(), length());
    }
}

static void
talk(int fd)
{
    socklen_t len, room = (socklen_t)length();
    struct sockaddr_storage a = address(&len);

    switch (draw(14)) {
    case 0:
        bind(fd, (struct sockaddr *)&a, len);
        break;
    case 1:
        connect(fd, (struct sockaddr *)&a, len);
        break;
    case 2:
        listen(fd, (int)draw(5) - 1);
        break;
    case 3:
        place(accept4(fd, chance(2) ? memory() : NULL, &room, (int)(draw(2) * SOCK_NONBLOCK)));
        break;
    case 4:
        shutdown(fd, (int)draw(4));
        break;
    case 5:
        (void)!sendto(fd, memory(), length(), (int)draw(0x8000) | MSG_NOSIGNAL, chance(2) ? (struct sockaddr *)&a : NULL, len);
        break;
    case 6:
        (void)!recvfrom(fd, memory(), length(), (int)draw(0x8000), chance(2) ? memory() : NULL, &room);
        break;
    case 7:
        getsockname(fd, memory(), &room);
        break;
    case 8:
        getpeername(fd, memory(), &room);
        break;
    case 9:
        syscall(SYS_setsockopt, fd, chance(3) ? IPPROTO_TCP : draw(3), draw(80), memory(), draw(40));
        break;
    case 10:
        syscall(SYS_getsockopt, fd, chance(3) ? IPPROTO_TCP : draw(3), draw(80), memory(), chance(9) ? memory() : &room);
        break;
    case 11:
        (void)!send(fd, memory(), draw(100), MSG_DONTWAIT | MSG_NOSIGNAL | (chance(4) ? MSG_OOB : 0));
        break;
    default:
        pass_on(fd);
    }
}

static void
ask(int fd)
{
    static const unsigned long requests[] = { TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCSCTTY, TIOCNOTTY, TIOCSTI,
                                              FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, TIOCOUTQ, TIOCPKT, TIOCGPTN, TIOCSPTLCK, TCFLSH, TCXONC, TIOCEXCL, TIOCNXCL,
                                              TIOCSETD, TIOCGETD, TIOCGSID, TIOCSIG, 0x5401, 0x1260, 0x80081272, 0x8901, 0x8912, 0x8913, 0x8915, 0x8927, 0xc020660b };
    struct epoll_event e = { .events = (uint32_t)draw(0x20) | (chance(3) ? EPOLLET : 0) | (chance(5) ? EPOLLONESHOT : 0) | (chance(9) ? EPOLLEXCLUSIVE : 0) };
    struct itimerspec when = { { 0, (long)draw(3) * 1000000 }, { 0, (long)draw(3) * 500000 } };
    struct pollfd p[3] = { { fd, (short)draw(64), 0 }, { object(), POLLIN | POLLOUT, 0 }, { object(), 0, 0 } };
    struct flock lock = { .l_type = (short)draw(3), .l_whence = (short)draw(3), .l_start = offset(), .l_len = offset() };
    struct stat st;

    switch (draw(18)) {
    case 0:
        ioctl(fd, requests[draw(sizeof(requests) / sizeof(requests[0]))], chance(3) ? (void *)draw(4) : memory());
        break;
    case 1:
        fcntl(fd, (int)draw(17), chance(2) ? (long)draw(16) : offset());
        break;
    case 2:
        fcntl(fd, chance(2) ? F_SETLK : F_OFD_SETLK, &lock);
        break;
    case 3:
        fcntl(fd, (int)(1024 + draw(16)), chance(2) ? (long)draw(1 << 20) : offset());
        break;
    case 4:
    case 5:
        epoll_ctl(fd, (int)draw(4), object(), chance(20) ? NULL : &e);
        break;
    case 6:
        epoll_wait(fd, memory(), (int)draw(20), (int)draw(3));
        break;
    case 7:
        poll(p, draw(4), (int)draw(3));
        break;
    case 8:
        timerfd_settime(fd, (int)draw(4), &when, chance(2) ? memory() : NULL);
        break;
    case 9:
        inotify_add_watch(fd, name(), (uint32_t)draw(0x1000));
        break;
    case 10:
        inotify_rm_watch(fd, (int)draw(5));
        break;
    case 11:
        ftruncate(fd, chance(3) ? offset() & 0xffffff : (off_t)draw(100000));
        break;
    case 12:
        fallocate(fd, (int)draw(64), offset() & 0xffffff, offset() & 0xfffff);
        break;
    case 13:
        lseek(fd, offset(), (int)draw(6));
        break;
    case 14:
        fsync(fd);
        break;
    case 15:
        fstat(fd, &st);
        break;
    case 16:
        flock(fd, (int)draw(16) | LOCK_NB);
        break;
    default:
        syscall(SYS_signalfd4, fd, memory(), 8, 0);
    }
}

static void
names(int fd)
{
    int other = object();

    switch (draw(14)) {
    case 0:
        unlinkat(chance(2) ? AT_FDCWD : fd, name(), (int)draw(2) * AT_REMOVEDIR);
        break;
    case 1:
        syscall(SYS_renameat2, AT_FDCWD, name(), chance(2) ? AT_FDCWD : fd, name(), draw(5));
        break;
    case 2:
        linkat(fd, chance(2) ? "" : name(), AT_FDCWD, name(), chance(2) ? AT_EMPTY_PATH : AT_SYMLINK_FOLLOW);
        break;
    case 3:
        symlinkat(name(), AT_FDCWD, name());
        break;
    case 4:
        mkdirat(chance(2) ? AT_FDCWD : fd, name(), 0700);
        break;
    case 5:
        mknodat(AT_FDCWD, name(), (mode_t)(draw(16) << 12 | 0600), draw(300));
        break;
    case 6:
        place(openat(fd, name(), (int)draw(3) | O_NONBLOCK | O_NOCTTY | (chance(3) ? O_CREAT : 0), 0600));
        break;
    case 7:
        fchmod(fd, (mode_t)draw(010000));
        break;
    case 8:
        fchmodat(AT_FDCWD, name(), (mode_t)draw(01000) | 0700, 0);
        break;
    case 9:
        (void)!readlinkat(fd, chance(2) ? "" : name(), memory(), length());
        break;
    case 10:
        syscall(SYS_utimensat, chance(2) ? AT_FDCWD : fd, chance(3) ? NULL : name(), memory(), 0);
        break;
    case 11:
        syscall(SYS_statx, chance(2) ? AT_FDCWD : fd, chance(2) ? "" : name(), draw(0x8000), draw(0x10000), memory());
        break;
    case 12:
        dup2(fd, other);
        break;
    default:
        close(fd);
    }
}

static void
map(int fd)
{
    char *at = arena + draw(ARENA / PAGE) * PAGE, *to = arena + draw(ARENA / PAGE) * PAGE;
    size_t len = (1 + draw(MAPPED / PAGE)) * PAGE - (chance(4) ? 1 : 0);

    if (at + MAPPED > arena + ARENA || to + MAPPED > arena + ARENA)
        return;
    switch (draw(9)) {
    case 0:
    case 1:
        mmap(at, len, (int)draw(4), (int)(MAP_FIXED | (chance(2) ? MAP_SHARED : MAP_PRIVATE)), fd, (off_t)(draw(30) * PAGE));
        break;
    case 2:
        mmap(at, len, (int)draw(8), MAP_FIXED | MAP_ANONYMOUS | (chance(2) ? MAP_SHARED : MAP_PRIVATE) | (chance(9) ? MAP_GROWSDOWN : 0), -1, 0);
        break;
    case 3:
        munmap(at, len);
        break;
    case 4:
        mprotect(at, len, (int)draw(8));
        break;
    case 5:
        madvise(at, len, (int)draw(26));
        break;
    case 6:
        mremap(at, len, (1 + draw(MAPPED / PAGE)) * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        break;
    case 7:
        msync(at, len, (int)draw(8));
        break;
    default:
        mincore(at, len, memory());
    }
}

static void
life(unsigned long seed, long count)
{
    struct rlimit most = { 16 << 20, 16 << 20 };

    state = seed * 0x9e3779b97f4a7c15ul + 1;
    setrlimit(RLIMIT_FSIZE, &most);
    signals();
    for (int i = 0; i < FDS; i++)
        make();
    for (long i = 0; i < count; i++) {
        int fd = object();

        switch (draw(12)) {
        case 0:
        case 1:
            make();
            break;
        case 2:
        case 3:
        case 4:
            move(fd);
            break;
        case 5:
        case 6:
            talk(fd);
            break;
        case 7:
        case 8:
            ask(fd);
            break;
        case 9:
            map(fd);
            break;
        case 10:
            names(fd);
            break;
        default:
            if (chance(60)) {
                pid_t pid = fork();

                if (pid == 0) {
                    signals();  /* timers are not inherited */
                    state ^= (unsigned long)getpid() << 20;
                    count = i + (long)draw(100);
                } else if (pid > 0 && chance(2)) {
                    kill(pid, SIGKILL);
                }
                while (waitpid(-1, NULL, WNOHANG) > 0)
                    continue;
            }
        }
    }
}

int
main(int argc, char **argv)
{
    unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
    long count = argc > 2 ? atol(argv[2]) : 1000, processes = argc > 3 ? atol(argv[3]) : 1;

    arena = mmap(NULL, 3 * ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mkdir("/root/objects", 0777);
    if (arena == MAP_FAILED || chdir("/root/objects") != 0)
        return 1;
    pool = arena + 2 * ARENA;
    if (mprotect(pool, POOL, PROT_READ | PROT_WRITE) != 0)
        return 1;
    for (long i = 0; i < processes; i++)
        if (fork() == 0) {
            setsid();
            life(seed + (unsigned long)i, count);
            _exit(0);
        }
    while (wait(NULL) > 0)
        continue;
    puts("through");
    return 0;
}
