/*
 * pager.c: pagers of the program's own: what their handlers are told, what they may do, and what is refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exos/pager.h>

#define PAGE 4096ul
#define PAGES 16
#define THREADS 8
#define NESTED 40
#define RW (PROT_READ | PROT_WRITE)

static unsigned points;
static volatile unsigned calls;
static volatile sig_atomic_t segv, usr1;
static char *region;
static jmp_buf out;
static sigjmp_buf sigout;

static void
point(bool good, const char *name)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++points, name);
}

static char *
memory(size_t pages)
{
    return mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A store that neither the compiler moves, nor what is known of memory survives. */
static void
poke(char *at, int value)
{
    *(volatile char *)at = (char)value;
    __asm__ volatile("" : : : "memory");
}

static long
allow(const void *at, unsigned count, unsigned prot)
{
    const struct exos_pages p = { (uintptr_t)at, count, prot };

    return exos_pages_protect(&p, 1);
}

static void *
page_of(uint64_t address)
{
    return (void *)(address & -PAGE);
}

/* The fault that happened last. */
static struct exos_fault seen;
static void *seen_arg;

static int
open_page(struct exos_fault *f, void *arg)
{
    seen = *f;
    seen_arg = arg;
    calls++;
    return allow(page_of(f->address), 1, RW) == 1;
}

static int
refuse(struct exos_fault *f, void *arg)
{
    (void)f;
    (void)arg;
    calls++;
    return 0;
}

static void
on_segv(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    segv++;
    seen.address = (uintptr_t)info->si_addr;
    siglongjmp(sigout, 1);
}

static void
on_usr1(int sig)
{
    (void)sig;
    usr1++;
}

/* ---- what is told, and what comes back ---- */

/* A store with a value in every register, vectors among them; whether they all came back. */
static bool
registers_survive(char *at)
{
    uint64_t bad = 0, zone = 0;

    __asm__ volatile(
        "mov $0x1234567, %%r8\n mov $0x2345678, %%r9\n mov $0x3456789, %%r10\n mov $0x456789a, %%r11\n"
        "mov $0x56789ab, %%r12\n mov $0x6789abc, %%r13\n mov $0x789abcd, %%r14\n mov $0x89abcde, %%r15\n"
        "movq %%r8, %%xmm0\n movq %%r9, %%xmm15\n fldpi\n"
        "movq $0x77, -8(%%rsp)\n movq $0x78, -128(%%rsp)\n"
        "stc\n movb $1, (%%rdi)\n"
        "adc $-1, %[bad]\n"             /* 0 when carry is still there */
        "fldpi\n fcomip\n fstp %%st(0)\n jne 1f\n"
        "movq %%xmm0, %%rax\n cmp %%r8, %%rax\n jne 1f\n movq %%xmm15, %%rax\n cmp %%r9, %%rax\n jne 1f\n"
        "cmp $0x1234567, %%r8\n jne 1f\n cmp $0x2345678, %%r9\n jne 1f\n cmp $0x3456789, %%r10\n jne 1f\n cmp $0x456789a, %%r11\n jne 1f\n"
        "cmp $0x56789ab, %%r12\n jne 1f\n cmp $0x6789abc, %%r13\n jne 1f\n cmp $0x789abcd, %%r14\n jne 1f\n cmp $0x89abcde, %%r15\n jne 1f\n"
        "cmpq $0x77, -8(%%rsp)\n jne 1f\n cmpq $0x78, -128(%%rsp)\n je 2f\n"
        "1: inc %[bad]\n"
        "2:\n"
        : [bad] "+d"(bad), [zone] "+c"(zone) : "D"(at)
        : "rax", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm15", "memory", "cc");
    return bad == 0 && zone == 0;
}

/* Spoils all that a C function may, and vectors by more than a C compiler would. */
static int
spoil(struct exos_fault *f, void *arg)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n pcmpeqd %%xmm15, %%xmm15\n fninit\n clc" : : : "xmm0", "xmm15", "cc");
    return open_page(f, arg);
}

static int
emulate_push(struct exos_fault *f, void *arg)
{
    (void)arg;
    f->rip += 2;                        /* mov (%rax), %ecx */
    f->rsp -= 8;
    *(uint64_t *)f->rsp = 0xfeed;
    f->rcx = 0xbeef;
    return 1;
}

static void
told(void)
{
    char *m = memory(PAGES);
    uint64_t popped, loaded;

    poke(&m[PAGE], 5);
    point(exos_pager_start(m, PAGES * PAGE, open_page, m) == 0, "a pager answers for a range");
    calls = 0;
    poke(&m[PAGE + 1], 6);
    point(calls == 0 && m[PAGE] == 5, "pages that are there keep the access that they have");
    poke(&m[3 * PAGE + 17], 1);
    point(calls == 1 && seen.address == (uintptr_t)m + 3 * PAGE + 17 && seen.error == (EXOS_FAULT_WRITE | 4) && seen_arg == m,
          "a store to a page that is not there: address, error, argument");
    point(allow(m + PAGE, 1, PROT_READ) == 1 && m[PAGE] == 5 && calls == 1, "a page that may be read is");
    poke(&m[PAGE], 7);
    point(calls == 2 && (seen.error & EXOS_FAULT_PRESENT) && m[PAGE] == 7, "a store to a page that may be read only");
    point(allow(m + PAGE, 1, PROT_NONE) == 1 && *(volatile char *)(m + PAGE) == 7 && calls == 3, "a page denied keeps what it holds");
    madvise(m + PAGE, PAGE, MADV_DONTNEED);
    point(*(volatile char *)(m + PAGE) == 0 && calls == 4, "a page given up is not there, and the pager hears of it");
    point(exos_pager_end(m) == 0 && exos_pager_start(m, PAGES * PAGE, spoil, NULL) == 0 && allow(m, PAGES, PROT_READ) == 1 &&
          registers_survive(m + 5 * PAGE), "all registers, flags and the red zone are as they were");
    point(exos_pager_end(m) == 0 && exos_pager_start(m, PAGES * PAGE, emulate_push, NULL) == 0 && allow(m, PAGES, PROT_NONE) == 1,
          "another takes the range");
    __asm__ volatile("sub $256, %%rsp\n mov (%%rax), %%ecx\n pop %%rdx\n add $256, %%rsp"
                     : "=c"(loaded), "=d"(popped) : "a"(m) : "memory");
    point(loaded == 0xbeef && popped == 0xfeed, "a handler changes registers, and the stack");
    munmap(m, PAGES * PAGE);
}

/* ---- ways out of a handler ---- */

static int
jump(struct exos_fault *f, void *arg)
{
    (void)f;
    (void)arg;
    longjmp(out, 1);
}

static int
raise_in(struct exos_fault *f, void *arg)
{
    raise(SIGUSR1);
    return open_page(f, arg);
}

static int
unmap(struct exos_fault *f, void *arg)
{
    (void)arg;
    munmap(page_of(f->address), PAGE);
    return 1;
}

/* Touches the next page, whose fault is the same handler's, some times deep. */
static int
nest(struct exos_fault *f, void *arg)
{
    char *at = page_of(f->address);

    calls++;
    if (at + PAGE < region + NESTED * PAGE)
        poke(&at[PAGE], 1);
    (void)arg;
    return allow(at, 1, RW) == 1;
}

static int
endless(struct exos_fault *f, void *arg)
{
    (void)arg;
    return *(volatile int *)f->address;
}

static bool
dies_by_segv(char *m, exos_pager_fn *handler)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        fclose(stderr);
        close(2);
        if (exos_pager_start(m, PAGE, handler, NULL) != 0 || allow(m, 1, PROT_NONE) != 1)
            _exit(1);
        poke(m, 1);
        _exit(2);
    }
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void
ways_out(void)
{
    struct sigaction act = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
    char *m = memory(PAGES);

    sigaction(SIGSEGV, &act, NULL);
    signal(SIGUSR1, on_usr1);
    exos_pager_start(m, PAGES * PAGE, jump, NULL);
    for (unsigned i = 0; i < 1000; i++)
        if (setjmp(out) == 0)
            poke(&m[i % PAGES * PAGE], 1);
        else
            calls = i;
    point(calls == 999, "a handler leaves by longjmp, a thousand times");
    exos_pager_end(m);
    exos_pager_start(m, PAGES * PAGE, raise_in, NULL);
    allow(m, 1, PROT_NONE);
    poke(&m[5], 1);
    point(usr1 == 1 && m[5] == 1, "a signal comes in a handler");
    exos_pager_end(m);
    exos_pager_start(m, PAGES * PAGE, refuse, NULL);
    allow(m, 1, PROT_NONE);
    if (sigsetjmp(sigout, 1) == 0)
        poke(&m[9], 1);
    point(segv == 1 && seen.address == (uintptr_t)m + 9, "what a handler refuses is SIGSEGV, with the address");
    exos_pager_end(m);
    exos_pager_start(m, PAGES * PAGE, unmap, NULL);
    allow(m + PAGE, 1, PROT_NONE);
    if (sigsetjmp(sigout, 1) == 0)
        poke(&m[PAGE], 1);
    point(segv == 2, "a handler that unmaps the page: SIGSEGV");
    munmap(m, PAGES * PAGE);
    region = memory(NESTED);
    calls = 0;
    exos_pager_start(region, NESTED * PAGE, nest, NULL);
    poke(&region[0], 1);
    point(calls == NESTED, "a handler's own faults are its pager's");
    munmap(region, NESTED * PAGE);
    m = memory(1);
    point(dies_by_segv(m, endless), "a handler that faults for ever ends by its stack");
    point(dies_by_segv(m, (exos_pager_fn *)0x10000), "a handler that is no code is SIGSEGV");
    point(dies_by_segv(m, refuse), "without a handler for it, the signal ends the process");
}

/* ---- what is refused ---- */

static void
refusals(void)
{
    char *m = memory(PAGES), *shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct exos_pages two[2] = { { (uintptr_t)m, 1, PROT_READ }, { 0, 1, PROT_READ } };

    point(exos_pager_start(m + 1, PAGE, refuse, NULL) == -EINVAL && exos_pager_start(m, 0, refuse, NULL) == -EINVAL &&
          exos_pager_start(m, PAGE - 1, refuse, NULL) == -EINVAL && exos_pager_start(m, -PAGE, refuse, NULL) == -EINVAL,
          "ranges that are no pages");
    point(exos_pager_start(shared, PAGE, refuse, NULL) == -EINVAL && exos_pager_start((char *)PAGE, PAGE, refuse, NULL) == -ENOMEM &&
          exos_pager_start(m, PAGE, (exos_pager_fn *)-PAGE, NULL) == -EINVAL, "memory that is shared or not there, code that is nobody's");
    point(allow(m, 1, PROT_READ) == -EINVAL && exos_pager_end(m) == -EINVAL, "pages without a pager");
    point(exos_pager_start(m, 8 * PAGE, open_page, NULL) == 0 && exos_pager_start(m + 7 * PAGE, PAGE, open_page, NULL) == -EEXIST,
          "a page has one pager");
    point(allow(m + 1, 1, PROT_READ) == -EINVAL && allow(m, 1, 8) == -EINVAL && allow(m, 1, 1u << 28) == -EINVAL &&
          allow(m, 9, PROT_READ) == -EINVAL && allow(m, -1, PROT_READ) == -EINVAL, "elements that are wrong");
    point(exos_pages_protect(two, 2) == 1 && exos_pages_protect((void *)8, 1) == -EFAULT && exos_pages_protect((void *)-8, 1) == -EFAULT &&
          exos_pages_protect(two, 0) == 0, "a vector says how far it got; one that is not there");
    point(mprotect(m, PAGE, PROT_READ) == -1 && errno == EACCES && mremap(m, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED,
          "mprotect and mremap leave its pages alone");
    munmap(m + 2 * PAGE, PAGE);
    mmap(m + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    calls = 0;
    poke(&m[2 * PAGE], 1);
    poke(&m[3 * PAGE], 1);
    point(calls == 1, "what is mapped in a hole is not the pager's");
    allow(m, 1, PROT_NONE);
    exos_pager_end(m);
    poke(&m[0], 1);
    point(calls == 1 && mprotect(m, PAGE, PROT_READ) == 0, "after its end pages are as their mapping says");
    mprotect(m, PAGE, RW);
    mprotect(m + 9 * PAGE, PAGE, PROT_READ);
    point(exos_pager_start(m + 8 * PAGE, 8 * PAGE, open_page, NULL) == 0 && allow(m + 9 * PAGE, 1, RW) == -EACCES &&
          allow(m + 9 * PAGE, 1, PROT_READ) == 1 && allow(m + 9 * PAGE, 1, RW) == -EACCES, "no more than the mapping allows");
    munmap(m, PAGES * PAGE);
}

static void
many(void)
{
    char *m = memory(2 * EXOS_PAGERS_MAX + 2);
    int i;

    for (i = 0; exos_pager_start(m + 2 * i * PAGE, PAGE, open_page, m + i) == 0; i++)
        continue;
    point(i == EXOS_PAGERS_MAX && exos_pager_start(m + 2 * i * PAGE, PAGE, open_page, NULL) == -ENOSPC, "as many pagers as there may be");
    calls = 0;
    for (i = 0; i < EXOS_PAGERS_MAX; i++) {
        poke(&m[2 * i * PAGE], 1);
        if (seen_arg != m + i)
            break;
    }
    point(i == EXOS_PAGERS_MAX && calls == EXOS_PAGERS_MAX, "each answers for its own");
    munmap(m, PAGE);
    point(exos_pager_start(m + 2 * EXOS_PAGERS_MAX * PAGE, PAGE, open_page, NULL) == 0, "one that has lost its memory makes room");
    munmap(m, (2 * EXOS_PAGERS_MAX + 2) * PAGE);
}

/* ---- forks and threads ---- */

static void
forks(void)
{
    char *m = memory(PAGES);
    int status = 0;
    pid_t pid;

    exos_pager_start(m, PAGES * PAGE, open_page, m);
    allow(m, PAGES, RW);
    memset(m, 1, PAGES * PAGE);
    allow(m, 4, PROT_READ);
    calls = 0;
    pid = fork();
    if (pid == 0) {
        poke(&m[5 * PAGE], 2);                /* shared by the fork alone: the library's */
        if (calls != 0 || m[5 * PAGE] != 2)
            _exit(1);
        poke(&m[PAGE], 2);                    /* the pager's, and shared */
        _exit(calls == 1 && m[PAGE] == 2 && m[PAGE + 1] == 1 ? 0 : 2);
    }
    waitpid(pid, &status, 0);
    point(status == 0, "a child has its parent's pagers");
    poke(&m[6 * PAGE], 3);
    poke(&m[2 * PAGE], 3);
    point(calls == 1 && m[PAGE] == 1 && m[5 * PAGE] == 1 && m[6 * PAGE] == 3 && m[2 * PAGE] == 3, "and what it writes is its own");
    munmap(m, PAGES * PAGE);
}

static void *
toucher(void *arg)
{
    for (unsigned round = 0; round < 200; round++) {
        unsigned i = (round * 7 + (unsigned)(uintptr_t)arg) % PAGES;

        allow(region + i * PAGE, 1, PROT_NONE);
        poke(&region[i * PAGE + (uintptr_t)arg], (char)round);
        if (round % 16 == 0)
            sched_yield();
    }
    return ((volatile char *)region)[(199 * 7 + (unsigned)(uintptr_t)arg) % PAGES * PAGE + (uintptr_t)arg] == (char)199 ? arg : NULL;
}

static void
threads(void)
{
    pthread_t t[THREADS];
    unsigned good = 0;
    void *result;

    region = memory(PAGES);
    exos_pager_start(region, PAGES * PAGE, open_page, NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, toucher, (void *)(i + 1));
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_join(t[i], &result);
        good += result == (void *)(i + 1);
    }
    point(good == THREADS, "threads deny and touch pages beside each other");
    munmap(region, PAGES * PAGE);
}

/* The library itself does not call handlers. */
static void
calls_of_the_library(void)
{
    char *m = memory(1);
    int fds[2];

    exos_pager_start(m, PAGE, open_page, NULL);
    allow(m, 1, PROT_NONE);
    calls = 0;
    if (pipe(fds) != 0)
        return;
    point(write(fds[1], m, 1) == -1 && errno == EFAULT && calls == 0, "a call that is given a denied page says EFAULT");
    poke(&m[0], 'x');
    point(write(fds[1], m, 1) == 1 && calls == 1, "and does its work when the page is allowed");
    close(fds[0]);
    close(fds[1]);
    munmap(m, PAGE);
}

int
main(void)
{
    told();
    ways_out();
    refusals();
    many();
    forks();
    threads();
    calls_of_the_library();
    printf("1..%u\n", points);
    return 0;
}
