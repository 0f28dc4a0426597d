/*
 * internal.h: what the files of proc/ share.
 */
#ifndef EXOS_PROC_INTERNAL_H
#define EXOS_PROC_INTERNAL_H

#include "exos/api.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "proc/args.h"
#include "proc/elf.h"
#include "proc/proc.h"

/* Linux include/uapi/asm-generic/resource.h */
enum { RLIMIT_CPU_K = 0, RLIMIT_FSIZE_K = 1, RLIMIT_DATA_K = 2, RLIMIT_STACK_K = 3, RLIMIT_CORE_K = 4, RLIMIT_NPROC_K = 6, RLIMIT_NOFILE_K = 7, RLIMIT_MEMLOCK_K = 8, RLIMIT_AS_K = 9,
       RLIMIT_SIGPENDING_K = 11, RLIMIT_MSGQUEUE_K = 12, RLIMIT_NICE_K = 13, RLIMIT_RTPRIO_K = 14 };

#define STACK_BYTES_MAX (8ull << 20)
#define STACK_TOP (USER_TOP - 0x10000)

/* A program on its way to its first instruction. */
struct exec {
    struct elf_file program, loader;    /* loader: its ELF interpreter; file NULL: it has none */
    char path[PATH_LEN_MAX];    /* what is opened: a script's interpreter's in the end */
    char name[PROC_NAME_MAX];   /* the last part of the path as it was asked for */
    struct arg_pages args;
};
struct exec *exec_new(void) MUST_USE;
void exec_free(struct exec *e);
/* Takes the process' name from e->path. */
void exec_name(struct exec *e);
/* Opens e->path, or checks e->program.file when that is there already. 0 or what open and execve say. */
int exec_find(struct exec *e) MUST_USE;
/* Everything that can be wrong with the file that was found: scripts, ELF headers, ELF interpreter. */
int exec_open(struct exec *e) MUST_USE;
/* In the new, empty space of p, which runs: its program, and its registers where resume_program() takes them. */
int exec_load(struct proc *p, struct exec *e) MUST_USE;
/* What exec changes of the running process besides its memory (execve(2), "Effect on process attributes"). */
void exec_attributes(struct proc *p);
/* The running process becomes that program; on the way out it starts. 0, and e is taken over; or -errno. */
int exec_replace(struct proc *p, struct exec *e) MUST_USE;

/* What the loader found; where the program starts. */
struct image {
    uint64_t entry, phdr, phent, phnum, base;   /* base: the interpreter's, 0 without one */
    uint64_t program_entry;
};
/* Reads and checks the headers of e->file. 0, -ENOEXEC, -EIO. */
int elf_open(struct elf_file *e) MUST_USE;
/* The interpreter that the file asks for; "" for none. */
int elf_interpreter(const struct elf_file *e, char *name) MUST_USE;
/* Program and interpreter as regions of the running, empty space. 0, -ENOEXEC, -ENOMEM. */
int elf_load(const struct exec *x, struct image *out) MUST_USE;
/* Strings, pointers and auxiliary vector on a new stack; *sp: where argc lies. */
int stack_build(struct proc *p, const struct arg_pages *a, const char *path, const struct image *img, uint64_t *sp) MUST_USE;

/* In the table, with a pid. NULL: no place, or no memory. */
struct proc *proc_alloc(void) MUST_USE;
void proc_free(struct proc *p);
/* A space with image, session and process segments, capabilities, a struct mm, and an env that will run process_start(p). */
int space_build(struct proc *p) MUST_USE;
void space_tear_down(struct proc *p);
/* Where the library stack of a space that does not run has its program's registers, and where the vector registers are kept. */
struct regs *space_regs(const struct proc *p);
void *space_vectors(const struct proc *p);
/* A zombie that nobody waits for and whose space is gone goes too. */
void proc_release(struct proc *p);
/* Another env for those whose own is gone: it goes on where t was parked. 0, -EAGAIN. */
int space_revive(struct thread *t) MUST_USE;
/* A word of its library stack, seen from any space; 0 where there is none. */
uint64_t space_stack_word(const struct proc *p, uint64_t va);
/* Its env is not there any more, or stopped. */
bool proc_env_gone(const struct proc *p);
/* Its env was stopped because it did not come out of the library: where. */
bool proc_env_stuck(const struct proc *p, uint64_t *rip);

/* A new process that runs e, which is taken over; its pid or -errno. parent NULL: pid 1, by the housekeeper. */
struct spawn_request {
    struct exec *exec;
    const struct exos_fdmap *fds;
    size_t fd_count;
    uint64_t flags;
};
long proc_spawn(struct proc *parent, const struct spawn_request *rq) MUST_USE;
noreturn void process_start(struct proc *p);

/* p becomes a child of parent and gets what every child gets: group, session, signal mask, limits. */
void proc_adopt(struct proc *parent, struct proc *p);

/* clone(2). */
/* Linux include/uapi/linux/sched.h */
#define CSIGNAL 0xffull
#define CLONE_VM 0x100ull
#define CLONE_FS 0x200ull
#define CLONE_FILES 0x400ull
#define CLONE_SIGHAND 0x800ull
#define CLONE_PIDFD 0x1000ull
#define CLONE_VFORK 0x4000ull
#define CLONE_PARENT 0x8000ull
#define CLONE_THREAD 0x10000ull
#define CLONE_SYSVSEM 0x40000ull
#define CLONE_SETTLS 0x80000ull
#define CLONE_PARENT_SETTID 0x100000ull
#define CLONE_CHILD_CLEARTID 0x200000ull
#define CLONE_DETACHED 0x400000ull
#define CLONE_UNTRACED 0x800000ull
#define CLONE_CHILD_SETTID 0x1000000ull
struct clone_request {
    uint64_t flags, stack, parent_tid, child_tid, tls;
    uint64_t pidfd;             /* where the descriptor of CLONE_PIDFD goes */
};
/* The running process becomes two; *r: all its registers at the call. The child's pid, or -errno. */
long process_clone(struct proc *parent, struct regs *r, const struct clone_request *rq) MUST_USE;
/* A new thread of the running process. Its id, or -errno. */
long thread_clone(struct proc *p, const struct regs *r, const struct clone_request *rq) MUST_USE;
/* The calling thread ends: the process too, if it is the last; then with `status`, as wait4 reports it. */
noreturn void thread_exit(int status);
/* It ends because another thread of the process has asked for it. */
noreturn void thread_give_way(void);
/* All other threads of the running process end; back when they have. Ends the caller if somebody else does the same. */
void threads_end_others(struct proc *p);
/* The running thread, the last of the process, goes on as its first one, on that one's library stack, and starts e. */
noreturn void thread_become_first(struct proc *p, struct exec *e);
/* A thread that is not there any more: nothing of it is left in any queue. */
void thread_drop(struct thread *t);
/* The process' end: frees what its threads had. Its space is gone. */
void threads_free(struct proc *p);
/* The library stack of one of the threads of p but the first covers va. */
/* A word of the library stack of a thread beyond the first, seen from any space; 0 where there is none. */
uint64_t thread_stack_word(const struct proc *p, uint64_t va);
bool thread_stack_covers(const struct proc *p, uint64_t va);
/* A number of the kind that processes have, for a thread of p; 0: none is free. */
uint32_t tid_take(struct proc *p) MUST_USE;
void tid_give(uint32_t tid);
/* The child of a fork, in its own space: the last steps before it goes on. */
void fork_start(struct proc *p);

/*
 * A child of vfork is another process on the same env: the parent's thread and registers wait here until the child has a space of its own
 * or is gone.
 */
#define SEGMENT_UENV 1          /* in proc.segment_page; space.c */

struct vfork {
    struct proc *parent;
    struct thread *thread;      /* of the parent: the one that called */
    struct regs regs;
    uint64_t fs_base;
};
long vfork_begin(struct proc *parent, struct proc *p, struct regs *r, const struct clone_request *rq) MUST_USE;
/* The running env is the parent's again, which goes on behind its call. */
noreturn void vfork_end(struct proc *p);
/* Gives the running child of a vfork a space, where it starts e. Returns only if that fails: -errno. */
int vfork_exec(struct proc *p, struct exec *e) MUST_USE;

/* A child has stopped or goes on (CLD_*): its parent's SIGCHLD and wait. */
void proc_tell_job(struct proc *p, int code, int sig);
/* Never returns. status as wait4 reports it. Only for the running process. */
noreturn void proc_exit(int status);
/* The end of a process that has none of its own any more: from outside, of one that holds nothing in the library. */
void proc_end_from_outside(struct proc *p);
/* The housekeeper's part: sees to it that whoever was killed ends. When to look again (monotonic ns). */
uint64_t kills_enforce(void);
/* Linux wait4 and waitid below their argument formats. */
struct wait_result {
    uint32_t pid;
    int status;
    uint64_t cpu_ns;
};
#define WNOHANG 1u
#define WUNTRACED 2u
#define WEXITED 4u
#define WCONTINUED 8u
#define WNOWAIT 0x01000000u
long proc_wait(int64_t pid, uint32_t options, struct wait_result *out) MUST_USE;
/* The housekeeper's part: spaces of zombies. */
void reap_zombies(void);
bool zombies_waiting(void);

#endif
