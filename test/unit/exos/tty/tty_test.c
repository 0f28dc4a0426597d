/*
 * tty_test.c: the line discipline, by what is typed, what is shown, and what a reader gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake/exos/plain.h"
#include "tty/termbits.h"
#include "tty/tty.h"

static struct tty tty;
static char shown[8192];
static size_t shown_len;

static void
screen(struct tty *t, const uint8_t *bytes, size_t n)
{
    (void)t;
    assert_true(shown_len + n < sizeof(shown));
    memcpy(shown + shown_len, bytes, n);
    shown_len += n;
    shown[shown_len] = '\0';
}

static unsigned told;

static void
changed(struct tty *t, unsigned what)
{
    (void)t;
    told |= what;
}

static const struct tty_ops ops = { .out = screen, .changed = changed };

static int
fresh(void **state)
{
    (void)state;
    tty_init(&tty, &ops, 0);
    told = 0;
    shown_len = 0;
    shown[0] = '\0';
    return 0;
}

static int
type(const char *keys)
{
    int sig = 0;

    for (; *keys != '\0'; keys++) {
        int s = tty_input(&tty, (uint8_t)*keys);

        sig = s != 0 ? s : sig;
    }
    return sig;
}

static const char *
take(size_t max, bool *closed)
{
    static char line[TTY_INPUT_MAX + 1];
    bool end;
    size_t n = tty_take(&tty, (uint8_t *)line, max, closed != NULL ? closed : &end);

    line[n] = '\0';
    return line;
}

static void
a_line_is_read_when_it_is_ended(void **state)
{
    (void)state;
    type("ls");
    assert_false(tty_has_input(&tty));
    type(" -l\r");
    assert_true(tty_has_input(&tty));
    assert_string_equal(shown, "ls -l\r\n");
    assert_string_equal(take(100, NULL), "ls -l\n");
    assert_false(tty_has_input(&tty));
}

static void
a_read_takes_one_line_and_parts_of_it(void **state)
{
    (void)state;
    type("one\rtwo\r");
    assert_int_equal(tty_readable(&tty), 8);
    assert_string_equal(take(2, NULL), "on");
    assert_string_equal(take(100, NULL), "e\n");
    assert_string_equal(take(100, NULL), "two\n");
}

static void
keys_edit_the_line(void **state)
{
    (void)state;
    type("abx\x7f" "c\r");
    assert_string_equal(take(100, NULL), "abc\n");
    assert_string_equal(shown, "abx\b \bc\r\n");
    type("wrong\x15right\r");
    assert_string_equal(take(100, NULL), "right\n");
    type("one two  \x17" "2\r");
    assert_string_equal(take(100, NULL), "one 2\n");
    type("\x7f\x7f\x15\x17ok\r");
    assert_string_equal(take(100, NULL), "ok\n");
    type("\x16\x03\r");
    assert_string_equal(take(100, NULL), "\x03\n");
    tty.t.iflag |= IUTF8;
    type("\xc3\xa4\x7f" "a\r");
    assert_string_equal(take(100, NULL), "a\n");
    type("one-two\x17\r");
    assert_string_equal(take(100, NULL), "one-\n");
}

static void
erasing_a_tab_goes_back_to_where_it_was_typed(void **state)
{
    (void)state;
    tty_output(&tty, (const uint8_t *)"$ ", 2);
    type("ab\t\x7f");
    assert_string_equal(shown, "$ ab\t\b\b\b\b");
    assert_int_equal(tty.column, 4);
}

static void
a_line_that_is_killed_is_told_as_the_modes_say(void **state)
{
    (void)state;
    tty.t.lflag &= ~ECHOKE;
    type("ab\x15");
    assert_string_equal(shown, "ab^U\r\n");
    shown_len = 0;
    type("cd\x12");
    assert_string_equal(shown, "cd^R\r\ncd");
    assert_int_equal(type("\x15\r"), 0);
    assert_string_equal(take(100, NULL), "\n");
}

static void
erasing_shows_as_many_columns_as_there_were(void **state)
{
    (void)state;
    type("\x01\x7f");
    assert_string_equal(shown, "^A\b \b\b \b");
}

static void
end_of_file_ends_a_line_without_a_byte(void **state)
{
    bool closed;

    (void)state;
    type("\x04");
    assert_true(tty_has_input(&tty));
    assert_int_equal(tty_readable(&tty), 0);
    assert_string_equal(take(100, &closed), "");
    assert_true(closed);
    type("abc\x04");
    assert_string_equal(take(100, &closed), "abc");
    assert_true(closed);
    assert_false(tty_has_input(&tty));
    type("abc\x04");
    assert_string_equal(take(3, &closed), "abc");
    assert_false(tty_has_input(&tty));
}

static void
interrupt_flushes_and_signals(void **state)
{
    (void)state;
    assert_int_equal(type("half\x03"), 2);
    assert_string_equal(shown, "half^C");
    type("whole\r");
    assert_string_equal(take(100, NULL), "whole\n");
    assert_int_equal(type("\x1c"), 3);
    assert_int_equal(told & (TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE), TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
    tty.t.lflag |= NOFLSH;
    assert_int_equal(type("kept\x1a\r"), 20);
    assert_string_equal(take(100, NULL), "kept\n");
    tty.t.lflag &= ~ISIG;
    assert_int_equal(type("\x03\r"), 0);
    assert_string_equal(take(100, NULL), "\x03\n");
}

static void
raw_mode_hands_over_every_byte(void **state)
{
    struct termios_k t = tty.t;

    (void)state;
    type("typed");
    t.lflag &= ~(ICANON | ECHO | ISIG);
    t.iflag &= ~ICRNL;
    tty_set(&tty, &t, false);
    assert_string_equal(take(100, NULL), "typed");
    shown_len = 0;
    shown[0] = '\0';
    type("\x03\x04\x7f\r");
    assert_string_equal(take(100, NULL), "\x03\x04\x7f\r");
    assert_string_equal(shown, "");
}

static void
output_is_processed_as_asked(void **state)
{
    struct termios_k t = tty.t;

    (void)state;
    tty_output(&tty, (const uint8_t *)"a\nb", 3);
    assert_string_equal(shown, "a\r\nb");
    t.oflag = 0;
    tty_set(&tty, &t, false);
    tty_output(&tty, (const uint8_t *)"c\nd", 3);
    assert_string_equal(shown, "a\r\nbc\nd");
}

static void
entering_canonical_mode_makes_a_line_of_what_was_typed(void **state)
{
    struct termios_k raw = tty.t, cooked = tty.t;
    bool closed;

    (void)state;
    raw.lflag &= ~ICANON;
    tty_set(&tty, &raw, false);
    type("abc");
    tty_set(&tty, &cooked, false);
    assert_string_equal(take(100, &closed), "abc");
    assert_true(closed);
    type("\x04");
    tty_set(&tty, &raw, false);
    assert_int_equal(tty_readable(&tty), 1);
    tty_set(&tty, &raw, true);
    assert_int_equal(tty_readable(&tty), 0);
}

static void
output_flags_do_what_they_say(void **state)
{
    (void)state;
    tty.t.oflag = OPOST | OCRNL | ONOCR | XTABS | OLCUC;
    tty_output(&tty, (const uint8_t *)"\rab\tc\r", 6);
    assert_string_equal(shown, "AB      C\n");
}

static void
input_flags_do_what_they_say(void **state)
{
    (void)state;
    tty.t.lflag = IEXTEN;
    tty.t.iflag = ISTRIP | IUCLC | INLCR | IGNCR;
    type("\xc1" "B\r\n");
    assert_string_equal(take(100, NULL), "ab\r");
}

static void
a_full_line_can_still_be_ended(void **state)
{
    (void)state;
    tty.t.lflag &= ~ECHO;
    for (int i = 0; i < TTY_LINE_MAX + 100; i++) {
        assert_true(tty_accepts(&tty));
        type("x");
    }
    assert_false(tty_has_input(&tty));
    type("\r");
    assert_int_equal(tty_readable(&tty), TTY_LINE_MAX);
    assert_int_equal(strlen(take(TTY_INPUT_MAX, NULL)), TTY_LINE_MAX);
    assert_false(tty_has_input(&tty));
    type("next\r");
    assert_string_equal(take(100, NULL), "next\n");
}

static void
who_types_more_than_is_read_has_to_wait(void **state)
{
    int n = 0;

    (void)state;
    tty.t.lflag = 0;
    for (; tty_accepts(&tty); n++)
        type("x");
    assert_int_equal(n, TTY_INPUT_MAX - 1);
    assert_int_equal(strlen(take(1, NULL)), 1);
    assert_true(tty_accepts(&tty));
}

static void
a_bell_rings_only_if_asked_for(void **state)
{
    (void)state;
    tty.t.lflag = 0;
    while (tty_accepts(&tty))
        type("x");
    type("x");
    assert_string_equal(shown, "");
    tty.t.iflag |= IMAXBEL;
    type("x");
    assert_string_equal(shown, "\a");
}

static void
stop_and_start_hold_output(void **state)
{
    (void)state;
    type("\x13");
    assert_true(tty.stopped);
    assert_int_equal(told, TIOCPKT_STOP);
    type("\x11");
    assert_false(tty.stopped);
    tty_stop(&tty, true);
    type("\x11");
    assert_true(tty.stopped);
    tty_start(&tty, true);
    assert_false(tty.stopped);
    tty.t.iflag |= IXANY;
    type("\x13");
    type("a");
    assert_false(tty.stopped);
    assert_string_equal(shown, "a");
}

static void
turning_flow_control_off_lets_output_go_on(void **state)
{
    struct termios_k t = tty.t;

    (void)state;
    type("\x13");
    t.iflag &= ~IXON;
    tty_set(&tty, &t, false);
    assert_false(tty.stopped);
    assert_true(told & TIOCPKT_NOSTOP);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_read_when_it_is_ended, fresh),
        cmocka_unit_test_setup(a_read_takes_one_line_and_parts_of_it, fresh),
        cmocka_unit_test_setup(keys_edit_the_line, fresh),
        cmocka_unit_test_setup(erasing_shows_as_many_columns_as_there_were, fresh),
        cmocka_unit_test_setup(erasing_a_tab_goes_back_to_where_it_was_typed, fresh),
        cmocka_unit_test_setup(a_line_that_is_killed_is_told_as_the_modes_say, fresh),
        cmocka_unit_test_setup(end_of_file_ends_a_line_without_a_byte, fresh),
        cmocka_unit_test_setup(interrupt_flushes_and_signals, fresh),
        cmocka_unit_test_setup(raw_mode_hands_over_every_byte, fresh),
        cmocka_unit_test_setup(output_is_processed_as_asked, fresh),
        cmocka_unit_test_setup(entering_canonical_mode_makes_a_line_of_what_was_typed, fresh),
        cmocka_unit_test_setup(output_flags_do_what_they_say, fresh),
        cmocka_unit_test_setup(input_flags_do_what_they_say, fresh),
        cmocka_unit_test_setup(a_full_line_can_still_be_ended, fresh),
        cmocka_unit_test_setup(who_types_more_than_is_read_has_to_wait, fresh),
        cmocka_unit_test_setup(a_bell_rings_only_if_asked_for, fresh),
        cmocka_unit_test_setup(stop_and_start_hold_output, fresh),
        cmocka_unit_test_setup(turning_flow_control_off_lets_output_go_on, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
