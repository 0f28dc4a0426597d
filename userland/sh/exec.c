/*
 * exec.c: walking the tree.
 *
 * Not here: simple commands (simple.c) and pipelines (pipeline.c).
 */
#include "sh.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* True when what runs now is to be left: break, return, ^C. */
static bool
leaving(void)
{
    if (sh.interrupted)
        sh.jump = JUMP_ABORT;
    return sh.jump != JUMP_NONE;
}

static int
exec_list(const struct node *n)
{
    for (const struct node *m = n->a; m != NULL && !leaving(); m = m->next)
        sh.status = exec_node(m);
    return sh.status;
}

/* Where failing is an answer, not an accident. */
static int
exec_condition(const struct node *n)
{
    sh.condition_depth++;
    sh.status = exec_node(n);
    sh.condition_depth--;
    return sh.status;
}

static int
exec_if(const struct node *n)
{
    int status = exec_condition(n->a);

    if (leaving())
        return status;
    if (status == 0)
        return exec_node(n->b);
    return n->c != NULL ? exec_node(n->c) : 0;
}

/* After each round: true when the loop ends here. `continue 2` ends the inner loop and continues
 * the outer one. */
static bool
loop_ends(void)
{
    bool ends;

    if (!leaving())
        return false;
    if (sh.jump != JUMP_BREAK && sh.jump != JUMP_CONTINUE)
        return true;
    if (--sh.jump_levels > 0)
        return true;
    ends = sh.jump == JUMP_BREAK;
    sh.jump = JUMP_NONE;
    return ends;
}

static int
exec_while(const struct node *n)
{
    int status = 0;

    sh.loop_depth++;
    for (;;) {
        bool go = (exec_condition(n->a) == 0) == (n->kind == N_WHILE);

        if (leaving()) {
            if (loop_ends())
                break;
            continue;
        }
        if (!go)
            break;
        status = exec_node(n->b);
        if (loop_ends())
            break;
    }
    sh.loop_depth--;
    return status;
}

static int
exec_for(const struct node *n)
{
    static const struct word all_params = {.text = "\"$@\"", .len = 4};
    const struct word *name = n->words;
    struct list items = {0};
    int status = 0;

    if (!expand_words(n->has_in ? name->next : &all_params, &items))
        return 1;
    sh.loop_depth++;
    for (size_t i = 0; i < items.n; i++) {
        var_set(name->text, name->len, items.v[i]);
        status = exec_node(n->b);
        if (loop_ends())
            break;
    }
    sh.loop_depth--;
    return status;
}

static bool
case_matches(const struct node *item, const char *subject)
{
    for (const struct word *w = item->words; w != NULL; w = w->next) {
        const char *pattern = expand_pattern(w->text, w->len);

        if (pattern != NULL && fnmatch(pattern, subject, 0) == 0)
            return true;
    }
    return false;
}

static int
exec_case(const struct node *n)
{
    const char *subject = expand_string(n->words->text, n->words->len);

    if (subject == NULL)
        return 1;
    for (const struct node *item = n->a; item != NULL; item = item->next)
        if (case_matches(item, subject))
            return item->a != NULL ? exec_node(item->a) : 0;
    return 0;
}

static int
exec_and_or(const struct node *n)
{
    int status = exec_condition(n->a);

    if (leaving() || (status == 0) != (n->kind == N_AND))
        return status;
    return exec_node(n->b);
}

static int
exec_kind(const struct node *n)
{
    switch (n->kind) {
    case N_SIMPLE: return exec_simple(n);
    case N_PIPE:
    case N_SUBSHELL: return exec_pipeline(n, false);
    case N_BACKGROUND: return exec_pipeline(n->a, true);
    case N_AND:
    case N_OR: return exec_and_or(n);
    case N_NOT: return exec_condition(n->a) == 0;
    case N_IF: return exec_if(n);
    case N_WHILE:
    case N_UNTIL: return exec_while(n);
    case N_FOR: return exec_for(n);
    case N_CASE: return exec_case(n);
    case N_FUNCTION: return func_define(n) ? 0 : 1;
    default: return exec_list(n);
    }
}

/* A compound command with its redirections: for its members the descriptors mean something else
 * meanwhile. */
static int
exec_redirected(const struct node *n)
{
    const struct fdview *before = sh.view;
    struct redirected r;
    int status;

    if (!redir_begin(&r, n->redirs, before))
        return 1;
    sh.view = &r.view;
    status = exec_kind(n);
    sh.view = before;
    redir_end(&r);
    return status;
}

static bool
ends_shell(const struct node *n, int status)
{
    bool leaf = n->kind == N_SIMPLE || n->kind == N_PIPE || n->kind == N_SUBSHELL;

    return leaf && status != 0 && sh.errexit && sh.condition_depth == 0 && sh.jump == JUMP_NONE;
}

/* Runs the tree and gives its status, which becomes $?. */
int
exec_node(const struct node *n)
{
    struct arena_mark mark = arena_mark(&sh.words);
    bool own_redirs =
        n->redirs != NULL && n->kind != N_SIMPLE && n->kind != N_SUBSHELL && n->kind != N_FUNCTION;

    sh.status = own_redirs ? exec_redirected(n) : exec_kind(n);
    arena_release(&sh.words, mark);
    if (ends_shell(n, sh.status))
        shell_exit(sh.status);
    return sh.status;
}

/*
 * Runs the complete command lines at the start of the text. `consumed` tells how much that was:
 * all, unless the text ends inside a command, which may go on. consumed NULL: an end inside a
 * command is an error.
 */
int
exec_text(const char *text, size_t len, size_t *consumed)
{
    struct arena arena = {0};
    struct parser p;
    const struct node *n;
    size_t done = 0;

    parser_init(&p, &arena, text, len);
    while (!leaving() && (n = parse_command_line(&p)) != NULL) {
        exec_node(n);
        done = (size_t)(p.tok.text - text);
    }
    if (leaving() || parser_at_end(&p)) {
        done = len;
    } else if (consumed == NULL || !p.lx.incomplete) {
        parser_report(&p);
        sh.status = STATUS_USAGE;
        done = len;
    }
    if (consumed != NULL)
        *consumed = done;
    arena_free(&arena);
    return sh.status;
}

int
exec_all(const char *text, size_t len)
{
    return exec_text(text, len, NULL);
}
