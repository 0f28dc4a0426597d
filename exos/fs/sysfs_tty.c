/* sysfs_tty.c: /sys/class/tty: the terminals that have a fixed number. */
#include "fs/devfs.h"
#include "fs/sysfs.h"

#define DEVICES "devices/virtual/tty/"

static const struct { const char *name, *mode; unsigned major, minor; } ttys[] = {
    { "tty", "DEVMODE=0666\n", 5, 0 }, { "console", "", 5, 1 }, { "ptmx", "DEVMODE=0666\n", 5, 2 },
};

static bool
next_tty(uint64_t of, uint64_t *at, uint64_t *key)
{
    (void)of;
    *key = (*at)++;
    return *key < ARRAY_SIZE(ttys);
}

static void
tty_name(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "%s", ttys[key].name);
}

static void
tty_number(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "%u:%u", ttys[key].major, ttys[key].minor);
}

static const struct gen_set by_name = { .next = next_tty, .name = tty_name };
static const struct gen_set by_number = { .next = next_tty, .name = tty_number };

static ssize
link_device(uint64_t key, char *buf, size_t size)
{
    return fmt_print(buf, size, "../../" DEVICES "%s", ttys[key].name);
}

static ssize
link_class(uint64_t key, char *buf, size_t size)
{
    (void)key;
    return fmt_print(buf, size, "../../../../class/tty");
}

static int
show_number(struct text_buf *t)
{
    text_print(t, "%u:%u\n", ttys[t->key].major, ttys[t->key].minor);
    return 0;
}

static int
show_uevent(struct text_buf *t)
{
    text_print(t, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n%s", ttys[t->key].major, ttys[t->key].minor, ttys[t->key].name, ttys[t->key].mode);
    return 0;
}

static const struct gen_row rows[] = {
    { "class/tty/#", { &by_name }, .link = link_device },
    { "dev/char/#", { &by_number }, .link = link_device },
    { DEVICES "#/dev", { &by_name }, .show = show_number },
    { DEVICES "#/uevent", { &by_name }, .show = show_uevent },
    { DEVICES "#/subsystem", { &by_name }, .link = link_class },
};

void
sysfs_add_ttys(void)
{
    gen_add(&sysfs, rows, ARRAY_SIZE(rows));
}
