/* seals_test.c: every seal, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake/exos/calls.h"
#include "fs/seals.h"
#include "fs_test.h"

#define ADD_SEALS 1033
#define GET_SEALS 1034
#define ALLOW 2

static long
sealed(uint32_t seals)
{
    long fd = CALL(memfd_create, "m", ALLOW);

    assert_true(fd >= 0);
    assert_int_equal(CALL(ftruncate, fd, 100), 0);
    assert_int_equal(CALL(fcntl, fd, ADD_SEALS, seals), 0);
    return fd;
}

static void
sizes_are_kept(void **state)
{
    long fd = sealed(F_SEAL_GROW);

    (void)state;
    assert_int_equal(CALL(ftruncate, fd, 101), -EPERM);
    assert_int_equal(CALL(pwrite64, fd, "abc", 3, 98), -EPERM);
    assert_int_equal(CALL(pwrite64, fd, "abc", 3, 97), 3);
    assert_int_equal(CALL(fallocate, fd, 0, 0, 200), -EPERM);
    assert_int_equal(CALL(ftruncate, fd, 50), 0);
    assert_int_equal(CALL(fcntl, fd, ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(CALL(ftruncate, fd, 49), -EPERM);
    assert_int_equal(CALL(ftruncate, fd, 50), 0);
    assert_int_equal(CALL(close, fd), 0);
}

static void
contents_are_kept(void **state)
{
    long fd = sealed(0);

    (void)state;
    host_may_store = true;
    assert_int_equal(CALL(fcntl, fd, ADD_SEALS, F_SEAL_WRITE), -EBUSY);
    assert_int_equal(CALL(fcntl, fd, ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
    host_may_store = false;
    assert_int_equal(CALL(pwrite64, fd, "abc", 3, 0), -EPERM);
    assert_int_equal(CALL(fcntl, fd, ADD_SEALS, F_SEAL_WRITE), 0);
    assert_int_equal(CALL(fallocate, fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 0, 50), -EPERM);
    assert_int_equal(CALL(fcntl, fd, GET_SEALS), F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
    assert_int_equal(CALL(close, fd), 0);
}

static void
modes_are_kept(void **state)
{
    long fd = sealed(F_SEAL_EXEC);

    (void)state;
    assert_int_equal(CALL(fchmod, fd, 0666), -EPERM);
    assert_int_equal(CALL(fchmod, fd, 0711), 0);
    assert_int_equal(CALL(fcntl, fd, GET_SEALS), F_SEAL_ALL & ~F_SEAL_SEAL);     /* it could be run, so it shall not change */
    assert_int_equal(CALL(close, fd), 0);
}

static void
who_may_seal(void **state)
{
    long fd = sealed(F_SEAL_SEAL), plain = CALL(memfd_create, "m", 0), file = CALL(open, "/on-disk", O_CREAT | O_RDWR, 0600);

    (void)state;
    assert_int_equal(CALL(fcntl, fd, ADD_SEALS, F_SEAL_GROW), -EPERM);
    assert_int_equal(CALL(fcntl, plain, ADD_SEALS, F_SEAL_GROW), -EPERM);
    assert_int_equal(CALL(fcntl, plain, GET_SEALS), F_SEAL_SEAL);
    assert_int_equal(CALL(fcntl, file, ADD_SEALS, F_SEAL_GROW), -EINVAL);
    assert_int_equal(CALL(fcntl, file, GET_SEALS), -EINVAL);
    assert_int_equal(CALL(fcntl, sealed(0), ADD_SEALS, 0x1000), -EINVAL);
    assert_int_equal(CALL(close, fd), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_kept),
        cmocka_unit_test(contents_are_kept),
        cmocka_unit_test(modes_are_kept),
        cmocka_unit_test(who_may_seal),
    };
    int failed;

    test_start("seals");
    make_image("-t ext4 -b 4096 -O ^has_journal", "4M");
    if (mount_image() != 0)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
