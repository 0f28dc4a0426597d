/* text.h: a growing text, for files whose contents are made when they are read. */
#ifndef EXOS_FS_TEXT_H
#define EXOS_FS_TEXT_H

#include "base/base.h"

#define TEXT_MAX 65536                  /* bytes; what goes beyond is dropped and full is set */

struct text_buf {
    uint64_t key;               /* of what the file is about (gen.h) */
    char *data;
    size_t len, size;
    bool full;
};

void text_print(struct text_buf *t, const char *format, ...) PRINTF(2, 3);
void text_add(struct text_buf *t, const char *s, size_t n);
void text_free(struct text_buf *t);

#endif
