/*
 * init_config_test.c: what init makes of the kernel command line and of inittab.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "init.h"

static char last_message[512];
static struct cmdline c;
static struct inittab tab;

void
say(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(last_message, sizeof(last_message), format, ap);
    va_end(ap);
}

ssize_t
file_read(const char *path, char *buf, size_t size)
{
    (void)path, (void)buf, (void)size;
    return -1;
}

static void
parse(const char *text)
{
    snprintf(c.text, sizeof(c.text), "%s", text);
    cmdline_parse(&c);
}

static void
exec_takes_the_rest_of_the_line(void **state)
{
    (void)state;
    parse("console=ttyS0 exec=echo 'a  b' exec=c services\n");
    assert_string_equal(c.exec, "echo 'a  b' exec=c services");
    assert_false(c.services);
    parse("services  exec=x");
    assert_string_equal(c.exec, "x");
    assert_true(c.services);
}

static void
without_exec_there_is_no_command(void **state)
{
    (void)state;
    parse("");
    assert_null(c.exec);
    parse("exec=");
    assert_null(c.exec);
    parse("noexec=1 xexec=2 servicesx");
    assert_null(c.exec);
    assert_false(c.services);
}

static void
a_missing_command_line_is_an_empty_one(void **state)
{
    (void)state;
    cmdline_read(&c);
    assert_null(c.exec);
    assert_non_null(strstr(last_message, "/proc/cmdline"));
}

static void
inittab_lines_become_entries(void **state)
{
    char text[] =
        "# comment\n\nweb:respawn:/bin/httpd -p 80\r\n  sh:console: /bin/sh -l\na:once:b:c";

    (void)state;
    assert_int_equal(inittab_parse(&tab, text), 0);
    assert_int_equal(tab.count, 3);
    assert_string_equal(tab.entries[0].command, "/bin/httpd -p 80");
    assert_int_equal(tab.entries[0].action, ACTION_RESPAWN);
    assert_string_equal(tab.entries[1].id, "sh");
    assert_string_equal(tab.entries[1].command, "/bin/sh -l");
    assert_int_equal(tab.entries[1].action, ACTION_CONSOLE);
    assert_string_equal(tab.entries[2].command, "b:c");
}

static void
wrong_lines_are_left_out_and_named(void **state)
{
    char text[] = "x\nx:y\nx:never:z\nx:once:\nthis_id_is_far_too_long:once:a\nok:wait:b\n";

    (void)state;
    assert_int_equal(inittab_parse(&tab, text), 5);
    assert_int_equal(tab.count, 1);
    assert_non_null(strstr(last_message, "line 5 left out: the id is too long"));
}

static void
too_many_lines_are_left_out(void **state)
{
    char text[12 * (ENTRY_MAX + 2)] = "";

    (void)state;
    for (int i = 0; i < ENTRY_MAX + 2; i++)
        strcat(text, "a:once:b\n");
    assert_int_equal(inittab_parse(&tab, text), 2);
    assert_int_equal(tab.count, ENTRY_MAX);
}

static void
without_inittab_there_is_a_shell(void **state)
{
    (void)state;
    assert_int_equal(inittab_read(&tab), 0);
    assert_int_equal(tab.count, 1);
    assert_int_equal(tab.entries[0].action, ACTION_CONSOLE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exec_takes_the_rest_of_the_line),
        cmocka_unit_test(without_exec_there_is_no_command),
        cmocka_unit_test(a_missing_command_line_is_an_empty_one),
        cmocka_unit_test(inittab_lines_become_entries),
        cmocka_unit_test(wrong_lines_are_left_out_and_named),
        cmocka_unit_test(too_many_lines_are_left_out),
        cmocka_unit_test(without_inittab_there_is_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
