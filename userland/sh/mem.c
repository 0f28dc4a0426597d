/*
 * mem.c: memory that is given back command by command, and strings and lists that grow.
 */
#include "sh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 4000

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    _Alignas(16) char data[];
};

static _Noreturn void
out_of_memory(void)
{
    static const char text[] = "sh: out of memory\n";

    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(STATUS_NOT_FOUND);
    _exit(STATUS_USAGE);
}

void *
xmalloc(size_t size)
{
    void *p = malloc(size != 0 ? size : 1);

    if (p == NULL)
        out_of_memory();
    return p;
}

void *
xrealloc(void *p, size_t size)
{
    p = realloc(p, size != 0 ? size : 1);
    if (p == NULL)
        out_of_memory();
    return p;
}

char *
xstrndup(const char *s, size_t len)
{
    char *p = xmalloc(len + 1);

    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

void *
arena_alloc(struct arena *a, size_t size)
{
    void *p;

    size = (size + 15) & ~(size_t)15;
    if (a->chunks == NULL || a->chunks->size - a->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        struct arena_chunk *c = xmalloc(sizeof(*c) + room);

        c->older = a->chunks;
        c->size = room;
        a->chunks = c;
        a->used = 0;
    }
    p = a->chunks->data + a->used;
    a->used += size;
    return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *p = arena_alloc(a, len + 1);

    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

struct arena_mark
arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->chunks, a->used};
}

/* Gives back everything taken since the mark. The chunk of the mark stays, and one that was there
 * first. */
void
arena_release(struct arena *a, struct arena_mark m)
{
    while (a->chunks != m.chunk && (m.chunk != NULL || a->chunks->older != NULL)) {
        struct arena_chunk *c = a->chunks;

        a->chunks = c->older;
        free(c);
    }
    a->used = m.chunk != NULL ? m.used : 0;
}

void
arena_free(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *c = a->chunks;

        a->chunks = c->older;
        free(c);
    }
    a->used = 0;
}

static void
str_room(struct str *s, size_t more)
{
    if (s->cap - s->len > more)
        return;
    s->cap = (s->len + more + 1) * 2;
    if (s->cap < 32)
        s->cap = 32;
    s->p = xrealloc(s->p, s->cap);
}

void
str_put(struct str *s, const char *p, size_t len)
{
    str_room(s, len);
    if (len > 0)
        memcpy(s->p + s->len, p, len);
    s->len += len;
    s->p[s->len] = '\0';
}

void
str_putc(struct str *s, char c)
{
    str_put(s, &c, 1);
}

void
str_puts(struct str *s, const char *p)
{
    str_put(s, p, strlen(p));
}

void
str_put_number(struct str *s, long n)
{
    char buf[24];

    str_put(s, buf, (size_t)snprintf(buf, sizeof(buf), "%ld", n));
}

/* So that a shell reads it back as one word. */
void
str_put_quoted(struct str *s, const char *p)
{
    str_putc(s, '\'');
    for (; *p != '\0'; p++) {
        if (*p == '\'')
            str_puts(s, "'\\''");
        else
            str_putc(s, *p);
    }
    str_putc(s, '\'');
}

void
str_free(struct str *s)
{
    free(s->p);
    *s = (struct str){0};
}

/* The list's own array is in the arena too. */
void
list_add(struct list *l, struct arena *a, char *item)
{
    if (l->n + 1 >= l->cap) {
        size_t cap = l->cap != 0 ? l->cap * 2 : 8;
        char **v = arena_alloc(a, cap * sizeof(*v));

        if (l->n > 0)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = item;
    l->v[l->n] = NULL;
}
