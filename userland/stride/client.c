/*
 * client.c: envs of our own space that compute, each with its UENV, stacks and save frame. They run when we yield to them and at no other
 * time; a slice that ends in one comes back to us by its upcall, and the next slice is ours.
 */
#include <string.h>

#include "aegis/info.h"
#include "aegis/sys.h"
#include "aegis/uenv.h"
#include "stride.h"
#include "upcall.h"

#define CAP_SELF 0                  /* the session's own principal */
#define STACK_BYTES 4096

static struct client {
    struct aeg_uenv uenv __attribute__((aligned(4096)));
    uint8_t stack[STACK_BYTES], handler_stack[STACK_BYTES] __attribute__((aligned(16)));
    struct job job;
    aeg_id_t env;
    aeg_frame_t save;
} clients[CLIENTS_MAX];

static const volatile struct aeg_env_info *
env_info(aeg_id_t env)
{
    return aeg_info_entry(&AEG_INFO->envs, AEG_ID_INDEX(env));
}

static aeg_id_t
own_env(void)
{
    uint64_t gs;

    __asm__ volatile("rdgsbase %0" : "=r"(gs));
    return ((const struct aeg_uenv *)(uintptr_t)gs)->env_id;
}

static aeg_frame_t
frame_of(const void *p)
{
    uint64_t entry = *(const volatile uint64_t *)(uintptr_t)aeg_window_entry((uint64_t)(uintptr_t)p, 1);

    return (entry & AEG_PTE_ADDR) >> AEG_FRAME_SHIFT;
}

static aeg_err_t
env_make(struct client *c)
{
    const volatile struct aeg_env_info *self = env_info(own_env());
    const volatile struct aeg_account_info *account = aeg_info_entry(&AEG_INFO->accounts, self->account);
    struct aeg_env_args args = {
        .uenv_frame = frame_of(&c->uenv),
        .uenv_va = (uintptr_t)&c->uenv,
        .rip = (uintptr_t)client_start,
        .rsp = (uintptr_t)(c->stack + STACK_BYTES),
        .arg = { (uintptr_t)&c->job },
    };
    uint64_t done;
    aeg_err_t err = aeg_frame_alloc(account->id, CAP_SELF, CAP_SELF, 1, &c->save, &done);

    if (err != AEG_OK)
        return err;
    c->save &= ~AEG_FRAME_ZERO;
    args.save_frame = c->save;
    return aeg_env_create(account->id, CAP_SELF, CAP_SELF, self->space, &args, &c->env);
}

unsigned
client_make(unsigned i, uint64_t limit)
{
    struct client *c = &clients[i];

    memset(c, 0, sizeof(*c));       /* all of it is present from now on */
    (void)*(const volatile char *)(uintptr_t)client_start;
    c->job = (struct job){ .limit = limit, .scheduler = own_env() };
    *(uint64_t *)(void *)c->uenv.library = (uintptr_t)&c->job;
    c->uenv.slice_entry = (uintptr_t)client_slice_end;
    c->uenv.frame[0].handler_rsp = (uintptr_t)(c->handler_stack + STACK_BYTES);
    return env_make(c);
}

uint64_t
client_run(unsigned i)
{
    const volatile struct aeg_env_info *e = env_info(clients[i].env);
    uint64_t before = e->run_tsc;

    if (aeg_yield(clients[i].env, CAP_SELF) != AEG_OK || e->state != AEG_ENV_READY)
        return UINT64_MAX;
    return e->run_tsc - before;
}

uint64_t
client_work(unsigned i)
{
    return clients[i].job.work;
}

void
clients_end(void)
{
    uint64_t done;

    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        if (clients[i].env != 0)
            (void)!aeg_env_destroy(clients[i].env, CAP_SELF);
        if (clients[i].save != 0)
            (void)!aeg_frame_free(CAP_SELF, &clients[i].save, 1, &done);
    }
}
