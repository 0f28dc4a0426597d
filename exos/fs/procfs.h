/*
 * procfs.h: /proc: files whose text is made when they are read.
 *
 * Any module registers rows: `name` may contain slashes ("net/dev"). The show function fills the text and returns 0 or -errno; it
 * may sleep.
 */
#ifndef EXOS_FS_PROCFS_H
#define EXOS_FS_PROCFS_H

#include "fs/text.h"

struct file;
struct inode;
struct mount;
struct proc;

int procfs_register(const char *name, int (*show)(struct text_buf *t));
/* The same for a file that can be written: `store` is handed what was written, which it may change. It returns 0 or -errno. */
int procfs_register_setting(const char *name, int (*show)(struct text_buf *t), int (*store)(char *text, size_t len));
/* The same for a file that always says the same; `text` stays the caller's. */
int procfs_register_text(const char *name, const char *text);
/* A file in every process's directory. */
int procfs_register_pid(const char *name, int (*show)(struct text_buf *t, struct proc *p));
/* The same that can be written: `store` as in procfs_register_setting. */
int procfs_register_pid_setting(const char *name, int (*show)(struct text_buf *t, struct proc *p), int (*store)(struct proc *p, char *text, size_t len));
void procfs_init(void);
/* The tree once more. -ENOMEM. */
int procfs_mount(struct mount **out) MUST_USE;

/* The process whose directory it is. *p NULL: it has ended. False: it is no such directory. */
bool procfs_process(const struct inode *i, struct proc **p);

/* The open file that a /proc/PID/fd link stands for, referenced; NULL: the inode is no such link, or it is closed. */
struct file *procfs_linked_file(struct inode *i);

/* Is it a link that leads to an object, not to a path: of /proc/PID/fd, exe, cwd, root? */
bool procfs_is_magic(const struct inode *i);

/* The rows that fs/ itself fills (procfs_show.c). */
void procfs_register_own(void);
int procfs_show_maps(struct text_buf *t, struct proc *p);
int procfs_show_environ(struct text_buf *t, struct proc *p);
/* /proc/sys (procfs_sys.c). */
void procfs_register_sys(void);
#define FILES_MAX "9223372036854775807" /* of the system: memory is the bound */

#endif
