/*
 * layout.h: where everything lies above the programs. PML4 slots: 250 image, 251 session segment, 252 process segment.
 *
 * The process segment holds what each space has for itself at an address that is the same in all: library stacks, handler stack, UENV and
 * struct mm_local. Its frames are session pages too, so any member of the session can reach them for inspection and clean-up.
 */
#ifndef EXOS_START_LAYOUT_H
#define EXOS_START_LAYOUT_H

#include "exos/gate.h"

#define USER_TOP          0x00007d0000000000ull    /* first address that is no program's */
#define USER_BOTTOM       0x0000000000010000ull    /* nothing is mapped below */
#define SLOT_BYTES        (1ull << 39)
#define IMAGE_SLOT_BASE   (250 * SLOT_BYTES)
#define IMAGE_BASE        EXOS_IMAGE_BASE
#define SESSION_BASE      (251 * SLOT_BYTES)       /* .data and .bss of the image first */
#define SESSION_PAGES     (SESSION_BASE + (1ull << 30))    /* page_alloc and the heap */
#define SESSION_POOLS     (SESSION_BASE + (256ull << 30))  /* session_alloc */
#define SESSION_END       (SESSION_BASE + SLOT_BYTES)
#define PROCESS_BASE      (252 * SLOT_BYTES)

#define LIB_STACK_BYTES   0x8000ull
#define MM_LOCAL_VA       (PROCESS_BASE + 0x00000ull)
#define SCRATCH_VA        (PROCESS_BASE + 0x10000ull)      /* eight pages of its own for short-lived mappings */
#define SCRATCH_PAGES     8
#define LIB_STACK_TOP     (PROCESS_BASE + 0x100000ull)     /* unmapped page below the stack */
#define HANDLER_STACK_TOP (PROCESS_BASE + 0x122000ull)     /* frame 0's; the other depths share the page below it */
#define UENV_VA           (PROCESS_BASE + 0x180000ull)
#define FURTHER_ENVS_VA   (PROCESS_BASE + 0x190000ull)     /* UENVs and handler stacks of further envs, FURTHER_ENV_BYTES each */
#define FURTHER_ENV_BYTES 0x4000ull
#define FURTHER_UENV_VA(i) (FURTHER_ENVS_VA + (i) * FURTHER_ENV_BYTES)
#define FURTHER_HANDLER_TOP(i) (FURTHER_UENV_VA(i) + 0x3000ull)
#define SEATS_VA          (PROCESS_BASE + 0x400000ull)     /* library stacks of further threads: each the upper half of SEAT_BYTES */
#define SEAT_BYTES        0x10000ull
#define BOOT_UENV_VA      (PROCESS_BASE + 0x200000ull)     /* of the first env alone; the kernel maps it */

_Static_assert(IMAGE_BASE == IMAGE_SLOT_BASE + SLOT_BYTES - (1ull << 30), "the image is the last GiB of its slot");
_Static_assert(FURTHER_UENV_VA(16) <= BOOT_UENV_VA, "they are in the first page table");
_Static_assert(IMAGE_BASE >> 39 == 250, "gate.h and the address map agree");

#endif
