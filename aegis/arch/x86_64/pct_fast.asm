; pct_fast.asm: pct_call and pct_reply_wait without a C frame, when nothing stands in the way (benchmark rows `pct_call, ...`).
;
; Holds:    what env_pct_call and env_pct_reply_wait (core/pct.c) and sched_hand_over (core/slice_run.c) do, in the same order: check all, then
;           change the two ends, then the CPU. A call without a deadline, by a capability over the gate's own guard, of an env that waits in
;           it; a reply to a caller that waits for it, by an env that then waits without a deadline and has no notification. All else is
;           core/pct.c's: until the last check nothing has changed but the way back of an env that runs, which nobody reads.
; Rules:    rbx rbp r8 r9 r10 r12-r15 and the vector registers are the message: not touched, so not copied. How arithmetic
;           behaves is not, nor are protection keys (env_enter_message). No stack until the checks are done. Only where one CPU runs envs.
; Budgets:  120 instructions one way, 240 there and back, the caller's own and `syscall` among them.
; Not here: the reasons of errors, deadlines, one-way messages (core/pct.c), what another space needs (core/slice_run.c).

%include "arch/x86_64/asm_offsets.inc"
%include "arch/x86_64/fsgsbase.inc"
%include "arch/x86_64/switch.inc"

bits 64
default rel

extern mxcsr_initial
extern own_call_all
extern cpu_load_space
extern vector_state_mask
global pct_call_entry
global pct_reply_wait_entry

section .base_sites alloc noexec nowrite align=8
section .text

; As at own_call, GS being the kernel's: rdi = the callee's id, esi = capability, rdx = deadline, rcx and r11 = the way back.
align 64
pct_call_entry:
    cmp rdx, WAIT_FOREVER
    jne .all
    ENV_FIND rdx, edx, rdi, edi, .forever
    cmp dword [rdx + ENV_STATE], STATE_GATE
    jne .forever
    mov rax, [gs:CPU_ENV]
    mov [rax + RESUME_RSP], rsp
    mov [rax + RESUME_RIP], rcx
    mov [rax + RESUME_RFLAGS], r11
    mov [rax + RESUME_RSI], rsi
    CAP_ALLOWS_WRITE rdx + ENV_GATE_GUARD, .back
    mov rcx, [rdx + ENV_UENV]
    mov rcx, [rcx + UENV_GATE_ENTRY]
    cmp rcx, [gs:CPU_USER_TOP]
    jae .back
    test rcx, rcx
    jz .back
    mov [rax + ENV_PCT_CALLEE], rdi
    mov qword [rax + ENV_WAIT_MASK], 0
    mov qword [rax + ENV_DEADLINE], WAIT_FOREVER
    mov dword [rax + ENV_STATE], STATE_WAITING
    mov word [rax + ENV_RESULT], RESULT_NONE        ; and RESUME_CALL
    mov rsi, [rax + ENV_INFO]
    mov dword [rsi + INFO_STATE], STATE_WAITING
    mov rsi, [rax + ENV_ID]
    mov [rdx + ENV_PCT_CALLER], rsi
    mov [rdx + RESUME_RDI], rsi
    mov qword [rdx + RESUME_RSI], GATE_CALL
    mov qword [rdx + RESUME_RFLAGS], USER_RFLAGS
    mov [rdx + RESUME_RIP], rcx
    mov byte [rdx + ENV_RESULT], RESULT_NONE

; rdx: an env that is ready from now on, and gets the CPU of the one in rax. Nothing here can fail.
hand_over:
    mov rdi, rax
    mov r11, rdx
    mov rsp, [gs:CPU_KERNEL_RSP]
    BASE_OF_RAX rdfsbase
    mov [rdi + RESUME_FS_BASE], rax
    mov dword [r11 + ENV_STATE], STATE_READY
    mov rdi, [r11 + ENV_INFO]
    mov dword [rdi + INFO_STATE], STATE_READY
    ENV_BECOMES r11, .load, .loaded
    ldmxcsr [mxcsr_initial]
    fninit
    test dword [vector_state_mask], XCR0_PKRU
    jz .open
    xor ecx, ecx
    rdpkru
    test eax, eax
    jnz .close
.open:
    mov rax, [r11 + RESUME_FS_BASE]
    BASE_OF_RAX wrfsbase
    mov rax, [r11 + RESUME_GS_BASE]
    swapgs
    BASE_OF_RAX wrgsbase
    mov rsp, [r11 + RESUME_RSP]
    mov rcx, [r11 + RESUME_RIP]
    mov rdi, [r11 + RESUME_RDI]
    mov rsi, [r11 + RESUME_RSI]
    mov r11, [r11 + RESUME_RFLAGS]
    xor eax, eax
    xor edx, edx
    o64 sysret

.close:
    xor eax, eax
    wrpkru
    jmp .open

.load:
    push r8
    push r9
    push r10
    push r11
    mov rdi, [gs:CPU_SELF]
    call cpu_load_space             ; rsi: the space
    pop r11
    pop r10
    pop r9
    pop r8
    jmp .loaded

pct_call_entry.back:
    mov rcx, [rax + RESUME_RIP]
    mov r11, [rax + RESUME_RFLAGS]
    mov rsi, [rax + RESUME_RSI]
pct_call_entry.forever:
    mov rdx, WAIT_FOREVER
pct_call_entry.all:
    mov eax, SYS_PCT_CALL - SYS_BASE
    jmp own_call_all

; rdi = the notifications that end the wait, rsi = deadline.
align 64
pct_reply_wait_entry:
    cmp rsi, WAIT_FOREVER
    jne .all
    mov rax, [gs:CPU_UENV]
    test [rax + UENV_NOTIFY], rdi
    jnz .all
    mov rax, [gs:CPU_ENV]
    mov rsi, [rax + ENV_PCT_CALLER]
    test rsi, rsi
    jz .forever
    ENV_FIND rdx, edx, rsi, esi, .forever
    mov rsi, [rax + ENV_ID]
    cmp [rdx + ENV_PCT_CALLEE], rsi
    jne .forever
    mov [rax + RESUME_RSP], rsp
    mov [rax + RESUME_RIP], rcx
    mov [rax + RESUME_RFLAGS], r11
    mov [rax + ENV_WAIT_MASK], rdi
    mov qword [rax + ENV_DEADLINE], WAIT_FOREVER
    mov qword [rax + ENV_PCT_CALLER], 0
    mov dword [rax + ENV_STATE], STATE_GATE
    mov word [rax + ENV_RESULT], RESULT_GATE        ; and RESUME_CALL
    mov rsi, [rax + ENV_INFO]
    mov dword [rsi + INFO_STATE], STATE_GATE
    mov qword [rdx + ENV_PCT_CALLEE], 0
    mov qword [rdx + RESUME_RDI], 0
    mov qword [rdx + RESUME_RSI], 0
    jmp hand_over

.forever:
    mov rsi, WAIT_FOREVER
.all:
    mov eax, SYS_PCT_REPLY_WAIT - SYS_BASE
    jmp own_call_all
