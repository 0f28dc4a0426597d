/*
 * unwind.c: from within a signal handler, what it interrupted is found by unwinding the stack, as debuggers, profilers and C++ do.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#define PAGE 4096
#define FRAMES_MAX 32
#define STORE_BYTES 3           /* of the instruction in faults() */
#define RBX 3                   /* DWARF's number */
#define RBX_VALUE 0x5eed

int
main(void);

static int points;
static char *page;
static struct frame {
    uintptr_t function, ip, rbx;
    int of_signal;              /* ip is where it goes on, not behind a call */
} frames[FRAMES_MAX];
static volatile int count;
static ucontext_t context;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

static _Unwind_Reason_Code
note(struct _Unwind_Context *c, void *arg)
{
    struct frame *f = &frames[count];

    (void)arg;
    if (count == FRAMES_MAX)
        return _URC_NORMAL_STOP;
    f->ip = _Unwind_GetIPInfo(c, &f->of_signal);
    f->function = _Unwind_GetRegionStart(c);
    f->rbx = _Unwind_GetGR(c, RBX);
    count++;
    return _URC_NO_REASON;
}

static void
handler(int sig, siginfo_t *info, void *uc)
{
    (void)sig;
    (void)info;
    count = 0;
    memset(frames, 0, sizeof(frames));
    context = *(ucontext_t *)uc;
    _Unwind_Backtrace(note, NULL);
    ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += STORE_BYTES;
}

static void __attribute__((noinline))
faults(void)
{
    __asm__ volatile("mov %0, %%ebx\n\tmovb $1, (%1)" : : "i"(RBX_VALUE), "a"(page) : "rbx", "memory");
}

static void __attribute__((noinline))
calls(void (*fn)(void))
{
    fn();
    __asm__ volatile("");       /* not a jump */
}

/* The frame of that function; NULL: it was not met. */
static const struct frame *
frame_of(void *function)
{
    for (int i = 0; i < count; i++)
        if (frames[i].function == (uintptr_t)function)
            return &frames[i];
    return NULL;
}

static void
check(const char *reached, const char *exact)
{
    const struct frame *f = frame_of((void *)faults), *c = frame_of((void *)calls), *m = frame_of((void *)main);

    tap(f != NULL && c > f && m > c, reached);
    tap(f != NULL && f->of_signal && f->ip == (uintptr_t)context.uc_mcontext.gregs[REG_RIP] && f->rbx == RBX_VALUE, exact);
}

int
main(void)
{
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    stack_t other = { .ss_size = 16 * PAGE };

    page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    other.ss_sp = mmap(NULL, other.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &sa, NULL);
    calls(faults);
    check("a backtrace in a handler of SIGSEGV goes over the fault to main", "at the fault it has its address and its registers");
    sigaltstack(&other, NULL);
    sa.sa_flags |= SA_ONSTACK;
    sigaction(SIGSEGV, &sa, NULL);
    calls(faults);
    check("from an alternate stack it does, too", "with the same");
    printf("1..%d\n", points);
    return 0;
}
