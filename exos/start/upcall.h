/* upcall.h: what entry.asm calls. */
#ifndef EXOS_START_UPCALL_H
#define EXOS_START_UPCALL_H

#include "abi/linux.h"
#include "thread/thread.h"

void fault_main(struct regs *r, uint64_t vector, uint64_t error, uint64_t cr2);
void slice_main(struct regs *r);
void attention_main(struct regs *r, const struct lx_args *args);
uint64_t library_fault_main(void);
/* The fork, vfork or clone that the call in hand has asked for (abi/proc_fork.c): its result. */
long fork_wanted_now(struct regs *r, const struct lx_args *args);
noreturn void nested_fault_main(uint32_t depth);

#endif
