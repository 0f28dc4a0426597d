; entry.asm: every way into the library and out of it.
;
; In:   _start (a new env), fault_entry and slice_entry (upcalls), foreign_entry (an unmodified program's `syscall`), gate_syscall (a
;       linked program's call).
; Out:  resume (all registers, by popfq and a jump: `iretq` in ring 3 faults under QEMU 7.2's TCG when SMAP is on, and costs more) and leave
;       (a jump, after a call).
;
; The library runs with the critical counter raised, on the thread's library stack, whose top holds the program's registers (struct regs).
; Program stacks are never touched: they may be tiny, and the red zone lies below them. While a program runs, the library stack is empty.
; The handler stack is used for a few instructions at each upcall only.

bits 64
default rel

%include "start/entry.inc"

extern start_main, process_start, fault_main, slice_main, library_fault_main, nested_fault_main
extern linux_dispatch, attention_main, lx_direct, lx_counts, wall_offset_ns

global _start, fault_entry, slice_entry, foreign_entry, gate_syscall, gate_clock_gettime, gate_getpid, resume_program, restart_process
global thread_park, thread_unpark, thread_switch, resume, resume_open

section .text.entry progbits alloc exec nowrite align=16

_start:
    xor     ebp, ebp
    call    start_main
    ud2

; The general registers of struct regs below orig_rax, rcx and r11 from the upcall frame.
%macro PUSH_GENERAL 2
    push    rdi
    push    rsi
    push    rdx
    push    %1
    push    rax
    push    r8
    push    r9
    push    r10
    push    %2
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    push    r15
%endmacro

; An upcall out of the program: struct regs at the top of the library stack, critical, no upcall frame in use.
%macro TAKE_UPCALL 0
    OPEN_KEYS
    mov     rsp, [gs:L_STACK]
    push    USER_SS
    push    qword [gs:F_RSP]
    push    qword [gs:F_RFLAGS]
    push    USER_CS
    push    qword [gs:F_RIP]
    push    -1
    PUSH_GENERAL qword [gs:F_RCX], qword [gs:F_R11]
%endmacro

align 16
fault_entry:
    cmp     dword [gs:U_DEPTH], 1
    jne     nested
    push    rax
    mov     rax, [gs:F_RIP]
    shr     rax, 39
    cmp     eax, IMAGE_SLOT
    pop     rax
    je      .library
.program:
    TAKE_UPCALL
    mov     rdi, rsp
    mov     rsi, [gs:F_VECTOR]
    mov     rdx, [gs:F_ERROR]
    mov     rcx, [gs:F_CR2]
    inc     dword [gs:U_CRIT]
    mov     dword [gs:U_DEPTH], 0
    xor     ebp, ebp
    sub     rsp, 8
    call    fault_main
    add     rsp, 8
    test    al, al
    jz      resume
    jmp     enter_handler

.library:                           ; a program that strayed into the library's text is still a program
    cmp     dword [gs:U_CRIT], 0
    je      .program
    jmp     library_fault

; Where the library holds nothing, the program has spoilt its own UENV or handler stack: Aegis finds no room for another upcall and stops the
; env, and the housekeeper ends the process. Else it is a bug of ours.
nested:
    cmp     dword [gs:U_CRIT], 0
    jne     .bug
    mov     dword [gs:U_DEPTH], U_DEPTH_MAX
    ud2
.bug:
    OPEN_KEYS
    mov     edi, [gs:U_DEPTH]
    and     rsp, -16
    call    nested_fault_main
    ud2

; A fault of the library itself: only the user-memory routines may have one. The counter is raised: no upcall comes until we are back.
library_fault:
    OPEN_KEYS
    push    rax
    push    rcx
    push    rdx
    push    rsi
    push    rdi
    push    r8
    push    r9
    push    r10
    push    r11
    push    rbp
    mov     rbp, [gs:F_RIP]         ; a backtrace starts in the faulting function
    push    rbp
    mov     rbp, rsp
    and     rsp, -16
    call    library_fault_main      ; gives where to go on
    mov     rsp, rbp
    mov     [gs:F_RIP], rax
    pop     rbp
    pop     rbp
    pop     r11
    pop     r10
    pop     r9
    pop     r8
    pop     rdi
    pop     rsi
    pop     rdx
    pop     rcx
    pop     rax
    mov     rcx, [gs:F_RCX]
    mov     r11, [gs:F_R11]
    mov     rsp, [gs:F_RSP]         ; the library has no red zone
    push    qword [gs:F_RIP]
    push    qword [gs:F_RFLAGS]
    mov     dword [gs:U_DEPTH], 0
    popfq
    ret

align 16
slice_entry:
    push    rax
    push    rcx
    mov     rax, [gs:F_RIP]
    lea     rcx, [resume_open]
    sub     rax, rcx
    cmp     rax, resume_closed - resume_open
    pop     rcx
    pop     rax
    jb      .on_the_way_out
    TAKE_UPCALL
.taken:
    mov     rdi, rsp
    inc     dword [gs:U_CRIT]
    mov     dword [gs:U_DEPTH], 0
    xor     ebp, ebp
    sub     rsp, 8
    call    slice_main
    add     rsp, 8
    jmp     resume
.on_the_way_out:                    ; flags, rsp and ss still lie where resume took them from
    OPEN_KEYS
    mov     rsp, [gs:L_STACK]
    lea     rsp, [rsp - R_TAIL]
    push    USER_CS
    push    qword [gs:L_RIP]
    push    -1
    PUSH_GENERAL qword [gs:F_RCX], qword [gs:F_R11]
    jmp     .taken

; The handler of call rdi, with the arguments at [rsp + 8], or linux_dispatch, which %1 calls.
%macro CALL_HANDLER 1
    lea     rsi, [rsp + 8]
    cmp     rdi, LX_NUMBERS
    jae     %1
    mov     rax, [lx_direct]
    lea     rcx, [lx_counts]
    mov     rax, [rax + rdi * 8]
    test    rax, rax
    jz      %1
    inc     qword [rcx + rdi * 8]
    mov     rdi, rsi
    call    rax
%endmacro

; Is the clock in edi one of the two that are read most, and the address in rsi a program's? Else to %1. Spoils rcx.
%macro CHECK_CLOCK 1
    cmp     edi, CLOCK_MONOTONIC
    ja      %1
    mov     rcx, rsi
    shr     rcx, 39
    cmp     ecx, IMAGE_SLOT
    jae     %1
%endmacro

; The time of clock edi: seconds in rdx, nanoseconds in rcx. Spoils rax and r11. Division by 10^9: (ns >> 9) * (2^75 / (10^9 >> 9) + 1) >> 75,
; exact for all 64-bit values (the constant that compilers use).
%macro READ_CLOCK 0
    rdtsc
    mov     r11, INFO
    shl     rdx, 32
    or      rax, rdx
    sub     rax, [r11 + I_TSC_BASE]
    mul     qword [r11 + I_TSC_MULT]
    shrd    rax, rdx, 32
    test    edi, edi
    jnz     %%monotonic
    add     rax, [r11 + I_WALL_NS]
    add     rax, [wall_offset_ns]
%%monotonic:
    mov     rcx, rax
    shr     rax, 9
    mov     r11, 0x44b82fa09b5a53
    mul     r11
    shr     rdx, 11
    imul    rax, rdx, NSEC_PER_SEC
    sub     rcx, rax
%endmacro

; rsp points to struct regs at the top of the library stack.
resume:
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    pop     r11
    pop     r10
    pop     r9
    pop     r8
    pop     rax
    pop     rcx
    pop     rdx
    pop     rsi
    pop     rdi
    lea     rsp, [rsp + 8]
    pop     qword [gs:L_RIP]
    lea     rsp, [rsp + 8]
    push    qword [rsp + 8]
    pop     qword [gs:L_RSP]
    CLOSE_KEYS
    dec     dword [gs:U_CRIT]
resume_open:                        ; from here an upcall may come; slice_entry knows the range
    cmp     dword [gs:U_PENDING], 0
    jne     .pending
    popfq
    mov     rsp, [gs:L_RSP]
    jmp     [gs:L_RIP]
.pending:
    inc     dword [gs:U_CRIT]
resume_closed:
    OPEN_KEYS
    push    USER_CS
    push    qword [gs:L_RIP]
    push    -1
    PUSH_GENERAL rcx, r11
    mov     rdi, rsp
    sub     rsp, 8
    call    slice_main
    add     rsp, 8
    jmp     resume

; An env that was some other process' starts again: rdi: struct proc.
restart_process:
    mov     rsp, [gs:L_STACK]
    sub     rsp, REGS_ROOM
    xor     ebp, ebp
    call    process_start
    ud2

; The program starts, or goes on with registers that were put together: struct regs at the top of the library stack hold them.
resume_program:
    mov     rsp, [gs:L_STACK]
    sub     rsp, REGS_BYTES
    jmp     resume

; thread_park (entry.h), rdi: env. What goes on here is on the stack, and where it is on the stack is in session memory: should this env end
; meanwhile, another one goes on from there (thread_unpark, proc/kill.c). The caller keeps no registers but rbp.
thread_park:
    push    rbp
    mov     rax, [gs:L_THREAD]
    mov     [rax + T_PARKED], rsp
    mov     esi, CAP_SELF
    mov     eax, SYS_YIELD
    syscall
.back:
    mov     rdx, [gs:L_THREAD]
    mov     qword [rdx + T_PARKED], 0
    pop     rbp
    ret

thread_unpark:
    mov     rsp, rdi
    xor     eax, eax
    jmp     thread_park.back

; thread_switch (entry.h), rdi: from, rsi: to. Both are threads of this env. As above, but without the kernel.
thread_switch:
    push    rbp
    mov     eax, [gs:L_LINKED]
    mov     [rdi + T_LINKED], eax
    mov     [rdi + T_PARKED], rsp
    mov     eax, [rsi + T_LINKED]
    mov     rcx, [rsi + T_STACK_TOP]
    mov     edx, [rsi + T_PID]
    mov     [gs:L_LINKED], eax
    mov     [gs:L_STACK], rcx
    mov     [gs:L_PID], edx
    mov     [gs:L_THREAD], rsi
    mov     rsp, [rsi + T_PARKED]
    jmp     thread_park.back

; An unmodified program's system call, bounced by the kernel: the counter is raised, rcx and r11 are free, rsp is the program's.
; What the call must preserve is in its arguments, or survives C; the rest of struct regs is filled in when somebody looks (attention).
align 16
foreign_entry:
    cmp     eax, LX_getpid
    je      .getpid
    cmp     eax, LX_clock_gettime
    je      .clock
.full:
    OPEN_KEYS
    mov     r11, rsp
    mov     rsp, [gs:L_STACK]
    mov     rcx, [gs:U_FOREIGN_RIP]
    mov     dword [gs:L_LINKED], 0
    mov     [rsp - T_RSP], r11
    mov     [rsp - T_RIP], rcx
    mov     [rsp - T_ORIG], rax
    sub     rsp, CALL_BYTES
    mov     [rsp + 8], rdi
    mov     [rsp + 16], rsi
    mov     [rsp + 24], rdx
    mov     [rsp + 32], r10
    mov     [rsp + 40], r8
    mov     [rsp + 48], r9
    mov     rdi, rax
    CALL_HANDLER .rare
.called:
    mov     rcx, [gs:L_THREAD]
    cmp     dword [rcx], 0
    jne     attention
    mov     rdi, [rsp + 8]
    mov     rsi, [rsp + 16]
    mov     rdx, [rsp + 24]
    mov     r10, [rsp + 32]
    mov     r8, [rsp + 40]
    mov     r9, [rsp + 48]
    mov     rcx, [rsp + CALL_BYTES - T_RIP]
    mov     rsp, [rsp + CALL_BYTES - T_RSP]
    jmp     leave_call
.rare:
    call    linux_dispatch
    jmp     .called
.getpid:                            ; nothing of the library's is written: its memory stays closed
    mov     eax, [gs:L_PID]
    mov     rcx, [gs:U_FOREIGN_RIP]
    jmp     leave_closed

; Back to the program after a call. rcx: where to; all else is the program's.
leave_call:
    CLOSE_KEYS
leave_closed:
    dec     dword [gs:U_CRIT]
    cmp     dword [gs:U_PENDING], 0
    jne     leave_pending
    jmp     rcx

foreign_entry.clock:
    CHECK_CLOCK foreign_entry.full
    mov     [gs:L_SAVED], rdx
    READ_CLOCK
foreign_entry.clock_seconds:
    mov     [rsi], rdx
foreign_entry.clock_nanoseconds:
    mov     [rsi + 8], rcx
    mov     rdx, [gs:L_SAVED]
    mov     rcx, [gs:U_FOREIGN_RIP]
    xor     eax, eax
    jmp     leave_closed
foreign_entry.clock_faulted:        ; the long way serves the fault, or answers EFAULT
    mov     rdx, [gs:L_SAVED]
    mov     eax, LX_clock_gettime
    jmp     foreign_entry.full

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
    mov     rdi, [rsp + REGS_BYTES - T_RDI]
    mov     rsi, [rsp + REGS_BYTES - T_RSI]
    mov     rdx, [rsp + REGS_BYTES - T_RDX]
    mov     rcx, [rsp + REGS_BYTES - T_RIP]
    mov     rbp, [rsp + REGS_BYTES - T_RBP]
    mov     rsp, [rsp + REGS_BYTES - T_RSP]
    xor     eax, eax
    jmp     leave_call

; long syscall(long n, long a, long b, long c, long d, long e, long f): a linked program's call, as a C function. rdx comes back as it was.
align 16
gate_syscall:
    inc     dword [gs:U_CRIT]
    OPEN_KEYS
    mov     rax, rsp
    mov     rsp, [gs:L_STACK]
    mov     dword [gs:L_LINKED], 1
    lea     r10, [rax + 8]
    mov     r11, [rax]
    mov     rax, [rax + 8]
    mov     [rsp - T_RSP], r10
    mov     [rsp - T_RIP], r11
    mov     [rsp - T_ORIG], rdi
    sub     rsp, CALL_BYTES
    mov     [rsp + 8], rsi
    mov     [rsp + 16], rdx
    mov     [rsp + 24], rcx
    mov     [rsp + 32], r8
    mov     [rsp + 40], r9
    mov     [rsp + 48], rax
    CALL_HANDLER .rare
.called:
    mov     rcx, [gs:L_THREAD]
    cmp     dword [rcx], 0
    jne     attention
    mov     rdx, [rsp + 16]
    mov     rcx, [rsp + CALL_BYTES - T_RIP]
    mov     rsp, [rsp + CALL_BYTES - T_RSP]
    CLOSE_KEYS
    dec     dword [gs:U_CRIT]
    cmp     dword [gs:U_PENDING], 0
    jne     leave_pending
    jmp     rcx
.rare:
    call    linux_dispatch
    jmp     .called

gate_getpid:
    mov     eax, [gs:L_PID]
    ret

; long clock_gettime(int clock, struct timespec *to): as a C function. Like a vDSO it runs as the program: a fault at its stores, or the end of
; a slice, is the program's.
align 16
gate_clock_gettime:
    CHECK_CLOCK .long
    READ_CLOCK
    mov     [rsi], rdx
    mov     [rsi + 8], rcx
    xor     eax, eax
    ret
.long:
    mov     rdx, rsi
    movsxd  rsi, edi
    mov     edi, LX_clock_gettime
    jmp     gate_syscall

; Where foreign_entry.clock goes on when the program's memory is not there (base/uaccess.h).
section .ex_table progbits alloc noexec nowrite align=4
    dd      foreign_entry.clock_seconds - $
    dd      foreign_entry.clock_faulted - $ + 4
    dd      foreign_entry.clock_nanoseconds - $
    dd      foreign_entry.clock_faulted - $ + 4
