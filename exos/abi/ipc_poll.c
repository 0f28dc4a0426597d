/* ipc_poll.c: Linux calls poll and ppoll. */
#include "abi/ipc_wait.h"
#include "abi/linux.h"
#include "base/mem.h"
#include "ipc/ipc.h"

#define POLL_SMALL 16u          /* descriptors that need no allocation */

struct lx_pollfd {
    int32_t fd;
    int16_t events;
    int16_t revents;
};
_Static_assert(sizeof(struct lx_pollfd) == 8, "Linux include/uapi/asm-generic/poll.h");

/* Files for the descriptors; returns how many descriptors are bad, which makes the call return at once. */
static unsigned
open_items(struct lx_pollfd *pfd, struct poll_item *items, unsigned n)
{
    unsigned bad = 0;

    for (unsigned i = 0; i < n; i++) {
        items[i] = (struct poll_item){ .file = pfd[i].fd < 0 ? NULL : fd_get(pfd[i].fd), .want = (uint16_t)pfd[i].events };
        pfd[i].revents = 0;
        if (pfd[i].fd >= 0 && items[i].file == NULL) {
            pfd[i].revents = READY_NVAL;
            bad++;
        }
    }
    return bad;
}

static long
poll_run(struct lx_pollfd *pfd, struct poll_item *items, unsigned n, uint64_t deadline_ns)
{
    unsigned bad = open_items(pfd, items, n);
    long ready = poll_items(items, n, bad > 0 ? 0 : deadline_ns);

    for (unsigned i = 0; i < n; i++) {
        if (items[i].file == NULL)
            continue;
        pfd[i].revents = (int16_t)items[i].got;
        file_put(items[i].file);
    }
    return ready < 0 ? ready : ready + bad;
}

static long
poll_user(uva_t user, struct lx_pollfd *pfd, struct poll_item *items, unsigned n, uint64_t deadline_ns)
{
    long ready;

    if (user_copy_in(pfd, user, n * sizeof(*pfd)) != 0)
        return -EFAULT;
    ready = poll_run(pfd, items, n, deadline_ns);
    if (ready >= 0 && user_copy_out(user, pfd, n * sizeof(*pfd)) != 0)
        return -EFAULT;
    return ready;
}

static long
poll_call(uva_t user, uint64_t n, uint64_t deadline_ns)
{
    struct lx_pollfd small[POLL_SMALL], *pfd = small;
    struct poll_item small_items[POLL_SMALL], *items = small_items;
    long ready;

    if (n > FD_MAX)
        return -EINVAL;
    if (n <= POLL_SMALL)
        return poll_user(user, small, small_items, (unsigned)n, deadline_ns);
    pfd = heap_alloc(n * sizeof(*pfd));
    items = heap_alloc(n * sizeof(*items));
    ready = pfd != NULL && items != NULL ? poll_user(user, pfd, items, (unsigned)n, deadline_ns) : -ENOMEM;
    if (pfd != NULL)
        heap_free(pfd);
    if (items != NULL)
        heap_free(items);
    return ready;
}

LX(poll)
{
    return poll_call(args->a[0], (uint32_t)args->a[1], deadline_from_ms((int32_t)args->a[2]));
}

LX(ppoll)
{
    uint64_t deadline_ns;
    long ready;
    int err = deadline_from_user(args->a[2], 1, &deadline_ns);

    if (err == 0)
        err = mask_swap(args->a[3], args->a[4]);
    if (err != 0)
        return err;
    ready = mask_restore(args->a[3], poll_call(args->a[0], (uint32_t)args->a[1], deadline_ns));
    deadline_to_user(args->a[2], 1, deadline_ns);
    return ready;
}
