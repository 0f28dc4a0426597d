/* unix_test.c: UNIX sockets through their Linux calls: streams, datagrams, sequenced packets, what rides along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "fake/exos/calls.h"
#include "fake/exos/session_test.h"
#include "ipc/ipc.h"
#include "ipc/scm.h"
#include "net/sock.h"

struct pollfd_ { int32_t fd; int16_t events, revents; };

#define SOL_SOCKET_  1
#define SCM_RIGHTS_  1
#define SCM_CREDENTIALS_ 2
#define SO_PASSCRED_ 16
#define SO_PEERCRED_ 17

static int fds[2], more[2];
static char got[70000];

/* The structures of sendmsg(2), as a program lays them out. */
struct msg_ {
    const void *name;
    int32_t namelen, pad0;
    struct uio_vec *iov;
    uint64_t iovlen;
    void *control;
    uint64_t controllen;
    uint32_t flags, pad1;
};

struct control_ {
    uint64_t len;
    int32_t level, type;
    int32_t data[8];
};

/* Sends text with the descriptors. */
static long
send_with(int fd, const char *text, const int *passed, unsigned n)
{
    struct control_ c = { 16 + n * sizeof(int), SOL_SOCKET_, SCM_RIGHTS_, { 0 } };
    struct uio_vec v = { (uintptr_t)text, strlen(text) };
    struct msg_ m = { .iov = &v, .iovlen = 1, .control = n > 0 ? &c : NULL, .controllen = n > 0 ? c.len : 0 };

    if (n > 0)
        memcpy(c.data, passed, n * sizeof(int));
    return CALL(sendmsg, fd, &m, 0);
}

/* Receives up to size bytes into got; what rode along is in *c. The flags are in *flags. */
static long
recv_with(int fd, size_t size, struct control_ *c, uint64_t room, uint32_t *flags)
{
    struct uio_vec v = { (uintptr_t)got, size };
    struct msg_ m = { .iov = &v, .iovlen = 1, .control = c, .controllen = room };
    long r;

    memset(c, 0, sizeof(*c));
    r = CALL(recvmsg, fd, &m, 0);
    *flags = m.flags;
    return r;
}

SESSION_TEST(a_socket_pair_carries_bytes_both_ways)
{
    struct pollfd_ p = { 0, READY_IN | READY_OUT | READY_RDHUP, 0 };

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_STREAM_ | SOCK_NONBLOCK_, 0, fds), 0);
    assert_int_equal(CALL(sendto, fds[0], "ping", 4, 0), 4);
    assert_int_equal(CALL(recvfrom, fds[1], got, 99, MSG_PEEK_), 4);
    assert_int_equal(CALL(recvfrom, fds[1], got, 99, 0), 4);
    assert_int_equal(CALL(recvfrom, fds[1], got, 99, 0), -EAGAIN);
    assert_int_equal(fd_write(fds[1], "pong", 4), 4);
    assert_int_equal(CALL(shutdown, fds[1], SHUT_WR_), 0);
    assert_int_equal(fd_read(fds[0], got, 99), 4);
    assert_int_equal(fd_read(fds[0], got, 99), 0);
    p.fd = fds[0];
    assert_int_equal(CALL(poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, READY_IN | READY_OUT | READY_RDHUP);
    fd_close(fds[1]);
    assert_int_equal(CALL(sendto, fds[0], "x", 1, MSG_NOSIGNAL_), -EPIPE);
    assert_int_equal(coop_signals, 0);
}

static void
unix_client(void *arg)
{
    int fd = (int)CALL(socket, AF_UNIX_, SOCK_STREAM_, 0);

    assert_int_equal(CALL(connect, fd, arg, 9), 0);
    assert_int_equal(fd_write(fd, "hi", 2), 2);
    fd_close(fd);
}

SESSION_TEST(a_unix_listener_is_found_by_name)
{
    struct sockaddr_local a = { AF_UNIX_, "/tmp/s" };
    int l = (int)CALL(socket, AF_UNIX_, SOCK_STREAM_, 0), c;

    c = (int)CALL(socket, AF_UNIX_, SOCK_STREAM_, 0);
    assert_int_equal(CALL(connect, c, &a, 9), -ENOENT);
    assert_int_equal(CALL(bind, l, &a, 9), 0);
    assert_int_equal(CALL(bind, c, &a, 8), -EADDRINUSE);
    assert_int_equal(CALL(connect, c, &a, 9), -ECONNREFUSED);
    assert_int_equal(CALL(listen, l, 5), 0);
    coop_spawn(unix_client, &a);
    c = (int)CALL(accept, l, 0, 0);
    assert_true(c > 0);
    assert_int_equal(fd_read(c, got, 9), 2);
    assert_int_equal(fd_read(c, got, 9), 0);
    assert_int_equal(CALL(connect, (int)CALL(socket, AF_UNIX_, SOCK_STREAM_, 0), &a, 9), 0);
}

SESSION_TEST(an_open_file_rides_along_with_the_bytes_it_was_sent_with)
{
    struct control_ c;
    uint32_t flags;

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_STREAM_, 0, fds), 0);
    assert_int_equal(CALL(pipe2, more, 0), 0);
    assert_int_equal(fd_write(fds[0], "before", 6), 6);
    assert_int_equal(send_with(fds[0], "with", &more[1], 1), 4);
    assert_int_equal(fd_write(fds[0], "after", 5), 5);
    fd_close(more[1]);
    assert_int_equal(recv_with(fds[1], 99, &c, sizeof(c), &flags), 6);
    assert_int_equal(c.len, 0);
    assert_int_equal(recv_with(fds[1], 99, &c, sizeof(c), &flags), 9);
    assert_memory_equal(got, "withafter", 9);
    assert_int_equal(c.len, 20);
    assert_int_equal(c.type, SCM_RIGHTS_);
    assert_int_equal(flags, 0);
    assert_int_equal(fd_write(c.data[0], "x", 1), 1);
    assert_int_equal(fd_read(more[0], got, 9), 1);
    fd_close(c.data[0]);
    assert_int_equal(fd_read(more[0], got, 9), 0);
}

SESSION_TEST(files_that_nobody_takes_are_closed)
{
    struct control_ c;
    uint32_t flags;

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_STREAM_, 0, fds), 0);
    assert_int_equal(CALL(pipe2, more, 0), 0);
    assert_int_equal(send_with(fds[0], "a", more, 2), 1);
    assert_int_equal(send_with(fds[0], "b", more, 2), 1);
    assert_int_equal(send_with(fds[0], "c", more, 2), 1);
    fd_close(more[1]);
    assert_int_equal(fd_read(fds[1], got, 9), 1);                       /* read(2) has no place for them */
    assert_int_equal(recv_with(fds[1], 9, &c, 20, &flags), 1);          /* room for one */
    assert_int_equal(flags, MSG_CTRUNC_);
    assert_int_equal(c.len, 20);
    fd_close(fds[1]);                                                   /* and one message is never read */
    assert_int_equal(coop_files, 2);
    assert_int_equal(fd_read(more[0], got, 9), 0);
}

SESSION_TEST(wrong_control_messages_are_refused)
{
    struct control_ c = { 20, SOL_SOCKET_, SCM_RIGHTS_, { 99 } };
    struct uio_vec v = { (uintptr_t)"x", 1 };
    struct msg_ m = { .iov = &v, .iovlen = 1, .control = &c, .controllen = 20 };

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_STREAM_, 0, fds), 0);
    assert_int_equal(CALL(sendmsg, fds[0], &m, 0), -EBADF);
    c.len = 21;
    assert_int_equal(CALL(sendmsg, fds[0], &m, 0), -EINVAL);
    c.len = 3;
    assert_int_equal(CALL(sendmsg, fds[0], &m, 0), -EINVAL);
    c.len = 20;
    c.type = 77;
    assert_int_equal(CALL(sendmsg, fds[0], &m, 0), -EINVAL);
    m.controllen = 1 << 20;
    assert_int_equal(CALL(sendmsg, fds[0], &m, 0), -ENOBUFS);
}

SESSION_TEST(who_sent_it_is_told_to_who_asks)
{
    struct control_ c;
    uint32_t flags, len = sizeof(struct cred);
    struct cred peer = { 0 };
    int on = 1;

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_DGRAM_, 0, fds), 0);
    assert_int_equal(CALL(setsockopt, fds[1], SOL_SOCKET_, SO_PASSCRED_, &on, sizeof(on)), 0);
    assert_int_equal(fd_write(fds[0], "m", 1), 1);
    assert_int_equal(recv_with(fds[1], 9, &c, sizeof(c), &flags), 1);
    assert_int_equal(c.type, SCM_CREDENTIALS_);
    assert_int_equal(c.data[0], 1);
    assert_int_equal(CALL(getsockopt, fds[0], SOL_SOCKET_, SO_PEERCRED_, &peer, &len), 0);
    assert_int_equal(peer.pid, 1);
}

SESSION_TEST(datagrams_keep_their_bounds_and_say_where_they_come_from)
{
    struct sockaddr_local a = { AF_UNIX_, "/tmp/d" }, b = { AF_UNIX_, "\0abstract" }, from;
    int32_t len = sizeof(from);

    fds[0] = (int)CALL(socket, AF_UNIX_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);
    fds[1] = (int)CALL(socket, AF_UNIX_, SOCK_DGRAM_, 0);
    assert_int_equal(CALL(bind, fds[0], &a, 9), 0);
    assert_int_equal(CALL(bind, fds[1], &b, 11), 0);
    assert_int_equal(CALL(sendto, fds[1], "one", 3, 0, &a, 9), 3);
    assert_int_equal(CALL(connect, fds[1], &a, 9), 0);
    assert_int_equal(CALL(sendto, fds[1], "", 0, 0, NULL, 0), 0);
    assert_int_equal(CALL(sendto, fds[1], "three", 5, 0, NULL, 0), 5);
    assert_int_equal(CALL(recvfrom, fds[0], got, 2, MSG_TRUNC_, &from, &len), 3);
    assert_int_equal(len, 11);
    assert_memory_equal(&from, &b, 11);
    assert_int_equal(CALL(recvfrom, fds[0], got, 9, 0, NULL, NULL), 0);
    assert_int_equal(CALL(recvfrom, fds[0], got, 9, MSG_PEEK_, NULL, NULL), 5);
    assert_int_equal(CALL(recvfrom, fds[0], got, 9, 0, NULL, NULL), 5);
    assert_int_equal(CALL(recvfrom, fds[0], got, 9, 0, NULL, NULL), -EAGAIN);
    assert_int_equal(CALL(sendto, fds[1], got, sizeof(got), 0, NULL, 0), -EMSGSIZE);
    fd_close(fds[0]);
    assert_int_equal(fd_write(fds[1], "x", 1), -ECONNREFUSED);
    assert_int_equal(fd_write(fds[1], "x", 1), -ENOTCONN);
    assert_int_equal(CALL(sendto, fds[1], "x", 1, 0, &a, 9), -ECONNREFUSED);
}

static void
drain_one(void *arg)
{
    (void)arg;
    coop_sleep_ns(1000000);
    assert_int_equal(CALL(recvfrom, fds[1], got, sizeof(got), 0, NULL, NULL), 60000);
}

SESSION_TEST(a_full_inbox_holds_its_sender_and_tells_its_pollers)
{
    struct pollfd_ p = { 0, READY_OUT, 0 };
    unsigned sent = 0;

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_DGRAM_, 0, fds), 0);
    while (CALL(sendto, fds[0], got, 60000, MSG_DONTWAIT_, NULL, 0) == 60000)
        sent++;
    assert_in_range(sent, 2, 10);
    p.fd = fds[0];
    assert_int_equal(CALL(poll, &p, 1, 0), 0);
    coop_spawn(drain_one, NULL);
    assert_int_equal(CALL(poll, &p, 1, -1), 1);
    assert_int_equal(fd_write(fds[0], "x", 1), 1);
    coop_spawn(drain_one, NULL);
    while (CALL(sendto, fds[0], got, 60000, 0, NULL, 0) == 60000 && --sent > 2)
        coop_spawn(drain_one, NULL);
}

SESSION_TEST(a_connected_datagram_socket_hears_only_its_peer)
{
    struct sockaddr_local a = { AF_UNIX_, "/tmp/d" };
    int stranger = (int)CALL(socket, AF_UNIX_, SOCK_DGRAM_, 0);

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_DGRAM_, 0, fds), 0);
    assert_int_equal(CALL(bind, fds[0], &a, 9), 0);
    assert_int_equal(CALL(sendto, stranger, "x", 1, 0, &a, 9), -EPERM);
    assert_int_equal(fd_write(stranger, "x", 1), -ENOTCONN);
    assert_int_equal(CALL(connect, (int)CALL(socket, AF_UNIX_, SOCK_STREAM_, 0), &a, 9), -EPROTOTYPE);
}

SESSION_TEST(sequenced_packets_have_bounds_and_an_end)
{
    struct control_ c;
    uint32_t flags;

    assert_int_equal(CALL(socketpair, AF_UNIX_, SOCK_SEQPACKET_, 0, fds), 0);
    assert_int_equal(CALL(pipe2, more, 0), 0);
    assert_int_equal(fd_write(fds[0], "one", 3), 3);
    assert_int_equal(send_with(fds[0], "two", more, 2), 3);
    assert_int_equal(fd_read(fds[1], got, 9), 3);
    assert_int_equal(recv_with(fds[1], 1, &c, sizeof(c), &flags), 1);
    assert_int_equal(flags, MSG_TRUNC_);
    assert_int_equal(c.len, 24);
    assert_int_equal(fd_write(fds[0], "last", 4), 4);
    fd_close(fds[0]);
    assert_int_equal(fd_read(fds[1], got, 9), 4);
    assert_int_equal(fd_read(fds[1], got, 9), 0);
    assert_int_equal(CALL(sendto, fds[1], "x", 1, MSG_NOSIGNAL_, NULL, 0), -EPIPE);
}

SESSION_TEST(a_socket_without_a_name_can_be_given_one)
{
    struct sockaddr_local a = { .family = AF_UNIX_ }, name;
    int32_t len = sizeof(name);

    fds[0] = (int)CALL(socket, AF_UNIX_, SOCK_DGRAM_, 0);
    assert_int_equal(CALL(bind, fds[0], &a, 2), 0);
    assert_int_equal(CALL(getsockname, fds[0], &name, &len), 0);
    assert_int_equal(len, 8);
    assert_int_equal(name.path[0], 0);
    assert_int_equal(CALL(bind, fds[0], &a, 2), -EINVAL);
}

SESSION_TEST(no_memory_is_an_error_of_every_call_and_nothing_is_lost)
{
    static const int type[] = { SOCK_STREAM_, SOCK_DGRAM_, SOCK_SEQPACKET_ };
    struct control_ c;
    uint32_t flags;

    assert_int_equal(CALL(pipe2, more, 0), 0);
    for (unsigned t = 0; t < 3; t++) {
        for (int budget = 0; budget < 16; budget++) {
            coop_alloc_budget = budget;
            if (CALL(socketpair, AF_UNIX_, type[t], 0, fds) == 0) {
                (void)send_with(fds[0], "x", more, 2);
                coop_alloc_budget = -1;
                if (CALL(shutdown, fds[0], SHUT_WR_) == 0 && type[t] != SOCK_DGRAM_)
                    (void)recv_with(fds[1], 9, &c, sizeof(c), &flags);
                fd_close(fds[0]);
                fd_close(fds[1]);
            }
            coop_alloc_budget = -1;
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_pair_carries_bytes_both_ways),
        cmocka_unit_test(a_unix_listener_is_found_by_name),
        cmocka_unit_test(an_open_file_rides_along_with_the_bytes_it_was_sent_with),
        cmocka_unit_test(files_that_nobody_takes_are_closed),
        cmocka_unit_test(wrong_control_messages_are_refused),
        cmocka_unit_test(who_sent_it_is_told_to_who_asks),
        cmocka_unit_test(datagrams_keep_their_bounds_and_say_where_they_come_from),
        cmocka_unit_test(a_full_inbox_holds_its_sender_and_tells_its_pollers),
        cmocka_unit_test(a_connected_datagram_socket_hears_only_its_peer),
        cmocka_unit_test(sequenced_packets_have_bounds_and_an_end),
        cmocka_unit_test(a_socket_without_a_name_can_be_given_one),
        cmocka_unit_test(no_memory_is_an_error_of_every_call_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
