/* rights_test.c: groups, handed-down groups, files without a name, and the limit of a file's size, on a disk and in memory. */
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
#include "proc/signal.h"

static int
start(void **state)
{
    (void)state;
    make_image("-t ext4 -b 4096 -O ^has_journal", "8M");
    assert_int_equal(mount_image(), 0);
    return 0;
}

static int
finish(void **state)
{
    struct fs_context *fs = host_proc.fs;

    (void)state;
    fs->uid = fs->gid = 0;
    assert_int_equal(unmount_image(), 0);
    return fsck();
}

static void
give_groups(uint32_t a, uint32_t b)
{
    struct groups *g = groups_new(2);

    g->gid[0] = a;
    g->gid[1] = b;
    groups_put(host_proc.fs->groups);
    host_proc.fs->groups = g;
    fs_context_changed(host_proc.fs);
}

static void
any_of_the_groups_counts(void **state)
{
    struct fs_context *child;
    long fd = CALL(open, "/f", O_CREAT | O_WRONLY, 0040);

    (void)state;
    assert_int_equal(CALL(fchown, fd, 0, 60), 0);
    assert_int_equal(CALL(close, fd), 0);
    host_proc.fs->uid = host_proc.fs->gid = 7;
    give_groups(50, 61);
    assert_int_equal(CALL(open, "/f", O_RDONLY, 0), -EACCES);
    give_groups(50, 60);
    fd = CALL(open, "/f", O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(CALL(close, fd), 0);
    child = fs_context_fork(host_proc.fs, false);
    give_groups(1, 2);
    assert_true(in_group(child, 60) && in_group(child, 7) && !in_group(child, 61) && !in_group(host_proc.fs, 60));
    fs_context_destroy(child);
}

static void
directories_hand_their_group_down(void **state)
{
    const char *where[] = { "/d", "/dev/shm/d" };
    char path[40];
    struct lx_stat s;

    (void)state;
    for (int n = 0; n < 2; n++) {
        assert_int_equal(CALL(mkdir, where[n], 0777), 0);
        assert_int_equal(CALL(chown, where[n], 0, 60), 0);
        assert_int_equal(CALL(chmod, where[n], 02777), 0);
        snprintf(path, sizeof(path), "%s/sub", where[n]);
        assert_int_equal(CALL(mkdir, path, 0755), 0);
        assert_int_equal(CALL(stat, path, &s), 0);
        assert_int_equal(s.st_gid, 60);
        assert_int_equal(s.st_mode & 07777, 02755);
    }
}

static void
a_nameless_file_may_get_a_name(void **state)
{
    const char *where[] = { "/", "/dev/shm" };
    struct lx_stat s;
    char path[40];

    (void)state;
    for (int n = 0; n < 2; n++) {
        long fd = CALL(open, where[n], O_TMPFILE | O_RDWR, 0600), closed = CALL(open, where[n], O_TMPFILE | O_RDWR | O_EXCL, 0600);

        snprintf(path, sizeof(path), "%s/named", where[n]);
        assert_true(fd >= 0 && closed >= 0);
        assert_int_equal(CALL(write, fd, "abc", 3), 3);
        assert_int_equal(fs_sync_all(), 0);
        assert_int_equal(CALL(linkat, closed, "", AT_FDCWD, path, AT_EMPTY_PATH), -ENOENT);
        assert_int_equal(CALL(linkat, fd, "", AT_FDCWD, path, AT_EMPTY_PATH), 0);
        assert_int_equal(CALL(stat, path, &s), 0);
        assert_int_equal(s.st_nlink, 1);
        assert_int_equal(CALL(close, closed), 0);
        assert_int_equal(CALL(close, fd), 0);
        fd = CALL(open, path, O_RDONLY, 0);
        assert_int_equal(CALL(read, fd, (char[8]){ 0 }, 8), 3);
        assert_int_equal(CALL(unlink, path), 0);
        assert_int_equal(CALL(linkat, fd, "", AT_FDCWD, path, AT_EMPTY_PATH), -ENOENT);
        assert_int_equal(CALL(close, fd), 0);
    }
    assert_int_equal(CALL(open, "/", O_TMPFILE | O_RDONLY, 0), -EINVAL);
    assert_int_equal(CALL(open, "/proc", O_TMPFILE | O_RDWR, 0), -EOPNOTSUPP);
}

static void
the_size_limit_cuts_and_signals(void **state)
{
    long fd = CALL(open, "/f", O_CREAT | O_RDWR, 0600);
    char buf[80] = { 0 };

    (void)state;
    host_proc.fs->file_size_max = 100;
    host_signalled = 0;
    assert_int_equal(CALL(write, fd, buf, 80), 80);
    assert_int_equal(CALL(write, fd, buf, 80), 20);
    assert_int_equal(host_signalled, 0);
    assert_int_equal(CALL(write, fd, buf, 1), -EFBIG);
    assert_int_equal(host_signalled, SIGXFSZ);
    assert_int_equal(CALL(pwrite64, fd, buf, 10, 95), 5);
    assert_int_equal(CALL(ftruncate, fd, 101), -EFBIG);
    assert_int_equal(CALL(fallocate, fd, 0, 0, 101), -EFBIG);
    assert_int_equal(CALL(ftruncate, fd, 100), 0);
    assert_int_equal(CALL(close, fd), 0);
}

static void
a_running_program_is_not_written(void **state)
{
    long fd = CALL(open, "/p", O_CREAT | O_WRONLY, 0755);
    struct fs_context *child;
    struct inode *i;

    (void)state;
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(path_lookup(NULL, "/p", true, &i), 0);
    child = fs_context_fork(host_proc.fs, false);
    fs_context_run(child, i);
    assert_int_equal(CALL(open, "/p", O_RDWR, 0), -ETXTBSY);
    assert_int_equal(CALL(truncate, "/p", 0), -ETXTBSY);
    fd = CALL(open, "/p", O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(CALL(close, fd), 0);
    fs_context_destroy(child);
    fd = CALL(open, "/p", O_RDWR, 0);
    assert_true(fd >= 0);
    assert_int_equal(CALL(close, fd), 0);
    inode_put(i);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_of_the_groups_counts, start, finish),
        cmocka_unit_test_setup_teardown(directories_hand_their_group_down, start, finish),
        cmocka_unit_test_setup_teardown(a_nameless_file_may_get_a_name, start, finish),
        cmocka_unit_test_setup_teardown(the_size_limit_cuts_and_signals, start, finish),
        cmocka_unit_test_setup_teardown(a_running_program_is_not_written, start, finish),
    };
    int failed;

    test_start("rights");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_end();
    return failed;
}
