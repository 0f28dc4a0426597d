/* upcall.h: turning the way back to a program into a call of its library. See upcall.c. */
#ifndef AEGIS_CORE_UPCALL_H
#define AEGIS_CORE_UPCALL_H

#include "aegis/uenv.h"
#include "core/kernel.h"

struct env;

/* Where a program would go on, with the two registers that the way into a handler destroys. */
struct way_back {
    uint64_t rip, rsp, rflags, rcx, r11;
};

/*
 * Notes *way in the first frame of e's UENV and makes it lead to `entry`, which has been read once. False: the library is busy (depth or
 * the critical counter is raised) or says no usable address, and *way is as it was.
 */
bool upcall_make(struct env *e, struct way_back *way, uint64_t vector, uint64_t entry) AEG_MUST_USE;

#endif
