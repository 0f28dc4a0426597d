/*
 * procfs_mem.c: what /proc says of a process's memory: maps, environ.
 *
 * Not here: the library's own slots 250 to 255, which no program shall see.
 */
#include "base/mem.h"
#include "base/uio.h"
#include "fs/inode.h"
#include "fs/procfs.h"
#include "ipc/sysv.h"
#include "proc/proc.h"
#include "vm/vm.h"

#define NAME_COLUMN 73          /* where Linux writes the name (fs/proc/task_mmu.c) */
#define ENVIRON_MAX TEXT_MAX
#define COPY_BYTES  256

/* The name of what is mapped, after blanks up to its column, or nothing. */
static void
put_name(struct text_buf *t, size_t line, const struct region *r)
{
    char path[PATH_LEN_MAX];
    const char *name = (r->flags & REGION_HEAP) != 0 ? "[heap]" : (r->flags & REGION_STACK) != 0 ? "[stack]" : NULL;
    ssize n = r->file != NULL && r->file->inode != NULL ? inode_path(r->file->inode, path, sizeof(path) - 1) : -ENOENT;

    if (n > 0) {
        path[n] = '\0';
        name = path;
    } else if (r->file != NULL && !shm_name(r->file, path, sizeof(path))) {
        name = "/memfd (deleted)";
    } else if (r->file != NULL) {
        name = path;
    }
    if (name == NULL)
        return;
    while (t->len - line < NAME_COLUMN && !t->full)
        text_add(t, " ", 1);
    text_print(t, "%s", name);
}

static void
put_region(struct text_buf *t, const struct region *r)
{
    const struct inode *i = r->file != NULL ? r->file->inode : NULL;
    uint64_t dev = i != NULL ? i->mnt->dev_id : 0;
    size_t line = t->len;

    text_print(t, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", r->start, r->end, (r->prot & PROT_READ) != 0 ? 'r' : '-',
               (r->prot & PROT_WRITE) != 0 ? 'w' : '-', (r->prot & PROT_EXEC) != 0 ? 'x' : '-',
               (r->flags & REGION_SHARED) != 0 ? 's' : 'p', r->file != NULL ? r->offset : 0, (unsigned)(dev >> 8 & 0xfff),
               (unsigned)(dev & 0xff), i != NULL ? i->ino : 0);
    put_name(t, line, r);
    text_add(t, "\n", 1);
}

/* Regions are looked up by address each time: a text that grows may sleep, and the map change meanwhile. */
int
procfs_show_maps(struct text_buf *t, void *process)
{
    struct proc *p = process;
    uint64_t at = 0;

    while (p->mm != NULL && !t->full) {
        struct region_map *m = &p->mm->map;
        uint32_t index = region_index(m, at);
        struct region r;

        if (index >= m->count)
            break;
        r = *m->at[index];
        if (r.file != NULL)
            file_get(r.file);
        put_region(t, &r);
        if (r.file != NULL)
            file_put(r.file);
        at = r.end;
    }
    return 0;
}

/* Only the caller's own: others' memory is not here to be read. */
int
procfs_show_environ(struct text_buf *t, void *process)
{
    struct proc *p = process;
    char piece[COPY_BYTES];

    if (p != proc_current())
        return -EACCES;
    if (p->mm == NULL)
        return 0;
    for (uint64_t at = p->mm->env_start, end = MIN(p->mm->env_end, at + ENVIRON_MAX); at < end; at += sizeof(piece)) {
        size_t n = (size_t)MIN(end - at, (uint64_t)sizeof(piece));

        if (user_copy_in(piece, at, n) != 0)
            return -EFAULT;
        text_add(t, piece, n);
    }
    return 0;
}
