/*
 * calls.c: mmap, mremap, madvise and their kin in their corners: the same points hold on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define MADV_POPULATE_READ_ 22
#define MADV_POPULATE_WRITE_ 23

static int point;
static sigjmp_buf back;
static volatile int code;
static void *volatile where;

static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, what);
    fflush(stdout);
}

static void
on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    code = info->si_code;
    where = info->si_addr;
    siglongjmp(back, sig);
}

/* The signal that a load or store there raises; 0: none. */
static int
touch(volatile char *p, int store)
{
    int sig = sigsetjmp(back, 1);

    if (sig != 0)
        return sig;
    if (store)
        *p = 1;
    else
        (void)*p;
    return 0;
}

static char *
map(size_t pages)
{
    return mmap(NULL, pages * PAGE, RW, ANON, -1, 0);
}

static int
fails(long result, int error)
{
    return result == -1 && errno == error;
}

static int
mapped(void *p)
{
    return msync(p, PAGE, MS_ASYNC) == 0;
}

/* The line of /proc/self/maps that holds p, or an empty one. */
static const char *
line_of(void *p)
{
    static char line[512];
    FILE *f = fopen("/proc/self/maps", "r");

    while (f && fgets(line, sizeof(line), f)) {
        unsigned long start, end;

        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= (unsigned long)p && (unsigned long)p < end) {
            fclose(f);
            return line;
        }
    }
    if (f)
        fclose(f);
    return "";
}

static unsigned long
extent(void *p)
{
    unsigned long start = 0, end = 0;

    sscanf(line_of(p), "%lx-%lx", &start, &end);
    return (end - start) / PAGE;
}

/* ---- mmap ---- */

static void
fixed(void)
{
    char *p = map(8);

    memset(p, 7, 8 * PAGE);
    ok(mmap(p + 2 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 2 * PAGE && p[2 * PAGE] == 0 && p[PAGE] == 7 && p[4 * PAGE] == 7,
       "MAP_FIXED replaces what is there and nothing else");
    ok(mmap(p + 6 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) == p + 6 * PAGE && touch(p + 6 * PAGE, 1) == SIGSEGV && code == SEGV_ACCERR &&
       touch(p + 7 * PAGE, 1) == 0, "and may split a mapping");
    ok(fails((long)mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST), "MAP_FIXED_NOREPLACE refuses what is mapped");
    munmap(p + 3 * PAGE, PAGE);
    ok(mmap(p + 3 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + 3 * PAGE, "and takes what is free");
    ok(fails((long)mmap(p + 100, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL), "MAP_FIXED wants a page-aligned address");
    ok(fails((long)mmap((void *)(1ul << 61), 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM), "MAP_FIXED above the user half is ENOMEM");
    ok(fails((long)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL), "no length is EINVAL");
    ok(fails((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL), "neither private nor shared is EINVAL");
    ok(fails((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF), "a file mapping without a file is EBADF");
    ok(fails((long)syscall(SYS_mmap, NULL, -1ul, RW, ANON, -1, 0), ENOMEM), "a length that wraps is ENOMEM");
    munmap(p + 3 * PAGE, PAGE);
    ok(mmap(p + 3 * PAGE, PAGE, RW, ANON, -1, 0) == p + 3 * PAGE, "a hint that is free is followed");
    munmap(p, 8 * PAGE);
    ok(munmap(p, 8 * PAGE) == 0 && fails(munmap(p + 1, PAGE), EINVAL) && fails(munmap(p, 0), EINVAL), "munmap of nothing is no error");
}

static void
merges(void)
{
    char *p = mmap(NULL, 12 * PAGE, PROT_NONE, ANON, -1, 0) + PAGE;

    mprotect(p, 10 * PAGE, RW);
    ok(extent(p) == 10, "a protected part is a mapping of its own");
    mprotect(p + 4 * PAGE, PAGE, PROT_READ);
    ok(extent(p) == 4 && extent(p + 4 * PAGE) == 1 && extent(p + 5 * PAGE) == 5, "mprotect of a page in the middle makes three");
    mprotect(p + 5 * PAGE, PAGE, PROT_READ);
    ok(extent(p + 4 * PAGE) == 2 && extent(p + 6 * PAGE) == 4, "the next one joins the changed one");
    mprotect(p + 4 * PAGE, 2 * PAGE, RW);
    ok(extent(p) == 10, "and back makes one again");
    munmap(p + 2 * PAGE, PAGE);
    ok(fails(mprotect(p, 4 * PAGE, PROT_READ), ENOMEM), "mprotect over a hole is ENOMEM");
    ok(fails(syscall(SYS_mprotect, p + 1, PAGE, RW), EINVAL) && mprotect(p, 0, RW) == 0 && fails(mprotect(p, PAGE, 0x1000), EINVAL), "bad arguments are EINVAL");
    munmap(p - PAGE, 12 * PAGE);
}

/* ---- mremap ---- */

static void
grow_and_shrink(void)
{
    char *p = map(4), *q;

    memset(p, 3, 4 * PAGE);
    munmap(p + 2 * PAGE, 2 * PAGE);
    ok(mremap(p, 2 * PAGE, 4 * PAGE, 0) == p && p[PAGE] == 3 && p[2 * PAGE] == 0, "mremap grows in place where it can");
    ok(mremap(p, 4 * PAGE, PAGE, 0) == p && !mapped(p + PAGE) && p[0] == 3, "it shrinks");
    q = mmap(p + PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
    ok(fails((long)mremap(p, PAGE, 2 * PAGE, 0), ENOMEM), "in the way without MAYMOVE is ENOMEM");
    q = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    ok(q != MAP_FAILED && q != p && q[0] == 3 && q[PAGE] == 0 && !mapped(p), "with it the mapping moves");
    ok(fails((long)mremap(q, PAGE, 0, 0), EINVAL) && fails((long)mremap(q + 1, PAGE, PAGE, 0), EINVAL), "no new length, odd address: EINVAL");
    ok(fails((long)mremap(q, 0, PAGE, MREMAP_MAYMOVE), EINVAL), "no old length of a private mapping is EINVAL");
    munmap(q, 3 * PAGE);
    ok(fails((long)mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT), "nothing there is EFAULT");
    munmap(p + PAGE, PAGE);
}

static void
move_fixed(void)
{
    char *p = map(4), *q = map(8);

    memset(p, 5, 4 * PAGE);
    memset(q, 6, 8 * PAGE);
    ok(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 2 * PAGE) == q + 2 * PAGE && q[2 * PAGE] == 5 && q[PAGE] == 6 &&
       q[4 * PAGE] == 6 && !mapped(p) && p[2 * PAGE] == 5, "MREMAP_FIXED moves over what is there");
    ok(fails((long)mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE), EINVAL), "onto itself is EINVAL");
    ok(fails((long)mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_FIXED, p), EINVAL), "FIXED without MAYMOVE is EINVAL");
    ok(mremap(q, 4 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p && p[0] == 6 && !mapped(q + 3 * PAGE) && mapped(q + 4 * PAGE),
       "FIXED and shorter takes the rest away");
    ok(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED, "and it moves on");
    munmap(q, 8 * PAGE);
}

static void
dont_unmap(void)
{
    char *p = map(2), *q;

    memset(p, 9, 2 * PAGE);
    q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    ok(q != MAP_FAILED && q != p && q[0] == 9 && q[PAGE] == 9 && mapped(p) && p[0] == 0 && p[PAGE] == 0,
       "MREMAP_DONTUNMAP leaves the old mapping empty");
    ok(fails((long)mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL), "another length is EINVAL");
    p[0] = 1;
    ok(q[0] == 9, "they have nothing in common");
    munmap(p, 2 * PAGE);
    munmap(q, 2 * PAGE);
}

static void
shared_twice(void)
{
    char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

    p[PAGE] = 4;
    q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE);
    ok(q != MAP_FAILED && q != p && q[PAGE] == 4 && (q[0] = 8, p[0] == 8), "no old length of a shared mapping makes a second one");
    munmap(p, 2 * PAGE);
    ok(q[PAGE] == 4, "that lives on");
    munmap(q, 2 * PAGE);
}

/* ---- madvise, mincore, mlock ---- */

static void
advice(void)
{
    char *p = map(9) + PAGE, *s = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;

    mprotect(p - PAGE, PAGE, PROT_NONE);

    memset(p, 2, 8 * PAGE);
    ok(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0 && p[PAGE] == 0 && p[2 * PAGE] == 0 && p[0] == 2 && p[3 * PAGE] == 2, "DONTNEED gives zeros");
    s[0] = 3;
    ok(madvise(s, PAGE, MADV_DONTNEED) == 0 && s[0] == 3, "but for shared memory, which stays");
    ok(fails(madvise(s, PAGE, MADV_FREE), EINVAL) && madvise(p, PAGE, MADV_FREE) == 0, "FREE is for private memory without a file");
    ok(fails(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL) && fails(madvise(p, PAGE, 7777), EINVAL) && madvise(p, 0, MADV_NORMAL) == 0,
       "bad arguments are EINVAL");
    munmap(p + 4 * PAGE, PAGE);
    memset(p, 2, 4 * PAGE);
    ok(fails(madvise(p, 8 * PAGE, MADV_DONTNEED), ENOMEM) && p[0] == 0 && p[5 * PAGE] == 0, "over a hole the rest is done, and ENOMEM");
    madvise(p, PAGE, MADV_DONTFORK);
    madvise(p + PAGE, PAGE, MADV_WIPEONFORK);
    p[0] = p[PAGE] = p[2 * PAGE] = 6;
    ok(fails(madvise(s, PAGE, MADV_WIPEONFORK), EINVAL), "WIPEONFORK of shared memory is EINVAL");
    if (fork() == 0)
        _exit((touch(p, 0) == SIGSEGV ? 1 : 0) | (p[PAGE] == 0 ? 2 : 0) | (p[2 * PAGE] == 6 ? 4 : 0));
    wait(&status);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 7 && p[0] == 6 && p[PAGE] == 6, "DONTFORK and WIPEONFORK are for the child");
    ok(madvise(p, PAGE, MADV_DOFORK) == 0 && madvise(p + PAGE, PAGE, MADV_KEEPONFORK) == 0 && extent(p) >= 4, "and are undone");
    munmap(p - PAGE, 9 * PAGE);
    munmap(s, PAGE);
}

static void
populate(void)
{
    unsigned char in[4];
    char *p = map(4);

    ok(mincore(p, 4 * PAGE, in) == 0 && !((in[0] | in[1] | in[2] | in[3]) & 1), "fresh pages are not in core");
    p[PAGE] = 1;
    ok(mincore(p, 4 * PAGE, in) == 0 && !(in[0] & 1) && (in[1] & 1), "touched ones are");
    ok(madvise(p, 4 * PAGE, MADV_POPULATE_WRITE_) == 0 && mincore(p, 4 * PAGE, in) == 0 && (in[0] & in[1] & in[2] & in[3] & 1) && p[PAGE] == 1,
       "POPULATE_WRITE makes them all");
    mprotect(p, PAGE, PROT_NONE);
    ok(fails(madvise(p, PAGE, MADV_POPULATE_READ_), EINVAL), "of what may not be touched it is EINVAL");
    munmap(p, 4 * PAGE);
    ok(fails(mincore(p, PAGE, in), ENOMEM) && fails(mincore(p + 1, PAGE, in), EINVAL), "mincore of nothing is ENOMEM");
    p = mmap(NULL, 4 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);
    ok(mincore(p, 4 * PAGE, in) == 0 && (in[0] & in[1] & in[2] & in[3] & 1), "MAP_POPULATE makes them");
    ok(madvise(p, PAGE, MADV_DONTNEED) == 0 && mlock(p + 10, 2 * PAGE) == 0 && mincore(p, 4 * PAGE, in) == 0 && (in[0] & in[2] & 1),
       "mlock makes them, rounded outwards");
    ok(fails(madvise(p, PAGE, MADV_DONTNEED), EINVAL), "DONTNEED of locked memory is EINVAL");
    ok(munlock(p, 3 * PAGE) == 0 && madvise(p, PAGE, MADV_DONTNEED) == 0, "after munlock it is none");
    munmap(p + PAGE, PAGE);
    ok(fails(mlock(p, 3 * PAGE), ENOMEM), "mlock over a hole is ENOMEM");
    ok(fails(mlockall(0), EINVAL) && mlockall(MCL_FUTURE) == 0, "mlockall");
    munmap(p, 4 * PAGE);
    p = map(2);
    ok(mincore(p, 2 * PAGE, in) == 0 && (in[0] & in[1] & 1), "MCL_FUTURE is for the next mapping");
    munlockall();
    munmap(p, 2 * PAGE);
}

/* ---- stacks ---- */

static void
grows_down(void)
{
    char *low = mmap(NULL, 1024 * PAGE, PROT_NONE, ANON, -1, 0), *top = low + 1024 * PAGE, *p;

    munmap(low, 1024 * PAGE);
    p = mmap(top - PAGE, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    ok(p == top - PAGE && touch(p - 10 * PAGE, 1) == 0 && extent(p) == 11, "MAP_GROWSDOWN grows when touched below");
    p = mmap(top - 600 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
    ok(touch(top - 300 * PAGE, 1) == 0, "down to the guard gap of what lies below");
    ok(touch(top - 500 * PAGE, 1) == SIGSEGV && code == SEGV_MAPERR, "and not into it");
    ok(mprotect(top - PAGE, PAGE, PROT_READ | PROT_GROWSDOWN) == 0 && extent(top - PAGE) == 300 && touch(top - 300 * PAGE, 1) == SIGSEGV,
       "PROT_GROWSDOWN is for all of it");
    munmap(low, 1024 * PAGE);
}

/* ---- files that shrink ---- */

static void
shrinking(const char *dir)
{
    char name[64];
    volatile char *p, *s;
    int fd, status = 0, go[2];

    snprintf(name, sizeof(name), "%s/shrinks", dir);
    fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 4; i++)
        (void)!pwrite(fd, (char[PAGE]){ (char)(i + 1) }, PAGE, i * (off_t)PAGE);
    p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
    s = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    ok(p[0] == 1 && p[2 * PAGE] == 3 && s[3 * PAGE] == 4, "a file is mapped");
    p[3 * PAGE] = 9;
    (void)!pipe(go);
    if (fork() == 0) {
        (void)!read(go[0], name, 1);
        _exit(touch((char *)p + 2 * PAGE, 0) == SIGBUS && touch((char *)s + 2 * PAGE, 0) == SIGBUS && touch((char *)p + PAGE, 0) == 0);
    }
    ok(ftruncate(fd, PAGE + 10) == 0 && touch((char *)p + 2 * PAGE, 0) == SIGBUS && code == BUS_ADRERR && where == (void *)(p + 2 * PAGE),
       "a private page that was read is gone with the file's");
    ok(touch((char *)p + 3 * PAGE, 1) == SIGBUS, "and one that was written");
    ok(touch((char *)s + 3 * PAGE, 0) == SIGBUS && touch((char *)s + 2 * PAGE, 1) == SIGBUS, "and shared ones");
    ok(touch((char *)p + PAGE, 0) == 0 && s[PAGE] == 2 && s[PAGE + 10] == 0, "the page of the new end stays, zeros behind it");
    (void)!write(go[1], "x", 1);
    wait(&status);
    close(go[0]);
    close(go[1]);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "in the child, too");
    ok(ftruncate(fd, 4 * PAGE) == 0 && p[2 * PAGE] == 0 && s[3 * PAGE] == 0, "a file that has grown again is zeros");
    p[0] = 7;
    s[2 * PAGE] = 8;
    ok(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3 * PAGE) == 0 && p[0] == 7 && p[2 * PAGE] == 0 && s[0] == 0 && s[2 * PAGE] == 0,
       "a hole shows in mappings, but for what was written privately");
    s[3 * PAGE] = 5;
    ok(madvise((void *)(s + 3 * PAGE), PAGE, MADV_REMOVE) == 0 && s[3 * PAGE] == 0, "MADV_REMOVE makes a hole");
    ok(fails(madvise((void *)p, PAGE, MADV_REMOVE), EACCES) || errno == EINVAL, "not for private mappings");
    munmap((void *)p, 4 * PAGE);
    munmap((void *)s, 4 * PAGE);
    close(fd);
    unlink(name);
}

/* ---- limits ---- */

static int
within(int resource, rlim_t bytes, int (*fn)(void))
{
    int status = 0;

    if (fork() == 0) {
        struct rlimit l = { bytes, bytes };

        setrlimit(resource, &l);
        _exit(fn());
    }
    wait(&status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
big_map(void)
{
    return fails((long)map(32 << 8), ENOMEM);
}

static int
big_private(void)
{
    return fails((long)map(32 << 8), ENOMEM) && mmap(NULL, 32 << 20, PROT_READ, ANON, -1, 0) != MAP_FAILED &&
           mmap(NULL, 32 << 20, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int
big_brk(void)
{
    char *now = sbrk(0);

    return fails((long)sbrk(32 << 20), ENOMEM) && sbrk(0) == now;
}

/* So many frames of a page each, all of them there at once. */
static int __attribute__((noinline))
deep(int n, volatile char *above)
{
    volatile char room[4096];

    room[0] = above ? above[0] : 1;
    if (n > 0)
        room[1] = (char)deep(n - 1, room);
    __asm__ volatile("" : : "r"(room) : "memory");
    return room[0];
}

static int
deep_stack(void)
{
    static char alternate[65536];
    stack_t st = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigaltstack(&st, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    if (sigsetjmp(back, 1) != 0)
        return 1;
    return deep(512, NULL) == 1 ? 2 : 3;
}

static void
limits(void)
{
    ok(within(RLIMIT_AS, 24 << 20, big_map) == 1, "RLIMIT_AS makes mmap fail");
    ok(within(RLIMIT_AS, 24 << 20, big_brk) == 1, "and brk");
    ok(within(RLIMIT_DATA, 16 << 20, big_private) == 1, "RLIMIT_DATA is for private writable memory");
    ok(within(RLIMIT_DATA, 16 << 20, big_brk) == 1, "and brk");
    ok(within(RLIMIT_STACK, 1 << 20, deep_stack) == 1, "RLIMIT_STACK ends the stack");
    ok(within(RLIMIT_STACK, 7 << 20, deep_stack) == 2, "no sooner");
    ok(fails((long)mmap(NULL, 1ul << 40, RW, ANON, -1, 0), ENOMEM), "more than there could ever be is ENOMEM");
    ok(mmap(NULL, 1ul << 40, RW, ANON | MAP_NORESERVE, -1, 0) != MAP_FAILED, "unless nothing is to be reserved");
    ok(mmap(NULL, 1ul << 40, PROT_NONE, ANON, -1, 0) != MAP_FAILED, "or nothing can be touched");
}

int
main(void)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    fixed();
    merges();
    grow_and_shrink();
    move_fixed();
    dont_unmap();
    shared_twice();
    advice();
    populate();
    grows_down();
    shrinking("/root");
    shrinking("/dev/shm");
    limits();
    printf("1..%d\n", point);
    return 0;
}
