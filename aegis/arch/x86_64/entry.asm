; entry.asm: the ways from a program into the kernel and back.
;
; Holds:    system calls, the bounce of foreign ones, the fault upcall, interrupts, and the two ways an env is entered again.
; Budgets:  foreign bounce 12 instructions, page fault to the library's handler 35, null call 40 (aegis-bench measures them).
; Rules:    interrupts are off from the first instruction to the last. GS is the kernel's between the two swapgs. NMI, #DF and #MC may
;           come anywhere; they trust neither GS nor rsp (stubs.asm).
; Not here: what a call does (core/), where the IDT points (stubs.asm).

%include "arch/x86_64/asm_offsets.inc"
%include "arch/x86_64/registers.inc"
%include "arch/x86_64/smap.inc"
%include "arch/x86_64/fsgsbase.inc"

bits 64
default rel

extern sys_table
extern sys_table_count
extern sys_entry
extern pte_set_entry
extern env_yield
extern env_wait
extern env_pct_call
extern env_pct_send
extern env_pct_reply
extern env_pct_reply_wait
extern env_stop
extern exception_kernel
extern interrupt_dispatch
extern interrupt_dozing
extern interrupt_exit
extern interrupt_from_idle
extern vector_state_mask
extern vector_state_init
extern fsgsbase_emulate

global syscall_entry
global foreign_call
global own_call_all
global own_call_return
global page_fault_entry
global exception_common
global invalid_opcode_entry
global invalid_opcode_emulating_entry
global interrupt_common
global sys_yield
global sys_wait
global sys_pct_call
global sys_pct_send
global sys_pct_reply
global sys_pct_reply_wait
global env_enter_call
global env_enter_message
global env_enter_saved
global mxcsr_initial
global user_selectors_clear
global vector_state_reset
global vector_state_save
global vector_state_load
global fs_base_read
global gs_base_user_read

%define NUMBER_OF_EAX (0x100000000 - SYS_BASE)  ; adding it modulo 2^32 takes SYS_BASE away
%define VECTOR_UD 6
%define VECTOR_PF 14
%define VECTOR_FOREIGN 0x103

section .base_sites alloc noexec nowrite align=8
section .rodata
align 4
mxcsr_initial:
    dd 0x1f80                       ; vector.c
section .text

; ---- system calls -------------------------------------------------------------------------------------------------------------------
; rax number, rdi rsi rdx r10 r8 r9 arguments, rcx return address, r11 flags. Numbers below SYS_BASE are another kernel's: they go to the
; library in the same space, which finds the return address in its UENV.
align 64
syscall_entry:
    swapgs
    cmp eax, SYS_BASE
    jae own_call
foreign_call:
    mov r11, [gs:CPU_UENV]
    mov [r11 + UENV_FOREIGN_RIP], rcx
    inc dword [r11 + UENV_CRIT]
    mov rcx, [r11 + UENV_FOREIGN_ENTRY]
    cmp rcx, [gs:CPU_USER_TOP]
    jae foreign_bad
    mov r11d, USER_RFLAGS
    swapgs
    o64 sysret

foreign_bad:
    mov rsp, [gs:CPU_KERNEL_RSP]
    mov edi, VECTOR_FOREIGN
    mov rsi, [r11 + UENV_FOREIGN_RIP]
    xor edx, edx
    call env_stop
    ud2

align 16
own_call:
    cmp eax, SYS_PTE_SET
    je pte_set_entry
    add eax, NUMBER_OF_EAX
    cmp rax, [sys_table_count]
    jae not_own_call
    jmp [sys_entry + rax * 8]

; The way of most calls. eax: the number, less SYS_BASE.
align 16
own_call_all:
    mov [gs:CPU_SCRATCH], rsp
    mov rsp, [gs:CPU_KERNEL_RSP]
    push qword [gs:CPU_SCRATCH]
    push rcx
    push r11
    push 0                          ; struct sys_args: value, then the arguments downwards
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
    mov rdi, rsp
    call [sys_table + rax * 8]
own_call_return:
    pop rdi
    pop rsi
    add rsp, 8
    pop r10
    pop r8
    pop r9
    pop rdx
    pop r11
    pop rcx                         ; canonical: the last page of the user half is never mapped
    pop rsp
    swapgs
    o64 sysret

not_own_call:
    sub eax, NUMBER_OF_EAX
    jmp foreign_call

; These need what a C function keeps: pushed as struct callee_saved behind the arguments. They return only when nothing was
; switched.
%macro switching_call 2
%1:
    push r15
    push r14
    push r13
    push r12
    push rbp
    push rbx
    mov rsi, rsp
    sub rsp, 8                      ; 16-byte alignment
    call %2
    add rsp, 8 + 48
    ret
%endmacro

switching_call sys_yield, env_yield
switching_call sys_wait, env_wait
switching_call sys_pct_call, env_pct_call
switching_call sys_pct_send, env_pct_send
switching_call sys_pct_reply, env_pct_reply
switching_call sys_pct_reply_wait, env_pct_reply_wait

; ---- exceptions ---------------------------------------------------------------------------------------------------------------------
; Stack: [vector] [error] rip cs rflags rsp ss. The next frame of the UENV takes what the way to the handler destroys; all other registers
; reach the handler as they were.
%macro fault_upcall 2               ; 1: the vector, 0 when it is on the stack; 2: bytes of the error there
    mov [gs:CPU_SCRATCH], rcx
    mov [gs:CPU_SCRATCH + 8], r11
    mov r11, [gs:CPU_UENV]
    mov ecx, [r11 + UENV_DEPTH]
    cmp ecx, 8
    jae %%stop
    inc dword [r11 + UENV_DEPTH]
    shl ecx, UFRAME_SHIFT
    lea r11, [r11 + rcx + UENV_FRAME]
%if %1
    mov qword [r11 + UFRAME_VECTOR], %1
%else
    pop qword [r11 + UFRAME_VECTOR]
%endif
%if %2
    pop qword [r11 + UFRAME_ERROR]
%else
    mov qword [r11 + UFRAME_ERROR], 0
%endif
    pop qword [r11 + UFRAME_RIP]
    pop rcx
    pop qword [r11 + UFRAME_RFLAGS]
    pop qword [r11 + UFRAME_RSP]
%if %1 == VECTOR_PF
    mov rcx, cr2
    mov [r11 + UFRAME_CR2], rcx
%else
    mov qword [r11 + UFRAME_CR2], 0 ; cr2 may hold another program's address
%endif
    mov rcx, [gs:CPU_SCRATCH]
    mov [r11 + UFRAME_RCX], rcx
    mov rcx, [gs:CPU_SCRATCH + 8]
    mov [r11 + UFRAME_R11], rcx
    mov rsp, [r11 + UFRAME_HANDLER_RSP]
    mov r11, [gs:CPU_UENV]
    mov rcx, [r11 + UENV_FAULT_ENTRY]
    cmp rcx, [gs:CPU_USER_TOP]
    jae %%bad_entry
    cmp rsp, [gs:CPU_USER_TOP]
    jae %%bad_entry
    mov r11d, USER_RFLAGS
    swapgs
    o64 sysret
%%bad_entry:
    mov edi, VECTOR_PF
    mov rsi, rcx
    jmp %%end
%%stop:
%if %1
    mov edi, %1
    mov rsi, [rsp + %2]
%else
    mov rdi, [rsp]
    mov rsi, [rsp + 8 + %2]
%endif
%%end:
    xor edx, edx
%if %1 == VECTOR_PF
    mov rdx, cr2
%endif
    cld                             ; the program's direction flag is not the kernel's
    mov rsp, [gs:CPU_KERNEL_RSP]
    CLAC
    call env_stop
    ud2
%endmacro

align 64
page_fault_entry:
    test byte [rsp + 16], 3
    jz page_fault_kernel
    swapgs
    fault_upcall VECTOR_PF, 8

page_fault_kernel:
    push VECTOR_PF
    jmp exception_in_kernel

align 16
exception_common:
    test byte [rsp + 24], 3
    jz exception_in_kernel
    swapgs
    fault_upcall 0, 8

; A fix-up of copy_in or copy_out, or a bug of ours.
exception_in_kernel:
    push_all
    cld
    CLAC
    mov rdi, rsp
    mov rbp, rsp
    and rsp, -16
    call exception_kernel
    mov rsp, rbp
    pop_all
    add rsp, 16
    iretq

; #UD, straight from the descriptor table as page faults are: what a program puts where it wants to be called.
align 16
invalid_opcode_entry:
    test byte [rsp + 8], 3
    jz .kernel
    swapgs
    fault_upcall VECTOR_UD, 0
.kernel:
    push 0
    push VECTOR_UD
    jmp exception_in_kernel

; The same on a CPU without FSGSBASE: the program may mean one of its instructions, and goes on behind it when it did.
align 16
invalid_opcode_emulating_entry:
    push 0
    push VECTOR_UD
    test byte [rsp + 24], 3
    jz exception_in_kernel
    swapgs
    push_all
    cld
    CLAC
    mov rdi, rsp
    call fsgsbase_emulate
    test al, al
    pop_all
    swapgs
    jz exception_common
    add rsp, 16
    iretq

; ---- interrupts ---------------------------------------------------------------------------------------------------------------------
; From an env: its registers go to the kernel stack, and the return may be turned into an upcall or another env. From the kernel: it was
; idle, and looks for work afresh, or it dozed, and goes on (nowhere else are interrupts on).
align 16
interrupt_common:
    test byte [rsp + 24], 3
    jz interrupt_idle
    swapgs
    push_all
    cld
    CLAC
    mov edi, [rsp + TRAP_VECTOR]
    call interrupt_dispatch
    mov rdi, rsp
    call interrupt_exit
    pop_all
    swapgs
    add rsp, 16
    iretq

interrupt_idle:
    cmp byte [gs:CPU_DOZES], 0
    jne interrupt_in_kernel
    mov edi, [rsp]
    mov rsp, [gs:CPU_KERNEL_RSP]
    cld
    call interrupt_dispatch
    mov rsp, [gs:CPU_KERNEL_RSP]
    call interrupt_from_idle
    ud2

interrupt_in_kernel:
    push_all
    cld
    mov edi, [rsp + TRAP_VECTOR]
    mov rbp, rsp
    and rsp, -16
    call interrupt_dozing
    mov rsp, rbp
    pop_all
    add rsp, 16
    iretq

; ---- entering an env ----------------------------------------------------------------------------------------------------------------
; env_enter_call(rdi: struct resume): it gave up the CPU by a call, or is new. Registers that are no message are cleared.
align 16
env_enter_call:
    mov rax, [rdi + 13 * 8]
    BASE_OF_RAX wrfsbase
    mov rax, [rdi + 14 * 8]
    swapgs
    BASE_OF_RAX wrgsbase
    mov rbx, [rdi + 0 * 8]
    mov rbp, [rdi + 1 * 8]
    mov r12, [rdi + 2 * 8]
    mov r13, [rdi + 3 * 8]
    mov r14, [rdi + 4 * 8]
    mov r15, [rdi + 5 * 8]
    mov rsp, [rdi + 6 * 8]
    mov rcx, [rdi + 7 * 8]
    mov r11, [rdi + 8 * 8]
    mov rax, [rdi + 9 * 8]
    mov rdx, [rdi + 10 * 8]
    mov rsi, [rdi + 12 * 8]
    mov rdi, [rdi + 11 * 8]
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    o64 sysret

; env_enter_message(rdi: struct resume, rsi: struct callee_saved, rdx: struct call_frame): the registers of the call that led here are a
; message to the env: rbx rbp r8 r9 r10 r12-r15 and the vector registers. How arithmetic behaves is not: MXCSR, the x87 unit and protection
; keys are as after any switch. rdi and rsi are in struct resume, rax and rdx zero.
align 16
env_enter_message:
    ldmxcsr [mxcsr_initial]
    fninit
    test dword [vector_state_mask], XCR0_PKRU
    jz .open
    mov r9, rdx
    xor ecx, ecx
    rdpkru
    test eax, eax
    jz .were_open
    xor eax, eax
    wrpkru
.were_open:
    mov rdx, r9
.open:
    mov rax, [rdi + 13 * 8]
    BASE_OF_RAX wrfsbase
    mov rax, [rdi + 14 * 8]
    swapgs
    BASE_OF_RAX wrgsbase
    mov r10, [rdx + 3 * 8]
    mov r8, [rdx + 4 * 8]
    mov r9, [rdx + 5 * 8]
    mov rbx, [rsi + 0 * 8]
    mov rbp, [rsi + 1 * 8]
    mov r12, [rsi + 2 * 8]
    mov r13, [rsi + 3 * 8]
    mov r14, [rsi + 4 * 8]
    mov r15, [rsi + 5 * 8]
    mov rsp, [rdi + 6 * 8]
    mov rcx, [rdi + 7 * 8]
    mov r11, [rdi + 8 * 8]
    xor eax, eax
    xor edx, edx
    mov rsi, [rdi + 12 * 8]
    mov rdi, [rdi + 11 * 8]
    o64 sysret

; env_enter_saved(rdi: struct save_area): it was forced out. Everything comes back; rip and rsp may be any, so the way is iretq.
align 16
env_enter_saved:
    mov rsp, [gs:CPU_KERNEL_RSP]
    push USER_DS
    push qword [rdi + SAVE_RSP]
    push qword [rdi + SAVE_RFLAGS]
    push USER_CS
    push qword [rdi + SAVE_RIP]
    mov rax, [rdi + SAVE_FS_BASE]
    BASE_OF_RAX wrfsbase
    mov rax, [rdi + SAVE_GS_BASE]
    swapgs
    BASE_OF_RAX wrgsbase
    mov rax, [rdi + SAVE_RAX]
    mov rbx, [rdi + SAVE_RBX]
    mov rcx, [rdi + SAVE_RCX]
    mov rdx, [rdi + SAVE_RDX]
    mov rsi, [rdi + SAVE_RSI]
    mov rbp, [rdi + SAVE_RBP]
    mov r8, [rdi + SAVE_R8]
    mov r9, [rdi + SAVE_R9]
    mov r10, [rdi + SAVE_R10]
    mov r11, [rdi + SAVE_R11]
    mov r12, [rdi + SAVE_R12]
    mov r13, [rdi + SAVE_R13]
    mov r14, [rdi + SAVE_R14]
    mov r15, [rdi + SAVE_R15]
    mov rdi, [rdi + SAVE_RDI]
    iretq

; user_selectors_clear(): on the way into another space. Data segments mean nothing in 64-bit mode, but a program can load null selectors
; of four kinds, or its stack's, and read them back. Both bases are lost here (Intel SDM vol. 3A, 3.4.4; AMD keeps them): they are loaded
; later in any case.
align 16
user_selectors_clear:
    mov eax, ds
    mov ecx, es
    mov edx, fs
    mov esi, gs
    or eax, ecx
    or edx, esi
    or eax, edx
    jnz .some
    ret
.some:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    swapgs
    mov gs, eax
    swapgs
    ret

; ---- vector state (XSAVE, Intel SDM vol. 1, 13; without it FXSAVE, 10.5) ----------------------------------------------------------------
; AMD's CPUs leave the x87 instruction and data pointers alone when the state that is loaded has no exception pending: fninit clears them.
align 16
vector_state_load:
    fninit
    jmp vector_state_fill
vector_state_reset:
    lea rdi, [vector_state_init]
vector_state_fill:
    mov eax, [vector_state_mask]
    mov edx, [vector_state_mask + 4]
    test eax, eax
    jz .sse_alone
    xrstor64 [rdi]
    ret
.sse_alone:
    fninit
    fxrstor64 [rdi]
    ret

vector_state_save:
    mov eax, [vector_state_mask]
    mov edx, [vector_state_mask + 4]
    test eax, eax
    jz .sse_alone
    xsave64 [rdi]
    ret
.sse_alone:
    fxsave64 [rdi]
    ret

fs_base_read:
    BASE_OF_RAX rdfsbase
    ret

; The user's GS base lies in the MSR that swapgs exchanges with while the kernel's is in use.
gs_base_user_read:
    mov ecx, 0xc0000102             ; IA32_KERNEL_GS_BASE
    rdmsr
    shl rdx, 32
    or rax, rdx
    ret
