/*
 * die.c: one way to go wrong per run, named by the first argument. Status 99: it did not end the program.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void null(void) { *(volatile int *)0 = 1; }
static void kernel(void) { *(volatile int *)0xffffffff80000000 = 1; }
static void code(void) { *(volatile int *)(unsigned long)null = 1; }
static void jump(void) { ((void (*)(void))0x8000000000000000)(); }
static void divide(void) { __asm__ volatile("div %0" : : "r"(0), "a"(1), "d"(0)); }
static void ud2(void) { __asm__ volatile("ud2"); }
static void hlt(void) { __asm__ volatile("hlt"); }
static void cli(void) { __asm__ volatile("cli"); }
static void port(void) { __asm__ volatile("out %al, $0x80"); }
static void msr(void) { __asm__ volatile("rdmsr" : : "c"(0) : "eax", "edx"); }
static void int80(void) { __asm__ volatile("int $0x80" : : "a"(20)); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void lose_stack(void) { __asm__ volatile("xor %esp, %esp; push %rax"); }
static void wild_stack(void) { __asm__ volatile("movabs $0x8000000000000000, %rsp; push %rax"); }
static void lose_gs(void) { __asm__ volatile("wrgsbase %0" : : "r"(0UL)); null(); }
static void term(void) { raise(SIGTERM); }

static __attribute__((noinline)) int
deeper(int n)
{
    volatile char a[1000];

    a[n & 1] = (char)n;
    return n < 0 ? n : deeper(n + 1) + a[n & 1];
}

static void stack(void) { deeper(0); }

static void
memory(void)
{
    char *p = mmap(NULL, 1ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    for (unsigned long i = 0; p != MAP_FAILED && i < 1ul << 30; i += 4096)
        p[i] = 1;
}

static void
broken_pipe(void)
{
    int p[2];

    if (pipe(p) == 0 && close(p[0]) == 0 && write(p[1], "x", 1) < 0)
        perror("write");
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    { "null", null }, { "kernel", kernel }, { "code", code }, { "jump", jump }, { "divide", divide }, { "ud2", ud2 },
    { "hlt", hlt }, { "cli", cli }, { "port", port }, { "msr", msr }, { "int80", int80 }, { "breakpoint", breakpoint },
    { "lose_stack", lose_stack }, { "wild_stack", wild_stack }, { "lose_gs", lose_gs }, { "abort", abort },
    { "term", term }, { "broken_pipe", broken_pipe }, { "stack", stack }, { "memory", memory },
};

int
main(int argc, char **argv)
{
    for (unsigned i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].name, argv[1]) == 0)
            ways[i].run();
    return 99;
}
