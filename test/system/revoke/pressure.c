/*
 * pressure.c: memory runs short. A guarantee holds; an account that ignores what it is asked loses exactly that, and can see it; ExOS gives
 * clean cache and goes on.
 *
 * The accounts are carved out of the session's. Their frames are this program's to map, but their own to pay for.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../census/census.h"

#define POINTS 15
#define VA (100ull << 39)               /* a PML4 slot that ExOS leaves alone */
#define FRAMES_MAX 16384
#define LEFT_UNBOUND 50
#define FILE_BYTES (20u << 20)
#define FILE_NAME "/big"
#define PAGE 4096
#define BATCH 16

static aeg_id_t space;
static uint64_t list[FRAMES_MAX];
static uint64_t count;                  /* frames in the list */

static const volatile struct aeg_account_info *
account_info(aeg_id_t id)
{
    return aeg_info_entry(&AEG_INFO->accounts, AEG_ID_INDEX(id));
}

static aeg_id_t
account_open(uint64_t guarantee)
{
    struct aeg_limits limits = { .guarantee = { guarantee } };
    aeg_id_t id = 0;

    limits.limit[AEG_KIND_FRAME] = census_account()->limits.limit[AEG_KIND_FRAME];
    (void)!aeg_account_create(census_account()->id, CAP_SESSION, CAP_SESSION, &limits, &id);
    return id;
}

static aeg_err_t
account_close(aeg_id_t id)
{
    aeg_err_t err;

    do
        err = aeg_account_end(id, CAP_SESSION);
    while (err == AEG_ERR_AGAIN);
    return err;
}

/* Frames for an account, into the list; the last error. */
static aeg_err_t
take(aeg_id_t id, uint64_t wanted)
{
    uint64_t frames[BATCH], done, until = count + wanted;
    aeg_err_t err = AEG_OK;

    while (count < until && count + BATCH <= FRAMES_MAX && (err == AEG_OK || err == AEG_ERR_AGAIN)) {
        memset(frames, 0, sizeof(frames));
        err = aeg_frame_alloc(id, CAP_SESSION, CAP_SESSION, until - count < BATCH ? until - count : BATCH, frames, &done);
        for (uint64_t i = 0; i < done; i++)
            list[count++] = frames[i] & ~AEG_FRAME_ZERO;
    }
    return err;
}

static void
pause_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&t, NULL);
}

/* ---- guarantees ---- */

static void
guarantees(void)
{
    aeg_id_t sure = account_open(100), greedy = account_open(0);
    aeg_err_t err;

    count = 0;
    err = take(greedy, FRAMES_MAX);
    tap(err == AEG_ERR_NOMEM || err == AEG_ERR_LIMIT, "an account takes all that nobody was promised (%llu frames)", (unsigned long long)count);
    count = 0;
    tap(take(sure, 100) == AEG_OK, "who was guaranteed frames has them");
    tap(take(sure, 1) != AEG_OK, "and no more");
    tap(account_close(greedy) == AEG_OK && account_close(sure) == AEG_OK, "both accounts end with all they paid for");
}

/* ---- force ---- */

static void
add_node(uint64_t va, unsigned level, uint64_t frame)
{
    (void)!aeg_pt_attach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), va & ~((1ull << (12 + 9 * level)) - 1), level | AEG_ATTACH_WRITE, frame);
}

/* Maps `pages` of the list, in its order; nodes come from the end of it. */
static void
map_list(uint64_t pages)
{
    add_node(VA, 3, list[--count]);
    for (uint64_t i = 0; i < pages; i++) {
        struct aeg_pte_op op = { VA + i * PAGE, list[i] << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_NX };
        uint64_t done;

        if (i % (512 * 512) == 0)
            add_node(op.va, 2, list[--count]);
        if (i % 512 == 0)
            add_node(op.va, 1, list[--count]);
        (void)!aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), &op, 1, &done);
    }
}

static int
is_mapped(uint64_t page)
{
    return *(const volatile uint64_t *)(uintptr_t)aeg_window_entry(VA + page * PAGE, 1) & AEG_PTE_P;
}

static int
was_taken(const volatile struct aeg_repossession *vector, uint64_t frame)
{
    for (uint64_t i = 0; i < vector->taken && i < AEG_REPOSSESSED_MAX; i++)
        if (vector->frame[i] == frame)
            return 1;
    return 0;
}

/* The pages that are no longer mapped are those that the vector names, and no others. */
static int
losses_agree(const volatile struct aeg_repossession *vector, uint64_t pages)
{
    uint64_t gone = 0;

    for (uint64_t i = 0; i < pages; i++) {
        if (is_mapped(i) == was_taken(vector, list[i]))
            return 0;
        gone += !is_mapped(i);
    }
    return gone > 0;
}

static void
unmap_list(uint64_t pages)
{
    uint64_t done;

    for (uint64_t i = 0; i < pages; i++) {
        struct aeg_pte_op op = { VA + i * PAGE, 0 };
        (void)!aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), &op, 1, &done);
    }
    for (uint64_t i = 0; i < pages; i += 512)
        (void)!aeg_pt_detach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), VA + i * PAGE, 1, &done);
    for (unsigned level = 2; level <= 3; level++)
        (void)!aeg_pt_detach(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), VA, level, &done);
}

static uint8_t vector_page[PAGE] __attribute__((aligned(PAGE)));

static uint64_t
frame_of(const void *p)
{
    return (*(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uintptr_t)p, 1) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

static void
force(void)
{
    const volatile struct aeg_repossession *vector = (void *)vector_page;
    aeg_id_t hog = account_open(0), poor = account_open(0);
    uint64_t pages, mine, asked = 0;
    aeg_err_t err;

    vector_page[0] = 1;                 /* there is a frame behind it now */
    err = aeg_revoke_bind(hog, AEG_CAPS(CAP_SESSION, CAP_SESSION), census_uenv()->env_id, frame_of(vector_page));
    tap(err == AEG_OK && vector->taken == 0, "we answer for an account (error %d)", err);
    count = 0;
    (void)!take(hog, FRAMES_MAX);
    pages = count - LEFT_UNBOUND;
    map_list(pages);
    mine = account_info(hog)->used[AEG_KIND_FRAME];
    for (unsigned i = 0; i < 50 && asked == 0; i++) {
        uint64_t had = count;
        err = take(poor, 8);
        count = had;
        asked = account_info(hog)->asked;
    }
    tap(asked > LEFT_UNBOUND && (err == AEG_ERR_NOMEM || err == AEG_ERR_LIMIT), "somebody else finds nothing, and the account is asked for %llu frames", (unsigned long long)asked);
    tap((census_uenv()->notify & AEG_NOTIFY_REVOKE) != 0, "we are told");
    while (account_info(hog)->asked != 0) {
        uint64_t had = count;
        pause_ms(20);
        (void)!take(poor, 8);
        count = had;
    }
    tap(account_info(hog)->repossessed == asked, "ignored, it loses what was asked (%llu)", (unsigned long long)account_info(hog)->repossessed);
    tap(account_info(hog)->used[AEG_KIND_FRAME] == mine - asked, "and nothing else");
    tap(vector->taken == asked && losses_agree(vector, pages), "the vector names the pages that are gone");
    unmap_list(pages);
    tap(account_close(hog) == AEG_OK && account_close(poor) == AEG_OK, "both accounts end");
}

/* ---- ExOS gives ---- */

static int
file_moves(int fd, int writes)
{
    static uint8_t block[PAGE];

    for (uint32_t at = 0; at < FILE_BYTES; at += PAGE) {
        memset(block, writes ? (int)(at / PAGE) : 0, PAGE);
        if ((writes ? pwrite(fd, block, PAGE, at) : pread(fd, block, PAGE, at)) != PAGE)
            return 0;
        if (block[0] != (uint8_t)(at / PAGE) || block[PAGE - 1] != block[0])
            return 0;
    }
    return !writes || fsync(fd) == 0;
}

static void
library_gives(void)
{
    const volatile struct aeg_account_info *session = census_account();
    aeg_id_t poor = account_open(session->limits.guarantee[AEG_KIND_FRAME] - session->used[AEG_KIND_FRAME] - 500);
    int fd = open(FILE_NAME, O_RDWR | O_CREAT, 0600);
    uint64_t asked = 0, own;
    aeg_err_t err;

    tap(poor != 0 && fd >= 0 && file_moves(fd, 1) && file_moves(fd, 0), "a file fills the cache");
    own = session->used[AEG_KIND_FRAME];
    count = 0;
    for (unsigned i = 0; i < 200 && asked == 0; i++) {
        err = take(poor, 64);
        asked = session->asked;
    }
    for (unsigned i = 0; i < 20 && session->used[AEG_KIND_FRAME] - account_info(poor)->used[AEG_KIND_FRAME] + asked > own; i++)
        pause_ms(20);
    err = take(poor, 16);
    tap(asked > 0 && err == AEG_OK && session->repossessed == 0, "the session gives the %llu frames that it is asked for", (unsigned long long)asked);
    tap(file_moves(fd, 0), "and goes on: the file is what it was");
    close(fd);
    unlink(FILE_NAME);
    tap(account_close(poor) == AEG_OK, "the end");
}

int
main(void)
{
    space = census_self()->space;
    memset(list, 0, sizeof(list));
    printf("1..%d\n", POINTS);
    guarantees();
    force();
    library_gives();
    return 0;
}
