/*
 * kernel.h: what every file of the kernel may assume: words, bounds, memory, locks, the log, panics.
 */
#ifndef AEGIS_CORE_KERNEL_H
#define AEGIS_CORE_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "aegis/info.h"
#include "aegis/types.h"
#include "core/layout.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define FRAME_SIZE AEG_FRAME_SIZE
#define FRAME_SHIFT AEG_FRAME_SHIFT

typedef uint64_t paddr_t;

/* A user address, as it came from outside: opened only by copy_in and copy_out. */
struct uaddr {
    uint64_t v;
};

static inline void *
direct_map(paddr_t pa)
{
    return (void *)(DIRECT_BASE + pa);
}

static inline paddr_t
direct_unmap(const void *va)
{
    return (paddr_t)((uint64_t)va - DIRECT_BASE);
}

static inline void *
frame_map(aeg_frame_t frame)
{
    return direct_map(frame << FRAME_SHIFT);
}

/*
 * A ticket-less spinlock with a rank; locks are taken in rising order (lockrank.h), which debug builds check. The kernel runs with
 * interrupts off, so a lock is never held across one.
 */
struct spinlock {
    volatile uint32_t held;
    uint32_t rank;
};
#define SPINLOCK(r) { 0, (r) }
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);

/* The log: second serial port, and the ring that a panic shows. printf formats: d i u x X p c s, l ll z, width, 0, -. */
void klog(const char *format, ...) PRINTF(1, 2);
int kformat(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);
int kvformat(char *buf, size_t size, const char *format, va_list ap);

/* The hardware's fault or ours: an epitaph (where, why, registers, backtrace) and a stop. */
noreturn void panic_at(const char *file, int line, const char *format, ...) PRINTF(3, 4);
#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define AEG_ASSERT(x) ((x) ? (void)0 : panic_at(__FILE__, __LINE__, "assertion failed: %s", #x))

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/*
 * User memory of the running space, through its own page tables with SMAP lifted. false: some part of it was not readable (writable);
 * copy_out may then have stored a part. Never call with a lock held that a fault path takes.
 */
bool copy_in(void *dst, struct uaddr src, size_t n) AEG_MUST_USE;
bool copy_out(struct uaddr dst, const void *src, size_t n) AEG_MUST_USE;

/* A call's registers. A handler returns the error and leaves the value, if any, in `value` (0 when it is called). */
struct sys_args {
    uint64_t a[6];
    uint64_t value;
};
typedef aeg_err_t sys_handler(struct sys_args *args);
#define AEG_SYSCALL(number, name, argc, needs) sys_handler sys_##name;
#include "aegis/syscalls.def"
#undef AEG_SYSCALL

/* Wakes whoever waits for these bits of an env (any context). A stale id does nothing. */
void env_notify(aeg_id_t env, uint64_t bits);

/* Capability check of the calling space (cap.c): OK when capability `index` dominates `guard` with all of `rights`. */
aeg_err_t cap_check(uint32_t index, struct aeg_name guard, uint32_t rights) AEG_MUST_USE;
/* The same for a capability that was copied earlier (queues, rings: authorised at bind time). */
bool cap_dominates(const struct aeg_cap *cap, struct aeg_name guard, uint32_t rights) AEG_MUST_USE;
/* A copy of the calling space's capability `index`, and the name it gives as a guard. */
aeg_err_t cap_copy(uint32_t index, struct aeg_cap *cap) AEG_MUST_USE;

/* Takes `count` of a kind from an account over which capability `cap` has WRITE; account_uncharge gives back. */
aeg_err_t account_charge(aeg_id_t account, uint32_t cap, enum aeg_kind kind, uint64_t count) AEG_MUST_USE;
void account_uncharge(aeg_id_t account, enum aeg_kind kind, uint64_t count);
/* The account ends: its parent, whose id comes back, pays for `count` of what was charged to it. */
aeg_id_t account_hand_up(aeg_id_t account, enum aeg_kind kind, uint64_t count);
/* Boot: there are `count` more of a kind, of which the root account pays for `used`. */
void account_pool(enum aeg_kind kind, uint64_t count, uint64_t used);

/*
 * Frames for devices and rings (frame.c). frame_bind: the frame exists, is PLAIN, and `cap` dominates it with `rights`; takes a
 * reference. frame_unbind drops it (an orphan's last one frees it).
 */
aeg_err_t frame_bind(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights) AEG_MUST_USE;
void frame_unbind(aeg_frame_t frame);
/* Is the frame being taken from its account by force? Whatever lives in it has to stop. */
bool frame_dies(aeg_frame_t frame);
/* The kernel's own: `count` contiguous zeroed frames for ever, at boot; panics when there are none. */
aeg_frame_t frame_boot_alloc(uint64_t count);

/* 64 bits that nobody outside the kernel can guess, for the keys of hash tables. */
uint64_t random_secret(void);

/* A page of the exposed window: makes `bytes` at kernel address `kva` (frame_boot_alloc memory, page-aligned) readable there; returns
 * the user address. Boot only. */
uint64_t info_expose(const void *kva, uint64_t bytes);
extern struct aeg_info *const info;     /* the header, writable by the kernel */

#endif
