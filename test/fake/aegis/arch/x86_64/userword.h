/* userword.h of host tests: the arena of machine.h is all the user memory there is. */
#ifndef FAKE_USERWORD_H
#define FAKE_USERWORD_H

#include "core/kernel.h"

static inline void user_begin(void) { }
static inline void user_end(void) { }

#define USER_GET(to, at) \
    do { \
        if (!copy_in(&(to), (struct uaddr){ at }, sizeof(to))) \
            goto fault; \
    } while (0)

#define USER_PUT(at, from) \
    do { \
        uint64_t word = (from); \
        if (!copy_out((struct uaddr){ at }, &word, sizeof(word))) \
            goto fault; \
    } while (0)

#endif
