/*
 * sigframe.c: the frame that a signal handler finds on its stack, in the shape of Linux' struct rt_sigframe (arch/x86/include/asm/sigframe.h,
 * uapi asm/sigcontext.h), and the way back from it.
 *
 * From high to low: the vector state as XSAVE writes it, siginfo, ucontext, the restorer's address.
 */
#include "aegis/info.h"
#include "base/mem.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/signal.h"
#include "start/keys.h"

#define RED_ZONE 128
#define XSAVE_ALIGN 64
#define XSAVE_HEADER 512        /* offset of XSTATE_BV in the area */
#define XSAVE_HEADER_BYTES 64
#define FP_MAGIC1 0x46505853u   /* software bytes of the legacy area: sigcontext.h */
#define FP_MAGIC2 0x46505845u
#define FP_SW_OFFSET 464
#define MXCSR_OFFSET 24
#define MXCSR_MASK 0xffffu
#define UC_FLAGS 7u             /* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
#define SS_ONSTACK 1u
#define SS_DISABLE 2u
#define RFLAGS_USER 0x50dd5ull  /* what a program may change */

struct sigcontext_k {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2, fpstate;
    uint64_t reserved[8];
};

struct ucontext_k {
    uint64_t flags, link;
    uint64_t stack_sp;
    uint32_t stack_flags, pad;
    uint64_t stack_size;
    struct sigcontext_k mc;
    uint64_t sigmask;
};

struct siginfo_k {
    int32_t signo, err, code, pad;
    union {
        struct { uint32_t pid, uid; int32_t status; } sender;
        uint64_t addr;
        uint8_t bytes[112];
    } u;
};
_Static_assert(sizeof(struct siginfo_k) == 128, "Linux ABI");

struct sigframe {
    uint64_t restorer;
    struct ucontext_k uc;
    struct siginfo_k info;
};
_Static_assert(offsetof(struct sigframe, uc) == 8 && sizeof(struct sigcontext_k) == 256, "Linux ABI");

struct fp_sw {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t size;
    uint32_t padding[7];
};

static uint32_t
xsave_bytes(void)
{
    return AEG_INFO->xsave_mask != 0 ? AEG_INFO->xsave_size : 512;
}

/* Stores the live vector state straight into the program's memory, or loads it from there. False: it faulted. */
static bool
vectors_move(uint64_t at, bool store)
{
    uint64_t mask = AEG_INFO->xsave_mask & ~KEYS_XSAVE;
    uint32_t lo = (uint32_t)mask, hi = (uint32_t)(mask >> 32);

    if (mask == 0 && store)
        __asm__ goto("1: fxsave64 (%0)\n\t" EX_TABLE("1b", "%l[bad]") : : "r"(at) : "memory" : bad);
    else if (mask == 0)
        __asm__ goto("1: fxrstor64 (%0)\n\t" EX_TABLE("1b", "%l[bad]") : : "r"(at) : "memory" : bad);
    else if (store)
        __asm__ goto("1: xsave64 (%0)\n\t" EX_TABLE("1b", "%l[bad]") : : "r"(at), "a"(lo), "d"(hi) : "memory" : bad);
    else
        __asm__ goto("1: xrstor64 (%0)\n\t" EX_TABLE("1b", "%l[bad]") : : "r"(at), "a"(lo), "d"(hi) : "memory" : bad);
    return true;
bad:
    return false;
}

/* Two tries: the first may find a page that has to be fetched. */
static bool
vectors_copy(uint64_t at, bool store)
{
    return vectors_move(at, store) || (user_fault_in() == 0 && vectors_move(at, store));
}

static int
vectors_to(uint64_t at)
{
    struct fp_sw sw = { FP_MAGIC1, xsave_bytes() + 4, AEG_INFO->xsave_mask, xsave_bytes(), { 0 } };
    uint32_t end = FP_MAGIC2;

    if (AEG_INFO->xsave_mask == 0)
        return user_zero(at, xsave_bytes()) == 0 && vectors_copy(at, true) ? 0 : -EFAULT;
    if (user_zero(at + XSAVE_HEADER, XSAVE_HEADER_BYTES) != 0 || user_copy_out(at + xsave_bytes(), &end, sizeof(end)) != 0 ||
        !vectors_copy(at, true))
        return -EFAULT;
    return user_copy_out(at + FP_SW_OFFSET, &sw, sizeof(sw));
}

/* What a program wrote there is made harmless first: a bad header or MXCSR makes the instruction fault. */
static int
vectors_from(uint64_t at)
{
    uint64_t header[XSAVE_HEADER_BYTES / 8];
    uint32_t mxcsr;

    if ((at & (XSAVE_ALIGN - 1)) || !user_ok(at, xsave_bytes()) || user_copy_in(&mxcsr, at + MXCSR_OFFSET, sizeof(mxcsr)) != 0)
        return -EFAULT;
    mxcsr &= MXCSR_MASK;
    if (user_copy_out(at + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr)) != 0)
        return -EFAULT;
    if (AEG_INFO->xsave_mask != 0) {
        if (user_copy_in(header, at + XSAVE_HEADER, sizeof(header)) != 0)
            return -EFAULT;
        header[0] &= AEG_INFO->xsave_mask;
        memset(header + 1, 0, sizeof(header) - sizeof(header[0]));
        if (user_copy_out(at + XSAVE_HEADER, header, sizeof(header)) != 0)
            return -EFAULT;
    }
    return vectors_copy(at, false) ? 0 : -EFAULT;
}

static bool
on_alt_stack(const struct thread_signals *s, uint64_t sp)
{
    return s->alt_stack_size != 0 && sp - s->alt_stack_sp <= s->alt_stack_size;
}

static uint64_t
stack_for(const struct thread_signals *s, const struct regs *r, const struct sigaction_k *sa)
{
    if ((sa->flags & SA_ONSTACK) && s->alt_stack_size != 0 && !on_alt_stack(s, r->rsp))
        return s->alt_stack_sp + s->alt_stack_size;
    return r->rsp - RED_ZONE;
}

static void
fill_context(struct ucontext_k *uc, const struct thread_signals *s, const struct regs *r, uint64_t fpstate, uint64_t addr)
{
    *uc = (struct ucontext_k){
        .flags = UC_FLAGS,
        .stack_sp = s->alt_stack_sp,
        .stack_flags = s->alt_stack_size == 0 ? SS_DISABLE : on_alt_stack(s, r->rsp) ? SS_ONSTACK : 0,
        .stack_size = s->alt_stack_size,
        .mc = {
            .r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11, .r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
            .rdi = r->rdi, .rsi = r->rsi, .rbp = r->rbp, .rbx = r->rbx, .rdx = r->rdx, .rax = r->rax, .rcx = r->rcx, .rsp = r->rsp,
            .rip = r->rip, .eflags = r->rflags, .cs = USER_CS, .ss = USER_SS, .cr2 = addr, .fpstate = fpstate,
            .oldmask = s->blocked,
        },
        .sigmask = s->restore_mask ? s->saved_mask : s->blocked,
    };
}

static void
fill_info(struct siginfo_k *out, int sig, const struct siginfo_brief *info)
{
    *out = (struct siginfo_k){ .signo = sig, .code = info->code };
    if (info->addr != 0 || sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE) {
        out->u.addr = info->addr;
        return;
    }
    out->u.sender.pid = info->pid;
    out->u.sender.uid = info->uid;
    out->u.sender.status = info->status;
}

int
sigframe_push(struct regs *r, int sig, const struct sigaction_k *sa, const struct siginfo_brief *info)
{
    uint64_t fp, at, sp = stack_for(signals_current(), r, sa);
    struct sigframe f;

    fp = (sp - xsave_bytes() - 4) & ~(uint64_t)(XSAVE_ALIGN - 1);
    at = ((fp - sizeof(f)) & ~15ull) - 8;
    f.restorer = sa->restorer;
    fill_context(&f.uc, signals_current(), r, fp, info->addr);
    fill_info(&f.info, sig, info);
    if (sp > USER_TOP || vectors_to(fp) != 0 || user_copy_out(at, &f, sizeof(f)) != 0)
        return -EFAULT;
    r->rdi = (uint64_t)sig;
    r->rsi = at + offsetof(struct sigframe, info);
    r->rdx = at + offsetof(struct sigframe, uc);
    r->rax = 0;
    r->rsp = at;
    r->rip = sa->handler;
    return 0;
}

int
sigframe_pop(struct regs *r)
{
    struct sigcontext_k m;
    struct ucontext_k uc;

    if (user_copy_in(&uc, r->rsp, sizeof(uc)) != 0)
        return -EFAULT;
    m = uc.mc;
    if (m.fpstate != 0 && vectors_from(m.fpstate) != 0)
        return -EFAULT;
    *r = (struct regs){
        .r8 = m.r8, .r9 = m.r9, .r10 = m.r10, .r11 = m.r11, .r12 = m.r12, .r13 = m.r13, .r14 = m.r14, .r15 = m.r15, .rdi = m.rdi,
        .rsi = m.rsi, .rbp = m.rbp, .rbx = m.rbx, .rdx = m.rdx, .rax = m.rax, .rcx = m.rcx, .rsp = m.rsp, .rip = m.rip,
        .rflags = (m.eflags & RFLAGS_USER) | 0x202, .cs = USER_CS, .ss = USER_SS, .orig_rax = ORIG_REPLACED,
    };
    signals_current()->blocked = uc.sigmask & ~SIG_UNBLOCKABLE;
    thread_self()->attention = 1;
    return 0;
}
