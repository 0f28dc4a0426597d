; sigframe.asm: the stores and loads of a signal frame (sigframe.c), each in one go, and the ways into rt_sigreturn.
;
; The program's memory is touched between two labels; .ex_range says where to go on when it is not there. The stack pointer is the same at all
; places in between that may fault.

bits 64
default rel

%include "start/entry.inc"

; The frame, from the restorer's address up: struct ucontext, in it struct sigcontext, then siginfo.
%define UC              8
%define UC_FLAGS        0
%define UC_LINK         8
%define UC_STACK_SP     16
%define UC_STACK_FLAGS  24
%define UC_STACK_SIZE   32
%define MC              40
%define UC_SIGMASK      296
%define INFO_AT         312
%define M_R8            0
%define M_R9            8
%define M_R10           16
%define M_R11           24
%define M_R12           32
%define M_R13           40
%define M_R14           48
%define M_R15           56
%define M_RDI           64
%define M_RSI           72
%define M_RBP           80
%define M_RBX           88
%define M_RDX           96
%define M_RAX           104
%define M_RCX           112
%define M_RSP           120
%define M_RIP           128
%define M_RFLAGS        136
%define M_SELECTORS     144
%define M_ERR           152
%define M_TRAPNO        160
%define M_OLDMASK       168
%define M_CR2           176
%define M_FPSTATE       184

%define UC_FLAGS_ALL    7           ; UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
%define SELECTORS       (USER_SS << 48 | USER_CS)
%define FP_MAGIC2       0x46505845
%define FX_SOFTWARE     464         ; in the FXSAVE area
%define XSAVE_HEADER    512
%define UC_BYTES        304
%define FRAME_BYTES     448         ; with the restorer's address, a multiple of 16
%define SA_HANDLER      0           ; struct sigaction_k
%define SA_RESTORER     16
%define INFO_WORDS      16
%define INFO_USED       6           ; struct siginfo_brief
%define RFLAGS_USER     0x50dd5     ; what a program may change
%define USER_TOP        0x7d0000000000
%define UNBLOCKABLE     0x40100     ; SIGKILL and SIGSTOP

extern resume, resume_open, sigreturn_long, vector_frame
global sigframe_store, sigframe_vectors, gate_sigreturn, lx_rt_sigreturn

section .rodata
align 4
mxcsr_initial:
    dd      0x1f80

section .text

%macro SAVE 1                       ; a register: from struct regs at rdi to the frame at rsi
    mov     rax, [rdi + REGS_BYTES - T_%1]
    mov     [rsi + UC + MC + M_%1], rax
%endmacro

%macro CLEAR 3                      ; words [%2, %3) at %1, by rax, which is 0
%assign i %2
%rep %3 - %2
    mov     [%1 + 8 * i], rax
%assign i i + 1
%endrep
%endmacro

; bool sigframe_store(struct regs *r, uint64_t sp, const struct sigaction_k *sa, uint64_t mask, int64_t sig, const struct siginfo_brief *info)
align 16
sigframe_store:
    mov     r11, rdx
    lea     rdx, [rsi - 4]          ; FP_MAGIC2 lies behind the vectors
    sub     rdx, [vector_frame + V_BYTES]
    and     rdx, -64
    lea     rsi, [rdx - FRAME_BYTES - 8]        ; as a call leaves the stack
    mov     r10, [gs:L_THREAD]
store_begin:
    mov     rax, [r11 + SA_RESTORER]
    mov     [rsi], rax
    mov     qword [rsi + UC + UC_FLAGS], UC_FLAGS_ALL
    mov     qword [rsi + UC + UC_LINK], 0
    mov     rax, [r10 + T_ALT_STACK_SP]
    mov     [rsi + UC + UC_STACK_SP], rax
    mov     rax, [r10 + T_ALT_STACK_FLAGS]
    mov     [rsi + UC + UC_STACK_FLAGS], rax
    mov     rax, [r10 + T_ALT_STACK_SIZE]
    mov     [rsi + UC + UC_STACK_SIZE], rax
    SAVE    R8
    SAVE    R9
    SAVE    R10
    SAVE    R11
    SAVE    R12
    SAVE    R13
    SAVE    R14
    SAVE    R15
    SAVE    RDI
    SAVE    RSI
    SAVE    RBP
    SAVE    RBX
    SAVE    RDX
    SAVE    RAX
    SAVE    RCX
    SAVE    RSP
    SAVE    RIP
    SAVE    RFLAGS
    mov     rax, SELECTORS
    mov     [rsi + UC + MC + M_SELECTORS], rax
    mov     rax, [r10 + T_FAULT_ERROR]
    mov     [rsi + UC + MC + M_ERR], rax
    mov     rax, [r10 + T_FAULT_VECTOR]
    mov     [rsi + UC + MC + M_TRAPNO], rax
    mov     rax, [r10 + T_FAULT_ADDRESS]
    mov     [rsi + UC + MC + M_CR2], rax
    mov     rax, [r10 + T_BLOCKED]
    mov     [rsi + UC + MC + M_OLDMASK], rax
    mov     [rsi + UC + MC + M_FPSTATE], rdx
    mov     [rsi + UC + UC_SIGMASK], rcx
    test    r9, r9
    jz      store_vectors
%assign i 0
%rep INFO_USED
    mov     rax, [r9 + 8 * i]
    mov     [rsi + INFO_AT + 8 * i], rax
%assign i i + 1
%endrep
    xor     eax, eax
    CLEAR   rsi + INFO_AT, INFO_USED, INFO_WORDS
store_vectors:
    mov     rcx, [vector_frame + V_COMPONENTS]
    xor     eax, eax
    test    rcx, rcx
    jz      store_legacy
    mov     r9, [vector_frame + V_MAGIC_SIZE]
    mov     r10, [vector_frame + V_FEATURES]
    mov     [rdx + FX_SOFTWARE], r9
    mov     [rdx + FX_SOFTWARE + 8], r10
    mov     r9, [vector_frame + V_BYTES]
    mov     [rdx + FX_SOFTWARE + 16], r9
    mov     dword [rdx + r9], FP_MAGIC2
    CLEAR   rdx + FX_SOFTWARE, 3, 6
    CLEAR   rdx + XSAVE_HEADER, 0, 3    ; all that the CPU looks at
    mov     r9, rdx
    mov     eax, ecx
    mov     rdx, rcx
    shr     rdx, 32
    xsave64 [r9]
stored:
    fninit                          ; a handler begins with the usual rounding and an empty x87 stack
    ldmxcsr [mxcsr_initial]
    mov     rcx, [r11 + SA_HANDLER]
    lea     rax, [rsi + UC]
    mov     [rdi + REGS_BYTES - T_RSP], rsi
    mov     [rdi + REGS_BYTES - T_RDI], r8
    mov     [rdi + REGS_BYTES - T_RDX], rax
    add     rsi, INFO_AT
    mov     [rdi + REGS_BYTES - T_RIP], rcx
    mov     [rdi + REGS_BYTES - T_RSI], rsi
    mov     qword [rdi + REGS_BYTES - T_RAX], 0
    mov     eax, 1
    ret
store_legacy:
    CLEAR   rdx + FX_SOFTWARE, 0, 6
    fxsave64 [rdx]
    jmp     stored
store_end:
refused:
    xor     eax, eax
    ret
    RANGE   store_begin, store_end, refused

; bool sigframe_vectors(uint64_t from, uint64_t components): loads them from there, or 0: what an FXSAVE area holds.
align 16
sigframe_vectors:
    mov     rax, rsi
    mov     rdx, rsi
    shr     rdx, 32
    test    rsi, rsi
    jz      load_legacy
load_vectors:
    xrstor64 [rdi]
    mov     eax, 1
    ret
load_legacy:
    fxrstor64 [rdi]
    mov     eax, 1
    ret
load_vectors_end:
    RANGE   load_vectors, load_vectors_end, refused

; A signal handler of a linked program returns here; the context is at rsp.
align 16
gate_sigreturn:
    inc     dword [gs:U_CRIT]
    OPEN_KEYS
    mov     rbx, rsp
    jmp     sigreturn

; The call of that name, as a row of the dispatch table; it does not return. What makes it more than loads is left to sigreturn_long(): memory that
; is not there or not as we wrote it, another alternate stack, signals that wait.
align 16
lx_rt_sigreturn:
    mov     rbx, [gs:L_STACK]
    mov     rbx, [rbx - T_RSP]
sigreturn:                          ; rbx: the context
    mov     r8, [gs:L_THREAD]
    mov     rsp, [gs:L_STACK]
    mov     rax, USER_TOP - UC_BYTES
    mov     rcx, [r8 + T_PROC]
    cmp     rbx, rax
    ja      sigreturn_slow
load_begin:
    mov     rsi, [rbx + UC_SIGMASK]
    mov     rdx, [rbx + UC_STACK_SP]
    mov     rdi, [rbx + MC + M_FPSTATE]
    and     rsi, ~UNBLOCKABLE
    mov     r9, rsi
    cmp     rdx, [r8 + T_ALT_STACK_SP]
    jne     sigreturn_slow
    not     r9
    and     r9, [r8 + T_PENDING]
    or      r9, [rcx + PR_PENDING]
    jnz     sigreturn_slow
    cmp     dword [r8], 0
    jne     sigreturn_slow
    lea     r11, [vector_frame]     ; the vectors, when they are as sigframe_store leaves them
    cmp     rdi, rax                ; no area reaches from there over the end: there is more than 1 MiB
    ja      sigreturn_slow
    mov     r9, [r11 + V_BYTES]
    mov     r10, [r11 + V_MAGIC_SIZE]
    cmp     r10, [rdi + FX_SOFTWARE]
    jne     sigreturn_slow
    cmp     dword [rdi + r9], FP_MAGIC2
    jne     sigreturn_slow
    mov     rax, [r11 + V_COMPONENTS]
    mov     rdx, rax
    shr     rdx, 32
    xrstor64 [rdi]
    mov     [r8 + T_BLOCKED], rsi
    sub     rsp, T_RFLAGS           ; from here as resume
    mov     qword [rsp + T_RFLAGS - T_SS], USER_SS
    mov     rax, [rbx + MC + M_RSP]
    mov     rcx, [rbx + MC + M_RIP]
    mov     edx, [rbx + MC + M_RFLAGS]
    mov     [rsp + T_RFLAGS - T_RSP], rax
    mov     [gs:L_RSP], rax
    mov     [gs:L_RIP], rcx
    and     edx, RFLAGS_USER
    or      edx, RFLAGS_PLAIN
    mov     [rsp], rdx
    mov     rax, [rbx + MC + M_RAX]
    mov     rcx, [rbx + MC + M_RCX]
    mov     rdx, [rbx + MC + M_RDX]
    mov     rsi, [rbx + MC + M_RSI]
    mov     rdi, [rbx + MC + M_RDI]
    mov     rbp, [rbx + MC + M_RBP]
    mov     r8, [rbx + MC + M_R8]
    mov     r9, [rbx + MC + M_R9]
    mov     r10, [rbx + MC + M_R10]
    mov     r11, [rbx + MC + M_R11]
    mov     r12, [rbx + MC + M_R12]
    mov     r13, [rbx + MC + M_R13]
    mov     r14, [rbx + MC + M_R14]
    mov     r15, [rbx + MC + M_R15]
    mov     rbx, [rbx + MC + M_RBX]
load_end:
    CLOSE_KEYS
    dec     dword [gs:U_CRIT]
    jmp     resume_open
sigreturn_slow:
    mov     rdi, [gs:L_STACK]
    lea     rsp, [rdi - CALL_BYTES]
    lea     rdi, [rdi - REGS_BYTES]
    mov     rsi, rbx
    xor     ebp, ebp
    call    sigreturn_long
    add     rsp, CALL_BYTES - REGS_BYTES
    jmp     resume
    RANGE   load_begin, load_end, sigreturn_slow
