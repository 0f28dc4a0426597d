/*
 * sysv.c: what the three kinds of System V objects have in common: tables, ids, keys, permissions.
 *
 * Holds:    an id is a place in its kind's table and a sequence number, so that an id of a removed object is not the next one's.
 * Bounds:   SYSV_OBJECTS_MAX of a kind.
 */
#include "ipc/sysv.h"

#include "base/mem.h"
#include "fs/file.h"
#include "proc/proc.h"

#define FIRST_ROOM 16
#define SEQ_MASK ((1u << (31 - SYSV_INDEX_BITS)) - 1)
#define INDEX_MASK ((1u << SYSV_INDEX_BITS) - 1)

int64_t
sysv_now(void)
{
    return (int64_t)(clock_realtime_ns() / NSEC_PER_SEC);
}

int
sysv_reserve(struct sysv_table *t)
{
    while (t->count == t->room) {
        uint32_t old_room = t->room, room = old_room == 0 ? FIRST_ROOM : old_room * 2;
        struct sysv_object **bigger, **old = NULL;

        if (room > SYSV_OBJECTS_MAX)
            return -ENOSPC;
        lock_release(&t->lock);
        bigger = heap_alloc(room * sizeof(struct sysv_object *));
        lock_acquire(&t->lock);
        if (bigger == NULL)
            return -ENOMEM;
        if (t->room != old_room) {          /* somebody else was faster */
            old = bigger;
        } else {
            old = t->slot;
            if (old != NULL)
                memcpy(bigger, old, old_room * sizeof(struct sysv_object *));
            t->slot = bigger;
            t->room = room;
        }
        heap_free(old);
    }
    return 0;
}

long
sysv_insert(struct sysv_table *t, struct sysv_object *o)
{
    uint32_t i = 0;

    while (t->slot[i] != NULL)
        i++;
    o->seq = t->next_seq++ & SEQ_MASK;
    o->id = o->seq << SYSV_INDEX_BITS | i;
    o->refs = 1;
    t->slot[i] = o;
    t->count++;
    return (long)o->id;
}

struct sysv_object *
sysv_at(const struct sysv_table *t, uint32_t index)
{
    return index < t->room ? t->slot[index] : NULL;
}

struct sysv_object *
sysv_find(const struct sysv_table *t, int32_t id)
{
    struct sysv_object *o = id >= 0 ? sysv_at(t, (uint32_t)id & INDEX_MASK) : NULL;

    return o != NULL && o->id == (uint32_t)id ? o : NULL;
}

struct sysv_object *
sysv_find_key(const struct sysv_table *t, int32_t key)
{
    for (uint32_t i = 0; i < t->room; i++)
        if (t->slot[i] != NULL && t->slot[i]->key == key)
            return t->slot[i];
    return NULL;
}

uint32_t
sysv_highest(const struct sysv_table *t)
{
    for (uint32_t i = t->room; i-- > 0;)
        if (t->slot[i] != NULL)
            return i;
    return 0;
}

void
sysv_remove(struct sysv_table *t, struct sysv_object *o)
{
    t->slot[o->id & INDEX_MASK] = NULL;
    t->count--;
    o->removed = true;
    sysv_put(t, o);
}

void
sysv_put(struct sysv_table *t, struct sysv_object *o)
{
    if (--o->refs == 0)
        t->end(o);
}

int
sysv_allows(const struct sysv_object *o, uint32_t flags)
{
    const struct fs_context *fs = proc_current()->fs;
    uint32_t want = (flags >> 6 | flags >> 3 | flags) & 7, have = o->mode;

    if (fs->uid == 0)
        return 0;
    if (fs->uid == o->uid || fs->uid == o->cuid)
        have >>= 6;
    else if (fs->gid == o->gid || fs->gid == o->cgid)
        have >>= 3;
    return want & ~have ? -EACCES : 0;
}

int
sysv_owned(const struct sysv_object *o)
{
    uint32_t uid = proc_current()->fs->uid;

    return uid == 0 || uid == o->uid || uid == o->cuid ? 0 : -EPERM;
}

int
sysv_get(const struct sysv_table *t, int32_t key, uint32_t flags, struct sysv_object **found)
{
    *found = key == IPC_PRIVATE ? NULL : sysv_find_key(t, key);
    if (*found == NULL)
        return key == IPC_PRIVATE || (flags & IPC_CREAT) ? 0 : -ENOENT;
    if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
        return -EEXIST;
    return sysv_allows(*found, flags);
}

void
sysv_init(struct sysv_object *o, int32_t key, uint32_t flags)
{
    const struct fs_context *fs = proc_current()->fs;

    o->key = key;
    o->mode = flags & 0777;
    o->uid = o->cuid = fs->uid;
    o->gid = o->cgid = fs->gid;
}
