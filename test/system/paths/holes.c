/*
 * holes.c: prints where files have holes, what zeroing, punching and copying make of them, and what flags of single reads and writes do;
 * the same on Linux (holes.txt).
 *
 * usage: holes DIRECTORY   (empty; a file system with blocks of 4 KiB)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096l

static char block[BLOCK], got[16 * BLOCK];

static void
say(const char *what, long r)
{
    printf("%-40s %s", what, r < 0 ? strerror(errno) : "");
    if (r >= 0)
        printf("%ld", r);
    printf("\n");
}

/* The file's data, from hole to hole, in bytes. */
static void
map(const char *what, int fd)
{
    off_t at = 0, end;

    printf("%s:", what);
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
        end = lseek(fd, at, SEEK_HOLE);
        printf(" %ld-%ld", (long)at, (long)end);
        at = end;
    }
    printf(" (%s) of %ld\n", strerror(errno), (long)lseek(fd, 0, SEEK_END));
}

static unsigned
sum(int fd)
{
    unsigned s = 0;
    ssize_t n = pread(fd, got, sizeof(got), 0);

    for (ssize_t i = 0; i < n; i++)
        s = s * 31 + (unsigned char)got[i];
    return s;
}

static void
holes(int on_disk)
{
    int fd = open("h", O_CREAT | O_RDWR, 0600);

    map("empty", fd);
    ftruncate(fd, 10 * BLOCK + 100);
    map("nothing but a hole", fd);
    pwrite(fd, block, BLOCK, 2 * BLOCK);
    pwrite(fd, block, 10, 5 * BLOCK + 50);
    map("two blocks", fd);
    pread(fd, got, sizeof(got), 0);
    map("read", fd);
    say("data, in data", lseek(fd, 2 * BLOCK + 7, SEEK_DATA));
    say("hole, in data", lseek(fd, 2 * BLOCK + 7, SEEK_HOLE));
    say("hole, in a hole", lseek(fd, 3 * BLOCK + 7, SEEK_HOLE));
    say("data, after the last", lseek(fd, 7 * BLOCK, SEEK_DATA));
    say("hole, after the last", lseek(fd, 7 * BLOCK, SEEK_HOLE));
    say("data, at the end", lseek(fd, 10 * BLOCK + 100, SEEK_DATA));
    say("hole, at the end", lseek(fd, 10 * BLOCK + 100, SEEK_HOLE));
    say("hole, negative", lseek(fd, -1, SEEK_HOLE));
    say("position", lseek(fd, 0, SEEK_CUR));
    fsync(fd);
    map("written back", fd);
    say("punch", fallocate(fd, 3, 2 * BLOCK, BLOCK / 2));
    map("half of a block", fd);
    say("punch", fallocate(fd, 3, 2 * BLOCK - 10, BLOCK + 20));
    map("all of it", fd);
    pwrite(fd, block, BLOCK, 0);
    pwrite(fd, "end", 3, 10 * BLOCK + 97);
    map("first and last", fd);
    printf("sum %08x\n", sum(fd));
    if (on_disk) {
        say("zero", fallocate(fd, 0x10, 100, BLOCK));
        say("zero, the size kept", fallocate(fd, 0x11, 10 * BLOCK + 98, BLOCK));
        printf("sum %08x of %ld\n", sum(fd), (long)lseek(fd, 0, SEEK_END));
        say("zero past the end", fallocate(fd, 0x10, 12 * BLOCK, 10));
        printf("sum %08x of %ld\n", sum(fd), (long)lseek(fd, 0, SEEK_END));
    }
    close(fd);
    fd = open("large", O_CREAT | O_RDWR, 0600);
    pwrite(fd, "x", 1, 5l << 30);
    map("far away", fd);
    for (int shared = 0; shared < 2; shared++) {
        char *at = mmap(NULL, (5l << 30) + 1, PROT_READ, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);

        say("more than there is memory, mapped", at == MAP_FAILED ? -1 : at[5l << 30]);
        if (at != MAP_FAILED)
            munmap(at, (5l << 30) + 1);
    }
    close(fd);
}

static void
refusals(void)
{
    int fd = open("h", O_RDWR), r = open("h", O_RDONLY), d = open(".", O_RDONLY), pipes[2], null = open("/dev/null", O_RDWR);

    pipe(pipes);
    say("punch without keeping the size", fallocate(fd, 2, 0, 10));
    say("punch and zero", fallocate(fd, 0x13, 0, 10));
    say("collapse and more", fallocate(fd, 9, 0, BLOCK));
    say("insert and more", fallocate(fd, 0x21, 0, BLOCK));
    say("unknown", fallocate(fd, 0x1000, 0, BLOCK));
    say("no length", fallocate(fd, 0, 0, 0));
    say("negative", fallocate(fd, 0, -1, 10));
    say("too far", fallocate(fd, 0, INT64_MAX - 10, 100));
    say("read-only", fallocate(r, 0, 0, 10));
    say("a directory", fallocate(d, 0, 0, 10));
    say("a pipe", fallocate(pipes[1], 0, 0, 10));
    say("a device", fallocate(null, 0, 0, 10));
    say("clone", ioctl(fd, 0x40049409, r));
    say("clone of nothing", ioctl(fd, 0x40049409, 99));
    say("clone of a device", ioctl(fd, 0x40049409, null));
    say("holes of a pipe", lseek(pipes[0], 0, SEEK_HOLE));
    close(pipes[0]);
    close(pipes[1]);
    close(null);
    close(d);
    close(r);
    close(fd);
}

static long
copy(int in, off_t *from, int out, off_t *to, size_t n, unsigned flags)
{
    return syscall(SYS_copy_file_range, in, from, out, to, n, flags);
}

static void
copies(void)
{
    int in = open("a", O_CREAT | O_RDWR, 0600), out = open("b", O_CREAT | O_RDWR, 0600), d = open(".", O_RDONLY), r = open("a", O_RDONLY);
    int append = open("b", O_WRONLY | O_APPEND), version = open("/proc/version", O_RDONLY), null = open("/dev/null", O_RDWR);
    off_t from = 3, to = 10;

    write(in, "0123456789", 10);
    say("at offsets", copy(in, &from, out, &to, 4, 0));
    printf("%ld %ld %ld\n", (long)from, (long)to, (long)lseek(out, 0, SEEK_END));
    say("more than there is", copy(in, &from, out, NULL, 100, 0));
    printf("%ld %ld\n", (long)from, (long)lseek(out, 0, SEEK_CUR));
    say("at the end", copy(in, &from, out, NULL, 100, 0));
    from = 20;
    say("past the end", copy(in, &from, out, NULL, 100, 0));
    from = 0, to = 5;
    say("in one file", copy(in, &from, in, &to, 5, 0));
    from = 0, to = 5;
    say("in one file, overlapping", copy(in, &from, in, &to, 6, 0));
    from = 15, to = 16;
    say("in one file, past the end", copy(in, &from, in, &to, 6, 0));
    say("flags", copy(in, NULL, out, NULL, 1, 1));
    say("a directory", copy(d, NULL, out, NULL, 1, 0));
    say("to a directory", copy(in, NULL, d, NULL, 1, 0));
    say("to a reader", copy(in, NULL, r, NULL, 1, 0));
    say("to an appender", copy(in, NULL, append, NULL, 1, 0));
    say("from a device", copy(null, NULL, out, NULL, 1, 0));
    say("from another file system", copy(version, NULL, out, NULL, 1, 0));
    say("from nothing", copy(99, NULL, out, NULL, 1, 0));
    from = -1;
    say("from before the beginning", copy(in, &from, out, NULL, 1, 0));
    close(in);
    close(out);
    close(d);
    close(r);
    close(append);
    close(version);
    close(null);
}

static long
read2(int fd, off_t pos, int flags)
{
    struct iovec v = { got, 8 };

    return syscall(SYS_preadv2, fd, &v, 1, pos, 0, flags);
}

static long
write2(int fd, const char *text, off_t pos, int flags)
{
    struct iovec v = { (void *)(uintptr_t)text, strlen(text) };

    return syscall(SYS_pwritev2, fd, &v, 1, pos, 0, flags);
}

static void
flags(void)
{
    int fd = open("v", O_CREAT | O_RDWR, 0600), pipes[2];

    pipe(pipes);
    say("write", write2(fd, "hello", 0, 0));
    say("append", write2(fd, " world", 0, 0x10));
    say("position", lseek(fd, 0, SEEK_CUR));
    say("append at the position", write2(fd, "!", -1, 0x10));
    say("position", lseek(fd, 0, SEEK_CUR));
    say("synced", write2(fd, "H", 0, 4));
    say("data synced", write2(fd, "E", 1, 2));
    say("unknown", write2(fd, "x", 0, 0x1000));
    say("read", read2(fd, 0, 0));
    printf("%.8s\n", got);
    say("read what is in memory", read2(fd, 2, 1));
    say("at the position", read2(fd, -1, 0));
    say("negative", read2(fd, -2, 0));
    say("unknown", read2(fd, 0, 0x1000));
    say("an empty pipe, at once", read2(pipes[0], -1, 8));
    write(pipes[1], "x", 1);
    say("a pipe, at once", read2(pipes[0], -1, 8));
    say("a pipe, somewhere", read2(pipes[0], 3, 0));
    pread(fd, got, 16, 0);
    printf("%.12s\n", got);
    close(pipes[0]);
    close(pipes[1]);
    close(fd);
}

int
main(int argc, char **argv)
{
    if (argc < 3 || chdir(argv[1]) != 0) {
        perror("holes: directory");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(block, 'b', sizeof(block));
    holes(argv[2][0] == 'd');
    refusals();
    copies();
    flags();
    return 0;
}
