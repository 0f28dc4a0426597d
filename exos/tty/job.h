/* job.h: which processes a terminal belongs to. See job.c. */
#ifndef EXOS_TTY_JOB_H
#define EXOS_TTY_JOB_H

#include "proc/signal.h"
#include "tty/tty.h"

/* Asks whether the caller may read (SIGTTIN) or change (SIGTTOU) the terminal now. 0: yes; -EINTR: its group has been sent the signal;
   -EIO: that would help nobody. */
int tty_background(struct tty *tty, int sig) MUST_USE;
/* To the foreground group. */
void tty_signal(struct tty *tty, int sig);
/* ioctl_tty(2), TIOCSPGRP: 0, -ENOTTY, -ESRCH, -EPERM, -EINTR. */
int tty_set_group(struct tty *tty, uint32_t pgid) MUST_USE;
/* TIOCSCTTY: it becomes the controlling terminal of the caller's session. 0, -EPERM. */
int tty_acquire(struct tty *tty, bool steal, bool readable) MUST_USE;
/* The same for whoever has just opened it, if it leads a session without a terminal and the terminal is nobody's. */
void tty_offer(struct tty *tty);
/* p gives its controlling terminal up; a session's leader does so for all of the session. ends: because it ends. */
void tty_leave(struct proc *p, bool ends);
/* p, a session's leader without a terminal, gets this one, whoever had it. */
void tty_give(struct tty *tty, struct proc *p);
/* The terminal is no more: its session's leader is told, and readers get the end of the file. */
void tty_hang_up(struct tty *tty);
/* The same to all who have it open; whoever opens it next has it as it was. */
void tty_hang_up_files(struct tty *tty);

#endif
