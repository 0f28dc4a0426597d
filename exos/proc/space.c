/*
 * space.c: the space of a process: made by its parent, taken apart by whoever waits for it.
 *
 * Holds:    image and session segment are one shared subtree each, attached by one call; the process segment's pages are session pages, so
 *           the parent fills them and anybody can look into them. A few spaces of processes that ended by themselves are kept with all that
 *           hangs in them, empty page-table nodes too, and their envs, which wait in sched_exit(): the next process gets one of these.
 * Bounds:   SHELLS_MAX spaces are kept.
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/frames.h"
#include "base/mem.h"
#include "proc/internal.h"
#include "start/entry.h"
#include "start/keys.h"
#include "start/session.h"
#include "thread/turn.h"
#include "vm/vm.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define REGS_ROOM 256           /* below the top of a library stack: struct regs, and alignment */
#define DESTROY_STEPS_MAX 100000
#define SHELLS_MAX 8

enum { NODE_PML4, NODE_PDPT, NODE_PD, NODE_PT, NODE_SAVE };
enum { PAGE_MM, PAGE_UENV = SEGMENT_UENV, PAGE_HANDLER, PAGE_STACK };

static uint64_t
segment_va(unsigned i)
{
    switch (i) {
    case PAGE_MM: return MM_LOCAL_VA;
    case PAGE_UENV: return UENV_VA;
    case PAGE_HANDLER: return HANDLER_STACK_TOP - PAGE_SIZE;
    default: return LIB_STACK_TOP - (i - PAGE_STACK + 1) * PAGE_SIZE;
    }
}

static int
take_memory(struct proc *p)
{
    bool zero;

    for (unsigned i = 0; i < PROC_NODES; i++)
        if ((p->node[i] = frame_take(&zero)) == 0)
            return -ENOMEM;
    for (unsigned i = 0; i < PROC_SEGMENT_PAGES; i++) {
        p->segment_page[i] = page_alloc();
        if (p->segment_page[i] == NULL)
            return -ENOMEM;
        if (i < PAGE_STACK)
            memset(p->segment_page[i], 0, PAGE_SIZE);
    }
    return 0;
}

static void
give_memory(struct proc *p)
{
    for (unsigned i = 0; i < PROC_NODES; i++)
        if (p->node[i] != 0)
            frame_give(p->node[i], false);
    for (unsigned i = 0; i < PROC_SEGMENT_PAGES; i++)
        if (p->segment_page[i] != NULL)
            page_free(p->segment_page[i]);
    memset(p->node, 0, sizeof(p->node));
    memset(p->segment_page, 0, sizeof(p->segment_page));
}

static aeg_err_t
attach_all(const struct proc *p)
{
    aeg_err_t err = aeg_pt_attach(p->space, CAPS, IMAGE_SLOT_BASE, 3 | AEG_ATTACH_EXEC, session.image_node);

    if (err == AEG_OK)
        err = aeg_pt_attach(p->space, CAPS, SESSION_BASE, 3 | AEG_ATTACH_WRITE, session.session_node);
    if (err == AEG_OK)
        err = aeg_pt_attach(p->space, CAPS, PROCESS_BASE, 3 | AEG_ATTACH_WRITE, p->node[NODE_PDPT]);
    if (err == AEG_OK)
        err = aeg_pt_attach(p->space, CAPS, PROCESS_BASE, 2 | AEG_ATTACH_WRITE, p->node[NODE_PD]);
    if (err == AEG_OK)
        err = aeg_pt_attach(p->space, CAPS, PROCESS_BASE, 1 | AEG_ATTACH_WRITE, p->node[NODE_PT]);
    return err;
}

/* UENV and handler stack are where the way into the library puts what it finds: they cannot be closed. */
static uint64_t
segment_key(unsigned i)
{
    return i == PAGE_UENV || i == PAGE_HANDLER ? 0 : keys_pte();
}

static aeg_err_t
map_segment(const struct proc *p)
{
    struct aeg_pte_op ops[PROC_SEGMENT_PAGES];
    uint64_t done;

    for (unsigned i = 0; i < PROC_SEGMENT_PAGES; i++)
        ops[i] = (struct aeg_pte_op){ segment_va(i), page_frame(p->segment_page[i]) << PAGE_SHIFT | AEG_PTE_P | AEG_PTE_W | AEG_PTE_U |
                                                         AEG_PTE_NX | segment_key(i) };
    return aeg_pte_set(p->space, CAPS, ops, PROC_SEGMENT_PAGES, &done);
}

static aeg_err_t
grant_all(const struct proc *p)
{
    for (uint32_t i = 0; i < CAP_COUNT; i++) {
        uint64_t index;
        aeg_err_t err;

        if (session.cap_rights[i] == 0)
            continue;
        err = aeg_cap_grant(i, p->space, CAP_SELF, session.cap_rights[i], &index);
        if (err != AEG_OK)
            return err;
        EXO_ASSERT(index == i);
    }
    return AEG_OK;
}

struct entry_ways entry_ways = { fault_entry, slice_entry, foreign_entry, NULL };

void
uenv_prepare(struct aeg_uenv *u, uint64_t env, struct thread *t, uint32_t pid)
{
    struct uenv_local *local = uenv_local(u);

    memset(u, 0, offsetof(struct aeg_uenv, library));   /* whoever had it before may have left anything */
    u->env_id = env;
    u->crit = 1;
    u->fault_entry = (uint64_t)entry_ways.fault;
    u->slice_entry = (uint64_t)entry_ways.slice;
    u->foreign_entry = (uint64_t)entry_ways.foreign;
    u->notify_entry = (uint64_t)entry_ways.notify;
    for (unsigned i = 0; i < AEG_UENV_DEPTH; i++)
        u->frame[i].handler_rsp = HANDLER_STACK_TOP - (i == 0 ? 0 : PAGE_SIZE / 2);
    local->stack_top = LIB_STACK_TOP;
    local->self = t;
    local->pid = pid;
    local->inside = TURN_HELD;
}

void
uenv_prepare_further(struct aeg_uenv *u, uint64_t env, struct thread *t, uint32_t pid, unsigned index)
{
    uenv_prepare(u, env, t, pid);
    for (unsigned i = 0; i < AEG_UENV_DEPTH; i++)
        u->frame[i].handler_rsp = FURTHER_HANDLER_TOP(index) - (i == 0 ? 0 : PAGE_SIZE / 2);
}

static void
env_prepare(struct proc *p)
{
    struct aeg_uenv *u = p->segment_page[PAGE_UENV];

    uenv_prepare(u, p->env, &p->thread, p->pid);
    thread_init(&p->thread, p, p->env, u, &p->holder);
    p->thread.tid = p->pid;
    p->holder = &p->thread;
}

/* An env for the space of `owner`, which begins in the library at `rip`. */
static aeg_err_t
make_env(struct proc *owner, void (*rip)(void), const uint64_t *arg)
{
    struct aeg_env_args args = {
        .uenv_frame = page_frame(owner->segment_page[PAGE_UENV]),
        .save_frame = owner->node[NODE_SAVE],
        .uenv_va = UENV_VA,
        .rip = (uint64_t)rip,
        .rsp = LIB_STACK_TOP - REGS_ROOM,
        .arg = { arg[0], arg[1] },
        .controller = session.housekeeper,
    };

    return aeg_env_create(session.account, CAP_SELF, CAP_SELF, owner->space, &args, &owner->env);
}

static aeg_err_t
make_first_env(struct proc *p)
{
    const uint64_t arg[] = { START_PROCESS, (uint64_t)p };
    aeg_err_t err = make_env(p, _start, arg);

    if (err == AEG_OK)
        env_prepare(p);
    return err;
}

/* All that had the env `old` have another one. */
static void
env_moved(uint64_t old, uint64_t env)
{
    for (unsigned i = 0; i < proc_places(); i++) {
        struct proc *p = proc_at(i);

        if (p == NULL || (p->thread.env != old && p->env != old))
            continue;
        p->env = p->thread.env = env;
        list_for(pos, &p->threads)
            container_of(pos, struct thread, proc_link)->env = env;
    }
}

int
space_revive(struct thread *t)
{
    const uint64_t arg[] = { t->parked, 0 };
    struct proc *owner = t->proc;
    uint64_t old = t->env;
    aeg_err_t err;

    while (owner->vfork != NULL)
        owner = owner->vfork->parent;
    (void)!aeg_env_destroy(old, CAP_SELF);      /* it may be there still, stopped */
    err = make_env(owner, cpus_many ? thread_unpark_many : thread_unpark, arg);
    if (err != AEG_OK) {
        log_print("pid %u cannot be given another env: kernel error %u", t->pid, err);
        return -EAGAIN;
    }
    uenv_prepare(owner->segment_page[PAGE_UENV], owner->env, t, t->pid);
    uenv_local(t->uenv)->stack_top = t->stack_top;
    *t->holder = t;
    env_moved(old, owner->env);
    t->env = owner->env;
    return 0;
}

/* Its program part is empty by now, or its frames are lost to the account until the session ends. */
static void
space_destroy(struct proc *p)
{
    aeg_err_t err = AEG_OK;

    if (p->space != 0) {
        unsigned steps = 0;

        do
            err = aeg_space_destroy(p->space, CAP_SELF);
        while (err == AEG_ERR_AGAIN && ++steps < DESTROY_STEPS_MAX);
        if (err != AEG_OK)
            EXO_PANIC("the space of pid %u cannot be taken apart: kernel error %u", p->pid, err);
    }
    p->space = p->env = 0;
    give_memory(p);
    threads_free(p);
    if (p->mm != NULL)
        mm_destroy(p->mm);
    p->mm = NULL;
}

static void
local_prepare(const struct proc *p)
{
    struct mm_local *local = p->segment_page[PAGE_MM];

    p->mm->space = p->space;
    *local = (struct mm_local){ .space = p->space, .mm = p->mm, .last_pt = UINT64_MAX, .pager = &pager_nobody };
}

static int
space_make(struct proc *p)
{
    aeg_err_t err;

    p->mm = mm_create();
    if (p->mm == NULL || take_memory(p) != 0) {
        space_destroy(p);
        return -ENOMEM;
    }
    err = aeg_space_create(session.account, CAP_SELF, CAP_SELF, p->node[NODE_PML4], &p->space);
    if (err == AEG_OK)
        err = attach_all(p);
    if (err == AEG_OK)
        err = map_segment(p);
    if (err == AEG_OK)
        err = grant_all(p);
    if (err == AEG_OK)
        err = make_first_env(p);
    if (err == AEG_OK) {
        local_prepare(p);
        return 0;
    }
    if (err != AEG_ERR_LIMIT && err != AEG_ERR_NOMEM)
        log_print("a space for pid %u cannot be made: kernel error %u", p->pid, err);
    space_destroy(p);
    return -EAGAIN;
}

/* ---- spaces that wait for a process ---- */

struct shell {
    uint64_t space, env;
    struct mm *mm;
    void *segment_page[PROC_SEGMENT_PAGES];
    uint64_t node[PROC_NODES];
};
static struct shell shells[SHELLS_MAX];
static uint32_t shell_count;

/* False: it is not fit to be used again. */
static bool
shell_keep(struct proc *p)
{
    struct shell *s = &shells[shell_count];

    if (shell_count == SHELLS_MAX || !p->env_parked || !proc_env_runs(p) || !mm_recycle(p->mm))
        return false;
    uenv_local(p->segment_page[PAGE_UENV])->self = NULL;
    *s = (struct shell){ .space = p->space, .env = p->env, .mm = p->mm };
    memcpy(s->segment_page, p->segment_page, sizeof(s->segment_page));
    memcpy(s->node, p->node, sizeof(s->node));
    shell_count++;
    return true;
}

static bool
shell_take(struct proc *p)
{
    const struct shell *s;

    if (shell_count == 0)
        return false;
    s = &shells[--shell_count];
    p->space = s->space;
    p->env = s->env;
    p->mm = s->mm;
    memcpy(p->segment_page, s->segment_page, sizeof(p->segment_page));
    memcpy(p->node, s->node, sizeof(p->node));
    p->env_parked = true;
    env_prepare(p);
    local_prepare(p);
    return true;
}

uint64_t
shells_drop(void)
{
    struct proc *p = heap_alloc(sizeof(*p));
    uint64_t dropped = 0;

    for (; p != NULL && shell_take(p); dropped++)
        space_destroy(p);
    heap_free(p);
    return dropped;
}

int
space_build(struct proc *p)
{
    return shell_take(p) ? 0 : space_make(p);
}

/* Not in that space. */
void
space_tear_down(struct proc *p)
{
    if (p->space != 0 && !shell_keep(p))
        space_destroy(p);
    p->space = p->env = 0;
    p->mm = NULL;
    memset(p->node, 0, sizeof(p->node));
    memset(p->segment_page, 0, sizeof(p->segment_page));
}

struct regs *
space_regs(const struct proc *p)
{
    return (struct regs *)((char *)p->segment_page[PAGE_STACK] + PAGE_SIZE) - 1;
}

void *
space_vectors(const struct proc *p)
{
    return (char *)p->segment_page[PAGE_MM] + XSAVE_OFFSET;
}

uint64_t
space_stack_word(const struct proc *p, uint64_t va)
{
    uint64_t below_top = LIB_STACK_TOP - va;

    if ((va & 7) != 0)
        return 0;
    if (below_top == 0 || below_top > (PROC_SEGMENT_PAGES - PAGE_STACK) * PAGE_SIZE)
        return thread_stack_word(p, va);
    return ((const uint64_t *)p->segment_page[PAGE_STACK + (below_top - 1) / PAGE_SIZE])[(va & PAGE_MASK) / sizeof(uint64_t)];
}

static const volatile struct aeg_env_info *
env_info(const struct proc *p)
{
    return aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(p->env));
}

bool
proc_env_runs(const struct proc *p)
{
    return env_info(p)->id == p->env && env_info(p)->state == AEG_ENV_READY;
}

bool
thread_env_runs(const struct thread *t)
{
    const volatile struct aeg_env_info *e = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(t->env));

    return e->id == t->env && e->state == AEG_ENV_READY;
}

bool
proc_env_gone(const struct proc *p)
{
    return env_info(p)->id != p->env || env_info(p)->state == AEG_ENV_STOPPED;
}

bool
proc_env_stuck(const struct proc *p, uint64_t *rip)
{
    const volatile struct aeg_env_info *e = env_info(p);

    *rip = e->stop_rip;
    return e->id == p->env && e->state == AEG_ENV_STOPPED && e->stop_reason == AEG_VECTOR_SLICE_END &&
           (e->stop_cr2 - (LIB_STACK_TOP - LIB_STACK_BYTES) <= LIB_STACK_BYTES || thread_stack_covers(p, e->stop_cr2));
}
