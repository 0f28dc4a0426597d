/*
 * sigframe.c: the frame that a signal handler finds on its stack, in the shape of Linux' struct rt_sigframe (arch/x86/include/asm/sigframe.h,
 * uapi asm/sigcontext.h), and the way back from it.
 *
 * From high to low: the vector state as XSAVE writes it, siginfo, ucontext, the restorer's address. sigframe.asm writes it in one go, and
 * takes the registers out of it.
 */
#include "aegis/info.h"
#include "base/mem.h"
#include "base/uaccess.h"
#include "base/uio.h"
#include "proc/signal.h"
#include "start/keys.h"

#define RED_ZONE 128
#define XSAVE_ALIGN 64
#define FXSAVE_BYTES 512
#define FP_MAGIC1 0x46505853u   /* software bytes of the legacy area: sigcontext.h */
#define FP_MAGIC2 0x46505845u
#define FP_SW_OFFSET 464
#define TRIES 8                 /* stores to a frame that spans pages which have to be fetched */

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

#define INFO_OFFSET 312
#define UC_OFFSET 8
#define FRAME_BYTES (INFO_OFFSET + sizeof(struct siginfo_k))
#define FRAME_SLACK (FRAME_BYTES + XSAVE_ALIGN + 32)        /* all but the vectors, aligned */
#define FRAME_BYTES_MAX 0x10000     /* nothing of a program's lies below */
_Static_assert(sizeof(struct sigcontext_k) == 256 && UC_OFFSET + sizeof(struct ucontext_k) == INFO_OFFSET, "Linux ABI; sigframe.asm");
_Static_assert(offsetof(struct ucontext_k, mc) == 40 && offsetof(struct ucontext_k, sigmask) == 296, "sigframe.asm");

/* What the vector part of a frame is on this CPU. */
struct vector_frame {
    uint64_t magic_size, features, bytes;   /* software bytes; features 0: FXSAVE */
    uint64_t components;                    /* what is saved and loaded */
};
extern struct vector_frame vector_frame;
struct vector_frame vector_frame;

/* sigframe.asm. Writes the frame below sp and points the registers at it. False: the program's memory is not there; nothing is done. */
bool sigframe_store(struct regs *r, uint64_t sp, const struct sigaction_k *sa, uint64_t mask, int64_t sig, const struct siginfo_brief *info);
bool sigframe_vectors(uint64_t from, uint64_t components);

void
sigframe_init(void)
{
    uint64_t bytes = AEG_INFO->xsave_mask != 0 ? AEG_INFO->xsave_size : FXSAVE_BYTES;

    vector_frame.magic_size = FP_MAGIC1 | (bytes + sizeof(uint32_t)) << 32;
    vector_frame.features = AEG_INFO->xsave_mask;
    vector_frame.components = AEG_INFO->xsave_mask & ~KEYS_XSAVE;
    vector_frame.bytes = bytes;
}

uint64_t
vectors_bytes(void)
{
    return vector_frame.bytes;
}

/* frame_from() where there is an alternate stack. */
static NOINLINE uint64_t
stack_for(const struct thread_signals *s, const struct regs *r, const struct sigaction_k *sa)
{
    bool there = alt_stack_covers(s, r->rsp), enters = !there && (sa->flags & SA_ONSTACK);
    uint64_t sp = enters ? s->alt_stack_sp + s->alt_stack_size : r->rsp - RED_ZONE;

    return (there || enters) && sp - vector_frame.bytes - FRAME_SLACK < s->alt_stack_sp ? 0 : sp;
}

/* Where a frame goes down from; none that frame_fits(): there is no room. */
static inline uint64_t
frame_from(const struct thread_signals *s, const struct regs *r, const struct sigaction_k *sa)
{
    return s->alt_stack_size != 0 ? stack_for(s, r, sa) : r->rsp - RED_ZONE;
}

static inline bool
frame_fits(uint64_t sp)
{
    return sp - FRAME_BYTES_MAX <= USER_TOP - FRAME_BYTES_MAX;
}

/* Below sp, from which a frame fits. */
static inline bool
frame_store(struct regs *r, uint64_t sp, const struct sigaction_k *sa, uint64_t mask, int sig, const struct siginfo_brief *info)
{
    struct thread_signals *s = signals_current();
    bool done = sigframe_store(r, sp, sa, mask, sig, info);

    if (done && (s->alt_stack_flags & SS_AUTODISARM))
        alt_stack_none(s);
    return done;
}

bool
sigframe_push_now(struct regs *r, int sig, const struct sigaction_k *sa, uint64_t mask, const struct siginfo_brief *info)
{
    uint64_t sp = frame_from(signals_current(), r, sa);

    return frame_fits(sp) && frame_store(r, sp, sa, mask, sig, info);
}

/* A page of the frame has to be fetched first. sa may be another's by then. */
static COLD int
push_again(struct regs *r, struct sigaction_k sa, uint64_t mask, int sig, const struct siginfo_brief *info)
{
    uint64_t sp = frame_from(signals_current(), r, &sa);

    if (!frame_fits(sp))
        return -EFAULT;
    for (unsigned tries = TRIES; !frame_store(r, sp, &sa, mask, sig, info); tries--)
        if (tries == 0 || user_fault_in() != 0)
            return -EFAULT;
    return 0;
}

int
sigframe_push(struct regs *r, int sig, const struct sigaction_k *sa, const struct siginfo_brief *info)
{
    const struct thread_signals *s = signals_current();
    uint64_t mask = s->restore_mask ? s->saved_mask : s->blocked;

    return sigframe_push_now(r, sig, sa, mask, info) ? 0 : push_again(r, *sa, mask, sig, info);
}

/* ---- the way back ---- */

/* Only what the legacy area holds, where nothing says that there is more (a frame that a program made itself). */
static bool
vectors_whole(uva_t at)
{
    uint64_t magic_size;
    uint32_t end;

    return vector_frame.features != 0 && uaccess_load64(&magic_size, at + FP_SW_OFFSET) && magic_size == vector_frame.magic_size &&
           uaccess_load32(&end, at + vector_frame.bytes) && end == FP_MAGIC2;
}

/* From the program's memory as it is: what no XRSTOR takes is a fault, and that is answered. */
static bool
vectors_from(uva_t at)
{
    return user_ok(at, vector_frame.bytes + sizeof(uint32_t)) && sigframe_vectors(at, vectors_whole(at) ? vector_frame.components : 0);
}

/* As sigaltstack(2), but that there is nobody to tell what is wrong with it. */
static void
alt_stack_from(const struct ucontext_k *uc, const struct regs *r)
{
    struct thread_signals *s = signals_current();

    if (alt_stack_covers(s, r->rsp))
        return;
    if (uc->stack_flags & SS_DISABLE)
        alt_stack_none(s);
    else if (uc->stack_size >= ALT_STACK_MIN) {
        s->alt_stack_sp = uc->stack_sp;
        s->alt_stack_size = uc->stack_size;
        s->alt_stack_flags = uc->stack_flags & SS_AUTODISARM;
    }
}

static bool
vectors_fetch(uva_t at)
{
    for (unsigned i = 0; i < TRIES; i++)
        if (vectors_from(at))
            return true;
        else if (user_fault_in() != 0)
            return false;
    return false;
}

int
sigframe_pop(struct regs *r, uva_t at)
{
    struct sigcontext_k m;
    struct ucontext_k uc;

    if (user_copy_in(&uc, at, sizeof(uc)) != 0)
        return -EFAULT;
    m = uc.mc;
    if (m.fpstate != 0 && !vectors_fetch(m.fpstate))
        return -EFAULT;
    *r = (struct regs){
        .r8 = m.r8, .r9 = m.r9, .r10 = m.r10, .r11 = m.r11, .r12 = m.r12, .r13 = m.r13, .r14 = m.r14, .r15 = m.r15, .rdi = m.rdi,
        .rsi = m.rsi, .rbp = m.rbp, .rbx = m.rbx, .rdx = m.rdx, .rax = m.rax, .rcx = m.rcx, .rsp = m.rsp, .rip = m.rip,
        .rflags = (m.eflags & RFLAGS_USER) | RFLAGS_PLAIN, .cs = USER_CS, .ss = USER_SS, .orig_rax = ORIG_REPLACED,
    };
    signals_current()->blocked = uc.sigmask & ~SIG_UNBLOCKABLE;
    alt_stack_from(&uc, r);
    proc_attend(thread_self()->proc);
    thread_self()->attention = 1;
    return 0;
}
