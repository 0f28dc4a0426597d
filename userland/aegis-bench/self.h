/* self.h: who the benchmark is to Aegis, found in the exposed tables. */
#ifndef BENCH_SELF_H
#define BENCH_SELF_H

#include "aegis/uenv.h"

#define CAP 0                       /* the session's own principal (exos/start/session.h) */

struct self {
    struct aeg_uenv *uenv;
    aeg_id_t env, space, account;
};
extern struct self self;            /* kernel.c */

#endif
