/*
 * resolve.c: prints what openat2(2) makes of paths and what access(2) says to whom; the same on Linux (resolve.txt beside it).
 *
 * usage: resolve DIRECTORY   (empty; on a file system of its own; as root)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_XDEV 1
#define NO_MAGICLINKS 2
#define NO_SYMLINKS 4
#define BENEATH 8
#define IN_ROOT 16
#define CACHED 32

struct how { uint64_t flags, mode, resolve, more[4]; };

static int top;                         /* descriptor of the directory */

static long
open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct how h = { flags, mode, resolve, { 0 } };

    return syscall(437, dir, path, &h, 24);
}

/* Which file a descriptor means, by the name that it was given in the inode's number. */
static void
show(const char *what, long fd)
{
    char text[32] = "";
    struct stat s;

    if (fd < 0) {
        printf("%-40s %s\n", what, strerror(errno));
        return;
    }
    fstat((int)fd, &s);
    if (S_ISREG(s.st_mode) && pread((int)fd, text, sizeof(text) - 1, 0) < 0)
        snprintf(text, sizeof(text), "%s", strerror(errno));
    printf("%-40s %s %s\n", what, S_ISDIR(s.st_mode) ? "directory" : S_ISLNK(s.st_mode) ? "link" : S_ISREG(s.st_mode) ? "file" : "other", text);
    close((int)fd);
}

static void
make(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        perror(path);
    close(fd);
}

static void
prepare(const char *where)
{
    char up[256];

    mkdir("d", 0755);
    mkdir("d/e", 0755);
    make("f", "top");
    make("d/f", "in d");
    make("d/e/f", "in e");
    symlink("f", "d/plain");
    symlink("../f", "d/up");
    symlink("e/f", "d/down");
    symlink("/f", "d/slash");
    symlink("e", "d/dir");
    symlink("loop", "d/loop");
    symlink("/proc/self/fd", "d/magic");
    symlink("new", "d/to-new");
    snprintf(up, sizeof(up), "%s/d/f", where);
    symlink(up, "d/whole");
}

static void
ways(void)
{
    static const char *const paths[] = {
        "f", "e/f", "e/../f", "../f", "e/../../f", "plain", "up", "down", "slash", "dir/f", "dir/../f", "loop", "/f", "/d/f", ".", "..", "",
        "nothing", "f/", "e/", "whole", "magic/0",
    };
    static const struct { uint64_t bits; const char *name; } how[] = {
        { 0, "as usual" }, { NO_XDEV, "no xdev" }, { NO_MAGICLINKS, "no magic" }, { NO_SYMLINKS, "no links" }, { BENEATH, "beneath" },
        { IN_ROOT, "in root" }, { BENEATH | NO_SYMLINKS, "beneath, no links" },
    };
    int d = open("d", O_PATH);

    for (unsigned h = 0; h < sizeof(how) / sizeof(how[0]); h++) {
        for (unsigned p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
            char what[80];

            if (strcmp(paths[p], "magic/0") == 0 && (how[h].bits & ~NO_MAGICLINKS) == 0 && how[h].bits == 0)
                continue;                       /* whatever standard input is */
            snprintf(what, sizeof(what), "%s: '%s'", how[h].name, paths[p]);
            show(what, open2(d, paths[p], O_RDONLY, 0, how[h].bits));
        }
        show("  a link itself", open2(d, "plain", O_PATH | O_NOFOLLOW, 0, how[h].bits));
        show("  made", open2(d, "new", O_CREAT | O_RDWR, 0600, how[h].bits));
        unlinkat(d, "new", 0);
        show("  made through a link", open2(d, "to-new", O_CREAT | O_RDWR, 0600, how[h].bits));
        show("  made above", open2(d, "../new", O_CREAT | O_RDWR, 0600, how[h].bits));
        show("  nameless", open2(d, ".", O_TMPFILE | O_RDWR, 0600, how[h].bits));
        show("  nameless above", open2(d, "..", O_TMPFILE | O_RDWR, 0600, how[h].bits));
        unlinkat(d, "new", 0);
        unlinkat(top, "new", 0);
    }
    show("absolute, in the root of a file", open2(open("f", O_RDONLY), "/f", O_RDONLY, 0, IN_ROOT));
    show("absolute, in the root of nothing", open2(99, "/f", O_RDONLY, 0, IN_ROOT));
    close(d);
}

static void
borders(void)
{
    int root = open("/", O_PATH), proc = open("/proc", O_PATH);

    show("into another file system", open2(root, "proc/version", O_PATH, 0, NO_XDEV));
    show("by an absolute path", open2(root, "/proc/version", O_PATH, 0, NO_XDEV));
    show("within", open2(proc, "version", O_PATH, 0, NO_XDEV));
    show("out of it", open2(proc, "../bin", O_PATH, 0, NO_XDEV));
    show("out of it, as usual", open2(proc, "../bin", O_PATH, 0, NO_MAGICLINKS));
    show("magic, not followed", open2(proc, "self/cwd", O_PATH | O_NOFOLLOW, 0, NO_MAGICLINKS));
    show("magic", open2(proc, "self/cwd", O_PATH, 0, NO_MAGICLINKS));
    show("magic on the way", open2(proc, "self/root/bin", O_PATH, 0, NO_MAGICLINKS));
    show("magic beneath", open2(proc, "self/cwd", O_PATH, 0, BENEATH));
    show("magic in root", open2(proc, "self/cwd", O_PATH, 0, IN_ROOT));
    show("self is not magic", open2(proc, "self/stat", O_PATH, 0, NO_MAGICLINKS));
    show("self is a link", open2(proc, "self/stat", O_PATH, 0, NO_SYMLINKS));
    close(root);
    close(proc);
}

static void
arguments(void)
{
    static char page[2 * 4096];
    struct how h = { 0 };

    h.flags = O_RDONLY;
    show("too small", syscall(437, top, "f", &h, 23));
    show("none", syscall(437, top, "f", &h, 0));
    show("larger, zeros", syscall(437, top, "f", &h, sizeof(h)));
    h.more[3] = 1;
    show("larger, something", syscall(437, top, "f", &h, sizeof(h)));
    show("a page", syscall(437, top, "f", page, 4096));
    show("more than a page", syscall(437, top, "f", page, 4097));
    show("bad memory", syscall(437, top, "f", (void *)8, 24));
    show("unknown flags", open2(top, "f", 1ull << 40, 0, 0));
    show("unknown flag", open2(top, "f", 1u << 28, 0, 0));
    show("unknown resolve", open2(top, "f", 0, 0, 64));
    show("beneath and in root", open2(top, "f", 0, 0, BENEATH | IN_ROOT));
    show("mode without creation", open2(top, "f", 0, 0600, 0));
    show("bad mode", open2(top, "f", O_CREAT | O_RDWR, 0100000, 0));
    show("O_PATH and writing", open2(top, "f", O_PATH | O_RDWR, 0, 0));
    show("O_PATH and creation", open2(top, "f", O_PATH | O_CREAT, 0, 0));
    show("O_TMPFILE read-only", open2(top, ".", O_TMPFILE, 0600, 0));
    show("half of O_TMPFILE", open2(top, ".", 020000000 | O_RDWR, 0600, 0));
    show("cached", open2(top, "f", O_RDONLY, 0, CACHED));
    show("cached, made", open2(top, "f", O_RDONLY | O_CREAT, 0600, CACHED));
    show("no directory", open2(99, "f", O_RDONLY, 0, 0));
    show("a file as directory", open2(open("f", O_RDONLY), "f", O_RDONLY, 0, 0));
}

static void
answer(const char *what, long r)
{
    printf("%-40s %s\n", what, r == 0 ? "yes" : strerror(errno));
}

/* Asked by a program whose real user is another than the effective one. */
static void
rights(void)
{
    int pipes[2], status;

    mkdir("closed", 0700);
    make("closed/open", "x");
    make("mine", "x");
    chmod("mine", 0600);
    make("all", "x");
    chmod("all", 0666);
    symlink("nowhere", "dangling");
    pipe(pipes);
    if (fork() != 0) {
        wait(&status);
        return;
    }
    answer("root, a closed directory", access("closed/open", R_OK));
    answer("root runs what nobody can", access("all", X_OK));
    setresgid(1000, 0, 0);
    setresuid(1000, 0, 0);
    answer("a file behind a closed directory", access("closed/open", F_OK));
    answer("effective ids", faccessat(AT_FDCWD, "closed/open", R_OK, AT_EACCESS));
    answer("root's own file", access("mine", R_OK));
    answer("root's own file exists", access("mine", F_OK));
    answer("effective ids", syscall(439, AT_FDCWD, "mine", R_OK, AT_EACCESS));
    answer("everybody's file", access("all", R_OK | W_OK));
    answer("which nobody runs", access("all", X_OK));
    answer("a dangling link", access("dangling", F_OK));
    answer("the link itself", syscall(439, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    answer("an open file", syscall(439, top, "", R_OK, AT_EMPTY_PATH));
    answer("an open pipe", syscall(439, pipes[0], "", R_OK, AT_EMPTY_PATH | AT_EACCESS));
    answer("an open pipe runs", syscall(439, pipes[0], "", X_OK, AT_EMPTY_PATH | AT_EACCESS));
    answer("nothing open", syscall(439, 99, "", R_OK, AT_EMPTY_PATH));
    answer("no path", syscall(439, top, "", R_OK, 0));
    answer("bad mode", access("all", 8));
    answer("bad flags", syscall(439, AT_FDCWD, "all", R_OK, 0x8000));
    answer("it opens by effective ids", open("mine", O_RDONLY) >= 0 ? 0 : -1);
    fflush(stdout);
    _exit(0);
}

int
main(int argc, char **argv)
{
    if (argc < 2 || chdir(argv[1]) != 0 || (top = open(".", O_RDONLY)) < 0) {
        perror("resolve: directory");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    prepare(argv[1]);
    ways();
    borders();
    arguments();
    rights();
    return 0;
}
