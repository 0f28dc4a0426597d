/*
 * machine.c: the fake machine. See machine.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "core/env.h"
#include "core/turn.h"

uint8_t fake_ram[FAKE_RAM_BYTES] __attribute__((aligned(FRAME_SIZE)));
uint8_t fake_user[FAKE_USER_BYTES] __attribute__((aligned(FRAME_SIZE)));
struct machine machine;
struct cpu cpus[CPU_MAX];
struct boot_info boot_info;
static uint64_t pml4[512] __attribute__((aligned(FRAME_SIZE)));
uint64_t *kernel_pml4 = pml4;
const char *machine_words = "quiet";

void
machine_describe(const char *module, uint64_t module_bytes)
{
    paddr_t end = FAKE_RAM_BYTES - ((module_bytes + FRAME_SIZE - 1) & ~(FRAME_SIZE - 1ull));

    boot_info = (struct boot_info){ .memory_top = FAKE_RAM_BYTES, .usable_count = 1, .module_count = 1 };
    boot_info.usable[0] = (struct boot_region){ FAKE_RAM_FIRST, end - FAKE_RAM_FIRST };
    strcpy(boot_info.cmdline, machine_words);
    strcpy(boot_info.module[0].name, module);
    boot_info.module[0].base = end;
    boot_info.module[0].bytes = module_bytes;
    for (unsigned i = 256; i < 512; i++)
        pml4[i] = i << 12 | AEG_PTE_P;
    cpus[0].self = &cpus[0];
    cpus[0].user_top = AEG_USER_TOP;
}

/* ---- ways out ---- */

static noreturn void
leave(enum left_by how)
{
    machine.left_by = how;
    if (!machine.armed) {
        fprintf(stderr, "the kernel ran an env where the test did not expect it\n");
        abort();
    }
    longjmp(machine.left, 1);
}

noreturn void
env_enter_call(struct resume *r)
{
    machine.resumed = r;
    machine.fs_base = r->fs_base;
    machine.gs_base = r->gs_base;
    leave(LEFT_CALL);
}

noreturn void
env_enter_message(struct resume *r, const struct callee_saved *saved, const struct call_frame *frame)
{
    machine.resumed = r;
    machine.fs_base = r->fs_base;
    machine.gs_base = r->gs_base;
    machine.message[0] = saved->rbx;
    machine.message[1] = saved->r15;
    machine.message[2] = frame->args.a[4];
    leave(LEFT_MESSAGE);
}

noreturn void
env_enter_saved(struct save_area *save)
{
    machine.saved = save;
    machine.fs_base = save->fs_base;
    machine.gs_base = save->gs_base;
    leave(LEFT_SAVED);
}

noreturn void
arch_idle_until_interrupt(void)
{
    turn_end(&cpus[0]);
    leave(LEFT_IDLE);
}

void
arch_doze(void)
{
}

void
ipi_mail(const struct cpu *to)
{
    machine.mailed |= 1u << to->index;
    if (machine.answers)
        machine.answers(to);
}

void
ipi_wake(const struct cpu *to)
{
    machine.woken |= 1u << to->index;
}

noreturn void
panic_at(const char *file, int line, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "kernel panic at %s:%d: ", file, line);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

void
klog(const char *format, ...)
{
    (void)format;
}

/* ---- user memory ---- */

static bool
in_user(struct uaddr a, size_t n)
{
    uint64_t base = (uint64_t)(uintptr_t)fake_user;

    return a.v >= base && a.v <= base + FAKE_USER_BYTES && n <= base + FAKE_USER_BYTES - a.v;
}

bool
copy_in(void *dst, struct uaddr src, size_t n)
{
    if (!in_user(src, n))
        return false;
    memcpy(dst, (void *)(uintptr_t)src.v, n);
    return true;
}

bool
copy_out(struct uaddr dst, const void *src, size_t n)
{
    if (!in_user(dst, n))
        return false;
    if (machine.read_only_from && dst.v + n > (uint64_t)(uintptr_t)fake_user + machine.read_only_from)
        return false;
    memcpy((void *)(uintptr_t)dst.v, src, n);
    return true;
}

bool
boot_option(const char *name, const char **text)
{
    const char *at = strstr(boot_info.cmdline, name);

    if (at && text)
        *text = at + strlen(name) + 1;
    return at;
}

void
arch_trace_frequent(void)
{
    machine.trace_frequent = true;
}

/* ---- registers, time ---- */

uint64_t
arch_tsc(void)
{
    return machine.now_ns;
}

uint64_t
time_ns(void)
{
    return machine.now_ns;
}

uint64_t
ns_to_tsc(uint64_t ns)
{
    return ns;
}

void
timer_arm(uint64_t tsc)
{
    machine.timer_tsc = tsc;
}

void
vector_state_reset(void)
{
}

void
vector_state_save(void *area)
{
    memset(area, 0x5a, 64);
}

void
vector_state_load(void *area)
{
    (void)area;
}

void
user_selectors_clear(void)
{
    machine.selectors_cleared++;
}

uint64_t
fs_base_read(void)
{
    return machine.fs_base;
}

uint64_t
gs_base_user_read(void)
{
    return machine.gs_base;
}
