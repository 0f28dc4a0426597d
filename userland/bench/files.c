/*
 * files.c: a file that is in memory: read, written, opened, named, made. On tmpfs, and on the root disk's file system.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define TMPFS "/dev/shm"
#define DISK "/tmp"

static char path[] = "/dev/shm/bench.XXXXXX";   /* long enough for either */
static char buffer[PAGE];
static int fd = -1;

/* Makes a file of one page in the directory, and leaves it open. */
static bool
file_open(const char *directory)
{
    char *p = path;

    for (const char *from = directory; *from; from++)
        *p++ = *from;
    for (const char *from = "/bench.XXXXXX"; *from; from++)
        *p++ = *from;
    *p = '\0';
    fd = mkstemp(path);
    buffer[0] = 'b';
    return fd >= 0 && pwrite(fd, buffer, PAGE, 0) == PAGE;
}

static enum verdict
with_file(struct meter *m, const char *directory, op_fn *op, void *arg)
{
    enum verdict v = file_open(directory) ? meter_run(m, op, arg) : FAILED;

    unlink(path);
    return v;
}

static bool
reads(void *arg, uint64_t n)
{
    size_t length = *(size_t *)arg;
    bool good = true;

    buffer[0] = 0;
    while (n--)
        good &= pread(fd, buffer, length, 0) == (ssize_t)length;
    return good && buffer[0] == 'b';
}

static bool
writes(void *arg, uint64_t n)
{
    bool good = true;

    (void)arg;
    while (n--)
        good &= pwrite(fd, buffer, PAGE, 0) == PAGE;
    return good;
}

static bool
opens(void *arg, uint64_t n)
{
    int err = 0;

    (void)arg;
    while (n--)
        err |= close(open(path, O_RDONLY));
    return err == 0;
}

static bool
stats(void *arg, uint64_t n)
{
    struct stat st;
    int err = 0;

    (void)arg;
    while (n--)
        err |= stat(path, &st);
    return err == 0 && st.st_size == PAGE;
}

/* The name is the file's with its last letter changed, so it is in the same directory. */
static bool
creates(void *arg, uint64_t n)
{
    static char name[sizeof(path)];
    int err = 0;

    (void)arg;
    for (unsigned i = 0; i < sizeof(path); i++)
        name[i] = path[i] && !path[i + 1] ? '%' : path[i];
    while (n--) {
        err |= close(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600));
        err |= unlink(name);
    }
    return err == 0;
}

static size_t one = 1, four_k = PAGE;

#define FILE_ROWS(prefix, directory)                                                                      \
    enum verdict row_##prefix##pread_1(struct meter *m) { return with_file(m, directory, reads, &one); }      \
    enum verdict row_##prefix##pread_4k(struct meter *m) { return with_file(m, directory, reads, &four_k); }  \
    enum verdict row_##prefix##pwrite_4k(struct meter *m) { return with_file(m, directory, writes, NULL); }   \
    enum verdict row_##prefix##open_close(struct meter *m) { return with_file(m, directory, opens, NULL); }   \
    enum verdict row_##prefix##stat(struct meter *m) { return with_file(m, directory, stats, NULL); }         \
    enum verdict row_##prefix##create_unlink(struct meter *m) { return with_file(m, directory, creates, NULL); }

FILE_ROWS(, TMPFS)
FILE_ROWS(disk_, DISK)
