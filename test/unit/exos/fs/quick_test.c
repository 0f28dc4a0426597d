/* quick_test.c: reads and writes that are done at once see and do what the long way sees and does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi/linux_fs.h"
#include "fake/exos/calls.h"
#include "fs_test.h"

#define FILE_MAX (5 * PAGE_SIZE)
#define ROUNDS 4000
#define BAD_ADDRESS 1

static uint8_t shadow[FILE_MAX], buffer[FILE_MAX];
static uint64_t size;
static long fd;

static int
start(void **state)
{
    (void)state;
    make_image("-t ext4 -b 1024 -O ^has_journal", "4M");
    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/f", O_CREAT | O_RDWR, 0644);
    assert_true(fd >= 0);
    size = 0;
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    host_proc.fs->uid = 0;
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(unmount_image(), 0);
    return fsck();
}

static void
check_read(uint64_t pos, uint64_t n)
{
    uint64_t want = pos >= size ? 0 : MIN(n, size - pos);

    memset(buffer, 0xee, sizeof(buffer));
    assert_int_equal(CALL(pread64, fd, buffer, n, pos), want);
    assert_memory_equal(buffer, shadow + pos, want);
    if (want < sizeof(buffer))
        assert_int_equal(buffer[want], 0xee);
}

static void
check_write(uint64_t pos, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        buffer[i] = (uint8_t)rand();
    assert_int_equal(CALL(pwrite64, fd, buffer, n, pos), n);
    memcpy(shadow + pos, buffer, n);
    size = MAX(size, n > 0 ? pos + n : 0);
}

static void
any_size_at_any_offset(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t pos = (uint64_t)rand() % (FILE_MAX - 1), most = rand() % 2 ? 64 : 3 * PAGE_SIZE, n = (uint64_t)rand() % MIN(FILE_MAX - pos, most);

        if (rand() % 3 == 0)
            check_write(pos, n);
        else
            check_read(pos, n);
        if (rand() % 200 == 0) {
            size = (uint64_t)rand() % FILE_MAX;
            memset(shadow + size, 0, FILE_MAX - size);
            assert_int_equal(CALL(ftruncate, fd, size), 0);
        }
    }
}

static void
the_position_moves_by_what_was_moved(void **state)
{
    (void)state;
    check_write(0, 5000);
    assert_int_equal(CALL(lseek, fd, 0, 0), 0);
    assert_int_equal(CALL(read, fd, buffer, 100), 100);
    assert_int_equal(CALL(write, fd, "abc", 3), 3);
    assert_int_equal(CALL(lseek, fd, 0, 1), 103);
    assert_int_equal(CALL(read, fd, buffer, 0), 0);
    assert_int_equal(CALL(read, fd, (uintptr_t)BAD_ADDRESS, 10), -EFAULT);
    assert_int_equal(CALL(write, fd, (uintptr_t)BAD_ADDRESS, 10), -EFAULT);
    assert_int_equal(CALL(lseek, fd, 0, 1), 103);
    assert_int_equal(CALL(pread64, fd, buffer, 1, (uint64_t)-1), -EINVAL);
    assert_int_equal(CALL(pwrite64, fd, buffer, 1, (uint64_t)-1), -EINVAL);
}

static void
what_a_descriptor_is_for_is_held_to(void **state)
{
    long in = CALL(open, "/f", O_RDONLY, 0), out = CALL(open, "/f", O_WRONLY | O_APPEND, 0), path = CALL(open, "/f", O_PATH, 0);

    (void)state;
    check_write(0, 10);
    assert_int_equal(CALL(pwrite64, in, "x", 1, 0), -EBADF);
    assert_int_equal(CALL(pread64, out, buffer, 1, 0), -EBADF);
    assert_int_equal(CALL(pread64, path, buffer, 1, 0), -EBADF);
    assert_int_equal(CALL(pread64, 900, buffer, 1, 0), -EBADF);
    assert_int_equal(CALL(pread64, 1u << 31, buffer, 1, 0), -EBADF);
    assert_int_equal(CALL(write, out, "tail", 4), 4);
    assert_int_equal(CALL(pread64, fd, buffer, 100, 10), 4);
    assert_memory_equal(buffer, "tail", 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(CALL(close, i == 0 ? in : i == 1 ? out : path), 0);
}

static void
a_write_takes_the_set_id_bits_away(void **state)
{
    struct lx_stat s;

    (void)state;
    check_write(0, 10);
    assert_int_equal(CALL(fchmod, fd, 06755), 0);
    host_proc.fs->uid = 7;
    check_write(0, 10);
    assert_int_equal(CALL(fstat, fd, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0755);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_size_at_any_offset, start, finish),
        cmocka_unit_test_setup_teardown(the_position_moves_by_what_was_moved, start, finish),
        cmocka_unit_test_setup_teardown(what_a_descriptor_is_for_is_held_to, start, finish),
        cmocka_unit_test_setup_teardown(a_write_takes_the_set_id_bits_away, start, finish),
    };
    int failed;

    test_start("quick");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_end();
    return failed;
}
