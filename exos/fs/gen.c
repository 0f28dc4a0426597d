/*
 * gen.c: paths of rows as a tree of inodes.
 *
 * Holds:    an inode is the first components of some row, and a key that says which objects the "#" among them are. Its number is made of both.
 *           Nothing is cached: an inode is made by lookup and goes with its last reference. It keeps the directory that it was found in.
 * Not here: what the files say.
 */
#include "fs/gen.h"
#include "base/mem.h"

struct place {
    struct inode *up;                   /* NULL: it is the root */
    const struct gen_row *row;          /* NULL: it is the root */
    unsigned depth;                     /* components of it */
    uint64_t key;
};

struct gen_inode {
    struct inode vfs;
    struct place at;                    /* up is referenced */
};

static const struct inode_ops gen_inode_ops;

static const struct place *
place_of(const struct inode *i)
{
    return &container_of((struct inode *)(uintptr_t)i, struct gen_inode, vfs)->at;
}

static struct gen_tree *
tree_of(const struct mount *m)
{
    return container_of((struct fs_ops *)(uintptr_t)m->ops, struct gen_tree, ops);
}

const struct gen_row *
gen_row_of(const struct inode *i, unsigned *depth, uint64_t *key)
{
    if (i == NULL || i->ops != &gen_inode_ops)
        return NULL;
    *depth = place_of(i)->depth;
    *key = place_of(i)->key;
    return place_of(i)->row;
}

bool
gen_number(const char *s, size_t len, uint32_t *out)
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

/* ---- rows ---- */

static const struct gen_row *
row_at(const struct gen_tree *t, unsigned n)
{
    unsigned k = 0;

    for (; n >= t->table[k].count; k++)
        n -= t->table[k].count;
    return &t->table[k].rows[n];
}

/* Of the component that p begins with. */
static size_t
component(const char *p)
{
    size_t n = 0;

    while (p[n] != '\0' && p[n] != '/')
        n++;
    return n;
}

/* Where the component after the first `depth` ones begins; NULL: there is none. */
static const char *
after(const char *path, unsigned depth)
{
    for (; depth > 0; depth--) {
        path += component(path);
        if (*path++ == '\0')
            return NULL;
    }
    return path;
}

static bool
is_object(const char *p)
{
    return p[0] == '#' && component(p) == 1;
}

/* The set that the component at p is of. */
static const struct gen_set *
set_at(const struct gen_row *r, const char *p)
{
    unsigned n = 0;

    for (const char *q = r->name; q < p; q++)
        n += *q == '#';
    return r->sets[n];
}

/* The rest of the row's path in the directory; NULL: it does not lie there. */
static const char *
rest_in(const struct gen_row *r, const struct place *dir)
{
    const char *end, *mine;
    size_t len;

    if (dir->row == NULL)
        return r->name;
    end = after(dir->row->name, dir->depth - 1);
    len = (size_t)(end - dir->row->name) + component(end);
    mine = r->name + len;
    return strncmp(r->name, dir->row->name, len) == 0 && *mine == '/' ? mine + 1 : NULL;
}

/* Is row n the first whose path in the directory begins with the component at `rest`? */
static bool
first_so(const struct gen_tree *t, const struct place *dir, unsigned n, const char *rest)
{
    size_t len = component(rest);

    for (unsigned k = 0; k < n; k++) {
        const char *other = rest_in(row_at(t, k), dir);

        if (other != NULL && component(other) == len && memcmp(other, rest, len) == 0)
            return false;
    }
    return true;
}

static bool
set_find(const struct gen_set *s, uint64_t of, const char *name, size_t len, uint64_t *key)
{
    char other[GEN_NAME_MAX];

    if (s->find != NULL)
        return s->find(of, name, len, key);
    for (uint64_t at = 0; s->next(of, &at, key);) {
        s->name(*key, other);
        if (strlen(other) == len && memcmp(other, name, len) == 0)
            return true;
    }
    return false;
}

/* ---- inodes ---- */

/* Of row number n, whose component at `rest` is its last, or a directory on the way. */
static uint32_t
mode_of(const struct gen_tree *t, const struct gen_row *r, const char *rest)
{
    if (rest[component(rest)] == '/')
        return t->dir_mode;
    return r->mode != 0 ? r->mode : r->link != NULL ? S_IFLNK | 0777 : S_IFREG | (r->store != NULL || r->store_of != NULL ? 0644 : 0444);
}

static uint64_t
number_of(unsigned row, unsigned depth, uint64_t key)
{
    static_assert(GEN_KEY_BITS + 14 == 64 && GEN_DEPTH <= 16 && GEN_ROWS <= 1024, "a row, its components and a key are 64 bits");
    return (key << 14 | (uint64_t)depth << 10 | row) + 1;
}

static void
own(struct inode *i)
{
    const struct place *at = place_of(i);

    if (at->row != NULL && at->row->sets[0] != NULL && at->row->sets[0]->own != NULL)
        at->row->sets[0]->own(at->key, i);
}

static int
make(struct mount *m, uint64_t ino, uint32_t mode, const struct place *at, struct inode **out)
{
    struct inode *i = inode_find(m, ino);
    struct gen_inode *g;

    if (i == NULL) {
        g = heap_alloc(sizeof(*g));
        if (g == NULL)
            return -ENOMEM;
        g->at = *at;
        inode_init(&g->vfs, m, ino, &gen_inode_ops);
        g->vfs.linkable = false;         /* not even that there is no such name is remembered */
        g->vfs.mode = mode;
        if ((mode & S_IFMT) == S_IFREG)
            g->vfs.data.size = tree_of(m)->file_size;
        own(&g->vfs);
        g->vfs.atime_ns = g->vfs.mtime_ns = g->vfs.ctime_ns = g->vfs.btime_ns = clock_realtime_ns();
        i = inode_insert(&g->vfs);
        if (i != &g->vfs)
            heap_free(g);
        else if (at->up != NULL)
            inode_get(at->up);
    }
    *out = i;
    return 0;
}

static int
gen_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
    const struct place *d = place_of(dir);
    const struct gen_tree *t = tree_of(dir->mnt);
    const struct gen_set *vain = NULL;

    if (len == 2 && name[0] == '.' && name[1] == '.') {
        *out = d->up != NULL ? d->up : dir;
        inode_get(*out);
        return 0;
    }
    for (unsigned n = 0; n < t->rows; n++) {
        const struct gen_row *r = row_at(t, n);
        const char *rest = rest_in(r, d);
        struct place at = { dir, r, d->depth + 1, d->key };

        if (rest == NULL)
            continue;
        if (is_object(rest)) {
            const struct gen_set *s = set_at(r, rest);

            if (s == vain || !set_find(s, d->key, name, len, &at.key)) {
                vain = s;
                continue;
            }
        } else if (component(rest) != len || memcmp(rest, name, len) != 0) {
            continue;
        }
        return make(dir->mnt, number_of(n, at.depth, at.key), mode_of(t, r, rest), &at, out);
    }
    return -ENOENT;
}

static void
gen_evict(struct inode *i)
{
    inode_put(place_of(i)->up);
}

/* icache_lock may be held. */
static struct inode *
called(const struct inode *i, char *name)
{
    const struct place *g = place_of(i);
    const char *p;

    if (g->row == NULL)
        return NULL;
    p = after(g->row->name, g->depth - 1);
    if (is_object(p))
        set_at(g->row, p)->name(g->key, name);
    else
        fmt_print(name, component(p) + 1, "%s", p);
    return g->up;
}

/* ---- reading directories ---- */

/* Where a reader of a directory is: at `at` of the set, if row n begins with one. */
#define POSITION(n, at) (((uint64_t)(n) + 1) << 32 | (at))

/* What the component at `rest` of row n stands for. False: the sink is full. */
static bool
emit(const struct gen_tree *t, const struct place *d, unsigned n, const char *rest, uint64_t *pos, struct dir_sink *sink)
{
    const struct gen_row *r = row_at(t, n);
    uint64_t at = *pos & UINT32_MAX, key;
    unsigned type = mode_of(t, r, rest) >> 12;
    char name[GEN_NAME_MAX];
    const struct gen_set *s;

    if (!is_object(rest))
        return sink->entry(sink, rest, component(rest), number_of(n, d->depth + 1, d->key), type, POSITION(n + 1, 0));
    s = set_at(r, rest);
    while (s->next(d->key, &at, &key)) {
        s->name(key, name);
        if (!sink->entry(sink, name, strlen(name), number_of(n, d->depth + 1, key), type, POSITION(n, at)))
            return false;
        *pos = POSITION(n, at);
    }
    return true;
}

static int
gen_readdir(struct inode *dir, uint64_t *pos, struct dir_sink *sink)
{
    const struct place *d = place_of(dir);
    const struct gen_tree *t = tree_of(dir->mnt);

    if (*pos == 0 && !sink->entry(sink, ".", 1, dir->ino, 4, 1))
        return 0;
    *pos = MAX(*pos, 1ul);
    if (*pos == 1 && !sink->entry(sink, "..", 2, d->up != NULL ? d->up->ino : dir->ino, 4, POSITION(0, 0)))
        return 0;
    *pos = MAX(*pos, POSITION(0, 0));
    while (*pos < POSITION(t->rows, 0)) {
        unsigned n = (unsigned)(*pos >> 32) - 1;
        const char *rest = rest_in(row_at(t, n), d);

        if (rest != NULL && first_so(t, d, n, rest) && !emit(t, d, n, rest, pos, sink))
            return 0;
        *pos = POSITION(n + 1, 0);
    }
    return 0;
}

struct counter {
    struct dir_sink sink;
    uint32_t dirs;
};

static bool
count(struct dir_sink *d, const char *name, size_t len, uint64_t ino, unsigned type, uint64_t next_pos)
{
    (void)name, (void)len, (void)ino, (void)next_pos;
    container_of(d, struct counter, sink)->dirs += type == S_IFDIR >> 12;
    return true;
}

/* Before a stat: whose it is may have changed, and a directory has as many links as it has directories. */
static void
gen_refresh(struct inode *i)
{
    struct counter c = { .sink = { count } };
    uint64_t pos = 0;

    own(i);
    if (inode_is(i, S_IFDIR) && gen_readdir(i, &pos, &c.sink) == 0)
        i->nlink = c.dirs;
}

/* ---- links and files ---- */

static ssize
gen_readlink(struct inode *i, char *buf, size_t size)
{
    ssize n = place_of(i)->row->link(place_of(i)->key, buf, size);

    return MIN(n, (ssize)size);
}

static int
gen_open(struct inode *i, struct file *f)
{
    (void)i;
    f->ops = &gen_file_ops;
    return 0;
}

static const struct inode_ops gen_inode_ops = {
    .lookup = gen_lookup,
    .readdir = gen_readdir,
    .readlink = gen_readlink,
    .open = gen_open,
    .evict = gen_evict,
    .refresh = gen_refresh,
    .called = called,
};

/* ---- trees ---- */

void
gen_statfs(struct mount *m, struct fs_stat *out)
{
    *out = (struct fs_stat){ .type = tree_of(m)->magic, .block_size = PAGE_SIZE };
}

void
gen_add(struct gen_tree *t, const struct gen_row *rows, unsigned count)
{
    if (t->tables == GEN_TABLES || t->rows + count > GEN_ROWS)
        EXO_PANIC("no room for %s in its tree", rows[0].name);
    t->table[t->tables].rows = rows;
    t->table[t->tables++].count = count;
    t->rows += count;
}

int
gen_mount(struct gen_tree *t, struct mount **out)
{
    struct mount *m = mount_new(&t->ops);

    if (m == NULL || make(m, number_of(0, 0, 0), t->dir_mode, &(struct place){ 0 }, &m->root) != 0) {
        heap_free(m);
        return -ENOMEM;
    }
    *out = m;
    return 0;
}
