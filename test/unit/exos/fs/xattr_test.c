/* xattr_test.c: extended attributes on tmpfs and on ext4: what debugfs wrote is read, what we write satisfies e2fsck and debugfs. */
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
#include "fs/xattr.h"
#include "fs_test.h"

static char big[XATTR_SIZE_MAX + 1], got[XATTR_SIZE_MAX];

static long
set(const char *path, const char *name, const char *value, unsigned flags)
{
    return CALL(setxattr, path, name, value, strlen(value), flags);
}

static void
expect(const char *path, const char *name, const char *value)
{
    long n = CALL(getxattr, path, name, got, sizeof(got));

    assert_int_equal(n, strlen(value));
    assert_memory_equal(got, value, (size_t)n);
}

static void
make_file(const char *path)
{
    assert_int_equal(CALL(close, CALL(open, path, O_CREAT | O_WRONLY, 0644)), 0);
}

static void
debugfs(const char *command)
{
    assert_int_equal(host_run(PATH_PREFIX "debugfs -w -f - %s >%s/debugfs.log 2>&1 <<'END'\n%s\nEND", test_image, test_dir, command), 0);
}

/* ---- on any file system: at a directory that is empty ---- */

static void
attributes_work_at(const char *dir)
{
    char path[64], link[64];

    snprintf(path, sizeof(path), "%s/f", dir);
    snprintf(link, sizeof(link), "%s/l", dir);
    make_file(path);
    assert_int_equal(CALL(symlink, path, link), 0);
    assert_int_equal(CALL(listxattr, path, 0, 0), 0);
    assert_int_equal(CALL(getxattr, path, "user.a", got, 10), -ENODATA);
    assert_int_equal(set(path, "user.a", "one", XATTR_REPLACE), -ENODATA);
    assert_int_equal(set(path, "user.a", "one", XATTR_CREATE), 0);
    assert_int_equal(set(path, "user.a", "two", XATTR_CREATE), -EEXIST);
    expect(path, "user.a", "one");
    assert_int_equal(set(link, "user.b", "", 0), 0);
    expect(path, "user.b", "");
    assert_int_equal(set(path, "trusted.t", "x", 0), 0);
    assert_int_equal(CALL(listxattr, path, 0, 0), 24);
    assert_int_equal(CALL(listxattr, path, got, 23), -ERANGE);
    assert_int_equal(CALL(listxattr, path, got, 24), 24);
    assert_int_equal(CALL(getxattr, path, "user.a", got, 2), -ERANGE);
    assert_int_equal(CALL(getxattr, path, "user.a", got, 0), 3);
    assert_int_equal(CALL(lsetxattr, link, "user.b", "x", 1, 0), -EPERM);
    assert_int_equal(CALL(lgetxattr, link, "user.b", got, 1), -ENODATA);
    assert_int_equal(CALL(lsetxattr, link, "trusted.b", "x", 1, 0), 0);
    assert_int_equal(CALL(setxattr, path, "other.b", "x", 1, 0), -EOPNOTSUPP);
    assert_int_equal(CALL(setxattr, path, "user.", "x", 1, 0), -EINVAL);
    assert_int_equal(CALL(setxattr, path, "", "x", 1, 0), -ERANGE);
    assert_int_equal(CALL(setxattr, path, "user.x", "x", 1, 4), -EINVAL);
    assert_int_equal(CALL(setxattr, path, "user.x", big, XATTR_SIZE_MAX + 1, 0), -E2BIG);
    assert_int_equal(CALL(setxattr, path, "user.x", 8, 1, 0), -EFAULT);
    assert_int_equal(CALL(removexattr, path, "user.a"), 0);
    assert_int_equal(CALL(removexattr, path, "user.a"), -ENODATA);
    host_proc.fs->uid = 1000;
    assert_int_equal(set(path, "user.a", "x", 0), -EACCES);
    assert_int_equal(set(path, "trusted.t", "y", 0), -EPERM);
    assert_int_equal(CALL(getxattr, path, "trusted.t", got, 10), -ENODATA);
    assert_int_equal(CALL(listxattr, path, 0, 0), 7);
    host_proc.fs->uid = 0;
    assert_int_equal(CALL(unlink, path), 0);
    assert_int_equal(CALL(unlink, link), 0);
}

static void
tmpfs_has_attributes(void **state)
{
    (void)state;
    make_image("-t ext4 -b 4096 -O ^has_journal", "4M");
    assert_int_equal(mount_image(), 0);
    attributes_work_at("/dev/shm");
    make_file("/dev/shm/f");
    assert_int_equal(CALL(setxattr, "/dev/shm/f", "user.big", big, XATTR_SIZE_MAX, 0), 0);
    assert_int_equal(CALL(getxattr, "/dev/shm/f", "user.big", got, sizeof(got)), XATTR_SIZE_MAX);
    assert_int_equal(CALL(unlink, "/dev/shm/f"), 0);
    assert_int_equal(CALL(setxattr, "/proc/version", "user.x", "x", 1, 0), -EOPNOTSUPP);
    assert_int_equal(unmount_image(), 0);
}

static const char *const formats[] = {
    "-t ext4 -b 4096 -O ^has_journal", "-t ext4 -b 1024 -O ^has_journal,^metadata_csum", "-t ext2 -b 2048 -I 128", "-t ext4 -b 4096 -O ^has_journal,^ext_attr -I 512",
};

static void
disks_keep_attributes(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ARRAY_SIZE(formats); n++) {
        char value[900];

        make_image(formats[n], "4M");
        assert_int_equal(mount_image(), 0);
        assert_int_equal(CALL(mkdir, "/d", 0755), 0);
        attributes_work_at("/d");
        make_file("/d/f");
        memset(value, 'v', sizeof(value) - 1);
        value[sizeof(value) - 1] = '\0';
        assert_int_equal(set("/d/f", "user.large", value, 0), 0);
        assert_int_equal(set("/d/f", "user.small", "s", 0), 0);
        assert_int_equal(set("/d/f", "security.other", "more", 0), 0);
        assert_int_equal(set("/d", "user.dir", "of a directory", 0), 0);
        assert_int_equal(CALL(setxattr, "/d/f", "user.too-large", big, 4096, 0), -ENOSPC);
        assert_int_equal(unmount_image(), 0);
        assert_int_equal(fsck(), 0);
        assert_int_equal(host_run(PATH_PREFIX "debugfs -R 'ea_get /d/f user.large' %s 2>/dev/null | grep -q '\"%s\"'", test_image, value), 0);
        assert_int_equal(host_run(PATH_PREFIX "debugfs -R 'ea_get /d/f user.small' %s 2>/dev/null | grep -q '\"s\"'", test_image), 0);
        assert_int_equal(mount_image(), 0);
        expect("/d/f", "user.large", value);
        expect("/d/f", "security.other", "more");
        expect("/d", "user.dir", "of a directory");
        assert_int_equal(CALL(removexattr, "/d/f", "user.large"), 0);
        assert_int_equal(unmount_image(), 0);
        assert_int_equal(fsck(), 0);
    }
}

static void
what_others_wrote_is_read(void **state)
{
    char command[2400], value[1500];

    (void)state;
    memset(value, 'w', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (unsigned n = 0; n < 3; n++) {
        assert_int_equal(host_run("echo data > %s/src/f", test_dir), 0);
        make_image(formats[n], "4M");
        snprintf(command, sizeof(command), "ea_set /f user.one 1\nea_set /f user.many %s\nea_set /f trusted.t yes", n == 1 ? "few" : value);
        debugfs(command);
        assert_int_equal(mount_image(), 0);
        expect("/f", "user.one", "1");
        expect("/f", "user.many", n == 1 ? "few" : value);
        expect("/f", "trusted.t", "yes");
        assert_int_equal(set("/f", "user.one", "one", XATTR_REPLACE), 0);
        assert_int_equal(unmount_image(), 0);
        assert_int_equal(fsck(), 0);
        assert_int_equal(mount_image(), 0);
        expect("/f", "user.one", "one");
        expect("/f", "trusted.t", "yes");
        assert_int_equal(CALL(unlink, "/f"), 0);
        assert_int_equal(unmount_image(), 0);
        assert_int_equal(fsck(), 0);
    }
    assert_int_equal(host_run("rm %s/src/f", test_dir), 0);
}

/* Linux lets inodes with the same attributes share a block. */
static void
a_shared_block_is_not_changed(void **state)
{
    char value[600];
    struct inode *i;
    uint64_t block;

    (void)state;
    make_image("-t ext4 -b 1024 -I 128 -O ^has_journal,^metadata_csum", "4M");
    assert_int_equal(mount_image(), 0);
    make_file("/a");
    make_file("/b");
    memset(value, 's', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    assert_int_equal(set("/a", "user.s", value, 0), 0);
    assert_int_equal(path_lookup(NULL, "/a", true, &i), 0);
    block = ext4_inode(i)->file_acl;
    inode_put(i);
    assert_int_equal(unmount_image(), 0);
    snprintf(value, sizeof(value), "set_inode_field /b file_acl %lu\nset_inode_field /b blocks 2\nzap_block -o 4 -l 1 -p 2 %lu", block, block);
    debugfs(value);
    assert_int_equal(fsck(), 0);
    assert_int_equal(mount_image(), 0);
    memset(value, 's', sizeof(value) - 1);
    expect("/b", "user.s", value);
    assert_int_equal(set("/b", "user.s", "own", 0), 0);
    expect("/a", "user.s", value);
    expect("/b", "user.s", "own");
    assert_int_equal(CALL(unlink, "/a"), 0);
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(fsck(), 0);
}

/* Against a model: four files, five names each, values of any size. */
static void
random_changes_are_kept(void **state)
{
    static uint32_t sizes[4][5];
    uint64_t seed = 7;

    (void)state;
    make_image("-t ext4 -b 4096 -O ^has_journal", "4M");
    assert_int_equal(mount_image(), 0);
    for (unsigned turn = 0; turn < 600; turn++) {
        char path[8], name[32];
        unsigned f, a, size;
        long n;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        f = (seed >> 33) % 4;
        a = (seed >> 40) % 5;
        size = (seed >> 45) % 3 == 0 ? (seed >> 48) % 1500 : (seed >> 48) % 30;
        snprintf(path, sizeof(path), "/%u", f);
        snprintf(name, sizeof(name), "user.%.*s", (int)a + 1, "abcde");
        if (turn % 97 == 0) {
            assert_int_equal(unmount_image(), 0);
            assert_int_equal(fsck(), 0);
            assert_int_equal(mount_image(), 0);
        }
        make_file(path);
        memset(big, 'a' + (int)(f * 5 + a), size);
        n = size == 7 ? CALL(removexattr, path, name) : CALL(setxattr, path, name, big, size, 0);
        if (size == 7)
            assert_int_equal(n, sizes[f][a] != 0 ? 0 : -ENODATA);
        if (n == 0)
            sizes[f][a] = size == 7 ? 0 : size + 1;
        else
            assert_true(n == -ENOSPC || n == -ENODATA);
        n = CALL(getxattr, path, name, got, sizeof(got));
        assert_int_equal(n, sizes[f][a] != 0 ? (long)sizes[f][a] - 1 : -ENODATA);
        for (long k = 0; k < n; k++)
            assert_int_equal(got[k], 'a' + (int)(f * 5 + a));
    }
    for (unsigned f = 0; f < 4; f++) {
        char path[8];

        snprintf(path, sizeof(path), "/%u", f);
        assert_int_equal(CALL(unlink, path), 0);
    }
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(fsck(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tmpfs_has_attributes),
        cmocka_unit_test(disks_keep_attributes),
        cmocka_unit_test(what_others_wrote_is_read),
        cmocka_unit_test(a_shared_block_is_not_changed),
        cmocka_unit_test(random_changes_are_kept),
    };
    int failed;

    test_start("xattr");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
