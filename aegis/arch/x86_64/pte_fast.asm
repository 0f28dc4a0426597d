; pte_fast.asm: pte_set without a C frame: the entries that nothing stands in the place of (benchmark rows `pte_set, ...`).
;
; Holds:    what core/pte_fast.c says, compare for compare, up to the first entry that does not pass or cannot be read or written; from there
;           sys_pte_set goes on, told how many are set. An entry is: read, checked, the old one written back, the new one stored, counted; a
;           fault comes before the store, so that nothing is half done. Nothing else runs meanwhile (one CPU, interrupts off), and what is not
;           present the processor does not change: a plain store is enough. A single entry may also give other rights to the frame that
;           stands there, or take it away, where no other TLB is to be told; that one the processor may change: it is exchanged.
; Budgets:  60 instructions and 20 for each entry, the caller's own and `syscall` among them.
; Not here: replacing, emptying, another node, the reasons (core/).

%include "arch/x86_64/asm_offsets.inc"
%include "arch/x86_64/smap.inc"

bits 64
default rel

extern sys_pte_set
extern own_call_return
extern space_epoch
extern frame_table
extern frame_count
extern tlb_elsewhere
global pte_set_entry

%define VECTOR_TOP (USER_TOP - VECTOR_MAX * PTE_OP_SIZE)

%macro MAY_FAULT 1                  ; the next instruction's fault goes on at %1
%%at:
[section .extable]
    dq %%at, %1
__?SECT?__
%endmacro

; The entry at rdi, which was rcx, becomes rsi; what it was, accessed and dirty bits and all, goes to the vector at rdx.
%macro EXCHANGE 0
%%again:
    MAY_FAULT .one_left
    mov [rdx + PTE_OP_PTE], rcx
    xchg rax, rcx
    lock cmpxchg [rdi], rsi
    xchg rax, rcx
    jne %%again
%endmacro

; The translation of the page that the entry at rdi is for goes. rdi is lost.
%macro FLUSH_PAGE 0
    sub rdi, [rax + BINDING_TABLE]
    shl rdi, 9
    add rdi, [rax + BINDING_BASE]
    invlpg [rdi]
%endmacro

section .extable alloc noexec nowrite align=8
section .smap_sites alloc noexec nowrite align=8
section .rodata
align 8
vector_top:
    dq VECTOR_TOP

section .text

; As at syscall_entry, GS being the kernel's. rdi and rsi are what the binding remembers, so they need no other place.
align 64
pte_set_entry:
    mov [gs:CPU_SCRATCH], rsp
    mov rsp, [gs:CPU_KERNEL_RSP]
    mov rax, [gs:CPU_SPACE]
    cmp [rax + BINDING_SPACE_ID], rdi
    jne .all
    cmp [rax + BINDING_CAPS], rsi
    jne .all
    mov rdi, [space_epoch]
    cmp [rax + BINDING_EPOCH], rdi
    jne .all_named
    cmp rdx, [vector_top]
    ja .all_named
    cmp r10, 1
    ja .many
    jb .all_named
    push rcx
    STAC
    MAY_FAULT .one_left
    mov rdi, [rdx]
    sub rdi, [rax + BINDING_BASE]
    ror rdi, 12
    cmp rdi, PT_ENTRIES
    jae .one_left
    MAY_FAULT .one_left
    mov rsi, [rdx + PTE_OP_PTE]
    mov r10, [rax + BINDING_TABLE]
    lea rdi, [r10 + rdi * 8]
    mov r10, [rax + BINDING_MINUS_FLAGS]
    add r10, rsi
    ror r10, 12
    cmp r10, [frame_count]
    jae .one_unlike
.one_frame:
    lea r10, [r10 + r10 * 4]
    shl r10, 3
    add r10, [frame_table]
    mov rcx, [r10 + FRAME_BASE]
    cmp rcx, [rax + BINDING_MARK]
    jne .one_left
    mov rcx, [rdi]
    test cl, PTE_P
    jnz .one_there
    MAY_FAULT .one_left
    mov [rdx + PTE_OP_PTE], rcx
    mov [rdi], rsi
    inc dword [r10 + FRAME_REFS]
    CLAC
    mov rcx, [rax + BINDING_NODE]
    inc dword [rcx + FRAME_LIVE]
.one_done:
    mov rdi, [rax + BINDING_SPACE_ID]
    mov rsi, [rax + BINDING_CAPS]
    mov r10d, 1
    mov edx, r10d
    xor eax, eax
    pop rcx
    mov rsp, [gs:CPU_SCRATCH]
    swapgs
    o64 sysret

; Other bits than those that were allowed last, or no entry at all.
.one_unlike:
    test rsi, rsi
    jz .one_empty
    lea r10, [rsi - PTE_P]
    test r10, [rax + BINDING_STOP_BITS]
    jnz .one_left
    mov r10, rsi
    shl r10, 12
    shr r10, 24
    cmp r10, [frame_count]
    jb .one_frame
    jmp .one_left

; rcx: what stands there. Other rights to the same frame: as many references as before.
.one_there:
    mov r10, rcx
    xor r10, rsi
    shl r10, 12
    shr r10, 24
    jnz .one_left
    cmp byte [tlb_elsewhere], 0
    jne .one_left
    EXCHANGE
    FLUSH_PAGE
    CLAC
    jmp .one_done

.one_empty:
    mov rcx, [rdi]
    test cl, PTE_P
    jz .one_left
    cmp byte [tlb_elsewhere], 0
    jne .one_left
    mov r10, rcx
    shl r10, 12
    shr r10, 24
    lea r10, [r10 + r10 * 4]
    shl r10, 3
    add r10, [frame_table]
    mov rsi, [r10 + FRAME_BASE]
    cmp rsi, [rax + BINDING_MARK]   ; an orphan has none
    mov esi, 0
    jne .one_left
    EXCHANGE
    FLUSH_PAGE
    dec dword [r10 + FRAME_REFS]
    CLAC
    mov rcx, [rax + BINDING_NODE]
    dec dword [rcx + FRAME_LIVE]
    jmp .one_done

.one_left:
    CLAC
    pop rcx
    mov rsi, [rax + BINDING_CAPS]
    mov r10d, 1
.all_named:
    mov rdi, [rax + BINDING_SPACE_ID]
.all:
    xor eax, eax
; rax entries are set; all other registers but rsp are the caller's.
.rest:
    push qword [gs:CPU_SCRATCH]
    push rcx
    push r11
    push rax                        ; struct sys_args, as own_call pushes it
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
    mov rdi, rsp
    call sys_pte_set
    jmp own_call_return

; rdx: end of the vector; r10: bytes from there to the entry, negative; rdi: the node; rsi: minus_flags; r8: mark; r9: frame table;
; [rsp + SAVED]: base.
%define SAVED 48
%macro ENTRY 1                      ; the entry %1 places on
.entry%1:
    MAY_FAULT .left%1
    mov rcx, [rdx + r10 + %1 * PTE_OP_SIZE]
    sub rcx, [rsp + SAVED]
    ror rcx, 12
    cmp rcx, PT_ENTRIES
    jae .left%1
    MAY_FAULT .left%1
    mov rax, [rdx + r10 + %1 * PTE_OP_SIZE + PTE_OP_PTE]
    lea r11, [rax + rsi]
    ror r11, 12
    cmp r11, [frame_count]
    jae .left%1
    lea r11, [r11 + r11 * 4]        ; FRAME_INFO_SIZE is 5 * 8
    cmp [r9 + r11 * 8 + FRAME_BASE], r8
    jne .left%1
    mov rbx, [rdi + rcx * 8]
    test bl, PTE_P
    jnz .left%1
    MAY_FAULT .left%1
    mov [rdx + r10 + %1 * PTE_OP_SIZE + PTE_OP_PTE], rbx
    mov [rdi + rcx * 8], rax
    inc dword [r9 + r11 * 8 + FRAME_REFS]
%endmacro

align 16
.many:
    cmp r10, VECTOR_MAX
    ja .all_named
    push qword [rax + BINDING_BASE]
    push r10
    push rcx
    push r11
    push r8
    push r9
    push rbx
    mov rdi, [rax + BINDING_TABLE]
    mov rsi, [rax + BINDING_MINUS_FLAGS]
    mov r8, [rax + BINDING_MARK]
    mov r9, [frame_table]
    shl r10, 4
    add rdx, r10
    neg r10
    mov eax, r10d                   ; the first turn begins in the middle when the count is no multiple of 4
    and eax, 3 * PTE_OP_SIZE
    sub r10, rax
    STAC
    jmp [abs .first + rax]

align 16
.turn:
    ENTRY 0
    ENTRY 1
    ENTRY 2
    ENTRY 3
    add r10, 4 * PTE_OP_SIZE
    jnz .turn
    CLAC
    pop rbx
    pop r9
    pop r8
    pop r11
    pop rcx
    pop r10
    mov rdi, [gs:CPU_SPACE]
    mov rsi, [rdi + BINDING_CAPS]
    mov rax, [rdi + BINDING_NODE]
    mov rdi, [rdi + BINDING_SPACE_ID]
    add [rax + FRAME_LIVE], r10d
    mov rdx, r10
    xor eax, eax
    mov rsp, [gs:CPU_SCRATCH]
    swapgs
    o64 sysret

.left3:
    add r10, PTE_OP_SIZE
.left2:
    add r10, PTE_OP_SIZE
.left1:
    add r10, PTE_OP_SIZE
.left0:
    CLAC
    mov rax, r10
    sar rax, 4
    pop rbx
    pop r9
    pop r8
    pop r11
    pop rcx
    pop r10
    add rsp, 8
    add rax, r10
    mov rdi, r10
    shl rdi, 4
    sub rdx, rdi
    mov rdi, [gs:CPU_SPACE]
    mov rsi, [rdi + BINDING_CAPS]
    test eax, eax
    jz .none_set                    ; there may be no node in hand
    mov rdi, [rdi + BINDING_NODE]
    add [rdi + FRAME_LIVE], eax
    mov rdi, [gs:CPU_SPACE]
.none_set:
    mov rdi, [rdi + BINDING_SPACE_ID]
    jmp .rest

section .rodata
align 16
pte_set_entry.first:
    dq pte_set_entry.entry0, 0, pte_set_entry.entry1, 0, pte_set_entry.entry2, 0, pte_set_entry.entry3, 0
