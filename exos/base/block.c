/*
 * block.c: the session's block devices over one block queue of Aegis.
 *
 * Holds:    the queue's ring pages, and for each request that is posted or in flight the blk_io that it is for. There are as many places
 *           for those as in the request ring, so a free place means room in the ring; and fewer than in the completion ring.
 * Locks:    block_lock (LOCK_RANK_BLOCK), never held while Aegis is called or a completion function runs.
 * Rules:    a blk_io is a session object, for any member may finish it. One with a completion function is its owner's again when that is
 *           called; one without, when `done` is set.
 */
#include "base/block.h"
#include "aegis/info.h"
#include "base/block_setup.h"
#include "base/mem.h"

#define PLACES AEG_QUEUE_REQUESTS
static_assert(PLACES == 32 && PLACES == BLK_REQUESTS_MAX, "free_places is 32 bits wide");
static_assert(BLK_IO_KIB_MAX == BLK_IO_PAGES_MAX * PAGE_SIZE / 1024, "the same in KiB");
static_assert(PLACES <= AEG_QUEUE_COMPLETIONS, "a completion has a place");
static_assert(BLK_IO_PAGES_MAX == AEG_REQUEST_FRAMES && BLK_SECTOR == AEG_BLOCK_SIZE, "one request of ours is one of Aegis");

static struct {
    aeg_id_t queue;
    uint32_t cap;
    struct aeg_blockq *shared;
    struct aeg_block_request *ring[AEG_QUEUE_FRAMES];   /* [0] is not used */
    uint32_t posted, reaped;
    uint32_t free_places;           /* bit i: io[i] is free */
    struct blk_io *io[PLACES];      /* by cookie */
    struct waitq room;              /* for a free place */
    struct blkdev dev[AEG_QUEUE_BINDINGS];
    uint32_t dev_count;
} block;
static struct lock block_lock = LOCK_INIT(LOCK_RANK_BLOCK);

struct blkdev *
blkdev_at(unsigned index)
{
    return index < block.dev_count ? &block.dev[index] : NULL;
}

struct blkdev *
blkdev_find(const char *name)
{
    for (uint32_t i = 0; i < block.dev_count; i++)
        if (strcmp(block.dev[i].name, name) == 0)
            return &block.dev[i];
    return NULL;
}

static void
request_fill(const struct blk_io *io, uint32_t place)
{
    static const uint8_t op[] = { [BLK_READ] = AEG_BLOCK_READ, [BLK_WRITE] = AEG_BLOCK_WRITE, [BLK_FLUSH] = AEG_BLOCK_FLUSH,
                                  [BLK_DISCARD] = AEG_BLOCK_DISCARD };
    struct aeg_block_request *r = &block.ring[AEG_REQUEST_FRAME(block.posted)][AEG_REQUEST_PLACE(block.posted)];
    bool moves = io->op == BLK_READ || io->op == BLK_WRITE;

    r->cookie = place;
    r->binding = io->dev->index;
    r->op = op[io->op];
    r->start = 0;
    r->reserved0 = 0;
    r->offset = io->op == BLK_FLUSH ? 0 : io->sector;
    r->bytes = io->op == BLK_FLUSH ? 0 : io->bytes;
    r->frame_count = moves ? PAGE_UP(io->bytes) / PAGE_SIZE : 0;
    EXO_ASSERT(r->frame_count <= io->page_count);
    for (uint32_t i = 0; i < r->frame_count; i++)
        r->frames[i] = page_frame(io->pages[i]);
}

void
blk_submit(struct blk_io *io)
{
    uint64_t taken;
    uint32_t place;
    aeg_err_t err;

    EXO_ASSERT(io->page_count <= BLK_IO_PAGES_MAX && io->bytes <= BLK_IO_PAGES_MAX * PAGE_SIZE);
    waitq_init(&io->wq);
    io->done = false;
    io->status = 0;
    lock_acquire(&block_lock);
    while (block.free_places == 0)
        (void)!wait_sleep(&block.room, &block_lock, DEADLINE_NEVER, 0);
    place = (uint32_t)__builtin_ctz(block.free_places);
    block.free_places &= ~(1u << place);
    block.io[place] = io;
    request_fill(io, place);
    io->dev->requests[io->op]++;
    io->dev->sectors[io->op] += io->bytes / BLK_SECTOR;
    __atomic_store_n(&block.shared->posted, ++block.posted, __ATOMIC_RELEASE);
    lock_release(&block_lock);
    do
        err = aeg_blockq_submit(block.queue, block.cap, &taken);
    while (err == AEG_ERR_AGAIN);
    if (err != AEG_OK)
        EXO_PANIC("the block queue is gone: kernel error %u", err);
    block_poll();               /* a RAM disk is done already */
}

/* The next finished request, its place free again; NULL: none. With the lock held. */
static struct blk_io *
next_finished(aeg_err_t *status)
{
    const struct aeg_block_completion *c = &block.shared->completion[block.reaped % AEG_QUEUE_COMPLETIONS];
    struct blk_io *io;

    if (block.reaped == __atomic_load_n(&block.shared->completed, __ATOMIC_ACQUIRE))
        return NULL;
    EXO_ASSERT(c->cookie < PLACES && !(block.free_places & 1u << c->cookie));
    io = block.io[c->cookie];
    *status = (aeg_err_t)c->status;
    block.free_places |= 1u << c->cookie;
    __atomic_store_n(&block.shared->reaped, ++block.reaped, __ATOMIC_RELEASE);
    wake_one(&block.room);
    return io;
}

uint64_t
block_poll(void)
{
    for (unsigned i = 0; block.shared && i < AEG_QUEUE_COMPLETIONS; i++) {
        aeg_err_t status;
        struct blk_io *io;
        void (*complete)(struct blk_io *io);

        lock_acquire(&block_lock);
        io = next_finished(&status);
        if (io == NULL) {
            lock_release(&block_lock);
            break;
        }
        complete = io->complete;
        io->status = status == AEG_OK ? 0 : -EIO;
        io->done = true;
        if (complete == NULL)
            wake_all(&io->wq);
        lock_release(&block_lock);
        if (status != AEG_OK)
            log_print("block: a request failed with Aegis error %u", (unsigned)status);
        if (complete != NULL)
            complete(io);
    }
    return DEADLINE_NEVER;
}

int
blk_wait(struct blk_io *io)
{
    lock_acquire(&block_lock);
    while (!io->done)
        (void)!wait_sleep(&io->wq, &block_lock, DEADLINE_NEVER, 0);
    lock_release(&block_lock);
    return io->status;
}

int
blk_flush(struct blkdev *dev)
{
    struct blk_io *io = heap_alloc(sizeof(*io));    /* whoever polls writes to it: a stack is not seen from other spaces */
    int err;

    if (io == NULL)
        return -ENOMEM;
    io->dev = dev;
    io->op = BLK_FLUSH;
    blk_submit(io);
    err = blk_wait(io);
    heap_free(io);
    return err;
}

/* ---- bring-up ---- */

/* Binds a slot with the most that one of the capabilities gives. false: none gives anything. */
static bool
slot_bind(const struct block_setup *setup, aeg_id_t slot, bool *read_only, uint64_t *binding)
{
    for (int writable = !*read_only; writable >= 0; writable--)
        for (uint32_t i = 0; i < setup->slot_cap_count; i++) {
            uint32_t rights = AEG_RIGHT_READ | (writable ? AEG_RIGHT_WRITE : 0);

            if (aeg_blockq_bind(block.queue, setup->cap, slot, setup->slot_caps[i], rights, binding) != AEG_OK)
                continue;
            *read_only = !writable;
            return true;
        }
    return false;
}

/* The number at the end of a name, if it is longer than its disk's. */
static uint32_t
part_of(const char *name, const volatile char *disk)
{
    size_t at = 0, end = strlen(name);
    uint32_t part = 0;

    while (name[at] != '\0' && name[at] == disk[at])
        at++;
    if (name[at] == '\0')
        return 0;
    for (at = end; at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9'; at--)
        continue;
    for (; at < end; at++)
        part = 10 * part + (uint32_t)(name[at] - '0');
    return part;
}

/* What it is on its disk, and its number. A slot that was carved is no partition, but has its place among them. */
static void
place_on_disk(struct blkdev *d, const volatile struct aeg_slot_info *s)
{
    const volatile struct aeg_disk_info *disk = aeg_info_entry(&AEG_INFO->disks, s->disk);

    d->disk = s->disk;
    d->first = s->first;
    d->part = part_of(d->name, disk->name);
    if (s->parent == 0 && d->part < BLK_DISK_MINORS && d->disk < 256 / BLK_DISK_MINORS)
        d->number = BLK_MAJOR << 8 | (d->disk * BLK_DISK_MINORS + d->part);
    else
        d->number = BLK_MAJOR_MORE << 8 | block.dev_count;
}

static void
slot_add(const struct block_setup *setup, const volatile struct aeg_slot_info *s)
{
    struct blkdev *d = &block.dev[block.dev_count];
    bool read_only = s->flags & AEG_SLOT_READ_ONLY;
    uint64_t binding;

    if (block.dev_count == AEG_QUEUE_BINDINGS || !slot_bind(setup, s->id, &read_only, &binding))
        return;
    for (unsigned i = 0; i < sizeof(d->name) - 1; i++)
        d->name[i] = s->name[i];
    d->sector_count = s->count;
    d->read_only = read_only;
    d->index = (uint32_t)binding;
    place_on_disk(d, s);
    block.dev_count++;
    log_print("block: %s, %lu sectors%s", d->name, d->sector_count, read_only ? ", read-only" : "");
}

int
block_init(const struct block_setup *setup)
{
    const volatile struct aeg_table *slots = &AEG_INFO->slots;
    struct aeg_blockq_args args = { .env = setup->env, .bits = setup->bits };
    aeg_err_t err;

    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++) {
        args.frames[i] = page_frame(setup->pages[i]);
        block.ring[i] = setup->pages[i];
    }
    waitq_init(&block.room);
    err = aeg_blockq_create(setup->account, setup->cap, setup->cap, &args, &block.queue);
    if (err != AEG_OK) {
        log_print("block: no queue, Aegis error %u", (unsigned)err);
        return -EIO;
    }
    block.cap = setup->cap;
    block.free_places = ~0u;
    block.shared = setup->pages[0];
    for (uint32_t i = 0; i < slots->count; i++)
        slot_add(setup, aeg_info_entry(slots, i));
    return 0;
}
