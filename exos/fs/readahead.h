/* readahead.h: what one reader's past reads say about its next. */
#ifndef EXOS_FS_READAHEAD_H
#define EXOS_FS_READAHEAD_H

#include <stdint.h>

/* Zeroed at open. */
struct readahead {
    uint64_t next;                      /* index that a sequential reader asks for next */
    uint64_t end;                       /* first index not read ahead */
    uint32_t window;                    /* pages in the last batch */
};

#endif
