/*
 * work.c: work on files whose disk is going to be cut: it writes, syncs, renames and removes, and says what it did, a line for each step.
 *
 * usage: work DIRECTORY SEED STEPS
 * Each sector that is written begins with the file's number and the step's. Lines: STEP wrote FILE LENGTH [synced] | removed FILE |
 * moved FILE | synced.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES 20
#define LENGTH_MAX 60000
#define SECTOR 512
#define MAGIC "exos cut"

static uint64_t seed;
static uint8_t buf[LENGTH_MAX + SECTOR];

static unsigned
below(unsigned n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % n;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

/* Says it at once: nothing of it may be lost that was so. */
static void
say(const char *line)
{
    size_t n = strlen(line);

    if (write(1, line, n) != (ssize_t)n)
        exit(1);
}

static void
name_of(unsigned file, int other, char *out)
{
    sprintf(out, "%s%02u", other ? "other" : "file", file);
}

static void
rewrite(unsigned step, unsigned file)
{
    unsigned length = 1 + below(below(4) == 0 ? LENGTH_MAX : 6000);
    char name[32], line[64];
    int fd, synced = below(2) == 0;

    for (unsigned at = 0; at < length; at += SECTOR) {
        memset(buf + at, (int)(step % 251) + 1, SECTOR);
        memcpy(buf + at, MAGIC, 8);
        memcpy(buf + at + 8, &file, 4);
        memcpy(buf + at + 12, &step, 4);
    }
    name_of(file, 1, name);
    (void)unlink(name);
    name_of(file, 0, name);
    fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
    if (fd < 0 || write(fd, buf, length) != (ssize_t)length || (synced && fsync(fd) != 0) || close(fd) != 0)
        die(name);
    sprintf(line, "%u wrote %u %u%s\n", step, file, length, synced ? " synced" : "");
    say(line);
}

static void
away(unsigned step, unsigned file, int removed)
{
    char name[32], other[32], line[64];

    name_of(file, 0, name);
    name_of(file, 1, other);
    if (removed)
        (void)unlink(name), (void)unlink(other);
    else if (rename(name, other) != 0)
        return;
    sprintf(line, "%u %s %u\n", step, removed ? "removed" : "moved", file);
    say(line);
}

static void
directory(unsigned number)
{
    char name[32];

    sprintf(name, "dir%u", number);
    if (mkdir(name, 0755) != 0)
        (void)rmdir(name);
}

int
main(int argc, char **argv)
{
    unsigned steps = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
    char line[32];

    if (steps == 0)
        return 2;
    seed = strtoull(argv[2], NULL, 10);
    if ((mkdir(argv[1], 0755) != 0 && access(argv[1], F_OK) != 0) || chdir(argv[1]) != 0)
        die(argv[1]);
    for (unsigned step = 1; step <= steps; step++) {
        unsigned file = below(FILES);

        switch (below(10)) {
        case 0: away(step, file, 1); break;
        case 1: away(step, file, 0); break;
        case 2: directory(file); break;
        case 3:
            sync();
            sprintf(line, "%u synced\n", step);
            say(line);
            break;
        case 4: nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL); break;
        default: rewrite(step, file);
        }
    }
    say("done\n");
    return 0;
}
