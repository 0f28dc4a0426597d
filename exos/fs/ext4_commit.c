/*
 * ext4_commit.c: in which order changes reach the disk, so that a cut at any moment leaves a file system that can be used.
 *
 * Holds:    metadata goes to disk only in a commit, while nobody changes any: file data; then what nothing on disk names yet; then
 *           inodes; then directories; with a flush between. So a name on disk leads to an inode on disk, whose blocks hold what was
 *           written to them. A lost name stays in the inode's link count, and freed blocks stay taken, until what named them is
 *           gone from the disk.
 * Locks:    commit_own: one commit at a time. change_lock, short, guards who changes metadata now. A commit takes map_own and the
 *           allocator inside the freeze, and no directory's own, so those who hold one may wait for it.
 * Not here: a journal. A cut inside a commit may leave counts wrong, blocks taken in vain, and inodes that nobody names.
 */
#include "base/mem.h"
#include "fs/cache_priv.h"
#include "fs/ext4.h"

#define FREED_MAX 250                   /* runs in a chunk */
#define DIRTY_MIN 16

struct freed_chunk {
    struct freed_chunk *next;
    uint32_t count;
    struct { uint64_t start, count; } run[FREED_MAX];
};

struct first_image {
    struct list link;
    uint64_t block;
    uint8_t *data;
};

void
commit_init(struct ext4_fs *fs)
{
    struct cache_stats stats;

    cache_stats(&stats);
    own_init(&fs->commit_own, LOCK_RANK_FS);
    lock_init(&fs->change_lock, LOCK_RANK_FS);
    waitq_init(&fs->changers_gone);
    waitq_init(&fs->thawed);
    list_init(&fs->losing);
    list_init(&fs->kept);
    list_init(&fs->firsts);
    fs->dirty_max = MAX(stats.limit / 8, (uint64_t)DIRTY_MIN);
}

/* ---- who changes metadata ---- */

static void
begin(struct ext4_fs *fs, bool inner)
{
    lock_acquire(&fs->change_lock);
    while (fs->frozen || (fs->commit_wanted && !inner)) {
        if (wait_sleep(&fs->thawed, &fs->change_lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    fs->changers++;
    lock_release(&fs->change_lock);
}

void
change_begin(struct ext4_fs *fs)
{
    if (fs->space->dirty_count > fs->dirty_max && !fs->failed && ext4_commit(fs) != 0)
        log_print("ext4: %s: changes could not be written", fs->mnt->dev->name);
    begin(fs, false);
}

void
change_begin_inner(struct ext4_fs *fs)
{
    begin(fs, true);
}

void
change_end(struct ext4_fs *fs)
{
    lock_acquire(&fs->change_lock);
    EXO_ASSERT(fs->changers > 0);
    if (--fs->changers == 0 && fs->commit_wanted)
        wake_all(&fs->changers_gone);
    lock_release(&fs->change_lock);
}

static void
freeze(struct ext4_fs *fs)
{
    lock_acquire(&fs->change_lock);
    fs->commit_wanted = true;
    while (fs->changers > 0) {
        if (wait_sleep(&fs->changers_gone, &fs->change_lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    fs->frozen = true;
    lock_release(&fs->change_lock);
}

static void
thaw(struct ext4_fs *fs)
{
    lock_acquire(&fs->change_lock);
    fs->frozen = fs->commit_wanted = false;
    wake_all(&fs->thawed);
    lock_release(&fs->change_lock);
}

/* ---- what must wait for the disk ---- */

void
commit_lose_names(struct ext4_inode *i, uint32_t n)
{
    if (is_unborn(i))
        return;
    commit_touch(i);
    i->lost += n;
    own_take(&i->fs->own);
    if (list_empty(&i->losing_link)) {
        inode_get_quiet(&i->vfs);
        list_push_tail(&i->fs->losing, &i->losing_link);
    }
    own_drop(&i->fs->own);
}

/* Allocator owned. False: no memory to remember the run. */
static bool
remember(struct ext4_fs *fs, uint64_t start, uint64_t count)
{
    struct freed_chunk *c = fs->freed;

    if (c != NULL && c->count > 0 && c->run[c->count - 1].start + c->run[c->count - 1].count == start) {
        c->run[c->count - 1].count += count;
    } else if (c != NULL && c->count > 0 && start + count == c->run[c->count - 1].start) {
        c->run[c->count - 1].start = start;
        c->run[c->count - 1].count += count;
    } else {
        if (c == NULL || c->count == FREED_MAX) {
            c = heap_alloc(sizeof(*c));
            if (c == NULL)
                return false;
            c->next = fs->freed;
            fs->freed = c;
        }
        c->run[c->count].start = start;
        c->run[c->count++].count = count;
    }
    fs->freed_blocks += count;
    return true;
}

void
blocks_release(struct ext4_inode *i, uint64_t start, uint64_t count)
{
    struct ext4_fs *fs = i->fs;

    if (!inode_is(&i->vfs, S_IFREG) && block_is_data(fs, start, count))
        cache_forget(fs->space, start << fs->block_bits, count << fs->block_bits);
    own_take(&fs->own);
    if (is_unborn(i) || !block_is_data(fs, start, count) || !remember(fs, start, count))
        blocks_free_owned(fs, start, count);
    own_drop(&fs->own);
}

static void
apply_freed(struct ext4_fs *fs)
{
    struct freed_chunk *c;

    own_take(&fs->own);
    while ((c = fs->freed) != NULL) {
        for (uint32_t n = 0; n < c->count; n++)
            blocks_free_owned(fs, c->run[n].start, c->run[n].count);
        fs->freed = c->next;
        heap_free(c);
    }
    fs->freed_blocks = 0;
    own_drop(&fs->own);
}

int
commit_image_first(struct ext4_fs *fs, uint64_t block, const void *data)
{
    struct first_image *f = heap_alloc(sizeof(*f));

    if (f == NULL)
        return -ENOMEM;
    f->data = heap_alloc(fs->block_size);
    if (f->data == NULL) {
        heap_free(f);
        return -ENOMEM;
    }
    memcpy(f->data, data, fs->block_size);
    f->block = block;
    own_take(&fs->own);
    list_push_tail(&fs->firsts, &f->link);
    own_drop(&fs->own);
    return 0;
}

static int
write_images(struct ext4_fs *fs)
{
    uint32_t sectors = fs->block_size / BLK_SECTOR;
    int err = 0;

    list_for_safe(l, tmp, &fs->firsts) {
        struct first_image *f = container_of(l, struct first_image, link);
        struct page fake = { .data = f->data };
        int err2 = cache_io_piece(fs->space, BLK_WRITE, &fake, 0, sectors, f->block * sectors);

        err = err != 0 ? err : err2;
        list_remove(l);
        heap_free(f->data);
        heap_free(f);
    }
    return err;
}

/* ---- the commit ---- */

/* Takes over the caller's quiet reference to i until the commit ends: its last must not go while nothing may change. */
static void
keep(struct ext4_fs *fs, struct inode *v)
{
    struct ext4_inode *i = ext4_inode(v);

    if (list_empty(&i->kept_link))
        list_push_tail(&fs->kept, &i->kept_link);
    else
        inode_put_quiet(v);
}

static void
put_kept(struct ext4_fs *fs)
{
    while (!list_empty(&fs->kept)) {
        struct ext4_inode *i = container_of(fs->kept.next, struct ext4_inode, kept_link);

        list_remove(&i->kept_link);
        inode_put_quiet(&i->vfs);
    }
}

/*
 * The data of every file that has a name, or has one on disk still. *any: some was written. What could not be is for the fsyncs of those
 * files to tell, and for who wants all files on disk.
 */
static int
write_data(struct ext4_fs *fs, bool *any)
{
    struct mount *m = fs->mnt;
    int err = 0;

    lock_acquire(&icache_lock);
    list_for_safe(l, tmp, &m->inodes) {
        struct inode *i = container_of(l, struct inode, mnt_link);
        int err2;

        if (i->dead || i->nlink + ext4_inode(i)->lost == 0 || i->data.dirty_count + i->data.writing == 0)
            continue;
        inode_get_quiet(i);
        lock_release(&icache_lock);
        *any = true;
        err2 = cache_sync(&i->data);
        err = err != 0 ? err : err2;
        keep(fs, i);
        lock_acquire(&icache_lock);
        tmp = l->next;                  /* i is referenced, so its place in the list is good */
    }
    lock_release(&icache_lock);
    return err;
}

/* A changed inode, referenced; NULL: no more. One that is being evicted writes itself. */
static struct inode *
next_changed(struct mount *m)
{
    struct inode *found = NULL;

    lock_acquire(&icache_lock);
    while (!list_empty(&m->dirty) && found == NULL) {
        struct inode *i = container_of(m->dirty.next, struct inode, dirty_link);

        list_remove(&i->dirty_link);
        if (i->dead)
            continue;
        i->dirty = false;
        inode_get_quiet(i);
        found = i;
    }
    lock_release(&icache_lock);
    return found;
}

static int
write_inodes(struct ext4_fs *fs)
{
    struct inode *i;
    int err = 0, err2;

    while (err != -ENOMEM && (i = next_changed(fs->mnt)) != NULL) {
        unsigned tries = 0;

        do
            err2 = ext4_write_inode(i);
        while (memory_may_come(err2, &tries));
        if (err2 == -ENOMEM)
            inode_changed(i);
        err = err != 0 && err2 != -ENOMEM ? err : err2;
        keep(fs, i);
    }
    return err;
}

/* The blocks of these orders, then a flush; nothing if there are none. */
static int
write_phase(struct ext4_fs *fs, enum meta_order first, enum meta_order last)
{
    bool any = false;
    int err = 0;

    for (unsigned order = first; order <= (unsigned)last && err == 0; order++) {
        if (cache_has_order(fs->space, order)) {
            err = cache_sync_order(fs->space, order);
            any = true;
        }
    }
    return any && err == 0 ? blk_flush(fs->mnt->dev) : err;
}

static int
write_metadata(struct ext4_fs *fs)
{
    static const struct { enum meta_order first, last; } phases[] = {
        { ORDER_FIRST, ORDER_FIRST }, { ORDER_INODES, ORDER_INODES }, { ORDER_AFTER_INODES, ORDER_AFTER_INODES },
        { ORDER_DIRS_GAIN, ORDER_DIRS }, { ORDER_DIRS_LOSE, ORDER_DIRS_LOSE },
    };
    int err = write_images(fs);

    for (unsigned n = 0; n < sizeof(phases) / sizeof(phases[0]) && err == 0; n++)
        err = write_phase(fs, phases[n].first, phases[n].last);
    return err;
}

/* Frozen, and written, or never to be: what waited for that. The references of `losing` move to `kept`. */
static void
settle(struct ext4_fs *fs)
{
    while (!list_empty(&fs->losing)) {
        struct ext4_inode *i = container_of(fs->losing.next, struct ext4_inode, losing_link);

        list_remove(&i->losing_link);
        i->lost = 0;
        inode_changed(&i->vfs);
        keep(fs, &i->vfs);
    }
    apply_freed(fs);
    fs->epoch++;
}

static bool
nothing_changed(struct ext4_fs *fs)
{
    return list_empty(&fs->mnt->dirty) && fs->space->dirty_count + fs->space->writing == 0 && list_empty(&fs->losing) &&
           fs->freed == NULL;
}

/* After the inodes. What a phase could not write, no later one may rely on. */
static int
write_rest(struct ext4_fs *fs)
{
    int err;

    super_write(fs);
    err = blk_flush(fs->mnt->dev);
    return err != 0 ? err : write_metadata(fs);
}

/* commit_own held. *data_err: what data could not be written for. */
static int
commit_owned(struct ext4_fs *fs, int *data_err)
{
    bool any = false;
    int err, err2;

    *data_err = write_data(fs, &any);
    put_kept(fs);                       /* the bulk is out; what comes now nobody may change metadata for */
    freeze(fs);
    err2 = write_data(fs, &any);
    *data_err = *data_err != 0 ? *data_err : err2;
    err = fs->failed ? -EIO : write_inodes(fs);
    if (err == 0)
        err = write_rest(fs);
    if (err != 0 && err != -ENOMEM && !fs->failed)
        ext4_fail(fs);
    if (err != -ENOMEM)                 /* else no name may come before its inode: the next commit has it all */
        settle(fs);
    thaw(fs);
    put_kept(fs);
    return err;
}

int
ext4_commit(struct ext4_fs *fs)
{
    bool any = false;
    int err, data_err;

    own_take(&fs->commit_own);
    if (nothing_changed(fs)) {
        data_err = write_data(fs, &any);
        put_kept(fs);
        err = any && data_err == 0 ? blk_flush(fs->mnt->dev) : 0;
    } else {
        err = commit_owned(fs, &data_err);
    }
    own_drop(&fs->commit_own);
    return err != 0 ? err : data_err;
}

int
ext4_fsync(struct inode *v, bool data_only)
{
    struct ext4_inode *i = ext4_inode(v);
    struct ext4_fs *fs = i->fs;
    int err, err2, others;

    if (!fs->writing)
        return 0;
    err = cache_sync(&v->data);
    own_take(&fs->commit_own);          /* a commit that is under way may be all it needs */
    if (i->touched == fs->epoch || inode_size(v) != i->committed_size || (!data_only && v->dirty))
        err2 = commit_owned(fs, &others);
    else
        err2 = blk_flush(fs->mnt->dev);
    if (fs->failed)
        err2 = -EIO;                    /* in this commit or an earlier one */
    own_drop(&fs->commit_own);
    return err != 0 ? err : err2;
}

bool
ext4_make_room(struct inode *v)
{
    struct ext4_fs *fs = ext4_fs_of(v);

    if (list_empty(&fs->losing) && fs->freed == NULL)
        return false;
    for (int n = 0; n < 2 && (!list_empty(&fs->losing) || fs->freed != NULL); n++) {
        if (ext4_commit(fs) != 0)
            return false;
    }
    return true;
}

void
commit_end(struct ext4_fs *fs)
{
    while (!list_empty(&fs->firsts)) {
        struct first_image *f = container_of(fs->firsts.next, struct first_image, link);

        list_remove(&f->link);
        heap_free(f->data);
        heap_free(f);
    }
}
