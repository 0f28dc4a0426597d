/*
 * offsets.c: asm_offsets.inc says the truth. Holds no code.
 */
#include "aegis/sys.h"
#include "aegis/uenv.h"
#include "arch/x86_64/trap.h"
#include "core/env.h"
#include "core/pt.h"
#include "core/space.h"

#define AT(type, field, offset) static_assert(offsetof(type, field) == (offset), "asm_offsets.inc: " #field)

AT(struct cpu, self, 0);
AT(struct cpu, kernel_rsp, 8);
AT(struct cpu, scratch, 16);
AT(struct cpu, uenv, 32);
AT(struct cpu, env, 40);
AT(struct cpu, space, 48);
AT(struct cpu, index, 56);
AT(struct cpu, apic_id, 60);
AT(struct cpu, user_top, 64);
AT(struct cpu, slice_end_tsc, 72);
AT(struct cpu, in_grace, 80);
AT(struct cpu, info, 88);
AT(struct cpu, time_of, 96);
AT(struct cpu, time_since_tsc, 104);
AT(struct cpu, dozes, 112);
AT(struct cpu, home, 120);

AT(struct aeg_uenv, depth, 0x00);
AT(struct aeg_uenv, crit, 0x04);
AT(struct aeg_uenv, pending, 0x08);
AT(struct aeg_uenv, fault_entry, 0x10);
AT(struct aeg_uenv, slice_entry, 0x18);
AT(struct aeg_uenv, foreign_entry, 0x20);
AT(struct aeg_uenv, gate_entry, 0x28);
AT(struct aeg_uenv, revoke_entry, 0x30);
AT(struct aeg_uenv, notify_entry, 0x38);
AT(struct aeg_uenv, foreign_rip, 0x40);
AT(struct aeg_uenv, restart_begin, 0x48);
AT(struct aeg_uenv, restart_end, 0x50);
AT(struct aeg_uenv, restart_rip, 0x58);
AT(struct aeg_uenv, notify, 0x60);
AT(struct aeg_uenv, env_id, 0x68);
AT(struct aeg_uenv, slice_end_tsc, 0x70);
AT(struct aeg_uenv, frame, 0x100);

static_assert(sizeof(struct aeg_uframe) == 0x80, "asm_offsets.inc");
AT(struct aeg_uframe, vector, 0x00);
AT(struct aeg_uframe, error, 0x08);
AT(struct aeg_uframe, cr2, 0x10);
AT(struct aeg_uframe, rip, 0x18);
AT(struct aeg_uframe, rsp, 0x20);
AT(struct aeg_uframe, rflags, 0x28);
AT(struct aeg_uframe, rcx, 0x30);
AT(struct aeg_uframe, r11, 0x38);
AT(struct aeg_uframe, handler_rsp, 0x40);

AT(struct trap_frame, r15, 0x00);
AT(struct trap_frame, r11, 0x20);
AT(struct trap_frame, r8, 0x38);
AT(struct trap_frame, rdi, 0x40);
AT(struct trap_frame, rbp, 0x50);
AT(struct trap_frame, rax, 0x70);
AT(struct trap_frame, vector, 0x78);
AT(struct trap_frame, error, 0x80);
AT(struct trap_frame, rip, 0x88);
AT(struct trap_frame, cs, 0x90);
AT(struct trap_frame, rflags, 0x98);
AT(struct trap_frame, rsp, 0xa0);
AT(struct trap_frame, ss, 0xa8);

AT(struct save_area, rax, 0x00);
AT(struct save_area, rbx, 0x08);
AT(struct save_area, rcx, 0x10);
AT(struct save_area, rdx, 0x18);
AT(struct save_area, rsi, 0x20);
AT(struct save_area, rdi, 0x28);
AT(struct save_area, rbp, 0x30);
AT(struct save_area, r8, 0x38);
AT(struct save_area, r15, 0x70);
AT(struct save_area, rip, 0x78);
AT(struct save_area, rsp, 0x80);
AT(struct save_area, rflags, 0x88);
AT(struct save_area, fs_base, 0x90);
AT(struct save_area, gs_base, 0x98);
static_assert(sizeof(struct save_area) <= SAVE_XSAVE_OFFSET, "asm_offsets.inc");
static_assert(SAVE_XSAVE_OFFSET % 64 == 0, "XSAVE areas are 64-byte aligned");

AT(struct env, id, 0x00);
AT(struct env, guard, 0x08);
AT(struct env, state, 0x20);
AT(struct env, on_cpu, 0x24);
AT(struct env, result, 0x28);
AT(struct env, resume_kind, 0x29);
AT(struct env, space, 0x30);
AT(struct env, uenv, 0x38);
AT(struct env, resume, 0x60);
AT(struct env, resume.rbx, 0x60);
AT(struct env, resume.rbp, 0x68);
AT(struct env, resume.r12, 0x70);
AT(struct env, resume.r15, 0x88);
AT(struct env, resume.rsp, 0x90);
AT(struct env, resume.rip, 0x98);
AT(struct env, resume.rflags, 0xa0);
AT(struct env, resume.rax, 0xa8);
AT(struct env, resume.rdx, 0xb0);
AT(struct env, resume.rdi, 0xb8);
AT(struct env, resume.rsi, 0xc0);
AT(struct env, resume.fs_base, 0xc8);
AT(struct env, resume.gs_base, 0xd0);
AT(struct env, wait_mask, 0xd8);
AT(struct env, wait_deadline_ns, 0xe0);
AT(struct env, gate_guard, 0xe8);
AT(struct env, pct_caller, 0xf8);
AT(struct env, pct_callee, 0x100);
AT(struct env, runner, 0x108);
AT(struct env, info, 0x118);
static_assert(sizeof(struct env) == 0x120 && ENV_MAX == 512, "asm_offsets.inc");
static_assert(AEG_ENV_READY == 1 && AEG_ENV_WAITING == 2 && AEG_ENV_GATE == 4, "asm_offsets.inc");
static_assert(RESULT_NONE == 0 && RESULT_GATE == 2 && RESUME_CALL == 0, "asm_offsets.inc, pct_fast.asm, yield_fast.asm");
AT(struct aeg_env_info, state, 0x20);
AT(struct aeg_env_info, run_tsc, 0x28);
AT(struct aeg_cpu_info, env, 0x08);
AT(struct aeg_cpu_info, switches, 0x10);

AT(struct space, cap, 160);
AT(struct space, cap[0].rights, 180);
AT(struct space, mask, 928);
static_assert(sizeof(struct aeg_cap) == 24 && sizeof(struct aeg_name) == 16 && AEG_CAP_MAX == 32, "asm_offsets.inc, pct_fast.asm");
static_assert(AEG_RIGHT_WRITE == 2, "asm_offsets.inc");
AT(struct space, binding.space_id, 48);
AT(struct space, binding.caps, 56);
AT(struct space, binding.epoch, 64);
AT(struct space, binding.base, 104);
AT(struct space, binding.table, 112);
AT(struct space, binding.node, 120);
AT(struct space, binding.stop_bits, 128);
AT(struct space, binding.minus_flags, 136);
AT(struct space, binding.mark, 144);

AT(struct aeg_frame_info, refs, 0x10);
AT(struct aeg_frame_info, live, 0x1c);
AT(struct aeg_frame_info, base, 0x20);
static_assert(sizeof(struct aeg_frame_info) == 5 * 8, "pte_fast.asm");

static_assert(sizeof(struct aeg_pte_op) == 16, "asm_offsets.inc");
AT(struct aeg_pte_op, pte, 8);
static_assert(AEG_PTE_P == 1 && PT_ENTRIES == 512, "asm_offsets.inc");
static_assert(AEG_VECTOR_MAX == 512 && AEG_USER_TOP == 0x7ffffffff000u, "asm_offsets.inc");

static_assert(AEG_SYS_BASE == 0xAE600000u, "asm_offsets.inc");
static_assert(AEG_GATE_CALL == 1 && AEG_WAIT_FOREVER == UINT64_MAX, "asm_offsets.inc");
static_assert(AEG_SYS_yield == 0xAE600013u, "asm_offsets.inc");
static_assert(AEG_SYS_pct_call == 0xAE600025u && AEG_SYS_pct_reply_wait == 0xAE600028u, "asm_offsets.inc");
static_assert(AEG_SYS_pte_set == 0xAE60000Fu, "asm_offsets.inc");
