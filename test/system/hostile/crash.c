/*
 * crash.c: what the processor lets user mode try, and lies in the UENV. Each is done by a child of its own that may end as it likes; the
 * machine and the session go on, and after it no more is in use than before.
 *
 * The child is this program again, with the name of the deed. `crash only NAME...` does just those.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <exos/gate.h>
#include <exos/spawn.h>

#include "../census/census.h"

#define POINTS 110
#define KERNEL 0xffff800000100000ull
#define NON_CANONICAL 0x800000000000ull
#define PAGE 4096
#define BUSY_NS 20000000ull         /* some slices and their grace */

extern char **environ;

static void
busy(void)
{
    struct timespec now, begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((uint64_t)(now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < BUSY_NS);
}

/* Without the library: it may be past helping. */
static void
spin(void)
{
    for (volatile uint64_t i = 0; i < 60000000; i++)
        ;
}

static void
poke(uint64_t address)
{
    __asm__ volatile("movb $1, (%0)" : : "r"(address) : "memory");
}

static void
peek(uint64_t address)
{
    __asm__ volatile("movb (%0), %%al" : : "r"(address) : "rax");
}

static long
raw(long n)
{
    __asm__ volatile("syscall" : "+a"(n) : : "rcx", "r11", "memory");
    return n;
}

static void
jump(uint64_t address)
{
    __asm__ volatile("jmp *%0" : : "r"(address) : "memory");
}

/* ---- instructions ---- */

static void do_nothing(void) { }
static void do_int3(void) { __asm__ volatile("int3"); }
static void do_icebp(void) { __asm__ volatile(".byte 0xf1"); }
static void do_undefined(void) { __asm__ volatile("ud2"); }
static void do_divide(void) { __asm__ volatile("xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\tdiv %%ecx" : : : "rax", "rcx", "rdx"); }
static void do_hlt(void) { __asm__ volatile("hlt"); }
static void do_cli(void) { __asm__ volatile("cli"); }
static void do_wrmsr(void) { __asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0xc0000080)); }
static void do_mov_cr3(void) { __asm__ volatile("mov %0, %%cr3" : : "r"(0ul)); }
static void do_mov_cr0(void) { __asm__ volatile("mov %%cr0, %%rax" : : : "rax"); }
static void do_mov_dr7(void) { __asm__ volatile("mov %0, %%dr7" : : "r"(~0ul)); }
static void do_out(void) { __asm__ volatile("out %%al, %%dx" : : "a"(0), "d"(0xf4)); }
static void do_in(void) { __asm__ volatile("in %%dx, %%al" : : "d"(0x60) : "rax"); }
static void do_lgdt(void) { static char table[10]; __asm__ volatile("lgdt %0" : : "m"(table)); }
static void do_lidt(void) { static char table[10]; __asm__ volatile("lidt %0" : : "m"(table)); }
static void do_ltr(void) { __asm__ volatile("ltr %%ax" : : "a"(0x40)); }
static void do_sgdt(void) { static char table[10]; __asm__ volatile("sgdt %0" : "=m"(table)); }
static void do_swapgs(void) { __asm__ volatile("swapgs"); }
static void do_sysret(void) { __asm__ volatile("sysretq" : : "c"(0x400000ul)); }
static void do_sysenter(void) { __asm__ volatile("sysenter"); }
static void do_invlpg(void) { __asm__ volatile("invlpg (%0)" : : "r"(0x400000ul)); }
static void do_int_80(void) { __asm__ volatile("int $0x80"); }
static void do_int_14(void) { __asm__ volatile("int $14"); }
static void do_int_timer(void) { __asm__ volatile("int $0xf0"); }
static void do_int_nmi(void) { __asm__ volatile("int $2"); }
static void do_int_double_fault(void) { __asm__ volatile("int $8"); }
static void do_far_jump(void) { static const uint32_t far[2] = { 0x400000, 0x10 }; __asm__ volatile("ljmpl *%0" : : "m"(far)); }
static void do_load_kernel_ss(void) { __asm__ volatile("mov %%ax, %%ss" : : "a"(0x18)); }
static void do_load_tss_ds(void) { __asm__ volatile("mov %%ax, %%ds" : : "a"(0x40)); }

/* Unmasked SSE division by zero. */
static void
do_simd(void)
{
    uint32_t mxcsr = 0x1d80;
    double zero = 0, one = 1;

    __asm__ volatile("ldmxcsr %0\n\tmovsd %1, %%xmm0\n\tdivsd %2, %%xmm0" : : "m"(mxcsr), "m"(one), "m"(zero) : "xmm0");
}

/* To 32-bit code, if the way there is open: `syscall` and `sysenter` there have entries of their own. */
static void
compat(const uint8_t *code, size_t bytes)
{
    static uint8_t low[64] __attribute__((aligned(64)));
    uint64_t far[2];

    memcpy(low, code, bytes);
    far[0] = (uintptr_t)low | 0x23ull << 32;
    __asm__ volatile("mov %%rsp, %%rdi\n\tljmpl *%0" : : "m"(far) : "memory", "rdi");
}

static void do_compat_syscall(void) { static const uint8_t c[] = { 0x0f, 0x05, 0xeb, 0xfe }; compat(c, sizeof(c)); }
static void do_compat_int80(void) { static const uint8_t c[] = { 0xcd, 0x80, 0xeb, 0xfe }; compat(c, sizeof(c)); }

static void do_compat_spin(void) { static const uint8_t c[] = { 0xb9, 0, 0x87, 0x93, 3, 0xff, 0xc9, 0x75, 0xfc, 0x0f, 0x0b }; compat(c, sizeof(c)); }

/* ---- addresses ---- */

static void do_read_null(void) { peek(8); }
static void do_write_kernel(void) { poke(KERNEL); }
static void do_read_kernel(void) { peek(0xffffffff80100000ull); }
static void do_write_non_canonical(void) { poke(NON_CANONICAL); }
static void do_write_window(void) { poke(aeg_window_entry(0x400000, 1)); }
static void do_write_own_pml4(void) { poke(aeg_window_entry(0, 4)); }
static void do_write_information(void) { poke(AEG_INFO_BASE); }
static void do_write_text(void) { poke((uintptr_t)do_write_text); }
static void do_write_image(void) { poke(EXOS_IMAGE_BASE); }
static void do_write_last_page(void) { poke(AEG_USER_TOP); }
static void do_jump_null(void) { jump(0); }
static void do_jump_kernel(void) { jump(KERNEL); }
static void do_jump_kernel_text(void) { jump(0xffffffff80100000ull); }
static void do_jump_non_canonical(void) { jump(NON_CANONICAL); }
static void do_jump_data(void) { static char data[16]; jump((uintptr_t)data); }
static void do_jump_window(void) { jump(AEG_WINDOW_BASE); }
static void do_jump_last_page(void) { jump(AEG_USER_TOP - 2); }

static void
do_exhaust_stack(void)
{
    __asm__ volatile("1: push %rax\n\tjmp 1b");
}

/* ---- the stack pointer and the flags ---- */

static void do_stack_odd(void) { __asm__ volatile("mov $12345, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tpush %%rax" : : : "memory"); }
static void do_stack_kernel(void) { __asm__ volatile("mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tpush %%rax" : : "r"(KERNEL) : "memory"); }
static void do_stack_non_canonical(void) { __asm__ volatile("mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tpush %%rax" : : "r"(NON_CANONICAL) : "memory"); }
static void do_stack_kernel_fault(void) { __asm__ volatile("mov %0, %%rsp\n\tud2" : : "r"(KERNEL) : "memory"); }
static void do_stack_kernel_spin(void) { __asm__ volatile("mov %0, %%rsp\n1: jmp 1b" : : "r"(KERNEL) : "memory"); }

/* The library's gate reads the address to go back to and a sixth argument from there. */
static void
gate_with_stack(uint64_t rsp)
{
    __asm__ volatile("mov %0, %%rsp\n\tjmp *(%1)" : : "r"(rsp), "r"(EXOS_IMAGE_BASE + offsetof(struct exos_gate, syscall)), "D"(110l) : "memory");
}

static void do_gate_no_stack(void) { gate_with_stack(8); }
static void do_gate_stack_kernel(void) { gate_with_stack(KERNEL); }
static void do_gate_stack_non_canonical(void) { gate_with_stack(NON_CANONICAL); }

static void
do_gate_stack_end(void)
{
    gate_with_stack((uint64_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + PAGE - 8);
}

static void
with_flags(uint64_t flags)
{
    __asm__ volatile("pushfq\n\tor %0, (%%rsp)\n\tpopfq\n\tmov $39, %%eax\n\tsyscall\n\tmov $0xae600000, %%eax\n\tsyscall" : : "r"(flags) : "rax", "rcx", "r11", "rdx", "memory", "cc");
    spin();
}

static void do_trap_flag(void) { with_flags(1 << 8); }
static void do_direction_flag(void) { with_flags(1 << 10); }
static void do_nested_task_flag(void) { with_flags(1 << 14); }
static void do_alignment_flag(void) { with_flags(1 << 18); }
static void do_io_privilege(void) { with_flags(3 << 12); do_cli(); }
static void do_alignment_access(void) { static char b[16]; with_flags(1 << 18); *(volatile uint32_t *)(b + 1) = 1; }

static void
do_iretq(void)
{
    __asm__ volatile("push $0x2b\n\tpush $0\n\tpush $0x202\n\tpush $0x33\n\tpush %0\n\tiretq" : : "r"(NON_CANONICAL) : "memory");
}

static void
do_iretq_to_kernel(void)
{
    __asm__ volatile("push $0x18\n\tpush $0\n\tpush $0x202\n\tpush $0x10\n\tpush %0\n\tiretq" : : "r"(KERNEL) : "memory");
}

/* ---- segment bases ---- */

static void set_gs(uint64_t v) { __asm__ volatile("wrgsbase %0" : : "r"(v) : "memory"); }
static void set_fs(uint64_t v) { __asm__ volatile("wrfsbase %0" : : "r"(v) : "memory"); }
static void do_gs_null_spin(void) { set_gs(0); spin(); }
static void do_gs_null_call(void) { set_gs(0); raw(39); }
static void do_gs_kernel_call(void) { set_gs(KERNEL); raw(39); }
static void do_gs_kernel_fault(void) { set_gs(0xffffffff80100000ull); do_undefined(); }
static void do_gs_kernel_spin(void) { set_gs(KERNEL); spin(); }
static void do_gs_non_canonical(void) { set_gs(NON_CANONICAL); }
static void do_fs_kernel_spin(void) { set_fs(KERNEL); spin(); }
static void do_fs_kernel_call(void) { set_fs(KERNEL); raw(39); spin(); raw(60); }
static void do_fs_non_canonical(void) { set_fs(NON_CANONICAL); }
static void do_gs_load_null(void) { __asm__ volatile("mov %0, %%gs" : : "r"(0)); spin(); }

/* ---- lies in the UENV ---- */

#define U (census_uenv())
static void do_fault_entry_null(void) { U->fault_entry = 0; do_undefined(); }
static void do_fault_entry_kernel(void) { U->fault_entry = KERNEL; do_undefined(); }
static void do_fault_entry_non_canonical(void) { U->fault_entry = NON_CANONICAL; poke(8); }
static void do_fault_entry_unmapped(void) { U->fault_entry = 0x5000; poke(8); }
static void do_fault_entry_top(void) { U->fault_entry = AEG_USER_TOP; poke(8); }
static void do_fault_stack_kernel(void) { U->frame[0].handler_rsp = KERNEL; poke(8); }
static void do_fault_stack_non_canonical(void) { U->frame[0].handler_rsp = NON_CANONICAL; do_undefined(); }
static void do_fault_stack_unmapped(void) { U->frame[0].handler_rsp = 0x5000; do_undefined(); }
static void do_depth_full(void) { U->depth = 8; poke(8); }
static void do_depth_huge(void) { U->depth = 0xffffffff; do_undefined(); }
static void do_depth_seven(void) { U->depth = 7; do_undefined(); }
static void do_depth_full_backwards(void) { U->depth = 8; __asm__ volatile("std\n\tud2"); }
static void do_fault_entry_backwards(void) { U->fault_entry = KERNEL; __asm__ volatile("std\n\tud2"); }
static void do_foreign_entry_null(void) { U->foreign_entry = 0; raw(39); }
static void do_foreign_entry_kernel(void) { U->foreign_entry = KERNEL; raw(39); }
static void do_foreign_entry_non_canonical(void) { U->foreign_entry = NON_CANONICAL; raw(39); }
static void do_foreign_entry_last_page(void) { U->foreign_entry = AEG_USER_TOP - 1; raw(39); }
static void do_slice_entry_kernel(void) { U->slice_entry = KERNEL; busy(); }
static void do_slice_entry_non_canonical(void) { U->slice_entry = NON_CANONICAL; busy(); }
static void do_slice_entry_unmapped(void) { U->slice_entry = 0x5000; spin(); }
static void do_slice_entry_null(void) { U->slice_entry = 0; busy(); }
static void do_notify_entry_kernel(void) { U->notify_entry = KERNEL; U->pending = ~0u; busy(); }
static void do_crit_for_ever(void) { U->crit = 0x7fffffff; spin(); }
static void do_crit_and_loop(void) { U->crit = 1; busy(); }
static void do_restart_everything(void) { U->restart_begin = 0; U->restart_end = ~0ull; U->restart_rip = KERNEL; spin(); }
static void do_pending_everything(void) { U->pending = ~0u; busy(); }
static void do_notify_everything(void) { U->notify = ~0ull; busy(); }
static void do_env_id(void) { U->env_id = ~0ull; spin(); }
static void do_uenv_ones(void) { memset((void *)U, 0xff, 0x800); spin(); do_undefined(); }
static void do_uenv_zeroes(void) { memset((void *)U, 0, 0x800); spin(); do_undefined(); }

static void
do_uenv_unmapped(void)
{
    struct aeg_pte_op op = { (uintptr_t)U, 0 };
    aeg_id_t space = census_self()->space;
    uint64_t done;

    (void)!aeg_pte_set(space, AEG_CAPS(CAP_SESSION, CAP_SESSION), &op, 1, &done);
    spin();
    do_undefined();
}

static const struct deed {
    const char *name;
    void (*run)(void);
} deeds[] = {
#define D(n) { #n, do_##n }
    D(nothing), D(int3), D(icebp), D(undefined), D(divide), D(hlt), D(cli), D(wrmsr), D(mov_cr3), D(mov_cr0), D(mov_dr7), D(out), D(in),
    D(lgdt), D(lidt), D(ltr), D(sgdt), D(swapgs), D(sysret), D(sysenter), D(invlpg), D(int_80), D(int_14), D(int_timer), D(int_nmi),
    D(int_double_fault), D(far_jump), D(load_kernel_ss), D(load_tss_ds), D(simd), D(compat_syscall), D(compat_int80), D(compat_spin),
    D(read_null),
    D(write_kernel), D(read_kernel), D(write_non_canonical), D(write_window), D(write_own_pml4), D(write_information), D(write_text),
    D(write_image), D(write_last_page), D(jump_null), D(jump_kernel), D(jump_kernel_text), D(jump_non_canonical), D(jump_data),
    D(jump_window), D(jump_last_page), D(exhaust_stack), D(stack_odd), D(stack_kernel), D(stack_non_canonical), D(stack_kernel_fault), D(gate_no_stack),
    D(gate_stack_kernel), D(gate_stack_non_canonical), D(gate_stack_end),
    D(stack_kernel_spin), D(trap_flag), D(direction_flag), D(nested_task_flag), D(alignment_flag), D(io_privilege), D(alignment_access),
    D(iretq), D(iretq_to_kernel), D(gs_null_spin), D(gs_null_call), D(gs_kernel_call), D(gs_kernel_fault), D(gs_kernel_spin),
    D(gs_non_canonical), D(fs_kernel_spin), D(fs_kernel_call), D(fs_non_canonical), D(gs_load_null), D(fault_entry_null),
    D(fault_entry_kernel), D(fault_entry_non_canonical), D(fault_entry_unmapped), D(fault_entry_top), D(fault_stack_kernel),
    D(fault_stack_non_canonical), D(fault_stack_unmapped), D(depth_full), D(depth_huge), D(depth_seven), D(depth_full_backwards),
    D(fault_entry_backwards), D(foreign_entry_null), D(foreign_entry_kernel), D(foreign_entry_non_canonical),
    D(foreign_entry_last_page), D(slice_entry_kernel), D(slice_entry_non_canonical), D(slice_entry_unmapped), D(slice_entry_null),
    D(notify_entry_kernel), D(crit_for_ever), D(crit_and_loop), D(restart_everything), D(pending_everything), D(notify_everything),
    D(env_id), D(uenv_ones), D(uenv_zeroes), D(uenv_unmapped),
#undef D
};
#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static int
child(const char *name)
{
    for (unsigned i = 0; i < DEEDS; i++)
        if (strcmp(deeds[i].name, name) == 0)
            deeds[i].run();
    return 0;
}

/* Waits for the child, and ends it when it does not end by itself. Gives its status, or -1. */
static int
await(pid_t pid)
{
    struct timespec pause = { 0, 10000000 };
    int status;

    for (unsigned i = 0; i < 300; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return status;
        if (got < 0)
            return -1;
        if (i == 200)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
    return -1;
}

static pid_t
start(const char *self, const char *name)
{
    char *argv[] = { (char *)self, (char *)name, NULL };

    return exos_spawn(self, argv, environ, NULL, 0, 0);
}

static int
commit(const char *self, const char *name)
{
    pid_t pid = start(self, name);

    return pid < 0 ? -1 : await(pid);
}

/* What the session keeps for the next process it has afterwards: one with a full stack, and two at a time (one may still be leaving). */
static void
warm_up(const char *self)
{
    pid_t full = start(self, "exhaust_stack"), other = start(self, "pending_everything");

    (void)!await(full);
    (void)!await(other);
    (void)!commit(self, "nothing");
}

/* The housekeeper takes the last of a process apart in its own time. */
static struct census
settled(void)
{
    struct timespec pause = { 0, 200000000 };

    nanosleep(&pause, NULL);
    return census_take();
}

static int
named(char **names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

int
main(int argc, char **argv)
{
    struct census before;

    if (argc == 2)
        return child(argv[1]);
    printf("1..%d\n", POINTS);
    warm_up(argv[0]);
    before = settled();
    for (unsigned i = 0; i < DEEDS; i++) {
        int status;
        if (argc > 2 && !named(argv + 2, deeds[i].name))
            continue;
        status = commit(argv[0], deeds[i].name);
        tap(status != -1, "%s: %s %d", deeds[i].name, WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    warm_up(argv[0]);           /* some of them ruined a space that the session would have kept */
    (void)settled();
    tap_census("after all of them", &before);
    return 0;
}
