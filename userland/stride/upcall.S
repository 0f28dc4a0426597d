/*
 * upcall.S: the loop of a client, and the upcall that takes the CPU from it. Smaller than a page and aligned to its size, so that all of it is
 * present when one byte is: a client has no pager.
 */
    .intel_syntax noprefix
    .text

#define CAP_SELF 0
#define SYS_YIELD (0xAE600000 + 19)
#define U_DEPTH gs:0
#define F_RIP gs:0x118
#define F_RSP gs:0x120
#define F_RFLAGS gs:0x128
#define F_RCX gs:0x130
#define F_R11 gs:0x138
#define L_JOB gs:0x800
#define L_RSP gs:0x808
#define J_WORK 0
#define J_LIMIT 8
#define J_SCHEDULER 16
#define RED_ZONE 128

    .balign 512
    .globl client_start
client_start:
    mov rbx, rdi
.Lturn:
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov r12, rax
.Lwork:
    inc qword ptr [rbx + J_WORK]
    cmp qword ptr [rbx + J_LIMIT], 0
    je .Lwork
    rdtsc
    shl rdx, 32
    or rax, rdx
    sub rax, r12
    cmp rax, [rbx + J_LIMIT]
    jb .Lwork
    mov rdi, [rbx + J_SCHEDULER]
    mov esi, CAP_SELF
    mov eax, SYS_YIELD
    syscall
    jmp .Lturn

/*
 * The kernel enters here on frame[0].handler_rsp, with rcx and r11 in the frame and every other register the client's. A yield keeps rbx, rbp,
 * r12-r15 and the stack. The way back lies on the client's own stack, below its red zone, before depth goes back to 0: the next upcall may
 * come at any instruction after that.
 */
    .globl client_slice_end
client_slice_end:
    push rax
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    sub rsp, 8 + 512
    fxsave64 [rsp]
    mov rax, L_JOB
    mov rdi, [rax + J_SCHEDULER]
    mov esi, CAP_SELF
    mov eax, SYS_YIELD
    syscall
    fxrstor64 [rsp]
    add rsp, 8 + 512
    mov rax, F_RSP
    sub rax, RED_ZONE + 16
    mov rdx, F_RFLAGS
    mov [rax], rdx
    mov rdx, F_RIP
    mov [rax + 8], rdx
    mov L_RSP, rax
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rax
    mov rcx, F_RCX
    mov r11, F_R11
    mov rsp, L_RSP
    dec dword ptr U_DEPTH
    popfq
    ret RED_ZONE

    .section .note.GNU-stack, "", @progbits
