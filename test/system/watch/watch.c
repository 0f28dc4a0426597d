/*
 * watch.c: prints what inotify(7) says of what happens to files, step by step; the same on Linux (watch.txt beside it).
 *
 * usage: watch DIRECTORY   (empty; on any file system)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int in;
static uint32_t first_cookie;
static char big[1 << 16] __attribute__((aligned(8)));

static void
print_mask(uint32_t mask)
{
    static const struct { uint32_t bit; const char *name; } names[] = {
        { IN_ACCESS, "ACCESS" }, { IN_MODIFY, "MODIFY" }, { IN_ATTRIB, "ATTRIB" }, { IN_CLOSE_WRITE, "CLOSE_WRITE" },
        { IN_CLOSE_NOWRITE, "CLOSE_NOWRITE" }, { IN_OPEN, "OPEN" }, { IN_MOVED_FROM, "MOVED_FROM" }, { IN_MOVED_TO, "MOVED_TO" },
        { IN_CREATE, "CREATE" }, { IN_DELETE, "DELETE" }, { IN_DELETE_SELF, "DELETE_SELF" }, { IN_MOVE_SELF, "MOVE_SELF" },
        { IN_UNMOUNT, "UNMOUNT" }, { IN_Q_OVERFLOW, "Q_OVERFLOW" }, { IN_IGNORED, "IGNORED" }, { IN_ISDIR, "ISDIR" },
    };
    const char *between = "";

    for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        if (!(mask & names[n].bit))
            continue;
        printf("%s%s", between, names[n].name);
        between = "|";
        mask &= ~names[n].bit;
    }
    if (mask != 0)
        printf("%s%x", between, mask);
}

/* Prints and takes out all that waits. */
static void
events(const char *what)
{
    int waiting = 0;
    ssize_t n;

    printf("%s\n", what);
    ioctl(in, FIONREAD, &waiting);
    n = read(in, big, sizeof(big));
    if (n < 0)
        printf("  nothing (%s)\n", strerror(errno));
    else if (n != waiting)
        printf("  FIONREAD said %d, read %zd\n", waiting, n);
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const void *)(big + at);

        printf("  %d ", e->wd);
        print_mask(e->mask);
        if (e->len > 0)
            printf(" '%s' in %u", e->name, e->len);
        if (e->cookie != 0) {
            if (first_cookie == 0)
                first_cookie = e->cookie;
            printf(" cookie %u", e->cookie - first_cookie);
        }
        printf("\n");
        at += sizeof(*e) + e->len;
    }
}

static void
result(const char *what, long r)
{
    if (r < 0)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s: %ld\n", what, r);
}

static void
make(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0644);

    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        perror(path);
    close(fd);
}

static void
names(void)
{
    result("watch the directory", inotify_add_watch(in, ".", IN_ALL_EVENTS));
    make("a", "hello");
    events("a file is made and written");
    mkdir("d", 0755);
    symlink("a", "s");
    mkfifo("p", 0600);
    link("a", "b");
    events("a directory, a symbolic link, a pipe and a second name");
    unlink("b");
    rename("a", "c");
    events("a name goes, another changes");
    rename("c", "d/c");
    rename("d/c", "a-name-of-exactly-fifteen");
    rename("a-name-of-exactly-fifteen", "sixteencharacter");
    rename("sixteencharacter", "a");
    events("out of the directory and back");
    make("b", "");
    rename("a", "b");
    make("a", "x");
    syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2);
    events("over another, and an exchange");
    rename("d", "e");
    rmdir("e");
    unlink("s");
    unlink("p");
    unlink("b");
    events("all but one go");
}

static void
contents(void)
{
    struct timespec t[2] = { { 5, 0 }, { 0, UTIME_OMIT } };
    struct iovec v[2] = { { big, 2 }, { big + 2, 2 } };
    int fd = open("a", O_RDWR);

    events("open");
    result("read", read(fd, big, 3));
    result("pread", pread(fd, big, 3, 0));
    result("readv", readv(fd, v, 2));
    events("reads are told once");
    result("write", write(fd, "text", 4));
    result("pwrite", pwrite(fd, "text", 4, 10));
    result("writev", writev(fd, v, 2));
    result("write nothing", write(fd, "", 0));
    events("writes");
    ftruncate(fd, 2);
    fchmod(fd, 0600);
    fchown(fd, 0, 0);
    events("size, mode and owner");
    futimens(fd, NULL);
    futimens(fd, t);
    t[1] = t[0];
    t[0].tv_nsec = UTIME_OMIT;
    t[0].tv_sec = 0;
    futimens(fd, t);
    events("times");
    if (fallocate(fd, 0, 0, 100) != 0)
        perror("fallocate");
    events("blocks");
    close(fd);
    events("close of a writer");
    fd = open("a", O_RDONLY);
    close(open("a", O_PATH));
    close(dup(fd));
    close(fd);
    events("open and close of a reader");
    close(open("a", O_WRONLY | O_TRUNC));
    close(open("a", O_WRONLY | O_TRUNC));
    truncate("a", 4);
    chmod("a", 0644);
    events("truncation");
    fd = open(".", O_RDONLY | O_DIRECTORY);
    syscall(SYS_getdents64, fd, big, sizeof(big));
    close(fd);
    events("the directory itself is read");
    fd = open("a", O_RDONLY);
    close(open("to", O_CREAT | O_RDWR, 0600));
    events("another file");
    {
        int to = open("to", O_RDWR);
        result("sendfile", sendfile(to, fd, NULL, 2));
        close(to);
    }
    close(fd);
    unlink("to");
    events("sendfile");
}

static void
the_file_itself(void)
{
    int wd = inotify_add_watch(in, "a", IN_ALL_EVENTS), fd;

    result("watch the file", wd);
    fd = open("a", O_RDWR);
    close(fd);
    chmod("a", 0640);
    rename("a", "b");
    link("b", "a");
    unlink("b");
    events("both watches tell");
    fd = open("a", O_RDWR);
    unlink("a");
    events("unlinked while open");
    write(fd, "x", 1);
    close(fd);
    events("closed");
    result("it is over", inotify_rm_watch(in, wd));
}

static void
directories(void)
{
    int wd, dir;

    mkdir("d", 0755);
    wd = inotify_add_watch(in, "d", IN_ALL_EVENTS | IN_ONLYDIR);
    result("watch a directory in it", wd);
    make("d/x", "x");
    mkdir("d/y", 0755);
    events("below");
    rename("d", "e");
    rmdir("e/y");
    unlink("e/x");
    events("moved, emptied");
    dir = open("e", O_RDONLY);
    rmdir("e");
    events("removed while open");
    close(dir);
    events("closed");
    mkdir("d", 0700);
    mkdir("e", 0700);
    inotify_add_watch(in, "e", IN_DELETE_SELF | IN_ATTRIB);
    rename("d", "e");
    rmdir("e");
    events("a directory over another");
}

static void
masks(int dir)
{
    int wd;

    make("a", "x");
    mkdir("d", 0755);
    events("made");
    inotify_rm_watch(in, dir);
    events("no watch on the directory");
    wd = inotify_add_watch(in, ".", IN_OPEN);
    result("watch anew", wd);
    close(open("a", O_RDONLY));
    result("more", inotify_add_watch(in, ".", IN_CLOSE | IN_MASK_ADD) - wd);
    close(open("a", O_RDONLY));
    result("other", inotify_add_watch(in, ".", IN_DELETE) - wd);
    close(open("a", O_RDONLY));
    result("create", inotify_add_watch(in, ".", IN_DELETE | IN_MASK_CREATE));
    events("as masks say");
    inotify_add_watch(in, ".", IN_OPEN | IN_ONESHOT);
    close(open("a", O_RDONLY));
    close(open("a", O_RDONLY));
    events("once");
    result("it is over", inotify_rm_watch(in, wd));
    result("only directories", inotify_add_watch(in, "a", IN_OPEN | IN_ONLYDIR));
    symlink("a", "s");
    result("a link followed", inotify_add_watch(in, "s", IN_ATTRIB));
    chmod("a", 0600);
    result("a link itself", inotify_add_watch(in, "s", IN_ALL_EVENTS | IN_DONT_FOLLOW));
    unlink("s");
    events("which is which");
    wd = inotify_add_watch(in, ".", IN_CLOSE | IN_EXCL_UNLINK);
    {
        int fd = open("a", O_RDONLY);
        unlink("a");
        close(fd);
    }
    inotify_rm_watch(in, wd);
    events("nothing more of what is unlinked");
}

static void
mistakes(void)
{
    int pipes[2];

    pipe(pipes);
    result("no bits", inotify_add_watch(in, ".", 0));
    result("unknown bits", inotify_add_watch(in, ".", 0x10000));
    result("both", inotify_add_watch(in, ".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
    result("no descriptor", inotify_add_watch(99, ".", IN_OPEN));
    result("no queue", inotify_add_watch(pipes[0], ".", IN_OPEN));
    result("no file", inotify_add_watch(in, "nowhere", IN_OPEN));
    result("no path", inotify_add_watch(in, (char *)8, IN_OPEN));
    result("remove of none", inotify_rm_watch(in, 4711));
    result("remove of no descriptor", inotify_rm_watch(99, 1));
    result("remove of no queue", inotify_rm_watch(pipes[0], 1));
    result("init flags", inotify_init1(1));
    result("write", write(in, "x", 1));
    result("empty", read(in, big, sizeof(big)));
    inotify_add_watch(in, ".", IN_OPEN);
    close(open(".", O_RDONLY));
    result("too small", read(in, big, 15));
    result("bad memory", read(in, (char *)8, 64));
    result("gone", read(in, big, sizeof(big)));
    close(open(".", O_RDONLY));
    result("exactly one", read(in, big, 16));
    close(pipes[0]);
    close(pipes[1]);
}

static void
readiness(void)
{
    struct pollfd p = { .fd = in, .events = POLLIN | POLLOUT };
    struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 7 };
    int ep = epoll_create1(0), status;

    epoll_ctl(ep, EPOLL_CTL_ADD, in, &ev);
    result("poll, nothing", poll(&p, 1, 0));
    if (fork() == 0) {
        usleep(20000);
        make("f", "");
        _exit(0);
    }
    inotify_add_watch(in, ".", IN_CREATE);
    result("poll, until a child makes a file", poll(&p, 1, 10000));
    printf("revents %x\n", p.revents);
    result("epoll", epoll_wait(ep, &ev, 1, 0));
    wait(&status);
    events("from the child");
    fcntl(in, F_SETFL, 0);
    if (fork() == 0) {
        usleep(20000);
        unlink("f");
        make("f", "");
        _exit(0);
    }
    events("a read that waits");
    fcntl(in, F_SETFL, O_NONBLOCK);
    wait(&status);
    unlink("f");
    if (fork() == 0) {
        make("f", "");
        _exit(0);
    }
    wait(&status);
    events("of another process");
    close(ep);
}

static void
limits(void)
{
    char name[32], path[64];
    int count = 0, many[300], wd;
    ssize_t n;
    FILE *f;

    for (const char **s = (const char *[]){ "max_queued_events", "max_user_instances", "max_user_watches", NULL }; *s != NULL; s++) {
        snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", *s);
        f = fopen(path, "r");
        if (f == NULL || fscanf(f, "%d", &count) != 1)
            printf("%s: %s\n", path, strerror(errno));
        else if (strcmp(*s, "max_user_watches") != 0)       /* Linux goes by memory */
            printf("%s %d\n", *s, count);
        if (f != NULL)
            fclose(f);
    }
    for (count = 0; count < 300 && (many[count] = inotify_init1(0)) >= 0; count++)
        continue;
    printf("queues %d: %s\n", count + 1, strerror(errno));
    while (count > 0)
        close(many[--count]);
    wd = inotify_add_watch(in, ".", IN_OPEN | IN_CLOSE);
    for (count = 0; count < 9000; count++)
        close(open("f", O_RDONLY));
    for (count = 0; (n = read(in, big, sizeof(big))) > 0;) {
        for (ssize_t at = 0; at < n; count++) {
            const struct inotify_event *e = (const void *)(big + at);

            at += (ssize_t)sizeof(*e) + e->len;
            if (e->mask & IN_Q_OVERFLOW)
                printf("overflow of watch %d after %d, %u bytes\n", e->wd, count, e->len);
        }
    }
    printf("%d in all\n", count);
    snprintf(name, sizeof(name), "f");
    close(open(name, O_RDONLY));
    inotify_rm_watch(in, wd);
    close(open(name, O_RDONLY));
    unlink(name);
    printf("%zd bytes after that\n", read(in, big, sizeof(big)));
}

int
main(int argc, char **argv)
{
    char where[64] = "";

    if (argc < 2 || chdir(argv[1]) != 0) {
        perror("watch: directory");
        return 1;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    printf("flags %x, close on exec %d\n", fcntl(in, F_GETFL), fcntl(in, F_GETFD));
    readlink("/proc/self/fd/3", where, sizeof(where) - 1);
    printf("%s\n", where);
    names();
    contents();
    the_file_itself();
    directories();
    masks(1);
    mistakes();
    readiness();
    limits();
    rmdir("d");
    return close(in);
}
