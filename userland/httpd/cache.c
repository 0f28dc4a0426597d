/*
 * cache.c: small files kept in memory.
 *
 * An entry is used only after a stat shows the same file, size and time of change, so what is
 * served is never stale. A file that changed within the last seconds may change again without its
 * time showing it: it is not kept.
 */
#include "httpd.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cached *entries[CACHE_ENTRIES];

static unsigned
place_of(const char *path)
{
    unsigned h = 5381;

    for (; *path != '\0'; path++)
        h = h * 33 + (unsigned char)*path;
    return h % CACHE_ENTRIES;
}

static bool
unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The user lets it go with cache_put. */
void
cache_put(struct cached *c)
{
    if (c != NULL && --c->users == 0)
        free(c);
}

/* NULL: not there, or not the file any more. */
struct cached *
cache_get(const char *path, const struct stat *st)
{
    struct cached *c = entries[place_of(path)];

    if (c == NULL || strcmp(c->path, path) != 0 || !unchanged(&c->st, st))
        return NULL;
    c->users++;
    return c;
}

/* Reads a whole file. NULL where it is not to be kept, or changes meanwhile; fd is then as it was.
 */
struct cached *
cache_load(const char *path, int fd, const struct stat *st)
{
    struct cached *c, **place = &entries[place_of(path)];
    size_t size = (size_t)st->st_size, path_len = strlen(path);
    char *data;

    if (st->st_size > CACHE_FILE_MAX || time(NULL) - st->st_mtim.tv_sec < CACHE_SETTLED_S)
        return NULL;
    c = malloc(sizeof(*c) + path_len + 1 + size + 1);
    if (c == NULL)
        return NULL;
    data = c->path + path_len + 1;
    c->st = *st;
    c->users = 2;
    c->data = data;
    strcpy(c->path, path);
    if (pread(fd, data, size + 1, 0) != (ssize_t)size) {
        free(c);
        return NULL;
    }
    cache_put(*place);
    *place = c;
    return c;
}
