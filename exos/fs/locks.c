/*
 * locks.c: advisory locks: fcntl's record locks, owned by a process, and flock's, owned by an open file (owner is an address that
 * tells them apart; the two kinds do not see each other).
 *
 * Locks:    icache_lock, for the lists are short and the calls rare.
 */
#include "base/mem.h"
#include "fs/inode.h"
#include "fs/locks.h"

struct record_lock {
    struct record_lock *next;
    struct lock_request r;
};

uint64_t
lock_owner_current(void)
{
    return (uintptr_t)fs_current()->fds;
}

static bool
conflicts(const struct lock_request *a, const struct lock_request *b)
{
    return a->owner != b->owner && a->whole_file == b->whole_file && a->start <= b->end && b->start <= a->end &&
           (a->type == LOCK_TYPE_WRITE || b->type == LOCK_TYPE_WRITE);
}

/* The first in the file that is in r's way. */
static struct record_lock *
find_conflict(const struct inode *i, const struct lock_request *r)
{
    struct record_lock *found = NULL;

    for (struct record_lock *l = i->locks; l != NULL; l = l->next) {
        if (conflicts(&l->r, r) && (found == NULL || l->r.start < found->r.start))
            found = l;
    }
    return found;
}

/* ---- who waits for whom: processes with record locks ---- */

#define DEADLOCK_HOPS_MAX 16            /* longer circles are waited in, as in Linux */

struct waiter {
    struct list link;
    const struct inode *inode;
    struct lock_request r;
};
static struct list waiters = { &waiters, &waiters };

static const struct waiter *
waits(uint64_t owner)
{
    list_for(l, &waiters) {
        const struct waiter *w = container_of(l, struct waiter, link);

        if (w->r.owner == owner)
            return w;
    }
    return NULL;
}

/* Would the owner of r wait for itself in the end? */
static bool
deadlocks(const struct inode *i, const struct lock_request *r)
{
    const struct lock_request *want = r;

    for (int hops = 0; hops < DEADLOCK_HOPS_MAX; hops++) {
        const struct record_lock *l = find_conflict(i, want);
        const struct waiter *w = l != NULL ? waits(l->r.owner) : NULL;

        if (w == NULL)
            return false;
        if (l->r.owner == r->owner)
            return true;
        i = w->inode;
        want = &w->r;
        l = find_conflict(i, want);
        if (l != NULL && l->r.owner == r->owner)
            return true;
    }
    return false;
}

/* Sleeps until some lock of the inode has gone. icache_lock is held, and dropped meanwhile. w: memory for who waits. */
static int
await(struct inode *i, const struct lock_request *r, struct waiter *w)
{
    int err;

    if (r->of_process && deadlocks(i, r))
        return -EDEADLK;
    *w = (struct waiter){ .inode = i, .r = *r };
    list_init(&w->link);
    if (r->of_process)
        list_push_tail(&waiters, &w->link);
    err = wait_sleep(&i->lock_wq, &icache_lock, DEADLINE_NEVER, WAIT_INTR);
    list_remove(&w->link);
    return err;
}

static void
add(struct inode *i, struct record_lock **spare, const struct lock_request *r)
{
    struct record_lock *l = *spare;

    *spare = NULL;
    l->r = *r;
    l->next = i->locks;
    i->locks = l;
    i->attention |= ATTEND_LOCKS;
}

/* Takes r's range out of what its owner holds. Splitting one lock uses *spare. */
static void
carve(struct inode *i, const struct lock_request *r, struct record_lock **spare)
{
    struct record_lock **link = &i->locks;

    while (*link != NULL) {
        struct record_lock *l = *link;
        struct lock_request tail = l->r;

        if (l->r.owner != r->owner || l->r.whole_file != r->whole_file || l->r.start > r->end || l->r.end < r->start) {
            link = &l->next;
            continue;
        }
        if (l->r.start >= r->start && l->r.end <= r->end) {
            *link = l->next;
            heap_free(l);
            continue;
        }
        if (l->r.start < r->start) {
            l->r.end = r->start - 1;
            tail.start = r->end + 1;
            if (tail.end > r->end && *spare != NULL)
                add(i, spare, &tail);
        } else {
            l->r.start = r->end + 1;
        }
        link = &l->next;
    }
    if (i->locks == NULL)
        i->attention &= (uint8_t)~ATTEND_LOCKS;
}

int
lock_set(struct inode *i, const struct lock_request *r, bool wait)
{
    struct record_lock *one = heap_alloc(sizeof(*one)), *two = heap_alloc(sizeof(*two));
    struct waiter *w = wait ? heap_alloc(sizeof(*w)) : NULL;
    int err = one == NULL || two == NULL || (wait && w == NULL) ? -ENOLCK : 0;

    lock_acquire(&icache_lock);
    while (err == 0 && r->type != LOCK_TYPE_NONE && find_conflict(i, r) != NULL)
        err = wait ? await(i, r, w) : -EAGAIN;
    if (err == 0) {
        carve(i, r, &one);
        if (r->type != LOCK_TYPE_NONE)
            add(i, &two, r);
        wake_all(&i->lock_wq);
    }
    lock_release(&icache_lock);
    heap_free(one);
    heap_free(two);
    heap_free(w);
    return err;
}

void
lock_test(struct inode *i, struct lock_request *r)
{
    struct record_lock *l;

    lock_acquire(&icache_lock);
    l = find_conflict(i, r);
    if (l != NULL)
        *r = l->r;
    else
        r->type = LOCK_TYPE_NONE;
    lock_release(&icache_lock);
}

void
lock_drop_owner(struct inode *i, uint64_t owner)
{
    struct lock_request all = { .type = LOCK_TYPE_NONE, .end = UINT64_MAX, .owner = owner };
    struct record_lock *none = NULL;

    lock_acquire(&icache_lock);
    carve(i, &all, &none);
    all.whole_file = true;
    carve(i, &all, &none);
    wake_all(&i->lock_wq);
    lock_release(&icache_lock);
}
