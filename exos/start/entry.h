/* entry.h: the C side of entry.asm and call.asm. */
#ifndef EXOS_START_ENTRY_H
#define EXOS_START_ENTRY_H

#include "aegis/sys.h"
#include "thread/thread.h"

/* First argument of an env. */
enum { START_ROOT, START_HOUSEKEEPER, START_PROCESS, START_HOME, START_WORKER };

_Static_assert(AEG_SYS_yield == 0xAE600013u, "entry.asm");

void _start(void);
void fault_entry(void);
void slice_entry(void);
void foreign_entry(void);
void foreign_entry_keyed(void);
long gate_syscall(long n, long a, long b, long c, long d, long e, long f);
long gate_syscall_keyed(long n, long a, long b, long c, long d, long e, long f);
void gate_sigreturn(void);
long gate_clock_gettime(int clock, void *timespec);
int gate_getpid(void);
long gate_pages(const void *vector, uint64_t n);         /* vm/pager.asm: this and the next */
long gate_pages_many(const void *vector, uint64_t n);
/* The same where several CPUs run the session (entry_many.asm, thread/turn.h). */
void fault_entry_many(void);
void slice_entry_many(void);
void foreign_entry_many(void);
void foreign_entry_keyed_many(void);
long gate_syscall_many(long n, long a, long b, long c, long d, long e, long f);
long gate_syscall_keyed_many(long n, long a, long b, long c, long d, long e, long f);
void gate_sigreturn_many(void);
void thread_park(void);
void thread_park_many(void);
void thread_switch(void);
void thread_switch_many(void);
void thread_unpark_many(void);
void resume(void);
void resume_many(void);

/* Which of them it is. */
extern struct entry_ways {
    void (*fault)(void), (*slice)(void), (*foreign)(void), (*notify)(void);
} entry_ways;
extern void (*thread_park_way)(void), (*thread_switch_way)(void), (*resume_way)(void);
/* The running env starts as that process, its library stack being of no more use. */
noreturn void restart_process(struct proc *p);
#define PARKED_REGISTERS 1      /* rbp: what thread_park and thread_switch keep below the address where they go on */

/* Yields to an env of the session. Meanwhile all that the thread will go on with lies on its library stack, at thread.parked. */
static inline uint64_t
park(uint64_t env)
{
    uint64_t err;

    __asm__ volatile("call *thread_park_way(%%rip)" : "=a"(err), "+D"(env) : : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                     "r15", "memory", "cc");
    return err;
}

/* From one thread to another of the same env. Back when somebody changes to `from` again; new ones begin in thread_begin(). */
static inline void
change_threads(struct thread *from, struct thread *to)
{
    __asm__ volatile("call *thread_switch_way(%%rip)" : "+D"(from), "+S"(to) : : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                     "r15", "memory", "cc");
}

/* First instruction of an env that takes the place of one that is gone: goes on from `parked`. */
void thread_unpark(void);
/* To the program, with the registers at the top of the library stack. */
noreturn void resume_program(void);

static inline struct regs *
program_regs(void)
{
    return (struct regs *)uenv_local(thread_self()->uenv)->stack_top - 1;
}

struct exos_gate;
extern const struct exos_gate gate_table;
/* Makes of a copy of the table the one for a machine whose protection keys are used. */
void gate_table_keyed(struct exos_gate *copy);
/* The same for several CPUs. */
void gate_table_many(struct exos_gate *copy);

/* What a call leaves at the top of the library stack while it lasts. */
struct call_frame {
    enum { CALL_BY_TRAP, CALL_BY_GATE } way;
    uint64_t args[6];
    struct regs regs;
};
_Static_assert(sizeof(struct call_frame) == 224 && __builtin_offsetof(struct call_frame, args) == 8, "entry.inc");

/* Was the call in hand made by the gate table, as a C function? */
static inline bool
call_linked(void)
{
    return ((const struct call_frame *)uenv_local(thread_self()->uenv)->stack_top - 1)->way == CALL_BY_GATE;
}

/* Entry points, library stack and thread of a UENV before its env starts. */
void uenv_prepare(struct aeg_uenv *u, uint64_t env, struct thread *t, uint32_t pid);

/* The thread of the env without a program. */
struct thread *housekeeper(void);

noreturn void start_main(uint64_t kind, void *arg);
noreturn void root_main(void);
noreturn void housekeeper_main(void);
noreturn void housekeeper_life(void);
/* For an env that is not the first of its space: its own UENV and handler stack (layout.h). */
void uenv_prepare_further(struct aeg_uenv *u, uint64_t env, struct thread *t, uint32_t pid, unsigned index);

#endif
