; entry_many.asm: the ways into the library and out of it where several CPUs run the session: entry.asm once more, with the library's turn
; taken and given up, and what of it is different altogether.

%define MANY
%define fault_entry             fault_entry_many
%define slice_entry             slice_entry_many
%define enter_handler           enter_handler_many
%define resume                  resume_many
%define nested                  nested_many
%define pager_fault             pager_fault_many
%define pager_nested            pager_nested_many
%include "start/entry.asm"

extern turn_send, turn_failed, sigreturn_long
global thread_park_many, thread_switch_many, thread_unpark_many, gate_sigreturn_many, lx_rt_sigreturn_many

section .text.entry

; As thread_park. Whoever is meant may be put into this env, where it goes on without the kernel; and what comes back from the kernel is whichever
; thread the env has been given to meanwhile.
thread_park_many:
    push    rbp
    mov     rax, [gs:L_THREAD]
    mov     [rax + T_PARKED], rsp
.again:
    call    turn_send
    test    rax, rax
    jz      thread_unpark_many
    mov     rdi, rax
    mov     esi, CAP_SELF
    mov     eax, SYS_YIELD
    syscall
    test    rax, rax
    jz      thread_unpark_many
    mov     rdi, rax                ; the env has not been away
    call    turn_failed
    cmp     rax, -1
    je      .again
    jmp     thread_unpark_many.back

thread_unpark_many:
    mov     rdx, [gs:L_THREAD]
    mov     rsp, [rdx + T_PARKED]
    call    turn_enter
    xor     eax, eax
.back:
    mov     rdx, [gs:L_THREAD]
    mov     qword [rdx + T_PARKED], 0
    pop     rbp
    ret

; As thread_switch. `to` may have given the CPU away by thread_park_many, in this env or another.
thread_switch_many:
    SWITCH
    xor     eax, eax
    ret

; As those of sigframe.asm. What they do in one go there, the long way does here: others may be sending signals.
gate_sigreturn_many:
    inc     dword [gs:U_CRIT]
    OPEN_KEYS
    mov     rbx, rsp
    mov     rsp, [gs:L_STACK]
    sub     rsp, CALL_BYTES
    TURN_ENTER
    jmp     sigreturn_many
lx_rt_sigreturn_many:
    mov     rbx, [gs:L_STACK]
    mov     rbx, [rbx - T_RSP]
sigreturn_many:
    mov     rdi, [gs:L_STACK]
    lea     rsp, [rdi - CALL_BYTES]
    lea     rdi, [rdi - REGS_BYTES]
    mov     rsi, rbx
    xor     ebp, ebp
    call    sigreturn_long
    add     rsp, CALL_BYTES - REGS_BYTES
    jmp     resume
