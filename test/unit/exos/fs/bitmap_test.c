/*
 * bitmap_test.c: bitmaps that cannot be right: nothing is handed out by them, the mount becomes read-only, and the disk says so to
 * the next one. After a cut a bitmap may differ from its descriptor, and is used.
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

#include "fake/exos/calls.h"
#include "fs_test.h"

#define SIZE "8M"

static const char *const layouts[] = {
    "-t ext2 -b 1024", "-t ext2 -b 4096", "-t ext4 -b 4096 -O ^has_journal", "-t ext4 -b 1024 -O ^has_journal",
};

static struct ext4_super super;
static struct ext4_group group;         /* number 0, as far as the format goes */
static uint32_t block_size, group_size;

static long
group_offset(void)
{
    return (long)((super.s_first_data_block + 1) * block_size);
}

static void
at_image(long offset, void *data, size_t n, bool write)
{
    FILE *f = fopen(test_image, "r+b");

    assert_non_null(f);
    fseek(f, offset, SEEK_SET);
    assert_int_equal(write ? fwrite(data, 1, n, f) : fread(data, 1, n, f), n);
    fclose(f);
}

static void
fresh(const char *layout)
{
    make_image(layout, SIZE);
    at_image(EXT4_SUPER_OFFSET, &super, sizeof(super), false);
    block_size = 1024u << super.s_log_block_size;
    group_size = super.s_feature_incompat & INCOMPAT_64BIT ? sizeof(group) : EXT4_GROUP_SIZE_OLD;
    at_image(group_offset(), &group, group_size, false);
}

/* Whatever the disk allows: 0, or the first error of making and filling a file. */
static long
try_to_write(void)
{
    static char buf[20000] = { 1 };
    long fd = CALL(open, "/new", O_CREAT | O_RDWR, 0644), got;

    if (fd < 0)
        return fd;
    got = CALL(pwrite64, fd, buf, sizeof(buf), 0);
    assert_int_equal(CALL(close, fd), 0);
    return got < 0 ? got : got == sizeof(buf) ? 0 : -EIO;
}

static void
expect_stopped(const char *why)
{
    long fd;

    assert_int_equal(mount_image(), 0);
    fd = CALL(open, "/kept", O_RDWR, 0);
    assert_in_range(fd, 0, 100);
    assert_int_equal(try_to_write(), -EUCLEAN);
    assert_non_null(strstr(host_last_log, "run e2fsck"));
    assert_int_equal(try_to_write(), -EROFS);
    assert_int_equal(CALL(mkdir, "/d", 0755), -EROFS);
    assert_int_equal(CALL(pwrite64, fd, "x", 1, 0), -EROFS);
    assert_int_equal(CALL(fsync, fd), 0);
    assert_int_equal(CALL(close, fd), 0);
    assert_int_equal(unmount_image(), 0);
    at_image(EXT4_SUPER_OFFSET, &super, sizeof(super), false);
    if ((super.s_state & (EXT4_STATE_VALID | EXT4_STATE_ERROR)) == EXT4_STATE_VALID)
        fail_msg("%s: the disk does not say that it is damaged", why);
    assert_int_equal(host_run(PATH_PREFIX "e2fsck -fy %s >%s/fsck.log 2>&1; test $? -le 1", test_image, test_dir), 0);
    assert_int_equal(mount_image(), 0);
    assert_int_equal(try_to_write(), 0);
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(fsck(), 0);
}

static void
all_clear(uint8_t *map)
{
    memset(map, 0, block_size);
}

static void
all_clear_but_padding(uint8_t *map)
{
    uint32_t blocks = super.s_blocks_count_lo - super.s_first_data_block;

    memset(map, 0, MIN(blocks, super.s_blocks_per_group) / 8);
}

static void
padding_clear(uint8_t *map)
{
    map[block_size - 1] = 0;
}

static void
one_more_free(uint8_t *map)
{
    uint32_t n = block_size / 8 - 1;

    while (map[n] == 0 || map[n] == 0xff)
        n--;
    map[n] = 0;
}

static void
change_block(uint64_t block, void (*change)(uint8_t *map))
{
    static uint8_t map[4096];

    at_image((long)(block * block_size), map, block_size, false);
    change(map);
    at_image((long)(block * block_size), map, block_size, true);
}

static void
a_block_bitmap_that_cannot_be_right_stops_writing(void **state)
{
    static void (*const changes[])(uint8_t *) = { all_clear, all_clear_but_padding, one_more_free };

    (void)state;
    for (unsigned n = 0; n < sizeof(layouts) / sizeof(layouts[0]); n++) {
        for (unsigned k = 0; k < sizeof(changes) / sizeof(changes[0]); k++) {
            fresh(layouts[n]);
            change_block(group.bg_block_bitmap_lo, changes[k]);
            expect_stopped(layouts[n]);
        }
    }
    fresh("-t ext2 -b 4096");
    change_block(group.bg_block_bitmap_lo, padding_clear);
    expect_stopped("padding");
}

static void
an_inode_bitmap_that_cannot_be_right_stops_writing(void **state)
{
    (void)state;
    for (unsigned n = 0; n < sizeof(layouts) / sizeof(layouts[0]); n++) {
        fresh(layouts[n]);
        change_block(group.bg_inode_bitmap_lo, all_clear);
        expect_stopped(layouts[n]);
        fresh(layouts[n]);
        change_block(group.bg_inode_bitmap_lo, padding_clear);
        expect_stopped(layouts[n]);
    }
}

/* The descriptor's count is changed, the disk marked as not unmounted. */
static void
after_a_cut_the_bitmap_counts(void **state)
{
    (void)state;
    fresh("-t ext2 -b 4096");
    group.bg_free_blocks_count_lo -= 7;
    group.bg_free_inodes_count_lo -= 3;
    at_image(group_offset(), &group, group_size, true);
    expect_stopped("counts");
    fresh("-t ext2 -b 4096");
    group.bg_free_blocks_count_lo -= 7;
    group.bg_free_inodes_count_lo -= 3;
    at_image(group_offset(), &group, group_size, true);
    super.s_state = 0;
    at_image(EXT4_SUPER_OFFSET, &super, sizeof(super), true);
    assert_int_equal(mount_image(), 0);
    assert_int_equal(try_to_write(), 0);
    assert_int_equal(unmount_image(), 0);
    at_image(EXT4_SUPER_OFFSET, &super, sizeof(super), false);
    assert_int_equal(super.s_state, 0); /* e2fsck has not seen it yet */
    assert_int_equal(fsck(), 0);        /* and finds all counts right */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_bitmap_that_cannot_be_right_stops_writing),
        cmocka_unit_test(an_inode_bitmap_that_cannot_be_right_stops_writing),
        cmocka_unit_test(after_a_cut_the_bitmap_counts),
    };
    int failed;

    test_start("bitmap");
    host_quiet = true;
    assert_int_equal(host_run("cd %s/src; mkdir dev proc run sys; echo kept > kept", test_dir), 0);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
