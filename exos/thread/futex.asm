; futex.asm: the short ways of futex(2), from the call's gate and back: the first who sleeps at a word is woken; a thread sleeps at a word while
; another one of its process wants to go on, and that one does.
;
; Where anything is not that simple (times, several to be woken, words of shared memory, a signal that waits, a page that is not there, nobody
; to go on with) nothing has been done, all registers are the program's, and the long way is taken: the gate, futex.c, wait.c, sched.c. These
; see no difference afterwards: a sleeper of here is what wait_here() makes, who goes on was chosen as by switch_within().
; Only where one CPU runs the session and no keys are used (call.asm), there is XSAVE, and no call is traced (futex_top).
;
; A sleeper's registers lie in its struct call_frame, at the top of its library stack, where nobody looks for the program's before the call's
; end.

bits 64
default rel

%include "start/entry.inc"

%define WAIT_PRIVATE    0x80
%define WAKE_PRIVATE    0x81

%define T_HOLDER        56          ; in struct thread
%define T_VECTORS       64
%define T_RUN_LINK      312
%define T_STATE         (T_RUN_LINK + 16)   ; queued, go, sleeping, interruptible: a byte each; wake_reason
%define T_GO            (T_RUN_LINK + 17)
%define T_WAKE_REASON   (T_RUN_LINK + 20)
%define T_OBJECT        (T_RUN_LINK + 24)
%define T_AT            (T_RUN_LINK + 32)
%define T_BITS          (T_RUN_LINK + 40)
%define T_WATCH         (T_RUN_LINK + 48)   ; sleep.watch.link
%define T_RUN_TICKS     (T_RUN_LINK + 120)
%define QUEUED          0x1         ; of T_STATE
%define GOES            0x100
%define SLEEPS          0x1010000   ; interruptibly
%define S_RUNNING       0           ; in struct sched_cpu
%define S_SINCE         16

%define MM_MM           0x7e0000000008  ; struct mm_local's pointer to struct mm
%define MM_FUTEXES      16
%define MM_FUTEX_BITS   6
%define HASH            0x9e3779b1      ; as in futex.c
%define LINK_SHIFT      4               ; log2 of sizeof(struct list)

%define ENVIRONMENT     T_R11           ; in struct call_frame: FNSTENV's 28 bytes, MXCSR, FS base
%define MXCSR           (T_R8 - 4)
%define FS_BASE         T_RAX

extern run_queue, sched, lx_calls, futex_top, sched_not_meant
extern foreign_entry.full, foreign_entry.done, gate_syscall.full, gate_syscall.done, leave_pending, attention
global futex_foreign, futex_linked

section .text

%define FRAME(register) rsp + CALL_BYTES - register

; Where the word's sleepers are, in bytes from the first such place. %1: half the word's address; %2: its place.
%macro PLACE 2
    imul    %2, %1, HASH
    shr     %2, 32 - MM_FUTEX_BITS - LINK_SHIFT
    and     %2, (1 << MM_FUTEX_BITS) - 1 << LINK_SHIFT
%endmacro

; The call is made here, not at the gate.
%macro COUNT_CALL 0
    inc     qword [lx_calls + (LX_NUMBERS + LX_futex) * 8]
%endmacro

; The first in the place of the word %1 (%2: half of it) sleeps there, and %3, how many are to be woken, is one: it is ready. Scratch: %4
; (%5: half of it), rax, r11. The place itself, should it be empty, is no sleeper of any word: its links' neighbours are links.
%macro WAKE 5
    cmp     %1, [futex_top]
    jae     .long
    cmp     %3, 1
    jne     .long
    PLACE   %2, %5
    mov     rax, [abs qword MM_MM]
    mov     rax, [rax + %4 + MM_FUTEXES]
    cmp     [rax + T_AT - T_WATCH], %1
    jne     .long
    mov     %4, [rax]
    mov     r11, [rax + 8]
    mov     [%4 + 8], r11
    mov     [r11], %4
    mov     dword [rax + T_STATE - T_WATCH], QUEUED
    lea     %4, [run_queue]
    mov     r11, [%4 + 8]
    add     rax, T_RUN_LINK - T_WATCH
    mov     [rax], %4
    mov     [rax + 8], r11
    mov     [r11], rax
    mov     [%4 + 8], rax
    COUNT_CALL
    mov     eax, 1
%endmacro

; Nothing is in the way of a sleep at the word %1 (%2: its lowest byte) while it is %3, with no time %4. Scratch: rax, %5, r11.
%macro LOOK 5
    test    %4, %4
    jnz     .long
    test    %2, 3
    jnz     .long
    cmp     %1, [futex_top]
    jae     .long
    mov     r11, [gs:L_THREAD]
    cmp     dword [r11], 0          ; attention
    jne     .long
    lea     %5, [run_queue]
    mov     rax, [%5]
    cmp     rax, %5
    je      .long
    mov     r11, [r11 + T_PROC]
    cmp     [rax + T_PROC - T_RUN_LINK], r11
    jne     .long
.load:
    cmp     [%1], %3
    jne     .long
    MAY_FAULT .load, .long
%endmacro

; With all that the way back needs in struct call_frame at rsp, but for the registers that C preserves: the thread sleeps at the word %1 (%2: half
; of it), and the first in the run queue goes on. %3 saves what of the vectors' state the thread keeps, %4 puts it back. rcx is then the thread,
; rax what came of its sleep.
%macro SLEEP 4
    mov     [FRAME(T_RBX)], rbx
    mov     [FRAME(T_R12)], r12
    mov     [FRAME(T_R13)], r13
    mov     [FRAME(T_R14)], r14
    mov     [FRAME(T_R15)], r15
    mov     r8, [gs:L_THREAD]
    lea     rcx, [run_queue]        ; its first, r9, leaves it
    mov     r9, [rcx]
    mov     rax, [r9]
    mov     [rcx], rax
    mov     [rax + 8], rcx
    mov     word [r9 + T_STATE - T_RUN_LINK], GOES
    PLACE   %2, ecx                 ; the thread, r8, is the last in the word's place
    mov     rax, [abs qword MM_MM]
    mov     [r8 + T_AT], %1
    mov     [r8 + T_OBJECT], rax
    mov     dword [r8 + T_BITS], -1
    lea     rcx, [rax + rcx + MM_FUTEXES]
    lea     rax, [r8 + T_WATCH]
    mov     rdx, [rcx + 8]
    mov     [rax], rcx
    mov     [rax + 8], rdx
    mov     [rdx], rax
    mov     [rcx + 8], rax
    mov     qword [r8 + T_STATE], SLEEPS
    sub     r9, T_RUN_LINK          ; the CPU is r9's
    rdtsc
    shl     rdx, 32
    or      rax, rdx
    mov     rcx, rax
    sub     rcx, [sched + S_SINCE]
    add     [r8 + T_RUN_TICKS], rcx
    mov     [sched + S_SINCE], rax
    mov     [sched + S_RUNNING], r9
    mov     rax, [r8 + T_HOLDER]
    mov     [rax], r9
    rdfsbase rax
    mov     [FRAME(FS_BASE)], rax
    %3
    lea     rax, [.awake]           ; thread_switch (entry.asm), within a process
    push    rax
    push    rbp
    mov     [r8 + T_PARKED], rsp
    mov     rax, [r9 + T_STACK_TOP]
    mov     rsp, [r9 + T_PARKED]
    mov     [gs:L_STACK], rax
    mov     [gs:L_THREAD], r9
    mov     qword [r9 + T_PARKED], 0
    pop     rbp
    ret
.not_meant:
    mov     rdi, rcx
    call    sched_not_meant
.awake:
    mov     rcx, [gs:L_THREAD]
    cmp     byte [rcx + T_GO], 0
    je      .not_meant
    %4
    mov     rax, [FRAME(FS_BASE)]
    wrfsbase rax
    mov     rbx, [FRAME(T_RBX)]
    mov     r12, [FRAME(T_R12)]
    mov     r13, [FRAME(T_R13)]
    mov     r14, [FRAME(T_R14)]
    mov     r15, [FRAME(T_R15)]
    movsxd  rax, dword [rcx + T_WAKE_REASON]
%endmacro

; Of a function's caller nothing but the floating-point environments is kept; what FLDENV loads says that the x87 registers are empty.
%macro ENVIRONMENT_SAVE 0
    fnstenv [FRAME(ENVIRONMENT)]
    stmxcsr [FRAME(MXCSR)]
%endmacro
%macro ENVIRONMENT_RESTORE 0
    fldenv  [FRAME(ENVIRONMENT)]
    ldmxcsr [FRAME(MXCSR)]
%endmacro

%macro VECTORS_SAVE 0
    mov     rcx, [r8 + T_VECTORS]
    mov     eax, -1
    cdq
    xsave64 [rcx]
%endmacro
%macro VECTORS_RESTORE 0
    mov     r8, [rcx + T_VECTORS]
    mov     eax, -1
    cdq
    xrstor64 [r8]
%endmacro

; From gate_syscall. rsi, rdx, rcx, r8: the word, the operation, the number or value, the time.
align 16
futex_linked:
    cmp     edx, WAKE_PRIVATE
    jne     .no_wake
    WAKE    rsi, esi, ecx, r10, r10d
    dec     dword [gs:U_CRIT]
    cmp     dword [gs:U_PENDING], 0
    jne     .pending
    ret
.pending:
    pop     rcx
    jmp     leave_pending
.no_wake:
    cmp     edx, WAIT_PRIVATE
    jne     .long
    LOOK    rsi, sil, ecx, r8, r10
.return:
    pop     r11
    COUNT_CALL
    mov     r10, [gs:L_STACK]
    mov     [r10 - T_RSP], rsp
    mov     [r10 - T_RIP], r11
    mov     qword [r10 - T_ORIG], LX_futex
    lea     rsp, [r10 - CALL_BYTES]
    mov     qword [rsp], CALL_BY_GATE
    mov     [rsp + 8], rsi
    mov     [rsp + 16], rdx
    mov     [rsp + 24], rcx
    mov     [rsp + 32], r8
    SLEEP   rsi, esi, ENVIRONMENT_SAVE, ENVIRONMENT_RESTORE
    cmp     dword [rcx], 0
    jne     attention
    jmp     gate_syscall.done
.long:
    jmp     gate_syscall.full
    MAY_FAULT .return, .long

; From foreign_entry. rdi, rsi, rdx, r10: the same.
align 16
futex_foreign:
    cmp     esi, WAKE_PRIVATE
    jne     .no_wake
    WAKE    rdi, edi, edx, rcx, ecx
    mov     rcx, [gs:U_FOREIGN_RIP]
    LEAVE
.no_wake:
    cmp     esi, WAIT_PRIVATE
    jne     .long
    LOOK    rdi, dil, edx, r10, rcx
    COUNT_CALL
    mov     r11, [gs:L_STACK]
    mov     rcx, [gs:U_FOREIGN_RIP]
    mov     [r11 - T_RSP], rsp
    mov     [r11 - T_RIP], rcx
    mov     qword [r11 - T_ORIG], LX_futex
    lea     rsp, [r11 - CALL_BYTES]
    mov     qword [rsp], CALL_BY_TRAP
    mov     [rsp + 8], rdi
    mov     [rsp + 16], rsi
    mov     [rsp + 24], rdx
    mov     [rsp + 32], r10
    mov     [rsp + 40], r8
    mov     [rsp + 48], r9
    SLEEP   rdi, edi, VECTORS_SAVE, VECTORS_RESTORE
    cmp     dword [rcx], 0
    jne     attention
    jmp     foreign_entry.done
.long:
    mov     eax, LX_futex
    jmp     foreign_entry.full

section .ex_table progbits alloc noexec nowrite align=4
