/*
 * expand.c: from a word as written to the fields a program gets: quotes, splitting, file names.
 *
 * Not here: what stands for a $ (dollar.c).
 */
#include "expand.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

static bool
is_pattern_char(char c)
{
    return c != '\0' && strchr("*?[]\\-!^", c) != NULL;
}

void
expand_literal(struct expander *x, char c, bool quoted)
{
    if ((quoted && is_pattern_char(c)) || c == '\\')
        str_putc(&x->field, '\\');
    else if (c == '*' || c == '?' || c == '[')
        x->has_glob = true;
    str_putc(&x->field, c);
    x->has_field = true;
    x->after_blank = false;
}

static void
unescape(char *s)
{
    char *to = s;

    for (; *s != '\0'; s++) {
        if (*s == '\\' && s[1] != '\0')
            s++;
        *to++ = *s;
    }
    *to = '\0';
}

/* True when files matched and their names are in the list. */
static bool
match_files(struct expander *x)
{
    glob_t g;
    bool found = glob(x->field.p, 0, NULL, &g) == 0;

    if (found) {
        for (size_t i = 0; i < g.gl_pathc; i++)
            list_add(
                x->out, &sh.words, arena_strndup(&sh.words, g.gl_pathv[i], strlen(g.gl_pathv[i])));
        globfree(&g);
    }
    return found;
}

/* The field, if there is one, is complete. */
void
expand_field_end(struct expander *x)
{
    if (!x->has_field || x->mode != EXPAND_FIELDS)
        return;
    str_put(&x->field, "", 0);
    if (!x->has_glob || !match_files(x)) {
        unescape(x->field.p);
        list_add(x->out, &sh.words, arena_strndup(&sh.words, x->field.p, strlen(x->field.p)));
    }
    x->field.len = 0;
    x->has_field = false;
    x->has_glob = false;
}

static void
separator(struct expander *x, char c)
{
    bool blank = c == ' ' || c == '\t' || c == '\n';

    if (x->has_field)
        expand_field_end(x);
    else if (blank || x->after_blank) {
        x->after_blank &= blank;
        return;
    } else {
        x->has_field = true;
        expand_field_end(x);
    }
    x->after_blank = blank;
}

/* What a substitution gave. Unquoted, it is split at the characters of IFS. */
void
expand_value(struct expander *x, const char *value, size_t len, bool quoted)
{
    const char *ifs = var_get("IFS", 3);

    if (ifs == NULL)
        ifs = " \t\n";
    for (size_t i = 0; i < len; i++) {
        if (!quoted && x->mode == EXPAND_FIELDS && value[i] != '\0' &&
            strchr(ifs, value[i]) != NULL)
            separator(x, value[i]);
        else
            expand_literal(x, value[i], quoted);
    }
}

static const char *
expand_single_quotes(struct expander *x, const char *p, const char *end)
{
    x->has_field = true;
    for (; p < end && *p != '\''; p++)
        expand_literal(x, *p, true);
    return p < end ? p + 1 : end;
}

/*
 * From behind the opening quote to behind the closing one. "$@" without parameters is no field at
 * all, "" is an empty one: so only a piece that is exactly "$@" leaves has_field alone.
 */
static const char *
expand_double_quotes(struct expander *x, const char *p, const char *end)
{
    struct lexer lx = {.at = p, .end = end};
    const char *q = p;

    while (q < end && *q != '"')
        q = *q == '\'' ? q + 1 : lex_skip_quoted(&lx, q, 0);
    if (q - p != 2 || memcmp(p, "$@", 2) != 0)
        x->has_field = true;
    expand_text(x, p, q, true);
    return q < end ? q + 1 : end;
}

static const char *
expand_backslash(struct expander *x, const char *p, const char *end, bool quoted)
{
    if (p + 1 >= end) {
        expand_literal(x, '\\', true);
        return end;
    }
    if (p[1] == '\n')
        return p + 2;
    if (quoted && strchr("$`\"\\", p[1]) == NULL)
        expand_literal(x, '\\', true);
    expand_literal(x, p[1], true);
    return p + 2;
}

/* Text as written, between p and end; `quoted` where it stands in double quotes. */
void
expand_text(struct expander *x, const char *p, const char *end, bool quoted)
{
    if (++x->depth > NEST_MAX) {
        complain("substitutions are nested too deep");
        x->failed = true;
    }
    while (p < end && !x->failed) {
        if (*p == '\\')
            p = expand_backslash(x, p, end, quoted);
        else if (*p == '\'' && !quoted)
            p = expand_single_quotes(x, p + 1, end);
        else if (*p == '"')
            p = expand_double_quotes(x, p + 1, end);
        else if (*p == '$')
            p = expand_dollar(x, p, end, quoted);
        else if (*p == '`')
            p = expand_backtick(x, p + 1, end, quoted);
        else if (x->in_word > 0)
            expand_value(x, p++, 1, quoted);
        else
            expand_literal(x, *p++, quoted);
    }
    x->depth--;
}

/* ~ and ~/ at the start stand for the home directory. */
static const char *
expand_tilde(struct expander *x, const char *p, const char *end)
{
    const char *home = var_get("HOME", 4);

    if (p == end || *p != '~' || home == NULL || (p + 1 < end && p[1] != '/'))
        return p;
    expand_value(x, home, strlen(home), true);
    x->has_field = true;
    return p + 1;
}

static bool
expand_one(const struct word *w, struct list *out)
{
    struct expander x = {.mode = EXPAND_FIELDS, .out = out};
    const char *end = w->text + w->len;

    expand_text(&x, expand_tilde(&x, w->text, end), end, false);
    if (!x.failed)
        expand_field_end(&x);
    str_free(&x.field);
    return !x.failed;
}

/* Words without anything to expand are by far the most. */
static bool
is_plain(const struct word *w)
{
    for (size_t i = 0; i < w->len; i++)
        if (strchr("'\"\\$`*?[~", w->text[i]) != NULL)
            return w->len == 1 && w->text[0] == '[';
    return true;
}

/* An expansion that fails ends the script; what was typed is given up. */
static void
give_up(void)
{
    sh.jump = JUMP_ABORT;
}

/* Adds the fields of all words to the list, in sh.words. False after a message. */
bool
expand_words(const struct word *words, struct list *out)
{
    for (const struct word *w = words; w != NULL; w = w->next) {
        if (is_plain(w))
            list_add(out, &sh.words, arena_strndup(&sh.words, w->text, w->len));
        else if (!expand_one(w, out)) {
            give_up();
            return false;
        }
    }
    return true;
}

static char *
expand_whole(const char *text, size_t len, enum expand_mode mode)
{
    struct expander x = {.mode = mode};
    char *result = NULL;

    expand_text(&x, expand_tilde(&x, text, text + len), text + len, false);
    str_put(&x.field, "", 0);
    if (!x.failed) {
        if (mode == EXPAND_STRING)
            unescape(x.field.p);
        result = arena_strndup(&sh.words, x.field.p, strlen(x.field.p));
    }
    str_free(&x.field);
    if (result == NULL)
        give_up();
    return result;
}

/* One string, neither split nor matched against files. NULL after a message. */
char *
expand_string(const char *text, size_t len)
{
    return expand_whole(text, len, EXPAND_STRING);
}

/* The same as a pattern for fnmatch. */
char *
expand_pattern(const char *text, size_t len)
{
    return expand_whole(text, len, EXPAND_PATTERN);
}
