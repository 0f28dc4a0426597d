/*
 * ttyfile_test.c: a terminal as a file: how long reads and writes wait, what poll says, and what ioctl does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/coop.h"

#include "fake/exos/session_test.h"
#include "fs/fdtable.h"
#include "ipc/ipc.h"
#include "proc/signal.h"
#include "tty/job.h"
#include "tty/termbits.h"
#include "tty/tty.h"
#include "unit/exos/tty/no_jobs.h"

#define BAD 8                   /* an address that faults */
#define MS NSEC_PER_MSEC

static struct tty tty;
static struct file *file;
static char shown[65536], buf[TTY_INPUT_MAX];
static size_t shown_len, place;
static unsigned closes;

static void
screen(struct tty *t, const uint8_t *bytes, size_t n)
{
    (void)t;
    assert_true(n <= place);
    memcpy(shown + shown_len, bytes, n);
    shown_len += n;
    place -= n;
}

static size_t
room(const struct tty *t)
{
    (void)t;
    return place;
}

static void
closed(struct tty *t)
{
    (void)t;
    closes++;
}

static const struct tty_ops ops = { .out = screen, .room = room, .closed = closed };
static const struct file_ops none = { .name = "none" };

static void
open_it(uint32_t flags)
{
    no_jobs_background = no_jobs_signalled = 0;
    no_jobs_offers = closes = 0;
    shown_len = 0;
    place = 1024;
    coop_interrupt = false;
    tty_init(&tty, &ops, 0x8801);
    file = file_create(&none, O_RDWR | flags, NULL);
    assert_int_equal(tty_open(&tty, file, true), 0);
}

static void
raw(uint8_t min, uint8_t tenths)
{
    tty.t.lflag = 0;
    tty.t.cc[VMIN] = min;
    tty.t.cc[VTIME] = tenths;
}

static void
type(const char *text)
{
    lock_acquire(&tty.lock);
    for (; *text != '\0'; text++)
        (void)tty_input(&tty, (uint8_t)*text);
    lock_release(&tty.lock);
}

static void
types_later(void *text)
{
    coop_sleep_ns(50 * MS);
    type(text);
}

static long
reads(size_t n)
{
    return file_read_user(file, (uva_t)buf, n);
}

static long
writes(const char *text)
{
    return file_write_user(file, (uva_t)text, strlen(text));
}

static long
control(unsigned cmd, uint64_t arg)
{
    return file->ops->ioctl(file, cmd, arg);
}

SESSION_TEST(a_read_sleeps_until_a_line_is_ended)
{
    open_it(0);
    coop_spawn(types_later, "line\nmore");
    assert_int_equal(reads(100), 5);
    assert_int_equal(file_ready(file) & READY_IN, 0);
    file->flags |= O_NONBLOCK;
    assert_int_equal(reads(100), -EAGAIN);
    coop_interrupt = true;
    file->flags &= ~O_NONBLOCK;
    assert_int_equal(reads(100), -EINTR);
    file_put(file);
    assert_int_equal(closes, 1);
}

SESSION_TEST(a_long_line_comes_whole_and_its_end_ends_the_read)
{
    open_it(0);
    tty.t.lflag = ICANON;
    for (int i = 0; i < 100; i++)
        type("0123456789");
    type("\nnext\n");
    assert_int_equal(reads(sizeof(buf)), 1001);
    assert_int_equal(reads(sizeof(buf)), 5);
    type("\x04");
    assert_int_equal(reads(1), 0);
    file_put(file);
}

SESSION_TEST(raw_reads_wait_for_as_many_bytes_and_as_long_as_asked)
{
    uint64_t before;

    open_it(0);
    raw(0, 0);
    assert_int_equal(reads(9), 0);
    raw(0, 2);
    before = coop_clock_ns;
    assert_int_equal(reads(9), 0);
    assert_in_range(coop_clock_ns - before, 200 * MS, 210 * MS);
    raw(3, 0);
    type("ab");
    assert_int_equal(file_ready(file) & READY_IN, 0);
    coop_spawn(types_later, "c");
    assert_int_equal(reads(9), 3);
    type("abcd");
    assert_int_equal(file_ready(file) & READY_IN, READY_IN);
    assert_int_equal(reads(2), 2);
    file->flags |= O_NONBLOCK;
    assert_int_equal(reads(9), 2);
    assert_int_equal(reads(9), -EAGAIN);
    file->flags &= ~O_NONBLOCK;
    raw(5, 1);
    type("ab");
    before = coop_clock_ns;
    assert_int_equal(reads(9), 2);
    assert_in_range(coop_clock_ns - before, 100 * MS, 110 * MS);
    file_put(file);
}

SESSION_TEST(a_bad_buffer_is_efault)
{
    open_it(0);
    type("line\n");
    assert_int_equal(file_read_user(file, BAD, 10), -EFAULT);
    assert_int_equal(file_write_user(file, BAD, 10), -EFAULT);
    assert_int_equal(control(TCGETS, BAD), -EFAULT);
    assert_int_equal(control(TCGETS2, BAD), -EFAULT);
    assert_int_equal(control(TCSETS, BAD), -EFAULT);
    assert_int_equal(control(TIOCGWINSZ, BAD), -EFAULT);
    assert_int_equal(control(TIOCSWINSZ, BAD), -EFAULT);
    assert_int_equal(control(TIOCSPGRP, BAD), -EFAULT);
    assert_int_equal(control(TIOCSTI, BAD), -EFAULT);
    assert_int_equal(control(TIOCSETD, BAD), -EFAULT);
    assert_int_equal(control(FIONREAD, BAD), -EFAULT);
    file_put(file);
}

static void
makes_room(void *unused)
{
    (void)unused;
    coop_sleep_ns(50 * MS);
    place += 8000;
    wake_all(&tty.readers);
}

SESSION_TEST(a_write_waits_for_room)
{
    memset(buf, 'x', 2000);
    buf[2000] = '\0';
    open_it(0);
    coop_spawn(makes_room, NULL);
    shown_len = 0;
    assert_int_equal(writes(buf), 2000);
    assert_int_equal(shown_len, 2000);
    place = 80;
    file->flags |= O_NONBLOCK;
    assert_true(writes(buf) >= 10);
    place = 7;
    assert_int_equal(writes("x"), -EAGAIN);
    assert_int_equal(file_ready(file) & READY_OUT, 0);
    file->flags &= ~O_NONBLOCK;
    coop_interrupt = true;
    assert_int_equal(writes("x"), -EINTR);
    file_put(file);
}

static void
starts(void *unused)
{
    (void)unused;
    coop_sleep_ns(50 * MS);
    type("\x11");
}

SESSION_TEST(a_write_waits_while_output_is_stopped)
{
    open_it(0);
    type("\x13");
    assert_int_equal(file_ready(file) & READY_OUT, 0);
    coop_spawn(starts, NULL);
    assert_int_equal(writes("a"), 1);
    assert_int_equal(control(TCXONC, TCOOFF), 0);
    file->flags |= O_NONBLOCK;
    assert_int_equal(writes("a"), -EAGAIN);
    assert_int_equal(control(TCXONC, TCOON), 0);
    assert_int_equal(writes("b"), 1);
    assert_int_equal(control(TCXONC, TCIOFF), 0);
    assert_memory_equal(shown, "ab\x13", 3);
    assert_int_equal(control(TCXONC, 9), -EINVAL);
    file_put(file);
}

static void
hangs_up(void *unused)
{
    (void)unused;
    coop_sleep_ns(50 * MS);
    tty_hang_up(&tty);
}

SESSION_TEST(who_sleeps_when_it_hangs_up_is_told_and_who_comes_later_reads_the_end)
{
    open_it(0);
    coop_spawn(hangs_up, NULL);
    assert_int_equal(reads(9), -EIO);
    assert_int_equal(reads(9), 0);
    assert_int_equal(writes("x"), -EIO);
    assert_int_equal(control(TCGETS, (uint64_t)buf), -EIO);
    assert_int_equal(control(TIOCSPGRP, (uint64_t)buf), -ENOTTY);
    assert_int_equal(file_ready(file) & (READY_IN | READY_OUT | READY_ERR | READY_HUP), READY_IN | READY_OUT | READY_ERR | READY_HUP);
    file_put(file);
}

SESSION_TEST(the_background_is_kept_out)
{
    open_it(0);
    no_jobs_background = -EINTR;
    assert_int_equal(reads(9), -EINTR);
    assert_int_equal(writes("x"), 1);
    tty.t.lflag |= TOSTOP;
    assert_int_equal(writes("x"), -EINTR);
    assert_int_equal(control(TCSETS, (uint64_t)buf), -EINTR);
    assert_int_equal(control(TCFLSH, TCIFLUSH), -EINTR);
    assert_int_equal(control(TCXONC, TCOON), -EINTR);
    assert_int_equal(control(TCSBRK, 1), -EINTR);
    file_put(file);
}

SESSION_TEST(modes_sizes_and_speeds_are_kept)
{
    struct termios2_k t;
    struct winsize_k size = { 30, 100, 0, 0 }, got = { 0 };

    open_it(0);
    assert_int_equal(control(TCGETS2, (uint64_t)&t), 0);
    assert_int_equal(t.ospeed, 38400);
    t.t.cflag = (t.t.cflag & ~CBAUD) | 0010002;
    assert_int_equal(control(TCSETSF2, (uint64_t)&t), 0);
    assert_int_equal(control(TCGETS2, (uint64_t)&t), 0);
    assert_int_equal(t.ospeed, 115200);
    t.t.cflag = (t.t.cflag & ~CBAUD) | CBAUDEX;
    t.ospeed = 31250;
    assert_int_equal(control(TCSETSW2, (uint64_t)&t), 0);
    assert_int_equal(control(TCSETS, (uint64_t)&t), 0);
    assert_int_equal(control(TCGETS2, (uint64_t)&t), 0);
    assert_int_equal(t.ospeed, 31250);
    assert_int_equal(control(TIOCSWINSZ, (uint64_t)&size), 0);
    assert_int_equal(no_jobs_signalled, SIGWINCH);
    no_jobs_signalled = 0;
    assert_int_equal(control(TIOCSWINSZ, (uint64_t)&size), 0);
    assert_int_equal(no_jobs_signalled, 0);
    assert_int_equal(control(TIOCGWINSZ, (uint64_t)&got), 0);
    assert_int_equal(got.col, 100);
    file_put(file);
}

SESSION_TEST(whose_it_is_only_those_whose_it_is_hear)
{
    uint32_t n = 7;

    open_it(0);
    assert_int_equal(control(TIOCGPGRP, (uint64_t)&n), -ENOTTY);
    assert_int_equal(control(TIOCNOTTY, 0), -ENOTTY);
    assert_int_equal(tty_ioctl(&tty, file, true, TIOCGPGRP, (uint64_t)&n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(tty_ioctl(&tty, file, true, TIOCGSID, (uint64_t)&n), -ENOTTY);
    proc_current()->ctty = &tty;
    tty.sid = 5;
    assert_int_equal(control(TIOCGSID, (uint64_t)&n), 0);
    assert_int_equal(n, 5);
    n = (uint32_t)-1;
    assert_int_equal(control(TIOCSPGRP, (uint64_t)&n), -EINVAL);
    assert_int_equal(control(TIOCSCTTY, 0), -EPERM);
    assert_int_equal(control(TIOCSCTTY, 1), 0);
    assert_int_equal(control(TIOCNOTTY, 0), 0);
    assert_null(proc_current()->ctty);
    file_put(file);
}

SESSION_TEST(opening_offers_it_unless_it_should_not)
{
    open_it(0);
    assert_int_equal(no_jobs_offers, 1);
    file_put(file);
    open_it(O_NOCTTY);
    assert_int_equal(no_jobs_offers, 0);
    assert_int_equal(control(TIOCEXCL, 0), 0);
    proc_current()->fs->uid = 1000;
    assert_int_equal(tty_open(&tty, file, true), -EBUSY);
    assert_int_equal(control(TIOCSTI, (uint64_t)"x"), -EIO);
    proc_current()->fs->uid = 0;
    assert_int_equal(control(TIOCSTI, (uint64_t)"\n"), 0);
    assert_int_equal(reads(9), 1);
    file_put(file);
    assert_false(tty.exclusive);
}

SESSION_TEST(what_was_typed_can_be_thrown_away)
{
    uint32_t n = 7;

    open_it(0);
    type("abc\n");
    assert_int_equal(control(FIONREAD, (uint64_t)&n), 0);
    assert_int_equal(n, 4);
    assert_int_equal(control(TCFLSH, TCOFLUSH), 0);
    assert_true(tty_has_input(&tty));
    assert_int_equal(control(TCFLSH, TCIOFLUSH), 0);
    assert_false(tty_has_input(&tty));
    assert_int_equal(control(TCFLSH, 3), -EINVAL);
    assert_int_equal(control(TIOCGDEV, (uint64_t)&n), 0);
    assert_int_equal(n, 0x8801);
    assert_int_equal(control(TIOCGPTPEER, 0), -EIO);
    assert_int_equal(control(0x5499, 0), -ENOTTY);
    n = 3;
    assert_int_equal(control(TIOCSETD, (uint64_t)&n), -EINVAL);
    file_put(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_sleeps_until_a_line_is_ended),
        cmocka_unit_test(a_long_line_comes_whole_and_its_end_ends_the_read),
        cmocka_unit_test(raw_reads_wait_for_as_many_bytes_and_as_long_as_asked),
        cmocka_unit_test(a_bad_buffer_is_efault),
        cmocka_unit_test(a_write_waits_for_room),
        cmocka_unit_test(a_write_waits_while_output_is_stopped),
        cmocka_unit_test(who_sleeps_when_it_hangs_up_is_told_and_who_comes_later_reads_the_end),
        cmocka_unit_test(the_background_is_kept_out),
        cmocka_unit_test(modes_sizes_and_speeds_are_kept),
        cmocka_unit_test(whose_it_is_only_those_whose_it_is_hear),
        cmocka_unit_test(opening_offers_it_unless_it_should_not),
        cmocka_unit_test(what_was_typed_can_be_thrown_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
