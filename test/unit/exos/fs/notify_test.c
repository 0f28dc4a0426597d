/* notify_test.c: who is told of what happens to files, in which order, and that nothing is left behind. */
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
#include "fs/notify.h"
#include "fs_test.h"

#define IN_CLOSE (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)

struct one { int32_t wd; uint32_t mask, cookie, len; char name[16]; };

static long in;

static long
queue(void)
{
    in = CALL(inotify_init1, O_NONBLOCK);
    assert_true(in >= 0);
    return in;
}

/* The next event's mask; its name is the one given. 0: there is none. */
static uint32_t
next(const char *name)
{
    struct one e = { 0 };
    long n = fd_read((int)in, &e, name != NULL ? 32 : 16);

    if (n == -EAGAIN)
        return 0;
    assert_int_equal(n, name != NULL ? 32 : 16);
    if (name != NULL)
        assert_string_equal(e.name, name);
    return e.mask;
}

static void
make_file(const char *path)
{
    assert_int_equal(CALL(close, CALL(open, path, O_CREAT | O_WRONLY, 0644)), 0);
}

static void
names_are_told_of_where_they_change(void **state)
{
    (void)state;
    queue();
    assert_int_equal(CALL(inotify_add_watch, in, "/a", IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE), 1);
    assert_int_equal(CALL(inotify_add_watch, in, "/b", IN_MOVED_TO | IN_DELETE), 2);
    make_file("/a/f");
    assert_int_equal(CALL(rename, "/a/f", "/b/g"), 0);
    assert_int_equal(CALL(unlink, "/b/g"), 0);
    assert_int_equal(next("f"), IN_CREATE);
    assert_int_equal(next("f"), IN_CLOSE_WRITE);
    assert_int_equal(next("f"), IN_MOVED_FROM);
    assert_int_equal(next("g"), IN_MOVED_TO);
    assert_int_equal(next("g"), IN_DELETE);
    assert_int_equal(next(NULL), 0);
    assert_int_equal(CALL(close, in), 0);
}

/* What the disk still has to be told keeps the inode, but nobody uses it any more. */
static void
a_file_ends_when_its_last_user_goes(void **state)
{
    long fd;

    (void)state;
    queue();
    make_file("/a/f");
    CALL(sync, 0);
    fd = CALL(open, "/a/f", O_RDWR);
    assert_int_equal(CALL(inotify_add_watch, in, "/a/f", IN_DELETE_SELF | IN_ATTRIB), 1);
    assert_int_equal(CALL(unlink, "/a/f"), 0);
    assert_int_equal(next(NULL), IN_ATTRIB);
    CALL(sync, 0);
    assert_int_equal(next(NULL), 0);
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(next(NULL), IN_DELETE_SELF);
    assert_int_equal(next(NULL), IN_IGNORED);
    assert_int_equal(CALL(inotify_rm_watch, in, 1), -EINVAL);
    assert_int_equal(CALL(close, in), 0);
}

static void
a_name_that_is_gone_is_still_what_an_open_file_is_called(void **state)
{
    long fd;

    (void)state;
    queue();
    fd = CALL(open, "/a/f", O_CREAT | O_RDWR, 0600);
    assert_int_equal(CALL(inotify_add_watch, in, "/a", IN_MODIFY | IN_CLOSE), 1);
    assert_int_equal(CALL(unlink, "/a/f"), 0);
    assert_int_equal(fd_write((int)fd, "x", 1), 1);
    assert_int_equal(CALL(inotify_add_watch, in, "/a", IN_MODIFY | IN_CLOSE | IN_EXCL_UNLINK), 1);
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(next("f"), IN_MODIFY);
    assert_int_equal(next(NULL), 0);
    assert_int_equal(CALL(close, in), 0);
}

#define F_SETSIG  10
#define F_SETOWN  8
#define F_NOTIFY  1026
#define DN_CREATE 0x04u
#define DN_DELETE 0x08u
#define DN_RENAME 0x10u
#define DN_MULTISHOT 0x80000000u
#define POLL_MSG  3

/* The signal of a directory, if one has come: its descriptor. */
static long
told(void)
{
    long fd = host_signalled == 40 && host_signal_info.code == POLL_MSG ? (long)host_signal_info.word[1] : -1;

    host_signalled = 0;
    return fd;
}

static void
a_directory_sends_signals_once_or_always_and_none_when_it_is_closed(void **state)
{
    long dir = CALL(open, "/a", O_RDONLY);

    (void)state;
    told();
    assert_int_equal(CALL(fcntl, dir, F_SETSIG, 40), 0);
    assert_int_equal(CALL(fcntl, dir, F_NOTIFY, DN_CREATE), 0);
    assert_int_equal(CALL(mkdir, "/a/d", 0700), 0);
    assert_int_equal(told(), dir);
    assert_int_equal(CALL(mkdir, "/a/e", 0700), 0);
    assert_int_equal(told(), -1);
    assert_int_equal(CALL(fcntl, dir, F_NOTIFY, DN_RENAME | DN_DELETE | DN_MULTISHOT), 0);
    assert_int_equal(CALL(rename, "/a/e", "/a/g"), 0);
    assert_int_equal(told(), dir);
    assert_int_equal(CALL(rmdir, "/a/g"), 0);
    assert_int_equal(told(), dir);
    assert_int_equal(CALL(fcntl, dir, F_SETOWN, 0), 0);
    assert_int_equal(CALL(rmdir, "/a/d"), 0);
    assert_int_equal(told(), -1);
    assert_int_equal(CALL(fcntl, dir, F_SETOWN, host_proc.pid), 0);
    assert_int_equal(CALL(close, dir), 0);
    assert_int_equal(CALL(mkdir, "/a/d", 0700), 0);
    assert_int_equal(told(), -1);
    assert_int_equal(CALL(rmdir, "/a/d"), 0);
}

static void
a_directory_that_goes_takes_its_signals_along(void **state)
{
    long dir;

    (void)state;
    assert_int_equal(CALL(mkdir, "/a/d", 0700), 0);
    dir = CALL(open, "/a/d", O_RDONLY);
    assert_int_equal(CALL(fcntl, dir, F_NOTIFY, DN_CREATE | DN_MULTISHOT), 0);
    assert_int_equal(CALL(rmdir, "/a/d"), 0);
    assert_int_equal(CALL(fcntl, dir, F_NOTIFY, 0), 0);
    assert_int_equal(CALL(close, dir), 0);
}

static void
the_queue_has_an_end(void **state)
{
    uint32_t mask = 0;

    (void)state;
    queue();
    make_file("/a/f");
    assert_int_equal(CALL(inotify_add_watch, in, "/a/f", IN_OPEN | IN_CLOSE), 1);
    for (unsigned n = 0; n < 9000; n++)
        assert_int_equal(CALL(close, CALL(open, "/a/f", O_RDONLY)), 0);
    for (unsigned n = 0; n < 16384; n++)
        assert_int_equal(next(NULL), n % 2 == 0 ? IN_OPEN : IN_CLOSE_NOWRITE);
    mask = next(NULL);
    assert_int_equal(mask, IN_Q_OVERFLOW);
    assert_int_equal(next(NULL), 0);
    assert_int_equal(CALL(unlink, "/a/f"), 0);
    assert_int_equal(CALL(close, in), 0);
}

static void
watches_have_a_limit(void **state)
{
    char path[32];

    (void)state;
    queue();
    for (unsigned n = 0; n < 8192 + 1; n++) {
        snprintf(path, sizeof(path), "/dev/shm/%u", n);
        make_file(path);
        assert_int_equal(CALL(inotify_add_watch, in, path, IN_OPEN), n < 8192 ? (long)n + 1 : -ENOSPC);
    }
    assert_int_equal(CALL(inotify_rm_watch, in, 7), 0);
    assert_int_equal(CALL(inotify_add_watch, in, path, IN_OPEN), 8193);
    for (unsigned n = 0; n < 8192 + 1; n++) {
        snprintf(path, sizeof(path), "/dev/shm/%u", n);
        assert_int_equal(CALL(unlink, path), 0);
    }
    assert_int_equal(CALL(close, in), 0);
}

static void
an_unmounted_file_system_tells(void **state)
{
    struct inode *i;

    (void)state;
    queue();
    make_file("/dev/shm/f");
    assert_int_equal(CALL(inotify_add_watch, in, "/dev/shm/f", IN_OPEN), 1);
    assert_int_equal(path_lookup(NULL, "/dev/shm/f", true, &i), 0);
    notify_gone(i, IN_UNMOUNT);
    inode_put(i);
    assert_int_equal(next(NULL), IN_UNMOUNT);
    assert_int_equal(next(NULL), IN_IGNORED);
    assert_int_equal(next(NULL), 0);
    assert_int_equal(CALL(close, in), 0);
    assert_int_equal(CALL(unlink, "/dev/shm/f"), 0);
}

static int
start(void **state)
{
    (void)state;
    make_image("-t ext4 -b 4096 -O ^has_journal", "16M");
    assert_int_equal(mount_image(), 0);
    assert_int_equal(CALL(mkdir, "/a", 0755), 0);
    assert_int_equal(CALL(mkdir, "/b", 0755), 0);
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    assert_int_equal(unmount_image(), 0);
    return fsck();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told_of_where_they_change),
        cmocka_unit_test(a_file_ends_when_its_last_user_goes),
        cmocka_unit_test(a_name_that_is_gone_is_still_what_an_open_file_is_called),
        cmocka_unit_test(a_directory_sends_signals_once_or_always_and_none_when_it_is_closed),
        cmocka_unit_test(a_directory_that_goes_takes_its_signals_along),
        cmocka_unit_test(the_queue_has_an_end),
        cmocka_unit_test(watches_have_a_limit),
        cmocka_unit_test(an_unmounted_file_system_tells),
    };
    int failed;

    test_start("notify");
    failed = cmocka_run_group_tests(tests, start, finish);
    if (failed == 0)
        test_end();
    return failed;
}
