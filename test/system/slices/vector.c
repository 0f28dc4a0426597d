/*
 * vector.c: what a place in the slice vector is worth beside somebody who wants all of the CPU: time, and how long until its turn.
 *
 * A victim reads the clock without end and notes the longest time that it did not have the CPU. Hogs have the positions behind each of its
 * own. All are envs in our space, with no library; we sleep meanwhile, and our session has the last position alone. Counted time only.
 */
#include <time.h>

#include "../census/census.h"

#define POINTS 18
#define GROUP 8                         /* positions: the victim's, then HOGS hogs', then nobody's */
#define HOGS 3
#define GROUPS (AEG_SLICE_POSITIONS / GROUP)
#define OURS (AEG_SLICE_POSITIONS - 1)
#define ENVS 3
#define MS 1000000ull
#define TICK 20000ull                   /* a shorter time without the CPU is an interrupt, not somebody else's slice */
#define STEP_TICKS (1 * MS)             /* more than the longest step of the kernel that a hog here causes */
#define PAGE 4096ull

struct meter {
    uint64_t longest, gaps;             /* ticks without the CPU */
    uint64_t last;
};

struct actor {
    struct aeg_uenv uenv __attribute__((aligned(4096)));
    uint8_t stack[4096], handler_stack[4096] __attribute__((aligned(16)));
    struct meter meter;
    uint64_t other;                     /* whom it yields to, or notifies */
    aeg_id_t env;
    aeg_frame_t save;
};
static struct actor victim, hog[ENVS - 1];
static aeg_id_t account, home;
static uint64_t slice, grace;

/* ---- what the envs run; each gets its struct actor in rdi. They fit in one page, for they have no pager ---- */

extern char code[], meter_main[], spin_main[], circle_main[], notify_main[], calls_main[], on_end_ignored[], critical_main[], on_end_yield[],
    donor_main[];
__asm__(".text\n    .balign 1024\ncode:\n"
        "meter_main:\n"                                 /* offsets of struct meter from rbx */
        "    mov %rsi, %rbx\n"
        "    rdtsc\n    shl $32, %rdx\n    or %rdx, %rax\n    mov %rax, 16(%rbx)\n"
        "1:  rdtsc\n    shl $32, %rdx\n    or %rdx, %rax\n"
        "    mov %rax, %rcx\n    sub 16(%rbx), %rcx\n    mov %rax, 16(%rbx)\n"
        "    cmp $20000, %rcx\n    jb 1b\n"
        "    incq 8(%rbx)\n    cmp (%rbx), %rcx\n    jbe 1b\n    mov %rcx, (%rbx)\n    jmp 1b\n"
        "spin_main:\n"
        "    jmp spin_main\n"
        "circle_main:\n"                                /* rsi: &other */
        "    mov %rsi, %rbx\n"
        "1:  mov (%rbx), %rdi\n    xor %esi, %esi\n    mov $0xAE600000 + 19, %eax\n    syscall\n    jmp 1b\n"
        "notify_main:\n"
        "    mov %rsi, %rbx\n"
        "1:  mov (%rbx), %rdi\n    xor %esi, %esi\n    mov $-1, %rdx\n    mov $0xAE600000 + 21, %eax\n    syscall\n    jmp 1b\n"
        "calls_main:\n"                                 /* cap_revoke of a name that nobody has: every table is looked through */
        "    mov $6, %edi\n    mov $0xAE600000 + 4, %eax\n    syscall\n    jmp calls_main\n"
        "on_end_ignored:\n"                             /* an upcall that never comes back */
        "    jmp on_end_ignored\n"
        "critical_main:\n"                              /* rsi: ticks. Critical for that long, then it looks whether a slice has ended */
        "    mov %rsi, %rbx\n"
        "1:  incl %gs:4\n"
        "    rdtsc\n    shl $32, %rdx\n    or %rdx, %rax\n    mov %rax, %r12\n"
        "2:  rdtsc\n    shl $32, %rdx\n    or %rdx, %rax\n    sub %r12, %rax\n    cmp %rbx, %rax\n    jb 2b\n"
        "    decl %gs:4\n"
        "    testl $1, %gs:8\n    jz 1b\n"
        "    lock andl $~1, %gs:8\n"
        "    xor %edi, %edi\n    mov $0xAE600000 + 19, %eax\n    syscall\n    jmp 1b\n"
        "on_end_yield:\n"                               /* the end of a slice outside: yields at once, and goes on with nothing */
        "    xor %edi, %edi\n    mov $0xAE600000 + 19, %eax\n    syscall\n"
        "    movl $0, %gs:0\n    jmp *%gs:0x118\n"      /* spin: no register matters */
        "donor_main:\n"                                 /* rsi: &other: lends every slice at its beginning */
        "    jmp circle_main\n");
_Static_assert(AEG_SYS_yield == 0xAE600000u + 19 && AEG_SYS_notify == 0xAE600000u + 21 && AEG_SYS_cap_revoke == 0xAE600000u + 4, "the numbers above");

/* ---- envs and positions ---- */

static aeg_frame_t
frame_of(const void *p)
{
    uint64_t entry = *(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)(uintptr_t)p, 1);

    return (entry & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

static int
start(struct actor *a, const char *main, uint64_t arg, const char *slice_entry)
{
    struct aeg_env_args args = { .uenv_va = (uintptr_t)&a->uenv, .rip = (uintptr_t)main, .rsp = (uintptr_t)(a->stack + sizeof(a->stack)),
                                 .arg = { 0, arg } };
    uint64_t done, other = a->other;

    memset(a, 0, sizeof(*a));
    a->other = other;
    a->uenv.slice_entry = (uintptr_t)slice_entry;
    a->uenv.frame[0].handler_rsp = (uintptr_t)(a->handler_stack + sizeof(a->handler_stack));
    args.uenv_frame = frame_of(&a->uenv);
    if (aeg_frame_alloc(account, CAP_SESSION, CAP_SESSION, 1, &a->save, &done) != AEG_OK)
        return 0;
    a->save &= ~AEG_FRAME_ZERO;
    args.save_frame = a->save;
    return aeg_env_create(account, CAP_SESSION, CAP_SESSION, census_self()->space, &args, &a->env) == AEG_OK;
}

static void
end(struct actor *a)
{
    uint64_t done;

    if (a->env != 0)
        (void)!aeg_env_destroy(a->env, CAP_SESSION);
    if (a->save != 0)
        (void)!aeg_frame_free(CAP_SESSION, &a->save, 1, &done);
    a->env = a->save = 0;
    a->other = 0;
}

static int
position(unsigned p, aeg_id_t env)
{
    return aeg_slice_set(0, p, env, AEG_CAPS(CAP_CPU, CAP_SESSION)) == AEG_OK;
}

static const volatile struct aeg_env_info *
env_info(const struct actor *a)
{
    return census_env(AEG_ID_INDEX(a->env));
}

static void
sleep_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

    while (nanosleep(&t, &t) != 0)
        continue;
}

/* The vector is theirs for a while: the victim's positions, and the hogs' behind each. */
static void
contend(unsigned hogs, unsigned ms)
{
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        if (p != OURS)
            (void)position(p, p % GROUP == 0 ? victim.env : p % GROUP <= hogs ? hog[0].env : 0);
    sleep_ms(ms);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p++)
        (void)position(p, home);
}

/* ---- the tests ---- */

/* Between two slices of the victim lie the hog's and, once in the vector, ours; each takes no longer than slice and grace. */
static uint64_t
bound(unsigned hogs, int graced)
{
    return hogs * (slice + (graced ? grace : 0)) + slice + grace + STEP_TICKS;
}

static void
delayed_no_longer(const char *what, unsigned hogs, int graced)
{
    const struct meter *m = &victim.meter;

    tap(m->gaps > 10 && m->longest <= bound(hogs, graced), "a hog that %s delays nobody beyond the bound", what);
    printf("# %s: %u positions, longest time without the CPU %llu.%03llu ms of %llu.%03llu ms\n", what, hogs,
           (unsigned long long)(m->longest / MS), (unsigned long long)(m->longest / 1000 % 1000),
           (unsigned long long)(bound(hogs, graced) / MS), (unsigned long long)(bound(hogs, graced) / 1000 % 1000));
}

static void
beside(const char *what, const char *main, uint64_t arg, const char *slice_entry, int graced)
{
    int good = start(&victim, meter_main, (uintptr_t)&victim.meter, NULL) && start(&hog[0], main, arg, slice_entry);

    if (good)
        contend(HOGS, 600);
    delayed_no_longer(what, HOGS, graced);
}

static void
shares_are_positions(void)
{
    uint64_t all = env_info(&victim)->run_tsc + env_info(&hog[0])->run_tsc, part = env_info(&victim)->run_tsc * 10000 / all;

    tap(part > 2400 && part < 2600, "who has one position of four has a quarter of the time");
    printf("# %llu.%02llu %%\n", (unsigned long long)(part / 100), (unsigned long long)(part % 100));
}

static void
hogs(void)
{
    beside("computes", spin_main, 0, NULL, 0);
    shares_are_positions();
    end(&hog[0]);
    end(&victim);

    hog[0].other = 0;
    (void)start(&hog[1], circle_main, (uintptr_t)&hog[1].other, NULL);
    hog[0].other = hog[1].env;
    beside("yields in a circle", circle_main, (uintptr_t)&hog[0].other, NULL, 0);
    end(&hog[0]);
    end(&hog[1]);
    end(&victim);

    beside("calls the kernel without end", calls_main, 0, NULL, 0);
    end(&hog[0]);
    end(&victim);
}

/* The victim's id is known before the hog runs, for the hog has no positions yet. */
static void
flood(void)
{
    (void)!start(&victim, meter_main, (uintptr_t)&victim.meter, NULL);
    hog[0].other = victim.env;
    (void)!start(&hog[0], notify_main, (uintptr_t)&hog[0].other, NULL);
    contend(HOGS, 300);
    delayed_no_longer("floods another with notifications", HOGS, 0);
    tap(victim.uenv.notify == UINT64_MAX, "and these are bits, however many");
    end(&hog[0]);
    end(&victim);
}

static void
overruns(void)
{
    struct aeg_uenv *own = census_uenv();

    own->notify = 0;
    beside("takes every grace", spin_main, 0, on_end_ignored, 1);
    tap(env_info(&hog[0])->excess_tsc >= 16 * grace, "its excess is counted");
    tap(env_info(&hog[0])->state == AEG_ENV_STOPPED && env_info(&hog[0])->stop_reason == AEG_VECTOR_SLICE_END, "and stops it in the end");
    tap((own->notify & AEG_NOTIFY_STOPPED) != 0, "which its maker hears");
    tap(env_info(&victim)->excess_tsc == 0 && env_info(&victim)->penalty == 0, "nobody else pays");
    end(&hog[0]);
    end(&victim);
}

static void
critical(void)
{
    beside("is critical for half a grace", critical_main, grace / 2, on_end_yield, 1);
    tap(env_info(&hog[0])->state == AEG_ENV_READY && env_info(&hog[0])->excess_tsc == 0, "a critical section within the grace costs nothing");
    end(&hog[0]);
    end(&victim);
}

/* The victim's slices are another's, who pays for them in time; what it does not use comes back. */
static void
donation(void)
{
    uint64_t part;

    (void)!start(&hog[1], spin_main, 0, NULL);
    victim.other = hog[1].env;
    (void)!start(&victim, donor_main, (uintptr_t)&victim.other, NULL);
    (void)!start(&hog[0], spin_main, 0, NULL);
    contend(HOGS, 300);
    part = env_info(&hog[1])->run_tsc * 10000 / (env_info(&hog[0])->run_tsc + env_info(&hog[1])->run_tsc + env_info(&victim)->run_tsc);
    tap(part > 2400 && part < 2550 && env_info(&victim)->run_tsc < slice, "slices that are lent are the runner's");
    printf("# %llu.%02llu %%\n", (unsigned long long)(part / 100), (unsigned long long)(part % 100));
    end(&hog[0]);
    end(&hog[1]);
    end(&victim);
}

/* We compute under the library, which answers the end of each slice, beside a hog with as many positions. */
static void
a_program_computes(void)
{
    const volatile struct aeg_env_info *self = census_self();
    uint64_t excess = self->excess_tsc, ran = self->run_tsc, begin, now;

    (void)!start(&hog[0], spin_main, 0, NULL);
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p += 2)
        (void)position(p, hog[0].env);
    begin = now = __builtin_ia32_rdtsc();
    while (now - begin < 400 * MS)
        now = __builtin_ia32_rdtsc();
    for (unsigned p = 0; p < AEG_SLICE_POSITIONS; p += 2)
        (void)position(p, home);
    ran = (self->run_tsc - ran) * 100 / (now - begin);
    tap(self->excess_tsc == excess && self->penalty == 0, "a program that computes under ExOS overruns nothing");
    tap(ran >= 45, "and has its share");
    printf("# %llu %%\n", (unsigned long long)ran);
    end(&hog[0]);
}

static void
idle(void)
{
    const volatile struct aeg_cpu_info *cpu = aeg_info_entry(&AEG_INFO->cpus, 0);
    uint64_t before = cpu->idle_tsc, idle;

    sleep_ms(200);
    idle = cpu->idle_tsc - before;
    tap(idle > 190 * MS, "with nobody to run the CPU halts");
    printf("# %llu.%03llu ms of 200\n", (unsigned long long)(idle / MS), (unsigned long long)(idle / 1000 % 1000));
}

int
main(void)
{
    struct census before;

    printf("1..%u\n", POINTS);
    account = census_account()->id;
    home = ((const volatile struct aeg_slice_info *)aeg_info_entry(&AEG_INFO->slices, OURS))->env;
    slice = AEG_INFO->slice_ns * (AEG_INFO->tsc_hz / 1000) / MS;
    grace = AEG_INFO->grace_ns * (AEG_INFO->tsc_hz / 1000) / MS;
    (void)*(volatile char *)code;
    memset(&victim, 0, sizeof(victim));
    memset(hog, 0, sizeof(hog));
    before = census_take();
    hogs();
    flood();
    overruns();
    critical();
    donation();
    a_program_computes();
    idle();
    tap_census("nothing is left", &before);
    return 0;
}
