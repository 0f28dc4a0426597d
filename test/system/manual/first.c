/*
 * first.c: a first program on Aegis, whole: it maps a frame, carves a slot, binds a filter and calls a gate. Nothing but the manual was
 * needed to write it.
 */
/* example: first-program */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aegis/block.h>
#include <aegis/info.h>
#include <aegis/net.h>
#include <aegis/sys.h>
#include <aegis/uenv.h>

enum { CAP_SELF, CAP_CONSOLE, CAP_POWER, CAP_CPU, CAP_NIC, CAP_DISK };  /* what every process of ExOS holds, and where */
#define VA (100ull << 39)               /* a PML4 slot that ExOS gives to nobody */
#define RW (AEG_PTE_P | AEG_PTE_U | AEG_PTE_W | AEG_PTE_NX)

static aeg_id_t own_env, own_space, own_account;

static void
must(aeg_err_t err, const char *what)
{
    if (err == AEG_OK)
        return;
    printf("%s: error %u\n", what, err);        /* errors.md says what it means */
    exit(1);
}

/* The kernel left our id in the UENV, which GS points at; the window tells the rest. */
static void
find_self(void)
{
    const volatile struct aeg_env_info *env;
    uint64_t gs;

    __asm__("rdgsbase %0" : "=r"(gs));
    own_env = ((struct aeg_uenv *)gs)->env_id;
    env = aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(own_env));
    own_space = env->space;
    own_account = ((const volatile struct aeg_account_info *)aeg_info_entry(&AEG_INFO->accounts, env->account))->id;
}

static aeg_frame_t
new_frame(void)
{
    aeg_frame_t frame = 0;
    uint64_t done;

    must(aeg_frame_alloc(own_account, CAP_SELF, CAP_SELF, 1, &frame, &done), "frame_alloc");
    return frame & ~AEG_FRAME_ZERO;
}

/* 1. A frame at VA. The way there needs three page-table nodes, and they are frames of ours, too. */
static void
map_a_frame(void)
{
    struct aeg_pte_op op = { VA, new_frame() << AEG_FRAME_SHIFT | RW };
    uint64_t done;

    for (unsigned level = 3; level >= 1; level--)
        must(aeg_pt_attach(own_space, AEG_CAPS(CAP_SELF, CAP_SELF), VA, level | AEG_ATTACH_WRITE, new_frame()), "pt_attach");
    must(aeg_pte_set(own_space, AEG_CAPS(CAP_SELF, CAP_SELF), &op, 1, &done), "pte_set");
    *(volatile uint64_t *)VA = 42;
    printf("a frame at %llx holds %d\n", VA, (int)*(volatile uint64_t *)VA);
}

/* 2. A slot of 1 MiB out of the first partition of a disk that has a slot table. Its guard lasts beyond a reboot, as our fresh name does not. */
static void
carve_a_slot(void)
{
    aeg_id_t partition = 0, slot;
    aeg_err_t err;

    for (uint32_t i = 0; i < AEG_INFO->slots.count && partition == 0; i++) {
        const volatile struct aeg_slot_info *s = aeg_info_entry(&AEG_INFO->slots, i);

        if (s->id != 0 && !(s->flags & (AEG_SLOT_TABLE | AEG_SLOT_WHOLE | AEG_SLOT_CARVED)))
            partition = s->id;
    }
    do
        err = aeg_slot_carve(own_account, AEG_CAPS3(CAP_DISK, CAP_DISK, CAP_SELF), partition, 4096, 2048, 0, &slot);
    while (err == AEG_ERR_AGAIN);       /* its table is on its way to the disk */
    must(err, "slot_carve");
    do
        err = aeg_slot_free(slot, CAP_DISK, 0);
    while (err == AEG_ERR_AGAIN);
    must(err, "slot_free");
    printf("a slot came and went\n");
}

/* 3. Packets of an EtherType of our own, into a ring in five frames of ours. They are touched first, or they would not be there yet. */
static void
bind_a_filter(void)
{
    static uint8_t page[AEG_RING_FRAMES][AEG_FRAME_SIZE] __attribute__((aligned(4096)));
    struct aeg_filter f = { .term_count = 1, .term = { AEG_ATOM(12, 2, 0xffff, 0x88b5) } };
    struct aeg_ring_args args = { .env = own_env, .nic = 0 };
    aeg_id_t ring, filter;

    for (unsigned i = 0; i < AEG_RING_FRAMES; i++) {
        memset(page[i], 0, sizeof(page[i]));
        args.frames[i] = (*(uint64_t *)aeg_window_entry((uint64_t)page[i], 1) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
    }
    must(aeg_ring_create(own_account, CAP_SELF, CAP_SELF, &args, &ring), "ring_create");
    must(aeg_filter_bind(ring, CAP_SELF, CAP_NIC, &f, &filter), "filter_bind");
    printf("packets of type 88b5 are ours\n");
    must(aeg_ring_destroy(ring, CAP_SELF), "ring_destroy");     /* the filter goes with it */
}

/* 4. A second env in our space, whose gate doubles what comes in rbx. */
extern char gate[], start[];
__asm__("gate:  add %rbx, %rbx\n"
        "start: xor %edi, %edi\n"
        "       mov $-1, %rsi\n"
        "       mov $0xAE600000 + 40, %eax\n"   /* AEG_SYS_pct_reply_wait: answers, and waits for the next */
        "       syscall\n"
        "       ud2\n");

static void
call_a_gate(void)
{
    struct aeg_uenv *uenv = (struct aeg_uenv *)VA;      /* the frame of step 1 */
    struct aeg_env_args args = { .uenv_va = VA, .save_frame = new_frame(), .rip = (uint64_t)start, .rsp = VA + 4096 };
    struct aeg_message m = { .rbx = 21 };
    aeg_id_t server;

    memset(uenv, 0, sizeof(*uenv));
    args.uenv_frame = (*(uint64_t *)aeg_window_entry(VA, 1) & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
    must(aeg_env_create(own_account, CAP_SELF, CAP_SELF, own_space, &args, &server), "env_create");
    uenv->gate_entry = (uint64_t)gate;
    must(aeg_yield(server, CAP_SELF), "yield");         /* it runs until it waits in its gate */
    must(aeg_pct_call(server, CAP_SELF, AEG_WAIT_FOREVER, &m), "pct_call");
    printf("the gate says %d\n", (int)m.rbx);
    must(aeg_env_destroy(server, CAP_SELF), "env_destroy");
}

int
main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    find_self();
    map_a_frame();
    carve_a_slot();
    bind_a_filter();
    call_a_gate();
    return 0;                           /* what is left is the session's, and goes with the process or with it */
}
/* end */
