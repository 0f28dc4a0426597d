/* input_test.c: what the keyboard and the CMOS clock say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/keymap.h"
#include "arch/x86_64/rtc.h"

/* Feeds scan codes and compares the bytes that come out. */
static void
keys(const char *codes, size_t n, const char *want, size_t want_n)
{
    struct keymap k = { 0 };
    char got[64];
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        char out[KEYMAP_BYTES];
        size_t m = keymap_translate(&k, (uint8_t)codes[i], out);

        memcpy(got + len, out, m);
        len += m;
    }
    assert_int_equal(len, want_n);
    assert_memory_equal(got, want, want_n);
}
#define KEYS(codes, want) keys(codes, sizeof(codes) - 1, want, sizeof(want) - 1)

static void
letters_and_signs_obey_shift(void **state)
{
    (void)state;
    KEYS("\x1e\x9e\x02\x82", "a1");
    KEYS("\x2a\x1e\x9e\x02\x82\xaa\x1e", "A!a");
    KEYS("\x36\x35\xb5\xb6\x35", "?/");
    KEYS("\x2a\x36\x1e\xaa\x1e\xb6\x1e", "AAa");
}

static void
caps_lock_changes_letters_alone(void **state)
{
    (void)state;
    KEYS("\x3a\xba\x1e\x02\x2a\x1e\x02\xaa\x3a\xba\x1e", "A1a!a");
}

static void
control_makes_control_characters(void **state)
{
    (void)state;
    KEYS("\x1d\x2e\xae\x9d\x2e", "\003c");
    KEYS("\x1d\x20\x1a\x39", "\004\033\0");
    KEYS("\xe0\x1d\x2e\xe0\x9d", "\003");
    KEYS("\x38\x1e\xb8\x1e", "\033aa");
}

static void
editing_keys_send_what_terminals_send(void **state)
{
    (void)state;
    KEYS("\x1c\x0e\x0f\x01", "\r\177\t\033");
    KEYS("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4d\xe0\x4b", "\033[A\033[B\033[C\033[D");
    KEYS("\xe0\x53\xe0\x49\x3b\x58", "\033[3~\033[5~\033OP\033[24~");
    KEYS("\xe0\x2a\xe0\x48\xe0\xc8\xe0\xaa\x1e", "\033[Aa");
}

static void
pause_and_unknown_codes_are_silent(void **state)
{
    (void)state;
    KEYS("\xe1\x1d\x45\xe1\x9d\xc5\x1e", "a");
    KEYS("\x7f\x5b\x00\xfa\x1e", "a");
}

static void
any_code_sequence_stays_inside(void **state)
{
    struct keymap k = { 0 };

    (void)state;
    srand(5);
    for (int i = 0; i < 100000; i++) {
        char out[KEYMAP_BYTES];

        assert_true(keymap_translate(&k, (uint8_t)rand(), out) <= KEYMAP_BYTES);
    }
}

static void
the_calendar_agrees_with_known_dates(void **state)
{
    (void)state;
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0, 0, 0, 1, 1, 0x70, 0x19, 2 }), 0);
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0x59, 0x59, 0x23, 0x29, 2, 0x24, 0x20, 2 }), 1709251199);
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0, 0, 0, 0x01, 3, 0x24, 0, 2 }), 1709251200);
    assert_int_equal(rtc_seconds((struct rtc_registers){ 40, 46, 1, 9, 9, 1, 20, 6 }), 1000000000);
}

static void
twelve_hour_clocks_are_undone(void **state)
{
    (void)state;
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0, 0, 0x12, 1, 1, 0x70, 0x19, 0 }), 0);
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0, 0, 0x92, 1, 1, 0x70, 0x19, 0 }), 43200);
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0, 0, 0x81, 1, 1, 0x70, 0x19, 0 }), 46800);
}

static void
no_clock_is_no_date(void **state)
{
    (void)state;
    assert_int_equal(rtc_seconds((struct rtc_registers){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_and_signs_obey_shift),
        cmocka_unit_test(caps_lock_changes_letters_alone),
        cmocka_unit_test(control_makes_control_characters),
        cmocka_unit_test(editing_keys_send_what_terminals_send),
        cmocka_unit_test(pause_and_unknown_codes_are_silent),
        cmocka_unit_test(any_code_sequence_stays_inside),
        cmocka_unit_test(the_calendar_agrees_with_known_dates),
        cmocka_unit_test(twelve_hour_clocks_are_undone),
        cmocka_unit_test(no_clock_is_no_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
