/*
 * large.c: 2 MiB and 1 GiB entries on the machine: set, joined, split, copied. What is written through one size is read through another.
 */
#include <stdlib.h>

#include "../census/census.h"

#define POINTS 13
#define PAGE 4096ull
#define SIZE_2M (512 * PAGE)
#define SIZE_1G (512 * SIZE_2M)
#define FRAMES_1G (SIZE_1G / PAGE)
#define BASE (100ull << 39)         /* a PML4 slot that ExOS leaves alone: 1 GiB here, copies in the next */
#define COPY (BASE + SIZE_1G)
#define RW (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX)
#define BOTH AEG_CAPS(CAP_SESSION, CAP_SESSION)

static aeg_id_t space, account;
static aeg_frame_t upper, pieces, copies;   /* the PDPT, and the PDs of both GiB */
static struct aeg_pte_op ops[AEG_VECTOR_MAX];
static uint64_t wish[AEG_VECTOR_MAX];

static aeg_frame_t
frame_new(void)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    return aeg_frame_alloc(account, CAP_SESSION, CAP_SESSION, 1, &frame, &done) == AEG_OK ? frame & ~AEG_FRAME_ZERO : 0;
}

/* The first frame of a free GiB of memory; 0: none. */
static aeg_frame_t
find_run(void)
{
    for (aeg_frame_t first = FRAMES_1G; first + FRAMES_1G <= AEG_INFO->frames.count; first += FRAMES_1G) {
        uint64_t n = 0;
        while (n < FRAMES_1G && census_frame(first + n)->type == AEG_FRAME_FREE)
            n++;
        if (n == FRAMES_1G)
            return first;
        printf("# frame %llx of %llx is not free\n", (unsigned long long)(first + n), (unsigned long long)first);
    }
    return 0;
}

/* Takes or gives back all frames of the run; how many. */
static uint64_t
run_take(aeg_frame_t first)
{
    uint64_t have = 0, done;
    aeg_err_t err = AEG_OK;

    while (have < FRAMES_1G && (err == AEG_OK || err == AEG_ERR_AGAIN)) {
        for (unsigned i = 0; i < AEG_VECTOR_MAX; i++)
            wish[i] = first + have + i;
        err = aeg_frame_alloc(account, CAP_SESSION, CAP_SESSION, AEG_VECTOR_MAX - have % AEG_VECTOR_MAX, wish, &done);
        have += done;
    }
    if (have < FRAMES_1G)
        printf("# frame_alloc: error %u after %llu\n", err, (unsigned long long)have);
    return have;
}

static uint64_t
run_give(aeg_frame_t first)
{
    uint64_t given = 0, done;

    for (; given < FRAMES_1G; given += done) {
        for (unsigned i = 0; i < AEG_VECTOR_MAX; i++)
            wish[i] = first + given + i;
        if (aeg_frame_free(CAP_SESSION, wish, AEG_VECTOR_MAX, &done) != AEG_OK)
            break;
    }
    return given;
}

static aeg_err_t
set(uint64_t va, uint64_t pte)
{
    struct aeg_pte_op op = { va, pte };
    uint64_t done;

    return aeg_pte_set(space, BOTH, &op, 1, &done);
}

/* The 512 large pages from va on are the run's, or nothing; -1, or the calls that it took. */
static int
set_pieces(uint64_t va, aeg_frame_t first)
{
    uint64_t have = 0, done;
    aeg_err_t err;
    int calls = 0;

    for (unsigned i = 0; i < 512; i++)
        ops[i] = (struct aeg_pte_op){ (va + i * SIZE_2M) | 1, first ? (first + i * 512) * PAGE | RW : 0 };
    do {
        err = aeg_pte_set(space, BOTH, ops + have, 512 - have, &done);
        have += done;
        calls++;
    } while (err == AEG_ERR_AGAIN);
    return err == AEG_OK && have == 512 ? calls : -1;
}

static volatile uint64_t *
word(uint64_t va)
{
    return (volatile uint64_t *)(uintptr_t)va;
}

/* A word in every 2 MiB, each in another page of it. */
static void
write_words(uint64_t va, uint64_t salt)
{
    for (uint64_t i = 0; i < 512; i++)
        *word(va + i * SIZE_2M + i * PAGE) = i * 0x9e3779b97f4a7c15ull + salt;
}

static int
words_are(uint64_t va, uint64_t salt)
{
    unsigned right = 0;

    for (uint64_t i = 0; i < 512; i++)
        right += *word(va + i * SIZE_2M + i * PAGE) == i * 0x9e3779b97f4a7c15ull + salt;
    return right == 512;
}

static int
run_has_refs(aeg_frame_t first, uint32_t refs)
{
    for (uint64_t i = 0; i < FRAMES_1G; i++)
        if (census_frame(first + i)->refs != refs)
            return 0;
    return 1;
}

static int
nodes_hang(void)
{
    upper = frame_new();
    pieces = frame_new();
    copies = frame_new();
    return aeg_pt_attach(space, BOTH, BASE, 3 | AEG_ATTACH_WRITE, upper) == AEG_OK &&
           aeg_pt_attach(space, BOTH, BASE, 2 | AEG_ATTACH_WRITE, pieces) == AEG_OK &&
           aeg_pt_attach(space, BOTH, COPY, 2 | AEG_ATTACH_WRITE, copies) == AEG_OK;
}

static int
nodes_go(void)
{
    uint64_t list[3] = { upper, pieces, copies }, done;
    aeg_frame_t was;

    return aeg_pt_detach(space, BOTH, COPY, 2, &was) == AEG_OK && aeg_pt_detach(space, BOTH, BASE, 2, &was) == AEG_OK &&
           aeg_pt_detach(space, BOTH, BASE, 3, &was) == AEG_OK && aeg_frame_free(CAP_SESSION, list, 3, &done) == AEG_OK;
}

/* The GiB as one entry, seen beside it as copies of 2 MiB. */
static void
as_one(aeg_frame_t first)
{
    struct aeg_pte_range range = { .src_va = BASE, .dst_va = COPY, .pages = FRAMES_1G };
    uint64_t done;
    aeg_err_t err;
    int calls = 1;

    tap(set(BASE | 2, first * PAGE | RW) == AEG_OK && (*word(aeg_window_entry(BASE, 3)) & AEG_PTE_PS), "they become one entry of 1 GiB");
    tap(words_are(BASE, 1) && run_has_refs(first, 1), "it shows the same memory, bound once");
    write_words(BASE, 2);
    while ((err = aeg_pte_copy(space, CAP_SESSION, space, CAP_SESSION, &range, 1, &done)) == AEG_ERR_AGAIN)
        calls++;
    tap(err == AEG_OK && run_has_refs(first, 2), "it is copied in pieces, by %d calls", calls);
    tap(words_are(COPY, 2), "the copy shows what was written through it");
    tap(set_pieces(COPY, 0) > 0 && run_has_refs(first, 1), "the copy goes");
    tap(set(BASE | 2, 0) == AEG_ERR_NODE_TAKEN, "the entry itself has to be split first");
}

int
main(void)
{
    struct census before;
    aeg_frame_t first;
    int calls;

    setvbuf(stdout, NULL, _IONBF, 0);
    printf("1..%d\n", POINTS);
    space = census_self()->space;
    account = census_account()->id;
    memset(ops, 1, sizeof(ops));        /* touched, so that the program's own memory does not grow from here on */
    memset(wish, 1, sizeof(wish));
    before = census_take();
    first = find_run();
    tap(first != 0 && run_take(first) == FRAMES_1G, "a GiB of memory from frame %llx", (unsigned long long)first);
    if (first == 0)
        return 1;
    tap(nodes_hang(), "nodes for it");
    calls = set_pieces(BASE, first);
    tap(calls > 0 && run_has_refs(first, 1), "512 entries of 2 MiB, by %d calls", calls);
    write_words(BASE, 1);
    as_one(first);
    tap(aeg_pt_attach(space, BOTH, BASE, 2 | AEG_ATTACH_WRITE | AEG_ATTACH_SPLIT, pieces) == AEG_OK && words_are(BASE, 2),
        "split, it shows the same memory");
    tap(set_pieces(BASE, 0) > 0 && run_has_refs(first, 0), "the pieces go");
    tap(nodes_go() && run_give(first) == FRAMES_1G, "nodes and memory go");
    tap_census("after all of them", &before);
    return 0;
}
