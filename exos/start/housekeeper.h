/* housekeeper.h: what others ask of the env without a program. */
#ifndef EXOS_START_HOUSEKEEPER_H
#define EXOS_START_HOUSEKEEPER_H

#include "base/base.h"

#define INIT_ENDED_CODE 4       /* debug-exit codes: pid 1 ended, no root file system, library bug (panic.c: 3) */
#define NO_ROOT_CODE 5

/* There is something to reap or to power off. */
void housekeeper_kick(void);
/* Ends everything in order: EXOS_POWER_*. Returns at once; the machine goes off soon. */
void housekeeper_power(uint32_t op, uint32_t code);
bool session_going_down(void);

#endif
