/*
 * context.c: what a process knows of the file system: descriptors, directories, ids, the program that it runs.
 */
#include "base/mem.h"
#include "fs/fdtable.h"
#include "fs/file.h"
#include "fs/inode.h"

void
fs_context_changed(struct fs_context *fs)
{
    static uint64_t last_view;

    fs->view = __atomic_add_fetch(&last_view, 1, __ATOMIC_RELAXED);
}

static void
inode_runs(struct inode *i)
{
    __atomic_add_fetch(&i->running, 1, __ATOMIC_RELAXED);
    i->attention |= ATTEND_RUNS;
}

void
fs_context_run(struct fs_context *fs, struct inode *i)
{
    struct inode *old = fs->program;

    if (i != NULL) {
        inode_get(i);
        inode_runs(i);
    }
    fs->program = i;
    if (old != NULL) {
        if (__atomic_sub_fetch(&old->running, 1, __ATOMIC_RELAXED) == 0)
            old->attention &= (uint8_t)~ATTEND_RUNS;
        inode_put(old);
    }
}

/* Directories, umask, ids and program of the parent, which may be NULL; the table t, whose reference it takes. NULL: no memory. */
static struct fs_context *
context_new(const struct fs_context *parent, struct fdtable *t)
{
    struct fs_context *fs = t != NULL ? heap_alloc(sizeof(*fs)) : NULL;

    if (fs == NULL) {
        fdtable_put(t);
        return NULL;
    }
    *fs = (struct fs_context){ .fds = t, .cwd = fs_root, .root = fs_root, .umask = 022 };
    if (parent != NULL) {
        *fs = *parent;
        fs->fds = t;
    } else {
        fs->file_size_max = UINT64_MAX;
        fs_context_changed(fs);
    }
    inode_get(fs->cwd);
    inode_get(fs->root);
    groups_get(fs->groups);
    if (fs->program != NULL) {
        inode_get(fs->program);
        inode_runs(fs->program);
    }
    return fs;
}

struct fs_context *
fs_context_fork(const struct fs_context *parent, bool share)
{
    struct fs_context *fs;

    if (share) {
        parent->fds->refs++;
        return context_new(parent, parent->fds);
    }
    fs = context_new(parent, fdtable_new());
    if (fs != NULL && !fdtable_inherit(fs->fds, parent->fds, false)) {
        fs_context_destroy(fs);
        return NULL;
    }
    return fs;
}

struct fs_context *
fs_context_spawn(const struct fs_context *parent, const struct exos_fdmap *map, size_t count, bool all)
{
    struct fdtable *t = fdtable_new();
    struct fs_context *fs = context_new(parent, t);

    if (fs == NULL)
        return NULL;
    if (parent != NULL && all ? parent->fds != NULL && !fdtable_inherit(t, parent->fds, true)
                              : parent != NULL && !fdtable_inherit_mapped(t, (struct fs_context *)parent, map, count)) {
        fs_context_destroy(fs);
        return NULL;
    }
    return fs;
}

int
fd_table_unshare(void)
{
    struct fs_context *fs = fs_current();
    struct fdtable *shared = fs->fds, *own;

    if (shared->refs == 1)
        return 0;
    own = fdtable_new();
    if (own == NULL || !fdtable_inherit(own, shared, false)) {
        fdtable_put(own);
        return -ENOMEM;
    }
    fs->fds = own;
    fdtable_put(shared);
    return 0;
}

void
fs_context_destroy(struct fs_context *fs)
{
    if (fs == NULL)
        return;
    fdtable_put(fs->fds);
    inode_put(fs->cwd);
    inode_put(fs->root);
    fs_context_run(fs, NULL);
    groups_put(fs->groups);
    heap_free(fs);
}
