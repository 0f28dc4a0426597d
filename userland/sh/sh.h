/*
 * sh.h: what the files of the shell share.
 *
 * The shell never forks. A program is started by exos_spawn with the descriptors it should have;
 * what POSIX runs in a "subshell environment" is text given to another shell (subshell.c).
 * Redirections never move the shell's own descriptors: there is a view that says which real
 * descriptor stands for 0 to 9 at the moment.
 */
#ifndef SH_H
#define SH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FD_VIEW_COUNT    10 /* descriptors that redirections can name: 0 to 9 */
#define REDIR_MAX        16 /* redirections of one command */
#define PIPE_STAGES_MAX  32
#define JOB_MAX          32
#define NEST_MAX         100  /* quotes in substitutions in quotes ..., and commands in commands */
#define CALL_DEPTH_MAX   200  /* functions calling functions */
#define LINE_MAX_BYTES   4096 /* of a line that is edited */
#define HISTORY_MAX      100
#define SCRIPT_MAX_BYTES (4u << 20)

#define STATUS_USAGE     2
#define STATUS_NOT_EXEC  126
#define STATUS_NOT_FOUND 127
#define STATUS_SIGNAL    128
#define STATUS_POWEROFF  200 /* init reads these two as requests */
#define STATUS_REBOOT    201

/* mem.c */
struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    size_t used; /* in the newest chunk */
};
struct arena_mark {
    struct arena_chunk *chunk;
    size_t used;
};
struct str {
    char *p; /* always ends in NUL once anything was put in; NULL before */
    size_t len;
    size_t cap;
};
struct list {
    char **v; /* always ends in NULL once anything was put in */
    size_t n;
    size_t cap;
};

void *
xmalloc(size_t size);
void *
xrealloc(void *p, size_t size);
char *
xstrndup(const char *s, size_t len);
void *
arena_alloc(struct arena *a, size_t size);
char *
arena_strndup(struct arena *a, const char *s, size_t len);
struct arena_mark
arena_mark(const struct arena *a);
void
arena_release(struct arena *a, struct arena_mark m);
void
arena_free(struct arena *a);
void
str_putc(struct str *s, char c);
void
str_put(struct str *s, const char *p, size_t len);
void
str_puts(struct str *s, const char *p);
void
str_put_number(struct str *s, long n);
void
str_put_quoted(struct str *s, const char *p);
void
str_free(struct str *s);
void
list_add(struct list *l, struct arena *a, char *item);

/* lex.c */
enum token_kind {
    T_EOF,
    T_NEWLINE,
    T_WORD,
    T_SEMI,
    T_DSEMI,
    T_AMP,
    T_AND,
    T_PIPE,
    T_OR,
    T_OPEN,
    T_CLOSE,
    T_REDIR,
};
enum redir_kind { R_IN, R_OUT, R_APPEND, R_DUP_IN, R_DUP_OUT, R_BOTH, R_INOUT };
struct token {
    enum token_kind kind;
    const char *text;
    size_t len;
    enum redir_kind redir; /* T_REDIR only */
    int fd;                /* T_REDIR only */
};
struct lexer {
    const char *at;
    const char *end;
    const char *error; /* a sentence, or NULL */
    bool incomplete;   /* the text ended inside something */
};
void
lex_next(struct lexer *lx, struct token *t);
const char *
lex_skip_quoted(struct lexer *lx, const char *p, int depth);
bool
is_name(const char *s, size_t len);
size_t
name_length(const char *s, const char *end);

/* parse.c */
enum node_kind {
    N_SIMPLE,
    N_PIPE,
    N_AND,
    N_OR,
    N_LIST,
    N_BACKGROUND,
    N_NOT,
    N_IF,
    N_WHILE,
    N_UNTIL,
    N_FOR,
    N_CASE,
    N_CASE_ITEM,
    N_GROUP,
    N_SUBSHELL,
    N_FUNCTION,
};
struct word {
    struct word *next;
    const char *text; /* as written, quotes included */
    size_t len;
};
struct redir {
    struct redir *next;
    enum redir_kind kind;
    int fd;
    struct word target;
};
/*
 * a, b, c by kind: IF condition, then, else; WHILE/UNTIL condition, body; FOR body in b; CASE items
 * in a; PIPE, LIST, GROUP, SUBSHELL their members in a, linked by next; AND/OR both sides; NOT,
 * BACKGROUND, FUNCTION what they apply to in a.
 */
struct node {
    enum node_kind kind;
    bool has_in; /* FOR: `in` was written */
    struct node *next;
    struct node *a, *b, *c;
    struct word *words; /* SIMPLE: arguments; FOR: name, then items; CASE: subject; CASE_ITEM:
                           patterns; FUNCTION: name */
    struct word *assigns;
    struct redir *redirs;
    const char *src; /* the text it was made from, for another shell to read */
    size_t src_len;
};
struct parser {
    struct lexer lx;
    struct token tok;
    struct arena *arena;
    const char *last_end; /* where the token before this one ended */
    int depth;
    const char *expected; /* what an error message says was missing */
    bool failed;
};
void
parser_init(struct parser *p, struct arena *arena, const char *text, size_t len);
struct node *
parse_command_line(struct parser *p);
bool
parser_at_end(const struct parser *p);
void
parser_report(const struct parser *p);

/* vars.c */
struct params {
    const char *name; /* $0 */
    char **v;
    size_t n;
    struct arena own; /* where `set` put them; empty when they are a caller's words */
};
const char *
var_get(const char *name, size_t len);
bool
var_set(const char *name, size_t len, const char *value);
void
var_unset(const char *name);
void
var_export(const char *name, bool on);
bool
var_exported(const char *name);
char **
var_environ(void);
void
var_print_all(struct str *out, bool exported_only);
void
var_dump_private(struct str *out);
void
vars_init(char **envp);

/* func.c */
struct func;
bool
func_define(const struct node *def);
struct func *
func_find(const char *name);
const struct node *
func_enter(struct func *f);
void
func_leave(struct func *f);
bool
func_unset(const char *name);
void
func_dump_all(struct str *out);

/* expand.c, dollar.c */
bool
expand_words(const struct word *words, struct list *out);
char *
expand_string(const char *text, size_t len);
char *
expand_pattern(const char *text, size_t len);

/* arith.c */
bool
arith_eval(const char *text, long *value);

/* redir.c */
struct fdview {
    int fd[FD_VIEW_COUNT]; /* real descriptor, or -1: closed */
};
struct redirected {
    struct fdview view;
    int opened[REDIR_MAX];
    size_t opened_count;
};
void
fdview_init(struct fdview *v);
bool
redir_begin(struct redirected *r, const struct redir *list, const struct fdview *base);
void
redir_end(struct redirected *r);
bool
fd_write(int user_fd, const char *p, size_t len);

/* launch.c */
struct launch {
    const struct fdview *view;
    pid_t group; /* 0: the shell's own group or a new one, as flags say; else join this one */
    unsigned flags;
};
pid_t
launch_program(char *const argv[], const struct launch *l, int *status);
pid_t
launch_shell(const char *text, size_t len, const struct launch *l, int *status);
bool
path_find(const char *name, struct str *found);
const char *
shell_path(void);

/* subshell.c */
pid_t
subshell_start(const char *text, size_t len, const struct launch *l, int *status);
char *
subshell_capture(const char *text, size_t len, size_t *out_len);

/* jobs.c */
struct job {
    int id; /* 0: the slot is free */
    pid_t group;
    pid_t pids[PIPE_STAGES_MAX];
    size_t count;
    size_t left;
    int status; /* of the last member */
    char *text;
};
struct job *
job_new(const char *text, size_t len);
void
job_add(struct job *j, pid_t pid);
int
job_wait(struct job *j);
void
job_forget(struct job *j);
struct job *
job_find(const char *spec);
void
jobs_poll(bool report);
void
jobs_print(void);
int
jobs_wait_all(void);
void
terminal_take(void);

/* exec.c */
enum jump { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE, JUMP_RETURN, JUMP_ABORT };
int
exec_node(const struct node *n);
int
exec_text(const char *text, size_t len, size_t *consumed);
int
exec_all(const char *text, size_t len);
int
exec_argv(char **argv, size_t argc);

/* simple.c, pipeline.c */
int
exec_simple(const struct node *n);
int
exec_pipeline(const struct node *n, bool background);

/* builtin.c and the files of single builtins */
typedef int
builtin_fn(int argc, char **argv);
struct builtin {
    const char *name;
    builtin_fn *run;
    const char *help;
};
const struct builtin *
builtin_find(const char *name);
const struct builtin *
builtin_at(size_t i);
builtin_fn builtin_test, builtin_read, builtin_kill, builtin_help, builtin_cd, builtin_pwd,
    builtin_fg, builtin_source;

/* edit.c, edit_keys.c, complete.c, history.c */
ssize_t
edit_line(const char *prompt, char *buf, size_t size);
struct completion {
    struct list names; /* sorted */
    size_t start;      /* where the completed word begins in the line */
    struct arena arena;
};
void
complete_word(const char *line, size_t cursor, struct completion *c);
void
completion_free(struct completion *c);
void
history_add(const char *line);
const char *
history_get(size_t back);

/* main.c */
struct shell {
    const struct fdview *view; /* what 0 to 9 mean now */
    struct params params;
    struct arena words;    /* expanded words; released command by command */
    int status;            /* $? */
    int capture_status;    /* of the last $(...) of this command */
    long pid;              /* $$ */
    pid_t last_background; /* $! */
    enum jump jump;
    int jump_levels;
    int loop_depth;
    int call_depth;
    int condition_depth; /* > 0: a failure does not end the shell under set -e */
    bool interactive;
    bool errexit;
    bool trace;
    bool nounset;
    pid_t group;              /* the shell's own process group */
    volatile int interrupted; /* ^C came in while the shell itself was working */
};
extern struct shell sh;

void
complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void
shell_exit(int status);
int
exec_file(const char *path);

#endif
