/*
 * dollar.c: what stands for a $: variables, parameters, command output, arithmetic.
 */
#include "expand.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_BYTES 24

/* ${name op word}: the parts. */
struct brace {
    const char *name;
    size_t name_len;
    bool length;  /* ${#name} */
    bool colon;   /* empty counts as unset */
    char op;      /* - = + ? # % or 0 */
    bool longest; /* ## or %% */
    const char *word, *end;
};

static char *
join_params(char separator)
{
    struct str s = {0};
    char *joined;

    str_put(&s, "", 0);
    for (size_t i = 0; i < sh.params.n; i++) {
        if (i > 0 && separator != '\0')
            str_putc(&s, separator);
        str_puts(&s, sh.params.v[i]);
    }
    joined = arena_strndup(&sh.words, s.p, s.len);
    str_free(&s);
    return joined;
}

static const char *
positional(const char *name, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n = n < 100000 ? n * 10 + (size_t)(name[i] - '0') : n;
    if (n == 0)
        return sh.params.name;
    return n <= sh.params.n ? sh.params.v[n - 1] : NULL;
}

static const char *
number(long n)
{
    char buf[NUMBER_BYTES];

    return arena_strndup(&sh.words, buf, (size_t)snprintf(buf, sizeof(buf), "%ld", n));
}

static const char *
option_letters(void)
{
    char buf[4];
    size_t n = 0;

    if (sh.errexit)
        buf[n++] = 'e';
    if (sh.interactive)
        buf[n++] = 'i';
    if (sh.trace)
        buf[n++] = 'x';
    return arena_strndup(&sh.words, buf, n);
}

static const char *
special(char c)
{
    const char *ifs = var_get("IFS", 3);

    switch (c) {
    case '?': return number(sh.status);
    case '$': return number(sh.pid);
    case '#': return number((long)sh.params.n);
    case '!': return sh.last_background != 0 ? number(sh.last_background) : NULL;
    case '-': return option_letters();
    default: return join_params(c == '@' || ifs == NULL ? ' ' : ifs[0]);
    }
}

/* NULL: not set. */
static const char *
value_of(const char *name, size_t len)
{
    if (*name >= '0' && *name <= '9')
        return positional(name, len);
    if (name_length(name, name + len) == 0)
        return special(*name);
    return var_get(name, len);
}

/* How much of the text is the name of anything that can stand behind a $. */
static size_t
param_length(const char *p, const char *end, bool braces)
{
    size_t len = 0;

    if (p >= end)
        return 0;
    if (*p >= '0' && *p <= '9') {
        do
            len++;
        while (braces && p + len < end && p[len] >= '0' && p[len] <= '9');
        return len;
    }
    if (strchr("?$#!@*-", *p) != NULL)
        return 1;
    return name_length(p, end);
}

/* "$@" gives each parameter a field of its own. */
static void
put_all_params(struct expander *x)
{
    for (size_t i = 0; i < sh.params.n; i++) {
        if (i > 0) {
            expand_field_end(x);
        }
        x->has_field = true;
        expand_value(x, sh.params.v[i], strlen(sh.params.v[i]), true);
    }
}

static void
put_value(struct expander *x, const char *name, size_t len, const char *value, bool quoted)
{
    if (*name == '@' && quoted && x->mode == EXPAND_FIELDS) {
        put_all_params(x);
        return;
    }
    if (value != NULL) {
        expand_value(x, value, strlen(value), quoted);
    } else if (sh.nounset && *name != '@' && *name != '*') {
        complain("%.*s: not set", (int)len, name);
        x->failed = true;
    }
}

/* The value without its shortest or longest beginning or end that the pattern matches. */
static const char *
trim(const struct brace *b, const char *value, const char *pattern)
{
    size_t len = strlen(value);
    char *copy = arena_strndup(&sh.words, value, len);

    for (size_t i = 0; i <= len; i++) {
        size_t cut = b->longest ? len - i : i; /* how many characters go */

        if (b->op == '#') {
            char kept = copy[cut];

            copy[cut] = '\0';
            if (fnmatch(pattern, copy, 0) == 0)
                return value + cut;
            copy[cut] = kept;
        } else if (fnmatch(pattern, value + len - cut, 0) == 0) {
            copy[len - cut] = '\0';
            return copy;
        }
    }
    return value;
}

static void
brace_error(struct expander *x, const struct brace *b)
{
    const char *text = expand_string(b->word, (size_t)(b->end - b->word));

    if (text != NULL)
        complain("%.*s: %s", (int)b->name_len, b->name, *text != '\0' ? text : "not set");
    x->failed = true;
}

static void
brace_assign(struct expander *x, const struct brace *b, bool quoted)
{
    const char *value = expand_string(b->word, (size_t)(b->end - b->word));

    if (value == NULL || !var_set(b->name, b->name_len, value))
        x->failed = true;
    else
        expand_value(x, value, strlen(value), quoted);
}

static void
brace_trim(struct expander *x, const struct brace *b, const char *value, bool quoted)
{
    const char *pattern = expand_pattern(b->word, (size_t)(b->end - b->word));

    if (pattern == NULL)
        x->failed = true;
    else if (value != NULL)
        put_value(x, b->name, b->name_len, trim(b, value, pattern), quoted);
}

static void
brace_word(struct expander *x, const struct brace *b, bool quoted)
{
    x->in_word++;
    expand_text(x, b->word, b->end, quoted);
    x->in_word--;
}

static void
brace_apply(struct expander *x, const struct brace *b, bool quoted)
{
    const char *value = value_of(b->name, b->name_len);
    bool set = value != NULL && !(b->colon && *value == '\0');

    if (*b->name == '@' || *b->name == '*')
        set = sh.params.n > 0;
    if (b->length) {
        const char *n = number(value != NULL ? (long)strlen(value) : 0);

        expand_value(x, n, strlen(n), quoted);
    } else if (b->op == '#' || b->op == '%') {
        brace_trim(x, b, value, quoted);
    } else if (b->op == '+') {
        if (set)
            brace_word(x, b, quoted);
    } else if (set || b->op == 0) {
        put_value(x, b->name, b->name_len, value, quoted);
    } else if (b->op == '-') {
        brace_word(x, b, quoted);
    } else if (b->op == '=') {
        brace_assign(x, b, quoted);
    } else {
        brace_error(x, b);
    }
}

/* The text between { and }. False: not a form we know. */
static bool
brace_parse(struct brace *b, const char *p, const char *end)
{
    *b = (struct brace){.end = end};
    if (end - p >= 2 && *p == '#' && param_length(p + 1, end, true) == (size_t)(end - p - 1)) {
        b->length = true;
        p++;
    }
    b->name = p;
    b->name_len = param_length(p, end, true);
    p += b->name_len;
    if (b->name_len == 0 || (b->length && p != end))
        return false;
    if (p == end)
        return true;
    if (*p == ':' && p + 1 < end) {
        b->colon = true;
        p++;
    }
    b->op = *p++;
    if (strchr("-=+?#%", b->op) == NULL || (b->colon && strchr("#%", b->op) != NULL))
        return false;
    if (strchr("#%", b->op) != NULL && p < end && *p == b->op) {
        b->longest = true;
        p++;
    }
    b->word = p;
    return true;
}

static void
expand_brace(struct expander *x, const char *p, const char *end, bool quoted)
{
    struct brace b;

    if (brace_parse(&b, p, end)) {
        brace_apply(x, &b, quoted);
        return;
    }
    complain("${%.*s}: I do not understand this substitution", (int)(end - p), p);
    x->failed = true;
}

static void
expand_command(struct expander *x, const char *p, const char *end, bool quoted)
{
    size_t len;
    char *text = subshell_capture(p, (size_t)(end - p), &len);

    if (text == NULL) {
        x->failed = true;
        return;
    }
    expand_value(x, text, len, quoted);
    free(text);
}

static void
expand_arith(struct expander *x, const char *p, const char *end, bool quoted)
{
    struct expander inner = {.mode = EXPAND_STRING, .depth = x->depth};
    char *text;
    long value;

    expand_text(&inner, p, end, true);
    str_put(&inner.field, "", 0);
    text = inner.failed ? NULL : arena_strndup(&sh.words, inner.field.p, inner.field.len);
    str_free(&inner.field);
    if (text == NULL) {
        x->failed = true;
        return;
    }
    for (char *from = text, *to = text;; from++) { /* operators are no pattern characters here */
        if (*from == '\\' && from[1] != '\0')
            from++;
        *to++ = *from;
        if (*from == '\0')
            break;
    }
    if (!arith_eval(text, &value)) {
        x->failed = true;
        return;
    }
    expand_value(x, number(value), strlen(number(value)), quoted);
}

static const char *
expand_parentheses(struct expander *x, const char *p, const char *end, bool quoted)
{
    struct lexer lx = {.at = p, .end = end};
    const char *behind = lex_skip_quoted(&lx, p, 0);
    const char *from = p + 2, *to = behind - 1;

    if (to - from >= 2 && *from == '(' && to[-1] == ')')
        expand_arith(x, from + 1, to - 1, quoted);
    else
        expand_command(x, from, to, quoted);
    return behind;
}

/* p stands on the $. Gives the place behind what was used. */
const char *
expand_dollar(struct expander *x, const char *p, const char *end, bool quoted)
{
    struct lexer lx = {.at = p, .end = end};
    char next = p + 1 < end ? p[1] : '\0';
    size_t len;

    if (next == '(')
        return expand_parentheses(x, p, end, quoted);
    if (next == '{') {
        const char *behind = lex_skip_quoted(&lx, p, 0);

        expand_brace(x, p + 2, behind - 1, quoted);
        return behind;
    }
    len = param_length(p + 1, end, false);
    if (len == 0)
        expand_literal(x, '$', true);
    else
        put_value(x, p + 1, len, value_of(p + 1, len), quoted);
    return p + 1 + len;
}

/* p stands behind the opening `. Inside, \ takes its meaning from $, ` and \ only. */
const char *
expand_backtick(struct expander *x, const char *p, const char *end, bool quoted)
{
    struct str text = {0};

    str_put(&text, "", 0);
    for (; p < end && *p != '`'; p++) {
        if (*p == '\\' && p + 1 < end && (p[1] == '$' || p[1] == '`' || p[1] == '\\'))
            p++;
        str_putc(&text, *p);
    }
    expand_command(x, text.p, text.p + text.len, quoted);
    str_free(&text);
    return p < end ? p + 1 : end;
}
