/*
 * rules.c: whose files may be used how: groups, sticky and set-group-id directories, real ids, limits, running programs, files without a
 * name, record locks. argument: a directory to work in. TAP; it says the same on Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXCHANGE 2          /* RENAME_EXCHANGE, which musl does not have */

static int count, failed;

static void
check(const char *what, int good)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    failed += !good;
}

/* What fn says in a child process. */
static int
in_child(int (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn());
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
put(const char *path, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

    if (write(fd, "x", 1) != 1)
        perror(path);
    close(fd);
    chmod(path, mode);
}

static int
tries(const char *path, int flags)
{
    int fd = open(path, flags);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int
reads_by_second_group(void)
{
    gid_t groups[] = { 50, 60 }, got[4];

    if (setgroups(2, groups) != 0 || setresgid(7, 7, 7) != 0 || setresuid(7, 7, 7) != 0)
        return 1;
    if (getgroups(0, NULL) != 2 || getgroups(1, got) != -1 || errno != EINVAL || getgroups(4, got) != 2 || got[1] != 60)
        return 2;
    if (setgroups(0, NULL) != -1 || errno != EPERM)
        return 3;
    return tries("for60", O_RDONLY) != 0 ? 4 : tries("for61", O_RDONLY) != EACCES ? 5 : tries("for60", O_WRONLY) != EACCES ? 6 : 0;
}

static int
inherits_groups(void)
{
    gid_t groups[] = { 60 };

    return setgroups(1, groups) == 0 && setuid(7) == 0 && in_child(reads_by_second_group) == 1 && tries("for60", O_RDONLY) == 0 ? 0 : 1;
}

static int
may_chgrp_to_own(void)
{
    gid_t groups[] = { 60 };

    if (setgroups(1, groups) != 0 || setgid(7) != 0 || setuid(7) != 0)
        return 1;
    put("mine", 0644);
    return chown("mine", -1, 60) != 0 ? 2 : chown("mine", -1, 61) != -1 || errno != EPERM ? 3 : chown("mine", 8, -1) != -1 ? 4 : 0;
}

static int
cannot_unlink_in_sticky(void)
{
    if (setgid(7) != 0 || setuid(7) != 0)
        return 1;
    if (unlink("sticky/theirs") != -1 || errno != EPERM)
        return 2;
    put("sticky/own", 0644);
    return rename("sticky/theirs", "sticky/own") != -1 || errno != EPERM ? 3 : unlink("sticky/own") != 0 ? 4 : 0;
}

static int
asks_with_real_ids(void)
{
    if (setresuid(7, 0, 0) != 0)
        return 1;
    return access("secret", R_OK) != -1 || errno != EACCES ? 2 : faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS) != 0 ? 3 : 0;
}

static volatile sig_atomic_t told;

static void
note(int sig)
{
    told = sig;
}

static int
holds_to_size_limit(void)
{
    struct rlimit r = { 100, 100 };
    int fd = open("big", O_CREAT | O_RDWR | O_TRUNC, 0600);
    char buf[80] = "";

    signal(SIGXFSZ, note);
    if (setrlimit(RLIMIT_FSIZE, &r) != 0)
        return 1;
    if (write(fd, buf, 80) != 80 || write(fd, buf, 80) != 20)
        return 2;
    if (told != 0 || write(fd, buf, 1) != -1 || errno != EFBIG || told != SIGXFSZ)
        return 3;
    told = 0;
    if (ftruncate(fd, 101) != -1 || errno != EFBIG || told != SIGXFSZ)
        return 4;
    return pwrite(fd, buf, 10, 95) != 5 ? 5 : ftruncate(fd, 50) != 0 ? 6 : 0;
}

static int
dies_of_size_limit(void)
{
    struct rlimit r = { 10, 10 };
    int fd = open("big", O_CREAT | O_RDWR | O_TRUNC, 0600), status;
    pid_t pid = fork();

    if (pid == 0) {
        setrlimit(RLIMIT_FSIZE, &r);
        _exit(pwrite(fd, "x", 1, 10) == 1);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ ? 0 : 1;
}

/* The program itself, copied, runs for a moment: meanwhile nobody writes it; and what is open for writing does not run. */
static int
program_is_busy(void)
{
    char byte;
    int status, out[2], in[2], fd;
    pid_t pid;

    if (pipe(out) != 0 || pipe(in) != 0)
        return 1;
    pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl("copy", "copy", "--wait", NULL);
        _exit(99);
    }
    if (read(out[0], &byte, 1) != 1)
        return 2;
    if (tries("copy", O_WRONLY) != ETXTBSY || tries("copy", O_RDWR | O_TRUNC) != ETXTBSY || truncate("copy", 0) != -1 || errno != ETXTBSY)
        return 3;
    if (write(in[1], "x", 1) != 1 || waitpid(pid, &status, 0) != pid || status != 0)
        return 4;
    fd = open("copy", O_WRONLY);
    if (fd < 0)
        return 5;
    execl("copy", "copy", "--wait", NULL);
    return errno == ETXTBSY ? 0 : 6;
}

static int
nameless_file(void)
{
    struct stat st;
    char link[64];
    int fd = open(".", O_TMPFILE | O_RDWR, 0640), closed;

    if (fd < 0)
        return 1;
    if (write(fd, "data", 4) != 4 || fstat(fd, &st) != 0 || st.st_nlink != 0 || (st.st_mode & 07777) != 0640)
        return 2;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, link, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) != 0)
        return 3;
    if (fstat(fd, &st) != 0 || st.st_nlink != 1 || stat("named", &st) != 0 || st.st_size != 4)
        return 4;
    if (linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH) != 0 || stat("again", &st) != 0 || st.st_nlink != 2)
        return 5;
    close(fd);
    closed = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", closed);
    if (closed < 0 || linkat(AT_FDCWD, link, AT_FDCWD, "never", AT_SYMLINK_FOLLOW) != -1 || errno != ENOENT)
        return 6;
    if (open(".", O_TMPFILE | O_RDONLY, 0600) != -1 || errno != EINVAL || open("named", O_TMPFILE | O_RDWR, 0600) != -1 || errno != ENOTDIR)
        return 7;
    return unlink("named") != 0 || unlink("again") != 0 ? 8 : 0;
}

static int
record(int fd, int cmd, int type, off_t start, off_t len)
{
    struct flock l = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

    return fcntl(fd, cmd, &l) == 0 ? 0 : errno;
}

/* Two processes, each with one byte, want the other's. */
static int
circle_is_told(void)
{
    int fd = open("locked", O_CREAT | O_RDWR, 0600), to[2], back[2], err, status;
    char byte;
    pid_t pid;

    if (pipe(to) != 0 || pipe(back) != 0 || record(fd, F_SETLK, F_WRLCK, 0, 1) != 0)
        return 1;
    pid = fork();
    if (pid == 0) {
        if (record(fd, F_SETLK, F_WRLCK, 0, 1) != EAGAIN || record(fd, F_SETLK, F_WRLCK, 1, 1) != 0 || write(back[1], "x", 1) != 1)
            _exit(1);
        _exit(record(fd, F_SETLKW, F_WRLCK, 0, 1));
    }
    if (read(back[0], &byte, 1) != 1)
        return 2;
    usleep(100000);
    err = record(fd, F_SETLKW, F_WRLCK, 1, 1);
    if (err != EDEADLK)
        return 3;
    if (record(fd, F_SETLK, F_UNLCK, 0, 1) != 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return 4;
    return record(fd, F_SETLK, F_WRLCK, 1, 1) != 0 ? 5 : 0;     /* the child's went with it */
}

static int
locks_go_with_the_killed(void)
{
    int fd = open("locked", O_CREAT | O_RDWR, 0600), to[2];
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10 };
    char byte;
    pid_t pid;

    if (pipe(to) != 0)
        return 1;
    pid = fork();
    if (pid == 0) {
        int own = open("locked", O_RDWR);

        if (record(fd, F_SETLK, F_WRLCK, 10, 5) != 0 || flock(own, LOCK_EX) != 0 || write(to[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    if (read(to[0], &byte, 1) != 1 || fcntl(fd, F_GETLK, &l) != 0 || l.l_type != F_WRLCK || l.l_pid != pid || l.l_start != 10 || l.l_len != 5)
        return 2;
    if (flock(fd, LOCK_EX | LOCK_NB) != -1 || errno != EWOULDBLOCK)
        return 3;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return record(fd, F_SETLK, F_WRLCK, 0, 0) != 0 ? 4 : flock(fd, LOCK_EX | LOCK_NB) != 0 ? 5 : 0;
}

static int
open_file_locks(void)
{
    int a = open("locked", O_CREAT | O_RDWR, 0600), b = open("locked", O_RDWR);
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    if (record(a, F_OFD_SETLK, F_WRLCK, 0, 1) != 0 || record(b, F_OFD_SETLK, F_WRLCK, 0, 1) != EAGAIN)
        return 1;
    if (fcntl(b, F_GETLK, &l) != 0 || l.l_type != F_WRLCK || l.l_pid != -1)
        return 2;
    l = (struct flock){ .l_type = F_WRLCK, .l_pid = 1 };
    if (fcntl(b, F_OFD_SETLK, &l) != -1 || errno != EINVAL)
        return 3;
    close(a);
    return record(b, F_OFD_SETLK, F_WRLCK, 0, 1) != 0 ? 4 : 0;
}

static int
directories_trade_places(void)
{
    struct stat st;

    if (mkdir("d1", 0755) != 0 || mkdir("d1/in", 0755) != 0)
        return 1;
    put("f1", 0644);
    if (syscall(SYS_renameat2, AT_FDCWD, "d1/in", AT_FDCWD, "f1", EXCHANGE) != 0)
        return 2;
    if (stat("f1", &st) != 0 || !S_ISDIR(st.st_mode) || stat("d1/in", &st) != 0 || !S_ISREG(st.st_mode) || stat("d1", &st) != 0 || st.st_nlink != 2)
        return 3;
    if (stat("f1/..", &st) != 0 || chdir("f1/..") != 0)
        return 4;
    return rmdir("f1") != 0 || unlink("d1/in") != 0 || rmdir("d1") != 0 ? 5 : 0;
}

static void
copy_self(const char *self)
{
    char buf[4096];
    int in = open(self, O_RDONLY), out = open("copy", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    ssize_t n;

    while ((n = read(in, buf, sizeof(buf))) > 0)
        if (write(out, buf, n) != n)
            perror("copy");
    close(in);
    close(out);
}

static void
prepare(const char *dir, const char *self)
{
    char path[256];

    umask(0);
    snprintf(path, sizeof(path), "%s/rules", dir);
    if (mkdir(path, 0777) != 0 || chdir(path) != 0) {
        perror(path);
        exit(1);
    }
    put("for60", 0040);
    put("for61", 0040);
    put("secret", 0400);
    if (chown("for60", 0, 60) != 0 || chown("for61", 0, 61) != 0 || mkdir("sticky", 0) != 0 || chmod("sticky", 01777) != 0)
        perror("prepare");
    put("sticky/theirs", 0666);
    copy_self(self);
}

int
main(int argc, char **argv)
{
    struct stat st;
    char byte;

    if (argc == 2 && strcmp(argv[1], "--wait") == 0)
        return write(1, "x", 1) == 1 && read(0, &byte, 1) == 1 ? 0 : 1;
    prepare(argc > 1 ? argv[1] : "/tmp", "/proc/self/exe");
    check("a supplementary group gives what its bits say", in_child(reads_by_second_group) == 0);
    check("children have their parent's groups", in_child(inherits_groups) == 0);
    check("an owner gives a file to groups that he is in", in_child(may_chgrp_to_own) == 0);
    check("names in a sticky directory are their owners'", in_child(cannot_unlink_in_sticky) == 0);
    check("access asks with the real ids, AT_EACCESS with the effective", in_child(asks_with_real_ids) == 0);
    mkdir("setgid", 0777);
    if (chown("setgid", 0, 60) != 0 || chmod("setgid", 02777) != 0)
        perror("setgid");
    mkdir("setgid/sub", 0755);
    put("setgid/file", 0644);
    check("a directory hands its group down", stat("setgid/file", &st) == 0 && st.st_gid == 60);
    check("and a directory in it the bit, too", stat("setgid/sub", &st) == 0 && st.st_gid == 60 && (st.st_mode & S_ISGID));
    check("files stop at the size limit, and a signal says so", in_child(holds_to_size_limit) == 0);
    check("the signal kills who does not expect it", dies_of_size_limit() == 0);
    check("a running program is not written, an open one not run", in_child(program_is_busy) == 0);
    check("a file is made without a name and gets one", nameless_file() == 0);
    check("who waits in a circle is told", in_child(circle_is_told) == 0);
    check("locks go with who is killed", in_child(locks_go_with_the_killed) == 0);
    check("locks of open files are theirs", in_child(open_file_locks) == 0);
    check("a file and a directory trade places", in_child(directories_trade_places) == 0);
    printf("1..%d\n", count);
    return failed != 0;
}
