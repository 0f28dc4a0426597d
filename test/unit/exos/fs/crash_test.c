/*
 * crash_test.c: the disk as a cut leaves it, after any prefix of the writes, with those since the last flush kept or lost at random:
 * what was synced is there, nothing shows another file's data, and our own file system can walk and empty the unrepaired disk.
 *
 * EXOS_CRASH_STATES sets how many cuts are tried for each layout, EXOS_CRASH_SEED which history is cut.
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

#define FILES 24
#define OPS 260
#define WRITES_MAX 60000
#define STATES 25
#define IMAGE_SIZE "4M"

static const char *const layouts[] = {
    "-t ext2 -b 1024", "-t ext2 -b 4096", "-t ext4 -b 4096 -O ^has_journal", "-t ext4 -b 1024 -O ^has_journal",
};

/* sectors written, in order; sector UINT64_MAX: a flush. */
static struct host_write { uint64_t sector; uint32_t bytes; uint8_t *data; } writes[WRITES_MAX];
static unsigned write_count;

/* What a file must hold, under its name or else its other one, from write `since` on until it is touched again at write `until`. */
static struct durable { unsigned since, until, file, len; uint8_t tag; bool moved; } durables[2 * OPS];
static unsigned durable_count;

static unsigned
chance(unsigned n)
{
    return (unsigned)(random_u64() % n);
}

static void
record(uint64_t sector, uint32_t bytes, const void *data)
{
    assert_true(write_count < WRITES_MAX);
    writes[write_count] = (struct host_write){ sector, bytes, bytes > 0 ? malloc(bytes) : NULL };
    if (bytes > 0)
        memcpy(writes[write_count].data, data, bytes);
    write_count++;
}

static void
name_of(unsigned file, char *out)
{
    sprintf(out, "/d%u/a-file-with-a-name-%u", file % 4, file);
}

static void
other_name_of(unsigned file, char *out)
{
    sprintf(out, "/d%u/the-other-name-of-%u", (file + 1) % 4, file);
}

static void
touched(unsigned file)
{
    for (unsigned n = 0; n < durable_count; n++) {
        if (durables[n].file == file && durables[n].until == UINT32_MAX)
            durables[n].until = write_count;
    }
}

/* The first byte of every sector is the file's number: what a stranger's data would betray. */
static void
rewrite(unsigned f, const char *name, uint8_t tag)
{
    static uint8_t buf[40000];
    unsigned len = 1 + chance(chance(4) == 0 ? sizeof(buf) : 5000);
    long fd;

    touched(f);
    memset(buf, tag, len);
    for (unsigned n = 0; n < len; n += 512)
        buf[n] = (uint8_t)(f + 1);
    fd = CALL(open, name, O_CREAT | O_RDWR | O_TRUNC, 0644);
    if (fd < 0)
        return;
    if (CALL(pwrite64, fd, buf, len, 0) == (long)len && chance(3) == 0 && CALL(fsync, fd) == 0)
        durables[durable_count++] = (struct durable){ write_count, UINT32_MAX, f, len, tag, false };
    assert_int_equal(CALL(close, fd), 0);
}

/* What was durable is so still, under one name or the other. */
static void
move(unsigned f, const char *name, const char *other)
{
    unsigned count = durable_count;

    if (CALL(access, name, 0) != 0)
        return;
    CALL(unlink, other);
    assert_int_equal(CALL(rename, name, other), 0);
    for (unsigned n = 0; n < count; n++) {
        if (durables[n].file == f && durables[n].until == UINT32_MAX) {
            durables[n].until = write_count;
            durables[durable_count] = durables[n];
            durables[durable_count].until = UINT32_MAX;
            durables[durable_count].since = write_count;
            durables[durable_count++].moved = true;
        }
    }
}

static void
pass_time(void)
{
    if (chance(4) == 0)
        CALL(sync, 0);
    host_clock_ns += NSEC_PER_SEC;
    fs_housekeep();
}

static void
step(unsigned number)
{
    unsigned f = chance(FILES), g = chance(FILES);
    char name[64], other[64];

    name_of(f, name);
    other_name_of(f, other);
    switch (chance(10)) {
    case 0: case 1: case 2: case 3:
        rewrite(f, name, (uint8_t)(number % 251 + 1));
        break;
    case 4: case 5:
        touched(f);
        CALL(unlink, name);
        CALL(unlink, other);
        break;
    case 6:
        sprintf(name, "/d%u/sub%u", f % 4, g);
        if (CALL(mkdir, name, 0755) != 0)
            CALL(rmdir, name);
        break;
    case 7:
        CALL(link, name, other);
        break;
    case 8:
        move(f, name, other);
        break;
    default:
        pass_time();
    }
}

static void
workload(void)
{
    char name[16];

    for (unsigned n = 0; n < write_count; n++)
        free(writes[n].data);
    write_count = durable_count = 0;
    assert_int_equal(mount_image(), 0);
    host_record = record;
    for (unsigned n = 0; n < 4; n++) {
        sprintf(name, "/d%u", n);
        assert_int_equal(CALL(mkdir, name, 0755), 0);
    }
    for (unsigned n = 0; n < OPS; n++)
        step(n);
    assert_int_equal(unmount_image(), 0);
    host_record = NULL;
}

/* The image after the first `cut` writes; of those after the last flush each has happened or not. */
static void
make_cut(unsigned cut)
{
    unsigned flushed = 0;
    FILE *f;

    assert_int_equal(host_run("cp %s/before %s", test_dir, test_image), 0);
    f = fopen(test_image, "r+b");
    assert_non_null(f);
    for (unsigned n = 0; n < cut; n++) {
        if (writes[n].bytes == 0)
            flushed = n;
    }
    for (unsigned n = 0; n < cut; n++) {
        if (writes[n].bytes == 0 || (n > flushed && chance(2) == 0))
            continue;
        fseek(f, (long)(writes[n].sector * BLK_SECTOR), SEEK_SET);
        assert_int_equal(fwrite(writes[n].data, 1, writes[n].bytes, f), writes[n].bytes);
    }
    fclose(f);
}

/* Nothing foreign is in the file. True if it is there and holds what it must. */
static bool
check_name(unsigned f, const char *name, const struct durable *d, unsigned cut)
{
    static uint8_t buf[50000];
    long fd = CALL(open, name, O_RDONLY, 0), got;

    if (fd < 0)
        return false;
    got = CALL(pread64, fd, buf, sizeof(buf), 0);
    assert_int_equal(CALL(close, fd), 0);
    for (long n = 0; n < got; n += 512) {
        if (buf[n] != 0 && buf[n] != f + 1)
            fail_msg("cut %u: %s at %ld holds %u's data", cut, name, n, buf[n] - 1u);
    }
    return d != NULL && got == d->len && buf[d->len - 1] == (d->len % 512 == 1 ? f + 1 : d->tag);
}

static void
check_file(unsigned f, const struct durable *d, unsigned cut)
{
    char name[64], other[64];
    bool good, other_good;

    name_of(f, name);
    other_name_of(f, other);
    good = check_name(f, name, d, cut);
    other_good = check_name(f, other, d, cut);
    if (d != NULL && !good && !(d->moved && other_good))
        fail_msg("cut %u: synced file %s is not there, or not as it was", cut, name);
}

static void
check_all(unsigned cut)
{
    for (unsigned f = 0; f < FILES; f++) {
        const struct durable *d = NULL;

        for (unsigned n = 0; n < durable_count; n++) {
            if (durables[n].file == f && durables[n].since <= cut && cut <= durables[n].until)
                d = &durables[n];
        }
        check_file(f, d, cut);
    }
}

static void
expect_gone(unsigned cut, const char *name, long err)
{
    if (err != 0 && err != -ENOENT)
        fail_msg("cut %u: %s cannot be removed: %ld", cut, name, err);
}

/* Everything can be removed from the unrepaired disk. */
static void
empty_it(unsigned cut)
{
    char name[64];

    for (unsigned f = 0; f < FILES; f++) {
        name_of(f, name);
        expect_gone(cut, name, CALL(unlink, name));
        other_name_of(f, name);
        expect_gone(cut, name, CALL(unlink, name));
        for (unsigned g = 0; g < FILES; g++) {
            sprintf(name, "/d%u/sub%u", f % 4, g);
            expect_gone(cut, name, CALL(rmdir, name));
        }
    }
    for (unsigned n = 0; n < 4; n++) {
        sprintf(name, "/d%u", n);
        expect_gone(cut, name, CALL(rmdir, name));
    }
}

static void
judge(unsigned cut)
{
    make_cut(cut);
    assert_int_equal(host_run("cp %s %s/cut", test_image, test_dir), 0);
    assert_int_equal(mount_image(), 0);
    check_all(cut);
    empty_it(cut);
    assert_int_equal(unmount_image(), 0);
    assert_int_equal(host_run(PATH_PREFIX "e2fsck -fy %s/cut > %s/fsck.log 2>&1; test $? -le 1", test_dir, test_dir), 0);
    assert_int_equal(host_run("cp %s/cut %s", test_dir, test_image), 0);
    assert_int_equal(mount_image(), 0);
    check_all(cut);
    assert_int_equal(unmount_image(), 0);
}

static void
a_cut_leaves_what_was_synced_and_nothing_that_cannot_be_removed(void **state)
{
    unsigned states = getenv("EXOS_CRASH_STATES") != NULL ? (unsigned)atoi(getenv("EXOS_CRASH_STATES")) : STATES;

    (void)state;
    for (int n = getenv("EXOS_CRASH_SEED") != NULL ? atoi(getenv("EXOS_CRASH_SEED")) : 0; n > 0; n--)
        random_u64();
    for (unsigned n = 0; n < sizeof(layouts) / sizeof(layouts[0]); n++) {
        make_image(layouts[n], IMAGE_SIZE);
        assert_int_equal(host_run("cp %s %s/before", test_image, test_dir), 0);
        workload();
        for (unsigned k = 0; k < states; k++)
            judge(chance(write_count + 1));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_leaves_what_was_synced_and_nothing_that_cannot_be_removed),
    };
    int failed;

    test_start("crash");
    host_quiet = true;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
