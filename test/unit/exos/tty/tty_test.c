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

static int
fresh(void **state)
{
    (void)state;
    tty_init(&tty);
    tty.out = screen;
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
take(size_t max, bool *eof)
{
    static char line[TTY_INPUT_MAX + 1];
    bool end;
    size_t n = tty_take(&tty, (uint8_t *)line, max, eof != NULL ? eof : &end);

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
    type("\xc3\xa4\x7f" "a\r");
    assert_string_equal(take(100, NULL), "a\n");
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
    bool eof;

    (void)state;
    type("\x04");
    assert_true(tty_has_input(&tty));
    assert_int_equal(tty_readable(&tty), 0);
    assert_string_equal(take(100, &eof), "");
    assert_true(eof);
    type("abc\x04");
    assert_string_equal(take(100, &eof), "abc");
    assert_false(eof);
    assert_false(tty_has_input(&tty));
    type("abc\x04");
    assert_string_equal(take(3, &eof), "abc");
    assert_false(tty_has_input(&tty));
}

static void
interrupt_flushes_and_signals(void **state)
{
    (void)state;
    assert_int_equal(type("half\x03"), 2);
    assert_string_equal(shown, "half^C\r\n");
    type("whole\r");
    assert_string_equal(take(100, NULL), "whole\n");
    assert_int_equal(type("\x1c"), 3);
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
a_full_line_can_still_be_ended(void **state)
{
    (void)state;
    tty.t.lflag &= ~ECHO;
    for (int i = 0; i < TTY_INPUT_MAX + 100; i++)
        type("x");
    assert_false(tty_has_input(&tty));
    type("\r");
    assert_int_equal(tty_readable(&tty), TTY_INPUT_MAX);
    assert_int_equal(strlen(take(TTY_INPUT_MAX, NULL)), TTY_INPUT_MAX);
    assert_false(tty_has_input(&tty));
    type("next\r");
    assert_string_equal(take(100, NULL), "next\n");
}

static void
stop_and_start_hold_output(void **state)
{
    (void)state;
    type("\x13");
    assert_true(tty.stopped);
    type("\x11");
    assert_false(tty.stopped);
    assert_string_equal(shown, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_read_when_it_is_ended, fresh),
        cmocka_unit_test_setup(a_read_takes_one_line_and_parts_of_it, fresh),
        cmocka_unit_test_setup(keys_edit_the_line, fresh),
        cmocka_unit_test_setup(erasing_shows_as_many_columns_as_there_were, fresh),
        cmocka_unit_test_setup(end_of_file_ends_a_line_without_a_byte, fresh),
        cmocka_unit_test_setup(interrupt_flushes_and_signals, fresh),
        cmocka_unit_test_setup(raw_mode_hands_over_every_byte, fresh),
        cmocka_unit_test_setup(output_is_processed_as_asked, fresh),
        cmocka_unit_test_setup(a_full_line_can_still_be_ended, fresh),
        cmocka_unit_test_setup(stop_and_start_hold_output, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
