/* types.h: the window is where paging.c has its tables. */
#ifndef FAKE_PAGING_TYPES_H
#define FAKE_PAGING_TYPES_H

#define aeg_window_entry real_window_entry
#include_next "aegis/types.h"
#undef aeg_window_entry

uint64_t aeg_window_entry(uint64_t va, unsigned level);

#endif
