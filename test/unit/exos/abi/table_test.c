/*
 * table_test.c: the table of Linux calls is consistent with itself and with Linux' numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "abi/dispatch.h"

struct row {
    unsigned number;
    const char *name, *missing;
    enum lx_state state;
};

#define LX_ROW(number, name, state, missing) { number, #name, missing, LX_##state },
static const struct row rows[] = {
#include "abi/linux.def"
};
#undef LX_ROW

#define LX_ROW(number, name, state, missing) { SYS_##name, #name, missing, LX_##state },
static const struct row host[] = {
#include "abi/linux.def"
};
#undef LX_ROW

#define LX_NAME(number, name) { number, #name, "", LX_ABSENT },
static const struct row names[] = {
#include "abi/names.def"
};
#undef LX_NAME

static void
rows_ascend_and_have_their_linux_numbers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (i > 0)
            assert_true(rows[i - 1].number < rows[i].number);
        assert_true(rows[i].number < LX_NUMBERS);
        assert_int_equal(rows[i].number, host[i].number);
    }
}

static void
partial_rows_say_what_is_missing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(rows[i].state == LX_PARTIAL, rows[i].missing[0] != '\0');
}

static void
names_agree_with_rows(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        for (unsigned j = 0; j < ARRAY_SIZE(names); j++)
            if (names[j].number == rows[i].number)
                assert_string_equal(names[j].name, rows[i].name);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_ascend_and_have_their_linux_numbers),
        cmocka_unit_test(partial_rows_say_what_is_missing),
        cmocka_unit_test(names_agree_with_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
