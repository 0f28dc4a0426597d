/*
 * notify.h: who wants to hear what happens to a file or to the names in a directory.
 *
 * Holds:    an inode's watches each have a quiet reference on it. ATTEND_WATCHED says that an inode, or a directory that names it, may have
 *           some: whoever does something worth telling looks at that bit, and goes on if it is clear.
 * Locks:    icache_lock around inode->watches and around telling.
 */
#ifndef EXOS_FS_NOTIFY_H
#define EXOS_FS_NOTIFY_H

#include "fs/inode.h"

/* What can happen, as inotify(7) numbers it. */
#define IN_ACCESS        0x1u
#define IN_MODIFY        0x2u
#define IN_ATTRIB        0x4u
#define IN_CLOSE_WRITE   0x8u
#define IN_CLOSE_NOWRITE 0x10u
#define IN_OPEN          0x20u
#define IN_MOVED_FROM    0x40u
#define IN_MOVED_TO      0x80u
#define IN_CREATE        0x100u
#define IN_DELETE        0x200u
#define IN_DELETE_SELF   0x400u
#define IN_MOVE_SELF     0x800u
#define IN_ALL_EVENTS    0xfffu
#define IN_UNMOUNT       0x2000u
#define IN_Q_OVERFLOW    0x4000u
#define IN_IGNORED       0x8000u
#define IN_ONLYDIR       0x01000000u
#define IN_DONT_FOLLOW   0x02000000u
#define IN_EXCL_UNLINK   0x04000000u
#define IN_MASK_CREATE   0x10000000u
#define IN_MASK_ADD      0x20000000u
#define IN_ISDIR         0x40000000u
#define IN_ONESHOT       0x80000000u

struct notify_event {
    uint32_t mask, cookie;
    const char *name;           /* in the watched directory; NULL: the watched file itself */
    size_t len;
};

struct notify_watch {
    struct notify_watch *next;  /* of the inode's */
    struct inode *inode;        /* quietly referenced */
    uint32_t mask;              /* IN_*: what it wants, and IN_EXCL_UNLINK, IN_ONESHOT */
    /* The event concerns it. IN_IGNORED: it is over. icache_lock is held. */
    void (*tell)(struct notify_watch *w, const struct notify_event *e);
};

/* From now on w hears of i. icache_lock is held. */
void notify_watch(struct notify_watch *w, struct inode *i);
/* No longer. The reference on w->inode is the caller's to end, by inode_put_quiet() without the lock; icache_lock is held. */
void notify_unwatch(struct notify_watch *w);

/* ---- what happened; no short lock is held ---- */

/* To the inode, for its own watches and for those of the directory that names it. */
void notify_of(struct inode *i, uint32_t mask);
/* To the inode alone. */
void notify_self(struct inode *i, uint32_t mask);
/* To a name in a directory. is: what it names. */
void notify_name(struct inode *dir, uint32_t mask, const char *name, size_t len, const struct inode *is, uint32_t cookie);
/* The owned dir has lost this name of i, whose open files go on being told of under it. */
void notify_lost_name(struct inode *dir, const char *name, size_t len, struct inode *i);
/* The same names that a rename has moved; victim may be NULL. */
void notify_moved(struct inode *from, const char *name, size_t len, struct inode *to, const char *new_name, size_t new_len,
                  struct inode *what, struct inode *victim);
/* Nobody uses i any more, and it has no name; or its file system is unmounted. Its watches end. */
void notify_gone(struct inode *i, uint32_t mask);
/* i is about to end: what notify_lost_name() kept. */
void notify_forget_name(struct inode *i);

static inline bool
notify_wanted(const struct inode *i)
{
    return UNLIKELY((i->attention & ATTEND_WATCHED) != 0);
}

static inline void
notify(struct inode *i, uint32_t mask)
{
    if (notify_wanted(i))
        notify_of(i, mask);
}

/* An open file was read from, or written to. */
static inline void
notify_file(const struct file *f, uint32_t mask)
{
    if (f->inode != NULL)
        notify(f->inode, mask);
}

#endif
