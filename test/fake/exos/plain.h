/* plain.h: what plain.c lets a test see and do. */
#ifndef FAKE_EXOS_PLAIN_H
#define FAKE_EXOS_PLAIN_H

#include <stdbool.h>

extern unsigned plain_wakes, plain_heap_objects;
extern bool plain_heap_fails;       /* the next allocations give NULL */

#endif
