/* pidfd.h: processes as files (pidfd_open(2)). See pidfd.c. */
#ifndef EXOS_PROC_PIDFD_H
#define EXOS_PROC_PIDFD_H

#include "base/base.h"

struct file;
struct proc;

/* A file that stands for p, whatever becomes of its pid. NULL: no memory. */
struct file *pidfd_create(const struct proc *p, uint32_t flags) MUST_USE;
bool file_is_pidfd(const struct file *f);
/* The process, as long as it is in the table; else NULL. */
struct proc *pidfd_proc(const struct file *f);
/* A new close-on-exec descriptor of the running process for p, whose number goes to the address `to`. 0 or -errno. */
int pidfd_give(const struct proc *p, uva_t to) MUST_USE;
/* A process has ended: whoever polls such a file looks. */
void pidfd_ended(void);

#endif
