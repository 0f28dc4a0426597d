/*
 * smallest.S: two programs as small as there can be, as ELF files of one page, for processes.c to write out and run.
 *
 * exiting   ends at once, by the `syscall` instruction wherever it runs.
 * forking   forks `forking_count` children that end at once, waits for each, and writes the ticks it took to descriptor 1. Its calls
 *           are made as this benchmark makes them: by the gate when linked, else by the instruction.
 */
#define BASE 0x400000
#define SYS_write 1
#define SYS_fork 57
#define SYS_wait4 61
#define SYS_exit_group 231
#define GATE_SYSCALL 0x7d7fc0000010    /* struct exos_gate, exos/gate.h */

.macro elf_file begin, end
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .word 2, 62                         /* an executable for x86-64 */
    .long 1
    .quad BASE + 120, 64, 0             /* entry, program header, no sections */
    .long 0
    .word 64, 56, 1, 0, 0, 0
    .long 1, 5                          /* PT_LOAD, read and execute */
    .quad 0, BASE, BASE, \end - \begin, \end - \begin, 0x1000
.endm

/* The call `number` with its first argument in r13, its second in r14 and its third in r15; the fourth is 0. Only rax changes in what is used here. */
.macro call_system number
#ifdef __exos__
    movl $\number, %edi
    movq %r13, %rsi
    movq %r14, %rdx
    movq %r15, %rcx
    xorl %r8d, %r8d
    movabsq $GATE_SYSCALL, %rax
    call *(%rax)
#else
    movl $\number, %eax
    movq %r13, %rdi
    movq %r14, %rsi
    movq %r15, %rdx
    xorl %r10d, %r10d
    syscall
#endif
.endm

.macro ticks_to register
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    movq %rax, \register
.endm

    .section .rodata
    .globl exiting, exiting_end, forking, forking_end, forking_count
exiting:
    elf_file exiting, exiting_end
    xorl %edi, %edi
    movl $SYS_exit_group, %eax
    syscall
exiting_end:

    .balign 8
forking:
    elf_file forking, forking_end
    subq $32, %rsp                      /* the seventh argument at (rsp), the result at 8(rsp), the status at 16(rsp) */
    movq $0, (%rsp)
    movq forking_count(%rip), %rbx
    ticks_to %r12
again:
    call_system SYS_fork
    testl %eax, %eax
    jz child
    movslq %eax, %r13
    leaq 16(%rsp), %r14
    xorl %r15d, %r15d
    call_system SYS_wait4
    cmpl %r13d, %eax
    jne failed
    cmpl $0, 16(%rsp)
    jne failed
    decq %rbx
    jnz again
    ticks_to %r13
    subq %r12, %r13
    movq %r13, 8(%rsp)
    movl $1, %r13d
    leaq 8(%rsp), %r14
    movl $8, %r15d
    call_system SYS_write
child:
    xorl %r13d, %r13d
    call_system SYS_exit_group
failed:
    movl $1, %r13d
    call_system SYS_exit_group
    .balign 8
forking_count:
    .quad 0
forking_end:

    .section .note.GNU-stack, "", @progbits
