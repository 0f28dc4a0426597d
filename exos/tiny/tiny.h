/*
 * tiny.h: the smallest useful library OS: a pager, a console, a main loop.
 *
 * It runs where exos.img runs: the kernel loads it into the first space, gives it the root capability, a stack, a UENV and all slices. Or
 * beside ExOS, in a session of its own: `session` does the same with a fresh principal and some of the slices. It cannot tell the two
 * apart until it asks for more than it has. A newcomer copies this directory. See docs/tiny.md.
 */
#ifndef EXOS_TINY_H
#define EXOS_TINY_H

#include <stdbool.h>

#include "aegis/info.h"
#include "aegis/sys.h"
#include "aegis/uenv.h"

#define SELF 0                                      /* the capability over all that is ours */
#define UENV ((struct aeg_uenv *)0x7e0000200000ull) /* where it is mapped when we begin */
#define PAGE ((uint64_t)AEG_FRAME_SIZE)
#define HEAP_BASE (2ull << 39)                      /* demand-zero memory, in a PML4 slot of its own */
#define HEAP_BYTES (64ull << 20)

/* over.c: ends the machine if it is ours to end, else this env alone. */
#define GOOD 0
#define BAD 1
_Noreturn void over(uint64_t status);

/* pager.c */
void pager_init(void);
uint64_t pager_faults(void);

/* console.c */
/* `cap` has WRITE over the console. `typed` is taken for what was typed; NULL: READ, too, and somebody types. */
void console_init(uint32_t cap, const char *typed);
void print(const char *text);
void print_number(uint64_t n, unsigned base);
/* One line without its end; sleeps until it is there. Longer lines are cut. */
void read_line(char *line, unsigned size);

#endif
