/*
 * notify.c: what happens to files reaches those who watch them or the directories they are in.
 *
 * Holds:    a file that has lost its last name in a watched directory remembers it (struct lost_name): those who have it open go on
 *           being told of.
 * Locks:    icache_lock, around those and the watches.
 * Not here: queues of events and their readers (inotify.c).
 */
#include "fs/notify.h"

#include "base/mem.h"

struct lost_name {
    struct list link;                   /* in lost_names */
    struct inode *inode;                /* it has ATTEND_LOST */
    struct inode *dir;                  /* referenced */
    size_t len;
    char name[];
};

static struct list lost_names = { &lost_names, &lost_names };

void
notify_watch(struct notify_watch *w, struct inode *i)
{
    inode_get_quiet(i);
    w->inode = i;
    w->next = i->watches;
    i->watches = w;
    i->attention |= ATTEND_WATCHED;
    if (inode_is(i, S_IFDIR))
        names_attend(i);
}

void
notify_unwatch(struct notify_watch *w)
{
    struct notify_watch **link = &w->inode->watches;

    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
}

/* ---- telling. icache_lock held ---- */

/* The references of watches that have had their one event go to the caller: inode_put_quiet(), `*over` times. */
static void
tell_all(struct inode *i, const struct notify_event *e, bool unlinked, unsigned *over)
{
    struct notify_watch *w, *next;

    for (w = i->watches; w != NULL; w = next) {
        next = w->next;
        if (!(w->mask & e->mask & IN_ALL_EVENTS) || (unlinked && (w->mask & IN_EXCL_UNLINK)))
            continue;
        w->tell(w, e);
        if (w->mask & IN_ONESHOT) {
            w->tell(w, &(struct notify_event){ .mask = IN_IGNORED });
            (*over)++;
        }
    }
}

static void
put_all(struct inode *i, unsigned references)
{
    while (references-- > 0)
        inode_put_quiet(i);
}

static uint32_t
type_bit(const struct inode *i)
{
    return inode_is(i, S_IFDIR) ? IN_ISDIR : 0;
}

void
notify_self(struct inode *i, uint32_t mask)
{
    struct notify_event e = { .mask = mask | (mask & IN_MOVE_SELF ? 0 : type_bit(i)) };
    unsigned over = 0;

    if (i->watches == NULL)
        return;
    lock_acquire(&icache_lock);
    tell_all(i, &e, false, &over);
    lock_release(&icache_lock);
    put_all(i, over);
}

void
notify_name(struct inode *dir, uint32_t mask, const char *name, size_t len, const struct inode *is, uint32_t cookie)
{
    struct notify_event e = { .mask = mask | type_bit(is), .cookie = cookie, .name = name, .len = len };
    unsigned over = 0;

    if (dir->watches == NULL)
        return;
    lock_acquire(&icache_lock);
    tell_all(dir, &e, false, &over);
    lock_release(&icache_lock);
    put_all(dir, over);
}

static struct lost_name *
lost_name_of(const struct inode *i)
{
    list_for(l, &lost_names) {
        struct lost_name *n = container_of(l, struct lost_name, link);

        if (n->inode == i)
            return n;
    }
    return NULL;
}

/* The directory that names i, and the name; NULL: none that is known. */
static struct inode *
named_in(const struct inode *i, struct notify_event *e)
{
    const struct lost_name *n = i->attention & ATTEND_LOST ? lost_name_of(i) : NULL;

    if (n != NULL) {
        e->name = n->name;
        e->len = n->len;
        return n->dir;
    }
    return inode_name(i, &e->name, &e->len);
}

void
notify_of(struct inode *i, uint32_t mask)
{
    struct notify_event e = { .mask = mask | type_bit(i) };
    unsigned over = 0, dir_over = 0;
    struct inode *dir;

    lock_acquire(&icache_lock);
    dir = named_in(i, &e);
    if (dir != NULL && dir->watches == NULL)
        dir = NULL;
    if (dir != NULL) {
        inode_get(dir);
        tell_all(dir, &e, (i->attention & ATTEND_LOST) != 0, &dir_over);
    }
    e.name = NULL;
    tell_all(i, &e, false, &over);
    if (dir == NULL && i->watches == NULL)
        i->attention &= (uint8_t)~ATTEND_WATCHED;
    lock_release(&icache_lock);
    put_all(i, over);
    if (dir != NULL) {
        put_all(dir, dir_over);
        inode_put(dir);
    }
}

/* ---- names that go ---- */

void
notify_lost_name(struct inode *dir, const char *name, size_t len, struct inode *i)
{
    struct lost_name *n;

    if (dir->watches == NULL || i->nlink > 0 || (i->attention & ATTEND_LOST))
        return;
    n = heap_alloc(sizeof(*n) + len);
    if (n == NULL)
        return;                         /* its closing goes untold */
    memcpy(n->name, name, len);
    n->len = len;
    n->inode = i;
    n->dir = dir;
    inode_get(dir);
    lock_acquire(&icache_lock);
    list_push_tail(&lost_names, &n->link);
    i->attention |= ATTEND_LOST;
    lock_release(&icache_lock);
}

void
notify_forget_name(struct inode *i)
{
    struct lost_name *n;

    lock_acquire(&icache_lock);
    n = lost_name_of(i);
    list_remove(&n->link);
    i->attention &= (uint8_t)~ATTEND_LOST;
    lock_release(&icache_lock);
    inode_put(n->dir);
    heap_free(n);
}

void
notify_moved(struct inode *from, const char *name, size_t len, struct inode *to, const char *new_name, size_t new_len,
             struct inode *what, struct inode *victim)
{
    static uint32_t last_cookie;
    uint32_t cookie = __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED);

    notify_name(from, IN_MOVED_FROM, name, len, what, cookie);
    notify_name(to, IN_MOVED_TO, new_name, new_len, what, cookie);
    if (victim != NULL) {
        notify_lost_name(to, new_name, new_len, victim);
        notify_self(victim, IN_ATTRIB);
    }
    notify_self(what, IN_MOVE_SELF);
}

void
notify_gone(struct inode *i, uint32_t mask)
{
    struct notify_event e = { .mask = mask }, last = { .mask = IN_IGNORED };
    unsigned over = 0;

    lock_acquire(&icache_lock);
    while (i->watches != NULL) {
        struct notify_watch *w = i->watches;

        if (mask == IN_UNMOUNT || (w->mask & mask))
            w->tell(w, &e);
        w->tell(w, &last);
        over++;
    }
    lock_release(&icache_lock);
    put_all(i, over);
}
