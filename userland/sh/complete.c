/*
 * complete.c: what a word that is being typed could become: a builtin or a program as the first
 * word, else a file.
 */
#include "sh.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPLETE_MAX 2000

/* Where the word that ends at the cursor begins; `first`: a command belongs there. */
static size_t
word_start(const char *line, size_t cursor, bool *first)
{
    size_t start = cursor, before;

    while (start > 0 && ((start > 1 && line[start - 2] == '\\') ||
                            strchr(" \t;|&<>(=`", line[start - 1]) == NULL))
        start--;
    before = start;
    while (before > 0 && (line[before - 1] == ' ' || line[before - 1] == '\t'))
        before--;
    *first = before == 0 || strchr(";|&(`", line[before - 1]) != NULL;
    return start;
}

static void
add(struct completion *c, const char *head, size_t head_len, const char *tail, char mark)
{
    size_t tail_len = strlen(tail);
    char *name;

    if (c->names.n >= COMPLETE_MAX)
        return;
    name = arena_alloc(&c->arena, head_len + tail_len + 2);
    memcpy(name, head, head_len);
    memcpy(name + head_len, tail, tail_len);
    name[head_len + tail_len] = mark;
    name[head_len + tail_len + 1] = '\0';
    list_add(&c->names, &c->arena, name);
}

/* Entries of `dir` that begin with `base`; they are added with `head` before them. */
static void
add_entries(struct completion *c, const char *dir, const char *head, size_t head_len,
    const char *base, bool programs)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        struct stat st;
        bool known;

        if (strncmp(e->d_name, base, strlen(base)) != 0 || (e->d_name[0] == '.' && base[0] != '.'))
            continue;
        known = fstatat(dirfd(d), e->d_name, &st, 0) == 0;
        if (programs && !(known && S_ISREG(st.st_mode) && (st.st_mode & 0111)))
            continue;
        add(c, head, head_len, e->d_name, known && S_ISDIR(st.st_mode) ? '/' : ' ');
    }
    if (d != NULL)
        closedir(d);
}

static void
add_commands(struct completion *c, const char *base)
{
    const struct builtin *b;
    const char *path = var_get("PATH", 4);

    for (size_t i = 0; (b = builtin_at(i)) != NULL; i++)
        if (strncmp(b->name, base, strlen(base)) == 0)
            add(c, "", 0, b->name, ' ');
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, ":");

        add_entries(c, arena_strndup(&c->arena, path, len), "", 0, base, true);
        path += len + (path[len] == ':');
    }
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same program in two directories counts once. */
static void
sort_unique(struct list *l)
{
    size_t kept = 0;

    if (l->n == 0)
        return;
    qsort(l->v, l->n, sizeof(*l->v), by_text);
    for (size_t i = 0; i < l->n; i++)
        if (kept == 0 || strcmp(l->v[kept - 1], l->v[i]) != 0)
            l->v[kept++] = l->v[i];
    l->n = kept;
    l->v[kept] = NULL;
}

/* Backslashes off; a ~ stands for the home directory. */
static char *
word_text(struct completion *c, const char *p, size_t len)
{
    char *word = arena_strndup(&c->arena, p, len), *to = word;

    for (const char *from = word; *from != '\0'; from++) {
        if (*from == '\\' && from[1] != '\0')
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return word;
}

static char *
directory_of(struct completion *c, const char *word, size_t head_len)
{
    const char *home = var_get("HOME", 4);
    struct str dir = {0};
    char *result;

    if (head_len == 0)
        return arena_strndup(&c->arena, ".", 1);
    if (word[0] == '~' && word[1] == '/' && home != NULL) {
        str_puts(&dir, home);
        str_put(&dir, word + 1, head_len - 1);
    } else {
        str_put(&dir, word, head_len);
    }
    result = arena_strndup(&c->arena, dir.p, dir.len);
    str_free(&dir);
    return result;
}

/* Fills c->names with whole words, each ending in / or a blank. */
void
complete_word(const char *line, size_t cursor, struct completion *c)
{
    bool first;
    const char *slash;
    char *word;
    size_t head_len;

    *c = (struct completion){0};
    c->start = word_start(line, cursor, &first);
    word = word_text(c, line + c->start, cursor - c->start);
    slash = strrchr(word, '/');
    head_len = slash != NULL ? (size_t)(slash - word) + 1 : 0;
    if (first && slash == NULL)
        add_commands(c, word);
    else
        add_entries(c, directory_of(c, word, head_len), word, head_len, word + head_len, false);
    sort_unique(&c->names);
}

void
completion_free(struct completion *c)
{
    arena_free(&c->arena);
}
