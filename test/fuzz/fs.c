/*
 * fs.c: the file system on damaged images: an image that mke2fs made, a few fields of its metadata changed, checksums put right or not; then
 * everything is walked, read, written, renamed and removed, and the rest once more after it was mounted again. Whatever it refuses, it
 * neither crashes nor hangs, and gives all its memory back.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "choice.h"
#include "ext4_parts.h"
#include "fake/exos/calls.h"
#include "unit/exos/fs/fs_test.h"

#define DAMAGED_PARTS_MAX 8
#define DAMAGED_FIELDS_MAX 4
#define NAMES_MAX 120           /* visited in one walk */
#define DEPTH_MAX 6
#define FILE_BYTES_MAX 200000
#define PART_KINDS (PART_INDIRECT + 1)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct layout {
    const char *options, *size;
} layouts[] = {
    { "-t ext2 -b 1024 -g 512 -N 256", "1M" },
    { "-t ext2 -b 4096", "2M" },
    { "-t ext4 -b 4096 -O ^has_journal,^metadata_csum,^64bit", "2M" },
    { "-t ext4 -b 1024 -g 512 -N 256 -O ^has_journal,^metadata_csum,uninit_bg", "1M" },
    { "-t ext4 -b 4096 -O ^has_journal", "2M" },
    { "-t ext4 -b 1024 -g 512 -N 256 -O ^has_journal,metadata_csum,64bit", "1M" },
};
static struct ext4_image images[sizeof(layouts) / sizeof(layouts[0])];
static uint8_t *damaged;
static char buf[65536];
static unsigned visited;

/* ---- images ---- */

static void
load(struct ext4_image *e, const struct layout *l)
{
    FILE *f;

    make_image(l->options, l->size);
    assert(host_run(PATH_PREFIX "for n in 20 400; do debugfs -w -R \"ea_set /numbers user.a$n $(printf \"%%0$n\" 0)\" %s; done >/dev/null 2>&1; "
                    "debugfs -w -R 'ea_set /a/b user.small x' %s >/dev/null 2>&1", test_image, test_image) == 0);
    f = fopen(test_image, "rb");
    assert(f != NULL && fseek(f, 0, SEEK_END) == 0);
    e->bytes = (uint32_t)ftell(f);
    e->clean = malloc(e->bytes);
    rewind(f);
    assert(fread(e->clean, 1, e->bytes, f) == e->bytes);
    fclose(f);
    ext4_parts_find(e);
}

static const struct part *
any_part(const struct ext4_image *e)
{
    enum part_kind kind = below(PART_KINDS);
    uint32_t first = below(e->part_count);

    for (uint32_t i = 0; i < e->part_count; i++) {
        const struct part *p = &e->part[(first + i) % e->part_count];

        if (p->kind == kind)
            return p;
    }
    return &e->part[first];
}

static uint32_t
any_value(const struct ext4_image *e)
{
    static const uint32_t edges[] = {
        0, 1, 2, 7, 8, 11, 12, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, EXTENT_MAGIC, XATTR_MAGIC,
    };

    switch (below(4)) {
    case 0: return (uint32_t)(choice() >> 32);
    case 1: return below(e->bytes / e->block_size);
    case 2: return e->part[below(e->part_count)].at / e->block_size;
    default: return edges[below(sizeof(edges) / sizeof(edges[0]))];
    }
}

/* One field, of one, two or four bytes, most often near the beginning. */
static void
change_field(const struct ext4_image *e, const struct part *p)
{
    uint32_t width = 1u << below(3), reach = one_in(3) || p->bytes < 128 ? p->bytes : 128;
    uint32_t at = p->at + below(reach / width) * width, value = any_value(e);

    if (one_in(4))
        damaged[at] ^= (uint8_t)(1 << below(8));
    else
        memcpy(damaged + at, &value, width);
}

static void
damage(const struct ext4_image *e)
{
    memcpy(damaged, e->clean, e->bytes);
    for (uint32_t n = below(DAMAGED_PARTS_MAX); n > 0; n--) {
        const struct part *p = any_part(e), *other = any_part(e);

        for (uint32_t k = below(DAMAGED_FIELDS_MAX) + 1; k > 0; k--)
            change_field(e, p);
        if (one_in(8))
            memcpy(damaged + p->at, damaged + other->at, MIN(p->bytes, other->bytes));
        if (!one_in(8))
            ext4_part_sum(e, damaged, p);
    }
}

/* ---- what is done to it ---- */

static void
use_file(const char *path)
{
    long fd = CALL(open, path, one_in(4) ? O_RDONLY : O_RDWR | O_NOFOLLOW, 0);

    if (fd < 0)
        return;
    for (uint32_t n = below(4) + 1; n > 0; n--) {
        uint64_t at = one_in(10) ? choice() >> below(64) : below(FILE_BYTES_MAX);

        switch (below(9)) {
        case 0: CALL(pread64, fd, buf, sizeof(buf), at); break;
        case 1: CALL(pread64, fd, buf, sizeof(buf), 0); break;
        case 2: CALL(pwrite64, fd, "hello", 5, at); break;
        case 3: CALL(pwrite64, fd, buf, below(sizeof(buf)), at); break;
        case 4: CALL(ftruncate, fd, at); break;
        case 5: CALL(fallocate, fd, below(4), at, below(FILE_BYTES_MAX)); break;
        case 6: CALL(lseek, fd, at, below(6)); break;
        case 7: CALL(fsync, fd); break;
        default: CALL(fchmod, fd, below(010000)); break;
        }
    }
    CALL(close, fd);
}

static void
use_attributes(const char *path)
{
    CALL(llistxattr, path, buf, sizeof(buf));
    CALL(lgetxattr, path, "user.a400", buf, sizeof(buf));
    if (one_in(2))
        CALL(lsetxattr, path, one_in(2) ? "user.a20" : "user.new", buf, below(600), 0);
    else
        CALL(lremovexattr, path, one_in(2) ? "user.a400" : "user.small");
}

/* Of a name that there is. */
static void
use_name(const char *path, bool directory)
{
    char new_name[32];

    snprintf(new_name, sizeof(new_name), one_in(2) ? "/new%u" : "/a/b/new%u", below(10));
    switch (below(6)) {
    case 0: CALL(rename, path, new_name); break;
    case 1: CALL(link, path, new_name); break;
    case 2: CALL(rename, path, "/many/file-7"); break;
    case 3: CALL(renameat2, -100, path, -100, "/numbers", 2); break;
    default:
        if (directory)
            CALL(rmdir, path);
        else
            CALL(unlink, path);
    }
}

static void
use_directory(const char *path)
{
    char name[1100];

    snprintf(name, sizeof(name), "%s/new%u", path, below(30));
    switch (below(5)) {
    case 0: CALL(mkdir, name, 0755); break;
    case 1: CALL(symlink, one_in(2) ? "short" : "/a/long/one/that/does/not/fit/in/the/inode/itself/for/it/has/more/than/sixty", name); break;
    case 2: CALL(mknod, name, S_IFIFO | 0644, 0); break;
    default: CALL(close, CALL(open, name, O_CREAT | O_RDWR, 0644));
    }
}

static void walk(const char *path, int depth, bool change);

static void
walk_entries(const char *path, int depth, bool change)
{
    static char names[DEPTH_MAX][16384];
    long fd = CALL(open, path, O_RDONLY | O_DIRECTORY, 0), n = fd >= 0 ? CALL(getdents64, fd, names[depth], sizeof(names[0])) : 0;

    for (long at = 0; at < n; at += *(uint16_t *)(names[depth] + at + 16)) {
        const char *name = names[depth] + at + 19;
        char child[1024];

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(path) + strlen(name) + 2 > sizeof(child))
            continue;
        snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
        walk(child, depth + 1, change);
    }
    if (fd >= 0)
        CALL(close, fd);
}

/* Everything that can be done to a tree. */
static void
walk(const char *path, int depth, bool change)
{
    bool directory, elsewhere;
    struct inode *i;

    if (depth == DEPTH_MAX || ++visited > NAMES_MAX || path_lookup(NULL, path, false, &i) != 0)
        return;
    elsewhere = i->mnt->root != fs_root;        /* what is mounted there, under whichever name */
    directory = inode_is(i, S_IFDIR);
    if (inode_is(i, S_IFLNK) && !elsewhere)
        CALL(readlink, path, buf, 4096);
    inode_put(i);
    if (elsewhere)
        return;
    if (directory) {
        walk_entries(path, depth, change);
        if (change && one_in(2))
            use_directory(path);
    } else if (change || one_in(2)) {
        use_file(path);
    }
    if (one_in(4))
        use_attributes(path);
    if (change && one_in(2))
        use_name(path, directory);
}

static void
mount_and_walk(bool change)
{
    host_seed(choice() | 1);
    host_open_memory(damaged, host_dev.sector_count * BLK_SECTOR);
    if (mount_opened() != 0)
        return;
    visited = 0;
    host_alloc_fail = one_in(6) ? (int)(host_allocs + below(2000)) : -1;
    host_alloc_fail_all = one_in(2);
    host_ios = 0;
    host_io_fail_ops = below(8);        /* reads, writes, flushes */
    host_io_fail = one_in(6) ? (int)below(300) : -1;
    host_io_fail_all = one_in(2);
    walk("/", 0, change);
    host_alloc_fail = -1;
    (void)unmount_image();
    host_io_fail = -1;
}

static void
story(const uint8_t *data, size_t size)
{
    const struct ext4_image *e;

    choices_begin(data, size);
    e = &images[below(sizeof(images) / sizeof(images[0]))];
    damage(e);
    host_dev.sector_count = e->bytes / BLK_SECTOR;
    mount_and_walk(true);
    mount_and_walk(false);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint32_t largest = 0;

    (void)argc;
    (void)argv;
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    test_start("fuzz");
    assert(host_run("cd %s/src; mkdir -p a/b/c many dev proc run sys; for i in $(seq 120); do echo $i > many/file-$i; done; ln -s a/b link;"
                    "ln -s $(printf 'x%%.0s' $(seq 1 200)) long; seq 12000 > numbers; ln numbers a/hard; truncate -s 3000000 sparse;"
                    "for i in $(seq 0 40 600); do printf x | dd of=sparse bs=4096 seek=$i conv=notrunc 2>/dev/null; done", test_dir) == 0);
    for (unsigned i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        load(&images[i], &layouts[i]);
        largest = images[i].bytes > largest ? images[i].bytes : largest;
    }
    test_end();
    damaged = malloc(largest);
    host_quiet = true;
    story(NULL, 0);             /* what is made once is there */
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned objects = objects_held(), pages = host_pages;

    story(data, size);
    assert(objects_held() == objects && host_pages == pages);
    return 0;
}
