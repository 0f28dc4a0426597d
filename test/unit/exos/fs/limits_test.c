/* limits_test.c: full disks, big and sparse files, deep extent trees, crowded directories, deleted open files, I/O errors. */
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
#include "fs_test.h"

static const char *const layouts[] = {
    "-t ext2 -b 1024", "-t ext2 -b 4096", "-t ext4 -b 4096 -O ^has_journal", "-t ext4 -b 1024 -O ^has_journal",
};
#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static char buf[1 << 20];

static void
finish(void)
{
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(fsck(), 0);
}

static void
a_full_disk_says_so_and_stays_whole(void **state)
{
    (void)state;
    for (unsigned n = 0; n < LAYOUTS; n++) {
        long fd, got = 0, files = 0;
        char name[32];

        make_image(layouts[n], "4M");
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/big", O_CREAT | O_WRONLY, 0644);
        assert_true(fd >= 0);
        while ((got = CALL(write, fd, buf, sizeof(buf) / 3)) > 0)
            continue;
        assert_int_equal(got, -ENOSPC);
        assert_int_equal(CALL(symlink, "a target that is much too long to be kept in the inode itself, and so needs a block of its own",
                              "/link"), -ENOSPC);
        assert_int_equal(CALL(mkdir, "/dir", 0755), -ENOSPC);
        assert_int_equal(CALL(close, fd), 0);
        assert_int_equal(CALL(truncate, "/big", 100), 0);
        for (got = 0; got >= 0; files++) {
            snprintf(name, sizeof(name), "/file%ld", files);
            got = CALL(open, name, O_CREAT | O_WRONLY, 0644);
            if (got >= 0)
                assert_int_equal(CALL(close, got), 0);
        }
        assert_int_equal(got, -ENOSPC);
        assert_int_equal(CALL(unlink, "/file7"), 0);
        assert_true((got = CALL(open, "/again", O_CREAT | O_WRONLY, 0644)) >= 0);
        assert_int_equal(CALL(close, got), 0);
        finish();
    }
}

static void
write_pattern(long fd, uint64_t pos, uint64_t len)
{
    for (uint64_t done = 0; done < len; done += sizeof(buf)) {
        for (size_t k = 0; k < sizeof(buf); k += 8)
            *(uint64_t *)(buf + k) = pos + done + k;
        assert_int_equal(CALL(pwrite64, fd, buf, sizeof(buf), pos + done), sizeof(buf));
    }
}

static void
check_pattern(long fd, uint64_t pos, uint64_t len)
{
    for (uint64_t done = 0; done < len; done += sizeof(buf)) {
        assert_int_equal(CALL(pread64, fd, buf, sizeof(buf), pos + done), sizeof(buf));
        for (size_t k = 0; k < sizeof(buf); k += 8)
            assert_int_equal(*(uint64_t *)(buf + k), pos + done + k);
    }
}

static void
big_files_survive_a_remount(void **state)
{
    (void)state;
    for (unsigned n = 0; n < LAYOUTS; n++) {
        uint64_t requests;
        long fd;

        host_mem_pages = 4096;          /* much less than the file */
        make_image(layouts[n], "160M");
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/big", O_CREAT | O_RDWR, 0644);
        requests = host_writes;
        write_pattern(fd, 0, 64 << 20);
        assert_int_equal(CALL(fsync, fd), 0);
        if (strstr(layouts[n], "4096") != NULL)
            assert_in_range(host_writes - requests, 0, 64 * 256 / 16);
        assert_int_equal(CALL(close, fd), 0);
        finish();
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/big", O_RDONLY, 0);
        requests = host_reads;
        check_pattern(fd, 0, 64 << 20);
        if (strstr(layouts[n], "4096") != NULL)
            assert_in_range(host_reads - requests, 0, 64 * 256 / 16);
        assert_int_equal(CALL(close, fd), 0);
        assert_int_equal(CALL(unlink, "/big"), 0);
        finish();
    }
    host_mem_pages = 16384;
}

/* Every other block: the worst there is for an extent tree. */
static void
scattered_files_grow_and_shrink(void **state)
{
    (void)state;
    for (unsigned n = 0; n < LAYOUTS; n++) {
        uint64_t block = strstr(layouts[n], "1024") != NULL ? 1024 : 4096, count = 3000;
        long fd;

        make_image(layouts[n], "64M");
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/holes", O_CREAT | O_RDWR, 0644);
        for (uint64_t k = 0; k < count; k++) {
            uint64_t at = (k * 7919 % count) * 2 * block;
            assert_int_equal(CALL(pwrite64, fd, &at, 8, at), 8);
        }
        finish();
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/holes", O_RDWR, 0);
        for (uint64_t k = 0; k < count; k++) {
            uint64_t value[2] = { 1, 1 }, at = k * 2 * block;
            assert_int_equal(CALL(pread64, fd, value, 16, at), k == count - 1 ? 8 : 16);
            assert_int_equal(value[0], at);
        }
        for (uint64_t k = 1; k < count; k += 2) {
            assert_int_equal(CALL(fallocate, fd, 3, k * 2 * block, block), 0);
        }
        assert_int_equal(CALL(ftruncate, fd, count * block), 0);
        assert_int_equal(CALL(fallocate, fd, 0, 0, count * block), 0);
        for (uint64_t k = 0; k < count / 2; k += 2) {
            uint64_t value;
            assert_int_equal(CALL(pread64, fd, &value, 8, k * 2 * block), 8);
            assert_int_equal(value, k * 2 * block);
        }
        finish();
    }
}

static void
a_directory_holds_five_thousand_names(void **state)
{
    (void)state;
    for (unsigned n = 0; n < LAYOUTS; n++) {
        char name[64];
        long fd;

        make_image(layouts[n], "40M -N 8000");
        assert_int_equal(mount_image(), 0);
        assert_int_equal(CALL(mkdir, "/d", 0755), 0);
        for (int k = 0; k < 5000; k++) {
            snprintf(name, sizeof(name), "/d/name-of-a-file-%d", k);
            fd = CALL(open, name, O_CREAT | O_WRONLY | O_EXCL, 0644);
            assert_true(fd >= 0);
            assert_int_equal(CALL(close, fd), 0);
        }
        assert_int_equal(CALL(rmdir, "/d"), -ENOTEMPTY);
        finish();
        if (strstr(layouts[n], "ext4") != NULL)     /* with an index: it must go before the first change */
            host_run(PATH_PREFIX "e2fsck -fyD %s >/dev/null 2>&1", test_image);
        assert_int_equal(mount_image(), 0);
        for (int k = 0; k < 5000; k++) {
            snprintf(name, sizeof(name), "/d/name-of-a-file-%d", k);
            assert_int_equal(CALL(unlink, name), 0);
            if (k == 2500) {
                finish();
                assert_int_equal(mount_image(), 0);
            }
        }
        assert_int_equal(CALL(rmdir, "/d"), 0);
        finish();
    }
}

static void
a_deleted_file_lives_until_it_is_closed(void **state)
{
    long fd, dir;

    (void)state;
    make_image(layouts[2], "16M");
    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/x", O_CREAT | O_RDWR, 0644);
    write_pattern(fd, 0, 1 << 20);
    assert_int_equal(CALL(unlink, "/x"), 0);
    assert_int_equal(CALL(open, "/x", O_RDONLY, 0), -ENOENT);
    check_pattern(fd, 0, 1 << 20);
    write_pattern(fd, 1 << 20, 1 << 20);
    check_pattern(fd, 0, 2 << 20);
    assert_int_equal(CALL(mkdir, "/d", 0755), 0);
    dir = CALL(open, "/d", O_RDONLY | O_DIRECTORY, 0);
    assert_int_equal(CALL(rmdir, "/d"), 0);
    assert_int_equal(CALL(openat, dir, "y", O_CREAT | O_WRONLY, 0644), -ENOENT);
    finish();                           /* still open: the unmount frees them */
}

/* A mapping of that page of the open file, writable: as a write fault makes it. */
static void
map_page(int fd, uint64_t index, uint64_t *count)
{
    struct file *f = fd_get(fd);
    void *data;

    assert_int_equal(f->ops->pin_page(f, index, &data), 0);
    assert_int_equal(f->ops->make_writable(f, index, data), 0);
    assert_int_equal(f->ops->map(f, index, data, 1, 0x1000 * (index + 1), count), 0);
    memset(data, 'm', PAGE_SIZE);
    file_put(f);
}

static void
mappings_go_before_a_page_is_written_or_cut_off(void **state)
{
    (void)state;
    for (unsigned n = 0; n < LAYOUTS; n++) {
        uint64_t count = 0;
        struct file *f;
        void *data;
        long fd;

        make_image(layouts[n], "4M");
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/x", O_CREAT | O_RDWR, 0644);
        assert_int_equal(CALL(ftruncate, fd, 3 * PAGE_SIZE + 100), 0);
        host_unmapped = 0;
        map_page((int)fd, 0, &count);
        map_page((int)fd, 3, &count);
        assert_int_equal(count, 2);
        assert_int_equal(CALL(fsync, fd), 0);
        assert_int_equal(count, 0);
        assert_int_equal(host_unmapped, 2);
        map_page((int)fd, 1, &count);
        assert_int_equal(CALL(ftruncate, fd, 100), 0);
        assert_int_equal(count, 0);
        assert_int_equal(host_unmapped, 3);
        map_page((int)fd, 0, &count);
        f = fd_get((int)fd);
        assert_int_equal(f->ops->pin_page(f, 0, &data), 0);
        f->ops->unpin_page(f, 0, data);
        f->ops->unmap(f, 0, data, 1, 0x1000);
        assert_int_equal(f->ops->pin_page(f, 1, &data), -ENXIO);
        file_put(f);
        assert_int_equal(count, 0);
        assert_int_equal(CALL(close, fd), 0);
        assert_int_equal(unmount_image(), 0);
        assert_int_equal(mount_image(), 0);
        fd = CALL(open, "/x", O_RDONLY, 0);
        assert_int_equal(CALL(pread64, fd, buf, sizeof(buf), 0), 100);
        assert_true(buf[0] == 'm' && buf[99] == 'm');
        assert_int_equal(CALL(close, fd), 0);
        finish();
    }
}

/* Names of inodes that are free, never used, reserved, or damaged: errors, and the name can be removed. */
static void
a_name_that_leads_nowhere_can_be_removed(void **state)
{
    static const char *const names[] = { "/cleared", "/gone", "/reserved", "/odd" };
    long fd;

    (void)state;
    make_image(layouts[1], "4M");
    assert_int_equal(mount_image(), 0);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(CALL(close, CALL(open, names[n], O_CREAT | O_WRONLY, 0644)), 0);
    assert_int_equal(CALL(mkdir, "/dir", 0755), 0);
    finish();
    assert_int_equal(host_run(PATH_PREFIX "(echo clri cleared; echo clri dir; echo set_inode_field odd mode 0170000; echo unlink gone;"
                              "echo 'link <999> gone'; echo unlink reserved; echo 'link <7> reserved') | debugfs -w -f - %s >/dev/null 2>&1",
                              test_image), 0);
    assert_int_equal(mount_image(), 0);
    host_quiet = true;
    for (unsigned n = 0; n < 4; n++) {
        assert_int_equal(CALL(open, names[n], O_RDONLY, 0), -EUCLEAN);
        assert_int_equal(CALL(open, names[n], O_CREAT | O_WRONLY, 0644), -EUCLEAN);
        assert_int_equal(CALL(mkdir, names[n], 0755), -EUCLEAN);
        assert_int_equal(CALL(rename, names[n], "/elsewhere"), -EUCLEAN);
        assert_int_equal(CALL(unlink, names[n]), 0);
        assert_int_equal(CALL(unlink, names[n]), -ENOENT);
    }
    assert_int_equal(CALL(open, "/dir/x", O_CREAT | O_WRONLY, 0644), -EUCLEAN);
    assert_int_equal(CALL(rmdir, "/dir"), 0);
    host_quiet = false;
    fd = CALL(open, "/cleared", O_CREAT | O_WRONLY, 0644);
    assert_true(fd >= 0);
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(host_run(PATH_PREFIX "e2fsck -fy %s >%s/fsck.log 2>&1; test $? -le 1", test_image, test_dir), 0);
}

static void
io_errors_are_reported_once(void **state)
{
    long fd;

    (void)state;
    make_image(layouts[2], "16M");
    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/x", O_CREAT | O_RDWR, 0644);
    write_pattern(fd, 0, 1 << 20);
    assert_int_equal(CALL(fsync, fd), 0);
    {
        struct inode *i;
        struct ext4_map m;

        assert_int_equal(path_lookup(NULL, "/x", true, &i), 0);
        assert_int_equal(map_find(ext4_inode(i), 10, 1, &m), 0);
        host_fail_sector = m.start * 8;
        host_quiet = true;
        write_pattern(fd, 0, 1 << 20);
        assert_int_equal(CALL(fsync, fd), -EIO);
        assert_int_equal(CALL(fsync, fd), 0);
        cache_truncate(&i->data, 0, UINT64_MAX);
        assert_int_equal(CALL(pread64, fd, buf, 10, 40960), -EIO);
        host_fail_sector = UINT64_MAX;
        host_quiet = false;
        assert_int_equal(CALL(pread64, fd, buf, 10, 40960), 10);
        inode_put(i);
    }
    finish();
}

static void
bad_arguments_are_refused(void **state)
{
    long fd;

    (void)state;
    make_image(layouts[2], "8M");
    assert_int_equal(mount_image(), 0);
    assert_int_equal(CALL(open, 1, O_RDONLY, 0), -EFAULT);
    assert_int_equal(CALL(read, 77, buf, 1), -EBADF);
    fd = CALL(open, "/f", O_CREAT | O_RDWR, 0644);
    assert_int_equal(CALL(write, fd, 1, 5000), -EFAULT);
    assert_int_equal(CALL(pwrite64, fd, 1, 1 << 20, 12345), -EFAULT);
    assert_int_equal(CALL(write, fd, "abc", 3), 3);
    assert_int_equal(CALL(lseek, fd, -4, 1), -EINVAL);
    assert_int_equal(CALL(lseek, fd, -1, 2), 2);
    assert_int_equal(CALL(pread64, fd, buf, 1, -1), -EINVAL);
    assert_int_equal(CALL(ftruncate, fd, -1), -EINVAL);
    assert_int_equal(CALL(dup2, fd, FD_MAX), -EBADF);
    assert_int_equal(CALL(dup3, fd, fd, 0), -EINVAL);
    assert_int_equal(CALL(fcntl, fd, 0, FD_MAX), -EINVAL);
    assert_int_equal(CALL(rename, "/f", "/proc/f"), -EXDEV);
    assert_int_equal(CALL(rmdir, "/dev"), -EBUSY);
    assert_int_equal(CALL(unlink, "/dev/null/x"), -ENOTDIR);
    finish();
}

static void
special_files_answer(void **state)
{
    char text[4096];
    long fd, n;

    (void)state;
    make_image(layouts[2], "8M");
    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/dev/zero", O_RDONLY, 0);
    assert_int_equal(CALL(read, fd, text, 100), 100);
    fd = CALL(open, "/dev/null", O_RDWR, 0);
    assert_int_equal(CALL(read, fd, text, 100), 0);
    assert_int_equal(CALL(write, fd, text, 100), 100);
    fd = CALL(open, "/dev/full", O_WRONLY, 0);
    assert_int_equal(CALL(write, fd, text, 100), -ENOSPC);
    fd = CALL(open, "/dev/vda", O_RDONLY, 0);
    assert_int_equal(CALL(pread64, fd, text, 2, 1024 + 56), 2);
    assert_int_equal(text[0], 0x53);
    assert_int_equal(CALL(lseek, fd, 0, 2), 8 << 20);
    fd = CALL(open, "/proc/self/stat", O_RDONLY, 0);
    assert_true((n = CALL(read, fd, text, sizeof(text))) > 10);
    assert_memory_equal(text, "1 (test)", 8);
    fd = CALL(open, "/proc/mounts", O_RDONLY, 0);
    assert_true(CALL(read, fd, text, sizeof(text)) > 10);
    assert_true(CALL(getdents64, CALL(open, "/proc", O_RDONLY, 0), text, sizeof(text)) > 100);
    assert_true(CALL(getdents64, CALL(open, "/proc/self/fd", O_RDONLY, 0), text, sizeof(text)) > 100);
    assert_int_equal(CALL(chdir, "/proc/self"), 0);
    assert_int_equal(CALL(chdir, "/dev/shm"), 0);
    assert_int_equal(CALL(getcwd, text, sizeof(text)), 9);
    assert_string_equal(text, "/dev/shm");
    fd = CALL(open, "t", O_CREAT | O_RDWR, 0644);
    write_pattern(fd, 0, 1 << 20);
    check_pattern(fd, 0, 1 << 20);
    assert_int_equal(CALL(ftruncate, fd, 5), 0);
    assert_int_equal(CALL(rename, "t", "u"), 0);
    assert_int_equal(CALL(unlink, "u"), 0);
    assert_int_equal(CALL(chdir, ".."), 0);
    assert_int_equal(CALL(getcwd, text, sizeof(text)), 5);
    finish();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(special_files_answer),
        cmocka_unit_test(a_deleted_file_lives_until_it_is_closed),
        cmocka_unit_test(mappings_go_before_a_page_is_written_or_cut_off),
        cmocka_unit_test(a_name_that_leads_nowhere_can_be_removed),
        cmocka_unit_test(io_errors_are_reported_once),
        cmocka_unit_test(a_full_disk_says_so_and_stays_whole),
        cmocka_unit_test(scattered_files_grow_and_shrink),
        cmocka_unit_test(a_directory_holds_five_thousand_names),
        cmocka_unit_test(big_files_survive_a_remount),
    };
    int failed;

    test_start("limits");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
