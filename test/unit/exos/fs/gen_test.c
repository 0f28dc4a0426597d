/* gen_test.c: trees of generated files: what rows make of a tree, and what happens when objects come and go. */
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
#include "fs/gen.h"
#include "fs_test.h"

/* Shelves 1 to `shelves`, with as many books as their number says; a key is shelf | book << 8. */
static uint64_t shelves = 2;
static int object, stored;

static bool
next_shelf(uint64_t of, uint64_t *at, uint64_t *key)
{
    (void)of;
    *key = ++*at;
    return *key <= shelves;
}

static void
shelf_name(uint64_t key, char name[GEN_NAME_MAX])
{
    snprintf(name, GEN_NAME_MAX, "shelf%u", (unsigned)key & 255);
}

static void *
shelf(uint64_t key)
{
    return (key & 255) <= shelves ? &object : NULL;
}

static bool
next_book(uint64_t of, uint64_t *at, uint64_t *key)
{
    *key = of | ++*at << 8;
    return *at <= of;
}

static void
book_name(uint64_t key, char name[GEN_NAME_MAX])
{
    snprintf(name, GEN_NAME_MAX, "%u", (unsigned)(key >> 8));
}

static void
of_user(uint64_t key, struct inode *i)
{
    i->uid = 100 + (key & 255);
}

static const struct gen_set all_shelves = { next_shelf, shelf_name, NULL, shelf, -ESRCH, of_user };
static const struct gen_set all_books = { next_book, book_name, NULL, shelf, -ESRCH, of_user };

static int
show_width(struct text_buf *t)
{
    text_print(t, "%lu wide\n", t->key);
    return 0;
}

static int
show_book(struct text_buf *t, void *of)
{
    assert_ptr_equal(of, &object);
    text_print(t, "%lu on %lu\n", t->key >> 8, t->key & 255);
    return 0;
}

static int
store(char *text, size_t len)
{
    stored = atoi(text);
    return len == 3 ? -EINVAL : 0;
}

static ssize
link_first(uint64_t key, char *buf, size_t size)
{
    return snprintf(buf, size, "shelf%u/1", (unsigned)key + 1);
}

static const struct gen_row rows[] = {
    { "about", .text = "a library\n" },
    { "open/hours", .text = "all\n", .store = store },
    { "open/hours2", .text = "none\n" },
    { "first", .link = link_first },
    { "#/width", { &all_shelves }, .show = show_width },
    { "#/#/title", { &all_shelves, &all_books }, .show_of = show_book },
    { "cellar", .mode = S_IFDIR | 0700 },
};
static const struct gen_row more[] = { { "open/days", .text = "seven\n" } };
static struct gen_tree tree = { .ops = { .name = "gen", .statfs = gen_statfs }, .magic = 77, .file_size = 4096, .dir_mode = S_IFDIR | 0555 };

static void
expect_text(const char *path, const char *text)
{
    char buf[64] = "";
    long fd = CALL(open, path, 0);

    assert_true(fd >= 0);
    assert_int_equal(CALL(read, fd, buf, sizeof(buf)), strlen(text));
    assert_string_equal(buf, text);
    assert_int_equal(CALL(read, fd, buf, sizeof(buf)), 0);
    assert_int_equal(CALL(close, fd), 0);
}

static void
a_row_is_a_path(void **state)
{
    (void)state;
    expect_text("/t/about", "a library\n");
    expect_text("/t/open/hours", "all\n");
    expect_text("/t/open/hours2", "none\n");
    expect_text("/t/open/days", "seven\n");
    expect_text("/t/shelf2/width", "2 wide\n");
    expect_text("/t/shelf2/2/title", "2 on 2\n");
    expect_text("/t/first/title", "1 on 1\n");
    expect_text("/t/shelf1/../open/../about", "a library\n");
    assert_int_equal(CALL(open, "/t/shelf3/width", 0), -ENOENT);
    assert_int_equal(CALL(open, "/t/shelf1/2/title", 0), -ENOENT);
    assert_int_equal(CALL(open, "/t/open/hour", 0), -ENOENT);
    assert_int_equal(CALL(open, "/t/#/width", 0), -ENOENT);
    assert_int_equal(CALL(open, "/t/new", 0101, 0644), -EACCES);
}

struct listing {
    struct dir_sink sink;
    unsigned left;              /* so many more entries, then it is full */
    char text[256];
    uint64_t pos;
};

static bool
list(struct dir_sink *d, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next)
{
    struct listing *l = container_of(d, struct listing, sink);

    (void)ino;
    if (l->left-- == 0)
        return false;
    snprintf(l->text + strlen(l->text), sizeof(l->text) - strlen(l->text), "%.*s%s ", (int)len, name, type == 4 ? "/" : type == 10 ? "@" : "");
    l->pos = next;
    return true;
}

/* Read in pieces of n entries, each from where the last one ended. */
static void
expect_names(const char *path, unsigned n, const char *names)
{
    struct listing l = { .sink = { list } };
    struct inode *dir;
    size_t before;

    assert_int_equal(path_lookup(NULL, path, true, &dir), 0);
    do {
        uint64_t pos = l.pos;

        before = strlen(l.text);
        l.left = n;
        assert_int_equal(dir->ops->readdir(dir, &pos, &l.sink), 0);
    } while (strlen(l.text) > before);
    assert_string_equal(l.text, names);
    inode_put(dir);
}

static void
directories_name_what_is_there(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 4; n++) {
        expect_names("/t", n, "./ ../ about open/ first@ shelf1/ shelf2/ cellar/ ");
        expect_names("/t/open", n, "./ ../ hours hours2 days ");
        expect_names("/t/shelf2", n, "./ ../ width 1/ 2/ ");
        expect_names("/t/shelf2/1", n, "./ ../ title ");
        expect_names("/t/cellar", n, "./ ../ ");
    }
    shelves = 3;
    expect_names("/t", 9, "./ ../ about open/ first@ shelf1/ shelf2/ shelf3/ cellar/ ");
    shelves = 2;
}

static void
attributes_are_of_the_object(void **state)
{
    struct inode *i;

    (void)state;
    assert_int_equal(path_lookup(NULL, "/t/shelf2/1", true, &i), 0);
    i->ops->refresh(i);
    assert_int_equal(i->uid, 102);
    assert_int_equal(i->nlink, 2);
    inode_put(i);
    assert_int_equal(path_lookup(NULL, "/t", true, &i), 0);
    i->ops->refresh(i);
    assert_int_equal(i->nlink, 6);
    inode_put(i);
    assert_int_equal(path_lookup(NULL, "/t/open/hours", true, &i), 0);
    assert_int_equal(i->mode, S_IFREG | 0644);
    assert_int_equal(inode_size(i), 4096);
    inode_put(i);
    assert_int_equal(path_lookup(NULL, "/t/cellar", true, &i), 0);
    assert_int_equal(i->mode, S_IFDIR | 0700);
    inode_put(i);
}

static void
whoever_reads_what_has_gone_hears_so(void **state)
{
    char buf[8];
    long fd = CALL(open, "/t/shelf2/1/title", 0);

    (void)state;
    shelves = 1;
    assert_int_equal(CALL(read, fd, buf, sizeof(buf)), -ESRCH);
    assert_int_equal(CALL(open, "/t/shelf2/1/title", 0), -ENOENT);
    shelves = 2;
    assert_int_equal(CALL(close, fd), 0);
}

static void
what_is_written_is_handed_on(void **state)
{
    long fd = CALL(open, "/t/open/hours", 1);

    (void)state;
    assert_int_equal(CALL(write, fd, "1234", 4), 4);
    assert_int_equal(stored, 1234);
    assert_int_equal(CALL(write, fd, "123", 3), -EINVAL);
    assert_int_equal(CALL(close, fd), 0);
    fd = CALL(open, "/t/about", 1);
    assert_int_equal(CALL(write, fd, "1234", 4), -EIO);
    assert_int_equal(CALL(close, fd), 0);
}

static void
a_directory_knows_its_path(void **state)
{
    char buf[64];

    (void)state;
    assert_int_equal(CALL(chdir, "/t/shelf2/1"), 0);
    assert_int_equal(CALL(getcwd, buf, sizeof(buf)), sizeof("/t/shelf2/1"));
    assert_string_equal(buf, "/t/shelf2/1");
    expect_text("../../open/days", "seven\n");
    assert_int_equal(CALL(chdir, "/"), 0);
}

static int
set_up(void **state)
{
    struct mount *m;

    (void)state;
    test_start("gen");
    make_image("-t ext4", "4M");
    assert_int_equal(mount_image(), 0);
    gen_add(&tree, rows, ARRAY_SIZE(rows));
    gen_add(&tree, more, ARRAY_SIZE(more));
    assert_int_equal(gen_mount(&tree, &m), 0);
    assert_int_equal(mount_attach(m, "/t"), 0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    assert_int_equal(unmount_image(), 0);
    test_end();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_a_path),
        cmocka_unit_test(directories_name_what_is_there),
        cmocka_unit_test(attributes_are_of_the_object),
        cmocka_unit_test(whoever_reads_what_has_gone_hears_so),
        cmocka_unit_test(what_is_written_is_handed_on),
        cmocka_unit_test(a_directory_knows_its_path),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
