/*
 * trace.c: the frequent events: calls, foreign system calls and page faults, recorded on the way in (trace.asm).
 */
#include "aegis/sys.h"
#include "arch/x86_64/machine.h"
#include "core/trace.h"

void trace_call(uint32_t number, uint64_t rip);
void trace_fault(uint64_t rip);

void
trace_call(uint32_t number, uint64_t rip)
{
    if (number >= AEG_SYS_BASE)
        trace(AEG_TRACE_CALL, number - AEG_SYS_BASE, rip);
    else
        trace(AEG_TRACE_FOREIGN, number, rip);
}

void
trace_fault(uint64_t rip)
{
    uint64_t cr2;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    trace(AEG_TRACE_FAULT, cr2, rip);
}

void
arch_trace_frequent(void)
{
    segments_trace();
    syscall_entry_set();
}
