/*
 * names.c: the name cache: (directory, name) to inode, or to "no such name".
 *
 * Holds:    entries point at inodes without a reference; an inode that goes takes its entries with it (names_drop). Entries change
 *           only while the directory is owned, so an entry and the directory never disagree.
 * Locks:    icache_lock.
 */
#include "base/mem.h"
#include "fs/memo.h"

#define NAME_BUCKETS 8192
#define NAMES_MIN 512
#define NAMES_MAX 65536

struct dentry {
    struct dentry *hash_next;
    struct inode *parent;
    struct inode *inode;                /* NULL: there is no such name */
    uint32_t hash;
    uint16_t len;
    bool used;
    struct list inode_link, parent_link, lru;
    char name[];
};

static struct {
    struct dentry **hash;
    struct list lru;
    uint64_t count, limit;
} names;

void
names_init(void)
{
    names.hash = session_alloc(NAME_BUCKETS * sizeof(names.hash[0]));
    if (names.hash == NULL)
        EXO_PANIC("no memory for the name cache");
    names.limit = MIN(MAX(mem_total_pages() / 4, NAMES_MIN), NAMES_MAX);
    list_init(&names.lru);
    memo_init();
}

static inline uint64_t
mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 32;
}

uint32_t
name_hash(const char *name, size_t len)
{
    uint64_t h = 0;

    for (; len >= 8; len -= 8, name += 8)
        h = mix(h, *(const word_t *)name);
    if (len > 0) {
        uint64_t w = 0;

        memcpy(&w, name, len);
        h = mix(h, w);
    }
    return (uint32_t)h;
}

/* The eight bytes at p; past the end of the name any, and nothing of the next page is touched. */
NO_SANITIZE static inline uint64_t
word_at(const char *p)
{
    uint64_t w = 0;

    if (((uintptr_t)p & PAGE_MASK) <= PAGE_SIZE - 8)
        return *(const word_t *)p;
    for (unsigned i = 0; i < 8; i++) {
        w |= (uint64_t)(uint8_t)p[i] << (8 * i);
        if (p[i] == '\0' || p[i] == '/')
            break;
    }
    return w;
}

size_t
name_scan(const char *name, uint32_t *hash)
{
    uint64_t h = 0;

    for (size_t n = 0;; n += 8) {
        uint64_t w = word_at(name + n), ends = word_zeros(w) | word_zeros(w ^ WORD_OF('/'));
        unsigned bits;

        if (ends == 0) {
            h = mix(h, w);
            continue;
        }
        bits = (unsigned)__builtin_ctzll(ends) & ~7u;
        if (bits > 0)
            h = mix(h, w & ((1ull << bits) - 1));
        *hash = (uint32_t)h;
        return n + bits / 8;
    }
}

void
names_changed(const struct inode *i)
{
    if (!inode_is(i, S_IFDIR))
        return;
    lock_acquire(&icache_lock);
    names_epoch++;
    lock_release(&icache_lock);
}

/* i loses a name, or ends. icache_lock held. */
static inline void
leads_elsewhere(const struct inode *i)
{
    if (i->remembered || inode_is(i, S_IFDIR))
        names_epoch++;
}

static inline struct dentry **
bucket(const struct inode *dir, uint32_t hash)
{
    return &names.hash[(hash ^ (hash >> 15) ^ (uint32_t)((uintptr_t)dir >> 5)) % NAME_BUCKETS];
}

static inline bool
same(const char *a, const char *b, size_t n)
{
    for (; n >= 8; n -= 8, a += 8, b += 8)
        if (*(const word_t *)a != *(const word_t *)b)
            return false;
    if ((n & 4) && *(const half_t *)a != *(const half_t *)b)
        return false;
    for (a += n & 4, b += n & 4, n &= 3; n > 0 && *a == *b; n--)
        a++, b++;
    return n == 0;
}

static struct dentry *
find(struct inode *dir, const char *name, size_t len, uint32_t hash)
{
    struct dentry *d = *bucket(dir, hash);

    while (d != NULL && (d->hash != hash || d->parent != dir || d->len != len || !same(d->name, name, len)))
        d = d->hash_next;
    return d;
}

int
name_lookup(struct inode *dir, const char *name, size_t len, uint32_t hash, struct inode **out)
{
    struct dentry *d = find(dir, name, len, hash);

    if (d == NULL)
        return -1;
    d->used = true;
    *out = d->inode;
    return d->inode != NULL;
}

static void
drop(struct dentry *d)
{
    struct dentry **link = bucket(d->parent, d->hash);

    while (*link != d)
        link = &(*link)->hash_next;
    *link = d->hash_next;
    list_remove(&d->inode_link);
    list_remove(&d->parent_link);
    list_remove(&d->lru);
    names.count--;
    heap_free(d);
}

/* Makes room for one more: the oldest entry that nobody used since it was last looked at. */
static void
shrink(void)
{
    for (uint64_t i = 0; i < 64 && names.count >= names.limit; i++) {
        struct dentry *d = container_of(names.lru.next, struct dentry, lru);

        /* What an open file or a working directory is called should stay known. */
        if (d->used || (d->inode != NULL && (d->inode->refs > 0 || d->parent->watches != NULL) && i < 48)) {
            d->used = false;
            list_remove(&d->lru);
            list_push_tail(&names.lru, &d->lru);
        } else {
            drop(d);
        }
    }
}

static void
insert(struct dentry *d)
{
    shrink();
    list_init(&d->inode_link);
    list_push_tail(&d->parent->children, &d->parent_link);
    list_push_tail(&names.lru, &d->lru);
    d->hash_next = *bucket(d->parent, d->hash);
    *bucket(d->parent, d->hash) = d;
    names.count++;
}

static void
attach(struct dentry *d, struct inode *i)
{
    if (d->inode == i)
        return;
    if (d->inode != NULL)
        leads_elsewhere(d->inode);
    list_remove(&d->inode_link);
    d->inode = i;
    if (i != NULL) {
        list_push_head(&i->names, &d->inode_link);
        if (UNLIKELY(d->parent->watches != NULL))
            i->attention |= ATTEND_WATCHED;
    }
}

void
name_enter(struct inode *dir, const char *name, size_t len, struct inode *i)
{
    name_enter_hashed(dir, name, len, name_hash(name, len), i);
}

void
name_enter_hashed(struct inode *dir, const char *name, size_t len, uint32_t hash, struct inode *i)
{
    struct dentry *d;

    if (!dir->linkable || (i != NULL && !i->linkable))
        return;
    lock_acquire(&icache_lock);
    d = find(dir, name, len, hash);
    if (d == NULL) {                    /* nobody else enters it meanwhile: the caller owns dir */
        lock_release(&icache_lock);
        d = heap_alloc(sizeof(*d) + len + 1);
        if (d == NULL) {
            lock_acquire(&icache_lock);
            names_epoch++;              /* the name may have led elsewhere */
            lock_release(&icache_lock);
            return;
        }
        memcpy(d->name, name, len);
        d->len = (uint16_t)len;
        d->hash = hash;
        d->parent = dir;
        lock_acquire(&icache_lock);
        insert(d);
    }
    attach(d, i);
    lock_release(&icache_lock);
}

void
name_forget(struct inode *dir, const char *name, size_t len)
{
    struct dentry *d;

    lock_acquire(&icache_lock);
    d = find(dir, name, len, name_hash(name, len));
    if (d != NULL)
        drop(d);
    names_epoch++;
    lock_release(&icache_lock);
}

void
names_drop(struct inode *i)
{
    leads_elsewhere(i);
    while (!list_empty(&i->names))
        drop(container_of(i->names.next, struct dentry, inode_link));
    while (!list_empty(&i->children))
        drop(container_of(i->children.next, struct dentry, parent_link));
}

void
names_attend(struct inode *dir)
{
    list_for(l, &dir->children) {
        struct inode *i = container_of(l, struct dentry, parent_link)->inode;

        if (i != NULL)
            i->attention |= ATTEND_WATCHED;
    }
}

struct inode *
inode_name(const struct inode *i, const char **name, size_t *len)
{
    const struct dentry *d;

    if (list_empty(&i->names))
        return NULL;
    d = container_of(i->names.next, struct dentry, inode_link);
    *name = d->name;
    *len = d->len;
    return d->parent;
}

/* The same, where the file system says it. `made` holds the name. */
static struct inode *
called(const struct inode *i, char *made, const char **name, size_t *len)
{
    struct inode *parent = inode_name(i, name, len);

    if (parent == NULL && i->ops->called != NULL && (parent = i->ops->called(i, made)) != NULL) {
        *name = made;
        *len = strlen(made);
    }
    return parent;
}

ssize
inode_path(struct inode *i, char *buf, size_t size)
{
    size_t at = size;
    ssize result = -ENOENT;

    lock_acquire(&icache_lock);
    for (int depth = 0; depth < PATH_LEN_MAX / 2; depth++) {
        char made[NAME_LEN_MAX + 1];
        const char *name;
        size_t len;

        while (i == i->mnt->root && i->mnt->covered != NULL)
            i = i->mnt->covered;
        if (i == fs_root) {
            if (at == size && at > 0)
                buf[--at] = '/';
            memmove(buf, buf + at, size - at);
            result = (ssize)(size - at);
            break;
        }
        i = called(i, made, &name, &len);
        if (i == NULL)
            break;
        if (at < len + 1) {
            result = -ERANGE;
            break;
        }
        at -= len;
        memcpy(buf + at, name, len);
        buf[--at] = '/';
    }
    lock_release(&icache_lock);
    return result;
}
