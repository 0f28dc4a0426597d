/* upcall.h: what entry.asm calls. */
#ifndef EXOS_START_UPCALL_H
#define EXOS_START_UPCALL_H

#include "abi/linux.h"
#include "thread/thread.h"

/* True: a signal handler is to be entered, and only its arguments, stack and address have changed in *r. */
bool fault_main(struct regs *r, uint64_t vector, uint64_t error, uint64_t cr2);
bool attention_main(struct regs *r, const struct lx_args *args);
void slice_main(struct regs *r);
/* rt_sigreturn where more is to be looked at than mask and registers. */
void sigreturn_long(struct regs *r, uva_t uc);
uint64_t library_fault_main(void);
/* The fork, vfork or clone that the call in hand has asked for (abi/proc_fork.c): its result. */
long fork_wanted_now(struct regs *r, const struct lx_args *args);
/* The signal that the call in hand has sent to its own thread (abi/proc_kill.c). True: as attention_main(). */
bool own_signal_now(struct regs *r, const struct lx_args *args);
noreturn void nested_fault_main(uint32_t depth);

#endif
