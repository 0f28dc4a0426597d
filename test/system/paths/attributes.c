/*
 * attributes.c: prints what becomes of extended attributes, of what kinds of files, for whom; the same on Linux (attributes.txt).
 *
 * usage: attributes DIRECTORY   (empty; as root)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char big[70000];

static void
say(const char *what, long r)
{
    printf("%-44s %s", what, r < 0 ? strerror(errno) : "");
    if (r >= 0)
        printf("%ld", r);
    printf("\n");
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names and values. */
static void
list(const char *path)
{
    char *names[32], value[64];
    ssize_t n = llistxattr(path, big, sizeof(big));
    int count = 0;

    say(path, n);
    for (ssize_t at = 0; at < n && count < 32; at += (ssize_t)strlen(big + at) + 1)
        names[count++] = big + at;
    qsort(names, (size_t)count, sizeof(names[0]), by_name);
    for (int k = 0; k < count; k++) {
        n = lgetxattr(path, names[k], value, sizeof(value));
        if (n < 0)
            printf("  %s: %s\n", names[k], strerror(errno));
        else
            printf("  %s = '%.*s'\n", names[k], (int)n, value);
    }
}

static void
values(void)
{
    char name[300] = "user.";
    int fd = open("f", O_CREAT | O_RDWR, 0644), path = open("f", O_PATH);

    say("none yet", listxattr("f", NULL, 0));
    say("get", getxattr("f", "user.a", big, 10));
    say("set", setxattr("f", "user.a", "one", 3, 0));
    say("set again", setxattr("f", "user.a", "three", 5, XATTR_CREATE));
    say("replace", setxattr("f", "user.a", "three", 5, XATTR_REPLACE));
    say("replace what is not there", setxattr("f", "user.b", "x", 1, XATTR_REPLACE));
    say("both flags", setxattr("f", "user.b", "x", 1, XATTR_REPLACE | XATTR_CREATE));
    say("unknown flags", setxattr("f", "user.b", "x", 1, 8));
    say("by descriptor", fsetxattr(fd, "user.fd", "yes", 3, 0));
    say("by O_PATH", fsetxattr(path, "user.fd", "yes", 3, 0));
    say("empty", setxattr("f", "user.empty", NULL, 0, 0));
    say("security", setxattr("f", "security.test", "s", 1, 0));
    say("trusted", setxattr("f", "trusted.test", "t", 1, 0));
    list("f");
    say("size", getxattr("f", "user.a", NULL, 0));
    say("too small", getxattr("f", "user.a", big, 4));
    say("by descriptor", fgetxattr(fd, "user.a", big, 100));
    say("list too small", listxattr("f", big, 5));
    say("by descriptor", flistxattr(fd, NULL, 0));
    memset(name + 5, 'n', 250);
    say("the longest name", setxattr("f", name, "long", 4, 0));
    say("its value", getxattr("f", name, big, 10));
    name[255] = 'n';
    say("too long a name", setxattr("f", name, "long", 4, 0));
    say("no name", setxattr("f", "", "x", 1, 0));
    say("no space", setxattr("f", "name", "x", 1, 0));
    say("unknown space", setxattr("f", "mine.name", "x", 1, 0));
    say("unknown space, get", getxattr("f", "mine.name", big, 1));
    say("unknown space, remove", removexattr("f", "mine.name"));
    say("a space alone", setxattr("f", "user.", "x", 1, 0));
    say("too large", setxattr("f", "user.b", big, 65537, 0));
    say("bad value", setxattr("f", "user.b", (void *)8, 10, 0));
    say("bad name", setxattr("f", (void *)8, "x", 1, 0));
    say("no file", setxattr("nowhere", "user.a", "x", 1, 0));
    say("no descriptor", fsetxattr(99, "user.a", "x", 1, 0));
    say("bad capabilities", setxattr("f", "security.capability", "x", 1, 0));
    say("capabilities", setxattr("f", "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
    say("remove", removexattr("f", "user.a"));
    say("remove again", removexattr("f", "user.a"));
    say("remove by descriptor", fremovexattr(fd, "user.fd"));
    close(fd);
    close(path);
}

static void
kinds(void)
{
    int pipes[2];

    mkdir("d", 0755);
    mkfifo("p", 0644);
    symlink("f", "l");
    symlink("nowhere", "x");
    pipe(pipes);
    say("directory", setxattr("d", "user.d", "dir", 3, 0));
    say("pipe", setxattr("p", "user.p", "x", 1, 0));
    say("pipe, get", getxattr("p", "user.p", big, 1));
    say("pipe, trusted", setxattr("p", "trusted.p", "pipe", 4, 0));
    say("through a link", setxattr("l", "user.by-link", "x", 1, 0));
    say("a link itself", lsetxattr("l", "user.l", "x", 1, 0));
    say("a link itself, trusted", lsetxattr("l", "trusted.l", "x", 1, 0));
    say("a dangling link", setxattr("x", "user.l", "x", 1, 0));
    say("a nameless pipe", fsetxattr(pipes[0], "user.p", "x", 1, 0));
    list("d");
    list("p");
    list("l");
    list("f");
    close(pipes[0]);
    close(pipes[1]);
}

static void
others(void)
{
    int status;

    chmod("f", 0604);
    mkdir("sticky", 01777);
    setxattr("sticky", "user.s", "x", 1, 0);
    fflush(stdout);
    if (fork() != 0) {
        wait(&status);
        return;
    }
    setresuid(1000, 1000, 1000);
    say("another's file", setxattr("f", "user.other", "x", 1, 0));
    say("another's file, get", getxattr("f", "user.by-link", big, 10));
    say("trusted, set", setxattr("f", "trusted.test", "x", 1, 0));
    say("trusted, get", getxattr("f", "trusted.test", big, 10));
    say("security, set", setxattr("f", "security.test", "x", 1, 0));
    say("security, get", getxattr("f", "security.test", big, 10));
    say("security, remove", removexattr("f", "security.test"));
    say("a sticky directory", setxattr("sticky", "user.s", "y", 1, 0));
    say("a sticky directory, get", getxattr("sticky", "user.s", big, 1));
    list("f");
    fflush(stdout);
    _exit(0);
}

int
main(int argc, char **argv)
{
    if (argc < 2 || chdir(argv[1]) != 0) {
        perror("attributes: directory");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    values();
    kinds();
    others();
    return 0;
}
