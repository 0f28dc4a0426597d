/* no_jobs.c: job control that lets everybody do everything, and counts. */
#include "no_jobs.h"

#include "tty/job.h"

int no_jobs_background, no_jobs_signalled;
unsigned no_jobs_offers, no_jobs_hang_ups;

int
tty_background(struct tty *tty, int sig)
{
    (void)tty, (void)sig;
    return no_jobs_background;
}

void
tty_signal(struct tty *tty, int sig)
{
    EXO_ASSERT(tty->lock.holder == 0);
    no_jobs_signalled = sig;
}

int
tty_set_group(struct tty *tty, uint32_t pgid)
{
    tty->pgid = pgid;
    return 0;
}

int
tty_acquire(struct tty *tty, bool steal, bool readable)
{
    (void)tty;
    return steal && readable ? 0 : -EPERM;
}

void
tty_offer(struct tty *tty)
{
    (void)tty;
    no_jobs_offers++;
}

void
tty_leave(struct proc *p, bool ends)
{
    (void)ends;
    p->ctty = NULL;
}

void
tty_hang_up(struct tty *tty)
{
    tty->hung_up = true;
    wake_all(&tty->readers);
    no_jobs_hang_ups++;
}
