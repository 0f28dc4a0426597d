; pager.asm: from a fault to the handler that a program has for it, and back (pager.c, exos/api.h); the gate of EXOS_SYS_PAGES.
;
; The handler runs as the program does, on its stack below the red zone, and the library holds nothing meanwhile: it may fault, be interrupted,
; leave by longjmp, or never come back. Its frame, from low to high: where it returns to, struct exos_fault, vectors as XSAVE writes them, room
; for what is pushed on the way back.

bits 64
default rel

%include "start/entry.inc"

%define X_ADDRESS       0           ; struct exos_fault
%define X_ERROR         8
%define X_RIP           16
%define X_RSP           24
%define X_RFLAGS        32
%define X_RAX           40
%define X_RCX           48
%define X_RDX           56
%define X_RBX           64
%define X_RBP           72
%define X_RSI           80
%define X_RDI           88
%define X_R8            96
%define X_R9            104
%define X_R10           112
%define X_R11           120
%define X_R12           128
%define X_R13           136
%define X_R14           144
%define X_R15           152
%define X_BYTES         160

%define RED_ZONE        128
%define BACK_BYTES      16          ; rip and rflags on the way back
%define PUSH_MAX        128         ; the handler may lower rsp by so much
%define XSAVE_HEADER    512
%define EXOS_SYS_PAGES  0x45580003
%define EXOS_SYS_PAGER_REFUSED 0x45580004

extern vector_frame, gate_table, fault_entry.program, nested.program
%ifdef MANY
extern pager_return, pager_stack_max
%endif
global pager_fault, pager_nested

section .text

%macro KEEP 2                       ; of the upcall's frame
    mov     rcx, [gs:F_%1]
    mov     [r11 - X_BYTES + X_%2], rcx
%endmacro

; From fault_entry, on the handler stack, depth 1: the address is in the range that struct mm_local remembers. rcx and r11 are free. Should the
; program's stack not be there, nothing has been done (pager_nested).
align 16
pager_fault:
    mov     r11, [rcx + PG_HANDLER]
    mov     rcx, [rcx + PG_ARG]
    mov     [gs:L_PAGER_HANDLER], r11
    mov     [gs:L_PAGER_ARG], rcx
    mov     r11, [gs:F_CR2]
    mov     rcx, WINDOW
    shr     r11, 12
    mov     ecx, [rcx + r11 * 8]
    and     ecx, PTE_P | PTE_NONE
    cmp     ecx, PTE_P
    je      fault_entry.program           ; not the pager's doing
    mov     rcx, [gs:F_RSP]
    lea     r11, [rcx - RED_ZONE - BACK_BYTES - PUSH_MAX]
    sub     r11, [vector_frame + V_BYTES]
    and     r11, -64
    cmp     r11, [pager_stack_max]
    ja      fault_entry.program
    mov     [r11 - X_BYTES + X_RSP], rcx
    mov     [r11 - X_BYTES + X_RAX], rax
    mov     [r11 - X_BYTES + X_RDX], rdx
    mov     [r11 - X_BYTES + X_RBX], rbx
    mov     [r11 - X_BYTES + X_RBP], rbp
    mov     [r11 - X_BYTES + X_RSI], rsi
    mov     [r11 - X_BYTES + X_RDI], rdi
    mov     [r11 - X_BYTES + X_R8], r8
    mov     [r11 - X_BYTES + X_R9], r9
    mov     [r11 - X_BYTES + X_R10], r10
    mov     [r11 - X_BYTES + X_R12], r12
    mov     [r11 - X_BYTES + X_R13], r13
    mov     [r11 - X_BYTES + X_R14], r14
    mov     [r11 - X_BYTES + X_R15], r15
    KEEP    CR2, ADDRESS
    KEEP    ERROR, ERROR
    KEEP    RIP, RIP
    KEEP    RFLAGS, RFLAGS
    KEEP    RCX, RCX
    KEEP    R11, R11
    lea     rcx, [pager_return]
    mov     [r11 - X_BYTES - 8], rcx
    mov     [gs:L_PAGER_RAX], rax
    mov     [gs:L_PAGER_RDX], rdx
pager_vectors:
    mov     eax, [vector_frame + V_COMPONENTS]
    mov     edx, [vector_frame + V_COMPONENTS + 4]
    test    eax, eax
    jz      .legacy
    mov     qword [r11 + XSAVE_HEADER], 0       ; all that the CPU looks at
    mov     qword [r11 + XSAVE_HEADER + 8], 0
    mov     qword [r11 + XSAVE_HEADER + 16], 0
    xsave64 [r11]
.vectors_kept:
    lea     rdi, [r11 - X_BYTES]
    lea     rsp, [rdi - 8]
    mov     rsi, [gs:L_PAGER_ARG]
    mov     rcx, [gs:L_PAGER_HANDLER]
    mov     dword [gs:U_DEPTH], 0
    cmp     dword [gs:U_PENDING], 0
    jne     .pending
    jmp     rcx
.pending:                           ; any call answers it
    push    rcx
    push    rsi
    mov     edi, LX_getppid
    call    [gate_table + GATE_SYSCALL]
    pop     rsi
    pop     rcx
    lea     rdi, [rsp + 8]
    jmp     rcx
.legacy:
    fxsave64 [r11]
    jmp     .vectors_kept
pager_fault_end:

; From fault_entry, depth 2 or more, the library holding nothing. Above, or by a window without a page table: the program's fault is the library's
; to answer, with the registers as they were.
pager_nested:
    cmp     dword [gs:U_DEPTH], 2
    jne     nested.program
    mov     rcx, [gs:F_RIP + U_FRAME_BYTES]
    lea     r11, [pager_fault]
    sub     rcx, r11
    cmp     rcx, pager_fault_end - pager_fault
    jae     nested.program
    cmp     rcx, pager_vectors - pager_fault
    jb      .all_there
    mov     rax, [gs:L_PAGER_RAX]
    mov     rdx, [gs:L_PAGER_RDX]
.all_there:
    dec     dword [gs:U_DEPTH]
    jmp     fault_entry.program

%ifndef MANY
global pager_return, pager_stack_max, gate_pages, gate_pages_many

section .rodata
align 8
pager_stack_max:
    dq      0x7d0000000000          ; USER_TOP

section .text

; The handler has returned: here everything is the program's own doing.
align 16
pager_return:                       ; rsp: struct exos_fault
    mov     ecx, eax
    mov     eax, [vector_frame + V_COMPONENTS]
    mov     edx, [vector_frame + V_COMPONENTS + 4]
    test    eax, eax
    jz      .legacy
    xrstor64 [rsp + X_BYTES]
.vectors_back:
    test    ecx, ecx
    jz      .refused
    mov     rcx, [rsp + X_RSP]
    mov     rax, [rsp + X_RFLAGS]
    mov     rdx, [rsp + X_RIP]
    lea     rcx, [rcx - RED_ZONE - BACK_BYTES]
    mov     [rcx], rax
    mov     [rcx + 8], rdx
    mov     [rsp + X_RSP], rcx
    mov     rax, [rsp + X_RAX]
    mov     rcx, [rsp + X_RCX]
    mov     rdx, [rsp + X_RDX]
    mov     rbx, [rsp + X_RBX]
    mov     rbp, [rsp + X_RBP]
    mov     rsi, [rsp + X_RSI]
    mov     rdi, [rsp + X_RDI]
    mov     r8, [rsp + X_R8]
    mov     r9, [rsp + X_R9]
    mov     r10, [rsp + X_R10]
    mov     r11, [rsp + X_R11]
    mov     r12, [rsp + X_R12]
    mov     r13, [rsp + X_R13]
    mov     r14, [rsp + X_R14]
    mov     r15, [rsp + X_R15]
    mov     rsp, [rsp + X_RSP]
    popfq
    ret     RED_ZONE
.legacy:
    fxrstor64 [rsp + X_BYTES]
    jmp     .vectors_back
.refused:
    mov     edi, EXOS_SYS_PAGER_REFUSED
    mov     rsi, rsp
    call    [gate_table + GATE_SYSCALL]
    ud2

; long pages(const void *vector, uint64_t n): as gate_syscall. One page that is there, in the range that is remembered, and no fork's takes no
; library stack: nothing of the library's is written, and the rest is loads. With several CPUs another might be changing what is looked at.
align 16
gate_pages:
    cmp     rsi, 1
    jne     gate_pages_many
    cmp     rdi, [pager_stack_max]
    jae     gate_pages_many              ; the image lies far above: nothing reaches from here to the library
    inc     dword [gs:U_CRIT]
quick_begin:
    mov     r8, [rdi]
    mov     rcx, [rdi + 8]
quick_end:
    mov     rsi, MM_PAGER
    mov     r11, [rsi]
    mov     r9, r8
    sub     r9, [r11 + PG_START]
    cmp     r9, [r11 + PG_BYTES]
    jae     pages_one
    mov     r9, r8
    shr     r9, 21
    cmp     r9, [rsi + MM_LAST_PT]
    jne     pages_one
    cmp     ecx, 1
    jne     pages_one
    shr     rcx, 32 - 4
    cmp     rcx, 3 << 4
    ja      pages_one
    mov     r10, [r11 + PG_ACCESS]
    shr     r10, cl
    test    r10w, r10w
    jz      pages_one
    movzx   r10d, r10w
    mov     r11, WINDOW
    mov     r9, r8
    shr     r9, 12
    mov     rax, [r11 + r9 * 8]
    mov     r9d, eax
    and     r9d, PTE_P | PTE_COW
    cmp     r9d, PTE_P
    jne     pages_one
    test    r8d, 0xfff
    jnz     pages_one
    and     rax, ~PTE_ACCESS
    or      rax, r10
    rdgsbase rdx
    mov     [gs:L_OP], r8
    mov     [gs:L_OP + 8], rax
    mov     r9, rdi
    add     rdx, L_OP
    mov     rdi, [rsi + MM_SPACE]
    xor     esi, esi                ; both capabilities are CAP_SELF
    mov     r10d, 1
    mov     eax, SYS_PTE_SET
    syscall
    test    eax, eax
    jnz     pages_refused
    mov     eax, 1
    dec     dword [gs:U_CRIT]
    cmp     dword [gs:U_PENDING], 0
    jne     pages_pending
    ret
pages_pending:
    mov     edi, LX_getppid
    call    [gate_table + GATE_SYSCALL]
    mov     eax, 1
    ret
pages_refused:
    mov     rdi, r9
pages_one:
    mov     esi, 1
pages_slow:
    dec     dword [gs:U_CRIT]
gate_pages_many:
    mov     rdx, rsi
    mov     rsi, rdi
    mov     edi, EXOS_SYS_PAGES
    jmp     [gate_table + GATE_SYSCALL]
    RANGE   quick_begin, quick_end, pages_slow
%endif
