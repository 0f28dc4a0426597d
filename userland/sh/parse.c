/*
 * parse.c: words and operators into a tree, one command line at a time.
 *
 * Grammar: list = and_or {(; | & | newline) and_or}; and_or = pipeline {(&& | ||) pipeline};
 * pipeline = [!] command {| command}; command = simple | compound {redirection} | name() compound.
 * Needs:   the text stays where it is as long as the tree is used.
 */
#include "sh.h"

#include <string.h>

static struct node *
parse_list(struct parser *p);
static struct node *
parse_command(struct parser *p);

static void
advance(struct parser *p)
{
    p->last_end = p->tok.text + p->tok.len;
    lex_next(&p->lx, &p->tok);
}

static void *
fail(struct parser *p, const char *expected)
{
    if (!p->failed) {
        p->failed = true;
        p->expected = expected;
        if (p->tok.kind == T_EOF && p->lx.error == NULL)
            p->lx.incomplete = true;
    }
    return NULL;
}

static struct node *
node_new(struct parser *p, enum node_kind kind)
{
    struct node *n = arena_alloc(p->arena, sizeof(*n));

    *n = (struct node){.kind = kind, .src = p->tok.text};
    return n;
}

static struct node *
node_end(struct parser *p, struct node *n)
{
    n->src_len = p->last_end > n->src ? (size_t)(p->last_end - n->src) : 0;
    return p->failed ? NULL : n;
}

static struct node *
node_pair(struct parser *p, enum node_kind kind, struct node *a, struct node *b)
{
    struct node *n = node_new(p, kind);

    n->src = a->src;
    n->a = a;
    n->b = b;
    return node_end(p, n);
}

static bool
at_word(const struct parser *p, const char *word)
{
    return p->tok.kind == T_WORD && p->tok.len == strlen(word) &&
           memcmp(p->tok.text, word, p->tok.len) == 0;
}

static bool
accept_word(struct parser *p, const char *word)
{
    if (!at_word(p, word))
        return false;
    advance(p);
    return true;
}

static void
expect_word(struct parser *p, const char *word)
{
    if (!p->failed && !accept_word(p, word))
        fail(p, word);
}

static void
skip_newlines(struct parser *p)
{
    while (p->tok.kind == T_NEWLINE)
        advance(p);
}

/* Words and operators that end a list, whoever opened it. */
static bool
at_closing(const struct parser *p)
{
    static const char *const closing[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}"};

    if (p->tok.kind == T_EOF || p->tok.kind == T_CLOSE || p->tok.kind == T_DSEMI)
        return true;
    for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++)
        if (at_word(p, closing[i]))
            return true;
    return false;
}

static struct word *
take_word(struct parser *p)
{
    struct word *w;

    if (p->tok.kind != T_WORD)
        return fail(p, "a word");
    w = arena_alloc(p->arena, sizeof(*w));
    *w = (struct word){.text = p->tok.text, .len = p->tok.len};
    advance(p);
    return w;
}

static void
parse_redir(struct parser *p, struct redir ***tail)
{
    struct redir *r = arena_alloc(p->arena, sizeof(*r));
    struct word *target;

    *r = (struct redir){.kind = p->tok.redir, .fd = p->tok.fd};
    advance(p);
    target = take_word(p);
    if (target == NULL)
        return;
    r->target = *target;
    **tail = r;
    *tail = &r->next;
}

static void
parse_redirs(struct parser *p, struct node *n)
{
    struct redir **tail = &n->redirs;

    while (p->tok.kind == T_REDIR && !p->failed)
        parse_redir(p, &tail);
}

static bool
is_assignment(const struct token *t)
{
    size_t len = name_length(t->text, t->text + t->len);

    return len > 0 && len < t->len && t->text[len] == '=';
}

static struct node *
parse_simple(struct parser *p)
{
    struct node *n = node_new(p, N_SIMPLE);
    struct word **words = &n->words, **assigns = &n->assigns;
    struct redir **redirs = &n->redirs;

    while (!p->failed && (p->tok.kind == T_WORD || p->tok.kind == T_REDIR)) {
        if (p->tok.kind == T_REDIR) {
            parse_redir(p, &redirs);
        } else {
            struct word ***tail = n->words == NULL && is_assignment(&p->tok) ? &assigns : &words;

            **tail = take_word(p);
            *tail = &(**tail)->next;
        }
    }
    if (n->words == NULL && n->assigns == NULL && n->redirs == NULL)
        return fail(p, "a command");
    return node_end(p, n);
}

static struct node *
parse_if(struct parser *p)
{
    struct node *n = node_new(p, N_IF);

    advance(p);
    n->a = parse_list(p);
    expect_word(p, "then");
    n->b = parse_list(p);
    if (at_word(p, "elif"))
        n->c = parse_if(p); /* takes the fi */
    else {
        if (accept_word(p, "else"))
            n->c = parse_list(p);
        expect_word(p, "fi");
    }
    return node_end(p, n);
}

static struct node *
parse_do(struct parser *p)
{
    struct node *body;

    expect_word(p, "do");
    body = p->failed ? NULL : parse_list(p);
    expect_word(p, "done");
    return body;
}

static struct node *
parse_loop(struct parser *p, enum node_kind kind)
{
    struct node *n = node_new(p, kind);

    advance(p);
    n->a = parse_list(p);
    n->b = parse_do(p);
    return node_end(p, n);
}

static struct node *
parse_for(struct parser *p)
{
    struct node *n = node_new(p, N_FOR);
    struct word **tail = &n->words;

    advance(p);
    if (p->tok.kind != T_WORD || !is_name(p->tok.text, p->tok.len))
        return fail(p, "a variable's name");
    *tail = take_word(p);
    tail = &(*tail)->next;
    skip_newlines(p);
    if (accept_word(p, "in")) {
        n->has_in = true;
        while (p->tok.kind == T_WORD) {
            *tail = take_word(p);
            tail = &(*tail)->next;
        }
    }
    if (p->tok.kind == T_SEMI)
        advance(p);
    skip_newlines(p);
    n->b = parse_do(p);
    return node_end(p, n);
}

static struct node *
parse_case_item(struct parser *p)
{
    struct node *item = node_new(p, N_CASE_ITEM);
    struct word **tail = &item->words;

    if (p->tok.kind == T_OPEN)
        advance(p);
    for (;;) {
        *tail = take_word(p);
        if (*tail == NULL)
            return NULL;
        tail = &(*tail)->next;
        if (p->tok.kind != T_PIPE)
            break;
        advance(p);
    }
    if (p->tok.kind != T_CLOSE)
        return fail(p, ")");
    advance(p);
    skip_newlines(p);
    if (!at_closing(p))
        item->a = parse_list(p);
    if (p->tok.kind == T_DSEMI)
        advance(p);
    else if (!at_word(p, "esac"))
        return fail(p, ";;");
    skip_newlines(p);
    return node_end(p, item);
}

static struct node *
parse_case(struct parser *p)
{
    struct node *n = node_new(p, N_CASE);
    struct node **tail = &n->a;

    advance(p);
    n->words = take_word(p);
    skip_newlines(p);
    expect_word(p, "in");
    skip_newlines(p);
    while (!p->failed && !at_word(p, "esac")) {
        *tail = parse_case_item(p);
        if (*tail != NULL)
            tail = &(*tail)->next;
    }
    expect_word(p, "esac");
    return node_end(p, n);
}

static struct node *
parse_group(struct parser *p)
{
    struct node *n = node_new(p, N_GROUP);

    advance(p);
    n->a = parse_list(p);
    expect_word(p, "}");
    return node_end(p, n);
}

static struct node *
parse_subshell(struct parser *p)
{
    struct node *n = node_new(p, N_SUBSHELL);

    advance(p);
    n->a = parse_list(p);
    if (!p->failed && p->tok.kind != T_CLOSE)
        return fail(p, ")");
    advance(p);
    return node_end(p, n);
}

/* `name()` has been seen to begin here. */
static struct node *
parse_function(struct parser *p)
{
    struct node *n = node_new(p, N_FUNCTION);

    n->words = take_word(p);
    advance(p);
    if (p->tok.kind != T_CLOSE)
        return fail(p, ")");
    advance(p);
    skip_newlines(p);
    n->a = parse_command(p);
    return node_end(p, n);
}

static bool
at_function(const struct parser *p)
{
    const char *q = p->tok.text + p->tok.len;

    while (q < p->lx.end && (*q == ' ' || *q == '\t'))
        q++;
    return q < p->lx.end && *q == '(' && is_name(p->tok.text, p->tok.len);
}

/* NULL without a failure: what stands here is no compound command. */
static struct node *
parse_compound(struct parser *p)
{
    if (p->tok.kind == T_OPEN)
        return parse_subshell(p);
    if (at_word(p, "{"))
        return parse_group(p);
    if (at_word(p, "if"))
        return parse_if(p);
    if (at_word(p, "while"))
        return parse_loop(p, N_WHILE);
    if (at_word(p, "until"))
        return parse_loop(p, N_UNTIL);
    if (at_word(p, "for"))
        return parse_for(p);
    if (at_word(p, "case"))
        return parse_case(p);
    return NULL;
}

static struct node *
parse_command(struct parser *p)
{
    struct node *n;

    if (++p->depth > NEST_MAX) {
        p->lx.error = "commands are nested too deep";
        fail(p, "fewer");
    }
    if (p->failed || (at_closing(p) && p->tok.kind != T_EOF))
        n = fail(p, "a command");
    else if (p->tok.kind == T_WORD && at_function(p))
        n = parse_function(p);
    else {
        n = parse_compound(p);
        if (n != NULL) {
            parse_redirs(p, n);
            n = node_end(p, n);
        } else if (!p->failed) {
            n = parse_simple(p);
        }
    }
    p->depth--;
    return n;
}

static struct node *
parse_pipeline(struct parser *p)
{
    struct node *n = node_new(p, N_PIPE);
    struct node **tail = &n->a;
    bool not = false;

    while (accept_word(p, "!"))
        not = !not ;
    for (;;) {
        *tail = parse_command(p);
        if (*tail == NULL)
            return NULL;
        tail = &(*tail)->next;
        if (p->tok.kind != T_PIPE)
            break;
        advance(p);
        skip_newlines(p);
    }
    if (n->a->next == NULL)
        n = n->a;
    else
        node_end(p, n);
    return not ? node_pair(p, N_NOT, n, NULL) : n;
}

static struct node *
parse_and_or(struct parser *p)
{
    struct node *n = parse_pipeline(p);

    while (n != NULL && (p->tok.kind == T_AND || p->tok.kind == T_OR)) {
        enum node_kind kind = p->tok.kind == T_AND ? N_AND : N_OR;
        struct node *right;

        advance(p);
        skip_newlines(p);
        right = parse_pipeline(p);
        n = right != NULL ? node_pair(p, kind, n, right) : NULL;
    }
    return n;
}

/* Members up to a closing word; with `lines`, newlines separate too. */
static struct node *
parse_members(struct parser *p, bool lines)
{
    struct node *list = node_new(p, N_LIST);
    struct node **tail = &list->a;

    if (lines)
        skip_newlines(p);
    do {
        *tail = parse_and_or(p);
        if (*tail == NULL)
            return NULL;
        if (p->tok.kind == T_AMP)
            *tail = node_pair(p, N_BACKGROUND, *tail, NULL);
        tail = &(*tail)->next;
        if (p->tok.kind != T_AMP && p->tok.kind != T_SEMI && !(lines && p->tok.kind == T_NEWLINE))
            break;
        advance(p);
        if (lines)
            skip_newlines(p);
    } while (!at_closing(p) && p->tok.kind != T_NEWLINE);
    return list->a->next == NULL ? list->a : node_end(p, list);
}

static struct node *
parse_list(struct parser *p)
{
    return p->failed ? NULL : parse_members(p, true);
}

void
parser_init(struct parser *p, struct arena *arena, const char *text, size_t len)
{
    *p = (struct parser){.lx = {.at = text, .end = text + len}, .arena = arena, .last_end = text};
    p->tok.text = text;
    advance(p);
}

bool
parser_at_end(const struct parser *p)
{
    return p->tok.kind == T_EOF && p->lx.error == NULL && !p->failed;
}

/* The commands up to the next newline. NULL: there is none left (parser_at_end), or an error
 * (parser_report). */
struct node *
parse_command_line(struct parser *p)
{
    struct node *n;

    skip_newlines(p);
    if (parser_at_end(p))
        return NULL;
    n = parse_members(p, false);
    if (n == NULL || p->lx.error != NULL)
        return fail(p, "a command");
    if (p->tok.kind != T_NEWLINE && p->tok.kind != T_EOF)
        return fail(p, "the end of the command");
    return n;
}

void
parser_report(const struct parser *p)
{
    if (p->lx.error != NULL)
        complain("syntax error: %s", p->lx.error);
    else if (p->tok.kind == T_EOF)
        complain("syntax error: the text ends where %s should be", p->expected);
    else if (p->tok.kind == T_NEWLINE)
        complain("syntax error: the line ends where %s should be", p->expected);
    else
        complain("syntax error near `%.*s': %s should be here",
            (int)(p->tok.len < 40 ? p->tok.len : 40), p->tok.text, p->expected);
}
