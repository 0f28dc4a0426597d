; yield_fast.asm: a directed yield without a C frame, when nothing stands in the way (benchmark row `directed yield`).
;
; Holds:    what env_yield (core/env.c) and sched_switch_to (core/slice_run.c) do, in the same order: check all, then save the caller, then change
;           the CPU. To an env that is ready and goes on from a call of its own, in a slice that has not ended. All else is core/'s: until
;           the last check nothing has changed but the way back of an env that runs, which nobody reads.
; Rules:    no stack until the checks are done. Only where one CPU runs envs.
; Budget:   140 instructions one way, the caller's own and `syscall` among them.
; Not here: the reasons of errors, yields to nobody in particular or to oneself (core/env.c).

%include "arch/x86_64/asm_offsets.inc"
%include "arch/x86_64/fsgsbase.inc"
%include "arch/x86_64/switch.inc"

bits 64
default rel

extern own_call_all
extern cpu_load_space
extern env_enter_call
extern vector_state_reset
global yield_entry

section .base_sites alloc noexec nowrite align=8
section .text

; As at own_call, GS being the kernel's: rdi = the env's id, esi = capability, rcx and r11 = the way back.
align 64
yield_entry:
    mov [gs:CPU_SCRATCH + 8], rdx
    cmp byte [gs:CPU_IN_GRACE], 0
    jne .all
    ENV_FIND rdx, edx, rdi, edi, .all
    cmp qword [rdx + ENV_STATE], STATE_READY        ; and on no CPU
    jne .all
    cmp word [rdx + ENV_RESULT], RESULT_NONE        ; and RESUME_CALL
    jne .all
    mov rax, [gs:CPU_ENV]
    cmp rax, rdx
    je .all
    mov [rax + RESUME_RSP], rsp
    mov [rax + RESUME_RIP], rcx
    mov [rax + RESUME_RFLAGS], r11
    mov [rax + RESUME_RSI], rsi
    CAP_ALLOWS_WRITE rdx + ENV_GUARD, .back
    mov rsi, [gs:CPU_HOME]
    test rsi, rsi
    jz .no_home
    xor ecx, ecx                    ; the home itself needs no runner
    cmp rsi, rdx
    cmovne rcx, rdi
    mov [rsi + ENV_RUNNER], rcx
.no_home:
    xor ecx, ecx
    mov [rax + RESUME_RBX], rbx
    mov [rax + RESUME_RBP], rbp
    mov [rax + RESUME_R12], r12
    mov [rax + RESUME_R13], r13
    mov [rax + RESUME_R14], r14
    mov [rax + RESUME_R15], r15
    mov [rax + RESUME_RAX], rcx
    mov [rax + RESUME_RDX], rcx
    mov [rax + RESUME_RDI], rcx
    mov [rax + RESUME_RSI], rcx
    mov [rax + ENV_RESULT], cx
    mov rbx, rdx
    mov rdi, rax
    mov rsp, [gs:CPU_KERNEL_RSP]
    BASE_OF_RAX rdfsbase
    mov [rdi + RESUME_FS_BASE], rax
    mov rdi, [rbx + ENV_INFO]
    ENV_BECOMES rbx, .load, .loaded
    call vector_state_reset
    lea rdi, [rbx + RESUME]
    jmp env_enter_call

.load:
    mov rdi, [gs:CPU_SELF]
    call cpu_load_space
    jmp .loaded

.back:
    mov rcx, [rax + RESUME_RIP]
    mov r11, [rax + RESUME_RFLAGS]
    mov rsi, [rax + RESUME_RSI]
.all:
    mov rdx, [gs:CPU_SCRATCH + 8]
    mov eax, SYS_YIELD - SYS_BASE
    jmp own_call_all
