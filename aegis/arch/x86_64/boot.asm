; boot.asm: from the loader's 32-bit world to arch_entry() in the higher half.
;
; Holds:    the Multiboot2 header and the PVH note, an entry for each, boot page tables, the step into long mode.
; Needs:    protected mode without paging, the image at 1 MiB, .bss cleared (both loaders do).
; Not here: reading what the loader left (multiboot2.c, pvh.c).
; Sources:  Multiboot2 Specification 2.0, 3.1; Xen's PVH boot ABI (hvmlite); Intel SDM vol. 3A, 9.8.5.

%define KERNEL_BASE     0xffffffff80000000
%define MULTIBOOT2      0x36d76289
%define PVH             0x336ec578
%define STACK_BYTES     16384

extern arch_entry
global boot_multiboot2
global boot_pml4
global boot_stack_guard
global boot_stack_top

section .boot.header alloc noexec nowrite align=8
header:
    dd 0xe85250d6, 0, header_end - header, -(0xe85250d6 + (header_end - header))
align 8
request:                        ; information request, optional: command line, modules, memory map, framebuffer, ACPI old and new
    dw 1, 1
    dd request_end - request
    dd 1, 3, 6, 8, 14, 15
request_end:
align 8
    dw 6, 0                     ; modules on page boundaries
    dd 8
align 8
    dw 0, 0
    dd 8
header_end:

section .note.Xen alloc noexec nowrite align=4
    dd 4, 8, 18                 ; XEN_ELFNOTE_PHYS32_ENTRY
    db "Xen", 0
    dq boot_pvh

section .boot.text alloc exec nowrite align=16
bits 32
boot_pvh:
    mov eax, PVH
    jmp boot_common
boot_multiboot2:
    cmp eax, MULTIBOOT2
    jne no_loader

; eax: which loader, ebx: what it left.
boot_common:
    cli
    cld
    mov esp, boot_stack_top - KERNEL_BASE
    mov edi, eax
    mov esi, ebx
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb no_long_mode
    mov eax, 0x80000001
    cpuid
    and edx, 1 << 29 | 1 << 20          ; long mode, no-execute
    cmp edx, 1 << 29 | 1 << 20
    jne no_long_mode

; The first 4 GiB in 2 MiB pages, three times: where they are, at DIRECT_BASE, and (1 GiB of them) at KERNEL_BASE.
    mov eax, 0x83                       ; present, writable, large
    xor edx, edx
    mov ecx, boot_pd - KERNEL_BASE
.fill:
    mov [ecx], eax
    mov [ecx + 4], edx
    add eax, 0x200000
    add ecx, 8
    cmp ecx, boot_pd_end - KERNEL_BASE
    jb .fill
%assign gib 0
%rep 4
    mov dword [boot_pdpt - KERNEL_BASE + gib * 8], boot_pd - KERNEL_BASE + gib * 4096 + 3
%assign gib gib + 1
%endrep
    mov dword [boot_pdpt_image - KERNEL_BASE + 510 * 8], boot_pd - KERNEL_BASE + 3
    mov dword [boot_pml4 - KERNEL_BASE], boot_pdpt - KERNEL_BASE + 3
    mov dword [boot_pml4 - KERNEL_BASE + 256 * 8], boot_pdpt - KERNEL_BASE + 3
    mov dword [boot_pml4 - KERNEL_BASE + 511 * 8], boot_pdpt_image - KERNEL_BASE + 3

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
    or eax, 1 << 31 | 1 << 16           ; PG, WP
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    jmp 0x10:boot_long

no_loader:
    mov esi, text_no_loader
    jmp boot_fail
no_long_mode:
    mov esi, text_no_long_mode
; Says why on the first serial port and stops.
boot_fail:
    mov dx, 0x3f8
.next:
    lodsb
    test al, al
    jz .stop
    out dx, al
    jmp .next
.stop:
    cli
    hlt
    jmp .stop

bits 64
boot_long:
    mov eax, 0x18
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rsp, qword boot_stack_top
    xor ebp, ebp
    mov edi, edi                        ; loader's magic, physical address of what it left
    mov esi, esi
    mov rax, qword arch_entry
    call rax
.stop:
    hlt
    jmp .stop

align 8
boot_gdt:
    dq 0, 0
    dq 0x00af9b000000ffff               ; 0x10: 64-bit code
    dq 0x00cf93000000ffff               ; 0x18: data
boot_gdt_pointer:
    dw $ - boot_gdt - 1
    dd boot_gdt

text_no_loader: db "aegis: started by neither Multiboot2 nor PVH", 13, 10, 0
text_no_long_mode: db "aegis: needs an x86-64 CPU with no-execute pages", 13, 10, 0

section .bss align=4096
boot_pml4: resb 4096
boot_pdpt: resb 4096
boot_pdpt_image: resb 4096
boot_pd: resb 4 * 4096
boot_pd_end:
; The boot CPU's kernel stack; the page below it stays unmapped (paging.c).
boot_stack_guard: resb 4096
    resb STACK_BYTES
boot_stack_top:
