/* sockets.c: UNIX sockets and named pipes with names in the file system, through the C library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int point;

static void
ok(int good, const char *name)
{
    printf("%s %d - %s\n", good ? "ok" : "not ok", ++point, name);
    if (!good)
        printf("# errno %d\n", errno);
}

static struct sockaddr_un
name(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    strcpy(a.sun_path, path);
    return a;
}

static void
named_stream(void)
{
    struct sockaddr_un a = name("server");
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), peer;
    struct stat st;
    char got[8];

    ok(bind(server, (void *)&a, sizeof(a)) == 0 && listen(server, 3) == 0, "a relative name is bound");
    ok(stat("/tmp/server", &st) == 0 && S_ISSOCK(st.st_mode), "it is a socket in the file system");
    a = name("/tmp/../tmp/server");
    ok(connect(client, (void *)&a, sizeof(a)) == 0, "another path to it finds it");
    peer = accept(server, NULL, NULL);
    ok(peer >= 0 && write(client, "hello", 5) == 5 && read(peer, got, 8) == 5, "bytes go through");
    close(server);
    close(client);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    ok(connect(client, (void *)&a, sizeof(a)) < 0 && errno == ECONNREFUSED, "nobody listens there any more");
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    ok(bind(server, (void *)&a, sizeof(a)) < 0 && errno == EADDRINUSE, "the name stays until it is unlinked");
    ok(unlink("server") == 0 && bind(server, (void *)&a, sizeof(a)) == 0, "and can then be bound again");
    ok(unlink("/tmp/server") == 0, "a bound name can be unlinked");
    close(server);
    close(client);
    close(peer);
}

static void
passed_file(void)
{
    union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
    struct iovec v = { (char[]){ "f" }, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
    int s[2], file = open("passed", O_CREAT | O_RDWR, 0600), got = -1;
    char text[8] = "";

    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    unlink("passed");
    c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(&c.h), &file, sizeof(file));
    ok(write(file, "deep", 4) == 4 && sendmsg(s[0], &m, 0) == 1, "an open file is sent");
    close(file);
    memset(&c, 0, sizeof(c));
    m.msg_controllen = sizeof(c);
    if (recvmsg(s[1], &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m) != NULL)
        memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(got));
    ok(got >= 0 && pread(got, text, 8, 0) == 4 && strcmp(text, "deep") == 0, "and works where it is received");
    ok(fcntl(got, F_GETFD) == FD_CLOEXEC, "it is closed on exec, as asked");
    close(got);
    close(s[0]);
    close(s[1]);
}

static void
named_pipe(void)
{
    struct pollfd p = { .events = POLLIN };
    struct stat st;
    char got[8];
    int r, w;

    ok(mkfifo("pipe", 0640) == 0 && stat("pipe", &st) == 0 && S_ISFIFO(st.st_mode), "a named pipe is made");
    ok(open("pipe", O_WRONLY | O_NONBLOCK) < 0 && errno == ENXIO, "nobody reads it yet");
    p.fd = r = open("pipe", O_RDONLY | O_NONBLOCK);
    w = open("pipe", O_WRONLY);
    ok(r >= 0 && w >= 0 && read(r, got, 8) < 0 && errno == EAGAIN, "both sides are open");
    ok(write(w, "abc", 3) == 3 && poll(&p, 1, 0) == 1 && read(r, got, 8) == 3, "bytes go through it");
    close(w);
    ok(read(r, got, 8) == 0, "it ends with its last writer");
    close(r);
    ok(unlink("pipe") == 0, "it is removed");
}

int
main(void)
{
    printf("1..17\n");
    if (chdir("/tmp") != 0)
        return 1;
    named_stream();
    passed_file();
    named_pipe();
    return 0;
}
