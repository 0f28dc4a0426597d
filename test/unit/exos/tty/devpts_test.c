/*
 * devpts_test.c: pseudo-terminals by name, through the calls that programs make.
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
#include "tty/pty.h"
#include "tty/termbits.h"
#include "unit/exos/fs/fs_test.h"
#include "unit/exos/tty/no_jobs.h"

static int
start(void **state)
{
    (void)state;
    make_image("-t ext2 -b 4096", "4M");
    assert_int_equal(mount_image(), 0);
    devpts_init();
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    host_proc.fs->uid = host_proc.fs->gid = 0;
    assert_int_equal(pty_count(), 0);
    assert_int_equal(unmount_image(), 0);
    return fsck();
}

static long
open_master(void)
{
    long m = CALL(open, "/dev/ptmx", O_RDWR | O_NOCTTY, 0);
    int unlock = 0;

    assert_true(m >= 0);
    assert_int_equal(CALL(ioctl, m, TIOCSPTLCK, &unlock), 0);
    return m;
}

static void
a_node_lives_as_long_as_its_master_and_belongs_to_who_opened_it(void **state)
{
    struct lx_stat s = { 0 };
    unsigned n = 9;
    long m, s0;

    (void)state;
    host_proc.fs->uid = 1000;
    m = open_master();
    assert_int_equal(CALL(ioctl, m, TIOCGPTN, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(CALL(stat, "/dev/pts/0", &s), 0);
    assert_int_equal(s.st_mode, 0020620);
    assert_int_equal(s.st_uid, 1000);
    assert_int_equal(s.st_gid, 5);
    assert_int_equal(s.st_rdev, PTY_DEVICE(0));
    s0 = CALL(open, "/dev/pts/0", O_RDWR, 0);
    assert_true(s0 >= 0);
    host_proc.fs->uid = 1001;
    assert_int_equal(CALL(open, "/dev/pts/0", O_RDWR, 0), -EACCES);
    assert_int_equal(CALL(close, m), 0);
    assert_int_equal(CALL(stat, "/dev/pts/0", &s), -ENOENT);
    assert_int_equal(pty_count(), 1);
    assert_int_equal(CALL(close, s0), 0);
    assert_int_equal(CALL(stat, "/dev/pts/ptmx", &s), 0);
}

static void
a_slave_opens_when_it_is_unlocked(void **state)
{
    long m = CALL(open, "/dev/ptmx", O_RDWR | O_NOCTTY, 0), s;
    int unlock = 0;

    (void)state;
    assert_int_equal(CALL(open, "/dev/pts/0", O_RDWR, 0), -EIO);
    assert_int_equal(CALL(ioctl, m, TIOCGPTPEER, O_RDWR), -EIO);
    assert_int_equal(CALL(ioctl, m, TIOCSPTLCK, &unlock), 0);
    no_jobs_offers = 0;
    s = CALL(ioctl, m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    assert_true(s > m);
    assert_int_equal(no_jobs_offers, 0);
    assert_int_equal(CALL(close, s), 0);
    s = CALL(open, "/dev/pts/0", O_RDWR, 0);
    assert_true(s > m);
    assert_int_equal(no_jobs_offers, 1);
    assert_int_equal(CALL(close, s), 0);
    assert_int_equal(CALL(close, m), 0);
}

static void
an_old_name_does_not_open_a_new_pair(void **state)
{
    long m = open_master(), path = CALL(open, "/dev/pts/0", O_PATH, 0);
    struct inode *old = pty_at(0)->node;
    struct file *f;

    (void)state;
    assert_true(path >= 0);
    assert_int_equal(CALL(close, m), 0);
    m = open_master();
    assert_ptr_not_equal(pty_at(0)->node, old);
    assert_int_equal(vfs_open_inode(old, O_RDWR, &f), -EIO);
    assert_int_equal(CALL(close, path), 0);
    assert_int_equal(CALL(close, m), 0);
}

static void
programs_change_nothing_in_the_directory(void **state)
{
    long m = open_master();

    (void)state;
    assert_int_equal(CALL(unlink, "/dev/pts/0"), -EPERM);
    assert_int_equal(CALL(mkdir, "/dev/pts/x", 0755), -EPERM);
    assert_int_equal(CALL(open, "/dev/pts/x", O_CREAT | O_RDWR, 0644), -EACCES);
    assert_true(CALL(rename, "/dev/pts/0", "/dev/pts/1") < 0);
    assert_int_equal(CALL(chmod, "/dev/pts/0", 0600), 0);
    assert_int_equal(CALL(chown, "/dev/pts/0", 5, 6), 0);
    assert_int_equal(CALL(close, m), 0);
}

static void
numbers_run_out(void **state)
{
    static long masters[PTY_MAX];

    (void)state;
    for (unsigned i = 0; i < PTY_MAX; i++)
        assert_true((masters[i] = CALL(open, "/dev/ptmx", O_RDWR, 0)) >= 0);
    assert_int_equal(CALL(open, "/dev/ptmx", O_RDWR, 0), -ENOSPC);
    for (unsigned i = 0; i < PTY_MAX; i++)
        assert_int_equal(CALL(close, masters[i]), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_node_lives_as_long_as_its_master_and_belongs_to_who_opened_it, start, finish),
        cmocka_unit_test_setup_teardown(a_slave_opens_when_it_is_unlocked, start, finish),
        cmocka_unit_test_setup_teardown(an_old_name_does_not_open_a_new_pair, start, finish),
        cmocka_unit_test_setup_teardown(programs_change_nothing_in_the_directory, start, finish),
        cmocka_unit_test_setup_teardown(numbers_run_out, start, finish),
    };
    int failed;

    test_start("devpts");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
