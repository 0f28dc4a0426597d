/*
 * gate.c: the gate table, first thing in the image.
 */
#include "exos/gate.h"

#include "start/entry.h"
#include "start/keys.h"

#define BUILD_ID 1

_Static_assert(offsetof(struct exos_gate, syscall) == 16, "entry.inc: GATE_SYSCALL");

__attribute__((section(".gate"), used)) const struct exos_gate gate_table = {
    .magic = EXOS_GATE_MAGIC,
    .build_id = BUILD_ID,
    .syscall = gate_syscall,
    .sigreturn = gate_sigreturn,
    .clock_gettime = gate_clock_gettime,
    .getpid = gate_getpid,
    .pages = gate_pages,
};

void
gate_table_keyed(struct exos_gate *copy)
{
    copy->syscall = gate_syscall_keyed;
}

void
gate_table_many(struct exos_gate *copy)
{
    copy->syscall = pkru_closed != 0 ? gate_syscall_keyed_many : gate_syscall_many;
    copy->sigreturn = gate_sigreturn_many;
    copy->pages = gate_pages_many;
}
