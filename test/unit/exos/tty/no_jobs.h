/* no_jobs.h: what no_jobs.c lets a test see and do. */
#ifndef UNIT_EXOS_TTY_NO_JOBS_H
#define UNIT_EXOS_TTY_NO_JOBS_H

extern int no_jobs_background;          /* what tty_background() gives */
extern int no_jobs_signalled;           /* the last signal to the foreground */
extern unsigned no_jobs_offers, no_jobs_hang_ups;

#endif
