/*
 * path.S: the measured paths that cannot be written in C.
 *
 * While one of them runs, an entry point of our own UENV points here instead of into the library, with the critical counter raised so that
 * no upcall of the library comes in between. All is put back before the return.
 */
#define SYS_NULL 0xAE600000
#define SYS_YIELD 0xAE600013
#define SYS_PCT_CALL 0xAE600025
#define SYS_PCT_REPLY_WAIT 0xAE600028
#define WAIT_FOREVER -1
#define LINUX_GETPID 39

#define U_DEPTH 0
#define U_CRIT 4
#define U_FAULT_ENTRY 0x10
#define U_FOREIGN_ENTRY 0x20
#define F_RIP 0x118
#define F_RSP 0x120
#define F_RFLAGS 0x128
#define F_HANDLER_RSP 0x140

    .intel_syntax noprefix
    .section .note.GNU-stack,"",@progbits
    .text

/* The stamp is the rdtsc; what follows it is counted with the path, in path_nothing too. */
.macro STAMP to
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov \to, rax
.endm

    .globl path_nothing
path_nothing:
    STAMP r8
    STAMP r9
    mov rax, r9
    sub rax, r8
    ret

    .globl path_null
path_null:
    STAMP r8
    mov eax, SYS_NULL
    syscall
    STAMP r9
    mov rax, r9
    sub rax, r8
    ret

    .globl path_bounce
path_bounce:
    mov rsi, [rdi + U_FOREIGN_ENTRY]
    lea rax, [rip + bounce_landed]
    mov [rdi + U_FOREIGN_ENTRY], rax
    STAMP r8
    mov eax, LINUX_GETPID
    syscall
    ud2
bounce_landed:
    STAMP r9
    mov [rdi + U_FOREIGN_ENTRY], rsi
    dec dword ptr [rdi + U_CRIT]
    mov rax, r9
    sub rax, r8
    ret

/* rdi: UENV; rbx: where the handler lets the program go on. Leaves the old entries in r12 and r13. */
.macro TAKE_FAULTS resume
    push rbx
    push r12
    push r13
    mov r12, [rdi + U_FAULT_ENTRY]
    mov r13, [rdi + F_HANDLER_RSP]
    lea rax, [rip + handler]
    mov [rdi + U_FAULT_ENTRY], rax
    lea rax, [rip + handler_stack_top]
    mov [rdi + F_HANDLER_RSP], rax
    lea rbx, [rip + \resume]
    inc dword ptr [rdi + U_CRIT]
.endm

.macro GIVE_FAULTS_BACK
    mov [rdi + U_FAULT_ENTRY], r12
    mov [rdi + F_HANDLER_RSP], r13
    dec dword ptr [rdi + U_CRIT]
    pop r13
    pop r12
    pop rbx
.endm

    .globl path_fault
path_fault:
    mov r10, rdx
    TAKE_FAULTS fault_over
    STAMP r8
    mov byte ptr [rsi], 0
    ud2
fault_over:
    STAMP rcx
    GIVE_FAULTS_BACK
    sub rcx, r8
    mov [r10], rcx
    mov rax, r9
    sub rax, r8
    ret

    .globl path_undefined
path_undefined:
    mov r10, rsi
    TAKE_FAULTS undefined_over
    STAMP r8
    ud2
undefined_over:
    STAMP rcx
    GIVE_FAULTS_BACK
    sub rcx, r8
    mov [r10], rcx
    mov rax, r9
    sub rax, r8
    ret

/* Every register but rcx, r11 and rsp is the program's. Resumes at rbx without the kernel: flags by popfq, the rest by a return. */
handler:
    STAMP r9
    mov rsp, [rdi + F_RSP]
    push rbx
    push qword ptr [rdi + F_RFLAGS]
    dec dword ptr [rdi + U_DEPTH]
    popfq
    ret

    .globl path_peer
path_peer:
    mov eax, SYS_YIELD
    mov rdi, [rip + path_peer_target]
    xor esi, esi
    syscall
    jmp path_peer

/* rdi: env in its gate; rsi: where to put the ticks until the gate was entered. Returns those until the reply was here. */
    .globl path_pct
path_pct:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push rsi
    xor esi, esi
    mov rdx, WAIT_FOREVER
    mov rbx, rdx
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov r8, rax
    mov rdx, rbx
    mov eax, SYS_PCT_CALL
    syscall
    mov ebx, eax
    STAMP r13
    pop rsi
    sub r12, r8
    mov [rsi], r12
    sub r13, r8
    mov rax, -1
    test ebx, ebx
    cmovz rax, r13
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

/* Another env: replies with the time at which it was entered, in r12. */
    .globl path_server
path_server:
    xor edi, edi
    mov rsi, WAIT_FOREVER
    mov eax, SYS_PCT_REPLY_WAIT
    syscall
    ud2
    .globl path_server_gate
path_server_gate:
    STAMP r12
    jmp path_server

    .bss
    .globl path_peer_target
path_peer_target:
    .skip 8
    .balign 16
    .skip 4096
handler_stack_top:
