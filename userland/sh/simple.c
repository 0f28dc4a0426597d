/*
 * simple.c: one command with its words: an assignment, a function, a builtin, or a program.
 */
#include "sh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <exos/spawn.h>

/* What a prefix assignment puts back afterwards. */
struct saved_var {
    struct saved_var *next;
    const char *name;
    const char *value; /* NULL: it was not set */
    bool exported;
};

/* NAME=value words. With `saved`, they hold for one command only and programs see them. */
static bool
assign(const struct word *assigns, struct saved_var **saved)
{
    for (const struct word *w = assigns; w != NULL; w = w->next) {
        size_t name_len = name_length(w->text, w->text + w->len);
        const char *value = expand_string(w->text + name_len + 1, w->len - name_len - 1);

        if (value == NULL)
            return false;
        if (saved != NULL) {
            struct saved_var *s = arena_alloc(&sh.words, sizeof(*s));
            const char *old = var_get(w->text, name_len);

            *s = (struct saved_var){
                .next = *saved, .name = arena_strndup(&sh.words, w->text, name_len)};
            s->value = old != NULL ? arena_strndup(&sh.words, old, strlen(old)) : NULL;
            s->exported = var_exported(s->name);
            *saved = s;
        }
        if (!var_set(w->text, name_len, value))
            return false;
        if (saved != NULL)
            var_export((*saved)->name, true);
    }
    return true;
}

static void
unassign(const struct saved_var *saved)
{
    for (; saved != NULL; saved = saved->next) {
        if (saved->value == NULL) {
            var_unset(saved->name);
            continue;
        }
        var_set(saved->name, strlen(saved->name), saved->value);
        var_export(saved->name, saved->exported);
    }
}

static void
trace(char **argv)
{
    struct str line = {0};

    if (!sh.trace)
        return;
    str_putc(&line, '+');
    for (; *argv != NULL; argv++) {
        str_putc(&line, ' ');
        if (strpbrk(*argv, " \t\n'\"\\$*?[;&|<>()`") != NULL || **argv == '\0')
            str_put_quoted(&line, *argv);
        else
            str_puts(&line, *argv);
    }
    str_putc(&line, '\n');
    fd_write(STDERR_FILENO, line.p, line.len);
    str_free(&line);
}

static int
call_function(struct func *f, char **argv, size_t argc)
{
    struct params before = sh.params;
    const struct node *body;
    int status, loops = sh.loop_depth;

    if (sh.call_depth == CALL_DEPTH_MAX) {
        complain("%s: functions call each other too deep", argv[0]);
        return 1;
    }
    sh.call_depth++;
    sh.loop_depth = 0;
    sh.params = (struct params){.name = before.name, .v = argv + 1, .n = argc - 1};
    body = func_enter(f);
    status = exec_node(body);
    if (sh.jump == JUMP_RETURN) {
        sh.jump = JUMP_NONE;
        status = sh.status;
    }
    func_leave(f);
    arena_free(&sh.params.own);
    sh.params = before;
    sh.loop_depth = loops;
    sh.call_depth--;
    return status;
}

static int
run_program(char **argv)
{
    unsigned flags = sh.interactive ? EXOS_SPAWN_NEWPGRP | EXOS_SPAWN_FOREGROUND : 0;
    struct launch l = {.view = sh.view, .flags = flags};
    int status = 0;
    struct str text = {0};
    struct job *job;
    pid_t pid;

    for (size_t i = 0; argv[i] != NULL; i++) {
        str_puts(&text, i > 0 ? " " : "");
        str_puts(&text, argv[i]);
    }
    job = job_new(text.p, text.len);
    str_free(&text);
    if (job == NULL)
        return 1;
    pid = launch_program(argv, &l, &status);
    if (pid > 0) {
        job_add(job, pid);
        status = job_wait(job);
    } else {
        job_forget(job);
    }
    terminal_take();
    return status;
}

/* Expanded words as a command, here and now. */
int
exec_argv(char **argv, size_t argc)
{
    struct func *f = func_find(argv[0]);
    const struct builtin *b = f == NULL ? builtin_find(argv[0]) : NULL;

    if (f != NULL)
        return call_function(f, argv, argc);
    return b != NULL ? b->run((int)argc, argv) : run_program(argv);
}

static int
run_with_assigns(const struct node *n, struct list *words)
{
    struct saved_var *saved = NULL;
    int status = 1;

    trace(words->v);
    if (assign(n->assigns, &saved))
        status = exec_argv(words->v, words->n);
    unassign(saved);
    return status;
}

int
exec_simple(const struct node *n)
{
    const struct fdview *before = sh.view;
    struct list words = {0};
    struct redirected r;
    int status;

    sh.capture_status = 0;
    if (!expand_words(n->words, &words) || (words.n == 0 && !assign(n->assigns, NULL)))
        return 1;
    if (n->redirs == NULL)
        return words.n > 0 ? run_with_assigns(n, &words) : sh.capture_status;
    if (!redir_begin(&r, n->redirs, before))
        return 1;
    sh.view = &r.view;
    status = words.n > 0 ? run_with_assigns(n, &words) : sh.capture_status;
    sh.view = before;
    redir_end(&r);
    return status;
}
