/* names_test.c: a path that was walked before is walked again as soon as anything on it has changed. */
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

/* The inode that the path leads to, the third time asked; or -errno. */
static long
leads_to(const char *path)
{
    struct lx_stat s = { 0 };
    long err = 0;

    for (int n = 0; n < 3; n++)
        err = CALL(stat, path, &s);
    return err != 0 ? err : (long)s.st_ino;
}

static void
make_file(const char *path)
{
    long fd = CALL(open, path, O_CREAT | O_WRONLY, 0644);

    assert_true(fd >= 0);
    assert_int_equal(CALL(close, fd), 0);
}

static int
start(void **state)
{
    (void)state;
    make_image("-t ext2 -b 4096", "4M");
    assert_int_equal(mount_image(), 0);
    assert_int_equal(CALL(mkdir, "/a", 0755), 0);
    assert_int_equal(CALL(mkdir, "/a/b", 0755), 0);
    assert_int_equal(CALL(mkdir, "/c", 0755), 0);
    make_file("/a/b/f");
    make_file("/c/f");
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    host_proc.fs->uid = host_proc.fs->gid = 0;
    assert_int_equal(unmount_image(), 0);
    return fsck();
}

static void
a_removed_or_replaced_name_is_noticed(void **state)
{
    long old = leads_to("/a/b/f"), other = leads_to("/c/f");

    (void)state;
    assert_true(old > 0 && other > 0 && old != other);
    assert_int_equal(CALL(rename, "/c/f", "/a/b/f"), 0);
    assert_int_equal(leads_to("/a/b/f"), other);
    assert_int_equal(leads_to("/c/f"), -ENOENT);
    assert_int_equal(CALL(unlink, "/a/b/f"), 0);
    assert_int_equal(leads_to("/a/b/f"), -ENOENT);
    make_file("/a/b/f");
    assert_true(leads_to("/a/b/f") > 0);
}

static void
a_moved_directory_is_noticed(void **state)
{
    long deep = leads_to("/a/b/f"), other = leads_to("/c/f");

    (void)state;
    assert_int_equal(CALL(rename, "/a/b", "/c/b"), 0);
    assert_int_equal(leads_to("/a/b/f"), -ENOENT);
    assert_int_equal(leads_to("/c/b/f"), deep);
    assert_int_equal(CALL(renameat2, AT_FDCWD, "/c/b/f", AT_FDCWD, "/c/f", RENAME_EXCHANGE), 0);
    assert_int_equal(leads_to("/c/b/f"), other);
    assert_int_equal(leads_to("/c/f"), deep);
}

static void
the_working_directory_counts(void **state)
{
    long deep = leads_to("/a/b/f"), other = leads_to("/c/f");

    (void)state;
    assert_int_equal(CALL(chdir, "/a/b"), 0);
    assert_int_equal(leads_to("f"), deep);
    assert_int_equal(CALL(chdir, "/c"), 0);
    assert_int_equal(leads_to("f"), other);
    assert_int_equal(leads_to("../a/b/f"), deep);
    assert_int_equal(CALL(chdir, "/"), 0);
}

static void
a_link_may_come_to_lead_elsewhere(void **state)
{
    long deep = leads_to("/a/b/f"), other = leads_to("/c/f");

    (void)state;
    assert_int_equal(CALL(symlink, "/a/b", "/link"), 0);
    assert_int_equal(leads_to("/link/f"), deep);
    assert_int_equal(CALL(unlink, "/link"), 0);
    assert_int_equal(leads_to("/link/f"), -ENOENT);
    assert_int_equal(CALL(symlink, "c", "/link"), 0);
    assert_int_equal(leads_to("/link/f"), other);
}

static void
be(uint32_t uid)
{
    host_proc.fs->uid = uid;
    fs_context_changed(host_proc.fs);
}

static void
permissions_are_those_of_now(void **state)
{
    long deep = leads_to("/a/b/f");

    (void)state;
    be(1000);
    assert_int_equal(leads_to("/a/b/f"), deep);
    be(0);
    assert_int_equal(CALL(chmod, "/a", 0700), 0);
    assert_int_equal(leads_to("/a/b/f"), deep);
    be(1000);
    assert_int_equal(leads_to("/a/b/f"), -EACCES);
    be(0);
    assert_int_equal(CALL(chown, "/a", 1000, 1000), 0);
    be(1000);
    assert_int_equal(leads_to("/a/b/f"), deep);
}

static void
a_mount_covers_what_was_there(void **state)
{
    struct mount *m;
    long bare = leads_to("/c");

    (void)state;
    assert_true(leads_to("/c/f") > 0);
    assert_int_equal(tmpfs_mount(0755, &m), 0);
    assert_int_equal(mount_attach(m, "/c"), 0);
    assert_int_equal(leads_to("/c/f"), -ENOENT);
    assert_int_not_equal(leads_to("/c"), bare);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_removed_or_replaced_name_is_noticed, start, finish),
        cmocka_unit_test_setup_teardown(a_moved_directory_is_noticed, start, finish),
        cmocka_unit_test_setup_teardown(the_working_directory_counts, start, finish),
        cmocka_unit_test_setup_teardown(a_link_may_come_to_lead_elsewhere, start, finish),
        cmocka_unit_test_setup_teardown(permissions_are_those_of_now, start, finish),
        cmocka_unit_test_setup_teardown(a_mount_covers_what_was_there, start, finish),
    };
    int failed;

    test_start("names");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
