/*
 * writeback.c: dirty pages go to disk: by age, when too many are dirty, when somebody asks.
 *
 * Holds:    a page under write-back has PG_WRITE; its dirty bits were cleared before its data was handed to the disk, so a change
 *           made meanwhile dirties it again.
 * Errors:   a failed write is counted in its space, and every open file hears of it at its next fsync; the page stays in memory as it
 *           is, and is tried again only when it is changed again.
 */
#include "base/mem.h"
#include "fs/cache_priv.h"

#define ALL_SECTORS 0xff
#define THROTTLE_BATCHES_MAX 8
#define SYNC_ROUNDS_MAX 64              /* of pages that are dirtied again while being synced */

static void
write_ended(struct page *p, int status)
{
    struct cache_space *s = p->space;

    p->flags &= (uint16_t)~PG_WRITE;
    if (status != 0) {
        s->error = status;
        s->errors++;
    }
    cache.writing_count--;
    if (--s->writing == 0)
        wake_all(&s->idle);
}

/* A disk that has failed for good fails all the time: the first, the second, the fourth ... are told. */
static void
log_failure(const struct blk_io *io)
{
    static uint32_t failures;

    failures++;
    if ((failures & (failures - 1)) == 0)
        log_print("fs: %s: write error at sector %lu, %u bytes (%u so far)", io->dev->name, io->sector, io->bytes, failures);
}

static void
write_complete(struct blk_io *io)
{
    struct cache_io *c = io->arg;
    uint32_t count = io->page_count;
    struct page *pages[BLK_IO_PAGES_MAX];

    if (io->status != 0)
        log_failure(io);
    lock_acquire(&cache.lock);
    for (uint32_t i = 0; i < count; i++) {
        pages[i] = c->pages[i];
        write_ended(pages[i], io->status);
    }
    cache_io_done(c);
    wake_all(&cache.writing_less);
    lock_release(&cache.lock);
    for (uint32_t i = 0; i < count; i++)
        cache_unpin(pages[i]);
}

/* Takes the sectors `which` of a dirty page for writing. Cache lock held. Returns those that were dirty. */
static uint8_t
begin_write_part(struct page *p, uint8_t which)
{
    uint8_t bits = p->dirty & which;

    page_unmap_all(p);
    if (bits == p->dirty)
        page_clean(p);
    else
        p->dirty &= (uint8_t)~which;
    p->flags |= PG_WRITE;
    p->pins++;
    p->space->writing++;
    cache.writing_count++;
    return bits;
}

static uint8_t
begin_write(struct page *p)
{
    return begin_write_part(p, ALL_SECTORS);
}

/* Could p go out in one piece after a page that lies at sector - 8? */
static bool
joins(const struct page *p, uint64_t sector, uint8_t order)
{
    return p != NULL && p->dirty == ALL_SECTORS && p->sector == sector && p->order[0] == order && !(p->flags & PG_WRITE);
}

/* Collects p (placed, wholly dirty) and its dirty neighbours into one run. Cache lock held. */
static uint32_t
gather(struct page *p, struct page **run)
{
    struct cache_space *s = p->space;
    uint32_t before = 0, n = 0;
    struct page *q;

    while (before < BLK_IO_PAGES_MAX / 2 && before < p->index &&
           joins(page_lookup(s, p->index - before - 1), p->sector - (before + 1) * 8ull, p->order[0]))
        before++;
    for (uint64_t index = p->index - before; n < BLK_IO_PAGES_MAX; index++) {
        q = page_lookup(s, index);
        if (q != p && !joins(q, p->sector + (index - p->index) * 8, p->order[0]))
            break;
        run[n++] = q;
    }
    for (uint32_t i = 0; i < n; i++)
        begin_write(run[i]);
    return n;
}

static void
finish_contents(struct page *p)
{
    if (p->unsummed && p->space->before_write != NULL)
        p->space->before_write(p->space, p);
}

static void
submit_run(struct cache_io *c, uint32_t n)
{
    uint64_t room;

    c->io.sector = c->pages[0]->sector;
    room = (c->io.dev->sector_count - c->io.sector) * BLK_SECTOR;
    c->io.bytes = (uint32_t)MIN((uint64_t)n << PAGE_SHIFT, room);
    c->io.page_count = n;
    c->io.complete = write_complete;
    for (uint32_t i = 0; i < n; i++) {
        finish_contents(c->pages[i]);
        c->io.pages[i] = c->pages[i]->data;
    }
    blk_submit(&c->io);
}

/* Block by block: a page that is dirty in part, or whose blocks lie apart. */
static int
write_scattered(struct page *p, uint8_t bits)
{
    struct cache_space *s = p->space;
    uint32_t block_sectors = 1u << (s->block_shift - 9), per_page = 8 / block_sectors, count = 1;
    int err = 0;

    for (uint32_t i = 0; i < per_page && err == 0; i++) {
        uint8_t mask = (uint8_t)(((1u << block_sectors) - 1) << (i * block_sectors));
        uint64_t sector = p->sector + i * block_sectors;

        if ((bits & mask) == 0)
            continue;
        if (p->sector == CACHE_HOLE)
            err = s->ops->map(s, p->index * per_page + i, 1, &sector, &count);
        if (err == 0 && sector != CACHE_HOLE && sector < s->dev->sector_count)
            err = cache_io_piece(s, BLK_WRITE, p, i * block_sectors, block_sectors, sector);
    }
    return err;
}

static void
write_one_scattered(struct page *p, uint8_t bits)
{
    int err;

    finish_contents(p);
    err = write_scattered(p, bits);
    lock_acquire(&cache.lock);
    write_ended(p, err);
    wake_all(&cache.writing_less);
    lock_release(&cache.lock);
    cache_unpin(p);
}

/* Learns where a page of a space with 4 KiB blocks lies. */
static int
place(struct page *p)
{
    struct cache_space *s = p->space;
    uint32_t per_page = 1u << (PAGE_SHIFT - s->block_shift), count;
    uint64_t sector;
    int err;

    if (p->sector != CACHE_HOLE)
        return 0;
    err = s->ops->map(s, p->index * per_page, per_page, &sector, &count);
    if (err == 0 && count == per_page && sector != CACHE_HOLE) {
        p->sector = sector;
        __atomic_or_fetch(&p->flags, (uint16_t)PG_MAPPED, __ATOMIC_RELAXED);
    }
    return err;
}

void
cache_place(struct page *p)
{
    if (place(p) != 0)
        p->sector = CACHE_HOLE;         /* write-back asks again and reports */
}

void
cache_unplace(struct cache_space *s, uint64_t index)
{
    struct page *p;

    lock_acquire(&cache.lock);
    while ((p = page_lookup(s, index)) != NULL && (p->flags & PG_WRITE)) {
        if (wait_sleep(&cache.writing_less, &cache.lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    if (p != NULL) {
        p->sector = CACHE_HOLE;
        p->flags &= (uint16_t)~PG_MAPPED;
    }
    lock_release(&cache.lock);
}

/* Writes p, which the caller has pinned and nothing writes now, with as many neighbours as fit. Returns how many pages went out. */
static uint32_t
write_from(struct page *p)
{
    struct cache_space *s = p->space;
    struct cache_io *c = cache_io_new(s, BLK_WRITE);
    uint32_t n = 0;
    uint8_t bits = 0;

    if (place(p) != 0 || c == NULL)
        log_print("fs: cannot place a page for write-back");
    lock_acquire(&cache.lock);
    if (p->dirty != 0 && !(p->flags & PG_WRITE) && !(p->pins & PAGE_CUT_OFF)) {
        if (c != NULL && p->sector != CACHE_HOLE && p->dirty == ALL_SECTORS) {
            n = gather(p, c->pages);
        } else {
            bits = begin_write(p);
        }
    }
    if (n == 0 && c != NULL) {
        c->io.done = true;
        cache_io_done(c);
    }
    lock_release(&cache.lock);
    if (n > 0)
        submit_run(c, n);
    else if (bits != 0)
        write_one_scattered(p, bits), n = 1;
    return n;
}

/* The oldest page that is dirty since before before_ns, pinned. placed: only one whose place on disk is known. */
static struct page *
oldest_dirty(uint64_t before_ns, bool placed)
{
    struct page *found = NULL;

    lock_acquire(&cache.lock);
    list_for(l, &cache.aged) {
        struct page *p = container_of(l, struct page, age_link);

        if (p->dirty_ns > before_ns)
            break;
        if ((p->flags & PG_WRITE) || (placed && p->sector == CACHE_HOLE))
            continue;
        p->pins++;
        found = p;
        break;
    }
    lock_release(&cache.lock);
    return found;
}

static uint32_t
writeback(uint32_t max_pages, uint64_t before_ns, bool placed)
{
    uint32_t written = 0, n = 1;
    struct page *p;

    while (written < max_pages && n > 0 && (p = oldest_dirty(before_ns, placed)) != NULL) {
        n = write_from(p);
        cache_unpin(p);
        written += n;
    }
    return written;
}

uint32_t
cache_writeback(uint32_t max_pages, uint64_t before_ns)
{
    return writeback(max_pages, before_ns, false);
}

uint64_t
cache_writeback_due(void)
{
    uint64_t due = DEADLINE_NEVER;

    lock_acquire(&cache.lock);
    if (!list_empty(&cache.aged))
        due = container_of(cache.aged.next, struct page, age_link)->dirty_ns + CACHE_AGE_NS;
    lock_release(&cache.lock);
    return due;
}

/* Sleeps until some write-back has ended. False: none is under way. */
static bool
await_some(void)
{
    bool any;

    lock_acquire(&cache.lock);
    any = cache.writing_count > 0;
    if (any && wait_sleep(&cache.writing_less, &cache.lock, DEADLINE_NEVER, 0) != 0)
        any = true;
    lock_release(&cache.lock);
    return any;
}

bool
cache_relieve(void)
{
    bool started = writeback(BLK_IO_PAGES_MAX, UINT64_MAX, true) > 0;

    return await_some() || started;
}

void
cache_throttle(void)
{
    for (int i = 0; i < THROTTLE_BATCHES_MAX && cache.dirty_count > cache.dirty_limit; i++) {
        if (cache_writeback(BLK_IO_PAGES_MAX, UINT64_MAX) == 0)
            break;
    }
    while (cache.writing_count > cache.dirty_limit && await_some())
        continue;
}

/* A dirty page of the space in the range, pinned; NULL: none that nobody writes. */
static struct page *
next_dirty(struct cache_space *s, uint64_t first, uint64_t last)
{
    struct page *found = NULL;

    lock_acquire(&cache.lock);
    list_for(l, &s->dirty) {
        struct page *p = container_of(l, struct page, dirty_link);

        if (p->index >= first && p->index < last && !(p->flags & PG_WRITE)) {
            p->pins++;
            found = p;
            break;
        }
    }
    lock_release(&cache.lock);
    return found;
}

static void
await_space_idle(struct cache_space *s)
{
    lock_acquire(&cache.lock);
    while (s->writing > 0) {
        if (wait_sleep(&s->idle, &cache.lock, DEADLINE_NEVER, 0) != 0)
            continue;
    }
    lock_release(&cache.lock);
}

int
cache_sync_range(struct cache_space *s, uint64_t first, uint64_t last)
{
    uint64_t budget = s->dirty_count + SYNC_ROUNDS_MAX;
    uint32_t errors = s->errors;
    struct page *p;

    if (s->ops == NULL)
        return 0;
    for (int round = 0; round < 3; round++) {   /* again: pages that were dirtied while they, or what sums them up, were written */
        while (budget > 0 && (p = next_dirty(s, first, last)) != NULL) {
            write_from(p);
            cache_unpin(p);
            budget--;
        }
        await_space_idle(s);
    }
    return s->errors != errors ? s->error : 0;
}

int
cache_sync(struct cache_space *s)
{
    return cache_sync_range(s, 0, UINT64_MAX);
}

int
cache_error_since(struct cache_space *s, uint32_t *seen)
{
    int err = 0;

    lock_acquire(&cache.lock);
    if (s->errors != *seen) {
        err = s->error;
        *seen = s->errors_told = s->errors;
    }
    lock_release(&cache.lock);
    return err;
}

/* ---- ordered spaces ---- */

/* The dirty sectors of the page whose blocks are of that order. Cache lock held. */
static uint8_t
sectors_of(const struct page *p, unsigned order)
{
    uint32_t shift = p->space->block_shift, sectors = 1u << (shift - 9);
    uint8_t bits = 0;

    for (uint32_t n = 0; n < 1u << (PAGE_SHIFT - shift); n++) {
        if (p->order[n] == order)
            bits |= (uint8_t)(((1u << sectors) - 1) << (n * sectors));
    }
    return bits & p->dirty;
}

/* A page with such a block that nobody writes, pinned, or NULL. */
static struct page *
next_of_order(struct cache_space *s, unsigned order)
{
    struct page *found = NULL;

    lock_acquire(&cache.lock);
    list_for(l, &s->dirty) {
        struct page *p = container_of(l, struct page, dirty_link);

        if (!(p->flags & PG_WRITE) && sectors_of(p, order) != 0) {
            p->pins++;
            found = p;
            break;
        }
    }
    lock_release(&cache.lock);
    return found;
}

bool
cache_has_order(struct cache_space *s, unsigned order)
{
    struct page *p = next_of_order(s, order);

    if (p != NULL)
        cache_unpin(p);
    return p != NULL;
}

static void
write_part(struct page *p, unsigned order)
{
    uint8_t bits;

    lock_acquire(&cache.lock);
    bits = sectors_of(p, order);
    if (bits != 0 && !(p->flags & PG_WRITE) && !(p->pins & PAGE_CUT_OFF))
        begin_write_part(p, bits);
    else
        bits = 0;
    lock_release(&cache.lock);
    if (bits != 0)
        write_one_scattered(p, bits);
}

int
cache_sync_order(struct cache_space *s, unsigned order)
{
    uint64_t budget = s->dirty_count * 2 + SYNC_ROUNDS_MAX;
    uint32_t errors = s->errors;
    struct page *p;

    do {                                /* again: what sums up the pages that were written */
        while (budget > 0 && (p = next_of_order(s, order)) != NULL) {
            if (s->block_shift == PAGE_SHIFT)
                write_from(p);
            else
                write_part(p, order);
            cache_unpin(p);
            budget--;
        }
        await_space_idle(s);
    } while (budget > 0 && cache_has_order(s, order));
    return s->errors != errors ? s->error : 0;
}
