/*
 * entry.S: the two ways into the library: the first instruction of its env, and the fault upcall.
 *
 * Whoever resumes a program does it here, in ring 3: flags, stack and rip come from the UENV's frame, the kernel is not asked.
 */
#define U_DEPTH 0
#define F_RIP 0x118             /* of frame[0] (the offsets that uenv.h asserts) */
#define F_RSP 0x120
#define F_RFLAGS 0x128
#define F_RCX 0x130
#define F_R11 0x138

    .intel_syntax noprefix
    .section .note.GNU-stack,"",@progbits
    .text

/* With a stack, user GS base at the UENV, and in edi and rsi what tiny_main takes; the kernel gives the first env zeroes. */
    .globl tiny_start
tiny_start:
    xor ebp, ebp
    call tiny_main
    ud2

/* On frame[0].handler_rsp; rcx and r11 are in the frame, all other registers are the program's. C code here uses no vector registers. */
    .globl tiny_fault
tiny_fault:
    push rax
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    sub rsp, 8
    cld
    call fault_main
    add rsp, 8
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rax
    mov r11, gs:[F_R11]
    mov rcx, gs:[F_RCX]
    push qword ptr gs:[F_RFLAGS]
    dec dword ptr gs:[U_DEPTH]  /* the frame may be used again: no upcall comes between, crit being raised */
    popfq
    mov rsp, gs:[F_RSP]
    jmp qword ptr gs:[F_RIP]
