/*
 * machine.h: the machine under a host test of the kernel: memory, one CPU, a clock that stands still, user memory.
 *
 * Running an env never returns in the kernel. Here it is a longjmp to machine_left, if that is armed; cpus[0].env says who got the CPU.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include <setjmp.h>

#include "arch/x86_64/arch.h"

#define FAKE_RAM_BYTES (24ull << 20)
#define FAKE_RAM_FIRST (1ull << 20)         /* what lies below is not for use, as on a PC */
#define FAKE_USER_BYTES (64 * 1024)

extern uint8_t fake_ram[FAKE_RAM_BYTES];
extern uint8_t fake_user[FAKE_USER_BYTES];  /* all that copy_in and copy_out can reach; a user address is a host address */

enum left_by { LEFT_NOT, LEFT_CALL, LEFT_SAVED, LEFT_IDLE, LEFT_MESSAGE };

struct machine {
    jmp_buf left;
    bool trace_frequent;        /* arch_trace_frequent was called */
    bool armed;                 /* somebody waits at `left` */
    enum left_by left_by;       /* how the kernel was left last */
    uint64_t now_ns;            /* TSC ticks are nanoseconds here */
    uint64_t timer_tsc;         /* last timer_arm */
    uint64_t flushed_pages, flushed_all;
    uint64_t last_flushed;      /* va */
    uint64_t flushed_elsewhere; /* pages of other PCIDs */
    paddr_t loaded;             /* CR3: page tables, PCID, and whether the last load kept what the TLB had */
    uint64_t pcid;
    bool kept;
    uint64_t fs_base, gs_base;
    uint64_t selectors_cleared; /* times */
    unsigned read_only_from;    /* offset in fake_user from which copy_out fails; 0: nowhere */
    struct resume *resumed;     /* LEFT_CALL: what was entered */
    struct save_area *saved;    /* LEFT_SAVED */
    uint32_t mailed, woken;     /* CPUs that were interrupted, a bit each */
    void (*answers)(const struct cpu *to);      /* what one does that gets mail; NULL: nothing */
    uint64_t message[3];        /* LEFT_MESSAGE: rbx, r15 and r8 of who sent it */
};
extern struct machine machine;
extern const char *machine_words;       /* the boot command line */

/* tlb.c */
uint64_t machine_translate(uint64_t va);    /* a program's access: the frame, W and NX, from the TLB if it is there; 0: not present */
bool machine_tlb_true(void);    /* all that the TLB would answer in the loaded space is what the tables say */
void machine_tlb_empty(void);

/* boot_info with one module, `name`, whose contents the caller then fills in (fake_ram + module base). */
void machine_describe(const char *module, uint64_t module_bytes);

#endif
