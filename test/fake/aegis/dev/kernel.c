/* kernel.c: see kernel.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "core/cap.h"
#include "core/env.h"
#include "core/trace.h"
#include "core/turn.h"

uint8_t fake_ram[(size_t)FAKE_FRAMES * FRAME_SIZE] __attribute__((aligned(4096)));
struct fake fake;
struct cpu cpus[CPU_MAX];
static struct env alice = { .id = ENV_ALICE };
static struct aeg_info fake_info;
struct aeg_info *const info = &fake_info;
struct boot_info boot_info;
static aeg_frame_t boot_next = FAKE_BOOT_FRAMES;

static const struct aeg_cap caps[CAP_COUNT] = {
    [CAP_ROOT] = { { 0, 0 }, 0, AEG_RIGHT_ALL },
    [CAP_ALICE] = { { AEG_NAME2(7, 1), 0 }, 2, AEG_RIGHT_ALL },
    [CAP_BOB] = { { AEG_NAME2(7, 2), 0 }, 2, AEG_RIGHT_ALL },
    [CAP_ALICE_READ] = { { AEG_NAME2(7, 1), 0 }, 2, AEG_RIGHT_READ },
    [CAP_NIC_READ] = { { AEG_NAME2(AEG_NAME_MACHINE, 3), 0 }, 2, AEG_RIGHT_READ },
    [CAP_NIC_WRITE] = { { AEG_NAME2(AEG_NAME_MACHINE, 3), 0 }, 2, AEG_RIGHT_WRITE },
    [CAP_DISK_RO] = { { AEG_NAME2(AEG_NAME_MACHINE, 4), 0 }, 2, AEG_RIGHT_READ },
    [CAP_DISK_RW] = { { AEG_NAME2(AEG_NAME_MACHINE, 4), 0 }, 2, AEG_RIGHT_READ | AEG_RIGHT_WRITE },
    [CAP_ALICE_BELOW] = { { AEG_NAME3(7, 1, 5), 0 }, 3, AEG_RIGHT_ALL },
    [CAP_FRESH] = { { AEG_NAME2(7, AEG_COMPONENT_FRESH | 1), 0 }, 2, AEG_RIGHT_ALL },
};

void
fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    memset(fake_ram, 0, FAKE_BOOT_FRAMES * FRAME_SIZE);
    for (unsigned k = 0; k < AEG_KINDS; k++)
        fake.limit[k] = 100000;
    for (unsigned i = 1; i < 2000; i++)
        fake.frame[i] = (struct fake_frame){ i < 1000 ? NAME_ALICE : NAME_BOB, 0, AEG_FRAME_PLAIN, false };
    fake.frame[2000] = (struct fake_frame){ NAME_ALICE, 0, AEG_FRAME_NODE, false };
    fake.frame[2001] = (struct fake_frame){ NAME_ALICE, 0, AEG_FRAME_FREE, false };
    fake.frame[2002] = (struct fake_frame){ NAME_ALICE, 0, AEG_FRAME_SAVE, false };
    fake.space = AEG_ID(1, 1);
    info->root_account = ACCOUNT;
    cpus[0].env = &alice;
}

void
fake_boot_again(void)
{
    fake_reset();
    boot_next = FAKE_BOOT_FRAMES;
}

uint32_t
fake_refs(void)
{
    uint32_t refs = 0;

    for (unsigned i = 0; i < FAKE_FRAMES; i++)
        refs += fake.frame[i].refs;
    return refs;
}

aeg_err_t
fake_call(sys_handler *handler, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t *value)
{
    struct sys_args args = { { a, b, c, d, e, 0 }, 0 };
    aeg_err_t err = handler(&args);

    asserted_call(handler, err);
    if (value)
        *value = args.value;
    return err;
}

/* ---- what the kernel gives to devices ---- */

aeg_err_t
frame_bind(aeg_frame_t frame, const struct aeg_cap *cap, uint32_t rights)
{
    if (frame >= FAKE_FRAMES || fake.frame[frame].type == AEG_FRAME_NONE)
        return AEG_ERR_FRAME;
    if (fake.frame[frame].type == AEG_FRAME_FREE)
        return AEG_ERR_FRAME_FREE;
    if (fake.frame[frame].type == AEG_FRAME_NODE)
        return AEG_ERR_FRAME_NODE;
    if (!cap_allows(cap, fake.frame[frame].guard, rights))
        return AEG_ERR_CAP_DENIED;
    if (fake.frame[frame].type == AEG_FRAME_SAVE)
        return AEG_ERR_FRAME_BUSY;
    fake.frame[frame].refs++;
    return AEG_OK;
}

void
frame_unbind(aeg_frame_t frame)
{
    assert_true(frame < FAKE_FRAMES && fake.frame[frame].refs > 0);
    fake.frame[frame].refs--;
}

bool
frame_dies(aeg_frame_t frame)
{
    return fake.frame[frame].dies;
}

aeg_frame_t
frame_boot_alloc(uint64_t count)
{
    aeg_frame_t at = boot_next;

    boot_next += count;
    assert_true(boot_next <= FAKE_FRAMES);
    memset(frame_map(at), 0, count * FRAME_SIZE);
    return at;
}

uint64_t
info_expose(const void *kva, uint64_t bytes)
{
    (void)bytes;
    return (uint64_t)(uintptr_t)kva;
}

aeg_err_t
cap_copy(uint32_t index, struct aeg_cap *cap)
{
    if (index >= CAP_COUNT)
        return AEG_ERR_CAP_INDEX;
    *cap = caps[index];
    return AEG_OK;
}

aeg_err_t
cap_check(uint32_t index, struct aeg_name guard, uint32_t rights)
{
    if (index >= CAP_COUNT)
        return AEG_ERR_CAP_INDEX;
    return cap_allows(&caps[index], guard, rights) ? AEG_OK : AEG_ERR_CAP_DENIED;
}

aeg_err_t
account_charge(aeg_id_t account, uint32_t cap, enum aeg_kind kind, uint64_t count)
{
    if (account != ACCOUNT)
        return AEG_ERR_ACCOUNT;
    if (cap == CAP_ALICE_READ)
        return AEG_ERR_CAP_DENIED;
    if (fake.used[kind] + count > fake.limit[kind])
        return AEG_ERR_LIMIT;
    fake.used[kind] += count;
    return AEG_OK;
}

void
account_uncharge(aeg_id_t account, enum aeg_kind kind, uint64_t count)
{
    assert_true(account == ACCOUNT || account == ACCOUNT_PARENT);
    assert_true(fake.used[kind] >= count);
    fake.used[kind] -= count;
    if (account == ACCOUNT_PARENT) {
        assert_true(fake.handed_up[kind] >= count);
        fake.handed_up[kind] -= count;
    }
}

aeg_id_t
account_hand_up(aeg_id_t account, enum aeg_kind kind, uint64_t count)
{
    assert_int_equal(account, ACCOUNT);
    fake.handed_up[kind] += count;
    assert_true(fake.used[kind] >= fake.handed_up[kind]);
    return ACCOUNT_PARENT;
}

void
account_pool(enum aeg_kind kind, uint64_t count, uint64_t used)
{
    (void)count;
    fake.used[kind] += used;
}

aeg_err_t
env_check(aeg_id_t id, uint32_t cap, uint32_t rights, struct env **out)
{
    (void)out;
    return id == ENV_ALICE ? cap_check(cap, NAME_ALICE, rights) : AEG_ERR_ENV;
}

void
trace(enum aeg_trace_kind kind, uint64_t a, uint64_t b)
{
    fake.traced = kind;
    fake.traced_a = a;
    fake.traced_b = b;
}

bool cpus_many;                         /* one CPU: nobody waits for a turn */

void
turn_upgrade(struct cpu *cpu)
{
    (void)cpu;
}

void
env_notify(aeg_id_t env, uint64_t bits)
{
    fake.notified += env == ENV_ALICE;
    fake.bits |= bits;
}

aeg_id_t
space_current_id(void)
{
    return fake.space;
}

bool
copy_in(void *dst, struct uaddr src, size_t n)
{
    if (src.v < FRAME_SIZE)
        return false;
    memcpy(dst, (void *)(uintptr_t)src.v, n);
    return true;
}

/* Rising ranks, as in the kernel. */
static struct spinlock *held[8];
static unsigned held_count;

void
spin_lock(struct spinlock *l)
{
    assert_int_equal(l->held, 0);
    assert_true(held_count < ARRAY_SIZE(held) && (held_count == 0 || held[held_count - 1]->rank < l->rank));
    held[held_count++] = l;
    l->held = 1;
}

void
spin_unlock(struct spinlock *l)
{
    assert_true(held_count > 0 && held[held_count - 1] == l);
    held_count--;
    l->held = 0;
}

void
klog(const char *format, ...)
{
    (void)format;
}

int
kformat(char *buf, size_t size, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(buf, size, format, ap);
    va_end(ap);
    return n;
}

noreturn void
panic_at(const char *file, int line, const char *format, ...)
{
    (void)format;
    fprintf(stderr, "kernel panic at %s:%d\n", file, line);
    abort();
}

uint64_t
time_ns(void)
{
    return fake.now_ns += 1000000;
}

uint64_t
arch_tsc(void)
{
    return fake.tsc += fake.tsc_step;
}

uint64_t
ns_to_tsc(uint64_t ns)
{
    return ns;
}

uint64_t
random_secret(void)
{
    return fake.no_secret ? 0 : ++fake.secrets * 0xd1342543de82ef95ull;
}
