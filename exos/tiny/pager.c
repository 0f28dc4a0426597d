/*
 * pager.c: demand-zero memory: the whole of this library's virtual memory.
 *
 * Holds:    [HEAP_BASE, HEAP_BASE + HEAP_BYTES): a page appears when it is first touched. Any other fault ends the machine with a report.
 * Not here: taking pages away again. A library under pressure would look at the accessed bits, in the window on its page tables.
 */
#include "tiny.h"

static aeg_id_t space, account;
static uint64_t faults;
static uint8_t handler_stack[2 * AEG_FRAME_SIZE] __attribute__((aligned(16)));

extern char tiny_fault[];
void fault_main(void);

static aeg_frame_t
take_frame(void)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    if (aeg_frame_alloc(account, SELF, SELF, 1, &frame, &done) != AEG_OK) {
        print("tiny: out of memory\n");
        over(BAD);
    }
    return frame;
}

/* example: tiny-map */
/* Binds a frame at va; page-table nodes come when the kernel says that there are none. */
static aeg_err_t
map(uint64_t va, aeg_frame_t frame)
{
    struct aeg_pte_op op = { va, (frame & ~AEG_FRAME_ZERO) << AEG_FRAME_SHIFT | AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX };
    aeg_err_t err;
    uint64_t done;

    err = aeg_pte_set(space, AEG_CAPS(SELF, SELF), &op, 1, &done);
    if (err != AEG_ERR_NO_NODE)
        return err;
    for (unsigned level = 3; level >= 1; level--) {
        uint64_t base = va & ~((1ull << (12 + 9 * level)) - 1);

        if (*(volatile uint64_t *)aeg_window_entry(va, level + 1) & AEG_PTE_P)
            continue;
        err = aeg_pt_attach(space, AEG_CAPS(SELF, SELF), base, level | AEG_ATTACH_WRITE, take_frame() & ~AEG_FRAME_ZERO);
        if (err != AEG_OK)
            return err;
    }
    return aeg_pte_set(space, AEG_CAPS(SELF, SELF), &op, 1, &done);
}
/* end */

static _Noreturn void
report(const volatile struct aeg_uframe *f)
{
    print("tiny: vector ");
    print_number(f->vector, 10);
    print(" at rip ");
    print_number(f->rip, 16);
    print(", address ");
    print_number(f->cr2, 16);
    print(": nothing is there\n");
    over(BAD);
}

/* example: tiny-fault */
/* entry.S calls this for every exception, on the handler stack; the program resumes where it was when it returns. */
void
fault_main(void)
{
    const volatile struct aeg_uframe *f = &UENV->frame[0];
    uint64_t va = f->cr2 & ~(PAGE - 1);
    aeg_frame_t frame;

    if (f->vector != 14 || va - HEAP_BASE >= HEAP_BYTES)
        report(f);
    faults++;
    frame = take_frame();
    if (map(va, frame) != AEG_OK)
        report(f);
    if (!(frame & AEG_FRAME_ZERO))      /* it was ours before, and holds what we left there */
        for (uint64_t i = 0; i < PAGE / 8; i++)
            ((volatile uint64_t *)va)[i] = 0;
}
/* end */

uint64_t
pager_faults(void)
{
    return faults;
}

/* example: tiny-self */
/* Who we are and who pays for us: the kernel left our id in the UENV, and the window tells the rest. */
void
pager_init(void)
{
    const volatile struct aeg_env_info *self = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(UENV->env_id));
    const volatile struct aeg_account_info *payer = aeg_info_entry(&AEG_INFO->accounts, self->account);

    space = self->space;
    account = payer->id;
    UENV->frame[0].handler_rsp = (uint64_t)(handler_stack + sizeof(handler_stack));
    UENV->crit = 1;                     /* one flow of control: no upcall but faults */
    UENV->fault_entry = (uint64_t)tiny_fault;
}
/* end */
