/* splice.c: splice, tee, vmsplice, sendfile and F_SETPIPE_SZ: what each call answers, to be compared with what Linux prints (splice.txt). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[200000];
static int a[2], b[2], local[2], file;

static void
say(const char *what, long result)
{
    printf("%s: %ld %d\n", what, result, result < 0 ? errno : 0);
}

static void
files_and_pipes(void)
{
    loff_t at = 5;

    say("from a file", splice(file, &at, a[1], NULL, 6000, 0));
    say("its position", (long)at);
    say("tee", tee(a[0], b[1], 4000, 0) > 0);
    say("what tee copied is there", read(b[0], buffer, sizeof(buffer)) > 0);
    at = 20000;
    say("to a file", splice(a[0], NULL, file, &at, 4096, 0));
    say("its position", (long)at);
    say("the rest is in the pipe", read(a[0], buffer, sizeof(buffer)));
    say("from an empty pipe", splice(a[0], NULL, b[1], NULL, 10, SPLICE_F_NONBLOCK));
    (void)!write(a[1], "hello", 5);
    say("from pipe to pipe", splice(a[0], NULL, b[1], NULL, 100, 0));
    say("arrived", read(b[0], buffer, 100));
}

static void
mistakes(void)
{
    loff_t at = 0;

    say("no pipe at all", splice(file, NULL, file, NULL, 10, 0));
    say("a pipe to itself", splice(a[0], NULL, a[1], NULL, 10, 0));
    say("a position in a pipe", splice(a[0], &at, b[1], NULL, 10, 0));
    say("unknown flags", splice(a[0], NULL, b[1], NULL, 10, 0x100));
    say("nothing", splice(a[0], NULL, b[1], NULL, 0, 0));
    say("no such descriptor", splice(99, NULL, b[1], NULL, 1, 0));
    say("the wrong end", splice(a[1], NULL, b[1], NULL, 1, 0));
    say("tee of a file", tee(file, b[1], 1, 0));
}

static void
sockets_and_memory(void)
{
    struct iovec out[2] = { { "abc", 3 }, { "defg", 4 } }, in = { buffer, 100 };
    loff_t at = 0;

    (void)!write(local[0], "sock", 4);
    say("from a socket", splice(local[1], NULL, a[1], NULL, 100, 0));
    say("to a socket", splice(a[0], NULL, local[1], NULL, 100, 0));
    say("arrived", read(local[0], buffer, 100));
    say("vmsplice out", vmsplice(a[1], out, 2, 0));
    say("vmsplice in", vmsplice(a[0], &in, 1, 0));
    say("vmsplice of a file", vmsplice(file, out, 1, 0));
    say("sendfile to a socket", sendfile(local[0], file, &at, 100));
    say("sendfile to a pipe", sendfile(a[1], file, &at, 100));
    say("sendfile from a pipe", sendfile(local[0], a[0], NULL, 10));
    lseek(file, 0, SEEK_SET);
    say("sendfile at the file's own position", sendfile(local[0], file, NULL, 100));
    say("which moves", (long)lseek(file, 0, SEEK_CUR));
}

static void
sizes(void)
{
    say("size", fcntl(b[0], F_GETPIPE_SZ));
    say("more", fcntl(b[1], F_SETPIPE_SZ, 100000));
    say("and that much fits", write(b[1], buffer, 131072));
    say("less than is in it", fcntl(b[1], F_SETPIPE_SZ, 4096));
    say("read again", read(b[0], buffer, sizeof(buffer)));
    say("less", fcntl(b[1], F_SETPIPE_SZ, 1));
    say("of a file", fcntl(file, F_GETPIPE_SZ));
}

static void
no_reader(void)
{
    close(b[0]);
    signal(SIGPIPE, SIG_IGN);
    say("to a pipe without a reader", splice(a[0], NULL, b[1], NULL, 10, 0));
    say("nothing is lost", read(a[0], buffer, 1000));
}

int
main(void)
{
    char name[] = "/tmp/splice.XXXXXX";

    file = mkstemp(name);
    memset(buffer, 'x', sizeof(buffer));
    if (file < 0 || write(file, buffer, 10000) != 10000 || pipe(a) != 0 || pipe(b) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, local) != 0)
        return 1;
    files_and_pipes();
    mistakes();
    sockets_and_memory();
    sizes();
    no_reader();
    unlink(name);
    return 0;
}
