/*
 * net.c: the network stack against a far end that means no good (frames.h): through the session's packet ring into the real lwIP and the
 * sockets above it, while a program uses these. Afterwards everything is closed, and nothing may be left.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "choice.h"
#include "fake/exos/calls.h"
#include "fake/exos/ring_kernel.h"
#include "frames.h"
#include "net/net.h"
#include "net/nic.h"
#include "net/sock.h"

#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/ip4_frag.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"

#define STEPS_MIN 40            /* of an input; more while it has more to say */
#define SOCKETS 8u
#define PORT(p) __builtin_bswap16(p)
#define FRAGMENTS_AGE 20        /* more calls of ip_reass_tmr() than a fragment outlives */
#define HEAP_SLACK 64u          /* pairs of receive buffers that come when many are lent at a time, and stay */
#define PAGES_SLACK 80u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ring_env ring_env = { .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500, .features = AEG_NIC_CSUM_TX };
static const ip4_addr_t our_address = { 0x0f02000au }, our_mask = { 0x00ffffffu }, our_gateway = { 0x0202000au };
static int fds[SOCKETS];
static uint8_t buf[8192];

/* ---- the link ---- */

static void
hear(uint8_t *frame, size_t len)
{
    frames_heard(frame, len);
}

static uint64_t
run_devices(void)
{
    uint64_t next;

    ring_kernel_transmit();
    next = net_housekeep();
    return MIN(next, coop_clock_ns + 10 * NSEC_PER_MSEC);
}

static void
send_frame(void)
{
    uint8_t frame[AEG_PACKET_MAX] = { 0 };
    size_t len = frames_next(frame);

    if (!ring_kernel_may_deliver())
        return;
    if (one_in(40))
        len = below(4096);              /* no device says so */
    ring_kernel_deliver(frame, MIN(len, sizeof(frame)), (uint16_t)(one_in(4) ? AEG_RX_CSUM_GOOD : one_in(60) ? below(16) : 0));
    if (one_in(60))
        ring_kernel.ring->rx[(ring_kernel.ring->rx_done - 1) % AEG_RING_RX].error = below(3);
}

/* ---- a program ---- */

static int
any_fd(void)
{
    return fds[below(SOCKETS)];
}

static void
keep(long fd)
{
    int *place = &fds[below(SOCKETS)];

    if (fd < 0)
        return;
    fd_close(*place);
    *place = (int)fd;
}

static void
open_socket(void)
{
    struct sockaddr_inet at = { .family = AF_INET_, .port = PORT(FRAME_TCP_PORT) };
    long fd;

    switch (below(4)) {
    case 0:
        fd = CALL(socket, AF_INET_, SOCK_DGRAM_ | SOCK_NONBLOCK_, 0);
        at.port = PORT(FRAME_UDP_PORT);
        CALL(bind, fd, &at, 16);
        break;
    case 1:
        fd = CALL(socket, AF_INET_, SOCK_RAW_ | SOCK_NONBLOCK_, one_in(2) ? 1 : 17);
        break;
    case 2:
        fd = CALL(socket, AF_INET_, SOCK_STREAM_ | SOCK_NONBLOCK_, 0);
        at.address = __builtin_bswap32(FRAME_FAR_IP);
        at.port = PORT(1024 + below(4));
        CALL(connect, fd, &at, 16);
        break;
    default:
        fd = CALL(socket, AF_INET_, SOCK_STREAM_ | SOCK_NONBLOCK_, 0);
        CALL(setsockopt, fd, 1, 2, &(int){ 1 }, 4);
        CALL(bind, fd, &at, 16);
        CALL(listen, fd, below(8));
    }
    keep(fd);
}

static void
send_datagram(int fd)
{
    struct sockaddr_inet to = { .family = AF_INET_, .port = PORT(FRAME_UDP_PORT) };

    to.address = __builtin_bswap32(one_in(4) ? 0x08080808 : FRAME_FAR_IP);
    CALL(sendto, fd, buf, below(sizeof(buf)), MSG_DONTWAIT_ | MSG_NOSIGNAL_, &to, 16);
}

static void
use_socket(void)
{
    int fd = any_fd(), option = (int)below(1u << 20);

    switch (below(12)) {
    case 0: keep(CALL(accept4, fd, 0, 0, SOCK_NONBLOCK_)); break;
    case 1:
    case 2:
    case 3: CALL(recvfrom, fd, buf, below(sizeof(buf)), MSG_DONTWAIT_ | (one_in(4) ? MSG_PEEK_ : 0), 0, 0); break;
    case 4:
    case 5: CALL(sendto, fd, buf, below(sizeof(buf)), MSG_DONTWAIT_ | MSG_NOSIGNAL_, 0, 0); break;
    case 6: send_datagram(fd); break;
    case 7: CALL(shutdown, fd, below(3)); break;
    case 8: CALL(setsockopt, fd, one_in(2) ? 1 : 6, below(32), &option, 4); break;
    case 9: fd_close(fd); break;
    default: open_socket();
    }
}

/* The interface asks for an address, or has its own again. */
static void
change_address(bool ask)
{
    net_lock_acquire();
    if (ask) {
        (void)dhcp_start(net_ethernet());
    } else {
        dhcp_release_and_stop(net_ethernet());
        dhcp_cleanup(net_ethernet());
        netif_set_addr(net_ethernet(), &our_address, &our_mask, &our_gateway);
    }
    net_lock_release();
}

static void
story(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < SOCKETS; i++)
        open_socket();
    if (one_in(8))
        change_address(true);
    for (unsigned i = 0; i < STEPS_MIN || choices_left(); i++) {
        switch (below(16)) {
        case 0:
        case 1:
        case 2: use_socket(); break;
        case 3: coop_sleep_ns(below(one_in(8) ? 100000 : 300) * NSEC_PER_MSEC); break;
        case 4: coop_yield(); break;
        case 5: coop_alloc_budget = one_in(4) ? (int)below(60) : -1; break;
        default:
            send_frame();
            if (one_in(2))
                coop_yield();
        }
    }
    coop_alloc_budget = -1;
    coop_yield();
}

/* ---- the end of it ---- */

static void
abort_all(struct tcp_pcb *const *list)
{
    while (*list != NULL)
        tcp_abort(*list);
}

static void
forget_all(void)
{
    coop_close_all();
    change_address(false);
    net_lock_acquire();
    abort_all(&tcp_active_pcbs);
    abort_all(&tcp_tw_pcbs);
    for (unsigned i = 0; i < FRAGMENTS_AGE; i++)
        ip_reass_tmr();
    etharp_cleanup_netif(net_ethernet());
    net_lock_release();
    for (unsigned i = 0; i < 4 && ring_kernel.ring->tx_done != ring_kernel.ring->tx_posted; i++)
        run_devices();
    run_devices();
    frames_forget();
}

static void
run(const uint8_t *data, size_t size)
{
    choices_begin(data, size);
    memset(fds, 0xff, sizeof(fds));
    ring_kernel.tx_lag = one_in(4) ? 20 : 0;
    coop_reset();
    coop_seed(choice() | 1);
    coop_spawn(story, NULL);
    assert(coop_run());
    ring_kernel.tx_lag = 0;
    forget_all();
    coop_reset();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    ring_kernel.sent = hear;
    net_init("ip=10.0.2.15/24:10.0.2.2:10.0.2.3", ring_open(&ring_env));
    coop_due_work = run_devices;
    run(NULL, 0);               /* what is made once is there */
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned objects, pages;

    if (objects == 0) {
        objects = coop_heap_objects;
        pages = coop_pages;
    }
    run(data, size);
    assert(coop_files == 0 && tcp_active_pcbs == NULL && tcp_listen_pcbs.pcbs == NULL && tcp_tw_pcbs == NULL && tcp_bound_pcbs == NULL);
    assert(coop_heap_objects <= objects + HEAP_SLACK && coop_pages <= pages + PAGES_SLACK);
    assert(ring_kernel.ring->rx_posted - ring_kernel.ring->rx_done == AEG_RING_RX);
    return 0;
}
