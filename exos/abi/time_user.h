/* time_user.h: times in a program's memory, for the calls about clocks and timers. */
#ifndef EXOS_ABI_TIME_USER_H
#define EXOS_ABI_TIME_USER_H

#include "base/base.h"

#define TIMER_ABSTIME 1

struct timespec_k { int64_t sec, nsec; };

/* Nanoseconds, cut at what fits: 292 years are for ever. 0, -EFAULT, -EINVAL. */
int get_timespec(uva_t from, uint64_t *ns) MUST_USE;
/* Can sleeps and timers be set against it? Linux has them for fewer clocks than can be read. */
bool clock_settable(int32_t id);

#endif
