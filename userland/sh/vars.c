/*
 * vars.c: variables, and the environment that programs get.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 64

struct var {
    struct var *next;
    char *name;
    char *value; /* NULL: exported before it was set */
    bool exported;
};

static struct var *table[BUCKETS];
static size_t var_count;
static char **environ_cache; /* NULL: something exported has changed */

static struct var **
bucket(const char *name, size_t len)
{
    unsigned h = 5381;

    for (size_t i = 0; i < len; i++)
        h = h * 33 + (unsigned char)name[i];
    return &table[h % BUCKETS];
}

static struct var *
find(const char *name, size_t len)
{
    struct var *v = *bucket(name, len);

    while (v != NULL && (strncmp(v->name, name, len) != 0 || v->name[len] != '\0'))
        v = v->next;
    return v;
}

static struct var *
find_or_make(const char *name, size_t len)
{
    struct var *v = find(name, len);
    struct var **b = bucket(name, len);

    if (v != NULL)
        return v;
    v = xmalloc(sizeof(*v));
    *v = (struct var){.next = *b, .name = xstrndup(name, len)};
    *b = v;
    var_count++;
    return v;
}

static void
environ_changed(void)
{
    if (environ_cache == NULL)
        return;
    for (char **e = environ_cache; *e != NULL; e++)
        free(*e);
    free(environ_cache);
    environ_cache = NULL;
}

/* NULL where it is not set. Good until the variable changes. */
const char *
var_get(const char *name, size_t len)
{
    const struct var *v = find(name, len);

    return v != NULL ? v->value : NULL;
}

/* False, and a message, when that is no name. */
bool
var_set(const char *name, size_t len, const char *value)
{
    struct var *v;
    char *copy;

    if (!is_name(name, len)) {
        complain("%.*s: not a variable's name", (int)len, name);
        return false;
    }
    copy = xstrndup(value, strlen(value));
    v = find_or_make(name, len);
    free(v->value);
    v->value = copy;
    if (v->exported)
        environ_changed();
    return true;
}

void
var_unset(const char *name)
{
    struct var **b = bucket(name, strlen(name));

    while (*b != NULL && strcmp((*b)->name, name) != 0)
        b = &(*b)->next;
    if (*b != NULL) {
        struct var *v = *b;

        *b = v->next;
        var_count--;
        environ_changed();
        free(v->name);
        free(v->value);
        free(v);
    }
}

void
var_export(const char *name, bool on)
{
    struct var *v = on ? find_or_make(name, strlen(name)) : find(name, strlen(name));

    if (v == NULL || v->exported == on)
        return;
    v->exported = on;
    environ_changed();
}

bool
var_exported(const char *name)
{
    const struct var *v = find(name, strlen(name));

    return v != NULL && v->exported;
}

static char *
environ_entry(const struct var *v)
{
    size_t name_len = strlen(v->name), value_len = strlen(v->value);
    char *e = xmalloc(name_len + value_len + 2);

    memcpy(e, v->name, name_len);
    e[name_len] = '=';
    memcpy(e + name_len + 1, v->value, value_len + 1);
    return e;
}

/* Good until an exported variable changes. */
char **
var_environ(void)
{
    size_t n = 0;

    if (environ_cache != NULL)
        return environ_cache;
    environ_cache = xmalloc((var_count + 1) * sizeof(*environ_cache));
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct var *v = table[i]; v != NULL; v = v->next)
            if (v->exported && v->value != NULL)
                environ_cache[n++] = environ_entry(v);
    environ_cache[n] = NULL;
    return environ_cache;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp((*(const struct var *const *)a)->name, (*(const struct var *const *)b)->name);
}

void
var_print_all(struct str *out, bool exported_only)
{
    const struct var **all = xmalloc((var_count + 1) * sizeof(struct var *));
    size_t n = 0;

    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct var *v = table[i]; v != NULL; v = v->next)
            if (v->value != NULL && (v->exported || !exported_only))
                all[n++] = v;
    qsort(all, n, sizeof(*all), by_name);
    for (size_t i = 0; i < n; i++) {
        str_puts(out, exported_only ? "export " : "");
        str_puts(out, all[i]->name);
        str_putc(out, '=');
        str_put_quoted(out, all[i]->value);
        str_putc(out, '\n');
    }
    free(all);
}

/* What another shell does not get through the environment, as text that it can read. */
void
var_dump_private(struct str *out)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct var *v = table[i]; v != NULL; v = v->next) {
            if (v->exported || v->value == NULL)
                continue;
            str_puts(out, v->name);
            str_putc(out, '=');
            str_put_quoted(out, v->value);
            str_putc(out, '\n');
        }
    }
}

/* Takes over the environment. Entries that are no variables are dropped. */
void
vars_init(char **envp)
{
    for (; *envp != NULL; envp++) {
        const char *eq = strchr(*envp, '=');

        if (eq == NULL || !is_name(*envp, (size_t)(eq - *envp)))
            continue;
        var_set(*envp, (size_t)(eq - *envp), eq + 1);
        find(*envp, (size_t)(eq - *envp))->exported = true;
    }
    if (var_get("PATH", 4) == NULL)
        var_set("PATH", 4, "/bin:/usr/bin:/sbin:/usr/sbin");
    if (var_get("IFS", 3) == NULL || var_exported("IFS"))
        var_set("IFS", 3, " \t\n");
}
