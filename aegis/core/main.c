/*
 * main.c: the kernel from its first instruction in C to the first program.
 */
#include "arch/x86_64/arch.h"
#include "core/account.h"
#include "core/env.h"
#include "core/first.h"
#include "core/frame.h"
#include "core/info.h"
#include "core/lockrank.h"
#include "core/revoke.h"
#include "core/space.h"
#include "core/tlb.h"
#include "core/trace.h"
#include "dev/dev.h"

noreturn void aegis_main(void);

noreturn void
aegis_main(void)
{
    arch_boot();        /* what the loader said, page tables, descriptor tables, serial port and screen */
    frame_init();       /* the frame table, and memory for the rest of this list */
    info_init();        /* the exposed window */
    arch_devices();     /* ACPI, clock, interrupt controllers, keyboard, the other CPUs */
    trace_init();       /* the last events, in the window */
    locks_init();       /* who has waited for whom, in it */
    account_init();     /* the root account */
    space_init();       /* the space table */
    env_init();         /* the env table */
    slice_init();       /* the time-slice vectors */
    tlb_init();         /* what each CPU's TLB may hold */
    dev_init();         /* PCI, disks and their slots, network interfaces */
    info_seal();        /* boot modules and command line */
    frame_seal();       /* what is left of memory is free */
    revoke_init();      /* when that is little */
    first_env();        /* exos.img, with the root capability */
    sched_run();
}
