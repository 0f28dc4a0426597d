/*
 * timed.c: single pieces of work, timed, with marks for whoever counts instructions from outside: a command, a transfer over the
 * network to a peer on the host (scripts/benching/peer.py), reads and writes of a file on the disk.
 *
 * Each prints one line: "timed", its exit status (0: it did what it should), operations, ticks, nanoseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define CHUNK 65536
#define DATAGRAM 64
#define REPLY_WAIT_S 2
#define STEP 2654435761u            /* from one random page to the next; prime to every power of two */

/* Does the work `n` times; false when something went wrong. */
typedef bool work_fn(void *arg, uint64_t n);

static int
timed(work_fn *work, void *arg, uint64_t n)
{
    uint64_t ns, ticks;
    bool good;

    MARK(0001);
    ns = nanoseconds();
    ticks = stamp();
    good = work(arg, n);
    ticks = stamp() - ticks;
    ns = nanoseconds() - ns;
    MARK(0002);
    printf("timed\t%d\t%llu\t%llu\t%llu\n", good ? 0 : 1, (unsigned long long)n, (unsigned long long)ticks, (unsigned long long)ns);
    return good ? 0 : 1;
}

/* ---- a command ---- */

static bool
command(void *arg, uint64_t n)
{
    char **argv = arg;
    int status = -1;
    pid_t pid = fork();

    (void)n;
    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int
timed_command(char **argv)
{
    return timed(command, argv, 1);
}

/* ---- the network: a peer on the host ---- */

static char chunk[CHUNK];

static bool
all(ssize_t (*move)(int, void *, size_t), int fd, void *at, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = move(fd, (char *)at + done, length - done);

        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static ssize_t
put(int fd, void *at, size_t length)
{
    return write(fd, at, length);
}

/* Says what is to come: 'S' or 'R' and how many KiB. */
static bool
announce(int fd, char kind, uint64_t kib)
{
    uint64_t big = htobe64(kib);

    return all(put, fd, &kind, 1) && all(put, fd, &big, sizeof(big));
}

/* The peer answers with how much has arrived. */
static bool
send_kib(void *arg, uint64_t kib)
{
    int fd = *(int *)arg;
    uint64_t arrived = 0;

    if (!announce(fd, 'S', kib))
        return false;
    for (uint64_t left = kib * 1024; left > 0;) {
        size_t part = left < CHUNK ? (size_t)left : CHUNK;

        if (!all(put, fd, chunk, part))
            return false;
        left -= part;
    }
    return all(read, fd, &arrived, sizeof(arrived)) && be64toh(arrived) == kib * 1024;
}

static bool
receive_kib(void *arg, uint64_t kib)
{
    int fd = *(int *)arg;
    uint64_t left = kib * 1024;

    if (!announce(fd, 'R', kib))
        return false;
    while (left > 0) {
        ssize_t n = read(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);

        if (n <= 0)
            return false;
        left -= (uint64_t)n;
    }
    return true;
}

static bool
echo_datagrams(void *arg, uint64_t n)
{
    int fd = *(int *)arg;
    uint64_t message[DATAGRAM / sizeof(uint64_t)] = { 0 };

    for (uint64_t i = 1; i <= n; i++) {
        message[0] = i;
        if (send(fd, message, DATAGRAM, 0) != DATAGRAM || recv(fd, message, DATAGRAM, 0) != DATAGRAM || message[0] != i)
            return false;
    }
    return true;
}

static int
connected(const char *address, uint16_t port, int type)
{
    struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval patience = { .tv_sec = REPLY_WAIT_S };
    int fd = socket(AF_INET, type, 0);

    if (fd < 0 || inet_pton(AF_INET, address, &peer.sin_addr) != 1 || connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != 0)
        return -1;
    if (type == SOCK_DGRAM)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

/* ---- the disk ---- */

struct file {
    int fd;
    uint64_t pages;
};

static bool
read_in_order(void *arg, uint64_t kib)
{
    struct file *f = arg;

    for (uint64_t left = kib * 1024; left > 0; left -= CHUNK)
        if (read(f->fd, chunk, CHUNK) != CHUNK)
            return false;
    return true;
}

static bool
write_in_order(void *arg, uint64_t kib)
{
    struct file *f = arg;

    for (uint64_t left = kib * 1024; left > 0; left -= CHUNK)
        if (write(f->fd, chunk, CHUNK) != CHUNK)
            return false;
    return fsync(f->fd) == 0;
}

static bool
read_here_and_there(void *arg, uint64_t n)
{
    struct file *f = arg;

    for (uint64_t i = 0; i < n; i++)
        if (pread(f->fd, chunk, PAGE, (off_t)(i * STEP % f->pages * PAGE)) != PAGE)
            return false;
    return true;
}

static bool
write_here_and_there(void *arg, uint64_t n)
{
    struct file *f = arg;

    for (uint64_t i = 0; i < n; i++)
        if (pwrite(f->fd, chunk, PAGE, (off_t)(i * STEP % f->pages * PAGE)) != PAGE || fsync(f->fd) != 0)
            return false;
    return true;
}

/* ---- which ---- */

static int
timed_disk(work_fn *work, const char *path, int flags, uint64_t n)
{
    struct file f = { .fd = open(path, flags, 0600) };
    off_t size = lseek(f.fd, 0, SEEK_END);

    if (f.fd < 0 || size < 0 || lseek(f.fd, 0, SEEK_SET) != 0) {
        fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
        return 1;
    }
    f.pages = (uint64_t)size / PAGE ? (uint64_t)size / PAGE : 1;
    return timed(work, &f, n);
}

static int
timed_network(work_fn *work, const char *address, const char *port, int type, uint64_t n)
{
    int fd = connected(address, (uint16_t)atoi(port), type);

    if (fd < 0) {
        fprintf(stderr, "bench: %s port %s: %s\n", address, port, strerror(errno));
        return 1;
    }
    return timed(work, &fd, n);
}

int
timed_io(int argc, char **argv)
{
    static const struct {
        const char *name;
        work_fn *work;
        int flags;
    } disk[] = {
        { "read", read_in_order, O_RDONLY },
        { "write", write_in_order, O_WRONLY | O_CREAT | O_TRUNC },
        { "random-read", read_here_and_there, O_RDONLY },
        { "random-write", write_here_and_there, O_WRONLY },
    }, network[] = {
        { "send", send_kib, SOCK_STREAM },
        { "receive", receive_kib, SOCK_STREAM },
        { "echo", echo_datagrams, SOCK_DGRAM },
    };

    for (unsigned i = 0; argc == 3 && i < sizeof(disk) / sizeof(disk[0]); i++)
        if (!strcmp(argv[0], disk[i].name))
            return timed_disk(disk[i].work, argv[1], disk[i].flags, strtoull(argv[2], NULL, 10));
    for (unsigned i = 0; argc == 4 && i < sizeof(network) / sizeof(network[0]); i++)
        if (!strcmp(argv[0], network[i].name))
            return timed_network(network[i].work, argv[1], argv[2], network[i].flags, strtoull(argv[3], NULL, 10));
    fprintf(stderr, "bench: --io read|write|random-read|random-write FILE N, or send|receive|echo ADDRESS PORT N\n");
    return 2;
}
