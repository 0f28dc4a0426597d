; fsgsbase.asm: what stands in for the instructions of FSGSBASE on a CPU without them.

bits 64
default rel

global rdfsbase_by_msr
global rdgsbase_by_msr
global wrfsbase_by_msr
global wrgsbase_by_msr

%define MSR_FS_BASE 0xc0000100
%define MSR_GS_BASE 0xc0000101

section .text

; The operand is rax, all other registers are kept.
%macro read_base 2
align 16
%1:
    push rcx
    push rdx
    mov ecx, %2
    rdmsr
    shl rdx, 32
    or rax, rdx
    pop rdx
    pop rcx
    ret
%endmacro

%macro write_base 2
align 16
%1:
    push rcx
    push rdx
    mov ecx, %2
    mov rdx, rax
    shr rdx, 32
    wrmsr
    pop rdx
    pop rcx
    ret
%endmacro

read_base rdfsbase_by_msr, MSR_FS_BASE
read_base rdgsbase_by_msr, MSR_GS_BASE
write_base wrfsbase_by_msr, MSR_FS_BASE
write_base wrgsbase_by_msr, MSR_GS_BASE
