/*
 * space.c: address spaces: a PML4 frame and the table of capabilities that all envs in it use.
 *
 * Holds:    the table of spaces. A space is free, alive, or dying (being swept, nothing may be bound to it any more).
 * Locks:    none: spaces come and go, and their capabilities change, in calls that are alone in the kernel (turn.c).
 * Not here: the entries below the PML4 (pt.c).
 */
#include "core/space.h"
#include "arch/x86_64/arch.h"
#include "core/account.h"
#include "core/env.h"
#include "core/frame.h"
#include "core/pt.h"
#include "core/trace.h"
#include "dev/dev.h"

static struct space table[SPACE_MAX];
uint64_t space_epoch = 1;       /* no binding is from epoch 0 */

void
space_init(void)
{
    uint64_t bytes = SPACE_MAX * sizeof(struct aeg_space_info);
    struct aeg_space_info *space_info = frame_map(frame_boot_alloc((bytes + FRAME_SIZE - 1) >> FRAME_SHIFT));

    info->spaces = (struct aeg_table){ info_expose(space_info, bytes), SPACE_MAX, sizeof(*space_info) };
    for (uint32_t i = 0; i < SPACE_MAX; i++)
        table[i].info = &space_info[i];
}

struct space *
space_current(void)
{
    return this_cpu()->env->space;
}

aeg_id_t
space_current_id(void)
{
    return space_current()->id;
}

struct space *
space_at(uint32_t index)
{
    return &table[index];
}

struct space *
space_find(aeg_id_t id)
{
    uint32_t index = AEG_ID_INDEX(id);

    return index < SPACE_MAX && id != 0 && table[index].id == id ? &table[index] : NULL;
}

aeg_err_t
space_control(aeg_id_t id, uint32_t cap, struct space **out)
{
    struct space *s = space_find(id);
    aeg_err_t err;

    if (!s)
        return AEG_ERR_SPACE;
    err = space_cap_check(space_current(), cap, s->guard, AEG_RIGHT_CONTROL);
    if (err == AEG_OK && s->dying)
        err = AEG_ERR_DEAD;
    if (err == AEG_OK)
        *out = s;
    return err;
}

aeg_err_t
space_add_cap(struct space *s, const struct aeg_cap *cap, uint64_t *index)
{
    for (uint32_t i = 0; i < AEG_CAP_MAX; i++) {
        if (s->cap[i].rights == 0) {
            s->cap[i] = *cap;
            s->mask[i] = name_mask(cap->length);
            *index = i;
            return AEG_OK;
        }
    }
    return AEG_ERR_CAP_FULL;
}

struct space *
space_make(aeg_frame_t pml4, struct aeg_name guard, uint32_t account)
{
    for (uint32_t i = 0; i < SPACE_MAX; i++) {
        struct space *s = &table[i];

        if (s->id != 0 || s->next_generation == UINT32_MAX)     /* an id is never given out twice */
            continue;
        uint32_t generation = s->next_generation + 1;
        struct aeg_space_info *si = s->info;
        memset(s, 0, sizeof(*s));
        s->info = si;
        s->next_generation = generation;
        s->guard = guard;
        s->account = account;
        s->pml4 = pml4;
        frame_become_node(pml4, 4, 0);
        frame_at(pml4)->refs = 1;
        pt_init_root(pml4);
        s->id = AEG_ID(i, generation);
        *si = (struct aeg_space_info){ .id = s->id, .guard = guard, .pml4 = pml4, .account = account };
        trace(AEG_TRACE_SPACE_MADE, s->id, pml4);
        return s;
    }
    return NULL;
}

aeg_err_t
sys_space_create(struct sys_args *args)
{
    struct aeg_account_info *account = account_find(args->a[0]);
    aeg_frame_t pml4 = args->a[3];
    struct aeg_cap cap, guard;
    struct space *s;
    aeg_err_t err;

    if (!account)
        return AEG_ERR_ACCOUNT;
    err = cap_copy(args->a[1], &cap);
    if (err == AEG_OK)
        err = cap_copy(args->a[2], &guard);
    if (err != AEG_OK)
        return err;
    if (!cap_allows(&cap, account->guard, AEG_RIGHT_WRITE))
        return AEG_ERR_CAP_DENIED;
    err = frame_bind(pml4, &cap, AEG_RIGHT_WRITE);
    if (err != AEG_OK)
        return err;
    frame_unbind(pml4);
    if (frame_at(pml4)->refs != 0)
        return AEG_ERR_FRAME_BUSY;
    if (frame_nodes >= FRAME_NODES_MAX)
        return AEG_ERR_NOMEM;
    err = account_take(account, AEG_KIND_SPACE, 1);
    if (err != AEG_OK)
        return err;
    s = space_make(pml4, guard.name, AEG_ID_INDEX(account->id));
    if (!s) {
        account_give(account, AEG_KIND_SPACE, 1);
        return AEG_ERR_NOMEM;
    }
    args->value = s->id;
    return AEG_OK;
}

/* Frames whose entries one call of space_destroy clears. */
#define DESTROY_STEP 1024

struct space *
space_paid(uint32_t account)
{
    for (uint32_t i = 0; i < SPACE_MAX; i++)
        if (table[i].id != 0 && table[i].account == account && &table[i] != space_current())
            return &table[i];
    return NULL;
}

bool
space_destroy_step(struct space *s)
{
    space_epoch++;
    if (!s->dying) {
        s->dying = true;
        memset(s->cap, 0, sizeof(s->cap));
        env_destroy_all(s);
        blockq_release_space(s->id);
    }
    if (!ring_release_space(s->id) || !pt_sweep(s->pml4, &s->sweep_rest, DESTROY_STEP))
        return false;
    frame_leave_node(s->pml4);
    frame_unref(s->pml4);
    account_give(account_at(s->account), AEG_KIND_SPACE, 1);
    trace(AEG_TRACE_SPACE_GONE, s->id, s->pml4);
    s->id = 0;
    s->info->id = 0;
    return true;
}

aeg_err_t
sys_space_destroy(struct sys_args *args)
{
    struct space *s = space_find(args->a[0]);
    aeg_err_t err;

    if (!s)
        return AEG_ERR_SPACE;
    err = cap_check(args->a[1], s->guard, AEG_RIGHT_CONTROL);
    if (err != AEG_OK)
        return err;
    if (s == space_current())
        return AEG_ERR_NOT_READY;
    return space_destroy_step(s) ? AEG_OK : AEG_ERR_AGAIN;
}
