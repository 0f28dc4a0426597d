/*
 * table.c: the processes of the session by slot and by pid.
 */
#include "base/mem.h"
#include "proc/internal.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "vm/vm.h"

#define PID_MAX 32768u

static struct proc *table[PROC_MAX];
static uint32_t last_pid;

struct proc *
proc_at(unsigned index)
{
    return index < PROC_MAX ? table[index] : NULL;
}

struct proc *
proc_find(uint32_t pid)
{
    for (unsigned i = 0; i < PROC_MAX; i++)
        if (table[i] != NULL && table[i]->pid == pid)
            return table[i];
    return NULL;
}

unsigned
proc_each(bool (*fn)(struct proc *p, uint64_t arg), uint64_t arg)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PROC_MAX; i++)
        if (table[i] != NULL && table[i]->state != PROC_ZOMBIE && table[i]->state != PROC_STARTING && fn(table[i], arg))
            n++;
    return n;
}

unsigned
proc_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PROC_MAX; i++)
        n += table[i] != NULL;
    return n;
}

static bool
pid_taken(uint32_t pid)
{
    for (unsigned i = 0; i < PROC_MAX; i++)
        if (table[i] != NULL && (table[i]->pid == pid || table[i]->pgid == pid || table[i]->sid == pid))
            return true;
    return false;
}

static uint32_t
pid_next(void)
{
    do
        last_pid = last_pid >= PID_MAX ? 2 : last_pid + 1;
    while (pid_taken(last_pid));
    return last_pid;
}

static void
limits_default(struct proc *p)
{
    static const struct rlimit_k special[RLIMITS] = {
        [RLIMIT_STACK_K] = { STACK_BYTES_MAX, STACK_BYTES_MAX },
        [RLIMIT_CORE_K] = { 0, UINT64_MAX },
        [RLIMIT_NPROC_K] = { PROC_MAX, PROC_MAX },
        [RLIMIT_NOFILE_K] = { FD_MAX, FD_MAX },
        [RLIMIT_MEMLOCK_K] = { 65536, 65536 },
        [RLIMIT_SIGPENDING_K] = { SIG_MAX, SIG_MAX },
        [RLIMIT_MSGQUEUE_K] = { 819200, 819200 },
        [RLIMIT_NICE_K] = { 0, 0 },
        [RLIMIT_RTPRIO_K] = { 0, 0 },
    };

    for (unsigned i = 0; i < RLIMITS; i++)
        p->rlimit[i] = special[i].max != 0 || i == RLIMIT_NICE_K || i == RLIMIT_RTPRIO_K ? special[i]
                                                                                       : (struct rlimit_k){ UINT64_MAX, UINT64_MAX };
}

struct proc *
proc_alloc(void)
{
    unsigned i = 0;
    struct proc *p;

    while (i < PROC_MAX && table[i] != NULL)
        i++;
    if (i == PROC_MAX || (p = heap_alloc(sizeof(*p))) == NULL)
        return NULL;
    p->actions = heap_alloc(SIG_MAX * sizeof(*p->actions));
    p->sig_info = heap_alloc((SIG_MAX + 1) * sizeof(*p->sig_info));
    p->mm = mm_create();
    if (p->actions == NULL || p->sig_info == NULL || p->mm == NULL) {
        proc_free_parts(p);
        heap_free(p);
        return NULL;
    }
    p->pid = pid_next();
    p->state = PROC_STARTING;
    p->start_ns = clock_monotonic_ns();
    waitq_init(&p->child_exit);
    waitq_init(&p->stop_wq);
    list_init(&p->reap_link);
    limits_default(p);
    p->dumpable = 1;
    table[i] = p;
    return p;
}

void
proc_free_parts(struct proc *p)
{
    heap_free(p->actions);
    heap_free(p->sig_info);
    if (p->mm != NULL)
        mm_destroy(p->mm);
    p->actions = NULL;
    p->sig_info = NULL;
    p->mm = NULL;
}

void
proc_free(struct proc *p)
{
    for (unsigned i = 0; i < PROC_MAX; i++)
        if (table[i] == p)
            table[i] = NULL;
    proc_free_parts(p);
    heap_free(p);
}

void
proc_mem_usage(const struct proc *p, struct mem_usage *out)
{
    const struct mm *mm = p->mm;

    *out = (struct mem_usage){ 0, 0, 0 };
    if (mm != NULL)
        *out = (struct mem_usage){ mm->map.pages, mm->resident + mm->shared, mm->shared };
}
