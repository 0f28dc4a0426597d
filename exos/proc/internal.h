/*
 * internal.h: what the files of proc/ share.
 */
#ifndef EXOS_PROC_INTERNAL_H
#define EXOS_PROC_INTERNAL_H

#include "exos/api.h"
#include "fs/file.h"
#include "proc/proc.h"

/* Linux include/uapi/asm-generic/resource.h */
enum { RLIMIT_DATA_K = 2, RLIMIT_STACK_K = 3, RLIMIT_CORE_K = 4, RLIMIT_NPROC_K = 6, RLIMIT_NOFILE_K = 7, RLIMIT_MEMLOCK_K = 8,
       RLIMIT_SIGPENDING_K = 11, RLIMIT_MSGQUEUE_K = 12, RLIMIT_NICE_K = 13, RLIMIT_RTPRIO_K = 14 };

#define STACK_BYTES_MAX (8ull << 20)
#define STACK_TOP (USER_TOP - 0x10000)

/* argv and envp as one run of NUL-terminated strings in session pages. */
#define ARG_PAGES_MAX 64
#define ARG_COUNT_MAX 16384
struct arg_pages {
    char *page[ARG_PAGES_MAX];
    size_t bytes;
    uint32_t argc, envc;
};
/* One string from program memory, or from the library's. 0, -EFAULT, -E2BIG, -ENOMEM. */
int args_add_user(struct arg_pages *a, uva_t string) MUST_USE;
int args_add(struct arg_pages *a, const char *string) MUST_USE;
/* The strings of a NULL-terminated pointer array; *count rises. */
int args_add_vector(struct arg_pages *a, uva_t vector, uint32_t *count) MUST_USE;
char args_byte(const struct arg_pages *a, size_t at);
void args_free(struct arg_pages *a);

/* A process on its way to its first instruction. Owned by the parent, which sleeps until `done`. */
struct spawn {
    struct file *file;
    const char *path;
    struct arg_pages args;
    bool done;
    int err;
    struct waitq wq;
};

/* What the loader found; where the program starts. */
struct image {
    uint64_t entry, phdr, phent, phnum, base;   /* base: the interpreter's, 0 without one */
    uint64_t program_entry, brk;
};
/* Loads the ELF file into the running, empty space. 0, -ENOEXEC, -ENOMEM, -EIO, or what opening its interpreter said. */
int elf_load(struct file *f, struct image *out) MUST_USE;
/* Strings, pointers and auxiliary vector on a new stack; *sp: where argc lies. */
int stack_build(struct proc *p, const struct arg_pages *a, const char *path, const struct image *img, uint64_t *sp) MUST_USE;

struct proc *proc_alloc(void) MUST_USE;
void proc_free(struct proc *p);
void proc_free_parts(struct proc *p);
/* A space with image, session and process segments, capabilities and an env that will run process_start(p). */
int space_build(struct proc *p) MUST_USE;
void space_tear_down(struct proc *p);

/* Starts `path`; the child's pid or -errno. parent NULL: pid 1, by the housekeeper. Takes over args. */
struct spawn_request {
    const char *path;
    struct file *file;              /* opened executable; NULL: open path. Taken over */
    struct arg_pages args;
    const struct exos_fdmap *fds;
    size_t fd_count;
    uint64_t flags;
};
long proc_spawn(struct proc *parent, struct spawn_request *rq) MUST_USE;
noreturn void process_start(struct proc *p);

/* A child that has stopped: its parent's SIGCHLD and wait. */
void proc_tell_stopped(struct proc *p);
/* Never returns. status as wait4 reports it. Only for the running process. */
noreturn void proc_exit(int status);
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
