/*
 * random_test.c: random calls give the same results, errors and contents as on the host's file system, and what is left passes
 * e2fsck and reads back the same through debugfs.
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
#include "fake/exos/oracle.h"
#include "fs_test.h"

#define OPS 3000
#define OPEN_MAX 6
#define BUF_MAX 70000

static const char *const layouts[] = {
    "-t ext2 -b 1024", "-t ext2 -b 2048", "-t ext2 -b 4096", "-t ext4 -b 4096 -O ^has_journal", "-t ext4 -b 1024 -O ^has_journal",
    "-t ext4 -b 4096 -O ^has_journal,^metadata_csum,uninit_bg,^64bit", "-t ext4 -b 2048 -O ^metadata_csum",
};

static struct { int ours, theirs; bool write; } fds[OPEN_MAX];
static unsigned trace_number;

static unsigned
chance(unsigned n)
{
    return (unsigned)(random_u64() % n);
}

static const char *
random_path(void)
{
    static char bufs[2][256];
    static int which;
    char *p = bufs[which ^= 1];
    unsigned depth = 1 + chance(3);

    p[0] = '\0';
    for (unsigned n = 0; n < depth; n++) {
        static const char *const names[] = { "a", "b", "c", "a-longer-name", "e", "ffffffffffffffffffffffffffffffffffffffff" };
        sprintf(p + strlen(p), "/%s", names[chance(6)]);
    }
    if (chance(20) == 0)
        strcat(p, "/");
    if (chance(40) == 0)
        strcat(p, "/.");
    if (chance(40) == 0)
        strcat(p, "/..");
    return p;
}

static void
same(const char *what, const char *path, long ours, long theirs)
{
    if (getenv("FS_TRACE") != NULL)
        fprintf(stderr, "%u %s %s: %ld %ld\n", trace_number, what, path, ours, theirs);
    if (ours != theirs)
        fail_msg("%u: %s %s: ours %ld, the host's %ld", trace_number, what, path, ours, theirs);
}

static void
random_open(void)
{
    unsigned slot = chance(OPEN_MAX), flags = chance(3) | (chance(2) ? O_CREAT : 0) | (chance(8) == 0 ? O_EXCL : 0) |
                    (chance(6) == 0 ? O_TRUNC : 0) | (chance(8) == 0 ? O_NOFOLLOW : 0) | (chance(15) == 0 ? O_DIRECTORY : 0);
    const char *path = random_path();
    long ours, theirs;

    if (fds[slot].ours >= 0) {
        same("close", "", CALL(close, fds[slot].ours), 0);
        oracle_close(fds[slot].theirs);
        fds[slot].ours = -1;
    }
    if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        flags &= ~O_DIRECTORY;
    if ((flags & O_TRUNC) && (flags & O_ACCMODE) == 0)
        flags &= ~O_TRUNC;
    ours = CALL(open, path, flags, 0644);
    theirs = oracle_open(path, flags, 0644);
    same("open", path, ours < 0 ? ours : 0, theirs < 0 ? theirs : 0);
    if (ours >= 0) {
        fds[slot].ours = (int)ours;
        fds[slot].theirs = (int)theirs;
        fds[slot].write = (flags & O_ACCMODE) != 0;
    }
}

static uint64_t
random_position(void)
{
    switch (chance(6)) {
    case 0: return chance(100);
    case 1: return chance(10) * 4096;
    case 2: return chance(20000000);
    default: return chance(200000);
    }
}

static void
random_data(void)
{
    static char a[BUF_MAX], b[BUF_MAX];
    unsigned slot = chance(OPEN_MAX), n = chance(4) ? chance(6000) : chance(BUF_MAX);
    uint64_t pos = random_position();
    long ours, theirs;

    if (fds[slot].ours < 0)
        return;
    switch (chance(10)) {
    case 0: case 1: case 2: case 3:
        memset(a, (int)chance(256), n);
        random_fill(a, n < 64 ? n : 64);
        same("pwrite", "", CALL(pwrite64, fds[slot].ours, a, n, pos), oracle_pwrite(fds[slot].theirs, a, n, pos));
        break;
    case 4:
        pos = chance(300000);
        same("ftruncate", "", CALL(ftruncate, fds[slot].ours, pos), oracle_ftruncate(fds[slot].theirs, pos));
        break;
    case 5:
        if (chance(4) == 0) {
            unsigned mode = chance(3) == 0 ? 3 : chance(2);
            pos = chance(300000);
            ours = CALL(fallocate, fds[slot].ours, mode, pos, n + 1);
            theirs = oracle_fallocate(fds[slot].theirs, mode, pos, n + 1);
            if (theirs != -EOPNOTSUPP && ours != -EOPNOTSUPP)
                same("fallocate", "", ours, theirs);
            break;
        }
        /* fall through */
    default:
        ours = CALL(pread64, fds[slot].ours, a, n, pos);
        theirs = oracle_pread(fds[slot].theirs, b, n, pos);
        same("pread", "", ours, theirs);
        if (ours > 0 && memcmp(a, b, (size_t)ours) != 0) {
            long k = 0;
            while (a[k] == b[k])
                k++;
            fail_msg("%u: contents differ at %ld", trace_number, (long)pos + k);
        }
    }
}

static void
random_name(void)
{
    const char *a = random_path(), *b = random_path();
    static const char *const targets[] = { "a", "b/c", "a/./b", "nowhere", "./e/", "." };
    static char text[2][4096];
    unsigned k = chance(6);
    struct oracle_stat s;
    struct inode *i;
    long ours, theirs;

    switch (chance(12)) {
    case 0: case 1:
        same("mkdir", a, CALL(mkdir, a, 0755), oracle_mkdir(a, 0755));
        break;
    case 2:
        same("rmdir", a, CALL(rmdir, a), oracle_rmdir(a));
        break;
    case 3: case 4:
        same("unlink", a, CALL(unlink, a), oracle_unlink(a));
        break;
    case 5: case 6: case 7:
        k = chance(8) == 0 ? 1 + chance(2) : 0;
        same(b, a, CALL(renameat2, -100, a, -100, b, k), oracle_rename(a, b, k));
        break;
    case 8:
        same("link", a, CALL(link, a, b), oracle_link(a, b));
        break;
    case 9:
        same("symlink", a, CALL(symlink, targets[k], a), oracle_symlink(targets[k], a));
        break;
    case 10:
        ours = CALL(readlink, a, text[0], 4096);
        theirs = oracle_readlink(a, text[1], 4096);
        same("readlink", a, ours, theirs);
        if (ours > 0)
            assert_memory_equal(text[0], text[1], (size_t)ours);
        break;
    default:
        ours = path_lookup(NULL, a, false, &i);
        theirs = oracle_lstat(a, &s);
        same("lstat", a, ours, theirs);
        if (ours == 0) {
            if (!inode_is(i, S_IFDIR)) {
                assert_int_equal(inode_size(i), s.size);
                assert_int_equal(i->nlink, s.nlink);
            }
            assert_int_equal(i->mode, s.mode);
            inode_put(i);
        }
    }
}

static void
close_all(void)
{
    for (unsigned n = 0; n < OPEN_MAX; n++) {
        if (fds[n].ours >= 0) {
            assert_int_equal(CALL(close, fds[n].ours), 0);
            oracle_close(fds[n].theirs);
        }
        fds[n].ours = -1;
    }
}

/* e2fsck, then debugfs takes the tree out and diff compares. */
static void
judge(void)
{
    assert_int_equal(fsck(), 0);
    assert_int_equal(host_run(PATH_PREFIX "cd %s && rm -rf dump && mkdir dump && debugfs -R 'rdump / dump' image >/dev/null 2>&1 && "
                              "rm -rf dump/lost+found dump/dev dump/proc dump/run dump/sys && diff -r --no-dereference dump oracle", test_dir), 0);
}

static void
run(const char *layout)
{
    char oracle[256];

    host_run("rm -rf %s/src/* %s/oracle; mkdir %s/oracle", test_dir, test_dir, test_dir);
    snprintf(oracle, sizeof(oracle), "%s/oracle", test_dir);
    oracle_root(oracle);
    make_image(layout, "48M");
    for (unsigned n = 0; n < OPEN_MAX; n++)
        fds[n].ours = -1;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(mount_image(), 0);
        for (unsigned n = 0; n < OPS; n++, trace_number++) {
            unsigned k = chance(10);

            if (k < 2)
                random_open();
            else if (k < 6)
                random_data();
            else
                random_name();
            if (chance(50) == 0) {
                host_clock_ns += NSEC_PER_SEC;
                fs_housekeep();
            }
            if (chance(300) == 0)
                assert_int_equal(CALL(sync, 0), 0);
        }
        close_all();
        assert_int_equal(unmount_image(), 0);
        judge();
    }
}

static void
random_calls_agree_with_the_host(void **state)
{
    (void)state;
    for (unsigned n = 0; n < sizeof(layouts) / sizeof(layouts[0]); n++)
        run(layouts[n]);
}

static void
random_calls_agree_when_memory_is_short(void **state)
{
    (void)state;
    host_mem_pages = 400;
    run("-t ext4 -b 4096 -O ^has_journal");
    run("-t ext2 -b 1024");
    host_mem_pages = 16384;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_calls_agree_with_the_host),
        cmocka_unit_test(random_calls_agree_when_memory_is_short),
    };
    int failed;

    test_start("random");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        test_end();
    return failed;
}
