/*
 * rights.c: what a process may do with a file: modes, owners, groups.
 *
 * Holds:    supplementary groups are shared by all that inherited them, and change as a whole.
 */
#include "fs/rights.h"

#include "base/mem.h"
#include "fs/inode.h"

struct groups *
groups_new(uint32_t count)
{
    struct groups *g = heap_alloc(sizeof(*g) + count * sizeof(g->gid[0]));

    if (g != NULL) {
        g->refs = 1;
        g->count = count;
    }
    return g;
}

void
groups_get(struct groups *g)
{
    if (g != NULL)
        __atomic_add_fetch(&g->refs, 1, __ATOMIC_RELAXED);
}

void
groups_put(struct groups *g)
{
    if (g != NULL && __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) == 0)
        heap_free(g);
}

bool
in_group(const struct fs_context *fs, uint32_t gid)
{
    const struct groups *g = fs->groups;

    if (gid == fs->gid)
        return true;
    for (uint32_t n = 0; g != NULL && n < g->count; n++) {
        if (g->gid[n] == gid)
            return true;
    }
    return false;
}

int
inode_may_as(const struct inode *i, unsigned want, const struct fs_context *fs)
{
    unsigned bits = i->mode & 7;

    if (fs->uid == 0) {
        if ((want & MAY_EXEC) && !inode_is(i, S_IFDIR) && (i->mode & 0111) == 0)
            return -EACCES;
        return 0;
    }
    if (fs->uid == i->uid)
        bits = (i->mode >> 6) & 7;
    else if (in_group(fs, i->gid))
        bits = (i->mode >> 3) & 7;
    return (bits & want) == want ? 0 : -EACCES;
}

int
inode_may_for(const struct inode *i, unsigned want, const struct fs_context *fs)
{
    if ((want & MAY_WRITE) && i->mnt->read_only && (inode_is(i, S_IFREG) || inode_is(i, S_IFDIR)))
        return -EROFS;
    return inode_may_as(i, want, fs);
}

int
inode_may_check(const struct inode *i, unsigned want)
{
    return inode_may_for(i, want, fs_current());
}

/* The mode and the group of a file that the caller makes in dir. */
void
inode_born(struct inode *i, const struct inode *dir)
{
    const struct fs_context *fs = fs_current();

    i->uid = fs->uid;
    i->gid = fs->gid;
    if (dir == NULL || !(dir->mode & S_ISGID))
        return;
    i->gid = dir->gid;
    if (inode_is(i, S_IFDIR))
        i->mode |= S_ISGID;
    else if ((i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && fs->uid != 0 && !in_group(fs, dir->gid))
        i->mode &= ~S_ISGID;
}
