/* screen_test.c: the ANSI terminal behind the text screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/screen.h"

static struct screen s;

static int
setup(void **state)
{
    (void)state;
    screen_init(&s);
    return 0;
}

static void
say(const char *text)
{
    screen_write(&s, text, strlen(text));
}

static void
line_is(int row, const char *want)
{
    char got[SCREEN_COLUMNS + 1];
    int n = SCREEN_COLUMNS;

    for (int i = 0; i < SCREEN_COLUMNS; i++)
        got[i] = (char)s.cell[row * SCREEN_COLUMNS + i];
    while (n > 0 && got[n - 1] == ' ')
        n--;
    got[n] = 0;
    assert_string_equal(got, want);
}

static void
text_wraps_only_when_more_comes(void **state)
{
    char line[SCREEN_COLUMNS + 1];

    (void)state;
    memset(line, 'a', SCREEN_COLUMNS);
    line[SCREEN_COLUMNS] = 0;
    say(line);
    assert_int_equal(s.row, 0);
    say("\r\nb");
    line_is(1, "b");
    say("\033[1;80Hxy");
    line_is(1, "y");
}

static void
the_last_line_scrolls(void **state)
{
    (void)state;
    say("first\r\nsecond");
    for (int i = 0; i < SCREEN_ROWS - 1; i++)
        say("\r\n");
    line_is(0, "second");
    assert_int_equal(s.scrolled, 1);
    assert_int_equal(s.row, SCREEN_ROWS - 1);
}

static void
the_cursor_moves_and_stays_inside(void **state)
{
    (void)state;
    say("\033[5;10Hx\033[2A\033[3Dy\033[99Bz");
    assert_int_equal((char)s.cell[4 * SCREEN_COLUMNS + 9], 'x');
    assert_int_equal((char)s.cell[2 * SCREEN_COLUMNS + 7], 'y');
    assert_int_equal(s.row, SCREEN_ROWS - 1);
    say("\033[999;999H\033[C\033[B");
    assert_int_equal(s.row, SCREEN_ROWS - 1);
    assert_int_equal(s.column, SCREEN_COLUMNS - 1);
    say("\033[H\b\033[A\033[D");
    assert_int_equal(s.row * SCREEN_COLUMNS + s.column, 0);
}

static void
erasing_takes_the_part_asked_for(void **state)
{
    (void)state;
    say("abcdef\033[3D\033[K");
    line_is(0, "abc");
    say("\r\nabcdef\033[4D\033[1K");
    line_is(1, "   def");
    say("\033[2J");
    line_is(0, "");
    line_is(1, "");
}

static void
characters_and_lines_are_inserted_and_deleted(void **state)
{
    (void)state;
    say("abcdef\033[1;3H\033[2@");
    line_is(0, "ab  cdef");
    say("\033[3P");
    line_is(0, "abdef");
    say("\r\nsecond\033[H\033[L");
    line_is(0, "");
    line_is(2, "second");
    say("\033[2M");
    line_is(0, "second");
}

static void
a_region_scrolls_alone(void **state)
{
    (void)state;
    say("top\r\none\r\ntwo\r\nthree\r\nbottom\033[2;4r\033[4;1H\n");
    line_is(0, "top");
    line_is(1, "two");
    line_is(2, "three");
    line_is(3, "");
    line_is(4, "bottom");
    assert_int_equal(s.scrolled, 0);
    say("\033[2;1H\033M");
    line_is(1, "");
    line_is(2, "two");
}

static void
colours_become_attributes(void **state)
{
    (void)state;
    say("\033[31ma\033[1mb\033[0;44mc\033[0;7md\033[me\033[38;5;196mf");
    assert_int_equal(s.cell[0], 0x0400 | 'a');
    assert_int_equal(s.cell[1], 0x0c00 | 'b');
    assert_int_equal(s.cell[2], 0x1700 | 'c');
    assert_int_equal(s.cell[3], 0x7000 | 'd');
    assert_int_equal(s.cell[4], 0x0700 | 'e');
    assert_int_equal(s.cell[5], 0x0700 | 'f');
}

static void
titles_queries_and_modes_leave_no_trace(void **state)
{
    (void)state;
    say("\033]0;title\007\033]2;x\033\\\033[6n\033[?1049h\033(B\033[>c\033[?25lok");
    line_is(0, "ok");
    assert_true(s.cursor_hidden);
}

static void
utf8_shows_one_mark_a_character(void **state)
{
    (void)state;
    say("a\xc3\xa4\xe2\x82\xac" "b");
    line_is(0, "a??b");
}

/* Whatever comes, the cursor and the region stay on the screen (and no write leaves it: the sanitizer looks). */
static void
noise_stays_on_the_screen(void **state)
{
    static const char letters[] = "\033\033\033[[[[;?0123456789999ABCDEFGHJKLMPSTX@dfmhlrsu78Mc \r\n\b\tab\377\300";

    (void)state;
    srand(11);
    for (int i = 0; i < 300000; i++) {
        char c = letters[(unsigned)rand() % (sizeof(letters) - 1)];

        screen_write(&s, &c, 1);
        assert_in_range(s.row, 0, SCREEN_ROWS - 1);
        assert_in_range(s.column, 0, SCREEN_COLUMNS);
        assert_true(s.top < s.bottom && s.bottom < SCREEN_ROWS);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(text_wraps_only_when_more_comes, setup),
        cmocka_unit_test_setup(the_last_line_scrolls, setup),
        cmocka_unit_test_setup(the_cursor_moves_and_stays_inside, setup),
        cmocka_unit_test_setup(erasing_takes_the_part_asked_for, setup),
        cmocka_unit_test_setup(characters_and_lines_are_inserted_and_deleted, setup),
        cmocka_unit_test_setup(a_region_scrolls_alone, setup),
        cmocka_unit_test_setup(colours_become_attributes, setup),
        cmocka_unit_test_setup(titles_queries_and_modes_leave_no_trace, setup),
        cmocka_unit_test_setup(utf8_shows_one_mark_a_character, setup),
        cmocka_unit_test_setup(noise_stays_on_the_screen, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
