/* env.h: one CPU context in a space. See env.c and slice_run.c. */
#ifndef AEGIS_CORE_ENV_H
#define AEGIS_CORE_ENV_H

#include "aegis/uenv.h"
#include "arch/x86_64/arch.h"
#include "core/space.h"

#define ENV_MAX 512

/* What an env that gave up the CPU by a call gets back; entry.asm knows the layout. */
struct resume {
    uint64_t rbx, rbp, r12, r13, r14, r15;
    uint64_t rsp, rip, rflags;
    uint64_t rax, rdx, rdi, rsi;
    uint64_t fs_base;
    uint64_t gs_base;           /* the UENV, always */
};
static_assert(offsetof(struct resume, gs_base) == 14 * 8, "entry.asm");

/* What entry.asm pushes before the calls that may not return: args, then the way back; and what a C function keeps. */
struct call_frame {
    struct sys_args args;
    uint64_t rflags, rip, rsp;
};
struct callee_saved {
    uint64_t rbx, rbp, r12, r13, r14, r15;
};
static_assert(offsetof(struct sys_args, a[5]) == 5 * 8 && sizeof(struct callee_saved) == 6 * 8, "entry.asm: env_enter_message");

enum resume_kind {
    RESUME_CALL,                /* from struct resume: it was new, yielded, or waited */
    RESUME_SAVED,               /* from the save frame: it was forced out, and has not given up the CPU by itself since */
};

/* RESUME_CALL: what of the call's results is made when the env goes on, other than by a message. */
enum wait_result {
    RESULT_NONE,
    RESULT_WAIT,                /* which notifications, or that the deadline passed */
    RESULT_GATE,                /* the same, and all that a message would have changed is zero */
};

struct env {
    aeg_id_t id;                /* 0: the place is free */
    struct aeg_name guard;
    uint32_t account;
    uint32_t next_generation;
    enum aeg_env_state state;
    uint32_t on_cpu;            /* the CPU that runs it, plus 1; 0: none. Where there are several; else 0 */
    uint8_t result;             /* enum wait_result; none while it runs */
    uint8_t resume_kind;        /* enum resume_kind */
    uint32_t unanswered;        /* slices on end, lent by its home, whose end its library has not answered (slice_end.c) */
    struct space *space;
    struct aeg_uenv *uenv;      /* kernel alias */
    struct save_area *save;     /* kernel alias of the save frame */
    aeg_frame_t uenv_frame, save_frame;
    uint64_t uenv_va;
    struct resume resume;
    uint64_t wait_mask;
    uint64_t wait_deadline_ns;
    struct aeg_name gate_guard; /* who may enter its gate, beside those who may write the env */
    aeg_id_t pct_caller;        /* whose call it has in hand; that env must say the same, else the caller is no longer there */
    aeg_id_t pct_callee;        /* whose reply it waits for; 0: it is in no call */
    aeg_id_t runner;            /* of a home: who has its slices now; 0, or somebody who is gone: itself */
    uint64_t excess_ticks;      /* past the end of slices, not yet a penalty */
    struct aeg_env_info *info;
};

extern struct env envs[ENV_MAX];

/* Is it ready, and running nowhere? One compare: a directed yield is short (benchmark row `yield`). */
static inline bool
env_can_run(const struct env *e)
{
    uint64_t state_and_cpu;

    static_assert(offsetof(struct env, on_cpu) == offsetof(struct env, state) + 4, "adjacent");
    __builtin_memcpy(&state_and_cpu, &e->state, sizeof(state_and_cpu));
    return state_and_cpu == AEG_ENV_READY;
}

/* Has it given up the CPU by a call whose results are there? The other ways to go on are rarer. */
static inline bool
env_goes_on(const struct env *e)
{
    uint16_t result_and_kind;

    static_assert(offsetof(struct env, resume_kind) == offsetof(struct env, result) + 1, "adjacent");
    __builtin_memcpy(&result_and_kind, &e->result, sizeof(result_and_kind));
    return result_and_kind == (RESULT_NONE | RESUME_CALL << 8);
}

void env_init(void);
struct env *env_find(aeg_id_t id);
/* The env behind id when capability `cap` of the caller has `rights` over it. */
aeg_err_t env_check(aeg_id_t id, uint32_t cap, uint32_t rights, struct env **out) AEG_MUST_USE;
void env_set_state(struct env *e, enum aeg_env_state state);
/* Sets notification bits and, if it has a revoke_entry, pending bits of an env; a stale id does nothing. */
void env_tell(aeg_id_t id, uint64_t bits, uint32_t pending);
/* Every env of a space goes. None of them may be running. */
void env_destroy_all(struct space *s);
/* Every env that the account at an index pays for goes. None of them may be running. */
void env_destroy_paid(uint32_t account);
struct env *env_make(struct space *s, const struct aeg_env_args *args, struct aeg_name guard, uint32_t account);

/* Wakes envs whose deadline has passed; returns the next deadline (ns), UINT64_MAX if there is none. */
uint64_t env_expire_waits(uint64_t now_ns);
/* No later than the first deadline of a waiting env, UINT64_MAX if there is none. Wakes nobody. */
uint64_t env_next_deadline(void);

/* The next deadline is at most this one. */
void env_deadline(uint64_t deadline_ns);
static inline bool
env_asleep(const struct env *e)
{
    return e->state == AEG_ENV_WAITING || e->state == AEG_ENV_GATE;
}

/* pct.c */
void pct_leave(struct env *e);                  /* e ends or stops: its caller gets an error */
void pct_fail(struct env *caller, aeg_err_t err);   /* the call in which it waits is over without a reply */
struct env *pct_last(struct env *e);            /* who works for e: the end of the chain of calls */

/* slice.c, slice_run.c, slice_end.c */
void slice_init(void);
void slice_give_all(struct env *e);             /* bring-up: every position of CPU 0 */
void slice_forget(struct env *e);               /* e is going: no position and no home may name it */
noreturn void env_stop(uint64_t vector, uint64_t rip, uint64_t cr2);    /* the running env cannot go on */
noreturn void sched_run(void);                  /* runs whoever the slice vector says, or idles */
noreturn void sched_switch_to(struct env *to);  /* which has the running home's slices from now on */
/* To `to` with the message in the caller's registers: in the grace, too, for a message cannot wait. Calls donate by their chain. */
noreturn void sched_hand_over(struct env *to, const struct callee_saved *saved, const struct call_frame *frame);
void cpu_load_space(struct cpu *cpu, struct space *s);
void slice_rearm(void);                         /* a deadline has come that the timer may not know */
bool slice_in_grace(void);
bool env_elsewhere(const struct env *e);        /* it is running on another CPU: nobody else can have it run */
void env_off_cpu(struct env *e);                /* it is running on none */
void slice_leave(struct cpu *cpu);              /* mail: the CPU leaves its env, which is going; it looks for another in its next turn */

/* entry.asm */
struct trap_frame;
noreturn void env_enter_call(struct resume *r);
noreturn void env_enter_message(struct resume *r, const struct callee_saved *saved, const struct call_frame *frame);
noreturn void env_enter_saved(struct save_area *save);
void vector_state_reset(void);
void vector_state_save(void *area);
void vector_state_load(void *area);
uint64_t fs_base_read(void);
uint64_t gs_base_user_read(void);

#endif
