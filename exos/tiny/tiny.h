/*
 * tiny.h: the smallest useful library OS: a pager, a console, a main loop.
 *
 * It stands where exos.img stands: the kernel loads it into the first space, gives it the root capability (index 0), a stack, a UENV and
 * all slices. A newcomer copies this directory. See docs/tiny.md.
 */
#ifndef EXOS_TINY_H
#define EXOS_TINY_H

#include <stdbool.h>

#include "aegis/info.h"
#include "aegis/sys.h"
#include "aegis/uenv.h"

#define ROOT 0                                      /* the capability that the kernel gives the first env */
#define UENV ((struct aeg_uenv *)0x7e0000200000ull) /* where the kernel maps the first env's */
#define PAGE ((uint64_t)AEG_FRAME_SIZE)
#define HEAP_BASE (2ull << 39)                      /* demand-zero memory, in a PML4 slot of its own */
#define HEAP_BYTES (64ull << 20)

/* Ends the machine: QEMU's status is 2 * code + 1. */
#define CODE_GOOD 0x10
#define CODE_BAD 0x11
_Noreturn void machine_off(uint32_t code);

/* pager.c */
void pager_init(void);
uint64_t pager_faults(void);

/* console.c */
void console_init(void);
void print(const char *text);
void print_number(uint64_t n, unsigned base);
/* One line without its end; sleeps until it is there. Longer lines are cut. */
void read_line(char *line, unsigned size);

#endif
