/* ipc_select.c: Linux calls select and pselect6. */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "base/mem.h"
#include "ipc/ipc.h"

#define SET_WORDS (FD_MAX / 64)
#define SET_COUNT 3

/* What each of the three sets asks for and answers to: Linux fs/select.c. */
static const uint32_t set_events[SET_COUNT] = {
    READY_IN | READY_RDNORM | READY_RDBAND | READY_HUP | READY_ERR,
    READY_OUT | READY_WRNORM | READY_WRBAND | READY_ERR,
    READY_PRI,
};

struct select_state {
    uint64_t set[SET_COUNT][SET_WORDS];
    int *fd;
    struct poll_item *item;
    unsigned count;
};

static bool
bit_test(const uint64_t *set, unsigned fd)
{
    return (set[fd / 64] >> (fd % 64)) & 1;
}

static int
sets_in(struct select_state *s, const uint64_t *user, unsigned n)
{
    for (unsigned i = 0; i < SET_COUNT; i++) {
        if (user[i] != 0 && user_copy_in(s->set[i], user[i], (n + 63) / 64 * 8) != 0)
            return -EFAULT;
    }
    return 0;
}

static int
sets_out(struct select_state *s, const uint64_t *user, unsigned n)
{
    for (unsigned i = 0; i < SET_COUNT; i++) {
        if (user[i] != 0 && user_copy_out(user[i], s->set[i], (n + 63) / 64 * 8) != 0)
            return -EFAULT;
    }
    return 0;
}

/* A reference to every file that a set names. */
static int
items_open(struct select_state *s, unsigned n)
{
    for (unsigned fd = 0; fd < n; fd++) {
        uint32_t want = 0;

        for (unsigned i = 0; i < SET_COUNT; i++)
            want |= bit_test(s->set[i], fd) ? set_events[i] : 0;
        if (want == 0)
            continue;
        s->item[s->count] = (struct poll_item){ .file = fd_get((int)fd), .want = want };
        if (s->item[s->count].file == NULL)
            return -EBADF;
        s->fd[s->count++] = (int)fd;
    }
    return 0;
}

/* Leaves in the sets what is ready of what they asked for. How many bits that is. */
static long
sets_answer(struct select_state *s)
{
    uint64_t asked[SET_COUNT][SET_WORDS];
    long bits = 0;

    memcpy(asked, s->set, sizeof(asked));
    memset(s->set, 0, sizeof(s->set));
    for (unsigned k = 0; k < s->count; k++) {
        unsigned fd = (unsigned)s->fd[k];

        for (unsigned i = 0; i < SET_COUNT; i++) {
            if (bit_test(asked[i], fd) && (s->item[k].got & set_events[i]) != 0) {
                s->set[i][fd / 64] |= 1ull << (fd % 64);
                bits++;
            }
        }
    }
    return bits;
}

static long
select_run(struct select_state *s, const uint64_t *user, unsigned n, uint64_t deadline_ns)
{
    long r = sets_in(s, user, n);

    if (r == 0)
        r = items_open(s, n);
    if (r == 0)
        r = poll_items(s->item, s->count, deadline_ns);
    for (unsigned i = 0; i < s->count; i++)
        file_put(s->item[i].file);
    if (r < 0)
        return r;
    r = sets_answer(s);
    return sets_out(s, user, n) != 0 ? -EFAULT : r;
}

static long
select_call(int64_t n, const uint64_t *user, uint64_t deadline_ns)
{
    struct select_state s = { .count = 0 };
    long r = -ENOMEM;

    if (n < 0)
        return -EINVAL;
    n = MIN(n, (int64_t)FD_MAX);
    s.fd = heap_alloc((size_t)MAX(n, 1) * sizeof(s.fd[0]));
    s.item = heap_alloc((size_t)MAX(n, 1) * sizeof(s.item[0]));
    if (s.fd != NULL && s.item != NULL)
        r = select_run(&s, user, (unsigned)n, deadline_ns);
    heap_free(s.fd);
    heap_free(s.item);
    return r;
}

LX(select)
{
    uint64_t deadline_ns;
    int err = deadline_from_user(args->a[4], 1000, &deadline_ns);
    long r;

    if (err != 0)
        return err;
    r = select_call((int32_t)args->a[0], &args->a[1], deadline_ns);
    deadline_to_user(args->a[4], 1000, deadline_ns);
    return r;
}

LX(pselect6)
{
    struct { uint64_t mask, size; } sig = { 0, 0 };
    uint64_t deadline_ns;
    int err = deadline_from_user(args->a[4], 1, &deadline_ns);
    long r;

    if (err == 0 && args->a[5] != 0)
        err = user_copy_in(&sig, args->a[5], sizeof(sig));
    if (err == 0)
        err = mask_swap(sig.mask, sig.size);
    if (err != 0)
        return err;
    r = mask_restore(sig.mask, select_call((int32_t)args->a[0], &args->a[1], deadline_ns));
    deadline_to_user(args->a[4], 1, deadline_ns);
    return r;
}
