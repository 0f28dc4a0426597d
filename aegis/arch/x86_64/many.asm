; many.asm: the way into the kernel where several CPUs run envs: a call waits for its turn (core/turn.c).
;
; It stands in the place of syscall_entry (entry.asm), so that on one CPU that is not one instruction longer. What touches the CPU's own env
; alone, a foreign system call and the null call, is as there. The short ways (pte_fast.asm, pct_fast.asm, yield_fast.asm) are for one CPU.

%include "arch/x86_64/asm_offsets.inc"

bits 64
default rel

extern foreign_call
extern own_call_all
extern own_call_return
extern sys_table
extern sys_table_count
extern call_begin
extern call_end
global syscall_entry_many

%define NUMBER_OF_EAX (0x100000000 - SYS_BASE)  ; adding it modulo 2^32 takes SYS_BASE away

section .text
align 64
syscall_entry_many:
    swapgs
    cmp eax, SYS_BASE
    jb foreign_call
    add eax, NUMBER_OF_EAX
    jz own_call_all
    cmp rax, [sys_table_count]
    jae .not_own
    mov [gs:CPU_SCRATCH], rsp
    mov rsp, [gs:CPU_KERNEL_RSP]
    push qword [gs:CPU_SCRATCH]
    push rcx
    push r11
    push 0                          ; struct sys_args, as own_call_all pushes it
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
    push rax
    sub rsp, 8                      ; 16-byte alignment
    mov edi, eax
    call call_begin                 ; what a C function keeps is the program's still
    add rsp, 8
    pop rax
    mov rdi, rsp
    call [sys_table + rax * 8]
    push rax
    sub rsp, 8
    call call_end
    add rsp, 8
    pop rax
    jmp own_call_return

.not_own:
    sub eax, NUMBER_OF_EAX
    jmp foreign_call
