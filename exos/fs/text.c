/* text.c: growing texts. */
#include "fs/text.h"
#include "base/mem.h"

#define TEXT_FIRST 512

static bool
make_room(struct text_buf *t, size_t n)
{
    size_t size = MAX(t->size, (size_t)TEXT_FIRST);
    char *data;

    if (t->len + n < t->size)
        return true;
    while (size <= t->len + n && size < TEXT_MAX)
        size *= 2;
    data = t->len + n < size ? heap_alloc(size) : NULL;
    if (data == NULL) {
        t->full = true;
        return false;
    }
    if (t->len > 0)
        memcpy(data, t->data, t->len);
    heap_free(t->data);
    t->data = data;
    t->size = size;
    return true;
}

void
text_add(struct text_buf *t, const char *s, size_t n)
{
    if (!make_room(t, n))
        return;
    memcpy(t->data + t->len, s, n);
    t->len += n;
}

void
text_print(struct text_buf *t, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = fmt_vprint(NULL, 0, format, ap);
    va_end(ap);
    if (n <= 0 || !make_room(t, (size_t)n))
        return;
    va_start(ap, format);
    t->len += (size_t)fmt_vprint(t->data + t->len, t->size - t->len, format, ap);
    va_end(ap);
}

void
text_free(struct text_buf *t)
{
    heap_free(t->data);
    *t = (struct text_buf){ 0 };
}
