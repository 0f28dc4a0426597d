/* gate.c: a server in an env of its own, entered by protected control transfer. */
#include <aegis/uenv.h>

#include "example.h"

static struct aeg_uenv server_uenv __attribute__((aligned(4096)));
static uint8_t server_stack[4096] __attribute__((aligned(16)));
static aeg_frame_t server_save;
static aeg_id_t server;

/* example: pct_reply_wait */
/*
 * The server has no loop of its own: each message comes in at its gate, with the words in registers, and leaves with the reply. Here the
 * answer in rbx is the sum of rbx and r8. The first time there is nobody to reply to.
 */
extern char server_gate[], server_start[];
__asm__(".text\n"
        "server_gate:\n"                /* rdi: who sent it; rsi: AEG_GATE_CALL or AEG_GATE_SEND */
        "    add %r8, %rbx\n"
        "server_start:\n"
        "    xor %edi, %edi\n"          /* no notification ends the wait */
        "    mov $-1, %rsi\n"           /* nor does a deadline */
        "    mov $0xAE600000 + 40, %eax\n"      /* AEG_SYS_pct_reply_wait */
        "    syscall\n"
        "    ud2\n");
_Static_assert(AEG_SYS_pct_reply_wait == 0xAE600000u + 40, "the number above");
/* end */

/* example: gate */
static void
start_server(void)
{
    struct aeg_env_args args = {
        .uenv_frame = frame_of(&server_uenv),
        .save_frame = server_save = take_frame(),
        .uenv_va = (uintptr_t)&server_uenv,
        .rip = (uintptr_t)server_start,
        .rsp = (uintptr_t)(server_stack + sizeof(server_stack)),
    };

    must(aeg_env_create(self.account, CAP_SELF, CAP_SELF, self.space, &args, &server), "env_create");
    server_uenv.gate_entry = (uintptr_t)server_gate;
    must(aeg_yield(server, CAP_SELF), "yield");         /* it goes into its gate */
}
/* end */

/* example: pct_call */
static uint64_t
add(uint64_t a, uint64_t b)
{
    struct aeg_message m = { .rbx = a, .r8 = b };

    must(aeg_pct_call(server, CAP_SELF, AEG_WAIT_FOREVER, &m), "pct_call");
    return m.rbx;
}
/* end */

/* example: pct_send */
/*
 * One way: nobody waits for an answer, and the sender goes on when it is given the CPU again. The server had what was left of the slice:
 * if that was too little it is not in its gate yet, and is given more.
 */
static void
tell(uint64_t word)
{
    struct aeg_message m = { .rbx = word };
    aeg_err_t err;

    must(aeg_pct_send(server, CAP_SELF, &m), "pct_send");
    err = aeg_yield(server, CAP_SELF);
    expect(err == AEG_OK || err == AEG_ERR_NOT_READY, "the server has had its time");
}
/* end */

/* example: pct_reply */
/* With no message in hand there is nobody to answer. */
static void
answer_nobody(void)
{
    struct aeg_message m = { .rbx = 1 };

    expect(aeg_pct_reply(&m) == AEG_ERR_NOT_READY, "a reply needs a caller");
}
/* end */

/* example: gate_open */
/* Whoever has WRITE over `name` may enter our gate, and may do nothing else with us. */
static void
open_gate(uint32_t name)
{
    must(aeg_gate_open(name), "gate_open");
}
/* end */

int
main(void)
{
    uint64_t name;

    setvbuf(stdout, NULL, _IONBF, 0);
    find_self();
    memset(&server_uenv, 0, sizeof(server_uenv));
    memset(server_stack, 0, sizeof(server_stack));
    start_server();
    expect(add(40, 2) == 42, "the server adds");
    expect(add(1ull << 40, 1) == (1ull << 40) + 1, "and is in its gate again");
    tell(7);
    expect(add(1, 1) == 2, "a message without reply leaves it there too");
    answer_nobody();
    must(aeg_cap_forge(CAP_SELF, 0, AEG_RIGHT_ALL, &name), "cap_forge");
    open_gate((uint32_t)name);
    open_gate(CAP_SELF);
    must(aeg_cap_drop((uint32_t)name), "cap_drop");
    must(aeg_env_destroy(server, CAP_SELF), "env_destroy");
    give_frame(server_save);
    return 0;
}
