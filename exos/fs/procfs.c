/*
 * procfs.c: the tree of /proc.
 *
 * Holds:    inode numbers say what an inode is: the root, a registered row, a directory of rows, or (pid, kind). Nothing is cached:
 *           an inode is made by lookup and goes with its last reference.
 * Not here: what the files say (procfs_show.c and whoever registers).
 */
#include "fs/procfs.h"
#include "base/mem.h"
#include "fs/fdtable.h"
#include "fs/inode.h"
#include "proc/proc.h"

#define PROC_MAGIC 0x9fa0
#define ROWS_MAX 256
#define PID_ROWS_MAX 32
#define ROW_NAME_MAX 48
#define STORE_MAX 128                   /* bytes that one write hands on */

/* Inode numbers. */
#define INO_ROOT 1
#define INO_SELF 2
#define INO_ROW(n) (0x100 + (n))        /* a registered row */
#define INO_DIR(n, depth) (0x200 + (depth) * ROWS_MAX + (n))    /* the directory of row n's first depth + 1 components */
#define INO_PID(pid, kind) (((uint64_t)(pid) + 1) << 16 | (kind))
#define KIND_DIR 0
#define KIND_FD_DIR 1
#define KIND_EXE 2
#define KIND_CWD 3
#define KIND_ROOT 4
#define KIND_TASK_DIR 5         /* the threads of a process */
#define KIND_TASK 6             /* one of them: a number of a thread, as INO_PID's may be */
#define KIND_FDINFO_DIR 7
#define KIND_ROW(n) (0x100 + (n))
#define KIND_FD(fd) (0x1000 + (fd))
#define KIND_FDINFO(fd) (0x2000 + (fd))

static struct {
    char name[ROW_NAME_MAX];
    int (*show)(struct text_buf *);
    int (*store)(char *, size_t);       /* NULL: it cannot be written */
    const char *text;
} rows[ROWS_MAX];
static struct {
    char name[ROW_NAME_MAX];
    int (*show)(struct text_buf *, struct proc *);
    int (*store)(struct proc *, char *, size_t);
} pid_rows[PID_ROWS_MAX];
static unsigned row_count, pid_row_count;
static const struct inode_ops procfs_inode_ops;

int
procfs_register(const char *name, int (*show)(struct text_buf *t))
{
    if (row_count == ROWS_MAX || strlen(name) >= ROW_NAME_MAX)
        return -ENOSPC;
    fmt_print(rows[row_count].name, ROW_NAME_MAX, "%s", name);
    rows[row_count++].show = show;
    return 0;
}

int
procfs_register_setting(const char *name, int (*show)(struct text_buf *t), int (*store)(char *text, size_t len))
{
    int err = procfs_register(name, show);

    if (err == 0)
        rows[row_count - 1].store = store;
    return err;
}

int
procfs_register_text(const char *name, const char *text)
{
    int err = procfs_register(name, NULL);

    if (err == 0)
        rows[row_count - 1].text = text;
    return err;
}

int
procfs_register_pid(const char *name, int (*show)(struct text_buf *t, struct proc *p))
{
    if (pid_row_count == PID_ROWS_MAX || strlen(name) >= ROW_NAME_MAX)
        return -ENOSPC;
    fmt_print(pid_rows[pid_row_count].name, ROW_NAME_MAX, "%s", name);
    pid_rows[pid_row_count++].show = show;
    return 0;
}

int
procfs_register_pid_setting(const char *name, int (*show)(struct text_buf *t, struct proc *p), int (*store)(struct proc *p, char *text, size_t len))
{
    int err = procfs_register_pid(name, show);

    if (err == 0)
        pid_rows[pid_row_count - 1].store = store;
    return err;
}

/* What is a process's belongs to its user. */
static void
procfs_refresh(struct inode *i)
{
    const struct proc *p = i->ino >> 16 != 0 ? proc_find((uint32_t)(i->ino >> 16) - 1) : NULL;

    if (p == NULL || p->fs == NULL)
        return;
    i->uid = p->fs->uid;
    i->gid = p->fs->gid;
}

static int
make(struct mount *m, uint64_t ino, uint32_t mode, struct inode **out)
{
    struct inode *i = inode_find(m, ino);

    if (i == NULL) {
        struct inode *there;

        i = heap_alloc(sizeof(*i));
        if (i == NULL)
            return -ENOMEM;
        inode_init(i, m, ino, &procfs_inode_ops);
        i->linkable = ino == INO_ROOT;
        i->mode = mode;
        procfs_refresh(i);
        i->nlink = (mode & S_IFMT) == S_IFDIR ? 2 : 1;
        i->atime_ns = i->mtime_ns = i->ctime_ns = i->btime_ns = clock_realtime_ns();
        there = inode_insert(i);
        if (there != i)
            heap_free(i);
        i = there;
    }
    *out = i;
    return 0;
}

/* ---- which inode is which ---- */

static bool
is_pid_inode(const struct inode *i)
{
    return i->ino >> 16 != 0;
}

static struct proc *
proc_of(const struct inode *i)
{
    return proc_find((uint32_t)(i->ino >> 16) - 1);
}

static unsigned
kind_of(const struct inode *i)
{
    return i->ino & 0xffff;
}

/* Of descriptors: links, or files that say where each is. */
static bool
is_fd_dir(const struct inode *dir)
{
    return kind_of(dir) == KIND_FD_DIR || kind_of(dir) == KIND_FDINFO_DIR;
}

static bool
parse_number(const char *s, size_t len, uint32_t *out)
{
    uint32_t v = 0;

    if (len == 0 || len > 8 || (s[0] == '0' && len > 1))
        return false;
    for (size_t n = 0; n < len; n++) {
        if (s[n] < '0' || s[n] > '9')
            return false;
        v = v * 10 + (uint32_t)(s[n] - '0');
    }
    *out = v;
    return true;
}

/* ---- lookup ---- */

/* How much of a row's name is its first depth + 1 directories, slash included; 0: it has fewer. */
static size_t
prefix_of(const char *row, unsigned depth)
{
    for (size_t n = 0; row[n] != '\0'; n++) {
        if (row[n] == '/' && depth-- == 0)
            return n + 1;
    }
    return 0;
}

/* The row and depth of a directory's inode. */
static unsigned
dir_row(const struct inode *dir)
{
    return (unsigned)(dir->ino - INO_DIR(0, 0)) % ROWS_MAX;
}

static unsigned
dir_depth(const struct inode *dir)
{
    return (unsigned)(dir->ino - INO_DIR(0, 0)) / ROWS_MAX;
}

/* A name in the directory that `prefix` names; `depth` is its subdirectories'. */
static int
lookup_row(struct mount *m, const char *prefix, size_t prefix_len, unsigned depth, const char *name, size_t len, struct inode **out)
{
    for (unsigned n = 0; n < row_count; n++) {
        const char *row = rows[n].name;

        if (strncmp(row, prefix, prefix_len) != 0 || strncmp(row + prefix_len, name, len) != 0)
            continue;
        if (row[prefix_len + len] == '\0')
            return make(m, INO_ROW(n), S_IFREG | (rows[n].store != NULL ? 0644 : 0444), out);
        if (row[prefix_len + len] == '/')
            return make(m, INO_DIR(n, depth), S_IFDIR | 0555, out);
    }
    return -ENOENT;
}

static const struct { const char *name; unsigned kind; uint32_t mode; } pid_entries[] = {
    { "fd", KIND_FD_DIR, S_IFDIR | 0500 },
    { "fdinfo", KIND_FDINFO_DIR, S_IFDIR | 0555 },
    { "exe", KIND_EXE, S_IFLNK | 0777 },
    { "cwd", KIND_CWD, S_IFLNK | 0777 },
    { "root", KIND_ROOT, S_IFLNK | 0777 },
    { "task", KIND_TASK_DIR, S_IFDIR | 0555 },
};

static int
lookup_pid(struct mount *m, uint32_t pid, const char *name, size_t len, struct inode **out)
{
    for (unsigned n = 0; n < ARRAY_SIZE(pid_entries); n++) {
        if (strlen(pid_entries[n].name) == len && memcmp(pid_entries[n].name, name, len) == 0)
            return make(m, INO_PID(pid, pid_entries[n].kind), pid_entries[n].mode, out);
    }
    for (unsigned n = 0; n < pid_row_count; n++) {
        if (strlen(pid_rows[n].name) == len && memcmp(pid_rows[n].name, name, len) == 0)
            return make(m, INO_PID(pid, KIND_ROW(n)), S_IFREG | (pid_rows[n].store != NULL ? 0644 : 0444), out);
    }
    return -ENOENT;
}

static int
lookup_fd(struct inode *dir, struct proc *p, const char *name, size_t len, struct inode **out)
{
    uint32_t fd;
    struct file *f;

    if (p->fs == NULL || !parse_number(name, len, &fd) || fd >= FD_MAX)
        return -ENOENT;
    f = fd_get_of(p->fs, (int)fd);
    if (f == NULL)
        return -ENOENT;
    file_put(f);
    if (kind_of(dir) == KIND_FDINFO_DIR)
        return make(dir->mnt, INO_PID(p->pid, KIND_FDINFO(fd)), S_IFREG | 0444, out);
    return make(dir->mnt, INO_PID(p->pid, KIND_FD(fd)), S_IFLNK | 0700, out);
}

static int
lookup_task(struct mount *m, const struct proc *p, const char *name, size_t len, struct inode **out)
{
    const struct thread *t;
    uint32_t tid;

    if (!parse_number(name, len, &tid) || (t = thread_find(tid)) == NULL || t->proc != p)
        return -ENOENT;
    return make(m, INO_PID(tid, KIND_TASK), S_IFDIR | 0555, out);
}

static int
lookup_parent(struct inode *dir, struct inode **out)
{
    struct mount *m = dir->mnt;

    if (is_pid_inode(dir) && kind_of(dir) == KIND_TASK && proc_of(dir) != NULL)
        return make(m, INO_PID(proc_of(dir)->pid, KIND_TASK_DIR), S_IFDIR | 0555, out);
    if (is_pid_inode(dir) && kind_of(dir) != KIND_DIR)
        return make(m, INO_PID((dir->ino >> 16) - 1, KIND_DIR), S_IFDIR | 0555, out);
    if (!is_pid_inode(dir) && dir->ino >= INO_DIR(0, 1))
        return make(m, INO_DIR(dir_row(dir), dir_depth(dir) - 1), S_IFDIR | 0555, out);
    inode_get(m->root);
    *out = m->root;
    return 0;
}

static int
procfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
    struct mount *m = dir->mnt;
    struct proc *p;
    uint32_t pid;

    if (len == 2 && name[0] == '.' && name[1] == '.')
        return lookup_parent(dir, out);
    if (dir->ino == INO_ROOT) {
        if (len == 4 && memcmp(name, "self", 4) == 0)
            return make(m, INO_SELF, S_IFLNK | 0777, out);
        if (parse_number(name, len, &pid))
            return proc_find(pid) != NULL ? make(m, INO_PID(pid, KIND_DIR), S_IFDIR | 0555, out) : -ENOENT;
        return lookup_row(m, "", 0, 0, name, len, out);
    }
    if (!is_pid_inode(dir)) {
        const char *row = rows[dir_row(dir)].name;

        return lookup_row(m, row, prefix_of(row, dir_depth(dir)), dir_depth(dir) + 1, name, len, out);
    }
    p = proc_of(dir);
    if (p == NULL)
        return -ENOENT;
    if (kind_of(dir) == KIND_TASK_DIR)
        return lookup_task(m, p, name, len, out);
    return is_fd_dir(dir) ? lookup_fd(dir, p, name, len, out) : lookup_pid(m, (uint32_t)(dir->ino >> 16) - 1, name, len, out);
}

/* ---- reading directories ---- */

static bool
emit(struct dir_sink *d, const char *name, uint64_t ino, unsigned type, uint64_t *pos)
{
    if (!d->entry(d, name, strlen(name), ino, type, *pos + 1))
        return false;
    (*pos)++;
    return true;
}

/* Is row n the first of those that begin with its first len bytes? */
static bool
first_with(unsigned n, size_t len)
{
    for (unsigned k = 0; k < n; k++) {
        if (strncmp(rows[k].name, rows[n].name, len) == 0)
            return false;
    }
    return true;
}

/* The rows of a directory, whose subdirectories are at `depth`; positions 2.. are row numbers. False: the sink is full. */
static bool
emit_rows(struct dir_sink *sink, const char *prefix, size_t prefix_len, unsigned depth, uint64_t *pos)
{
    for (; *pos < 2 + row_count;) {
        unsigned n = (unsigned)*pos - 2;
        size_t own = prefix_of(rows[n].name, depth);
        char name[ROW_NAME_MAX];

        if (strncmp(rows[n].name, prefix, prefix_len) != 0 || (own > 0 && !first_with(n, own))) {
            (*pos)++;
            continue;
        }
        fmt_print(name, sizeof(name), "%s", rows[n].name + prefix_len);
        if (own > 0)
            name[own - prefix_len - 1] = '\0';
        if (!emit(sink, name, own > 0 ? INO_DIR(n, depth) : INO_ROW(n), own > 0 ? 4 : 8, pos))
            return false;
    }
    return true;
}

static int
readdir_root(uint64_t *pos, struct dir_sink *sink)
{
    uint64_t base = 2 + ROWS_MAX;
    char name[12];

    if (!emit_rows(sink, "", 0, 0, pos))
        return 0;
    *pos = MAX(*pos, base);
    if (*pos == base && !emit(sink, "self", INO_SELF, 10, pos))
        return 0;
    while (*pos < base + 1 + PROC_MAX) {
        struct proc *p = proc_at((unsigned)(*pos - base - 1));

        if (p == NULL) {
            (*pos)++;
            continue;
        }
        fmt_print(name, sizeof(name), "%u", p->pid);
        if (!emit(sink, name, INO_PID(p->pid, KIND_DIR), 4, pos))
            return 0;
    }
    return 0;
}

static int
readdir_pid(uint32_t pid, uint64_t *pos, struct dir_sink *sink)
{
    while (*pos < 2 + ARRAY_SIZE(pid_entries) + pid_row_count) {
        unsigned n = (unsigned)*pos - 2;
        bool done = n < ARRAY_SIZE(pid_entries)
                        ? emit(sink, pid_entries[n].name, INO_PID(pid, pid_entries[n].kind), pid_entries[n].mode >> 12, pos)
                        : emit(sink, pid_rows[n - ARRAY_SIZE(pid_entries)].name,
                               INO_PID(pid, KIND_ROW(n - ARRAY_SIZE(pid_entries))), 8, pos);
        if (!done)
            break;
    }
    return 0;
}

static int
readdir_fds(const struct inode *dir, struct proc *p, uint64_t *pos, struct dir_sink *sink)
{
    bool links = kind_of(dir) == KIND_FD_DIR;
    char name[12];

    while (*pos < 2 + FD_MAX && p->fs != NULL) {
        int fd = (int)*pos - 2;
        struct file *f = fd_get_of(p->fs, fd);

        if (f == NULL) {
            (*pos)++;
            continue;
        }
        file_put(f);
        fmt_print(name, sizeof(name), "%d", fd);
        if (!emit(sink, name, INO_PID(p->pid, links ? KIND_FD(fd) : KIND_FDINFO(fd)), links ? 10 : 8, pos))
            break;
    }
    return 0;
}

static int
readdir_tasks(const struct proc *p, uint64_t *pos, struct dir_sink *sink)
{
    uint64_t at = 2;
    char name[12];

    list_for(link, &p->threads) {
        const struct thread *t = container_of(link, struct thread, proc_link);

        if (at++ < *pos)
            continue;
        fmt_print(name, sizeof(name), "%u", t->tid);
        if (!emit(sink, name, INO_PID(t->tid, KIND_TASK), 4, pos))
            break;
    }
    return 0;
}

static int
procfs_readdir(struct inode *dir, uint64_t *pos, struct dir_sink *sink)
{
    struct proc *p;

    if (*pos == 0 && !emit(sink, ".", dir->ino, 4, pos))
        return 0;
    if (*pos == 1 && !emit(sink, "..", INO_ROOT, 4, pos))
        return 0;
    if (dir->ino == INO_ROOT)
        return readdir_root(pos, sink);
    if (!is_pid_inode(dir)) {
        const char *row = rows[dir_row(dir)].name;
        emit_rows(sink, row, prefix_of(row, dir_depth(dir)), dir_depth(dir) + 1, pos);
        return 0;
    }
    p = proc_of(dir);
    if (p == NULL)
        return -ENOENT;
    if (kind_of(dir) == KIND_TASK_DIR)
        return readdir_tasks(p, pos, sink);
    return is_fd_dir(dir) ? readdir_fds(dir, p, pos, sink) : readdir_pid((uint32_t)(dir->ino >> 16) - 1, pos, sink);
}

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
procfs_readlink(struct inode *i, char *buf, size_t size)
{
    struct proc *p = i->ino == INO_SELF ? proc_current() : proc_of(i);
    struct file *f;

    if (p == NULL)
        return -ENOENT;
    if (i->ino == INO_SELF)
        return fmt_print(buf, size, "%u", p->pid);
    switch (kind_of(i)) {
    case KIND_EXE:
        return MIN(fmt_print(buf, size, "%s", p->exe), (int)size);
    case KIND_CWD:
        return link_to_inode(p->fs != NULL ? p->fs->cwd : NULL, buf, size);
    case KIND_ROOT:
        return link_to_inode(p->fs != NULL ? p->fs->root : NULL, buf, size);
    default:
        f = p->fs != NULL && kind_of(i) >= KIND_FD(0) ? fd_get_of(p->fs, (int)(kind_of(i) - KIND_FD(0))) : NULL;
        return f != NULL ? link_to_file(f, buf, size) : -ENOENT;
    }
}

bool
procfs_process(const struct inode *i, struct proc **p)
{
    if (i == NULL || i->ops != &procfs_inode_ops || !is_pid_inode(i) || kind_of(i) != KIND_DIR)
        return false;
    *p = proc_of(i);
    return true;
}

struct file *
procfs_linked_file(struct inode *i)
{
    struct proc *p;

    if (i->ops != &procfs_inode_ops || !is_pid_inode(i) || kind_of(i) < KIND_FD(0) || kind_of(i) >= KIND_FDINFO(0))
        return NULL;
    p = proc_of(i);
    return p != NULL && p->fs != NULL ? fd_get_of(p->fs, (int)(kind_of(i) - KIND_FD(0))) : NULL;
}

bool
procfs_is_magic(const struct inode *i)
{
    return i->ops == &procfs_inode_ops && inode_is(i, S_IFLNK) && is_pid_inode(i);
}

/* ---- files ---- */

static int
show_row(unsigned n, struct text_buf *t)
{
    if (rows[n].show != NULL)
        return rows[n].show(t);
    text_print(t, "%s", rows[n].text);
    return 0;
}

static int
show_fdinfo(struct text_buf *t, const struct proc *p, int fd)
{
    struct file *f = p->fs != NULL ? fd_get_of(p->fs, fd) : NULL;

    if (f == NULL)
        return -ENOENT;
    text_print(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n", f->pos, f->flags, f->inode != NULL ? f->inode->mnt->dev_id : 0,
               f->inode != NULL ? f->inode->ino : 0);
    file_put(f);
    return 0;
}

static int
generate(struct inode *i, struct text_buf *t)
{
    struct proc *p;

    if (!is_pid_inode(i))
        return show_row((unsigned)(i->ino - INO_ROW(0)), t);
    p = proc_of(i);
    t->tid = (uint32_t)(i->ino >> 16) - 1;
    if (p == NULL)
        return -ESRCH;
    if (kind_of(i) >= KIND_FDINFO(0))
        return show_fdinfo(t, p, (int)(kind_of(i) - KIND_FDINFO(0)));
    return pid_rows[kind_of(i) - KIND_ROW(0)].show(t, p);
}

/* The text is made when reading begins at the start, and kept for the rest. */
static ssize
text_read(struct file *f, struct uio *u, uint64_t *pos)
{
    struct text_buf *t = f->priv;
    ssize n;
    int err;

    if (t == NULL) {
        t = heap_alloc(sizeof(*t));
        if (t == NULL)
            return -ENOMEM;
        f->priv = t;
    }
    if (*pos == 0 || t->data == NULL) {
        text_free(t);
        err = generate(f->inode, t);
        if (err != 0)
            return err;
    }
    if (*pos >= t->len)
        return 0;
    n = uio_out(u, t->data + *pos, t->len - *pos);
    if (n > 0)
        *pos += (uint64_t)n;
    return n;
}

/* Hands on what was written, to whoever registered the file. */
static int
store(const struct inode *i, char *text, size_t len)
{
    struct proc *p;

    if (!is_pid_inode(i))
        return rows[i->ino - INO_ROW(0)].store(text, len);
    p = proc_of(i);
    return p == NULL ? -ESRCH : pid_rows[kind_of(i) - KIND_ROW(0)].store(p, text, len);
}

static ssize
text_write(struct file *f, struct uio *u, uint64_t *pos)
{
    char text[STORE_MAX];
    ssize len;
    int err;

    if ((f->inode->mode & 0222) == 0)
        return -EIO;
    len = uio_in(u, text, sizeof(text) - 1);
    if (len < 0)
        return len;
    text[len] = '\0';
    err = store(f->inode, text, (size_t)len);
    if (err != 0)
        return err;
    *pos += (uint64_t)len;
    return len;
}

static void
text_release(struct file *f)
{
    if (f->priv == NULL)
        return;
    text_free(f->priv);
    heap_free(f->priv);
}

static const struct file_ops text_file_ops = { .name = "proc", .read = text_read, .write = text_write, .release = text_release };

static int
procfs_open(struct inode *i, struct file *f)
{
    (void)i;
    f->ops = &text_file_ops;
    return 0;
}

static void
procfs_evict(struct inode *i)
{
    (void)i;
}

static const struct inode_ops procfs_inode_ops = {
    .lookup = procfs_lookup,
    .readdir = procfs_readdir,
    .readlink = procfs_readlink,
    .open = procfs_open,
    .evict = procfs_evict,
    .refresh = procfs_refresh,
};

static void
procfs_statfs(struct mount *m, struct fs_stat *out)
{
    (void)m;
    *out = (struct fs_stat){ .type = PROC_MAGIC, .block_size = PAGE_SIZE };
}

static const struct fs_ops procfs_ops = { .name = "proc", .statfs = procfs_statfs };

void
procfs_init(void)
{
    procfs_register_own();
    procfs_register_sys();
}

int
procfs_mount(struct mount **out)
{
    struct mount *m = mount_new(&procfs_ops);

    if (m == NULL || make(m, INO_ROOT, S_IFDIR | 0555, &m->root) != 0) {
        heap_free(m);
        return -ENOMEM;
    }
    *out = m;
    return 0;
}
