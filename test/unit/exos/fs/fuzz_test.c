/*
 * fuzz_test.c: images with damaged metadata: whatever is walked, read, written or removed, nothing crashes and nothing hangs.
 * FS_FUZZ_ROUNDS and FS_FUZZ_SEED in the environment make it longer or different.
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

#define ROUNDS 150
#define NAMES_MAX 200
#define DEPTH_MAX 6

static const char *const layouts[] = {
    "-t ext2 -b 1024", "-t ext2 -b 4096", "-t ext4 -b 4096 -O ^has_journal,^metadata_csum,^64bit", "-t ext4 -b 1024 -O ^has_journal,^metadata_csum",
    "-t ext4 -b 4096 -O ^has_journal",
};

static char buf[65536];
static unsigned visited;

/* Everything that can be done to a tree. */
static void
walk(const char *path, int depth)
{
    static char names[DEPTH_MAX][16384];
    struct inode *i;
    long fd, n;

    if (depth == DEPTH_MAX || ++visited > NAMES_MAX || path_lookup(NULL, path, false, &i) != 0)
        return;
    if (inode_is(i, S_IFLNK))
        CALL(readlink, path, buf, 4096);
    fd = CALL(open, path, O_RDWR | O_NOFOLLOW, 0);
    if (fd >= 0) {
        CALL(pread64, fd, buf, sizeof(buf), 0);
        CALL(pread64, fd, buf, sizeof(buf), inode_size(i) / 2);
        CALL(pwrite64, fd, "hello", 5, random_u64() % 100000);
        if (random_u64() % 3 == 0)
            CALL(ftruncate, fd, random_u64() % 50000);
        CALL(close, fd);
    }
    if (inode_is(i, S_IFDIR)) {
        fd = CALL(open, path, O_RDONLY | O_DIRECTORY, 0);
        n = fd >= 0 ? CALL(getdents64, fd, names[depth], sizeof(names[0])) : 0;
        for (long at = 0; at < n; at += *(uint16_t *)(names[depth] + at + 16)) {
            char child[1024];
            const char *name = names[depth] + at + 19;

            if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(path) + strlen(name) + 2 > sizeof(child) ||
                strcmp(path, "/proc") == 0 || strcmp(path, "/dev") == 0)
                continue;
            snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
            walk(child, depth + 1);
        }
        if (fd >= 0)
            CALL(close, fd);
        snprintf(buf, sizeof(buf), "%s/new", path);
        CALL(close, CALL(open, buf, O_CREAT | O_RDWR, 0644));
        if (depth > 0 && random_u64() % 4 == 0)
            CALL(rename, path, "/moved");
        CALL(rmdir, path);
    } else if (random_u64() % 2 == 0) {
        CALL(unlink, path);
    }
    inode_put(i);
}

/* Flips bytes where metadata is likely: anywhere before the first data, and in the named blocks. */
static void
damage(const char *from, unsigned round)
{
    FILE *f;
    long size, count = 1 + (long)(random_u64() % 12);

    assert_int_equal(host_run("cp %s %s", from, test_image), 0);
    f = fopen(test_image, "r+b");
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    while (count-- > 0) {
        long at = (long)(random_u64() % (uint64_t)(round % 3 == 0 ? 8192 : round % 3 == 1 ? 400000 : size));
        int c;

        fseek(f, at, SEEK_SET);
        c = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(random_u64() % 2 ? c ^ (1 << random_u64() % 8) : (int)(random_u64() & 255), f);
    }
    fclose(f);
}

static void
damaged_images_do_no_harm(void **state)
{
    const char *rounds = getenv("FS_FUZZ_ROUNDS"), *seed = getenv("FS_FUZZ_SEED");
    char clean[300];
    unsigned mounted = 0;

    (void)state;
    host_quiet = true;
    for (int k = seed != NULL ? atoi(seed) : 0; k > 0; k--)
        random_u64();
    assert_int_equal(host_run("cd %s/src; mkdir -p a/b/c many; for i in $(seq 60); do echo $i > many/f$i; done; ln -s a/b link;"
                              "ln -s $(printf 'x%%.0s' $(seq 1 200)) long; seq 20000 > numbers; truncate -s 3000000 sparse;"
                              "for i in $(seq 0 40 600); do printf x | dd of=sparse bs=4096 seek=$i conv=notrunc 2>/dev/null; done",
                              test_dir), 0);
    snprintf(clean, sizeof(clean), "%s/clean", test_dir);
    for (unsigned n = 0; n < sizeof(layouts) / sizeof(layouts[0]); n++) {
        make_image(layouts[n], "4M");
        host_run("cp %s %s", test_image, clean);
        for (unsigned round = 0; round < (rounds != NULL ? (unsigned)atoi(rounds) : ROUNDS); round++) {
            damage(clean, round);
            if (mount_image() != 0)
                continue;
            mounted++;
            visited = 0;
            walk("/", 0);
            if (unmount_image() != 0)
                continue;
        }
    }
    host_quiet = false;
    assert_true(mounted > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(damaged_images_do_no_harm) };
    int failed;

    test_start("fuzz");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
