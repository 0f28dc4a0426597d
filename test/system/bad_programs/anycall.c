/*
 * anycall.c: random Linux calls with random arguments: SEED and COUNT. An alarm every two milliseconds ends those that sleep.
 *
 * Left out: calls that make or end processes, stop the machine, hang the terminal up, or take the alarm or the output away.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chance.h"

#define PAGES 16

static const short left_out[] = {
    SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_exit, SYS_exit_group, SYS_reboot, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_setitimer, SYS_alarm, SYS_rt_sigreturn,
    SYS_arch_prctl, SYS_vhangup, SYS_chroot, SYS_chdir, SYS_fchdir, SYS_setrlimit, SYS_prlimit64, SYS_rt_sigtimedwait, SYS_close,
    SYS_close_range, SYS_settimeofday, SYS_clock_settime, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_brk, SYS_madvise,
};
static const unsigned long odd[] = {
    0, 1, 2, 3, 4, 8, 255, 1024, 4095, 4096, 4097, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0x7cfffffff000, 0x7d0000000000,
    0x7d8000000000, 0x7e0000000000, 0x7ffffffff000, 0x7fffffffffffffff, 0x8000000000000000, 0xffff800000000000,
    0xffffffff80000000, -1ul,
};
static char pool[PAGES][4096] __attribute__((aligned(4096)));

static unsigned long
argument(void)
{
    switch (draw(8)) {
    case 0:
    case 1:
    case 2:
        return (unsigned long)pool[draw(PAGES)] + (draw(4) == 0 ? draw(4096) : 0);
    case 3:
    case 4:
        return odd[draw(sizeof(odd) / sizeof(odd[0]))];
    case 5:
        return draw(32);
    case 6:
        return (unsigned long)pool[PAGES - 1] + 4096 - draw(16);
    default:
        return draw(0);
    }
}

/* Nothing may read from or write to the terminal, or put something else in its place. */
static int
wanted(unsigned long nr, unsigned long first, unsigned long second)
{
    for (unsigned i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
        if (nr == (unsigned long)left_out[i])
            return 0;
    return (unsigned)first > 2 && (unsigned)second > 2;
}

/* Descriptors of every kind, and memory that means something. */
static int
prepare(void)
{
    int pair[2], bad = chdir("/tmp") | pipe(pair) | socketpair(AF_UNIX, SOCK_STREAM, 0, pair);

    bad |= socket(AF_INET, SOCK_STREAM, 0) | socket(AF_INET, SOCK_DGRAM, 0) | epoll_create1(0) | eventfd(0, 0);
    bad |= open("/tmp/calls", O_CREAT | O_RDWR, 0600) | open("/tmp", O_RDONLY) | open("/etc/passwd", O_RDONLY);
    for (int i = 0; i < PAGES; i++)
        for (int j = 0; j < 4096; j += 8)
            *(unsigned long *)(pool[i] + j) = draw(3) != 0 ? draw(20) : argument();
    snprintf(pool[0], 16, "/tmp/calls");
    snprintf(pool[1], 16, "name");
    return bad;
}

int
main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[2]) : 0;

    state = strtoul(argc > 1 ? argv[1] : "1", NULL, 0) * 0x9e3779b97f4a7c15ul + 1;
    if (prepare() < 0)
        perror("anycall");
    signals();
    for (long i = 0; i < count; i++) {
        unsigned long nr = draw(20) == 0 ? draw(0) : draw(460), a[6];

        for (int j = 0; j < 6; j++)
            a[j] = argument();
        if (wanted(nr, a[0], a[1]))
            syscall((long)nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    puts("through");
    return 0;
}
