/*
 * sys.h: how a library calls Aegis: one inline stub per call, made from syscalls.def.
 *
 * aeg_call() returns the error and stores the value; the typed wrappers below it are what libraries use.
 */
#ifndef AEGIS_SYS_H
#define AEGIS_SYS_H

#include "aegis/types.h"

#define AEG_SYS_BASE 0xAE600000u

enum aeg_sys {
#define AEG_SYSCALL(number, name, argc, needs) AEG_SYS_##name = AEG_SYS_BASE + (number),
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

static inline aeg_err_t AEG_MUST_USE
aeg_call(enum aeg_sys nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t *value)
{
    uint64_t err = nr;
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "+a"(err), "+d"(c)
                     : "D"(a), "S"(b), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (value)
        *value = c;
    return (aeg_err_t)err;
}

#define AEG_CAPS(space_cap, frame_cap) ((uint64_t)(space_cap) | (uint64_t)(frame_cap) << 16)

static inline aeg_err_t AEG_MUST_USE
aeg_null(void)
{
    return aeg_call(AEG_SYS_null, 0, 0, 0, 0, 0, 0, NULL);
}

/* A new capability below `cap`: component 0 asks for a fresh name. index: where it is in the caller's table. */
static inline aeg_err_t AEG_MUST_USE
aeg_cap_forge(uint32_t cap, uint16_t component, uint32_t rights, uint64_t *index)
{
    return aeg_call(AEG_SYS_cap_forge, cap, component, rights, 0, 0, 0, index);
}

static inline aeg_err_t AEG_MUST_USE
aeg_cap_drop(uint32_t cap)
{
    return aeg_call(AEG_SYS_cap_drop, cap, 0, 0, 0, 0, 0, NULL);
}

/* Copies `cap` with `rights` (a subset) to the table of `space`, over which space_cap has CONTROL. */
static inline aeg_err_t AEG_MUST_USE
aeg_cap_grant(uint32_t cap, aeg_id_t space, uint32_t space_cap, uint32_t rights, uint64_t *index)
{
    return aeg_call(AEG_SYS_cap_grant, cap, space, space_cap, rights, 0, 0, index);
}

/* Removes the capability's name and everything below it from all tables but its own entry. AEG_ERR_AGAIN: call again. */
static inline aeg_err_t AEG_MUST_USE
aeg_cap_revoke(uint32_t cap)
{
    return aeg_call(AEG_SYS_cap_revoke, cap, 0, 0, 0, 0, 0, NULL);
}

/* Copies up to `max` entries of the caller's table to list[]; empty places have rights 0. */
static inline aeg_err_t AEG_MUST_USE
aeg_cap_list(struct aeg_cap *list, uint64_t max)
{
    return aeg_call(AEG_SYS_cap_list, (uint64_t)(uintptr_t)list, max, 0, 0, 0, 0, NULL);
}

static inline aeg_err_t AEG_MUST_USE
aeg_account_create(aeg_id_t parent, uint32_t cap, uint32_t guard_cap, const struct aeg_limits *limits, aeg_id_t *id)
{
    return aeg_call(AEG_SYS_account_create, parent, cap, guard_cap, (uint64_t)(uintptr_t)limits, 0, 0, id);
}

static inline aeg_err_t AEG_MUST_USE
aeg_account_end(aeg_id_t account, uint32_t cap)
{
    return aeg_call(AEG_SYS_account_end, account, cap, 0, 0, 0, 0, NULL);
}

/* Allocates up to `count` frames into frames[] (AEG_FRAME_ZERO marks zeroed ones); *done says how many, even on error. */
static inline aeg_err_t AEG_MUST_USE
aeg_frame_alloc(aeg_id_t account, uint32_t cap, uint32_t guard_cap, uint64_t count, aeg_frame_t *frames, uint64_t *done)
{
    return aeg_call(AEG_SYS_frame_alloc, account, cap, guard_cap, count, (uint64_t)(uintptr_t)frames, 0, done);
}

static inline aeg_err_t AEG_MUST_USE
aeg_frame_free(uint32_t cap, const aeg_frame_t *frames, uint64_t count, uint64_t *done)
{
    return aeg_call(AEG_SYS_frame_free, cap, (uint64_t)(uintptr_t)frames, count, 0, 0, 0, done);
}

static inline aeg_err_t AEG_MUST_USE
aeg_frame_guard(uint32_t cap, uint32_t guard_cap, const aeg_frame_t *frames, uint64_t count, uint64_t *done)
{
    return aeg_call(AEG_SYS_frame_guard, cap, guard_cap, (uint64_t)(uintptr_t)frames, count, 0, 0, done);
}

/* Another guard for a space, an env or an account (AEG_KIND_*). caps: CONTROL over it, and the capability whose name the guard becomes. */
static inline aeg_err_t AEG_MUST_USE
aeg_guard_set(enum aeg_kind kind, aeg_id_t id, uint64_t caps)
{
    return aeg_call(AEG_SYS_guard_set, kind, id, caps, 0, 0, 0, NULL);
}

/* A space around a frame that becomes its PML4. It starts with an empty capability table. */
static inline aeg_err_t AEG_MUST_USE
aeg_space_create(aeg_id_t account, uint32_t cap, uint32_t guard_cap, aeg_frame_t pml4, aeg_id_t *id)
{
    return aeg_call(AEG_SYS_space_create, account, cap, guard_cap, pml4, 0, 0, id);
}

/* Takes the space apart: its envs, entries and capabilities. Frames are not freed, only no longer bound. AEG_ERR_AGAIN: call again. */
static inline aeg_err_t AEG_MUST_USE
aeg_space_destroy(aeg_id_t space, uint32_t cap)
{
    return aeg_call(AEG_SYS_space_destroy, space, cap, 0, 0, 0, 0, NULL);
}

/* Hangs `frame` into the table of level + 1 that covers va. The first attach makes the frame a node (cleared, level and base fixed). */
static inline aeg_err_t AEG_MUST_USE
aeg_pt_attach(aeg_id_t space, uint64_t caps, uint64_t va, uint32_t level_flags, aeg_frame_t frame)
{
    return aeg_call(AEG_SYS_pt_attach, space, caps, va, level_flags, frame, 0, NULL);
}

/* Takes the node of `level` at va out of its table. The last reference needs it empty. frame: which it was. */
static inline aeg_err_t AEG_MUST_USE
aeg_pt_detach(aeg_id_t space, uint64_t caps, uint64_t va, uint32_t level, aeg_frame_t *frame)
{
    return aeg_call(AEG_SYS_pt_detach, space, caps, va | level, 0, 0, 0, frame);
}

/* Replaces count entries; each ops[i].pte holds the old entry afterwards. *done: how many were, the one that failed being next. */
static inline aeg_err_t AEG_MUST_USE
aeg_pte_set(aeg_id_t space, uint64_t caps, struct aeg_pte_op *ops, uint64_t count, uint64_t *done)
{
    return aeg_call(AEG_SYS_pte_set, space, caps, (uint64_t)(uintptr_t)ops, count, 0, 0, done);
}

/* Copies ranges of entries between spaces. AEG_ERR_AGAIN: progress is in ranges[].done; call again. *done: ranges completed. */
static inline aeg_err_t AEG_MUST_USE
aeg_pte_copy(aeg_id_t src, uint32_t src_cap, aeg_id_t dst, uint32_t dst_cap, struct aeg_pte_range *ranges, uint64_t count,
             uint64_t *done)
{
    return aeg_call(AEG_SYS_pte_copy, src, src_cap, dst, dst_cap, (uint64_t)(uintptr_t)ranges, count, done);
}

/*
 * Takes `pages` entries from va on, all under one page table, out of it, but for those that have one of the software bits `keep`. frames: room
 * for so many; gets those that nothing binds any more.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_pte_clear(aeg_id_t space, uint64_t caps, uint64_t va, uint64_t pages, uint64_t keep, aeg_frame_t *frames, struct aeg_pte_cleared *out)
{
    uint64_t value;
    aeg_err_t err = aeg_call(AEG_SYS_pte_clear, space, caps, va, pages, keep, (uint64_t)(uintptr_t)frames, &value);

    *out = (struct aeg_pte_cleared){ (uint32_t)(value & 0xffff), (uint32_t)(value >> AEG_CLEAR_UNBOUND_SHIFT & 0xffff),
                                     (uint32_t)(value >> AEG_CLEAR_KEPT_SHIFT & 0xffff) };
    return err;
}

/*
 * Who answers for an account: `env` is notified (AEG_NOTIFY_REVOKE, revoke_entry) when frames are asked back (AEG_INFO->accounts says how
 * many and by when) or have been taken, and `frame` becomes its repossession vector. caps: account capability | env and frame capability
 * << 16. env 0: nobody.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_revoke_bind(aeg_id_t account, uint64_t caps, aeg_id_t env, aeg_frame_t frame)
{
    return aeg_call(AEG_SYS_revoke_bind, account, caps, env, frame, 0, 0, NULL);
}

static inline aeg_err_t AEG_MUST_USE
aeg_env_create(aeg_id_t account, uint32_t cap, uint32_t guard_cap, aeg_id_t space, const struct aeg_env_args *args, aeg_id_t *id)
{
    return aeg_call(AEG_SYS_env_create, account, cap, guard_cap, space, (uint64_t)(uintptr_t)args, 0, id);
}

static inline aeg_err_t AEG_MUST_USE
aeg_env_destroy(aeg_id_t env, uint32_t cap)
{
    return aeg_call(AEG_SYS_env_destroy, env, cap, 0, 0, 0, 0, NULL);
}

/*
 * Gives the rest of the slice to `env` (0: to whom the slice vector says). The kernel keeps rbx, rbp, r12-r15, rsp, rip, FS and GS base;
 * vector registers come back in their initial state: save what is live.
 */
static inline aeg_err_t
aeg_yield(aeg_id_t env, uint32_t cap)
{
    uint64_t nr = AEG_SYS_yield, a = env, b = cap, c = 0;

    __asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b), "+d"(c) : : "rcx", "r8", "r9", "r10", "r11", "memory");
    return (aeg_err_t)nr;
}

/*
 * Sleeps until (uenv.notify & mask) != 0 or deadline_ns (monotonic, AEG_WAIT_FOREVER: never), giving the slice to `to` as yield does.
 * *bits: the bits of mask that are set; the library clears them. AEG_ERR_TIMEOUT when there are none.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_wait(uint64_t mask, uint64_t deadline_ns, aeg_id_t to, uint32_t to_cap, uint64_t *bits)
{
    uint64_t nr = AEG_SYS_wait, a = mask, b = deadline_ns, c = to;
    register uint64_t r10 __asm__("r10") = to_cap;

    __asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b), "+d"(c), "+r"(r10) : : "rcx", "r8", "r9", "r11", "memory");
    *bits = c;
    return (aeg_err_t)nr;
}

/* ---- protected control transfer ---- */

/*
 * A message is rbx, rbp, r8, r9, r10, r12-r15 and all vector registers; MXCSR, the x87 unit and protection keys are reset. A gate is
 * entered at uenv.gate_entry on the stack with which its env went to wait, with rdi = who sent it, rsi = AEG_GATE_*, rax = rdx = 0. These
 * stubs carry the words below; rbp goes as zero.
 */
struct aeg_message {
    uint64_t rbx, r8, r9, r10, r12, r13, r14, r15;
};

#ifdef __SSE__
#define AEG_VECTOR_CLOBBERS , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
    "xmm13", "xmm14", "xmm15"
#else
#define AEG_VECTOR_CLOBBERS
#endif

/* rbp lies below the red zone while the message is under way. */
static inline aeg_err_t AEG_MUST_USE
aeg_message_call(enum aeg_sys nr, uint64_t a, uint64_t b, uint64_t c, struct aeg_message *m)
{
    uint64_t err = nr, rbx = m->rbx;
    register uint64_t r8 __asm__("r8") = m->r8;
    register uint64_t r9 __asm__("r9") = m->r9;
    register uint64_t r10 __asm__("r10") = m->r10;
    register uint64_t r12 __asm__("r12") = m->r12;
    register uint64_t r13 __asm__("r13") = m->r13;
    register uint64_t r14 __asm__("r14") = m->r14;
    register uint64_t r15 __asm__("r15") = m->r15;

    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\txor %%ebp, %%ebp\n\tsyscall\n\tpop %%rbp\n\tlea 128(%%rsp), %%rsp"
                     : "+a"(err), "+D"(a), "+S"(b), "+d"(c), "+b"(rbx), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12), "+r"(r13),
                       "+r"(r14), "+r"(r15)
                     :
                     : "rcx", "r11", "memory", "cc" AEG_VECTOR_CLOBBERS);
    *m = (struct aeg_message){ rbx, r8, r9, r10, r12, r13, r14, r15 };
    return (aeg_err_t)err;
}

/* The gate of the calling env may be entered with WRITE over the name of guard_cap, too. */
static inline aeg_err_t AEG_MUST_USE
aeg_gate_open(uint32_t guard_cap)
{
    return aeg_call(AEG_SYS_gate_open, guard_cap, 0, 0, 0, 0, 0, NULL);
}

/*
 * Enters the gate of `env`, which waits in it, on the running slice, and waits for the reply: *m goes, *m comes back. deadline_ns is
 * absolute. AEG_ERR_DEAD: the callee ended or stopped; AEG_ERR_NOT_READY: it is not in its gate; on an error after it was entered *m is 0.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_pct_call(aeg_id_t env, uint32_t cap, uint64_t deadline_ns, struct aeg_message *m)
{
    return aeg_message_call(AEG_SYS_pct_call, env, cap, deadline_ns, m);
}

/* The same without a reply: the caller stays ready and goes on when it is given the CPU again. */
static inline aeg_err_t AEG_MUST_USE
aeg_pct_send(aeg_id_t env, uint32_t cap, struct aeg_message *m)
{
    return aeg_message_call(AEG_SYS_pct_send, env, cap, 0, m);
}

/* Replies, once, to the caller in hand, which goes on at once; the callee stays ready. AEG_ERR_DEAD: the caller no longer waits. */
static inline aeg_err_t AEG_MUST_USE
aeg_pct_reply(struct aeg_message *m)
{
    return aeg_message_call(AEG_SYS_pct_reply, 0, 0, 0, m);
}

/*
 * Replies to the caller in hand, if there is one that still waits, and waits in the gate for the next. Comes back as aeg_wait does, for a
 * bit of mask or at the deadline, when nobody entered; a message comes in at uenv.gate_entry instead.
 */
static inline aeg_err_t AEG_MUST_USE
aeg_pct_reply_wait(uint64_t mask, uint64_t deadline_ns, struct aeg_message *m)
{
    return aeg_message_call(AEG_SYS_pct_reply_wait, mask, deadline_ns, 0, m);
}

static inline aeg_err_t AEG_MUST_USE
aeg_notify(aeg_id_t env, uint32_t cap, uint64_t bits)
{
    return aeg_call(AEG_SYS_notify, env, cap, bits, 0, 0, 0, NULL);
}

/* Puts `env` (0: nobody) at a position of the CPU's slice vector. caps: position capability | env capability << 16. */
static inline aeg_err_t AEG_MUST_USE
aeg_slice_set(uint32_t cpu, uint32_t position, aeg_id_t env, uint64_t caps)
{
    return aeg_call(AEG_SYS_slice_set, cpu, position, env, caps, 0, 0, NULL);
}

static inline aeg_err_t AEG_MUST_USE
aeg_console_write(uint32_t cap, uint32_t port, const void *buf, uint64_t len, uint64_t *done)
{
    return aeg_call(AEG_SYS_console_write, cap, port, (uint64_t)(uintptr_t)buf, len, 0, 0, done);
}

/* Takes up to len bytes that have come in; *done may be 0. */
static inline aeg_err_t AEG_MUST_USE
aeg_console_read(uint32_t cap, uint32_t port, void *buf, uint64_t len, uint64_t *done)
{
    return aeg_call(AEG_SYS_console_read, cap, port, (uint64_t)(uintptr_t)buf, len, 0, 0, done);
}

/* Notification bits to set in `env` when input comes. caps: console capability | env capability << 16. */
static inline aeg_err_t AEG_MUST_USE
aeg_console_bind(uint64_t caps, uint32_t port, aeg_id_t env, uint64_t bits)
{
    return aeg_call(AEG_SYS_console_bind, caps, port, env, bits, 0, 0, NULL);
}

static inline aeg_err_t
aeg_power(uint32_t cap, uint32_t op, uint32_t code)
{
    return aeg_call(AEG_SYS_power, cap, op, code, 0, 0, 0, NULL);
}

#endif
