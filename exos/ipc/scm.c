/* scm.c: what rides along with a message of a UNIX socket. */
#include "ipc/scm.h"

#include "base/mem.h"
#include "proc/proc.h"

struct cred
cred_current(void)
{
    const struct proc *p = proc_current();

    if (p == NULL || p->fs == NULL)
        return (struct cred){ .pid = p != NULL ? (int32_t)p->pid : 0 };
    return (struct cred){ (int32_t)p->pid, p->fs->uid, p->fs->gid };
}

struct scm *
scm_new(uint32_t count)
{
    struct scm *s = heap_alloc(sizeof(*s) + count * sizeof(s->file[0]));

    if (s == NULL)
        return NULL;
    list_init(&s->mark.link);
    s->cred = cred_current();
    return s;
}

void
scm_free(struct scm *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < s->count; i++)
        file_put(s->file[i]);
    heap_free(s);
}
