; ap.asm: from real mode, where a start-up interrupt leaves a CPU, to ap_main() in the higher half.
;
; Holds:    the code that cpus.c copies to TRAMPOLINE_PA, and where it goes on. One CPU at a time comes this way.
; Needs:    the boot page tables (boot.asm), which map the first 4 GiB where they are.
; Source:   Intel SDM vol. 3A, 8.4.4 and 9.8.5.

%include "arch/x86_64/asm_offsets.inc"

%define KERNEL_BASE     0xffffffff80000000
%define TRAMPOLINE_PA   0x8000
%define AT(label)       (TRAMPOLINE_PA + label - ap_trampoline)
%define NOT_CACHED      (3 << 29)       ; CR0.CD and NW, set by INIT

extern ap_main
extern boot_pml4
global ap_trampoline
global ap_trampoline_end
global ap_cpu
global ap_cr3

section .rodata
align 16
bits 16
ap_trampoline:
    cli
    cld
    xor ax, ax
    mov ds, ax
    o32 lgdt [AT(gdt_pointer)]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 0x08:AT(protected)

bits 32
protected:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, cr4
    or eax, 1 << 5                      ; PAE
    mov cr4, eax
    mov eax, boot_pml4 - KERNEL_BASE
    mov cr3, eax
    mov ecx, 0xc0000080                 ; EFER: LME, NXE
    rdmsr
    or eax, 1 << 8 | 1 << 11
    wrmsr
    mov eax, cr0
    and eax, ~NOT_CACHED
    or eax, 1 << 31 | 1 << 16           ; PG, WP
    mov cr0, eax
    jmp 0x18:AT(wide)

bits 64
wide:
    mov rax, qword ap_entry
    jmp rax

align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff               ; 0x08: 32-bit code
    dq 0x00cf93000000ffff               ; 0x10: data
    dq 0x00af9b000000ffff               ; 0x18: 64-bit code
gdt_pointer:
    dw $ - gdt - 1
    dd AT(gdt)
ap_trampoline_end:

section .data
align 8
ap_cpu: dq 0                            ; struct cpu of the one that starts
ap_cr3: dq 0                            ; the kernel's own page tables

section .text
bits 64
default rel
ap_entry:
    mov rax, [ap_cr3]
    mov cr3, rax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rdi, [ap_cpu]
    mov rsp, [rdi + CPU_KERNEL_RSP]
    xor ebp, ebp
    call ap_main
    ud2
