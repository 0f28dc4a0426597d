/*
 * lex.c: text into words and operators. Words keep their quotes: they are taken off when the word
 * is expanded.
 */
#include "sh.h"

#include <string.h>

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool
ends_word(char c)
{
    return is_blank(c) || strchr("\n;&|()<>", c) != NULL; /* NUL too */
}

static const char *
unfinished(struct lexer *lx, const char *what)
{
    lx->error = what;
    lx->incomplete = true;
    return lx->end;
}

static const char *
skip_single(struct lexer *lx, const char *p)
{
    const char *q = memchr(p, '\'', (size_t)(lx->end - p));

    return q != NULL ? q + 1 : unfinished(lx, "a ' is not closed");
}

static const char *
skip_backtick(struct lexer *lx, const char *p)
{
    for (; p < lx->end; p++) {
        if (*p == '`')
            return p + 1;
        if (*p == '\\')
            p++;
    }
    return unfinished(lx, "a ` is not closed");
}

/* From behind an opening character to behind the closing one; `open` 0 where it does not nest. */
static const char *
skip_nested(struct lexer *lx, const char *p, char open, char close, int depth)
{
    int level = 1;

    while (p < lx->end && lx->error == NULL) {
        if (*p == close && --level == 0)
            return p + 1;
        if (*p == close || (open != 0 && *p == open)) {
            level += *p == open;
            p++;
        } else if (*p == '\'' && close == '"') {
            p++;
        } else {
            p = lex_skip_quoted(lx, p, depth + 1);
        }
    }
    if (lx->error != NULL)
        return lx->end;
    return unfinished(lx, close == '"'   ? "a \" is not closed"
                          : close == '}' ? "a ${ is not closed"
                                         : "a ( is not closed");
}

/* One character, or one quoted or substituted piece, beginning at p. Gives the place behind it. */
const char *
lex_skip_quoted(struct lexer *lx, const char *p, int depth)
{
    char next = p + 1 < lx->end ? p[1] : '\0';

    if (depth > NEST_MAX) {
        lx->error = "quotes and substitutions are nested too deep";
        return lx->end;
    }
    switch (*p) {
    case '\\': return p + 1 < lx->end ? p + 2 : unfinished(lx, "a line ends in \\");
    case '\'': return skip_single(lx, p + 1);
    case '"': return skip_nested(lx, p + 1, 0, '"', depth);
    case '`': return skip_backtick(lx, p + 1);
    case '$':
        if (next == '(')
            return skip_nested(lx, p + 2, '(', ')', depth);
        return next == '{' ? skip_nested(lx, p + 2, '{', '}', depth) : p + 1;
    default: return p + 1;
    }
}

/* Blanks, comments, and lines continued by a backslash. */
static void
skip_space(struct lexer *lx)
{
    for (;;) {
        if (lx->at < lx->end && is_blank(*lx->at)) {
            lx->at++;
        } else if (lx->end - lx->at >= 2 && lx->at[0] == '\\' && lx->at[1] == '\n') {
            lx->at += 2;
            if (lx->at == lx->end)
                unfinished(lx, "a line ends in \\");
        } else if (lx->at < lx->end && *lx->at == '#') {
            const char *q = memchr(lx->at, '\n', (size_t)(lx->end - lx->at));

            lx->at = q != NULL ? q : lx->end;
        } else {
            return;
        }
    }
}

struct operator
{
    const char *text;
    enum token_kind kind;
    enum redir_kind redir;
};

/* Longer ones first. */
static const struct operator operators[] = {
    {"&&", T_AND, 0},
    {"||", T_OR, 0},
    {";;", T_DSEMI, 0},
    {"&>", T_REDIR, R_BOTH},
    {">>", T_REDIR, R_APPEND},
    {">&", T_REDIR, R_DUP_OUT},
    {"<&", T_REDIR, R_DUP_IN},
    {">|", T_REDIR, R_OUT},
    {"<>", T_REDIR, R_INOUT},
    {"\n", T_NEWLINE, 0},
    {";", T_SEMI, 0},
    {"&", T_AMP, 0},
    {"|", T_PIPE, 0},
    {"(", T_OPEN, 0},
    {")", T_CLOSE, 0},
    {"<", T_REDIR, R_IN},
    {">", T_REDIR, R_OUT},
};

static bool
lex_operator(struct lexer *lx, struct token *t)
{
    size_t left = (size_t)(lx->end - lx->at);

    if (left >= 2 && memcmp(lx->at, "<<", 2) == 0) {
        lx->error = "here-documents (<<) are not supported: use echo and a pipe, or a file";
        return false;
    }
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        const struct operator* op = & operators[i];
        size_t len = strlen(op->text);

        if (len > left || memcmp(lx->at, op->text, len) != 0)
            continue;
        t->kind = op->kind;
        t->redir = op->redir;
        if (t->fd < 0)
            t->fd = op->redir == R_IN || op->redir == R_DUP_IN || op->redir == R_INOUT ? 0 : 1;
        lx->at += len;
        t->len = (size_t)(lx->at - t->text);
        return true;
    }
    return false;
}

static void
lex_word(struct lexer *lx, struct token *t)
{
    bool digits = true;

    while (lx->at < lx->end && lx->error == NULL && !ends_word(*lx->at)) {
        digits &= *lx->at >= '0' && *lx->at <= '9';
        lx->at = lex_skip_quoted(lx, lx->at, 0);
    }
    t->kind = T_WORD;
    t->len = (size_t)(lx->at - t->text);
    if (digits && t->len == 1 && lx->at < lx->end && (*lx->at == '<' || *lx->at == '>')) {
        t->fd = t->text[0] - '0';
        lex_operator(lx, t);
    }
}

/* After an error every token is T_EOF. */
void
lex_next(struct lexer *lx, struct token *t)
{
    skip_space(lx);
    *t = (struct token){.kind = T_EOF, .text = lx->at, .fd = -1};
    if (lx->error != NULL || lx->at >= lx->end)
        return;
    if (*lx->at == '\0') {
        lx->error = "a NUL character: this is not a script";
        return;
    }
    if (ends_word(*lx->at))
        lex_operator(lx, t);
    else
        lex_word(lx, t);
    if (lx->error != NULL)
        t->kind = T_EOF;
}

/* How much of the text is a variable's name. */
size_t
name_length(const char *s, const char *end)
{
    const char *p = s;

    while (p < end && (*p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                          (p > s && *p >= '0' && *p <= '9')))
        p++;
    return (size_t)(p - s);
}

bool
is_name(const char *s, size_t len)
{
    return len > 0 && name_length(s, s + len) == len;
}
