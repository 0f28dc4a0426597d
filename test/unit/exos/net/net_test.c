/*
 * net_test.c: sockets over the real lwIP, through loopback and through a bad link, by their Linux calls.
 *
 * One stack for the whole program, brought up by the first test: it cannot be taken down again, and neither can ExOS's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "fake/exos/calls.h"
#include "fake/exos/mirror_nic.h"
#include "ipc/ipc.h"
#include "net/net.h"
#include "net/netlink.h"
#include "net/sock.h"

#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"

#define LOOPBACK 0x0100007fu        /* 127.0.0.1, network order */
#define FAR_END  0x6402000au        /* 10.0.2.100 */
#define OUR_ETH  0x0f02000au        /* 10.0.2.15 */
#define PORT(p)  __builtin_bswap16(p)

struct pollfd_ { int32_t fd; int16_t events, revents; };

static void
in_session(void (*body)(void *))
{
    coop_reset();
    coop_due_work = net_housekeep;
    memset(&mirror, 0, sizeof(mirror));
    coop_spawn(body, NULL);
    assert_true(coop_run());
    coop_reset();
}

#define SESSION_TEST(name) \
    static void name##_body(void *arg); \
    static void name(void **state) { (void)state; in_session(name##_body); } \
    static void name##_body(void *arg __attribute__((unused)))

static struct sockaddr_inet
inet_at(uint32_t address, uint16_t port)
{
    return (struct sockaddr_inet){ .family = AF_INET_, .port = PORT(port), .address = address };
}

static int
listener(uint16_t port)
{
    struct sockaddr_inet a = inet_at(0, port);
    int on = 1, fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);

    assert_true(fd >= 0);
    assert_int_equal(CALL(setsockopt, fd, 1, 2, &on, 4), 0);
    assert_int_equal(CALL(bind, fd, &a, 16), 0);
    assert_int_equal(CALL(listen, fd, 128), 0);
    return fd;
}

static int
connected(uint32_t address, uint16_t port)
{
    struct sockaddr_inet a = inet_at(address, port);
    int fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);

    assert_true(fd >= 0);
    assert_int_equal(CALL(connect, fd, &a, 16), 0);
    return fd;
}

static void
dhcp_is_given_up_after_a_while(void **state)
{
    (void)state;
    mirror.silent = true;
    net_init("quiet ip=dhcp x", mirror_nic_create(0));
    coop_due_work = net_housekeep;
    for (uint64_t until = coop_clock_ns + 5 * NSEC_PER_SEC; coop_clock_ns < until; coop_clock_ns += 10000000)
        net_housekeep();
    assert_int_equal(netif_ip4_addr(net_ethernet())->addr, 0);
    assert_true(mirror.sent > 0);
    for (uint64_t until = coop_clock_ns + 2 * NSEC_PER_SEC; coop_clock_ns < until; coop_clock_ns += 10000000)
        net_housekeep();
    assert_int_equal(netif_ip4_addr(net_ethernet())->addr, OUR_ETH);
}

static void
a_late_dhcp_server_is_still_heard(void **state)
{
    (void)state;
    memset(&mirror, 0, sizeof(mirror));
    mirror.dhcp_server = true;
    for (uint64_t until = coop_clock_ns + 120 * NSEC_PER_SEC; coop_clock_ns < until; coop_clock_ns += 100000000)
        net_housekeep();
    assert_int_equal(netif_ip4_addr(net_ethernet())->addr, OUR_ETH);
    assert_int_equal(netif_ip4_gw(net_ethernet())->addr, 0x0202000au);
}

static void
echo_server(void *arg)
{
    char buf[3000];
    struct sockaddr_inet peer;
    int32_t len = sizeof(peer);
    int l = *(int *)arg, fd = (int)CALL(accept, l, &peer, &len);
    long n;

    assert_true(fd >= 0);
    assert_int_equal(len, 16);
    while ((n = fd_read(fd, buf, sizeof(buf))) > 0)
        assert_int_equal(fd_write(fd, buf, (size_t)n), n);
    assert_int_equal(n, 0);
    fd_close(fd);
}

SESSION_TEST(a_tcp_echo_comes_back_through_loopback)
{
    struct sockaddr_inet name;
    int32_t len = sizeof(name);
    char got[16];
    int l = listener(80), fd;

    coop_spawn(echo_server, &l);
    fd = connected(LOOPBACK, 80);
    assert_int_equal(CALL(getpeername, fd, &name, &len), 0);
    assert_int_equal(name.port, PORT(80));
    assert_int_equal(name.address, LOOPBACK);
    assert_int_equal(CALL(sendto, fd, "hello", 5, 0), 5);
    assert_int_equal(CALL(recvfrom, fd, got, 5, MSG_WAITALL_), 5);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(CALL(recvfrom, fd, got, 5, MSG_DONTWAIT_), -EAGAIN);
    assert_int_equal(CALL(shutdown, fd, SHUT_WR_), 0);
    assert_int_equal(fd_read(fd, got, 5), 0);
    assert_int_equal(CALL(sendto, fd, "x", 1, MSG_NOSIGNAL_), -EPIPE);
    fd_close(fd);
    fd_close(l);
}

SESSION_TEST(a_closed_port_refuses)
{
    struct sockaddr_inet a = inet_at(LOOPBACK, 81);
    struct pollfd_ p = { 0, READY_OUT, 0 };
    int fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0), err = 0;
    int32_t len = 4;

    assert_int_equal(CALL(connect, fd, &a, 16), -ECONNREFUSED);
    assert_int_equal(CALL(connect, fd, &a, 8), -EINVAL);
    fd_close(fd);
    fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_ | SOCK_NONBLOCK_, 0);
    assert_int_equal(CALL(connect, fd, &a, 16), -EINPROGRESS);
    p.fd = fd;
    assert_int_equal(CALL(poll, &p, 1, -1), 1);
    assert_true(p.revents & READY_ERR);
    assert_int_equal(CALL(getsockopt, fd, 1, 4, &err, &len), 0);
    assert_int_equal(err, ECONNREFUSED);
    assert_int_equal(CALL(socket, 17, SOCK_STREAM_, 0), -EAFNOSUPPORT);
    a.address = 0x01010101;
    fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);
    assert_int_equal(CALL(bind, fd, &a, 16), -EADDRNOTAVAIL);
}

#define BULK (1u << 20)
static uint8_t bulk[BULK];

static void
bulk_sender(void *arg)
{
    struct sockaddr_inet peer;
    int32_t len = sizeof(peer);
    int fd = (int)CALL(accept, *(int *)arg, &peer, &len);

    assert_int_equal(fd_write(fd, bulk, BULK), BULK);
    fd_close(fd);
}

static void
bulk_through(uint32_t address, uint16_t port)
{
    uint8_t got[5000];
    int l = listener(port), fd;
    size_t at = 0;
    long n;

    for (size_t i = 0; i < BULK; i++)
        bulk[i] = (uint8_t)(i * 31 + i / 509);
    coop_spawn(bulk_sender, &l);
    fd = connected(address, port);
    while ((n = fd_read(fd, got, sizeof(got))) > 0) {
        assert_memory_equal(got, bulk + at, (size_t)n);
        at += (size_t)n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(at, BULK);
    fd_close(fd);
    fd_close(l);
}

SESSION_TEST(a_megabyte_goes_through_loopback_and_close_waits_for_nobody)
{
    bulk_through(LOOPBACK, 82);
}

SESSION_TEST(a_megabyte_goes_over_the_link)
{
    mirror.delay_ns = 100000;
    bulk_through(FAR_END, 83);
}

SESSION_TEST(a_megabyte_survives_a_bad_link)
{
    mirror.delay_ns = 100000;
    mirror.lose = 10;
    mirror.twice = 10;
    mirror.reorder = 10;
    mirror.truncate = 5;
    bulk_through(FAR_END, 84);
}

static void
short_client(void *arg)
{
    unsigned count = *(unsigned *)arg;
    char got[64];

    for (unsigned i = 0; i < count; i++) {
        int fd = connected(LOOPBACK, 85);

        assert_int_equal(fd_write(fd, "GET", 3), 3);
        assert_int_equal(CALL(recvfrom, fd, got, 4, MSG_WAITALL_), 4);
        assert_int_equal(fd_read(fd, got, 1), 0);
        fd_close(fd);
    }
}

SESSION_TEST(thousands_of_short_connections_exhaust_nothing)
{
    struct epoll_event ev = { READY_IN, 0 }, out[16];
    static unsigned each = 300;
    int l = listener(85), ep = (int)CALL(epoll_create1, 0), tw = 0;
    unsigned served = 0;

    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, l, &ev), 0);
    for (int i = 0; i < 10; i++)
        coop_spawn(short_client, &each);
    while (served < 10 * each) {
        long n = CALL(epoll_wait, ep, out, 16, -1);

        for (long i = 0; i < n; i++) {
            char buf[8];
            int fd = (int)out[i].data;

            if (fd == 0) {
                fd = (int)CALL(accept4, l, 0, 0, SOCK_NONBLOCK_);
                assert_true(fd > 0);
                ev = (struct epoll_event){ READY_IN | READY_RDHUP, (uint64_t)fd };
                assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, fd, &ev), 0);
                continue;
            }
            if (fd_read(fd, buf, 8) == 3) {
                assert_int_equal(fd_write(fd, "OKAY", 4), 4);
                served++;
                fd_close(fd);
            }
        }
    }
    for (struct tcp_pcb *p = tcp_tw_pcbs; p != NULL; p = p->next)
        tw++;
    assert_true(tw <= 256);
}

SESSION_TEST(unread_data_at_close_is_a_reset)
{
    char buf[8];
    int l = listener(86), fd = connected(LOOPBACK, 86), peer = (int)CALL(accept, l, 0, 0);

    assert_int_equal(fd_write(fd, "abc", 3), 3);
    fd_close(peer);
    assert_int_equal(fd_read(fd, buf, 8), -ECONNRESET);
    assert_int_equal(fd_read(fd, buf, 8), 0);
    assert_int_equal(fd_write(fd, buf, 8), -EPIPE);
    assert_true(coop_signals & (1ull << LINUX_SIGPIPE));
}

SESSION_TEST(a_slow_reader_holds_the_sender)
{
    static char buf[65536];
    int l = listener(87), fd = connected(LOOPBACK, 87), peer = (int)CALL(accept, l, 0, 0);
    int nonblock = 1;
    struct pollfd_ p = { fd, READY_OUT, 0 };
    size_t sent = 0, got = 0;
    long n;

    assert_int_equal(CALL(setsockopt, fd, 6, 1, &nonblock, 4), 0);
    while ((n = CALL(sendto, fd, buf, sizeof(buf), MSG_DONTWAIT_)) > 0)
        sent += (size_t)n;
    assert_int_equal(n, -EAGAIN);
    assert_true(sent >= 256 * 1024 && sent <= 600 * 1024);
    assert_int_equal(CALL(poll, &p, 1, 0), 0);
    while (got < sent) {
        n = fd_read(peer, buf, sizeof(buf));
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_int_equal(CALL(poll, &p, 1, 1000), 1);
}

SESSION_TEST(crumbs_do_not_eat_the_memory)
{
    int l = listener(88), fd = connected(LOOPBACK, 88), peer = (int)CALL(accept, l, 0, 0), on = 1;
    unsigned before = coop_pages;
    char buf[4000];

    assert_int_equal(CALL(setsockopt, fd, 6, 1, &on, 4), 0);
    for (unsigned i = 0; i < sizeof(buf); i++)
        assert_int_equal(fd_write(fd, &(char){ (char)i }, 1), 1);
    assert_true(coop_pages - before < 32);
    assert_int_equal(fd_read(peer, buf, sizeof(buf)), sizeof(buf));
    for (unsigned i = 0; i < sizeof(buf); i++)
        assert_int_equal(buf[i], (char)i);
}

SESSION_TEST(udp_datagrams_keep_their_borders)
{
    struct sockaddr_inet a = inet_at(LOOPBACK, 9000), from;
    int32_t len = sizeof(from);
    static char big[60000], got[65536];
    int s = (int)CALL(socket, AF_INET_, SOCK_DGRAM_, 0), c = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);

    assert_int_equal(CALL(bind, s, &a, 16), 0);
    assert_int_equal(CALL(bind, c, &a, 16), -EADDRINUSE);
    assert_int_equal(CALL(sendto, c, "one", 3, 0), -EDESTADDRREQ);
    assert_int_equal(CALL(sendto, c, "one", 3, 0, &a, 16), 3);
    assert_int_equal(CALL(connect, c, &a, 16), 0);
    assert_int_equal(fd_write(c, "second", 6), 6);
    assert_int_equal(CALL(recvfrom, s, got, 100, 0, &from, &len), 3);
    assert_int_equal(from.address, LOOPBACK);
    assert_int_equal(CALL(recvfrom, s, got, 2, MSG_PEEK_ | MSG_TRUNC_, 0, 0), 6);
    assert_int_equal(CALL(recvfrom, s, got, 2, 0, 0, 0), 2);
    assert_int_equal(CALL(recvfrom, s, got, 2, MSG_DONTWAIT_, 0, 0), -EAGAIN);
    memset(big, 7, sizeof(big));
    assert_int_equal(CALL(sendto, c, big, sizeof(big), 0), sizeof(big));
    assert_int_equal(fd_read(s, got, sizeof(got)), sizeof(big));
    assert_memory_equal(got, big, sizeof(big));
    assert_int_equal(CALL(sendto, c, got, 65508, 0), -EMSGSIZE);
    assert_int_equal(CALL(sendto, s, "back", 4, 0, &from, 16), 4);
    assert_int_equal(fd_read(c, got, 100), 4);
    assert_int_equal(fd_read(c, got, 100), -EAGAIN);
}

/* On the loopback the receiver is the connected socket of this very peer, else the one bound to the address, else any. */
SESSION_TEST(a_local_datagram_finds_the_closest_socket)
{
    struct sockaddr_inet any = inet_at(0, 9100), here = inet_at(LOOPBACK, 9100), me;
    int32_t len = sizeof(me);
    char got[8];
    int one = 1;
    int wide = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0), bound = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);
    int close_one = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0), c = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);

    assert_int_equal(CALL(setsockopt, wide, 1, 2, &one, 4), 0);
    assert_int_equal(CALL(setsockopt, bound, 1, 2, &one, 4), 0);
    assert_int_equal(CALL(setsockopt, close_one, 1, 2, &one, 4), 0);
    assert_int_equal(CALL(bind, wide, &any, 16), 0);
    assert_int_equal(CALL(sendto, c, "a", 1, 0, &here, 16), 1);
    assert_int_equal(fd_read(wide, got, 8), 1);
    assert_int_equal(CALL(bind, bound, &here, 16), 0);
    assert_int_equal(CALL(sendto, c, "b", 1, 0, &here, 16), 1);
    assert_int_equal(fd_read(wide, got, 8), -EAGAIN);
    assert_int_equal(fd_read(bound, got, 8), 1);
    assert_int_equal(CALL(getsockname, c, &me, &len), 0);
    me.address = LOOPBACK;
    assert_int_equal(CALL(bind, close_one, &here, 16), 0);
    assert_int_equal(CALL(connect, close_one, &me, 16), 0);
    assert_int_equal(CALL(sendto, c, "c", 1, 0, &here, 16), 1);
    assert_int_equal(fd_read(bound, got, 8), -EAGAIN);
    assert_int_equal(fd_read(close_one, got, 8), 1);
}

SESSION_TEST(ipv6_is_there_for_the_loopback)
{
    struct sockaddr_inet6 a = { .family = AF_INET6_, .port = 0x9123, .address = { [15] = 1 } }, from, far = { .family = AF_INET6_, .address = { 0x20, 1 } };
    struct sockaddr_inet four = { .family = AF_INET_, .port = 0x9123, .address = LOOPBACK };
    int32_t len = sizeof(from);
    char got[8];
    int s = (int)CALL(socket, AF_INET6_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0), c = (int)CALL(socket, AF_INET6_, SOCK_DGRAM_, 0);

    assert_int_equal(CALL(bind, s, &a, 28), 0);
    assert_int_equal(CALL(bind, c, &four, 16), -EINVAL);
    assert_int_equal(CALL(bind, c, &far, 28), -EADDRNOTAVAIL);
    assert_int_equal(CALL(connect, c, &far, 28), -ENETUNREACH);
    assert_int_equal(CALL(sendto, c, "x", 1, 0, &a, 28), 1);
    assert_int_equal(CALL(recvfrom, s, got, 8, 0, &from, &len), 1);
    assert_int_equal(len, 28);
    assert_memory_equal(from.address, a.address, 16);
    c = (int)CALL(socket, AF_INET_, SOCK_DGRAM_, 0);
    assert_int_equal(CALL(sendto, c, "x", 1, 0, &four, 16), 1);
    assert_int_equal(fd_read(s, got, 8), -EAGAIN);
}

SESSION_TEST(a_local_datagram_to_nobody_is_refused_once)
{
    struct sockaddr_inet here = inet_at(LOOPBACK, 9101);
    char got[8];
    int c = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);

    assert_int_equal(CALL(sendto, c, "a", 1, 0, &here, 16), 1);
    assert_int_equal(fd_read(c, got, 8), -EAGAIN);
    assert_int_equal(CALL(connect, c, &here, 16), 0);
    assert_int_equal(fd_write(c, "a", 1), 1);
    assert_int_equal(fd_read(c, got, 8), -ECONNREFUSED);
    assert_int_equal(fd_read(c, got, 8), -EAGAIN);
}

SESSION_TEST(a_full_queue_drops_local_datagrams)
{
    struct sockaddr_inet here = inet_at(LOOPBACK, 9102);
    static char got[2048];
    unsigned sent = 0, come = 0;
    int size = 8192;
    int s = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);

    assert_int_equal(CALL(setsockopt, s, 1, 8, &size, 4), 0);
    assert_int_equal(CALL(bind, s, &here, 16), 0);
    for (; sent < 100; sent++)
        assert_int_equal(CALL(sendto, s, got, 1000, 0, &here, 16), 1000);
    assert_int_equal(CALL(recvfrom, s, got, 2048, MSG_PEEK_, 0, 0), 1000);
    while (fd_read(s, got, 2048) == 1000)
        come++;
    assert_in_range(come, 8, 16);
    assert_int_equal(CALL(sendto, s, (void *)8, 5, 0, &here, 16), -EFAULT);
    assert_int_equal(CALL(sendto, s, got, 0, 0, &here, 16), 0);
    assert_int_equal(CALL(recvfrom, s, got, 5, 0, 0, 0), 0);
    assert_int_equal(CALL(recvfrom, s, got, 5, 0, 0, 0), -EAGAIN);
}

SESSION_TEST(a_large_datagram_is_fragmented_over_the_link)
{
    struct sockaddr_inet a = inet_at(OUR_ETH, 9001), far = inet_at(FAR_END, 9001);
    static char big[20000], got[30000];
    int s = (int)CALL(socket, AF_INET_, SOCK_DGRAM_, 0);

    memset(big, 9, sizeof(big));
    assert_int_equal(CALL(bind, s, &a, 16), 0);
    assert_int_equal(CALL(sendto, s, big, sizeof(big), 0, &far, 16), sizeof(big));
    assert_int_equal(fd_read(s, got, sizeof(got)), sizeof(big));
    assert_memory_equal(got, big, sizeof(big));
}

SESSION_TEST(ping_gets_an_echo)
{
    struct sockaddr_inet far = inet_at(LOOPBACK, 0);
    uint8_t echo[16] = { 8, 0, 0, 0, 0x12, 0x34, 0, 1 }, got[100];
    int s = (int)CALL(socket, AF_INET_, SOCK_DGRAM_, 1);
    long n;

    assert_int_equal(CALL(sendto, s, echo, sizeof(echo), 0, &far, 16), sizeof(echo));
    do {
        n = fd_read(s, got, sizeof(got));
        assert_int_equal(n, sizeof(echo));
    } while (got[0] == 8);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[7], 1);
}

SESSION_TEST(receive_and_send_time_limits_are_kept)
{
    int64_t tv[2] = { 0, 50000 };
    uint64_t before;
    char b;
    int l = listener(89), fd = connected(LOOPBACK, 89);

    assert_int_equal(CALL(setsockopt, fd, 1, 20, tv, 16), 0);
    before = coop_clock_ns;
    assert_int_equal(fd_read(fd, &b, 1), -EAGAIN);
    assert_true(coop_clock_ns - before >= 50000000);
    (void)l;
}

SESSION_TEST(nobody_at_the_far_end_is_a_timeout)
{
    struct sockaddr_inet far = inet_at(FAR_END, 80);
    int fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);

    mirror.silent = true;
    assert_int_equal(CALL(connect, fd, &far, 16), -ETIMEDOUT);
}

SESSION_TEST(a_user_timeout_ends_what_is_not_acknowledged)
{
    int server = listener(4321), fd, ms = 3000, word;
    uint64_t begin;

    mirror_drop_all();
    fd = connected(FAR_END, 4321);
    assert_int_equal(CALL(setsockopt, fd, 6, 18, &ms, 4), 0);
    mirror.silent = true;
    begin = coop_clock_ns;
    assert_int_equal(CALL(sendto, fd, "lost", 4, 0, 0, 0), 4);
    assert_int_equal(CALL(recvfrom, fd, &word, 4, 0, 0, 0), -ETIMEDOUT);
    assert_in_range(coop_clock_ns - begin, 3 * NSEC_PER_SEC, 5 * NSEC_PER_SEC);
    assert_int_equal(fd_close(fd), 0);
    assert_int_equal(fd_close(server), 0);
}

SESSION_TEST(messages_gather_and_scatter)
{
    struct { uint64_t base, len; } iov[2];
    struct { uint64_t name; int32_t namelen, pad; uint64_t iov, iovlen, control, controllen; uint32_t flags, pad1; } h = { 0 };
    char a[4] = "abc", b[8] = "defghij", c[3], d[9] = { 0 };
    int l = listener(90), fd = connected(LOOPBACK, 90), peer = (int)CALL(accept, l, 0, 0);

    iov[0].base = (uint64_t)a, iov[0].len = 3, iov[1].base = (uint64_t)b, iov[1].len = 7;
    h.iov = (uint64_t)iov, h.iovlen = 2;
    assert_int_equal(CALL(sendmsg, fd, &h, 0), 10);
    iov[0].base = (uint64_t)c, iov[1].base = (uint64_t)d, iov[1].len = 8;
    h.controllen = 64;
    assert_int_equal(CALL(recvmsg, peer, &h, 0), 10);
    assert_memory_equal(c, "abc", 3);
    assert_memory_equal(d, "defghij", 7);
    assert_int_equal(h.controllen, 0);
    h.iovlen = 2000;
    assert_int_equal(CALL(sendmsg, fd, &h, 0), -EMSGSIZE);
    assert_int_equal(CALL(sendmsg, fd, 8, 0), -EFAULT);
    assert_int_equal(CALL(sendto, fd, 8, 100, 0), -EFAULT);
    assert_int_equal(CALL(getsockname, 1000, &h, &h), -EBADF);
}

SESSION_TEST(options_answer_as_linux_says)
{
    uint8_t info[200];
    int fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0), v = 0;
    int32_t len = 4;

    assert_int_equal(CALL(getsockopt, fd, 1, 3, &v, &len), 0);
    assert_int_equal(v, SOCK_STREAM_);
    v = 40;
    assert_int_equal(CALL(setsockopt, fd, 6, 4, &v, 4), 0);
    v = 0;
    assert_int_equal(CALL(getsockopt, fd, 6, 4, &v, &len), 0);
    assert_int_equal(v, 40);
    assert_int_equal(CALL(setsockopt, fd, 1, 9999, &v, 4), -ENOPROTOOPT);
    assert_int_equal(CALL(setsockopt, fd, 6, 1, &v, 2), -EINVAL);
    len = sizeof(info);
    assert_int_equal(CALL(getsockopt, fd, 6, 11, info, &len), 0);
    assert_int_equal(len, 104);
    assert_int_equal(info[0], 7);
}

SESSION_TEST(ifconfig_finds_its_interfaces)
{
    struct { char name[16]; uint8_t raw[24]; } r = { "eth0", { 0 } };
    int fd = (int)CALL(socket, AF_INET_, SOCK_DGRAM_, 0);
    struct file *f = fd_get(fd);

    assert_int_equal(f->ops->ioctl(f, 0x8915, (uint64_t)&r), 0);
    assert_memory_equal(r.raw + 4, (&(uint32_t){ OUR_ETH }), 4);
    strcpy(r.name, "eth7");
    assert_int_equal(f->ops->ioctl(f, 0x8915, (uint64_t)&r), -ENODEV);
    file_put(f);
}

/* ---- netlink ---- */

struct link_question {
    struct nl_header h;
    uint32_t body[4];           /* struct ifinfomsg: the second word is the index */
    struct nl_attribute a;
    char name[12];
};

static long
asked(int fd, const void *question, size_t n, void *answer, size_t room)
{
    assert_int_equal(CALL(sendto, fd, question, n, 0, 0, 0), (long)n);
    return CALL(recvfrom, fd, answer, room, MSG_DONTWAIT_, 0, 0);
}

SESSION_TEST(netlink_tells_of_interfaces_and_refuses_changes)
{
    int fd = (int)CALL(socket, AF_NETLINK_, SOCK_RAW_, 0);
    struct link_question q = { { sizeof(q), 18, NLM_F_REQUEST, 7, 0 }, { 0, 0, 0, 0 }, { 4 + 5, 3 }, "eth0" };
    struct { struct nl_header h; int32_t words[1000]; } r;

    assert_true(asked(fd, &q, sizeof(q), &r, sizeof(r)) > 64);
    assert_int_equal(r.h.type, 16);
    assert_int_equal(r.h.seq, 7);
    assert_int_equal(r.words[1], 2);
    memcpy(q.name, "nono", 4);
    assert_int_equal(asked(fd, &q, sizeof(q), &r, sizeof(r)), 36);
    assert_int_equal(r.h.type, NLMSG_ERROR);
    assert_int_equal(r.words[0], -ENODEV);
    q.h.type = 16;
    assert_int_equal(asked(fd, &q, sizeof(q), &r, sizeof(r)), 36);
    assert_int_equal(r.words[0], -EOPNOTSUPP);
    q.h.len = sizeof(q.h);
    q.h.type = 22;
    assert_int_equal(asked(fd, &q, sizeof(q), &r, sizeof(r)), 36);
    assert_int_equal(r.words[0], -EINVAL);
    q.h.len = sizeof(q) + 1;
    assert_int_equal(asked(fd, &q, sizeof(q), &r, sizeof(r)), -EAGAIN);
    assert_int_equal(fd_close(fd), 0);
}

SESSION_TEST(nonsense_sent_to_netlink_harms_nobody)
{
    int fd = (int)CALL(socket, AF_NETLINK_, SOCK_RAW_, 0);
    uint32_t answer[1024], q[24];

    srand(5);
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = (size_t)rand() % sizeof(q) + 1;

        for (unsigned i = 0; i < ARRAY_SIZE(q); i++)
            q[i] = (uint32_t)rand() % (rand() % 2 ? 64 : UINT32_MAX);
        q[0] = (uint32_t)(rand() % 4 ? n : n / 2);
        q[1] = 16 + (uint32_t)rand() % 24 + ((uint32_t)rand() % 4 << 24 | NLM_F_REQUEST << 16);
        (void)asked(fd, q, n, answer, sizeof(answer));
        while (CALL(recvfrom, fd, answer, sizeof(answer), MSG_DONTWAIT_, 0, 0) > 0)
            continue;
    }
    assert_int_equal(fd_close(fd), 0);
}

SESSION_TEST(malformed_frames_harm_nobody)
{
    static const uint8_t syn[54] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x99, 8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 2, 100,
                                     10, 0, 2, 15, 1, 2, 0, 91, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0 };
    int l = listener(91), fd;

    for (unsigned i = 0; i < 20000; i++) {
        uint8_t f[200];
        size_t len = 1 + random_u64() % sizeof(f);

        random_fill(f, sizeof(f));
        if (i % 2 == 0) {
            memcpy(f, syn, sizeof(syn));
            for (unsigned k = 0; k < 3; k++)
                f[12 + random_u64() % 60] = (uint8_t)random_u64();
        }
        memcpy(f, syn, 6);
        mirror_inject(f, len);
        if (i % 50 == 0)
            coop_sleep_ns(1000);
    }
    coop_spawn(echo_server, &l);
    fd = connected(LOOPBACK, 91);
    assert_int_equal(fd_write(fd, "x", 1), 1);
    assert_int_equal(fd_read(fd, &(char){ 0 }, 1), 1);
    fd_close(fd);
}

/* A byte of a connection over the link, so far from the one that is expected next. */
static void
send_byte(const struct tcp_pcb *pcb, uint32_t away)
{
    struct {
        uint8_t eth[14];
        struct { uint8_t vhl, tos; uint16_t len, id, off; uint8_t ttl, proto; uint16_t sum; uint32_t from, to; } __attribute__((packed)) ip;
        struct { uint16_t from, to; uint32_t seq, ack; uint8_t words, flags; uint16_t window, sum, urgent; } __attribute__((packed)) tcp;
        char byte;
    } __attribute__((packed)) f = {
        { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x99, 8, 0 }, { 0x45, 0, PORT(41), 0, 0, 64, 6, 0, FAR_END, OUR_ETH },
        { PORT(pcb->remote_port), PORT(pcb->local_port), __builtin_bswap32(pcb->rcv_nxt + away), __builtin_bswap32(pcb->snd_nxt), 0x50, 0x10, 0xffff, 0, 0 }, '!',
    };
    uint32_t sum = net_chksum(&f.ip.from, 8) + PORT(6) + PORT(21) + net_chksum(&f.tcp, 21);

    f.ip.sum = (uint16_t)~net_chksum(&f.ip, 20);
    sum = (sum >> 16) + (sum & 0xffff);
    f.tcp.sum = (uint16_t)~((sum >> 16) + (sum & 0xffff));
    mirror_inject(&f, sizeof(f));
    coop_sleep_ns(1000);
}

SESSION_TEST(a_segment_from_half_the_sequence_numbers_away_is_dropped)
{
    int l = listener(93), fd = connected(FAR_END, 93), peer = (int)CALL(accept, l, 0, 0);
    const struct tcp_pcb *pcb = tcp_active_pcbs;
    char got;

    while (pcb->local_port == 93)
        pcb = pcb->next;
    for (uint32_t away = 0x80000000u - 3; away != 0x80000000u + 4; away++)
        send_byte(pcb, away);
    assert_int_equal(CALL(recvfrom, fd, &got, 1, MSG_DONTWAIT_), -EAGAIN);
    send_byte(pcb, 0);
    assert_int_equal(CALL(recvfrom, fd, &got, 1, MSG_DONTWAIT_), 1);
    assert_int_equal(got, '!');
    fd_close(peer);
}

/* The field that is a datagram's length in UDP says here how much of it is summed. */
SESSION_TEST(datagrams_of_udp_lite_may_say_any_coverage)
{
    static const uint8_t lite[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x99, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 136, 0x61, 0xd6, 10, 0, 2, 100,
                                      10, 0, 2, 15, 0x23, 0x8d, 0x23, 0x8d };
    struct sockaddr_inet here = inet_at(0, 9101), far = inet_at(FAR_END, 9101);
    static char big[40000];
    uint8_t f[60];
    int s = (int)CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 136);

    assert_int_equal(CALL(bind, s, &here, 16), 0);
    for (unsigned coverage = 0; coverage < 0x10000; coverage += 0xff) {
        memcpy(f, lite, sizeof(f));
        f[38] = (uint8_t)(coverage >> 8), f[39] = (uint8_t)coverage;
        mirror_inject(f, sizeof(f));
        coop_sleep_ns(1000);
    }
    assert_int_equal(fd_read(s, big, sizeof(big)), -EAGAIN);    /* none had a good sum */
    assert_int_equal(CALL(sendto, s, big, sizeof(big), 0, &far, 16), sizeof(big));
    fd_close(s);
}

SESSION_TEST(no_memory_fails_calls_and_breaks_nothing)
{
    for (int budget = 0; budget < 40; budget++) {
        struct sockaddr_inet a = inet_at(LOOPBACK, 92);
        int l, fd;

        coop_alloc_budget = budget;
        l = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);
        fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_ | SOCK_NONBLOCK_, 0);
        if (l >= 0 && fd >= 0 && CALL(bind, l, &a, 16) == 0 && CALL(listen, l, 5) == 0) {
            CALL(connect, fd, &a, 16);
            (void)fd_write(fd, &a, 16);
        }
        coop_alloc_budget = -1;
        coop_close_all();
        coop_sleep_ns(60 * NSEC_PER_SEC);
    }
}

/* Everything was closed: after the longest wait that TCP knows only the caches' spare pages are left. */
static void
nothing_is_left_behind(void **state)
{
    (void)state;
    memset(&mirror, 0, sizeof(mirror));
    for (uint64_t until = coop_clock_ns + 3600 * NSEC_PER_SEC; coop_clock_ns < until; coop_clock_ns += 50000000)
        net_housekeep();
    assert_null(tcp_active_pcbs);
    assert_null(tcp_tw_pcbs);
    assert_null(tcp_listen_pcbs.pcbs);
    assert_int_equal(coop_files, 0);
    assert_int_equal(coop_heap_objects, 0);
    assert_true(coop_pages <= 20);
    mirror_drop_all();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp_is_given_up_after_a_while),
        cmocka_unit_test(a_late_dhcp_server_is_still_heard),
        cmocka_unit_test(a_tcp_echo_comes_back_through_loopback),
        cmocka_unit_test(a_closed_port_refuses),
        cmocka_unit_test(a_megabyte_goes_through_loopback_and_close_waits_for_nobody),
        cmocka_unit_test(a_megabyte_goes_over_the_link),
        cmocka_unit_test(a_megabyte_survives_a_bad_link),
        cmocka_unit_test(thousands_of_short_connections_exhaust_nothing),
        cmocka_unit_test(unread_data_at_close_is_a_reset),
        cmocka_unit_test(a_slow_reader_holds_the_sender),
        cmocka_unit_test(crumbs_do_not_eat_the_memory),
        cmocka_unit_test(udp_datagrams_keep_their_borders),
        cmocka_unit_test(a_local_datagram_finds_the_closest_socket),
        cmocka_unit_test(ipv6_is_there_for_the_loopback),
        cmocka_unit_test(a_local_datagram_to_nobody_is_refused_once),
        cmocka_unit_test(a_full_queue_drops_local_datagrams),
        cmocka_unit_test(a_large_datagram_is_fragmented_over_the_link),
        cmocka_unit_test(ping_gets_an_echo),
        cmocka_unit_test(receive_and_send_time_limits_are_kept),
        cmocka_unit_test(nobody_at_the_far_end_is_a_timeout),
        cmocka_unit_test(a_user_timeout_ends_what_is_not_acknowledged),
        cmocka_unit_test(messages_gather_and_scatter),
        cmocka_unit_test(options_answer_as_linux_says),
        cmocka_unit_test(ifconfig_finds_its_interfaces),
        cmocka_unit_test(netlink_tells_of_interfaces_and_refuses_changes),
        cmocka_unit_test(nonsense_sent_to_netlink_harms_nobody),
        cmocka_unit_test(malformed_frames_harm_nobody),
        cmocka_unit_test(a_segment_from_half_the_sequence_numbers_away_is_dropped),
        cmocka_unit_test(datagrams_of_udp_lite_may_say_any_coverage),
        cmocka_unit_test(no_memory_fails_calls_and_breaks_nothing),
        cmocka_unit_test(nothing_is_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
