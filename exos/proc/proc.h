/*
 * proc.h: processes: a pid, its place in the family, its signals, its file context. Session objects.
 */
#ifndef EXOS_PROC_PROC_H
#define EXOS_PROC_PROC_H

#include "base/base.h"
#include "base/list.h"
#include "base/wait.h"

struct fs_context;
struct mm;

enum proc_state { PROC_FREE, PROC_STARTING, PROC_RUNNABLE, PROC_SLEEPING, PROC_ZOMBIE };

#define PROC_MAX 256            /* processes of one session */
#define PROC_CMDLINE_MAX 1024

struct proc {
    uint32_t pid;
    uint32_t ppid, pgid, sid;
    enum proc_state state;
    char name[16];
    char cmdline[PROC_CMDLINE_MAX];     /* NUL-separated arguments */
    uint32_t cmdline_len;
    char exe[256];

    uint64_t env;               /* Aegis env id */
    uint64_t space;             /* Aegis space id */
    struct mm *mm;              /* session-side bookkeeping of the space */
    struct fs_context *fs;

    uint64_t sig_pending;       /* bit n - 1: signal n */
    uint64_t sig_blocked;
    uint64_t sig_ignored;
    bool kill_requested;
    int exit_status;            /* as wait4 reports it */
    struct waitq child_exit;
    struct list run_link;       /* run queue */
    uint64_t start_ns, cpu_ns;
};

/* The process that is running this code. NULL in the housekeeper. */
struct proc *proc_current(void);
struct proc *proc_find(uint32_t pid);
struct proc *proc_at(unsigned index);   /* slot of the table, or NULL when free: for /proc and census */

/* Sends a signal to a process / to every member of a group. 0 or -ESRCH. */
int proc_signal(struct proc *p, int sig);
int proc_signal_group(uint32_t pgid, int sig);

/* Memory figures for /proc. */
struct mem_usage { uint64_t virt_pages, resident_pages, shared_pages; };
void proc_mem_usage(const struct proc *p, struct mem_usage *out);

#endif
