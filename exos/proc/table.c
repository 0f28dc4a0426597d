/*
 * table.c: the processes of the session by slot and by pid.
 */
#include "base/mem.h"
#include "proc/internal.h"
#include "proc/proc.h"
#include "proc/signal.h"
#include "vm/vm.h"

static struct proc *table[PROC_MAX];
static unsigned places_end;             /* places from here on are free */
static unsigned lowest_free;            /* no free place below */
static uint32_t last_pid;
static uint64_t last_serial;
static uint16_t place_of[PID_MAX + 1];  /* by the id of a thread: 1 + its process' place in the table; 0: there is none */
static uint16_t users[PID_MAX + 1];     /* threads, groups and sessions of processes that have a number: it is not to be given out */
#define SIGNALS_QUEUED_MAX 1024         /* of a user's processes, until one has a lower limit */
#define THREAD_TOTAL_MAX 4096           /* of the session, but for each process' first */
static unsigned thread_total, place_total;

unsigned
proc_places(void)
{
    return places_end;
}

struct proc *
proc_at(unsigned index)
{
    return index < PROC_MAX ? table[index] : NULL;
}

struct proc *
proc_find(uint32_t pid)
{
    return pid <= PID_MAX && place_of[pid] != 0 ? table[place_of[pid] - 1] : NULL;
}

struct thread *
thread_find(uint32_t tid)
{
    struct proc *p = proc_find(tid);

    if (p == NULL)
        return NULL;
    list_for(pos, &p->threads) {
        struct thread *t = container_of(pos, struct thread, proc_link);

        if (t->tid == tid)
            return t;
    }
    return NULL;
}

static void
number_change(uint32_t *field, uint32_t to)
{
    users[*field]--;
    *field = to;
    users[to]++;
}

void
proc_set_group(struct proc *p, uint32_t pgid)
{
    number_change(&p->pgid, pgid);
}

void
proc_set_session(struct proc *p, uint32_t sid)
{
    number_change(&p->sid, sid);
    number_change(&p->pgid, sid);
}

unsigned
proc_each(bool (*fn)(struct proc *p, uint64_t arg), uint64_t arg)
{
    unsigned n = 0;

    for (unsigned i = 0; i < places_end; i++)
        if (table[i] != NULL && table[i]->state != PROC_ZOMBIE && table[i]->state != PROC_STARTING && fn(table[i], arg))
            n++;
    return n;
}

unsigned
proc_count(void)
{
    return place_total;
}

/* Threads of a user, and processes that have ended and are not waited for yet. */
static unsigned
tasks_of(uint32_t uid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < places_end; i++) {
        const struct proc *p = table[i];

        if (p != NULL && (p->fs != NULL ? p->fs->ruid : p->uid) == uid)
            n += MAX(p->thread_count, 1u);
    }
    return n;
}

int
proc_room_for_task(const struct proc *p)
{
    uint64_t limit = p->rlimit[RLIMIT_NPROC_K].cur;

    if (p->fs->uid == 0 || p->fs->ruid == 0 || limit > place_total + thread_total)
        return 0;
    return tasks_of(p->fs->ruid) < limit ? 0 : -EAGAIN;
}

/* PROC_MAX processes use at most three numbers each, THREAD_TOTAL_MAX threads one: one is free. */
static uint32_t
pid_next(void)
{
    do
        last_pid = last_pid >= PID_MAX ? 2 : last_pid + 1;
    while (users[last_pid] != 0);
    return last_pid;
}

static void
limits_default(struct proc *p)
{
    static const struct rlimit_k special[RLIMITS] = {
        [RLIMIT_STACK_K] = { STACK_BYTES_MAX, STACK_BYTES_MAX },
        [RLIMIT_CORE_K] = { 0, UINT64_MAX },
        [RLIMIT_NPROC_K] = { PROC_MAX, PROC_MAX },
        [RLIMIT_NOFILE_K] = { FD_USUAL, FD_MAX },
        [RLIMIT_MEMLOCK_K] = { 65536, 65536 },
        [RLIMIT_SIGPENDING_K] = { SIGNALS_QUEUED_MAX, SIGNALS_QUEUED_MAX },
        [RLIMIT_MSGQUEUE_K] = { 819200, 819200 },
        [RLIMIT_NICE_K] = { 0, 0 },
        [RLIMIT_RTPRIO_K] = { 0, 0 },
    };

    for (unsigned i = 0; i < RLIMITS; i++)
        p->rlimit[i] = special[i].max != 0 || i == RLIMIT_NICE_K || i == RLIMIT_RTPRIO_K ? special[i]
                                                                                       : (struct rlimit_k){ UINT64_MAX, UINT64_MAX };
}

/* Takes a place in the table and a pid, which is its group and session too until it gets others. */
static bool
place_take(struct proc *p)
{
    unsigned i = lowest_free;

    while (i < PROC_MAX && table[i] != NULL)
        i++;
    lowest_free = i;
    if (i == PROC_MAX)
        return false;
    table[i] = p;
    places_end = MAX(places_end, i + 1);
    place_total++;
    p->pid = p->pgid = p->sid = pid_next();
    place_of[p->pid] = (uint16_t)(i + 1);
    users[p->pid] += 3;
    return true;
}

uint32_t
tid_take(struct proc *p)
{
    uint32_t tid;

    if (thread_total == THREAD_TOTAL_MAX)
        return 0;
    thread_total++;
    tid = pid_next();
    place_of[tid] = place_of[p->pid];
    users[tid]++;
    return tid;
}

void
tid_give(uint32_t tid)
{
    thread_total--;
    place_of[tid] = 0;
    users[tid]--;
}

/* The housekeeper may not have come round to those that are dead and gone. */
static bool
place_retake(struct proc *p)
{
    reap_zombies();
    return place_take(p);
}

static void
place_give(const struct proc *p)
{
    unsigned i = place_of[p->pid] - 1u;

    table[i] = NULL;
    while (places_end > 0 && table[places_end - 1] == NULL)
        places_end--;
    place_total--;
    lowest_free = MIN(lowest_free, i);
    place_of[p->pid] = 0;
    users[p->pid]--;
    users[p->pgid]--;
    users[p->sid]--;
}

struct proc *
proc_alloc(void)
{
    struct proc *p = heap_alloc(sizeof(*p));

    if (p == NULL)
        return NULL;
    p->actions = heap_alloc(SIG_MAX * sizeof(*p->actions));
    if (p->actions == NULL || (!place_take(p) && !place_retake(p))) {
        heap_free(p->actions);
        heap_free(p);
        return NULL;
    }
    p->state = PROC_STARTING;
    p->serial = ++last_serial;
    p->start_ns = clock_monotonic_ns();
    waitq_init(&p->child_exit);
    waitq_init(&p->stop_wq);
    list_init(&p->reap_link);
    list_init(&p->children);
    list_init(&p->sibling);
    list_init(&p->sem_undos);
    list_init(&p->threads);
    list_push_tail(&p->threads, &p->thread.proc_link);
    p->thread_count = 1;
    alt_stack_none(&p->thread.sig);
    timers_init(p);
    waitq_init(&p->thread_exit);
    limits_default(p);
    p->dumpable = 1;
    p->traits.timer_slack_ns = TIMER_SLACK_NS;
    p->exit_signal = SIGCHLD;
    return p;
}

void
proc_free(struct proc *p)
{
    list_for_safe(pos, next, &p->children)
        list_remove(pos);
    list_remove(&p->sibling);
    place_give(p);
    heap_free(p->actions);
    heap_free(p->vfork);
    heap_free(p->start);
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
