; call.asm: the ways of a program's calls into the library and back.
;
; In:   foreign_entry (an unmodified program's `syscall`), gate_syscall and the shorter entries of the gate table (a linked program's call).
;       The first two are there twice: where protection keys guard the library's memory (start/keys.h), and where they do not.
; Out:  a jump to behind the call; with a signal waiting, by resume (entry.asm) or into the signal's handler.
;
; Assembled once more for several CPUs, as entry.asm is.
;
; The registers that C preserves are the program's all the time. struct call_frame at the top of the library stack holds what else the way
; back needs; the rest of it is filled in when somebody looks (attention).

bits 64
default rel

%include "start/entry.inc"

extern slice_main, attention_main, linux_rare, lx_calls, wall_offset_ns, gate_table
extern resume

global foreign_entry, foreign_entry_keyed, gate_syscall, gate_syscall_keyed, enter_handler
%ifndef MANY
global gate_clock_gettime, gate_getpid
extern futex_foreign, futex_linked
global foreign_entry.full, foreign_entry.done, gate_syscall.full, gate_syscall.done, leave_pending, attention
%endif

section .rodata
align 8
program_top:                        ; no program's address is at or above it
    dq      IMAGE_SLOT << 39
per_second:                         ; SPLIT_SECONDS
    dq      0x44b82fa09b5a53

section .text.entry progbits alloc exec nowrite align=16

; Calls the handler of call rax, with the arguments at [rsp + 8]: .done is behind it, CALL_FAR its out-of-line part. On several CPUs it takes the
; library's turn, but for calls that are made beside whoever is there (abi/beside.c).
%ifdef MANY
%macro CALL_HANDLER 0
    cmp     rax, LX_NUMBERS
    jae     .beyond
    lea     rdx, [lx_calls]
    lea     rdx, [rdx + rax * 8]
    cmp     qword [rdx + LX_BESIDE], 0
    jne     .beside
    TURN_TRY .long_way_in
.inside:
    mov     dword [gs:L_INSIDE], TURN_HELD
    inc     qword [rdx + LX_COUNT]
    lea     rdi, [rsp + 8]
    call    [rdx]
.called:
    mov     rcx, [gs:L_THREAD]
    cmp     dword [rcx], 0
    jne     attention
    TURN_GIVE .long_way_out, .wake
.done:
%endmacro
%macro CALL_FAR 0
.beside:
    lock inc qword [rdx + LX_COUNT]
    lea     rdi, [rsp + 8]
    call    [rdx + LX_BESIDE]
    jmp     .done
.long_way_in:
    call    turn_enter_program
    mov     rax, [rsp + CALL_BYTES - T_ORIG]
    lea     rdx, [lx_calls]
    lea     rdx, [rdx + rax * 8]
    jmp     .inside
.long_way_out:
    mov     [rsp], rax
    call    turn_leave
    mov     rax, [rsp]
    jmp     .done
.wake:
    mov     [rsp], rax
    call    turn_wake_sleeper
    mov     rax, [rsp]
    jmp     .done
.beyond:                            ; a number that is in no table
    call    turn_enter_program
    lea     rdi, [rsp + 8]
    call    linux_rare
    jmp     .called
%endmacro
%else
%macro CALL_HANDLER 0
    cmp     rax, LX_NUMBERS
    jae     .beyond
    lea     rcx, [lx_calls]
    inc     qword [rcx + rax * 8 + LX_COUNT]
    lea     rdi, [rsp + 8]
    call    [rcx + rax * 8]
.called:
    mov     rcx, [gs:L_THREAD]
    cmp     dword [rcx], 0
    jne     attention
.done:
%endmacro
%macro CALL_FAR 0
.beyond:                            ; a number that is in no table
    lea     rdi, [rsp + 8]
    call    linux_rare
    jmp     .called
%endmacro
%endif

; Call %1 has a short way %2 (thread/futex.asm) where one CPU runs the session and no keys are used (%3).
%macro SHORT_WAY 3
%ifndef MANY
%if !%3
    cmp     %1, LX_futex
    je      %2
%endif
%endif
%endmacro

; The clocks that are read most: nanoseconds since boot, and of the day, in rax. Spoil rdx and r11.
%macro READ_MONOTONIC 0
    rdtsc
    mov     r11, INFO
    shl     rdx, 32
    or      rax, rdx
    sub     rax, [r11 + I_TSC_BASE]
    mul     qword [r11 + I_TSC_MULT]
    shrd    rax, rdx, 32
%endmacro
%macro READ_REALTIME 0
    READ_MONOTONIC
    add     rax, [r11 + I_WALL_NS]
    add     rax, [wall_offset_ns]
%endmacro

; Seconds in rdx, nanoseconds in rcx. Spoils rax. Division by 10^9: (ns >> 9) * (2^75 / (10^9 >> 9) + 1) >> 75, exact for all 64-bit
; values (the constant that compilers use).
%macro SPLIT_SECONDS 0
    mov     rcx, rax
    shr     rax, 9
    mul     qword [per_second]
    shr     rdx, 11
    imul    rax, rdx, NSEC_PER_SEC
    sub     rcx, rax
%endmacro

; An unmodified program's system call, bounced by the kernel: the counter is raised, rcx and r11 are free, rsp is the program's. What the call
; must preserve is in its arguments, or survives C. %2: keys are used.
%macro FOREIGN_ENTRY 2
align 16
%1:
    cmp     eax, LX_getpid
    je      .getpid
    cmp     eax, LX_clock_gettime
    je      .clock
    SHORT_WAY rax, futex_foreign, %2
.full:
%if %2
    SET_KEYS 0
%endif
    mov     r11, [gs:L_STACK]
    mov     rcx, [gs:U_FOREIGN_RIP]
    mov     [r11 - T_RSP], rsp
    mov     [r11 - T_RIP], rcx
    mov     [r11 - T_ORIG], rax
    lea     rsp, [r11 - CALL_BYTES]
    mov     qword [rsp], CALL_BY_TRAP
    mov     [rsp + 8], rdi
    mov     [rsp + 16], rsi
    mov     [rsp + 24], rdx
    mov     [rsp + 32], r10
    mov     [rsp + 40], r8
    mov     [rsp + 48], r9
    CALL_HANDLER
    mov     rdi, [rsp + 8]
    mov     rsi, [rsp + 16]
    mov     rdx, [rsp + 24]
    mov     r10, [rsp + 32]
    mov     r8, [rsp + 40]
    mov     r9, [rsp + 48]
    mov     rcx, [rsp + CALL_BYTES - T_RIP]
    mov     rsp, [rsp + CALL_BYTES - T_RSP]
%if %2
    SET_KEYS [pkru_closed]
%endif
    LEAVE
    CALL_FAR
.getpid:                            ; nothing of the library's is written: its memory stays closed
    mov     eax, [gs:L_PID]
    mov     rcx, [gs:U_FOREIGN_RIP]
    LEAVE
.clock:
    cmp     rsi, [program_top]
    jae     .full
    cmp     edi, CLOCK_MONOTONIC
    jne     .other_clock
    mov     [gs:L_SAVED], rdx
    READ_MONOTONIC
.split:
    SPLIT_SECONDS
.seconds:
    mov     [rsi], rdx
.nanoseconds:
    mov     [rsi + 8], rcx
    mov     rdx, [gs:L_SAVED]
    mov     rcx, [gs:U_FOREIGN_RIP]
    xor     eax, eax
    LEAVE
.other_clock:
    test    edi, edi
    jnz     .full
    mov     [gs:L_SAVED], rdx
    READ_REALTIME
    jmp     .split
.clock_faulted:                     ; the long way serves the fault, or answers EFAULT
    mov     rdx, [gs:L_SAVED]
    mov     eax, LX_clock_gettime
    jmp     .full
    MAY_FAULT .seconds, .clock_faulted
    MAY_FAULT .nanoseconds, .clock_faulted
%endmacro

FOREIGN_ENTRY foreign_entry, 0
FOREIGN_ENTRY foreign_entry_keyed, 1

; A slice ended during the call. As if the upcall had come at the instruction after it.
leave_pending:
    inc     dword [gs:U_CRIT]
    OPEN_KEYS
    mov     [gs:L_RSP], rsp
    mov     rsp, [gs:L_STACK]
    push    USER_SS
    push    qword [gs:L_RSP]
    push    RFLAGS_PLAIN
    push    USER_CS
    push    rcx
    push    -1
    PUSH_GENERAL rcx, r11
    TURN_ENTER
    mov     rdi, rsp
    xor     ebp, ebp
    sub     rsp, 8
    call    slice_main
    add     rsp, 8
    jmp     resume

; A signal or worse waits at the end of a call; rax: its result. Completes struct regs, if the call has not replaced them all, then takes it.
attention:
    mov     rdx, [gs:L_STACK]
    cmp     qword [rdx - T_ORIG], -1
    je      .complete
    mov     [rdx - T_RAX], rax
    mov     qword [rdx - T_SS], USER_SS
    mov     qword [rdx - T_RFLAGS], RFLAGS_PLAIN
    mov     qword [rdx - T_CS], USER_CS
    mov     [rdx - T_RBX], rbx
    mov     [rdx - T_RBP], rbp
    mov     [rdx - T_R12], r12
    mov     [rdx - T_R13], r13
    mov     [rdx - T_R14], r14
    mov     [rdx - T_R15], r15
    mov     qword [rdx - T_R11], RFLAGS_PLAIN
.complete:
    lea     rdi, [rdx - REGS_BYTES]
    lea     rsi, [rsp + 8]
    xor     ebp, ebp
    call    attention_main
    add     rsp, CALL_BYTES - REGS_BYTES
    test    al, al
    jz      resume

; A signal's frame has been made, and the registers that C preserves are the program's. rsp points to struct regs. What else a handler finds in
; its registers is of no importance.
enter_handler:
    TURN_LEAVE
    mov     rdi, [rsp + REGS_BYTES - T_RDI]
    mov     rsi, [rsp + REGS_BYTES - T_RSI]
    mov     rdx, [rsp + REGS_BYTES - T_RDX]
    mov     rcx, [rsp + REGS_BYTES - T_RIP]
    mov     rbp, [rsp + REGS_BYTES - T_RBP]
    mov     rsp, [rsp + REGS_BYTES - T_RSP]
    xor     eax, eax
    CLOSE_KEYS
    LEAVE

; long syscall(long n, long a, long b, long c, long d, long e, long f): a linked program's call, as a C function. rdx comes back as it was.
; %2: keys are used.
%macro LINKED_ENTRY 2
align 16
%1:
    inc     dword [gs:U_CRIT]
    SHORT_WAY rdi, futex_linked, %2
.full:
%if %2
    SET_KEYS 0
%endif
.return:
    pop     r11
.sixth:
    mov     rax, [rsp]
    mov     r10, [gs:L_STACK]
    mov     [r10 - T_RSP], rsp
    mov     [r10 - T_RIP], r11
    mov     [r10 - T_ORIG], rdi
    lea     rsp, [r10 - CALL_BYTES]
    mov     qword [rsp], CALL_BY_GATE
    mov     [rsp + 8], rsi
    mov     [rsp + 16], rdx
    mov     [rsp + 24], rcx
    mov     [rsp + 32], r8
    mov     [rsp + 40], r9
    mov     [rsp + 48], rax
    mov     rax, rdi
    CALL_HANDLER
    mov     rdx, [rsp + 16]
    mov     rcx, [rsp + CALL_BYTES - T_RIP]
    mov     rsp, [rsp + CALL_BYTES - T_RSP]
%if %2
    SET_KEYS [pkru_closed]
%endif
    LEAVE
    CALL_FAR
.no_sixth:
    sub     rsp, 8
.no_stack:                          ; as the program: its stack is fetched, or the fault is its own
%if %2
    SET_KEYS [pkru_closed]
%endif
    dec     dword [gs:U_CRIT]
    mov     r11, [rsp]
    mov     rax, [rsp + 8]
    inc     dword [gs:U_CRIT]
    jmp     .full
    MAY_FAULT .return, .no_stack
    MAY_FAULT .sixth, .no_sixth
%endmacro

LINKED_ENTRY gate_syscall, 0
LINKED_ENTRY gate_syscall_keyed, 1

%ifndef MANY
gate_getpid:
    mov     eax, [gs:L_PID]
    ret

; long clock_gettime(int clock, struct timespec *to): as a C function. Like a vDSO it runs as the program: a fault at its stores, or the end of
; a slice, is the program's.
align 16
gate_clock_gettime:
    cmp     rsi, [program_top]
    jae     .long
    cmp     edi, CLOCK_MONOTONIC
    jne     .other_clock
    READ_MONOTONIC
.split:
    SPLIT_SECONDS
    mov     [rsi], rdx
    mov     [rsi + 8], rcx
    xor     eax, eax
    ret
.other_clock:
    test    edi, edi
    jnz     .long
    READ_REALTIME
    jmp     .split
.long:
    mov     rdx, rsi
    movsxd  rsi, edi
    mov     edi, LX_clock_gettime
    jmp     [gate_table + GATE_SYSCALL]
%endif

section .ex_table progbits alloc noexec nowrite align=4
