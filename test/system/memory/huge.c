/*
 * huge.c: memory that asked for entries of 2 MiB, under everything that may be done to a part of one, beside a model that knows each page:
 * the same points hold on Linux.
 *
 * Argument "touch": one byte of each 2 MiB of much more memory than there is. A number: another run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define HUGE (2ul << 20)
#define HUGE_PAGES (HUGE / PAGE)
#define BLOCKS 5
#define PAGES (BLOCKS * HUGE_PAGES)
#define RUNS 6
#define ROUNDS 300
#define FORK_EVERY 16
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* What the page should hold, at three places of it, and what may be done to it. */
static struct page {
    uint8_t mapped, prot, value;
} model[PAGES];
static char *area;
static int point, null_device;
static sigjmp_buf back;
static uint64_t seed = 88172645463325252ull;

static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, what);
    fflush(stdout);
}

/* xorshift64 (Marsaglia 2003). */
static unsigned
below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 32) % n;
}

static void
on_fault(int sig)
{
    siglongjmp(back, sig);
}

static volatile char *
at(unsigned page)
{
    return area + page * PAGE;
}

static void
fill(unsigned page, uint8_t value)
{
    at(page)[0] = at(page)[2048] = at(page)[4095] = (char)value;
    model[page].value = value;
}

static int
holds(unsigned page)
{
    uint8_t v = model[page].value;

    return (uint8_t)at(page)[0] == v && (uint8_t)at(page)[2048] == v && (uint8_t)at(page)[4095] == v;
}

static int
refuses(unsigned page, int store)
{
    if (sigsetjmp(back, 1) != 0)
        return 1;
    if (store)
        at(page)[9] = 1;
    else
        (void)at(page)[9];
    return 0;
}

/* The first page that is not as the model says, or PAGES. */
static unsigned
first_wrong(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        const struct page *p = &model[i];

        if (p->mapped && p->prot != PROT_NONE && !holds(i))
            return i;
        if (below(64) == 0 && ((!p->mapped || p->prot == PROT_NONE) != refuses(i, 0) || (!p->mapped || p->prot != RW) != refuses(i, 1)))
            return i;
        if (p->mapped && p->prot == RW)
            at(i)[9] = 0;
    }
    return PAGES;
}

/* Whole blocks, parts that begin or end with one, single pages. */
static void
any_range(unsigned *from, unsigned *to)
{
    unsigned block = below(BLOCKS) * HUGE_PAGES, half = below(HUGE_PAGES);

    switch (below(5)) {
    case 0: *from = block, *to = block + HUGE_PAGES; break;
    case 1: *from = block, *to = block + half + 1; break;
    case 2: *from = block + half, *to = block + HUGE_PAGES; break;
    case 3: *from = block + half, *to = *from + 1; break;
    default: *from = below(PAGES), *to = *from + 1 + below(PAGES - *from);
    }
}

static void
map(unsigned from, unsigned to)
{
    if (mmap(area + from * PAGE, (to - from) * PAGE, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED)
        exit(3);
    madvise(area + from * PAGE, (to - from) * PAGE, MADV_HUGEPAGE);
    for (unsigned i = from; i < to; i++)
        model[i] = (struct page){ 1, RW, 0 };
}

static void
stores(unsigned from, unsigned to)
{
    unsigned step = 1 + below(100);

    for (unsigned i = from; i < to; i += step)
        if (model[i].mapped && model[i].prot == RW)
            fill(i, (uint8_t)(1 + below(255)));
}

static int
all_mapped(unsigned from, unsigned to)
{
    while (from < to && model[from].mapped)
        from++;
    return from == to;
}

static void
protect(unsigned from, unsigned to)
{
    static const uint8_t prots[] = { PROT_NONE, PROT_READ, RW, RW };
    uint8_t prot = prots[below(4)];

    if (!all_mapped(from, to) || mprotect(area + from * PAGE, (to - from) * PAGE, prot) != 0)
        return;
    for (unsigned i = from; i < to; i++)
        model[i].prot = prot;
}

static void
forget(unsigned from, unsigned to)
{
    madvise(area + from * PAGE, (to - from) * PAGE, MADV_DONTNEED);
    for (unsigned i = from; i < to; i++)
        model[i].value = 0;
}

static void
move(unsigned from, unsigned to)
{
    unsigned n = to - from, dest = below(PAGES - n + 1);

    if (below(2))
        dest = dest / HUGE_PAGES * HUGE_PAGES + from % HUGE_PAGES;
    if (dest + n > PAGES || (dest < to && from < dest + n) || !all_mapped(from, to))
        return;
    for (unsigned i = from; i < to; i++)
        if (model[i].prot != model[from].prot)
            return;
    if (mremap(area + from * PAGE, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + dest * PAGE) == MAP_FAILED) {
        if (munmap(area + dest * PAGE, n * PAGE) != 0)      /* two mappings, differently advised; what was there may be gone */
            exit(4);
        memset(&model[dest], 0, n * sizeof(model[0]));
        return;
    }
    memmove(&model[dest], &model[from], n * sizeof(model[0]));
    for (unsigned i = from; i < to; i++)
        if (i < dest || i >= dest + n)
            model[i].mapped = 0;
}

/* A system call stores into it. */
static void
call(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to && i < from + 8; i++)
        if (model[i].mapped && model[i].prot == RW && read(null_device, area + i * PAGE, PAGE) == (long)PAGE)
            model[i].value = 0;
}

static void
one(void)
{
    unsigned from, to;

    any_range(&from, &to);
    switch (below(12)) {
    case 0: case 1: map(from, to); break;
    case 2:
        munmap(area + from * PAGE, (to - from) * PAGE);
        memset(&model[from], 0, (to - from) * sizeof(model[0]));
        break;
    case 3: case 4: case 5: stores(from, to); break;
    case 6: case 7: protect(from, to); break;
    case 8: forget(from, to); break;
    case 9: madvise(area + from * PAGE, (to - from) * PAGE, below(3) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE); break;
    case 10: move(from, to); break;
    default: call(from, to);
    }
}

/* Both sides write after the fork; each sees its own. */
static int
fork_is_right(void)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        unsigned wrong = first_wrong();

        seed ^= 0x5555;
        for (unsigned i = 0; i < 6; i++)
            one();
        _exit(wrong != PAGES || first_wrong() != PAGES);
    }
    stores(0, PAGES);
    return pid > 0 && first_wrong() == PAGES && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The page that went wrong, or PAGES. */
static unsigned
one_run(unsigned *forks_wrong)
{
    unsigned wrong = PAGES;

    map(0, PAGES);
    for (unsigned i = 0; i < ROUNDS && wrong == PAGES; i++) {
        one();
        if (i % FORK_EVERY == 0)
            *forks_wrong += !fork_is_right();
        wrong = first_wrong();
    }
    return wrong;
}

static void
everything(void)
{
    unsigned wrong = PAGES, forks_wrong = 0;

    for (unsigned i = 0; i < RUNS && wrong == PAGES; i++)
        wrong = one_run(&forks_wrong);
    if (wrong != PAGES)
        printf("# page %u: mapped %u prot %u value %u, found %02x\n", wrong, model[wrong].mapped, model[wrong].prot, model[wrong].value,
               model[wrong].mapped && model[wrong].prot ? (uint8_t)at(wrong)[0] : 0);
    ok(wrong == PAGES, "each page is what was made of it");
    ok(forks_wrong == 0, "parents and children have their own");
}

static long
resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
        return -1;
    fclose(f);
    return resident;
}

static void
residence(void)
{
    long before;

    munmap(area, PAGES * PAGE);
    map(0, PAGES);
    before = resident_pages();
    at(3)[0] = 1;
    ok(resident_pages() - before >= (long)HUGE_PAGES, "one touch makes 2 MiB resident");
    munmap(area + 10 * PAGE, PAGE);
    ok(resident_pages() - before >= (long)HUGE_PAGES - 1 && at(3)[0] == 1 && at(11)[0] == 0, "a page that goes takes no other with it");
    munmap(area, HUGE);
    ok(resident_pages() - before < 64, "and all of it goes");
}

/* Much more than there is: where 2 MiB at once are too many, a page has to do. */
static void
touch(void)
{
    unsigned long blocks = 100;
    char *p = mmap(NULL, blocks * HUGE, RW, ANON | MAP_NORESERVE, -1, 0);
    unsigned long sum = 0;

    ok(p != MAP_FAILED && madvise(p, blocks * HUGE, MADV_HUGEPAGE) == 0, "200 MiB of address space");
    for (unsigned long i = 0; i < blocks; i++)
        p[i * HUGE + i] = 1;
    for (unsigned long i = 0; i < blocks; i++)
        sum += (unsigned long)p[i * HUGE + i] + (unsigned long)p[i * HUGE + HUGE - 1];
    ok(sum == blocks, "a byte in each 2 MiB of them");
}

int
main(int argc, char **argv)
{
    char *raw = mmap(NULL, (PAGES + HUGE_PAGES) * PAGE, PROT_NONE, ANON, -1, 0);
    struct sigaction sa = { .sa_handler = on_fault };

    if (raw == MAP_FAILED)
        return 2;
    area = (char *)(((uintptr_t)raw + HUGE - 1) & ~(HUGE - 1));
    null_device = open("/dev/zero", O_RDONLY);
    sigaction(SIGSEGV, &sa, NULL);
    if (argc > 1 && atol(argv[1]) != 0)
        seed ^= strtoul(argv[1], NULL, 0) << 20;
    if (argc > 1 && strcmp(argv[1], "touch") == 0) {
        touch();
    } else {
        everything();
        residence();
    }
    printf("1..%d\n", point);
    return 0;
}
