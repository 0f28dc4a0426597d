/*
 * maps.c: shared mappings of files: what is stored is what read gives, what is written is what loads give, in all processes; a page past
 * the end is SIGBUS; what was stored is on the disk after msync, fsync and at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 64
#define RW (PROT_READ | PROT_WRITE)

static int point;
static sigjmp_buf back;

static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, what);
    fflush(stdout);
}

static void
on_bus(int sig)
{
    siglongjmp(back, sig);
}

/* The signal that a load (or store) there raises; 0: none. */
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

static int
file_of(const char *name, off_t size)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || ftruncate(fd, size) != 0) {
        printf("Bail out! %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return fd;
}

static char *
map(int fd, size_t len, int prot, off_t off)
{
    return mmap(NULL, len, prot, MAP_SHARED, fd, off);
}

static void
coherence(const char *name)
{
    int fd = file_of(name, PAGES * PAGE);
    char *p = map(fd, PAGES * PAGE, RW, 0), *q = map(fd, PAGE, PROT_READ, PAGE), buf[16] = "";

    ok(p != MAP_FAILED && q != MAP_FAILED, "a file is mapped shared and writable, its holes too");
    strcpy(p + PAGE, "stored");
    ok(pread(fd, buf, 7, PAGE) == 7 && strcmp(buf, "stored") == 0, "read gives what was stored");
    ok(strcmp(q, "stored") == 0, "so does another mapping");
    ok(pwrite(fd, "written", 8, PAGE) == 8 && strcmp(p + PAGE, "written") == 0 && strcmp(q, "written") == 0,
       "loads give what was written");
    ok(msync(p, PAGES * PAGE, MS_SYNC) == 0, "msync writes it");
    strcpy(p + PAGE, "again");
    ok(strcmp(q, "again") == 0 && pread(fd, buf, 6, PAGE) == 6 && strcmp(buf, "again") == 0, "stores after that are seen too");
    ok(fsync(fd) == 0, "fsync writes it");
    strcpy(p + 2 * PAGE, "last");
    ok(munmap(p, PAGES * PAGE) == 0 && munmap(q, PAGE) == 0, "both are unmapped");
    ok(pread(fd, buf, 5, 2 * PAGE) == 5 && strcmp(buf, "last") == 0, "what was stored last is in the file");
    close(fd);
}

static void
processes(const char *name)
{
    int fd = file_of(name, PAGE), status = 0;
    volatile char *p = map(fd, PAGE, RW, 0);
    pid_t child;

    p[0] = 1;
    child = fork();
    if (child == 0) {
        char *q = map(fd, PAGE, RW, 0);

        p[1] = p[0] + 1;
        q[2] = 3;
        _exit(q[1] == 2 && p[2] == 3 ? 0 : 1);
    }
    ok(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a child sees its parent's stores");
    ok(p[1] == 2 && p[2] == 3, "and the parent the child's");
    close(fd);
}

static void
ends(const char *name)
{
    int fd = file_of(name, 2 * PAGE + 100);
    char *p = map(fd, 4 * PAGE, RW, 0);

    ok(touch(p + 2 * PAGE + 200, 1) == 0, "the rest of the last page can be written");
    ok(touch(p + 3 * PAGE, 0) == SIGBUS && touch(p + 3 * PAGE, 1) == SIGBUS, "a page past the end is SIGBUS");
    p[PAGE] = 7;
    ok(ftruncate(fd, 100) == 0 && touch(p + PAGE, 0) == SIGBUS, "so is one that truncation has taken");
    ok(p[50] == 0 && touch(p + 50, 1) == 0, "what is left of the file stays mapped");
    ok(ftruncate(fd, 4 * PAGE) == 0 && p[PAGE] == 0 && p[2 * PAGE + 200] == 0, "what is added afterwards is zeros");
    close(fd);
}

static void
protection(const char *name)
{
    int fd = file_of(name, 3 * PAGE), ro = open(name, O_RDONLY);
    char *p;

    ok(map(ro, PAGE, RW, 0) == MAP_FAILED && errno == EACCES, "a file opened for reading is not mapped writable");
    p = map(ro, PAGE, PROT_READ, 0);
    ok(p != MAP_FAILED && mprotect(p, PAGE, RW) == -1 && errno == EACCES, "nor made so by mprotect");
    p = map(fd, 2 * PAGE, PROT_READ, 0);
    ok(touch(p, 0) == 0 && touch(p, 1) == SIGSEGV, "a read-only mapping cannot be written");
    ok(mprotect(p, 2 * PAGE, RW) == 0 && touch(p, 1) == 0 && touch(p + PAGE, 1) == 0, "after mprotect it can");
    p = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    ok(p != MAP_FAILED && p[0] == 1 && p[PAGE] == 1 && touch(p + 2 * PAGE, 1) == 0, "it grows and keeps what it holds");
    close(ro);
    close(fd);
}

/* Every page differently, three rounds, with syncs between: the disk must have the last. */
static void
rounds(const char *name)
{
    int fd = file_of(name, PAGES * PAGE), good = 1;
    char *p = map(fd, PAGES * PAGE, RW, 0), c;

    for (int round = 1; round <= 3; round++) {
        for (int n = 0; n < PAGES; n += round)
            p[n * PAGE + n] = (char)(n + round);
        good = good && (round == 2 ? fsync(fd) : msync(p, PAGES * PAGE, round == 1 ? MS_SYNC : MS_ASYNC)) == 0;
    }
    for (int n = 0; n < PAGES; n++) {
        int want = n % 3 == 0 ? n + 3 : n % 2 == 0 ? n + 2 : n + 1;

        good = good && pread(fd, &c, 1, n * PAGE + n) == 1 && c == (char)want;
    }
    ok(good, "what is stored between syncs is there");
    close(fd);
}

int
main(int argc, char **argv)
{
    struct sigaction sa = { .sa_handler = on_bus };
    char name[64];

    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    printf("1..22\n");
    snprintf(name, sizeof(name), "%s/mapped", argc > 1 ? argv[1] : "/root");
    coherence(name);
    processes(name);
    ends(name);
    protection(name);
    rounds(name);
    return 0;
}
