/* strace.h: a Linux call as a line of text: name, decoded arguments, result. */
#ifndef EXOS_ABI_STRACE_H
#define EXOS_ABI_STRACE_H

#include "abi/linux.h"

/* A call that may not come back is written before it is made: `n` is one of those. */
bool strace_ahead(uint64_t n);
/* Writes the call to the log. made: `ret` is its result. Touches the program's memory, so no lock may be held. */
void strace_line(uint64_t n, const struct lx_args *a, bool made, long ret);

#endif
