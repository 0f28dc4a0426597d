/*
 * more.c: rows of Linux calls with a state of their own: protection, faults, signals, readiness, datagrams, names. Linked only.
 */
#define _GNU_SOURCE                 /* REG_RIP */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define PAGE 4096
#define REGION_PAGES 16
#define DATAGRAM 64

static char *region;
static int watch = -1, counter = -1, socket_fd = -1;
static struct sockaddr_in own_address;
static char message[DATAGRAM];

/* ---- memory ---- */

static uint64_t
sample_protect(void *arg)
{
    static int prot = PROT_READ;
    size_t length = arg ? REGION_PAGES * PAGE : PAGE;
    char *at = arg ? region : region + 5 * PAGE;
    uint64_t begin = stamp();
    int err = mprotect(at, length, prot);
    uint64_t ticks = stamp() - begin;

    if (arg)
        prot ^= PROT_WRITE;
    else
        err |= mprotect(region, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE);
    return err ? UINT64_MAX : ticks;
}

static uint64_t
sample_map_touch(void *arg)
{
    uint64_t begin = stamp();
    char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)arg;
    if (p == MAP_FAILED)
        return UINT64_MAX;
    *(volatile char *)p = 1;
    return munmap(p, PAGE) ? UINT64_MAX : stamp() - begin;
}

/* ---- signals ---- */

static void
count_signal(int sig)
{
    (void)sig;
}

static uint64_t
sample_signal(void *arg)
{
    uint64_t begin = stamp();
    int err = kill(*(pid_t *)arg, SIGUSR1);

    return err ? UINT64_MAX : stamp() - begin;
}

/* Goes on after the store of sample_trap. */
static void
step_over(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 3;
}

/* A store of three bytes' length that faults and is stepped over. */
static uint64_t
sample_trap(void *arg)
{
    uint64_t begin = stamp();

    (void)arg;
    __asm__ volatile("movb $1, (%0)" : : "a"(region) : "memory");
    return stamp() - begin;
}

static void
signal_rows(void)
{
    struct sigaction user = { .sa_handler = count_signal }, fault = { .sa_sigaction = step_over, .sa_flags = SA_SIGINFO };
    struct sigaction old_user, old_fault;
    pid_t self = getpid();

    sigaction(SIGUSR1, &user, &old_user);
    sigaction(SIGSEGV, &fault, &old_fault);
    row_measure("signal to self", 500, sample_signal, &self);
    mprotect(region, PAGE, PROT_NONE);
    row_measure("trap to SIGSEGV handler and resume", 600, sample_trap, NULL);
    mprotect(region, PAGE, PROT_READ | PROT_WRITE);
    sigaction(SIGUSR1, &old_user, NULL);
    sigaction(SIGSEGV, &old_fault, NULL);
}

/* ---- readiness, datagrams, names ---- */

static uint64_t
sample_epoll(void *arg)
{
    struct epoll_event e;
    uint64_t begin = stamp();
    int n = epoll_wait(watch, &e, 1, -1);

    (void)arg;
    return n != 1 ? UINT64_MAX : stamp() - begin;
}

static uint64_t
sample_datagram(void *arg)
{
    uint64_t begin = stamp();
    ssize_t n = sendto(socket_fd, message, DATAGRAM, 0, (struct sockaddr *)&own_address, sizeof(own_address));

    (void)arg;
    if (n == DATAGRAM)
        n = recv(socket_fd, message, DATAGRAM, 0);
    return n != DATAGRAM ? UINT64_MAX : stamp() - begin;
}

static uint64_t
sample_create(void *arg)
{
    const char *path = arg;
    uint64_t begin = stamp();
    int err = close(open(path, O_CREAT | O_WRONLY, 0600));

    err |= unlink(path);
    return err ? UINT64_MAX : stamp() - begin;
}

static void
watch_open(void)
{
    struct epoll_event want = { .events = EPOLLIN };
    socklen_t size = sizeof(own_address);

    counter = eventfd(1, 0);
    watch = epoll_create1(0);
    epoll_ctl(watch, EPOLL_CTL_ADD, counter, &want);
    socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    own_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    bind(socket_fd, (struct sockaddr *)&own_address, sizeof(own_address));
    getsockname(socket_fd, (struct sockaddr *)&own_address, &size);
}

void
more_rows(void)
{
    static char name[] = "/tmp/aegis-bench.new";

    region = mmap(NULL, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        return;
    memset(region, 1, REGION_PAGES * PAGE);
    watch_open();
    row_measure("mprotect, whole region of 16 pages", 500, sample_protect, region);
    mprotect(region, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE);
    row_measure("mprotect one page of a region", 900, sample_protect, NULL);
    row_measure("mmap + touch + munmap", 1900, sample_map_touch, NULL);
    signal_rows();
    row_measure("epoll_wait on a ready eventfd", 300, sample_epoll, NULL);
    row_measure("UDP to self, 64 B", 1500, sample_datagram, NULL);
    row_measure("create + close + unlink", 4000, sample_create, name);
    close(watch);
    close(counter);
    close(socket_fd);
    munmap(region, REGION_PAGES * PAGE);
}
