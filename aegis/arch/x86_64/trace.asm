; trace.asm: the entries for system calls and page faults with the boot option ktrace: an event is recorded, then everything is as without.
;
; They stand in the place of the other entries (segments.c, cpu.c), so that those are not one instruction longer.

%include "arch/x86_64/asm_offsets.inc"
%include "arch/x86_64/registers.inc"
%include "arch/x86_64/smap.inc"

bits 64
default rel

extern syscall_untraced
extern page_fault_entry
extern trace_call
extern trace_fault

global syscall_entry_traced
global page_fault_entry_traced

section .smap_sites alloc noexec nowrite align=8
section .text

align 16
syscall_entry_traced:
    swapgs
    mov [gs:CPU_SCRATCH], rsp
    mov rsp, [gs:CPU_KERNEL_RSP]
    push_all
    sub rsp, 8                      ; 16-byte alignment
    mov edi, eax
    mov rsi, rcx
    call trace_call
    add rsp, 8
    pop_all
    mov rsp, [gs:CPU_SCRATCH]
    swapgs
    jmp [syscall_untraced]

; Stack: error rip cs rflags rsp ss.
align 16
page_fault_entry_traced:
    test byte [rsp + 16], 3
    jz page_fault_entry
    swapgs
    push_all
    sub rsp, 8
    cld
    CLAC
    mov rdi, [rsp + 16 * 8 + 8]
    call trace_fault
    add rsp, 8
    pop_all
    swapgs
    jmp page_fault_entry
