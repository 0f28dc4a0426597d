/*
 * inode.c: inodes in memory: found by (mount, number), kept while referenced, kept idle for a while after.
 *
 * Holds:    an inode is in use, idle (no references), or dead (being evicted, still in the hash so that its number cannot be loaded
 *           a second time). All but the dead are in the idle list; reclaim passes over those in use.
 * Locks:    icache_lock; references rise from 0 only under it. A drop to 0 that may end the inode happens under it.
 */
#include "base/mem.h"
#include "fs/inode.h"
#include "fs/notify.h"

#define ICACHE_BUCKETS 4096
#define IDLE_MIN 256
#define IDLE_MAX 32768

struct lock icache_lock = LOCK_INIT(LOCK_RANK_INODE);

static struct {
    struct inode **hash;
    struct list idle;                   /* longest idle first */
    uint64_t idle_count, idle_limit, count;
    struct waitq evicted;
} icache;

void
icache_init(void)
{
    icache.hash = session_alloc(ICACHE_BUCKETS * sizeof(icache.hash[0]));
    if (icache.hash == NULL)
        EXO_PANIC("no memory for the inode cache");
    icache.idle_limit = MIN(MAX(mem_total_pages() / 8, IDLE_MIN), IDLE_MAX);
    list_init(&icache.idle);
    waitq_init(&icache.evicted);
}

static struct inode **
bucket(const struct mount *m, uint64_t ino)
{
    return &icache.hash[(ino + ((uintptr_t)m >> 6)) % ICACHE_BUCKETS];
}

void
inode_init(struct inode *i, struct mount *m, uint64_t ino, const struct inode_ops *ops)
{
    i->ops = ops;
    i->mnt = m;
    i->ino = ino;
    i->refs = 1;
    i->nlink = 1;
    i->linkable = true;
    list_init(&i->lru);
    list_init(&i->dirty_link);
    list_init(&i->mnt_link);
    list_init(&i->names);
    list_init(&i->children);
    own_init(&i->own, LOCK_RANK_INODE);
    own_init(&i->map_own, LOCK_RANK_FS);
    waitq_init(&i->lock_wq);
    cache_space_init(&i->data, NULL, NULL, PAGE_SHIFT);
}

/* icache_lock held; dropped while asleep. */
static struct inode *
find_locked(struct mount *m, uint64_t ino)
{
    struct inode *i;

    for (;;) {
        for (i = *bucket(m, ino); i != NULL && (i->ino != ino || i->mnt != m); i = i->hash_next)
            continue;
        if (i == NULL || !i->dead)
            break;
        if (wait_sleep(&icache.evicted, &icache_lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    if (i != NULL)
        inode_get(i);
    return i;
}

struct inode *
inode_find(struct mount *m, uint64_t ino)
{
    struct inode *i;

    lock_acquire(&icache_lock);
    i = find_locked(m, ino);
    lock_release(&icache_lock);
    return i;
}

struct inode *
inode_insert(struct inode *i)
{
    struct inode **head = bucket(i->mnt, i->ino), *there;

    lock_acquire(&icache_lock);
    there = find_locked(i->mnt, i->ino);
    if (there == NULL) {
        i->hash_next = *head;
        *head = i;
        list_push_tail(&i->mnt->inodes, &i->mnt_link);
        list_push_tail(&icache.idle, &i->lru);
        icache.idle_count++;
        icache.count++;
        there = i;
    }
    lock_release(&icache_lock);
    if (icache.idle_count > icache.idle_limit)
        icache_reclaim(NULL, 8);
    return there;
}

/* i is dead: its file system lets go of it, then it is forgotten. */
static void
evict(struct inode *i)
{
    struct inode **link = bucket(i->mnt, i->ino);

    if (i->attention & ATTEND_LOST)
        notify_forget_name(i);
    i->ops->evict(i);
    cache_truncate(&i->data, 0, UINT64_MAX);
    lock_acquire(&icache_lock);
    list_remove(&i->dirty_link);
    while (*link != i)
        link = &(*link)->hash_next;
    *link = i->hash_next;
    list_remove(&i->mnt_link);
    icache.count--;
    wake_all(&icache.evicted);
    lock_release(&icache_lock);
    heap_free(i);                       /* every file system's inode begins with a struct inode */
}

/* An idle inode (icache_lock held) becomes dead. */
static void
condemn(struct inode *i)
{
    list_remove(&i->lru);
    icache.idle_count--;
    i->dead = true;
    names_drop(i);
}

void
inode_put_last(struct inode *i)
{
    bool end = false, unused = false;
    uint32_t left;

    lock_acquire(&icache_lock);
    left = __atomic_sub_fetch(&i->refs, 1, __ATOMIC_ACQ_REL);
    if (left == 0 && !i->dead) {
        end = i->nlink == 0 || !i->linkable;
        if (end)
            condemn(i);
    } else if (UNLIKELY(i->watches != NULL) && left == i->quiet && i->nlink == 0) {
        unused = true;
        inode_get(i);
    }
    lock_release(&icache_lock);
    if (end)
        evict(i);
    if (unused) {
        notify_gone(i, IN_DELETE_SELF);
        inode_put(i);
    }
}

/* An inode that nobody uses (of the mount, if m is given), condemned; NULL: none among those looked at. */
static struct inode *
next_victim(struct mount *m)
{
    struct inode *victim = NULL;
    uint64_t scan = m != NULL ? icache.idle_count : MIN(icache.idle_count, 64ul);

    lock_acquire(&icache_lock);
    for (; scan > 0 && victim == NULL; scan--) {
        struct inode *i = container_of(icache.idle.next, struct inode, lru);

        list_remove(&i->lru);
        list_push_tail(&icache.idle, &i->lru);
        if (i->refs == 0 && (m == NULL || i->mnt == m)) {
            condemn(i);
            victim = i;
        }
    }
    lock_release(&icache_lock);
    return victim;
}

uint64_t
icache_reclaim(struct mount *m, uint64_t want)
{
    struct inode *victim;
    uint64_t done = 0;

    while (done < want && (victim = next_victim(m)) != NULL) {
        evict(victim);
        done++;
    }
    return done;
}

uint64_t
icache_count(void)
{
    return icache.count;
}

void
inode_changed(struct inode *i)
{
    if (i->dirty || i->ops->write_inode == NULL)
        return;
    lock_acquire(&icache_lock);
    if (!i->dirty && !i->dead) {
        i->dirty = true;
        list_push_tail(&i->mnt->dirty, &i->dirty_link);
    }
    lock_release(&icache_lock);
}

void
inode_times(struct inode *i, bool mtime, bool ctime)
{
    uint64_t now = clock_realtime_ns();

    if (mtime)
        i->mtime_ns = now;
    if (ctime)
        i->ctime_ns = now;
    inode_changed(i);
}
