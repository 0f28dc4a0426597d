/*
 * memo.c: whole paths that were walked lately: what stat and open of the same files over and over come down to.
 *
 * Holds:    a memo is good while nothing that its walk relied on has changed: names_epoch counts every name that goes or leads elsewhere,
 *           every inode that ends, every mount, every change of owner or mode. Only walks through cached names, without symbolic
 *           links and "..", are kept. Inodes are borrowed.
 * Locks:    icache_lock.
 */
#include "fs/memo.h"

#define MEMOS 128

static struct memo {
    struct path_key key;
    uint64_t epoch;                     /* 0: empty */
    const struct inode *start, *root;
    uint32_t uid, gid;
    struct inode *inode;
} memos[MEMOS];

uint64_t names_epoch = 1;

static struct memo *
slot_of(const struct path_key *k)
{
    return &memos[(k->hash ^ k->hash >> 16) % MEMOS];
}

static bool
fits(const struct memo *m, const struct path_key *k, const struct inode *start, const struct fs_context *fs)
{
    if (m->epoch != names_epoch || m->key.hash != k->hash || m->key.words != k->words || m->start != start || m->root != fs->root ||
        m->uid != fs->uid || m->gid != fs->gid)
        return false;
    for (uint32_t n = 0; n < k->words; n++) {
        if (m->key.word[n] != k->word[n])
            return false;
    }
    return true;
}

struct inode *
memo_find(const struct path_key *k, const struct inode *start, const struct fs_context *fs)
{
    const struct memo *m = slot_of(k);

    return fits(m, k, start, fs) ? m->inode : NULL;
}

void
memo_keep(const struct path_key *k, const struct inode *start, const struct fs_context *fs, struct inode *i)
{
    *slot_of(k) = (struct memo){ *k, names_epoch, start, fs->root, fs->uid, fs->gid, i };
}
