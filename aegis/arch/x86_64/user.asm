; user.asm: the kernel's only accesses to user memory.
;
; bool user_copy_in(void *dst, uint64_t src, size_t n), bool user_copy_out(uint64_t dst, const void *src, size_t n): user.c has checked that
; the range is in the user half; a fault inside goes on at the fix-up (exception_kernel reads the table) and answers false.

%include "arch/x86_64/smap.inc"

bits 64
default rel
global user_copy_in
global user_copy_out

%macro MAY_FAULT 1              ; the next instruction's fault goes on at %1
%%at:
[section .extable]
    dq %%at, %1
__?SECT?__
%endmacro

section .extable alloc noexec nowrite align=8
section .smap_sites alloc noexec nowrite align=8

section .text
user_copy_in:
user_copy_out:
    mov rcx, rdx
    shr rcx, 3
    and edx, 7
    STAC
    MAY_FAULT user_copy_failed
    rep movsq
    mov ecx, edx
    MAY_FAULT user_copy_failed
    rep movsb
    CLAC
    mov eax, 1
    ret
user_copy_failed:
    CLAC
    xor eax, eax
    ret
