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
    return (uintptr_t)fs_current();
}

static bool
conflicts(const struct lock_request *a, const struct lock_request *b)
{
    return a->owner != b->owner && a->whole_file == b->whole_file && a->start <= b->end && b->start <= a->end &&
           (a->type == LOCK_TYPE_WRITE || b->type == LOCK_TYPE_WRITE);
}

static struct record_lock *
find_conflict(struct inode *i, const struct lock_request *r)
{
    struct record_lock *l = i->locks;

    while (l != NULL && !conflicts(&l->r, r))
        l = l->next;
    return l;
}

static void
add(struct inode *i, struct record_lock **spare, const struct lock_request *r)
{
    struct record_lock *l = *spare;

    *spare = NULL;
    l->r = *r;
    l->next = i->locks;
    i->locks = l;
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
}

int
lock_set(struct inode *i, const struct lock_request *r, bool wait)
{
    struct record_lock *one = heap_alloc(sizeof(*one)), *two = heap_alloc(sizeof(*two));
    int err = one == NULL || two == NULL ? -ENOLCK : 0;

    lock_acquire(&icache_lock);
    while (err == 0 && r->type != LOCK_TYPE_NONE && find_conflict(i, r) != NULL)
        err = wait ? wait_sleep(&i->lock_wq, &icache_lock, DEADLINE_NEVER, WAIT_INTR) : -EAGAIN;
    if (err == 0) {
        carve(i, r, &one);
        if (r->type != LOCK_TYPE_NONE)
            add(i, &two, r);
        wake_all(&i->lock_wq);
    }
    lock_release(&icache_lock);
    heap_free(one);
    heap_free(two);
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
