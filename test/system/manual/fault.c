/* fault.c: a program that handles its own page fault, without the library and without a second entry into the kernel. */
#include <aegis/uenv.h>

#include "example.h"

/* example: uenv */
/*
 * The kernel enters here on frame[0].handler_rsp. rcx and r11 are in the frame, every other register is the program's. The way back is
 * ours alone: flags, stack and rip from the frame, no kernel.
 */
extern char fault_entry[];
__asm__(".text\n"
        "fault_entry:\n"
        "    push %rax\n    push %rdx\n    push %rsi\n    push %rdi\n    push %r8\n    push %r9\n    push %r10\n"
        "    sub $8 + 512, %rsp\n"
        "    fxsave64 (%rsp)\n"
        "    call on_fault\n"
        "    fxrstor64 (%rsp)\n"
        "    add $8 + 512, %rsp\n"
        "    pop %r10\n    pop %r9\n    pop %r8\n    pop %rdi\n    pop %rsi\n    pop %rdx\n    pop %rax\n"
        "    mov %gs:0x138, %r11\n"     /* frame[0].r11 */
        "    mov %gs:0x130, %rcx\n"
        "    pushq %gs:0x128\n"         /* rflags */
        "    decl %gs:0\n"              /* depth: the frame is free again, and crit keeps upcalls away */
        "    popfq\n"
        "    mov %gs:0x120, %rsp\n"
        "    jmp *%gs:0x118\n");

static uint8_t handler_stack[4096] __attribute__((aligned(16)));
static aeg_frame_t spare;
static unsigned faults;

/* A page of zeroes where something was touched: a pager in one line. */
__attribute__((used)) void
on_fault(void)
{
    faults++;
    set_entry(self.space, self.uenv->frame[0].cr2 & ~(PAGE - 1), spare << AEG_FRAME_SHIFT | PAGE_RW);
}

static void
touch_nothing(void)
{
    volatile struct aeg_uenv *u = self.uenv;
    uint64_t library_entry = u->fault_entry, library_stack = u->frame[0].handler_rsp;

    u->crit++;                          /* no asynchronous upcall while our handler stands in the library's place */
    u->fault_entry = (uintptr_t)fault_entry;
    u->frame[0].handler_rsp = (uintptr_t)(handler_stack + sizeof(handler_stack));
    *(volatile uint64_t *)EXAMPLE_VA = 42;      /* nothing is mapped there */
    u->fault_entry = library_entry;
    u->frame[0].handler_rsp = library_stack;
    u->crit--;
}
/* end */

int
main(void)
{
    find_self();
    add_nodes(self.space, EXAMPLE_VA);
    spare = take_frame();
    memset(handler_stack, 1, sizeof(handler_stack));    /* present before the library's handler is away */
    self.uenv->frame[0].cr2 = EXAMPLE_VA;
    on_fault();                                         /* and so is the code */
    set_entry(self.space, EXAMPLE_VA, 0);
    touch_nothing();
    expect(faults == 2 && *(volatile uint64_t *)EXAMPLE_VA == 42, "the store was repeated in the page that the handler made");
    set_entry(self.space, EXAMPLE_VA, 0);
    give_frame(spare);
    remove_nodes(self.space, EXAMPLE_VA);
    return 0;
}
