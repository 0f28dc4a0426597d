/*
 * func.c: functions. Each keeps its own copy of its text, and the tree made from it, until nobody
 * runs it any more.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>

struct func {
    struct func *next;
    char *name;
    char *text;
    struct arena arena;
    const struct node *body;
    unsigned users; /* the table, and every call under way */
};

static struct func *functions;

static void
func_drop(struct func *f)
{
    if (--f->users > 0)
        return;
    arena_free(&f->arena);
    free(f->name);
    free(f->text);
    free(f);
}

struct func *
func_find(const char *name)
{
    struct func *f = functions;

    while (f != NULL && strcmp(f->name, name) != 0)
        f = f->next;
    return f;
}

bool
func_unset(const char *name)
{
    struct func **f = &functions;
    struct func *gone;

    while (*f != NULL && strcmp((*f)->name, name) != 0)
        f = &(*f)->next;
    if (*f == NULL)
        return false;
    gone = *f;
    *f = gone->next;
    func_drop(gone);
    return true;
}

/* The definition is read a second time, from a copy: the first tree goes away with its line. */
bool
func_define(const struct node *def)
{
    struct func *f = xmalloc(sizeof(*f));
    const struct node *copy;
    struct parser p;

    *f = (struct func){.text = xstrndup(def->src, def->src_len), .users = 1};
    f->name = xstrndup(def->words->text, def->words->len);
    parser_init(&p, &f->arena, f->text, def->src_len);
    copy = parse_command_line(&p);
    if (copy == NULL || copy->kind != N_FUNCTION) {
        func_drop(f);
        return false;
    }
    f->body = copy->a;
    func_unset(f->name);
    f->next = functions;
    functions = f;
    return true;
}

const struct node *
func_enter(struct func *f)
{
    f->users++;
    return f->body;
}

void
func_leave(struct func *f)
{
    func_drop(f);
}

void
func_dump_all(struct str *out)
{
    for (const struct func *f = functions; f != NULL; f = f->next) {
        str_puts(out, f->text);
        str_putc(out, '\n');
    }
}
