/* read_test.c: images made by mke2fs are read as their tools wrote them, whatever their block size and features. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs_test.h"

static const char *const layouts[] = {
    "-t ext2 -b 1024", "-t ext2 -b 2048", "-t ext2 -b 4096", "-t ext4 -b 4096 -O ^has_journal", "-t ext4 -b 1024 -O ^has_journal",
    "-t ext4 -b 4096 -O ^has_journal,^metadata_csum,uninit_bg,^64bit", "-t ext4 -b 4096", "-t ext2 -b 1024 -I 128",
};

static void
write_source(void)
{
    assert_int_equal(host_run("cd %s/src; mkdir -p a/b/c many; echo hello > a/b/c/hello; ln -s b/c/hello a/link; ln -s /a/b a/abs;"
                              "ln -s $(printf 'x%%.0s' $(seq 1 200)) long; ln -s loop2 loop1; ln -s loop1 loop2;"
                              "seq 1 300000 > numbers; truncate -s 5000000 sparse; echo end >> sparse;"
                              "for i in $(seq 1 500); do echo $i > many/file$i; done; : > empty; chmod 640 empty", test_dir), 0);
}

/* The whole file compared with the source tree's. */
static void
expect_same(const char *path, const char *host_path)
{
    struct file *f;
    char name[512], host[8192], ours[8192];
    uint64_t pos = 0;
    FILE *src;
    size_t n;

    snprintf(name, sizeof(name), "%s/src%s", test_dir, host_path != NULL ? host_path : path);
    src = fopen(name, "rb");
    assert_non_null(src);
    assert_int_equal(vfs_open(NULL, path, O_RDONLY, 0, &f), 0);
    do {
        struct uio u;
        ssize got;

        n = fread(host, 1, sizeof(host), src);
        uio_init_user(&u, (uintptr_t)ours, sizeof(ours));
        got = f->ops->read(f, &u, &pos);
        assert_int_equal(got, n);
        assert_memory_equal(host, ours, n);
    } while (n > 0);
    fclose(src);
    file_put(f);
}

struct counter { struct dir_sink sink; unsigned count; };

static bool
count_entry(struct dir_sink *d, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next)
{
    (void)name, (void)len, (void)ino, (void)type, (void)next;
    ((struct counter *)d)->count++;
    return true;
}

static void
images_read_as_written(void **state)
{
    (void)state;
    write_source();
    for (unsigned n = 0; n < sizeof(layouts) / sizeof(layouts[0]); n++) {
        struct counter c = { { count_entry }, 0 };
        struct inode *i;
        struct file *f;

        make_image(layouts[n], "32M");
        assert_int_equal(mount_image(), 0);
        expect_same("/a/b/c/hello", NULL);
        expect_same("/a/link", NULL);
        expect_same("/a/abs/c/../c/hello", "/a/b/c/hello");
        expect_same("/numbers", NULL);
        expect_same("/sparse", NULL);
        expect_same("/empty", NULL);
        expect_same("/many/file321", NULL);
        assert_int_equal(path_lookup(NULL, "/loop1", true, &i), -ELOOP);
        assert_int_equal(path_lookup(NULL, "/nothing", true, &i), -ENOENT);
        assert_int_equal(path_lookup(NULL, "/numbers/x", true, &i), -ENOTDIR);
        assert_int_equal(path_lookup(NULL, "/numbers/", true, &i), -ENOTDIR);
        assert_int_equal(path_lookup(NULL, "/long", true, &i), -ENOENT);
        assert_int_equal(path_lookup(NULL, "/long", false, &i), 0);
        assert_int_equal(inode_size(i), 200);
        inode_put(i);
        assert_int_equal(vfs_open(NULL, "/many", O_RDONLY | O_DIRECTORY, 0, &f), 0);
        assert_int_equal(file_readdir(f, &c.sink), 0);
        assert_int_equal(c.count, 502);
        file_put(f);
        assert_int_equal(unmount_image(), 0);
        assert_int_equal(fsck(), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(images_read_as_written) };
    int failed;

    test_start("read");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_end();
    return failed;
}
