/*
 * main.c: the smallest library that works with disk slots. What it does is the word phase=... of the command line:
 *
 *   carve    slots for two principals, data in one of them, one freed again
 *   check    after another boot: who may do what is as before; the freed extent is scrubbed and given away
 *   work     a series of changes of the table and of secrets written, for a log of the disk's writes
 *   write-errors, flush-errors, read-errors    the disk fails them: each caller hears of it
 */
#include "aegis/block.h"
#include "../../devices/guest/library.h"

#define BLOCK_BIT 1u
#define SLOT_BIT 4u
#define ALICE_NAME 7
#define BOB_NAME 8
#define SECRET 0xa5

static uint8_t queue_page[AEG_QUEUE_FRAMES][PAGE] __attribute__((aligned(PAGE)));
static uint8_t data[PAGE] __attribute__((aligned(PAGE)));
static struct aeg_blockq *const q = (struct aeg_blockq *)queue_page[0];
static aeg_id_t queue;
static uint32_t alice, bob;         /* capabilities */

/* ---- slots ---- */

static const volatile struct aeg_slot_info *
slot_at(uint32_t i)
{
    return aeg_info_entry(&AEG_INFO->slots, i);
}

/* The first partition of a disk with a slot table that is not the table itself. */
static aeg_id_t
partition(void)
{
    for (uint32_t t = 0; t < AEG_INFO->slots.count; t++)
        for (uint32_t i = 0; (slot_at(t)->flags & AEG_SLOT_TABLE) && i < AEG_INFO->slots.count; i++)
            if (slot_at(i)->id != 0 && slot_at(i)->disk == slot_at(t)->disk && !(slot_at(i)->flags & (AEG_SLOT_TABLE | AEG_SLOT_CARVED)))
                return slot_at(i)->id;
    return 0;
}

/* The n-th carved slot, dirty or not. */
static const volatile struct aeg_slot_info *
carved(unsigned n)
{
    for (uint32_t i = 0; i < AEG_INFO->slots.count; i++)
        if (slot_at(i)->id != 0 && (slot_at(i)->flags & AEG_SLOT_CARVED) && n-- == 0)
            return slot_at(i);
    return NULL;
}

static bool
slot_wait(void)
{
    uint64_t bits;

    if (aeg_wait(SLOT_BIT, now_ns() + 5 * SECOND, 0, 0, &bits) != AEG_OK)
        return false;
    __atomic_and_fetch(&UENV->notify, ~(uint64_t)SLOT_BIT, __ATOMIC_SEQ_CST);
    return true;
}

/* Makes a call until it has its result. */
#define UNTIL_DONE(call)                                            \
    ({                                                              \
        aeg_err_t err_;                                             \
        while ((err_ = (call)) == AEG_ERR_AGAIN && slot_wait())     \
            ;                                                       \
        err_;                                                       \
    })

static aeg_err_t
carve(uint32_t guard, uint64_t first, uint64_t count, aeg_id_t *id)
{
    uint64_t caps = AEG_CAPS3(ROOT, guard, ROOT);

    return UNTIL_DONE(aeg_slot_carve(AEG_INFO->root_account, caps, partition(), first, count, SLOT_BIT, id));
}

static aeg_err_t
release(uint32_t cap, aeg_id_t id)
{
    return UNTIL_DONE(aeg_slot_free(id, cap, SLOT_BIT));
}

static aeg_err_t
scrub(uint32_t cap, aeg_id_t id)
{
    return UNTIL_DONE(aeg_slot_scrub(id, cap, SLOT_BIT));
}

/* ---- blocks ---- */

static void
queue_make(void)
{
    struct aeg_blockq_args args = { .env = UENV->env_id, .bits = BLOCK_BIT };

    for (unsigned i = 0; i < AEG_QUEUE_FRAMES; i++) {
        queue_page[i][0] = 1;
        args.frames[i] = frame_of(queue_page[i]);
    }
    ok(aeg_blockq_create(AEG_INFO->root_account, ROOT, ROOT, &args, &queue) == AEG_OK, "a queue is made");
}

static aeg_err_t
bind(aeg_id_t slot, uint32_t cap, uint64_t *binding)
{
    return aeg_blockq_bind(queue, ROOT, slot, cap, AEG_RIGHT_READ | AEG_RIGHT_WRITE, binding);
}

/* One request of up to a page; its status, or 1000 when it never came. */
static uint32_t
request(uint64_t binding, uint8_t op, uint64_t offset, uint32_t bytes)
{
    struct aeg_block_request *at = (struct aeg_block_request *)queue_page[AEG_REQUEST_FRAME(q->posted)] + AEG_REQUEST_PLACE(q->posted);
    bool moves = op == AEG_BLOCK_READ || op == AEG_BLOCK_WRITE;
    uint64_t taken;

    *at = (struct aeg_block_request){ .binding = (uint16_t)binding, .offset = offset, .bytes = bytes, .op = op, .frame_count = moves };
    at->frames[0] = frame_of(data);
    __atomic_store_n(&q->posted, q->posted + 1, __ATOMIC_RELEASE);
    if (aeg_blockq_submit(queue, ROOT, &taken) != AEG_OK || !await(&q->completed, q->posted, BLOCK_BIT))
        return 1000;
    return q->completion[q->reaped++ % AEG_QUEUE_COMPLETIONS].status;
}

static bool
all(uint8_t value)
{
    for (unsigned i = 0; i < PAGE; i++)
        if (data[i] != value)
            return false;
    return true;
}

/* ---- phases ---- */

static void
phase_carve(void)
{
    aeg_id_t first = 0, second = 0, third = 0, rest = 0, renewed = 0;
    uint64_t parent = 99, child = 99;

    ok(bind(partition(), ROOT, &parent) == AEG_OK, "the partition is bound");
    ok(carve(alice, 0, 64, &first) == AEG_OK && carve(bob, 64, 64, &second) == AEG_OK && carve(bob, 128, 4096, &third) == AEG_OK,
       "three slots are carved");
    ok(bind(first, bob, &child) == AEG_ERR_CAP_DENIED, "one's slot is not the other's");
    ok(bind(first, alice, &child) == AEG_OK, "it is its own");
    memset(data, SECRET, PAGE);
    ok(request(child, AEG_BLOCK_WRITE, 8, PAGE) == AEG_OK, "data is stored");
    ok(request(child, AEG_BLOCK_FLUSH, 0, 0) == AEG_OK, "and flushed");
    ok(request(parent, AEG_BLOCK_READ, 8, PAGE) == AEG_ERR_EXTENT, "out of the partition's reach");
    ok(bind(third, bob, &child) == AEG_OK && request(child, AEG_BLOCK_WRITE, 4088, PAGE) == AEG_OK, "the last block of a slot is written");
    ok(release(bob, third) == AEG_OK, "a slot is freed");
    ok(request(child, AEG_BLOCK_READ, 0, PAGE) == AEG_ERR_SLOT, "its binding is dead");
    ok(request(parent, AEG_BLOCK_READ, 128, PAGE) == AEG_ERR_EXTENT, "and the extent still nobody's");
    ok(UNTIL_DONE(aeg_slot_split(AEG_INFO->root_account, AEG_CAPS(bob, ROOT), second, 32, SLOT_BIT, &rest)) == AEG_OK, "one is split");
    ok(UNTIL_DONE(aeg_slot_guard(rest, AEG_CAPS(bob, alice), SLOT_BIT, &renewed)) == AEG_OK, "its rest changes hands");
}

static void
phase_check(void)
{
    aeg_id_t dirty = carved(2)->id, id;
    uint64_t b = 99;

    ok(carved(0) && carved(1) && carved(2) && carved(3) && !carved(4), "four slots are there");
    ok(bind(carved(0)->id, bob, &b) == AEG_ERR_CAP_DENIED && bind(carved(0)->id, alice, &b) == AEG_OK, "the first is Alice's");
    memset(data, 0, PAGE);
    ok(request(b, AEG_BLOCK_READ, 8, PAGE) == AEG_OK && all(SECRET), "with her data");
    ok(bind(carved(3)->id, bob, &b) == AEG_ERR_CAP_DENIED && bind(carved(3)->id, alice, &b) == AEG_OK, "and so is what Bob gave her");
    ok(carved(2)->flags == (AEG_SLOT_CARVED | AEG_SLOT_DIRTY) && bind(dirty, bob, &b) == AEG_ERR_SLOT_DIRTY, "the freed one is dirty");
    ok(carve(alice, 128, 4096, &id) == AEG_ERR_SLOT_DIRTY, "and not to be had");
    ok(scrub(ROOT, dirty) == AEG_OK, "it is scrubbed");
    ok(carve(alice, 128, 4096, &id) == AEG_OK && bind(id, alice, &b) == AEG_OK, "then it is to be had");
    memset(data, 1, PAGE);
    ok(request(b, AEG_BLOCK_READ, 4088, PAGE) == AEG_OK && all(0), "and empty");
    ok(request(b, AEG_BLOCK_FLUSH, 0, 0) == AEG_OK, "a flush succeeds");
    ok(request(b, AEG_BLOCK_DISCARD, 0, 4096 * 512) == AEG_OK, "a discard succeeds");
}

/* Deterministic, like the rest of it. */
static uint32_t
some(uint32_t below)
{
    static uint32_t seed = 12345;

    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}

static void
change_one(unsigned i)
{
    uint32_t guard = some(2) ? alice : bob;
    const volatile struct aeg_slot_info *s;
    aeg_id_t id, made;
    uint64_t b;

    if (some(2) && carve(guard, some(500), 1 + some(24), &id) == AEG_OK) {
        memset(data, SECRET, PAGE);
        if (bind(id, guard, &b) == AEG_OK)
            (void)request(b, AEG_BLOCK_WRITE, 0, 512);
        return;
    }
    s = carved(some(8));
    if (!s)
        return;
    id = s->id;         /* the place may say another before the call is over */
    switch (i % 4) {
    case 0:
        (void)UNTIL_DONE(aeg_slot_split(AEG_INFO->root_account, AEG_CAPS(ROOT, ROOT), id, 1 + i % 8, SLOT_BIT, &made));
        break;
    case 1:
        (void)UNTIL_DONE(aeg_slot_guard(id, AEG_CAPS(ROOT, guard), SLOT_BIT, &made));
        break;
    case 2:
        (void)release(ROOT, id);
        break;
    default:
        (void)scrub(ROOT, id);
        break;
    }
}

static void
phase_work(void)
{
    for (unsigned i = 0; i < 120; i++)
        change_one(i);
    ok(carved(0) != NULL, "the work is done");
}

static void
phase_write_errors(void)
{
    aeg_id_t id, before = partition();
    uint64_t b;

    ok(bind(before, ROOT, &b) == AEG_OK, "the partition is bound");
    ok(request(b, AEG_BLOCK_READ, 0, PAGE) == AEG_OK, "it is read");
    ok(request(b, AEG_BLOCK_WRITE, 0, PAGE) == AEG_ERR_DEVICE, "a write that fails is reported");
    ok(carve(alice, 0, 64, &id) == AEG_ERR_DEVICE && !carved(0), "a slot that cannot be stored is not made");
    ok(request(b, AEG_BLOCK_READ, 0, PAGE) == AEG_OK, "the disk is read as before");
}

static void
phase_flush_errors(void)
{
    aeg_id_t id;
    uint64_t b;

    ok(bind(partition(), ROOT, &b) == AEG_OK && request(b, AEG_BLOCK_WRITE, 8, PAGE) == AEG_OK, "a block is written");
    ok(request(b, AEG_BLOCK_FLUSH, 0, 0) == AEG_ERR_DEVICE, "a flush that fails is reported");
    ok(carve(alice, 0, 64, &id) == AEG_ERR_DEVICE && !carved(0), "a slot that may be lost is not made");
}

static void
phase_read_errors(void)
{
    uint64_t b;

    ok(bind(partition(), ROOT, &b) == AEG_OK && request(b, AEG_BLOCK_READ, 8, PAGE) == AEG_OK, "a block is read");
    ok(request(b, AEG_BLOCK_READ, 0, PAGE) == AEG_ERR_DEVICE, "a read that fails is reported");
}

static bool
word(const char *want)
{
    const volatile char *c = (const volatile char *)(uintptr_t)AEG_INFO->cmdline.address;

    for (; *c; c++) {
        unsigned i = 0;

        while (want[i] && c[i] == want[i])
            i++;
        if (!want[i])
            return true;
    }
    return false;
}

void
guest_main(void)
{
    uint64_t index;

    memset(data, 0, sizeof(data));
    ok(partition() != 0, "there is a disk with a slot table");
    ok(aeg_cap_forge(ROOT, ALICE_NAME, AEG_RIGHT_ALL, &index) == AEG_OK, "Alice is somebody");
    alice = (uint32_t)index;
    ok(aeg_cap_forge(ROOT, BOB_NAME, AEG_RIGHT_ALL, &index) == AEG_OK, "Bob is somebody else");
    bob = (uint32_t)index;
    queue_make();
    if (word("phase=carve"))
        phase_carve();
    if (word("phase=check"))
        phase_check();
    if (word("phase=work"))
        phase_work();
    if (word("phase=write-errors"))
        phase_write_errors();
    if (word("phase=flush-errors"))
        phase_flush_errors();
    if (word("phase=read-errors"))
        phase_read_errors();
    finish_all();
}
