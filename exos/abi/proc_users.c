/*
 * proc_users.c: whose a process is: real, effective and saved ids of user and group (credentials(7)).
 *
 * Inside a session they are bookkeeping (the session is the protection boundary); but what Linux refuses is refused here.
 */
#include "abi/linux.h"
#include "base/uio.h"
#include "fs/file.h"
#include "fs/rights.h"
#include "proc/caps.h"
#include "proc/proc.h"

#define LINUX_GROUPS_MAX 65536
#define KEEP UINT32_MAX         /* -1: leave this id as it is */

static struct fs_context *
own(void)
{
    return proc_current()->fs;
}

LX(getuid)
{
    (void)args;
    return own()->ruid;
}

LX(geteuid)
{
    (void)args;
    return own()->uid;
}

LX(getgid)
{
    (void)args;
    return own()->rgid;
}

LX(getegid)
{
    (void)args;
    return own()->gid;
}

/* The three ids of one kind. */
struct ids {
    uint32_t *real, *effective, *saved;
    uint64_t cap;               /* who has this capability sets them to anything */
};

static struct ids
users(void)
{
    return (struct ids){ &own()->ruid, &own()->uid, &own()->suid, CAP_BIT(CAP_SETUID) };
}

static struct ids
groups(void)
{
    return (struct ids){ &own()->rgid, &own()->gid, &own()->sgid, CAP_BIT(CAP_SETGID) };
}

/* The superuser may; and who kept the capability when it became somebody else. */
static bool
is_able(uint64_t cap)
{
    struct caps c;

    if (own()->uid == 0)
        return true;
    caps_of(proc_current(), &c);
    return (c.effective & cap) != 0;
}

static void
ids_changed(uint32_t uid_before)
{
    caps_uid_changed(proc_current(), uid_before);
    fs_context_changed(own());
}

static bool
one_of(const struct ids *i, uint32_t id)
{
    return id == KEEP || id == *i->real || id == *i->effective || id == *i->saved;
}

static long
set_one(struct ids i, uint32_t id)
{
    uint32_t uid = own()->uid;

    if (id == KEEP)
        return -EINVAL;
    if (is_able(i.cap))
        *i.real = *i.saved = id;
    else if (id != *i.real && id != *i.saved)
        return -EPERM;
    *i.effective = id;
    ids_changed(uid);
    return 0;
}

static long
set_two(struct ids i, uint32_t real, uint32_t effective)
{
    uint32_t was = *i.real, uid = own()->uid;

    if (!is_able(i.cap) && ((real != KEEP && real != *i.real && real != *i.effective) || !one_of(&i, effective)))
        return -EPERM;
    if (real != KEEP)
        *i.real = real;
    if (effective != KEEP)
        *i.effective = effective;
    if (real != KEEP || (effective != KEEP && effective != was))
        *i.saved = *i.effective;
    ids_changed(uid);
    return 0;
}

static long
set_three(struct ids i, const struct lx_args *args)
{
    uint32_t real = (uint32_t)args->a[0], effective = (uint32_t)args->a[1], saved = (uint32_t)args->a[2], uid = own()->uid;

    if (!is_able(i.cap) && !(one_of(&i, real) && one_of(&i, effective) && one_of(&i, saved)))
        return -EPERM;
    if (real != KEEP)
        *i.real = real;
    if (effective != KEEP)
        *i.effective = effective;
    if (saved != KEEP)
        *i.saved = saved;
    ids_changed(uid);
    return 0;
}

static long
put_three(struct ids i, const struct lx_args *args)
{
    if (user_copy_out(args->a[0], i.real, sizeof(*i.real)) != 0 || user_copy_out(args->a[1], i.effective, sizeof(*i.effective)) != 0 ||
        user_copy_out(args->a[2], i.saved, sizeof(*i.saved)) != 0)
        return -EFAULT;
    return 0;
}

LX(setuid)
{
    return set_one(users(), (uint32_t)args->a[0]);
}

LX(setgid)
{
    return set_one(groups(), (uint32_t)args->a[0]);
}

LX(setreuid)
{
    return set_two(users(), (uint32_t)args->a[0], (uint32_t)args->a[1]);
}

LX(setregid)
{
    return set_two(groups(), (uint32_t)args->a[0], (uint32_t)args->a[1]);
}

LX(setresuid)
{
    return set_three(users(), args);
}

LX(setresgid)
{
    return set_three(groups(), args);
}

LX(getresuid)
{
    return put_three(users(), args);
}

LX(getresgid)
{
    return put_three(groups(), args);
}

/* The id for file access is the effective one. */
LX(setfsuid)
{
    (void)args;
    return own()->uid;
}

LX(setfsgid)
{
    (void)args;
    return own()->gid;
}

LX(getgroups)
{
    const struct groups *g = own()->groups;
    int size = (int)args->a[0];

    if (size < 0 || (size > 0 && g != NULL && (uint32_t)size < g->count))
        return -EINVAL;
    if (g == NULL)
        return 0;
    if (size > 0 && user_copy_out(args->a[1], g->gid, g->count * sizeof(g->gid[0])) != 0)
        return -EFAULT;
    return (long)g->count;
}

LX(setgroups)
{
    uint64_t count = (uint32_t)args->a[0];
    struct groups *g = NULL, *old = own()->groups;

    if (!is_able(CAP_BIT(CAP_SETGID)))
        return -EPERM;
    if (count > GROUPS_MAX)
        return count > LINUX_GROUPS_MAX ? -EINVAL : -ENOMEM;
    if (count > 0) {
        g = groups_new((uint32_t)count);
        if (g == NULL)
            return -ENOMEM;
        if (user_copy_in(g->gid, args->a[1], count * sizeof(g->gid[0])) != 0) {
            groups_put(g);
            return -EFAULT;
        }
    }
    own()->groups = g;
    groups_put(old);
    fs_context_changed(own());
    return 0;
}
