/*
 * errors_test.c: the disk fails at every request that the file system makes of it: at one read, write or flush alone, and at it and all that
 * follow. Calls say so or succeed; what an fsync said was on the disk is there after e2fsck; nothing is wedged, and all memory comes back.
 */
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

#define FILES 12
#define FILE_BYTES 9000
#define REQUESTS_MAX 2000       /* more than the work makes */

static const char *const layouts[] = { "-t ext2 -b 1024", "-t ext4 -b 4096 -O ^has_journal" };
static const struct { const char *name; unsigned op; } kinds[] = { { "read", BLK_READ }, { "write", BLK_WRITE }, { "flush", BLK_FLUSH } };
static bool durable[FILES];     /* an fsync said so, and nothing has changed it since */
static unsigned told;           /* calls that gave an error, in this run */
static unsigned objects_before, pages_before;
static char at[80];             /* which run */

/* Done; or an error of the disk; or what follows from one. */
static long
may(const char *what, long result)
{
    static const int follows[] = { EIO, EROFS, EUCLEAN, EBADF, ENOENT, EEXIST, ENOTEMPTY, ENODATA };

    if (result >= 0)
        return result;
    told++;
    for (unsigned i = 0; i < sizeof(follows) / sizeof(follows[0]); i++)
        if (result == -follows[i])
            return result;
    fail_msg("%s: %s: %ld", at, what, result);
    return result;
}
#define MAY(name, ...) may(#name, CALL(name, __VA_ARGS__))

static void
fill(uint8_t buf[FILE_BYTES], unsigned n)
{
    for (unsigned i = 0; i < FILE_BYTES; i++)
        buf[i] = (uint8_t)(i * 7 + i / 256 + n * 31);
}

static const char *
name_of(unsigned n)
{
    static char name[32];

    snprintf(name, sizeof(name), "/m/file-%u", n);
    return name;
}

/* Some are synced at once; some only after everything was written for another reason, which must not take the error along. */
static void
write_file(unsigned n)
{
    static uint8_t buf[FILE_BYTES];
    long fd = MAY(open, name_of(n), O_CREAT | O_RDWR, 0644);
    bool good;

    fill(buf, n);
    good = fd >= 0 && MAY(pwrite64, fd, buf, FILE_BYTES, 0) == FILE_BYTES;
    if (n % 3 == 1)
        MAY(sync, 0);
    if (n % 3 == 2)
        (void)fs_housekeep();
    good = n % 4 != 3 && MAY(fsync, fd) == 0 && good;
    durable[n] = good;
    if (fd >= 0)
        MAY(close, fd);
}

static void
work(void)
{
    static char entries[4096];
    long fd;

    for (unsigned n = 0; n < FILES; n++)
        write_file(n);
    (void)cache_reclaim(UINT64_MAX);
    fd = MAY(open, "/old/numbers", O_RDWR);
    MAY(pread64, fd, entries, sizeof(entries), 50000);
    MAY(ftruncate, fd, 30000);
    MAY(pwrite64, fd, "x", 1, 900000);
    MAY(close, fd);
    fd = MAY(open, "/old", O_RDONLY | O_DIRECTORY);
    while (MAY(getdents64, fd, entries, sizeof(entries)) > 0)
        ;
    MAY(close, fd);
    MAY(mkdir, "/m/sub", 0755);
    MAY(rename, "/old/b", "/m/sub/b");
    MAY(link, "/old/a", "/m/sub/another");
    MAY(unlink, "/old/c");
    MAY(setxattr, "/old/a", "user.name", "value", 5, 0);
    MAY(sync, 0);
    (void)cache_reclaim(UINT64_MAX);    /* now much has to be read again */
    MAY(rmdir, "/old/empty");
    MAY(unlink, "/m/sub/b");
}

static bool
is_whole(unsigned n)
{
    static uint8_t want[FILE_BYTES], got[FILE_BYTES];
    long fd = CALL(open, name_of(n), O_RDONLY), bytes = fd >= 0 ? CALL(pread64, fd, got, FILE_BYTES, 0) : fd;

    fill(want, n);
    if (fd >= 0)
        CALL(close, fd);
    return bytes == FILE_BYTES && memcmp(want, got, FILE_BYTES) == 0;
}

/* What is on the disk, after e2fsck. */
static void
expect_durable(void)
{
    if (host_run(PATH_PREFIX "e2fsck -fy %s > %s/repair.log 2>&1; test $? -le 1", test_image, test_dir) != 0)
        fail_msg("%s: e2fsck cannot mend it", at);
    assert_int_equal(mount_image(), 0);
    for (unsigned n = 0; n < FILES; n++)
        if (durable[n] && !is_whole(n))
            fail_msg("%s: file %u was synced and is lost", at, n);
    assert_int_equal(unmount_image(), 0);
}

/* One run, in which request `number` (negative: none) fails. False: it made fewer. */
static bool
run(unsigned kind, int number, bool all)
{
    unsigned made;
    int err;

    snprintf(at, sizeof(at), "%s %d%s", kinds[kind].name, number, all ? " and later" : "");
    assert_int_equal(host_run("cp %s/before %s", test_dir, test_image), 0);
    assert_int_equal(mount_image(), 0);
    told = host_ios = 0;
    host_io_fail_ops = 1u << kinds[kind].op;
    host_io_fail = number;
    host_io_fail_all = all;
    work();
    made = host_ios;
    err = unmount_image();
    host_io_fail = -1;
    if (number < 0)
        assert_int_equal(err, 0);
    if (number >= 0 && (objects_held() != objects_before || host_pages != pages_before))
        fail_msg("%s: %u objects and %u pages, %u and %u before", at, objects_held(), host_pages, objects_before, pages_before);
    objects_before = objects_held();
    pages_before = host_pages;
    expect_durable();
    return (int)made > number;
}

static int
make_source(void **state)
{
    (void)state;
    return host_run("cd %s/src; mkdir -p old/empty m; seq 20000 > old/numbers; for f in a b c; do seq 3000 > old/$f; done;"
                    "for i in $(seq 100); do echo $i > old/a-name-of-some-length-$i; done", test_dir);
}

static void
every_request_may_fail(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        make_image(layouts[i], "2M");
        assert_int_equal(host_run("mv %s %s/before", test_image, test_dir), 0);
        for (unsigned kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
            unsigned runs = 0, errors = 0;

            (void)run(kind, -1, false);
            assert_int_equal(told, 0);
            for (int number = 0; number < REQUESTS_MAX && run(kind, number, false); number++)
                runs++, errors += told != 0;
            for (int number = 0; number < REQUESTS_MAX && run(kind, number, true); number += 8)
                runs++, errors += told != 0;
            print_message("%s: %u runs with failing %ss, %u were told\n", layouts[i], runs, kinds[kind].name, errors);
        }
    }
}

/* Whoever has the file open is told once, though it was sync that met the error; and who opens it later, only if nobody was told. */
static void
an_error_that_another_met_is_told_by_each_fsync(void **state)
{
    long fd[3];

    (void)state;
    make_image(layouts[1], "2M");
    assert_int_equal(mount_image(), 0);
    for (unsigned i = 0; i < 2; i++)
        fd[i] = CALL(open, "/old/numbers", O_RDWR);
    assert_int_equal(CALL(pwrite64, fd[0], "x", 1, 5000), 1);
    host_io_fail_ops = 1u << BLK_WRITE;
    host_ios = 0;
    host_io_fail = 0;
    host_io_fail_all = false;
    assert_int_equal(CALL(sync, 0), 0);
    assert_int_equal(host_ios > 0, true);
    host_io_fail = -1;
    fd[2] = CALL(open, "/old/numbers", O_RDWR);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(CALL(fsync, fd[i]), -EIO);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(CALL(fsync, fd[i]), 0);
    CALL(close, fd[2]);
    fd[2] = CALL(open, "/old/numbers", O_RDWR);
    assert_int_equal(CALL(fsync, fd[2]), 0);
    for (unsigned i = 0; i < 3; i++)
        CALL(close, fd[i]);
    assert_int_equal(unmount_image(), 0);
}

static void
fsync_of_a_disk_is_a_flush_and_may_fail(void **state)
{
    long fd;

    (void)state;
    make_image(layouts[0], "2M");
    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/dev/vda", O_RDONLY);
    host_io_fail_ops = 1u << BLK_FLUSH;
    host_ios = 0;
    host_io_fail = 1;
    host_io_fail_all = false;
    assert_int_equal(CALL(fsync, fd), 0);
    assert_int_equal(host_ios, 1);
    assert_int_equal(CALL(fsync, fd), -EIO);
    host_io_fail = -1;
    CALL(close, fd);
    assert_int_equal(unmount_image(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_that_another_met_is_told_by_each_fsync),
        cmocka_unit_test(fsync_of_a_disk_is_a_flush_and_may_fail),
        cmocka_unit_test(every_request_may_fail),
    };
    int failed;

    test_start("errors");
    host_quiet = true;
    failed = cmocka_run_group_tests(tests, make_source, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
