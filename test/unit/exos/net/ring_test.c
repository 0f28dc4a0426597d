/* ring_test.c: the packet ring against a model of the kernel and a link that mirrors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "aegis/net.h"
#include "fake/exos/calls.h"
#include "fake/exos/mirror_nic.h"
#include "fake/exos/ring_kernel.h"
#include "net/net.h"
#include "net/sock.h"

#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"

#define FAR_END 0x6402000au         /* 10.0.2.100 */
#define PORT(p) __builtin_bswap16(p)

static uint64_t
run_devices(void)
{
    uint8_t frame[AEG_PACKET_MAX];
    uint64_t next;

    ring_kernel_transmit();
    while (ring_kernel_may_deliver() && mirror_due()) {
        size_t len = mirror_next(frame);

        ring_kernel_deliver(frame, len, 0);
    }
    next = net_housekeep();
    return MIN(next, coop_clock_ns + 100000);
}

static void
in_session(void (*body)(void *))
{
    coop_reset();
    coop_due_work = run_devices;
    coop_spawn(body, NULL);
    assert_true(coop_run());
    coop_reset();
}

static const struct ring_env env = { .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500, .features = AEG_NIC_CSUM_TX };

static void
a_refused_filter_is_no_network(void **state)
{
    (void)state;
    ring_kernel.refuse_filter = 3;
    assert_null(ring_open(&env));
    assert_null((ring_kernel.refuse_filter = 0, coop_alloc_budget = 3, ring_open(&env)));
    coop_alloc_budget = -1;
    assert_int_equal(coop_pages, 0);
}

static void
the_ring_comes_up_with_all_places_posted(void **state)
{
    struct nic *nic = ring_open(&env);

    (void)state;
    assert_non_null(nic);
    assert_int_equal(ring_kernel.ring->rx_posted, AEG_RING_RX);
    net_init("ip=10.0.2.15/24:10.0.2.2:10.0.2.3", nic);
    assert_int_equal(netif_ip4_addr(net_ethernet())->addr, 0x0f02000au);
}

#define BULK (1u << 20)
static uint8_t bulk[BULK];
static int lfd;

static void
sender(void *arg)
{
    int fd = (int)CALL(accept, lfd, 0, 0);

    (void)arg;
    assert_int_equal(fd_write(fd, bulk, BULK), BULK);
    fd_close(fd);
}

static void
bulk_body(void *arg)
{
    struct sockaddr_inet a = { AF_INET_, PORT(90), 0, { 0 } };
    uint8_t got[7000];
    size_t at = 0;
    int fd;
    long n;

    (void)arg;
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = (uint8_t)(i * 13 + i / 1021);
    lfd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);
    CALL(setsockopt, lfd, 1, 2, &(int){ 1 }, 4);
    assert_int_equal(CALL(bind, lfd, &a, 16), 0);
    assert_int_equal(CALL(listen, lfd, 5), 0);
    coop_spawn(sender, NULL);
    a.address = FAR_END;
    fd = (int)CALL(socket, AF_INET_, SOCK_STREAM_, 0);
    assert_int_equal(CALL(connect, fd, &a, 16), 0);
    while ((n = fd_read(fd, got, sizeof(got))) > 0) {
        assert_memory_equal(got, bulk + at, (size_t)n);
        at += (size_t)n;
    }
    assert_int_equal(at, BULK);
    fd_close(fd);
    fd_close(lfd);
}

static void
a_megabyte_goes_through_the_ring(void **state)
{
    (void)state;
    in_session(bulk_body);
    assert_true(ring_kernel.csums > 700);
}

static void
transmits_that_stay_in_flight_keep_their_pages(void **state)
{
    (void)state;
    ring_kernel.tx_lag = 40;
    mirror.lose = 10;
    mirror.reorder = 10;
    mirror.truncate = 5;
    in_session(bulk_body);
    ring_kernel.tx_lag = 0;
    memset(&mirror, 0, sizeof(mirror));
}

/* Whatever the kernel stored in a place, the ring goes on. */
static void
bad_places_are_counted_and_posted_again(void **state)
{
    struct aeg_ring *r = ring_kernel.ring;
    uint64_t before = net_nic()->stats.rx_errors;

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct aeg_rx *d = &r->rx[r->rx_done % AEG_RING_RX];

        d->len = (uint16_t)(i % 3 == 0 ? 0 : 4000);
        d->error = i % 3 == 1;
        d->flags = i % 3 == 2 ? AEG_RX_TRUNCATED : 0;
        r->rx_done++;
        net_housekeep();
    }
    assert_int_equal(net_nic()->stats.rx_errors, before + 300);
    assert_int_equal(r->rx_posted - r->rx_done, AEG_RING_RX);
    in_session(bulk_body);
}

static void
the_stack_returns_every_buffer(void **state)
{
    (void)state;
    for (uint64_t until = coop_clock_ns + 3600 * NSEC_PER_SEC; coop_clock_ns < until; coop_clock_ns += 50000000)
        run_devices();
    assert_null(tcp_active_pcbs);
    assert_int_equal(ring_kernel.ring->tx_done, ring_kernel.ring->tx_posted);
    assert_true(coop_pages <= 5 + 5 + 256 + 20);
    mirror_drop_all();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_filter_is_no_network),
        cmocka_unit_test(the_ring_comes_up_with_all_places_posted),
        cmocka_unit_test(a_megabyte_goes_through_the_ring),
        cmocka_unit_test(transmits_that_stay_in_flight_keep_their_pages),
        cmocka_unit_test(bad_places_are_counted_and_posted_again),
        cmocka_unit_test(the_stack_returns_every_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
