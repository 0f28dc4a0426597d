/*
 * procfs.c: the tree of /proc: which processes, threads and descriptors it names, and its links.
 *
 * Holds:    a key is the number of a process or thread; that of a thread in its process's directory is marked; above it, a descriptor.
 * Not here: what the files say (procfs_show.c and whoever adds rows).
 */
#include "fs/procfs.h"
#include "base/mem.h"
#include "fs/fdtable.h"
#include "fs/inode.h"
#include "proc/proc.h"

#define KEY_TASK (1ul << 16)            /* a thread in /proc/PID/task */
#define KEY_FD_SHIFT 17
static_assert(PID_MAX < KEY_TASK && FD_MAX <= 1ul << (GEN_KEY_BITS - KEY_FD_SHIFT), "they fit into a key");

struct gen_tree procfs = { .ops = { .name = "proc", .statfs = gen_statfs }, .magic = 0x9fa0, .dir_mode = S_IFDIR | 0555 };

/* ---- processes, threads, descriptors ---- */

static struct proc *
proc_of(uint64_t key)
{
    return proc_find(procfs_id(key));
}

static void *
process(uint64_t key)
{
    return proc_of(key);
}

static bool
next_process(uint64_t of, uint64_t *at, uint64_t *key)
{
    const struct proc *p = NULL;

    (void)of;
    while (p == NULL && *at < PROC_MAX)
        p = proc_at((unsigned)(*at)++);
    if (p != NULL)
        *key = p->pid;
    return p != NULL;
}

static void
id_name(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "%u", procfs_id(key));
}

/* By the number of any of its threads. */
static bool
find_process(uint64_t of, const char *name, size_t len, uint64_t *key)
{
    uint32_t pid;

    (void)of;
    if (!gen_number(name, len, &pid) || proc_find(pid) == NULL)
        return false;
    *key = pid;
    return true;
}

/* What is a process's belongs to its user. */
static void
own(uint64_t key, struct inode *i)
{
    const struct proc *p = proc_of(key);

    if (p == NULL || p->fs == NULL)
        return;
    i->uid = p->fs->uid;
    i->gid = p->fs->gid;
}

static bool
next_thread(uint64_t of, uint64_t *at, uint64_t *key)
{
    const struct proc *p = proc_of(of);
    uint64_t n = 0;

    if (p == NULL)
        return false;
    list_for(link, &p->threads) {
        if (n++ == *at) {
            *key = container_of(link, struct thread, proc_link)->tid | KEY_TASK;
            (*at)++;
            return true;
        }
    }
    return false;
}

static bool
find_thread(uint64_t of, const char *name, size_t len, uint64_t *key)
{
    const struct thread *t;
    uint32_t tid;

    if (!gen_number(name, len, &tid) || (t = thread_find(tid)) == NULL || t->proc != proc_of(of))
        return false;
    *key = tid | KEY_TASK;
    return true;
}

/* The open file that a key is about, referenced, or NULL. */
static struct file *
file_of(uint64_t key)
{
    const struct proc *p = proc_of(key);

    return p != NULL && p->fs != NULL ? fd_get_of(p->fs, (int)(key >> KEY_FD_SHIFT)) : NULL;
}

static bool
is_open(uint64_t key)
{
    struct file *f = file_of(key);

    if (f != NULL)
        file_put(f);
    return f != NULL;
}

static bool
next_fd(uint64_t of, uint64_t *at, uint64_t *key)
{
    while (*at < FD_MAX) {
        *key = (*at)++ << KEY_FD_SHIFT | of;
        if (is_open(*key))
            return true;
    }
    return false;
}

static void
fd_name(uint64_t key, char name[GEN_NAME_MAX])
{
    fmt_print(name, GEN_NAME_MAX, "%lu", key >> KEY_FD_SHIFT);
}

static bool
find_fd(uint64_t of, const char *name, size_t len, uint64_t *key)
{
    uint32_t fd;

    if (!gen_number(name, len, &fd) || fd >= FD_MAX)
        return false;
    *key = (uint64_t)fd << KEY_FD_SHIFT | of;
    return is_open(*key);
}

const struct gen_set procfs_processes = { next_process, id_name, find_process, process, -ESRCH, own };
const struct gen_set procfs_threads = { next_thread, id_name, find_thread, process, -ESRCH, own };
static const struct gen_set fds = { next_fd, fd_name, find_fd, process, -ESRCH, own };

/* ---- links ---- */

static ssize
link_to_inode(struct inode *i, char *buf, size_t size)
{
    return i != NULL ? inode_path(i, buf, size) : -ENOENT;
}

static ssize
link_to_file(struct file *f, char *buf, size_t size)
{
    ssize n = -ENOENT;

    if (f->inode != NULL) {
        n = inode_path(f->inode, buf, size);
        if (n < 0)
            n = fmt_print(buf, size, "inode:[%lu]%s", f->inode->ino, f->inode->nlink == 0 ? " (deleted)" : "");
    } else if (strncmp(f->ops->name, "pipe", 4) == 0 || strncmp(f->ops->name, "sock", 4) == 0) {
        n = fmt_print(buf, size, "%s:[%lu]", f->ops->name, (uint64_t)(uintptr_t)f >> 4 & 0xffffff);
    } else {
        n = fmt_print(buf, size, "anon_inode:%s", f->ops->name);
    }
    file_put(f);
    return MIN(n, (ssize)size);
}

static ssize
link_self(uint64_t key, char *buf, size_t size)
{
    (void)key;
    return proc_current() != NULL ? fmt_print(buf, size, "%u", proc_current()->pid) : -ENOENT;
}

static ssize
link_thread_self(uint64_t key, char *buf, size_t size)
{
    (void)key;
    return proc_current() != NULL ? fmt_print(buf, size, "%u/task/%u", proc_current()->pid, thread_self()->tid) : -ENOENT;
}

static ssize
link_net(uint64_t key, char *buf, size_t size)
{
    (void)key;
    return fmt_print(buf, size, "../net");
}

static ssize
link_exe(uint64_t key, char *buf, size_t size)
{
    const struct proc *p = proc_of(key);

    return p != NULL ? fmt_print(buf, size, "%s", p->exe) : -ENOENT;
}

static ssize
link_cwd(uint64_t key, char *buf, size_t size)
{
    const struct proc *p = proc_of(key);

    return link_to_inode(p != NULL && p->fs != NULL ? p->fs->cwd : NULL, buf, size);
}

static ssize
link_root(uint64_t key, char *buf, size_t size)
{
    const struct proc *p = proc_of(key);

    return link_to_inode(p != NULL && p->fs != NULL ? p->fs->root : NULL, buf, size);
}

static ssize
link_fd(uint64_t key, char *buf, size_t size)
{
    struct file *f = file_of(key);

    return f != NULL ? link_to_file(f, buf, size) : -ENOENT;
}

bool
procfs_process(const struct inode *i, struct proc **p)
{
    unsigned depth;
    uint64_t key;
    const struct gen_row *r = gen_row_of(i, &depth, &key);

    if (r == NULL || r->sets[0] != &procfs_processes || depth != 1)
        return false;
    *p = proc_of(key);
    return true;
}

struct file *
procfs_linked_file(struct inode *i)
{
    unsigned depth;
    uint64_t key;
    const struct gen_row *r = gen_row_of(i, &depth, &key);

    return r != NULL && r->link == link_fd && inode_is(i, S_IFLNK) ? file_of(key) : NULL;
}

bool
procfs_is_magic(const struct inode *i)
{
    unsigned depth;
    uint64_t key;
    const struct gen_row *r = gen_row_of(i, &depth, &key);

    return r != NULL && r->sets[0] == &procfs_processes && inode_is(i, S_IFLNK) && r->link != link_net;
}

static int
show_fdinfo(struct text_buf *t)
{
    struct file *f = file_of(t->key);

    if (f == NULL)
        return -ENOENT;
    text_print(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n", f->pos, f->flags, f->inode != NULL ? f->inode->mnt->id : 0,
               f->inode != NULL ? f->inode->ino : 0);
    file_put(f);
    return 0;
}

static const struct gen_row own_rows[] = {
    { "self", .link = link_self },
    { "thread-self", .link = link_thread_self },
    PROCFS_OF_PROCESS("exe", .link = link_exe),
    PROCFS_OF_PROCESS("cwd", .link = link_cwd),
    PROCFS_OF_PROCESS("root", .link = link_root),
    PROCFS_OF_PROCESS("fd", .mode = S_IFDIR | 0500),
    PROCFS_OF_PROCESS("fdinfo", .mode = S_IFDIR | 0555),
    { "#/net", { &procfs_processes }, .link = link_net },
    { "#/fd/#", { &procfs_processes, &fds }, .link = link_fd, .mode = S_IFLNK | 0700 },
    { "#/fdinfo/#", { &procfs_processes, &fds }, .show = show_fdinfo },
    { "#/task/#/fd/#", { &procfs_processes, &procfs_threads, &fds }, .link = link_fd, .mode = S_IFLNK | 0700 },
    { "#/task/#/fdinfo/#", { &procfs_processes, &procfs_threads, &fds }, .show = show_fdinfo },
};

void
procfs_init(void)
{
    gen_add(&procfs, own_rows, ARRAY_SIZE(own_rows));
    procfs_register_own();
    procfs_register_cpu();
    procfs_register_sys();
}

int
procfs_mount(struct mount **out)
{
    return gen_mount(&procfs, out);
}
