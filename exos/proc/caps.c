/* caps.c: capabilities as a process is told of them. */
#include "proc/caps.h"

#include "fs/file.h"
#include "proc/proc.h"

void
caps_of(const struct proc *p, struct caps *out)
{
    const struct caps_change *c = &p->traits.caps;
    const struct fs_context *fs = p->fs;
    bool root = fs != NULL && (fs->uid == 0 || fs->ruid == 0 || fs->suid == 0);

    out->bounding = CAPS_ALL & ~c->bounding_gone;
    out->permitted = root || c->kept ? CAPS_ALL & ~c->permitted_gone : 0;
    out->effective = fs != NULL && (fs->uid == 0 || c->kept) ? out->permitted & ~c->effective_gone : 0;
    out->inheritable = c->inheritable;
}

int
caps_set(struct proc *p, uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct caps now;

    caps_of(p, &now);
    if ((permitted & ~now.permitted) || (effective & ~permitted) || (inheritable & ~(now.inheritable | now.permitted)))
        return -EPERM;
    p->traits.caps.permitted_gone |= now.permitted & ~permitted;
    p->traits.caps.effective_gone = CAPS_ALL & ~effective;
    p->traits.caps.inheritable = inheritable;
    return 0;
}

void
caps_uid_changed(struct proc *p, uint32_t uid_before)
{
    uint32_t uid = p->fs->uid;

    if (uid != uid_before && (uid == 0 || uid_before == 0))
        p->traits.caps.effective_gone = uid == 0 ? 0 : CAPS_ALL;
}

void
caps_exec(struct proc *p)
{
    struct caps_change *c = &p->traits.caps;

    *c = (struct caps_change){ .permitted_gone = c->bounding_gone, .bounding_gone = c->bounding_gone, .inheritable = c->inheritable };
}
