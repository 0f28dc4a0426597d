/*
 * exec.c: a file becomes the program of a process, in two halves.
 *
 * Holds:    exec_open() finds out all that can be wrong with the file, its interpreters and its arguments while the old program is still
 *           there to be told. exec_load() builds the new one in the running, empty space; what fails there ends the process.
 * Not here: what ELF files look like (elf.c), what the program finds on its stack (stack.c).
 */
#include "base/mem.h"
#include "base/uio.h"
#include "fs/fdtable.h"
#include "fs/inode.h"
#include "fs/mounting.h"
#include "proc/elf.h"
#include "proc/internal.h"
#include "proc/script.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "thread/vectors.h"
#include "vm/vm.h"

#define SCRIPT_DEPTH_MAX 5      /* interpreters that are scripts themselves */

struct exec *
exec_new(void)
{
    return heap_alloc(sizeof(struct exec));
}

void
exec_free(struct exec *e)
{
    if (e == NULL)
        return;
    if (e->program.file != NULL)
        file_put(e->program.file);
    if (e->loader.file != NULL)
        file_put(e->loader.file);
    args_free(&e->args);
    heap_free(e);
}

/* ---- before the point of no return ---- */

/* Boot modules have no inode and nothing to be refused for. */
static int
file_executable(const struct file *f)
{
    int err = f->inode == NULL ? 0 : inode_is(f->inode, S_IFREG) ? inode_may(f->inode, MAY_EXEC) : -EACCES;

    return err == 0 && f->inode != NULL && f->inode->writers != 0 ? -ETXTBSY : err;
}

static struct file *
open_executable(const char *path, int *err)
{
    struct file *f = fs_open_executable(path, err);

    if (f != NULL && (*err = file_executable(f)) != 0) {
        file_put(f);
        return NULL;
    }
    return f;
}

/* The arguments of a script's interpreter: its name, its argument, the script, the script's own arguments but the first. */
static int
script_args(struct exec *e, const char *interp, const char *arg)
{
    struct arg_pages next = { .limit = e->args.limit, .argc = e->args.argc + (arg != NULL ? 2 : 1), .envc = e->args.envc };
    int err = args_add(&next, interp);

    if (err == 0 && arg != NULL)
        err = args_add(&next, arg);
    if (err == 0)
        err = args_add(&next, e->path);
    if (err == 0)
        err = args_add_rest(&next, &e->args, args_next(&e->args, 0));
    args_free(&e->args);
    e->args = next;
    return err;
}

/* Follows `#!` lines until the file is something else. */
static int
resolve_scripts(struct exec *e)
{
    for (int depth = 0;; depth++) {
        char line[SCRIPT_LINE_MAX + 1], *interp, *arg;
        uint64_t pos = 0;
        struct uio u;
        ssize n;
        int err;

        uio_init_kernel(&u, line, SCRIPT_LINE_MAX);
        n = e->program.file->ops->read(e->program.file, &u, &pos);
        if (n < 0)
            return (int)n;
        err = script_parse(line, (size_t)n, &interp, &arg);
        if (err <= 0)
            return err;
        if (depth == SCRIPT_DEPTH_MAX)
            return -ELOOP;
        err = script_args(e, interp, arg);
        if (err != 0)
            return err;
        file_put(e->program.file);
        fmt_print(e->path, sizeof(e->path), "%s", interp);
        e->program.file = open_executable(interp, &err);
        if (e->program.file == NULL)
            return err;
    }
}

static int
open_loader(struct exec *e)
{
    char name[INTERP_MAX];
    int err = elf_interpreter(&e->program, name);

    if (err != 0 || name[0] == '\0')
        return err;
    e->loader.file = open_executable(name, &err);
    if (e->loader.file == NULL)
        return err;
    err = elf_open(&e->loader);
    return err == -ENOEXEC ? -ELIBBAD : err;
}

int
exec_open(struct exec *e)
{
    int err;

    if (e->args.argc == 0) {            /* no program has to do without its name: Linux gives an empty one */
        struct arg_pages next = { .limit = e->args.limit, .argc = 1, .envc = e->args.envc };

        err = args_add(&next, "");
        if (err == 0)
            err = args_add_rest(&next, &e->args, 0);
        args_free(&e->args);
        e->args = next;
        if (err != 0)
            return err;
    }
    err = resolve_scripts(e);
    if (err == 0)
        err = elf_open(&e->program);
    return err == 0 ? open_loader(e) : err;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

void
exec_name(struct exec *e)
{
    fmt_print(e->name, sizeof(e->name), "%s", base_name(e->path));
}

int
exec_find(struct exec *e)
{
    int err = 0;

    if (e->program.file == NULL)
        e->program.file = open_executable(e->path, &err);
    else
        err = file_executable(e->program.file);
    return err;
}

/* ---- after it ---- */

/* A file that is marked for it makes the process its owner's, as far as access goes (S_ISUID, S_ISGID). */
static void
become_owner(struct proc *p, const struct inode *i)
{
    struct fs_context *fs = p->fs;

    if (p->traits.no_new_privs || (i != NULL && (i->mnt->flags & MS_NOSUID)))
        i = NULL;
    if (i != NULL && (i->mode & S_ISUID))
        fs->uid = i->uid;
    if (i != NULL && (i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        fs->gid = i->gid;
    fs->suid = fs->uid;
    fs->sgid = fs->gid;
    fs_context_changed(fs);
}

/* What /proc/PID/exe says: the file's whole name. C libraries rely on it to begin with a slash. */
static void
set_exe(struct proc *p, const struct exec *e)
{
    ssize n = inode_path(e->program.file->inode, p->exe, sizeof(p->exe) - 1);

    if (n > 0)
        p->exe[n] = '\0';
    else
        fmt_print(p->exe, sizeof(p->exe), "%s%s", e->path[0] == '/' ? "" : "/", e->path);
}

/* A script is known by its own name, not by its interpreter's. */
static void
set_names(struct proc *p, const struct exec *e)
{
    const struct arg_pages *a = &e->args;
    size_t end = 0;

    memcpy(p->name, e->name, sizeof(p->name));
    for (uint32_t i = 0; i < a->argc; i++)
        end = args_next(a, end);
    p->cmdline_len = (uint32_t)MIN(end, (size_t)PROC_CMDLINE_MAX);
    memcpy(p->cmdline, a->page[0], p->cmdline_len);
}

int
exec_load(struct proc *p, struct exec *e)
{
    struct regs *r = program_regs();
    struct image img;
    uint64_t sp = 0;
    int err = elf_load(e, &img);

    p->mm->data_limit = p->rlimit[RLIMIT_DATA_K].cur;
    p->mm->space_limit = p->rlimit[RLIMIT_AS_K].cur;
    p->mm->stack_bytes = p->rlimit[RLIMIT_STACK_K].cur;
    p->mm->lock_limit = p->rlimit[RLIMIT_MEMLOCK_K].cur;
    p->mm->lock_future = false;
    become_owner(p, e->program.file->inode);
    fs_context_run(p->fs, e->program.file->inode);
    if (err == 0)
        err = stack_build(p, &e->args, e->path, &img, &sp);
    if (err != 0)
        return err;
    set_exe(p, e);
    set_names(p, e);
    *r = (struct regs){ .rip = img.entry, .rsp = sp, .cs = USER_CS, .ss = USER_SS, .rflags = 0x202, .orig_rax = ORIG_REPLACED };
    return 0;
}

void
exec_attributes(struct proc *p)
{
    for (int i = 0; i < SIG_MAX; i++)
        if (p->actions[i].handler != SIG_IGN)
            p->actions[i] = (struct sigaction_k){ .handler = SIG_DFL };
    alt_stack_none(signals_current());
    ptimers_end(p);
    thread_self()->clear_tid = thread_self()->robust_list = 0;
    p->pdeathsig = 0;
    p->dumpable = 1;
    caps_exec(p);
    p->execed = true;
    fd_close_on_exec();
}

int
exec_replace(struct proc *p, struct exec *e)
{
    int err = fd_table_unshare();

    if (err != 0)
        return err;
    if (p->vfork != NULL)
        return vfork_exec(p, e);
    threads_end_others(p);
    exec_attributes(p);
    mm_clear(p->mm);
    if (thread_self() != &p->thread)
        thread_become_first(p, e);
    err = exec_load(p, e);
    exec_free(e);
    if (err != 0)
        proc_exit(SIGSEGV);
    fs_base_set(0);
    vectors_reset();
    p->thread.attention = 1;
    return 0;
}
