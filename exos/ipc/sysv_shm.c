/*
 * sysv_shm.c: System V shared memory.
 *
 * Holds:    a segment is memory that only mappings reach, as MAP_SHARED without a file is, with a name. Its file has a reference from the
 *           table and one from each mapping: how many have it attached is nowhere counted beside that.
 */
#include "base/mem.h"
#include "fs/cache.h"
#include "fs/file.h"
#include "ipc/sysv.h"
#include "proc/proc.h"
#include "vm/shared.h"
#include "vm/vm.h"

struct shm {
    struct sysv_object o;
    struct cache_space space;
    struct file *file;
    uint64_t size;
    int64_t atime, dtime, ctime;
    uint32_t creator, last;
};

static void shm_release(struct file *f);
static void shm_end(struct sysv_object *o);

struct sysv_table shm_table = SYSV_TABLE(shm_end);

static const struct file_ops shm_ops = {
    .name = "System V shared memory",
    .pin_page = shared_memory_pin,
    .unpin_page = shared_memory_unpin,
    .pin_again = shared_memory_pin_again,
    .release = shm_release,
};

static struct shm *
shm_of(struct sysv_object *o)
{
    return container_of(o, struct shm, o);
}

static struct shm *
shm_of_file(const struct file *f)
{
    return f->ops == &shm_ops ? container_of((struct cache_space *)f->priv, struct shm, space) : NULL;
}

/* Nothing maps it, and it is in the table no more. */
static void
shm_release(struct file *f)
{
    struct shm *s = shm_of_file(f);

    cache_truncate(&s->space, 0, UINT64_MAX);
    if (s->o.refs != 0) {               /* it was marked for this, and had kept its place */
        lock_acquire(&shm_table.lock);
        sysv_remove(&shm_table, &s->o);
        lock_release(&shm_table.lock);
    }
    heap_free(s);
}

/* The memory goes with the file. */
static void
shm_end(struct sysv_object *o)
{
    (void)o;
}

static uint64_t
attached(const struct shm *s)
{
    return s->file->refs - (s->o.mode & SHM_DEST ? 0 : 1);
}

/* ---- shmget ---- */

static struct shm *
shm_new(int32_t key, uint64_t size, uint32_t flags)
{
    struct shm *s = heap_alloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    sysv_init(&s->o, key, flags);
    cache_space_init(&s->space, NULL, NULL, PAGE_SHIFT);
    s->size = size;
    s->ctime = sysv_now();
    s->creator = proc_current()->pid;
    s->file = file_create(&shm_ops, O_RDWR, &s->space);
    if (s->file != NULL)
        return s;
    heap_free(s);
    return NULL;
}

/* The lock is held. */
static long
shm_found(struct sysv_object *o, uint64_t size)
{
    return size > shm_of(o)->size ? -EINVAL : (long)o->id;
}

long
shm_get(int32_t key, uint64_t size, uint32_t flags)
{
    struct sysv_object *o;
    struct shm *s;
    long id;

    lock_acquire(&shm_table.lock);
    id = sysv_get(&shm_table, key, flags, &o);
    if (id == 0 && o != NULL)
        id = shm_found(o, size);
    lock_release(&shm_table.lock);
    if (id != 0 || o != NULL)
        return id;
    if (size == 0 || size > SHMMAX)
        return -EINVAL;
    if (PAGE_UP(size) / PAGE_SIZE > mem_total_pages())
        return -ENOMEM;
    s = shm_new(key, size, flags);
    if (s == NULL)
        return -ENOMEM;
    lock_acquire(&shm_table.lock);
    id = sysv_reserve(&shm_table);
    if (id == 0)
        id = sysv_get(&shm_table, key, flags, &o);      /* nobody made it meanwhile? */
    if (id == 0)
        id = o != NULL ? shm_found(o, size) : sysv_insert(&shm_table, &s->o);
    lock_release(&shm_table.lock);
    if (s->o.refs == 0)
        file_put(s->file);
    return id;
}

/* ---- shmat, shmdt ---- */

/* The segment with one more reference to its file, if the caller may have it so. */
static int
shm_hold(int32_t id, uint32_t flags, struct shm **out)
{
    struct sysv_object *o;
    int err;

    lock_acquire(&shm_table.lock);
    o = sysv_find(&shm_table, id);
    err = o == NULL ? -EINVAL : sysv_allows(o, SYSV_READ | (flags & SHM_RDONLY ? 0 : SYSV_WRITE) | (flags & SHM_EXEC ? 0111 : 0));
    if (err == 0) {
        *out = shm_of(o);
        file_get((*out)->file);
    }
    lock_release(&shm_table.lock);
    return err;
}

long
shm_attach(int32_t id, uint64_t addr, uint32_t flags)
{
    uint32_t prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
    struct shm *s;
    long at;
    int err;

    if (flags & SHM_RND)
        addr = PAGE_DOWN(addr);
    if (id < 0 || (addr & PAGE_MASK) || (addr == 0 && (flags & SHM_REMAP)))
        return -EINVAL;
    err = shm_hold(id, flags, &s);
    if (err != 0)
        return err;
    at = vm_map_memory(addr, s->size, prot, flags & SHM_REMAP ? MAP_FIXED : addr != 0 ? MAP_FIXED_NOREPLACE : 0, s->file);
    if (at >= 0) {
        s->atime = sysv_now();
        s->last = proc_current()->pid;
    }
    file_put(s->file);
    return at == -EEXIST ? -EINVAL : at;
}

/* The file of the segment whose attachment begins at addr, or NULL. */
static struct file *
attached_at(uint64_t addr)
{
    const struct region *r = region_find(&MM->mm->map, addr);

    if ((addr & PAGE_MASK) || r == NULL || r->file == NULL || shm_of_file(r->file) == NULL || r->start - r->offset != addr)
        return NULL;
    return r->file;
}

long
shm_detach(uint64_t addr)
{
    struct region_map *m = &MM->mm->map;
    struct file *f = attached_at(addr);
    uint64_t end, next;

    if (f == NULL)
        return -EINVAL;
    file_get(f);
    shm_of_file(f)->dtime = sysv_now();
    shm_of_file(f)->last = proc_current()->pid;
    end = addr + PAGE_UP(shm_of_file(f)->size);
    for (uint64_t at = addr; at < end; at = next) {     /* it may have been cut into pieces */
        uint32_t i = region_index(m, at);
        const struct region *r = i < m->count ? m->at[i] : NULL;

        if (r == NULL || r->start >= end)
            break;
        next = r->end;
        if (r->file == f && r->start - r->offset == addr && vm_munmap(r->start, r->end - r->start) != 0)
            break;
    }
    file_put(f);
    return 0;
}

/* ---- shmctl ---- */

int
shm_look(struct sysv_object *o, struct shm_info *out)
{
    const struct shm *s = shm_of(o);

    *out = (struct shm_info){ *o, s->size, s->space.page_count, attached(s), s->atime, s->dtime, s->ctime, s->creator, s->last };
    return 0;
}

uint64_t
shm_total_pages(uint64_t *resident)
{
    uint64_t sum = 0;

    *resident = 0;
    for (uint32_t i = 0; i < shm_table.room; i++) {
        const struct sysv_object *o = shm_table.slot[i];

        if (o == NULL)
            continue;
        sum += PAGE_UP(shm_of((struct sysv_object *)o)->size) / PAGE_SIZE;
        *resident += shm_of((struct sysv_object *)o)->space.page_count;
    }
    return sum;
}

int
shm_remove(int32_t id)
{
    struct file *f = NULL;
    struct sysv_object *o;
    int err;

    lock_acquire(&shm_table.lock);
    o = sysv_find(&shm_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0 && !(o->mode & SHM_DEST)) {
        o->mode |= SHM_DEST;
        o->key = IPC_PRIVATE;           /* nobody finds it by its key any more */
        f = shm_of(o)->file;
    }
    lock_release(&shm_table.lock);
    if (f != NULL)
        file_put(f);                    /* the last that has it attached removes it */
    return err;
}

int
shm_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode)
{
    struct sysv_object *o;
    int err;

    lock_acquire(&shm_table.lock);
    o = sysv_find(&shm_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0) {
        o->uid = uid;
        o->gid = gid;
        o->mode = (o->mode & ~0777u) | (mode & 0777);
        shm_of(o)->ctime = sysv_now();
    }
    lock_release(&shm_table.lock);
    return err;
}

int
shm_lock_pages(int32_t id, bool lock)
{
    struct sysv_object *o;
    int err;

    lock_acquire(&shm_table.lock);
    o = sysv_find(&shm_table, id);
    err = o == NULL ? -EINVAL : sysv_owned(o);
    if (err == 0)
        o->mode = lock ? o->mode | SHM_LOCKED : o->mode & ~SHM_LOCKED;     /* its pages stay where they are anyhow */
    lock_release(&shm_table.lock);
    return err;
}

bool
shm_name(const struct file *f, char *buf, size_t size)
{
    const struct shm *s = shm_of_file(f);

    if (s != NULL)
        fmt_print(buf, size, "/SYSV%08x (deleted)", (unsigned)s->o.key);
    else if (f->ops == &shared_memory_ops)
        fmt_print(buf, size, "/dev/zero (deleted)");
    return s != NULL || f->ops == &shared_memory_ops;
}
