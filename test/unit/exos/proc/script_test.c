/*
 * script_test.c: what the first line of a script says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proc/script.h"

struct parsed {
    int result;
    char *interp, *arg;
    char line[SCRIPT_LINE_MAX + 1];
};

static struct parsed *
parse(const char *text, size_t n)
{
    static struct parsed p;

    memset(&p, 0x55, sizeof(p));
    memcpy(p.line, text, n);
    p.result = script_parse(p.line, n, &p.interp, &p.arg);
    return &p;
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static void
other_files_are_no_scripts(void **state)
{
    (void)state;
    assert_int_equal(PARSE("")->result, 0);
    assert_int_equal(PARSE("#")->result, 0);
    assert_int_equal(PARSE("# !/bin/sh\n")->result, 0);
    assert_int_equal(PARSE("\177ELF")->result, 0);
}

static void
an_interpreter_stands_alone_or_with_one_argument(void **state)
{
    struct parsed *p = PARSE("#!/bin/sh\necho\n");

    (void)state;
    assert_int_equal(p->result, 1);
    assert_string_equal(p->interp, "/bin/sh");
    assert_null(p->arg);
    p = PARSE("#! \t/usr/bin/env  python3 -u \t\nprint()\n");
    assert_int_equal(p->result, 1);
    assert_string_equal(p->interp, "/usr/bin/env");
    assert_string_equal(p->arg, "python3 -u");
}

static void
the_line_may_be_the_file(void **state)
{
    struct parsed *p = PARSE("#!/bin/sh");

    (void)state;
    assert_int_equal(p->result, 1);
    assert_string_equal(p->interp, "/bin/sh");
}

static void
a_line_without_an_interpreter_is_bad(void **state)
{
    (void)state;
    assert_int_equal(PARSE("#!")->result, -ENOEXEC);
    assert_int_equal(PARSE("#!\n")->result, -ENOEXEC);
    assert_int_equal(PARSE("#! \t \n")->result, -ENOEXEC);
}

static void
a_name_that_was_cut_off_is_bad_but_an_argument_is_not(void **state)
{
    char text[SCRIPT_LINE_MAX];

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "#!/bin/", 7);
    assert_int_equal(parse(text, sizeof(text))->result, -ENOEXEC);
    text[20] = ' ';
    assert_int_equal(parse(text, sizeof(text))->result, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_files_are_no_scripts),
        cmocka_unit_test(an_interpreter_stands_alone_or_with_one_argument),
        cmocka_unit_test(the_line_may_be_the_file),
        cmocka_unit_test(a_line_without_an_interpreter_is_bad),
        cmocka_unit_test(a_name_that_was_cut_off_is_bad_but_an_argument_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
