/*
 * signals.c: queues and their order, masks, stacks, what handlers are told, signals as files, processes as files.
 */
#define _GNU_SOURCE
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define SEEN_MAX 64
#define QUEUED 10
#define FEW 3
#define SS_AUTODISARM_ (1u << 31)
#define P_PIDFD_ 3
#define CLONE_PIDFD_ 0x1000
#define STACK_BYTES 65536

static int points;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

static void
sleep_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&t, &t) != 0)
        ;
}

/* ---- what handlers saw ---- */

static struct seen {
    int sig, code, value;
    pid_t pid;
    sigset_t context_mask, running_mask;
    void *addr;
    unsigned long err, trap, cr2;
} seen[SEEN_MAX];
static volatile int seen_count;

static void
note(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    struct seen *s = &seen[seen_count++];

    *s = (struct seen){ .sig = sig, .code = info->si_code, .value = info->si_value.sival_int, .pid = info->si_pid, .addr = info->si_addr };
    memcpy(&s->context_mask, &uc->uc_sigmask, 8);
    sigprocmask(SIG_BLOCK, NULL, &s->running_mask);
    s->err = (unsigned long)uc->uc_mcontext.gregs[REG_ERR];
    s->trap = (unsigned long)uc->uc_mcontext.gregs[REG_TRAPNO];
    s->cr2 = (unsigned long)uc->uc_mcontext.gregs[REG_CR2];
}

static void
catch(int sig, int flags)
{
    struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | flags };

    sigfillset(&sa.sa_mask);
    if (flags & SA_NODEFER)
        sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

static sigset_t
set_of(int a, int b)
{
    sigset_t s;

    sigemptyset(&s);
    sigaddset(&s, a);
    if (b != 0)
        sigaddset(&s, b);
    return s;
}

static void
block(int how, int a, int b)
{
    sigset_t s = set_of(a, b);

    sigprocmask(how, &s, NULL);
}

/* ---- queues ---- */

static int
queue(int sig, int value)
{
    return sigqueue(getpid(), sig, (union sigval){ .sival_int = value });
}

/* Takes what is pending one by one, which keeps handlers from nesting. */
static void
drain(int a, int b)
{
    sigset_t s = set_of(a, b);
    siginfo_t info;

    seen_count = 0;
    while (seen_count < SEEN_MAX && sigtimedwait(&s, &info, &(struct timespec){ 0, 0 }) > 0) {
        seen[seen_count++] = (struct seen){ .sig = info.si_signo, .code = info.si_code, .value = info.si_value.sival_int, .pid = info.si_pid };
    }
}

static void
test_queues(void)
{
    int low = SIGRTMIN, high = SIGRTMIN + 1, good = 1;
    struct rlimit old, few = { FEW, FEW };

    block(SIG_BLOCK, low, high);
    catch(low, 0);
    catch(high, 0);
    for (int i = 0; i < QUEUED; i++)
        good &= queue(i % 2 ? low : high, i) == 0;
    drain(low, high);
    for (int i = 0; i < QUEUED; i++)
        good &= seen[i].sig == (i < QUEUED / 2 ? low : high) && seen[i].value == (i < QUEUED / 2 ? 2 * i + 1 : 2 * (i - QUEUED / 2));
    tap(good && seen_count == QUEUED, "real-time signals come by number, and in order within one");
    tap(seen[0].code == SI_QUEUE && seen[0].pid == getpid(), "each with its code and its sender");
    seen_count = 0;
    for (int i = 0; i < 2; i++)
        kill(getpid(), low);
    block(SIG_UNBLOCK, low, 0);
    tap(seen_count == 2 && seen[0].code == SI_USER, "kill(2) queues them, too");
    block(SIG_BLOCK, low, 0);
    getrlimit(RLIMIT_SIGPENDING, &old);
    few.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_SIGPENDING, &few);
    good = 1;
    for (int i = 0; i < FEW; i++)
        good &= queue(low, i) == 0;
    tap(good && queue(low, 9) == -1 && errno == EAGAIN, "past RLIMIT_SIGPENDING there is EAGAIN");
    setrlimit(RLIMIT_SIGPENDING, &old);
    drain(low, 0);
    tap(seen_count == FEW, "and what was queued is there");
    block(SIG_UNBLOCK, low, high);
    tap(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &(siginfo_t){ .si_code = SI_USER }) == -1 && errno == EPERM,
        "nobody pretends to others that it was kill(2)");
}

static void
test_standard(void)
{
    block(SIG_BLOCK, SIGUSR1, SIGUSR2);
    catch(SIGUSR1, 0);
    catch(SIGUSR2, SA_RESETHAND);
    seen_count = 0;
    for (int i = 0; i < FEW; i++)
        kill(getpid(), SIGUSR1);
    block(SIG_UNBLOCK, SIGUSR1, 0);
    tap(seen_count == 1, "a standard signal is pending once");
    kill(getpid(), SIGUSR2);
    block(SIG_UNBLOCK, SIGUSR2, 0);
    tap(signal(SIGUSR2, SIG_DFL) == SIG_DFL && seen_count == 2, "SA_RESETHAND forgets the handler");
    catch(SIGUSR2, SA_NODEFER);
    seen_count = 0;
    raise(SIGUSR2);
    tap(!sigismember(&seen[0].running_mask, SIGUSR2), "with SA_NODEFER the signal is not blocked meanwhile");
    catch(SIGUSR2, 0);
    raise(SIGUSR2);
    tap(sigismember(&seen[1].running_mask, SIGUSR2) && sigismember(&seen[1].running_mask, SIGTERM) && seen[1].code == SI_TKILL,
        "else it is, with the handler's mask");
}

/* ---- masks for the time of a wait ---- */

static void
test_waits(void)
{
    sigset_t none;
    int good = 1, ends[2];
    struct timespec t = { 5, 0 };

    sigemptyset(&none);
    (void)!pipe(ends);
    block(SIG_BLOCK, SIGUSR1, SIGTERM);
    catch(SIGUSR1, 0);
    for (int kind = 0; kind < 4; kind++) {
        struct epoll_event e;
        int ep = epoll_create1(0), r;

        seen_count = 0;
        kill(getpid(), SIGUSR1);
        r = kind == 0 ? ppoll(NULL, 0, &t, &none) : kind == 1 ? pselect(0, NULL, NULL, NULL, &t, &none) :
            kind == 2 ? epoll_pwait(ep, &e, 1, 5000, &none) : sigsuspend(&none);
        good &= r == -1 && errno == EINTR && seen_count == 1 && sigismember(&seen[0].context_mask, SIGTERM) == 1;
        sigprocmask(SIG_BLOCK, NULL, &none);
        good &= sigismember(&none, SIGUSR1) && sigismember(&none, SIGTERM);
        sigemptyset(&none);
        close(ep);
    }
    tap(good, "ppoll, pselect, epoll_pwait and sigsuspend end with the handler of a signal that only they let in; then the old mask is back");
    kill(getpid(), SIGUSR1);
    (void)!write(ends[1], "x", 1);
    seen_count = 0;
    {
        struct pollfd p = { ends[0], POLLIN, 0 };

        tap(ppoll(&p, 1, &t, &none) == 1 && seen_count == 0, "what is ready comes first, and the signal stays pending");
    }
    block(SIG_UNBLOCK, SIGUSR1, SIGTERM);
    tap(seen_count == 1, "until it is let in");
    close(ends[0]);
    close(ends[1]);
}

static void *
sends_late(void *arg)
{
    sleep_ms(30);
    kill(getpid(), (int)(long)arg);
    return NULL;
}

static void
test_sigwait(void)
{
    sigset_t s = set_of(SIGCHLD, SIGUSR1);
    struct timespec begin, now, t = { 0, 50000000 };
    siginfo_t info;
    pid_t child;
    pthread_t other;

    sigprocmask(SIG_BLOCK, &s, NULL);
    child = fork();
    if (child == 0)
        _exit(3);
    tap(sigwaitinfo(&s, &info) == SIGCHLD && info.si_code == CLD_EXITED && info.si_pid == child && info.si_status == 3,
        "sigwaitinfo takes a SIGCHLD that nobody handles");
    waitpid(child, NULL, 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    tap(sigtimedwait(&s, &info, &t) == -1 && errno == EAGAIN, "sigtimedwait gives up");
    clock_gettime(CLOCK_MONOTONIC, &now);
    tap((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 >= 49, "when its time is over");
    pthread_create(&other, NULL, sends_late, (void *)(long)SIGUSR1);
    tap(sigwaitinfo(&s, &info) == SIGUSR1 && info.si_code == SI_USER, "and takes what comes late");
    pthread_join(other, NULL);
    catch(SIGTERM, 0);
    pthread_create(&other, NULL, sends_late, (void *)(long)SIGTERM);
    seen_count = 0;
    tap(syscall(SYS_rt_sigtimedwait, &s, &info, NULL, 8) == -1 && errno == EINTR && seen_count == 1, "a handler of another signal ends it");
    pthread_join(other, NULL);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void
test_restart(void)
{
    int ends[2];
    char c;
    pthread_t other;
    sigset_t old, s = set_of(SIGUSR1, 0);

    (void)!pipe(ends);
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        ssize_t n;

        catch(SIGUSR1, flags);
        seen_count = 0;
        pthread_sigmask(SIG_BLOCK, &s, &old);
        pthread_create(&other, NULL, sends_late, (void *)(long)SIGUSR1);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (flags == 0) {
            n = read(ends[0], &c, 1);
            tap(n == -1 && errno == EINTR && seen_count == 1, "a read ends with EINTR");
        } else {
            struct timespec t = { 0, 60000000 };

            if (fork() == 0) {
                nanosleep(&t, NULL);
                _exit(write(ends[1], "y", 1) != 1);
            }
            n = read(ends[0], &c, 1);
            tap(n == 1 && c == 'y' && seen_count == 1, "with SA_RESTART it goes on");
            wait(NULL);
        }
        pthread_join(other, NULL);
    }
    close(ends[0]);
    close(ends[1]);
}

/* ---- stacks ---- */

static char *stack_low;
static char *volatile handler_local;
static stack_t stack_inside;
static char stack_memory[STACK_BYTES] __attribute__((aligned(64)));

static void
where(int sig)
{
    char local = (char)sig;

    handler_local = (char *)((uintptr_t)&local);
    sigaltstack(NULL, &stack_inside);
}

static void
test_stacks(void)
{
    struct sigaction sa = { .sa_handler = where, .sa_flags = SA_ONSTACK };
    stack_t mine = { .ss_sp = stack_memory, .ss_size = STACK_BYTES }, now;

    stack_low = stack_memory;
    sigaltstack(&mine, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    tap(handler_local >= stack_low && handler_local < stack_low + STACK_BYTES && stack_inside.ss_flags == SS_ONSTACK,
        "a handler runs on the alternate stack, and sigaltstack says so");
    mine.ss_flags = (int)SS_AUTODISARM_;
    sigaltstack(&mine, NULL);
    raise(SIGUSR1);
    sigaltstack(NULL, &now);
    tap(handler_local >= stack_low && handler_local < stack_low + STACK_BYTES && stack_inside.ss_flags == SS_DISABLE &&
            now.ss_sp == stack_low && now.ss_flags == (int)SS_AUTODISARM_, "with SS_AUTODISARM there is none meanwhile");
    mine.ss_flags = SS_DISABLE;
    sigaltstack(&mine, NULL);
    mine.ss_flags = 0;
    mine.ss_size = 100;
    tap(sigaltstack(&mine, NULL) == -1 && errno == ENOMEM, "one that is too small is refused");
}

/* ---- to itself ---- */

#define KEPT 9
#define MXCSR_TO_ZERO 0x7f80u           /* rounding */
#define FCW_TO_ZERO 0x0f7fu
#define EXIT_ON_OTHER_STACK 7

static volatile uint64_t kept[KEPT];
static volatile uint32_t mxcsr_inside;
static volatile uint16_t fcw_inside;
static volatile int nested;

static long
tell_self(int sig)
{
    return syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
}

/* tgkill to this thread with a number of its own in each register that a call leaves as it is; what is in them afterwards. */
static long
tell_self_with_registers(int sig)
{
    long result = SYS_tgkill, pid = getpid(), tid = syscall(SYS_gettid), number = sig;

    __asm__ volatile("mov $1, %%ebx\n\tmov $2, %%r8d\n\tmov $3, %%r9d\n\tmov $4, %%r10d\n\tmov $5, %%r12d\n\tmov $6, %%r13d\n\t"
                     "mov $7, %%r14d\n\tmov $8, %%r15d\n\t"
                     "syscall\n\t"
                     "mov %%rbx, %[kept]\n\tmov %%r8, 8+%[kept]\n\tmov %%r9, 16+%[kept]\n\tmov %%r10, 24+%[kept]\n\t"
                     "mov %%r12, 32+%[kept]\n\tmov %%r13, 40+%[kept]\n\tmov %%r14, 48+%[kept]\n\tmov %%r15, 56+%[kept]"
                     : "+a"(result), "+D"(pid), "+S"(tid), "+d"(number), [kept] "=m"(kept)
                     : : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    kept[KEPT - 1] = pid == getpid() && tid == syscall(SYS_gettid) && number == sig ? KEPT : 0;
    return result;
}

static void
rounds(int sig)
{
    uint32_t mxcsr;
    uint16_t fcw;

    (void)sig;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(fcw));
    mxcsr_inside = mxcsr;
    fcw_inside = fcw;
}

static void
test_rounding(void)
{
    uint32_t to_zero = MXCSR_TO_ZERO, plain, mxcsr = 0;
    uint16_t fcw_to_zero = FCW_TO_ZERO, fcw_plain, fcw = 0;
    struct sigaction sa = { .sa_handler = rounds };

    sigaction(SIGUSR1, &sa, NULL);
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(plain), "=m"(fcw_plain));
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(to_zero), "m"(fcw_to_zero));
    tell_self(SIGUSR1);
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(fcw));
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(plain), "m"(fcw_plain));
    tap(mxcsr_inside == 0x1f80 && fcw_inside == 0x37f && mxcsr == to_zero && fcw == fcw_to_zero,
        "a handler begins with the usual rounding; what the program had set comes back");
}

static void
again(int sig)
{
    if (++nested < FEW && raise(sig) == 0)
        nested += 10;
}

/* A child whose stack pointer is nowhere sends itself a signal. */
static int
tell_without_stack(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        long pid = getpid();

        __asm__ volatile("xor %%esp, %%esp\n\tsyscall\n\tud2" : : "a"(SYS_tkill), "D"(pid), "S"(SIGUSR1) : "rcx", "r11", "memory");
    }
    waitpid(child, &status, 0);
    return status;
}

static void
leaves(int sig, siginfo_t *info, void *context)
{
    (void)context;
    _exit(sig == SIGSEGV && info->si_code == SI_KERNEL ? EXIT_ON_OTHER_STACK : 1);
}

static void
test_bad_stack(void)
{
    struct sigaction sa = { .sa_sigaction = leaves, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    stack_t mine = { .ss_sp = stack_memory, .ss_size = STACK_BYTES };
    int status;

    catch(SIGUSR1, 0);
    status = tell_without_stack();
    tap(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "without a stack the handler's frame is SIGSEGV");
    sigaltstack(&mine, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    status = tell_without_stack();
    tap(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ON_OTHER_STACK, "whose handler runs, if it has a stack of its own");
    signal(SIGSEGV, SIG_DFL);
    mine.ss_flags = SS_DISABLE;
    sigaltstack(&mine, NULL);
}

static void
test_fresh_stack(void)
{
    stack_t fresh = { .ss_size = STACK_BYTES }, none = { .ss_flags = SS_DISABLE };

    fresh.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&fresh, NULL);
    catch(SIGUSR1, SA_ONSTACK);
    seen_count = 0;
    tap(tell_self(SIGUSR1) == 0 && seen_count == 1 && seen[0].code == SI_TKILL && seen[0].pid == getpid(),
        "pages of a stack that nobody has touched yet are fetched for the frame");
    sigaltstack(&none, NULL);
    munmap(fresh.ss_sp, STACK_BYTES);
}

static void
test_self(void)
{
    struct rlimit old, nothing = { 0, 0 };
    struct sigaction sa = { .sa_handler = again, .sa_flags = SA_NODEFER };
    int good = 1;

    catch(SIGUSR1, 0);
    catch(SIGUSR2, SA_RESETHAND);
    seen_count = 0;
    tap(tell_self_with_registers(SIGUSR1) == 0 && seen_count == 1 && seen[0].code == SI_TKILL && seen[0].pid == getpid(),
        "what a thread sends itself is handled before tgkill gives 0");
    for (int i = 0; i < KEPT; i++)
        good &= kept[i] == (uint64_t)i + 1;
    tap(good, "the program's registers are as they were");
    tap(kill(getpid(), SIGUSR1) == 0 && seen_count == 2 && seen[1].code == SI_USER, "so it is with kill");
    block(SIG_BLOCK, SIGUSR1, SIGRTMIN);
    tell_self(SIGUSR1);
    tap(tell_self(SIGUSR2) == 0 && seen_count == 3 && seen[2].sig == SIGUSR2 && signal(SIGUSR2, SIG_DFL) == SIG_DFL,
        "a blocked one waits while another is handled, whose handler is forgotten by SA_RESETHAND");
    block(SIG_UNBLOCK, SIGUSR1, SIGRTMIN);
    tap(seen_count == 4 && seen[3].sig == SIGUSR1, "until it is let in");
    sigaction(SIGUSR1, &sa, NULL);
    tap(raise(SIGUSR1) == 0 && nested == FEW + 10 * (FEW - 1), "a handler with SA_NODEFER sends itself the next");
    catch(SIGRTMIN, 0);
    catch(SIGUSR1, 0);
    getrlimit(RLIMIT_SIGPENDING, &old);
    nothing.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_SIGPENDING, &nothing);
    seen_count = 0;
    good = tell_self(SIGRTMIN) == -1 && errno == EAGAIN && tell_self(SIGUSR1) == 0;
    setrlimit(RLIMIT_SIGPENDING, &old);
    tap(good && seen_count == 1 && seen[0].sig == SIGUSR1, "RLIMIT_SIGPENDING holds for real-time signals to oneself");
    signal(SIGUSR2, SIG_IGN);
    tap(tell_self(SIGUSR2) == 0 && tell_self(0) == 0 && tell_self(65) == -1 && errno == EINVAL, "ignored, none, and no signal");
    test_fresh_stack();
    test_bad_stack();
    test_rounding();
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

/* ---- faults ---- */

static volatile int skip_bytes;

static void
skips(int sig, siginfo_t *info, void *context)
{
    note(sig, info, context);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += skip_bytes;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RBX] = 77;
}

static void
test_faults(void)
{
    struct sigaction sa = { .sa_sigaction = skips, .sa_flags = SA_SIGINFO };
    char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *gone = mmap(NULL, PAGE, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long rbx = 0;
    double kept = 1.5, x = 0;

    munmap(gone, PAGE);
    (void)*(volatile char *)page;
    for (int i = 0; i < 4; i++)
        sigaction((int[]){ SIGSEGV, SIGFPE, SIGILL, SIGTRAP }[i], &sa, NULL);
    seen_count = 0;
    skip_bytes = 3;
    __asm__ volatile("movsd %2, %%xmm7\n\txor %%ebx, %%ebx\n\tmovb $1, (%3)\n\tmov %%rbx, %0\n\tmovsd %%xmm7, %1"
                     : "=m"(rbx), "=m"(x) : "m"(kept), "a"(page + 5) : "rbx", "xmm7", "memory");
    tap(seen[0].code == SEGV_ACCERR && seen[0].addr == page + 5 && seen[0].cr2 == (unsigned long)(page + 5) && seen[0].trap == 14 &&
            seen[0].err == 7, "a store that is not allowed: SEGV_ACCERR, address, trap number, error code");
    tap(rbx == 77 && x == kept, "the handler changes registers of the program, others survive it");
    __asm__ volatile("movb $1, (%0)" : : "a"(gone) : "rbx", "memory");
    tap(seen[1].code == SEGV_MAPERR && seen[1].addr == gone && seen[1].err == 6, "where nothing is mapped: SEGV_MAPERR");
    skip_bytes = 2;
    __asm__ volatile("xor %%ecx, %%ecx\n\tmov $1, %%eax\n\tcltd\n\tidiv %%ecx" : : : "eax", "rbx", "ecx", "edx", "cc");
    tap(seen[2].sig == SIGFPE && seen[2].code == FPE_INTDIV && seen[2].trap == 0, "a division by zero: FPE_INTDIV");
    __asm__ volatile("ud2" : : : "rbx");
    tap(seen[3].sig == SIGILL && seen[3].code == ILL_ILLOPN, "an undefined instruction: ILL_ILLOPN");
    skip_bytes = 0;
    __asm__ volatile("int3" : : : "rbx");
    tap(seen[4].sig == SIGTRAP && seen[4].trap == 3, "a breakpoint: SIGTRAP");
    for (int i = 0; i < 4; i++)
        signal((int[]){ SIGSEGV, SIGFPE, SIGILL, SIGTRAP }[i], SIG_DFL);
    munmap(page, PAGE);
}

static void
test_bus(void)
{
    struct sigaction sa = { .sa_sigaction = skips, .sa_flags = SA_SIGINFO };
    int fd = memfd_create("short", 0);
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    sigaction(SIGBUS, &sa, NULL);
    seen_count = 0;
    skip_bytes = 3;
    __asm__ volatile("movb $1, (%0)" : : "a"(page) : "rbx", "memory");
    tap(seen_count == 1 && seen[0].sig == SIGBUS && seen[0].code == BUS_ADRERR && seen[0].addr == page, "past the end of a file: BUS_ADRERR");
    signal(SIGBUS, SIG_DFL);
    munmap(page, PAGE);
    close(fd);
}

/* ---- files ---- */

static void
test_signalfd(void)
{
    sigset_t s = set_of(SIGUSR1, SIGRTMIN);
    struct signalfd_siginfo info[4];
    struct pollfd p;
    pthread_t other;
    int fd;

    sigprocmask(SIG_BLOCK, &s, NULL);
    fd = signalfd(-1, &s, SFD_NONBLOCK);
    p = (struct pollfd){ fd, POLLIN, 0 };
    tap(read(fd, info, sizeof(info)) == -1 && errno == EAGAIN && poll(&p, 1, 0) == 0, "a signalfd without signals is not ready");
    kill(getpid(), SIGUSR1);
    queue(SIGRTMIN, 42);
    queue(SIGRTMIN, 43);
    tap(poll(&p, 1, 0) == 1 && read(fd, info, sizeof(info)) == 3 * sizeof(info[0]), "it gives what is pending");
    tap(info[0].ssi_signo == SIGUSR1 && info[0].ssi_pid == (uint32_t)getpid() && info[1].ssi_signo == (uint32_t)SIGRTMIN &&
            info[1].ssi_int == 42 && info[2].ssi_int == 43 && info[2].ssi_code == SI_QUEUE, "with number, sender, code and value");
    pthread_create(&other, NULL, sends_late, (void *)(long)SIGUSR1);
    tap(poll(&p, 1, 5000) == 1, "poll waits for one");
    pthread_join(other, NULL);
    tap(read(fd, info, sizeof(info)) == sizeof(info[0]), "and there it is");
    s = set_of(SIGUSR2, 0);
    sigprocmask(SIG_BLOCK, &s, NULL);
    tap(signalfd(fd, &s, 0) == fd && queue(SIGRTMIN, 1) == 0 && poll(&p, 1, 0) == 0 && raise(SIGUSR2) == 0 && poll(&p, 1, 0) == 1,
        "its set is changed");
    tap(read(fd, info, sizeof(info)) == sizeof(info[0]) && info[0].ssi_signo == SIGUSR2, "a thread reads what was sent to it alone");
    drain(SIGRTMIN, 0);
    close(fd);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    s = set_of(SIGUSR1, SIGRTMIN);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void
test_pidfd(void)
{
    siginfo_t info = { 0 };
    struct pollfd p;
    int fd = -1, ends[2];
    pid_t child;
    char c;

    (void)!pipe(ends);
    child = fork();
    if (child == 0) {
        signal(SIGUSR1, SIG_DFL);
        (void)!write(ends[1], "r", 1);
        pause();
        _exit(0);
    }
    (void)!read(ends[0], &c, 1);
    fd = (int)syscall(SYS_pidfd_open, child, 0);
    p = (struct pollfd){ fd, POLLIN, 0 };
    tap(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && poll(&p, 1, 0) == 0, "a process as a file is not ready while it lives");
    tap(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0) == 0 && poll(&p, 1, 5000) == 1, "a signal sent through it ends it; then it is");
    tap(waitid((idtype_t)P_PIDFD_, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == child && info.si_code == CLD_KILLED && info.si_status == SIGUSR1,
        "waitid takes it");
    tap(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == -1 && errno == ESRCH, "then it stands for nobody");
    close(fd);
    tap(syscall(SYS_pidfd_open, child, 0) == -1 && errno == ESRCH && syscall(SYS_pidfd_open, -1, 0) == -1 && errno == EINVAL,
        "and no new one is to be had");
    fd = -1;
    child = (pid_t)syscall(SYS_clone, CLONE_PIDFD_ | SIGCHLD, 0, &fd, 0, 0);
    if (child == 0)
        _exit(fcntl(3, F_GETFD) == -1 ? 9 : 9);
    tap(child > 0 && fd >= 0 && waitid((idtype_t)P_PIDFD_, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == child && info.si_status == 9,
        "clone gives one with CLONE_PIDFD");
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static void
test_family(void)
{
    int ends[2], status;
    pid_t grandchild = 0, child;

    (void)!pipe(ends);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    child = fork();
    if (child == 0) {
        grandchild = fork();
        if (grandchild == 0) {
            sleep_ms(30);
            _exit(5);
        }
        _exit(write(ends[1], &grandchild, sizeof(grandchild)) != sizeof(grandchild));
    }
    (void)!read(ends[0], &grandchild, sizeof(grandchild));
    waitpid(child, NULL, 0);
    tap(waitpid(grandchild, &status, 0) == grandchild && WEXITSTATUS(status) == 5, "a subreaper gets the orphans below it");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    signal(SIGCHLD, SIG_IGN);
    child = fork();
    if (child == 0)
        _exit(0);
    tap(waitpid(child, NULL, 0) == -1 && errno == ECHILD, "who ignores SIGCHLD waits for nobody");
    signal(SIGCHLD, SIG_DFL);
    close(ends[0]);
    close(ends[1]);
}

int
main(void)
{
    test_queues();
    test_standard();
    test_waits();
    test_sigwait();
    test_restart();
    test_stacks();
    test_self();
    test_faults();
    test_bus();
    test_signalfd();
    test_pidfd();
    test_family();
    printf("1..%d\n", points);
    return 0;
}
