/* group.h: process groups and sessions. See group.c. */
#ifndef EXOS_PROC_GROUP_H
#define EXOS_PROC_GROUP_H

#include "proc/proc.h"

/* The group has a member that has not ended. */
bool group_lives(uint32_t pgid);
bool group_in_session(uint32_t pgid, uint32_t sid);
/* No member has a parent in another group of the same session: nobody is there to let a stopped one go on. */
bool group_orphaned(uint32_t pgid, uint32_t sid);
/* p, which is ending, leaves its group, and its children's: those with stopped members that are orphaned by that are told. */
void group_left(struct proc *p);

#endif
