; stubs.asm: where the interrupt descriptor table points.
;
; Holds:    one stub a vector, which makes every stack look alike (trap.h) and goes on to exception_common or interrupt_common; the four
;           exceptions that have stacks of their own (IST), since they may come when no other stack or GS base can be trusted.
; Not here: what happens then (entry.asm for user mode, trap.c for kernel mode).

%include "arch/x86_64/asm_offsets.inc"
%include "arch/x86_64/registers.inc"
%include "arch/x86_64/smap.inc"
%include "arch/x86_64/fsgsbase.inc"

bits 64
default rel

extern exception_common
extern interrupt_common
extern exception_special
global vector_stubs

%define STUB_BYTES 16
%define VECTOR_DB 1
%define VECTOR_NMI 2
%define VECTOR_DF 8
%define VECTOR_MC 18

section .smap_sites alloc noexec nowrite align=8
section .base_sites alloc noexec nowrite align=8
section .text

; vector_stubs: 256 entries of STUB_BYTES bytes.
align 16
vector_stubs:
%assign vector 0
%rep 256
    align STUB_BYTES
%if !(vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21 || vector = 29 || vector = 30)
    push 0                              ; no error code (Intel SDM vol. 3A, table 6-1)
%endif
    push dword vector
%if vector = VECTOR_DB
    jmp strict near debug_entry
%elif vector = VECTOR_NMI || vector = VECTOR_DF || vector = VECTOR_MC
    jmp strict near special_entry
%elif vector < 32
    jmp strict near exception_common
%else
    jmp strict near interrupt_common
%endif
%assign vector vector + 1
%endrep
    align STUB_BYTES

; A #DB from user mode is the library's like any other exception: carry the frame to the kernel stack. The per-CPU pointer lies at the top
; of each IST stack, just above what the hardware pushed, so neither GS base nor the interrupted stack matters.
debug_entry:
    test byte [rsp + 16 + 8], 3         ; cs
    jz special_entry
    push rax
    push rcx
    mov rax, [rsp + 16 + 16 + 40]       ; struct cpu
    mov rax, [rax + CPU_KERNEL_RSP]
%assign word 6
%rep 7                                  ; ss rsp rflags cs rip error vector
    mov rcx, [rsp + 16 + word * 8]
    mov [rax - (7 - word) * 8], rcx
%assign word word - 1
%endrep
    lea rcx, [rax - 7 * 8]
    mov rax, [rsp + 8]
    mov [rcx - 8], rax
    mov rax, [rsp]
    mov [rcx - 16], rax
    lea rsp, [rcx - 16]
    pop rcx
    pop rax
    jmp exception_common

; On an IST stack: all registers saved, GS made the kernel's whatever it was, the C handler, everything put back.
special_entry:
    push_all
    cld
    CLAC
    BASE_OF_RAX rdgsbase
    mov rbx, rax
    mov rax, [rsp + TRAP_SS + 8]        ; struct cpu
    BASE_OF_RAX wrgsbase
    mov rdi, rsp
    mov rbp, rsp
    and rsp, -16
    call exception_special
    mov rsp, rbp
    mov rax, rbx
    BASE_OF_RAX wrgsbase
    pop_all
    add rsp, 16
    iretq
