/* envs.h: the envs of a process with several threads, where several CPUs run the session. See envs.c. */
#ifndef EXOS_PROC_ENVS_H
#define EXOS_PROC_ENVS_H

#include "proc/proc.h"

/* As many envs as there are CPUs, from the second thread on. 0 or -EAGAIN. */
int envs_make(struct proc *p);
/* Its space is gone. */
void envs_free(struct proc *p);
/* A thread that has given the CPU away is to go on: in which env? True: in that of `self` (NULL: of none that it may have), which gives the CPU
 * away. If all are taken, one that is queued in its program becomes the running thread instead. */
bool env_place(struct thread *self, struct thread *to);

/* One of its envs, or more, is gone or stopped: who was in its program there goes with it, the others go to their end. False: it has but one. */
bool envs_mend(struct proc *p);
/* Its threads that are in their program lose their envs: they have been asked to end, and do not look up. */
void envs_enforce(struct proc *p);

#endif
