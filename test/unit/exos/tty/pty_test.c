/*
 * pty_test.c: the master's side: what it types and reads, packet mode, and how a pair ends. Nobody sleeps: a wait is counted and interrupted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/uio.h"
#include "fake/exos/plain.h"
#include "ipc/ipc.h"
#include "proc/signal.h"
#include "tty/pty.h"
#include "tty/termbits.h"
#include "unit/exos/tty/no_jobs.h"

static struct pty *pty;
static struct file master;
static unsigned sleeps, names_removed;
static int peer_flags;

int
wait_sleep(struct waitq *wq, struct lock *held, uint64_t deadline_ns, unsigned flags)
{
    (void)wq, (void)held, (void)deadline_ns, (void)flags;
    sleeps++;
    return -EINTR;
}

void
sched_point(void)
{
}

void
devpts_remove(struct pty *p)
{
    assert_ptr_equal(p, pty);
    names_removed++;
}

long
devpts_open_peer(struct pty *p, uint32_t flags)
{
    (void)p;
    peer_flags = (int)flags;
    return 5;
}

long
tty_put_int(uint64_t arg, uint32_t value)
{
    *(uint32_t *)arg = value;
    return 0;
}

long
tty_ioctl(struct tty *tty, const struct file *f, bool is_master, unsigned cmd, uint64_t arg)
{
    (void)tty, (void)f, (void)is_master, (void)cmd, (void)arg;
    return -ENOTTY;
}

int
user_copy_in(void *dst, uva_t src, size_t n)
{
    if (src == 0)
        return -EFAULT;
    memcpy(dst, (const void *)src, n);
    return 0;
}

static size_t
advance(struct uio *u, size_t n)
{
    n = n < u->left ? n : u->left;
    u->left -= n;
    u->offset += n;
    return n;
}

ssize
uio_out(struct uio *u, const void *src, size_t n)
{
    char *at = (char *)u->inline_vec.base + u->offset;

    n = advance(u, n);
    memcpy(at, src, n);
    return (ssize)n;
}

ssize
uio_in(struct uio *u, void *dst, size_t n)
{
    const char *at = (const char *)u->inline_vec.base + u->offset;

    n = advance(u, n);
    memcpy(dst, at, n);
    return (ssize)n;
}

static struct uio
uio_of(const void *base, size_t len)
{
    return (struct uio){ .inline_vec = { (uint64_t)base, len }, .left = len };
}

static ssize
type(const char *text)
{
    struct uio u = uio_of(text, strlen(text));
    uint64_t pos = 0;

    return pty_master_ops.write(&master, &u, &pos);
}

static ssize
read_master(char *buf, size_t n)
{
    struct uio u = uio_of(buf, n);
    uint64_t pos = 0;

    return pty_master_ops.read(&master, &u, &pos);
}

static void
show(const char *text)
{
    tty_output(&pty->tty, (const uint8_t *)text, strlen(text));
}

static int
fresh(void **state)
{
    (void)state;
    sleeps = names_removed = no_jobs_hang_ups = 0;
    no_jobs_signalled = 0;
    assert_int_equal(pty_create(&pty), 0);
    master = (struct file){ .ops = &pty_master_ops, .priv = pty };
    return 0;
}

static int
over(void **state)
{
    (void)state;
    if (pty != NULL)
        pty_put(pty);
    assert_int_equal(pty_count(), 0);
    assert_int_equal(plain_heap_objects, 0);
    return 0;
}

static void
what_the_master_writes_is_typed(void **state)
{
    uint8_t line[16];
    char echo[16];
    bool closed;

    (void)state;
    assert_int_equal(type("ls\n"), 3);
    assert_int_equal(tty_take(&pty->tty, line, sizeof(line), &closed), 3);
    assert_int_equal(read_master(echo, sizeof(echo)), 4);
    assert_memory_equal(echo, "ls\r\n", 4);
}

static void
keys_signal_with_no_lock_held(void **state)
{
    (void)state;
    assert_int_equal(type("a\x03" "b"), 3);
    assert_int_equal(no_jobs_signalled, 2);
    assert_int_equal(pty->tty.filled, 1);
}

static void
the_master_waits_for_room_and_tells_how_far_it_came(void **state)
{
    static char text[2 * TTY_INPUT_MAX];

    (void)state;
    pty->tty.t.lflag = 0;
    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(type(text), TTY_INPUT_MAX - 1);
    assert_int_equal(sleeps, 1);
    assert_false(pty_master_ops.poll(&master) & READY_OUT);
    master.flags = O_NONBLOCK;
    assert_int_equal(type("x"), -EAGAIN);
    assert_int_equal(sleeps, 1);
}

static void
output_waits_for_the_master_and_what_is_too_much_is_lost(void **state)
{
    static char got[2 * PTY_OUTPUT_MAX];

    (void)state;
    assert_int_equal(read_master(got, 1), -EINTR);
    master.flags = O_NONBLOCK;
    assert_int_equal(read_master(got, 1), -EAGAIN);
    for (int i = 0; i < PTY_OUTPUT_MAX; i++)
        show("y!");
    assert_int_equal(pty->tty.ops->room(&pty->tty), 0);
    assert_int_equal(read_master(got, sizeof(got)), PTY_OUTPUT_MAX);
    assert_memory_equal(got + PTY_OUTPUT_MAX - 2, "y!", 2);
    assert_int_equal(read_master(got, 1), -EAGAIN);
}

static void
the_rest_is_read_before_the_end(void **state)
{
    char got[8];

    (void)state;
    show("rest");
    pty->uses++;
    pty->tty.ops->closed(&pty->tty);
    assert_int_equal(pty_master_ops.poll(&master) & (READY_IN | READY_HUP), READY_IN | READY_HUP);
    assert_int_equal(read_master(got, sizeof(got)), 4);
    assert_int_equal(read_master(got, sizeof(got)), -EIO);
    assert_int_equal(sleeps, 0);
}

static void
packets_begin_with_what_they_are(void **state)
{
    int on = 1;
    char got[8];

    (void)state;
    tty_stop(&pty->tty, true);
    tty_start(&pty->tty, true);
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCPKT, 0), -EFAULT);
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCPKT, (uint64_t)&on), 0);
    show("abc");
    assert_int_equal(read_master(got, sizeof(got)), 4);
    assert_memory_equal(got, "\0abc", 4);
    show("d");
    tty_stop(&pty->tty, true);
    assert_true(pty_master_ops.poll(&master) & READY_PRI);
    tty_start(&pty->tty, true);
    tty_flush(&pty->tty);
    assert_int_equal(read_master(got, sizeof(got)), 1);
    assert_int_equal(got[0], TIOCPKT_START | TIOCPKT_FLUSHREAD);
    assert_int_equal(read_master(got, 1), 1);
    assert_int_equal(got[0], 0);
    assert_int_equal(read_master(got, sizeof(got)), 2);
}

static void
the_master_alone_has_its_ioctls(void **state)
{
    uint32_t n = 77;

    (void)state;
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCGPTN, (uint64_t)&n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCGPTLCK, (uint64_t)&n), 0);
    assert_int_equal(n, 1);
    n = 0;
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCSPTLCK, (uint64_t)&n), 0);
    assert_false(pty->locked);
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCGPTPEER, O_RDWR), 5);
    assert_int_equal(peer_flags, O_RDWR);
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCSIG, SIGINT), 0);
    assert_int_equal(no_jobs_signalled, SIGINT);
    assert_int_equal(pty_master_ops.ioctl(&master, TIOCSIG, SIGKILL), -EINVAL);
    show("abc");
    assert_int_equal(pty_master_ops.ioctl(&master, FIONREAD, (uint64_t)&n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(pty_master_ops.ioctl(&master, TCFLSH, 3), -EINVAL);
    assert_int_equal(pty_master_ops.ioctl(&master, TCFLSH, TCIFLUSH), 0);
    assert_int_equal(pty->filled, 0);
}

static void
a_pair_lives_as_long_as_either_end(void **state)
{
    struct tty *tty = &pty->tty;

    (void)state;
    pty->uses++;                /* the slave is open */
    tty->opens = 1;
    pty_master_ops.release(&master);
    assert_int_equal(no_jobs_hang_ups, 1);
    assert_int_equal(names_removed, 1);
    assert_ptr_equal(pty_at(0), pty);
    tty->opens = 0;
    tty->ops->closed(tty);
    assert_null(pty_at(0));
    pty = NULL;
}

static void
numbers_end_and_come_back(void **state)
{
    struct pty *all[PTY_MAX], *more;

    (void)state;
    all[0] = pty;
    for (unsigned i = 1; i < PTY_MAX; i++) {
        assert_int_equal(pty_create(&all[i]), 0);
        assert_int_equal(all[i]->number, i);
    }
    assert_int_equal(pty_create(&more), -ENOSPC);
    pty_put(all[7]);
    assert_null(pty_at(7));
    plain_heap_fails = true;
    assert_int_equal(pty_create(&more), -ENOMEM);
    plain_heap_fails = false;
    assert_int_equal(pty_create(&all[7]), 0);
    assert_int_equal(all[7]->number, 7);
    for (unsigned i = 1; i < PTY_MAX; i++)
        pty_put(all[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_master_writes_is_typed, fresh, over),
        cmocka_unit_test_setup_teardown(keys_signal_with_no_lock_held, fresh, over),
        cmocka_unit_test_setup_teardown(the_master_waits_for_room_and_tells_how_far_it_came, fresh, over),
        cmocka_unit_test_setup_teardown(output_waits_for_the_master_and_what_is_too_much_is_lost, fresh, over),
        cmocka_unit_test_setup_teardown(the_rest_is_read_before_the_end, fresh, over),
        cmocka_unit_test_setup_teardown(packets_begin_with_what_they_are, fresh, over),
        cmocka_unit_test_setup_teardown(the_master_alone_has_its_ioctls, fresh, over),
        cmocka_unit_test_setup_teardown(a_pair_lives_as_long_as_either_end, fresh, over),
        cmocka_unit_test_setup_teardown(numbers_end_and_come_back, fresh, over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
