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

    if (p->ctty != tty || p->pgid == tty->pgid || !group_lives(tty->pgid))
        return 0;
    if (signal_ignored(p, sig) || (signals_current()->blocked & SIG_BIT(sig)))
        return sig == SIGTTIN ? -EIO : 0;
    if (group_orphaned(p->pgid, p->sid))
        return -EIO;
    return proc_signal_group(p->pgid, sig) == 0 ? -EINTR : -EIO;
}

void
tty_signal(struct tty *tty, int sig)
{
    if (tty->pgid != 0 && proc_signal_group(tty->pgid, sig) != 0)
        tty->pgid = 0;
}

int
tty_set_group(struct tty *tty, uint32_t pgid)
{
    int err = tty_background(tty, SIGTTOU);

    if (err != 0)
        return err;
    if (!group_in_session(pgid, proc_current()->sid))
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
    tty->sid = p->sid;
    tty->pgid = p->pgid;
}

int
tty_acquire(struct tty *tty, bool steal)
{
    struct proc *p = proc_current();

    if (p->sid == p->pid && p->ctty == tty)
        return 0;
    if (p->sid != p->pid || p->ctty != NULL)
        return -EPERM;
    if (tty->sid != 0 && (!steal || p->fs->uid != 0))
        return -EPERM;
    tty_give(tty, p);
    return 0;
}

void
tty_leave(struct proc *p)
{
    struct tty *tty = p->ctty;

    if (tty == NULL)
        return;
    p->ctty = NULL;
    if (p->sid != p->pid)
        return;
    if (tty->pgid != 0 && proc_signal_group(tty->pgid, SIGHUP) == 0)
        (void)proc_signal_group(tty->pgid, SIGCONT);
    take_from_session(tty);
}

void
tty_hang_up(struct tty *tty)
{
    struct proc *leader = tty->sid != 0 ? proc_find(tty->sid) : NULL;

    tty->hung_up = true;
    wake_all(&tty->readers);
    if (leader != NULL) {
        (void)proc_signal(leader, SIGHUP);
        (void)proc_signal(leader, SIGCONT);
    }
    tty_signal(tty, SIGHUP);
    tty_signal(tty, SIGCONT);
    take_from_session(tty);
}
