/*
 * sigio.c: signals that say that something has become of an open file.
 *
 * Holds:    at most one teller per open file, in file->watchers: made by the first call that concerns it, gone with the file.
 * Locks:    file_watchers_lock around chains and tellers; icache_lock around the watch on a directory.
 * Not here: what is ready of a file that can be read and written: the signal says POLL_IN, and its receiver looks.
 */
#include "fs/sigio.h"

#include "base/mem.h"
#include "fs/notify.h"
#include "ipc/ipc.h"
#include "proc/signal.h"

/* Linux include/uapi/linux/fcntl.h */
#define DN_ACCESS    0x01u
#define DN_MODIFY    0x02u
#define DN_CREATE    0x04u
#define DN_DELETE    0x08u
#define DN_RENAME    0x10u
#define DN_ATTRIB    0x20u
#define DN_MULTISHOT 0x80000000u
/* Linux include/uapi/asm-generic/siginfo.h, poll.h */
#define POLL_IN  1
#define POLL_OUT 2
#define POLL_MSG 3
#define BAND_IN  (READY_IN | READY_RDNORM)
#define BAND_OUT (READY_OUT | READY_WRNORM | READY_WRBAND)
#define BAND_MSG (BAND_IN | 0x400u)

struct teller {
    struct file_watcher watcher;
    struct file *file;              /* no reference: file_gone() comes first */
    struct sigio_owner owner;
    uint32_t uid, euid;             /* of whoever named the owner: whom the signal may go to */
    int sig;                        /* 0: SIGIO without siginfo */
    int async_fd, dir_fd;           /* as what they were asked for */
    struct wait_watch ready;        /* in the file's queue while O_ASYNC is set */
    struct notify_watch dir;        /* on a directory while dir.inode is not NULL */
    bool again;                     /* not the next event of the directory alone */
    bool twice;                     /* a name that is renamed is told of as such, and as gone */
};

/* ---- sending ---- */

static bool
may_tell(const struct teller *t, const struct proc *p)
{
    return p->fs != NULL && (t->euid == 0 || t->euid == p->fs->suid || t->euid == p->fs->ruid || t->uid == p->fs->suid ||
                             t->uid == p->fs->ruid);
}

struct telling {
    const struct teller *teller;
    int sig;
    const struct siginfo_brief *info;
};

static bool
tell_member(struct proc *p, uint64_t arg)
{
    const struct telling *g = (const struct telling *)arg;

    return p->pgid == (uint32_t)g->teller->owner.id && may_tell(g->teller, p) && proc_signal_info(p, g->sig, g->info) == 0;
}

static void
tell(const struct teller *t, int fd, int code, uint32_t band)
{
    struct siginfo_brief info = { .code = t->sig == 0 ? SI_KERNEL : code };
    struct telling g = { .teller = t, .sig = t->sig == 0 ? SIGIO : t->sig, .info = &info };
    struct proc *p = t->owner.type == OWNER_GROUP ? NULL : proc_find((uint32_t)t->owner.id);

    if (t->owner.id == 0)
        return;
    if (t->sig != 0) {
        info.word[0] = band;
        info.word[1] = (uint32_t)fd;
    }
    if (t->owner.type == OWNER_GROUP)
        proc_each(tell_member, (uint64_t)&g);
    else if (p != NULL && may_tell(t, p) && t->owner.type == OWNER_THREAD)
        (void)thread_signal_info(thread_find((uint32_t)t->owner.id), g.sig, &info);
    else if (p != NULL && may_tell(t, p))
        (void)proc_signal_info(p, g.sig, &info);
}

static void
became_ready(struct wait_watch *w)
{
    const struct teller *t = container_of(w, struct teller, ready);
    bool writes = (t->file->flags & O_ACCMODE) == O_WRONLY;

    tell(t, t->async_fd, writes ? POLL_OUT : POLL_IN, writes ? BAND_OUT : BAND_IN);
}

/* The icache_lock is held. */
static void
dir_told(struct notify_watch *w, const struct notify_event *e)
{
    struct teller *t = container_of(w, struct teller, dir);

    if (e->mask & IN_IGNORED) {
        notify_unwatch(w);              /* whoever tells puts the inode */
        w->inode = NULL;
    } else if (e->name != NULL) {
        if (!t->again)
            w->mask = 0;
        tell(t, t->dir_fd, POLL_MSG, BAND_MSG);
        if ((e->mask & IN_MOVED_FROM) && t->again && t->twice)
            tell(t, t->dir_fd, POLL_MSG, BAND_MSG);
    }
}

/* ---- tellers ---- */

/* The icache_lock is not held. */
static void
forget_dir(struct teller *t)
{
    struct inode *dir;

    lock_acquire(&icache_lock);
    dir = t->dir.inode;
    if (dir != NULL)
        notify_unwatch(&t->dir);
    t->dir.inode = NULL;
    lock_release(&icache_lock);
    if (dir != NULL)
        inode_put_quiet(dir);
}

/* The file has lost its last reference, and the teller is first in its chain. */
static void
file_gone(struct file *f)
{
    struct teller *t = container_of(f->watchers, struct teller, watcher);

    lock_acquire(&file_watchers_lock);
    f->watchers = t->watcher.next;
    if (!list_empty(&t->ready.link))
        wait_watch_remove(&t->ready);
    lock_release(&file_watchers_lock);
    forget_dir(t);
    heap_free(t);
}

/* The lock is held. */
static struct teller *
find(const struct file *f)
{
    struct file_watcher *w = f->watchers;

    while (w != NULL && w->gone != file_gone)
        w = w->next;
    return w != NULL ? container_of(w, struct teller, watcher) : NULL;
}

/* The file's, made if need be, with the lock held; NULL, without it: no memory. */
static struct teller *
teller_of(struct file *f)
{
    struct teller *spare = heap_alloc(sizeof(*spare)), *t;

    lock_acquire(&file_watchers_lock);
    t = find(f);
    if (t == NULL && spare != NULL) {
        t = spare;
        spare = NULL;
        *t = (struct teller){ .watcher = { .gone = file_gone, .next = f->watchers }, .file = f, .owner.type = OWNER_PROCESS };
        t->ready.fn = became_ready;
        t->dir.tell = dir_told;
        list_init(&t->ready.link);
        f->watchers = &t->watcher;
    }
    if (t == NULL)
        lock_release(&file_watchers_lock);
    heap_free(spare);
    return t;
}

static void
set_owner(struct teller *t, struct sigio_owner who)
{
    const struct fs_context *fs = proc_current()->fs;

    t->owner = who;
    t->uid = fs->ruid;
    t->euid = fs->uid;
}

static bool
has_group(struct proc *p, uint64_t pgid)
{
    return p->pgid == (uint32_t)pgid;
}

static bool
exists(struct sigio_owner who)
{
    switch (who.type) {
    case OWNER_THREAD:
        return thread_find((uint32_t)who.id) != NULL;
    case OWNER_PROCESS:
        return proc_find((uint32_t)who.id) != NULL;
    default:
        return proc_each(has_group, (uint32_t)who.id) > 0;
    }
}

int
sigio_set_owner(struct file *f, struct sigio_owner who)
{
    struct teller *t;

    if ((uint32_t)who.type > OWNER_GROUP)
        return -EINVAL;
    if (who.id != 0 && !exists(who))
        return -ESRCH;
    t = teller_of(f);
    if (t == NULL)
        return -ENOMEM;
    set_owner(t, who);
    lock_release(&file_watchers_lock);
    return 0;
}

struct sigio_owner
sigio_owner_of(struct file *f)
{
    struct sigio_owner who = { .type = OWNER_PROCESS };
    const struct teller *t;

    lock_acquire(&file_watchers_lock);
    t = find(f);
    if (t != NULL)
        who = t->owner;
    lock_release(&file_watchers_lock);
    if (who.id != 0 && !exists(who))
        who.id = 0;
    return who;
}

int
sigio_set_owner_id(struct file *f, int32_t id)
{
    if (id == INT32_MIN)
        return -EINVAL;
    return sigio_set_owner(f, id < 0 ? (struct sigio_owner){ OWNER_GROUP, -id } : (struct sigio_owner){ OWNER_PROCESS, id });
}

int32_t
sigio_owner_id(struct file *f)
{
    struct sigio_owner who = sigio_owner_of(f);

    return who.type == OWNER_GROUP ? -who.id : who.id;
}

int
sigio_set_signal(struct file *f, uint64_t sig)
{
    struct teller *t;

    if (sig > SIG_MAX)
        return -EINVAL;
    t = teller_of(f);
    if (t == NULL)
        return -ENOMEM;
    t->sig = (int)sig;
    lock_release(&file_watchers_lock);
    return 0;
}

int
sigio_signal_of(struct file *f)
{
    const struct teller *t;
    int sig;

    lock_acquire(&file_watchers_lock);
    t = find(f);
    sig = t != NULL ? t->sig : 0;
    lock_release(&file_watchers_lock);
    return sig;
}

/* ---- readiness ---- */

bool
sigio_possible(const struct file *f)
{
    return f->ops->signals;
}

int
sigio_async(struct file *f, int fd, bool on)
{
    struct teller *t;

    if (!sigio_possible(f) || on == ((f->flags & O_ASYNC) != 0))
        return 0;
    t = teller_of(f);
    if (t == NULL)
        return -ENOMEM;
    t->async_fd = fd;
    f->flags ^= O_ASYNC;
    if (on)
        wait_watch_add(f->ops->poll_queue(f), &t->ready);
    else
        wait_watch_remove(&t->ready);
    lock_release(&file_watchers_lock);
    return 0;
}

/* ---- directories ---- */

static uint32_t
events_of(uint32_t what)
{
    return (what & DN_ACCESS ? IN_ACCESS : 0) | (what & DN_MODIFY ? IN_MODIFY : 0) | (what & DN_ATTRIB ? IN_ATTRIB : 0) |
           (what & DN_CREATE ? IN_CREATE | IN_MOVED_TO : 0) | (what & DN_DELETE ? IN_DELETE | IN_MOVED_FROM : 0) |
           (what & DN_RENAME ? IN_MOVED_FROM : 0);
}

/* What it was asked for before counts on. */
static void
watch_dir(struct teller *t, struct inode *dir, uint32_t what)
{
    lock_acquire(&icache_lock);
    if (t->dir.inode == NULL) {
        t->dir.mask = 0;
        t->twice = false;
        notify_watch(&t->dir, dir);
    }
    t->dir.mask |= events_of(what);
    t->again = (what & DN_MULTISHOT) != 0;
    t->twice |= (what & DN_DELETE) && (what & DN_RENAME);
    lock_release(&icache_lock);
}

int
sigio_notify(struct file *f, int fd, uint32_t what)
{
    struct teller *t;

    if (f->inode == NULL || !inode_is(f->inode, S_IFDIR))
        return -ENOTDIR;
    t = teller_of(f);
    if (t == NULL)
        return -ENOMEM;
    if (t->owner.id == 0)
        set_owner(t, (struct sigio_owner){ OWNER_PROCESS, (int32_t)proc_current()->pid });
    t->dir_fd = fd;
    lock_release(&file_watchers_lock);
    if (events_of(what) == 0)
        forget_dir(t);
    else
        watch_dir(t, f->inode, what);
    return 0;
}
