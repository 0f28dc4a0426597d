/*
 * caps.h: what Linux's capabilities(7) say of a process. Inside a session they follow the user ids and are bookkeeping, as those are: what
 * was given up is remembered and told; setting ids asks for it.
 */
#ifndef EXOS_PROC_CAPS_H
#define EXOS_PROC_CAPS_H

#include "base/base.h"

#define CAP_SETGID 6
#define CAP_SETUID 7
#define CAP_LAST 40
#define CAP_BIT(cap) (1ull << (cap))
#define CAPS_ALL ((1ull << (CAP_LAST + 1)) - 1)

struct proc;

/* Inherited by children; what was given up comes back by an exec of root's. */
struct caps_change {
    uint64_t permitted_gone, effective_gone, bounding_gone, inheritable;
    bool keep;                  /* PR_SET_KEEPCAPS */
    bool kept;                  /* that was said while there was something to keep */
};

struct caps {
    uint64_t effective, permitted, inheritable, bounding;
};

void caps_of(const struct proc *p, struct caps *out);
/* capset(2): 0, -EPERM. */
int caps_set(struct proc *p, uint64_t effective, uint64_t permitted, uint64_t inheritable) MUST_USE;
/* The effective user id was another: becoming or leaving the superuser gains or loses what is effective. */
void caps_uid_changed(struct proc *p, uint32_t uid_before);
/* An exec begins anew. */
void caps_exec(struct proc *p);

#endif
