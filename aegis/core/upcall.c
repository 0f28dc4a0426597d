/*
 * upcall.c: asynchronous upcalls: an interrupt's return, or the entering of an env, becomes a call of the library's handler.
 *
 * Every field of the UENV is read once; a lie makes no upcall.
 * Not here: faults (entry.asm), when an upcall is due (slice_end.c).
 */
#include "core/upcall.h"
#include "arch/x86_64/arch.h"
#include "core/env.h"
#include "core/trace.h"

bool
upcall_make(struct env *e, struct way_back *way, uint64_t vector, uint64_t entry)
{
    struct aeg_uenv *u = e->uenv;
    uint32_t depth = *(volatile uint32_t *)&u->depth;
    struct aeg_uframe *f = &u->frame[0];
    uint64_t rsp;

    if (depth != 0 || *(volatile uint32_t *)&u->crit != 0 || entry == 0 || entry >= AEG_USER_TOP)
        return false;
    rsp = *(volatile uint64_t *)&f->handler_rsp;
    if (rsp >= AEG_USER_TOP)
        return false;
    f->vector = vector;
    f->error = 0;
    f->cr2 = 0;
    f->rip = way->rip >= u->restart_begin && way->rip < u->restart_end ? u->restart_rip : way->rip;
    f->rsp = way->rsp;
    f->rflags = way->rflags;
    f->rcx = way->rcx;
    f->r11 = way->r11;
    u->depth = 1;
    way->rip = entry;
    way->rsp = rsp;
    way->rflags = 0x202;
    trace(AEG_TRACE_UPCALL, e->id, vector);
    this_cpu()->info->upcalls++;
    e->info->upcalls++;
    return true;
}
