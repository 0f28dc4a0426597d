/* strace_names.h: names of the numbers in Linux calls. */
#ifndef EXOS_ABI_STRACE_NAMES_H
#define EXOS_ABI_STRACE_NAMES_H

#include "base/base.h"

/* Tables end with a NULL name. Among flags, those of several bits come before their parts. */
struct strace_name {
    uint64_t value;
    const char *name;
};

extern const struct strace_name strace_open[], strace_prot[], strace_map[], strace_clone[], strace_type[];
extern const struct strace_name strace_whence[], strace_signal[], strace_clock[], strace_family[];

/* "ENOENT (No such file or directory)"; NULL: no such error. */
const char *strace_errno(int err);

#endif
