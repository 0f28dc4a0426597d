/*
 * procfs.h: /proc: files whose text is made when they are read.
 *
 * Any module adds rows (gen.h) to the tree.
 */
#ifndef EXOS_FS_PROCFS_H
#define EXOS_FS_PROCFS_H

#include "fs/gen.h"

struct file;
struct inode;
struct mount;
struct proc;

extern struct gen_tree procfs;
extern const struct gen_set procfs_processes, procfs_threads;

/* Rows of a process's directory, and of each of its threads: what follows the name are the fields of struct gen_row. An object is a struct proc. */
#define PROCFS_OF_PROCESS(name, ...) \
    { "#/" name, { &procfs_processes }, __VA_ARGS__ }, { "#/task/#/" name, { &procfs_processes, &procfs_threads }, __VA_ARGS__ }

/* The process or thread that a text is about. */
static inline uint32_t
procfs_id(uint64_t key)
{
    return key & 0xffff;
}

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
int procfs_show_maps(struct text_buf *t, void *process);
int procfs_show_environ(struct text_buf *t, void *process);
/* /proc/cpuinfo (procfs_cpu.c). */
void procfs_register_cpu(void);
/* /proc/sys (procfs_sys.c). */
void procfs_register_sys(void);
#define FILES_MAX "9223372036854775807" /* of the system: memory is the bound */

#endif
