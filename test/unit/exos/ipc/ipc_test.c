/* ipc_test.c: pipes, eventfd, poll, select and epoll through their Linux calls. */
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
#include "ipc/channel.h"
#include "ipc/fifo.h"
#include "ipc/ipc.h"
#include "net/sock.h"
#include "thread/thread.h"

struct pollfd_ { int32_t fd; int16_t events, revents; };

static int fds[2];
static char page[CHANNEL_SIZE * 2], got[CHANNEL_SIZE * 2];

SESSION_TEST(bytes_come_out_of_a_pipe_in_order)
{
    assert_int_equal(CALL(pipe2, fds, 0), 0);
    assert_int_equal(fd_write(fds[1], "hello ", 6), 6);
    assert_int_equal(fd_write(fds[1], "world", 5), 5);
    assert_int_equal(fd_read(fds[0], got, 8), 8);
    assert_memory_equal(got, "hello wo", 8);
    assert_int_equal(fd_read(fds[0], got, 100), 3);
    assert_memory_equal(got, "rld", 3);
    assert_int_equal(fd_read(fds[1], got, 1), -EBADF);
    assert_int_equal(fd_write(fds[0], got, 1), -EBADF);
}

SESSION_TEST(an_empty_pipe_ends_when_its_writer_does)
{
    assert_int_equal(CALL(pipe2, fds, IPC_O_NONBLOCK), 0);
    assert_int_equal(fd_read(fds[0], got, 1), -EAGAIN);
    assert_int_equal(fd_write(fds[1], "x", 1), 1);
    fd_close(fds[1]);
    assert_int_equal(fd_read(fds[0], got, 9), 1);
    assert_int_equal(fd_read(fds[0], got, 9), 0);
}

SESSION_TEST(writing_without_a_reader_is_a_broken_pipe)
{
    assert_int_equal(CALL(pipe2, fds, 0), 0);
    fd_close(fds[0]);
    assert_int_equal(fd_write(fds[1], "x", 1), -EPIPE);
    assert_true(coop_signals & (1ull << LINUX_SIGPIPE));
}

SESSION_TEST(a_small_write_is_never_torn_and_a_large_one_may_be)
{
    assert_int_equal(CALL(pipe2, fds, IPC_O_NONBLOCK), 0);
    assert_int_equal(fd_write(fds[1], page, CHANNEL_SIZE - 100), CHANNEL_SIZE - 100);
    assert_int_equal(fd_write(fds[1], page, 101), -EAGAIN);
    assert_int_equal(fd_write(fds[1], page, PIPE_ATOMIC), -EAGAIN);
    assert_int_equal(fd_write(fds[1], page, PIPE_ATOMIC + 1), 100);
    assert_int_equal(fd_write(fds[1], page, 1), -EAGAIN);
}

SESSION_TEST(a_bad_buffer_is_efault_and_the_pipe_goes_on)
{
    assert_int_equal(CALL(pipe2, fds, 0), 0);
    assert_int_equal(fd_write(fds[1], (void *)8, 10), -EFAULT);
    assert_int_equal(fd_write(fds[1], "abc", 3), 3);
    assert_int_equal(fd_read(fds[0], (void *)8, 10), -EFAULT);
    assert_int_equal(fd_read(fds[0], got, 10), 3);
    assert_int_equal(CALL(pipe2, 8, 0), -EFAULT);
    assert_int_equal(CALL(pipe2, fds, 0x1), -EINVAL);
}

/* Everything that is written is read, whatever the sizes: by the short way, by the long way, and from one to the other. */
SESSION_TEST(a_pipe_gives_what_it_was_given_in_pieces_of_any_size)
{
    uint64_t seed = 1, in = 0, out = 0;

    assert_int_equal(CALL(pipe2, fds, IPC_O_NONBLOCK), 0);
    for (unsigned i = 0; i < sizeof(page); i++)
        page[i] = (char)(i * 7 + i / 251);
    for (unsigned turn = 0; turn < 4000; turn++) {
        size_t n = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;
        size_t at = (turn & 1 ? out : in) % CHANNEL_SIZE;
        long r;

        n = turn % 5 == 0 ? n % 9000 : n % 60;
        r = turn & 1 ? fd_read(fds[0], got, n) : fd_write(fds[1], page + at, MIN(n, CHANNEL_SIZE - at));
        if (r <= 0)
            continue;
        for (long k = 0; turn & 1 && k < r; k++)
            assert_int_equal(got[k], page[(out + (uint64_t)k) % CHANNEL_SIZE]);
        *(turn & 1 ? &out : &in) += (uint64_t)r;
    }
    assert_true(out > 100000 && in >= out && in - out <= CHANNEL_SIZE);
}

SESSION_TEST(splice_loses_nothing_that_could_not_be_put)
{
    int other[2];

    assert_int_equal(CALL(pipe2, fds, IPC_O_NONBLOCK), 0);
    assert_int_equal(CALL(pipe2, other, IPC_O_NONBLOCK), 0);
    assert_int_equal(CALL(splice, fds[0], 0, other[1], 0, 10, 0), -EAGAIN);
    assert_int_equal(fd_write(fds[1], "hello", 5), 5);
    assert_int_equal(CALL(tee, fds[0], other[1], 4, 0), 4);
    assert_int_equal(CALL(splice, fds[0], 0, other[1], 0, 3, 0), 3);
    assert_int_equal(fd_read(other[0], got, 100), 7);
    assert_memory_equal(got, "hellhel", 7);
    assert_int_equal(fd_write(other[1], page, CHANNEL_SIZE), CHANNEL_SIZE);
    assert_int_equal(CALL(splice, fds[0], 0, other[1], 0, 10, 0), -EAGAIN);
    assert_int_equal(fd_close(other[0]), 0);
    assert_int_equal(CALL(splice, fds[0], 0, other[1], 0, 10, 0), -EPIPE);
    assert_int_equal(fd_read(fds[0], got, 100), 2);
    assert_memory_equal(got, "lo", 2);
    assert_int_equal(CALL(splice, fds[0], 0, fds[1], 0, 10, 0), -EINVAL);
    assert_int_equal(CALL(splice, fds[0], page, other[1], 0, 10, 0), -ESPIPE);
    assert_int_equal(CALL(splice, fds[0], 0, other[1], 0, 10, 0x10), -EINVAL);
    assert_int_equal(CALL(tee, fds[0], 99, 4, 0), -EBADF);
}

SESSION_TEST(a_pipe_grows_and_shrinks_around_what_is_in_it)
{
    struct file *f;
    struct channel *c;

    assert_int_equal(CALL(pipe2, fds, IPC_O_NONBLOCK), 0);
    f = fd_get(fds[0]);
    c = f->ops->pipe(f);
    assert_int_equal(channel_size(c), 65536);
    for (unsigned i = 0; i < CHANNEL_SIZE; i++)
        page[i] = (char)(i / 100);
    assert_int_equal(fd_write(fds[1], page, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
    assert_int_equal(fd_read(fds[0], got, PAGE_SIZE + 5), PAGE_SIZE + 5);
    assert_int_equal(channel_resize(c, PAGE_SIZE), -EBUSY);
    assert_int_equal(channel_resize(c, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
    assert_int_equal(fd_write(fds[1], page, PAGE_SIZE), -EAGAIN);
    assert_int_equal(channel_resize(c, 5 * PAGE_SIZE), 8 * PAGE_SIZE);
    assert_int_equal(fd_write(fds[1], page, 20 * PAGE_SIZE), 6 * PAGE_SIZE + 5);
    assert_int_equal(fd_read(fds[0], got, CHANNEL_SIZE), 8 * PAGE_SIZE);
    assert_memory_equal(got, page + PAGE_SIZE + 5, 2 * PAGE_SIZE - 5);
    assert_memory_equal(got + 2 * PAGE_SIZE - 5, page, 6 * PAGE_SIZE + 5);
    assert_int_equal(channel_resize(c, 1), PAGE_SIZE);
    assert_int_equal(channel_resize(c, 1 << 20), 1 << 20);
    assert_int_equal(channel_resize(c, (1 << 20) + 1), -EPERM);
    assert_int_equal(channel_resize(c, INT32_MAX + 1ul), -EINVAL);
    file_put(f);
    assert_int_equal(CALL(eventfd2, 0, 0), 2);
    f = fd_get(2);
    assert_null(f->ops->pipe);
    file_put(f);
}

static void
write_much(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < sizeof(page); i++)
        page[i] = (char)(i * 7 + i / 251);
    assert_int_equal(fd_write(fds[1], page, sizeof(page)), sizeof(page));
    fd_close(fds[1]);
}

SESSION_TEST(a_full_pipe_holds_its_writer_until_somebody_reads)
{
    size_t n = 0;
    long r;

    assert_int_equal(CALL(pipe2, fds, 0), 0);
    coop_spawn(write_much, NULL);
    coop_yield();
    while ((r = fd_read(fds[0], got + n, 1000)) > 0)
        n += (size_t)r;
    assert_int_equal(n, sizeof(page));
    assert_memory_equal(got, page, n);
}

static void
interrupt_later(void *arg)
{
    (void)arg;
    coop_sleep_ns(1000);
    coop_interrupt = true;
}

SESSION_TEST(a_signal_ends_a_blocked_read)
{
    assert_int_equal(CALL(pipe2, fds, 0), 0);
    coop_spawn(interrupt_later, NULL);
    assert_int_equal(fd_read(fds[0], got, 1), -EINTR);
}

SESSION_TEST(an_eventfd_counts)
{
    uint64_t v = 5;
    int fd = (int)CALL(eventfd2, 3, IPC_O_NONBLOCK), sem = (int)CALL(eventfd2, 2, IPC_O_NONBLOCK | EVENTFD_SEMAPHORE);

    assert_int_equal(fd_write(fd, &v, 8), 8);
    assert_int_equal(fd_read(fd, &v, 8), 8);
    assert_int_equal(v, 8);
    assert_int_equal(fd_read(fd, &v, 8), -EAGAIN);
    assert_int_equal(fd_read(fd, &v, 4), -EINVAL);
    v = UINT64_MAX;
    assert_int_equal(fd_write(fd, &v, 8), -EINVAL);
    v = UINT64_MAX - 1;
    assert_int_equal(fd_write(fd, &v, 8), 8);
    v = 1;
    assert_int_equal(fd_write(fd, &v, 8), -EAGAIN);
    assert_int_equal(fd_read(sem, &v, 8), 8);
    assert_int_equal(v, 1);
    assert_int_equal(fd_read(sem, &v, 8), 8);
    assert_int_equal(fd_read(sem, &v, 8), -EAGAIN);
}

static void
write_later(void *arg)
{
    coop_sleep_ns(5000);
    fd_write(*(int *)arg, "x", 1);
}

SESSION_TEST(poll_wakes_when_a_descriptor_becomes_ready)
{
    struct pollfd_ p[3] = { { -1, READY_IN, 7 }, { 0, READY_IN, 0 }, { 999, READY_IN, 0 } };
    uint64_t before;

    assert_int_equal(CALL(pipe2, fds, 0), 0);
    p[1].fd = fds[0];
    assert_int_equal(CALL(poll, p, 2, 0), 0);
    assert_int_equal(p[0].revents, 0);
    before = coop_clock_ns;
    assert_int_equal(CALL(poll, p, 2, 20), 0);
    assert_true(coop_clock_ns - before >= 20000000);
    assert_int_equal(CALL(poll, p, 3, -1), 1);
    assert_int_equal(p[2].revents, READY_NVAL);
    coop_spawn(write_later, &fds[1]);
    assert_int_equal(CALL(poll, p, 2, -1), 1);
    assert_int_equal(p[1].revents, READY_IN);
    fd_close(fds[1]);
    assert_int_equal(CALL(poll, p, 2, -1), 1);
    assert_int_equal(p[1].revents, READY_IN | READY_HUP);
    assert_int_equal(CALL(poll, p, 5000, -1), -EINVAL);
}

SESSION_TEST(select_answers_in_its_sets)
{
    uint64_t in[16] = { 0 }, out[16] = { 0 };
    int64_t tv[2] = { 0, 1000 };

    assert_int_equal(CALL(pipe2, fds, 0), 0);
    in[0] = 1ull << fds[0];
    out[0] = 1ull << fds[1];
    assert_int_equal(CALL(select, fds[1] + 1, in, out, 0, 0), 1);
    assert_int_equal(in[0], 0);
    assert_int_equal(out[0], 1ull << fds[1]);
    in[0] = 1ull << fds[0];
    assert_int_equal(CALL(select, fds[1] + 1, in, 0, 0, tv), 0);
    assert_int_equal(tv[1], 0);
    in[0] = 1ull << 40;
    assert_int_equal(CALL(select, 64, in, 0, 0, 0), -EBADF);
    tv[1] = 1000000;
    assert_int_equal(CALL(select, 1, 0, 0, 0, tv), -EINVAL);
}

SESSION_TEST(epoll_tells_level_edge_and_one_shot_apart)
{
    struct epoll_event ev = { READY_IN, 77 }, out[4];
    int ep = (int)CALL(epoll_create1, 0);

    assert_int_equal(CALL(pipe2, fds, 0), 0);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], &ev), 0);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], &ev), -EEXIST);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 0);
    fd_write(fds[1], "abc", 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 1);
        assert_int_equal(out[0].data, 77);
        assert_int_equal(out[0].events, READY_IN);
    }
    ev.events = READY_IN | EPOLL_ET;
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_MOD, fds[0], &ev), 0);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 1);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 0);
    fd_write(fds[1], "d", 1);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 1);
    ev.events = READY_IN | EPOLL_ONESHOT;
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_MOD, fds[0], &ev), 0);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 1);
    fd_write(fds[1], "e", 1);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 0);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_MOD, fds[0], &ev), 0);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 1);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_DEL, fds[0], 0), 0);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_DEL, fds[0], 0), -ENOENT);
    assert_int_equal(CALL(epoll_wait, ep, out, 0, 0), -EINVAL);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, ep, &ev), -EINVAL);
}

SESSION_TEST(a_closed_descriptor_leaves_its_epoll)
{
    struct epoll_event ev = { READY_IN | READY_OUT, 1 }, out[4];
    int ep = (int)CALL(epoll_create1, 0), outer = (int)CALL(epoll_create1, 0), e;

    for (int i = 0; i < 200; i++) {
        e = (int)CALL(eventfd2, 1, 0);
        assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, e, &ev), 0);
    }
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 4);
    assert_int_equal(CALL(epoll_ctl, outer, EPOLL_CTL_ADD, ep, &ev), 0);
    assert_int_equal(CALL(epoll_wait, outer, out, 4, 0), 1);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, outer, &ev), -ELOOP);
    for (int fd = outer + 1; fd <= e; fd++)
        fd_close(fd);
    assert_int_equal(CALL(epoll_wait, ep, out, 4, 0), 0);
    assert_int_equal(CALL(epoll_wait, outer, out, 4, 0), 0);
}

SESSION_TEST(epoll_wait_sleeps_until_something_happens)
{
    struct epoll_event ev = { READY_IN, 9 }, out[40];
    int ep = (int)CALL(epoll_create1, 0);

    assert_int_equal(CALL(pipe2, fds, 0), 0);
    assert_int_equal(CALL(epoll_ctl, ep, EPOLL_CTL_ADD, fds[0], &ev), 0);
    assert_int_equal(CALL(epoll_wait, ep, out, 40, 5), 0);
    coop_spawn(write_later, &fds[1]);
    assert_int_equal(CALL(epoll_wait, ep, out, 40, -1), 1);
    assert_int_equal(out[0].data, 9);
}

static uint64_t
run_timers(void)
{
    timers_run(coop_clock_ns);
    return timer_first_ns;
}

SESSION_TEST(a_timer_is_read_as_often_as_it_expired)
{
    struct { int64_t every_s, every_ns, first_s, first_ns; } t = { 0, 1000000, 0, 5000000 }, left;
    struct pollfd_ p = { 0, READY_IN, 0 };
    uint64_t n = 0;
    int fd = (int)CALL(timerfd_create, 1, IPC_O_NONBLOCK);

    coop_due_work = run_timers;
    p.fd = fd;
    assert_int_equal(fd_read(fd, &n, 8), -EAGAIN);
    assert_int_equal(CALL(timerfd_settime, fd, 0, &t, 0), 0);
    assert_int_equal(CALL(timerfd_gettime, fd, &left), 0);
    assert_in_range(left.first_ns, 4990000, 5000000);
    assert_int_equal(CALL(poll, &p, 1, 0), 0);
    assert_int_equal(CALL(poll, &p, 1, -1), 1);
    assert_int_equal(fd_read(fd, &n, 8), 8);
    assert_int_equal(n, 1);
    coop_clock_ns += 3500000;
    run_timers();
    assert_int_equal(fd_read(fd, &n, 8), 8);
    assert_int_equal(n, 3);
    t.every_ns = t.first_ns = 0;
    assert_int_equal(CALL(timerfd_settime, fd, 0, &t, &left), 0);
    assert_int_equal(left.every_ns, 1000000);
    assert_int_equal(timer_first_ns, DEADLINE_NEVER);
    t.first_ns = 1;                                     /* long ago */
    assert_int_equal(CALL(timerfd_settime, fd, 1, &t, 0), 0);
    run_timers();
    assert_int_equal(fd_read(fd, &n, 8), 8);
    assert_int_equal(fd_read(fd, &n, 4), -EINVAL);
    t.first_ns = 1000000000;
    assert_int_equal(CALL(timerfd_settime, fd, 0, &t, 0), -EINVAL);
    assert_int_equal(CALL(timerfd_settime, 99, 0, &left, 0), -EBADF);
    t.first_ns = 5;
    assert_int_equal(CALL(timerfd_settime, fd, 0, &t, 0), 0);
    fd_close(fd);
    assert_int_equal(timer_first_ns, DEADLINE_NEVER);
    coop_due_work = NULL;
}

static int node;
static const struct file_ops no_ops;

/* open(2) of the named pipe; the descriptor. */
static int
open_fifo(uint32_t flags)
{
    struct file *f = file_create(&no_ops, flags, NULL);
    int err = fifo_open((struct inode *)&node, f);

    if (err == 0)
        return fd_install(f, 0, false);
    f->ops = &no_ops;
    file_put(f);
    return err;
}

static void
open_to_write(void *arg)
{
    coop_sleep_ns(1000000);
    fds[1] = open_fifo(O_WRONLY);
    assert_true(fds[1] >= 0);
    assert_int_equal(fd_write(fds[1], "through", 7), 7);
    if (arg != NULL)
        fd_close(fds[1]);
}

SESSION_TEST(a_named_pipe_brings_its_sides_together)
{
    coop_spawn(open_to_write, "closes");
    fds[0] = open_fifo(O_RDONLY);                   /* sleeps until then */
    assert_true(fds[0] >= 0);
    assert_int_equal(fd_read(fds[0], got, 99), 7);
    assert_int_equal(fd_read(fds[0], got, 99), 0);
    coop_spawn(open_to_write, NULL);                /* another writer begins the stream again */
    coop_sleep_ns(5000000);
    assert_int_equal(fd_read(fds[0], got, 99), 7);
    fd_close(fds[0]);
    assert_int_equal(fd_write(fds[1], "x", 1), -EPIPE);
}

SESSION_TEST(a_named_pipe_can_be_opened_without_waiting)
{
    struct pollfd_ p = { 0, READY_IN, 0 };

    assert_int_equal(open_fifo(O_WRONLY | O_NONBLOCK), -ENXIO);
    p.fd = fds[0] = open_fifo(O_RDONLY | O_NONBLOCK);
    assert_int_equal(fd_read(fds[0], got, 9), 0);
    assert_int_equal(CALL(poll, &p, 1, 0), 0);
    fds[1] = open_fifo(O_WRONLY | O_NONBLOCK);
    assert_int_equal(fd_read(fds[0], got, 9), -EAGAIN);
    assert_int_equal(fd_write(fds[1], "x", 1), 1);
    assert_int_equal(CALL(poll, &p, 1, 0), 1);
    fd_close(fds[1]);
    assert_int_equal(fd_read(fds[0], got, 9), 1);
    assert_int_equal(CALL(poll, &p, 1, 0), 1);
    assert_int_equal(p.revents, READY_HUP);
    fd_close(fds[0]);
    fds[0] = open_fifo(O_RDWR);
    assert_int_equal(fd_write(fds[0], "both", 4), 4);
    assert_int_equal(fd_read(fds[0], got, 9), 4);
    coop_interrupt = true;
    fd_close(fds[0]);
    assert_int_equal(open_fifo(O_RDONLY), -EINTR);
    coop_interrupt = false;
}

SESSION_TEST(no_memory_is_an_error_and_nothing_is_lost)
{
    for (int budget = 0; budget < 8; budget++) {
        coop_alloc_budget = budget;
        if (CALL(pipe2, fds, 0) == 0 && fd_write(fds[1], "x", 1) == 1)
            break;
        coop_close_all();
    }
    coop_close_all();
    for (int budget = 0; budget < 8; budget++) {
        coop_alloc_budget = budget;
        if (CALL(socketpair, AF_UNIX_, SOCK_STREAM_, 0, fds) == 0)
            break;
    }
    coop_alloc_budget = -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_of_a_pipe_in_order),
        cmocka_unit_test(an_empty_pipe_ends_when_its_writer_does),
        cmocka_unit_test(writing_without_a_reader_is_a_broken_pipe),
        cmocka_unit_test(a_small_write_is_never_torn_and_a_large_one_may_be),
        cmocka_unit_test(a_bad_buffer_is_efault_and_the_pipe_goes_on),
        cmocka_unit_test(a_pipe_gives_what_it_was_given_in_pieces_of_any_size),
        cmocka_unit_test(splice_loses_nothing_that_could_not_be_put),
        cmocka_unit_test(a_pipe_grows_and_shrinks_around_what_is_in_it),
        cmocka_unit_test(a_full_pipe_holds_its_writer_until_somebody_reads),
        cmocka_unit_test(a_signal_ends_a_blocked_read),
        cmocka_unit_test(an_eventfd_counts),
        cmocka_unit_test(poll_wakes_when_a_descriptor_becomes_ready),
        cmocka_unit_test(select_answers_in_its_sets),
        cmocka_unit_test(epoll_tells_level_edge_and_one_shot_apart),
        cmocka_unit_test(a_closed_descriptor_leaves_its_epoll),
        cmocka_unit_test(epoll_wait_sleeps_until_something_happens),
        cmocka_unit_test(a_timer_is_read_as_often_as_it_expired),
        cmocka_unit_test(a_named_pipe_brings_its_sides_together),
        cmocka_unit_test(a_named_pipe_can_be_opened_without_waiting),
        cmocka_unit_test(no_memory_is_an_error_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
