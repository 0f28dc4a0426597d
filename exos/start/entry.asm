; entry.asm: the ways into the library other than by a call (call.asm), and out of it.
;
; In:   _start (a new env), fault_entry and slice_entry (upcalls), thread_park and thread_switch (from where another env or thread went on).
; Out:  resume (all registers, by popfq and a jump: `iretq` in ring 3 faults under QEMU 7.2's TCG when SMAP is on, and costs more).
;
; Assembled twice: for one CPU, and with MANY (entry_many.asm) for several, where each way in takes the library's turn and each way out gives
; it up (thread/turn.c).
;
; The library runs with the critical counter raised, on the thread's library stack, whose top holds the program's registers (struct regs).
; Program stacks are never touched: they may be tiny, and the red zone lies below them. While a program runs, the library stack is empty.
; The handler stack is used for a few instructions at each upcall only.

bits 64
default rel

%include "start/entry.inc"

extern start_main, process_start, fault_main, slice_main, library_fault_main, nested_fault_main
extern enter_handler, pager_fault, pager_nested

global fault_entry, fault_entry.program, nested.program, slice_entry, resume

section .text.entry progbits alloc exec nowrite align=16

%ifndef MANY
extern resume_way
global _start, resume_program, restart_process, thread_park, thread_unpark, thread_switch, resume_open

_start:
    xor     ebp, ebp
    call    start_main
    ud2
%endif

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
    mov     rcx, [gs:F_RIP]
    shr     rcx, 39
    cmp     ecx, IMAGE_SLOT
    je      .library
.paged:
    mov     rcx, MM_PAGER
    mov     r11, [gs:F_CR2]         ; 0 where it was no page fault
    mov     rcx, [rcx]
    sub     r11, [rcx + PG_START]
    cmp     r11, [rcx + PG_BYTES]
    jb      pager_fault
.program:
    TAKE_UPCALL
    inc     dword [gs:U_CRIT]
    TURN_ENTER
    mov     rdi, rsp
    mov     rsi, [gs:F_VECTOR]
    mov     rdx, [gs:F_ERROR]
    mov     rcx, [gs:F_CR2]
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
    je      .paged
    jmp     library_fault

; Where the library holds nothing, the program has spoilt its own UENV or handler stack: Aegis finds no room for another upcall and stops the
; env, and the housekeeper ends the process. Else it is a bug of ours.
nested:
    cmp     dword [gs:U_CRIT], 0
    jne     .bug
    jmp     pager_nested            ; or back here
.program:
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
    push    qword [gs:F_RFLAGS]
    mov     dword [gs:U_DEPTH], 0
    popfq
    mov     rsp, [gs:F_RSP]         ; perhaps the program's (call.asm): nothing is written there
    jmp     [gs:F_RIP]

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
    inc     dword [gs:U_CRIT]
    mov     dword [gs:U_DEPTH], 0
    TURN_ENTER
    mov     rdi, rsp
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

; rsp points to struct regs at the top of the library stack.
resume:
    TURN_LEAVE
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
    TURN_ENTER
    mov     rdi, rsp
    sub     rsp, 8
    call    slice_main
    add     rsp, 8
    jmp     resume

; From thread rdi to thread rsi in the same env.
%macro SWITCH 0
    push    rbp
    mov     [rdi + T_PARKED], rsp
    mov     rcx, [rsi + T_STACK_TOP]
    mov     edx, [rsi + T_PID]
    mov     rsp, [rsi + T_PARKED]
    mov     [gs:L_STACK], rcx
    mov     [gs:L_PID], edx
    mov     [gs:L_THREAD], rsi
    mov     qword [rsi + T_PARKED], 0
    pop     rbp
%endmacro

%ifndef MANY
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
    jmp     [resume_way]

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
    SWITCH
    ret
%endif
