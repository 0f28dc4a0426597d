/*
 * futexes.c: futex(2) itself, by syscall() and by the instruction: who is woken, what a sleeper keeps, what ends its sleep.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fenv.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define ROUNDS 2000
#define SLEEPERS 8
#define WORDS 256
#define RING 8
#define LAPS 1000
#define SUMS 40
#define TERMS 100000
#define LIBRARY 0x7d8000000000ul       /* nobody's memory on Linux either */
#define ASLEEP_MS 5000

static int points;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

static long
wait_at(volatile uint32_t *word, uint32_t value)
{
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL);
}

static long
wake_at(volatile uint32_t *word, int most)
{
    return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most);
}

static int
refused(long result, int err)
{
    return result == -1 && errno == err;
}

/* ---- a thread that sleeps at a word ---- */

struct sleeper {
    pthread_t thread;
    volatile pid_t tid;
    volatile uint32_t *word;
    struct timespec *time;
    volatile long result;
    volatile int err, turn;     /* turn: as how many-th of all it went on; 0: it has not */
};
static volatile int turns;

static void *
sleeps(void *arg)
{
    struct sleeper *s = arg;

    s->tid = (pid_t)syscall(SYS_gettid);
    s->result = syscall(SYS_futex, s->word, FUTEX_WAIT_PRIVATE, 0, s->time);
    s->err = errno;
    s->turn = ++turns;
    return NULL;
}

static int
asleep(pid_t tid)
{
    char path[64], line[256], *state;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof(line), f) == NULL)
        return 0;
    fclose(f);
    state = strrchr(line, ')');
    return state != NULL && state[2] == 'S';
}

/* Sleeps, or is refused, when this returns: while others of the process want the CPU, since the caller does. */
static void
begin(struct sleeper *s, volatile uint32_t *word, struct timespec *time)
{
    struct timespec now, first;

    *s = (struct sleeper){ .word = word, .time = time };
    if (pthread_create(&s->thread, NULL, sleeps, s) != 0)
        exit(1);
    clock_gettime(CLOCK_MONOTONIC, &first);
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((s->tid == 0 || !asleep(s->tid)) && s->turn == 0 && (now.tv_sec - first.tv_sec) * 1000 < ASLEEP_MS);
}

static long
end(struct sleeper *s)
{
    pthread_join(s->thread, NULL);
    return s->result;
}

/* ---- who is woken ---- */

static volatile uint32_t words[WORDS];

static void
test_order(void)
{
    struct sleeper s[SLEEPERS];
    int good = 1;

    turns = 0;
    for (int i = 0; i < SLEEPERS; i++)
        begin(&s[i], &words[0], NULL);
    for (int i = 0; i < 4; i++) {
        good &= wake_at(&words[0], 1) == 1;
        good &= end(&s[i]) == 0 && s[i].turn == i + 1;
    }
    tap(good, "who came first is woken first, one at a time");
    good = wake_at(&words[0], 2) == 2 && end(&s[4]) == 0 && end(&s[5]) == 0;
    tap(good && s[6].turn == 0 && s[7].turn == 0, "two are woken, those that came first, and no more");
    tap(wake_at(&words[0], INT32_MAX) == 2 && end(&s[6]) == 0 && end(&s[7]) == 0, "all that are left are woken at once");
    tap(wake_at(&words[0], 1) == 0, "where nobody sleeps, nobody is woken");
}

static void
test_words(void)
{
    struct sleeper s[SLEEPERS];
    int good = 1;

    for (int i = 0; i < SLEEPERS; i++)
        begin(&s[i], &words[i * (WORDS / SLEEPERS)], NULL);
    for (int i = 0; i < WORDS; i++)
        if (i % (WORDS / SLEEPERS) != 0)
            good &= wake_at(&words[i], 1) == 0;
    for (int i = SLEEPERS - 1; i >= 0; i--)
        good &= s[i].turn == 0 && wake_at(&words[i * (WORDS / SLEEPERS)], 1) == 1 && end(&s[i]) == 0;
    tap(good, "of threads that sleep at many words each is woken at its own");
}

static void
test_requeue(void)
{
    struct sleeper s[4];
    int good;

    for (int i = 0; i < 4; i++)
        begin(&s[i], &words[1], NULL);
    tap(syscall(SYS_futex, &words[1], FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &words[2], 0) == 3 && end(&s[0]) == 0, "one is woken and two are sent to another word");
    good = wake_at(&words[2], 1) == 1 && end(&s[1]) == 0 && wake_at(&words[2], 1) == 1 && end(&s[2]) == 0;
    tap(good && wake_at(&words[2], 1) == 0 && wake_at(&words[1], 1) == 1 && end(&s[3]) == 0, "they are woken there, who stayed where it was");
}

/* ---- what ends a sleep, and what is none ---- */

static void
test_wrong(void)
{
    volatile uint32_t *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sleeper s;
    int good;

    words[0] = 1;
    tap(refused(wait_at(&words[0], 0), EAGAIN), "nobody sleeps at a word that has changed");
    words[0] = 0;
    tap(refused(wait_at((volatile uint32_t *)((char *)page + 2), 0), EINVAL) && refused(wake_at((volatile uint32_t *)((char *)page + 2), 1), EINVAL),
        "a word is four bytes, and begins at a multiple of that");
    good = refused(wait_at(NULL, 0), EFAULT) && refused(wait_at((volatile uint32_t *)-4096l, 0), EFAULT);
    good &= refused(wait_at((volatile uint32_t *)LIBRARY, 0), EFAULT) && refused(wake_at((volatile uint32_t *)-4096l, 1), EFAULT);
    tap(good, "there are no words where a program has no memory");
    begin(&s, page, NULL);
    tap(wake_at(page, 1) == 1 && end(&s) == 0, "a thread sleeps at a word of a page that nobody has touched");
    mprotect((void *)page, PAGE, PROT_NONE);
    begin(&s, page, NULL);
    tap(end(&s) == -1 && s.err == EFAULT, "but not at one that it may not read");
    munmap((void *)page, 2 * PAGE);
}

static void
test_times(void)
{
    struct timespec soon = { 0, 30000000 }, late = { 100, 0 };
    struct sleeper s[3];

    begin(&s[0], &words[3], &soon);
    begin(&s[1], &words[3], NULL);
    begin(&s[2], &words[3], &late);
    tap(end(&s[0]) == -1 && s[0].err == ETIMEDOUT && s[1].turn == 0, "a sleep ends at its time, another at the same word does not");
    tap(wake_at(&words[3], 1) == 1 && end(&s[1]) == 0 && wake_at(&words[3], 1) == 1 && end(&s[2]) == 0, "those that are woken in time return as woken");
}

static volatile sig_atomic_t handled;

static void
counts(int sig)
{
    (void)sig;
    handled++;
}

static void
test_signals(void)
{
    struct sigaction sa = { .sa_handler = counts };
    struct sleeper s;
    int good;

    sigaction(SIGUSR1, &sa, NULL);
    begin(&s, &words[4], NULL);
    pthread_kill(s.thread, SIGUSR1);
    tap(end(&s) == -1 && s.err == EINTR && handled == 1 && wake_at(&words[4], 1) == 0, "a signal ends a sleep");
    sa.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &sa, NULL);
    begin(&s, &words[4], NULL);
    pthread_kill(s.thread, SIGUSR1);
    for (int i = 0; i < 1000 && (handled < 2 || !asleep(s.tid)); i++)
        sched_yield();
    good = handled == 2 && s.turn == 0;
    tap(good && wake_at(&words[4], 1) == 1 && end(&s) == 0, "or does not, where calls are to be restarted");
}

static void *
exits(void *arg)
{
    (void)arg;
    _exit(3);
}

static void
test_ends(void)
{
    struct sleeper s[SLEEPERS];
    int status, ready[2];
    pid_t pid;
    char c;

    if (pipe(ready) != 0)
        exit(1);
    for (int kill_it = 0; kill_it < 2; kill_it++) {
        pid = fork();
        if (pid == 0) {
            pthread_t t;

            for (int i = 0; i < SLEEPERS; i++)
                begin(&s[i], &words[i % 3], NULL);
            if (write(ready[1], "r", 1) != 1)
                _exit(1);
            while (kill_it)
                pause();
            pthread_create(&t, NULL, exits, NULL);
            pthread_join(t, NULL);
        }
        if (read(ready[0], &c, 1) == 1 && kill_it)
            kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        tap(status == (kill_it ? SIGKILL : 3 << 8), kill_it ? "SIGKILL ends a process whose threads sleep at words" : "exit does");
    }
}

/* ---- what a sleeper keeps ---- */

static volatile uint32_t ball[2];

static void
throw_to(int i)
{
    ball[i] = 1;
    wake_at(&ball[i], 1);
}

static void
catch_at(int i)
{
    while (ball[i] == 0)
        wait_at(&ball[i], 0);
    ball[i] = 0;
}

/* Rounding of both units, what has been raised, and what the compiler keeps in registers across calls. */
static int
plays(int me, int rounding, int raised, uint64_t seed)
{
    uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11;
    int good = 1;

    fesetround(rounding);
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        feclearexcept(FE_ALL_EXCEPT);
        feraiseexcept(raised);
        if (me == 0)
            throw_to(1);
        catch_at(me);
        if (me == 1)
            throw_to(0);
        good &= fegetround() == rounding && fetestexcept(FE_ALL_EXCEPT) == raised;
        good &= a == seed * i && b == a * 3 && c == a * 5 && d == a * 7 && e == a * 11;
        a += seed, b += seed * 3, c += seed * 5, d += seed * 7, e += seed * 11;
    }
    fesetround(FE_TONEAREST);
    feclearexcept(FE_ALL_EXCEPT);
    return good;
}

static void *
partner(void *arg)
{
    *(int *)arg = plays(1, FE_DOWNWARD, FE_OVERFLOW | FE_INEXACT, 0x123456789);
    return NULL;
}

static void
test_environment(void)
{
    int other = 0, mine;
    pthread_t t;

    pthread_create(&t, NULL, partner, &other);
    mine = plays(0, FE_UPWARD, FE_DIVBYZERO, 0x987654321);
    pthread_join(t, NULL);
    tap(mine && other, "threads that take turns keep their floating-point environments and variables");
}

/* By the instruction, everything but rax, rcx and r11 is kept. */
#define KEPT 13                 /* rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12 - r15, and words of the red zone, all of one value */
#define VECTOR_BYTES 832        /* XSAVE of x87, SSE and AVX */
struct machine {
    uint64_t in[KEPT], out[KEPT], result;
    uint64_t zone_good;
    uint8_t vectors_in[VECTOR_BYTES] __attribute__((aligned(64))), vectors_out[VECTOR_BYTES] __attribute__((aligned(64)));
};
_Static_assert(__builtin_offsetof(struct machine, out) == 104 && __builtin_offsetof(struct machine, result) == 208 &&
                   __builtin_offsetof(struct machine, zone_good) == 216 && __builtin_offsetof(struct machine, vectors_in) == 256 &&
                   __builtin_offsetof(struct machine, vectors_out) == 1088, "the assembly below");

void call_with(struct machine *m, long number);
__asm__(".text\n"
        "call_with: push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rsi; push %rdi\n"
        "mov $7, %eax; xor %edx, %edx; xrstor64 256(%rdi)\n"
        "mov %rdi, %rcx\n"
        "mov 96(%rcx), %rax\n"
        "mov %rax, -8(%rsp); mov %rax, -16(%rsp); mov %rax, -24(%rsp); mov %rax, -128(%rsp)\n"
        "mov (%rcx), %rdi; mov 8(%rcx), %rsi; mov 16(%rcx), %rdx; mov 24(%rcx), %r10; mov 32(%rcx), %r8; mov 40(%rcx), %r9\n"
        "mov 48(%rcx), %rbx; mov 56(%rcx), %rbp; mov 64(%rcx), %r12; mov 72(%rcx), %r13; mov 80(%rcx), %r14; mov 88(%rcx), %r15\n"
        "mov 8(%rsp), %rax\n"
        "syscall\n"
        "mov (%rsp), %rcx\n"
        "mov %rax, 208(%rcx)\n"
        "mov %rdi, 104(%rcx); mov %rsi, 112(%rcx); mov %rdx, 120(%rcx); mov %r10, 128(%rcx); mov %r8, 136(%rcx); mov %r9, 144(%rcx)\n"
        "mov %rbx, 152(%rcx); mov %rbp, 160(%rcx); mov %r12, 168(%rcx); mov %r13, 176(%rcx); mov %r14, 184(%rcx); mov %r15, 192(%rcx)\n"
        "mov -8(%rsp), %rax; mov %rax, 200(%rcx)\n"
        "xor %edx, %edx; mov $1, %r11d\n"
        "cmp %rax, -16(%rsp); cmovne %rdx, %r11; cmp %rax, -24(%rsp); cmovne %rdx, %r11; cmp %rax, -128(%rsp); cmovne %rdx, %r11\n"
        "mov %r11, 216(%rcx)\n"
        "mov $7, %eax; xor %edx, %edx; xsave64 1088(%rcx)\n"
        "fninit; cld\n"
        "pop %rdi; pop %rsi; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static int
has_xsave(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 27 & 1);
}

static void
fill(struct machine *m, uint8_t seed)
{
    uint32_t mxcsr;

    memset(m, 0, sizeof(*m));
    __asm__ volatile("xsave64 (%0)" : : "r"(m->vectors_in), "a"(7), "d"(0) : "memory");
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    memset(m->vectors_in + 32, seed, 8 * 16 + 16 * 16);         /* x87 and SSE registers */
    for (int i = 0; i < 8; i++)
        memset(m->vectors_in + 32 + i * 16 + 10, 0, 6);         /* of the first, ten bytes each */
    m->vectors_in[4] = 0xf8;                                    /* five of them are in use */
    *(uint16_t *)(m->vectors_in + 2) = 3 << 11;                 /* from here */
    memcpy(m->vectors_in + 24, &mxcsr, sizeof(mxcsr));
    m->vectors_in[512] |= 3;
    if (m->vectors_in[512] & 4)
        memset(m->vectors_in + 576, seed + 1, 256);
    for (int i = 0; i < KEPT; i++)
        m->in[i] = seed * 0x0101010101010101u + (uint64_t)i;
}

static int
kept(const struct machine *m)
{
    return memcmp(m->in, m->out, sizeof(m->in)) == 0 && m->zone_good && memcmp(m->vectors_in, m->vectors_out, 5) == 0 &&
           memcmp(m->vectors_in + 24, m->vectors_out + 24, 4) == 0 && memcmp(m->vectors_in + 32, m->vectors_out + 32, 8 * 16 + 16 * 16) == 0 &&
           (!(m->vectors_in[512] & 4) || memcmp(m->vectors_in + 576, m->vectors_out + 576, 256) == 0);
}

static long
futex_kept(struct machine *m, uint8_t seed, volatile uint32_t *word, int op, uint32_t value, int *good)
{
    fill(m, seed);
    m->in[0] = (uint64_t)word;
    m->in[1] = (uint64_t)op;
    m->in[2] = value;
    m->in[3] = 0;
    call_with(m, SYS_futex);
    *good &= kept(m);
    return (long)m->result;
}

static int
plays_raw(int me, uint8_t seed)
{
    static struct machine machine[2];
    struct machine *m = &machine[me];
    int good = 1;

    for (int i = 0; i < ROUNDS; i++) {
        if (me == 0) {
            ball[1] = 1;
            futex_kept(m, seed, &ball[1], FUTEX_WAKE_PRIVATE, 1, &good);
        }
        while (ball[me] == 0)
            futex_kept(m, (uint8_t)(seed + i), &ball[me], FUTEX_WAIT_PRIVATE, 0, &good);
        ball[me] = 0;
        if (me == 1) {
            ball[0] = 1;
            futex_kept(m, seed, &ball[0], FUTEX_WAKE_PRIVATE, 1, &good);
        }
    }
    return good;
}

static volatile int yielding;

static void *
yields(void *arg)
{
    while (yielding)
        sched_yield();
    return arg;
}

static void *
partner_raw(void *arg)
{
    *(int *)arg = plays_raw(1, 0x55);
    return NULL;
}

static long
call_without_stack(long number, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t d __asm__("r10") = 0;
    long result;

    __asm__ volatile("mov %%rsp, %%rbx\n\tmov $8, %%esp\n\tsyscall\n\tmov %%rbx, %%rsp"
                     : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d) : "rbx", "rcx", "r11", "memory");
    return result;
}

static void
test_registers(void)
{
    volatile uint32_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct machine m;
    int other = 0, mine, good = 1;
    pthread_t t;

    pthread_create(&t, NULL, partner_raw, &other);
    mine = plays_raw(0, 0xaa);
    pthread_join(t, NULL);
    yielding = 1;               /* somebody wants to go on when the caller sleeps */
    pthread_create(&t, NULL, yields, NULL);
    sched_yield();
    tap(mine && other, "by the instruction all registers are kept, vectors and the red zone too");
    tap(futex_kept(&m, 1, page, FUTEX_WAIT_PRIVATE, 1, &good) == -EAGAIN && good, "also where the word's page had to be fetched");
    munmap((void *)page, PAGE);
    tap(futex_kept(&m, 2, page, FUTEX_WAIT_PRIVATE, 0, &good) == -EFAULT && good, "or is not there");
    fill(&m, 3);
    m.in[0] = CLOCK_MONOTONIC;
    m.in[1] = (uint64_t)page;
    call_with(&m, SYS_clock_gettime);
    tap((long)m.result == -EFAULT && kept(&m), "and where a clock cannot be written");
    good = call_without_stack(SYS_futex, (uint64_t)page, FUTEX_WAIT_PRIVATE, 0) == -EFAULT;
    good &= call_without_stack(SYS_clock_gettime, CLOCK_MONOTONIC, (uint64_t)page, 0) == -EFAULT;
    yielding = 0;
    pthread_join(t, NULL);
    tap(good, "without a stack, too");
}

/* ---- beside others ---- */

static long double
series(void)
{
    long double sum = 0, sign = 1;

    for (int i = 0; i < TERMS; i++, sign = -sign)
        sum += sign / (2 * i + 1);
    return sum;
}

static volatile int computing, over;

static void *
computes(void *arg)
{
    for (int i = 0; i < SUMS; i++)
        ((long double *)arg)[i] = series();
    computing = 0;
    return NULL;
}

static void *
partner_while(void *arg)
{
    for (;;) {
        catch_at(1);
        if (over)
            return NULL;
        *(long double *)arg += 0.25L;
        throw_to(0);
    }
}

static void
test_beside(void)
{
    static long double sums[SUMS];
    long double alone = series(), mine = 0, other = 0;
    pthread_t t, c;
    int good = 1;

    computing = 1;
    pthread_create(&c, NULL, computes, sums);
    pthread_create(&t, NULL, partner_while, &other);
    while (computing) {
        throw_to(1);
        catch_at(0);
        mine += 0.25L;
    }
    over = 1;
    throw_to(1);
    pthread_join(t, NULL);
    pthread_join(c, NULL);
    for (int i = 0; i < SUMS; i++)
        good &= sums[i] == alone;
    tap(good && other == mine && mine > 0, "a thread that computes meanwhile has its own numbers, and they have theirs");
}

static volatile uint32_t tokens[RING];

static void *
passes(void *arg)
{
    long me = (long)arg;

    for (int i = 0; i < LAPS; i++) {
        uint32_t have;

        while ((have = tokens[me]) == 0 || !__atomic_compare_exchange_n(&tokens[me], &have, have - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            wait_at(&tokens[me], 0);
        __atomic_add_fetch(&tokens[(me + 1) % RING], 1, __ATOMIC_SEQ_CST);
        wake_at(&tokens[(me + 1) % RING], i % 5 == 0 ? INT32_MAX : 1);
    }
    return NULL;
}

static void
test_ring(void)
{
    pthread_t t[RING];
    uint32_t sum = 0;

    for (long i = 0; i < RING; i++)
        pthread_create(&t[i], NULL, passes, (void *)i);
    tokens[0] = tokens[3] = 1;
    wake_at(&tokens[0], 1);
    wake_at(&tokens[3], 1);
    for (int i = 0; i < RING; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < RING; i++)
        sum += tokens[i];
    tap(sum == 2, "eight threads pass two tokens around, and none is lost");
}

int
main(void)
{
    test_order();
    test_words();
    test_requeue();
    test_wrong();
    test_times();
    test_signals();
    test_ends();
    test_environment();
    if (has_xsave())
        test_registers();
    test_beside();
    test_ring();
    printf("1..%d\n", points);
    return 0;
}
