/*
 * vectors.c: random vectors for pte_set, of one entry and of many, against a model of what it says: the way through assembly
 * (aegis/arch/x86_64/pte_fast.asm) has no other test, since the host's runs its twin in C.
 *
 * Works in an address range of its own. After each call the error, the count, the old entries, every entry, every frame's references and
 * every node's count are compared.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "../census/census.h"

#define POINTS 6
#define ROUNDS 6000
#define AREAS 3                     /* 2 MiB each; the last has no node */
#define ENTRIES 512
#define FRAMES 24
#define FIRST_SLOT 64               /* PML4 slots that programs may use are far more */
#define LAST_SLOT 128
#define PAGE 4096ull

static aeg_id_t space, account;
static uint64_t base;               /* of the range */
static uint64_t mine;               /* a capability below the session's: over what has its own name alone */
static aeg_frame_t upper[2], node[AREAS], frame[FRAMES];
static int node_mine[AREAS], frame_mine[FRAMES];
static uint64_t model[AREAS * ENTRIES];
static struct aeg_pte_op *ops, want[ENTRIES];
static unsigned readable;           /* entries of ops that are */
static uint64_t seed = 0x2545f4914f6cdd1dull;

/* xorshift64* (Marsaglia 2003; Vigna 2016). */
static uint64_t
below(uint64_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * 0x2545f4914f6cdd1dull >> 32) % n;
}

/* ---- the range ---- */

static int
frames_new(aeg_frame_t *list, unsigned count)
{
    uint64_t wish[FRAMES] = { 0 }, done, have = 0;
    aeg_err_t err;

    do {
        err = aeg_frame_alloc(account, CAP_SESSION, CAP_SESSION, count - have, wish + have, &done);
        have += done;
    } while (err == AEG_ERR_AGAIN);
    for (unsigned i = 0; i < have; i++)
        list[i] = wish[i] & ~AEG_FRAME_ZERO;
    return have == count;
}

static int
range_open(void)
{
    unsigned slot = FIRST_SLOT;
    int good;

    while (slot < LAST_SLOT && (*(volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)slot << 39, 4) & AEG_PTE_P))
        slot++;
    base = (uint64_t)slot << 39;
    good = frames_new(upper, 2) && frames_new(node, AREAS - 1) && frames_new(frame, FRAMES);
    good = good && aeg_pt_attach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), base, 3 | AEG_ATTACH_WRITE, upper[0]) == AEG_OK;
    good = good && aeg_pt_attach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), base, 2 | AEG_ATTACH_WRITE, upper[1]) == AEG_OK;
    for (unsigned i = 0; good && i < AREAS - 1; i++)
        good = aeg_pt_attach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), base + i * ENTRIES * PAGE, 1 | AEG_ATTACH_WRITE, node[i]) == AEG_OK;
    return good && aeg_cap_forge(CAP_SESSION, 0, AEG_RIGHT_ALL, &mine) == AEG_OK;
}

static void
range_close(void)
{
    aeg_frame_t was;
    uint64_t done;

    for (unsigned i = 0; i < (AREAS - 1) * ENTRIES; i++) {
        struct aeg_pte_op none = { base + i * PAGE, 0 };
        (void)!aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), &none, 1, &done);
    }
    for (unsigned i = 0; i < AREAS - 1; i++)
        (void)!aeg_pt_detach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), base + i * ENTRIES * PAGE, 1, &was);
    (void)!aeg_pt_detach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), base, 2, &was);
    (void)!aeg_pt_detach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), base, 3, &was);
    (void)!aeg_frame_free(CAP_SESSION, upper, 2, &done);
    (void)!aeg_frame_free(CAP_SESSION, node, AREAS - 1, &done);
    (void)!aeg_frame_free(CAP_SESSION, frame, FRAMES, &done);
    (void)!aeg_cap_drop(mine);
}

/* ---- the model ---- */

static aeg_err_t
expect_frame(uint64_t number, int by_mine)
{
    if (number == 0 || number >= AEG_INFO->frames.count)
        return AEG_ERR_FRAME;
    for (unsigned i = 0; i < FRAMES; i++)
        if (number == frame[i])
            return by_mine && !frame_mine[i] ? AEG_ERR_CAP_DENIED : AEG_OK;
    return AEG_ERR_FRAME_NODE;      /* the only others that are asked for */
}

static aeg_err_t
expect_entry(struct aeg_pte_op *op, int by_mine)
{
    uint64_t index = (op->va - base) / PAGE, was;
    aeg_err_t err = AEG_OK;

    if (op->va % PAGE != 0)
        return AEG_ERR_VA_ALIGN;
    if (op->va >= AEG_LIBRARY_TOP)
        return AEG_ERR_VA_RANGE;
    if ((op->pte & ~AEG_PTE_USER_BITS) || (!(op->pte & AEG_PTE_P) && (op->pte & AEG_PTE_ADDR)))
        return AEG_ERR_PTE_BITS;
    if (index / ENTRIES == AREAS - 1)
        return AEG_ERR_NO_NODE;
    if (by_mine && !node_mine[index / ENTRIES])
        return AEG_ERR_CAP_DENIED;
    if (op->pte & AEG_PTE_P)
        err = expect_frame((op->pte & AEG_PTE_ADDR) / PAGE, by_mine);
    if (err != AEG_OK)
        return err;
    was = model[index];
    model[index] = op->pte;
    op->pte = was;
    return AEG_OK;
}

static aeg_err_t
expect_vector(unsigned count, int by_mine, unsigned *done)
{
    for (*done = 0; *done < count; ++*done) {
        aeg_err_t err = *done == readable ? AEG_ERR_BAD_ADDRESS : expect_entry(&want[*done], by_mine);
        if (err != AEG_OK)
            return err;
    }
    return AEG_OK;
}

static uint64_t
entry_of(unsigned index)
{
    return *(volatile uint64_t *)(uintptr_t)aeg_window_entry(base + index * PAGE, 1);
}

static int
world_agrees(void)
{
    uint32_t refs[FRAMES] = { 0 };

    for (unsigned i = 0; i < (AREAS - 1) * ENTRIES; i++) {
        if (entry_of(i) != model[i])
            return 0;
        for (unsigned f = 0; f < FRAMES && (model[i] & AEG_PTE_P); f++)
            refs[f] += (model[i] & AEG_PTE_ADDR) / PAGE == frame[f];
    }
    for (unsigned f = 0; f < FRAMES; f++)
        if (census_frame(frame[f])->refs != refs[f])
            return 0;
    for (unsigned n = 0; n < AREAS - 1; n++) {
        uint32_t live = 0;
        for (unsigned i = 0; i < ENTRIES; i++)
            live += model[n * ENTRIES + i] & AEG_PTE_P;
        if (census_frame(node[n])->live != live)
            return 0;
    }
    return 1;
}

/* ---- vectors ---- */

/* Mostly right, mostly alike; `odd`: one of so many is not. */
static struct aeg_pte_op
random_entry(unsigned area, unsigned index, uint64_t flags, unsigned odd)
{
    struct aeg_pte_op op = { base + (area * ENTRIES + index % ENTRIES) * PAGE, frame[below(FRAMES)] * PAGE | flags };

    if (below(odd) != 0)
        return op;
    switch (below(12)) {
    case 0: op.va += 8 * (1 + below(511)); break;
    case 1: op.va = AEG_LIBRARY_TOP + below(4) * PAGE; break;
    case 2: op.va = base + below(AREAS * ENTRIES) * PAGE; break;
    case 3: op.pte = 0; break;
    case 4: op.pte = below(8) << 9; break;
    case 5: op.pte &= ~AEG_PTE_P; break;
    case 6: op.pte |= 1ull << (3 + below(2)); break;
    case 7: op.pte ^= AEG_PTE_W; break;
    case 8: op.pte ^= AEG_PTE_NX | below(16) << 59; break;
    case 9: op.pte = node[below(AREAS - 1)] * PAGE | flags; break;
    case 10: op.pte = (AEG_INFO->frames.count + below(3)) * PAGE | flags; break;
    default: op.pte = below(2) ? flags : AEG_PTE_ADDR | flags; break;
    }
    return op;
}

static void
clear_area(unsigned area)
{
    static struct aeg_pte_op none[ENTRIES];
    uint64_t done;

    for (unsigned i = 0; i < ENTRIES; i++) {
        none[i] = (struct aeg_pte_op){ base + (area * ENTRIES + i) * PAGE, 0 };
        model[area * ENTRIES + i] = 0;
    }
    (void)!aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), none, ENTRIES, &done);
}

/* What one call was allowed is another's name now. */
static void
change_hands(void)
{
    unsigned which = below(FRAMES), n = below(AREAS - 1);
    uint64_t done;

    frame_mine[which] = !frame_mine[which];
    (void)!aeg_frame_guard(CAP_SESSION, frame_mine[which] ? mine : CAP_SESSION, &frame[which], 1, &done);
    if (below(3) == 0) {
        node_mine[n] = !node_mine[n];
        (void)!aeg_frame_guard(CAP_SESSION, node_mine[n] ? mine : CAP_SESSION, &node[n], 1, &done);
    }
}

static int
round_agrees(void)
{
    static const uint64_t flag[] = { AEG_PTE_P | AEG_PTE_U, AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX,
                                     AEG_PTE_P | AEG_PTE_W | AEG_PTE_D | AEG_PTE_A | 5ull << 9 | 0x55ull << 52 };
    unsigned count = below(3) == 0 ? 1 : below(8) == 0 ? below(ENTRIES + 1) : below(20), area = below(AREAS - 1);
    unsigned first = below(ENTRIES), step = below(4) == 0 ? 1 + below(ENTRIES) : 1, odd = below(2) ? 1000 : 20, done_want;
    static int by_mine;
    uint64_t flags = flag[below(3)], done = 99;
    aeg_err_t err, err_want;

    if (below(6) == 0)
        by_mine = !by_mine;
    if (below(3) == 0)
        change_hands();
    if (below(6) == 0)
        clear_area(area);
    for (unsigned i = 0; i < count; i++) {
        want[i] = random_entry(area, first + i * step, flags, odd);
        if (i < readable)
            ops[i] = want[i];
    }
    err_want = expect_vector(count, by_mine, &done_want);
    err = aeg_pte_set(space, AEG_CAPS(CAP_SESSION, by_mine ? mine : CAP_SESSION), ops, count, &done);
    if (err == err_want && done == done_want && memcmp(ops, want, (count < readable ? count : readable) * sizeof(*ops)) == 0 && world_agrees())
        return 1;
    printf("# %u entries from %u, step %u, by %d: error %d, %llu done; the model says %d, %u\n", count, first, step, by_mine, err,
           (unsigned long long)done, err_want, done_want);
    return 0;
}

static void
rounds(const char *name)
{
    unsigned good = 0, tried = 0;

    while (tried < ROUNDS && good == tried) {
        tried++;
        good += round_agrees();
    }
    tap(good == ROUNDS, "%s: %u of %u vectors do what the model says", name, good, ROUNDS);
}

/* The vector's first 4 KiB can be used, what follows can be read, or not even that. */
static void
half_vectors(uint8_t *memory)
{
    ops = (struct aeg_pte_op *)(void *)(memory + PAGE) - 9;
    readable = 9;
    munmap(memory + PAGE, PAGE);
    rounds("the rest is not there");
}

static void
read_only_vectors(uint8_t *memory)
{
    struct aeg_pte_op *last = (struct aeg_pte_op *)(void *)(memory + PAGE);
    unsigned good = 0;

    clear_area(0);
    *last = (struct aeg_pte_op){ base + 100 * PAGE, frame[0] * PAGE | AEG_PTE_P | AEG_PTE_U };
    mprotect(last, PAGE, PROT_READ);
    for (unsigned count = 1; count < 8; count++) {
        uint64_t done = 99;
        aeg_err_t err;

        ops = last + 1 - count;
        for (unsigned i = 0; i + 1 < count; i++) {
            ops[i] = (struct aeg_pte_op){ base + (10 * count + i) * PAGE, frame[1 + i] * PAGE | AEG_PTE_P | AEG_PTE_U };
            model[10 * count + i] = ops[i].pte;
        }
        err = aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), ops, count, &done);
        good += err == AEG_ERR_BAD_ADDRESS && done == count - 1 && world_agrees();
    }
    tap(good == 7, "an old entry that cannot be written back is not replaced (%u of 7)", good);
}

int
main(void)
{
    struct census before;
    uint8_t *memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    space = census_self()->space;
    account = census_account()->id;
    printf("1..%d\n", POINTS);
    memset(memory, 0, 4 * PAGE);
    memset(want, 0, sizeof(want));  /* so that no page comes in the middle */
    memset(model, 0, sizeof(model));
    clear_area(AREAS - 1);
    before = census_take();
    tap(range_open(), "a range is made");
    ops = (struct aeg_pte_op *)(void *)memory;
    readable = ENTRIES + 1;
    rounds("whole vectors");
    ops = (struct aeg_pte_op *)(void *)(memory + 3);
    rounds("vectors at odd addresses");
    read_only_vectors(memory + 2 * PAGE);
    range_close();
    tap_census("after random vectors", &before);
    if (!range_open())
        return 1;
    memset(model, 0, sizeof(model));
    memset(frame_mine, 0, sizeof(frame_mine));
    memset(node_mine, 0, sizeof(node_mine));
    half_vectors(memory);
    range_close();
    return 0;
}
