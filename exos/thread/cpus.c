/*
 * cpus.c: how several CPUs come to run the session.
 *
 * Holds:    a home for each CPU but the first, whose home is the housekeeper's env: an env in the housekeeper's space with a library stack of its
 *           own, at all positions of its CPU's slice vector but root's. The housekeeper's work then is that of an env besides, which any CPU
 *           runs, so that the first CPU's home, too, is always there to idle.
 * Not here: whose turn it is (turn.c).
 */
#include "aegis/info.h"
#include "aegis/sys.h"
#include "base/frames.h"
#include "base/mem.h"
#include "proc/proc.h"
#include "start/entry.h"
#include "start/keys.h"
#include "start/layout.h"
#include "start/session.h"
#include "thread/turn.h"
#include "vm/vm.h"

#define CAPS AEG_CAPS(CAP_SELF, CAP_SELF)
#define STACK_PAGES 8
#define REGS_ROOM 256
#define RW (AEG_PTE_P | AEG_PTE_W | AEG_PTE_U | AEG_PTE_NX)
#define WORKER (SESSION_CPUS_MAX - 1)   /* its place among the further envs; homes have those before */
#define ROOT_POSITION (AEG_SLICE_POSITIONS - 2)

void (*thread_park_way)(void) = thread_park;
void (*thread_switch_way)(void) = thread_switch;
void (*resume_way)(void) = resume;
static void *barrier_page;
static struct thread homes[SESSION_CPUS_MAX], worker;
static struct thread *nobody[SESSION_CPUS_MAX + 1];     /* who has their envs: nobody but they */

unsigned
cpu_count(void)
{
    return session.cpus;
}

void
cpus_choose(void)
{
    if (pkru_closed != 0)
        entry_ways.foreign = foreign_entry_keyed;
    if (session.cpus <= 1)
        return;
    cpus_many = true;
    thread_park_way = thread_park_many;
    thread_switch_way = thread_switch_many;
    resume_way = resume_many;
    entry_ways = (struct entry_ways){ fault_entry_many, slice_entry_many, pkru_closed != 0 ? foreign_entry_keyed_many : foreign_entry_many,
                                      slice_entry_many };
    turn_add_cpu(0, housekeeper());
}

static void
must(aeg_err_t err, const char *what)
{
    if (err != AEG_OK)
        EXO_PANIC("a CPU cannot run the session: %s: kernel error %u", what, err);
}

static void *
page_at(uint64_t va)
{
    void *page = page_alloc();
    struct aeg_pte_op op = { va, 0 };
    uint64_t done;

    if (page == NULL)
        EXO_PANIC("no memory for a CPU's home");
    memset(page, 0, PAGE_SIZE);
    op.pte = page_frame(page) << PAGE_SHIFT | RW;
    must(aeg_pte_set(session.housekeeper_space, CAPS, &op, 1, &done), "a page");
    return page;
}

static uint64_t
frame_of_own(void)
{
    bool zero;
    uint64_t frame = frame_take(&zero);

    if (frame == 0)
        EXO_PANIC("no memory for a CPU's home");
    return frame;
}

/* An env in the housekeeper's space. `index`: its place among the further envs, and its stack's. */
static void
make_env(struct thread *t, unsigned index, uint64_t kind)
{
    uint64_t top = SEATS_VA + (index + 1) * SEAT_BYTES;
    struct aeg_uenv *uenv = page_at(FURTHER_UENV_VA(index));
    struct aeg_env_args args = {
        .uenv_frame = page_frame(uenv), .save_frame = frame_of_own(), .uenv_va = FURTHER_UENV_VA(index), .rip = (uint64_t)_start,
        .rsp = top - REGS_ROOM, .arg = { kind, 0 }, .controller = session.housekeeper,
    };
    aeg_id_t env;

    page_at(FURTHER_HANDLER_TOP(index) - PAGE_SIZE);
    for (unsigned i = 1; i <= STACK_PAGES; i++)
        page_at(top - i * PAGE_SIZE);
    must(aeg_env_create(session.account, CAP_SELF, CAP_SELF, session.housekeeper_space, &args, &env), "its home's env");
    thread_init(t, NULL, env, uenv, &nobody[index]);
    t->stack_top = top;
    uenv_prepare_further(uenv, env, t, 0, index);
    uenv_local(uenv)->stack_top = top;
}

static void
start_home(unsigned cpu)
{
    make_env(&homes[cpu], cpu - 1, START_HOME);
    turn_add_cpu(cpu, &homes[cpu]);
    for (uint32_t i = 0; i < AEG_SLICE_POSITIONS; i++)
        if (i != ROOT_POSITION)
            must(aeg_slice_set(cpu, i, homes[cpu].env, AEG_CAPS(CAP_CPU, CAP_SELF)), "its slices");
}

/* Aegis interrupts whoever may still know a page of the session by an entry that has changed, and waits for all of them. */
void
cpus_barrier(void)
{
    uint64_t pte, done;

    if (!cpus_many)
        return;
    pte = page_frame(barrier_page) << PAGE_SHIFT | RW | keys_pte();
    must(aeg_pte_set(MM->space, CAPS, (struct aeg_pte_op[]){ { (uint64_t)barrier_page, pte & ~AEG_PTE_W }, { (uint64_t)barrier_page, pte } }, 2,
                     &done), "a barrier");
}

void
cpus_start(void)
{
    if (!cpus_many)
        return;
    barrier_page = page_alloc();
    if (barrier_page == NULL)
        EXO_PANIC("no memory for a CPU's home");
    must(aeg_pt_attach(session.housekeeper_space, CAPS, SEATS_VA, 1 | AEG_ATTACH_WRITE, frame_of_own()), "a page table");
    for (unsigned cpu = 1; cpu < cpu_count(); cpu++)
        start_home(cpu);
    make_env(&worker, WORKER, START_WORKER);
    thread_ready(&worker);
}
