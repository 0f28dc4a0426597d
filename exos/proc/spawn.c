/*
 * spawn.c: a new process from a file: the parent makes space and env, the child loads itself, the parent hears how that went.
 */
#include "exos/api.h"

#include "abi/linux.h"
#include "base/frames.h"
#include "base/mem.h"
#include "base/uio.h"
#include "fs/inode.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "start/session.h"
#include "tty/tty.h"
#include "vm/vm.h"

#define PATH_MAX_K 4096
#define SCRIPT_LINE_MAX 256
#define SCRIPT_DEPTH_MAX 4

/* ---- in the child ---- */

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* What /proc/PID/exe says: the file's whole name. C libraries rely on it to begin with a slash. */
static void
set_exe(struct proc *p, const char *path, const struct file *file)
{
    ssize n = inode_path(file->inode, p->exe, sizeof(p->exe) - 1);

    if (n > 0)
        p->exe[n] = '\0';
    else
        fmt_print(p->exe, sizeof(p->exe), "%s%s", path[0] == '/' ? "" : "/", path);
}

static void
set_names(struct proc *p, const char *path, const struct arg_pages *a)
{
    size_t n = 0, end = 0;

    fmt_print(p->name, sizeof(p->name), "%s", base_name(path));
    for (uint32_t i = 0; i < a->argc; i++) {
        while (args_byte(a, end) != '\0')
            end++;
        end++;
    }
    for (; n < end && n < PROC_CMDLINE_MAX; n++)
        p->cmdline[n] = args_byte(a, n);
    p->cmdline_len = (uint32_t)n;
}

/* A script's first line: interpreter and at most one argument. 0: not a script; -ENOEXEC: a bad one. */
static int
script_parse(char *line, size_t n, char **interp, char **arg)
{
    char *p = line + 2, *end;

    if (n < 3 || line[0] != '#' || line[1] != '!')
        return 0;
    line[n] = '\0';
    end = strchr(line, '\n');
    if (end == NULL)
        return -ENOEXEC;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *end = '\0';
    while (*p == ' ' || *p == '\t')
        p++;
    if (*p == '\0')
        return -ENOEXEC;
    *interp = p;
    while (*p != '\0' && *p != ' ' && *p != '\t')
        p++;
    *arg = NULL;
    if (*p != '\0') {
        *p++ = '\0';
        while (*p == ' ' || *p == '\t')
            p++;
        *arg = *p != '\0' ? p : NULL;
    }
    return 1;
}

/* The arguments of a script's interpreter: its name, its argument, the script, the script's own arguments but the first. */
static int
script_args(struct arg_pages *a, const char *interp, const char *arg, const char *path)
{
    struct arg_pages next = { .bytes = 0 };
    size_t at = 0;
    int err = args_add(&next, interp);

    next.argc = arg != NULL ? 3 : 2;
    if (err == 0 && arg != NULL)
        err = args_add(&next, arg);
    if (err == 0)
        err = args_add(&next, path);
    if (a->argc > 0) {
        while (args_byte(a, at) != '\0')
            at++;
        at++;
        next.argc += a->argc - 1;
    }
    next.envc = a->envc;
    while (err == 0 && at < a->bytes) {
        char piece[64];
        size_t n = 0;

        while (n < sizeof(piece) - 1 && at + n < a->bytes && args_byte(a, at + n) != '\0') {
            piece[n] = args_byte(a, at + n);
            n++;
        }
        piece[n] = '\0';
        err = args_add(&next, piece);
        at += n;
        if (at < a->bytes && args_byte(a, at) == '\0')
            at++;
        else
            next.bytes--;       /* the string goes on: the terminator was only a piece's */
    }
    args_free(a);
    *a = next;
    return err;
}

/* Follows `#!` lines until *file is something else. */
static int
resolve_scripts(struct file **file, char *path, struct arg_pages *a)
{
    for (int depth = 0;; depth++) {
        char line[SCRIPT_LINE_MAX + 1], *interp, *arg;
        uint64_t pos = 0;
        struct uio u;
        ssize n;
        int err;

        uio_init_kernel(&u, line, SCRIPT_LINE_MAX);
        n = (*file)->ops->read(*file, &u, &pos);
        if (n < 0)
            return (int)n;
        err = script_parse(line, (size_t)n, &interp, &arg);
        if (err <= 0)
            return err;
        if (depth == SCRIPT_DEPTH_MAX)
            return -ELOOP;
        err = script_args(a, interp, arg, path);
        if (err != 0)
            return err;
        file_put(*file);
        fmt_print(path, PATH_MAX_K, "%s", interp);
        *file = fs_open_executable(interp, &err);
        if (*file == NULL)
            return err;
    }
}

static int
load(struct proc *p, struct spawn *s, uint64_t *entry, uint64_t *sp)
{
    struct image img;
    char *path = heap_alloc(PATH_MAX_K);
    int err;

    if (path == NULL)
        return -ENOMEM;
    fmt_print(path, PATH_MAX_K, "%s", s->path);
    err = resolve_scripts(&s->file, path, &s->args);
    if (err == 0)
        err = elf_load(s->file, &img);
    if (err == 0)
        err = stack_build(p, &s->args, path, &img, sp);
    if (err == 0) {
        set_exe(p, path, s->file);
        set_names(p, path, &s->args);
    }
    heap_free(path);
    *entry = img.entry;
    return err;
}

noreturn void
process_start(struct proc *p)
{
    struct spawn *s = p->spawn;
    struct regs *r = program_regs();
    uint64_t entry = 0, sp = 0;
    int err = load(p, s, &entry, &sp);

    p->spawn = NULL;
    p->state = PROC_RUNNABLE;
    s->err = err;
    s->done = true;
    wake_all(&s->wq);
    if (err != 0) {
        p->reaped = true;
        proc_exit(0);
    }
    *r = (struct regs){ .rip = entry, .rsp = sp, .cs = USER_CS, .ss = USER_SS, .rflags = 0x202 };
    resume_program();
}

/* ---- in the parent ---- */

static void
inherit(struct proc *p, const struct proc *parent, uint64_t flags)
{
    p->ppid = parent != NULL ? parent->pid : 0;
    p->pgid = parent != NULL ? parent->pgid : p->pid;
    p->sid = parent != NULL ? parent->sid : p->pid;
    if (flags & EXOS_SPAWN_NEWPGRP)
        p->pgid = p->pid;
    if (parent == NULL)
        return;
    for (int i = 0; i < SIG_MAX; i++)
        if (parent->actions[i].handler == SIG_IGN)
            p->actions[i].handler = SIG_IGN;
    p->sig_ignored = parent->sig_ignored;
    p->sig_blocked = parent->sig_blocked;
    p->nice = parent->nice;
    memcpy(p->rlimit, parent->rlimit, sizeof(p->rlimit));
}

static int
prepare(struct proc *p, struct proc *parent, const struct spawn_request *rq)
{
    inherit(p, parent, rq->flags);
    p->fs = fs_context_spawn(parent != NULL ? parent->fs : NULL, rq->fds, rq->fd_count, rq->fds == NULL);
    if (p->fs == NULL)
        return rq->fds != NULL ? -EBADF : -ENOMEM;
    return space_build(p);
}

static long
start_and_wait(struct proc *p, struct spawn_request *rq)
{
    struct spawn s = { .file = rq->file, .path = rq->path, .args = rq->args };
    uint32_t pid = p->pid;
    struct spawn *shared = heap_alloc(sizeof(s));

    if (shared == NULL) {
        fs_context_destroy(p->fs);
        space_tear_down(p);
        proc_free(p);
        return -ENOMEM;
    }
    *shared = s;
    waitq_init(&shared->wq);
    p->spawn = shared;
    if (rq->flags & EXOS_SPAWN_FOREGROUND)
        console_tty.pgid = p->pgid;
    thread_ready(&p->thread);
    while (!shared->done)
        if (wait_sleep(&shared->wq, NULL, DEADLINE_NEVER, 0) != 0)
            continue;
    rq->file = shared->file;
    rq->args = shared->args;
    s.err = shared->err;
    heap_free(shared);
    return s.err != 0 ? s.err : (long)pid;
}

long
proc_spawn(struct proc *parent, struct spawn_request *rq)
{
    struct proc *p = NULL;
    long ret;
    int err = 0;

    if (rq->file == NULL)
        rq->file = fs_open_executable(rq->path, &err);
    if (rq->file == NULL) {
        ret = err;
    } else if ((p = proc_alloc()) == NULL) {
        ret = -EAGAIN;
    } else {
        ret = prepare(p, parent, rq);
        if (ret == 0) {
            ret = start_and_wait(p, rq);
        } else {
            if (p->fs != NULL)
                fs_context_destroy(p->fs);
            proc_free(p);
        }
    }
    if (rq->file != NULL)
        file_put(rq->file);
    args_free(&rq->args);
    return ret;
}

static long
request_from_user(struct spawn_request *rq, const struct exos_spawn *u, char *path, struct exos_fdmap *fds)
{
    ssize n = user_string_in(path, (uva_t)u->path, PATH_MAX_K);
    long err = 0;

    if (n < 0)
        return n;
    if (u->size != sizeof(*u) || u->fd_count > EXOS_SPAWN_FDMAP_MAX ||
        (u->flags & ~(uint64_t)(EXOS_SPAWN_NEWPGRP | EXOS_SPAWN_FOREGROUND)))
        return -EINVAL;
    if (u->fds != NULL && user_copy_in(fds, (uva_t)u->fds, u->fd_count * sizeof(*fds)) != 0)
        return -EFAULT;
    rq->path = path;
    rq->fds = u->fds != NULL ? fds : NULL;
    rq->fd_count = u->fd_count;
    rq->flags = u->flags;
    if (u->argv != NULL)
        err = args_add_vector(&rq->args, (uva_t)u->argv, &rq->args.argc);
    if (err == 0 && u->envp != NULL)
        err = args_add_vector(&rq->args, (uva_t)u->envp, &rq->args.envc);
    return err;
}

LX(exos_spawn)
{
    struct spawn_request *rq = heap_alloc(sizeof(*rq) + PATH_MAX_K);
    struct exos_fdmap fds[EXOS_SPAWN_FDMAP_MAX];
    struct exos_spawn u;
    long ret;

    if (rq == NULL)
        return -ENOMEM;
    ret = user_copy_in(&u, args->a[0], sizeof(u));
    if (ret == 0)
        ret = request_from_user(rq, &u, (char *)(rq + 1), fds);
    if (ret == 0)
        ret = proc_spawn(proc_current(), rq);
    else
        args_free(&rq->args);
    heap_free(rq);
    return ret;
}
