/* path.h: the measured paths that cannot be written in C. See path.S. Each returns ticks between two stamps. */
#ifndef BENCH_PATH_H
#define BENCH_PATH_H

#include "aegis/uenv.h"

uint64_t path_nothing(void);
uint64_t path_null(void);
/* A `syscall` with a number of Linux's, to a label of ours and no further. */
uint64_t path_bounce(struct aeg_uenv *uenv);
/* A store to `address`, which faults, to the handler's first instruction; *round_trip: until the program is back. */
uint64_t path_fault(struct aeg_uenv *uenv, void *address, uint64_t *round_trip);
/* The same for an undefined instruction: an exception without its own entry in the kernel. */
uint64_t path_undefined(struct aeg_uenv *uenv, uint64_t *round_trip);

/* A call of the env's gate and back; *entry: until the gate was entered. UINT64_MAX: it failed. */
uint64_t path_pct(uint64_t env, uint64_t *entry);
/* Code of another env: waits in the gate for ever, and the gate. */
void path_server(void);
void path_server_gate(void);

/* Code of another env: yields to path_peer_target for ever. */
void path_peer(void);
extern uint64_t path_peer_target;

#endif
