/*
 * upcall.c: what the entry code calls when a program faulted, a slice ended, or a call ended with a signal waiting.
 */
#include "start/upcall.h"

#include "base/uaccess.h"
#include "fs/file.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "start/entry.h"
#include "start/layout.h"
#include "vm/pager.h"

#define VECTOR_PAGE_FAULT 14
#define REPORT_MAX 320

extern const struct ex_entry ex_table_begin[], ex_table_end[];
extern const struct ex_range ex_range_begin[], ex_range_end[];

/* Linux arch/x86/kernel/traps.c: which signal an exception is. */
static const struct {
    uint8_t sig;
    uint8_t code;
} exception_signal[32] = {
    [0] = { SIGFPE, 1 },   [1] = { SIGTRAP, 2 },  [3] = { SIGTRAP, SI_KERNEL }, [4] = { SIGSEGV, SI_KERNEL }, [5] = { SIGSEGV, SI_KERNEL },
    [6] = { SIGILL, 2 },   [12] = { SIGBUS, SI_KERNEL }, [13] = { SIGSEGV, SI_KERNEL }, [16] = { SIGFPE, 3 }, [17] = { SIGBUS, 1 },
    [19] = { SIGFPE, 3 },
};

static void
say_to_stderr(const char *text, size_t n)
{
    struct file *f = fd_get(2);
    uint64_t pos = 0;
    struct uio u;

    if (f == NULL)
        return;
    uio_init_kernel(&u, (void *)(uintptr_t)text, n);
    if (f->ops->write != NULL && f->ops->write(f, &u, &pos) < 0)
        log_print("the report above could not be written to the program's standard error");
    file_put(f);
}

static const char *
access_kind(uint64_t vector, uint64_t error)
{
    if (vector != VECTOR_PAGE_FAULT)
        return "an instruction that cannot be executed";
    return error & FAULT_EXEC ? "execution" : error & FAULT_WRITE ? "a write" : "a read";
}

/* The end of a process by its own fault, told on its standard error and in the log. */
static void
report(const struct proc *p, const struct regs *r, int sig, uint64_t vector, uint64_t error, uint64_t cr2)
{
    const struct region *reg = vector == VECTOR_PAGE_FAULT ? region_find(&p->mm->map, cr2) : NULL;
    char line[REPORT_MAX], mapping[96] = "nothing is mapped there";
    int n;

    if (sig == SIGKILL)
        fmt_print(mapping, sizeof(mapping), "the session is out of memory");
    else if (reg != NULL)
        fmt_print(mapping, sizeof(mapping), "mapping %lx-%lx %c%c%c%s", reg->start, reg->end, reg->prot & PROT_READ ? 'r' : '-',
                  reg->prot & PROT_WRITE ? 'w' : '-', reg->prot & PROT_EXEC ? 'x' : '-',
                  reg->flags & REGION_STACK ? " (stack)" : reg->file != NULL ? " (file)" : "");
    n = fmt_print(line, sizeof(line), "exos: pid %u (%s): signal %d (%s): %s", p->pid, p->name, sig, signal_name(sig),
                  access_kind(vector, error));
    if (vector == VECTOR_PAGE_FAULT)
        n += fmt_print(line + n, sizeof(line) - (size_t)n, " of address 0x%lx at rip 0x%lx: %s", cr2, r->rip, mapping);
    else
        n += fmt_print(line + n, sizeof(line) - (size_t)n, " (exception %lu) at rip 0x%lx", vector, r->rip);
    n = MIN(n, REPORT_MAX - 2);
    log_print("%s", line + 6);
    line[n] = '\n';
    say_to_stderr(line, (size_t)n + 1);
}

/* Gives the program the signal that its fault is. True: the handler is to be entered; else it is pending. */
static bool
program_fault(struct regs *r, uint64_t vector, uint64_t error, uint64_t cr2, int sig, int code)
{
    struct thread *t = thread_self();
    struct siginfo_brief info = siginfo_of(sig, code, vector == VECTOR_PAGE_FAULT ? cr2 : code == SI_KERNEL ? 0 : r->rip);

    t->sig.fault_vector = vector;
    t->sig.fault_error = error;
    t->sig.fault_address = cr2;
    if (signal_open(t, sig, 0) && signal_enter(r, t, &info))
        return true;
    proc_signal_force(t->proc, sig, &info);
    if (t->proc->actions[sig - 1].handler <= SIG_IGN)
        report(t->proc, r, sig, vector, error, cr2);
    return false;
}

bool
fault_main(struct regs *r, uint64_t vector, uint64_t error, uint64_t cr2)
{
    struct thread *t = thread_self();
    struct vm_bad bad;
    bool entered = false;

    if (t->proc == NULL)
        EXO_PANIC("the housekeeper faulted: vector %lu, address %lx, rip %lx", vector, cr2, r->rip);
    t->proc->fault_count++;
    if (vector != VECTOR_PAGE_FAULT)
        entered = program_fault(r, vector, error, cr2, vector < 32 && exception_signal[vector].sig ? exception_signal[vector].sig : SIGSEGV,
                                vector < 32 ? exception_signal[vector].code : SI_KERNEL);
    else if (vm_fault(cr2, error, &bad) != 0 && !(MM->mm->pagers != NULL && pager_answers(cr2, r->rsp)))
        entered = program_fault(r, vector, error, cr2, bad.sig, bad.code);
    return entered || (t->attention != 0 && signals_take(r, NULL));
}

/* RLIMIT_CPU: a signal each second past the soft limit, the end at the hard one. */
static void
cpu_limit(struct proc *p)
{
    const struct rlimit_k *limit = &p->rlimit[RLIMIT_CPU_K];
    uint64_t seconds;

    if (limit->cur == UINT64_MAX && limit->max == UINT64_MAX)
        return;
    seconds = proc_cpu_ns(p) / NSEC_PER_SEC;
    if (seconds >= limit->max)
        (void)proc_signal(p, SIGKILL);
    else if (seconds >= limit->cur && seconds > p->cpu_told)
        (void)proc_signal(p, SIGXCPU);
    p->cpu_told = (uint32_t)seconds;
}

void
slice_main(struct regs *r)
{
    cpu_limit(proc_current());
    sched_slice_end();
    if (thread_self()->attention != 0)
        (void)signals_take(r, NULL);
}

/* The argument registers as they were at the call. A linked call is a C function: what it may spoil is only of interest to who makes it again. */
static inline void
regs_from_args(struct regs *r, const struct lx_args *args)
{
    const uint64_t *a = args->a;

    if (call_linked()) {
        r->rdx = a[1];
    } else {
        r->rdi = a[0], r->rsi = a[1], r->rdx = a[2], r->r10 = a[3], r->r8 = a[4], r->r9 = a[5];
        r->rcx = r->rip;
    }
}

bool
attention_main(struct regs *r, const struct lx_args *args)
{
    const struct thread *t = thread_self();

    if (r->orig_rax != ORIG_REPLACED)
        regs_from_args(r, args);
    if (t->sig.own != 0)
        return own_signal_now(r, args);
    if (t->proc->fork_wanted)
        r->rax = (uint64_t)fork_wanted_now(r, args);
    return signals_take(r, args);
}

void
sigreturn_long(struct regs *r, uva_t uc)
{
    struct siginfo_brief info = { .code = SI_KERNEL };

    r->rsp = uc;
    r->orig_rax = ORIG_REPLACED;
    if (sigframe_pop(r, uc) != 0)
        proc_signal_force(proc_current(), SIGSEGV, &info);
    (void)signals_take(r, NULL);
}

/* A pager's handler has said that the fault whose struct exos_fault is at a[0] is not its own: it is SIGSEGV. */
LX(exos_pager_refused)
{
    struct siginfo_brief info = { .code = SI_KERNEL };
    struct regs *r = program_regs();
    struct exos_fault f;

    if (user_copy_in(&f, args->a[0], sizeof(f)) != 0) {
        proc_signal_force(proc_current(), SIGSEGV, &info);
        return -EFAULT;
    }
    *r = (struct regs){
        .rax = f.rax, .rcx = f.rcx, .rdx = f.rdx, .rbx = f.rbx, .rbp = f.rbp, .rsi = f.rsi, .rdi = f.rdi, .r8 = f.r8, .r9 = f.r9,
        .r10 = f.r10, .r11 = f.r11, .r12 = f.r12, .r13 = f.r13, .r14 = f.r14, .r15 = f.r15, .rip = f.rip, .rsp = f.rsp,
        .rflags = (f.rflags & RFLAGS_USER) | RFLAGS_PLAIN, .cs = USER_CS, .ss = USER_SS, .orig_rax = ORIG_REPLACED,
    };
    thread_self()->attention = 1;       /* no handler is entered from here */
    (void)program_fault(r, VECTOR_PAGE_FAULT, f.error, f.address, SIGSEGV, f.error & EXOS_FAULT_PRESENT ? SEGV_ACCERR : SEGV_MAPERR);
    return 0;
}

static uint64_t
fixup_for(uint64_t rip)
{
    for (const struct ex_entry *e = ex_table_begin; e < ex_table_end; e++)
        if ((uint64_t)&e->at + (uint64_t)(int64_t)e->at == rip)
            return (uint64_t)&e->at + (uint64_t)(int64_t)e->fixup;
    for (const struct ex_range *e = ex_range_begin; e < ex_range_end; e++)
        if (rip - (uint64_t)e - (uint64_t)(int64_t)e->begin < (uint64_t)(int64_t)(e->end - e->begin))
            return (uint64_t)e + (uint64_t)(int64_t)e->fixup;
    return 0;
}

/* Not so while a gate looks at the program's stack, which may be anywhere. */
static bool
on_library_stack(uint64_t rsp)
{
    return rsp - PROCESS_BASE < SLOT_BYTES;
}

/* The library itself faulted: in the user-memory routines that is foreseen. Gives where it goes on. */
uint64_t
library_fault_main(void)
{
    const struct thread *t = thread_self();
    const struct aeg_uenv *u = t != NULL ? t->uenv : (const struct aeg_uenv *)BOOT_UENV_VA;
    const struct aeg_uframe *f = &u->frame[0];
    uint64_t fixup = fixup_for(f->rip);

    if (t == NULL || fixup == 0 || (f->vector == VECTOR_PAGE_FAULT && f->cr2 >= USER_TOP && on_library_stack(f->rsp)))
        EXO_PANIC("fault in the library: vector %lu, error %lx, address %lx, rip %lx, rsp %lx", f->vector, f->error, f->cr2, f->rip, f->rsp);
    uenv_local(t->uenv)->fault_va = f->vector == VECTOR_PAGE_FAULT ? f->cr2 : USER_TOP;
    uenv_local(t->uenv)->fault_error = f->error;
    return fixup;
}

noreturn void
nested_fault_main(uint32_t depth)
{
    const struct thread *t = thread_self();
    const struct aeg_uenv *u = t != NULL ? t->uenv : (const struct aeg_uenv *)BOOT_UENV_VA;
    const struct aeg_uframe *f = &u->frame[(depth - 1) % AEG_UENV_DEPTH];

    EXO_PANIC("fault in a fault handler: vector %lu, address %lx, rip %lx; first rip %lx", f->vector, f->cr2, f->rip, u->frame[0].rip);
}
