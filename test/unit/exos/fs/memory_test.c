/*
 * memory_test.c: memory runs out at every place where the file system asks for some: at one allocation alone, and at it and all that follow.
 * The call says so, what it had begun is undone, and everything that was there before still is.
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

#define KEPT "kept, whatever happens"
#define BIG 30000
#define FAILURES_MAX 2000       /* more allocations than the work makes */

static const char *const layouts[] = { "-t ext2 -b 1024", "-t ext4 -b 4096 -O ^has_journal" };
static uint8_t buf[BIG];
static unsigned objects_kept;   /* by what the file system keeps from mount to mount */
static unsigned refused;        /* calls that said that there is no memory, in this run */

/* Done; or no memory; or what follows from an earlier call's having had none. */
static long
may(const char *what, long result)
{
    static const int follows[] = { EBADF, ENOENT, EEXIST, ENOTEMPTY, ENODATA };

    if (result >= 0)
        return result;
    refused += result == -ENOMEM;
    for (unsigned i = 0; i < sizeof(follows) / sizeof(follows[0]); i++)
        if (result == -follows[i])
            return result;
    if (result != -ENOMEM)
        fail_msg("allocation %d%s: %s: %ld", host_alloc_fail, host_alloc_fail_all ? " and later" : "", what, result);
    return result;
}
#define MAY(name, ...) may(#name, CALL(name, __VA_ARGS__))

static void
work_on_files(void)
{
    long fd = MAY(open, "/m/file", O_CREAT | O_RDWR, 0644);

    MAY(pwrite64, fd, buf, BIG, 0);
    MAY(pwrite64, fd, buf, 100, 700000);
    MAY(ftruncate, fd, 12345);
    MAY(fsync, fd);
    MAY(pread64, fd, buf, BIG, 0);
    MAY(close, fd);
    MAY(link, "/m/file", "/m/another");
    MAY(symlink, "a-target-that-is-so-long-that-it-does-not-fit-into-the-inode-where-short-ones-lie", "/m/link");
    MAY(readlink, "/m/link", buf, 200);
    MAY(setxattr, "/m/file", "user.name", KEPT, strlen(KEPT), 0);
    MAY(getxattr, "/m/file", "user.name", buf, 100);
}

static void
work_on_directories(void)
{
    static char name[64], entries[4096];
    long fd;

    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "/m/a-name-that-takes-some-room-in-a-directory-%u", i);
        MAY(mknod, name, 0100644, 0);
    }
    fd = MAY(open, "/m", O_RDONLY | O_DIRECTORY);
    while (MAY(getdents64, fd, entries, sizeof(entries)) > 0)
        ;
    MAY(close, fd);
    MAY(mkdir, "/m/sub", 0755);
    MAY(mkdir, "/m/sub/sub", 0755);
    MAY(rename, "/m/sub", "/m/moved");
    MAY(rename, "/m/another", "/m/moved/file");
    MAY(chdir, "/m/moved");
    MAY(getcwd, buf, 100);
    MAY(chdir, "/");
    MAY(rmdir, "/m/moved/sub");
    MAY(unlink, "/m/file");
    MAY(sync, 0);
}

static void
expect_kept(void)
{
    char got[64];
    long fd = CALL(open, "/kept", O_RDONLY);

    assert_int_equal(CALL(pread64, fd, got, sizeof(got), 0), strlen(KEPT));
    assert_memory_equal(got, KEPT, strlen(KEPT));
    assert_int_equal(CALL(close, fd), 0);
}

/* Where memory never came back, what was deleted may be left for e2fsck to find. */
static int
repair(void)
{
    return host_run(PATH_PREFIX "e2fsck -fy %s > %s/fsck.log 2>&1; test $? -le 1", test_image, test_dir);
}

/* One run, in which allocation `number` (negative: none) fails. False: it made fewer. */
static bool
run(int number, bool all)
{
    unsigned made;

    assert_int_equal(host_run("cp %s/before %s", test_dir, test_image), 0);
    assert_int_equal(mount_image(), 0);
    refused = host_allocs = 0;
    host_alloc_fail = number;
    host_alloc_fail_all = all;
    work_on_files();
    work_on_directories();
    made = host_allocs;
    host_alloc_fail = -1;
    expect_kept();
    assert_int_equal(unmount_image(), 0);
    if (number < 0)
        objects_kept = host_heap_objects;
    if (host_heap_objects != objects_kept)
        fail_msg("allocation %d%s: %u objects are left, %u were before", number, all ? " and later" : "", host_heap_objects, objects_kept);
    if (all ? repair() != 0 : fsck() != 0)
        fail_msg("allocation %d%s: e2fsck has something to say", number, all ? " and later" : "");
    return (int)made > number;
}

static void
prepare(const char *layout)
{
    long fd;

    make_image(layout, "2M");
    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/kept", O_CREAT | O_WRONLY, 0644);
    assert_int_equal(CALL(write, fd, KEPT, strlen(KEPT)), strlen(KEPT));
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(CALL(mkdir, "/m", 0755), 0);
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(host_run("cp %s %s/before", test_image, test_dir), 0);
}

static void
no_memory_is_an_error_and_nothing_is_lost(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        unsigned runs = 0, told = 0;

        prepare(layouts[i]);
        (void)run(-1, false);
        for (int number = 0; number < FAILURES_MAX && run(number, false); number++)
            runs++, told += refused != 0;
        for (int number = 0; number < FAILURES_MAX && run(number, true); number += 8)
            runs++, told += refused != 0;
        print_message("%s: %u places, %u were told\n", layouts[i], runs, told);
        assert_true(runs > 50 && told > runs / 4);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_is_an_error_and_nothing_is_lost),
    };
    int failed;

    test_start("memory");
    host_quiet = true;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
