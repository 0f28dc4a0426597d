/*
 * devpts.c: pseudo-terminals by name: /dev/ptmx makes one, /dev/pts shows them.
 *
 * Holds:    /dev/pts is a tree in session memory that only this file changes: a node per pair whose master is open, its owner's, of the
 *           group tty. A node that is reached otherwise (an old descriptor) opens nothing when the pair is no longer its own.
 */
#include "base/base.h"
#include "fs/devfs.h"
#include "fs/inode.h"
#include "fs/procfs.h"
#include "fs/tmpfs.h"
#include "tty/pty.h"

#define DEVPTS_MAGIC 0x1cd1
#define GROUP_TTY 5             /* Debian's */
#define NAME_MAX_PTY 12
#define PTMX_DEVICE DEV_NUMBER(5, 2)

static struct mount *devpts;
static struct inode_ops node_ops, root_ops;
static const struct inode_ops *tree;    /* what the tree can, and programs cannot */

static int
slave_open(struct inode *i, struct file *f)
{
    struct pty *p = pty_at((unsigned)(i->rdev & 0xff));
    int err;

    if (p == NULL || p->node != i || p->locked)
        return -EIO;
    err = tty_open(&p->tty, f, true);
    if (err == 0) {
        p->uses++;
        p->slave_gone = false;
    }
    return err;
}

static size_t
name_of(const struct pty *p, char *name)
{
    return (size_t)fmt_print(name, NAME_MAX_PTY, "%u", p->number);
}

static int
add(const char *name, size_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
    struct inode *root = devpts->root;
    int err;

    own_take(&root->own);
    err = tree->create(root, name, len, mode, rdev, NULL, out);
    if (err == 0)
        name_enter(root, name, len, *out);
    own_drop(&root->own);
    return err == -ENOSPC ? -ENOMEM : err;
}

void
devpts_remove(struct pty *p)
{
    struct inode *root = devpts->root, *node = p->node;
    char name[NAME_MAX_PTY];
    size_t len = name_of(p, name);

    if (node == NULL)
        return;
    p->node = NULL;
    own_take(&root->own);
    if (tree->unlink(root, name, len, node) == 0)
        name_forget(root, name, len);
    own_drop(&root->own);
    inode_put(node);
}

/* A pair that its master's file f holds. */
static int
ptmx_open(struct file *f)
{
    char name[NAME_MAX_PTY];
    struct inode *node;
    struct pty *p;
    int err = pty_create(&p);

    if (err != 0)
        return err;
    err = add(name, name_of(p, name), S_IFCHR | 0620, p->tty.device, &node);
    if (err != 0) {
        pty_put(p);
        return err;
    }
    node->gid = GROUP_TTY;
    node->ops = &node_ops;
    p->node = node;
    f->ops = &pty_master_ops;
    f->priv = p;
    return 0;
}

long
devpts_open_peer(struct pty *p, uint32_t flags)
{
    struct file *f;
    int fd, err = vfs_open_inode(p->node, flags & ~O_PATH, &f);

    if (err != 0)
        return err;
    fd = fd_install(f, 0, (flags & O_CLOEXEC) != 0);
    if (fd < 0)
        file_put(f);
    return fd;
}

/* ---- bring-up ---- */

static void
devpts_statfs(struct mount *m, struct fs_stat *out)
{
    (void)m;
    *out = (struct fs_stat){ .type = DEVPTS_MAGIC, .block_size = PAGE_SIZE };
}

static int
show_count(struct text_buf *t)
{
    text_print(t, "%u\n", pty_count());
    return 0;
}

static int
mount_tree(void)
{
    static struct fs_ops ops;
    struct inode *ptmx;
    int err;

    ops = tmpfs_ops;
    ops.name = "devpts";
    ops.statfs = devpts_statfs;
    err = tmpfs_new(&ops, 0755, &devpts);
    if (err != 0)
        return err;
    tree = devpts->root->ops;
    node_ops = *tree;
    node_ops.open = slave_open;
    root_ops = (struct inode_ops){ .lookup = tree->lookup, .readdir = tree->readdir, .evict = tree->evict, .refresh = tree->refresh };
    devpts->root->ops = &root_ops;
    err = add("ptmx", 4, S_IFCHR, PTMX_DEVICE, &ptmx);
    if (err == 0)
        inode_put(ptmx);
    return err != 0 ? err : mount_attach(devpts, "/dev/pts");
}

void
devpts_init(void)
{
    static const struct file_ops ptmx_ops = { .name = "ptmx", .open = ptmx_open };
    static const struct gen_row rows[] = {
        { "sys/kernel/pty/nr", .show = show_count },
        { "sys/kernel/pty/max", .text = TEXT_OF(PTY_MAX) },
    };
    int err = mount_tree();

    if (err == 0)
        err = devfs_register("ptmx", S_IFCHR | 0666, (unsigned)PTMX_DEVICE, &ptmx_ops);
    gen_add(&procfs, rows, ARRAY_SIZE(rows));
    if (err != 0)
        log_print("there are no pseudo-terminals: error %d", -err);
}
