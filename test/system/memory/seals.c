/*
 * seals.c: files in memory, their seals, and POSIX shared memory: the same points hold on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)

#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#define F_SEAL_WRITE 8
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#define ALLOW 2u

static int point;

static void
ok(int good, const char *what)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, what);
    fflush(stdout);
}

static int
fails(long result, int error)
{
    return result == -1 && errno == error;
}

static int
memfd(unsigned flags)
{
    int fd = (int)syscall(SYS_memfd_create, "sealed", flags);

    if (ftruncate(fd, 2 * PAGE) != 0)
        return -1;
    return fd;
}

static void
sizes(void)
{
    int fd = memfd(ALLOW);

    ok(fcntl(fd, F_GET_SEALS) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 && fcntl(fd, F_GET_SEALS) == F_SEAL_GROW, "seals are added");
    ok(fails(ftruncate(fd, 3 * PAGE), EPERM) && ftruncate(fd, PAGE) == 0, "a file that may not grow shrinks");
    ok(fails(pwrite(fd, "x", 1, PAGE), EPERM) && pwrite(fd, "x", 1, PAGE - 1) == 1, "and is written within its end");
    ok(fails(fallocate(fd, 0, 0, 2 * PAGE), EPERM), "and cannot be allocated longer");
    ok(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 && fcntl(fd, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK), "more are added");
    ok(fails(ftruncate(fd, 1), EPERM), "then it does not shrink");
    ok(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0 && fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM), "the last seal is against seals");
    close(fd);
    fd = memfd(0);
    ok(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL && fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM), "which is there unless one asks");
    ok(fails(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL) || errno == EPERM, "unknown ones are refused");
    close(fd);
}

static void
writes(void)
{
    int fd = memfd(ALLOW);
    char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *q;

    p[0] = 5;
    ok(fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY), "what is mapped for stores is not sealed against writes");
    munmap(p, PAGE);
    ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 && fails(pwrite(fd, "x", 1, 0), EPERM), "what is not mapped is");
    ok(fails((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM), "it is not mapped for stores any more");
    p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
    ok(p[0] == 5 && (q[0] = 6, p[0] == 5), "but for loads, and privately");
    ok(fails(mprotect(p, PAGE, RW), EACCES), "and mprotect does not help");
    ok(fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM), "nor does a hole");
    munmap(p, PAGE);
    munmap(q, PAGE);
    close(fd);
    fd = memfd(ALLOW);
    p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
    ok(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0 && (p[0] = 9, p[0] == 9), "FUTURE_WRITE leaves the mappings that are there");
    ok(fails(pwrite(fd, "x", 1, 0), EPERM) && fails((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM), "and refuses others");
    munmap(p, PAGE);
    close(fd);
}

static void
posix(void)
{
    int fd = shm_open("/test-shm", O_RDWR | O_CREAT | O_EXCL, 0600), again, status = 0;
    struct stat st;
    char *p, *q;

    ok(fd >= 0 && ftruncate(fd, 3 * PAGE) == 0 && stat("/dev/shm/test-shm", &st) == 0 && st.st_size == 3 * PAGE, "shm_open makes a file in /dev/shm");
    ok(fails(shm_open("/test-shm", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST), "once");
    ok(fails(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM), "that is not sealed");
    p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
    if (fork() == 0) {
        again = shm_open("/test-shm", O_RDWR, 0);
        q = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, again, 0);
        q[2 * PAGE] = 42;
        _exit(shm_unlink("/test-shm") == 0 ? 3 : 4);
    }
    wait(&status);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 3 && p[2 * PAGE] == 42, "processes share it by name");
    ok(fails(shm_open("/test-shm", O_RDWR, 0), ENOENT) && fails(shm_unlink("/test-shm"), ENOENT), "until it is unlinked");
    p[0] = 1;
    ok(p[2 * PAGE] == 42 && pread(fd, &status, 1, 0) == 1, "and who has it mapped keeps it");
    munmap(p, 3 * PAGE);
    close(fd);
}

int
main(void)
{
    sizes();
    writes();
    posix();
    printf("1..%d\n", point);
    return 0;
}
