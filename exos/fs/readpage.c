/*
 * readpage.c: pages come into memory: one by one, in read-ahead batches, around holes.
 *
 * Rules:    a page is inserted with PG_IO before its place is looked up, so that a truncation that frees the blocks has to wait for
 *           it; a page whose read failed leaves the cache, whoever waited for it gets -EIO.
 */
#include "base/mem.h"
#include "fs/cache_priv.h"
#include "fs/own.h"

#define READAHEAD_FIRST 4               /* pages of a sequential reader's first batch */

void
cache_io_done(struct cache_io *c)
{
    list_push_tail(&cache.io_free, &c->link);
}

struct cache_io *
cache_io_new(struct cache_space *s, enum blk_op op)
{
    struct cache_io *c = NULL;

    lock_acquire(&cache.lock);
    if (!list_empty(&cache.io_free)) {
        c = container_of(cache.io_free.next, struct cache_io, link);
        if (c->io.done)
            list_remove(&c->link);
        else
            c = NULL;                   /* its completion has not returned yet */
    }
    lock_release(&cache.lock);
    if (c == NULL)
        c = heap_alloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    memset(&c->io, 0, sizeof(c->io));
    list_init(&c->link);
    waitq_init(&c->io.wq);
    c->space = s;
    c->io.dev = s->dev;
    c->io.op = op;
    c->io.arg = c;
    return c;
}

/* The tail of the last page of a file is zeros in memory, whatever the disk holds there. */
static void
clear_past_end(struct cache_space *s, struct page *p)
{
    uint64_t start = p->index << PAGE_SHIFT;

    if (start + PAGE_SIZE > s->size) {
        uint64_t keep = s->size > start ? s->size - start : 0;
        memset(p->data + keep, 0, PAGE_SIZE - keep);
    }
}

/* The read of p has ended. Cache lock held; the pin of the read goes with the last line. True: the caller unpins. */
static void
read_ended(struct page *p, int status)
{
    if (status == 0) {
        clear_past_end(p->space, p);
        p->flags |= PG_VALID;
    } else if (!(p->pins & PAGE_CUT_OFF)) {
        page_cut_off(p);
    }
    p->flags &= (uint16_t)~PG_IO;
    wake_all(&p->wq);
}

static void
read_complete(struct blk_io *io)
{
    struct cache_io *c = io->arg;
    uint32_t count = io->page_count;
    struct page *pages[BLK_IO_PAGES_MAX];

    if (io->status != 0)
        log_print("fs: %s: read error at sector %lu", io->dev->name, io->sector);
    lock_acquire(&cache.lock);
    for (uint32_t i = 0; i < count; i++) {
        pages[i] = c->pages[i];
        read_ended(pages[i], io->status);
    }
    cache_io_done(c);
    lock_release(&cache.lock);
    for (uint32_t i = 0; i < count; i++)
        cache_unpin(pages[i]);
}

static void
end_reads(struct page **pages, uint32_t count, int status)
{
    for (uint32_t i = 0; i < count; i++) {
        lock_acquire(&cache.lock);
        read_ended(pages[i], status);
        lock_release(&cache.lock);
        cache_unpin(pages[i]);
    }
}

/* A page and a request to fall back on: without memory, write-back is what makes memory. */
static struct {
    struct own own;
    void *page;
    struct blk_io io;
} reserve;

void
cache_io_init(void)
{
    own_init(&reserve.own, LOCK_RANK_FS);
    reserve.page = page_alloc();
    if (reserve.page == NULL)
        EXO_PANIC("no memory for the page cache");
}

static int
move_piece(struct blk_io *io, uint8_t *bounce, struct page *p, uint32_t offset)
{
    int err;

    if (io->op == BLK_WRITE)
        memcpy(bounce, p->data + offset, io->bytes);
    waitq_init(&io->wq);
    io->page_count = 1;
    io->pages[0] = bounce;
    blk_submit(io);
    err = blk_wait(io);
    if (err == 0 && io->op == BLK_READ)
        memcpy(p->data + offset, bounce, io->bytes);
    return err;
}

int
cache_io_piece(struct cache_space *s, enum blk_op op, struct page *p, uint32_t first, uint32_t sectors, uint64_t sector)
{
    uint8_t *bounce = page_alloc();
    struct blk_io *io = bounce != NULL ? heap_alloc(sizeof(*io)) : NULL;
    struct blk_io request = { .dev = s->dev, .op = op, .sector = sector, .bytes = sectors * BLK_SECTOR };
    int err;

    if (io != NULL) {
        *io = request;
        err = move_piece(io, bounce, p, first * BLK_SECTOR);
    } else {
        own_take(&reserve.own);
        reserve.io = request;
        err = move_piece(&reserve.io, reserve.page, p, first * BLK_SECTOR);
        own_drop(&reserve.own);
    }
    heap_free(io);
    if (bounce != NULL)
        page_free(bounce);
    return err;
}

/* Reads one page whose blocks lie apart. */
static int
read_scattered(struct cache_space *s, struct page *p)
{
    uint32_t per_page = 1u << (PAGE_SHIFT - s->block_shift), block_sectors = 1u << (s->block_shift - 9), count;
    uint64_t sector;

    for (uint32_t i = 0; i < per_page; i += count) {
        int err = s->ops->map(s, p->index * per_page + i, per_page - i, &sector, &count);

        if (err != 0)
            return err;
        if (sector == CACHE_HOLE)
            memset(p->data + i * block_sectors * BLK_SECTOR, 0, count * block_sectors * BLK_SECTOR);
        else
            err = cache_io_piece(s, BLK_READ, p, i * block_sectors, count * block_sectors, sector);
        if (err != 0)
            return err;
    }
    return 0;
}

/* Submits one read of `count` pages that lie contiguously from `sector` on. */
static int
read_run(struct cache_space *s, struct page **pages, uint32_t count, uint64_t sector)
{
    struct cache_io *c = cache_io_new(s, BLK_READ);
    uint64_t bytes = (uint64_t)count << PAGE_SHIFT, room = (s->dev->sector_count - sector) * BLK_SECTOR;

    if (c == NULL)
        return -ENOMEM;
    c->io.sector = sector;
    c->io.bytes = (uint32_t)MIN(bytes, room);
    c->io.page_count = count;
    c->io.complete = read_complete;
    for (uint32_t i = 0; i < count; i++) {
        c->pages[i] = pages[i];
        c->io.pages[i] = pages[i]->data;
        pages[i]->flags |= PG_MAPPED;
        pages[i]->sector = sector + (uint64_t)i * (PAGE_SIZE / BLK_SECTOR);
    }
    if (bytes > room)
        memset((char *)pages[count - 1]->data, 0, PAGE_SIZE);
    blk_submit(&c->io);
    return 0;
}

/* Starts reading pages[0..count), which follow each other and carry PG_IO; whatever happens, each loses it in the end. */
static int
start_reads(struct cache_space *s, struct page **pages, uint32_t count)
{
    uint32_t per_page = 1u << (PAGE_SHIFT - s->block_shift), blocks;
    int first_err = 0;

    for (uint32_t done = 0, n; done < count; done += n) {
        uint64_t sector;
        int err = s->ops->map(s, pages[done]->index * per_page, (count - done) * per_page, &sector, &blocks);

        n = MAX(blocks / per_page, 1u);
        if (err == 0 && sector == CACHE_HOLE && blocks >= per_page) {
            for (uint32_t i = 0; i < n; i++)
                memset(pages[done + i]->data, 0, PAGE_SIZE);
            end_reads(pages + done, n, 0);
            continue;
        }
        if (err == 0 && blocks >= per_page && sector < s->dev->sector_count) {
            err = read_run(s, pages + done, n, sector);
            if (err == 0)
                continue;
        } else if (err == 0) {
            n = 1;
            err = read_scattered(s, pages[done]);
        } else {
            n = 1;
        }
        end_reads(pages + done, n, err);
        if (done == 0)
            first_err = err;
    }
    return first_err;
}

/*
 * Reads pages index.. in, at most count (and at most CACHE_READAHEAD_MAX), stopping at the first that is there already. The page at
 * mark_at (if among them) gets PG_MARK. Does not await the I/O. 0, or what was wrong with the first.
 */
int
cache_fill(struct cache_space *s, uint64_t index, uint32_t count, uint32_t mark_at)
{
    struct page *pages[CACHE_READAHEAD_MAX];
    uint32_t n = 0;

    count = MIN(count, (uint32_t)CACHE_READAHEAD_MAX);
    while (n < count) {
        struct page *p = page_new(NULL);

        if (p == NULL && n == 0)
            return -ENOMEM;
        if (p == NULL)
            break;
        lock_acquire(&cache.lock);
        if (page_lookup(s, index + n) != NULL) {
            lock_release(&cache.lock);
            page_destroy(p);
            break;
        }
        p->flags = PG_IO | (n == mark_at ? PG_MARK : 0);
        page_insert(p, s, index + n);
        lock_release(&cache.lock);
        pages[n++] = p;
    }
    return n > 0 ? start_reads(s, pages, n) : 0;
}

void
cache_prefetch(struct cache_space *s, uint64_t index, uint32_t count)
{
    uint64_t end = (s->size + PAGE_SIZE - 1) >> PAGE_SHIFT;

    if (s->ops != NULL && index < end && cache_fill(s, index, (uint32_t)MIN(count, end - index), UINT32_MAX) != 0)
        return;                         /* whoever wants the page asks again and gets the error */
}

/* How many pages to read at a miss at index, and what to expect next. */
static uint32_t
readahead_plan(struct cache_space *s, uint64_t index, struct readahead *ra)
{
    uint64_t pages = (s->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
    uint32_t window = 1;

    if (ra != NULL) {
        if (index == ra->next || index == ra->end || index == 0)
            window = ra->window == 0 ? READAHEAD_FIRST : MIN(ra->window * 2, (uint32_t)CACHE_READAHEAD_MAX);
        ra->window = window == 1 ? 0 : window;
    }
    if (index < pages && pages - index < window)
        window = (uint32_t)(pages - index);
    return window;
}

/* A reader has come to the marked page: starts the next batch. */
static void
readahead_next(struct cache_space *s, struct readahead *ra)
{
    uint64_t at = ra->end;
    uint64_t pages = (s->size + PAGE_SIZE - 1) >> PAGE_SHIFT;

    if (at >= pages)
        return;
    ra->window = MIN(MAX(ra->window * 2, (uint32_t)READAHEAD_FIRST), (uint32_t)CACHE_READAHEAD_MAX);
    ra->end = at + ra->window;
    if (cache_fill(s, at, (uint32_t)MIN((uint64_t)ra->window, pages - at), 0) != 0)
        return;
}

/* The page at index, pinned, valid or not; NULL: not there. *marked: the reader has reached a read-ahead mark. */
static struct page *
find_and_wait(struct cache_space *s, uint64_t index, bool *marked)
{
    struct page *p;

    lock_acquire(&cache.lock);
    p = page_lookup(s, index);
    if (p != NULL) {
        p->pins++;
        *marked = (p->flags & PG_MARK) != 0;
        p->flags = (uint16_t)((p->flags | PG_USED) & ~PG_MARK);
        if (!*marked)
            page_await_io(p);
    }
    lock_release(&cache.lock);
    return p;
}

int
cache_get(struct cache_space *s, uint64_t index, struct readahead *ra, struct page **out)
{
    bool marked = false;
    struct page *p = find_and_wait(s, index, &marked);

    if (s->ops == NULL) {
        *out = p;
        return p != NULL ? 0 : cache_get_zeroed(s, index, out);
    }
    if (marked && ra != NULL)
        readahead_next(s, ra);
    for (int tries = 0; p == NULL; tries++) {
        uint32_t window = readahead_plan(s, index, ra);
        int err = cache_fill(s, index, window, window > 1 ? window / 2 : UINT32_MAX);

        if (err != 0 || tries > 16)
            return err != 0 ? err : -EIO;
        if (ra != NULL)
            ra->end = index + window;
        p = find_and_wait(s, index, &marked);
    }
    lock_acquire(&cache.lock);
    page_await_io(p);
    lock_release(&cache.lock);
    if (ra != NULL)
        ra->next = index + 1;
    if (!(p->flags & PG_VALID)) {
        cache_unpin(p);
        return -EIO;
    }
    *out = p;
    return 0;
}
