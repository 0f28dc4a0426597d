/*
 * memory.c: what a child has of its parent's memory, registers and descriptors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define GENERATIONS 12
#define ROUNDS 200

static int points;
static int in_data = 1;

static void
tap(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++points, what);
    fflush(stdout);
}

/* The child's verdict: 0 is good. */
static int
in_child(int (*fn)(void *), void *arg)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn(arg));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *
pages(unsigned count, int prot, int kind)
{
    char *p = mmap(NULL, count * PAGE, prot, kind | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        exit(99);
    return p;
}

/* ---- private memory ---- */

struct private {
    char *touched, *untouched, *read_only, *hidden;
    int on_stack;
};

static int
child_private(void *arg)
{
    struct private *m = arg;

    if (in_data != 7 || m->on_stack != 5 || m->touched[0] != 'a' || m->touched[PAGE] != 'b' || m->untouched[0] != 0 || m->read_only[0] != 'r')
        return 1;
    in_data = 8;
    m->on_stack = 6;
    m->touched[0] = 'x';
    m->untouched[0] = 'y';
    if (mprotect(m->read_only, PAGE, PROT_READ | PROT_WRITE) != 0 || mprotect(m->hidden, PAGE, PROT_READ | PROT_WRITE) != 0)
        return 2;
    if (m->hidden[0] != 'h')
        return 3;
    m->read_only[0] = 'w';
    m->hidden[0] = 'w';
    return in_data == 8 && m->touched[0] == 'x' && m->touched[PAGE] == 'b' && m->hidden[0] == 'w' ? 0 : 4;
}

static void
private_memory(void)
{
    struct private m = { pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE), pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE),
                         pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE), pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE), 5 };

    in_data = 7;
    m.touched[0] = 'a';
    m.touched[PAGE] = 'b';
    m.read_only[0] = 'r';
    m.hidden[0] = 'h';
    mprotect(m.read_only, PAGE, PROT_READ);
    mprotect(m.hidden, PAGE, PROT_NONE);
    tap(in_child(child_private, &m) == 0, "a child has its parent's memory and may change it");
    mprotect(m.hidden, PAGE, PROT_READ);
    tap(in_data == 7 && m.on_stack == 5 && m.touched[0] == 'a' && m.touched[PAGE] == 'b' && m.untouched[0] == 0 && m.read_only[0] == 'r' &&
            m.hidden[0] == 'h', "and the parent sees nothing of that");
}

/* The parent writes while the child still has the page: the child must not see it. */
static void
parent_writes(void)
{
    char *p = pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE), byte;
    int go[2], status;
    pid_t pid;

    p[0] = 'o';
    if (pipe(go) != 0)
        exit(99);
    pid = fork();
    if (pid == 0)
        _exit(read(go[0], &byte, 1) == 1 && p[0] == 'o' ? 0 : 1);
    p[0] = 'n';
    tap(write(go[1], "g", 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0 && p[0] == 'n',
        "what the parent writes after the fork is not the child's");
    close(go[0]);
    close(go[1]);
}

/* read(2) writes into a page that is shared until then. */
static int
child_reads_into(void *arg)
{
    int fd = open("/etc/passwd", O_RDONLY);

    return fd >= 0 && read(fd, arg, 4) == 4 && memcmp(arg, "root", 4) == 0 ? 0 : 1;
}

static void
call_writes(void)
{
    char *p = pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);

    memcpy(p, "old!", 4);
    tap(in_child(child_reads_into, p) == 0 && memcmp(p, "old!", 4) == 0, "a call that stores into a shared page makes it the caller's own first");
}

static int
child_maps_file(void *arg)
{
    char *p = arg;

    if (memcmp(p, "root", 4) != 0)
        return 1;
    p[0] = 'R';
    return p[0] == 'R' && p[1] == 'o' ? 0 : 2;
}

static void
file_pages(void)
{
    int fd = open("/etc/passwd", O_RDONLY);
    char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    tap(p != MAP_FAILED && p[0] == 'r' && in_child(child_maps_file, p) == 0 && p[0] == 'r', "a file's page mapped privately is shared until it is written");
    close(fd);
    munmap(p, PAGE);
}

/* ---- shared memory ---- */

static int
child_shares(void *arg)
{
    char *p = arg;

    if (p[0] != 'p')
        return 1;
    p[0] = 'c';
    p[PAGE] = 'd';              /* nobody had touched this page */
    return 0;
}

static void
shared_memory(void)
{
    char *p = pages(2, PROT_READ | PROT_WRITE, MAP_SHARED);

    p[0] = 'p';
    tap(in_child(child_shares, p) == 0 && p[0] == 'c' && p[PAGE] == 'd', "shared memory is the same on both sides, also where it is touched later");
    tap(mprotect(p, PAGE, PROT_READ) == 0 && mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0 && (p[0] = 'e') == 'e' &&
            in_child(child_shares, p) == 1, "and can be protected and opened again");
    munmap(p, 2 * PAGE);
}

/* ---- registers ---- */

/* A fork by the plain instruction with known values in registers: 0 when they are all there behind it. */
static int
fork_with_registers(long *pid)
{
    register long rax __asm__("rax") = 57;
    uint64_t bad;

    __asm__ volatile("mov $0x1111, %%rbx\n\t"
                     "mov $0x2222, %%r12\n\t"
                     "mov $0x3333, %%r13\n\t"
                     "mov $0x4444, %%r14\n\t"
                     "mov $0x5555, %%r15\n\t"
                     "mov $0x6666, %%rdi\n\t"
                     "mov $0x7777, %%r9\n\t"
                     "movq %%rdi, %%xmm9\n\t"
                     "syscall\n\t"
                     "xor %1, %1\n\t"
                     "sub $0x1111, %%rbx\n\t" "or %%rbx, %1\n\t"
                     "sub $0x2222, %%r12\n\t" "or %%r12, %1\n\t"
                     "sub $0x3333, %%r13\n\t" "or %%r13, %1\n\t"
                     "sub $0x4444, %%r14\n\t" "or %%r14, %1\n\t"
                     "sub $0x5555, %%r15\n\t" "or %%r15, %1\n\t"
                     "sub $0x6666, %%rdi\n\t" "or %%rdi, %1\n\t"
                     "sub $0x7777, %%r9\n\t" "or %%r9, %1\n\t"
                     "movq %%xmm9, %%rdi\n\t"
                     "sub $0x6666, %%rdi\n\t" "or %%rdi, %1\n\t"
                     : "+a"(rax), "=&S"(bad) : : "rbx", "r12", "r13", "r14", "r15", "rdi", "r9", "rcx", "r11", "xmm9", "memory", "cc");
    *pid = rax;
    return bad != 0;
}

static void
registers(void)
{
    long pid;
    int status, bad = fork_with_registers(&pid);

    if (pid == 0)
        _exit(bad);
    tap(pid > 0 && !bad, "the parent's registers survive a fork");
    tap(waitpid((pid_t)pid, &status, 0) == pid && status == 0, "and the child has them all");
}

/* ---- descriptors ---- */

static int
child_descriptors(void *arg)
{
    int *fd = arg;
    char c;

    if (read(fd[0], &c, 1) != 1 || fcntl(fd[0], F_GETFD) != FD_CLOEXEC || fcntl(fd[1], F_GETFD) != 0)
        return 1;
    close(fd[1]);
    return 0;
}

static void
descriptors(void)
{
    int fd[2] = { open("/etc/passwd", O_RDONLY | O_CLOEXEC), open("/etc/passwd", O_RDONLY) };
    char rest[4];

    tap(in_child(child_descriptors, fd) == 0, "descriptors come with their close-on-exec flags");
    tap(read(fd[0], rest, 3) == 3 && memcmp(rest, "oot", 3) == 0, "a file's position is shared");
    tap(fcntl(fd[1], F_GETFD) == 0, "what the child closes stays open in the parent");
    close(fd[0]);
    close(fd[1]);
}

static void
pipe_ends(void)
{
    int ends[2], status;
    char word[8] = "";
    pid_t pid;

    if (pipe(ends) != 0)
        exit(99);
    pid = fork();
    if (pid == 0)
        _exit(write(ends[1], "hello", 5) == 5 ? 0 : 1);
    close(ends[1]);
    tap(read(ends[0], word, 8) == 5 && strcmp(word, "hello") == 0, "a pipe carries bytes from child to parent");
    tap(read(ends[0], word, 8) == 0 && waitpid(pid, &status, 0) == pid && status == 0, "and ends when the last writer has gone");
    close(ends[0]);
}

/* A connection is made by the parent, and served by a child that the listener never knew. */
static void
sockets(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), served, status;
    char word[8] = "";
    pid_t pid;

    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0 || connect(client, (struct sockaddr *)&at, len) != 0 ||
        (served = accept(listener, NULL, NULL)) < 0) {
        tap(0, "a TCP connection is made");
        return;
    }
    pid = fork();
    if (pid == 0)
        _exit(read(served, word, 4) == 4 && write(served, "pong", 4) == 4 ? 0 : 1);
    close(served);
    tap(write(client, "ping", 4) == 4 && read(client, word, 4) == 4 && memcmp(word, "pong", 4) == 0, "a TCP connection is served by a child");
    tap(waitpid(pid, &status, 0) == pid && status == 0 && read(client, word, 1) == 0, "and closed when the child has gone");
    close(client);
    close(listener);
}

/* ---- many ---- */

static int
generation(void *arg)
{
    int left = *(int *)arg - 1;

    return left == 0 ? 0 : in_child(generation, &left);
}

static int
one_more(void *arg)
{
    *(volatile char *)arg = 'c';
    return 0;
}

int
main(void)
{
    int left = GENERATIONS, bad = 0;
    char *p = pages(16, PROT_READ | PROT_WRITE, MAP_PRIVATE);

    printf("1..19\n");
    private_memory();
    parent_writes();
    call_writes();
    file_pages();
    shared_memory();
    registers();
    descriptors();
    pipe_ends();
    sockets();
    tap(in_child(generation, &left) == 0, "children have children, many generations deep");
    for (int i = 0; i < ROUNDS; i++)
        bad += in_child(one_more, p + i % 16 * PAGE) != 0;
    tap(bad == 0, "hundreds of children one after another");
    tap(p[0] == 0 && p[15 * PAGE] == 0, "leave no trace in the parent");
    return 0;
}
