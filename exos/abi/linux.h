/*
 * linux.h: the calling convention of Linux call handlers, and what each module offers to the dispatch table (linux.def).
 */
#ifndef EXOS_ABI_LINUX_H
#define EXOS_ABI_LINUX_H

#include "base/base.h"

/* A handler gets the six argument registers as they came; results >= 0 or -errno. Handlers run on the thread's library stack. */
struct lx_args {
    uint64_t a[6];
};
typedef long lx_handler(const struct lx_args *args);

/* Begins the definition of a handler. */
#define LX(name) lx_handler lx_##name; long lx_##name(const struct lx_args *args)

#endif
