/*
 * job.c: job control: a terminal, the session it belongs to, and the group in its foreground (POSIX.1-2017 XBD 11.1).
 *
 * Holds:    proc.ctty is the terminal of the process' session, for each of its members; tty.sid is that session, 0: nobody's; tty.pgid the
 *           group in the foreground, which may have ended.
 */
#include "tty/job.h"

#include "fs/file.h"
#include "proc/group.h"

int
tty_background(struct tty *tty, int sig)
{
    struct proc *p = proc_current();

    if (p->ctty != tty || tty->pgid == 0 || p->pgid == tty->pgid)
        return 0;
    if (signal_ignored(p, sig) || (signals_current()->blocked & SIG_BIT(sig)))
        return sig == SIGTTIN ? -EIO : 0;
    if (group_orphaned(p->pgid, p->sid))
        return -EIO;
    return proc_signal_group(p->pgid, sig) == 0 ? -EINTR : -EIO;
}

/* To a group of the session, if it still lives: its number may have become another's. */
static void
signal_group(uint32_t pgid, uint32_t sid, int sig)
{
    if (group_in_session(pgid, sid))
        (void)proc_signal_group(pgid, sig);
}

void
tty_signal(struct tty *tty, int sig)
{
    signal_group(tty->pgid, tty->sid, sig);
}

int
tty_set_group(struct tty *tty, uint32_t pgid)
{
    const struct proc *p = proc_current();
    int err = tty_background(tty, SIGTTOU);

    if (err != 0)
        return err == -EIO ? -ENOTTY : err;
    if (p->ctty != tty || tty->sid != p->sid)
        return -ENOTTY;
    if (!group_lives(pgid))
        return -ESRCH;
    if (!group_in_session(pgid, p->sid))
        return -EPERM;
    tty->pgid = pgid;
    return 0;
}

static bool
lose(struct proc *p, uint64_t tty)
{
    if (p->ctty != (struct tty *)tty)
        return false;
    p->ctty = NULL;
    return true;
}

static void
take_from_session(struct tty *tty)
{
    (void)proc_each(lose, (uint64_t)tty);
    tty->sid = tty->pgid = 0;
}

void
tty_give(struct tty *tty, struct proc *p)
{
    take_from_session(tty);
    p->ctty = tty;
    p->lost_group = 0;
    tty->sid = p->sid;
    tty->pgid = p->pgid;
}

int
tty_acquire(struct tty *tty, bool steal, bool readable)
{
    struct proc *p = proc_current();
    bool root = p->fs->uid == 0;

    if (p->sid == p->pid && tty->sid == p->sid)
        return 0;
    if (p->sid != p->pid || p->ctty != NULL)
        return -EPERM;
    if ((tty->sid != 0 && (!steal || !root)) || (!readable && !root))
        return -EPERM;
    tty_give(tty, p);
    return 0;
}

void
tty_offer(struct tty *tty)
{
    struct proc *p = proc_current();

    if (p != NULL && p->sid == p->pid && p->ctty == NULL && tty->sid == 0)
        tty_give(tty, p);
}

void
tty_leave(struct proc *p, bool ends)
{
    struct tty *tty = p->ctty;
    uint32_t group = tty != NULL ? tty->pgid : ends ? p->lost_group : 0;
    bool leader = p->sid == p->pid;

    p->ctty = NULL;
    p->lost_group = 0;
    if (!leader)
        return;
    signal_group(group, p->sid, SIGHUP);
    if (!ends || tty == NULL)
        signal_group(group, p->sid, SIGCONT);
    if (tty != NULL)
        take_from_session(tty);
}

/* What was its foreground hears of it when the leader ends. */
static void
tell_leader(struct tty *tty)
{
    struct proc *leader = tty->sid != 0 ? proc_find(tty->sid) : NULL;

    wake_all(&tty->readers);
    if (leader != NULL) {
        leader->lost_group = tty->pgid;
        (void)proc_signal(leader, SIGHUP);
        (void)proc_signal(leader, SIGCONT);
    }
    take_from_session(tty);
}

void
tty_hang_up(struct tty *tty)
{
    tty->hung_up = true;
    tell_leader(tty);
}

void
tty_hang_up_files(struct tty *tty)
{
    tty->hangups++;
    tell_leader(tty);
}
